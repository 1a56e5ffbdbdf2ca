/* The sandbox's seed: the built-in one, and the reader that checks a seed and builds the users
 * from it. Unknown members are errors, so that a typing mistake does not go unnoticed. */
#include "sandbox/users.h"
#include "base/buf.h"
#include "base/str.h"
#include "sandbox/answer.h"
#include "sandbox/ids.h"

/* src/sandbox/README.md says what each member is. Kept in parts: ISO C promises
 * no more than 4095 characters of a string. */
static const char *const default_seed[] = {
    "{\"clients\":["
    "{\"id\":\"client_sandbox\",\"secret\":\"sk_test_sandbox\"},"
    "{\"id\":\"client_sandbox_public\"}],",
    "\"organizations\":["
    "{\"id\":\"org_01KSB00000000000000000ACME\",\"name\":\"Acme\"},"
    "{\"id\":\"org_01KSB0000000000000000GX001\",\"name\":\"Globex\"},"
    "{\"id\":\"org_01KSB0000000000000000GX002\",\"name\":\"The Department of Very Long "
    "Organization Names, Northern Hemisphere Branch, Second Floor, Limited\"},"
    "{\"id\":\"org_01KSB0000000000000000GX003\",\"name\":\"株式会社サンプル商事\"},",
    "{\"id\":\"org_01KSB000000000000000STRCT\",\"name\":\"Strict Security\",\"require_mfa\":true},"
    "{\"id\":\"org_01KSB00000000000000000SS01\",\"name\":\"Single Sign-On Ltd\","
    "\"sso_connections\":[\"conn_01KSB0000000000000000SS01\"],\"domains\":[\"sso.example.test\"]}]"
    ",",
    "\"users\":["
    "{\"id\":\"user_01KSB0000000000000000PLAIN\",\"email\":\"plain@example.test\","
    "\"password\":\"sandbox-password\",\"first_name\":\"Paula\",\"last_name\":\"Plain\","
    "\"locale\":\"en-GB\",\"external_id\":\"emp-1001\",\"metadata\":{\"team\":\"tools\"},"
    "\"memberships\":[{\"organization\":\"org_01KSB00000000000000000ACME\","
    "\"role\":\"admin\",\"permissions\":[\"posts:read\",\"posts:write\"]}]},",
    "{\"id\":\"user_01KSB00000000000000000T0TP\",\"email\":\"totp@example.test\","
    "\"password\":\"sandbox-password\",\"first_name\":\"Toto\",\"last_name\":\"Timebased\","
    "\"totp\":\"JBSWY3DPEHPK3PXP\",\"factor_id\":\"auth_factor_01KSB0000000000000T0TP\","
    "\"memberships\":[{\"organization\":\"org_01KSB00000000000000000ACME\"}]},",
    "{\"id\":\"user_01KSB00000000000000000RGS1\",\"email\":\"orgs@example.test\","
    "\"password\":\"sandbox-password\",\"first_name\":\"Olga\",\"last_name\":\"Orgs\","
    "\"memberships\":[{\"organization\":\"org_01KSB0000000000000000GX001\",\"role\":\"admin\"},"
    "{\"organization\":\"org_01KSB0000000000000000GX002\"},"
    "{\"organization\":\"org_01KSB0000000000000000GX003\"}]},",
    "{\"id\":\"user_01KSB000000000000000VNVER1\",\"email\":\"unverified@example.test\","
    "\"password\":\"sandbox-password\",\"first_name\":\"Una\",\"last_name\":\"Verified\","
    "\"email_verified\":false,"
    "\"memberships\":[{\"organization\":\"org_01KSB00000000000000000ACME\"}]},",
    "{\"id\":\"user_01KSB00000000000000ENR0001\",\"email\":\"enroll@example.test\","
    "\"password\":\"sandbox-password\",\"first_name\":\"Enno\",\"last_name\":\"Enroll\","
    "\"memberships\":[{\"organization\":\"org_01KSB000000000000000STRCT\"}]},",
    "{\"id\":\"user_01KSB0000000000000000SS001\",\"email\":\"sso@example.test\","
    "\"password\":\"sandbox-password\",\"first_name\":\"Sina\",\"last_name\":\"Single\","
    "\"memberships\":[{\"organization\":\"org_01KSB00000000000000000SS01\"}]},",
    "{\"id\":\"user_01KSB000000000000000RADAR1\",\"email\":\"radar@example.test\","
    "\"password\":\"sandbox-password\",\"first_name\":\"Rada\",\"last_name\":\"Mail\",\"radar\":"
    "\"email\"},"
    "{\"id\":\"user_01KSB000000000000000RADAR2\",\"email\":\"radar-sms@example.test\","
    "\"password\":\"sandbox-password\",\"first_name\":\"Rada\",\"last_name\":\"Text\",\"radar\":"
    "\"sms_sign_up\"},",
    "{\"id\":\"user_01KSB000000000000000RADAR3\",\"email\":\"radar-phone@example.test\","
    "\"password\":\"sandbox-password\",\"first_name\":\"Rada\",\"last_name\":\"Phone\",\"radar\":"
    "\"sms\","
    "\"phone\":\"+15555550123\"},",
    "{\"id\":\"user_01KSB00000000000000000MPRSN\",\"email\":\"impersonated@example.test\","
    "\"password\":\"sandbox-password\",\"first_name\":\"Imke\",\"last_name\":\"Person\","
    "\"impersonator\":{\"email\":\"admin@example.test\",\"reason\":\"Ticket 4711: cannot sign "
    "in\"},"
    "\"oauth_tokens\":{\"provider\":\"GoogleOAuth\",\"access_token\":\"ya29.sandbox\",\"refresh_"
    "token\":\"1//sandbox\","
    "\"expires_at\":1893456000,\"scopes\":[\"email\",\"profile\"]}}]}",
};

