/* The programs that keyfob consists of: each is asked for its version, because a file that is there may still be an old one,
 * half of one or a script that does nothing. */
#include "ui/cli/doctor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/build.h"
#include "base/str.h"
#include "ui/common/open.h"
#include "wire/client.h"

enum { LIMIT_MS = 3000, SAID_MAX = 128 };

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* In a group of its own, which can be killed whole. The end that is read from; -1: it could not be started. */
static int start(const char *path, pid_t *pid) {
    char *argv[] = {(char *)path, (char *)"--version", NULL};
    int out[2];
    if (pipe2(out, O_CLOEXEC)) return -1;
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t at;
    posix_spawn_file_actions_init(&fa);
    posix_spawnattr_init(&at);
    posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&fa, out[1], 1);
    posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_RDWR, 0);
    posix_spawnattr_setflags(&at, POSIX_SPAWN_SETPGROUP);
    char **env = kf_clean_environment();
    int rc = posix_spawn(pid, path, &fa, &at, argv, env);
    free(env);
    posix_spawnattr_destroy(&at);
    posix_spawn_file_actions_destroy(&fa);
    close(out[1]);
    if (!rc) return out[0];
    close(out[0]);
    return -1;
}

/* Its first line. status: how it ended; -1: it did not within the limit, and was killed. False: it could not be started. */
static bool ask(const char *path, char said[SAID_MAX], int *status) {
    pid_t pid = 0;
    int fd = start(path, &pid), st = 0;
    int64_t end = now_ms() + LIMIT_MS, left;
    size_t n = 0;
    if (fd < 0) return false;
    while ((left = end - now_ms()) > 0 && n < SAID_MAX - 1 && poll(&(struct pollfd){fd, POLLIN, 0}, 1, (int)left) > 0) {
        ssize_t k = read(fd, said + n, SAID_MAX - 1 - n);
        if (k <= 0) break;
        n += (size_t)k;
    }
    said[n] = 0;
    said[strcspn(said, "\n")] = 0;
    close(fd);
    pid_t got;
    while (!(got = waitpid(pid, &st, WNOHANG)) && now_ms() < end) poll(NULL, 0, 2);
    *status = !got ? -1 : WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
    if (got) return true;
    kill(-pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return true;
}

/* as: how it calls itself. Caller frees; NULL: nothing is wrong. */
static char *what_is_wrong(const char *name, const char *as) {
    kf_err e;
    char said[SAID_MAX] = "";
    int status = 0;
    KF_AUTO_CHARS path = kf_program_path(name, &e);
    if (!path) return kf_strdup(e.what);
    if (!ask(path, said, &status)) return kf_strfmt("%s cannot be started", path);
    if (status < 0) return kf_strfmt("%s --version does not end", path);
    KF_AUTO_CHARS want = kf_strfmt("%s %s", as, kf_build);
    if (kf_str_eq(said, want)) return NULL;
    return *said ? kf_strfmt("%s says that it is %s; this is keyfob %s", path, said, kf_build) : kf_strfmt("%s does not say its version: it is not what it was", path);
}

void kf_checks_of_programs(kf_checks *k) {
    static const struct {
        const char *name, *as;
    } all[] = {{"keyfobd", "keyfobd"},           {"keyfob-tui", "keyfob-tui"}, {"keyfob-clip", "keyfob-clip"}, {"keyfob-serve", "keyfob-serve"},
               {"keyfob-sandbox", "keyfob-sandbox"}, {"git-credential-keyfob", "keyfob"}};
    bool bad = false;
    for (size_t i = 0; i < KF_LEN(all); i++) {
        KF_AUTO_CHARS why = what_is_wrong(all[i].name, all[i].as);
        if (!why) continue;
        bad = true;
        kf_check_add(k, "programs", i ? "warn" : "fail", "install keyfob again", "%s", why);
    }
    if (!bad) kf_check_add(k, "programs", "ok", NULL, "all there, version %s", kf_build);
}
