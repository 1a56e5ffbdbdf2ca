/* The UNIX socket: its directory, connect, listen, and the check of the peer's UID. */
#include "wire/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/str.h"
#include "guard/path.h"

void kf_socket_keep_streams(void) {
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
            open("/dev/null", (fd ? O_RDONLY : O_WRONLY) | O_CLOEXEC) != fd)
            _exit(1);
}

/* One level: a runtime directory that is missing is not made up. */
static bool make_runtime_dir(const char *dir, kf_err *err) {
    struct stat st;
    KF_AUTO_CHARS parent = kf_strdup(dir);
    char *slash = strrchr(parent, '/');
    if (!lstat(dir, &st)) return true;
    if (slash) slash[slash == parent] = 0;
    if (!kf_path_check(slash ? parent : ".", KF_PATH_WAY, err)) {
        if (errno == EPERM) return false;
    } else if (!mkdir(dir, 0700) || errno == EEXIST) return true;
    kf_fail_errno(err, errno == ENOENT ? KF_ERR_SYS_IO : KF_ERR_SYS_OWNER, "make %s",
                  kf_path_end(dir));
    return kf_hint(err, "Set XDG_RUNTIME_DIR to a directory that is there and yours.");
}

bool kf_socket_dir_check(const char *dir, bool make, kf_err *err) {
    if (make && !make_runtime_dir(dir, err)) return false;
    if (kf_path_check(dir, KF_PATH_PRIVATE_DIR, err)) return true;
    if (err) err->code = KF_ERR_SYS_OWNER;
    return false;
}

static bool address(const char *path, struct sockaddr_un *a, kf_err *err) {
    size_t n = strlen(path);
    if (n >= sizeof a->sun_path)
        return kf_fail(
            err, KF_ERR_WIRE_PATH,
            "the socket's path is %zu bytes long, and 107 is the most a socket can have: %.80s...",
            n, path);
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(a->sun_path, path, n + 1);
    return true;
}

int kf_socket_connect(const char *path, kf_err *err) {
    struct sockaddr_un a;
    if (!address(path, &a, err)) return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return kf_fail_errno(err, KF_ERR_SYS_IO, "socket"), -1;
    while (connect(fd, (struct sockaddr *)&a, sizeof a)) {
        if (errno == EINTR) continue;
        kf_fail_errno(err, KF_ERR_WIRE_NO_AGENT, "connect to %s", path);
        close(fd);
        return -1;
    }
    if (kf_socket_peer_ok(fd, NULL, err)) return fd;
    close(fd);
    return -1;
}

int kf_socket_listen(const char *path, kf_err *err) {
    struct sockaddr_un a;
    if (!address(path, &a, err)) return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return kf_fail_errno(err, KF_ERR_SYS_IO, "socket"), -1;
    mode_t old = umask(0177);
    int rc = bind(fd, (struct sockaddr *)&a, sizeof a);
    umask(old);
    if (rc || listen(fd, 128)) {
        kf_fail_errno(err, KF_ERR_SYS_IO, "listen on %s", path);
        close(fd);
        return -1;
    }
    return fd;
}

bool kf_socket_peer_ok(int fd, pid_t *pid, kf_err *err) {
    struct ucred u;
    socklen_t n = sizeof u;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &n))
        return kf_fail_errno(err, KF_ERR_SYS_OWNER, "who is at the socket");
    if (u.uid != geteuid())
        return kf_fail(err, KF_ERR_SYS_OWNER, "the other end of the socket belongs to user %u",
                       (unsigned)u.uid);
    if (pid) *pid = u.pid;
    return true;
}
