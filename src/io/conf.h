#pragma once
/* keyfob.conf (INI, GKeyFile): read and written by the agent alone. Comments and
 * unknown keys are kept. A file with a syntax error is reported with file and line
 * and never overwritten.
 *
 *   [keyfob]           default = NAME  store = auto|secret-service|vault|memory
 *                      store_picked = secret-service|vault  keepalive = 12h|never
 *                      proxy = URL  ca_file = PATH
 *                      on_sign_in_needed = COMMAND  (conf_keys.h has the table)
 *   [profile NAME]     id = 16 hex  confidential = true|false, and the fields of
 *                      base/profile_fields.h; git_host = host[:port];... is whom `git credential`
 *                      may give its token to: each host in one profile */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "base/err.h"
#include "base/profile_fields.h"
#include "base/secret.h"

typedef struct kf_conf kf_conf;

/* An absent file gives empty settings. NULL: KF_ERR_USAGE_CONFIG, "path:line: ...". */
kf_conf *kf_conf_load(const char *path, kf_err *err);
/* The same from text, which may take the place of the file that path names now. */
kf_conf *kf_conf_parse(const char *path, const char *text, kf_err *err);
/* "path:line: [group] key means nothing; there are: ...", a line for each section and setting that
 * keyfob does not know, up to five; borrowed. NULL: it knew them all when the file was read. */
const char *kf_conf_unknown(const kf_conf *c);
KF_CHECK bool kf_conf_read(const char *path, kf_secret **out,
                           kf_err *err); /* its bytes; *out NULL: there is no file */
bool kf_conf_is_private(
    const kf_conf *c); /* ours, and nobody else can change the file or put another in its place */
kf_conf *kf_conf_free(kf_conf *c);
bool kf_conf_changed_on_disk(const kf_conf *c); /* mtime, size or inode differ from what was read */
/* c lacks a profile that known has (by id), or is empty and known is not. The file may be half
 * written. */
bool kf_conf_lacks(const kf_conf *c, const kf_conf *known);
char *kf_conf_text(const kf_conf *c); /* caller frees */

/* Every agent that changes the file holds this lock from reading to renaming. It is flock on the
 * directory of the file, which is made. A lock file beside it would be litter in a folder of
 * dotfiles, and one in the state directory would not exclude an agent that has another state
 * directory. Gives a descriptor for kf_lock_try and kf_lock_drop, or -1. */
int kf_conf_lock_open(const char *path, kf_err *err);
/* Replaces the file that c was read from with text (NULL: the settings of c). Atomic, with fsync,
 * so call it on the worker. 1: written. 0: the file was changed in the meantime, and nothing was
 * written. -1: err. */
int kf_conf_save(kf_conf *c, const char *text, kf_err *err);

const char *kf_conf_get(const kf_conf *c,
                        const char *key); /* [keyfob]; NULL if not set; borrowed */
void kf_conf_set(kf_conf *c, const char *key, const char *value); /* NULL removes */
size_t
kf_conf_profiles(const kf_conf *c,
                 const kf_conf_profile **out); /* borrowed until the next change; in file order */
const kf_conf_profile *kf_conf_find(const kf_conf *c, const char *name_or_id);
const kf_conf_profile *kf_conf_find_git_host(const kf_conf *c,
                                             const char *host); /* exactly; NULL: none has it */
KF_CHECK bool kf_conf_put(kf_conf *c, const kf_conf_profile *p,
                          kf_err *err); /* by id; renames when the name differs */
bool kf_conf_remove(kf_conf *c, const char *name_or_id);

KF_AUTO_DEFINE(kf_conf);
