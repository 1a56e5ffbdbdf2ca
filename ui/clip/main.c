/* keyfob-clip: what is on stdin goes into the clipboard, and is cleared after a while if the
 * clipboard still holds it, also when keyfob was closed. A program of its own, so that
 * a clipboard tool that hangs, and the wait, are nobody else's. Says on stdout what it did, in one
 * line for ui/common/clip.c: ok TOOL       copied; cleared after --after milliseconds, 0 never sent
 * WAY      given to the terminal, which cannot be asked none TEXT     there is no way here */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include "base/build.h"
#include "base/buf.h"
#include "base/str.h"
#include "guard/process.h"
#include "ui/clip/newest.h"
#include "ui/clip/tool.h"

/* All of it together is less than ui/common/clip.c waits. */
enum { VALUE_MAX = 256 << 10, NATIVE_MS = 6000, TOOL_MS = 3000, TERMINAL_MS = 2000 };

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The caller has given up: it would say that nothing was copied. */
static bool is_wanted(void) { return poll(&(struct pollfd){1, 0, 0}, 1, 0) == 0; }

static bool set(const char *name) {
    const char *v = getenv(name);
    return v && *v;
}

static kf_secret *read_value(void) {
    KF_AUTO(kf_secret) all = kf_secret_zero(VALUE_MAX + 1);
    size_t n = 0;
    for (ssize_t k;
         n <= VALUE_MAX && (k = read(0, kf_secret_edit(all) + n, VALUE_MAX + 1 - n)) != 0;) {
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return NULL;
        n += (size_t)k;
    }
    return n && n <= VALUE_MAX ? kf_secret_new(kf_secret_peek(all), n) : NULL;
}

static const kf_clip_tool *copy_native(const kf_secret *value, kf_err *err) {
    kf_fail(err, KF_ERR_SYS_CLIPBOARD, "there is no display");
    int64_t end = now_ms() + NATIVE_MS;
    for (const kf_clip_tool *t = kf_clip_tools; t->name; t++) {
        if (!set(t->display)) continue;
        for (int old = 0; old < (t->put_old[0] ? 2 : 1); old++) {
            int64_t left = end - now_ms();
            if (left <= 0 || !is_wanted()) return NULL;
            if (kf_clip_run(old ? t->put_old : t->put, value, NULL, 0,
                            left < TOOL_MS ? left : TOOL_MS, err))
                return t;
            if (err->code == KF_ERR_SYS_CANCELLED) break; /* it would hang again */
        }
    }
    return NULL;
}

/* tmux keeps every OSC 52 that passes through as a paste buffer of its own; one that we name we can
 * remove again. */
static bool copy_tmux(const kf_secret *value) {
    KF_AUTO_CHARS name = kf_strfmt("keyfob-%ld", (long)getpid());
    const char *put[] = {"tmux", "load-buffer", "-w", "-b", name, "-", NULL},
               *drop[] = {"tmux", "delete-buffer", "-b", name, NULL};
    bool ok = kf_clip_run(put, value, NULL, 0, TERMINAL_MS, NULL);
    return kf_clip_run(drop, NULL, NULL, 0, TERMINAL_MS, NULL) && ok;
}

static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* A terminal that was stopped (Ctrl-S) takes nothing, and would take it when nobody expects it any
 * more. */
static bool write_terminal(int fd, const char *p, size_t n) {
    int64_t end = now_ms() + TERMINAL_MS;
    for (size_t sent = 0; sent < n;) {
        int64_t left = end - now_ms();
        if (left <= 0 || poll(&(struct pollfd){fd, POLLOUT, 0}, 1, (int)left) < 0) return false;
        ssize_t k = write(fd, p + sent, n - sent);
        if (k < 0 && errno != EAGAIN && errno != EINTR) return false;
        if (k > 0) sent += (size_t)k;
    }
    return true;
}

/* ESC ] 52 ; c ; base64 ESC \ in one write where the terminal takes it, so that nobody else's
 * output gets in between. */
