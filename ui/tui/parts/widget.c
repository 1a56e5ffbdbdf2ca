/* Parts that screens share: line editor, list movement, pages, dialog boxes, facts and errors.
 * None of them knows a terminal. */
#include "ui/tui/parts/widget.h"
#include <wchar.h>
#include "base/str.h"
#include "ui/common/words.h"

/* --- line editor ----------------------------------------------------------------------- */

void kf_line_init(kf_line *l, size_t cap, bool masked) {
    *l = (kf_line){.mem = kf_secret_zero(cap + 1), .cap = cap, .masked = masked};
}

void kf_line_done(kf_line *l) {
    l->mem = kf_secret_free(l->mem);
    l->len = l->cur = 0;
}

static char *bytes(kf_line *l) { return kf_secret_edit(l->mem); }

const char *kf_line_text(const kf_line *l) { return kf_secret_peek(l->mem); }

bool kf_line_is_empty(const kf_line *l) { return l->len == 0; }

void kf_line_clear(kf_line *l) {
    if (l->mem) kf_wipe(bytes(l), l->cap + 1);
    l->len = l->cur = 0;
}

void kf_line_set(kf_line *l, const char *text) {
    kf_line_clear(l);
    size_t n = strlen(text);
    if (n > l->cap) return;
    memcpy(bytes(l), text, n);
    l->len = l->cur = n;
}

kf_secret *kf_line_take(kf_line *l) {
    kf_secret *s = kf_secret_new(kf_line_text(l), l->len);
    kf_line_clear(l);
    return s;
}

static bool joins(char32_t c) { return c >= 0x300 && (wcwidth((wchar_t)c) == 0); }

static size_t next_at(const kf_line *l, size_t i) {
    const char *t = kf_line_text(l);
    char32_t c;
    if (i < l->len) i += kf_utf8_get(t + i, &c);
    while (i < l->len) {
        size_t n = kf_utf8_get(t + i, &c);
        if (!joins(c)) break;
        i += n;
    }
    return i > l->len ? l->len : i;
}

static size_t prev_at(const kf_line *l, size_t i) {
    size_t at = 0, next;
    while (at < i && (next = next_at(l, at)) < i) at = next;
    return at;
}

static void cut(kf_line *l, size_t from, size_t to) {
    char *t = bytes(l);
    memmove(t + from, t + to, l->len - to);
    kf_wipe(t + l->len - (to - from), to - from);
    l->len -= to - from;
    l->cur = from;
}

static bool insert(kf_line *l, const char *s, size_t n) {
    if (l->len + n > l->cap) return false;
    char *t = bytes(l);
    memmove(t + l->cur + n, t + l->cur, l->len - l->cur);
    memcpy(t + l->cur, s, n);
    l->len += n;
    l->cur += n;
    return true;
}

static size_t word_left(const kf_line *l) {
    const char *t = kf_line_text(l);
    size_t i = l->cur;
    while (i && t[i - 1] == ' ') i--;
    while (i && t[i - 1] != ' ') i--;
    return i;
}

static size_t word_right(const kf_line *l) {
    const char *t = kf_line_text(l);
    size_t i = l->cur;
    while (i < l->len && t[i] != ' ') i++;
    while (i < l->len && t[i] == ' ') i++;
    return i;
}

bool kf_line_key(kf_line *l, int key) {
    if (!l->mem) return false;
    if (kf_key_is_text(key)) {
        char b[4];
        return insert(l, b, kf_utf8_put((char32_t)key, b));
    }
    switch (key) {
    case KF_KEY_LEFT: l->cur = prev_at(l, l->cur); return true;
    case KF_KEY_RIGHT: l->cur = next_at(l, l->cur); return true;
    case KF_KEY_CTRL_LEFT: l->cur = word_left(l); return true;
    case KF_KEY_CTRL_RIGHT: l->cur = word_right(l); return true;
    case KF_KEY_HOME:
    case KF_CTRL('A'): l->cur = 0; return true;
    case KF_KEY_END:
    case KF_CTRL('E'): l->cur = l->len; return true;
    case KF_CTRL('U'): cut(l, 0, l->cur); return true;
    case KF_CTRL('K'): {
        size_t at = l->cur;
        cut(l, at, l->len);
        return true;
    }
    case KF_CTRL('W'): cut(l, word_left(l), l->cur); return true;
    case KF_KEY_BACKSPACE:
    case 8: cut(l, prev_at(l, l->cur), l->cur); return true;
    case KF_KEY_DELETE:
    case KF_CTRL('D'): {
        size_t at = l->cur;
        cut(l, at, next_at(l, at));
        return true;
    }
    default: return false;
    }
}

