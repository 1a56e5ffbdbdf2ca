/* The sandbox's clients, organizations, accounts and memberships: look-ups, password check, and
 * the changes that requests make at run time. seed.c loads them. */
#include "sandbox/users.h"
#include <strings.h>
#include "base/str.h"
#include "crypt/hash.h"
#include "sandbox/ids.h"

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
        kf_json_free(u->org[i].domains);
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
        for (size_t f = 0; f < KF_FACTORS_MAX; f++) kf_factor_drop(&a->factor[f]);
        free(a->radar);
        free(a->phone);
        kf_json_free(a->impersonator);
        kf_json_free(a->oauth_tokens);
        kf_json_free(a->user);
    }
    free(u->app);
    free(u->org);
    free(u->account);
    kf_json_free(u->logout_redirects);
    kf_json_free(u->redirect_uris);
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

kf_account *kf_users_by_factor(const kf_users *u, const char *id, kf_factor **factor) {
    for (size_t i = 0; i < u->n_account; i++)
        for (size_t f = 0; f < KF_FACTORS_MAX; f++)
            if (u->account[i].factor[f].id && kf_str_eq(u->account[i].factor[f].id, id)) {
                if (factor) *factor = &u->account[i].factor[f];
                return &u->account[i];
            }
    return NULL;
}

static bool among(const kf_json *list, const char *text) {
    for (const kf_json *j = kf_json_first(list); j; j = kf_json_next(j))
        if (text && strcasecmp(kf_json_value_str(j), text) == 0) return true;
    return false;
}

const kf_org *kf_users_connection(const kf_users *u, const char *connection_id) {
    for (size_t i = 0; i < u->n_org; i++)
        if (among(u->org[i].sso, connection_id)) return &u->org[i];
    return NULL;
}

const kf_org *kf_users_domain(const kf_users *u, const char *domain) {
    for (size_t i = 0; i < u->n_org; i++)
        if (among(u->org[i].domains, domain)) return &u->org[i];
    return NULL;
}

/* --- made at run time: the arrays have room to spare, because others point into them --- */

bool kf_phone_ok(const char *text) {
    size_t n = text ? strlen(text) : 0;
    return n > 7 && n < 17 && text[0] == '+' && text[1] != '0' &&
           !text[1 + strspn(text + 1, "0123456789")];
}

bool kf_email_ok(const char *text) {
    const char *at = text ? strchr(text, '@') : NULL;
    if (!at || at == text || !at[1] || strchr(at + 1, '@') || strlen(text) > 254) return false;
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p <= 0x20 || *p == 0x7f || strchr("<>()[],;:\\\"", *p)) return false;
    return true;
}

kf_account *kf_users_add(kf_users *u, const char *email) {
    char time_text[25];
    if (u->n_account == u->max_account) return NULL;
    kf_account *a = &u->account[u->n_account];
    KF_AUTO_CHARS id = kf_id_new("user_");
    static const char *const none[] = {"first_name",  "last_name", "profile_picture_url",
                                       "external_id", "locale",    "name"};
    a->user = kf_json_obj();
    kf_json_set_str(a->user, "object", "user");
    kf_json_set_str(a->user, "id", id);
    kf_json_set_str(a->user, "email", email);
    for (size_t i = 0; i < KF_LEN(none); i++) kf_json_set_null(a->user, none[i]);
    kf_json_set_bool(a->user, "email_verified", false);
    kf_json_set(a->user, "metadata", kf_json_obj());
    kf_json_set_null(a->user, "last_sign_in_at");
    kf_iso_time(kf_now(), time_text);
    kf_json_set_str(a->user, "created_at", time_text);
    kf_json_set_str(a->user, "updated_at", time_text);
    a->id = kf_json_str(a->user, "id");
    a->email = kf_json_str(a->user, "email");
    a->membership = calloc(KF_SPARE_MEMBERSHIPS, sizeof *a->membership);
    if (!a->membership) abort();
    a->max_membership = KF_SPARE_MEMBERSHIPS;
    u->n_account++;
    return a;
}

bool kf_account_join(kf_account *a, const kf_org *org, const char *role) {
    if (kf_account_member(a, org->id)) return true;
    if (a->n_membership == a->max_membership) return false;
    a->membership[a->n_membership++] = (kf_membership){.id = kf_id_new("om_"),
                                                       .role = kf_strdup(role ? role : "member"),
                                                       .org = org,
                                                       .permissions = kf_json_arr()};
    return true;
}

kf_factor *kf_account_factor_new(kf_account *a, const char *issuer, const char *user) {
    for (size_t f = 0; f < KF_FACTORS_MAX; f++)
        if (!a->factor[f].id) {
            a->factor[f] = (kf_factor){.id = kf_id_new("auth_factor_"),
                                       .issuer = kf_strdup(issuer ? issuer : "keyfob sandbox"),
                                       .user = kf_strdup(user ? user : a->email),
                                       .made_at = kf_now(),
                                       .updated_at = kf_now()};
            return &a->factor[f];
        }
    return NULL;
}

bool kf_account_has_factor(const kf_account *a) {
    for (size_t f = 0; f < KF_FACTORS_MAX; f++)
        if (a->factor[f].id && a->factor[f].verified) return true;
    return false;
}

void kf_factor_drop(kf_factor *f) {
    free(f->id);
    free(f->issuer);
    free(f->user);
    *f = (kf_factor){0};
}

void kf_factor_verified(kf_factor *f) {
    f->verified = true;
    f->updated_at = kf_now();
}

void kf_account_set_verified(kf_account *a) {
    a->email_verified = true;
    kf_json_set_bool(a->user, "email_verified", true);
}

const kf_membership *kf_account_member(const kf_account *a, const char *org_id) {
    for (size_t i = 0; i < a->n_membership; i++)
        if (kf_str_eq(a->membership[i].org->id, org_id)) return &a->membership[i];
    return NULL;
}

const char *kf_account_phone(const kf_account *a) { return a->phone ? a->phone : a->email; }

bool kf_account_password_ok(const kf_account *a, const char *password) {
    return a->password && same_secret(a->password, password);
}
