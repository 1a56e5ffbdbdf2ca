/* Writes grids as SVG. A cell is 8 by 16 units; text is set in runs of one ink, stretched to their
 * cells, so that every monospace font keeps the columns. Lines and blocks are drawn and not set,
 * because fonts leave gaps between them. It knows no screen. */
#include "picture.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "ui/tui/kernel/theme.h"

enum {
    CELL_W = 8,
    CELL_H = 16,
    PAD = 12,
    FRAMES_MAX = 12,
    ROWS_MAX = PICTURE_ROWS * FRAMES_MAX,
    COLOUR_MAX = 32
};

typedef struct scheme {
    const char *name, *ground, *text;
} scheme;

static const scheme schemes[] = {{"dark", "#161b22", "#d4dae1"}, {"light", "#ffffff", "#24292f"}};
enum { SCHEMES = sizeof schemes / sizeof *schemes };

struct film {
    size_t n;
    double seconds[FRAMES_MAX];
    kf_grid grid[FRAMES_MAX];
};

/* The colour of an xterm with 256: the cube of 216, then 24 greys. The first 16 differ from
 * terminal to terminal; the theme for 256 colours does not use them. */
static void put_colour(char out[COLOUR_MAX], int index, const char *own) {
    static const int level[] = {0, 95, 135, 175, 215, 255};
    if (index < 16) {
        snprintf(out, COLOUR_MAX, "%s", own);
        return;
    }
    int c = index - 16, g = 8 + 10 * (index - 232);
    if (index >= 232) snprintf(out, COLOUR_MAX, "#%02x%02x%02x", g, g, g);
    else snprintf(out, COLOUR_MAX, "#%02x%02x%02x", level[c / 36], level[c / 6 % 6], level[c % 6]);
}

typedef struct look {
    char fg[COLOUR_MAX], bg[COLOUR_MAX]; /* bg "": the page's */
    bool bold, underline;
} look;

static look look_of(kf_ink ink, const scheme *sc) {
    kf_look t = kf_theme_look(ink, 256);
    look l = {.bold = t.attrs & KF_ATTR_BOLD, .underline = t.attrs & KF_ATTR_UNDERLINE};
    put_colour(l.fg, t.fg, sc->text);
    if (t.ground) put_colour(l.bg, t.bg, sc->ground);
    if (t.attrs & KF_ATTR_REVERSE) {
        snprintf(l.bg, sizeof l.bg, "%s", l.fg);
        snprintf(l.fg, sizeof l.fg, "%s", sc->ground);
    }
    return l;
}

static bool is_drawn(char32_t c) {
    return c == KF_CH_HLINE || c == 0x2580 || c == 0x2584 || c == 0x2588;
}

static bool same_run(const kf_cell *a, const kf_cell *b) {
    if (a->ink != b->ink || is_drawn(a->ch[0]) || is_drawn(b->ch[0])) {
        return a->ink == b->ink && a->ch[0] == b->ch[0];
    }
    return true;
}

static void put_char(kf_buf *b, char32_t c) {
    char utf8[4];
    if (c == '&') kf_buf_adds(b, "&amp;");
    else if (c == '<') kf_buf_adds(b, "&lt;");
    else if (c == '>') kf_buf_adds(b, "&gt;");
    else kf_buf_add(b, utf8, kf_utf8_put(c, utf8));
}

static void put_words(kf_buf *b, const kf_cell *cell, int x, int n) {
    while (n && cell[n - 1].ch[0] == ' ') n--;
    int from = 0;
    while (from < n && cell[from].ch[0] == ' ') from++;
    if (from == n) return;
    kf_buf_addf(b, "<text x=\"%d\" y=\"12\" class=\"i%d\" textLength=\"%d\">", (x + from) * CELL_W,
                cell->ink, (n - from) * CELL_W);
    for (int i = from; i < n; i++)
        for (int k = 0; cell[i].width && k < 3 && cell[i].ch[k]; k++) put_char(b, cell[i].ch[k]);
    kf_buf_adds(b, "</text>");
}

/* A run of one ink: its ground, then what stands on it. */
static void put_run(kf_buf *b, const kf_cell *cell, int x, int n, const scheme *sc) {
    look l = look_of((kf_ink)cell->ink, sc);
    int left = x * CELL_W, wide = n * CELL_W;
    if (*l.bg)
        kf_buf_addf(b, "<path fill=\"%s\" d=\"M%d 0h%dv%dh-%dz\"/>", l.bg, left, wide, CELL_H,
                    wide);
    if (l.underline)
        kf_buf_addf(b, "<path fill=\"%s\" d=\"M%d 14h%dv1h-%dz\"/>", l.fg, left, wide, wide);
    char32_t c = cell->ch[0];
    if (!is_drawn(c)) {
        put_words(b, cell, x, n);
        return;
    }
    int top = c == 0x2584 ? CELL_H / 2 : c == KF_CH_HLINE ? CELL_H / 2 : 0;
    int high = c == KF_CH_HLINE ? 1 : c == 0x2588 ? CELL_H : CELL_H / 2;
    kf_buf_addf(b, "<path fill=\"%s\" d=\"M%d %dh%dv%dh-%dz\"/>", l.fg, left, top, wide, high,
                wide);
}

static char *draw_row(const kf_grid *g, int row, const scheme *sc) {
    kf_buf b;
    kf_buf_init(&b, SIZE_MAX);
    const kf_cell *cell = g->cell + (size_t)row * (size_t)g->cols;
    for (int x = 0, n; x < g->cols; x += n) {
        for (n = 1; x + n < g->cols && same_run(&cell[x], &cell[x + n]); n++) {
        }
        put_run(&b, cell + x, x, n, sc);
    }
    return kf_buf_steal(&b);
}

