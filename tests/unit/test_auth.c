/* Claims and the session record (src/auth/claims.h, session.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "auth/session.h"
#include "base/str.h"

static const kf_moment at = {
    .unix_s = 1700000000, .boot_ms = 5000, .boot_id = "boot-a", .date = 1700000002};
#define ORIGIN "https://api.example.test"
#define CLIENT "client_test"

static char *jwt_of(const char *payload) {
    KF_AUTO_CHARS p = kf_b64url(payload, strlen(payload));
    return kf_strfmt("eyJhbGciOiJSUzI1NiJ9.%s.c2ln", p);
}

/* --- claims ----------------------------------------------------------------------------------- */

static void claims_are_read(void **state) {
    KF_AUTO_CHARS t = jwt_of(
        "{\"iss\":\"https://"
        "api.workos.com\",\"sub\":\"user_1\",\"sid\":\"session_1\",\"jti\":\"j\",\"iat\":100,"
        "\"exp\":400,\"client_id\":\"client_1\",\"org_id\":\"org_1\",\"role\":\"admin\","
        "\"permissions\":[\"a\",\"b\"],\"more\":{\"x\":1}}");
    kf_claims c;
    assert_true(kf_claims_read(t, strlen(t), &c, NULL));
    assert_string_equal(c.sub, "user_1");
    assert_string_equal(c.sid, "session_1");
    assert_string_equal(c.jti, "j");
    assert_string_equal(c.iss, "https://api.workos.com");
    assert_string_equal(c.client_id, "client_1");
    assert_string_equal(c.org_id, "org_1");
    assert_string_equal(c.role, "admin");
    assert_int_equal(c.iat, 100);
    assert_int_equal(c.exp, 400);
    assert_int_equal(c.n_permissions, 2);
    KF_AUTO(kf_json) all = kf_claims_json(t, strlen(t), NULL);
    assert_int_equal(kf_json_int_or(kf_json_get(all, "more"), "x", 0), 1);
}

static void a_signed_token_may_still_not_count(void **state) {
    static const struct {
        const char *json, *says; /* says NULL: valid */
    } rows[] = {
        {"{\"exp\":2000}", NULL},
        {"{\"exp\":2000,\"nbf\":1060,\"iss\":\"https://"
         "api.workos.com\",\"client_id\":\"client_1\"}",
         NULL},
        {"{\"exp\":2000,\"iss\":\"https://api.workos.com/user_management/client_1\"}", NULL},
        {"{\"exp\":2000,\"iss\":\"https://auth.example.test\",\"aud\":\"anything\"}", NULL},
        {"{\"exp\":2000,\"aud\":[\"x\",\"client_2\",\"client_1\"]}", NULL},
        {"{}", "has no exp"},
        {"{\"exp\":1000}", "ended 0 s ago"},
        {"{\"exp\":820}", "ended 3 min ago"},
        {"{\"exp\":2000,\"nbf\":1061}", "nbf is in the future"},
        {"{\"exp\":2000,\"client_id\":\"client_2\"}", "another client: client_2"},
        {"{\"exp\":2000,\"aud\":\"client_2\"}", "another client: client_2"},
        {"{\"exp\":2000,\"aud\":[\"client_2\"]}", "another client: client_2"},
        {"{\"exp\":2000,\"iss\":\"https://api.workos.com/user_management/client_2\"}", "issuer"},
        {"{\"exp\":2000,\"iss\":\"http://api.workos.com\"}", "issuer"},
    };
    for (size_t i = 0; i < KF_LEN(rows); i++) {
        kf_err e = {.code = KF_ERR_NONE};
        KF_AUTO(kf_json) j = kf_json_parse(rows[i].json, strlen(rows[i].json), NULL);
        assert_int_equal(kf_claims_judge(j, "client_1", 1000, &e), !rows[i].says);
        if (rows[i].says && !strstr(e.what, rows[i].says)) fail_msg("%s: %s", rows[i].json, e.what);
        if (rows[i].says) assert_int_equal(kf_err_exit(e.code), 10);
    }
}

static void claims_may_be_missing(void **state) {
    KF_AUTO_CHARS t = jwt_of("{\"exp\":400,\"org_id\":null,\"role\":7}");
    kf_claims c;
    assert_true(kf_claims_read(t, strlen(t), &c, NULL));
    assert_string_equal(c.sub, "");
    assert_string_equal(c.org_id, "");
    assert_string_equal(c.role, "");
    assert_int_equal(c.iat, 0);
}

static void refuse_claims(const char *token, size_t len) {
    kf_claims c, before;
    memset(&c, 0x5a, sizeof c);
    before = c;
    kf_err e = {0};
    if (kf_claims_read(token, len, &c, &e)) fail_msg("taken: %.60s", token);
    assert_int_equal(e.code, KF_ERR_NET_BAD_ANSWER);
    assert_memory_equal(&c, &before, sizeof c);
    assert_false(kf_claims_read(token, len, &c, NULL));
}

