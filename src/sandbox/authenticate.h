#pragma once
/* POST /user_management/authenticate: the grants of WORKOS.md §1 that exist here,
 * with its errors. Decides; the caller holds the lock and does the talking. */
#include "sandbox/state.h"

/* The grant's short name for statistics and faults: "password", "refresh_token",
 * "mfa-totp", "organization-selection"; "other" for one that does not exist here. */
const char *kf_grant_name(const kf_json *body);
kf_answer kf_authenticate(kf_sandbox *s, const kf_call *call);