char *kf_users_default_seed(void) {
    kf_buf b;
    kf_buf_init(&b, 64 * 1024);
    for (size_t i = 0; i < KF_LEN(default_seed); i++)
        if (!kf_buf_adds(&b, default_seed[i])) abort();
    return kf_buf_steal(&b);
}

enum { MAX_ITEMS = 5000, MAX_TEXT = 1024 };

typedef struct reader { /* where we are, for messages */
    kf_users *u;
    const char *list;
    size_t index;
    kf_err *err;
} reader;

static bool fail_at(const reader *r, const char *key, const char *why) {
    return kf_fail(r->err, KF_ERR_USAGE_CONFIG, "seed: %s[%zu].%s: %s", r->list, r->index, key,
                   why);
}

/* Only known members, so that a typing error does not go unnoticed. */
static bool known_keys(const reader *r, const kf_json *obj, const char *const *keys) {
    if (!kf_json_is_obj(obj)) return fail_at(r, "", "not an object");
    for (const kf_json *j = kf_json_first(obj); j; j = kf_json_next(j)) {
        size_t i = 0;
        while (keys[i] && !kf_str_eq(keys[i], kf_json_key(j))) i++;
        if (!keys[i]) return fail_at(r, kf_json_key(j), "not known");
    }
    return true;
}

/* *out: heap copy, or NULL if it is absent and may be. */
static bool text(const reader *r, const kf_json *obj, const char *key, bool must, char **out) {
    const kf_json *j = kf_json_get(obj, key);
    const char *s = kf_json_value_str(j);
    if (!j || (kf_json_is_null(j) && !must)) return must ? fail_at(r, key, "missing") : true;
    if (!s || !*s || strlen(s) > MAX_TEXT)
        return fail_at(r, key, "not a string of 1 to 1024 bytes");
    *out = kf_strdup(s);
    return true;
}

