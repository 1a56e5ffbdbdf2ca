/* Requests about a person's account: paths, bodies, and the conversion of WorkOS's answers to
 * the agent's interface. Nothing is sent here. */
#include "auth/account.h"

#include "auth/workos.h"
#include "base/form.h"
#include "base/str.h"

enum { KEY_MAX = 256, URI_MAX = 2048, LABEL_MAX = 256, TEXT_MAX = 512 };

bool kf_account_id_ok(const char *id) {
    char dst[KF_ACCOUNT_ID_MAX];
    return kf_issuer_id(dst, id);
}

static char *path_to(kf_at at, const char *id) {
    return kf_issuer_path(&kf_workos, at, id ? id : "");
}

/* --- lists ---------------------------------------------------------------------------------------
 */

char *kf_account_list_path(kf_account_list what, const char *user_id, const char *after,
                           int limit) {
    static const kf_at places[] = {
        [KF_LIST_ORGANIZATIONS] = KF_AT_MEMBERSHIPS,
        [KF_LIST_SESSIONS] = KF_AT_SESSIONS,
        [KF_LIST_FACTORS] = KF_AT_FACTORS,
    };
    bool first = !after || !*after;
    KF_AUTO_CHARS path = first || kf_account_id_ok(after) ? path_to(places[what], user_id) : NULL;
    if (!path) return NULL;
    return kf_strfmt("%s%climit=%d%s%s", path, strchr(path, '?') ? '&' : '?', limit,
                     first ? "" : "&after=", first ? "" : after);
}

/* A longer text is cut at a character and says so with an ellipsis. */
static void copy(kf_json *to, const char *name, const kf_json *from, const char *key, size_t max) {
    const char *v = kf_json_str(from, key);
    size_t n = v ? strlen(v) : 0;
    if (!n) return;
    if (n <= max) {
        kf_json_set_str(to, name, v);
        return;
    }
    for (n = max; n && ((unsigned char)v[n] & 0xc0) == 0x80;) n--;
    KF_AUTO_CHARS cut = kf_strfmt("%.*s…", (int)n, v);
    kf_json_set_str(to, name, cut);
}

static kf_json *with_id(const kf_json *item, const char *key) {
    const char *id = kf_json_str(item, key);
    if (!kf_account_id_ok(id)) return NULL;
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "id", id);
    return j;
}

static kf_json *organization(const kf_json *item) {
    kf_json *j = with_id(item, "organization_id");
    if (!j) return NULL;
    copy(j, "name", item, "organization_name", LABEL_MAX);
    if (!kf_json_str(j, "name")) kf_json_set_str(j, "name", kf_json_str(j, "id"));
    copy(j, "role", kf_json_get(item, "role"), "slug", LABEL_MAX);
    copy(j, "status", item, "status", LABEL_MAX);
    return j;
}

static kf_json *session(const kf_json *item) {
    static const char *const texts[] = {"auth_method",     "ip_address", "user_agent",
                                        "organization_id", "created_at", "updated_at",
                                        "expires_at"};
    kf_json *j = with_id(item, "id");
    if (!j) return NULL;
    kf_json_set_bool(j, "current", false);
    copy(j, "status", item, "status", LABEL_MAX);
    if (!kf_json_str(j, "status")) kf_json_set_str(j, "status", "unknown");
    for (size_t i = 0; i < KF_LEN(texts); i++) copy(j, texts[i], item, texts[i], TEXT_MAX);
    copy(j, "impersonator", kf_json_get(item, "impersonator"), "email", TEXT_MAX);
    return j;
}

static kf_json *factor(const kf_json *item) {
    kf_json *j = with_id(item, "id");
    if (!j) return NULL;
    copy(j, "type", item, "type", LABEL_MAX);
    if (!kf_json_str(j, "type")) kf_json_set_str(j, "type", "unknown");
    copy(j, "created_at", item, "created_at", LABEL_MAX);
    copy(j, "updated_at", item, "updated_at", LABEL_MAX);
    return j;
}

static kf_json *convert(kf_account_list what, const kf_json *item) {
    switch (what) {
    case KF_LIST_ORGANIZATIONS: return organization(item);
    case KF_LIST_SESSIONS: return session(item);
    case KF_LIST_FACTORS: return factor(item);
    }
    return NULL;
}

bool kf_account_page(kf_account_list what, const kf_json *body, const char *after, kf_json *list,
                     char next[KF_ACCOUNT_ID_MAX], kf_err *err) {
    const kf_json *data = kf_json_get(body, "data");
    const char *cursor = kf_json_str_or(kf_json_get(body, "list_metadata"), "after", "");
    size_t have = kf_json_count(list);
    next[0] = 0;
    if (!kf_json_is_arr(data)) return kf_fail(err, KF_ERR_NET_BAD_ANSWER, "the answer is no list");
    for (const kf_json *i = kf_json_first(data); i; i = kf_json_next(i)) {
        kf_json *one = convert(what, i);
        if (!one) continue;
        if (++have > KF_ACCOUNT_ITEMS_MAX) {
            kf_json_free(one);
            return kf_fail(err, KF_ERR_NET_BAD_ANSWER, "the list is longer than %d",
                           KF_ACCOUNT_ITEMS_MAX);
        }
        kf_json_add(list, one);
    }
    if (!*cursor) return true;
    if (!kf_account_id_ok(cursor) || !kf_json_count(data) || kf_str_eq(cursor, after))
        return kf_fail(err, KF_ERR_NET_BAD_ANSWER, "the list says that it goes on, but not where");
    memcpy(next, cursor, strlen(cursor) + 1);
    return true;
}

