/* Draws the whole screen into a grid: title, the screens of the stack, message line and key
 * line. It changes no state. */
#include "ui/tui/kernel/app_impl.h"

enum { LINE = 512 };

kf_tier kf_tier_of(int rows, int cols) {
    if (rows < 12 || cols < 40) return KF_TIER_TOO_SMALL;
    if (rows >= 30 && cols >= 110) return KF_TIER_WIDE;
    if (rows >= 20 && cols >= 72) return KF_TIER_NORMAL;
    return KF_TIER_COMPACT;
}

static bool is_whole(const kf_app *a, const kf_level *base, kf_tier tier) {
    return tier != KF_TIER_WIDE && base->cls->whole && base->cls->whole(base->st, a->m);
}

/* --- texts with marks -------------------------------------------------------------------- */

enum { MARK = 1 }; /* no text has it: everything from outside went through kf_text_safe */

const char *kf_mark(kf_ink ink) {
    static const char marks[KF_INK_COUNT][3] = {
#define M(i) [i] = {MARK, 'A' + (i), 0}
        M(KF_INK_TEXT), M(KF_INK_DIM), M(KF_INK_STRONG), M(KF_INK_OK),
        M(KF_INK_WARN), M(KF_INK_BAD), M(KF_INK_PROD),   M(KF_INK_KEY)};
    return marks[ink];
}

/* The columns of text, drawn from x on unless room is 0. */
static int draw_marked(kf_grid *g, int y, int x, int room, kf_ink ink, const char *text) {
    char part[LINE];
    int used = 0;
    while (*text) {
        if (*text == MARK && text[1]) {
            ink = (kf_ink)(text[1] - 'A');
            text += 2;
            continue;
        }
        size_t n = strcspn(text, (char[]){MARK, 0});
        if (n == 0) break;
        snprintf(part, sizeof part, "%.*s", (int)n, text);
        int need = kf_grid_cols(g, part);
        if (room) need = used < room ? kf_grid_text(g, y, x + used, room - used, ink, part) : 0;
        used += need;
        text += n;
    }
    return used;
}

/* At the right end of room; returns its columns. */
static int draw_marked_right(kf_grid *g, int y, int x, int room, kf_ink ink, const char *text) {
    int cols = draw_marked(g, y, x, 0, ink, text);
    if (cols > room) cols = room;
    if (cols > 0) draw_marked(g, y, x + room - cols, cols, ink, text);
    return cols;
}

/* --- the frame --------------------------------------------------------------------------- */

/* Rows: title, upper rule (not in a small window), body, lower rule, foot, message, keys. A sheet
 * takes the place of the foot. */
static kf_view view_of(const kf_app *a, const kf_level *base, int rows, int cols, int sheet) {
    kf_view v = {.tier = kf_tier_of(rows, cols)};
    if (is_whole(a, base, v.tier)) {
        v.body = (kf_rect){0, 0, rows - 1 - (sheet ? sheet + 2 : 0), cols};
        v.foot = (kf_rect){v.body.rows + (sheet ? 1 : 0), 2, sheet, cols - 4};
        return v;
    }
    bool compact = v.tier == KF_TIER_COMPACT, rule = !compact || sheet || base->cls->about;
    int foot = sheet ? sheet : v.tier == KF_TIER_NORMAL ? base->cls->foot_normal : 0;
    int top = compact ? 1 : 2, right = compact ? 1 : 2;
    v.body = (kf_rect){top, 2, rows - 2 - foot - rule - top, cols - 2 - right};
    v.foot = (kf_rect){rows - 2 - foot, 2, foot, cols - 2 - right};
    return v;
}

static void draw_title(const kf_app *a, const kf_level *base, const kf_view *v, kf_grid *g) {
    char left[LINE] = "", right[LINE] = "";
    if (base->cls->title)
        base->cls->title(base->st, a->m, v->tier == KF_TIER_COMPACT, left, right, LINE);
    size_t n = strlen(left);
    if (a->m->read_only) snprintf(left + n, LINE - n, " [read-only]");
    int room = v->body.cols, r = draw_marked(g, 0, 2, 0, KF_INK_TEXT, right);
    if (r > room / 2) r = room / 2;
    kf_grid_text(g, 0, 2, room - (r ? r + 2 : 0), KF_INK_TITLE, left);
    draw_marked_right(g, 0, 2 + room - r, r, KF_INK_TEXT, right);
}

