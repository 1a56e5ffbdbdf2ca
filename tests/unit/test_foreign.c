/* Files of other tools: what is read, and how one is changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/str.h"
#include "io/foreign_file.h"

static char dir[] = "/tmp/kf-foreign.XXXXXX";

static char *in_dir(const char *name) { return kf_strfmt("%s/%s", dir, name); }

static char *make(const char *name, const char *text, mode_t mode) {
    char *path = in_dir(name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

static void holds(const char *path, const char *text) {
    KF_AUTO(kf_secret) now = NULL;
    KF_AUTO_CHARS real = NULL;
    assert_int_equal(kf_foreign_read(path, 100, &now, &real, NULL), 1);
    assert_string_equal(kf_secret_peek(now), text);
}

static size_t files(void) {
    DIR *d = opendir(dir);
    size_t n = 0;
    while (readdir(d)) n++;
    closedir(d);
    return n - 2;
}

static void reading(void **state) {
    kf_err e;
    KF_AUTO(kf_secret) s = NULL;
    KF_AUTO_CHARS real = NULL;
    KF_AUTO_CHARS none = in_dir("none");
    KF_AUTO_CHARS below = in_dir("a/b");
    assert_int_equal(kf_foreign_read(none, 10, &s, &real, &e), 0);
    KF_AUTO_CHARS a = make("a", "0123456789", 0600);
    assert_int_equal(kf_foreign_read(below, 10, &s, &real, &e), 0);
    holds(a, "0123456789");
    assert_int_equal(kf_foreign_read(a, 9, &s, &real, &e), -1);
    assert_non_null(strstr(e.what, "10 bytes"));
    static const mode_t others[] = {0602, 0620, 0666};
    for (size_t i = 0; i < KF_LEN(others); i++) {
        assert_int_equal(chmod(a, others[i]), 0);
        assert_int_equal(kf_foreign_read(a, 10, &s, &real, &e), -1);
        assert_int_equal(e.code, KF_ERR_SYS_OWNER);
    }
    assert_int_equal(chmod(a, 0644), 0);
    KF_AUTO_CHARS link = in_dir("link");
    assert_int_equal(symlink("a", link), 0);
    assert_int_equal(kf_foreign_read(link, 10, &s, &real, &e), 1);
    assert_string_equal(real, a);
    assert_int_equal(kf_foreign_read(dir, 10, &s, &real, &e), -1);
    assert_null(strstr(e.what, "[...]"));
    unlink(link);
    unlink(a);
}

static void changing(void **state) {
    kf_err e;
    KF_AUTO_CHARS a = make("a", "before", 0640);
    KF_AUTO(kf_secret) before = kf_secret_new("before", 6);
    KF_AUTO(kf_secret) after = kf_secret_new("af", 2);
    assert_true(kf_foreign_replace(a, before, after, &e));
    struct stat st;
    assert_int_equal(stat(a, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    holds(a, "af");
    assert_false(kf_foreign_replace(a, before, after, &e)); /* not what it was */
    assert_non_null(strstr(e.what, "changed meanwhile"));
    KF_AUTO_CHARS second = in_dir("second");
    assert_int_equal(link(a, second), 0);
    assert_false(kf_foreign_replace(a, after, before, &e));
    assert_non_null(strstr(e.what, "hard link"));
    unlink(second);
    KF_AUTO_CHARS by_link = in_dir("link");
    assert_int_equal(symlink("a", by_link), 0);
    assert_false(kf_foreign_replace(
        by_link, after, before, &e)); /* its path is the real one, or something came in between */
    unlink(by_link);
    assert_int_equal(chmod(a, 0666), 0);
    assert_false(kf_foreign_replace(a, after, before, &e));
    assert_int_equal(chmod(a, 0600), 0);
    holds(a, "af");
    unlink(a);
    assert_false(kf_foreign_replace(a, after, before, &e));
    assert_int_equal(files(), 0); /* nothing is left beside it */
}

int main(void) {
    static const struct CMUnitTest tests[] = {cmocka_unit_test(reading),
                                              cmocka_unit_test(changing)};
    if (!mkdtemp(dir)) return 1;
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    return rmdir(dir) || rc;
}
