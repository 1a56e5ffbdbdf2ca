#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/str.h"
#include "guard/path.h"

static char top[] = "/tmp/kf-guard-XXXXXX";

static char *in(const char *leaf) { return kf_strfmt("%s/%s", top, leaf); }

static void put(const char *path, mode_t mode) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(chmod(path, mode), 0);
}

/* The code, KF_ERR_NONE when it passes. */
static kf_err_code verdict(const char *path, kf_path_want want) {
    kf_err e = {.code = KF_ERR_NONE};
    bool ok = kf_path_check(path, want, &e);
    assert_int_equal(ok, e.code == KF_ERR_NONE);
    if (!ok && e.code == KF_ERR_SYS_OWNER && errno == EPERM)
        assert_non_null(strstr(e.what, "Bad owner or permissions on "));
    return e.code;
}

static void modes_of_a_file(void **state) {
    KF_AUTO_CHARS f = in("file");
    static const struct {
        mode_t mode;
        kf_err_code file, secret;
    } rows[] = {
        {0600, KF_ERR_NONE, KF_ERR_NONE},           {0400, KF_ERR_NONE, KF_ERR_NONE},
        {0644, KF_ERR_NONE, KF_ERR_SYS_OWNER},      {0640, KF_ERR_NONE, KF_ERR_SYS_OWNER},
        {0620, KF_ERR_SYS_OWNER, KF_ERR_SYS_OWNER}, {0602, KF_ERR_SYS_OWNER, KF_ERR_SYS_OWNER},
        {0666, KF_ERR_SYS_OWNER, KF_ERR_SYS_OWNER}};
    for (size_t i = 0; i < KF_LEN(rows); i++) {
        put(f, rows[i].mode);
        assert_int_equal(verdict(f, KF_PATH_FILE), rows[i].file);
        assert_int_equal(verdict(f, KF_PATH_SECRET), rows[i].secret);
        int fd = open(f, O_PATH | O_CLOEXEC);
        assert_int_equal(kf_path_check_fd(fd, f, KF_PATH_FILE, NULL), rows[i].file == KF_ERR_NONE);
        close(fd);
    }
    assert_int_equal(verdict(f, KF_PATH_DIR), KF_ERR_SYS_OWNER);
    assert_int_equal(verdict(top, KF_PATH_FILE), KF_ERR_SYS_IO);
    unlink(f);
    assert_int_equal(verdict(f, KF_PATH_FILE), KF_ERR_SYS_IO);
    assert_int_equal(errno, ENOENT);
}

static void directories_on_the_way(void **state) {
    KF_AUTO_CHARS a = in("a");
    KF_AUTO_CHARS f = in("a/b/file");
    KF_AUTO_CHARS b = in("a/b");
    KF_AUTO_CHARS up = in("a/b/../b/./file");
    assert_true(kf_path_make_dir(b, NULL));
    put(f, 0600);
    assert_int_equal(verdict(f, KF_PATH_FILE), KF_ERR_NONE);
    assert_int_equal(verdict(up, KF_PATH_FILE), KF_ERR_NONE);
    assert_int_equal(verdict(b, KF_PATH_PRIVATE_DIR), KF_ERR_NONE);
    chmod(b, 0755);
    assert_int_equal(verdict(b, KF_PATH_PRIVATE_DIR), KF_ERR_SYS_OWNER);
    assert_int_equal(verdict(b, KF_PATH_DIR), KF_ERR_NONE);
    static const char *const dirs[] = {"a", "a/b"};
    for (size_t i = 0; i < KF_LEN(dirs); i++) {
        KF_AUTO_CHARS dir = in(dirs[i]);
        chmod(dir, 0702);
        assert_int_equal(verdict(f, KF_PATH_FILE), KF_ERR_SYS_OWNER);
        chmod(dir, 01777); /* as /tmp: what is ours there can be neither renamed nor removed */
        assert_int_equal(verdict(f, KF_PATH_FILE), KF_ERR_NONE);
        chmod(dir, 0700);
    }
    chmod(b, 01777);
    KF_AUTO_CHARS second = in("second");
    assert_int_equal(link(f, second), 0); /* others may have put a name of our file there */
    assert_int_equal(verdict(f, KF_PATH_FILE), KF_ERR_SYS_OWNER);
    assert_int_equal(verdict(b, KF_PATH_DIR), KF_ERR_SYS_OWNER);
    unlink(second);
    unlink(f);
    rmdir(b);
    rmdir(a);
}