static void broken_tokens_are_refused(void **state) {
    static const char *const bad[] = {"",
                                      ".",
                                      "..",
                                      "...",
                                      "a.b",
                                      "a.b.c.d",
                                      "a.!!!!.c",
                                      "a.e30=.c",
                                      "a.e30.c",
                                      "a.bnVsbA.c",
                                      "a.W10.c",
                                      "opaque",
                                      "a.eyJleHAiOjF9x.c" /* a letter too many */,
                                      "a.eyJleHAiOjF.c"};
    for (size_t i = 0; i < KF_LEN(bad); i++) refuse_claims(bad[i], strlen(bad[i]));
    refuse_claims("a.e30\0.c", 8);
    static const char *const payload[] = {"{}",
                                          "{\"exp\":null}",
                                          "{\"exp\":\"400\"}",
                                          "{\"exp\":0}",
                                          "{\"exp\":-5}",
                                          "{\"exp\":1.5}",
                                          "{\"exp\":1e300}",
                                          "{\"exp\":9007199254740993}",
                                          "{\"exp\":400,\"exp\":500}",
                                          "{\"exp\":400}x",
                                          "{\"exp\":400,\"org_id\":\"org_1\\u0000evil\"}",
                                          "[{\"exp\":400}]",
                                          "400",
                                          "{\"exp\":400",
                                          "{\"exp\":400,\"sub\":\"\xff\"}"};
    for (size_t i = 0; i < KF_LEN(payload); i++) {
        KF_AUTO_CHARS t = jwt_of(payload[i]);
        refuse_claims(t, strlen(t));
    }
}

static void too_long_claims_are_named(void **state) {
    char id[200];
    memset(id, 'x', sizeof id - 1);
    id[sizeof id - 1] = 0;
    for (size_t n = 95; n <= 96; n++) {
        KF_AUTO_CHARS p = kf_strfmt("{\"exp\":400,\"org_id\":\"%.*s\"}", (int)n, id);
        KF_AUTO_CHARS t = jwt_of(p);
        kf_claims c;
        kf_err e;
        assert_int_equal(kf_claims_read(t, strlen(t), &c, &e), n == 95);
        if (n == 96) assert_non_null(strstr(e.what, "org_id"));
    }
}

static void huge_tokens_are_refused(void **state) {
    size_t n = 30 << 10;
    KF_AUTO_CHARS pad = malloc(n + 1);
    memset(pad, 'x', n);
    pad[n] = 0;
    KF_AUTO_CHARS p = kf_strfmt("{\"exp\":400,\"pad\":\"%s\"}", pad);
    KF_AUTO_CHARS t = jwt_of(p);
    refuse_claims(t, strlen(t)); /* 40 KiB as base64 */
    pad[20 << 10] = 0;
    KF_AUTO_CHARS p2 = kf_strfmt("{\"exp\":400,\"pad\":\"%s\"}", pad);
    KF_AUTO_CHARS t2 = jwt_of(p2);
    kf_claims c;
    assert_true(kf_claims_read(t2, strlen(t2), &c, NULL));
}

/* --- the session record ----------------------------------------------------------------------- */

static kf_json *parse(const char *text) {
    kf_err e;
    kf_json *j = kf_json_parse(text, strlen(text), &e);
    if (!j) fail_msg("%s: %s", e.what, text);
    return j;
}

/* {"access_token":<JWT of payload>, <more>} */
static kf_json *answer(const char *payload, const char *more) {
    KF_AUTO_CHARS t = jwt_of(payload);
    KF_AUTO_CHARS text = kf_strfmt("{\"access_token\":\"%s\"%s%s}", t, *more ? "," : "", more);
    return parse(text);
}
#define PAYLOAD "{\"sub\":\"user_1\",\"iat\":1700000000,\"exp\":1700000300}"
#define PAYLOAD_ORG \
    "{\"sub\":\"user_1\",\"org_id\":\"org_1\",\"iat\":1700000000,\"exp\":1700000300}"
#define USER                                                                                      \
    "\"user\":{\"id\":\"user_1\",\"email\":\"maya@example.test\",\"first_name\":\"Maya\",\"last_" \
    "name\":\"Chen\"}"
#define FULL                                                                                    \
    USER ",\"refresh_token\":\"rt_1\",\"organization_id\":\"org_1\",\"authentication_method\":" \
         "\"Password\","                                                                        \
         "\"impersonator\":{\"email\":\"admin@example.test\",\"reason\":\"help\"},"             \
         "\"oauth_tokens\":{\"provider\":\"GitHubOAuth\",\"access_token\":\"gho\",\"scopes\":[" \
         "\"repo\"]},"                                                                          \
         "\"authkit_authorization_code\":\"code_1\",\"new_thing\":{\"a\":[1,2]}"

static kf_session *make(const char *payload, const char *more, const kf_session *prev,
                        kf_err *err) {
    KF_AUTO(kf_json) j = answer(payload, more);
    return kf_session_from_answer(j, prev, ORIGIN, CLIENT, &at, err);
}

static void same_secret(const kf_secret *a, const kf_secret *b) {
    assert_int_equal(!a, !b);
    assert_true(kf_secret_eq(a, b));
}

