/* Factors and challenges (WORKOS.md §6). */
#include "base/buf.h"
#include "base/str.h"
#include "crypt/hash.h"
#include "sandbox/api.h"
#include "sandbox/ids.h"
#include "sandbox/page.h"

static kf_answer no_factor(void) { return kf_answer_not_found("Authentication factor"); }

static kf_json *factor_json(const kf_account *a, const kf_factor *f) {
    kf_json *j = kf_json_obj(), *totp = kf_json_obj();
    kf_json_set_str(j, "object", "authentication_factor");
    kf_json_set_str(j, "id", f->id);
    kf_json_set_str(j, "type", "totp");
    kf_json_set_str(j, "user_id", a->id);
    kf_json_set_str(totp, "issuer", f->issuer);
    kf_json_set_str(totp, "user", f->user);
    kf_json_set(j, "totp", totp);
    kf_set_time(j, "created_at", f->made_at);
    kf_set_time(j, "updated_at", f->updated_at);
    return j;
}

/* TOTP challenges do not expire: no expires_at (WORKOS.md §6.5). */
static kf_json *challenge_json(const kf_challenge *ch) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "object", "authentication_challenge");
    kf_json_set_str(j, "id", ch->id);
    kf_json_set_str(j, "authentication_factor_id", ch->factor);
    kf_set_time(j, "created_at", ch->made_at);
    kf_set_time(j, "updated_at", ch->made_at);
    return j;
}

/* 20 random bytes in base32 (RFC 4648 §6): 32 characters, as RFC 4226 §4 asks for. */
static void new_secret(char out[33]) {
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint8_t raw[32];
    kf_random(raw, sizeof raw);
    for (int i = 0; i < 32; i++) out[i] = digit[raw[i] & 31];
    out[32] = 0;
}

/* All but RFC 3986's unreserved characters as %XX. */
static void escape(kf_buf *b, const char *text) {
    for (const char *p = text; *p; p++)
        kf_buf_addf(b,
                    strchr("-._~", *p) || (*p >= '0' && *p <= '9') ||
                            ((*p | 32) >= 'a' && (*p | 32) <= 'z')
                        ? "%c"
                        : "%%%02X",
                    (unsigned char)*p);
}

/* What a QR code says (github.com/google/google-authenticator/wiki/Key-Uri-Format). */
static char *key_uri(const kf_factor *f, const char *secret) {
    kf_buf b;
    kf_buf_init(&b, 8192);
    kf_buf_adds(&b, "otpauth://totp/");
    escape(&b, f->issuer);
    kf_buf_adds(&b, ":");
    escape(&b, f->user);
    kf_buf_addf(&b, "?secret=%s&issuer=", secret);
    escape(&b, f->issuer);
    return kf_buf_steal(&b);
}

kf_factor *kf_factor_make(kf_account *a, const char *issuer, const char *user, const kf_totp *key,
                          char **secret, char **uri) {
    kf_totp fresh;
    char made[33];
    if (!key) {
        new_secret(made);
        if (!kf_totp_init(&fresh, made, NULL)) abort();
    }
    kf_factor *f = kf_account_factor_new(a, issuer, user);
    if (!f) return NULL;
    f->totp = key ? *key : fresh;
    *secret = kf_totp_text(&f->totp);
    *uri = key_uri(f, *secret);
    return f;
}

static bool shown_ok(const char *text) {
    if (!*text || strlen(text) > 254) return false;
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f) return false;
    return true;
}

/* The optional members of an enrolment. False: *out is the refusal. */
static bool read_totp(const kf_json *body, const char *text[2], kf_totp *key, kf_answer *out) {
    static const char *const names[] = {"totp_issuer", "totp_user"};
    for (size_t i = 0; i < KF_LEN(names); i++) {
        text[i] = kf_json_str(body, names[i]);
        if (kf_json_get(body, names[i]) && (!text[i] || !shown_ok(text[i]))) {
            *out = kf_answer_parameters(names[i], "not a text of 1 to 254 bytes");
            return false;
        }
    }
    const char *secret = kf_json_str(body, "totp_secret");
    if (kf_json_get(body, "totp_secret") && (!secret || !kf_totp_init(key, secret, NULL))) {
        *out = kf_answer_parameters("totp_secret",
                                    "totp_secret is no base32 secret of 10 to 128 bytes");
        return false;
    }
    return true;
}

