/* status --prompt: fields, conditions, braces, and values that a shell would take for something
 * else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/str.h"
#include "ui/common/prompt.h"

static const kf_profile_row acme = {.id = "0123456789abcdef",
                                    .name = "acme",
                                    .state = "signed_in",
                                    .organization_id = "org_1",
                                    .client_id = "client_1",
                                    .is_default = true,
                                    .expires_at = 1000};

static char *prompt(const kf_profile_row *row, int64_t now, const char *format, kf_err *err) {
    kf_buf b;
    kf_buf_init(&b, 64);
    bool ok = kf_prompt_print(&b, row, now, format, err);
    char *text = ok ? kf_strdup(b.data ? b.data : "") : NULL;
    kf_buf_done(&b);
    return text;
}

static void is(const kf_profile_row *row, int64_t now, const char *format, const char *want) {
    kf_err e = {0};
    KF_AUTO_CHARS got = prompt(row, now, format, &e);
    if (!got) fail_msg("%s: %s", format, e.what);
    assert_string_equal(got, want);
}

static void refused(const char *format, const char *why) {
    kf_err e = {0};
    assert_false(kf_prompt_print(NULL, NULL, 0, format, &e)); /* also without a profile */
    assert_int_equal(e.code, KF_ERR_USAGE_BAD);
    assert_non_null(strstr(e.what, why));
    assert_null(prompt(&acme, 0, format, &e));
}

static void fields(void **state) {
    is(&acme, 748, "{profile} {state} {left} {org} {client_id}",
       "acme signed_in 4:12 org_1 client_1");
    is(&acme, 748, "{{x} %{left}", "{x} %4:12");
    is(&acme, 748, "", "");
    is(&acme, 748, "}", "}");
    is(&acme, 748, "{alert}", "");
}

static void conditions(void **state) {
    kf_profile_row r = acme;
    is(&r, 748, "[{left? up}]", "[ up]");
    is(&r, 1000, "[{left? up}]", "[]");
    is(&r, 1000, "{state}", "signed_in"); /* the state is the session's, not the token's */
    memcpy(r.state, "needs_sign_in", 14);
    is(&r, 748, "{profile}{alert? sign in: keyfob login}", "acme sign in: keyfob login");
    is(&r, 2000, "{state}{alert}", "needs_sign_in!");
}

static void values_are_harmless(void **state) {
    kf_profile_row r = acme;
    memcpy(r.organization_id, "o%n$(id)`\\\033[1m", 15);
    is(&r, 0, "{org}", "o?n??id?????1m");
}

static void mistakes(void **state) {
    refused("{nope}", "unknown field {nope}");
    refused("{}", "unknown field");
    refused("{profile", "without an end");
    refused("{left?{org}}", "inside {left?...}");
    kf_err e;
    char long_text[100];
    memset(long_text, 'x', 99);
    long_text[99] = 0;
    assert_null(prompt(&acme, 0, long_text, &e));
    assert_non_null(strstr(e.what, "too long"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(fields), cmocka_unit_test(conditions),
                                       cmocka_unit_test(values_are_harmless),
                                       cmocka_unit_test(mistakes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
