#pragma once
/* The endpoints beside authenticate: users, sessions, factors, memberships, keys
 * (WORKOS.md §6, §7, §11). The caller holds the lock. */
#include "sandbox/state.h"

/* factors.c */
kf_answer kf_api_enroll(kf_sandbox *s, const kf_call *c);  /* POST .../users/{id}/auth_factors */
kf_answer kf_api_factors(kf_sandbox *s, const kf_call *c); /* GET .../users/{id}/auth_factors */
kf_answer kf_api_factor(kf_sandbox *s, const kf_call *c);  /* GET /auth/factors/{id} */
kf_answer kf_api_factor_delete(kf_sandbox *s, const kf_call *c); /* DELETE /auth/factors/{id} */
kf_answer kf_api_challenge(kf_sandbox *s, const kf_call *c); /* POST /auth/factors/{id}/challenge */
kf_answer kf_api_verify(kf_sandbox *s, const kf_call *c);    /* POST /auth/challenges/{id}/verify */
/* A new factor with its base32 secret and otpauth URI (heap). issuer, user NULL: the defaults;
 * key NULL: a random one. NULL: the account has too many. */
kf_factor *kf_factor_make(kf_account *a, const char *issuer, const char *user, const kf_totp *key,
                          char **secret, char **uri);
/* codes.c */
kf_answer kf_api_magic(kf_sandbox *s, const kf_call *c);     /* POST .../magic_auth */
kf_answer kf_api_magic_get(kf_sandbox *s, const kf_call *c); /* GET .../magic_auth/{id} */
kf_answer kf_api_verification(kf_sandbox *s,
                              const kf_call *c); /* GET .../email_verification/{id} */
kf_answer
kf_api_verification_send(kf_sandbox *s,
                         const kf_call *c); /* POST .../users/{id}/email_verification/send */
kf_answer
kf_api_verification_confirm(kf_sandbox *s,
                            const kf_call *c); /* POST .../users/{id}/email_verification/confirm */
kf_answer kf_api_reset(kf_sandbox *s, const kf_call *c);     /* POST .../password_reset */
kf_answer kf_api_reset_get(kf_sandbox *s, const kf_call *c); /* GET .../password_reset/{id} */
kf_answer kf_api_reset_confirm(kf_sandbox *s,
                               const kf_call *c);       /* POST .../password_reset/confirm */
kf_answer kf_api_mail(kf_sandbox *s, const kf_call *c); /* GET /sandbox/mail */
/* radar.c */
kf_answer kf_api_radar_get(kf_sandbox *s, const kf_call *c); /* GET .../radar_challenges/{id} */
kf_answer kf_api_radar(kf_sandbox *s, const kf_call *c);     /* POST .../radar_challenges */
/* invitations.c */
kf_answer kf_api_invitations(kf_sandbox *s, const kf_call *c); /* GET .../invitations */
kf_answer kf_api_invite(kf_sandbox *s, const kf_call *c);      /* POST .../invitations */
kf_answer kf_api_invitation(kf_sandbox *s, const kf_call *c);  /* GET .../invitations/{id} */
kf_answer kf_api_invitation_token(kf_sandbox *s,
                                  const kf_call *c); /* GET .../invitations/by_token/{id} */
kf_answer kf_api_invitation_revoke(kf_sandbox *s,
                                   const kf_call *c); /* POST .../invitations/{id}/revoke */
/* authorize.c, device.c */
kf_answer kf_api_authorize(kf_sandbox *s, const kf_call *c);      /* GET .../authorize */
kf_answer kf_api_authorize_post(kf_sandbox *s, const kf_call *c); /* POST .../authorize/{id} */
kf_answer kf_api_device(kf_sandbox *s, const kf_call *c);         /* POST .../authorize/device */
kf_answer kf_api_device_page(kf_sandbox *s, const kf_call *c);    /* GET /device */
kf_answer kf_api_device_post(kf_sandbox *s, const kf_call *c);    /* POST /device */
/* api.c */
kf_answer kf_api_user(kf_sandbox *s, const kf_call *c);     /* GET /user_management/users/{id} */
kf_answer kf_api_sessions(kf_sandbox *s, const kf_call *c); /* GET .../users/{id}/sessions */
kf_answer kf_api_revoke(kf_sandbox *s, const kf_call *c);   /* POST .../sessions/revoke */
kf_answer kf_api_logout(kf_sandbox *s, const kf_call *c);   /* GET .../sessions/logout */
kf_answer kf_api_memberships(kf_sandbox *s,
                             const kf_call *c); /* GET .../organization_memberships */
kf_answer kf_api_organization(kf_sandbox *s, const kf_call *c); /* GET /organizations/{id} */
kf_answer kf_api_jwks(kf_sandbox *s, const kf_call *c);         /* GET /sso/jwks/{id} */
