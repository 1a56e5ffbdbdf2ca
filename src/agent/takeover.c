/* Takeover, see takeover.h. Everything here runs on the loop; nothing is freed before the other
 * program runs, so that a failed execve leaves an agent that goes on. */
#include "agent/takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "agent/drive.h"
#include "agent/keeper.h"
#include "agent/lifetime.h"
#include "agent/server.h"
#include "agent/service.h"
#include "agent/settings.h"
#include "base/build.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

extern char **environ;
enum {
    STEP_MS = 20,
    WAIT_MS = 10000, /* for what is under way */
    PROBE_MS = 2000, /* for the installed program to say which form it reads */
    LOOK_MS = 1000,
    AGAIN_MS = 60000, /* after a takeover that failed, before a Hello tries one again */
    STATE_MAX = 64 << 20
};

struct kf_takeover {
    kf_agent *a;
    char *const *argv;
    char *program; /* the path of this program */
    struct stat was;
    int64_t looked, failed; /* kf_boot_ms; 0: never */
    bool due;
    bool running;
    uint32_t conn; /* Restart's; 0: a Hello began it */
    int64_t since;
    kf_loop_id step;
};

kf_takeover *kf_takeover_new(kf_agent *a, char *const argv[]) {
    char self[PATH_MAX];
    kf_takeover *t = kf_new(kf_takeover);
    t->a = a;
    t->argv = argv;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n > 0) {
        self[n] = 0;
        t->program = kf_strdup(self);
        if (stat("/proc/self/exe", &t->was)) memset(&t->was, 0, sizeof t->was);
    }
    return t;
}

kf_takeover *kf_takeover_free(kf_takeover *t) {
    if (!t) return NULL;
    kf_loop_cancel(t->a->loop, t->step);
    free(t->program);
    free(t);
    return NULL;
}

bool kf_takeover_is_due(kf_takeover *t) {
    struct stat now;
    if (!t || !t->program) return false;
    if (t->looked && kf_boot_ms() - t->looked < LOOK_MS) return t->due;
    t->looked = kf_boot_ms();
    t->due = stat(t->program, &now) || now.st_ino != t->was.st_ino || now.st_dev != t->was.st_dev ||
             now.st_mtime != t->was.st_mtime || now.st_size != t->was.st_size;
    return t->due;
}

/* --- the installed program ------------------------------------------------------------------- */

static bool check_owner(const char *program, kf_err *err) {
    struct stat st;
    if (stat(program, &st)) return kf_fail_errno(err, KF_ERR_SYS_SPAWN, "%s", program);
    if (!S_ISREG(st.st_mode) || (st.st_uid != 0 && st.st_uid != geteuid()) || st.st_mode & 022) {
        kf_fail(err, KF_ERR_SYS_OWNER, "%s can be written by others, or is not a file of yours",
                program);
        return kf_hint(err, "Install keyfob again, then run: keyfob agent restart");
    }
    return true;
}

/* One short line of the program, within PROBE_MS. */
static bool ask_program(char *const argv[], char *said, size_t size) {
    int out[2], status = -1;
    if (pipe2(out, O_CLOEXEC)) return false;
    posix_spawn_file_actions_t acts;
    posix_spawn_file_actions_init(&acts);
    posix_spawn_file_actions_addopen(&acts, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&acts, out[1], 1);
    posix_spawn_file_actions_addopen(&acts, 2, "/dev/null", O_WRONLY, 0);
    pid_t pid = 0;
    bool ok = posix_spawn(&pid, argv[0], &acts, NULL, argv, environ) == 0;
    posix_spawn_file_actions_destroy(&acts);
    close(out[1]);
    if (!ok) { /* pid 0 would be our own group */
        close(out[0]);
        return false;
    }
    size_t n = 0;
    int64_t end = kf_boot_ms() + PROBE_MS;
    while (ok) {
        struct pollfd p = {.fd = out[0], .events = POLLIN};
        int64_t left = end - kf_boot_ms();
        int rc = left > 0 ? poll(&p, 1, (int)left) : 0;
        if (rc < 0 && errno == EINTR) continue;
        ssize_t k = rc > 0 ? read(out[0], said + n, size - 1 - n) : -1;
        if (k <= 0) {
            ok = k == 0;
            break;
        }
        n += (size_t)k;
    }
    close(out[0]);
    said[n] = 0;
    said[strcspn(said, "\n")] = 0;
    if (!ok) kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return ok && status == 0;
}

static bool check_program(const kf_takeover *t, kf_err *err) {
    if (!t->program) return kf_fail(err, KF_ERR_SYS_SPAWN, "/proc is not there");
    if (!check_owner(t->program, err)) return false;
    char said[16] = "", want[16];
    KF_AUTO_CHARS n = kf_strfmt("%d", KF_TAKEOVER_FORMAT);
    char *argv[] = {t->program, (char *)"--takeover-format", NULL};
    if (!kf_str_set(want, sizeof want, n)) abort();
    if (ask_program(argv, said, sizeof said) && !strcmp(said, want)) return true;
    kf_fail(err, KF_ERR_SYS_SPAWN, "%s does not run, or cannot take over from %s", t->program,
            kf_build);
    return kf_hint(err, "The agent goes on as it is. To end it: keyfob agent stop");
}

