/* The sandbox's file access: reads a whole file, and replaces a file atomically. */
#include "sandbox/disk.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/str.h"

bool kf_disk_read(const char *path, size_t max, char **text, size_t *len, kf_err *err) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return kf_fail_errno(err, KF_ERR_SYS_IO, "open %s", path);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return kf_fail(err, KF_ERR_SYS_IO, "%s is no regular file", path);
    }
    kf_buf b;
    kf_buf_init(&b, max);
    char chunk[4096];
    ssize_t n;
    bool fits = true;
    while (fits && ((n = read(fd, chunk, sizeof chunk)) > 0 || (n < 0 && errno == EINTR)))
        if (n > 0) fits = kf_buf_add(&b, chunk, (size_t)n);
    bool ok = fits && n == 0;
    if (!fits) kf_fail(err, KF_ERR_USAGE_BAD, "%s is longer than %zu bytes", path, max);
    else if (!ok) kf_fail_errno(err, KF_ERR_SYS_IO, "read %s", path);
    close(fd);
    if (ok) {
        *len = b.len;
        *text = kf_buf_steal(&b);
    }
    kf_buf_done(&b);
    return ok;
}

static bool write_all(int fd, const char *p, size_t n) {
    while (n) {
        ssize_t did = write(fd, p, n);
        if (did < 0 && errno == EINTR) continue;
        if (did <= 0) return false;
        p += did;
        n -= (size_t)did;
    }
    return true;
}

bool kf_disk_write(const char *path, const char *text, size_t len, mode_t mode, kf_err *err) {
    KF_AUTO_CHARS tmp = kf_strfmt("%s.XXXXXX", path);
    int fd = mkostemp(tmp, O_CLOEXEC);
    if (fd < 0) return kf_fail_errno(err, KF_ERR_SYS_IO, "create %s", tmp);
    bool ok = fchmod(fd, mode) == 0 && write_all(fd, text, len) && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    ok = ok && rename(tmp, path) == 0;
    if (!ok) {
        kf_fail_errno(err, KF_ERR_SYS_IO, "write %s", path);
        unlink(tmp);
    }
    return ok;
}
