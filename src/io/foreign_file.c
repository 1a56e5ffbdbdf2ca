/* Files of other tools: reads one with checks of owner and size, and replaces its content
 * atomically if it is unchanged since. */
#include "io/foreign_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/str.h"
#include "guard/path.h"

/* The part that tells most, whole characters, so that the reason behind it always has room. */
static const char *end_of(const char *path) {
    size_t n = strlen(path), from = n > 140 ? n - 140 : 0;
    while (((unsigned char)path[from] & 0xc0) == 0x80) from++;
    return path + from;
}

static bool to_be_trusted(const char *path, const struct stat *st, size_t max, kf_err *err) {
    if (!S_ISREG(st->st_mode))
        return kf_fail(err, KF_ERR_USAGE_BAD, "%s is not a regular file", end_of(path));
    if (!kf_path_check(path, KF_PATH_FILE, err)) return false;
    if ((uint64_t)st->st_size <= max) return true;
    return kf_fail(err, KF_ERR_USAGE_BAD, "%s has %lld bytes, %zu are the most", end_of(path),
                   (long long)st->st_size, max);
}

/* fd of the file at real, which is looked at in *st. -1: err */
static int look(const char *real, size_t max, struct stat *st, kf_err *err) {
    int fd = open(real, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return kf_fail_errno(err, KF_ERR_SYS_IO, "open %s", end_of(real)), -1;
    bool ok = !fstat(fd, st) || kf_fail_errno(err, KF_ERR_SYS_IO, "%s", end_of(real));
    if (ok && to_be_trusted(real, st, max, err)) return fd;
    close(fd);
    return -1;
}

static kf_secret *all_of(const char *real, size_t max, struct stat *st, kf_err *err) {
    int fd = look(real, max, st, err);
    if (fd < 0) return NULL;
    size_t want = (size_t)st->st_size, got = 0;
    KF_AUTO(kf_secret) s = kf_secret_zero(want);
    for (ssize_t n = 1; got < want && n;) {
        n = read(fd, kf_secret_edit(s) + got, want - got);
        if (n < 0 && errno != EINTR) break;
        if (n > 0) got += (size_t)n;
    }
    close(fd);
    if (got == want) return KF_TAKE(s);
    return kf_fail(err, KF_ERR_SYS_IO, "read %s: it changed meanwhile", end_of(real)), NULL;
}

int kf_foreign_read(const char *path, size_t max, kf_secret **text, char **real, kf_err *err) {
    struct stat st;
    KF_AUTO_CHARS at = realpath(path, NULL);
    if (!at && (errno == ENOENT || errno == ENOTDIR)) return 0;
    if (!at) return kf_fail_errno(err, KF_ERR_SYS_IO, "%s", end_of(path)), -1;
    kf_secret *s = all_of(at, max, &st, err);
    if (!s) return -1;
    *text = s;
    *real = KF_TAKE(at);
    return 1;
}

/* --- changing
 * --------------------------------------------------------------------------------------- */

static bool fill(int fd, const kf_secret *s, const struct stat *old, kf_err *err) {
    const char *p = kf_secret_peek(s);
    struct stat st;
    for (size_t left = kf_secret_len(s); left;) {
        ssize_t n = write(fd, p, left);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return kf_fail_errno(err, KF_ERR_SYS_IO, "write beside it");
        p += n;
        left -= (size_t)n;
    }
    if (fstat(fd, &st)) return kf_fail_errno(err, KF_ERR_SYS_IO, "write beside it");
    if (st.st_gid != old->st_gid && fchown(fd, (uid_t)-1, old->st_gid))
        return kf_fail_errno(err, KF_ERR_SYS_IO, "keep its group");
    if (st.st_uid != old->st_uid && fchown(fd, old->st_uid, (gid_t)-1))
        return kf_fail_errno(err, KF_ERR_SYS_IO, "keep its owner");
    return (!fchmod(fd, old->st_mode & 07777) && !fsync(fd)) ||
           kf_fail_errno(err, KF_ERR_SYS_IO, "write beside it");
}

static bool same_file(const char *path, const struct stat *old) {
    struct stat st;
    return !lstat(path, &st) && S_ISREG(st.st_mode) && st.st_ino == old->st_ino &&
           st.st_dev == old->st_dev && st.st_size == old->st_size &&
           st.st_mtim.tv_sec == old->st_mtim.tv_sec && st.st_mtim.tv_nsec == old->st_mtim.tv_nsec;
}

static bool flush_dir(const char *path) {
    KF_AUTO_CHARS dir = kf_strdup(path);
    char *slash = strrchr(dir, '/');
    if (slash) slash[slash == dir] = 0;
    int fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return false;
    bool ok = !fsync(fd) || errno == EINVAL;
    close(fd);
    return ok;
}

bool kf_foreign_replace(const char *path, const kf_secret *before, const kf_secret *after,
                        kf_err *err) {
    struct stat old;
    KF_AUTO(kf_secret) now = all_of(path, kf_secret_len(before), &old, err);
    if (!now) return false;
    if (!kf_secret_eq(now, before))
        return kf_fail(err, KF_ERR_USAGE_BAD, "%s changed meanwhile", end_of(path));
    if (old.st_nlink > 1)
        return kf_fail(err, KF_ERR_USAGE_BAD,
                       "%s has a second name (hard link), which would keep the key", end_of(path));
    KF_AUTO_CHARS tmp = kf_strfmt("%s.XXXXXX", path);
    int fd = mkostemp(tmp, O_CLOEXEC);
    if (fd < 0) return kf_fail_errno(err, KF_ERR_SYS_IO, "write beside %s", end_of(path));
    bool ok = fill(fd, after, &old, err);
    if (close(fd) && ok) ok = kf_fail_errno(err, KF_ERR_SYS_IO, "write beside %s", end_of(path));
    if (ok && !same_file(path, &old))
        ok = kf_fail(err, KF_ERR_USAGE_BAD, "%s changed meanwhile", end_of(path));
    if (ok && rename(tmp, path))
        ok = kf_fail_errno(err, KF_ERR_SYS_IO, "rename to %s", end_of(path));
    if (!ok) {
        unlink(tmp);
        return false;
    }
    return flush_dir(path) ||
           kf_fail_errno(err, KF_ERR_SYS_IO, "flush the directory of %s", end_of(path));
}
