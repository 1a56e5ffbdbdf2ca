/* Locks by flock, the line in such a file, and who holds one. Never removes a lock file: another
 * process may wait for it. */
#include "io/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "base/str.h"
#include "guard/path.h"

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

/* ---- the line ---- */

char *kf_lock_line(int fd, size_t max, kf_err *err) {
    char *text = malloc(max + 1);
    ssize_t n;
    if (!text) abort();
    do n = pread(fd, text, max, 0);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        free(text);
        return kf_fail_errno(err, KF_ERR_SYS_IO, "read a lock file"), NULL;
    }
    char *end = memchr(text, '\n', (size_t)n);
    text[end ? end - text + 1 : n] = 0;
    return text;
}

char *kf_lock_line_peek(const char *path, size_t max, int64_t *changed_at, kf_err *err) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (changed_at) *changed_at = 0;
    if (fd < 0 && errno == ENOENT) return kf_strdup("");
    if (fd < 0) return kf_fail_errno(err, KF_ERR_SYS_IO, "open %s", path), NULL;
    bool ok = kf_path_check_fd(fd, path, KF_PATH_FILE, err);
    char *line = ok ? kf_lock_line(fd, max, err) : NULL;
    if (changed_at && fstat(fd, &st) == 0) *changed_at = st.st_mtim.tv_sec;
    close(fd);
    return line;
}

bool kf_lock_line_write(int fd, const char *line, kf_err *err) {
    size_t len = strlen(line), done = 0;
    while (done < len) {
        ssize_t n = pwrite(fd, line + done, len - done, (off_t)done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return kf_fail_errno(err, KF_ERR_SYS_IO, "write a lock file");
        done += (size_t)n;
    }
    if (ftruncate(fd, (off_t)len) < 0 || fsync(fd) < 0)
        return kf_fail_errno(err, KF_ERR_SYS_IO, "flush a lock file");
    return true;
}