static void put_style(kf_buf *b, const scheme *sc) {
    kf_buf_adds(b, "<style>text{font:13.3px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,"
                   "monospace;white-space:pre}");
    for (int i = 0; i < KF_INK_COUNT; i++) {
        look l = look_of((kf_ink)i, sc);
        kf_buf_addf(b, ".i%d{fill:%s%s}", i, l.fg, l.bold ? ";font-weight:bold" : "");
    }
}

/* One frame shows at a time. Where motion is unwanted, the last one stands still. */
static void put_motion(kf_buf *b, const film *f) {
    double whole = 0, at = 0;
    for (size_t i = 0; i < f->n; i++) whole += f->seconds[i];
    kf_buf_adds(b, ".f{visibility:hidden}");
    for (size_t i = 0; i < f->n; i++) {
        double end = at + f->seconds[i];
        kf_buf_addf(b, "@keyframes k%zu{0%%{visibility:%s}%.2f%%{visibility:visible}", i,
                    i ? "hidden" : "visible", 100 * at / whole);
        if (i + 1 < f->n) kf_buf_addf(b, "%.2f%%{visibility:hidden}", 100 * end / whole);
        kf_buf_addf(b, "}.f%zu{animation:k%zu %gs step-end infinite}", i, i, whole);
        at = end;
    }
    kf_buf_addf(
        b, "@media(prefers-reduced-motion:reduce){.f{animation:none}.f%zu{visibility:visible}}",
        f->n - 1);
}

/* A row that several frames have stands once. */
typedef struct row_set {
    char *row[ROWS_MAX];
    size_t n;
} row_set;

/* Its number, from 1; 0: a blank row. row owned. */
static size_t row_number(row_set *set, char *row, kf_buf *defs) {
    size_t i = 0;
    while (i < set->n && strcmp(set->row[i], row) != 0) i++;
    bool known = i < set->n, blank = !*row;
    if (known || blank) free(row);
    if (blank) return 0;
    if (!known) {
        set->row[set->n++] = row;
        kf_buf_addf(defs, "\n<g id=\"r%zu\">%s</g>", i + 1, row);
    }
    return i + 1;
}

static void put_frames(kf_buf *b, const film *f, const scheme *sc) {
    row_set *set = kf_new(row_set);
    kf_buf uses;
    kf_buf_init(&uses, SIZE_MAX);
    kf_buf_adds(b, "<defs>");
    for (size_t i = 0; i < f->n; i++) {
        if (f->n > 1) kf_buf_addf(&uses, "<g class=\"f f%zu\">", i);
        for (int y = 0; y < PICTURE_ROWS; y++) {
            size_t id = row_number(set, draw_row(&f->grid[i], y, sc), b);
            if (id) kf_buf_addf(&uses, "\n<use href=\"#r%zu\" y=\"%d\"/>", id, y * CELL_H);
        }
        if (f->n > 1) kf_buf_adds(&uses, "</g>");
    }
    kf_buf_addf(b, "</defs>\n<g transform=\"translate(%d %d)\">%s</g>", PAD, PAD, uses.data);
    kf_buf_done(&uses);
    for (size_t i = 0; i < set->n; i++) free(set->row[i]);
    free(set);
}

static char *draw_svg(const film *f, const char *alt, const scheme *sc) {
    int wide = PICTURE_COLS * CELL_W + 2 * PAD, high = PICTURE_ROWS * CELL_H + 2 * PAD;
    kf_buf b;
    kf_buf_init(&b, SIZE_MAX);
    kf_buf_addf(
        &b,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 "
        "%d %d\" role=\"img\">\n<title>%s</title>\n",
        wide, high, wide, high, alt);
    put_style(&b, sc);
    if (f->n > 1) put_motion(&b, f);
    kf_buf_addf(&b,
                "</style>\n<rect x=\".5\" y=\".5\" width=\"%d\" height=\"%d\" rx=\"8\" fill=\"%s\" "
                "stroke=\"#8b949e\"/>\n",
                wide - 1, high - 1, sc->ground);
    put_frames(&b, f, sc);
    kf_buf_adds(&b, "\n</svg>\n");
    return kf_buf_steal(&b);
}

film *film_new(void) { return kf_new(film); }

void film_frame(film *f, stage *s, double seconds) {
    assert_true(f->n < FRAMES_MAX);
    stage_grid(s, PICTURE_ROWS, PICTURE_COLS, &f->grid[f->n]);
    f->seconds[f->n++] = seconds;
}

void film_end(film *f, const char *name, const char *alt) {
    for (int i = 0; i < SCHEMES; i++) {
        KF_AUTO_CHARS path = kf_strfmt("%s/%s-%s.svg", KF_PICTURE_DIR, name, schemes[i].name);
        KF_AUTO_CHARS svg = draw_svg(f, alt, &schemes[i]);
        if (strlen(svg) >= PICTURE_MAX) fail_msg("%s has %zu bytes", path, strlen(svg));
        stage_same(path, svg);
    }
    for (size_t i = 0; i < f->n; i++) kf_grid_done(&f->grid[i]);
    free(f);
}

void picture(stage *s, const char *name, const char *alt) {
    film *f = film_new();
    film_frame(f, s, 1);
    film_end(f, name, alt);
}
