/* Grid to ncurses, which finds the difference. */
#include "ui/tui/kernel/term.h"
#include <curses.h>
#include <langinfo.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>
#include "base/str.h"
#include "ui/tui/kernel/theme.h"

static struct {
    SCREEN *screen;
    int colours;
    bool utf8, open, ansi;
    attr_t attrs[KF_INK_COUNT];
    short pair[KF_INK_COUNT];
    struct termios before;
    char leave[128]; /* what leaves the alternate screen and shows the cursor, for on_crash */
} t;

static void modes(bool on) {
    /* bracketed paste: ncurses does not know it. Only where escape sequences of this kind are
     * understood. */
    if (t.ansi) {
        const char *s = on ? "\033[?2004h" : "\033[?2004l";
        if (write(STDOUT_FILENO, s, strlen(s)) < 0) return;
    }
}

static void make_looks(void) {
    for (int i = 0; i < KF_INK_COUNT; i++) {
        kf_look l = kf_theme_look((kf_ink)i, t.colours);
        t.attrs[i] = (l.attrs & KF_ATTR_BOLD ? A_BOLD : 0) | (l.attrs & KF_ATTR_DIM ? A_DIM : 0) |
                     (l.attrs & KF_ATTR_REVERSE ? A_REVERSE : 0) |
                     (l.attrs & KF_ATTR_UNDERLINE ? A_UNDERLINE : 0);
        t.pair[i] = 0;
        if (l.fg >= 0 && t.colours) {
            t.pair[i] = (short)(i + 1);
            init_pair(t.pair[i], l.fg, l.ground ? l.bg : -1);
        }
    }
}

/* Ctrl-C and Ctrl-Z are bytes like others, so that one in a paste is no signal. */
static void no_signals(void) {
    struct termios tio;
    if (tcgetattr(STDIN_FILENO, &tio)) return;
    tio.c_lflag &= ~(tcflag_t)ISIG;
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &tio) == 0) def_prog_mode();
}

static void enter(void) {
    cbreak();
    noecho();
    nonl();
    no_signals();
    keypad(stdscr, TRUE);
    typeahead(-1);
    leaveok(stdscr, FALSE);
    modes(true);
}

/* A bug must not leave secrets on the screen and the terminal unusable. Only system calls here. */
static void on_crash(int sig) {
    static const char home[] = "\033[H", clear[] = "\033[0m\033[H\033[J\033[?2004l";
    static char dots[256];
    if (t.open && t.ansi) {
        memset(dots, '.', sizeof dots);
        bool ok = write(STDOUT_FILENO, home, sizeof home - 1) > 0;
        for (long left = (long)LINES * COLS; ok && left > 0; left -= (long)sizeof dots)
            ok = write(STDOUT_FILENO, dots, left < (long)sizeof dots ? (size_t)left : sizeof dots) >
                 0;
        ok = ok && write(STDOUT_FILENO, clear, sizeof clear - 1) > 0 &&
             write(STDOUT_FILENO, t.leave, strlen(t.leave)) > 0;
    }
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &t.before);
    signal(sig, SIG_DFL);
    raise(sig);
}