static void same_session(const kf_session *a, const kf_session *b) {
    same_secret(a->access_token, b->access_token);
    same_secret(a->refresh_token, b->refresh_token);
    same_secret(a->oauth_tokens, b->oauth_tokens);
    same_secret(a->extra, b->extra);
    KF_AUTO_CHARS ua = kf_json_print(a->user);
    KF_AUTO_CHARS ub = kf_json_print(b->user);
    assert_string_equal(ua, ub);
    assert_string_equal(a->organization_id, b->organization_id);
    assert_string_equal(a->organization_name, b->organization_name);
    assert_string_equal(a->authentication_method, b->authentication_method);
    assert_string_equal(a->impersonator_email, b->impersonator_email);
    assert_string_equal(a->impersonator_reason, b->impersonator_reason);
    assert_string_equal(a->origin, b->origin);
    assert_string_equal(a->client_id, b->client_id);
    assert_string_equal(a->received.boot_id, b->received.boot_id);
    assert_string_equal(a->claims.sub, b->claims.sub);
    const int64_t na[] = {
        a->generation,       a->iat,          a->exp,        a->life_s, a->received.unix_s,
        a->received.boot_ms, a->signed_in_at, a->renewed_at, a->skew_s, a->unverified};
    const int64_t nb[] = {
        b->generation,       b->iat,          b->exp,        b->life_s, b->received.unix_s,
        b->received.boot_ms, b->signed_in_at, b->renewed_at, b->skew_s, b->unverified};
    for (size_t i = 0; i < KF_LEN(na); i++) assert_int_equal(na[i], nb[i]);
}

static void every_field_survives_the_store(void **state) {
    KF_AUTO(kf_session) s = make(PAYLOAD_ORG, FULL, NULL, NULL);
    assert_non_null(s);
    assert_string_equal(kf_secret_peek(s->refresh_token), "rt_1");
    assert_string_equal(s->organization_id, "org_1");
    assert_string_equal(s->authentication_method, "Password");
    assert_string_equal(s->impersonator_email, "admin@example.test");
    assert_string_equal(s->impersonator_reason, "help");
    assert_non_null(strstr(kf_secret_peek(s->oauth_tokens), "\"access_token\":\"gho\""));
    assert_non_null(strstr(kf_secret_peek(s->extra), "\"authkit_authorization_code\":\"code_1\""));
    assert_non_null(strstr(kf_secret_peek(s->extra), "\"new_thing\":{\"a\":[1,2]}"));
    assert_null(strstr(kf_secret_peek(s->extra), "rt_1"));
    assert_string_equal(s->origin, ORIGIN);
    assert_string_equal(s->client_id, CLIENT);
    assert_int_equal(s->generation, 1);
    assert_int_equal(s->life_s, 300);
    assert_int_equal(s->signed_in_at, at.unix_s);
    assert_int_equal(s->renewed_at, at.unix_s);
    assert_int_equal(s->skew_s, 2);
    assert_string_equal(s->claims.org_id, "org_1");
    assert_true(kf_str_set(s->organization_name, sizeof s->organization_name, "Acmé"));
    s->unverified = true;
    KF_AUTO(kf_secret) blob = kf_session_to_blob(s);
    KF_AUTO(kf_session) back = kf_session_from_blob(blob, NULL);
    assert_non_null(back);
    same_session(s, back);
    KF_AUTO(kf_session) copy = kf_session_copy(s);
    same_session(s, copy);
    assert_ptr_not_equal(s->user, copy->user);
}

static void a_bare_sign_in_survives_too(void **state) {
    KF_AUTO(kf_session)
    s = make(PAYLOAD,
             "\"user\":{\"id\":\"user_1\"},\"refresh_token\":\"rt_1\",\"organization_id\":null,"
             "\"impersonator\":null",
             NULL, NULL);
    assert_non_null(s);
    assert_null(s->oauth_tokens);
    assert_null(s->extra);
    assert_string_equal(s->organization_id, "");
    assert_string_equal(s->impersonator_email, "");
    KF_AUTO(kf_secret) blob = kf_session_to_blob(s);
    KF_AUTO(kf_session) back = kf_session_from_blob(blob, NULL);
    assert_non_null(back);
    same_session(s, back);
    assert_string_equal(kf_session_user_email(back), "");
}

static void a_pasted_token_is_a_session_that_is_over(void **state) {
    KF_AUTO(kf_secret) token = kf_secret_new("pasted", 6);
    KF_AUTO(kf_session) s = kf_session_unverified(token, ORIGIN, CLIENT, &at);
    assert_non_null(s);
    s->previous = kf_secret_new("{\"x\":1}", 7);
    assert_true(kf_session_left_ms(s, &at) <= 0);
    KF_AUTO(kf_secret) blob = kf_session_to_blob(s);
    KF_AUTO(kf_session) back = kf_session_from_blob(blob, NULL);
    assert_non_null(back);
    assert_true(back->unverified);
    assert_null(back->access_token);
    same_secret(back->refresh_token, token);
    same_secret(back->previous, s->previous);
    KF_AUTO(kf_session) r = make(PAYLOAD_ORG, FULL, back, NULL); /* its first renewal */
    assert_non_null(r);
    assert_false(r->unverified);
    assert_null(r->previous);
    assert_int_equal(r->generation, 2);
    assert_string_equal(kf_session_user_id(r), "user_1");
}