void kf_line_paste(kf_line *l, const char *text, size_t n, char *msg, size_t size) {
    KF_AUTO(kf_secret) clean = kf_secret_zero(n + 1);
    char *t = kf_secret_edit(clean);
    size_t len = 0, dropped = 0;
    bool lines = false;
    for (size_t i = 0; i < n;) {
        char32_t c;
        char one[5] = {0};
        memcpy(one, text + i, n - i < 4 ? n - i : 4);
        size_t k = kf_utf8_get(one, &c);
        if (!k) k = 1;
        if (c == '\n' || c == '\r') lines = true;
        if (c == 0xFFFD || !kf_key_is_text((int)c)) dropped++;
        else {
            memcpy(t + len, one, k);
            len += k;
        }
        kf_wipe(one, sizeof one);
        i += k;
    }
    size_t from = 0;
    while (from < len && t[from] == ' ') from++;
    while (len > from && t[len - 1] == ' ') len--;
    msg[0] = 0;
    if (!insert(l, t + from, len - from))
        snprintf(msg, size, "Not pasted: %zu characters, the field takes %zu", len - from, l->cap);
    else if (lines || dropped)
        snprintf(msg, size, "Pasted as one line; %s left out",
                 lines ? "line ends were" : "control characters were");
}

bool kf_digits_in(const char *text, size_t n, char out[7]) {
    size_t run = 0;
    for (size_t i = 0; i < n && run < 6; i++) {
        if (text[i] >= '0' && text[i] <= '9') out[run++] = text[i];
        else if (text[i] != ' ' && text[i] != '-' && run) run = 0; /* "Code 2 for you: 123 456" */
    }
    out[run] = 0;
    if (run < 6) kf_wipe(out, 7);
    return run == 6;
}

/* Columns of t[from..to). */
static int cols_of(const kf_grid *g, const char *t, size_t from, size_t to) {
    char one[64];
    int n = 0;
    while (from < to) {
        size_t k = to - from < sizeof one - 1 ? to - from : sizeof one - 1;
        while (k > 1 && k < to - from && ((unsigned char)t[from + k] & 0xc0) == 0x80) k--;
        memcpy(one, t + from, k);
        one[k] = 0;
        n += kf_grid_cols(g, one);
        from += k;
    }
    kf_wipe(one, sizeof one);
    return n;
}

static void draw_clear(const kf_line *l, kf_grid *g, int y, int x, int cols, kf_ink ink,
                       bool focused) {
    const char *t = kf_line_text(l);
    size_t from = 0, to = l->len;
    while (from < l->cur && cols_of(g, t, from, l->cur) > cols - 2) from = next_at(l, from);
    char *part = kf_strdup(t + from);
    while (to > from && cols_of(g, t, from, to) > cols - 1) to = prev_at(l, to);
    part[to - from] = 0;
    kf_grid_text(g, y, x, cols, ink, part);
    kf_wipe(part, strlen(part));
    free(part);
    if (from > 0) kf_grid_text(g, y, x, 1, KF_INK_DIM, "<");
    if (to < l->len) kf_grid_text(g, y, x + cols - 1, 1, KF_INK_DIM, ">");
    if (focused) kf_grid_cursor(g, y, x + cols_of(g, t, from, l->cur));
}

