/* keyfob-serve: a restricted token socket for containers and other machines (`keyfob serve`).
 * Access tokens of the profiles named here, and no other call; ends with the command it runs, after
 * --for, or on a signal, and removes its socket. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/build.h"
#include "base/log.h"
#include "base/str.h"
#include "guard/process.h"
#include "io/harden.h"
#include "serve/server.h"
#include "wire/client.h"
#include "wire/socket.h"

enum { FAILED = 125, CANNOT_RUN = 126, NOT_FOUND = 127 }; /* as env and timeout do it */

static const char help[] = "usage: keyfob-serve [OPTION...] PROFILE... [-- CMD [ARG...]]\n"
                           "The token socket of keyfob; see: keyfob help serve\n\n"
                           "  --socket PATH    instead of one in a fresh directory\n"
                           "  --allow-uid N    let this user in, too (may come several times)\n"
                           "  --for D          end after D\n"
                           "  --min-valid D    renew first when less than D is left\n"
                           "  --proxy URL      pass requests on to this host and add the token\n"
                           "  --patience D     with a client that does not send its request or "
                           "take its answer; default 60s\n"
                           "  --version, --help\n";

typedef struct program {
    kf_loop *loop;
    kf_http *http;
    kf_house house;
    kf_serve *serve;
    pid_t child;
    int pidfd, release,
        status; /* release: the child waits at the other end for the socket's path */
    kf_loop_id ends;
} program;

typedef struct options {
    const char *socket, *upstream;
    int64_t life_ms, min_valid_ms;
    kf_serve_opts serve;
    char **command;
    char *origin;
} options;

static int bad(const char *what) {
    fprintf(stderr, "keyfob: %s\n", what);
    return 2;
}

static bool number(const char *s, uid_t *out) {
    char *end;
    errno = 0;
    unsigned long n = strtoul(s, &end, 10);
    if (errno || *end || end == s || *s == '-' || n >= (uid_t)-1) return false;
    *out = (uid_t)n;
    return true;
}

/* Whose failures must not look like the command's. */
static bool has_command(char **argv) {
    while (*argv && strcmp(*argv, "--") != 0) argv++;
    return *argv;
}

/* 0: go on; else the exit status + 1. */
static int read_options(int argc, char **argv, options *o, kf_house *house) {
    static const struct option longs[] = {
        {"socket", 1, NULL, 's'},    {"allow-uid", 1, NULL, 'u'}, {"for", 1, NULL, 'f'},
        {"min-valid", 1, NULL, 'm'}, {"proxy", 1, NULL, 'p'},     {"patience", 1, NULL, 'w'},
        {"help", 0, NULL, 'h'},      {"version", 0, NULL, 'V'},   {0}};
    o->life_ms = o->min_valid_ms = -1;
    for (int c; (c = getopt_long(argc, argv, "+", longs, NULL)) != -1;) {
        bool ok = true;
        switch (c) {
        case 's': o->socket = optarg; break;
        case 'u':
            ok = house->n_uid < KF_HOUSE_UIDS && number(optarg, &house->uid[house->n_uid++]);
            break;
        case 'f': ok = kf_duration_parse(optarg, &o->life_ms) && o->life_ms > 0; break;
        case 'm': ok = kf_duration_parse(optarg, &o->min_valid_ms); break;
        case 'p': o->upstream = optarg; break;
        case 'w':
            ok = kf_duration_parse(optarg, &o->serve.patience_ms) && o->serve.patience_ms > 0;
            break;
        case 'h': return fputs(help, stdout), 1;
        case 'V': return printf("keyfob-serve %s\n", kf_build), 1;
        default: return fputs(help, stderr), 3;
        }
        if (!ok)
            return fprintf(stderr, "keyfob: %.80s is not usable for that option of serve\n",
                           optarg),
                   3;
    }
    for (;
         optind < argc && o->serve.n_profile < KF_SERVE_PROFILES && strcmp(argv[optind], "--") != 0;
         optind++) {
        if (!kf_profile_name_ok(argv[optind])) return bad("that is no profile name") + 1;
        o->serve.profile[o->serve.n_profile++] = argv[optind];
    }
    if (optind < argc && strcmp(argv[optind], "--") != 0) return bad("too many profiles") + 1;
    if (optind < argc) o->command = argv + optind + 1;
    if (o->command && !o->command[0]) return bad("there is no command behind --") + 1;
    if (!o->serve.n_profile) return bad("serve needs the name of a profile") + 1;
    if (o->upstream && o->serve.n_profile != 1) return bad("a proxy is for one profile") + 1;
    return 0;
}

/* --- ends
 * ------------------------------------------------------------------------------------------ */

/* Nothing is given any more, however long the command takes to end. */
static void stop(void *user) {
    program *p = user;
    p->serve = kf_serve_free(p->serve);
    kf_house_close(&p->house);
    if (p->child > 0) kill(p->child, SIGTERM); /* its end is ours */
    else kf_loop_quit(p->loop);
}

static void interrupted(void *user) { /* the terminal has told the command, too */
    program *p = user;
    if (p->child <= 0) kf_loop_quit(p->loop);
}

static void child_ended(int fd, short revents, void *user) {
    program *p = user;
    int st;
    if (p->child <= 0 || waitpid(p->child, &st, WNOHANG) != p->child) return;
    p->child = 0;
    p->status = WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
    kf_loop_quit(p->loop);
}

