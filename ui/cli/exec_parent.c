/* exec --mask and --refresh: the parent that stays. It starts the command, carries bytes and
 * signals, and ends as the command ended. One loop, which blocks for nothing but poll. */
#include "ui/cli/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/str.h"
#include "ui/cli/exec_pty.h"
#include "ui/cli/exec_refresh.h"
#include "ui/cli/exec_stream.h"
#include "ui/cli/exec_witness.h"

/* DRAIN: after the command's end its children may say something for so long, or so much at most. */
/* GROUP_MS: a signal is passed on so long after it came, when the whole group has it if it was for
 * the group. timeout(1) sends it to the process first and then to the group. */
enum {
    FAILED = 125,
    GROUP_MS = 30,
    DRAIN_MS = 100,
    DRAIN_BYTES = 2 << 20,
    IN = 0,
    OUT = 1,
    ERR = 2,
    STREAMS = 3,
    HELD_MAX = 8
};

typedef struct parent {
    kf_cli *c;
    kf_exec *x;
    kf_mask_words *words; /* NULL without --mask */
    kf_refresh *refresh;  /* NULL without --refresh */
    bool has_pty;
    kf_pty pty;
    pid_t child;          /* the command, or its monitor */
    kf_stream s[STREAMS]; /* IN: keys to the terminal; over from the start where there is nothing to
                             carry */
    int give[STREAMS];    /* what the command gets as 0, 1, 2; -1: what we have */
    bool closed[STREAMS]; /* was not open when we were started */
    int signals;
    sigset_t before;
    bool ended;
    bool lost;               /* output that could not be written */
    bool was_typed_at;       /* at the end every key was the command's */
    int status, last_signal; /* last_signal: came after the end */
    kf_witness witness;      /* where the command is in our group */
    int held[HELD_MAX];      /* signals that wait for GROUP_MS */
    size_t n_held;
    int64_t held_until;
    int64_t ended_at;
    size_t bytes_at_end;
} parent;

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- start
 * ----------------------------------------------------------------------------------------- */

/* What was ignored (nohup) stays so, for us and the command. */
static void take_signals(parent *p) {
    static const int all[] = {SIGCHLD, SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};
    static const int with_pty[] = {SIGWINCH, SIGCONT, SIGTSTP, SIGTTOU};
    sigset_t set;
    sigemptyset(&set);
    signal(SIGCHLD, SIG_DFL);
    for (size_t i = 0; i < KF_LEN(all) + (p->has_pty ? KF_LEN(with_pty) : 0); i++) {
        int sig = i < KF_LEN(all) ? all[i] : with_pty[i - KF_LEN(all)];
        struct sigaction a;
        if (sigaction(sig, NULL, &a) == 0 && a.sa_handler != SIG_IGN) sigaddset(&set, sig);
    }
    sigprocmask(SIG_BLOCK, &set, &p->before);
    sigdelset(&set, SIGTTOU);
    p->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Those that main has put a place holder for (wire/socket.h). */
static void find_gaps(parent *p) {
    for (int i = 0; i < STREAMS; i++) p->closed[i] = fcntl(i, F_GETFD) & FD_CLOEXEC;
}

static bool same_file(int a, int b) {
    struct stat x, y;
    return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino &&
           x.st_rdev == y.st_rdev;
}

static bool pipe_for(parent *p, int i, kf_err *err) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) return kf_fail_errno(err, KF_ERR_SYS_SPAWN, "pipe");
    kf_stream_init(&p->s[i], ends[0], true, i, p->words);
    p->give[i] = ends[1];
    return true;
}

/* Which of the three go through us, and how. stderr goes with stdout when both are one file: their
 * order is kept. */
