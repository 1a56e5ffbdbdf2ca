/* Grid to ncurses, which finds the difference. */
#include "ui/tui/term.h"
#include <curses.h>
#include <langinfo.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>
#include "base/str.h"
#include "ui/tui/theme.h"

static struct { SCREEN *screen; int colours; bool utf8, open; attr_t attrs[KF_INK_COUNT]; short pair[KF_INK_COUNT]; } t;

static void modes(bool on) {
    /* bracketed paste: ncurses does not know it. Only where escape sequences of this kind are understood. */
    if (cursor_address && strchr(cursor_address, '[')) {
        const char *s = on ? "\033[?2004h" : "\033[?2004l";
        if (write(STDOUT_FILENO, s, strlen(s)) < 0) return;
    }
}

static void make_looks(void) {
    for (int i = 0; i < KF_INK_COUNT; i++) {
        kf_look l = kf_theme_look((kf_ink)i, t.colours);
        t.attrs[i] = (l.attrs & KF_ATTR_BOLD ? A_BOLD : 0) | (l.attrs & KF_ATTR_DIM ? A_DIM : 0) |
                     (l.attrs & KF_ATTR_REVERSE ? A_REVERSE : 0) | (l.attrs & KF_ATTR_UNDERLINE ? A_UNDERLINE : 0);
        t.pair[i] = 0;
        if (l.fg >= 0 && t.colours) {
            t.pair[i] = (short)(i + 1);
            init_pair(t.pair[i], l.fg, -1);
        }
    }
}

static void enter(void) {
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    leaveok(stdscr, FALSE);
    modes(true);
}

bool kf_term_open(kf_err *err) {
    const char *no_color = getenv("NO_COLOR");
    t.screen = newterm(NULL, stdout, stdin);
    if (!t.screen) {
        kf_fail(err, KF_ERR_USAGE_BAD, "the terminal type \"%.40s\" is not known here", getenv("TERM"));
        return kf_hint(err, "Try TERM=xterm-256color.");
    }
    set_term(t.screen);
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

void kf_term_info_get(kf_term_info *out) {
    struct termios tio;
    out->rows = LINES;
    out->cols = COLS;
    out->ascii = !t.utf8;
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
        out = c->ch[0] == KF_CH_HLINE ? *WACS_HLINE : *WACS_VLINE;
        out.attr |= t.attrs[c->ink];
        mvadd_wch(y, x, &out);
        return;
    }
    for (; n < 3 && c->ch[n]; n++) text[n] = (wchar_t)c->ch[n];
    if (setcchar(&out, text, t.attrs[c->ink], t.pair[c->ink], NULL) == ERR) setcchar(&out, L"?", t.attrs[c->ink], t.pair[c->ink], NULL);
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
    (void)err;
    kf_term_resized();
    t.open = true;
    enter();
    clearok(curscr, TRUE);
    return true;
}
