#include "ui/common/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/str.h"

static bool all_written(int fd, const char *p, size_t len) {
    while (len) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        p += n;
        len -= (size_t)n;
    }
    return fsync(fd) == 0;
}

static bool may_write(const char *path, bool replace, kf_err *err) {
    struct stat st;
    if (lstat(path, &st)) return errno == ENOENT || kf_fail_errno(err, KF_ERR_SYS_IO, "%.120s", path);
    if (!replace) {
        kf_fail(err, KF_ERR_USAGE_EXISTS, "%.200s exists", path);
        return kf_hint(err, "Nothing was written. Name another file, or add --force to replace it.");
    }
    return S_ISREG(st.st_mode) || kf_fail(err, KF_ERR_USAGE_BAD, "%.200s is not a regular file", path);
}

bool kf_outfile_write(const char *path, const void *data, size_t len, bool replace, kf_err *err) {
    if (!may_write(path, replace, err)) return false;
    KF_AUTO_CHARS temp = kf_strfmt("%s.XXXXXX", path);
    int fd = mkostemp(temp, O_CLOEXEC); /* 0600 */
    if (fd < 0) return kf_fail_errno(err, KF_ERR_SYS_IO, "%.160s cannot be made", path);
    bool ok = all_written(fd, data, len) || kf_fail_errno(err, KF_ERR_SYS_IO, "write %.160s", path);
    if (close(fd) && ok) ok = kf_fail_errno(err, KF_ERR_SYS_IO, "write %.160s", path);
    /* link does not replace: who made the file since we looked keeps it */
    if (ok && (replace ? rename(temp, path) : link(temp, path)))
        ok = errno == EEXIST ? may_write(path, false, err) : kf_fail_errno(err, KF_ERR_SYS_IO, "put %.160s in place", path);
    if (!ok || !replace) unlink(temp);
    return ok;
}