static void a_renewal_keeps_what_it_does_not_bring(void **state) {
    KF_AUTO(kf_session) s = make(PAYLOAD_ORG, FULL, NULL, NULL);
    assert_true(kf_str_set(s->organization_name, sizeof s->organization_name, "Acme"));
    s->unverified = true;
    static const char *const without[] = {"", "\"refresh_token\":null", "\"refresh_token\":\"\""};
    for (size_t i = 0; i < KF_LEN(without); i++) {
        KF_AUTO(kf_session) r = make(PAYLOAD_ORG, without[i], s, NULL);
        assert_non_null(r);
        same_secret(r->refresh_token, s->refresh_token);
        assert_string_equal(kf_session_user_id(r), "user_1");
        assert_string_equal(r->organization_name, "Acme");
        assert_string_equal(r->authentication_method, "Password");
        assert_string_equal(r->impersonator_email, "admin@example.test");
        same_secret(r->oauth_tokens, s->oauth_tokens);
        assert_int_equal(r->generation, 2);
        assert_int_equal(r->signed_in_at, s->signed_in_at);
        assert_false(r->unverified);
    }
    KF_AUTO(kf_session)
    r = make("{\"org_id\":\"org_2\",\"iat\":1700000000,\"exp\":1700000600}",
             "\"refresh_token\":\"rt_2\",\"impersonator\":null", s, NULL);
    assert_non_null(r);
    assert_string_equal(kf_secret_peek(r->refresh_token), "rt_2");
    assert_string_equal(r->organization_id, "org_2");
    assert_string_equal(r->organization_name, ""); /* of another organization */
    assert_string_equal(r->impersonator_email, "");
    assert_int_equal(r->life_s, 600);
    assert_string_equal(kf_secret_peek(s->refresh_token), "rt_1"); /* prev untouched */
    assert_int_equal(s->generation, 1);
}

static void another_organization_is_told(void **state) {
    kf_err e;
    KF_AUTO(kf_session)
    s = make("{\"sub\":\"user_1\",\"org_id\":\"org_1\",\"iat\":1700000000,\"exp\":1700000300}",
             FULL, NULL, NULL);
    assert_true(kf_session_in_organization(s, "org_1", &e));
    assert_true(kf_session_in_organization(s, "", &e));
    assert_false(kf_session_in_organization(s, "org_2", &e));
    assert_int_equal(e.code, KF_ERR_WORKOS_MISMATCH);
    KF_AUTO(kf_session) lost = make(PAYLOAD, "\"refresh_token\":\"rt_2\"", s, NULL);
    assert_false(kf_session_in_organization(lost, "org_1", &e));
    assert_non_null(strstr(e.what, "no organization"));
}

static void another_user_is_refused(void **state) {
    KF_AUTO(kf_session) s = make(PAYLOAD, FULL, NULL, NULL);
    kf_err e;
    assert_null(make(PAYLOAD, "\"user\":{\"id\":\"user_2\"},\"refresh_token\":\"rt_2\"", s, &e));
    assert_int_equal(e.code, KF_ERR_WORKOS_MISMATCH);
    assert_non_null(strstr(e.what, "user_2") && strstr(e.what, "user_1") ? e.what : NULL);
    /* the token tells who it is for, whatever the answer around it says */
    assert_null(make("{\"sub\":\"user_2\",\"iat\":1700000000,\"exp\":1700000300}",
                     "\"refresh_token\":\"rt_2\"", s, &e));
    assert_int_equal(e.code, KF_ERR_WORKOS_MISMATCH);
    assert_null(make(
        "{\"sub\":\"user_1\",\"client_id\":\"client_other\",\"iat\":1700000000,\"exp\":1700000300}",
        "\"refresh_token\":\"rt_2\"", s, &e));
    assert_int_equal(e.code, KF_ERR_WORKOS_MISMATCH);
    assert_non_null(strstr(e.what, "client_other"));
    assert_null(make(PAYLOAD, "\"user\":{\"id\":\"user_1 \"},\"refresh_token\":\"rt_2\"", s, &e));
    assert_int_equal(e.code, KF_ERR_WORKOS_MISMATCH);
    assert_string_equal(kf_secret_peek(s->refresh_token), "rt_1");
    /* a user without an id names nobody else */
    KF_AUTO(kf_session)
    r = make(PAYLOAD, "\"user\":{\"email\":\"x\"},\"refresh_token\":\"rt_2\"", s, &e);
    assert_non_null(r);
    assert_string_equal(kf_session_user_email(r), "maya@example.test");
}

