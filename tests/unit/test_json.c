/* JSON: what is refused coming in, what is read, what is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"

static kf_json *parse(const char *text) { return kf_json_parse(text, strlen(text), NULL); }

static void refused(const char *text, size_t len, const char *why) {
    kf_err err = {0};
    kf_json *j = kf_json_parse(text, len, &err);
    if (j || err.code != KF_ERR_NET_BAD_ANSWER || !strstr(err.what, why))
        fail_msg("%.60s: %s", text, j ? "was taken" : err.what);
    assert_null(kf_json_parse(text, len, NULL));
}

static void taken(void **state) {
    static const char *const good[] = {"{}",
                                       "[]",
                                       "null",
                                       "true",
                                       "false",
                                       "0",
                                       "-1",
                                       "1e3",
                                       "\"\"",
                                       " \t\r\n{ \"a\" : [ 1 , 2 ] } \n",
                                       "\"\\u00e9\\\\u0000\\\"\"",
                                       "\"\\\\\\\\u0000\"",
                                       "\"\\ud83d\\ude00\"",
                                       "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
                                       "\"\x7f\"",
                                       "{\"a\":1,\"A\":2,\"\":3}",
                                       "[{\"a\":1},{\"a\":1}]",
                                       "\"\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80\""};
    for (size_t i = 0; i < KF_LEN(good); i++) {
        kf_err err = {0};
        KF_AUTO(kf_json) j = kf_json_parse(good[i], strlen(good[i]), &err);
        if (!j) fail_msg("%s: %s", good[i], err.what);
        KF_AUTO_CHARS text = kf_json_print(j);
        KF_AUTO(kf_json) again = parse(text); /* what we write we take */
        assert_non_null(again);
        assert_true(kf_json_size(j) >= strlen(text));
    }
}

static void broken(void **state) {
    static const char *const bad[] = {
        "",        " ",        "{",         "}",         "[",         "]",           "[1",
        "[1,",     "[1,]",     "[,1]",      "{\"a\"",    "{\"a\":",   "{\"a\":1",    "{\"a\":1,}",
        "{a:1}",   "{'a':1}",  "{\"a\" 1}", "{1:1}",     "nul",       "True",        "NaN",
        "nan",     "Infinity", "-",         "-Infinity", "+1",        ".5",          "0x10",
        "\"",      "\"a",      "\"\\\"",    "\"\\x\"",   "\"\\u12\"", "\"\\u12g4\"", "\"\\",
        "// c\n1", "/* c */1", "<html>"};
    for (size_t i = 0; i < KF_LEN(bad); i++) refused(bad[i], strlen(bad[i]), "JSON: ");
}

static void refusals(void **state) {
    static const struct {
        const char *text, *why;
    } v[] = {{"{}x", "behind the value"},
             {"{}{}", "behind the value"},
             {"1 2", "behind the value"},
             {"[\"\\u0000\"]", "escaped NUL at byte 2"},
             {"{\"a\\u0000\":1}", "escaped NUL"},
             {"\"\\\\\\u0000\"", "escaped NUL"},
             {"{\"a\":1,\"b\":2,\"a\":3}", "same member twice"},
             {"[[{\"a\":1,\"\\u0061\":2}]]", "same member twice"},
             {"{\"x\":{\"a\":1,\"a\":1}}", "same member twice"},
             {"\"a\nb\"", "control character"},
             {"\"\x1f\"", "control character"},
             {"{\x01}", "outside a string"},
             {"\v1", "outside a string"},
             {"\xef\xbb\xbf{}", "outside a string"},
             {"[\xc2\xa0 1]", "outside a string"},
             {"1e999", "out of range"},
             {"[-1e999]", "out of range"},
             {"{\"a\":{\"b\":1e999}}", "out of range"},
             {"\"\xff\"", "not UTF-8"},
             {"\"\x80\"", "not UTF-8"},
             {"\"\xc3\"", "not UTF-8"},
             {"\"\xc0\xaf\"", "not UTF-8"},
             {"\"\xc1\xbf\"", "not UTF-8"},
             {"\"\xe0\x9f\xbf\"", "not UTF-8"},
             {"\"\xed\xa0\x80\"", "not UTF-8"},
             {"\"\xf0\x8f\xbf\xbf\"", "not UTF-8"},
             {"\"\xf4\x90\x80\x80\"", "not UTF-8"},
             {"\"\xf5\x80\x80\x80\"", "not UTF-8"},
             {"\"\xe2\x82\"", "not UTF-8"},
             {"\"\xf0\x9f\x98", "not UTF-8"},
             {"\"\\\xff\"", "not UTF-8"},
             {"\"\\u12g4\"", "an escape"},
             {"\"\\u\"", "an escape"},
             {"\"\\uD83D\\uzzzz\"", "an escape"},
             {"\"\\ud800\"", "not valid"},
             {"\"\\udc00\"", "not valid"},
             {"\"\\ud800\\u0041\"", "not valid"}};
    for (size_t i = 0; i < KF_LEN(v); i++) refused(v[i].text, strlen(v[i].text), v[i].why);
    refused("{\"a\":1}\0", 8, "NUL byte at byte 7");
    refused("\"a\0b\"", 5, "NUL byte");
    refused("\0", 1, "NUL byte");
}

