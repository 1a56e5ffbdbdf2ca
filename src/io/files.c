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

int kf_lock_open(const char *path, kf_err *err) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return kf_fail_errno(err, KF_ERR_SYS_IO, "open %s", path), -1;
    if (kf_path_check_fd(fd, path, KF_PATH_FILE, err)) return fd;
    close(fd);
    return -1;
}

int kf_lock_try(int fd, kf_err *err) {
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return 1;
    if (errno == EWOULDBLOCK || errno == EINTR) return 0;
    kf_fail_errno(err, KF_ERR_SYS_IO, "lock");
    return -1;
}

/* "1: FLOCK  ADVISORY  WRITE 4711 08:01:1234 0 EOF" (proc(5)). 0: not on this file. The device may
 * be another one than stat's (overlay, btrfs): 1 then, else 2. */
static int lock_matches(const char *line, const struct stat *st, int *pid) {
    unsigned major, minor;
    unsigned long inode;
    int n = sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%lu", pid, &major, &minor, &inode);
    if (n != 4 || *pid <= 0 || inode != st->st_ino) return 0;
    return major == gnu_dev_major(st->st_dev) && minor == gnu_dev_minor(st->st_dev) ? 2 : 1;
}

/* "4711 (name) T ...": the name may have parentheses in it. */
static void read_process(kf_lock_holder *h) {
    char path[48], text[512] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", h->pid);
    FILE *f = fopen(path, "re");
    bool ok = f && fgets(text, sizeof text, f);
    if (f) fclose(f);
    char *name = strchr(text, '('), *end = strrchr(text, ')');
    if (!ok || !name || !end || end < name || !end[1]) return;
    snprintf(h->name, sizeof h->name, "%.*s", (int)(end - name - 1), name + 1);
    h->is_stopped = end[2] == 'T' || end[2] == 't';
}

bool kf_lock_holder_find(int fd, kf_lock_holder *out) {
    struct stat st;
    char line[256];
    int best = 0, pid;
    FILE *f = fstat(fd, &st) ? NULL : fopen("/proc/locks", "re");
    *out = (kf_lock_holder){0};
    while (f && fgets(line, sizeof line, f)) {
        int match = lock_matches(line, &st, &pid);
        if (match <= best) continue;
        best = match;
        out->pid = pid;
    }
    if (f) fclose(f);
    if (best) read_process(out);
    return best > 0;
}

void kf_lock_drop(int fd) {
    if (fd < 0) return;
    flock(fd, LOCK_UN);
    close(fd);
}
