/* Finds the .keyfob of the working directory, checks whether it can be trusted, and keeps the
 * list of allowed ones. It never starts the agent. */
#include "ui/cli/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/str.h"
#include "guard/path.h"
#include "ui/common/outfile.h"
#include "wire/client.h"

enum { LOCK_TRIES = 100, LOCK_PAUSE_MS = 50 };

/* --- one file
 * -------------------------------------------------------------------------------------- */

static bool refuse(const char *path, const char *why, kf_err *err) {
    return kf_fail(err, KF_ERR_USAGE_DIRECTORY, "%.190s %s", path, why);
}

static bool ours(const struct stat *st) { return st->st_uid == geteuid() || st->st_uid == 0; }

/* At most max bytes; -1: err */
static ssize_t read_all(int fd, char *text, size_t max, const char *path, kf_err *err) {
    size_t n = 0;
    while (n < max) {
        ssize_t k = read(fd, text + n, max - n);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return kf_fail_errno(err, KF_ERR_SYS_IO, "read %.200s", path), -1;
        if (k == 0) break;
        n += (size_t)k;
    }
    return (ssize_t)n;
}

static bool file_ok(int fd, const char *path, kf_err *err) {
    struct stat st;
    if (fstat(fd, &st)) return kf_fail_errno(err, KF_ERR_USAGE_DIRECTORY, "%.200s", path);
    if (!S_ISREG(st.st_mode)) return refuse(path, "is not a regular file", err);
    if (!ours(&st)) return refuse(path, "belongs to somebody else", err);
    if (st.st_mode &
        002) { /* a group's members may change the name, which then has to be allowed again */
        refuse(path, "can be written by everybody", err);
        return kf_hint(err, "Look at what is in it, then: chmod o-w %.180s", path);
    }
    return st.st_size <= KF_DIRECTORY_MAX || refuse(path, "has more than 4 KiB", err);
}

static bool read_file(int fd, kf_dir_file *f, kf_err *err) {
    char text[KF_DIRECTORY_MAX + 1];
    kf_err why;
    if (!file_ok(fd, f->path, err)) return false;
    ssize_t n = read_all(fd, text, sizeof text, f->path, err);
    if (n < 0) return false;
    return kf_directory_parse(text, (size_t)n, f->profile, &why) ||
           kf_fail(err, KF_ERR_USAGE_DIRECTORY, "%.150s: %.100s", f->path, why.what);
}

/* --- looking
 * --------------------------------------------------------------------------------------- */

/* f->path is a .keyfob in the directory of its first len bytes. 1: it counts; 0: that is where the
 * look ends; -1: err */
static int directory_ok(const kf_dir_file *f, size_t len, kf_err *err) {
    struct stat st, file;
    KF_AUTO_CHARS dir = kf_strfmt("%.*s/", (int)len, f->path);
    if (stat(dir, &st) || lstat(f->path, &file) || !ours(&st)) return 0;
    if (!(st.st_mode & 002)) return 1;
    if (file.st_uid != geteuid())
        return 0; /* anybody's file in a folder for everybody, as /tmp is */
    if (st.st_mode & 01000) return 1;
    kf_fail(err, KF_ERR_USAGE_DIRECTORY, "everybody may write into the directory of %.190s",
            f->path);
    return kf_hint(err, "Run: chmod o-w on the directory"), -1;
}

/* Every directory from the working one up to the file's must be one to look in. */
static int way_ok(const kf_dir_file *f, const char *cwd, size_t len, kf_err *err) {
    for (size_t n = strlen(cwd); n > len;) {
        struct stat st;
        KF_AUTO_CHARS dir = kf_strfmt("%.*s/", (int)n, cwd);
        if (stat(dir, &st) || !ours(&st)) return 0;
        while (n > len && cwd[--n] != '/') {
        }
    }
    return directory_ok(f, len, err);
}

static int open_found(kf_dir_file *f, size_t len, const char *cwd, kf_err *err) {
    int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY), why = errno;
    if (fd < 0 && (why == ENOENT || why == ENOTDIR)) return 0;
    int rc = cwd ? way_ok(f, cwd, len, err) : 1;
    if (rc > 0 && fd < 0) {
        errno = why;
        rc = why == ELOOP ? refuse(f->path, "is a link", err)
                          : kf_fail_errno(err, KF_ERR_USAGE_DIRECTORY, "%.200s", f->path);
        rc = -1;
    } else if (rc > 0) rc = read_file(fd, f, err) ? 1 : -1;
    if (fd >= 0) close(fd);
    return rc ? rc : -2; /* found, but not for us: the look ends */
}

/* The default profile would be another one than the person means. */
static int too_deep(kf_err *err) {
    kf_fail(err, KF_ERR_USAGE_DIRECTORY,
            "the path of this directory is longer than %d bytes, so " KF_DIRECTORY_FILE
            " cannot be looked for",
            PATH_MAX - 1);
    kf_hint(err, "Name a profile: keyfob -p NAME ...");
    return -1;
}