const kf_json *kf_account_find(const kf_json *list, const char *id) {
    const kf_json *i = kf_json_first(list);
    while (i && !kf_str_eq(kf_json_str(i, "id"), id)) i = kf_json_next(i);
    return i;
}

/* --- one thing -----------------------------------------------------------------------------------
 */

char *kf_account_logout_path(const char *sid) { return path_to(KF_AT_LOGOUT, sid); }
char *kf_account_organization_path(const char *id) { return path_to(KF_AT_ORGANIZATION, id); }
char *kf_account_factors_path(const char *user_id) { return path_to(KF_AT_FACTORS, user_id); }
char *kf_account_factor_path(const char *factor_id) { return path_to(KF_AT_FACTOR, factor_id); }
char *kf_account_challenge_path(const char *factor_id) {
    return path_to(KF_AT_CHALLENGE, factor_id);
}
char *kf_account_verify_path(const char *challenge_id) {
    return path_to(KF_AT_VERIFY, challenge_id);
}

bool kf_account_organization_name(const kf_json *body, const char *id, char *dst, size_t size) {
    const char *name = kf_json_str_or(body, "name", "");
    if (!*name || !kf_str_eq(kf_json_str(body, "id"), id)) return false;
    (void)kf_str_cut(dst, size, name);
    return true;
}

static kf_secret *body_of(const char *key, const char *value) {
    KF_AUTO(kf_json) j = kf_json_obj();
    kf_json_set_str(j, key, value);
    return kf_json_print_secret(j);
}

kf_secret *kf_account_revoke_body(const char *session_id) {
    return body_of("session_id", session_id);
}
kf_secret *kf_account_enroll_body(void) { return body_of("type", "totp"); }

/* --- factors -------------------------------------------------------------------------------------
 */

void kf_new_factor_done(kf_new_factor *f) {
    f->uri = kf_secret_free(f->uri);
    f->key = kf_secret_free(f->key);
}

#define BASE32 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz234567"

bool kf_account_otpauth(const char *uri, kf_secret **whole, kf_secret **key) {
    size_t n = uri ? strlen(uri) : 0;
    if (!n || n > URI_MAX || !kf_str_starts(uri, "otpauth://totp/")) return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)uri[i] <= 0x20 || (unsigned char)uri[i] >= 0x7f) return false;
    const char *query = strchr(uri, '?');
    KF_AUTO(kf_json) j = query ? kf_form_parse(query + 1, strlen(query + 1), NULL) : NULL;
    const char *text = kf_json_str_or(j, "secret", "");
    size_t k = strlen(text), letters = strspn(text, BASE32);
    /* padding stands at the end and nowhere else */
    if (!letters || k > KEY_MAX || letters + strspn(text + letters, "=") != k) return false;
    *whole = kf_secret_new(uri, n);
    *key = kf_secret_new(text, k);
    return true;
}

bool kf_account_challenged(const kf_json *body, char challenge[KF_ACCOUNT_ID_MAX], kf_err *err) {
    return kf_issuer_id(challenge, kf_json_str(body, "id")) ||
           kf_fail(err, KF_ERR_NET_BAD_ANSWER, "the challenge's id is not usable");
}

bool kf_account_enrolled(const kf_json *body, kf_new_factor *f, kf_err *err) {
    const kf_json *made = kf_workos_factor_of(body),
                  *challenge = kf_json_get(body, "authentication_challenge");
    *f = (kf_new_factor){0};
    if (!challenge) challenge = kf_json_get(body, "challenge");
    if (!kf_issuer_id(f->id, kf_json_str(made, "id")))
        return kf_fail(err, KF_ERR_NET_BAD_ANSWER, "the new factor's id is not usable");
    if (!kf_account_otpauth(kf_json_str(kf_json_get(made, "totp"), "uri"), &f->uri, &f->key))
        return kf_fail(err, KF_ERR_NET_BAD_ANSWER, "the new factor's otpauth URI is not usable");
    if (kf_json_is_obj(challenge)) return kf_account_challenged(challenge, f->challenge, err);
    return true;
}

bool kf_account_code(const kf_secret *typed, char out[7], kf_err *err) {
    const unsigned char *p = (const unsigned char *)kf_secret_peek(typed);
    char digits[7];
    size_t n = 0;
    while (*p) {
        char d = 0;
        size_t k = 1;
        if (*p >= '0' && *p <= '9') d = (char)*p;
        else if (p[0] == 0xef && p[1] == 0xbc && p[2] >= 0x90 &&
                 p[2] <= 0x99) { /* full-width digits, U+FF10.. */
            d = (char)('0' + p[2] - 0x90);
            k = 3;
        } else if (*p != ' ' && *p != '-' && *p != '\t') break;
        if (d && n == 6) break;
        if (d) digits[n++] = d;
        p += k;
    }
    if (*p || n != 6) return kf_fail(err, KF_ERR_USAGE_BAD_ANSWER, "a code is six digits");
    digits[6] = 0;
    memcpy(out, digits, 7);
    kf_wipe(digits, sizeof digits);
    return true;
}

kf_secret *kf_account_verify_body(const kf_secret *typed, kf_err *err) {
    char code[7];
    if (!kf_account_code(typed, code, err)) return NULL;
    kf_secret *body = body_of("code", code);
    kf_wipe(code, sizeof code);
    return body;
}