/* A refresh token that cannot be kept must not be taken for one that did not come. */
static void unusable_answers_name_the_field(void **state) {
    KF_AUTO(kf_session) prev = make(PAYLOAD, FULL, NULL, NULL);
    char *x = calloc(1, 40001);
    memset(x, 'x', 40000);
    KF_AUTO_CHARS long_rt = kf_strfmt(USER ",\"refresh_token\":\"%s\"", x);
    KF_AUTO_CHARS long_id = kf_strfmt("\"user\":{\"id\":\"%.*s\"},\"refresh_token\":\"r\"", 96, x);
    KF_AUTO_CHARS long_org =
        kf_strfmt(USER ",\"refresh_token\":\"r\",\"organization_id\":\"%.*s\"", 96, x);
    free(x);
    const struct {
        const char *payload, *more, *said;
        const kf_session *prev;
    } rows[] = {
        {PAYLOAD, long_rt, "refresh_token", NULL},
        {PAYLOAD, long_rt, "refresh_token", prev},
        {PAYLOAD, "\"refresh_token\":5", "refresh_token", prev},
        {PAYLOAD, "\"refresh_token\":[\"r\"]", "refresh_token", prev},
        {PAYLOAD, USER, "refresh_token", NULL},
        {PAYLOAD, "\"refresh_token\":\"r\"", "user", NULL},
        {PAYLOAD, "\"refresh_token\":\"r\",\"user\":\"user_1\"", "user", NULL},
        {PAYLOAD, "\"refresh_token\":\"r\",\"user\":{\"id\":\"\"}", "user", NULL},
        {PAYLOAD, long_id, "user's id", NULL},
        {PAYLOAD, "\"refresh_token\":\"r\",\"user\":{\"id\":\"caf\xc3\xa9\"}", "user's id", NULL},
        {PAYLOAD, long_org, "organization_id", NULL},
        {PAYLOAD, "\"refresh_token\":\"a\\nb\"", "refresh_token has", prev},
        {PAYLOAD, "\"refresh_token\":\"caf\xc3\xa9\"", "refresh_token has", prev},
        {"{\"sub\":\"caf\xc3\xa9\",\"exp\":1700000300}", FULL, "sub", prev},
        {"{\"iat\":1700000300,\"exp\":1700000300}", FULL, "life", NULL},
        {"{\"iat\":1700000300,\"exp\":1700000200}", FULL, "life", prev},
        {"{\"iat\":1,\"exp\":9007199254740991}", FULL, "life", NULL},
        {"{\"iat\":1700000000}", FULL, "exp", NULL}};
    for (size_t i = 0; i < KF_LEN(rows); i++) {
        kf_err e = {0};
        if (make(rows[i].payload, rows[i].more, rows[i].prev, &e)) fail_msg("row %zu was taken", i);
        assert_int_equal(e.code, KF_ERR_NET_BAD_ANSWER);
        if (!strstr(e.what, rows[i].said)) fail_msg("row %zu: %s", i, e.what);
    }
}

/* However long or broken: what only shows never costs the pair of tokens, and what is kept is
 * small. */
static void what_only_shows_is_cut(void **state) {
    enum { MANY = 230 * 1024 };
    KF_AUTO_CHARS x = calloc(1, MANY + 1);
    for (int i = 0; i + 3 <= MANY; i += 3) memcpy(x + i, "\xe2\x82\xac", 3);
    KF_AUTO_CHARS payload =
        kf_strfmt("{\"sub\":\"user_1\",\"sid\":\"%.300s\",\"role\":\"%.99s\",\"jti\":\"%.99s\","
                  "\"iss\":\"%.300s\",\"iat\":1700000000,\"exp\":1700000300}",
                  x, x, x, x);
    KF_AUTO_CHARS more = kf_strfmt(
        "\"user\":{\"id\":\"user_1\",\"email\":\"%s\",\"first_name\":\"Maya\",\"metadata\":{\"a\":"
        "\"%s\"},"
        "\"email_verified\":true},\"refresh_token\":\"rt_2\",\"authentication_method\":\"%.99s\","
        "\"impersonator\":{\"email\":\"%.300s\",\"reason\":\"%.600s\"},\"oauth_tokens\":{\"access_"
        "token\":\"%s\"},"
        "\"new_thing\":\"%s\"",
        x, x, x, x, x, x, x);
    KF_AUTO(kf_session) prev = make(PAYLOAD, FULL, NULL, NULL);
    const kf_session *const before[] = {NULL, prev};
    for (size_t i = 0; i < KF_LEN(before); i++) {
        kf_err e;
        KF_AUTO(kf_session) s = make(payload, more, before[i], &e);
        if (!s) fail_msg("%s", e.what);
        assert_string_equal(kf_secret_peek(s->refresh_token), "rt_2");
        assert_int_equal(strlen(s->claims.role), 93); /* whole characters */
        assert_string_equal(s->claims.sid, "");
        assert_int_equal(strlen(s->authentication_method), 63);
        assert_int_equal(strlen(s->impersonator_reason), 510);
        assert_null(s->extra);
        assert_null(s->oauth_tokens);
        assert_int_equal(strlen(kf_session_user_email(s)), 510);
        assert_string_equal(kf_json_str(s->user, "first_name"), "Maya");
        assert_true(kf_json_bool(s->user, "email_verified", false));
        assert_null(kf_json_get(s->user, "metadata"));
        KF_AUTO(kf_secret) blob = kf_session_to_blob(s);
        assert_true(kf_secret_len(blob) < 8 << 10);
        KF_AUTO(kf_session) back = kf_session_from_blob(blob, NULL);
        assert_non_null(back);
        same_session(s, back);
    }
}