/* What a server may have in a text, and what of it is left. */
static void lenient(void **state) {
#define FFFD "\xef\xbf\xbd"
    static const struct {
        const char *text, *want;
    } v[] = {{"{\"a\":\"x\xff\xc3y\"}", "{\"a\":\"x" FFFD FFFD "y\"}"},
             {"{\"a\":\"\xe2\x82\"}", "{\"a\":\"" FFFD FFFD "\"}"},
             {"{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"" FFFD FFFD FFFD "\"}"},
             {"{\"a\":\"\xe2\x82\xac\"}", "{\"a\":\"\xe2\x82\xac\"}"},
             {"{\"org\":\"org_1\\u0000evil\"}", "{\"org\":\"org_1" FFFD "evil\"}"},
             {"{\"a\\u0000\":1}", "{\"a" FFFD "\":1}"},
             {"{\"a\":\"x\ny\"}", "{\"a\":\"x" FFFD "y\"}"},
             {"{\"a\":\"\\n\\u001b\"}", "{\"a\":\"\\n\\u001b\"}"},
             {"{\"a\":\"\\ud800\"}", "{\"a\":\"" FFFD "\"}"},
             {"{\"a\":\"\\udc00z\"}", "{\"a\":\"" FFFD "z\"}"},
             {"{\"a\":\"\\ud800\\u0041\"}", "{\"a\":\"" FFFD "A\"}"},
             {"{\"a\":\"\\ud83d\\ude00\"}", "{\"a\":\"\xf0\x9f\x98\x80\"}"},
             {"{\"a\":\"\\\\u0000\\\"\"}", "{\"a\":\"\\\\u0000\\\"\"}"},
             {"{\"a\":1,\"b\":2,\"a\":3,\"a\":4}", "{\"a\":null,\"b\":2}"},
             {"{\"x\":{\"a\":1,\"\\u0061\":2}}", "{\"x\":{\"a\":null}}"},
             {"{\"x\":[1e999,-1e999,1]}", "{\"x\":[null,null,1]}"}};
    for (size_t i = 0; i < KF_LEN(v); i++) {
        kf_err err = {0};
        KF_AUTO(kf_json) j = kf_json_parse_lenient(v[i].text, strlen(v[i].text), &err);
        if (!j) fail_msg("%s: %s", v[i].text, err.what);
        KF_AUTO_CHARS got = kf_json_print(j);
        assert_string_equal(got, v[i].want);
        KF_AUTO(kf_json) again = parse(got);
        assert_non_null(again);
    }
    KF_AUTO(kf_json) nul = kf_json_parse_lenient("{\"a\":\"x\0y\"}", 11, NULL);
    assert_string_equal(kf_json_str(nul, "a"), "x" FFFD "y");
    static const char *const bad[] = {
        "",     "{",     "<html>", "{}x",    "{\"a\":\"\\x\"}",   "{\"a\":\"\\u12\"}",
        "{\"a", "1e999", "{\x01}", "\xff{}", "{\"a\":\"\\\xff\"}"};
    for (size_t i = 0; i < KF_LEN(bad); i++) {
        kf_err err = {0};
        assert_null(kf_json_parse_lenient(bad[i], strlen(bad[i]), &err));
        assert_int_equal(err.code, KF_ERR_NET_BAD_ANSWER);
    }
    assert_null(kf_json_parse_lenient("{}\0", 3, NULL));
}

