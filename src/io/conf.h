#pragma once
/* keyfob.conf (INI, GKeyFile): read and written by the agent alone. Comments and
 * unknown keys are kept. A file with a syntax error is reported with file and line
 * and never overwritten.
 *
 *   [keyfob]           default = NAME  store = auto|secret-service|vault|memory
 *                      store_picked = secret-service|vault  keepalive = 12h|never
 *                      proxy = URL  ca_file = PATH
 *                      on_sign_in_needed = COMMAND  (conf_keys.h has the table)
 *   [profile NAME]     id = 16 hex  client_id =  api_host = https://api.workos.com
 *                      organization_id =  redirect_port =  label =  confidential = true|false
 *                      git_host = host[:port];... (whom `git credential` may give its token to; each host in one profile) */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "base/err.h"
#include "base/secret.h"

typedef struct kf_conf kf_conf;

typedef struct kf_conf_profile { /* plain copies; "" = not set */
    char id[17], name[65];
    char client_id[72];
    char api_host[256];        /* normalised origin */
    char organization_id[72];
    char label[128];
    const char *git_host;      /* as kf_hosts_parse gives it; interned by conf.c, never NULL once read */
    int redirect_port;
    bool confidential;         /* an API key was stored for it */
} kf_conf_profile;

kf_conf *kf_conf_load(const char *path, kf_err *err); /* absent file: empty settings. NULL: KF_ERR_USAGE_CONFIG, "path:line: ..." */
/* The same from text, for what is not a file yet; path is for messages. Such settings are "changed on disk". */
kf_conf *kf_conf_parse(const char *path, const char *text, kf_err *err);
KF_CHECK bool kf_conf_read(const char *path, kf_secret **out, kf_err *err); /* its bytes; *out NULL: there is no file */
bool kf_conf_is_private(const kf_conf *c);            /* ours, and nobody else can change the file or put another in its place */
kf_conf *kf_conf_free(kf_conf *c);
bool kf_conf_changed_on_disk(const kf_conf *c);       /* mtime, size or inode differ from what was read */
/* Saving, in three parts, because the middle one waits for the disk: the text; writing it (atomic, fsync; touches no
 * kf_conf, so it may run on the worker); and noting that the file is ours again. */
char *kf_conf_text(const kf_conf *c);                 /* caller frees */
KF_CHECK bool kf_conf_write(const char *path, const char *text, kf_err *err);
void kf_conf_written(kf_conf *c);

const char *kf_conf_get(const kf_conf *c, const char *key);            /* [keyfob]; NULL if not set; borrowed */
void kf_conf_set(kf_conf *c, const char *key, const char *value);      /* NULL removes */
size_t kf_conf_profiles(const kf_conf *c, const kf_conf_profile **out); /* borrowed until the next change; in file order */
const kf_conf_profile *kf_conf_find(const kf_conf *c, const char *name_or_id);
const kf_conf_profile *kf_conf_find_git_host(const kf_conf *c, const char *host); /* exactly; NULL: none has it */
KF_CHECK bool kf_conf_put(kf_conf *c, const kf_conf_profile *p, kf_err *err); /* by id; renames when the name differs */
bool kf_conf_remove(kf_conf *c, const char *name_or_id);

KF_AUTO_DEFINE(kf_conf);