void kf_line_draw(const kf_line *l, kf_grid *g, int y, int x, int cols, bool focused) {
    kf_ink ink = focused ? KF_INK_FIELD_FOCUS : KF_INK_FIELD;
    if (cols < 6) cols = 6;
    kf_grid_text(g, y, x, 1, KF_INK_DIM, "[");
    kf_grid_text(g, y, x + cols - 1, 1, KF_INK_DIM, "]");
    for (int i = 1; i < cols - 1; i++) kf_grid_text(g, y, x + i, 1, ink, " ");
    if (!l->masked) {
        draw_clear(l, g, y, x + 2, cols - 4, ink, focused);
        return;
    }
    const char *dots = l->len ? "........ (hidden)" : "";
    int n = kf_grid_text(g, y, x + 2, cols - 4, ink, dots);
    if (focused) kf_grid_cursor(g, y, x + 2 + (l->len ? (n < 8 ? n : 8) : 0));
}

/* --- lists ----------------------------------------------------------------------------- */

size_t kf_scroll_top(size_t cur, size_t n, int rows) {
    size_t r = rows < 1 ? 1 : (size_t)rows;
    if (n <= r) return 0;
    size_t top = cur < r / 2 ? 0 : cur - r / 2;
    return top + r > n ? n - r : top;
}

bool kf_is_move(kf_action act) { return act >= KF_DO_UP && act <= KF_DO_LAST; }

size_t kf_list_move(size_t cur, size_t n, int page, kf_action act) {
    size_t p = page < 1 ? 1 : (size_t)page;
    if (!n) return 0;
    if (cur >= n) cur = n - 1;
    switch (act) {
    case KF_DO_UP: return cur ? cur - 1 : 0;
    case KF_DO_DOWN: return cur + 1 < n ? cur + 1 : cur;
    case KF_DO_PAGE_UP: return cur > p ? cur - p : 0;
    case KF_DO_PAGE_DOWN: return cur + p < n ? cur + p : n - 1;
    case KF_DO_FIRST: return 0;
    case KF_DO_LAST: return n - 1;
    default: return cur;
    }
}

enum { PAGE_ROWS = 4000 };

void kf_page(kf_grid *g, kf_rect r, int top, kf_page_draw draw, const void *arg) {
    kf_page_with(g, r, top, draw, arg, "Down shows more");
}

void kf_page_with(kf_grid *g, kf_rect r, int top, kf_page_draw draw, const void *arg,
                  const char *more) {
    kf_grid page;
    int cols = r.cols < 1 ? 1 : r.cols;
    kf_grid_init(&page, 1, 1, g->ascii);
    int n = draw(arg, &page, (kf_rect){0, 0, PAGE_ROWS, cols}); /* only to know how tall it is */
    kf_grid_done(&page);
    kf_grid_init(&page, n < PAGE_ROWS ? n : PAGE_ROWS, cols, g->ascii);
    (void)draw(arg, &page, (kf_rect){0, 0, page.rows, page.cols});
    int most = n > r.rows ? n - r.rows : 0;
    if (top > most) top = most;
    kf_grid_copy(g, r, &page, top);
    kf_grid_done(&page);
    if (top >= most || r.rows < 3) return;
    kf_grid_clear_rect(g, (kf_rect){r.y + r.rows - 1, r.x, 1, r.cols});
    kf_grid_text(g, r.y + r.rows - 1, r.x, r.cols, KF_INK_DIM, more);
}

int kf_page_move(int top, kf_action act) {
    int by = act == KF_DO_UP          ? -1
             : act == KF_DO_DOWN      ? 1
             : act == KF_DO_PAGE_UP   ? -6
             : act == KF_DO_PAGE_DOWN ? 6
             : act == KF_DO_LAST      ? PAGE_ROWS
                                      : -PAGE_ROWS;
    top += by;
    return top < 0 ? 0 : top > PAGE_ROWS ? PAGE_ROWS : top;
}

/* --- sheets and rows -----------------------------------------------------------------------------
 */

kf_rect kf_sheet_at(const kf_view *v, const char *name, int rows) {
    if (v->want) {
        v->want->rows = rows;
        snprintf(v->want->name, sizeof v->want->name, "%s", name);
    }
    return v->body;
}

void kf_row_mark(kf_grid *g, int y, kf_rect r) {
    kf_grid_text(g, y, r.x - 2, 1, KF_INK_TEXT, ">");
    kf_grid_tint(g, y, r.x - 2, r.cols + 3, KF_INK_SELECT);
}

