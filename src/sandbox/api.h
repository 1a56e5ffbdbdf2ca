#pragma once
/* The endpoints beside authenticate: users, sessions, factors, memberships, keys
 * (workos-api.md §6, §7, §11). The caller holds the lock. */
#include "sandbox/state.h"

kf_answer kf_api_challenge(kf_sandbox *s, const kf_call *c); /* POST /auth/factors/{id}/challenge */
kf_answer kf_api_user(kf_sandbox *s, const kf_call *c);      /* GET /user_management/users/{id} */
kf_answer kf_api_sessions(kf_sandbox *s, const kf_call *c);  /* GET .../users/{id}/sessions */
kf_answer kf_api_revoke(kf_sandbox *s, const kf_call *c);    /* POST .../sessions/revoke */
kf_answer kf_api_logout(kf_sandbox *s, const kf_call *c);    /* GET .../sessions/logout */
kf_answer kf_api_memberships(kf_sandbox *s,
                             const kf_call *c);         /* GET .../organization_memberships */
kf_answer kf_api_jwks(kf_sandbox *s, const kf_call *c); /* GET /sso/jwks/{id} */