/* "-[Active]- Other -": the cells of the brackets are always there, so that no tab moves. */
static void draw_tabs(const kf_app *a, const kf_level *base, kf_grid *g, int y, int from) {
    char name[40];
    bool on = false;
    int x = from, end = g->cols - 1;
    for (int i = 0; base->cls->tab(base->st, a->m, i, name, &on); i++) {
        if (x + kf_grid_cols(g, name) + 3 > end) return;
        if (i) x += kf_grid_text(g, y, x, 1, KF_INK_RULE, g->ascii ? "-" : "\xe2\x94\x80");
        x += kf_grid_printf(g, y, x, end - x, on ? KF_INK_TAB : KF_INK_DIM, on ? "[%s]" : " %s ",
                            name);
    }
}

static void draw_rule(kf_grid *g, int y, const char *name, const char *tail) {
    int end = g->cols - 1, n = draw_marked(g, y, 0, 0, KF_INK_TEXT, tail);
    kf_grid_hline(g, y, 0, g->cols);
    if (n && n + 8 < end) {
        draw_marked(g, y, end - 1 - n, n, KF_INK_DIM, tail);
        kf_grid_text(g, y, end - 2 - n, 1, KF_INK_TEXT, " ");
        kf_grid_text(g, y, end - 1, 1, KF_INK_TEXT, " ");
        end -= n + 3;
    }
    if (!*name) return;
    kf_grid_text(g, y, 1, 1, KF_INK_TEXT, " ");
    n = draw_marked(g, y, 2, end - 4, KF_INK_STRONG, name);
    kf_grid_text(g, y, 2 + n, 1, KF_INK_TEXT, " ");
}

static void draw_frame(const kf_app *a, const kf_level *base, const kf_view *v,
                       const kf_sheet *sheet, kf_grid *g) {
    char name[LINE] = "", tail[LINE] = "";
    draw_title(a, base, v, g);
    if (v->tier != KF_TIER_COMPACT) {
        kf_grid_hline(g, 1, 0, g->cols);
        if (base->cls->tab) draw_tabs(a, base, g, 1, 1);
    }
    if (v->tier == KF_TIER_COMPACT && !base->cls->about && !sheet->rows) return;
    if (base->cls->about && !sheet->rows) base->cls->about(base->st, a->m, v, name, tail, LINE);
    draw_rule(g, v->foot.y - 1, sheet->rows ? sheet->name : name, tail);
}

static void draw_busy(const kf_app *a, const kf_call *c, char *out, size_t size) {
    int64_t s = (a->m->now_ms - c->since_ms) / 1000;
    const char *verb = kf_app_job_words(c->method, c->name)->runs;
    if (s >= 3)
        snprintf(out, size, "%s %s, waiting for the answer %lld s", verb, c->name, (long long)s);
    else snprintf(out, size, "%s %s", verb, c->name);
}

static void draw_said(const kf_app *a, int y, int x, int room, kf_grid *g) {
    static const kf_ink inks[] = {KF_INK_TEXT, KF_INK_OK, KF_INK_WARN, KF_INK_BAD};
    const kf_message *msg = &a->message[0];
    char right[LINE] = "";
    if (a->n_message > 1) snprintf(right, LINE, "+%d more", a->n_message - 1);
    int r = kf_grid_cols(g, right);
    kf_grid_printf(g, y, x, room - (r ? r + 1 : 0), inks[msg->how], "%s%s",
                   msg->how >= KF_SAY_WARN ? "! " : "", msg->text);
    kf_grid_right(g, y, x + room - r, r, KF_INK_DIM, right);
}

