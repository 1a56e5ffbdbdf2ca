/* The clipboard tools: their command lines, and running one with a deadline. Values go through
 * pipes, never argv. */
#include "ui/clip/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/str.h"
#include "ui/common/open.h"

/* --sensitive (wl-clipboard 2.3) asks clipboard managers to keep no copy. */
const kf_clip_tool kf_clip_tools[] = {
    {"wl-copy",
     "WAYLAND_DISPLAY",
     {"wl-copy", "--sensitive"},
     {"wl-copy"},
     {"wl-paste", "--no-newline"},
     {"wl-copy", "--clear"}},
    {"xclip",
     "DISPLAY",
     {"xclip", "-selection", "clipboard", "-in"},
     {0},
     {"xclip", "-selection", "clipboard", "-out"},
     {"xclip", "-selection", "clipboard", "-in"}},
    {"xsel",
     "DISPLAY",
     {"xsel", "--clipboard", "--input"},
     {0},
     {"xsel", "--clipboard", "--output"},
     {"xsel", "--clipboard", "--clear"}},
    {0},
};

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

typedef struct child {
    pid_t pid;
    int in, out, pidfd; /* -1: closed */
} child;

static bool start(child *c, const char *const argv[], kf_err *err) {
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC)) return kf_fail_errno(err, KF_ERR_SYS_SPAWN, "pipe");
    if (pipe2(out, O_CLOEXEC))
        return close(in[0]), close(in[1]), kf_fail_errno(err, KF_ERR_SYS_SPAWN, "pipe");
    posix_spawn_file_actions_t fa;
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_adddup2(&fa, in[0], 0);
    posix_spawn_file_actions_adddup2(&fa, out[1], 1);
    posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&fa, 3);
    char **env = kf_clean_environment();
    int rc = posix_spawnp(&c->pid, argv[0], &fa, NULL, (char **)(uintptr_t)argv, env);
    free(env);
    posix_spawn_file_actions_destroy(&fa);
    close(in[0]);
    close(out[1]);
    *c = (child){
        .pid = c->pid, .in = in[1], .out = out[0], .pidfd = rc ? -1 : pidfd_open(c->pid, 0)};
    if (!rc && c->pidfd >= 0) return fcntl(c->in, F_SETFL, O_NONBLOCK) == 0;
    close(c->in);
    close(c->out);
    return kf_fail(err, KF_ERR_SYS_SPAWN, "%s: %s", argv[0], strerror(rc ? rc : errno));
}

static void shut(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static void feed(child *c, const kf_secret *in, size_t *sent) {
    size_t left = kf_secret_len(in) - *sent;
    ssize_t n = left ? write(c->in, kf_secret_peek(in) + *sent, left) : 0;
    if (n > 0) *sent += (size_t)n;
    if (*sent == kf_secret_len(in) || (n < 0 && errno != EAGAIN && errno != EINTR)) shut(&c->in);
}

/* The answer goes into got as far as there is room; what is over is counted too. */
static void drain(child *c, kf_secret *got, size_t *len) {
    char rest[256], *at = rest;
    size_t room = sizeof rest;
    if (got && *len < kf_secret_len(got))
        at = kf_secret_edit(got) + *len, room = kf_secret_len(got) - *len;
    ssize_t n = read(c->out, at, room);
    if (n > 0) *len += (size_t)n;
    else if (n == 0 || errno != EINTR) shut(&c->out);
    kf_wipe(rest, sizeof rest);
}

/* Until its process ended and, when the answer matters, until the answer did. */
static bool converse(child *c, const kf_secret *in, kf_secret *got, size_t *len, int64_t ms) {
    size_t sent = 0;
    int64_t end = now_ms() + ms;
    bool ended = false;
    while (!ended || (got && c->out >= 0)) {
        struct pollfd p[3] = {
            {c->in, POLLOUT, 0}, {c->out, POLLIN, 0}, {ended ? -1 : c->pidfd, POLLIN, 0}};
        int64_t left = end - now_ms();
        if (left <= 0 || (poll(p, 3, (int)left) < 0 && errno != EINTR)) return false;
        if (p[0].revents) feed(c, in, &sent);
        if (p[1].revents) drain(c, got, len);
        if (p[2].revents) ended = true;
    }
    return true;
}

bool kf_clip_run(const char *const argv[], const kf_secret *in, kf_secret **out, size_t max,
                 int64_t ms, kf_err *err) {
    child c;
    if (!start(&c, argv, err)) return false;
    KF_AUTO(kf_secret) got = out ? kf_secret_zero(max + 1) : NULL;
    size_t len = 0;
    int status = 0;
    bool done = converse(&c, in, got, &len, ms);
    if (!done) kill(c.pid, SIGKILL);
    shut(&c.in);
    shut(&c.out);
    shut(&c.pidfd);
    while (waitpid(c.pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!done)
        return kf_fail(err, KF_ERR_SYS_CANCELLED, "%s did not end within %.1f s", argv[0],
                       (double)ms / 1000);
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        return kf_fail(err, KF_ERR_SYS_SPAWN, "%s failed", argv[0]);
    if (len > max)
        return kf_fail(err, KF_ERR_USAGE_BAD, "%s gave more than %zu bytes", argv[0], max);
    if (out) *out = kf_secret_new(kf_secret_peek(got), len);
    return true;
}
