/* keyfobd: the agent. Starts, holds the parts together, ends in reverse. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>
#include "agent/agent.h"
#include "agent/drive.h"
#include "agent/keeping.h"
#include "agent/lifetime.h"
#include "agent/locking.h"
#include "agent/logfile.h"
#include "agent/methods.h"
#include "agent/notify.h"
#include "agent/service.h"
#include "agent/settings.h"
#include "agent/state_dir.h"
#include "agent/takeover.h"
#include "agent/watch.h"
#include "base/build.h"
#include "base/str.h"
#include "guard/path.h"
#include "io/files.h"
#include "io/lock.h"
#include "io/harden.h"
#include "wire/client.h"
#include "wire/socket.h"

typedef struct options {
    int ready_fd;
    bool private_mode;
    const char *log_file;
    kf_log_level level;
    int64_t idle_ms;
    int takeover_fd; /* -1: a start as usual */
    bool asks_format;
    char *kept[9]; /* what the next program is started with, in a takeover */
    size_t n_kept;
} options;

static const char usage[] =
    "usage: keyfobd [OPTION...]\n"
    "The keyfob agent. Programs start it when they need it; by hand: keyfob agent start.\n\n"
    "  --private          a socket of its own, printed on stdout; ends when stdin closes\n"
    "  --idle-exit D      leave after D with nothing to keep and nobody here (default 10m)\n"
    "  --log-file FILE    instead of keyfobd.log in the state directory (KEYFOB_LOG_FILE)\n"
    "  --log-level LEVEL  error, warn, info or debug (default info; KEYFOB_LOG)\n"
    "  --ready-fd N       write one byte to descriptor N when listening, or E and why not\n"
    "  --foreground       stay in the foreground (it always does)\n"
    "  --takeover N, --takeover-format\n"
    "                     for an agent that goes on as this program\n"
    "  --version, --help\n";

static bool read_level(const char *s, kf_log_level *out) {
    static const char *const name[] = {"error", "warn", "info", "debug"};
    for (size_t i = 0; i < KF_LEN(name); i++)
        if (kf_str_eq(s, name[i])) return *out = (kf_log_level)i, true;
    return false;
}

static bool read_fd(const char *s, int *out) {
    size_t n = strlen(s);
    if (!n || n > 6 || strspn(s, "0123456789") != n) return false;
    *out = (int)strtol(s, NULL, 10);
    return fcntl(*out, F_GETFD) >= 0;
}

/* The last one of its kind counts, so eight are enough for all that is said once. */
static bool keep(options *o, const char *name, const char *value) {
    if (o->n_kept + 2 >= KF_LEN(o->kept)) return false;
    o->kept[o->n_kept++] = (char *)name;
    if (value) o->kept[o->n_kept++] = (char *)value;
    return true;
}

/* -1: go on; else the exit status */
static int read_options(int argc, char **argv, options *o) {
    static const struct option table[] = {
        {"ready-fd", 1, NULL, 'r'},  {"private", 0, NULL, 'p'},
        {"idle-exit", 1, NULL, 'i'}, {"log-file", 1, NULL, 'f'},
        {"log-level", 1, NULL, 'l'}, {"version", 0, NULL, 'V'},
        {"help", 0, NULL, 'h'},      {"foreground", 0, NULL, 'F'},
        {"takeover", 1, NULL, 't'},  {"takeover-format", 0, NULL, 'T'},
        {NULL, 0, NULL, 0}};
    const char *env = getenv("KEYFOB_LOG");
    if (env && !read_level(env, &o->level)) o->level = KF_LOG_INFO;
    for (int c; (c = getopt_long(argc, argv, "Vh", table, NULL)) != -1;) {
        bool ok = true;
        switch (c) {
        case 'r': ok = read_fd(optarg, &o->ready_fd); break;
        case 'F': break; /* it never leaves the foreground by itself: its starters detach it */
        case 'p': ok = (o->private_mode = true) && keep(o, "--private", NULL); break;
        case 'i':
            ok = kf_duration_parse(optarg, &o->idle_ms) && o->idle_ms > 0 &&
                 keep(o, "--idle-exit", optarg);
            break;
        case 'f': ok = keep(o, "--log-file", o->log_file = optarg); break;
        case 'l': ok = read_level(optarg, &o->level) && keep(o, "--log-level", optarg); break;
        case 'V': printf("keyfobd %s\n", kf_build); return 0;
        case 't': ok = read_fd(optarg, &o->takeover_fd); break;
        case 'T': o->asks_format = true; break;
        case 'h': fputs(usage, stdout); return 0;
        default: ok = false;
        }
        if (!ok) {
            fputs(usage, stderr);
            return 2;
        }
    }
    if (optind < argc) return fputs(usage, stderr), 2;
    if (!o->asks_format) return -1;
    printf("%d\n", KF_TAKEOVER_FORMAT); /* this command line would do */
    return 0;
}

