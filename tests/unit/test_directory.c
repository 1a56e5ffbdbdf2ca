/* The .keyfob file, and the list of those that are allowed. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>
#include "auth/directory.h"
#include "base/str.h"

static void files(void **state) {
    static const struct {
        const char *text, *name, *says;
    } rows[] = {{"acme", "acme", NULL},
                {"acme\n", "acme", NULL},
                {"# mine\n\n \t acme \t\n#end", "acme", NULL},
                {"", NULL, "names no"},
                {"\n\n", NULL, "names no"},
                {"# acme\n", NULL, "names no"},
                {"a\nb\n", NULL, "line 2"},
                {"a b\n", NULL, "line 1"},
                {"a # b\n", NULL, "line 1"},
                {"A\n", NULL, "line 1"},
                {"a/b\n", NULL, "line 1"},
                {"\n..\n", NULL, "line 2"},
                {"a\r\n", "a", NULL},
                {"\xef\xbb\xbf"
                 "a\r\n# b\r\n",
                 "a", NULL},
                {"a\rb\n", NULL, "control"},
                {"\xef\xbb\xbf", NULL, "names no"},
                {"#\x1b[2J\na\n", NULL, "control"},
                {"a\x7f", NULL, "control"},
                {"\xd0\xb0"
                 "cme\n",
                 NULL, "line 1"}};
    for (size_t i = 0; i < KF_LEN(rows); i++) {
        char name[65] = "untouched";
        kf_err e = {0};
        bool ok = kf_directory_parse(rows[i].text, strlen(rows[i].text), name, &e);
        if (ok != (rows[i].name != NULL)) fail_msg("%s: %s", rows[i].text, ok ? name : e.what);
        assert_string_equal(name, ok ? rows[i].name : "untouched");
        if (ok) continue;
        assert_int_equal(e.code, KF_ERR_USAGE_DIRECTORY);
        if (!strstr(e.what, rows[i].says)) fail_msg("'%s' does not say '%s'", e.what, rows[i].says);
    }
    char name[65], big[KF_DIRECTORY_MAX + 1];
    memset(big, '\n', sizeof big);
    memcpy(big, "acme", 4);
    assert_true(kf_directory_parse(big, KF_DIRECTORY_MAX, name, NULL));
    assert_false(kf_directory_parse(big, sizeof big, name, NULL));
    assert_false(kf_directory_parse("a\0b", 3, name, NULL));
}

static void the_list(void **state) {
    char other[65];
    kf_err e;
    KF_AUTO_CHARS one = kf_allowed_set("", 0, "/a/.keyfob", "acme", &e);
    assert_string_equal(one, "keyfob-allowed 1\nacme\t/a/.keyfob\n");
    KF_AUTO_CHARS two = kf_allowed_set(one, strlen(one), "/b c/.keyfob", "dev", &e);
    assert_int_equal(kf_allowed_find(two, strlen(two), "/a/.keyfob", "acme", other, &e),
                     KF_ALLOWED_YES);
    assert_int_equal(kf_allowed_find(two, strlen(two), "/b c/.keyfob", "acme", other, &e),
                     KF_ALLOWED_OTHER);
    assert_string_equal(other, "dev");
    assert_int_equal(kf_allowed_find(two, strlen(two), "/a", "acme", other, &e), KF_ALLOWED_NO);
    assert_int_equal(kf_allowed_find("", 0, "/a/.keyfob", "acme", other, &e), KF_ALLOWED_NO);
    KF_AUTO_CHARS changed = kf_allowed_set(two, strlen(two), "/a/.keyfob", "dev", &e);
    assert_string_equal(changed, "keyfob-allowed 1\ndev\t/b c/.keyfob\ndev\t/a/.keyfob\n");
    KF_AUTO_CHARS less = kf_allowed_set(two, strlen(two), "/a/.keyfob", NULL, &e);
    assert_string_equal(less, "keyfob-allowed 1\ndev\t/b c/.keyfob\n");
    assert_null(kf_allowed_set(one, strlen(one), "/a\nb/.keyfob", "acme", &e));
    assert_null(kf_allowed_set(one, strlen(one), "a/.keyfob", "acme", &e));
    static const struct {
        const char *text, *line;
    } bad[] = {{"keyfob-allowed 2\n", "later version"},
               {"keyfob-allowed 0\n", "line 1"},
               {"keyfob-allowed 1", "line 1"},
               {"acme\t/a\n", "line 1"},
               {"keyfob-allowed 1\nacme /a\n", "line 2"},
               {"keyfob-allowed 1\nacme\ta\n", "line 2"},
               {"keyfob-allowed 1\nacme\t/a\nAcme\t/b\n", "line 3"},
               {"keyfob-allowed 1\nacme\t/a\t/b\n", "line 2"},
               {"keyfob-allowed 1\nacme\t/a", "line 2"},
               {"keyfob-allowed 1\n\n", "line 2"},
               {"keyfob-allowed 1\nacme\t/a\x1b\n", "line 2"}};
    for (size_t i = 0; i < KF_LEN(bad); i++) {
        size_t n = strlen(bad[i].text);
        e.what[0] = 0;
        assert_int_equal(kf_allowed_find(bad[i].text, n, "/a", "acme", other, &e),
                         KF_ALLOWED_DAMAGED);
        if (!strstr(e.what, bad[i].line))
            fail_msg("'%s' does not say %s: %s", e.what, bad[i].line, bad[i].text);
        assert_null(kf_allowed_set(bad[i].text, n, "/z", "acme", &e));
    }
}

static void a_full_list(void **state) {
    char *text = kf_strdup("");
    char path[64];
    kf_err e;
    for (int i = 0; i < KF_ALLOWED_LINES; i++) {
        snprintf(path, sizeof path, "/%d/.keyfob", i);
        char *more = kf_allowed_set(text, strlen(text), path, "acme", &e);
        assert_non_null(more);
        free(text);
        text = more;
    }
    assert_null(kf_allowed_set(text, strlen(text), "/one-more", "acme", &e));
    assert_int_equal(e.code, KF_ERR_USAGE_DIRECTORY);
    KF_AUTO_CHARS changed = kf_allowed_set(text, strlen(text), "/7/.keyfob", "dev", &e);
    assert_non_null(changed);
    KF_AUTO_CHARS less = kf_allowed_set(text, strlen(text), "/7/.keyfob", NULL, &e);
    assert_non_null(less);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(files), cmocka_unit_test(the_list),
                                       cmocka_unit_test(a_full_list)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
