/* ncurses to keys and pastes. */
#include "ui/tui/term.h"
#include <curses.h>
#include <errno.h>
#include <unistd.h>
#include "base/str.h"
#include "ui/common/actions.h"

enum {
    PASTE_BEGIN = 2000,
    PASTE_END = 2001,
    FOCUS = 2002,
    CTRL_LEFT = 2003,
    CTRL_RIGHT = 2004,
    PASTE_MAX = 16384,
    PASTE_WAIT_MS = 1000
};

void kf_keys_setup(void) {
    set_escdelay(getenv("SSH_CONNECTION") ? 100 : 25);
    define_key("\033[200~", PASTE_BEGIN);
    define_key("\033[201~", PASTE_END);
    define_key("\033[I", FOCUS);
    define_key("\033[O", FOCUS);
    define_key("\033[1;5D", CTRL_LEFT);
    define_key("\033[1;5C", CTRL_RIGHT);
    define_key("\033[13~", KEY_F(3)); /* known, unused: must not be read as Esc and letters */
}

static int special(wint_t k) {
    switch (k) {
    case KEY_UP: return KF_KEY_UP;
    case KEY_DOWN: return KF_KEY_DOWN;
    case KEY_LEFT: return KF_KEY_LEFT;
    case KEY_RIGHT: return KF_KEY_RIGHT;
    case KEY_HOME: return KF_KEY_HOME;
    case KEY_END: return KF_KEY_END;
    case KEY_PPAGE: return KF_KEY_PGUP;
    case KEY_NPAGE: return KF_KEY_PGDN;
    case KEY_DC: return KF_KEY_DELETE;
    case KEY_BTAB: return KF_KEY_BACKTAB;
    case KEY_BACKSPACE: return KF_KEY_BACKSPACE;
    case KEY_ENTER: return KF_KEY_ENTER;
    case KEY_F(1): return KF_KEY_F1;
    case KEY_F(2): return KF_KEY_F2;
    case CTRL_LEFT: return KF_KEY_CTRL_LEFT;
    case CTRL_RIGHT: return KF_KEY_CTRL_RIGHT;
    default: return KF_KEY_OTHER;
    }
}

/* Everything up to the end mark. Bytes over the maximum are counted, not kept. */
static kf_secret *read_paste(size_t *lost) {
    KF_AUTO(kf_secret) room = kf_secret_zero(PASTE_MAX);
    char *p = kf_secret_edit(room);
    size_t n = 0;
    *lost = 0;
    timeout(PASTE_WAIT_MS);
    for (;;) {
        wint_t k;
        int rc = get_wch(&k);
        if (rc == ERR || (rc == KEY_CODE_YES && k == PASTE_END)) break;
        if (rc == KEY_CODE_YES) continue;
        char b[4];
        size_t len = kf_utf8_put((char32_t)k, b);
        if (n + len > PASTE_MAX) *lost += len;
        else {
            memcpy(p + n, b, len);
            n += len;
        }
        kf_wipe(b, sizeof b);
    }
    nodelay(stdscr, TRUE);
    return kf_secret_new(p, n);
}

kf_input_kind kf_keys_next(int wait_ms, int *key, kf_secret **paste, size_t *lost) {
    wint_t k;
    for (;;) {
        if (wait_ms) timeout(wait_ms);
        errno = 0;
        int rc = get_wch(&k), why = errno;
        if (wait_ms) nodelay(stdscr, TRUE);
        if (rc == ERR) return why && why != EAGAIN && why != EINTR ? KF_INPUT_END : KF_INPUT_NONE;
        if (rc == KEY_CODE_YES &&
            (k == FOCUS || k == KEY_RESIZE || k == PASTE_END || k == KEY_MOUSE))
            continue;
        if (rc == KEY_CODE_YES && k == PASTE_BEGIN) {
            *paste = read_paste(lost);
            return KF_INPUT_PASTE;
        }
        *key = rc == KEY_CODE_YES ? special(k) : k == '\n' ? KF_KEY_ENTER : (int)k;
        return KF_INPUT_KEY;
    }
}
