/* The socket of keyfob-serve: makes its directory or takes the given path, checks who connects,
 * and removes the socket at the end. It never removes a socket that it did not make. */
#include "serve/house.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/str.h"
#include "wire/socket.h"

static bool own_directory(kf_house *h, kf_err *err) {
    /* beside the agent's directory and not in it: this one may have to be open to others */
    if (!kf_rundir_open(&h->dir, "keyfob-serve.", true, err)) return false;
    h->path = kf_strfmt("%s/token.sock", h->dir.path);
    return true;
}

/* A dead socket of ours is in nobody's way. */
static bool given_path(kf_house *h, const char *path, kf_err *err) {
    struct stat st;
    KF_AUTO_CHARS dir = kf_strdup(path);
    char *slash = strrchr(dir, '/');
    if (path[0] != '/' || !slash[1])
        return kf_fail(err, KF_ERR_USAGE_BAD,
                       "the socket's path begins with / and ends with a name");
    *(slash == dir ? slash + 1 : slash) = 0;
    if (!kf_socket_dir_check(dir, false, err)) return false;
    if (!lstat(path, &st)) {
        if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid())
            return kf_fail(err, KF_ERR_USAGE_EXISTS, "%.200s exists and is no socket of yours",
                           path);
        int fd = kf_socket_connect(path, NULL);
        if (fd >= 0)
            return close(fd),
                   kf_fail(err, KF_ERR_USAGE_EXISTS, "somebody answers at %.200s already", path);
        if (unlink(path)) return kf_fail_errno(err, KF_ERR_SYS_IO, "remove %.200s", path);
    }
    h->path = kf_strdup(path);
    return true;
}

bool kf_house_open(kf_house *h, const char *path, kf_err *err) {
    struct stat st;
    h->fd = -1;
    if (path ? !given_path(h, path, err) : !own_directory(h, err)) return false;
    h->fd = kf_socket_listen(h->path, err);
    if (h->fd < 0 || lstat(h->path, &st)) {
        kf_house_close(h);
        return false;
    }
    h->dev = st.st_dev;
    h->ino = st.st_ino;
    bool ok = !h->n_uid || (!chmod(h->path, 0666) && (!h->dir.path || !chmod(h->dir.path, 0711)));
    if (ok) return true;
    kf_fail_errno(err, KF_ERR_SYS_IO, "open %.200s to others", h->path);
    kf_house_close(h);
    return false;
}

bool kf_house_lets_in(const kf_house *h, int fd, uid_t *who) {
    struct ucred u;
    socklen_t n = sizeof u;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &n)) return false;
    *who = u.uid;
    bool in = u.uid == geteuid() || u.uid == 0;
    for (size_t i = 0; i < h->n_uid; i++) in |= h->uid[i] == u.uid;
    return in;
}

void kf_house_close(kf_house *h) {
    struct stat st;
    if (h->fd >= 0) close(h->fd);
    if (h->fd >= 0 && h->path && !lstat(h->path, &st) && st.st_dev == h->dev && st.st_ino == h->ino)
        unlink(h->path);
    kf_rundir_close(&h->dir);
    free(h->path);
    *h = (kf_house){.fd = -1};
}