/* --- what is passed on ----------------------------------------------------------------------- */

/* A descriptor that outlives execve, with the state in it; -1: err. */
static int write_state(const kf_agent *a, kf_err *err) {
    KF_AUTO(kf_json) j = kf_json_obj();
    kf_json_set_int(j, "format", KF_TAKEOVER_FORMAT);
    kf_json_set_int(j, "listen_fd", kf_server_fd(a->server));
    kf_json_set_int(j, "run_lock", a->run_lock);
    kf_json_set_bool(j, "locked", a->locked);
    kf_json_set_bool(j, "activated", a->activated);
    kf_json_set_str(j, "runtime_dir", a->runtime_dir);
    kf_json_set_str(j, "socket", a->socket_path);
    kf_json_set_str(j, "store_choice", a->store_choice);
    kf_json_set_str(j, "store_why", a->store_why);
    kf_json_set_bool(j, "store_settled", a->store_settled);
    if (a->store) kf_json_set(j, "store", kf_store_freeze(a->store));
    KF_AUTO(kf_secret) text = kf_json_print_secret(j);
    int fd = memfd_create("keyfobd", MFD_ALLOW_SEALING);
    if (fd < 0) return kf_fail_errno(err, KF_ERR_SYS_IO, "memfd_create"), -1;
    const char *p = kf_secret_peek(text);
    size_t n = kf_secret_len(text);
    while (n) {
        ssize_t k = write(fd, p, n);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) break;
        p += k;
        n -= (size_t)k;
    }
    if (!n && !fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL))
        return fd;
    kf_fail_errno(err, KF_ERR_SYS_IO, "write the state for the next program");
    close(fd);
    return -1;
}

bool kf_takeover_read(int fd, kf_taken *out, kf_err *err) {
    struct stat st;
    enum { SEALS = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL };
    *out = (kf_taken){.listen_fd = -1, .run_lock = -1};
    int seals = fcntl(fd, F_GET_SEALS); /* -1: no memfd */
    if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) || st.st_size > STATE_MAX)
        return kf_fail(err, KF_ERR_USAGE_BAD, "--takeover is for keyfobd itself");
    KF_AUTO(kf_secret) text = kf_secret_zero((size_t)st.st_size);
    bool whole = pread(fd, kf_secret_edit(text), (size_t)st.st_size, 0) == st.st_size;
    close(fd);
    out->state = whole ? kf_json_parse(kf_secret_peek(text), (size_t)st.st_size, err) : NULL;
    if (!out->state) return kf_fail(err, KF_ERR_USAGE_BAD, "the state to take over is damaged");
    out->listen_fd = (int)kf_json_int_or(out->state, "listen_fd", -1);
    out->run_lock = (int)kf_json_int_or(out->state, "run_lock", -1);
    if (kf_json_int_or(out->state, "format", 0) != KF_TAKEOVER_FORMAT ||
        fcntl(out->listen_fd, F_SETFD, FD_CLOEXEC) || fcntl(out->run_lock, F_SETFD, FD_CLOEXEC))
        return kf_fail(err, KF_ERR_USAGE_BAD, "the state to take over is of another form");
    return true;
}

bool kf_takeover_restore(kf_agent *a, const kf_taken *t, kf_err *err) {
    const kf_json *store = kf_json_get(t->state, "store");
    const char *why = kf_json_str(t->state, "store_why"),
               *choice = kf_json_str(t->state, "store_choice");
    a->locked = kf_json_bool(t->state, "locked", false);
    a->store_choice = choice ? kf_strdup(choice) : NULL;
    a->store_why = why ? kf_strdup(why) : NULL;
    a->store_settled = kf_json_bool(t->state, "store_settled", false);
    if (!store) return true;
    return kf_settings_new_store(a, kf_json_str_or(store, "kind", ""), err) &&
           kf_store_thaw(a->store, store, err);
}

void kf_taken_done(kf_taken *t) {
    sigset_t none;
    sigemptyset(&none);
    if (t->state) sigprocmask(SIG_SETMASK, &none, NULL);
    t->state = kf_json_free(t->state);
}

/* --- the takeover ---------------------------------------------------------------------------- */

/* The command line as it was, without what was for the start alone. */
static char **next_argv(const kf_takeover *t, const char *fd_text) {
    size_t n = 0, k = 0;
    while (t->argv[n]) n++;
    char **v = calloc(n + 3, sizeof *v);
    if (!v) abort();
    for (size_t i = 0; i < n; i++) {
        bool pair = !strcmp(t->argv[i], "--ready-fd") || !strcmp(t->argv[i], "--takeover");
        if (pair) i++;
        else v[k++] = t->argv[i];
        if (i >= n) break;
    }
    v[k++] = (char *)"--takeover";
    v[k] = (char *)fd_text;
    return v;
}