int kf_button_draw(kf_grid *g, int y, int x, const char *label, bool focused) {
    return kf_grid_printf(g, y, x, 40, focused ? KF_INK_SELECT : KF_INK_TEXT,
                          focused ? "[>%s<]" : "[ %s ]", label);
}

/* --- text ------------------------------------------------------------------------------ */

int kf_fact(kf_grid *g, kf_rect r, int y, int label_cols, const char *label, kf_ink ink,
            const char *value) {
    int bottom = r.y + r.rows;
    if (y >= bottom) return 0;
    kf_grid_text(g, y, r.x, label_cols - 1, KF_INK_DIM, label);
    int n = kf_grid_wrap(g, y, r.x + label_cols, r.cols - label_cols, bottom - y, ink, value, true);
    return n ? n : 1;
}

static int details_draw(kf_grid *g, kf_rect r, int y, int label, const kf_err *err) {
    int from = y;
    char code[160];
    snprintf(code, sizeof code, "%s%s%s", kf_err_name(err->code),
             err->upstream[0] ? ", WorkOS: " : "", err->upstream);
    y += kf_fact(g, r, y, label, "Code", KF_INK_TEXT, code);
    if (err->status) {
        snprintf(code, sizeof code, "HTTP %d", err->status);
        y += kf_fact(g, r, y, label, "Status", KF_INK_TEXT, code);
    }
    if (err->request_id[0]) y += kf_fact(g, r, y, label, "Request", KF_INK_TEXT, err->request_id);
    if (err->what[0]) y += kf_fact(g, r, y, label, "Facts", KF_INK_TEXT, err->what);
    return y - from;
}

int kf_error_draw(kf_grid *g, kf_rect r, const char *title, const kf_err *err, bool details) {
    int y = r.y, bottom = r.y + r.rows, narrow = r.cols < 60, label = narrow ? 9 : 16;
    kf_words_error w;
    kf_words_for_error(err, &w);
    if (title && title[0] && y < bottom) {
        kf_grid_text(g, y, r.x, r.cols, KF_INK_BAD, title);
        y += narrow ? 1 : 2;
    }
    y += kf_fact(g, r, y, label, narrow ? "Happened" : "What happened", KF_INK_TEXT, w.happened);
    if (w.means[0])
        y += kf_fact(g, r, y, label, narrow ? "Means" : "What it means", KF_INK_TEXT, w.means);
    if (w.todo[0])
        y += kf_fact(g, r, y, label, narrow ? "To do" : "What to do", KF_INK_STRONG, w.todo);
    if (!details) return y - r.y;
    if (!narrow) y++;
    return y + details_draw(g, r, y, label, err) - r.y;
}

void kf_bar(char *out, size_t cells, int64_t part, int64_t whole) {
    size_t full =
        whole > 0 && part > 0 ? (size_t)((double)part * (double)cells / (double)whole + 0.5) : 0;
    if (full > cells) full = cells;
    *out++ = '[';
    for (size_t i = 0; i < cells; i++) *out++ = i < full ? '#' : '.';
    *out++ = ']';
    *out = 0;
}

kf_ink kf_state_ink(kf_pstate s) {
    switch (s) {
    case KF_PS_SIGNED_IN: return KF_INK_OK;
    case KF_PS_SIGNED_OUT: return KF_INK_DIM;
    case KF_PS_RENEWING:
    case KF_PS_OFFLINE:
    case KF_PS_LOCKED: return KF_INK_WARN;
    default: return KF_INK_BAD;
    }
}

void kf_short_id(const char *id, char *out, size_t size) {
    size_t n = strlen(id);
    if (n <= 16 || n >= 200) snprintf(out, size, "%.*s", (int)(size > 17 ? 16 : size - 1), id);
    else {
        const char *under = strchr(id, '_');
        size_t head = under ? (size_t)(under - id) + 5 : 8;
        if (head > 24) head = 8;
        snprintf(out, size, "%.*s..%s", (int)head, id, id + n - 4);
    }
}
