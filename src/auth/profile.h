#pragma once
/* A profile: one WorkOS environment plus one person. Two kinds: confidential (an API
 * key is in the store) and public (client ID only) */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/profile_fields.h"
#include "base/secret.h"

/* The list that the agent keeps in $XDG_STATE_HOME/keyfob/profiles and that clients read without an
 * agent. Line 1 is "keyfob-profiles 2". Every other line has, between tabs: id,
 * name, default (0/1), state, expires_at, organization ID, organization name, client_id, e-mail,
 * person's name, environment, method, last use, has a git host (0/1). No secrets. The lists of
 * version 1 are still read. They have id, name, default, state, expires_at, organization ID,
 * client_id and, not always, the git host; their states are translated. */
typedef struct kf_profile_row {
    char id[17], name[65], state[16], organization_id[96], client_id[96];
    char organization_name[256], email[256], user_name[256], environment[16], method[64];
    bool is_default, has_git_host;
    int64_t expires_at;   /* of the access token, unix s, 0 = none */
    int64_t last_used_at; /* unix s, 0 = not known */
} kf_profile_row;
#define KF_PROFILE_INDEX_MAX (16u << 20)
/* *rows: heap array, caller frees. A damaged line is an error naming its number;
 * KF_ERR_STORE_NEWER: the list has a later version, and must not be replaced. */
KF_CHECK bool kf_profile_index_parse(const char *text, size_t len, kf_profile_row **rows, size_t *n,
                                     kf_err *err);
/* The caller frees. NULL: it would be larger than the maximum. Controls become '?'. */
char *kf_profile_index_print(const kf_profile_row *rows, size_t n);

typedef enum kf_client_id_source {
    KF_CLIENT_ID_OPTION,
    KF_CLIENT_ID_PROFILE,
    KF_CLIENT_ID_ENV,
    KF_CLIENT_ID_NONE
} kf_client_id_source;
/* Option, then profile, then WORKOS_CLIENT_ID. Empty strings count as absent. */
kf_client_id_source kf_profile_client_id(const char *option, const char *profile, const char *env,
                                         const char **out);
const char *kf_client_id_source_name(
    kf_client_id_source s); /* "--client-id", "profile", "WORKOS_CLIENT_ID", "none" */

/* The address that WORKOS_API_HOSTNAME, WORKOS_API_HTTPS ("true", "false", "1", "0") and
 * WORKOS_API_PORT mean to WorkOS's own libraries (WORKOS.md §10.1), normalised; caller frees.
 * NULL and true: none of them is set (NULL or ""). */
KF_CHECK bool kf_profile_env_origin(const char *hostname, const char *https, const char *port,
                                    char **norm, kf_err *err);

/* "production" (sk_live_), "staging" (sk_test_), "localhost" (loopback origin), else "". key may be
 * NULL. */
const char *kf_profile_environment(const char *origin, const kf_secret *key);
bool kf_api_key_looks_ok(const kf_secret *key); /* sk_..., printable, at most 256 */
/* The same; it is going to be a header. what: where it is from, for the error. */
KF_CHECK bool kf_api_key_check(const kf_secret *key, const char *what, kf_err *err);
