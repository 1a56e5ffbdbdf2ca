/* Runs another program for its first output, with a time limit. There is no shell, and the
 * program gets no WORKOS_* or KEYFOB_* variable. */
#include "ui/cli/run.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "ui/common/open.h"

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The end that is read from; -1: it could not be started. */
static int run_start(char *const argv[], bool errors, pid_t *pid) {
    int out[2];
    if (pipe2(out, O_CLOEXEC)) return -1;
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t at;
    posix_spawn_file_actions_init(&fa);
    posix_spawnattr_init(&at);
    posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&fa, out[1], 1);
    if (errors) posix_spawn_file_actions_adddup2(&fa, out[1], 2);
    else posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_RDWR, 0);
    posix_spawnattr_setflags(&at, POSIX_SPAWN_SETPGROUP);
    char **env = kf_clean_environment();
    int rc = posix_spawnp(pid, argv[0], &fa, &at, argv, env);
    free(env);
    posix_spawnattr_destroy(&at);
    posix_spawn_file_actions_destroy(&fa);
    close(out[1]);
    if (!rc) return out[0];
    close(out[0]);
    return -1;
}

bool kf_run_ask(char *const argv[], bool errors, int64_t limit_ms, char *said, size_t size,
                int *status) {
    pid_t pid = 0, got;
    int fd = run_start(argv, errors, &pid), st = 0;
    int64_t end = now_ms() + limit_ms, left;
    size_t n = 0;
    if (fd < 0) return false;
    while ((left = end - now_ms()) > 0 && n < size - 1 &&
           poll(&(struct pollfd){fd, POLLIN, 0}, 1, (int)left) > 0) {
        ssize_t k = read(fd, said + n, size - 1 - n);
        if (k <= 0) break;
        n += (size_t)k;
    }
    while (n && said[n - 1] == '\n') n--;
    said[n] = 0;
    close(fd);
    while (!(got = waitpid(pid, &st, WNOHANG)) && now_ms() < end) poll(NULL, 0, 2);
    *status = !got ? -1 : WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
    if (got) return true;
    kill(-pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return true;
}