/* A record that an earlier version stored whole is held to the same bounds when it is read. */
static void older_records_are_cut(void **state) {
    KF_AUTO(kf_session) s = make(PAYLOAD_ORG, FULL, NULL, NULL);
    KF_AUTO(kf_secret) blob = kf_session_to_blob(s);
    KF_AUTO(kf_json) j = parse(kf_secret_peek(blob));
    KF_AUTO_CHARS x = calloc(1, 100001);
    memset(x, 'x', 100000);
    KF_AUTO(kf_json) user = kf_json_copy(kf_json_get(j, "user"));
    kf_json_set_str(user, "email", x);
    kf_json_set(j, "user", kf_json_copy(user));
    kf_json_set_str(j, "impersonator_reason", x);
    kf_json_set_str(j, "extra", x);
    KF_AUTO(kf_secret) large = kf_json_print_secret(j);
    KF_AUTO(kf_session) back = kf_session_from_blob(large, NULL);
    assert_non_null(back);
    assert_int_equal(strlen(kf_session_user_email(back)), 512);
    assert_int_equal(strlen(back->impersonator_reason), 511);
    assert_null(back->extra);
    same_secret(back->refresh_token, s->refresh_token);
    kf_json_set_str(j, "access_token", "a\r\nb");
    KF_AUTO(kf_secret) odd = kf_json_print_secret(j);
    kf_err e;
    assert_null(kf_session_from_blob(odd, &e));
    assert_int_equal(e.code, KF_ERR_STORE_DAMAGED);
}

static void access_tokens_are_visible(void **state) {
    static const char *const odd[] = {"a b",         "a\\nb",     "a\\u001b[2Jb", "a\\u007f",
                                      "caf\xc3\xa9", "a\\u0000b", "a\xff"};
    for (size_t i = 0; i < KF_LEN(odd); i++) {
        KF_AUTO_CHARS text = kf_strfmt(
            "{\"access_token\":\"%s\",\"expires_in\":300,\"refresh_token\":\"r\"," USER "}",
            odd[i]);
        KF_AUTO(kf_json) j = kf_json_parse_lenient(text, strlen(text), NULL);
        kf_err e = {0};
        assert_non_null(j);
        if (kf_session_from_answer(j, NULL, ORIGIN, CLIENT, &at, &e))
            fail_msg("row %zu was taken", i);
        assert_string_equal(e.what, "access_token has characters that no token has");
    }
}

static void a_token_that_is_no_jwt(void **state) {
    KF_AUTO(kf_json)
    opaque =
        parse("{\"access_token\":\"opaque\",\"expires_in\":300,\"refresh_token\":\"r\"," USER "}");
    KF_AUTO(kf_session) s = kf_session_from_answer(opaque, NULL, ORIGIN, CLIENT, &at, NULL);
    assert_non_null(s);
    assert_int_equal(s->life_s, 300);
    assert_int_equal(s->exp, at.date + 300);
    assert_int_equal(kf_session_left_ms(s, &at), 300000);
    KF_AUTO(kf_secret) blob = kf_session_to_blob(s);
    KF_AUTO(kf_session) back = kf_session_from_blob(blob, NULL);
    assert_non_null(back);
    same_session(s, back);
    static const char *const bad[] = {
        "{\"access_token\":\"opaque\",\"refresh_token\":\"r\"," USER "}",
        "{\"access_token\":\"opaque\",\"expires_in\":0,\"refresh_token\":\"r\"," USER "}",
        "{\"access_token\":\"opaque\",\"expires_in\":-1,\"refresh_token\":\"r\"," USER "}",
        "{\"access_token\":\"opaque\",\"expires_in\":\"300\",\"refresh_token\":\"r\"," USER "}",
        "{\"access_token\":\"opaque\",\"expires_in\":99999999,\"refresh_token\":\"r\"," USER "}",
        "{\"expires_in\":300,\"refresh_token\":\"r\"," USER "}"};
    for (size_t i = 0; i < KF_LEN(bad); i++) {
        KF_AUTO(kf_json) j = parse(bad[i]);
        kf_err e;
        assert_null(kf_session_from_answer(j, NULL, ORIGIN, CLIENT, &at, &e));
        assert_int_equal(e.code, KF_ERR_NET_BAD_ANSWER);
        assert_null(kf_session_from_answer(j, NULL, ORIGIN, CLIENT, &at, NULL));
    }
}

