/* A process's own directory in the runtime directory: makes and locks it, and removes those
 * whose owner has died. It never removes a directory that another process has locked. */
#include "wire/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/str.h"
#include "wire/client.h"
#include "wire/socket.h"

enum { LOCK_MS = 2000, RANDOM = 6 };

static DIR *list(int dir) {
    int copy =
        openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* a place of its own in the list */
    DIR *d = copy < 0 ? NULL : fdopendir(copy);
    if (!d && copy >= 0) close(copy);
    return d;
}

static void empty(int dir) {
    DIR *d = list(dir);
    for (struct dirent *e; d && (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            unlinkat(dir, e->d_name, 0);
    if (d) closedir(d);
}

/* What somebody left behind who was killed: a directory of ours whose lock nobody holds. */
static void sweep(int parent, const char *prefix) {
    DIR *d = list(parent);
    for (struct dirent *e; d && (e = readdir(d));) {
        struct stat st;
        if (strlen(e->d_name) != strlen(prefix) + RANDOM || !kf_str_starts(e->d_name, prefix))
            continue;
        int dir = openat(parent, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (dir < 0) continue;
        if (fstat(dir, &st) == 0 && st.st_uid == geteuid() && flock(dir, LOCK_EX | LOCK_NB) == 0) {
            empty(dir);
            unlinkat(parent, e->d_name, AT_REMOVEDIR);
        }
        close(dir);
    }
    if (d) closedir(d);
}

/* The runtime directory, locked against another one that sweeps between our mkdtemp and our lock.
 * -1: err. */
static int enter_runtime(const char *path, kf_err *err) {
    if (!kf_socket_dir_check(path, true, err)) return -1;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    for (int ms = 0; fd >= 0 && ms < LOCK_MS; ms += 10) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
        poll(NULL, 0, 10);
    }
    kf_fail_errno(err, KF_ERR_SYS_IO, "lock %.160s", path);
    if (fd >= 0) close(fd);
    return -1;
}

bool kf_rundir_open(kf_rundir *d, const char *prefix, bool beside, kf_err *err) {
    *d = (kf_rundir){.lock = -1};
    KF_AUTO_CHARS runtime = kf_runtime_dir(err);
    int held = runtime ? enter_runtime(runtime, err) : -1;
    if (held < 0) return false;
    if (beside) *strrchr(runtime, '/') = 0;
    int parent = open(*runtime ? runtime : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent >= 0) sweep(parent, prefix), close(parent);
    d->path = kf_strfmt("%s/%sXXXXXX", runtime, prefix);
    if (!mkdtemp(d->path)) {
        kf_fail_errno(err, KF_ERR_SYS_IO, "a directory in %.160s", runtime);
        free(KF_TAKE(d->path));
    } else if ((d->lock = open(d->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0 ||
               flock(d->lock, LOCK_EX | LOCK_NB)) {
        kf_fail_errno(err, KF_ERR_SYS_IO, "lock %.160s", d->path);
        kf_rundir_close(d);
    }
    close(held);
    return d->path != NULL;
}

void kf_rundir_close(kf_rundir *d) {
    if (!d->path) return;
    if (d->lock >= 0) empty(d->lock);
    rmdir(d->path);
    if (d->lock >= 0) close(d->lock);
    free(d->path);
    *d = (kf_rundir){.lock = -1};
}
