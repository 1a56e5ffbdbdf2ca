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
} kf_app;

typedef struct kf_org {
    char *id, *name;
    bool require_mfa;
    kf_json *sso;          /* connection ids: SSO is the only way in; NULL: no SSO */
    kf_json *auth_methods; /* as in organization_authentication_methods_required; NULL: all */
} kf_org;

typedef struct kf_membership {
    char *id, *role;
    const kf_org *org;
    kf_json *permissions; /* array, never NULL */
} kf_membership;

typedef struct kf_account {
    char *password, *factor_id; /* factor_id NULL: no factor */
    const char *id, *email;     /* in user */
    bool email_verified;
    kf_totp totp;
    kf_json *user; /* the whole user object of workos-api.md §1.4 */
    kf_membership *membership;
    size_t n_membership;
} kf_account;

typedef struct kf_users {
    kf_app *app;
    kf_org *org;
    kf_account *account;
    kf_json *logout_redirects; /* array of allowed return_to, or NULL */
    size_t n_app, n_org, n_account;
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
kf_account *kf_users_by_factor(const kf_users *u, const char *id);
const kf_membership *kf_account_member(const kf_account *a, const char *org_id);
bool kf_account_password_ok(const kf_account *a, const char *password);

KF_AUTO_DEFINE(kf_users);