static void damaged_blobs_are_refused(void **state) {
    KF_AUTO(kf_session) s = make(PAYLOAD_ORG, FULL, NULL, NULL);
    KF_AUTO(kf_secret) blob = kf_session_to_blob(s);
    kf_err e;
    for (size_t n = 0; n < kf_secret_len(blob); n++) { /* cut anywhere */
        KF_AUTO(kf_secret) cut = kf_secret_new(kf_secret_peek(blob), n);
        if (kf_session_from_blob(cut, &e)) fail_msg("cut at %zu was taken", n);
        assert_int_equal(e.code, KF_ERR_STORE_DAMAGED);
    }
    static const char *const members[][2] = {
        {"schema", "\"keyfob.session/1x\""},
        {"schema", "\"keyfob.session/\""},
        {"schema", "\"keyfob.ledger/2\""},
        {"generation", "0"},
        {"generation", "\"1\""},
        {"life_s", "0"},
        {"life_s", "99999999999"},
        {"exp", "-1"},
        {"exp", "9007199254740991"},
        {"skew_s", "-9007199254740991"},
        {"access_token", "\"\""},
        {"refresh_token", "null"},
        {"received_boot_ms", "null"},
        {"received_boot_ms", "9007199254740991"},
        {"received_unix_s", "-9007199254740991"},
        {"received_boot_id", "\"0123456789012345678901234567890123456789\""}};
    for (size_t i = 0; i < KF_LEN(members); i++) {
        KF_AUTO(kf_json) j = parse(kf_secret_peek(blob));
        KF_AUTO_CHARS wrapped = kf_strfmt("{\"v\":%s}", members[i][1]);
        KF_AUTO(kf_json) v = parse(wrapped);
        kf_json_set(j, members[i][0], kf_json_copy(kf_json_get(v, "v")));
        KF_AUTO(kf_secret) bent = kf_json_print_secret(j);
        if (kf_session_from_blob(bent, &e))
            fail_msg("%s = %s was taken", members[i][0], members[i][1]);
        assert_int_equal(e.code, KF_ERR_STORE_DAMAGED);
    }
}

static void newer_blobs_are_named(void **state) {
    kf_err e;
    static const char *const newer[] = {"keyfob.session/2", "keyfob.session/10"};
    for (size_t i = 0; i < KF_LEN(newer); i++) {
        KF_AUTO(kf_json) j = kf_json_obj();
        kf_json_set_str(j, "schema", newer[i]);
        KF_AUTO(kf_secret) blob = kf_json_print_secret(j);
        assert_null(kf_session_from_blob(blob, &e));
        assert_int_equal(e.code, KF_ERR_STORE_NEWER);
    }
}

/* --- time ------------------------------------------------------------------------------------- */

static void time_left(void **state) {
    KF_AUTO(kf_session)
    s = make(PAYLOAD, FULL, NULL, NULL); /* received 2 s behind iat by the server's clock */
    kf_moment m = at;
    assert_int_equal(kf_session_left_ms(s, &m), 300000);
    m.boot_ms += 299500;
    assert_int_equal(kf_session_left_ms(s, &m), 500);
    m.boot_ms += 1000;
    assert_int_equal(kf_session_left_ms(s, &m), -500);
    m.unix_s = 0; /* set back: it prolongs nothing */
    assert_int_equal(kf_session_left_ms(s, &m), -500);
    /* another boot: the wall clock, put right by the skew */
    m = at;
    memcpy(m.boot_id, "boot-b", 7);
    m.boot_ms = 1;
    assert_int_equal(kf_session_left_ms(s, &m), 298000);
    m.unix_s += 298;
    assert_int_equal(kf_session_left_ms(s, &m), 0);
    m.unix_s += 3600;
    assert_int_equal(kf_session_left_ms(s, &m), -3600000);
    /* a record without a boot is never within this one */
    s->received.boot_id[0] = m.boot_id[0] = 0;
    m.unix_s = at.unix_s;
    assert_int_equal(kf_session_left_ms(s, &m), 298000);
}

/* The machine slept for an hour between the request and the look at its answer. */
static void an_answer_that_lay_there(void **state) {
    KF_AUTO(kf_json)
    body =
        parse("{\"access_token\":\"opaque\",\"expires_in\":300,\"refresh_token\":\"r\"," USER "}");
    kf_moment late = at;
    late.waited_ms = kf_moment_waited(&late, late.boot_ms - 3600000, late.unix_s * 1000);
    assert_int_equal(late.waited_ms, 3600000);
    KF_AUTO(kf_session) s = kf_session_from_answer(body, NULL, ORIGIN, CLIENT, &late, NULL);
    assert_non_null(s);
    assert_int_equal(kf_session_left_ms(s, &late), 300000 - 3600000);
    memcpy(late.boot_id, "boot-b", 7);
    assert_int_equal(kf_session_left_ms(s, &late), 300000 - 3600000);
    /* a paused virtual machine: only its wall clock knows */
    late = at;
    assert_int_equal(kf_moment_waited(&late, late.boot_ms - 20, (late.unix_s - 60) * 1000), 60000);
    /* set back meanwhile, and an answer in no time */
    assert_int_equal(kf_moment_waited(&late, late.boot_ms - 20, (late.unix_s + 60) * 1000), 20);
    assert_int_equal(kf_moment_waited(&late, late.boot_ms + 1, (late.unix_s + 60) * 1000), 0);
}

/* Within one boot, whatever the wall clock says at receipt. */
static void time_left_by_two_clocks(void **state) {
    const int64_t hour = 3600,
                  clocks[] = {at.unix_s, at.unix_s - 7 * hour, at.unix_s + 400 * 24 * hour};
    KF_AUTO(kf_json) j = answer(PAYLOAD, FULL);
    for (size_t i = 0; i < KF_LEN(clocks); i++) {
        for (int date = 0; date < 2; date++) {
            kf_moment got = {.unix_s = clocks[i],
                             .boot_ms = 5000,
                             .boot_id = "boot-a",
                             .date = date ? at.date : 0};
            KF_AUTO(kf_session) s = kf_session_from_answer(j, NULL, ORIGIN, CLIENT, &got, NULL);
            assert_non_null(s);
            s->received.boot_ms = 5000;
            kf_moment m = got;
            m.unix_s += 100;
            m.boot_ms += 100000;
            assert_int_equal(kf_session_left_ms(s, &m), 200000);
            m.unix_s += 2 * hour; /* a machine that was paused: the boot clock stood still */
            assert_int_equal(kf_session_left_ms(s, &m), 200000 - 2 * hour * 1000);
            m.unix_s -= 30 * hour; /* set back */
            assert_int_equal(kf_session_left_ms(s, &m), 200000);
            m.boot_ms += 300000;
            assert_int_equal(kf_session_left_ms(s, &m), -100000);
        }
    }
}

