/* Questions on the terminal. They go to /dev/tty, so that `keyfob login | tee` still asks; the
 * terminal is put back on every way out, signals and stops included. */
#include "ui/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>
#include "base/str.h"

enum {
    HIDDEN_MAX = 16384,
    SHOWN_MAX = 4094, /* the kernel drops what a line has above 4095 bytes */
    REST_MS = 50      /* a pause of this length ends what was pasted behind the line */
};

/* What the signal handlers must put back. */
static struct {
    int fd;
    struct termios before;
    volatile sig_atomic_t hidden, stop, continued;
} tty = {.fd = -1};

static void on_signal(int s) {
    if (tty.hidden) tcsetattr(tty.fd, TCSAFLUSH, &tty.before);
    ssize_t n = write(tty.fd, "\n", 1);
    (void)n;
    signal(s, SIG_DFL);
    raise(s);
}

static void on_stop(int s) { tty.stop = 1; }

static void on_continue(int s) { tty.continued = 1; }

bool kf_can_ask(const kf_cli *c) {
    return !c->no_input && isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

static const struct {
    int sig;
    void (*handler)(int);
} caught[] = {{SIGINT, on_signal},  {SIGTERM, on_signal}, {SIGHUP, on_signal},
              {SIGQUIT, on_signal}, {SIGTSTP, on_stop},   {SIGCONT, on_continue}};

/* SIGTSTP and SIGCONT arrive in ppoll() only. */
static void catch_signals(struct sigaction *old, sigset_t *mask) {
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, SIGTSTP);
    sigaddset(&held, SIGCONT);
    sigprocmask(SIG_BLOCK, &held, mask);
    tty.stop = tty.continued = 0;
    for (size_t i = 0; i < KF_LEN(caught); i++) {
        sigaction(caught[i].sig, NULL, &old[i]);
        if (old[i].sa_handler == SIG_IGN) continue;
        struct sigaction act = {.sa_handler = caught[i].handler};
        sigaction(caught[i].sig, &act, NULL);
    }
}

static void release_signals(const struct sigaction *old, const sigset_t *mask) {
    for (size_t i = 0; i < KF_LEN(caught); i++) sigaction(caught[i].sig, &old[i], NULL);
    sigprocmask(SIG_SETMASK, mask, NULL);
}

/* Without the kernel's lines, which end at 4095 bytes and silently lose the rest. What was typed
 * before is thrown away. */
static bool hide_input(void) {
    struct termios t = tty.before;
    t.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON);
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    tty.hidden = 1;
    return tcsetattr(tty.fd, TCSAFLUSH, &t) == 0;
}

/* TCSAFLUSH: what was pasted behind the answer is not for the shell. */
static void show_input(void) {
    tcsetattr(tty.fd, TCSAFLUSH, &tty.before);
    tty.hidden = 0;
}

static void stop_job(void) {
    struct sigaction old, dfl = {.sa_handler = SIG_DFL};
    sigset_t set, mask;
    sigemptyset(&set);
    sigaddset(&set, SIGTSTP);
    sigaction(SIGTSTP, &dfl, &old);
    raise(SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &set, &mask); /* stops here */
    sigprocmask(SIG_SETMASK, &mask, NULL);
    sigaction(SIGTSTP, &old, NULL);
}

/* After `bg` the terminal belongs to the shell. */
static void wait_foreground(void) {
    pid_t group = tcgetpgrp(tty.fd);
    for (; group >= 0 && group != getpgrp(); group = tcgetpgrp(tty.fd)) raise(SIGSTOP);
}

typedef struct line {
    const char *prompt;
    bool hidden;
    char *p;
    size_t n, max;
    bool over, end, eof;
} line;

/* The answer begins again: the shell has read or shown what was typed so far. */
static bool begin_again(line *l) {
    if (tty.stop) {
        if (l->hidden) show_input();
        dprintf(tty.fd, "\n");
        stop_job();
    }
    wait_foreground();
    tty.stop = tty.continued = 0;
    kf_wipe(l->p, l->n);
    l->n = 0;
    l->over = false;
    if (l->hidden && !hide_input()) return false;
    dprintf(tty.fd, "%s: ", l->prompt);
    return true;
}

static void erase_character(line *l) {
    while (l->n && ((unsigned char)l->p[l->n - 1] & 0xc0) == 0x80) l->p[--l->n] = 0;
    if (l->n) l->p[--l->n] = 0;
}

