/* The start of keyfobd by a client: takes the lock, runs the agent detached with an allow-list
 * of variables, and waits until it listens. */
#include "wire/start.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/str.h"
#include "guard/process.h"
#include "wire/client.h"
#include "wire/socket.h"

extern char **environ;
enum { START_MS = 10000, LOCK_MS = 10000, READY_FD = 3 };

static bool allowed(const char *var) {
    static const char *const exact[] = {"HOME",
                                        "PATH",
                                        "LANG",
                                        "TZ",
                                        "DBUS_SESSION_BUS_ADDRESS",
                                        "GLIBC_TUNABLES",
                                        "CREDENTIALS_DIRECTORY",
                                        "http_proxy",
                                        "https_proxy",
                                        "all_proxy",
                                        "no_proxy",
                                        "HTTP_PROXY",
                                        "HTTPS_PROXY",
                                        "ALL_PROXY",
                                        "NO_PROXY"};
    static const char *const prefix[] = {
        "LC_", "XDG_", "KEYFOB_", "SSL_CERT_", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"};
    size_t n = strcspn(var, "=");
    for (size_t i = 0; i < KF_LEN(exact); i++)
        if (strlen(exact[i]) == n && !memcmp(var, exact[i], n)) return true;
    for (size_t i = 0; i < KF_LEN(prefix); i++)
        if (kf_str_starts(var, prefix[i])) return true;
    return false;
}

/* The agent's environment: an allow-list, never WORKOS_*. malloc is told to overwrite what is
 * freed, which keyfobd would otherwise do itself, by starting twice. */
static char **agent_environment(char *socket_var) {
    static char tunables[] = "GLIBC_TUNABLES=glibc.malloc.perturb=165:glibc.malloc.tcache_count=0";
    size_t n = 0;
    while (environ[n]) n++;
    char **env = calloc(n + 3, sizeof *env);
    if (!env) abort();
    size_t k = 0;
    bool has_tunables = false;
    for (size_t i = 0; i < n; i++)
        if (allowed(environ[i]) && !kf_str_starts(environ[i], "KEYFOB_SOCKET=")) {
            env[k++] = environ[i];
            has_tunables = has_tunables || kf_str_starts(environ[i], "GLIBC_TUNABLES=");
        }
    if (!has_tunables) env[k++] = tunables;
    if (socket_var) env[k++] = socket_var;
    return env;
}

/* In the grandchild. Nothing but system calls: the parent may have threads one day. */
static void become_agent(const char *program, char **env, int ready) {
    if (setsid() < 0 && errno != EPERM) _exit(127);
    int null = open("/dev/null", O_RDWR);
    if (null < 0 || chdir("/")) _exit(127);
    umask(077);
    if (ready == 0 || ready == 1 || ready == 2) ready = dup(ready);
    dup2(null, 0), dup2(null, 1), dup2(null, 2);
    if (ready != READY_FD && dup2(ready, READY_FD) < 0) _exit(127);
    fcntl(READY_FD, F_SETFD, 0);
    /* an inherited pipe would hang $(keyfob token); a lock fd would keep the lock */
    kf_process_close_from(READY_FD + 1, -1);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int s = 1; s < 32; s++) signal(s, SIG_DFL);
    char *argv[] = {(char *)program, (char *)"--ready-fd", (char *)"3", NULL};
    execve(program, argv, env);
    _exit(127);
}

/* One byte 'R' when it listens; "E" and a line when it could not; end of file when it died. */
static bool wait_ready(int fd, kf_err *err) {
    char text[300];
    size_t n = 0;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int rc = poll(&p, 1, START_MS);
        if (rc < 0 && errno == EINTR) continue;
        if (rc == 0)
            return kf_fail(err, KF_ERR_WIRE_NO_AGENT,
                           "the agent was started but does not listen after %d s", START_MS / 1000);
        ssize_t got = rc < 0 ? -1 : read(fd, text + n, sizeof text - 1 - n);
        if (got > 0 && n == 0 && text[0] == 'R') return true;
        if (got > 0 && (n += (size_t)got) < sizeof text - 1) continue;
        text[n] = 0;
        text[strcspn(text, "\n")] = 0;
        if (n > 1) {
            kf_fail(err, KF_ERR_WIRE_NO_AGENT, "the agent could not start: %s", text + 1);
            return kf_hint(err, "Correct that; keyfob doctor looks at everything it needs.");
        }
        return kf_fail(err, KF_ERR_WIRE_NO_AGENT, "the agent ended at its start; see keyfobd.log");
    }
}

static bool spawn(const char *socket_path, kf_err *err) {
    KF_AUTO_CHARS program = kf_program_path("keyfobd", err);
    if (!program) return false;
    int ready[2];
    if (pipe2(ready, O_CLOEXEC)) return kf_fail_errno(err, KF_ERR_SYS_SPAWN, "pipe");
    KF_AUTO_CHARS usual = kf_socket_path(NULL);
    const char *own = getenv("KEYFOB_SOCKET");
    KF_AUTO_CHARS var = (own && *own) || !kf_str_eq(usual, socket_path)
                            ? kf_strfmt("KEYFOB_SOCKET=%s", socket_path)
                            : NULL;
    char **env = agent_environment(var);
    pid_t child = fork();
    if (child == 0) {
        pid_t agent = fork();
        if (agent == 0) become_agent(program, env, ready[1]);
        _exit(agent < 0);
    }
    free(env);
    close(ready[1]);
    int st = 1;
    bool ok = child > 0;
    while (ok && waitpid(child, &st, 0) < 0 && errno == EINTR) {
    }
    if (!ok || st) kf_fail_errno(err, KF_ERR_SYS_SPAWN, "start keyfobd");
    else ok = wait_ready(ready[0], err);
    close(ready[0]);
    return ok && !st;
}

/* flock with an end: the other starter is at most START_MS away from being done. */
static bool take_lock(int fd, kf_err *err) {
    for (int waited = 0; waited < LOCK_MS; waited += 10) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return kf_fail_errno(err, KF_ERR_WIRE_NO_AGENT, "lock the start of the agent");
        poll(NULL, 0, 10);
    }
    return kf_fail(err, KF_ERR_WIRE_NO_AGENT, "somebody else has been starting the agent for %d s",
                   LOCK_MS / 1000);
}

int kf_start_agent(const char *socket_path, kf_err *err) {
    KF_AUTO_CHARS dir = kf_strdup(socket_path);
    *strrchr(dir, '/') = 0;
    if (!kf_socket_dir_check(dir, true, err)) return -1;
    KF_AUTO_CHARS lock_path = kf_socket_sibling(socket_path, "lock");
    int lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0) return kf_fail_errno(err, KF_ERR_SYS_IO, "open %s", lock_path), -1;
    int fd = -1;
    if (take_lock(lock, err)) {
        fd = kf_socket_connect(socket_path, err); /* somebody may have been faster */
        if (fd < 0 && (!err || err->code == KF_ERR_WIRE_NO_AGENT)) {
            if (unlink(socket_path) && errno != ENOENT)
                kf_fail_errno(err, KF_ERR_SYS_IO, "remove %s", socket_path);
            else if (spawn(socket_path, err)) fd = kf_socket_connect(socket_path, err);
        }
    }
    close(lock);
    return fd;
}