static bool arrange(parent *p, kf_err *err) {
    if (!p->words) return true;
    bool one = !p->closed[OUT] && !p->closed[ERR] && same_file(OUT, ERR);
    if (p->has_pty) {
        if (!kf_pty_open(&p->pty, err)) return p->has_pty = false;
        kf_stream_init(&p->s[OUT], p->pty.master, false, OUT, p->words);
        p->give[OUT] = p->pty.slave;
        if (p->pty.tty >= 0) {
            kf_stream_init(&p->s[IN], p->pty.tty, false, p->pty.master, NULL);
            p->give[IN] = p->pty.slave;
        }
    } else if (!p->closed[OUT] && !pipe_for(p, OUT, err)) return false;
    if (one) p->give[ERR] = p->give[OUT];
    else if (!p->closed[ERR]) return pipe_for(p, ERR, err);
    return true;
}

static void become(void *user) {
    parent *p = user;
    int copy[STREAMS];
    for (int i = 0; i < STREAMS; i++)
        copy[i] = p->give[i] < 0 ? -1 : fcntl(p->give[i], F_DUPFD_CLOEXEC, 3);
    for (int i = 0; i < STREAMS; i++) {
        if (copy[i] >= 0) dup2(copy[i], i);
        if (p->closed[i]) close(i);
    }
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &p->before, NULL);
    _exit(kf_exec_become(p->x));
}

static bool start(parent *p, kf_err *err) {
    fflush(NULL);
    if (p->has_pty) p->child = kf_pty_start(&p->pty, become, p, err);
    else {
        p->child = fork();
        if (p->child == 0) become(p);
        if (p->child < 0) kf_fail_errno(err, KF_ERR_SYS_SPAWN, "fork");
    }
    if (p->give[ERR] >= 0 && p->give[ERR] != p->give[OUT]) close(p->give[ERR]);
    if (p->give[OUT] >= 0 && !p->has_pty) close(p->give[OUT]);
    if (p->child < 0) return false;
    if (!p->has_pty) kf_witness_start(&p->witness);
    signal(SIGPIPE, SIG_IGN);
    kf_pty_enter(&p->pty);
    return true;
}

/* --- signals
 * --------------------------------------------------------------------------------------- */

static void ended(parent *p, int status) {
    p->ended = true;
    p->status = status;
    p->ended_at = now_ms();
    p->was_typed_at = p->pty.raw;
    p->bytes_at_end = p->s[OUT].bytes + p->s[ERR].bytes;
    kf_stream_end(&p->s[IN]);
}

static void pump(parent *p) {
    for (int i = OUT; i < STREAMS; i++)
        for (int more = 16; more && p->s[i].from >= 0 && !p->s[i].out.len; more--)
            kf_stream_step(&p->s[i], true, now_ms());
}

/* The command was stopped: so are we and our job, as if Ctrl-Z had been for all of it. A shell
 * without jobs stops nobody; then the command goes on at once. */
static void stop(parent *p) {
    sigset_t tstp;
    sigemptyset(&tstp);
    sigaddset(&tstp, SIGTSTP);
    pump(p);
    kf_pty_leave(&p->pty);
    sigprocmask(SIG_UNBLOCK, &tstp, NULL);
    kill(0, SIGTSTP);
    sigprocmask(SIG_BLOCK, &tstp, NULL);
    kf_pty_enter(&p->pty);
    kf_pty_resize(&p->pty);
    kf_pty_signal(&p->pty, SIGCONT);
}

static void read_news(parent *p) {
    kf_pty_news news;
    int rc, status = 0;
    while (!p->ended && (rc = kf_pty_read(&p->pty, &news))) {
        if (rc > 0 && news.stopped) stop(p);
        else if (rc > 0) ended(p, news.status);
        else ended(p, waitpid(p->child, &status, 0) == p->child ? status : FAILED << 8);
    }
}

/* A signal that is there already is one with it, as for the kernel. */
static void hold(parent *p, int sig) {
    for (size_t i = 0; i < p->n_held; i++)
        if (p->held[i] == sig) return;
    if (p->n_held == HELD_MAX) return;
    if (!p->n_held) p->held_until = now_ms() + GROUP_MS;
    p->held[p->n_held++] = sig;
}

/* Those that were for us alone go to the command; a command in a group of its own gets all. */
static void pass_held(parent *p) {
    bool same = getpgid(p->child) == getpgrp();
    for (size_t i = 0; i < p->n_held && !p->ended; i++)
        if (!same || !kf_witness_saw(&p->witness, p->held[i])) kill(p->child, p->held[i]);
    p->n_held = 0;
}

