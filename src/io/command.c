/* A command of the person's in a process of its own: starts sh, waits on the loop, and kills it
 * after the limit. It never blocks the loop. */
#include "io/command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/str.h"

struct kf_command {
    kf_loop *loop;
    kf_loop_id ended, limit;
    pid_t pid;
    int pidfd;
    kf_command_done done;
    void *user;
};

static void command_free(kf_command *c) {
    kf_loop_cancel(c->loop, c->ended);
    kf_loop_cancel(c->loop, c->limit);
    if (c->pidfd >= 0) close(c->pidfd);
    free(c);
}

/* Its end can be read from the descriptor, so nothing waits here. What it left in the background is
 * its own. */
static void has_ended(int fd, short revents, void *user) {
    kf_command *c = user;
    int status = -1;
    if (waitpid(c->pid, &status, WNOHANG) == 0) return;
    c->done(c->user, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    command_free(c);
}

static void too_long(void *user) {
    kf_command *c = user;
    c->limit = 0;
    kill(-c->pid, SIGKILL); /* not reaped yet, so the number is still its own; it leads its group */
}

static int spawn(pid_t *pid, const char *script, char *const env[]) {
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)(uintptr_t)script, NULL};
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t at;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&fa);
    posix_spawnattr_init(&at);
    for (int fd = 0; fd < 3; fd++)
        posix_spawn_file_actions_addopen(&fa, fd, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_addclosefrom_np(&fa, 3);
    posix_spawnattr_setflags(&at,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&at, &none);
    posix_spawnattr_setsigdefault(&at, &all);
    int rc = posix_spawn(pid, "/bin/sh", &fa, &at, argv, env);
    posix_spawnattr_destroy(&at);
    posix_spawn_file_actions_destroy(&fa);
    return rc;
}

kf_command *kf_command_run(kf_loop *l, const char *script, char *const env[], int64_t limit_ms,
                           kf_command_done done, void *user, kf_err *err) {
    pid_t pid;
    int rc = spawn(&pid, script, env);
    if (rc) return kf_fail(err, KF_ERR_SYS_SPAWN, "sh: %s", strerror(rc)), NULL;
    kf_command *c = kf_new(kf_command);
    *c = (kf_command){
        .loop = l, .pid = pid, .pidfd = pidfd_open(pid, 0), .done = done, .user = user};
    if (c->pidfd < 0) {
        kf_fail_errno(err, KF_ERR_SYS_SPAWN, "pidfd");
        return kf_command_kill(c);
    }
    c->ended = kf_loop_fd(l, c->pidfd, POLLIN, has_ended, c);
    c->limit = kf_loop_after(l, limit_ms, too_long, c);
    return c;
}

kf_command *kf_command_kill(kf_command *c) {
    if (!c) return NULL;
    kill(-c->pid, SIGKILL);
    waitpid(c->pid, NULL, WNOHANG);
    command_free(c);
    return NULL;
}
