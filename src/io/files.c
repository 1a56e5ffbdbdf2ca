/* Files of the agent: read whole, replace atomically, remove, sweep temporary files, and locks
 * with flock. These calls block. */
#include "io/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "base/str.h"
#include "guard/path.h"

/* Between a name and the XXXXXX of its temp file. A sweep must not mistake a person's copy for a
 * temp file. */
#define TEMP ".tmp-"

bool kf_file_read(const char *path, size_t max, kf_secret **out, kf_err *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), why = 0;
    if (fd < 0) return kf_fail_errno(err, KF_ERR_SYS_IO, "open %s", path);
    struct stat st;
    KF_AUTO(kf_secret) s = NULL;
    if (fstat(fd, &st)) kf_fail_errno(err, KF_ERR_SYS_IO, "%s", path), why = errno;
    else if (!S_ISREG(st.st_mode)) kf_fail(err, KF_ERR_SYS_IO, "%s is not a regular file", path);
    else if ((uint64_t)st.st_size > max)
        kf_fail(err, KF_ERR_SYS_IO, "%s is larger than %zu bytes", path, max);
    else if (!kf_path_check_fd(fd, path, KF_PATH_FILE, err)) why = errno;
    else {
        size_t want = (size_t)st.st_size, got = 0;
        s = kf_secret_zero(want);
        ssize_t n = 1;
        while (got < want && n) {
            n = read(fd, kf_secret_edit(s) + got, want - got);
            if (n > 0) got += (size_t)n;
            else if (n < 0 && errno != EINTR) break;
        }
        if (n < 0) kf_fail_errno(err, KF_ERR_SYS_IO, "read %s", path), why = errno;
        else if (got < want)
            kf_fail(err, KF_ERR_SYS_IO, "%s changed while it was read", path), why = EAGAIN;
        if (got < want) s = kf_secret_free(s);
    }
    close(fd);
    errno = why;
    if (!s) return false;
    *out = KF_TAKE(s);
    return true;
}

static bool write_all(int fd, const char *p, size_t n) {
    off_t at = 0;
    while (n) {
        ssize_t k = pwrite(fd, p, n, at);
        if (k < 0 && errno == EINTR) continue;
        if (k == 0) errno = EIO;
        if (k <= 0) return false;
        p += k;
        at += k;
        n -= (size_t)k;
    }
    return true;
}

bool kf_file_fill(int fd, const void *data, size_t len) {
    struct stat st;
    /* cut before it is written: a kill behind the write leaves the whole new content */
    return fstat(fd, &st) == 0 && (st.st_size <= (off_t)len || ftruncate(fd, (off_t)len) == 0) &&
           write_all(fd, data, len) && fsync(fd) == 0;
}

