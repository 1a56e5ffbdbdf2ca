/* The grid of character cells: text, wrapping, lines, copies and the dump. It clips everything
 * outside and writes to no terminal. */
#include "ui/common/grid.h"
#include <stdarg.h>
#include <wchar.h>
#include "base/buf.h"
#include "base/secret.h"
#include "base/unicode.h"
#include "ui/common/text.h"

size_t kf_utf8_get(const char *s, char32_t *out) {
    const unsigned char *u = (const unsigned char *)s;
    size_t n = u[0] < 0x80    ? 1
               : u[0] >= 0xf5 ? 0
               : u[0] >= 0xf0 ? 4
               : u[0] >= 0xe0 ? 3
               : u[0] >= 0xc2 ? 2
                              : 0;
    if (n <= 1) {
        *out = n ? u[0] : 0xFFFD;
        return u[0] ? 1 : 0;
    }
    char32_t c = u[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((u[i] & 0xc0) != 0x80) {
            *out = 0xFFFD;
            return 1;
        }
        c = c << 6 | (u[i] & 0x3fu);
    }
    static const char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
        *out = 0xFFFD;
        return 1;
    }
    *out = c;
    return n;
}

size_t kf_utf8_put(char32_t c, char out[4]) {
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* -1: not shown; 0: joins the character before it. */
static int char_cols(const kf_grid *g, char32_t c) {
    if (kf_unicode_is_hidden(c)) return -1;
    if (c < 0x7f) return 1;
    if (g->ascii) return 1;
    int w = wcwidth((wchar_t)c);
    return w < 0 ? 1 : w > 2 ? 2 : w;
}

static char32_t shown(const kf_grid *g, char32_t c) {
    if (c < 0x7f) return c;
    if (g->ascii) return '?';
    return wcwidth((wchar_t)c) < 0
               ? '?'
               : c; /* the C library does not know it: neither may the terminal */
}

void kf_grid_init(kf_grid *g, int rows, int cols, bool ascii) {
    memset(g, 0, sizeof *g);
    g->rows = rows < 1 ? 1 : rows;
    g->cols = cols < 1 ? 1 : cols;
    g->ascii = ascii;
    g->cell = calloc((size_t)g->rows * (size_t)g->cols, sizeof *g->cell);
    if (!g->cell) abort();
    kf_grid_clear(g);
}

void kf_grid_done(kf_grid *g) {
    kf_wipe(g->cell,
            (size_t)g->rows * (size_t)g->cols * sizeof *g->cell); /* keys and codes were on it */
    free(g->cell);
    memset(g, 0, sizeof *g);
}

void kf_grid_clear(kf_grid *g) {
    g->cursor = false;
    kf_grid_clear_rect(g, (kf_rect){0, 0, g->rows, g->cols});
}

static kf_cell *at(kf_grid *g, int y, int x) {
    if (y < 0 || x < 0 || y >= g->rows || x >= g->cols) return NULL;
    return &g->cell[(size_t)y * (size_t)g->cols + (size_t)x];
}

static void blank(kf_cell *c, kf_ink ink) {
    *c = (kf_cell){.ch = {' '}, .width = 1, .ink = (uint8_t)ink};
}

/* Writing over half of a wide character must not leave the other half behind. */
static void repair(kf_grid *g, int y, int x) {
    kf_cell *c = at(g, y, x);
    if (!c) return;
    if (c->width == 0) {
        kf_cell *left = at(g, y, x - 1);
        if (left && left->width == 2) blank(left, left->ink);
    } else if (c->width == 2) {
        kf_cell *right = at(g, y, x + 1);
        if (right && right->width == 0) blank(right, right->ink);
    }
}

void kf_grid_clear_rect(kf_grid *g, kf_rect r) {
    for (int y = r.y; y < r.y + r.rows && y < g->rows; y++)
        for (int x = r.x; x < r.x + r.cols && x < g->cols; x++) {
            kf_cell *c = at(g, y, x);
            if (!c) continue;
            repair(g, y, x);
            blank(c, KF_INK_TEXT);
        }
}

static void put(kf_grid *g, int y, int x, int w, kf_ink ink, char32_t ch) {
    kf_cell *c = at(g, y, x);
    if (!c) return;
    if (w == 2 && !at(g, y, x + 1)) {
        repair(g, y, x);
        blank(c, ink);
        return;
    }
    repair(g, y, x);
    if (w == 2) repair(g, y, x + 1);
    *c = (kf_cell){.ch = {ch}, .width = (uint8_t)w, .ink = (uint8_t)ink};
    if (w == 2) *at(g, y, x + 1) = (kf_cell){.width = 0, .ink = (uint8_t)ink};
}

static void join(kf_grid *g, int y, int x, char32_t ch) {
    kf_cell *c = at(g, y, x);
    if (c && c->width == 0) c = at(g, y, x - 1);
    if (!c || c->ch[0] == ' ' || !c->width) return;
    if (!c->ch[1]) c->ch[1] = ch;
    else if (!c->ch[2]) c->ch[2] = ch;
}

int kf_grid_cols(const kf_grid *g, const char *s) {
    int n = 0;
    while (s && *s) {
        char32_t c;
        s += kf_utf8_get(s, &c);
        int w = char_cols(g, c);
        if (w > 0) n += w;
    }
    return n;
}

/* Draws whole characters up to max columns; *end is where it stopped. */
static int draw_some(kf_grid *g, int y, int x, int max, kf_ink ink, const char *s,
                     const char **end) {
    int used = 0;
    while (*s) {
        char32_t c;
        size_t n = kf_utf8_get(s, &c);
        int w = char_cols(g, c);
        if (w > 0 && used + w > max) break;
        if (w > 0) {
            put(g, y, x + used, w, ink, shown(g, c));
            used += w;
        } else if (w == 0 && used > 0) {
            join(g, y, x + used - 1, c);
        }
        s += n;
    }
    *end = s;
    return used;
}

int kf_grid_text(kf_grid *g, int y, int x, int max, kf_ink ink, const char *s) {
    if (!s || max <= 0) return 0;
    const char *end;
    if (kf_grid_cols(g, s) <= max) return draw_some(g, y, x, max, ink, s, &end);
    int used = draw_some(g, y, x, max - 1, ink, s, &end);
    for (; used < max - 1; used++) put(g, y, x + used, 1, ink, ' ');
    put(g, y, x + used, 1, ink, '~');
    return used + 1;
}

int kf_grid_right(kf_grid *g, int y, int x, int max, kf_ink ink, const char *s) {
    int w = kf_grid_cols(g, s);
    if (w > max) w = max;
    return kf_grid_text(g, y, x + max - w, w, ink, s);
}

int kf_grid_middle(kf_grid *g, int y, int x, int max, kf_ink ink, const char *s) {
    int all = kf_grid_cols(g, s);
    if (all <= max || max < 5) return kf_grid_text(g, y, x, max, ink, s);
    int tail = (max - 1) / 2, head = max - 1 - tail;
    const char *end;
    int used = draw_some(g, y, x, head, ink, s, &end);
    put(g, y, x + used, 1, ink, '~');
    used++;
    const char *p = s;
    int skip = all - tail, seen = 0;
    while (*p && seen < skip) {
        char32_t c;
        p += kf_utf8_get(p, &c);
        int w = char_cols(g, c);
        if (w > 0) seen += w;
    }
    return used + draw_some(g, y, x + used, max - used, ink, p, &end);
}

int kf_grid_printf(kf_grid *g, int y, int x, int max, kf_ink ink, const char *fmt, ...) {
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n < 0) return 0;
    return kf_grid_text(g, y, x, max, ink, text);
}

