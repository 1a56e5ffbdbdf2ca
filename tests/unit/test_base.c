/* Errors, buffers, text, log. Secrets are in test_secret.c, JSON in test_json.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <limits.h>
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/form.h"
#include "base/log.h"
#include "base/str.h"

/* --- err ------------------------------------------------------------------------------- */

static void err_fill(void **state) {
    kf_err err = {.code = KF_ERR_NET_TLS, .status = 500, .hint = "old", .upstream = "old"};
    assert_false(kf_fail(&err, KF_ERR_SYS_IO, "read %s: %d", "a", 7));
    assert_int_equal(err.code, KF_ERR_SYS_IO);
    assert_string_equal(err.what, "read a: 7");
    assert_string_equal(err.hint, "");
    assert_string_equal(err.upstream, "");
    assert_int_equal(err.status, 0);
    assert_int_equal(err.retry_after, -1);
    assert_false(kf_hint(&err, "try %s", "this"));
    assert_string_equal(err.hint, "try this");
    assert_string_equal(err.what, "read a: 7");
    assert_false(kf_fail(NULL, KF_ERR_SYS_IO, "x"));
    assert_false(kf_fail_errno(NULL, KF_ERR_SYS_IO, "x"));
    assert_false(kf_hint(NULL, "x"));
}

static void err_errno(void **state) {
    kf_err err;
    errno = ENOENT;
    assert_false(kf_fail_errno(&err, KF_ERR_SYS_IO, "open %s", "a"));
    assert_string_equal(err.what, "open a: No such file or directory");
    assert_int_equal(errno, ENOENT);
}

static void err_of_itself(void **state) {
    kf_err err;
    kf_fail(&err, KF_ERR_SYS_IO, "first");
    kf_fail(&err, KF_ERR_NET_TLS, "then: %s", err.what);
    assert_string_equal(err.what, "then: first");
    kf_hint(&err, "a");
    kf_hint(&err, "%sb", err.hint);
    assert_string_equal(err.hint, "ab");
}

/* Too long: it says so, whole characters only, and the errno text is not what is lost. */
static void err_long(void **state) {
    char text[400];
    kf_err err;
    memset(text, 'x', sizeof text);
    text[255] = 0;
    kf_fail(&err, KF_ERR_SYS_IO, "%s", text);
    assert_string_equal(err.what, text);
    text[255] = 'x';
    text[399] = 0;
    kf_fail(&err, KF_ERR_SYS_IO, "%s", text);
    assert_int_equal(strlen(err.what), 255);
    assert_string_equal(err.what + 250, "[...]");
    kf_hint(&err, "%s", text);
    assert_string_equal(err.hint + 250, "[...]");
    errno = ENOENT;
    kf_fail_errno(&err, KF_ERR_SYS_IO, "%s", text);
    assert_int_equal(strlen(err.what), 255);
    assert_non_null(strstr(err.what, "x[...]: No such file or directory"));
    for (int shift = 0; shift < 3; shift++) {
        memset(text, 'x', (size_t)shift);
        for (int i = shift; i + 3 < 399; i += 3) memcpy(text + i, "\xe2\x82\xac", 3);
        kf_fail(&err, KF_ERR_SYS_IO, "%s", text);
        const char *cut = strstr(err.what, "[...]");
        assert_non_null(cut);
        assert_int_equal((unsigned char)cut[-1], 0xac);
        assert_int_equal((cut - err.what - shift) % 3, 0);
    }
}

/* A precision that cuts a character, an argument that is no UTF-8: the message stays UTF-8, because
 * it travels as JSON. */
