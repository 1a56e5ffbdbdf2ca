/* Takeover, see takeover.h. Everything here runs on the loop; nothing is freed before the other
 * program runs, so that a failed execve leaves an agent that goes on. */
#include "agent/takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "agent/drive.h"
#include "keeper/keeper.h"
#include "agent/lifetime.h"
#include "agent/locking.h"
#include "agent/service.h"
#include "agent/settings.h"
#include "base/build.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "guard/path.h"

extern char **environ;
enum {
    STEP_MS = 20,
    WAIT_MS = 10000, /* for what is under way */
    PROBE_STEP_MS = 5,
    PROBE_MS = 2000, /* for the installed program to say which form it reads */
    LOOK_MS = 1000,
    AGAIN_MS = 60000, /* after a takeover that failed, before a Hello tries one again */
    STATE_MAX = 64 << 20
};

struct kf_takeover {
    kf_agent *a;
    char *const *options; /* of this process, as the next one gets them */
    char *program;        /* the path of this program */
    struct stat was;
    int64_t looked, failed; /* kf_boot_ms; 0: never */
    bool due;
    bool running;
    kf_call *call; /* Restart; NULL: a Hello began it, or its client is gone */
    int64_t since;
    kf_loop_id step;
};

kf_takeover *kf_takeover_new(kf_agent *a, char *const options[]) {
    static const char gone[] = " (deleted)"; /* the kernel's, when the file was replaced already */
    char self[PATH_MAX];
    kf_takeover *t = kf_new(kf_takeover);
    t->a = a;
    t->options = options;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0 || stat("/proc/self/exe", &t->was)) return t;
    self[n] = 0;
    size_t len = (size_t)n, tail = sizeof gone - 1;
    if (!t->was.st_nlink && len > tail && !strcmp(self + len - tail, gone)) self[len - tail] = 0;
    t->program = kf_strdup(self);
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
    pid_t ended = 0;
    while (ok && (ended = waitpid(pid, &status, WNOHANG)) == 0 && kf_boot_ms() < end)
        poll(NULL, 0, PROBE_STEP_MS);
    if (ended != pid) { /* said enough, or too little, and goes on */
        kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
        return false;
    }
    return ok && status == 0;
}

/* program, the options, and two more words. Free the array only. */
static char **next_argv(const kf_takeover *t, const char *first, const char *second) {
    size_t n = 0, k = 0;
    while (t->options[n]) n++;
    char **v = kf_new_array(char *, n + 4);
    v[k++] = t->program;
    for (size_t i = 0; i < n; i++) v[k++] = t->options[i];
    v[k++] = (char *)first;
    v[k] = (char *)second;
    return v;
}

/* It runs with these options, and reads this form of state. */
static bool check_program(const kf_takeover *t, kf_err *err) {
    if (!t->program) return kf_fail(err, KF_ERR_SYS_SPAWN, "/proc is not there");
    if (!kf_path_check(t->program, KF_PATH_FILE, err)) {
        if (err->code != KF_ERR_SYS_OWNER) err->code = KF_ERR_SYS_SPAWN;
        return false;
    }
    char said[16] = "";
    KF_AUTO_CHARS want = kf_strfmt("%d", KF_TAKEOVER_FORMAT);
    char **argv = next_argv(t, "--takeover-format", NULL);
    bool ok = ask_program(argv, said, sizeof said) && !strcmp(said, want);
    free(argv);
    if (ok) return true;
    kf_fail(err, KF_ERR_SYS_SPAWN, "%s does not run, or cannot take over from %s", t->program,
            kf_build);
    return kf_hint(err, "The agent goes on as it is. To end it: keyfob agent stop");
}

/* --- what is passed on ----------------------------------------------------------------------- */

static kf_secret *state_text(const kf_agent *a, kf_err *err) {
    KF_AUTO(kf_json) j = kf_json_obj();
    kf_json_set_int(j, "format", KF_TAKEOVER_FORMAT);
    kf_json_set_int(j, "listen_fd", kf_door_fd(a->door));
    kf_json_set_int(j, "run_lock", a->run_lock);
    kf_json_set_bool(j, "locked", a->locked);
    kf_json_set_bool(j, "activated", a->activated);
    kf_json_set_bool(j, "bus_came", a->bus_came);
    kf_json_set_str(j, "socket", a->socket_path);
    kf_json_set_str(j, "store_choice", a->store_choice);
    kf_json_set_str(j, "store_why", a->store_why);
    kf_json_set_bool(j, "store_settled", a->store_settled);
    if (a->store) kf_json_set(j, "store", kf_store_freeze(a->store));
    kf_secret *text = kf_json_print_secret(j);
    /* read here as it will be read there: afterwards it would be too late */
    KF_AUTO(kf_json) again = kf_json_parse(kf_secret_peek(text), kf_secret_len(text), NULL);
    if (again && kf_secret_len(text) <= STATE_MAX) return text;
    kf_secret_free(text);
    return kf_fail(err, KF_ERR_SYS_IO, "what the agent holds cannot be passed on"), NULL;
}