/* How many bytes of s fit into cols, broken at a blank where there is one. */
static size_t row_bytes(const kf_grid *g, const char *s, int cols) {
    size_t i = 0, last_blank = 0;
    int used = 0;
    while (s[i] && s[i] != '\n') {
        char32_t c;
        size_t n = kf_utf8_get(s + i, &c);
        int w = char_cols(g, c);
        if (c == ' ') last_blank = i;
        if (w > 0 && used + w > cols) return last_blank ? last_blank : i ? i : n;
        if (w > 0) used += w;
        i += n;
    }
    return i;
}

int kf_grid_wrap(kf_grid *g, int y, int x, int cols, int max_rows, kf_ink ink, const char *s,
                 bool draw) {
    int row = 0;
    if (!s || cols < 1) return 0;
    while (*s && row < max_rows) {
        size_t n = row_bytes(g, s, cols);
        if (draw) {
            char text[1024];
            size_t m = n < sizeof text - 1 ? n : sizeof text - 1;
            bool last = row + 1 == max_rows && s[n];
            memcpy(text, s, m);
            text[m] = 0;
            kf_grid_text(g, y + row, x, cols, ink, text);
            if (last) kf_grid_text(g, y + row, x + cols - 1, 1, ink, "~");
        }
        row++;
        s += n;
        while (*s == ' ') s++;
        if (*s == '\n') s++;
    }
    return row;
}

void kf_grid_copy(kf_grid *g, kf_rect r, const kf_grid *src, int from) {
    for (int y = 0; y < r.rows && from + y < src->rows; y++)
        for (int x = 0; x < r.cols && x < src->cols; x++) {
            kf_cell *to = at(g, r.y + y, r.x + x);
            if (!to) continue;
            *to = src->cell[(size_t)(from + y) * (size_t)src->cols + (size_t)x];
            if (to->width == 2 && (x + 1 == r.cols || !at(g, r.y + y, r.x + x + 1)))
                blank(to, to->ink);
        }
}

void kf_grid_hline(kf_grid *g, int y, int x, int cols) {
    for (int i = 0; i < cols; i++) put(g, y, x + i, 1, KF_INK_RULE, g->ascii ? '-' : KF_CH_HLINE);
}

void kf_grid_vline(kf_grid *g, int y, int x, int rows) {
    for (int i = 0; i < rows; i++) put(g, y + i, x, 1, KF_INK_RULE, g->ascii ? '|' : KF_CH_VLINE);
}

void kf_grid_tint(kf_grid *g, int y, int x, int cols, kf_ink ink) {
    for (int i = 0; i < cols; i++) {
        kf_cell *c = at(g, y, x + i);
        if (c) c->ink = (uint8_t)ink;
    }
}

void kf_grid_cursor(kf_grid *g, int y, int x) {
    if (!at(g, y, x)) return;
    g->cursor = true;
    g->cur_y = y;
    g->cur_x = x;
}

char *kf_grid_dump(const kf_grid *g) {
    kf_buf out;
    kf_buf_init(&out, SIZE_MAX);
    for (int y = 0; y < g->rows; y++) {
        size_t keep = out.len;
        for (int x = 0; x < g->cols; x++) {
            const kf_cell *c = &g->cell[(size_t)y * (size_t)g->cols + (size_t)x];
            for (int i = 0; c->width && i < 3 && c->ch[i]; i++) {
                char b[4];
                kf_buf_add(&out, b, kf_utf8_put(c->ch[i], b));
            }
        }
        while (out.len > keep && out.data[out.len - 1] == ' ') out.len--;
        kf_buf_adds(&out, "\n");
    }
    return kf_buf_steal(&out);
}
