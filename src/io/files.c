#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "base/str.h"

static bool dir_ours(const char *dir, kf_err *err) {
    struct stat st;
    if (lstat(dir, &st)) return kf_fail_errno(err, KF_ERR_SYS_IO, "%s", dir);
    if (S_ISLNK(st.st_mode) && stat(dir, &st)) return kf_fail_errno(err, KF_ERR_SYS_IO, "%s", dir);
    if (!S_ISDIR(st.st_mode)) return kf_fail(err, KF_ERR_SYS_OWNER, "%s is not a directory", dir);
    if (st.st_uid != geteuid()) return kf_fail(err, KF_ERR_SYS_OWNER, "%s belongs to user %u", dir, (unsigned)st.st_uid);
    if (st.st_mode & 022) return kf_fail(err, KF_ERR_SYS_OWNER, "%s can be written by others", dir);
    return true;
}

bool kf_dir_ensure(const char *dir, kf_err *err) {
    KF_AUTO_CHARS path = kf_strdup(dir);
    for (char *p = path + 1; *path; p++) {
        if (*p && *p != '/') continue;
        char saved = *p;
        *p = 0;
        if (mkdir(path, 0700) && errno != EEXIST && errno != EISDIR && errno != EROFS)
            return kf_fail_errno(err, KF_ERR_SYS_IO, "make %s", path);
        *p = saved;
        if (!saved) break;
    }
    return dir_ours(dir, err);
}

bool kf_file_read(const char *path, size_t max, kf_secret **out, kf_err *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return kf_fail_errno(err, KF_ERR_SYS_IO, "open %s", path);
    struct stat st;
    kf_secret *s = NULL;
    bool ok = false;
    if (fstat(fd, &st)) kf_fail_errno(err, KF_ERR_SYS_IO, "%s", path);
    else if (!S_ISREG(st.st_mode)) kf_fail(err, KF_ERR_SYS_IO, "%s is not a regular file", path);
    else if ((uint64_t)st.st_size > max) kf_fail(err, KF_ERR_SYS_IO, "%s is larger than %zu bytes", path, max);
    else {
        size_t want = (size_t)st.st_size, got = 0;
        s = kf_secret_zero(want);
        ssize_t n = 1;
        while (got < want && (n = read(fd, kf_secret_edit(s) + got, want - got)) > 0) got += (size_t)n;
        ok = n >= 0 && got == want;
        if (!ok) kf_fail(err, KF_ERR_SYS_IO, "read %s: it changed meanwhile", path);
    }
    close(fd);
    if (ok) *out = s;
    else kf_secret_free(s);
    return ok;
}

static bool write_all(int fd, const char *p, size_t n) {
    while (n) {
        ssize_t k = write(fd, p, n);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

static bool sync_dir_of(const char *path) {
    KF_AUTO_CHARS dir = kf_strdup(path);
    char *slash = strrchr(dir, '/');
    if (!slash) return true;
    slash[slash == dir] = 0;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return false;
    bool ok = fsync(fd) == 0 || errno == EINVAL; /* some file systems cannot, and need not */
    close(fd);
    return ok;
}

bool kf_file_replace(const char *path, const void *data, size_t len, kf_err *err) {
    KF_AUTO_CHARS tmp = kf_strfmt("%s.XXXXXX", path);
    int fd = mkostemp(tmp, O_CLOEXEC); /* 0600 */
    if (fd < 0) return kf_fail_errno(err, KF_ERR_SYS_IO, "write beside %s", path);
    bool ok = write_all(fd, data, len) && fsync(fd) == 0;
    if (!ok) kf_fail_errno(err, KF_ERR_SYS_IO, "write %s", path);
    if (close(fd) && ok) ok = kf_fail_errno(err, KF_ERR_SYS_IO, "write %s", path);
    if (ok && rename(tmp, path)) ok = kf_fail_errno(err, KF_ERR_SYS_IO, "rename to %s", path);
    if (!ok) {
        unlink(tmp);
        return false;
    }
    if (!sync_dir_of(path)) return kf_fail_errno(err, KF_ERR_SYS_IO, "flush the directory of %s", path);
    return true;
}

bool kf_file_remove(const char *path, kf_err *err) {
    if (unlink(path) && errno != ENOENT) return kf_fail_errno(err, KF_ERR_SYS_IO, "remove %s", path);
    return sync_dir_of(path) || kf_fail_errno(err, KF_ERR_SYS_IO, "flush the directory of %s", path);
}

int kf_lock_open(const char *path, kf_err *err) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) kf_fail_errno(err, KF_ERR_SYS_IO, "open %s", path);
    return fd;
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
