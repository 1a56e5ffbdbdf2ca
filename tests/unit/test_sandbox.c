/* The sandbox's parts that a clock decides, or that deserve odd input: TOTP, refresh
 * tokens, pending sign-ins, forms. Its behaviour over HTTP is in tests/sandbox. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/str.h"
#include "base/form.h"
#include "sandbox/sessions.h"
#include "sandbox/totp.h"

/* RFC 6238 appendix B, SHA-1, the last six of its eight digits. */
static void totp_vectors(void **state) {
    static const struct {
        int64_t at;
        const char *code;
    } v[] = {{59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
             {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"}};
    kf_totp t;
    assert_true(kf_totp_init(&t, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", NULL));
    for (size_t i = 0; i < KF_LEN(v); i++)
        assert_int_equal(kf_totp_check(&t, v[i].code, v[i].at), KF_TOTP_RIGHT);
}

static void totp_window(void **state) {
    const int64_t at = 1234567890 / 30 * 30; /* the first second of the step of 005924 */
    kf_totp fresh, t;
    assert_true(kf_totp_init(&fresh, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", NULL));
    static const struct {
        int64_t offset;
        kf_totp_result result;
    } v[] = {{-31, KF_TOTP_WRONG}, {-30, KF_TOTP_RIGHT}, {0, KF_TOTP_RIGHT},
             {29, KF_TOTP_RIGHT},  {59, KF_TOTP_RIGHT},  {60, KF_TOTP_WRONG}};
    for (size_t i = 0; i < KF_LEN(v); i++) {
        t = fresh;
        assert_int_equal(kf_totp_check(&t, "005924", at + v[i].offset), v[i].result);
    }
    t = fresh;
    assert_int_equal(kf_totp_check(&t, "005924", at - 30), KF_TOTP_RIGHT);
    for (int64_t s = -30; s < 60; s++)
        assert_int_equal(kf_totp_check(&t, "005924", at + s), KF_TOTP_USED_UP);
    assert_int_equal(kf_totp_check(&t, "", at), KF_TOTP_WRONG);
    assert_int_equal(kf_totp_check(&t, "0059240", at), KF_TOTP_WRONG);
}

static void totp_secrets(void **state) {
    static const char *const bad[] = {"", "A", "JBSWY3DP", "not base32!", "1111111111111111"};
    kf_totp t = {.key_len = 77};
    for (size_t i = 0; i < KF_LEN(bad); i++) {
        assert_false(kf_totp_init(&t, bad[i], NULL));
        assert_int_equal(t.key_len, 77); /* untouched */
    }
    assert_true(kf_totp_init(&t, "JBSWY3DPEHPK3PXP", NULL));
    assert_int_equal(t.key_len, 10);
}

static void refresh_tokens(void **state) {
    kf_account who = {0};
    kf_app app = {0};
    kf_pending from = {.account = &who, .app = &app, .method = "Password"};
    KF_AUTO(kf_sessions) s = kf_sessions_new(30000);
    KF_AUTO(kf_sessions) other = kf_sessions_new(30000);
    kf_sess *a = kf_sessions_add(s, &from, "127.0.0.1", NULL),
            *b = kf_sessions_add(s, &from, NULL, NULL);
    kf_sess *got = NULL;
    kf_sessions_add(other, &from, NULL, NULL);
    KF_AUTO_CHARS first = kf_sessions_token(s, a);
    KF_AUTO_CHARS of_b = kf_sessions_token(s, b);
    assert_string_not_equal(first, of_b);
    assert_int_equal(kf_sessions_check(s, first, &got), KF_REFRESH_RIGHT);
    assert_ptr_equal(got, a);
    assert_int_equal(kf_sessions_check(s, of_b, &got), KF_REFRESH_RIGHT);
    assert_ptr_equal(got, b);
    assert_int_equal(kf_sessions_check(other, first, &got), KF_REFRESH_UNKNOWN);

    kf_sess_rotate(a);
    KF_AUTO_CHARS second = kf_sessions_token(s, a);
    assert_string_not_equal(first, second);
    assert_int_equal(kf_sessions_check(s, first, &got), KF_REFRESH_REUSED); /* no answer was kept */
    kf_sess_keep_answer(a, kf_strdup("{}"));
    assert_int_equal(kf_sessions_check(s, first, &got), KF_REFRESH_REPLAY);
    a->rotated_ms -= 29000;
    assert_int_equal(kf_sessions_check(s, first, &got), KF_REFRESH_REPLAY);
    a->rotated_ms -= 1001;
    assert_int_equal(kf_sessions_check(s, first, &got), KF_REFRESH_REUSED);
    assert_int_equal(kf_sessions_check(s, second, &got), KF_REFRESH_RIGHT);
    for (size_t i = 0; second[i]; i++) {
        char was = second[i];
        second[i] = was == 'A' ? 'B' : 'A';
        assert_int_equal(kf_sessions_check(s, second, &got), KF_REFRESH_UNKNOWN);
        second[i] = was;
    }
    assert_int_equal(kf_sessions_alive(s), 2);
    kf_sess_end(a);
    assert_int_equal(kf_sessions_alive(s), 1);
}

static void pending(void **state) {
    kf_account who = {0};
    KF_AUTO(kf_sessions) s = kf_sessions_new(0);
    kf_pending what = {.account = &who, .kind = KF_PENDING_ORG};
    KF_AUTO_CHARS token = kf_strdup(kf_sessions_hold(s, &what)->token);
    kf_pending *p = kf_sessions_pending(s, token);
    assert_non_null(p);
    assert_ptr_equal(p->account, &who);
    assert_null(kf_sessions_pending(s, "x"));
    p->until_ms -= KF_PENDING_LIFE_MS - 5000;
    assert_non_null(kf_sessions_pending(s, token));
    p->until_ms -= 5001;
    assert_null(kf_sessions_pending(s, token));

    KF_AUTO_CHARS oldest = kf_strdup(kf_sessions_hold(s, &what)->token);
    for (int i = 0; i < KF_MAX_PENDING - 1; i++) kf_sessions_hold(s, &what);
    assert_non_null(kf_sessions_pending(s, oldest));
    kf_sessions_hold(s, &what);
    assert_null(kf_sessions_pending(s, oldest));
    KF_AUTO_CHARS id = kf_strdup(kf_sessions_challenge_new(s, &who, "auth_factor_1")->id);
    for (int i = 0; i < KF_MAX_CHALLENGES - 1; i++)
        kf_sessions_challenge_new(s, &who, "auth_factor_1");
    assert_non_null(kf_sessions_challenge(s, id));
    kf_sessions_challenge_new(s, &who, "auth_factor_1");
    assert_null(kf_sessions_challenge(s, id));
}

static void forms(void **state) {
    const char good[] = "a=1&b=x+y%20z&&c&d=%C3%A9&e==";
    KF_AUTO(kf_json) j = kf_form_parse(good, strlen(good), NULL);
    assert_non_null(j);
    assert_string_equal(kf_json_str(j, "b"), "x y z");
    assert_string_equal(kf_json_str(j, "c"), "");
    assert_string_equal(kf_json_str(j, "d"), "é");
    assert_string_equal(kf_json_str(j, "e"), "=");
    static const char *const bad[] = {"a=%",     "a=%4", "a=%zz", "a=%00",
                                      "a=1&a=2", "%=1",  "a=%ff", "a=1&%61=2"};
    for (size_t i = 0; i < KF_LEN(bad); i++) {
        kf_err err = {0};
        assert_null(kf_form_parse(bad[i], strlen(bad[i]), &err));
        assert_int_not_equal(err.code, KF_ERR_NONE);
    }
    assert_null(kf_form_parse("a=\0b", 4, NULL));
    char path[] = "/a%20b%00c%zz%";
    assert_int_equal(kf_form_unescape(path), 12);
    assert_string_equal(path, "/a b%00c%zz%");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(totp_vectors), cmocka_unit_test(totp_window),
        cmocka_unit_test(totp_secrets), cmocka_unit_test(refresh_tokens),
        cmocka_unit_test(pending),      cmocka_unit_test(forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