static void links(void **state) {
    KF_AUTO_CHARS dir = in("real");
    KF_AUTO_CHARS f = in("real/file");
    KF_AUTO_CHARS to_dir = in("to-dir");
    KF_AUTO_CHARS to_file = in("to-file");
    KF_AUTO_CHARS loop = in("loop");
    KF_AUTO_CHARS through = in("to-dir/file");
    assert_true(kf_path_make_dir(dir, NULL));
    put(f, 0600);
    assert_int_equal(symlink("real", to_dir), 0);
    assert_int_equal(symlink(through, to_file), 0);
    assert_int_equal(symlink("loop", loop), 0);
    assert_int_equal(verdict(through, KF_PATH_FILE), KF_ERR_NONE);
    assert_int_equal(verdict(to_file, KF_PATH_FILE), KF_ERR_NONE);
    assert_int_equal(verdict(to_dir, KF_PATH_DIR), KF_ERR_NONE);
    assert_int_equal(verdict(to_dir, KF_PATH_PRIVATE_DIR), KF_ERR_SYS_OWNER);
    assert_int_equal(verdict(loop, KF_PATH_FILE), KF_ERR_SYS_IO);
    chmod(f, 0666);
    assert_int_equal(verdict(to_file, KF_PATH_FILE), KF_ERR_SYS_OWNER);
    chmod(f, 0600);
    chmod(dir, 0777);
    assert_int_equal(verdict(to_file, KF_PATH_FILE), KF_ERR_SYS_OWNER);
    assert_int_equal(verdict(to_dir, KF_PATH_DIR), KF_ERR_SYS_OWNER);
    chmod(dir, 0700);
    unlink(loop);
    unlink(to_file);
    unlink(to_dir);
    unlink(f);
    rmdir(dir);
}

static void long_paths(void **state) {
    char path[2 * PATH_MAX];
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = 0;
    for (size_t i = 0; i < sizeof path - 1; i += 200) path[i] = '/';
    assert_int_equal(verdict(path, KF_PATH_FILE), KF_ERR_SYS_IO);
    path[NAME_MAX + 2] = 0;
    memset(path + 1, 'x', NAME_MAX + 1);
    assert_int_equal(verdict(path, KF_PATH_FILE), KF_ERR_SYS_IO);
    assert_int_equal(errno, ENAMETOOLONG);
}

static void relative_names(void **state) {
    KF_AUTO_CHARS f = in("file");
    put(f, 0600);
    assert_int_equal(chdir(top), 0);
    assert_int_equal(verdict("file", KF_PATH_FILE), KF_ERR_NONE);
    assert_int_equal(verdict("./file", KF_PATH_SECRET), KF_ERR_NONE);
    chmod("file", 0666);
    assert_int_equal(verdict("file", KF_PATH_FILE), KF_ERR_SYS_OWNER);
    unlink("file");
    assert_int_equal(chdir("/"), 0);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    assert_true(kf_path_check_fd(null, "/dev/null", KF_PATH_FILE, NULL));
    close(null);
}

int main(void) {
    const struct CMUnitTest t[] = {
        cmocka_unit_test(modes_of_a_file), cmocka_unit_test(directories_on_the_way),
        cmocka_unit_test(links), cmocka_unit_test(long_paths), cmocka_unit_test(relative_names)};
    if (!mkdtemp(top)) return 1;
    int rc = cmocka_run_group_tests(t, NULL, NULL);
    rmdir(top);
    return rc;
}
