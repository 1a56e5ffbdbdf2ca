#pragma once
/* The claims of an access token (JWT, WORKOS.md §7.4), read without trust: nothing
 * here checks a signature, and nothing that shows them may call them verified. */
#include <stddef.h>
#include <stdint.h>
#include "base/json.h"

typedef struct kf_claims {
    char sub[96], sid[96], org_id[96], client_id[96], role[96], iss[256], jti[64];
    int64_t iat, exp; /* unix seconds; 0 = absent */
    size_t n_permissions;
} kf_claims;

/* False (KF_ERR_NET_BAD_ANSWER) if it is no JWT of at most 32 KiB whose payload is an object with
 * a whole-number exp, or if sub, org_id or client_id is longer than its field or not visible ASCII.
 * A sid like that is "": nothing can be ended by it, and the token is good. role, iss and jti only
 * show: they are cut to their fields. A missing claim is "", a missing iat 0. */
KF_CHECK bool kf_claims_read(const char *jwt, size_t len, kf_claims *out, kf_err *err);
/* Whether a token whose signature is right may be used now by client_id: exp, nbf, iss, aud and
 * client_id, as far as they are there (WORKOS.md §7.4). An aud is compared only when it names
 * clients, because templates may put anything there. False: KF_ERR_WORKOS_TOKEN_INVALID. */
KF_CHECK bool kf_claims_judge(const kf_json *payload, const char *client_id, int64_t now_s,
                              kf_err *err);
/* The payload itself, for showing every claim. Caller frees. NULL: err. */
kf_json *kf_claims_json(const char *jwt, size_t len, kf_err *err);