static void skew(void **state) {
    const struct {
        int64_t unix_s, date, want;
    } rows[] = {{1700000000, 1700000000, 0},
                {1700000000, 1700000040, 40},
                {1700003600, 1700000000, -3600} /* our clock is an hour ahead */,
                {1600000000, 1700000000, 100000000},
                {1700000000, 0, 0} /* no Date */,
                {1700000000, 1700000300, 300},
                {1700000000, 1700000301, 0} /* over 5 min from iat: nonsense */,
                {1700000000, 1699999700, -300},
                {1700000000, 1699999699, 0},
                {1700000000, 4102444800, 0}};
    KF_AUTO(kf_json) j = answer(PAYLOAD, FULL);
    for (size_t i = 0; i < KF_LEN(rows); i++) {
        kf_moment m = {
            .unix_s = rows[i].unix_s, .boot_ms = 1, .boot_id = "b", .date = rows[i].date};
        KF_AUTO(kf_session) s = kf_session_from_answer(j, NULL, ORIGIN, CLIENT, &m, NULL);
        assert_non_null(s);
        if (s->skew_s != rows[i].want) fail_msg("row %zu: skew %lld", i, (long long)s->skew_s);
        assert_int_equal(kf_session_left_ms(s, &m), 300000); /* whatever the clocks say */
    }
    /* iat absent: the moment it came */
    KF_AUTO(kf_json) bare = answer("{\"exp\":1700000300}", FULL);
    KF_AUTO(kf_session) s = kf_session_from_answer(bare, NULL, ORIGIN, CLIENT, &at, NULL);
    assert_non_null(s);
    assert_int_equal(s->life_s, 298);
}

static void user_names(void **state) {
    const struct {
        const char *user, *want;
        size_t size;
    } rows[] = {
        {"{\"id\":\"u\",\"first_name\":\"Maya\",\"last_name\":\"Chen\"}", "Maya Chen", 32},
        {"{\"id\":\"u\",\"first_name\":\"Maya\",\"last_name\":null}", "Maya", 32},
        {"{\"id\":\"u\",\"last_name\":\"Chen\"}", "Chen", 32},
        {"{\"id\":\"u\",\"name\":\"M. C.\"}", "M. C.", 32},
        {"{\"id\":\"u\"}", "", 32},
        {"{\"id\":\"u\",\"first_name\":\"\xc3\xa9\xc3\xa9\xc3\xa9\"}", "\xc3\xa9\xc3\xa9", 6},
        {"{\"id\":\"u\",\"first_name\":\"\xe2\x82\xac\"}", "", 3},
        {"{\"id\":\"u\",\"first_name\":\"abc\"}", "", 1}};
    for (size_t i = 0; i < KF_LEN(rows); i++) {
        kf_session s = {.user = parse(rows[i].user)};
        char out[32];
        kf_session_user_name(&s, out, rows[i].size);
        assert_string_equal(out, rows[i].want);
        kf_json_free(s.user);
    }
    kf_session none = {0};
    assert_string_equal(kf_session_user_id(&none), "");
    assert_null(kf_session_free(NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(claims_are_read),
                                       cmocka_unit_test(a_signed_token_may_still_not_count),
                                       cmocka_unit_test(claims_may_be_missing),
                                       cmocka_unit_test(broken_tokens_are_refused),
                                       cmocka_unit_test(too_long_claims_are_named),
                                       cmocka_unit_test(huge_tokens_are_refused),
                                       cmocka_unit_test(every_field_survives_the_store),
                                       cmocka_unit_test(a_bare_sign_in_survives_too),
                                       cmocka_unit_test(a_pasted_token_is_a_session_that_is_over),
                                       cmocka_unit_test(a_renewal_keeps_what_it_does_not_bring),
                                       cmocka_unit_test(another_organization_is_told),
                                       cmocka_unit_test(another_user_is_refused),
                                       cmocka_unit_test(unusable_answers_name_the_field),
                                       cmocka_unit_test(what_only_shows_is_cut),
                                       cmocka_unit_test(older_records_are_cut),
                                       cmocka_unit_test(access_tokens_are_visible),
                                       cmocka_unit_test(a_token_that_is_no_jwt),
                                       cmocka_unit_test(damaged_blobs_are_refused),
                                       cmocka_unit_test(newer_blobs_are_named),
                                       cmocka_unit_test(time_left),
                                       cmocka_unit_test(an_answer_that_lay_there),
                                       cmocka_unit_test(time_left_by_two_clocks),
                                       cmocka_unit_test(skew),
                                       cmocka_unit_test(user_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
