/* keyfob-tui: one poll loop over the terminal, signals and the agent's answers. Grants the effects
 * that the app asks for; decides nothing itself. */
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>
#include "base/build.h"
#include "base/str.h"
#include "guard/process.h"
#include "ui/common/open.h"
#include "ui/common/text.h"
#include "ui/common/words.h"
#include "ui/tui/kernel/app.h"
#include "ui/tui/kernel/link.h"
#include "ui/tui/kernel/term.h"
#include "ui/tui/places/places.h"
#include "wire/client.h"
#include "wire/socket.h"

enum {
    INPUTS = 4096,       /* keys and pastes between two paintings */
    SWALLOWED_MS = 2000, /* then a person is told why keys do nothing */
};

typedef struct tui {
    kf_model model;
    kf_app *app;
    kf_links *links;
    int signals;
    int status; /* -1: goes on */
    bool sandbox, redraw;
    bool gathers;       /* the terminal does not mark pastes */
    bool more;          /* input was left for the next round */
    int64_t esc_ms;     /* when a lone Esc, or what follows it, is decided; 0: nothing is */
    int64_t inside_ms;  /* since when a reply or a paste swallows keys; 0: none does */
    struct termios tio; /* as it was */
} tui;

static void clocks(int64_t *now_ms, int64_t *wall) {
    struct timespec b, r;
    clock_gettime(CLOCK_BOOTTIME, &b);
    clock_gettime(CLOCK_REALTIME, &r);
    *now_ms = (int64_t)b.tv_sec * 1000 + b.tv_nsec / 1000000;
    *wall = r.tv_sec;
}

static void tick(tui *t) {
    int64_t now, wall;
    clocks(&now, &wall);
    kf_app_time(t->app, now, wall);
}