static void failed(kf_takeover *t, const kf_err *err) {
    kf_agent *a = t->a;
    kf_log(KF_LOG_ERROR, "takeover: %s", err->what);
    t->running = false;
    t->failed = kf_boot_ms();
    if (t->conn) kf_server_error(a->server, t->conn, err);
    t->conn = 0;
    kf_server_resume(a->server);
}

/* Comes back only when the program could not be executed. */
static void execute(kf_takeover *t) {
    kf_agent *a = t->a;
    kf_err e;
    int fd = check_program(t, &e) ? write_state(a, &e) : -1;
    if (fd < 0) {
        failed(t, &e);
        return;
    }
    KF_AUTO_CHARS text = kf_strfmt("%d", fd);
    char **argv = next_argv(t, text);
    kf_log(KF_LOG_INFO, "takeover: %s ends here, %s goes on", kf_build, t->program);
    fcntl(kf_server_fd(a->server), F_SETFD, 0);
    fcntl(a->run_lock, F_SETFD, 0);
    sigset_t ends, before; /* they wait until the other program can end orderly */
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGHUP);
    sigprocmask(SIG_SETMASK, &ends, &before);
    execv(t->program, argv);
    kf_fail_errno(&e, KF_ERR_SYS_SPAWN, "start %s", t->program);
    sigprocmask(SIG_SETMASK, &before, NULL);
    fcntl(kf_server_fd(a->server), F_SETFD, FD_CLOEXEC);
    fcntl(a->run_lock, F_SETFD, FD_CLOEXEC);
    free(argv);
    close(fd);
    failed(t, &e);
}

/* Calls of clients, and what the agent does for itself. */
static bool is_busy(const kf_agent *a) {
    return a->saving || a->openings || a->imports || a->checkups || a->sealings || a->notices ||
           a->quitting || a->asking || kf_keeper_busy(a->keeper) || kf_server_open_calls(a->server);
}

/* What would not end by itself, or would be lost. */
static bool check_may(const kf_agent *a, kf_err *err) {
    KF_AUTO(kf_json) unsaved = kf_keeper_unsaved(a->keeper, KF_UNSAVED_AT_RISK);
    if (kf_json_count(unsaved)) {
        kf_fail(err, KF_ERR_STORE_UNSAVED, "the agent holds the only copy of %s",
                kf_json_value_str(kf_json_first(unsaved)));
        return kf_hint(err, "Free some space or open the keyring, then run it again.");
    }
    if (!kf_drive_busy(a) && !a->enrollments && !a->move) return true;
    kf_fail(err, KF_ERR_WIRE_BUSY, "a sign-in, an enrolment or a move of the store is under way");
    return kf_hint(err, "Finish it or cancel it, then run: keyfob agent restart");
}

static void step(void *user) {
    kf_takeover *t = user;
    kf_agent *a = t->a;
    kf_err e;
    t->step = 0;
    bool busy = is_busy(a), late = kf_boot_ms() - t->since >= WAIT_MS;
    if (!check_may(a, &e)) failed(t, &e);
    else if (!busy) execute(t);
    else if (late) {
        kf_fail(&e, KF_ERR_WIRE_BUSY, "the agent still has work after %d s", WAIT_MS / 1000);
        failed(t, &e);
    } else t->step = kf_loop_after(a->loop, STEP_MS, step, t);
}

static void begin(kf_takeover *t, uint32_t conn) {
    t->running = true;
    t->conn = conn;
    t->since = kf_boot_ms();
    kf_server_pause(t->a->server);
    t->step = kf_loop_after(t->a->loop, 0, step, t);
}

bool kf_takeover_by_hello(kf_agent *a, uint32_t conn, const kf_json *params) {
    kf_takeover *t = a->takeover;
    kf_err e;
    if (!kf_json_bool(params, "take_over", false) || kf_server_read_only(a->server, conn) ||
        !kf_takeover_is_due(t) || t->running || (t->failed && kf_boot_ms() - t->failed < AGAIN_MS))
        return false;
    /* this Hello is an open call itself; a busy agent is not waited for, the next Hello will do */
    if (kf_server_open_calls(a->server) > 1 || !check_may(a, &e) || kf_keeper_busy(a->keeper))
        return false;
    begin(t, 0);
    kf_server_leave(a->server, conn);
    return true;
}

void kf_method_restart(kf_agent *a, uint32_t conn, const kf_json *p, bool more) {
    kf_takeover *t = a->takeover;
    kf_err e;
    if (t->running) kf_fail(&e, KF_ERR_WIRE_BUSY, "the agent is about to start again");
    else if (check_may(a, &e)) {
        kf_server_leave(a->server, conn);
        begin(t, conn);
        return;
    }
    kf_server_error(a->server, conn, &e);
}