/* Runs in a forked child: writes all of it, or stops when the reader is gone. System calls only. */
static void feed(int fd, const char *p, size_t n) {
    while (n) {
        ssize_t k = send(fd, p, n, MSG_NOSIGNAL);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) break;
        p += k;
        n -= (size_t)k;
    }
    _exit(0);
}

/* A descriptor that outlives execve, with the state behind it; -1: err. It is a socket, because a
 * file or memfd could be opened through /proc in the moment in which a program that was just
 * executed counts as dumpable. A child that is not dumpable holds the bytes until they are read. */
static int pass_state(const kf_agent *a, kf_err *err) {
    int pair[2], status = 1;
    KF_AUTO(kf_secret) text = state_text(a, err);
    if (!text) return -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        return kf_fail_errno(err, KF_ERR_SYS_IO, "socketpair"), -1;
    pid_t child = fork();
    if (child == 0) {
        pid_t feeder = fork(); /* the program that runs next has no child that it does not know */
        if (feeder) _exit(feeder < 0);
        dup2(pair[1], 0);
        close_range(1, ~0u, 0); /* the socket, and the lock of the agent */
        feed(0, kf_secret_peek(text), kf_secret_len(text));
    }
    close(pair[1]);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!status && !fcntl(pair[0], F_SETFD, 0)) return pair[0];
    kf_fail_errno(err, KF_ERR_SYS_SPAWN, "pass the state on");
    close(pair[0]);
    return -1;
}

/* Everything until the end of the stream; NULL: it did not come. */
static kf_secret *read_state(int fd) {
    size_t n = 0, room = 64 << 10;
    KF_AUTO(kf_secret) s = kf_secret_zero(room);
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int rc = poll(&p, 1, WAIT_MS);
        if (rc < 0 && errno == EINTR) continue;
        ssize_t k = rc > 0 ? recv(fd, kf_secret_edit(s) + n, room - n, 0) : -1;
        if (k < 0 && rc > 0 && errno == EINTR) continue;
        if (k < 0) return NULL;
        if (k == 0) return kf_secret_new(kf_secret_peek(s), n);
        n += (size_t)k;
        if (n < room) continue;
        if (room >= STATE_MAX) return NULL;
        KF_AUTO(kf_secret) old = KF_TAKE(s);
        s = kf_secret_zero(room *= 2);
        memcpy(kf_secret_edit(s), kf_secret_peek(old), n);
    }
}

bool kf_takeover_read(int fd, kf_taken *out, kf_err *err) {
    int type = 0, domain = 0;
    socklen_t len = sizeof type;
    *out = (kf_taken){.listen_fd = -1, .run_lock = -1};
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) || type != SOCK_STREAM ||
        getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) || domain != AF_UNIX)
        return kf_fail(err, KF_ERR_USAGE_BAD, "--takeover is for keyfobd itself");
    KF_AUTO(kf_secret) text = read_state(fd);
    close(fd);
    out->state = kf_json_parse(kf_secret_peek(text), kf_secret_len(text), err);
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
    a->bus_came = kf_json_bool(t->state, "bus_came", false);
    if (!store) return true;
    return kf_settings_new_store(a, kf_json_str_or(store, "kind", ""), err) &&
           kf_store_thaw(a->store, store, err);
}

void kf_taken_done(kf_taken *t) { t->state = kf_json_free(t->state); }

/* --- the takeover ---------------------------------------------------------------------------- */

static void failed(kf_takeover *t, const kf_err *err) {
    kf_agent *a = t->a;
    kf_log(KF_LOG_ERROR, "takeover: %s", err->what);
    t->running = false;
    t->failed = kf_boot_ms();
    if (t->call) kf_call_fail(KF_TAKE(t->call), err);
    kf_door_resume(a->door);
}