/* The command is what the caller would have started: it is forked before anything here is hardened,
 * opened or read, and held until the socket is there. */
static _Noreturn void become(int hold, pid_t parent, char **command) {
    char path[PATH_MAX] = "";
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent || read(hold, path, sizeof path - 1) <= 0)
        _exit(FAILED); /* there will be no socket; that was said */
    close(hold);
    setenv("KEYFOB_TOKEN_SOCKET", path, 1);
    kf_process_reopen();
    execvp(command[0], command);
    int rc = errno == ENOENT ? NOT_FOUND : CANNOT_RUN;
    fprintf(stderr, "keyfob: %s: %s\n", command[0], strerror(errno));
    _exit(rc);
}

static bool hold_child(program *p, char **command, kf_err *err) {
    int ends[2];
    pid_t self = getpid();
    if (pipe2(ends, O_CLOEXEC)) return kf_fail_errno(err, KF_ERR_SYS_SPAWN, "pipe");
    p->child = fork();
    if (p->child == 0) {
        close(ends[1]);
        become(ends[0], self, command);
    }
    close(ends[0]);
    p->release = ends[1];
    if (p->child < 0 || (p->pidfd = pidfd_open(p->child, 0)) < 0)
        return kf_fail_errno(err, KF_ERR_SYS_SPAWN, "start a process");
    signal(SIGCHLD, SIG_DFL); /* ignored, it would take the command's status away */
    return true;
}

static void release_child(program *p) {
    kf_loop_fd(p->loop, p->pidfd, POLLIN, child_ended, p);
    if (write(p->release, p->house.path, strlen(p->house.path)) < 0) {
    } /* it was killed: child_ended hears of it */
    close(p->release);
    p->release = -1;
}

/* --- proxy
 * ----------------------------------------------------------------------------------------- */

static const char *setting(const kf_json *all, const char *key) {
    for (const kf_json *i = kf_json_first(kf_json_get(all, "settings")); i; i = kf_json_next(i))
        if (kf_str_eq(kf_json_str(i, "key"), key)) return kf_json_str(i, "value");
    return NULL;
}

/* The agent's settings for the way out hold here as well. */
static bool open_upstream(program *p, options *o, kf_err *err) {
    if (!o->upstream) return true;
    if (!kf_origin_parse(o->upstream, &o->origin, err)) return false;
    kf_client *c = kf_client_open(0, err);
    KF_AUTO(kf_json) all = c ? kf_client_call(c, "GetSettings", NULL, 30000, err) : NULL;
    kf_client_close(c);
    if (!all) return false;
    kf_http_opts h = {.user_agent = "keyfob/" KF_VERSION,
                      .proxy = setting(all, "proxy"),
                      .ca_file = setting(all, "ca_file")};
    p->http = kf_http_new(p->loop, &h, err);
    o->serve.upstream = o->origin;
    o->serve.http = p->http;
    return p->http != NULL;
}

static void on_signal(program *p, int sig, kf_loop_fn fn) { /* what was ignored (nohup) stays so */
    struct sigaction a;
    if (sigaction(sig, NULL, &a) == 0 && a.sa_handler != SIG_IGN)
        kf_loop_signal(p->loop, sig, fn, p);
}

static bool begin(program *p, options *o, kf_err *err) {
    p->loop = kf_loop_new(err);
    if (!p->loop || !kf_house_open(&p->house, o->socket, err) || !open_upstream(p, o, err))
        return false;
    o->serve.house = &p->house;
    o->serve.min_valid_ms = o->min_valid_ms;
    p->serve = kf_serve_new(p->loop, &o->serve, err);
    if (!p->serve) return false;
    on_signal(p, SIGTERM, stop);
    on_signal(p, SIGHUP, stop);
    on_signal(p, SIGINT, interrupted);
    if (o->life_ms > 0) p->ends = kf_loop_after(p->loop, o->life_ms, stop, p);
    return true;
}

static void say(kf_log_level level, const char *line, void *user) {
    fprintf(stderr, "keyfob: %s\n", line);
}

int main(int argc, char **argv) {
    options o = {0};
    program p = {.house.fd = -1, .pidfd = -1, .release = -1};
    kf_err err;
    kf_process_close();
    kf_socket_keep_streams();
    int rc = read_options(argc, argv, &o, &p.house);
    if (rc) return rc > 1 && has_command(argv) ? FAILED : rc - 1;
    bool ok = kf_paths_settle(&err) && (!o.command || hold_child(&p, o.command, &err));
    kf_harden();
    kf_log_setup(KF_LOG_WARN, say, NULL, (const uint8_t[16]){0});
    if (!ok || !begin(&p, &o, &err)) {
        fprintf(stderr, "keyfob: %s\n", err.what);
        if (*err.hint) fprintf(stderr, "  %s\n", err.hint);
        p.status = o.command ? FAILED : kf_err_exit(err.code);
        if (p.release >= 0) close(p.release);
        if (p.child > 0) waitpid(p.child, NULL, 0);
    } else {
        if (o.command) release_child(&p);
        if (!o.command && (printf("%s\n", p.house.path) < 0 || fflush(stdout))) p.status = 1;
        else kf_loop_run(p.loop);
    }
    kf_serve_free(p.serve);
    kf_house_close(&p.house);
    kf_http_free(p.http);
    free(o.origin);
    _exit(p.status); /* signals and timers of the loop are of no more use */
}