static void draw_message(const kf_app *a, const kf_level *base, const kf_view *v, bool has_sheet,
                         kf_grid *g) {
    int y = g->rows - 2, x = 2, room = v->body.cols;
    const kf_call *busy = kf_app_busy(a);
    char left[LINE] = "", right[LINE] = "";
    kf_ink ink = KF_INK_TEXT;
    if (base->cls->status && !has_sheet)
        base->cls->status(base->st, a->m, v->tier == KF_TIER_COMPACT, left, right, LINE);
    int r = draw_marked(g, y, x, 0, KF_INK_DIM, right);
    if (a->n_message) { /* the count stays where both have room */
        const char *text = a->message[0].text;
        bool fits = a->n_message == 1 && kf_grid_cols(g, text) + 4 + r <= room;
        if (fits) draw_marked_right(g, y, x, room, KF_INK_DIM, right);
        draw_said(a, y, x, fits ? room - r - 2 : room, g);
        return;
    }
    if (busy) draw_busy(a, busy, left, LINE);
    else if (a->m->removal.id[0]) {
        int64_t ms = a->m->removal.at_ms - a->m->now_ms;
        snprintf(left, LINE, "Deleting in %lld s, u takes it back: %s",
                 (long long)(ms > 0 ? (ms + 999) / 1000 : 0), a->m->removal.name);
        r = 0;
    }
    if (busy || a->m->removal.id[0]) ink = KF_INK_WARN;
    if (r > room / 2) r = room / 2;
    draw_marked(g, y, x, room - (r ? r + 2 : 0), ink, left);
    if (r) draw_marked_right(g, y, x + room - r, r, KF_INK_DIM, right);
}

/* --- keys -------------------------------------------------------------------------------- */

enum { FIRST_COLS = 10 }; /* "Enter open": the slots behind it keep their columns */

/* What the top screen can do is worked out once after it changed, not at each painting. */
static const kf_hints *hints_of(const kf_app *a, const kf_level *top) {
    kf_hints *h = a->hints;
    kf_action acts[KF_HINTS + 1] = {KF_DO_NONE};
    if (h->of == a->changes && h->uid == top->uid && h->read_only == a->m->read_only) return h;
    *h = (kf_hints){.of = a->changes, .uid = top->uid, .read_only = a->m->read_only};
    if (top->cls->hints) top->cls->hints(top->st, a->m, acts);
    for (; h->n < KF_HINTS && acts[h->n]; h->n++)
        h->slot[h->n] = (kf_slot){kf_action_at(acts[h->n], top->cls->where),
                                  top->cls->verb ? top->cls->verb(top->st, acts[h->n]) : NULL,
                                  kf_app_why_not(a, top, acts[h->n]) == NULL};
    return h;
}

/* Help is at the right end and never dropped; the others go from the end. A message takes their
 * place where it has no row of its own. */
static void draw_keys(const kf_app *a, const kf_level *top, const kf_view *v, bool whole,
                      kf_grid *g) {
    int y = g->rows - 1, x = 2, right = v->tier == KF_TIER_COMPACT ? 1 : 2;
    bool typing = top->cls->typing && top->cls->typing(top->st, a->m) == KF_TYPING_TEXT;
    const char *help = typing ? "F1 ? help" : "? help";
    int end = g->cols - right - kf_grid_cols(g, help), gap = v->tier == KF_TIER_WIDE ? 3 : 2;
    int n = kf_grid_text(g, y, end, typing ? 4 : 1, KF_INK_KEY, typing ? "F1 ?" : "?");
    kf_grid_text(g, y, end + n, 5, KF_INK_TEXT, " help");
    if (whole && a->n_message) {
        draw_said(a, y, x, end - x - 2, g);
        return;
    }
    const kf_hints *h = hints_of(a, top);
    int first = top->cls->where & (KF_AT_LIST | KF_AT_PROFILE) ? FIRST_COLS : 0;
    for (int i = 0; i < h->n; i++) {
        const kf_action_row *row = h->slot[i].row;
        const char *key = row->id == KF_DO_SAVE && a->m->ctrl_s ? "Ctrl-S" : row->key;
        bool can = h->slot[i].possible;
        const char *verb = h->slot[i].verb ? h->slot[i].verb : row->hint;
        if (!can && top->cls->where & KF_AT_STEP) continue; /* each step is a page of its own */
        int need = kf_grid_cols(g, key) + 1 + kf_grid_cols(g, verb);
        if (x + need + 1 > end) break;
        int at = x + kf_grid_text(g, y, x, 12, can ? KF_INK_KEY : KF_INK_DIM, key) + 1;
        kf_grid_text(g, y, at, 20, can ? KF_INK_TEXT : KF_INK_DIM, verb);
        x += (i == 0 && need < first ? first : need) + gap;
    }
}