static void say_ready(int fd, const kf_err *err) {
    if (fd < 0) {
        if (err) fprintf(stderr, "keyfobd: %s\n", err->what);
        return;
    }
    KF_AUTO_CHARS text = err ? kf_strfmt("E%s\n", err->what) : kf_strdup("R");
    ssize_t n = write(fd, text, strlen(text));
    (void)n; /* the starter may be gone; nothing depends on it */
    close(fd);
}

static void changed(void *user, const char *id, bool gone) {
    kf_agent *a = user;
    kf_watch_changed(a->watch, id);
}

static void person_needed(void *user, const char *id, const char *name, const char *reason) {
    kf_notify_sign_in_needed(user, id, name, reason);
}

/* A process that was killed takes connections until the kernel has closed its socket; it gives no
 * answers. */
static bool answers(void) {
    enum { WAIT_MS = 1000 };
    KF_AUTO(kf_client) c = kf_client_open(KF_CLIENT_NO_START | KF_CLIENT_NO_HELLO, NULL);
    kf_json *info =
        c ? kf_client_call(c, "org.varlink.service.GetInfo", NULL, WAIT_MS, NULL) : NULL;
    kf_json_free(info);
    return info;
}

/* An agent that was killed, or is about to end, holds the lock a little longer than it answers at
 * its socket. */
static bool take_run_lock(const kf_agent *a, int fd, kf_err *err) {
    enum { WAIT_MS = 5000, STEP_MS = 10 };
    int got = kf_lock_try(fd, err);
    for (int waited = 0; got == 0 && waited < WAIT_MS; waited += STEP_MS) {
        if (answers()) break;
        poll(NULL, 0, STEP_MS);
        got = kf_lock_try(fd, err);
    }
    return got == 1 || (got == 0 && kf_fail(err, KF_ERR_WIRE_NO_AGENT,
                                            "another agent is running at %s", a->socket_path));
}

/* What an agent that was killed while it wrote them left beside its files. */
static void sweep_leftovers(const kf_agent *a) {
    KF_AUTO_CHARS index = kf_strfmt("%s/profiles", a->state_dir);
    /* the temp files of a link are beside its target */
    KF_AUTO_CHARS conf = realpath(a->conf_path, NULL);
    kf_file_sweep(index, true);
    kf_file_sweep(conf ? conf : a->conf_path, false);
}

/* Where the socket is: the service manager's, one of its own, or the person's. */
static bool socket_place(kf_agent *a, const kf_taken *taken, int service_fd, kf_err *err) {
    if (taken->state) {
        a->socket_path = kf_strdup(kf_json_str_or(taken->state, "socket", ""));
        a->activated = kf_json_bool(taken->state, "activated", false);
    } else if (service_fd >= 0) {
        a->socket_path = kf_service_socket_path(service_fd, err);
        a->activated = true;
    } else if (a->private_mode) {
        KF_AUTO_CHARS base = kf_runtime_base();
        KF_AUTO_CHARS dir = kf_strfmt("%s/keyfob-private-XXXXXX", base ? base : "/tmp");
        if (!mkdtemp(dir))
            return kf_fail_errno(err, KF_ERR_SYS_IO, "make a directory for the socket");
        a->socket_path = kf_strfmt("%s/agent.sock", dir);
    } else a->socket_path = kf_socket_path(err);
    if (!a->socket_path || *a->socket_path != '/') return false;
    a->runtime_dir = kf_strdup(a->socket_path);
    *strrchr(a->runtime_dir, '/') = 0;
    return kf_socket_dir_check(a->runtime_dir, !a->activated, err);
}

