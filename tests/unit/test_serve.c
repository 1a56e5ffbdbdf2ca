/* What keyfob-serve's proxy passes on, and what it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/cleanup.h"
#include "serve/pass.h"
#include "serve/peers.h"

static void targets(void **state) {
    static const char *const good[] = {"/", "/a?b=c", "//double", "/../x", "/%00", "/a;b@c:80"};
    static const char *const bad[] = {
        "",           "a",    "http://evil.test/", "*",    "/a b", "/a\tb",
        "/a\r\nX: y", "/a#b", "/caf\xc3\xa9",      "/\x7f"};
    for (size_t i = 0; i < KF_LEN(good); i++) assert_true(kf_pass_target_ok(good[i]));
    for (size_t i = 0; i < KF_LEN(bad); i++) assert_false(kf_pass_target_ok(bad[i]));
}

static void methods(void **state) {
    static const char *const bad[] = {"",   "get",       "CONNECT", "TRACE",   "GET ",
                                      "GE", "GET, HEAD", ", ",      "PROPFIND"};
    assert_true(kf_pass_method_ok("GET") && kf_pass_method_ok("OPTIONS"));
    for (size_t i = 0; i < KF_LEN(bad); i++) assert_false(kf_pass_method_ok(bad[i]));
}

static void request_headers(void **state) {
    static const char *const kept[] = {"Accept", "X-Mine",        "Content-Type",
                                       "Cookie", "If-None-Match", "Authorization-Hint"};
    static const char *const dropped[] = {"Authorization",
                                          "authorization",
                                          "Host",
                                          "Connection",
                                          "keep-alive",
                                          "TE",
                                          "Trailer",
                                          "Upgrade",
                                          "Expect",
                                          "Transfer-Encoding",
                                          "Content-Length",
                                          "Proxy-Authorization",
                                          "Proxy-Connection",
                                          "X-Named",
                                          "",
                                          "A B",
                                          "A:",
                                          "A\r\nB"};
    for (size_t i = 0; i < KF_LEN(kept); i++)
        assert_true(kf_pass_request_header(kept[i], "v", NULL));
    for (size_t i = 0; i < KF_LEN(dropped); i++)
        assert_false(kf_pass_request_header(dropped[i], "v", "close ,x-named , X-Other"));
    assert_true(kf_pass_request_header("X-Na", "v", "x-named"));
    assert_false(kf_pass_request_header("X", "a\r\nY: b", NULL));
    assert_false(kf_pass_request_header("X", "", NULL));
    assert_false(kf_pass_request_header("X", NULL, NULL));
    assert_true(kf_pass_request_header("X", "tab\tand \xc3\xa9", NULL));
}

static void answer_lines(void **state) {
    size_t n;
    const char *v;
    static const char line[] = "X-Up:  yes, it is";
    assert_true(kf_pass_answer_line(line, strlen(line), NULL, &n, &v));
    assert_int_equal(n, 4);
    assert_string_equal(v, "yes, it is");
    assert_true(kf_pass_answer_line("A:", 2, "", &n, &v));
    static const char *const bad[] = {"",
                                      "no colon",
                                      ": no name",
                                      "A B: c",
                                      "Transfer-Encoding: chunked",
                                      "content-length: 1",
                                      "Connection: close",
                                      "A: b\rc"};
    for (size_t i = 0; i < KF_LEN(bad); i++)
        assert_false(kf_pass_answer_line(bad[i], strlen(bad[i]), NULL, &n, &v));
    KF_AUTO_CHARS names =
        kf_pass_connection("A: b\nConnection: close, X-Up\nX-Up: 1\nconnection:x-other\n");
    assert_string_equal(names, " close, X-Up,x-other,");
    assert_false(kf_pass_answer_line(line, strlen(line), names, &n, &v));
    assert_false(kf_pass_answer_line("X-Other: 1", 10, names, &n, &v));
    assert_true(kf_pass_answer_line("X-U: 1", 6, names, &n, &v));
}

static bool framing(const char *const *name) {
    kf_pass_framing f = {0};
    while (*name) kf_pass_framing_add(&f, *name++);
    return kf_pass_framing_ok(&f);
}
#define FRAMING(...) framing((const char *const[]){__VA_ARGS__, NULL})

static void framing_is_read_one_way(void **state) {
    assert_true(FRAMING("Host", "A", "A"));
    assert_true(FRAMING("host", "content-length"));
    assert_true(FRAMING("Host", "Transfer-Encoding"));
    assert_false(FRAMING("A"));
    assert_false(FRAMING("Host", "HOST"));
    assert_false(FRAMING("Host", "Content-Length", "content-length"));
    assert_false(FRAMING("Host", "Content-Length", "Transfer-Encoding"));
}

static void answer_length(void **state) {
    uint64_t n = 7;
    static const char *const none[] = {"",
                                       "X-Content-Length: 1\n",
                                       "Content-Length:\n",
                                       "Content-Length: -1\n",
                                       "Content-Length: 1, 2\n",
                                       "Content-Length: 1x\n",
                                       "Content-Length: 1\nContent-Length: 2\n",
                                       "Content-Length: 99999999999999999999\n",
                                       "Content-Length: \nX: 1\n"};
    for (size_t i = 0; i < KF_LEN(none); i++) assert_false(kf_pass_answer_length(none[i], &n));
    assert_int_equal(n, 7);
    assert_true(kf_pass_answer_length("A: b\ncontent-length:  10 \nX: y\n", &n));
    assert_int_equal(n, 10);
    assert_true(kf_pass_answer_length("Content-Length: 0\nContent-Length: 0\n", &n));
    assert_int_equal(n, 0);
    assert_true(kf_pass_answer_length("Content-Length: 100000000000000000\n", &n));
    assert_int_equal(n, 100000000000000000);
}

/* When the time of one that is looked at each second is over, in seconds from `from`; -1: not
 * within ten minutes. */