/* Depth and number of members: what is over the limit goes, and what is beside it stays. */
static void lenient_limits(void **state) {
    for (size_t n = 22; n <= 24; n++) { /* n and the outermost object: 24 is the limit */
        kf_buf b;
        kf_buf_init(&b, 1 << 20);
        assert_true(kf_buf_adds(&b, "{\"keep\":1,\"deep\":"));
        for (size_t i = 0; i < n; i++) assert_true(kf_buf_adds(&b, "["));
        for (size_t i = 0; i < n; i++) assert_true(kf_buf_adds(&b, "]"));
        assert_true(kf_buf_adds(&b, "}"));
        KF_AUTO(kf_json) j = kf_json_parse_lenient(b.data, b.len, NULL);
        assert_int_equal(kf_json_int_or(j, "keep", 0), 1);
        const kf_json *in = kf_json_get(j, "deep");
        for (size_t i = 2; i < 24; i++) in = kf_json_first(in);
        assert_true(n == 22   ? !in
                    : n == 23 ? kf_json_is_arr(in)
                              : kf_json_is_null(kf_json_first(in)));
        KF_AUTO_CHARS text = kf_json_print(j);
        KF_AUTO(kf_json) again = parse(text);
        assert_non_null(again);
        kf_buf_done(&b);
    }
    kf_buf b;
    kf_buf_init(&b, 1 << 20);
    assert_true(kf_buf_adds(&b, "{\"keep\":1,\"many\":{\"k\":0"));
    for (int i = 0; i < 1024; i++) assert_true(kf_buf_addf(&b, ",\"k%d\":%d", i, i));
    assert_true(kf_buf_adds(&b, "}}"));
    KF_AUTO(kf_json) j = kf_json_parse_lenient(b.data, b.len, NULL);
    assert_true(kf_json_int_or(j, "keep", 0) == 1 && kf_json_is_null(kf_json_get(j, "many")));
    kf_buf_clear(&b);
    for (int i = 0; i < 600; i++) assert_true(kf_buf_adds(&b, "["));
    kf_err err;
    assert_null(kf_json_parse_lenient(b.data, b.len, &err));
    assert_non_null(strstr(err.what, "nested too deeply"));
    kf_buf_done(&b);
}

/* Only len bytes are read: behind them is no NUL. The sanitizers watch the edge. */
static void every_prefix(void **state) {
    static const char text[] =
        "{\"k\\u00e9y\":[1.5e+2,\"v\\ud83d\\ude00\xe2\x82\xac\",true,null,{\"x\":-1}]}";
    for (size_t n = 0; n < sizeof text - 1; n++) {
        char *part = malloc(n ? n : 1);
        if (n) memcpy(part, text, n);
        assert_null(kf_json_parse(part, n, NULL));
        free(part);
    }
    KF_AUTO(kf_json) whole = parse(text);
    assert_non_null(whole);
}

static void fill(kf_buf *b, const char *s, size_t times) {
    for (size_t i = 0; i < times; i++) assert_true(kf_buf_adds(b, s));
}