static void failed_end(kf_takeover *t) {
    kf_err e;
    kf_fail(&e, KF_ERR_WIRE_CLOSED, "the agent ends");
    failed(t, &e);
}

/* A signal that ends the agent, and came since they were blocked. */
static bool must_end(const sigset_t *ends) {
    sigset_t pending;
    return !sigpending(&pending) &&
           ((sigismember(&pending, SIGTERM) && sigismember(ends, SIGTERM)) ||
            sigismember(&pending, SIGINT) || sigismember(&pending, SIGHUP));
}

/* Comes back only when the program could not be executed, or the agent has to end. Signals that
 * come from here on wait for the other program. */
static void execute(kf_takeover *t) {
    kf_agent *a = t->a;
    kf_err e = {0};
    sigset_t ends, before;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGHUP);
    sigprocmask(SIG_BLOCK, &ends, &before);
    int fd = check_program(t, &e) && !must_end(&ends) ? pass_state(a, &e) : -1;
    if (fd >= 0) {
        KF_AUTO_CHARS text = kf_strfmt("%d", fd);
        char **argv = next_argv(t, "--takeover", text);
        kf_log(KF_LOG_INFO, "takeover: %s ends here, %s goes on", kf_build, t->program);
        fcntl(kf_door_fd(a->door), F_SETFD, 0);
        fcntl(a->run_lock, F_SETFD, 0);
        execv(t->program, argv);
        kf_fail_errno(&e, KF_ERR_SYS_SPAWN, "start %s", t->program);
        fcntl(kf_door_fd(a->door), F_SETFD, FD_CLOEXEC);
        fcntl(a->run_lock, F_SETFD, FD_CLOEXEC);
        free(argv);
        close(fd);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (e.code == KF_ERR_NONE) failed_end(t);
    else failed(t, &e);
}

/* What the agent does, for clients or for itself, apart from their open calls. */
static bool is_busy(const kf_agent *a) {
    return a->saving || a->openings || a->notices || a->asking || kf_locking_busy(a->locking) ||
           kf_keeper_busy(a->keeper);
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
    bool busy = is_busy(a) || kf_door_open_calls(a->door),
         late = kf_boot_ms() - t->since >= WAIT_MS;
    if (kf_lifetime_stopping(a)) failed_end(t);
    else if (!check_may(a, &e)) failed(t, &e);
    else if (!busy) execute(t);
    else if (late) {
        kf_fail(&e, KF_ERR_WIRE_BUSY, "the agent still has work after %d s", WAIT_MS / 1000);
        failed(t, &e);
    } else t->step = kf_loop_after(a->loop, STEP_MS, step, t);
}

static void client_gone(void *user) {
    kf_takeover *t = user;
    t->call = kf_call_drop(t->call);
}

/* call: the one that asked for it and waits for nothing but a failure. */
static void begin(kf_takeover *t, kf_call *call) {
    t->running = true;
    t->call = call;
    if (call) kf_call_on_gone(call, client_gone, t);
    t->since = kf_boot_ms();
    kf_door_pause(t->a->door);
    t->step = kf_loop_after(t->a->loop, 0, step, t);
}

bool kf_takeover_by_hello(kf_agent *a, kf_call *call) {
    kf_takeover *t = a->takeover;
    kf_err e;
    if (!kf_call_bool(call, "take_over", false) || kf_call_is_read_only(call) ||
        !kf_takeover_is_due(t) || t->running || (t->failed && kf_boot_ms() - t->failed < AGAIN_MS))
        return false;
    /* this Hello is an open call itself; a busy agent is not waited for, the next Hello will do */
    if (kf_door_open_calls(a->door) > 1 || !check_may(a, &e) || is_busy(a)) return false;
    begin(t, NULL);
    kf_call_leave(call);
    return true;
}

void kf_method_restart(kf_agent *a, kf_call *call) {
    kf_takeover *t = a->takeover;
    kf_err e;
    if (t->running) kf_fail(&e, KF_ERR_WIRE_BUSY, "the agent is about to start again");
    else if (!kf_call_bool(call, "force", false) && !kf_takeover_is_due(t))
        kf_fail(&e, KF_ERR_WIRE_BUSY, "the agent runs the program that is installed");
    else if (check_may(a, &e)) {
        kf_call_leave(call);
        begin(t, call);
        return;
    }
    kf_call_fail(call, &e);
}
