#include "sandbox/users.h"
#include <strings.h>
#include "base/str.h"
#include "crypt/hash.h"

kf_users *kf_users_free(kf_users *u) {
    if (!u) return NULL;
    for (size_t i = 0; i < u->n_app; i++) {
        free(u->app[i].id);
        free(u->app[i].secret);
    }
    for (size_t i = 0; i < u->n_org; i++) {
        free(u->org[i].id);
        free(u->org[i].name);
        kf_json_free(u->org[i].sso);
        kf_json_free(u->org[i].auth_methods);
    }
    for (size_t i = 0; i < u->n_account; i++) {
        kf_account *a = &u->account[i];
        for (size_t m = 0; m < a->n_membership; m++) {
            free(a->membership[m].id);
            free(a->membership[m].role);
            kf_json_free(a->membership[m].permissions);
        }
        free(a->membership);
        free(a->password);
        free(a->factor_id);
        kf_json_free(a->user);
    }
    free(u->app);
    free(u->org);
    free(u->account);
    kf_json_free(u->logout_redirects);
    free(u);
    return NULL;
}

/* Equal without telling by the time taken how much of it was right. */
static bool same_secret(const char *a, const char *b) {
    uint8_t ha[32], hb[32];
    kf_sha256(a, strlen(a), ha);
    kf_sha256(b, strlen(b), hb);
    return kf_ct_eq(ha, hb, sizeof ha);
}

const kf_app *kf_users_app(const kf_users *u, const char *id) {
    for (size_t i = 0; i < u->n_app; i++)
        if (kf_str_eq(u->app[i].id, id)) return &u->app[i];
    return NULL;
}

const kf_app *kf_users_key(const kf_users *u, const char *secret) {
    for (size_t i = 0; i < u->n_app; i++)
        if (u->app[i].secret && same_secret(u->app[i].secret, secret)) return &u->app[i];
    return NULL;
}

const kf_org *kf_users_org(const kf_users *u, const char *id) {
    for (size_t i = 0; i < u->n_org; i++)
        if (kf_str_eq(u->org[i].id, id)) return &u->org[i];
    return NULL;
}

kf_account *kf_users_by_id(const kf_users *u, const char *id) {
    for (size_t i = 0; i < u->n_account; i++)
        if (kf_str_eq(u->account[i].id, id)) return &u->account[i];
    return NULL;
}

kf_account *kf_users_by_email(const kf_users *u, const char *email) {
    for (size_t i = 0; i < u->n_account; i++)
        if (strcasecmp(u->account[i].email, email) == 0) return &u->account[i];
    return NULL;
}

kf_account *kf_users_by_factor(const kf_users *u, const char *id) {
    for (size_t i = 0; i < u->n_account; i++)
        if (u->account[i].factor_id && kf_str_eq(u->account[i].factor_id, id))
            return &u->account[i];
    return NULL;
}

const kf_membership *kf_account_member(const kf_account *a, const char *org_id) {
    for (size_t i = 0; i < a->n_membership; i++)
        if (kf_str_eq(a->membership[i].org->id, org_id)) return &a->membership[i];
    return NULL;
}

bool kf_account_password_ok(const kf_account *a, const char *password) {
    return a->password && same_secret(a->password, password);
}