/* Directories, and the lock that says "an agent lives here" for as long as it does. */
static bool places(kf_agent *a, const options *o, const kf_taken *taken, int service_fd,
                   kf_err *err) {
    a->conf_path = kf_config_path();
    a->state_dir = kf_state_dir();
    a->data_dir = kf_data_dir();
    if (!socket_place(a, taken, service_fd, err)) return false;
    kf_err why = {0};
    if (!kf_path_make_dir(a->state_dir, &why) && why.code == KF_ERR_SYS_OWNER) {
        *err = why;
        return false;
    }
    if (!taken->state) sweep_leftovers(a);
    const char *log_file = o->log_file ? o->log_file : getenv("KEYFOB_LOG_FILE");
    KF_AUTO_CHARS log =
        log_file && *log_file
            ? kf_strdup(log_file)
            : kf_strfmt("%s/keyfobd.log", a->private_mode ? a->runtime_dir : a->state_dir);
    if (!kf_logfile_open(log, o->level, err)) return false;
    if (taken->state) {
        a->run_lock = taken->run_lock;
        return true;
    }
    KF_AUTO_CHARS lock = kf_socket_sibling(a->socket_path, "run");
    a->run_lock = kf_lock_open(lock, err);
    return a->run_lock >= 0 && take_run_lock(a, a->run_lock, err);
}

/* The socket that somebody opened before us, or a new one. */
static int listening(const kf_agent *a, int fd, kf_err *err) {
    if (fd >= 0) return fd;
    if (unlink(a->socket_path) && errno != ENOENT)
        return kf_fail_errno(err, KF_ERR_SYS_IO, "remove %s", a->socket_path), -1;
    return kf_socket_listen(a->socket_path, err);
}

static void urgent_store_open(void *user, const kf_err *err) {
    kf_agent *a = user;
    if (err) kf_log(KF_LOG_WARN, "agent: %s; an interrupted renewal waits", err->what);
    else if (a->keeper) kf_keeper_go_on(a->keeper);
}

/* The one thing that cannot wait for a caller: WorkOS repeats an answer for half a minute only. */
static void urgent_found(void *user) { kf_settings_store(user, urgent_store_open, user); }

static bool start(kf_agent *a, const options *o, const kf_taken *taken, int fd, kf_err *err) {
    kf_http_opts h = {.user_agent = "keyfob/" KF_VERSION};
    if (!(a->loop = kf_loop_new(err)) || !(a->worker = kf_worker_new(a->loop, err)) ||
        !(a->http = kf_http_new(a->loop, &h, err)))
        return false;
    a->watch = kf_watch_new(a);
    a->drive = kf_drive_new(a);
    a->locking = kf_locking_new(a);
    (void)kf_settings(a, NULL); /* callers are told of a broken keyfob.conf */
    if (!kf_state_dir_settle(a, err)) return false;
    if (taken->state && !kf_takeover_restore(a, taken, err)) return false;
    if (!(a->keeper = kf_keeping_new(a, err))) return false;
    kf_keeper_on_change(a->keeper, changed, a);
    kf_keeper_on_person(a->keeper, person_needed, a);
    if (a->conf) kf_keeper_reload(a->keeper);
    kf_keeper_look_for_urgent(a->keeper, urgent_found, a);
    fd = listening(a, fd, err);
    if (fd < 0) return false;
    a->door = kf_door_new(a->loop, fd, kf_methods_call, a);
    a->lifetime = kf_lifetime_new(a, o->idle_ms, a->private_mode ? STDIN_FILENO : -1);
    return true;
}

