/* Finds out which copy into the clipboard is the newest; see newest.h. It touches no clipboard. */
#include "ui/clip/newest.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/str.h"

enum { TRIES = 6, END_MS = 500, PAUSE_MS = 10 };

static bool address(const char *display, struct sockaddr_un *a, socklen_t *len) {
    KF_AUTO_CHARS name = kf_strfmt("keyfob-clip.%u.%s", (unsigned)geteuid(), display);
    size_t n = strlen(name);
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (n + 1 > sizeof a->sun_path) return false;
    memcpy(a->sun_path + 1, name, n); /* an abstract name begins with NUL */
    *len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n);
    return true;
}

static bool is_ours(int fd) {
    struct ucred u;
    socklen_t n = sizeof u;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &n) == 0 && u.uid == geteuid();
}

/* The other end closes when it has given up its place. False: it is not ours to ask. */
static bool end_older(const struct sockaddr_un *a, socklen_t len) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    bool there = connect(fd, (const struct sockaddr *)a, len) == 0, ours = !there || is_ours(fd);
    if (there && ours) poll(&(struct pollfd){fd, POLLIN, 0}, 1, END_MS);
    close(fd);
    return ours;
}

int kf_clip_newest(const char *display) {
    struct sockaddr_un a;
    socklen_t len;
    if (!address(display, &a, &len)) return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    for (int i = 0; fd >= 0 && i < TRIES; i++) {
        if (bind(fd, (struct sockaddr *)&a, len) == 0 && listen(fd, 8) == 0) return fd;
        if (errno != EADDRINUSE || !end_older(&a, len)) break;
        poll(NULL, 0, PAUSE_MS * (i > 0));
    }
    if (fd >= 0) close(fd);
    return -1;
}

/* A newer copy, and not a program of another user, which may connect as well. */
static bool is_asked(int fd) {
    int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    if (peer < 0) return false;
    bool ours = is_ours(peer);
    if (ours) close(fd); /* its place, before the other end hears of it */
    close(peer);
    return ours;
}

bool kf_clip_wait(int fd, int64_t after_ms) {
    struct itimerspec t = {
        .it_value = {.tv_sec = after_ms / 1000, .tv_nsec = after_ms % 1000 * 1000000}};
    int timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);
    if (!after_ms) t.it_value.tv_nsec = 1; /* 0 would never come */
    if (timer < 0 || timerfd_settime(timer, 0, &t, NULL)) return true;
    for (;;) {
        struct pollfd p[2] = {{timer, POLLIN, 0}, {fd, POLLIN, 0}};
        if (poll(p, 2, -1) < 0 && errno != EINTR) return true;
        if (p[1].revents && is_asked(fd)) return false;
        if (p[0].revents) return true;
    }
}