static void forward(parent *p, const struct signalfd_siginfo *si) {
    int sig = (int)si->ssi_signo;
    bool typed =
        si->ssi_code ==
        SI_KERNEL; /* then the command's job got it as well, unless it has a terminal of its own */
    if (p->ended) p->last_signal = sig;
    else if (!p->has_pty && !typed) hold(p, sig);
    else if (!p->has_pty) (void)kf_witness_saw(&p->witness, sig); /* not to be found there later */
    else if (typed && sig != SIGHUP) kf_pty_typed(&p->pty, sig);
    else kf_pty_signal(&p->pty, sig);
}

static void read_signals(parent *p) {
    struct signalfd_siginfo si;
    int status;
    while (read(p->signals, &si, sizeof si) == sizeof si) {
        if (si.ssi_signo == SIGCHLD) {
            if (!p->has_pty && !p->ended && waitpid(p->child, &status, WNOHANG) == p->child)
                ended(p, status);
        } else if (si.ssi_signo == SIGWINCH) kf_pty_resize(&p->pty);
        else if (si.ssi_signo == SIGCONT) kf_pty_enter(&p->pty), kf_pty_resize(&p->pty);
        else forward(p, &si);
    }
}

/* --- the loop
 * -------------------------------------------------------------------------------------- */

/* The person's terminal is gone, so the command's goes, too. */
static void hang_up(parent *p) {
    kf_stream_done(&p->s[IN]);
    kf_stream_end(&p->s[OUT]);
    kf_pty_hang_up(&p->pty);
}

/* A reader that went away is a hang-up for a command with a terminal; others get SIGPIPE. */
static void hear_errors(parent *p) {
    for (int i = OUT; i < STREAMS; i++) {
        if (!p->s[i].error) continue;
        if (p->s[i].error != EPIPE && p->s[i].error != EIO) {
            fprintf(stderr, "keyfob: the command's output could not be written: %s\n",
                    strerror(p->s[i].error));
            p->lost = true;
        }
        p->s[i].error = 0;
        if (p->has_pty && i == OUT && !p->ended) hang_up(p);
    }
    if (p->has_pty && p->pty.tty >= 0 && p->pty.master >= 0 && p->s[IN].from < 0 && !p->ended)
        hang_up(p);
}

/* After the end: what is there is read; a process left behind that keeps the pipe open is not
 * waited for. */
static bool drained(parent *p, int64_t now) {
    bool time_over = now - p->ended_at >= DRAIN_MS,
         enough = p->s[OUT].bytes + p->s[ERR].bytes - p->bytes_at_end >= DRAIN_BYTES;
    for (int i = OUT; i < STREAMS; i++) {
        struct pollfd f = {p->s[i].from, POLLIN, 0};
        if (p->s[i].from >= 0 && (enough || (time_over && poll(&f, 1, 0) == 0)))
            kf_stream_end(&p->s[i]);
        if (p->s[i].from < 0 && p->s[i].out.len) kf_stream_step(&p->s[i], false, now);
    }
    return p->last_signal || (kf_stream_over(&p->s[OUT]) && kf_stream_over(&p->s[ERR]));
}