int kf_dir_find(const char *dir, kf_dir_file *out, kf_err *err) {
    char cwd[PATH_MAX];
    kf_dir_file f;
    if (dir && !realpath(dir, cwd))
        return kf_fail_errno(err, KF_ERR_USAGE_DIRECTORY, "%.200s", dir), -1;
    if (!dir && !getcwd(cwd, sizeof cwd))
        return errno == ERANGE || errno == ENAMETOOLONG ? too_deep(err) : 0;
    size_t len = strcmp(cwd, "/") ? strlen(cwd) : 0;
    cwd[len] = 0;
    for (;;) {
        if ((size_t)snprintf(f.path, sizeof f.path, "%.*s/%s", (int)len, cwd, KF_DIRECTORY_FILE) >=
            sizeof f.path)
            return too_deep(err);
        int rc = open_found(&f, len, dir ? NULL : cwd, err);
        if (rc == 1) *out = f;
        if (rc) return rc == -2 ? 0 : rc;
        if (dir || !len) return 0;
        while (len && cwd[--len] != '/') {
        }
    }
    return 0;
}

/* --- the list of those that are allowed
 * -------------------------------------------------------------- */

static char *list_path(void) {
    KF_AUTO_CHARS dir = kf_state_dir();
    return kf_strfmt("%s/allowed", dir);
}

char *kf_dir_list(kf_err *err) {
    KF_AUTO_CHARS path = list_path();
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    char *text = NULL;
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) return kf_strdup("");
    if (fd < 0) return kf_fail_errno(err, KF_ERR_SYS_IO, "open %.200s", path), NULL;
    if (fstat(fd, &st)) kf_fail_errno(err, KF_ERR_SYS_IO, "%.200s", path);
    else if (!kf_path_check(path, KF_PATH_FILE, err)) errno = EPERM;
    else if (st.st_size > KF_ALLOWED_MAX) kf_fail(err, KF_ERR_SYS_IO, "%.190s is too large", path);
    else if (!(text = malloc(KF_ALLOWED_MAX + 1))) abort();
    ssize_t n = text ? read_all(fd, text, KF_ALLOWED_MAX, path, err) : -1;
    close(fd);
    if (n < 0) return free(text), NULL;
    text[n] = 0;
    return text;
}

bool kf_dir_allowed(const kf_dir_file *f, kf_err *err) {
    KF_AUTO_CHARS text = kf_dir_list(err);
    char other[65];
    if (!text) return false;
    switch (kf_allowed_find(text, strlen(text), f->path, f->profile, other, err)) {
    case KF_ALLOWED_YES: return true;
    case KF_ALLOWED_DAMAGED: return false;
    case KF_ALLOWED_OTHER:
        kf_fail(err, KF_ERR_USAGE_DIRECTORY,
                "%.120s names %s now, and was allowed when it named %s", f->path, f->profile,
                other);
        break;
    case KF_ALLOWED_NO:
        kf_fail(err, KF_ERR_USAGE_DIRECTORY, "%.150s names the profile %s and is not allowed yet",
                f->path, f->profile);
        break;
    }
    return kf_hint(err, "If that is what you want, run: keyfob allow");
}

/* -1: err. The lock is a file of its own, because the list is replaced. */
static int take_lock(const char *path, kf_err *err) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return kf_fail_errno(err, KF_ERR_SYS_IO, "open %.200s", path), -1;
    for (int i = 0; flock(fd, LOCK_EX | LOCK_NB); i++) {
        bool busy = errno == EWOULDBLOCK || errno == EINTR;
        if (!busy) kf_fail_errno(err, KF_ERR_SYS_IO, "lock %.200s", path);
        else if (i == LOCK_TRIES)
            kf_fail(err, KF_ERR_SYS_LOCK_TIMEOUT, "%.200s is held by another keyfob", path);
        if (!busy || i == LOCK_TRIES) return close(fd), -1;
        poll(NULL, 0, LOCK_PAUSE_MS);
    }
    return fd;
}

bool kf_dir_allow(const kf_dir_file *f, kf_err *err) {
    KF_AUTO_CHARS dir = kf_state_dir();
    KF_AUTO_CHARS path = list_path();
    KF_AUTO_CHARS lock = kf_strfmt("%s.lock", path);
    int fd = kf_path_make_dir(dir, err) ? take_lock(lock, err) : -1;
    if (fd < 0) return false;
    KF_AUTO_CHARS old = kf_dir_list(err);
    KF_AUTO_CHARS text =
        old ? kf_allowed_set(old, strlen(old), f->path, *f->profile ? f->profile : NULL, err)
            : NULL;
    bool ok = text && (!strcmp(text, old) || kf_outfile_write(path, text, strlen(text), true, err));
    close(fd);
    return ok;
}