static void end(kf_agent *a) {
    kf_door_close(a->door);
    kf_settings_end(a);
    kf_settings_drop(a);
    a->drive = kf_drive_free(a->drive);
    a->watch = kf_watch_free(a->watch);
    kf_keeper *k = a->keeper;
    a->keeper = NULL; /* its last answers must not lead back to it */
    kf_keeper_free(k);
    kf_store_moves_drop(a);
    kf_notify_end(a);
    kf_factors_drop_all(a);
    kf_claims_drop_all(a);
    a->store = kf_store_free(a->store); /* its callbacks would find nobody */
    a->worker = kf_worker_free(a->worker);
    a->door = kf_door_free(a->door); /* with the calls that still waited for the store */
    a->locking = kf_locking_free(a->locking);
    kf_http_free(a->http);
    kf_settings_free(a);
    kf_conf_free(a->conf);
    kf_takeover_free(a->takeover);
    kf_lifetime_free(a->lifetime); /* this late: a second signal must not kill what still writes */
    kf_loop_free(a->loop);
    kf_state_dir_end(a);
    if (a->private_mode && a->runtime_dir) {
        static const char *const leaf[] = {"agent.sock", "agent.run", "keyfobd.log",
                                           "keyfobd.log.1"};
        for (size_t i = 0; i < KF_LEN(leaf); i++) {
            KF_AUTO_CHARS path = kf_strfmt("%s/%s", a->runtime_dir, leaf[i]);
            unlink(path);
        }
        rmdir(a->runtime_dir);
    }
    free(a->store_choice);
    free(a->store_why);
    free(a->conf_path);
    free(a->state_dir);
    free(a->data_dir);
    free(a->runtime_dir);
    free(a->socket_path);
}

/* Those that end the agent wait until it can end orderly, and go to this thread alone: the worker
 * keeps them blocked, so that none is lost in a takeover. */
static void hold_signals(int how) {
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGHUP);
    sigprocmask(how, &ends, NULL);
}

int main(int argc, char **argv) {
    kf_harden_malloc(argv);
    options o = {
        .ready_fd = -1, .level = KF_LOG_INFO, .idle_ms = 10 * 60 * 1000, .takeover_fd = -1};
    int rc = read_options(argc, argv, &o);
    if (rc >= 0) return rc;
    kf_harden();
    KF_AUTO_CHARS base = kf_runtime_base(); /* the session bus is found by it, too */
    if (base) setenv("XDG_RUNTIME_DIR", base, 1);
    kf_agent a = {.private_mode = o.private_mode, .run_lock = -1};
    a.takeover = kf_takeover_new(&a, o.kept);
    hold_signals(SIG_BLOCK);
    kf_err e;
    kf_taken taken = {0};
    int fd = kf_service_socket(&e);
    bool ok = (fd >= 0 || e.code == KF_ERR_NONE) && kf_paths_settle(&e);
    if (ok && o.takeover_fd >= 0) {
        ok = kf_takeover_read(o.takeover_fd, &taken, &e);
        fd = taken.listen_fd;
    }
    ok = ok && places(&a, &o, &taken, fd, &e) && start(&a, &o, &taken, fd, &e);
    if (ok) {
        kf_log(KF_LOG_INFO, "agent: %s listens at %s", kf_build, a.socket_path);
#ifdef KF_DEBUGGABLE
        kf_log(KF_LOG_WARN, "agent: this build lets debuggers read its memory");
#endif
        kf_service_notify("READY=1");
        if (a.private_mode && !taken.state) {
            printf("%s\n", a.socket_path);
            fflush(stdout);
        }
    } else kf_log(KF_LOG_ERROR, "agent: %s", e.what);
    kf_taken_done(&taken);
    hold_signals(SIG_UNBLOCK);
    say_ready(o.ready_fd, ok ? NULL : &e);
    if (ok) kf_loop_run(a.loop);
    end(&a);
    kf_lock_drop(a.run_lock);
    return ok ? 0 : kf_err_exit(e.code);
}