static bool strings(const reader *r, const kf_json *obj, const char *key, kf_json **out) {
    const kf_json *j = kf_json_get(obj, key);
    if (!j) return true;
    if (!kf_json_is_arr(j) || !kf_json_count(j)) return fail_at(r, key, "not a list of strings");
    for (const kf_json *i = kf_json_first(j); i; i = kf_json_next(i))
        if (!kf_json_value_str(i)) return fail_at(r, key, "not a list of strings");
    *out = kf_json_copy(j);
    return true;
}

static bool boolean(const reader *r, const kf_json *obj, const char *key, bool dflt, bool *out) {
    /* No getter tells "false" from "no boolean" but by asking twice. */
    if (kf_json_get(obj, key) && kf_json_bool(obj, key, true) != kf_json_bool(obj, key, false))
        return fail_at(r, key, "not true or false");
    *out = kf_json_bool(obj, key, dflt);
    return true;
}

static bool read_app(reader *r, const kf_json *obj) {
    static const char *const keys[] = {"id", "secret", "device", NULL};
    kf_app *a = &r->u->app[r->u->n_app++];
    if (!known_keys(r, obj, keys) || !text(r, obj, "id", true, &a->id) ||
        !text(r, obj, "secret", false, &a->secret) || !boolean(r, obj, "device", true, &a->device))
        return false;
    if (!kf_client_id_ok(a->id)) return fail_at(r, "id", "not a client ID");
    if (kf_users_app(r->u, a->id) != a) return fail_at(r, "id", "comes twice");
    return true;
}

static bool read_org(reader *r, const kf_json *obj) {
    static const char *const keys[] = {"id",           "name",    "require_mfa", "sso_connections",
                                       "auth_methods", "domains", NULL};
    kf_org *o = &r->u->org[r->u->n_org++];
    const kf_json *methods = kf_json_get(obj, "auth_methods");
    if (!known_keys(r, obj, keys) || !text(r, obj, "id", true, &o->id) ||
        !text(r, obj, "name", true, &o->name) ||
        !boolean(r, obj, "require_mfa", false, &o->require_mfa) ||
        !strings(r, obj, "sso_connections", &o->sso) || !strings(r, obj, "domains", &o->domains))
        return false;
    for (const kf_json *j = kf_json_first(o->sso); j; j = kf_json_next(j))
        if (kf_users_connection(r->u, kf_json_value_str(j)) != o)
            return fail_at(r, "sso_connections", "one comes twice");
    if (methods && !kf_json_is_obj(methods)) return fail_at(r, "auth_methods", "not an object");
    if (methods) o->auth_methods = kf_json_copy(methods);
    if (kf_users_org(r->u, o->id) != o) return fail_at(r, "id", "comes twice");
    return true;
}

static bool read_membership(reader *r, kf_account *a, const kf_json *obj) {
    static const char *const keys[] = {"id", "organization", "role", "permissions", NULL};
    kf_membership *m = &a->membership[a->n_membership++];
    KF_AUTO_CHARS org = NULL;
    if (!known_keys(r, obj, keys) || !text(r, obj, "organization", true, &org) ||
        !text(r, obj, "id", false, &m->id) || !text(r, obj, "role", false, &m->role) ||
        !strings(r, obj, "permissions", &m->permissions))
        return false;
    m->org = kf_users_org(r->u, org);
    if (!m->org) return fail_at(r, "memberships.organization", "is not in organizations");
    if (kf_account_member(a, org) != m) return fail_at(r, "memberships", "one comes twice");
    if (!m->id) m->id = kf_id_new("om_");
    if (!m->role) m->role = kf_strdup("member");
    if (!m->permissions) m->permissions = kf_json_arr();
    return true;
}