/* --- the whole --------------------------------------------------------------------------- */

/* The rows that the topmost dialog wants, and what stands in the rule above it. */
static void measure_sheet(const kf_app *a, const kf_level *top, const kf_grid *g, kf_sheet *sheet) {
    enum { TALL = 200 };
    kf_tier tier = kf_tier_of(g->rows, g->cols);
    kf_grid scratch;
    kf_view v = {.tier = tier, .want = sheet};
    int most = g->rows - (tier == KF_TIER_COMPACT ? 4 : 6);
    v.body = (kf_rect){0, 2, TALL, g->cols - (tier == KF_TIER_COMPACT ? 3 : 4)};
    kf_grid_init(&scratch, TALL, g->cols, g->ascii);
    top->cls->draw(top->st, a->m, &v, &scratch);
    kf_grid_done(&scratch);
    if (sheet->rows > most) sheet->rows = most;
    if (sheet->rows < 1) sheet->rows = 1;
}

/* One row is reversed, where the keys act. */
static void make_idle(kf_grid *g) {
    for (int i = 0; i < g->rows * g->cols; i++) {
        if (g->cell[i].ink == KF_INK_SELECT) g->cell[i].ink = KF_INK_SELECT_IDLE;
        if (g->cell[i].ink == KF_INK_FIELD_FOCUS) g->cell[i].ink = KF_INK_FIELD;
    }
    g->cursor = false;
}

static void draw_too_small(kf_grid *g) {
    char text[80];
    snprintf(text, sizeof text, "keyfob needs 40x12, this is %dx%d.", g->cols, g->rows);
    int n = kf_grid_wrap(g, 0, 0, g->cols, g->rows, KF_INK_TEXT, text, true);
    if (n < g->rows) kf_grid_text(g, n, 0, g->cols, KF_INK_TEXT, "q quits");
}

void kf_app_draw(const kf_app *a, kf_grid *g) {
    kf_grid_clear(g);
    if (kf_tier_of(g->rows, g->cols) == KF_TIER_TOO_SMALL) {
        draw_too_small(g);
        return;
    }
    int base = a->depth - 1;
    while (base > 0 && a->level[base].cls->dialog) base--;
    const kf_level *b = &a->level[base], *top = &a->level[a->depth - 1];
    kf_sheet sheet = {0};
    if (top != b) measure_sheet(a, top, g, &sheet);
    kf_view v = view_of(a, b, g->rows, g->cols, sheet.rows);
    bool whole = is_whole(a, b, v.tier);
    int last = whole && !sheet.rows ? 1 : 2;
    b->cls->draw(b->st, a->m, &v, g);
    if (!whole) draw_frame(a, b, &v, &sheet, g);
    if (sheet.rows) {
        kf_view s = {.tier = v.tier, .body = v.foot, .foot = {g->rows - 2, 2, 0, v.foot.cols}};
        make_idle(g);
        kf_grid_clear_rect(g, (kf_rect){v.foot.y, 0, v.foot.rows, g->cols});
        if (whole) draw_rule(g, v.foot.y - 1, sheet.name, "");
        top->cls->draw(top->st, a->m, &s, g);
    }
    kf_grid_clear_rect(g, (kf_rect){g->rows - last, 0, last, g->cols});
    if (last == 2) draw_message(a, b, &v, sheet.rows > 0, g);
    draw_keys(a, top, &v, last == 1, g);
}