static void depth(void **state) {
    for (size_t n = 24; n <= 25; n++)
        for (int object = 0; object < 2; object++) {
            kf_buf b;
            kf_buf_init(&b, 1 << 20);
            fill(&b, object ? "{\"a\":" : "[", n);
            fill(&b, "1", 1);
            fill(&b, object ? "}" : "]", n);
            if (n > 24) refused(b.data, b.len, "nested too deeply");
            else {
                KF_AUTO(kf_json) j = kf_json_parse(b.data, b.len, NULL);
                assert_non_null(j);
            }
            kf_buf_done(&b);
        }
    KF_AUTO(kf_json) wide = parse("[[[]],[[]],\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"]");
    assert_non_null(wide);
}

/* A megabyte of each that would cost much if it were not refused or read in one go. */
static void megabytes(void **state) {
    static const struct {
        const char *head, *piece, *tail, *why;
    } v[] = {{"", "[", "", "nested"},          {"", "{\"a\":", "", "nested"},
             {"", "]", "", "not valid"},       {"", " ", "", "not valid"},
             {"\"", "a", "", "without"},       {"[", "1,", "", "not valid"},
             {"\"", "\\u0041", "", "without"}, {"", "9", "", ""},
             {"[1", ",1", "]", NULL},          {"[{}", ",{}", "]", NULL}};
    for (size_t i = 0; i < KF_LEN(v); i++) {
        kf_buf b;
        kf_buf_init(&b, 2 << 20);
        fill(&b, v[i].head, 1);
        fill(&b, v[i].piece, (1 << 20) / strlen(v[i].piece));
        fill(&b, v[i].tail, 1);
        if (v[i].why) refused(b.data, b.len, v[i].why);
        else {
            KF_AUTO(kf_json) j = kf_json_parse(b.data, b.len, NULL);
            assert_non_null(j);
        }
        kf_buf_done(&b);
    }
}

static void members(void **state) {
    for (int n = 1024; n <= 1025; n++) {
        kf_buf b;
        kf_buf_init(&b, 1 << 20);
        for (int i = 0; i < n; i++)
            assert_true(kf_buf_addf(&b, "%s\"k%d\":%d", i ? "," : "{", i, i));
        fill(&b, "}", 1);
        if (n > 1024) refused(b.data, b.len, "too many members");
        else {
            KF_AUTO(kf_json) j = kf_json_parse(b.data, b.len, NULL);
            assert_int_equal(kf_json_count(j), 1024);
            b.len--;
            assert_true(kf_buf_adds(&b, ",\"k512\":0}"));
            refused(b.data, b.len, "too many");
        }
        kf_buf_done(&b);
    }
}

static void reading(void **state) {
    KF_AUTO(kf_json)
    j = parse("{\"s\":\"v\",\"e\":\"\",\"n\":7,\"t\":true,\"f\":false,\"z\":null,\"a\":[\"x\",2],"
              "\"o\":{\"k\":1}}");
    assert_string_equal(kf_json_str(j, "s"), "v");
    assert_string_equal(kf_json_str(j, "e"), "");
    assert_null(kf_json_str(j, "S")); /* case counts */
    assert_null(kf_json_str(j, "n"));
    assert_null(kf_json_str(j, "z"));
    assert_string_equal(kf_json_str_or(j, "n", "d"), "d");
    assert_string_equal(kf_json_str_or(j, "s", "d"), "v");
    assert_true(kf_json_bool(j, "t", false));
    assert_false(kf_json_bool(j, "f", true));
    assert_true(kf_json_bool(j, "n", true));
    assert_false(kf_json_bool(j, "absent", false));
    assert_true(kf_json_is_obj(j));
    assert_true(kf_json_is_arr(kf_json_get(j, "a")));
    assert_false(kf_json_is_arr(j));
    assert_true(kf_json_is_null(kf_json_get(j, "z")));
    assert_false(kf_json_is_null(kf_json_get(j, "absent")));
    assert_int_equal(kf_json_count(j), 8);
    assert_int_equal(kf_json_count(kf_json_get(j, "a")), 2);
    assert_int_equal(kf_json_count(kf_json_get(j, "s")), 0);
    const kf_json *it = kf_json_first(kf_json_get(j, "a"));
    assert_string_equal(kf_json_value_str(it), "x");
    assert_null(kf_json_key(it));
    it = kf_json_next(it);
    assert_null(kf_json_value_str(it));
    assert_null(kf_json_next(it));
    assert_string_equal(kf_json_key(kf_json_first(j)), "s");
    assert_null(kf_json_first(kf_json_get(j, "s")));
    assert_null(kf_json_get(kf_json_get(j, "a"), "x"));
}

