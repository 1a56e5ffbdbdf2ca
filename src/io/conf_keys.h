#pragma once
/* What [keyfob] of keyfob.conf may hold: one table for reading, `keyfob config` and its messages.
 * And lines of the file, because GKeyFile names none. */
#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

typedef struct kf_conf_key {
    const char *name, *dflt, *help; /* dflt: what counts when it is not set; "" nothing */
    bool own;                       /* written by keyfob alone; no `config set` */
    bool (*ok)(const char *value);
    const char *must; /* what a good value is: "must be ..." */
} kf_conf_key;

const kf_conf_key *kf_conf_keys(size_t *n);
const kf_conf_key *kf_conf_key_find(const char *name); /* NULL: keyfob knows no such setting */

/* Number of the line that counts for the key (the last one), or of the group's own line when key is
 * NULL or not there; 0: not even the group is. */
size_t kf_conf_line_of(const char *text, const char *group, const char *key);
size_t kf_conf_bad_line(
    const char *text); /* the first that is neither [group], key = value nor # comment */
/* The part of a proxy's URL that may be shown: without user:password@. */
const char *kf_proxy_without_login(const char *url);