/* Blocked before the first thread starts, so that only the signalfd sees them. */
static int take_signals(void) {
    static const int list[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < KF_LEN(list); i++) sigaddset(&set, list[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void resized(tui *t) {
    kf_term_info info;
    kf_term_info_get(&info);
    t->gathers = !info.marks_pastes;
    kf_app_size(t->app, info.rows, info.cols);
}

static void forget_signal(int sig) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, sig);
    while (sigtimedwait(&set, NULL, &(struct timespec){0}) > 0) {
    }
}

static bool is_background(void) {
    pid_t group = tcgetpgrp(STDIN_FILENO);
    return group >= 0 && group != getpgrp();
}

/* In the foreground only, so that `bg` does not write to the terminal. */
static void come_back(tui *t) {
    kf_err err;
    while (is_background()) kill(getpid(), SIGSTOP);
    forget_signal(SIGCONT);
    if (!kf_term_resume(&err)) t->status = 1;
    resized(t);
    tick(t);
}

/* Stops as a job. After the key, the rest of the job stops as well: the terminal sends no signal
 * for it, because the key is a byte like others. */
static void suspend(tui *t, bool whole_job) {
    kf_app_hide(t->app);
    kf_term_close();
    if (whole_job && kill(0, SIGTSTP) == 0) forget_signal(SIGTSTP);
    kill(getpid(), SIGSTOP);
    come_back(t);
}

/* After a SIGSTOP from another program the shell has changed the terminal, and the person may not
 * be alone any more. */
static void continued(tui *t) {
    kf_app_hide(t->app);
    come_back(t);
}

static void warn_browser(tui *t, const kf_err *err) {
    kf_words_error w;
    kf_words_for_error(err, &w);
    kf_out_say(t->app, KF_SAY_WARN, "%s. %s", err->what, w.todo);
}

static void open_url(tui *t, const char *url) {
    kf_err err = {0};
    if (kf_open_url(url, &err))
        kf_out_say(t->app, KF_SAY_INFO, "Given to the browser; it comes back here by itself");
    else warn_browser(t, &err);
}

static void on_browser(tui *t) {
    kf_err err = {0};
    if (!kf_open_wait(0, &err)) warn_browser(t, &err);
}

static void grant(tui *t, kf_fx *fx) {
    switch (fx->kind) {
    case KF_FX_CALL:
    case KF_FX_STREAM:
        kf_links_start(t->links, fx->call, fx->method, KF_TAKE(fx->params),
                       fx->kind == KF_FX_STREAM);
        break;
    case KF_FX_STOP: kf_links_stop(t->links, fx->call); break;
    case KF_FX_QUIT: t->status = fx->status; break;
    case KF_FX_SUSPEND: suspend(t, true); break;
    case KF_FX_REDRAW: kf_term_forget(); break;
    case KF_FX_SANDBOX:
        t->sandbox = true;
        t->status = 0;
        break;
    case KF_FX_OPEN: open_url(t, kf_json_str(fx->params, "url")); break;
    default: break;
    }
    kf_json_free(fx->params);
}

static void grant_all(tui *t) {
    kf_fx fx;
    while (t->status < 0 && kf_app_next(t->app, &fx)) grant(t, &fx);
}

static void on_signal(tui *t) {
    struct signalfd_siginfo s;
    while (read(t->signals, &s, sizeof s) == (ssize_t)sizeof s) {
        switch (s.ssi_signo) {
        case SIGINT: kf_app_key(t->app, KF_CTRL('C')); break;
        case SIGTSTP: suspend(t, false); break;
        case SIGCONT: continued(t); break;
        case SIGWINCH:
            kf_term_resized();
            resized(t);
            break;
        default: t->status = 128 + (int)s.ssi_signo; break;
        }
    }
}

/* One by one, because each can open a field for those behind it. True: the rest was a paste. */
static bool give_keys(tui *t, const int *keys, size_t n) {
    for (size_t i = 0; i < n && t->status < 0; i++) {
        if (kf_app_burst(t->app, keys + i, n - i)) return true;
        kf_app_key(t->app, keys[i]);
        grant_all(t);
    }
    return false;
}

/* Up to a character that the limit cut in two. */
static size_t count_utf8(const char *p, size_t n) {
    size_t at = 0, k = 0;
    while (at < n && (k = kf_utf8_len(p + at, n - at)) > 0) at += k;
    return at;
}

static void give_paste(tui *t, kf_secret *paste, size_t lost) {
    const char *p = kf_secret_peek(paste);
    size_t n = kf_secret_len(paste), good = count_utf8(p, n), cut = n - good;
    if (good < n && (!lost || cut > 3)) {
        kf_out_say(t->app, KF_SAY_WARN, "The pasted text is not UTF-8, so nothing was pasted");
    } else {
        kf_app_paste(t->app, p, good);
        lost += cut;
        if (lost)
            kf_out_say(t->app, KF_SAY_WARN, "The end of a long paste, %zu bytes, was left out",
                       lost);
    }
    kf_secret_free(paste);
}

typedef struct gathered { /* keys that came at once */
    int key[KF_BURST_KEYS];
    size_t n;
    int64_t since_ms;
    bool pasted; /* they were a paste: what still comes without a pause is of it */
} gathered;

static void give_gathered(tui *t, gathered *g) {
    if (g->n) g->pasted = give_keys(t, g->key, g->n);
    kf_wipe(g->key, sizeof g->key);
    g->n = 0;
}

static void next_input(const gathered *g, kf_input *in) {
    int64_t now, wall;
    clocks(&now, &wall);
    int64_t left = g->n ? g->since_ms + KF_BURST_MS - now : g->pasted ? KF_BURST_MS : 0;
    kf_keys_next(left > 0 ? (int)left : 0, in);
}

/* False: it was not for the gathered ones. */
static bool gather(tui *t, gathered *g, int key) {
    int64_t now, wall;
    clocks(&now, &wall);
    if (g->n && (now > g->since_ms + KF_BURST_MS || g->n == KF_LEN(g->key))) give_gathered(t, g);
    if (t->status >= 0 || !t->gathers || !kf_app_gathers(t->app, key)) return false;
    if (!g->n) g->since_ms = now;
    if (!g->pasted) g->key[g->n++] = key;
    return true;
}

static void give_input(tui *t, kf_input *in) {
    switch (in->kind) {
    case KF_INPUT_KEY:
        if (in->key == KF_CTRL('\\')) t->status = 128 + SIGQUIT;
        else kf_app_key(t->app, in->key);
        break;
    case KF_INPUT_PASTE: give_paste(t, in->paste, in->lost); break;
    case KF_INPUT_BAD:
        kf_out_say(t->app, KF_SAY_INFO,
                   "Ignored a character that is not UTF-8. Set the terminal to UTF-8.");
        break;
    case KF_INPUT_END: t->status = 129; break;
    default: break;
    }
}

/* Keys that do nothing would look like a program that hangs. */
static void tell_swallowed(tui *t, bool given) {
    int64_t now, wall;
    kf_decoder_inside inside = kf_keys_inside();
    clocks(&now, &wall);
    if (inside == KF_INSIDE_NOTHING) t->inside_ms = 0;
    else if (!t->inside_ms || given) t->inside_ms = now;
    if (!t->inside_ms || now - t->inside_ms < SWALLOWED_MS) return;
    kf_out_say(t->app, KF_SAY_INFO,
               inside == KF_INSIDE_REPLY
                   ? "The terminal did not end a reply, so keys are ignored. Press Esc twice."
                   : "The terminal did not end a paste. Press Ctrl-C three times to leave.");
}

/* A flood of input is taken in parts, so that the screen is painted in between. */
static void on_input(tui *t) {
    gathered g = {0};
    bool given = false;
    t->more = false;
    for (int i = 0; t->status < 0; i++) {
        kf_input in;
        next_input(&g, &in);
        if (in.kind == KF_INPUT_KEY && gather(t, &g, in.key)) continue;
        give_gathered(t, &g);
        g.pasted = false;
        if (t->status >= 0 || in.kind == KF_INPUT_NONE) {
            kf_secret_free(in.paste);
            break;
        }
        give_input(t, &in);
        grant_all(t);
        given = true;
        if (i > INPUTS && !t->gathers) {
            t->more = true;
            break;
        }
    }
    tell_swallowed(t, given);
    int64_t now, wall;
    clocks(&now, &wall);
    int wait = kf_keys_wait_ms();
    t->esc_ms = wait ? now + wait : 0;
}

/* Only if nothing has followed: after a delay of this process both may have arrived. */
static void on_esc_time(tui *t) {
    if (!t->esc_ms || t->model.now_ms < t->esc_ms) return;
    kf_keys_expire();
    on_input(t);
}

static void on_links(tui *t) {
    kf_link_event e;
    while (kf_links_take(t->links, &e)) {
        if (e.hello) kf_app_hello(t->app, e.hello);
        kf_app_result(t->app, e.call, e.result, e.ended, e.result ? NULL : &e.err);
        kf_json_free(e.hello);
        kf_json_free(e.result);
    }
}

static void paint(tui *t) {
    kf_term_info info;
    kf_grid g;
    kf_term_info_get(&info);
    kf_grid_init(&g, info.rows, info.cols, info.ascii);
    kf_app_draw(t->app, &g);
    kf_term_paint(&g);
    kf_grid_done(&g);
}

static int wait_ms(const tui *t) {
    int64_t wait = kf_app_wait_ms(t->app), now, wall;
    clocks(&now, &wall);
    if (t->more) return 0;
    if (wait < 0 || wait > 3600000) wait = 3600000;
    int64_t esc = t->esc_ms - now;
    if (t->esc_ms && esc < wait) wait = esc > 0 ? esc : 0;
    return (int)wait;
}

static void loop(tui *t) {
    while (t->status < 0) {
        grant_all(t);
        if (t->status >= 0) break;
        paint(t);
        struct pollfd p[4] = {{.fd = STDIN_FILENO, .events = POLLIN},
                              {.fd = t->signals, .events = POLLIN},
                              {.fd = kf_links_fd(t->links), .events = POLLIN},
                              {.fd = kf_open_fd(), .events = POLLIN}};
        if (poll(p, 4, wait_ms(t)) < 0 && errno != EINTR) break;
        tick(t);
        if (p[1].revents) on_signal(t);
        if (t->more || p[0].revents & (POLLIN | POLLERR | POLLHUP)) on_input(t);
        else on_esc_time(t);
        /* the terminal is gone, with SIGHUP or without (nohup, no controlling terminal); POLLIN
         * then means its end */
        if (p[0].revents & (POLLHUP | POLLERR | POLLNVAL) && t->status < 0) t->status = 129;
        if (p[2].revents) on_links(t);
        if (p[3].revents) on_browser(t);
    }
}

/* "~/.config/..." reads better than the whole path. */
static char *home_short(char *path) {
    KF_AUTO_CHARS home = kf_home_dir(NULL);
    size_t n = home ? strlen(home) : 0;
    if (n < 2 || strncmp(path, home, n) != 0 || path[n] != '/') return path;
    char *s = kf_strfmt("~%s", path + n);
    free(path);
    return s;
}

static void model_from_environment(kf_model *m) {
    kf_model_init(m);
    const char *key = getenv("WORKOS_API_KEY"), *client = getenv("WORKOS_CLIENT_ID"),
               *url = getenv("KEYFOB_SANDBOX_URL");
    free(m->config_path);
    m->config_path = home_short(kf_config_path());
    m->sandbox = url && *url;
    m->read_only = kf_client_read_only();
    if (m->sandbox) {
        free(m->sandbox_url);
        m->sandbox_url = kf_text_safe(url);
    }
    m->ssh = getenv("SSH_CONNECTION") != NULL;
    m->ssh_line = kf_open_ssh_line;
    if (key && *key) m->env_api_key = kf_secret_new(key, strlen(key));
    if (client && *client) m->env_client_id = kf_strdup(client);
    clocks(&m->now_ms, &m->wall);
}

/* What leaving meant for what was deleted just before. */
static void tell_unfinished(const tui *t) {
    char name[65];
    kf_unfinished u = kf_app_unfinished(t->app, name);
    if (u == KF_LEFT_KEPT)
        fprintf(
            stderr,
            "keyfob: %s was not deleted, because keyfob was left at once; q would have done it\n",
            name);
    else if (u == KF_LEFT_UNKNOWN)
        fprintf(stderr,
                "keyfob: the agent has not said that %s is deleted; see: keyfob profile list\n",
                name);
    else if (u == KF_LEFT_DELETED) fprintf(stderr, "keyfob: %s was deleted\n", name);
}

static void go_sandbox(void) {
    kf_err err;
    KF_AUTO_CHARS program = kf_program_path("keyfob", &err);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (program) execl(program, "keyfob", "--sandbox", (char *)NULL);
    fprintf(stderr, "keyfob: the sandbox could not be started: %s\n",
            program ? "exec failed" : err.what);
}

static int refuse(void) {
    fputs("keyfob's screen needs a terminal; try `keyfob status --json`\n", stderr);
    return 2;
}

int main(int argc, char **argv) {
    tui t = {.status = -1};
    kf_err err;
    const char *term = getenv("TERM");
    kf_process_close();
    if (argc == 2 && !strcmp(argv[1], "--version")) return printf("keyfob-tui %s\n", kf_build) < 0;
    kf_socket_keep_streams();
    setlocale(LC_ALL, "");
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || !term || !*term || !strcmp(term, "dumb"))
        return refuse();
    if (!kf_paths_settle(&err)) {
        fprintf(stderr, "keyfob: %s. %s\n", err.what, err.hint);
        return 2;
    }
    (void)tcgetattr(STDIN_FILENO, &t.tio);
    t.signals = take_signals();
    t.links = kf_links_new(&err);
    if (t.signals < 0 || !t.links) {
        fputs("keyfob: no file descriptors left\n", stderr);
        return 1;
    }
    if (!kf_term_open(&err)) {
        fprintf(stderr, "keyfob: %s. %s\n", err.what, err.hint);
        _exit(2); /* without the checks at exit: ncurses keeps what it began */
    }
    kf_term_info info;
    kf_term_info_get(&info);
    model_from_environment(&t.model);
    t.model.ascii = info.ascii;
    t.model.ctrl_s = info.ctrl_s;
    t.app = kf_app_new(&t.model, &kf_home_places);
    resized(&t);
    loop(&t);
    kf_term_close();
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &t.tio);
    tell_unfinished(&t);
    kf_app_free(t.app);
    kf_model_done(&t.model);
    if (t.sandbox) {
        go_sandbox();
        return 1;
    }
    _exit(t.status < 0 ? 1 : t.status); /* threads may still wait for an agent that hangs */
}