static void err_is_utf8(void **state) {
    kf_err err;
    kf_fail(&err, KF_ERR_SYS_IO, "the answer is for %.4s, not %s", "ab\xe2\x82\xac", "c\xff");
    assert_string_equal(err.what,
                        "the answer is for ab\xef\xbf\xbd\xef\xbf\xbd, not c\xef\xbf\xbd");
    kf_hint(&err, "%.1s", "\xc3\xa9");
    assert_string_equal(err.hint, "\xef\xbf\xbd");
    char text[256];
    memset(text, 0xff, 255); /* each grows to three bytes */
    text[255] = 0;
    kf_fail(&err, KF_ERR_SYS_IO, "%s", text);
    assert_true(strlen(err.what) < sizeof err.what);
    assert_string_equal(err.what + strlen(err.what) - 5, "[...]");
}

static void err_names(void **state) {
    for (int i = 0; i < KF_ERR_COUNT; i++) {
        kf_err_code c = (kf_err_code)i;
        assert_int_equal(kf_err_from_name(kf_err_name(c)), c);
        assert_true(kf_err_exit(c) >= 0 && kf_err_exit(c) <= 10);
        assert_true((kf_err_exit(c) == 0) == (c == KF_ERR_NONE));
    }
    assert_string_equal(kf_err_name(KF_ERR_NET_TLS), "net.tls");
    assert_string_equal(kf_err_name((kf_err_code)-1), "sys.bug");
    assert_string_equal(kf_err_name(KF_ERR_COUNT), "sys.bug");
    assert_int_equal(kf_err_exit(KF_ERR_COUNT), 1);
    assert_int_equal(kf_err_exit(KF_ERR_STORE_LOCKED), 6);
    assert_int_equal(kf_err_from_name("net.tl"), KF_ERR_SYS_BUG);
    assert_int_equal(kf_err_from_name(""), KF_ERR_SYS_BUG);
    assert_int_equal(kf_err_from_name(NULL), KF_ERR_SYS_BUG);
    assert_true(kf_err_is(KF_ERR_NET_TLS, "net"));
    assert_false(kf_err_is(KF_ERR_NET_TLS, "ne"));
    assert_false(kf_err_is(KF_ERR_NET_TLS, "net.tls"));
    assert_false(kf_err_is(KF_ERR_NONE, "net"));
}

/* --- text that is cut ------------------------------------------------------------------ */