static bool read_memberships(reader *r, kf_account *a, const kf_json *list) {
    if (list && (!kf_json_is_arr(list) || kf_json_count(list) > MAX_ITEMS))
        return fail_at(r, "memberships", "not a list");
    a->max_membership = kf_json_count(list) + KF_SPARE_MEMBERSHIPS;
    a->membership = calloc(a->max_membership, sizeof *a->membership);
    if (!a->membership) abort();
    for (const kf_json *j = kf_json_first(list); j; j = kf_json_next(j))
        if (!read_membership(r, a, j)) return false;
    return true;
}

/* The user object, complete, in the documented order. */
static bool make_user(const reader *r, kf_account *a, const kf_json *obj) {
    static const char *const optional[] = {"first_name",  "last_name", "profile_picture_url",
                                           "external_id", "locale",    NULL};
    char time_text[25];
    char *id = NULL, *email = NULL;
    kf_json *user = a->user = kf_json_obj();
    const kf_json *meta = kf_json_get(obj, "metadata");
    bool ok = text(r, obj, "id", true, &id) && text(r, obj, "email", true, &email);
    kf_json_set_str(user, "object", "user");
    kf_json_set_str(user, "id", id);
    kf_json_set_str(user, "email", email);
    free(id);
    free(email);
    for (size_t i = 0; ok && optional[i]; i++) {
        char *value = NULL;
        ok = text(r, obj, optional[i], false, &value);
        kf_set_or_null(user, optional[i], value);
        free(value);
    }
    if (!ok) return false;
    if (meta && !kf_json_is_obj(meta)) return fail_at(r, "metadata", "not an object");
    const char *first = kf_json_str(user, "first_name"), *last = kf_json_str(user, "last_name");
    KF_AUTO_CHARS name =
        first && last ? kf_strfmt("%s %s", first, last) : kf_strdup(first ? first : last);
    kf_set_or_null(user, "name", name);
    kf_json_set_bool(user, "email_verified", a->email_verified);
    kf_json_set(user, "metadata", meta ? kf_json_copy(meta) : kf_json_obj());
    kf_json_set_null(user, "last_sign_in_at");
    kf_iso_time(r->u->made_at, time_text);
    kf_json_set_str(user, "created_at", time_text);
    kf_json_set_str(user, "updated_at", time_text);
    a->id = kf_json_str(user, "id");
    a->email = kf_json_str(user, "email");
    return true;
}

static bool is_new(const reader *r, const kf_account *a) {
    if (kf_users_by_id(r->u, a->id)) return fail_at(r, "id", "comes twice");
    return !kf_users_by_email(r->u, a->email) || fail_at(r, "email", "comes twice");
}

/* *out: a copy of the object, which has a text called must; NULL if it is absent. */
static bool object(const reader *r, const kf_json *obj, const char *key, const char *must,
                   kf_json **out) {
    const kf_json *j = kf_json_get(obj, key);
    if (!j) return true;
    if (!kf_json_is_obj(j) || !kf_json_str(j, must))
        return fail_at(r, key, "not the object of the answer");
    *out = kf_json_copy(j);
    return true;
}