kf_answer kf_api_enroll(kf_sandbox *s, const kf_call *c) {
    kf_account *a = kf_users_by_id(s->users, c->id);
    KF_AUTO_CHARS secret = NULL;
    KF_AUTO_CHARS uri = NULL;
    const char *text[2];
    kf_totp key = {0};
    kf_answer no;
    if (!a) return kf_answer_not_found("User");
    if (!kf_str_eq(kf_json_str(c->body, "type"), "totp"))
        return kf_answer_parameters("type", "type must be totp");
    if (!read_totp(c->body, text, &key, &no)) return no;
    kf_factor *f = kf_factor_make(a, text[0], text[1], key.key_len ? &key : NULL, &secret, &uri);
    if (!f) return kf_answer_a(400, "too_many_factors", "The user has too many factors.");
    kf_json *body = kf_json_obj(), *factor = factor_json(a, f),
            *totp = kf_json_copy(kf_json_get(factor, "totp"));
    kf_json_set_str(totp, "secret", secret);
    kf_json_set_str(totp, "uri", uri);
    kf_json_set(factor, "totp", totp);
    kf_json_set(body, "authentication_factor", factor);
    kf_json_set(body, "authentication_challenge",
                challenge_json(kf_sessions_challenge_new(s->sessions, a, f->id)));
    return (kf_answer){.status = 201, .body = body};
}

kf_answer kf_api_factors(kf_sandbox *s, const kf_call *c) {
    const kf_account *a = kf_users_by_id(s->users, c->id);
    if (!a) return kf_answer_not_found("User");
    kf_json *items = kf_json_arr();
    for (size_t i = 0; i < KF_FACTORS_MAX; i++)
        if (a->factor[i].id) kf_json_add(items, factor_json(a, &a->factor[i]));
    return kf_page(c->req, items);
}

kf_answer kf_api_factor(kf_sandbox *s, const kf_call *c) {
    kf_factor *f;
    const kf_account *a = kf_users_by_factor(s->users, c->id, &f);
    if (!a) return no_factor();
    return (kf_answer){.status = 200, .body = factor_json(a, f)};
}

kf_answer kf_api_factor_delete(kf_sandbox *s, const kf_call *c) {
    kf_factor *f;
    if (!kf_users_by_factor(s->users, c->id, &f)) return no_factor();
    kf_factor_drop(f);
    return (kf_answer){.status = 204};
}

kf_answer kf_api_challenge(kf_sandbox *s, const kf_call *c) {
    kf_account *a = kf_users_by_factor(s->users, c->id, NULL);
    if (!a) return no_factor();
    return (kf_answer){.status = 201,
                       .body = challenge_json(kf_sessions_challenge_new(s->sessions, a, c->id))};
}

kf_answer kf_api_verify(kf_sandbox *s, const kf_call *c) {
    kf_challenge *ch = kf_sessions_challenge(s->sessions, c->id);
    kf_factor *f;
    const char *code = kf_json_str(c->body, "code");
    if (!ch || !kf_users_by_factor(s->users, ch->factor, &f))
        return kf_answer_not_found("Authentication challenge");
    if (!code) return kf_answer_parameters("code", "code must be a string");
    if (ch->verified)
        return kf_answer_a(422, "authentication_challenge_previously_verified",
                           "The authentication challenge was already verified.");
    if (ch->wrong_codes >= KF_CODE_TRIES)
        return kf_answer_a(400, "one_time_code_too_many_attempts", "Too many attempts.");
    bool right = kf_totp_check(&f->totp, code, kf_now()) == KF_TOTP_RIGHT;
    if (right) {
        ch->verified = true;
        kf_factor_verified(f);
    } else {
        ch->wrong_codes++;
    }
    kf_json *body = kf_json_obj();
    kf_json_set(body, "challenge", challenge_json(ch));
    kf_json_set_bool(body, "valid", right);
    return (kf_answer){.status = 201, .body = body};
}