static void loop(parent *p) {
    enum { SIGNALS, NEWS, REFRESH, STREAM = REFRESH + 2, ALL = STREAM + 2 * STREAMS };
    struct pollfd f[ALL];
    for (;;) {
        int64_t now = now_ms();
        if (p->ended && drained(p, now)) return;
        if (p->n_held && now >= p->held_until) pass_held(p);
        int wait = p->ended ? DRAIN_MS : p->n_held ? (int)(p->held_until - now) : -1;
        for (int i = 0; i < ALL; i++) f[i] = (struct pollfd){.fd = -1};
        f[SIGNALS] = (struct pollfd){.fd = p->signals, .events = POLLIN};
        if (p->has_pty && !p->ended)
            f[NEWS] = (struct pollfd){.fd = p->pty.control, .events = POLLIN};
        if (p->refresh && !p->ended) kf_refresh_poll(p->refresh, f + REFRESH);
        for (int i = 0; i < STREAMS; i++) {
            int due = kf_stream_poll(&p->s[i], f + STREAM + 2 * i, now);
            if (due >= 0 && (wait < 0 || due < wait)) wait = due;
        }
        if (p->s[IN].from >= 0 && !kf_pty_in_front(&p->pty))
            f[STREAM].fd = -1; /* reading would stop us */
        if (poll(f, ALL, wait) < 0 && errno != EINTR) return;
        now = now_ms();
        for (int i = 0; i < STREAMS; i++)
            kf_stream_step(&p->s[i], f[STREAM + 2 * i].fd >= 0 && f[STREAM + 2 * i].revents, now);
        hear_errors(p);
        if (f[SIGNALS].revents) read_signals(p);
        if (f[NEWS].revents) read_news(p);
        if (f[REFRESH].revents || f[REFRESH + 1].revents)
            kf_refresh_step(p->refresh, p->c, p->words, p->pty.raw ? "\r\n" : "\n");
    }
}

/* --- end
 * ------------------------------------------------------------------------------------------- */

static void done(parent *p) {
    kf_witness_end(&p->witness);
    if (p->has_pty) kf_pty_close(&p->pty);
    for (int i = 0; i < STREAMS; i++) kf_stream_done(&p->s[i]);
    p->refresh = kf_refresh_close(p->refresh);
    p->words = kf_mask_words_free(p->words);
    if (p->signals >= 0) close(p->signals);
}

/* As the command ended: the shell then knows that Ctrl-C was meant for its script, too. */
static int end_like(const parent *p) {
    int sig = p->last_signal ? p->last_signal : WIFSIGNALED(p->status) ? WTERMSIG(p->status) : 0;
    if (!sig && p->lost && WIFEXITED(p->status) && !WEXITSTATUS(p->status))
        return FAILED; /* without us it would have seen it */
    if (!sig) return WIFEXITED(p->status) ? WEXITSTATUS(p->status) : FAILED;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, sig);
    signal(sig, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    /* Ctrl-C is for the whole job, a script around us too; the terminal could not know while it
     * passed every key on */
    if (p->was_typed_at && (sig == SIGINT || sig == SIGQUIT)) kill(0, sig);
    raise(sig);
    return 128 + sig;
}

int kf_exec_stay(kf_cli *c, kf_exec *x) {
    parent p = {.c = c,
                .x = x,
                .child = -1,
                .signals = -1,
                .pty = {.master = -1, .slave = -1, .control = -1, .tty = -1}};
    kf_err e;
    for (int i = 0; i < STREAMS; i++) {
        p.give[i] = -1;
        p.s[i] = (kf_stream){.from = -1, .to = -1};
    }
    c->client = kf_client_close(c->client); /* the command may run for hours */
    kf_client_limit(0);
    find_gaps(&p);
    p.has_pty = x->mask && !p.closed[OUT] && isatty(STDOUT_FILENO);
    take_signals(&p);
    bool ok = p.signals >= 0 || kf_fail_errno(&e, KF_ERR_SYS_SPAWN, "signals");
    if (ok && x->refresh) ok = (p.refresh = kf_refresh_open(x, &e)) != NULL;
    if (p.refresh) x->path = kf_refresh_path(p.refresh);
    if (ok && x->mask) {
        const char *token = kf_json_str_or(x->answer, "access_token", "");
        KF_AUTO(kf_secret) s = kf_secret_new(token, strlen(token));
        p.words = kf_mask_words_new();
        ok = kf_mask_words_add(p.words, s) ||
             kf_fail(&e, KF_ERR_SYS_BUG, "the token has %zu bytes; it cannot be hidden",
                     strlen(token));
    }
    ok = ok && arrange(&p, &e) && start(&p, &e);
    if (ok) loop(&p);
    else if (p.child > 0) kill(p.child, SIGHUP);
    done(&p);
    return ok ? end_like(&p) : kf_cli_fail(c, &e);
}
