#pragma once
/* A service that signs people in: where its requests go, what its grants are called, and what it
 * can. Today WorkOS's User Management is the only one (kf_workos, workos.h). Another one, such as
 * WorkOS Connect, is another table of this kind. */
#include <stddef.h>
#include "base/json.h"
#include "base/secret.h"

typedef enum kf_grant {
    KF_GRANT_PASSWORD,
    KF_GRANT_REFRESH,
    KF_GRANT_AUTHORIZATION_CODE,
    KF_GRANT_DEVICE_CODE,
    KF_GRANT_MAGIC_AUTH,
    KF_GRANT_EMAIL_VERIFICATION,
    KF_GRANT_RADAR_EMAIL,
    KF_GRANT_RADAR_SMS,
    KF_GRANT_MFA_TOTP,
    KF_GRANT_ORG_SELECTION,
    KF_GRANT_COUNT
} kf_grant;

/* Places of the API. The comment says whose id the path holds; no comment: none. */
typedef enum kf_at {
    KF_AT_AUTHENTICATE,      /* every grant */
    KF_AT_AUTHORIZE,         /* the page in the browser */
    KF_AT_DEVICE,            /* starts a sign-in on another device */
    KF_AT_MAGIC,             /* mails a code */
    KF_AT_VERIFICATION,      /* e-mail verification */
    KF_AT_VERIFICATION_SEND, /* user */
    KF_AT_RADAR,             /* sends a code by text message */
    KF_AT_RESET,             /* mails a token for a new password */
    KF_AT_RESET_CONFIRM,     /* takes the new password */
    KF_AT_REVOKE,            /* ends a session, with the API key */
    KF_AT_LOGOUT,            /* session; ends it without the API key */
    KF_AT_SESSIONS,          /* user */
    KF_AT_MEMBERSHIPS,       /* user */
    KF_AT_ORGANIZATION,      /* organization */
    KF_AT_FACTORS,           /* user; GET lists, POST enrols */
    KF_AT_FACTOR,            /* factor */
    KF_AT_CHALLENGE,         /* factor */
    KF_AT_VERIFY,            /* challenge */
    KF_AT_JWKS,              /* client */
    KF_AT_COUNT
} kf_at;

typedef struct kf_issuer {
    const char *name;                  /* "WorkOS" */
    const char *path[KF_AT_COUNT];     /* '*' stands for the id; NULL: it cannot do that */
    const char *grant[KF_GRANT_COUNT]; /* grant_type; NULL: it cannot do that */
} kf_issuer;

enum { KF_ISSUER_ID_MAX = 96 };

/* [A-Za-z0-9_-], 1 to 95 of them: what ids are made of, and what may go into a path. dst is
 * written only when it is true, and may be id itself. */
KF_CHECK bool kf_issuer_id(char dst[KF_ISSUER_ID_MAX], const char *id);
/* The path below the API's origin. id NULL for a path without one. NULL: that is no id, or the
 * issuer cannot do it. Caller frees. */
char *kf_issuer_path(const kf_issuer *is, kf_at at, const char *id);
/* {"grant_type","client_id"[,"client_secret"]}; the caller adds the grant's own members. secret may
 * be NULL. */
kf_json *kf_issuer_grant(const kf_issuer *is, kf_grant grant, const char *client_id,
                         const kf_secret *secret);