static void str_cut(void **state) {
    static const struct {
        const char *in, *out;
        size_t size;
        bool whole;
    } v[] = {{NULL, "", 8, true},
             {"", "", 1, true},
             {"abc", "abc", 4, true},
             {"abcd", "abc", 4, false},
             {"abc", "", 1, false},
             {"a\xc3\xa9z", "a", 3, false},
             {"a\xc3\xa9z", "a\xc3\xa9", 4, false},
             {"a\xc3\xa9z", "a\xc3\xa9z", 5, true},
             {"\xf0\x9f\x98\x80", "", 4, false},
             {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", 5, true},
             {"a\xff", "a", 4, false},
             {"a\xff", "a\xef\xbf\xbd", 5, true},
             {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd", 8, true}};
    for (size_t i = 0; i < KF_LEN(v); i++) {
        char out[8] = "xxxxxxx";
        if (kf_str_cut(out, v[i].size, v[i].in) != v[i].whole) fail_msg("row %zu", i);
        assert_string_equal(out, v[i].out);
    }
    assert_true(kf_str_is_visible("") && kf_str_is_visible("!aZ09~"));
    static const char *const odd[] = {" ", "a b", "a\n", "\x7f", "\x1b[2J", "a\xc3\xa9"};
    for (size_t i = 0; i < KF_LEN(odd); i++) assert_false(kf_str_is_visible(odd[i]));
}

/* --- buf ------------------------------------------------------------------------------- */

static void buf_grows(void **state) {
    kf_buf b;
    kf_buf_init(&b, 100000);
    assert_null(b.data);
    assert_true(kf_buf_add(&b, NULL, 0));
    assert_string_equal(b.data, "");
    for (int i = 0; i < 10000; i++) {
        assert_true(kf_buf_addf(&b, "%04d", i));
        assert_int_equal(b.data[b.len], 0);
    }
    assert_int_equal(b.len, 40000);
    assert_memory_equal(b.data + 4 * 1234, "12341235", 8);
    kf_buf_drop(&b, 4 * 9998);
    assert_string_equal(b.data, "99989999");
    assert_int_equal(b.data[9], 0); /* what moved is not left behind */
    kf_buf_drop(&b, 0);
    assert_int_equal(b.len, 8);
    kf_buf_drop(&b, 99);
    assert_int_equal(b.len, 0);
    assert_true(kf_buf_adds(&b, "secret"));
    char *p = b.data;
    kf_buf_clear(&b);
    assert_ptr_equal(b.data, p);
    for (int i = 0; i < 6; i++) assert_int_equal(p[i], 0);
    kf_buf_done(&b);
    assert_null(b.data);
    assert_int_equal(b.max, 100000);
    kf_buf_done(&b);
    kf_buf_clear(&b);
    kf_buf_drop(&b, 3);
}

/* Up to the maximum, not over; a refused append changes nothing. */
static void buf_maximum(void **state) {
    kf_buf b;
    kf_buf_init(&b, 8);
    assert_false(kf_buf_adds(&b, "123456789"));
    assert_int_equal(b.len, 0);
    assert_true(kf_buf_adds(&b, "12345"));
    assert_false(kf_buf_adds(&b, "6789"));
    assert_false(kf_buf_addf(&b, "%d", 6789));
    assert_false(kf_buf_add(&b, "x", SIZE_MAX));
    assert_false(kf_buf_add(&b, "x", SIZE_MAX - 4));
    assert_string_equal(b.data, "12345");
    assert_int_equal(b.len, 5);
    assert_true(kf_buf_addf(&b, "%d", 678));
    assert_string_equal(b.data, "12345678");
    assert_false(kf_buf_adds(&b, "9"));
    assert_true(kf_buf_adds(&b, ""));
    kf_buf_drop(&b, 1);
    assert_true(kf_buf_adds(&b, "9"));
    assert_string_equal(b.data, "23456789");
    kf_buf_done(&b);
    kf_buf_init(&b, 0);
    assert_true(kf_buf_adds(&b, ""));
    assert_false(kf_buf_adds(&b, "1"));
    kf_buf_done(&b);
}

static void buf_steal(void **state) {
    kf_buf b;
    kf_buf_init(&b, 10);
    KF_AUTO_CHARS empty = kf_buf_steal(&b);
    assert_string_equal(empty, "");
    kf_buf_adds(&b, "abc");
    KF_AUTO_CHARS abc = kf_buf_steal(&b);
    assert_string_equal(abc, "abc");
    assert_null(b.data);
    assert_int_equal(b.len, 0);
    assert_true(kf_buf_adds(&b, "next"));
    kf_buf_done(&b);
}

/* --- str ------------------------------------------------------------------------------- */

static void str_basics(void **state) {
    assert_null(kf_strdup(NULL));
    KF_AUTO_CHARS a = kf_strdup("abc");
    KF_AUTO_CHARS b = kf_strfmt("%s-%d", a, 5);
    assert_string_equal(b, "abc-5");
    static const struct {
        const char *text;
        bool later;
    } versions[] = {{"x/2", true},   {"x/1", false},  {"x/0", false},  {"x/10", true},
                    {"x/01", false}, {"x/02", false}, {"x/2x", false}, {"x/", false},
                    {"x2", false},   {"y/2", false},  {"", false}};
    for (size_t i = 0; i < KF_LEN(versions); i++)
        assert_int_equal(kf_str_is_later(versions[i].text, strlen(versions[i].text), "x/1"),
                         versions[i].later);
    assert_true(kf_str_is_later("x/10\n", 4, "x/9"));
    assert_false(kf_str_is_later("x/10\n", 5, "x/9"));
    assert_false(kf_str_is_later("x/9", 3, "x/10"));
    assert_true(kf_str_eq("a", "a"));
    assert_false(kf_str_eq("a", "A"));
    assert_true(kf_str_eq(NULL, NULL));
    assert_false(kf_str_eq(NULL, ""));
    assert_false(kf_str_eq("", NULL));
    assert_true(kf_str_starts("abc", "ab"));
    assert_true(kf_str_starts("abc", ""));
    assert_false(kf_str_starts("ab", "abc"));
    assert_false(kf_str_starts(NULL, "a"));
    char *x = a;
    char *y = KF_TAKE(x);
    assert_null(x);
    assert_ptr_equal(y, a);
}

static void str_set(void **state) {
    char d[5] = "old";
    assert_true(kf_str_set(d, sizeof d, "1234"));
    assert_string_equal(d, "1234");
    assert_false(kf_str_set(d, sizeof d, "12345"));
    assert_string_equal(d, "1234");
    assert_true(kf_str_set(d, sizeof d, d + 1));
    assert_string_equal(d, "234");
    assert_true(kf_str_set(d, sizeof d, NULL));
    assert_string_equal(d, "");
    d[0] = 'x';
    assert_false(kf_str_set(d, 0, ""));
    assert_int_equal(d[0], 'x');
}

static void ct_eq(void **state) {
    uint8_t a[64], b[64];
    for (size_t i = 0; i < sizeof a; i++) a[i] = b[i] = (uint8_t)(i * 7);
    assert_true(kf_ct_eq(a, b, sizeof a));
    for (size_t i = 0; i < sizeof a; i++)
        for (int bit = 0; bit < 8; bit++) {
            b[i] ^= (uint8_t)(1 << bit);
            assert_false(kf_ct_eq(a, b, sizeof a));
            assert_true(kf_ct_eq(a, b, i));
            b[i] = a[i];
        }
    assert_true(kf_ct_eq(NULL, NULL, 0));
}

/* RFC 4648 §10 with the alphabet of §5 and without padding, and the two odd letters. */
static void b64url(void **state) {
    static const struct {
        const char *plain, *text;
    } v[] = {{"", ""},
             {"f", "Zg"},
             {"fo", "Zm8"},
             {"foo", "Zm9v"},
             {"foob", "Zm9vYg"},
             {"fooba", "Zm9vYmE"},
             {"foobar", "Zm9vYmFy"},
             {"\xfb\xff", "-_8"},
             {"\xff\xef\xbe", "_---"}};
    for (size_t i = 0; i < KF_LEN(v); i++) {
        size_t n = strlen(v[i].plain), m = strlen(v[i].text);
        KF_AUTO_CHARS text = kf_b64url(v[i].plain, n);
        assert_string_equal(text, v[i].text);
        char out[8];
        assert_int_equal(kf_b64url_decode(text, m, out, n), n);
        assert_memory_equal(out, v[i].plain, n);
        if (n) assert_int_equal(kf_b64url_decode(text, m, out, n - 1), -1);
    }
    uint8_t all[256], back[256];
    for (int i = 0; i < 256; i++) all[i] = (uint8_t)i;
    for (size_t n = 0; n <= 256; n++) {
        KF_AUTO_CHARS text = kf_b64url(all + 256 - n, n);
        assert_int_equal(strlen(text), (n * 4 + 2) / 3);
        assert_int_equal(kf_b64url_decode(text, strlen(text), back, sizeof back), n);
        assert_memory_equal(back, all + 256 - n, n);
    }
}

static void b64url_refuses(void **state) {
    static const char *const bad[] = {
        "A",     "AAAAA",  "Zg==", "Zm8=", "Zg=",    "Z+8v",      "Z/8v",
        "Zm 9v", "Zm9v\n", "Zh",   "Zm9",  "Zm9vYn", "\xc3\xa9z", "Zm.v"};
    char out[16];
    for (size_t i = 0; i < KF_LEN(bad); i++)
        assert_int_equal(kf_b64url_decode(bad[i], strlen(bad[i]), out, sizeof out), -1);
    assert_int_equal(kf_b64url_decode("Zm\0v", 4, out, sizeof out), -1);
}

static void hex(void **state) {
    char text[9];
    uint8_t raw[4] = {0x00, 0x9f, 0xa0, 0xff}, back[4] = {1, 2, 3, 4};
    kf_hex(raw, 4, text);
    assert_string_equal(text, "009fa0ff");
    kf_hex(raw, 0, text);
    assert_string_equal(text, "");
    static const char *const bad[] = {"",         "009fa0f",  "009fa0ff0",
                                      "009fa0fg", "009fa0f ", "0x9fa0ff"};
    for (size_t i = 0; i < KF_LEN(bad); i++) assert_false(kf_unhex(bad[i], back, 4));
    assert_false(kf_unhex(NULL, back, 4));
    assert_int_equal(back[0], 1);
    assert_true(kf_unhex("009FA0ff", back, 4));
    assert_memory_equal(back, raw, 4);
}

static void durations(void **state) {
    static const struct {
        const char *s;
        int64_t ms;
    } good[] = {{"500ms", 500},   {"3s", 3000}, {"5m", 300000}, {"2h", 7200000},
                {"1d", 86400000}, {"0s", 0},    {"007s", 7000}};
    static const char *const bad[] = {"",
                                      "5",
                                      "s",
                                      "-1s",
                                      "+1s",
                                      " 1s",
                                      "1 s",
                                      "1s ",
                                      "1.5s",
                                      "1S",
                                      "1w",
                                      "1m1s",
                                      "1sm",
                                      "0x1s",
                                      "1\xc2\xb5s",
                                      "9999999999s",
                                      "99999999999999999999d"};
    int64_t ms;
    for (size_t i = 0; i < KF_LEN(good); i++) {
        assert_true(kf_duration_parse(good[i].s, &ms));
        assert_int_equal(ms, good[i].ms);
    }
    ms = 42;
    for (size_t i = 0; i < KF_LEN(bad); i++) assert_false(kf_duration_parse(bad[i], &ms));
    assert_false(kf_duration_parse(NULL, &ms));
    assert_int_equal(ms, 42);
    assert_true(kf_duration_parse("1000000000d", &ms)); /* the largest; no overflow */
    assert_true(ms == INT64_C(86400000) * 1000000000);
}

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void names(void **state) {
    static const char *const good[] = {"a", "0", "default", "a.b_c-d", "9.", A64};
    static const char *const bad[] = {"",    ".a",  "-a",  "_a",        "..",  "A",
                                      "a b", "a/b", "a\n", "a\xc3\xa9", "\x7f"};
    for (size_t i = 0; i < KF_LEN(good); i++) assert_true(kf_profile_name_ok(good[i]));
    for (size_t i = 0; i < KF_LEN(bad); i++) assert_false(kf_profile_name_ok(bad[i]));
    assert_false(kf_profile_name_ok(A64 "a"));
    assert_false(kf_profile_name_ok(NULL));
    static const char *const id_good[] = {"client_0", "client_01HZX_abc"};
    static const char *const id_bad[] = {"",           "client_",   "Client_1",  "client-1",
                                         "client_a-b", "client_a ", " client_a", "client_\xe9"};
    for (size_t i = 0; i < KF_LEN(id_good); i++) assert_true(kf_client_id_ok(id_good[i]));
    for (size_t i = 0; i < KF_LEN(id_bad); i++) assert_false(kf_client_id_ok(id_bad[i]));
    assert_true(kf_client_id_ok("client_" A64));
    assert_false(kf_client_id_ok("client_" A64 "a"));
    assert_false(kf_client_id_ok(NULL));
}

static void rfc3339(void **state) {
    static const struct {
        int64_t t;
        const char *s;
    } v[] = {{0, "1970-01-01T00:00:00Z"},
             {1795442839, "2026-11-23T14:07:19Z"},
             {951782400, "2000-02-29T00:00:00Z"},
             {253402300799, "9999-12-31T23:59:59Z"},
             /* not to be written in four digits */
             {253402300800, "1970-01-01T00:00:00Z"},
             {-1, "1970-01-01T00:00:00Z"},
             {INT64_MAX, "1970-01-01T00:00:00Z"},
             {INT64_MIN, "1970-01-01T00:00:00Z"}};
    char out[21];
    for (size_t i = 0; i < KF_LEN(v); i++) {
        kf_rfc3339(v[i].t, out);
        assert_string_equal(out, v[i].s);
    }
}

static void origins(void **state) {
    static const struct {
        const char *in, *out;
        bool loopback;
    } good[] = {{"api.workos.com", "https://api.workos.com", false},
                {"https://api.workos.com", "https://api.workos.com", false},
                {"HTTPS://API.WorkOS.com:443/", "https://api.workos.com", false},
                {"https://a:8443/", "https://a:8443", false},
                {"a:1", "https://a:1", false},
                {"a:65535", "https://a:65535", false},
                {"https://a:80", "https://a:80", false},
                {"http://127.0.0.1:4100", "http://127.0.0.1:4100", true},
                {"http://127.255.255.255:80/", "http://127.255.255.255", true},
                {"http://LocalHost:443", "http://localhost:443", true},
                {"http://[::1]:4100/", "http://[::1]:4100", true},
                {"https://[2001:DB8::1]", "https://[2001:db8::1]", false},
                {"https://[::ffff:1.2.3.4]:8443", "https://[::ffff:1.2.3.4]:8443", false},
                {"https://127.0.0.1", "https://127.0.0.1", true},
                {"https://1.2.3.4", "https://1.2.3.4", false}};
    for (size_t i = 0; i < KF_LEN(good); i++) {
        char *norm = NULL;
        kf_err err = {0};
        if (!kf_origin_parse(good[i].in, &norm, &err)) fail_msg("%s: %s", good[i].in, err.what);
        assert_string_equal(norm, good[i].out);
        assert_int_equal(kf_origin_is_loopback(norm), good[i].loopback);
        char *again = NULL;
        assert_true(kf_origin_parse(norm, &again, NULL));
        assert_string_equal(again, norm);
        free(again);
        free(norm);
    }
}

static void host_lists(void **state) {
    static const struct {
        const char *in, *out; /* NULL: refused */
    } list[] = {
        {NULL, ""},
        {"", ""},
        {" ; ;", ""},
        {"Git.Example.test", "git.example.test"},
        {"a.test:443;[::1]:80", "a.test:443;[::1]:80"},
        {"\ta.test ; b.test:1 ;", "a.test;b.test:1"},
        {"a;a", NULL},
        {"a;A", NULL},
        {"a:1;a", "a:1;a"},
        {"a:", NULL},
        {"a:0", NULL},
        {"a:01", NULL},
        {"a:65536", NULL},
        {"a:1x", NULL},
        {"a/", NULL},
        {"https://a", NULL},
        {"a b", NULL},
        {"u@a", NULL},
        {"*.a", NULL},
        {"[zz]", NULL},
        {".a", NULL},
        {"a\nb", NULL},
        {"\xc3\xa4.test", NULL},
        {"1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16", "1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16"},
        {"1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17", NULL}};
    for (size_t i = 0; i < KF_LEN(list); i++) {
        char *norm = NULL;
        kf_err err = {0};
        bool ok = kf_hosts_parse(list[i].in, &norm, &err);
        if (ok != (list[i].out != NULL)) fail_msg("%s: %s", list[i].in, ok ? norm : err.what);
        if (ok) assert_string_equal(norm, list[i].out);
        else assert_int_equal(err.code, KF_ERR_USAGE_BAD);
        free(norm);
    }
    assert_true(kf_hosts_has("a.test;b.test:1", "b.test:1"));
    assert_true(kf_hosts_has("a.test;b.test:1", "a.test"));
    assert_false(kf_hosts_has("a.test;b.test:1", "b.test"));
    assert_false(kf_hosts_has("a.test", "a.tes"));
    assert_false(kf_hosts_has("a.test", ""));
    assert_false(kf_hosts_has("", ""));
    assert_false(kf_hosts_has(NULL, "a"));
}

static void origins_refused(void **state) {
    static const char *const bad[] = {"",
                                      "/",
                                      "https://",
                                      "https:///",
                                      "https://:443",
                                      "ftp://a",
                                      "file:///etc/passwd",
                                      "javascript:alert(1)",
                                      "https://a/b",
                                      "https://a//",
                                      "https://a?x",
                                      "https://a/?x",
                                      "https://a#x",
                                      "https://a/#",
                                      "https://a\\b",
                                      "https://user@a",
                                      "https://user:pw@a",
                                      "https://api.workos.com@evil.example",
                                      "https://a b",
                                      " https://a",
                                      "https://a ",
                                      "https://a\n",
                                      "https://a\r\nX: y",
                                      "https://a%2eb",
                                      "https://\xc3\xa9",
                                      "https://a_b",
                                      "https://.a",
                                      "https://-a",
                                      "https://a..b",
                                      "https://https://a",
                                      "https://a:",
                                      "https://a:0",
                                      "https://a:65536",
                                      "https://a:+1",
                                      "https://a:-1",
                                      "https://a: 1",
                                      "https://a:1x",
                                      "https://a:0x10",
                                      "https://a:99999999999999999999",
                                      "https://a:1:2",
                                      "https://[",
                                      "https://[]",
                                      "https://[::1",
                                      "https://::1",
                                      "https://[::1]x",
                                      "https://[[::1]",
                                      "https://[::1]]",
                                      "https://[a.b-]",
                                      "https://[::g]",
                                      "https://[1.2.3.4]",
                                      "https://[::1%25lo]",
                                      "https://[:::1]",
                                      "http://a",
                                      "http://api.workos.com",
                                      "http://127.0.0.1.evil.example",
                                      "http://localhost.evil.example",
                                      "http://127.1",
                                      "http://127.-1.0.1",
                                      "http://127.0.0.256",
                                      "http://128.0.0.1",
                                      "http://0.0.0.0",
                                      "http://[::2]",
                                      "http://[::ffff:127.0.0.1]",
                                      "http://127.0.0.1@evil.example"};
    for (size_t i = 0; i < KF_LEN(bad); i++) {
        char *norm = NULL;
        kf_err err = {0};
        if (kf_origin_parse(bad[i], &norm, &err)) fail_msg("%s was taken as %s", bad[i], norm);
        assert_null(norm);
        assert_int_equal(err.code, KF_ERR_USAGE_BAD_URL);
        assert_true(err.what[0]);
    }
    char *norm = NULL, longer[300] = "https://";
    assert_false(kf_origin_parse(NULL, &norm, NULL));
    memset(longer + 8, 'a', 253);
    assert_true(kf_origin_parse(longer, &norm, NULL));
    free(norm);
    longer[8 + 253] = 'a';
    assert_false(kf_origin_parse(longer, &norm, NULL));
    static const char *const not_loopback[] = {
        "", "localhost", "http://", "http://127.0.0.1.a", "https://a", "http://127.-1.0.1"};
    for (size_t i = 0; i < KF_LEN(not_loopback); i++)
        assert_false(kf_origin_is_loopback(not_loopback[i]));
    assert_false(kf_origin_is_loopback(NULL));
}

/* --- log ------------------------------------------------------------------------------- */

static struct {
    int lines;
    kf_log_level level;
    char text[2048];
} got;

static void sink(kf_log_level level, const char *line, void *user) {
    assert_ptr_equal(user, &got);
    got.lines++;
    got.level = level;
    assert_true(kf_str_set(got.text, sizeof got.text, line));
}

static void log_lines(void **state) {
    kf_log(KF_LOG_ERROR, "nobody listens");
    kf_log_setup(KF_LOG_INFO, sink, &got, NULL);
    assert_int_equal(got.lines, 0);
    kf_log(KF_LOG_DEBUG, "not wanted");
    assert_int_equal(got.lines, 0);
    kf_log(KF_LOG_INFO,
           "a\n\x1b[31m\x7f\t\xc2\x9b"
           "2J \xc2\xa0\xc3\xa9 %d",
           5);
    assert_int_equal(got.lines, 1);
    assert_int_equal(got.level, KF_LOG_INFO);
    assert_string_equal(got.text, "a??[31m????2J \xc2\xa0\xc3\xa9 5");
    char text[1500];
    memset(text, 'x', sizeof text);
    text[1023] = 0;
    kf_log(KF_LOG_ERROR, "%s", text);
    assert_string_equal(got.text, text);
    text[1023] = 'x';
    text[1499] = 0;
    kf_log(KF_LOG_ERROR, "%s", text);
    assert_int_equal(strlen(got.text), 1023);
    assert_string_equal(got.text + 1018, "[...]");
    kf_log_setup(KF_LOG_DEBUG, NULL, NULL, NULL);
    kf_log(KF_LOG_ERROR, "nobody listens");
    assert_int_equal(got.lines, 3);
}

/* The vectors of the paper's reference code: key 00..0f, input 00..n-1; its low half. */
static void log_fingerprint(void **state) {
    static const struct {
        size_t n;
        const char *hex;
    } v[] = {{0, "dd0e0e31"}, {8, "9a932462"}, {15, "49be45e5"}, {63, "eb064572"}};
    uint8_t key[16], in[63];
    char out[9], other[9];
    for (uint8_t i = 0; i < 16; i++) key[i] = i;
    for (uint8_t i = 0; i < 63; i++) in[i] = i;
    kf_log_setup(KF_LOG_ERROR, NULL, NULL, key);
    for (size_t i = 0; i < KF_LEN(v); i++)
        assert_string_equal(kf_log_fp(in, v[i].n, out), v[i].hex);
    kf_log_setup(KF_LOG_ERROR, NULL, NULL, NULL); /* keeps the key */
    assert_string_equal(kf_log_fp(in, 15, out), "49be45e5");
    key[15] ^= 1;
    kf_log_setup(KF_LOG_ERROR, NULL, NULL, key);
    assert_string_not_equal(kf_log_fp(in, 15, other), out);
}

static void form_escapes(void **state) {
    kf_buf b;
    kf_buf_init(&b, 64);
    assert_true(kf_form_add(&b, "a", "x y&z=\xc3\xa4"));
    assert_true(kf_form_add(&b, "none", NULL) && kf_form_add(&b, "none", ""));
    assert_true(kf_form_add(&b, "b-._~", "%"));
    assert_string_equal(b.data, "a=x%20y%26z%3D%C3%A4&b-._~=%25");
    KF_AUTO(kf_json) j = kf_form_parse(b.data, b.len, NULL);
    assert_string_equal(kf_json_str(j, "a"), "x y&z=\xc3\xa4");
    kf_buf_clear(&b);
    assert_false(kf_form_add(&b, "long",
                             "0123456789012345678901234567890123456789012345678901234567890123"));
    kf_buf_done(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(err_fill),       cmocka_unit_test(err_errno),
        cmocka_unit_test(err_of_itself),  cmocka_unit_test(err_long),
        cmocka_unit_test(err_is_utf8),    cmocka_unit_test(str_cut),
        cmocka_unit_test(err_names),      cmocka_unit_test(buf_grows),
        cmocka_unit_test(buf_maximum),    cmocka_unit_test(buf_steal),
        cmocka_unit_test(str_basics),     cmocka_unit_test(str_set),
        cmocka_unit_test(ct_eq),          cmocka_unit_test(b64url),
        cmocka_unit_test(b64url_refuses), cmocka_unit_test(hex),
        cmocka_unit_test(durations),      cmocka_unit_test(names),
        cmocka_unit_test(rfc3339),        cmocka_unit_test(origins),
        cmocka_unit_test(host_lists),     cmocka_unit_test(origins_refused),
        cmocka_unit_test(log_lines),      cmocka_unit_test(log_fingerprint),
        cmocka_unit_test(form_escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
