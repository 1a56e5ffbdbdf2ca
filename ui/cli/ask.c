/* Questions on the terminal. They go to /dev/tty, so that `keyfob login | tee` still asks; the
 * terminal is put back on every way out, signals included. */
#include "ui/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>
#include "base/str.h"

enum { LINE = 1024 };

/* What the signal handler must put back. */
static struct {
    int fd;
    struct termios before;
    volatile sig_atomic_t hidden;
} tty = {.fd = -1};

static void on_signal(int s) {
    if (tty.hidden) tcsetattr(tty.fd, TCSANOW, &tty.before);
    ssize_t n = write(tty.fd, "\n", 1);
    (void)n;
    signal(s, SIG_DFL);
    raise(s);
}

bool kf_can_ask(const kf_cli *c) {
    return !c->no_input && isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

static bool hide(bool on) {
    static const int sigs[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    static struct sigaction old[KF_LEN(sigs)];
    if (on) {
        if (tcgetattr(tty.fd, &tty.before)) return false;
        for (size_t i = 0; i < KF_LEN(sigs); i++)
            sigaction(sigs[i], &(struct sigaction){.sa_handler = on_signal}, &old[i]);
        struct termios t = tty.before;
        t.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
        tty.hidden = 1;
        return tcsetattr(tty.fd, TCSAFLUSH, &t) == 0;
    }
    tcsetattr(tty.fd, TCSADRAIN, &tty.before);
    tty.hidden = 0;
    for (size_t i = 0; i < KF_LEN(sigs); i++) sigaction(sigs[i], &old[i], NULL);
    return true;
}

kf_secret *kf_ask(const char *prompt, bool hidden, kf_err *err) {
    tty.fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (tty.fd < 0) return kf_fail_errno(err, KF_ERR_USAGE_NO_INPUT, "no terminal to ask on"), NULL;
    KF_AUTO(kf_secret) line = kf_secret_zero(LINE);
    char *p = kf_secret_edit(line);
    size_t n = 0;
    bool end = false, ok = !hidden || hide(true);
    dprintf(tty.fd, "%s: ", prompt); /* after hide(): that throws away what was typed before, and an
                                        answer typed at once would be lost */
    while (ok && !end) {             /* the line is the terminal's: one read is one line */
        char c;
        ssize_t k = read(tty.fd, &c, 1);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0 || c == '\n') end = true;
        else if (n < LINE - 1) p[n++] = c;
        else ok = false;
        if (k <= 0 && !n) ok = false;
    }
    if (hidden) hide(false), dprintf(tty.fd, "\n");
    close(tty.fd);
    if (ok) return kf_secret_new(p, n);
    kf_fail(err, n ? KF_ERR_USAGE_BAD_ANSWER : KF_ERR_SYS_CANCELLED,
            n ? "the line is too long" : "the input ended");
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
    if (n && p[n - 1] == '\n') n--;
    if (memchr(p, 0, n)) return kf_fail(err, KF_ERR_USAGE_BAD, "stdin has a NUL byte in it"), NULL;
    return kf_secret_new(p, n);
}