bool kf_file_is_at(int fd, const char *path) {
    struct stat a, b;
    return fstat(fd, &a) == 0 && lstat(path, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

bool kf_file_sync_dir(const char *path) {
    KF_AUTO_CHARS dir = kf_strdup(path);
    char *slash = strrchr(dir, '/');
    if (!slash) return true;
    slash[slash == dir] = 0;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return false;
    bool ok = fsync(fd) == 0 || errno == EINVAL; /* some file systems cannot, and need not */
    int why = errno;
    close(fd);
    errno = why;
    return ok;
}

int kf_file_new(char *path) {
    enum { TRIES = 8 };
    size_t n = strlen(path);
    bool any = n > 6 && !strcmp(path + n - 6, "XXXXXX");
    for (int i = 0; i < TRIES; i++) {
        if (any) memset(path + n - 6, 'X', 6);
        int fd = any ? mkostemp(path, O_CLOEXEC)
                     : open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0) return -1;
        /* a sweep may have removed it in between; none does where flock does not work */
        bool held = flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
        if (held && kf_file_is_at(fd, path)) return fd;
        close(fd);
    }
    errno = EBUSY;
    return -1;
}

char *kf_file_draft(const char *path, const void *data, size_t len, int *held, kf_err *err) {
    char *tmp = kf_strfmt("%s" TEMP "XXXXXX", path);
    int fd = kf_file_new(tmp), why;
    bool ok = fd >= 0 && kf_file_fill(fd, data, len);
    if (ok) return *held = fd, tmp;
    why = errno;
    kf_fail_errno(err, KF_ERR_SYS_IO, fd < 0 ? "write beside %s" : "write %s", path);
    if (fd >= 0) unlink(tmp), close(fd);
    free(tmp);
    errno = why;
    return NULL;
}

bool kf_file_place(const char *draft, int held, const char *path, kf_err *err) {
    bool ok = !rename(draft, path) || kf_fail_errno(err, KF_ERR_SYS_IO, "rename to %s", path);
    int why = errno;
    if (!ok) unlink(draft);
    close(held); /* a sweep may look at the file from here on */
    errno = why;
    if (!ok) return false;
    return kf_file_sync_dir(path) ||
           kf_fail_errno(err, KF_ERR_SYS_IO, "flush the directory of %s", path);
}

bool kf_file_is_same(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool exchange(const char *a, const char *b) {
    return !renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}

/* Ours is at path and a file that was not expected at draft. It goes back. If a third one has taken
 * the place of ours meanwhile, that one is the newest and stays. */
static void put_back(const char *draft, int held, const char *path) {
    struct stat ours, displaced;
    if (exchange(draft, path) && !fstat(held, &ours) && !lstat(draft, &displaced) &&
        ours.st_ino != displaced.st_ino)
        (void)exchange(draft, path);
}

int kf_file_place_over(const char *draft, int held, const char *path, const struct stat *was,
                       kf_err *err) {
    struct stat st;
    bool fresh = !was->st_ino;
    bool moved = fresh ? !renameat2(AT_FDCWD, draft, AT_FDCWD, path, RENAME_NOREPLACE)
                       : exchange(draft, path);
    if (!moved && (errno == EINVAL || errno == ENOSYS))
        return kf_file_place(draft, held, path, err) ? 1 : -1;
    bool faster = !moved && errno == (fresh ? EEXIST : ENOENT);
    if (!moved && !faster) kf_fail_errno(err, KF_ERR_SYS_IO, "rename to %s", path);
    else if (moved && !fresh && (lstat(draft, &st) || !kf_file_is_same(&st, was))) {
        put_back(draft, held, path);
        faster = true;
    }
    if (!fresh || !moved) unlink(draft);
    close(held);
    if (faster) return 0;
    bool ok = moved && (kf_file_sync_dir(path) ||
                        kf_fail_errno(err, KF_ERR_SYS_IO, "flush the directory of %s", path));
    return ok ? 1 : -1;
}

bool kf_file_replace(const char *path, const void *data, size_t len, kf_err *err) {
    int held = -1;
    KF_AUTO_CHARS tmp = kf_file_draft(path, data, len, &held, err);
    return tmp && kf_file_place(tmp, held, path, err);
}

#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LOWER "abcdefghijklmnopqrstuvwxyz"

bool kf_file_is_temp_suffix(const char *s) {
    return strlen(s) == 6 && strspn(s, UPPER LOWER "0123456789") == 6 && strpbrk(s, LOWER) &&
           strpbrk(s + 1, UPPER);
}

static bool is_temp_of(const char *leaf, const char *base, bool older_too) {
    size_t n = strlen(base);
    if (strncmp(leaf, base, n)) return false;
    leaf += n;
    if (kf_str_starts(leaf, TEMP)) return strlen(leaf) == strlen(TEMP) + 6;
    return older_too && *leaf == '.' && kf_file_is_temp_suffix(leaf + 1);
}

void kf_file_sweep(const char *path, bool older_too) {
    KF_AUTO_CHARS dir = kf_strdup(path);
    char *slash = strrchr(dir, '/');
    if (!slash) return;
    const char *base = path + (slash - dir) + 1;
    slash[slash == dir] = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (!is_temp_of(e->d_name, base, older_too)) continue;
        struct stat st;
        int fd = openat(dirfd(d), e->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0) continue;
        bool ours = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid();
        if (ours && flock(fd, LOCK_EX | LOCK_NB) == 0) unlinkat(dirfd(d), e->d_name, 0);
        close(fd);
    }
    if (d) closedir(d);
}

bool kf_file_remove(const char *path, kf_err *err) {
    if (unlink(path) && errno != ENOENT)
        return kf_fail_errno(err, KF_ERR_SYS_IO, "remove %s", path);
    return kf_file_sync_dir(path) ||
           kf_fail_errno(err, KF_ERR_SYS_IO, "flush the directory of %s", path);
}

bool kf_file_is_there(const char *path) { return access(path, F_OK) == 0; }
