/* The service manager's protocols: takes over a listening socket (LISTEN_FDS) and sends notices
 * (NOTIFY_SOCKET). It does not need libsystemd. */
#include "agent/service.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/str.h"

enum { FIRST_FD = 3 }; /* SD_LISTEN_FDS_START */

static bool is_listening(int fd) {
    int listening = 0, type = 0, domain = 0;
    socklen_t n = sizeof listening;
    return !getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &n) && listening &&
           !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) && type == SOCK_STREAM &&
           !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) && domain == AF_UNIX;
}

int kf_service_socket(kf_err *err) {
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    bool ours = pid && fds && strtol(pid, NULL, 10) == (long)getpid();
    long n = ours ? strtol(fds, NULL, 10) : 0;
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    if (!n) {
        if (err) err->code = KF_ERR_NONE;
        return -1;
    }
    if (n != 1 || !is_listening(FIRST_FD)) {
        kf_fail(err, KF_ERR_USAGE_BAD,
                "the service manager handed over %ld descriptors, not one listening socket", n);
        return -1;
    }
    fcntl(FIRST_FD, F_SETFD, FD_CLOEXEC);
    fcntl(FIRST_FD, F_SETFL, fcntl(FIRST_FD, F_GETFL) | O_NONBLOCK);
    return FIRST_FD;
}

char *kf_service_socket_path(int fd, kf_err *err) {
    struct sockaddr_un a = {0};
    socklen_t n = sizeof a;
    if (getsockname(fd, (struct sockaddr *)&a, &n))
        return kf_fail_errno(err, KF_ERR_SYS_IO, "getsockname"), NULL;
    size_t len =
        n > offsetof(struct sockaddr_un, sun_path) ? n - offsetof(struct sockaddr_un, sun_path) : 0;
    if (!len || a.sun_path[0] != '/')
        return kf_fail(err, KF_ERR_USAGE_BAD, "the socket of the service manager has no path"),
               NULL;
    return strndup(a.sun_path, len);
}

void kf_service_notify(const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t n = path ? strlen(path) : 0;
    if (n < 2 || n >= sizeof a.sun_path || (*path != '/' && *path != '@')) return;
    memcpy(a.sun_path, path, n);
    if (*path == '@') a.sun_path[0] = 0; /* the abstract namespace */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    if (fd < 0) return;
    ssize_t sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&a, len);
    (void)sent; /* a manager that is gone needs not be told */
    close(fd);
}