static int over_after(kf_peers *p, const void *conn, int64_t from, bool takes) {
    for (int i = 0; i < 600; i++)
        for (size_t k = 0; k < KF_LEN(p->at); k++)
            if (p->at[k].conn == conn &&
                kf_peers_over(p, &p->at[k], takes ? i + 1 : 1, from + i * 1000))
                return i;
    return -1;
}

static void patience(void **state) {
    kf_peers p = {.patience_ms = 60000};
    int a = 0, b = 0;
    kf_peers_add(&p, &a, 3, 0);
    assert_int_equal(over_after(&p, &a, 0, false), 10); /* says nothing */
    kf_peers_turn(&p, &a, KF_PHASE_HEAD, 9000);
    assert_int_equal(over_after(&p, &a, 0, false), 10); /* or half a head */
    kf_peers_turn(&p, &a, KF_PHASE_BODY, 9000);
    assert_int_equal(over_after(&p, &a, 0, false),
                     60); /* or its body too slowly: from where the request began */
    kf_peers_turn(&p, &a, KF_PHASE_WORK, 9000);
    assert_int_equal(over_after(&p, &a, 0, false), -1);
    kf_peers_turn(&p, &a, KF_PHASE_ANSWER, 100000);
    assert_int_equal(over_after(&p, &a, 100000, true), -1);
    kf_peers_turn(&p, &a, KF_PHASE_ANSWER, 1000000);
    assert_int_equal(over_after(&p, &a, 1000000, false), 60);
    kf_peers_turn(&p, &a, KF_PHASE_REST, 2000000);
    assert_int_equal(over_after(&p, &a, 2000000, false), 60);
    kf_peers_turn(&p, &a, KF_PHASE_HEAD, 2050000); /* the next request has its own time */
    assert_int_equal(over_after(&p, &a, 2050000, false), 10);
    kf_peers_turn(&p, &a, KF_PHASE_BODY, 2059000);
    assert_int_equal(over_after(&p, &a, 2050000, false), 60);
    p.patience_ms = 2000;
    kf_peers_add(&p, &b, 4, 0);
    assert_int_equal(over_after(&p, &b, 0, false), 2);
    kf_peers_turn(&p, &p, KF_PHASE_ANSWER, 0); /* nobody */
    kf_peers_remove(&p, &a);
    kf_peers_remove(&p, &b);
    assert_false(kf_peers_any(&p));
}

static void who_makes_room(void **state) {
    kf_peers p = {.patience_ms = 60000};
    char conn[KF_PEERS_MAX] = {0};
    assert_null(kf_peers_idlest(&p, 5000));
    for (int i = 0; i < KF_PEERS_MAX; i++) {
        assert_false(kf_peers_full(&p));
        kf_peers_add(&p, &conn[i], i, i);
    }
    assert_true(kf_peers_full(&p));
    assert_null(kf_peers_idlest(&p, KF_PEERS_GRACE_MS - 1));
    assert_ptr_equal(kf_peers_idlest(&p, KF_PEERS_GRACE_MS)->conn, &conn[0]);
    kf_peers_turn(&p, &conn[0], KF_PHASE_BODY, 100);
    kf_peers_turn(&p, &conn[1], KF_PHASE_WORK, 100);
    kf_peers_turn(&p, &conn[2], KF_PHASE_ANSWER, 100);
    kf_peers_turn(&p, &conn[3], KF_PHASE_REST, 100);
    kf_peer *one = kf_peers_idlest(&p, 5000);
    assert_ptr_equal(one->conn, &conn[4]);
    one->cut = true;
    assert_null(kf_peers_idlest(&p, 5000)); /* one at a time */
    kf_peers_remove(&p, &conn[4]);
    assert_ptr_equal(kf_peers_idlest(&p, 5000)->conn, &conn[5]);
    for (int i = 5; i < KF_PEERS_MAX; i++) kf_peers_turn(&p, &conn[i], KF_PHASE_BODY, 200);
    one = kf_peers_idlest(&p, 5000);
    assert_ptr_equal(one->conn, &conn[3]); /* rests, which is waiting, too */
    one->cut = true;
    kf_peers_turn(&p, &conn[3], KF_PHASE_WORK,
                  300); /* its request had come already: it holds up nobody */
    kf_peers_turn(&p, &conn[6], KF_PHASE_REST, 300);
    assert_ptr_equal(kf_peers_idlest(&p, 5000)->conn, &conn[6]);
}

int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(targets),
                                   cmocka_unit_test(methods),
                                   cmocka_unit_test(request_headers),
                                   cmocka_unit_test(answer_lines),
                                   cmocka_unit_test(framing_is_read_one_way),
                                   cmocka_unit_test(answer_length),
                                   cmocka_unit_test(patience),
                                   cmocka_unit_test(who_makes_room)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
