/* Lists of organizations, sessions and factors, new factors, and what goes into their requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "auth/account.h"
#include "base/buf.h"
#include "base/str.h"

static kf_json *json(const char *text) {
    kf_err e;
    kf_json *j = kf_json_parse(text, strlen(text), &e);
    if (!j) fail_msg("%s in %s", e.what, text);
    return j;
}

static void paths(void **state) {
    static const char *const bad[] = {"", "a/b", "a?b", "a b", "a%2f", "..", "a\n", "ä"};
    for (size_t i = 0; i < KF_LEN(bad); i++) {
        assert_false(kf_account_id_ok(bad[i]));
        assert_null(kf_account_list_path(KF_LIST_SESSIONS, bad[i], NULL, 100));
        if (*bad[i]) assert_null(kf_account_list_path(KF_LIST_SESSIONS, "user_1", bad[i], 100));
        assert_null(kf_account_organization_path(bad[i]));
        assert_null(kf_account_factors_path(bad[i]));
        assert_null(kf_account_factor_path(bad[i]));
        assert_null(kf_account_challenge_path(bad[i]));
        assert_null(kf_account_verify_path(bad[i]));
    }
    char id[97];
    memset(id, 'a', 96);
    id[96] = 0;
    assert_false(kf_account_id_ok(id));
    assert_true(kf_account_id_ok(id + 1));
    assert_false(kf_account_id_ok(NULL));
    KF_AUTO_CHARS a = kf_account_list_path(KF_LIST_ORGANIZATIONS, "user_1", NULL, 100);
    assert_string_equal(a, "/user_management/organization_memberships?user_id=user_1&limit=100");
    KF_AUTO_CHARS b = kf_account_list_path(KF_LIST_SESSIONS, "user_1", "session_9", 10);
    assert_string_equal(b, "/user_management/users/user_1/sessions?limit=10&after=session_9");
    KF_AUTO_CHARS c = kf_account_verify_path("auth_challenge_1");
    assert_string_equal(c, "/auth/challenges/auth_challenge_1/verify");
}

static void organizations(void **state) {
    kf_err e;
    char next[KF_ACCOUNT_ID_MAX];
    KF_AUTO(kf_json) list = kf_json_arr();
    KF_AUTO(kf_json)
    one = json("{\"data\":[{\"organization_id\":\"org_1\",\"organization_name\":\"Acm\\u00e9\","
               "\"status\":\"active\","
               "\"role\":{\"slug\":\"admin\"}},{\"organization_id\":\"../"
               "x\"},7,null,{}],\"list_metadata\":{\"before\":null,"
               "\"after\":\"om_1\"}}");
    KF_AUTO(kf_json)
    two = json("{\"data\":[{\"organization_id\":\"org_2\"}],\"list_metadata\":{\"after\":null}}");
    assert_true(kf_account_page(KF_LIST_ORGANIZATIONS, one, NULL, list, next, &e));
    assert_string_equal(next, "om_1");
    assert_true(kf_account_page(KF_LIST_ORGANIZATIONS, two, next, list, next, &e));
    assert_string_equal(next, "");
    KF_AUTO_CHARS text = kf_json_print(list);
    assert_string_equal(text, "[{\"id\":\"org_1\",\"name\":\"Acmé\",\"role\":\"admin\",\"status\":"
                              "\"active\"},{\"id\":\"org_2\",\"name\":\"org_2\"}]");
    assert_non_null(kf_account_find(list, "org_2"));
    assert_null(kf_account_find(list, "org_3"));
    assert_null(kf_account_find(list, NULL));
}

static void sessions_and_factors(void **state) {
    kf_err e;
    char next[KF_ACCOUNT_ID_MAX];
    KF_AUTO(kf_json) list = kf_json_arr();
    KF_AUTO(kf_json)
    s = json("{\"data\":[{\"id\":\"session_1\",\"status\":\"active\",\"auth_method\":\"magic_"
             "code\",\"ip_address\":null,"
             "\"user_agent\":\"x\",\"created_at\":\"2026-01-01T00:00:00.000Z\",\"impersonator\":{"
             "\"email\":\"a@b.c\"}},"
             "{\"id\":\"session_2\"}]}");
    assert_true(kf_account_page(KF_LIST_SESSIONS, s, NULL, list, next, &e));
    KF_AUTO_CHARS text = kf_json_print(list);
    assert_string_equal(text,
                        "[{\"id\":\"session_1\",\"current\":false,\"status\":\"active\",\"auth_"
                        "method\":\"magic_code\",\"user_agent\":\"x\","
                        "\"created_at\":\"2026-01-01T00:00:00.000Z\",\"impersonator\":\"a@b.c\"},"
                        "{\"id\":\"session_2\",\"current\":false,\"status\":\"unknown\"}]");
    KF_AUTO(kf_json) factors = kf_json_arr();
    KF_AUTO(kf_json)
    f = json(
        "{\"data\":[{\"id\":\"auth_factor_1\",\"type\":\"totp\",\"totp\":{\"secret\":\"no\"}}]}");
    assert_true(kf_account_page(KF_LIST_FACTORS, f, NULL, factors, next, &e));
    KF_AUTO_CHARS said = kf_json_print(factors);
    assert_string_equal(said, "[{\"id\":\"auth_factor_1\",\"type\":\"totp\"}]");
}

static void lists_are_bounded(void **state) {
    kf_err e;
    char next[KF_ACCOUNT_ID_MAX];
    static const char *const bad[] = {
        "{}", "{\"data\":{}}", "{\"data\":[],\"list_metadata\":{\"after\":\"x_1\"}}",
        "{\"data\":[{\"id\":\"a\"}],\"list_metadata\":{\"after\":\"same\"}}",
        "{\"data\":[{\"id\":\"a\"}],\"list_metadata\":{\"after\":\"a/b\"}}"};
    for (size_t i = 0; i < KF_LEN(bad); i++) {
        KF_AUTO(kf_json) list = kf_json_arr();
        KF_AUTO(kf_json) j = json(bad[i]);
        assert_false(kf_account_page(KF_LIST_SESSIONS, j, "same", list, next, &e));
        assert_int_equal(e.code, KF_ERR_NET_BAD_ANSWER);
        assert_string_equal(next, "");
    }
    KF_AUTO(kf_json) list = kf_json_arr();
    KF_AUTO(kf_json) page = kf_json_obj();
    kf_json *data = kf_json_arr();
    for (int i = 0; i < 1000; i++) {
        kf_json *item = kf_json_obj();
        kf_json_set_str(item, "id", "session_1");
        kf_json_add(data, item);
    }
    kf_json_set(page, "data", data);
    for (int i = 0; i < 5; i++)
        assert_true(kf_account_page(KF_LIST_SESSIONS, page, NULL, list, next, &e));
    assert_int_equal(kf_json_count(list), KF_ACCOUNT_ITEMS_MAX);
    assert_false(kf_account_page(KF_LIST_SESSIONS, page, NULL, list, next, &e));
}

static void long_names_say_that_they_are_cut(void **state) {
    kf_err e;
    char next[KF_ACCOUNT_ID_MAX];
    kf_buf b;
    kf_buf_init(&b, 1 << 20);
    for (int i = 0; i < 300; i++) assert_true(kf_buf_adds(&b, "é"));
    KF_AUTO_CHARS name = kf_buf_steal(&b);
    KF_AUTO(kf_json) other = kf_json_obj();
    kf_json *data = kf_json_arr(), *item = kf_json_obj();
    kf_json_set_str(item, "organization_id", "org_1");
    kf_json_set_str(item, "organization_name", name);
    kf_json_add(data, item);
    kf_json_set(other, "data", data);
    KF_AUTO(kf_json) list = kf_json_arr();
    assert_true(kf_account_page(KF_LIST_ORGANIZATIONS, other, NULL, list, next, &e));
    const char *got = kf_json_str(kf_json_first(list), "name");
    assert_int_equal(strlen(got), 256 + strlen("…"));
    assert_string_equal(got + 256, "…");
}

static void names_of_organizations(void **state) {
    char name[8] = "x";
    KF_AUTO(kf_json) ok = json("{\"id\":\"org_1\",\"name\":\"Acme\"}");
    KF_AUTO(kf_json) longer = json("{\"id\":\"org_1\",\"name\":\"Acme and Co\"}");
    assert_false(kf_account_organization_name(ok, "org_2", name, sizeof name));
    assert_false(kf_account_organization_name(NULL, "org_1", name, sizeof name));
    assert_string_equal(name, "x");
    assert_true(kf_account_organization_name(ok, "org_1", name, sizeof name));
    assert_string_equal(name, "Acme");
    assert_true(kf_account_organization_name(longer, "org_1", name, sizeof name));
    assert_string_equal(name, "Acme an");
}

#define URI "otpauth://totp/Acme:a@b.c?secret=JBSWY3DPEHPK3PXP&issuer=Acme"

static void new_factors(void **state) {
    kf_err e;
    static const struct {
        const char *text, *id, *challenge;
        bool ok;
    } rows[] = {
        {"{\"authentication_factor\":{\"id\":\"f_1\",\"totp\":{\"uri\":\"" URI
         "\"}},\"authentication_challenge\":{\"id\":\"c_1\"}}",
         "f_1", "c_1", true},
        {"{\"factor\":{\"id\":\"f_1\",\"totp\":{\"uri\":\"" URI
         "\"}},\"challenge\":{\"id\":\"c_1\"}}",
         "f_1", "c_1", true},
        {"{\"id\":\"f_1\",\"totp\":{\"uri\":\"" URI "\"}}", "f_1", "", true},
        {"{\"factor\":{\"id\":\"f_1\",\"totp\":{\"uri\":\"https://x\"}}}", "f_1", "", false},
        {"{\"factor\":{\"id\":\"f_1\"}}", "f_1", "", false},
        {"{\"factor\":{\"id\":\"f_1\",\"totp\":{\"uri\":\"" URI
         "\"}},\"challenge\":{\"id\":\"a/b\"}}",
         "f_1", "", false},
        {"{\"factor\":{\"id\":\"f/1\",\"totp\":{\"uri\":\"" URI "\"}}}", "", "", false},
        {"{}", "", "", false}};
    for (size_t i = 0; i < KF_LEN(rows); i++) {
        kf_new_factor f;
        KF_AUTO(kf_json) j = json(rows[i].text);
        assert_int_equal(kf_account_enrolled(j, &f, &e), rows[i].ok);
        assert_string_equal(f.id, rows[i].id);
        assert_string_equal(f.challenge, rows[i].challenge);
        if (rows[i].ok) {
            assert_string_equal(kf_secret_peek(f.uri), URI);
            assert_string_equal(kf_secret_peek(f.key), "JBSWY3DPEHPK3PXP");
        }
        kf_new_factor_done(&f);
    }
}

static void bad_otpauth(void **state) {
    char big[4200] = "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP&issuer=";
    memset(big + strlen(big), 'a', 4096);
    const char *const bad[] = {NULL,
                               "",
                               "otpauth://hotp/x?secret=JBSWY3DPEHPK3PXP",
                               "otpauth://totp/x",
                               "otpauth://totp/x?secret=",
                               "otpauth://totp/x?secret=not-base32",
                               "otpauth://totp/x?secret=JBSW=Y3DPEHPK3PXP",
                               "otpauth://totp/x?secret====",
                               "otpauth://totp/x y?secret=JBSWY3DPEHPK3PXP",
                               "otpauth://totp/x?secret=JBSWY3DP\x1b[2J",
                               "otpauth://totp/\xc3\xa9?secret=JBSWY3DPEHPK3PXP",
                               "otpauth://totp/x?secret=A&secret=B",
                               big};
    for (size_t i = 0; i < KF_LEN(bad); i++) {
        kf_secret *whole = NULL, *key = NULL;
        assert_false(kf_account_otpauth(bad[i], &whole, &key));
        assert_null(whole);
        assert_null(key);
    }
}

static void codes(void **state) {
    kf_err e;
    KF_AUTO(kf_secret) typed = kf_secret_new("123 456", 7);
    KF_AUTO(kf_secret) letters = kf_secret_new("12345x", 6);
    KF_AUTO(kf_secret) body = kf_account_verify_body(typed, &e);
    assert_string_equal(kf_secret_peek(body), "{\"code\":\"123456\"}");
    assert_null(kf_account_verify_body(letters, &e));
    assert_int_equal(e.code, KF_ERR_USAGE_BAD_ANSWER);
    KF_AUTO(kf_secret) revoke = kf_account_revoke_body("session_1");
    assert_string_equal(kf_secret_peek(revoke), "{\"session_id\":\"session_1\"}");
    KF_AUTO(kf_secret) enroll = kf_account_enroll_body();
    assert_string_equal(kf_secret_peek(enroll), "{\"type\":\"totp\"}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths),
        cmocka_unit_test(organizations),
        cmocka_unit_test(sessions_and_factors),
        cmocka_unit_test(lists_are_bounded),
        cmocka_unit_test(long_names_say_that_they_are_cut),
        cmocka_unit_test(names_of_organizations),
        cmocka_unit_test(new_factors),
        cmocka_unit_test(bad_otpauth),
        cmocka_unit_test(codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
