/* Runs keyfob-clip and gives it the value through a pipe. The value is never in argv or the
 * environment. */
#include "ui/common/clip.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/str.h"
#include "wire/client.h"

extern char **environ;

enum { WAIT_MS = 15000 };

/* in: its stdin, out: its stdout, both ours. It keeps its session, because /dev/tty is one of its
 * ways. */
static bool start(int64_t after_ms, int *in, int *out, kf_err *err) {
    KF_AUTO_CHARS path = kf_program_path("keyfob-clip", err);
    if (!path) return false;
    int a[2], b[2];
    if (pipe2(a, O_CLOEXEC)) return kf_fail_errno(err, KF_ERR_SYS_SPAWN, "pipe");
    if (pipe2(b, O_CLOEXEC))
        return close(a[0]), close(a[1]), kf_fail_errno(err, KF_ERR_SYS_SPAWN, "pipe");
    KF_AUTO_CHARS after = kf_strfmt("%lldms", (long long)after_ms);
    char *argv[] = {"keyfob-clip", "--after", after, NULL};
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t at;
    sigset_t none;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&fa);
    posix_spawnattr_init(&at);
    posix_spawn_file_actions_adddup2(&fa, a[0], 0);
    posix_spawn_file_actions_adddup2(&fa, b[1], 1);
    posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&fa, 3);
    /* a group of its own: Ctrl-C at this program does not leave a token in the clipboard */
    posix_spawnattr_setflags(&at, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&at, &none);
    pid_t pid;
    int rc = posix_spawn(&pid, path, &fa, &at, argv, environ);
    posix_spawnattr_destroy(&at);
    posix_spawn_file_actions_destroy(&fa);
    close(a[0]);
    close(b[1]);
    *in = a[1];
    *out = b[0];
    while (!rc && waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    } /* the work is done by a child of it */
    if (!rc) return true;
    close(a[1]);
    close(b[0]);
    return kf_fail(err, KF_ERR_SYS_SPAWN, "%s: %s", path, strerror(rc));
}

static bool feed(int fd, const kf_secret *value) {
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    sigaction(SIGPIPE, &ignore, &before);
    size_t sent = 0, len = kf_secret_len(value);
    while (sent < len) {
        ssize_t n = write(fd, kf_secret_peek(value) + sent, len - sent);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        sent += (size_t)n;
    }
    sigaction(SIGPIPE, &before, NULL);
    return sent == len;
}

bool kf_clip_copy(const kf_secret *value, int64_t after_ms, kf_clip_result *result, kf_err *err) {
    int in = -1, out = -1;
    char line[320] = "";
    size_t n = 0;
    if (!start(after_ms, &in, &out, err)) return false;
    bool fed = feed(in, value);
    close(in);
    struct pollfd p = {out, POLLIN, 0};
    while (fed && n < sizeof line - 1 && !strchr(line, '\n') && poll(&p, 1, WAIT_MS) > 0) {
        ssize_t k = read(out, line + n, sizeof line - 1 - n);
        if (k <= 0) break;
        n += (size_t)k;
    }
    close(out);
    if (!strchr(line, '\n'))
        return kf_fail(err, KF_ERR_SYS_CLIPBOARD, "the clipboard did not answer within %d s",
                       WAIT_MS / 1000);
    line[strcspn(line, "\n")] = 0;
    result->is_sent = kf_str_starts(line, "sent ");
    if (result->is_sent || kf_str_starts(line, "ok "))
        return kf_str_set(result->way, sizeof result->way, strchr(line, ' ') + 1) ||
               kf_fail(err, KF_ERR_SYS_BUG, "keyfob-clip says %.80s", line);
    kf_fail(err, KF_ERR_SYS_CLIPBOARD, "%.160s", kf_str_starts(line, "none ") ? line + 5 : line);
    return false;
}