/* What the kernel does for lines, as far as it makes sense for one that is not shown. */
static bool is_edit(line *l, char c) {
    const cc_t *cc = tty.before.c_cc;
    cc_t b = (cc_t)c;
    if (!b) return true;
    if (b == cc[VEOF]) {
        l->end = true;
        l->eof = !l->n;
    } else if (b == cc[VERASE] || b == 8 || b == 127) erase_character(l);
    else if (b == cc[VKILL] || b == cc[VWERASE]) {
        kf_wipe(l->p, l->n);
        l->n = 0;
        l->over = false;
    } else return false;
    return true;
}

static void take_byte(line *l, char c) {
    if (c == '\n' || (l->hidden && c == '\r')) l->end = true;
    else if (l->hidden && is_edit(l, c)) return;
    else if (l->n < l->max) l->p[l->n++] = c;
    else l->over = true;
}

static bool is_readable(int wait_ms) {
    struct pollfd p = {.fd = tty.fd, .events = POLLIN};
    return poll(&p, 1, wait_ms) > 0;
}

/* Further lines of a paste. A person does not type this fast. */
static void drop_rest(void) {
    char c[256];
    ssize_t k = 1;
    for (int wait = 0; k > 0 && is_readable(wait); wait = REST_MS) k = read(tty.fd, c, sizeof c);
    kf_wipe(c, sizeof c);
}

static bool read_line(line *l, const sigset_t *mask) {
    while (!l->end) {
        struct pollfd p = {.fd = tty.fd, .events = POLLIN};
        char c;
        if ((tty.stop || tty.continued) && !begin_again(l)) return false;
        if (ppoll(&p, 1, NULL, mask) < 0) {
            if (errno == EINTR) continue;
            return false;
        }
        ssize_t k = read(tty.fd, &c, 1);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) l->end = true, l->eof = !l->n;
        else take_byte(l, c);
        kf_wipe(&c, 1);
    }
    if (l->hidden) drop_rest();
    return !l->over && !l->eof;
}

kf_secret *kf_ask(const char *prompt, bool hidden, kf_err *err) {
    struct sigaction old[KF_LEN(caught)];
    sigset_t mask;
    tty.fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (tty.fd < 0) return kf_fail_errno(err, KF_ERR_USAGE_NO_INPUT, "no terminal to ask on"), NULL;
    line l = {.prompt = prompt, .hidden = hidden, .max = hidden ? HIDDEN_MAX : SHOWN_MAX};
    KF_AUTO(kf_secret) room = kf_secret_zero(l.max);
    l.p = kf_secret_edit(room);
    catch_signals(old, &mask);
    bool ok = tcgetattr(tty.fd, &tty.before) == 0 && (!hidden || hide_input());
    /* after hide_input(): an answer typed at once would be lost */
    dprintf(tty.fd, "%s: ", prompt);
    ok = ok && read_line(&l, &mask);
    if (tty.hidden) show_input(), dprintf(tty.fd, "\n");
    release_signals(old, &mask);
    close(tty.fd);
    const char *text = l.p;
    if (ok && !hidden) l.n = kf_trim(&text, l.n);
    if (ok) return kf_secret_new(text, l.n);
    if (l.over)
        kf_fail(err, KF_ERR_USAGE_BAD_ANSWER, "the answer is too long (the limit is %zu bytes)",
                l.max);
    else kf_fail(err, KF_ERR_SYS_CANCELLED, "the input ended");
    return NULL;
}

bool kf_ask_yes(const char *question) {
    KF_AUTO_CHARS prompt = kf_strfmt("%s [y/N]", question);
    KF_AUTO(kf_secret) a = kf_ask(prompt, false, NULL);
    const char *p = kf_secret_peek(a);
    return !strcasecmp(p, "y") || !strcasecmp(p, "yes");
}

kf_secret *kf_read_stdin(size_t max, kf_err *err) {
    KF_AUTO(kf_secret) all = kf_secret_zero(max + 1);
    size_t n = 0;
    for (;;) {
        ssize_t k = read(STDIN_FILENO, kf_secret_edit(all) + n, max + 1 - n);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return kf_fail_errno(err, KF_ERR_SYS_IO, "read stdin"), NULL;
        if (k == 0) break;
        n += (size_t)k;
        if (n > max)
            return kf_fail(err, KF_ERR_USAGE_BAD, "stdin has more than %zu bytes", max), NULL;
    }
    const char *p = kf_secret_peek(all);
    if (n && p[n - 1] == '\n') n -= n > 1 && p[n - 2] == '\r' ? 2 : 1;
    if (memchr(p, 0, n)) return kf_fail(err, KF_ERR_USAGE_BAD, "stdin has a NUL byte in it"), NULL;
    return kf_secret_new(p, n);
}