static bool copy_osc52(const kf_secret *value) {
    int fd = open("/dev/tty", O_WRONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return false;
    const unsigned char *p = (const unsigned char *)kf_secret_peek(value);
    size_t n = kf_secret_len(value);
    kf_buf b;
    kf_buf_init(&b, VALUE_MAX * 2);
    kf_buf_adds(&b, "\033]52;c;");
    for (size_t i = 0; i < n; i += 3) {
        unsigned v = (unsigned)p[i] << 16 | (i + 1 < n ? (unsigned)p[i + 1] << 8 : 0) |
                     (i + 2 < n ? p[i + 2] : 0);
        char q[4] = {b64[v >> 18], b64[v >> 12 & 63], i + 1 < n ? b64[v >> 6 & 63] : '=',
                     i + 2 < n ? b64[v & 63] : '='};
        kf_buf_add(&b, q, 4);
    }
    kf_buf_adds(&b, "\033\\");
    bool ok = write_terminal(fd, b.data, b.len);
    kf_buf_done(&b);
    close(fd);
    return ok;
}

/* Waits through suspends as well, then clears what is still ours. */
static void clear_later(const kf_clip_tool *t, const kf_secret *value, int place,
                        int64_t after_ms) {
    if (!kf_clip_wait(place, after_ms)) return;
    kf_secret *now = NULL;
    kf_err e;
    if (!kf_clip_run(t->get, NULL, &now, VALUE_MAX, TOOL_MS, &e))
        return; /* empty, or something else: not ours */
    bool ours = kf_secret_eq(now, value);
    kf_secret_free(now);
    if (ours && !kf_clip_run(t->clear, NULL, NULL, 0, TOOL_MS, &e))
        return; /* nobody is left to tell */
}

int main(int argc, char **argv) {
    const char *way = getenv("KEYFOB_CLIPBOARD");
    bool native = !way || !*way || !strcmp(way, "auto") || !strcmp(way, "native"),
         terminal = !way || !*way || !strcmp(way, "auto") || !strcmp(way, "osc52");
    int64_t after = 30000;
    kf_process_close();
    if (argc == 2 && !strcmp(argv[1], "--version")) return printf("keyfob-clip %s\n", kf_build) < 0;
    if (argc == 3 && !strcmp(argv[1], "--after") && !kf_duration_parse(argv[2], &after)) return 2;
    if (fork()) _exit(0); /* nobody has to wait for what stays behind */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGCHLD, SIG_DFL); /* ignored, it would hide that a tool failed */
    signal(SIGTTOU,
           SIG_IGN); /* stty tostop: this is a job of its own, and writes to the terminal */
    KF_AUTO(kf_secret) value = read_value();
    kf_err e;
    if (!value) return printf("none nothing to copy, or more than 256 KiB\n"), 1;
    kf_fail(&e, KF_ERR_SYS_CLIPBOARD, "KEYFOB_CLIPBOARD is %s", way ? way : "");
    const kf_clip_tool *t = native ? copy_native(value, &e) : NULL;
    /* also of a copy that stays: an older one of the same value must not clear it */
    int place = t ? kf_clip_newest(getenv(t->display)) : -1;
    terminal = terminal && is_wanted();
    if (t) printf("ok %s\n", t->name);
    else if (terminal && set("TMUX") && copy_tmux(value)) printf("sent tmux\n");
    else if (terminal && !set("TMUX") && copy_osc52(value)) printf("sent OSC 52\n");
    else return printf("none %s\n", e.what), 1;
    bool told = fflush(stdout) == 0;
    if (!t) return 0;
    if (!after && told) return 0;
    if (!told) after = 0; /* nobody knows that it is there */
    for (int fd = 0; fd < 3; fd++)
        if (dup2(open("/dev/null", O_RDWR | O_CLOEXEC), fd) < 0) return 1;
    setsid();
    clear_later(t, value, place, after);
    return 0;
}
