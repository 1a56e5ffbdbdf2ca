/* Writes a file that a person asked for: into an unnamed or temporary file first, then in its
 * place. A killed program leaves no half file. */
#include "ui/common/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
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
    if (lstat(path, &st))
        return errno == ENOENT || kf_fail_errno(err, KF_ERR_SYS_IO, "%.120s", path);
    if (!replace) {
        kf_fail(err, KF_ERR_USAGE_EXISTS, "%.200s", path);
        return kf_hint(err,
                       "Nothing was written. Name another file, or add --force to replace it.");
    }
    return S_ISREG(st.st_mode) ||
           kf_fail(err, KF_ERR_USAGE_BAD, "%.200s is not a regular file", path);
}

/* A name beside path, for mkostemp. */
static char *beside(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? kf_strfmt("%.*s/.keyfob-XXXXXX", (int)(slash - path), path)
                 : kf_strdup(".keyfob-XXXXXX");
}

/* A file without a name, which is gone when we are (*temp NULL), or where the file system has none,
 * one beside path. */
static int make(const char *path, char **temp) {
    KF_AUTO_CHARS name = beside(path);
    KF_AUTO_CHARS dir = kf_strfmt("%.*s.", (int)(strlen(name) - strlen(".keyfob-XXXXXX")), name);
    int fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) return fd;
    fd = mkostemp(name, O_CLOEXEC); /* 0600 */
    if (fd >= 0) *temp = KF_TAKE(name);
    return fd;
}

static bool move(const char *temp, const char *path, const char *remove_else) {
    if (rename(temp, path) == 0) return true;
    int before = errno;
    unlink(remove_else);
    errno = before;
    return false;
}

/* path is taken with an empty file of ours first: a rename that replaces nothing is not everywhere.
 */
static bool put_named(const char *temp, const char *path, bool replace) {
    if (replace) return move(temp, path, temp);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    close(fd);
    return move(temp, path, path);
}

/* A link replaces nothing: who made the file since we looked keeps it. */
static bool put_unnamed(int fd, const char *path, bool replace) {
    KF_AUTO_CHARS from = kf_strfmt("/proc/self/fd/%d", fd);
    KF_AUTO_CHARS name = beside(path);
    if (!replace) return linkat(AT_FDCWD, from, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0;
    int taken = mkostemp(name, O_CLOEXEC);
    if (taken < 0) return false;
    close(taken);
    return unlink(name) == 0 && linkat(AT_FDCWD, from, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0 &&
           move(name, path, name);
}

bool kf_outfile_write(const char *path, const void *data, size_t len, bool replace, kf_err *err) {
    if (!may_write(path, replace, err)) return false;
    KF_AUTO_CHARS temp = NULL;
    sigset_t stop, before;
    sigemptyset(&stop);
    for (const int *s = (const int[]){SIGINT, SIGTERM, SIGHUP, SIGQUIT, 0}; *s; s++)
        sigaddset(&stop, *s);
    pthread_sigmask(SIG_BLOCK, &stop, &before);
    int fd = make(path, &temp);
    bool ok = fd >= 0 || kf_fail_errno(err, KF_ERR_SYS_IO, "%.160s cannot be made", path);
    if (!temp)
        pthread_sigmask(SIG_SETMASK, &before,
                        NULL); /* a slow disk can be left, and nothing stays there */
    ok = ok &&
         (all_written(fd, data, len) || kf_fail_errno(err, KF_ERR_SYS_IO, "write %.160s", path));
    pthread_sigmask(SIG_BLOCK, &stop, NULL);
    if (ok && !(temp ? put_named(temp, path, replace) : put_unnamed(fd, path, replace)))
        ok = errno == EEXIST ? may_write(path, false, err)
                             : kf_fail_errno(err, KF_ERR_SYS_IO, "put %.160s in place", path);
    if (temp && !ok) unlink(temp);
    if (fd >= 0) close(fd);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}
