#pragma once
/* What is inside of a sealed session (WORKOS.md §9): a session as the Node SDK keeps it, with
 * members in camelCase. Decides what goes in; crypt/seal.h seals it. */
#include "auth/session.h"

/* The JSON text; caller frees. with_refresh_token only when the session is handed over for good:
 * a renewal of it spends it. NULL: KF_ERR_WORKOS_NOT_SIGNED_IN (no access token or no user). */
kf_secret *kf_sealed_json(const kf_session *s, bool with_refresh_token, kf_err *err);
/* What somebody else sealed, looked into. */
typedef struct kf_sealed {
    kf_secret *access_token; /* owned */
    kf_json *user;           /* as it is there (camelCase); NULL none; owned */
    char organization_id[96], authentication_method[64];
    bool has_refresh_token;
} kf_sealed;
/* False: KF_ERR_USAGE_BAD (no JSON object, no access token). kf_sealed_done in any case but this.
 */
KF_CHECK bool kf_sealed_read(const kf_secret *json, kf_sealed *out, kf_err *err);
void kf_sealed_done(kf_sealed *s);