static void nothing(void **state) {
    int64_t n = 5;
    assert_null(kf_json_get(NULL, "a"));
    assert_null(kf_json_str(NULL, "a"));
    assert_string_equal(kf_json_str_or(NULL, "a", "d"), "d");
    assert_false(kf_json_int(NULL, "a", &n));
    assert_int_equal(n, 5);
    assert_int_equal(kf_json_int_or(NULL, "a", 3), 3);
    assert_true(kf_json_bool(NULL, "a", true));
    assert_false(kf_json_is_obj(NULL) || kf_json_is_arr(NULL) || kf_json_is_null(NULL));
    assert_null(kf_json_value_str(NULL));
    assert_int_equal(kf_json_count(NULL), 0);
    assert_null(kf_json_first(NULL));
    assert_null(kf_json_next(NULL));
    assert_null(kf_json_key(NULL));
    assert_null(kf_json_copy(NULL));
    assert_null(kf_json_free(NULL));
}

static void integers(void **state) {
    static const struct {
        const char *text;
        int64_t n;
    } good[] = {{"0", 0},
                {"-0", 0},
                {"-1", -1},
                {"1e3", 1000},
                {"2.0", 2},
                {"2147483648", 2147483648},
                {"9007199254740991", 9007199254740991},
                {"-9007199254740991", -9007199254740991}};
    static const char *const bad[] = {"1.5",
                                      "0.1",
                                      "-1e-3",
                                      "9007199254740992",
                                      "-9007199254740992",
                                      "9007199254740993",
                                      "9223372036854775807",
                                      "18446744073709551616",
                                      "1e300",
                                      "\"1\"",
                                      "true",
                                      "null",
                                      "[1]",
                                      "{}"};
    int64_t n;
    for (size_t i = 0; i < KF_LEN(good); i++) {
        KF_AUTO_CHARS text = kf_strfmt("{\"n\":%s}", good[i].text);
        KF_AUTO(kf_json) j = parse(text);
        assert_true(kf_json_int(j, "n", &n));
        assert_true(n == good[i].n);
        assert_true(kf_json_int_or(j, "n", 77) == good[i].n);
    }
    n = 42;
    for (size_t i = 0; i < KF_LEN(bad); i++) {
        KF_AUTO_CHARS text = kf_strfmt("{\"n\":%s}", bad[i]);
        KF_AUTO(kf_json) j = parse(text);
        assert_non_null(j);
        assert_false(kf_json_int(j, "n", &n));
        assert_int_equal(kf_json_int_or(j, "n", 77), 77);
    }
    assert_int_equal(n, 42);
}

/* Every whole number that _int takes goes out and comes back unchanged. */
static void integers_return(void **state) {
    static const int64_t v[] = {0,
                                -1,
                                1764000000,
                                1764000000123,
                                999999999999999,
                                1000000000000000,
                                1764000000123457,
                                9007199254740991,
                                -9007199254740991,
                                -9007199254740990};
    for (size_t i = 0; i < KF_LEN(v); i++) {
        KF_AUTO(kf_json) j = kf_json_obj();
        kf_json_set_int(j, "n", v[i]);
        int64_t n = 0;
        assert_true(kf_json_int(j, "n", &n));
        assert_true(n == v[i]);
        KF_AUTO_CHARS text = kf_json_print(j);
        KF_AUTO_CHARS want = kf_strfmt("{\"n\":%lld}", (long long)v[i]);
        assert_string_equal(text, want);
    }
}

