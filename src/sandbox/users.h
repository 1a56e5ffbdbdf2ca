#pragma once
/* Who exists: clients, organizations, accounts, memberships. Comes from a seed and
 * stays as it is, but for the used TOTP codes and the last sign-in. Not locked: the
 * owner's mutex guards it. */
#include <stdbool.h>
#include <stddef.h>
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "sandbox/totp.h"

typedef struct kf_app { /* a client ID of the one environment */
    char *id, *secret;  /* secret: its API key; NULL: public client */
    bool device;        /* may start a sign-in on another device */
} kf_app;

typedef struct kf_org {
    char *id, *name;
    bool require_mfa;
    kf_json *sso;          /* connection ids: SSO is the only way in; NULL: no SSO */
    kf_json *auth_methods; /* as in organization_authentication_methods_required; NULL: all */
    kf_json *domains;      /* of its people's addresses, for domain_hint; NULL: none */
} kf_org;

typedef struct kf_membership {
    char *id, *role;
    const kf_org *org;
    kf_json *permissions; /* array, never NULL */
} kf_membership;

typedef struct kf_factor {
    char *id;            /* NULL: free */
    char *issuer, *user; /* as an authenticator app shows them */
    kf_totp totp;
    bool verified; /* a code of it was right once */
    int64_t made_at, updated_at;
} kf_factor;

enum {
    KF_FACTORS_MAX = 8,
    KF_SPARE = 1000 /* accounts made at run time */,
    KF_SPARE_MEMBERSHIPS = 16
};

typedef struct kf_account {
    char *password;         /* NULL: none */
    const char *id, *email; /* in user */
    bool email_verified;
    kf_factor factor[KF_FACTORS_MAX];
    char *radar; /* "email", "sms", "sms_sign_up": asked once in a sign-in; NULL: not */
    char *phone; /* of text messages; NULL: not known */
    kf_json *impersonator, *oauth_tokens; /* as in the answer of WORKOS.md §1.4; NULL: none */
    kf_json *user;                        /* the whole user object of WORKOS.md §1.4 */
    kf_membership *membership;
    size_t n_membership, max_membership;
} kf_account;

typedef struct kf_users {
    kf_app *app;
    kf_org *org;
    kf_account *account;
    kf_json *logout_redirects; /* array of allowed return_to, or NULL */
    kf_json *redirect_uris;    /* registered ones beside loopback, or NULL */
    bool sign_up;              /* unknown addresses may sign up */
    size_t n_app, n_org, n_account, max_account;
    int64_t made_at;
} kf_users;

/* The seed as src/sandbox/README.md says; text NULL is the built-in one. NULL:
 * KF_ERR_USAGE_CONFIG, what names the place. Caller frees. */
kf_users *kf_users_load(const char *text, size_t len, kf_err *err);
kf_users *kf_users_free(kf_users *u);
/* The built-in seed; caller frees. */
char *kf_users_default_seed(void);

/* Borrowed; NULL if there is none. */
const kf_app *kf_users_app(const kf_users *u, const char *id);
const kf_app *kf_users_key(const kf_users *u, const char *secret); /* whose API key this is */
const kf_org *kf_users_org(const kf_users *u, const char *id);
kf_account *kf_users_by_id(const kf_users *u, const char *id);
kf_account *kf_users_by_email(const kf_users *u, const char *email); /* case does not matter */
kf_account *kf_users_by_factor(const kf_users *u, const char *id, kf_factor **factor);
const kf_org *kf_users_connection(const kf_users *u, const char *connection_id);
const kf_org *kf_users_domain(const kf_users *u, const char *domain);
bool kf_phone_ok(const char *text); /* E.164: a plus and 7 to 15 digits; NULL: false */
bool kf_email_ok(const char *text); /* one @, something on both sides, no odd characters */
kf_account *kf_users_add(kf_users *u, const char *email); /* NULL: no room */
bool kf_account_join(kf_account *a, const kf_org *org,
                     const char *role); /* false: no room; a member already: true */
/* NULL issuer: the sandbox; NULL user: the address. NULL: no room */
kf_factor *kf_account_factor_new(kf_account *a, const char *issuer, const char *user);
bool kf_account_has_factor(const kf_account *a); /* a verified one */
void kf_factor_drop(kf_factor *f);
void kf_factor_verified(kf_factor *f); /* a right code was given */
void kf_account_set_verified(kf_account *a);
const kf_membership *kf_account_member(const kf_account *a, const char *org_id);
const char *kf_account_phone(
    const kf_account *a); /* where a text message goes; the address, if there is no phone */
bool kf_account_password_ok(const kf_account *a, const char *password);

KF_AUTO_DEFINE(kf_users);
