/* keyfob-clip: what is on stdin goes into the clipboard, and is cleared after a while if the clipboard still holds it,
 * also when keyfob was closed (ui.md §4.4). A program of its own, so that a clipboard tool that hangs, and the wait, are
 * nobody else's. Says on stdout what it did, in one line for ui/common/clip.c:
 *   ok TOOL       copied; cleared after --after milliseconds, 0 never
 *   sent WAY      given to the terminal, which cannot be asked
 *   none TEXT     there is no way here */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/str.h"
#include "ui/clip/tool.h"

enum { VALUE_MAX = 256 << 10 };

static bool set(const char *name) {
    const char *v = getenv(name);
    return v && *v;
}

static kf_secret *read_value(void) {
    KF_AUTO(kf_secret) all = kf_secret_zero(VALUE_MAX + 1);
    size_t n = 0;
    for (ssize_t k; n <= VALUE_MAX && (k = read(0, kf_secret_edit(all) + n, VALUE_MAX + 1 - n)) != 0;) {
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return NULL;
        n += (size_t)k;
    }
    return n && n <= VALUE_MAX ? kf_secret_new(kf_secret_peek(all), n) : NULL;
}

static const kf_clip_tool *copy_native(const kf_secret *value, kf_err *err) {
    kf_fail(err, KF_ERR_SYS_SPAWN, "there is no display");
    for (const kf_clip_tool *t = kf_clip_tools; t->name; t++) {
        if (!set(t->display)) continue;
        if (kf_clip_run(t->put, value, NULL, 0, err) || (t->put_old[0] && kf_clip_run(t->put_old, value, NULL, 0, err))) return t;
    }
    return NULL;
}

/* tmux keeps every OSC 52 that passes through as a paste buffer of its own; one that we name we can remove again. */
static bool copy_tmux(const kf_secret *value) {
    KF_AUTO_CHARS name = kf_strfmt("keyfob-%ld", (long)getpid());
    const char *put[] = {"tmux", "load-buffer", "-w", "-b", name, "-", NULL}, *drop[] = {"tmux", "delete-buffer", "-b", name, NULL};
    bool ok = kf_clip_run(put, value, NULL, 0, NULL);
    return kf_clip_run(drop, NULL, NULL, 0, NULL) && ok;
}

static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* ESC ] 52 ; c ; base64 ESC \ in one write, so that nobody else's output gets in between. */
static bool copy_osc52(const kf_secret *value) {
    int fd = open("/dev/tty", O_WRONLY | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) return false;
    const unsigned char *p = (const unsigned char *)kf_secret_peek(value);
    size_t n = kf_secret_len(value);
    kf_buf b;
    kf_buf_init(&b, VALUE_MAX * 2);
    kf_buf_adds(&b, "\033]52;c;");
    for (size_t i = 0; i < n; i += 3) {
        unsigned v = (unsigned)p[i] << 16 | (i + 1 < n ? (unsigned)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0);
        char q[4] = {b64[v >> 18], b64[v >> 12 & 63], i + 1 < n ? b64[v >> 6 & 63] : '=', i + 2 < n ? b64[v & 63] : '='};
        kf_buf_add(&b, q, 4);
    }
    kf_buf_adds(&b, "\033\\");
    bool ok = write(fd, b.data, b.len) == (ssize_t)b.len;
    kf_buf_done(&b);
    close(fd);
    return ok;
}

/* Waits through suspends as well, then clears what is still ours. */
static void clear_later(const kf_clip_tool *t, const kf_secret *value, long after_ms) {
    struct timespec end;
    clock_gettime(CLOCK_BOOTTIME, &end);
    end.tv_sec += after_ms / 1000;
    end.tv_nsec += after_ms % 1000 * 1000000;
    if (end.tv_nsec >= 1000000000) end.tv_sec++, end.tv_nsec -= 1000000000;
    while (clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &end, NULL) == EINTR) {}
    kf_secret *now = NULL;
    kf_err e;
    if (!kf_clip_run(t->get, NULL, &now, VALUE_MAX, &e)) return; /* empty, or something else: not ours */
    bool ours = kf_secret_eq(now, value);
    kf_secret_free(now);
    if (ours && !kf_clip_run(t->clear, NULL, NULL, 0, &e)) return; /* nobody is left to tell */
}

int main(int argc, char **argv) {
    const char *way = getenv("KEYFOB_CLIPBOARD");
    bool native = !way || !*way || !strcmp(way, "auto") || !strcmp(way, "native"), terminal = !way || !*way || !strcmp(way, "auto") || !strcmp(way, "osc52");
    int64_t after = 30000;
    if (argc == 3 && !strcmp(argv[1], "--after") && !kf_duration_parse(argv[2], &after)) return 2;
    if (fork()) _exit(0); /* nobody has to wait for what stays behind */
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    KF_AUTO(kf_secret) value = read_value();
    kf_err e;
    if (!value) return printf("none nothing to copy, or more than 256 KiB\n"), 1;
    kf_fail(&e, KF_ERR_SYS_SPAWN, "KEYFOB_CLIPBOARD is %s", way ? way : "");
    const kf_clip_tool *t = native ? copy_native(value, &e) : NULL;
    if (t) printf("ok %s\n", t->name);
    else if (terminal && set("TMUX") && copy_tmux(value)) printf("sent tmux\n");
    else if (terminal && !set("TMUX") && copy_osc52(value)) printf("sent OSC 52\n");
    else return printf("none %s\n", e.what), 1;
    fflush(stdout);
    if (!t || !after) return 0;
    for (int fd = 0; fd < 3; fd++)
        if (dup2(open("/dev/null", O_RDWR | O_CLOEXEC), fd) < 0) return 1;
    setsid();
    clear_later(t, value, (long)after);
    return 0;
}