static bool read_account(reader *r, const kf_json *obj) {
    static const char *const keys[] = {"id",           "email",        "password",
                                       "first_name",   "last_name",    "profile_picture_url",
                                       "locale",       "external_id",  "metadata",
                                       "totp",         "factor_id",    "email_verified",
                                       "memberships",  "radar",        "phone",
                                       "impersonator", "oauth_tokens", NULL};
    kf_account *a = &r->u->account[r->u->n_account];
    char *totp = NULL, *factor_id = NULL;
    if (!known_keys(r, obj, keys) || !boolean(r, obj, "email_verified", true, &a->email_verified) ||
        !make_user(r, a, obj) || !is_new(r, a)) {
        a->user = kf_json_free(a->user);
        return false;
    }
    r->u->n_account++;
    if (!text(r, obj, "password", false, &a->password) ||
        !text(r, obj, "factor_id", false, &factor_id) || !text(r, obj, "radar", false, &a->radar) ||
        !text(r, obj, "phone", false, &a->phone) || !text(r, obj, "totp", false, &totp)) {
        free(factor_id);
        return false;
    }
    kf_totp key = {0};
    bool ok = totp ? kf_totp_init(&key, totp, NULL) : !factor_id;
    if (!ok) fail_at(r, "totp", totp ? "not a base32 secret" : "missing beside factor_id");
    if (ok && factor_id && kf_users_by_factor(r->u, factor_id, NULL))
        ok = fail_at(r, "factor_id", "comes twice");
    if (ok && totp) {
        kf_factor *f = kf_account_factor_new(a, NULL, NULL);
        f->totp = key;
        f->verified = true;
        if (factor_id) {
            free(f->id);
            f->id = KF_TAKE(factor_id);
        }
    }
    free(totp);
    free(factor_id);
    if (!ok) return false;
    static const char *const radar[] = {"email", "sms", "sms_sign_up"};
    bool known = !a->radar;
    for (size_t i = 0; i < KF_LEN(radar); i++) known = known || kf_str_eq(a->radar, radar[i]);
    if (!known) return fail_at(r, "radar", "not email, sms or sms_sign_up");
    if (a->phone && !kf_phone_ok(a->phone))
        return fail_at(r, "phone", "not a + with 7 to 15 digits");
    if (!object(r, obj, "impersonator", "email", &a->impersonator) ||
        !object(r, obj, "oauth_tokens", "provider", &a->oauth_tokens))
        return false;
    return read_memberships(r, a, kf_json_get(obj, "memberships"));
}

typedef bool read_one(reader *r, const kf_json *obj);

static bool read_list(kf_users *u, const kf_json *doc, const char *name, bool must, size_t size,
                      void *array, read_one *one, kf_err *err) {
    const kf_json *list = kf_json_get(doc, name);
    reader r = {.u = u, .list = name, .err = err};
    size_t n = kf_json_count(list);
    if (!list && !must) return true;
    if (!kf_json_is_arr(list) || !n || n > MAX_ITEMS)
        return kf_fail(err, KF_ERR_USAGE_CONFIG, "seed: %s: not a list of 1 to %d items", name,
                       (int)MAX_ITEMS);
    void *items = calloc(n + KF_SPARE, size);
    if (!items) abort();
    memcpy(array, &items, sizeof items);
    for (const kf_json *j = kf_json_first(list); j; j = kf_json_next(j), r.index++)
        if (!one(&r, j)) return false;
    return true;
}

kf_users *kf_users_load(const char *seed, size_t len, kf_err *err) {
    static const char *const keys[] = {
        "clients", "organizations", "users", "logout_redirects", "redirect_uris", "sign_up", NULL};
    KF_AUTO_CHARS built_in = seed ? NULL : kf_users_default_seed();
    kf_err why = {0};
    KF_AUTO(kf_json)
    doc = kf_json_parse(seed ? seed : built_in, seed ? len : strlen(built_in), &why);
    if (!doc) {
        kf_fail(err, KF_ERR_USAGE_CONFIG, "seed: %s", why.what);
        return NULL;
    }
    KF_AUTO(kf_users) u = calloc(1, sizeof *u);
    if (!u) abort();
    u->made_at = kf_now();
    reader top = {.u = u, .list = "seed", .err = err};
    if (!known_keys(&top, doc, keys) ||
        !strings(&top, doc, "logout_redirects", &u->logout_redirects) ||
        !strings(&top, doc, "redirect_uris", &u->redirect_uris) ||
        !boolean(&top, doc, "sign_up", true, &u->sign_up) ||
        !read_list(u, doc, "clients", true, sizeof *u->app, &u->app, read_app, err) ||
        !read_list(u, doc, "organizations", false, sizeof *u->org, &u->org, read_org, err) ||
        !read_list(u, doc, "users", true, sizeof *u->account, &u->account, read_account, err))
        return NULL;
    u->max_account = u->n_account + KF_SPARE;
    return KF_TAKE(u);
}