static void catch_crashes(void) {
    static const int list[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
    struct sigaction act = {.sa_handler = on_crash, .sa_flags = SA_NODEFER};
    snprintf(t.leave, sizeof t.leave, "%s%s", exit_ca_mode ? exit_ca_mode : "",
             cursor_normal ? cursor_normal : "");
    for (size_t i = 0; i < KF_LEN(list); i++) sigaction(list[i], &act, NULL);
}

bool kf_term_open(kf_err *err) {
    const char *no_color = getenv("NO_COLOR");
    (void)tcgetattr(STDIN_FILENO, &t.before);
    t.screen = newterm(NULL, stdout, stdin);
    if (!t.screen) {
        kf_fail(err, KF_ERR_USAGE_BAD, "the terminal type \"%.40s\" is not known here",
                getenv("TERM"));
        return kf_hint(err, "Try TERM=xterm-256color.");
    }
    set_term(t.screen);
    t.ansi = cursor_address && strchr(cursor_address, '[');
    catch_crashes();
    t.open = true;
    t.utf8 = kf_str_eq(nl_langinfo(CODESET), "UTF-8");
    if (has_colors() && kf_theme_colours(8, no_color)) {
        start_color();
        use_default_colors();
        t.colours = kf_theme_colours(COLORS, no_color);
    }
    make_looks();
    kf_keys_setup();
    enter();
    return true;
}

/* Bracketed paste came late; these names are of terminals without. tmux has it, and calls itself
 * screen. */
static bool marks_pastes(void) {
    static const char *const without[] = {"linux", "vt", "ansi", "cons", "sun", "screen"};
    const char *term = getenv("TERM"), *tmux = getenv("TMUX");
    for (size_t i = 0; term && i < KF_LEN(without); i++)
        if (kf_str_starts(term, without[i])) return tmux && *tmux && !strcmp(without[i], "screen");
    return true;
}

void kf_term_info_get(kf_term_info *out) {
    struct termios tio;
    out->rows = LINES;
    out->cols = COLS;
    out->ascii = !t.utf8;
    out->marks_pastes = marks_pastes();
    out->ctrl_s = tcgetattr(STDIN_FILENO, &tio) == 0 && !(tio.c_iflag & IXON);
}

void kf_term_resized(void) {
    struct winsize w;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) || !w.ws_row || !w.ws_col) return;
    if (w.ws_row != LINES || w.ws_col != COLS) resizeterm(w.ws_row, w.ws_col);
}

static void put_cell(int y, int x, const kf_cell *c) {
    cchar_t out;
    wchar_t text[4] = {0};
    int n = 0;
    if (c->ch[0] == KF_CH_HLINE || c->ch[0] == KF_CH_VLINE) { /* through ACS: degrades by itself */
        attr_t attrs;
        short pair;
        getcchar(c->ch[0] == KF_CH_HLINE ? WACS_HLINE : WACS_VLINE, text, &attrs, &pair, NULL);
        setcchar(&out, text, attrs | t.attrs[c->ink], t.pair[c->ink], NULL);
        mvadd_wch(y, x, &out);
        return;
    }
    for (; n < 3 && c->ch[n]; n++) text[n] = (wchar_t)c->ch[n];
    if (setcchar(&out, text, t.attrs[c->ink], t.pair[c->ink], NULL) == ERR)
        setcchar(&out, L"?", t.attrs[c->ink], t.pair[c->ink], NULL);
    mvadd_wch(y, x, &out);
}

void kf_term_paint(const kf_grid *g) {
    if (!t.open) return;
    for (int y = 0; y < g->rows && y < LINES; y++)
        for (int x = 0; x < g->cols && x < COLS; x++) {
            const kf_cell *c = &g->cell[(size_t)y * (size_t)g->cols + (size_t)x];
            if (c->width) put_cell(y, x, c);
        }
    curs_set(g->cursor ? 1 : 0);
    move(g->cursor ? g->cur_y : 0, g->cursor ? g->cur_x : 0);
    refresh();
}

void kf_term_forget(void) {
    if (t.open) clearok(curscr, TRUE);
}

void kf_term_close(void) {
    if (!t.open) return;
    t.open = false;
    for (int y = 0; y < LINES; y++)
        for (int x = 0; x < COLS; x++) mvaddch(y, x, '.');
    refresh();
    erase();
    refresh();
    modes(false);
    curs_set(1);
    endwin();
}

bool kf_term_resume(kf_err *err) {
    kf_term_resized();
    /* Another program stopped this one: the shell has the terminal as it likes it. */
    if (t.open && enter_ca_mode) putp(enter_ca_mode);
    t.open = true;
    enter();
    clearok(curscr, TRUE);
    return true;
}
