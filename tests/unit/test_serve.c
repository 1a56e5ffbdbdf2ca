/* What keyfob-serve's proxy passes on, and what it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/cleanup.h"
#include "serve/pass.h"

static void targets(void **state) {
    (void)state;
    static const char *const good[] = {"/", "/a?b=c", "//double", "/../x", "/%00", "/a;b@c:80"};
    static const char *const bad[] = {"", "a", "http://evil.test/", "*", "/a b", "/a\tb", "/a\r\nX: y", "/a#b", "/caf\xc3\xa9", "/\x7f"};
    for (size_t i = 0; i < KF_LEN(good); i++) assert_true(kf_pass_target_ok(good[i]));
    for (size_t i = 0; i < KF_LEN(bad); i++) assert_false(kf_pass_target_ok(bad[i]));
}

static void methods(void **state) {
    (void)state;
    static const char *const bad[] = {"", "get", "CONNECT", "TRACE", "GET ", "GE", "GET, HEAD", ", ", "PROPFIND"};
    assert_true(kf_pass_method_ok("GET") && kf_pass_method_ok("OPTIONS"));
    for (size_t i = 0; i < KF_LEN(bad); i++) assert_false(kf_pass_method_ok(bad[i]));
}

static void request_headers(void **state) {
    (void)state;
    static const char *const kept[] = {"Accept", "X-Mine", "Content-Type", "Cookie", "If-None-Match", "Authorization-Hint"};
    static const char *const dropped[] = {"Authorization", "authorization", "Host", "Connection", "keep-alive", "TE", "Trailer", "Upgrade", "Expect",
                                          "Transfer-Encoding", "Content-Length", "Proxy-Authorization", "Proxy-Connection", "X-Named", "", "A B", "A:", "A\r\nB"};
    for (size_t i = 0; i < KF_LEN(kept); i++) assert_true(kf_pass_request_header(kept[i], "v", NULL));
    for (size_t i = 0; i < KF_LEN(dropped); i++) assert_false(kf_pass_request_header(dropped[i], "v", "close ,x-named , X-Other"));
    assert_true(kf_pass_request_header("X-Na", "v", "x-named"));
    assert_false(kf_pass_request_header("X", "a\r\nY: b", NULL));
    assert_false(kf_pass_request_header("X", "", NULL));
    assert_false(kf_pass_request_header("X", NULL, NULL));
    assert_true(kf_pass_request_header("X", "tab\tand \xc3\xa9", NULL));
}

static void answer_lines(void **state) {
    (void)state;
    size_t n;
    const char *v;
    static const char line[] = "X-Up:  yes, it is";
    assert_true(kf_pass_answer_line(line, strlen(line), &n, &v));
    assert_int_equal(n, 4);
    assert_string_equal(v, "yes, it is");
    assert_true(kf_pass_answer_line("A:", 2, &n, &v));
    static const char *const bad[] = {"", "no colon", ": no name", "A B: c", "Transfer-Encoding: chunked", "content-length: 1", "Connection: close", "A: b\rc"};
    for (size_t i = 0; i < KF_LEN(bad); i++) assert_false(kf_pass_answer_line(bad[i], strlen(bad[i]), &n, &v));
}

static void answer_length(void **state) {
    (void)state;
    uint64_t n = 7;
    static const char *const none[] = {"", "X-Content-Length: 1\n", "Content-Length:\n", "Content-Length: -1\n", "Content-Length: 1, 2\n", "Content-Length: 1x\n",
                                       "Content-Length: 1\nContent-Length: 2\n", "Content-Length: 99999999999999999999\n", "Content-Length: \nX: 1\n"};
    for (size_t i = 0; i < KF_LEN(none); i++) assert_false(kf_pass_answer_length(none[i], &n));
    assert_int_equal(n, 7);
    assert_true(kf_pass_answer_length("A: b\ncontent-length:  10 \nX: y\n", &n));
    assert_int_equal(n, 10);
    assert_true(kf_pass_answer_length("Content-Length: 0\nContent-Length: 0\n", &n));
    assert_int_equal(n, 0);
    assert_true(kf_pass_answer_length("Content-Length: 100000000000000000\n", &n));
    assert_int_equal(n, 100000000000000000);
}

int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(targets), cmocka_unit_test(methods), cmocka_unit_test(request_headers), cmocka_unit_test(answer_lines),
                                   cmocka_unit_test(answer_length)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