static void building(void **state) {
    KF_AUTO(kf_secret) secret = kf_secret_new("to\"ken", 6);
    KF_AUTO(kf_json) j = kf_json_obj();
    kf_json_set_str(j, "s", "a\"\\\n\xc3\xa9");
    kf_json_set_str(j, "absent", NULL);
    kf_json_set_int(j, "n", -5);
    kf_json_set_bool(j, "b", true);
    kf_json_set_null(j, "z");
    kf_json_set_secret(j, "t", secret);
    kf_json_set_secret(j, "no", NULL);
    kf_json *a = kf_json_arr();
    kf_json_add(a, kf_json_new_str("x"));
    kf_json_add(a, kf_json_obj());
    kf_json_set(j, "a", a);
    KF_AUTO_CHARS text = kf_json_print(j);
    assert_string_equal(text, "{\"s\":\"a\\\"\\\\\\n\xc3\xa9\",\"n\":-5,\"b\":true,\"z\":null,"
                              "\"t\":\"to\\\"ken\",\"a\":[\"x\",{}]}");
    KF_AUTO(kf_json) copy = kf_json_copy(j);
    KF_AUTO(kf_secret) hidden = kf_json_print_secret(copy);
    assert_string_equal(kf_secret_peek(hidden), text);
    assert_int_equal(kf_secret_len(hidden), strlen(text));
    kf_json_set(j, "a", NULL); /* removes */
    kf_json_set(j, "a", NULL);
    kf_json_set_str(j, "s", "new"); /* replaces */
    kf_json_set_str(j, "t", NULL);
    kf_json_set_str(j, "S", "other");
    assert_null(kf_json_get(j, "a"));
    assert_null(kf_json_get(j, "t"));
    assert_string_equal(kf_json_str(j, "s"), "new");
    assert_int_equal(kf_json_count(j), 5);
    assert_int_equal(kf_json_count(copy), 6);
}

static void *worker(void *arg) {
    for (int i = 0; i < 2000; i++) {
        KF_AUTO(kf_json) j = parse("{\"a\":[1,2,{\"b\":\"c\"}]}");
        KF_AUTO_CHARS text = kf_json_print(j);
        if (strcmp(text, "{\"a\":[1,2,{\"b\":\"c\"}]}")) return NULL;
    }
    return arg;
}

static void threads(void **state) {
    pthread_t t[4];
    int arg;
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&t[i], NULL, worker, &arg), 0);
    for (int i = 0; i < 4; i++) {
        void *ret = NULL;
        pthread_join(t[i], &ret);
        assert_ptr_equal(ret, &arg);
    }
}

/* Long strings are read fast: a bad byte is found wherever it is, and so is a missing end. */
static void each_byte_of_a_string_is_looked_at(void **state) {
    static const char bad[] = {0x01, 0x1f, '\n', (char)0x80, (char)0xff, 0};
    char text[64];
    memset(text, 'a', sizeof text);
    text[0] = '[';
    text[1] = '"';
    for (size_t len = 2; len < sizeof text; len++) assert_non_null(kf_json_flaw(text, len));
    text[sizeof text - 2] = '"';
    text[sizeof text - 1] = ']';
    assert_null(kf_json_flaw(text, sizeof text));
    for (size_t at = 2; at < sizeof text - 2; at++)
        for (size_t k = 0; k < sizeof bad; k++) {
            text[at] = bad[k];
            assert_non_null(kf_json_flaw(text, sizeof text));
            text[at] = 'a';
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taken),           cmocka_unit_test(broken),
        cmocka_unit_test(refusals),        cmocka_unit_test(lenient),
        cmocka_unit_test(lenient_limits),  cmocka_unit_test(every_prefix),
        cmocka_unit_test(depth),           cmocka_unit_test(megabytes),
        cmocka_unit_test(members),         cmocka_unit_test(reading),
        cmocka_unit_test(nothing),         cmocka_unit_test(integers),
        cmocka_unit_test(integers_return), cmocka_unit_test(building),
        cmocka_unit_test(threads),         cmocka_unit_test(each_byte_of_a_string_is_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
