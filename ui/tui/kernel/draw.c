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

static kf_view view_of(const kf_app *a, const kf_level *base, int rows, int cols) {
    kf_view v = {.tier = kf_tier_of(rows, cols)};
    if (is_whole(a, base, v.tier)) {
        v.body = (kf_rect){0, 0, rows - 1, cols};
        v.foot = (kf_rect){rows - 1, 0, 0, cols};
        return v;
    }
    if (v.tier == KF_TIER_COMPACT) {
        v.body = (kf_rect){1, 0, rows - 3, cols};
        v.foot = (kf_rect){rows - 2, 0, 0, cols};
        return v;
    }
    int foot = v.tier == KF_TIER_NORMAL ? base->cls->foot_normal : 0;
    v.body = (kf_rect){2, 1, rows - 5 - foot, cols - 2};
    v.foot = (kf_rect){rows - 2 - foot, 1, foot, cols - 2};
    return v;
}

static void draw_title(const kf_app *a, const kf_level *base, const kf_view *v, kf_grid *g) {
    char left[LINE] = "", right[LINE] = "";
    int x = v->tier == KF_TIER_COMPACT ? 0 : 1;
    if (base->cls->title)
        base->cls->title(base->st, a->m, v->tier == KF_TIER_COMPACT, left, right, LINE);
    size_t n = strlen(left);
    if (a->m->read_only) snprintf(left + n, LINE - n, " [read-only]");
    int r = kf_grid_cols(g, right), room = g->cols - 2 * x;
    if (r > room / 2) r = room / 2;
    kf_grid_text(g, 0, x, room - (r ? r + 2 : 0), KF_INK_TITLE, left);
    kf_grid_right(g, 0, x + room - r, r, KF_INK_TEXT, right);
    if (v->tier != KF_TIER_COMPACT) {
        kf_grid_hline(g, 1, 0, g->cols);
        kf_grid_hline(g, v->foot.y - 1, 0, g->cols);
    }
}

static void draw_busy(const kf_app *a, const kf_call *c, char *out, size_t size) {
    int64_t s = (a->m->now_ms - c->since_ms) / 1000;
    const char *verb = kf_app_job_words(c->method)->runs;
    const char *name = c->name[0] ? c->name : "the secret store";
    if (s >= 3)
        snprintf(out, size, "%s %s, waiting for the answer %lld s", verb, name, (long long)s);
    else snprintf(out, size, "%s %s", verb, name);
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

static void draw_message(const kf_app *a, const kf_level *base, const kf_view *v, kf_grid *g) {
    int y = g->rows - 2, x = v->tier == KF_TIER_COMPACT ? 0 : 1, room = g->cols - 2 * x;
    const kf_call *busy = kf_app_busy(a);
    kf_ink busy_ink = busy ? KF_INK_WARN : KF_INK_TEXT;
    char left[LINE] = "", right[LINE] = "";
    if (a->n_message) {
        draw_said(a, y, x, room, g);
        return;
    }
    if (base->cls->status)
        base->cls->status(base->st, a->m, v->tier == KF_TIER_COMPACT, left, right, LINE);
    if (busy) draw_busy(a, busy, left, LINE);
    else if (a->m->removal.id[0]) {
        int64_t ms = a->m->removal.at_ms - a->m->now_ms;
        snprintf(left, LINE, "Deleting in %lld s, u takes it back: %s",
                 (long long)(ms > 0 ? (ms + 999) / 1000 : 0), a->m->removal.name);
        right[0] = 0;
        busy_ink = KF_INK_WARN;
    }
    int r = kf_grid_cols(g, right);
    if (r > room / 2) r = room / 2;
    kf_grid_text(g, y, x, room - (r ? r + 2 : 0), busy_ink, left);
    kf_grid_right(g, y, x + room - r, r, KF_INK_TEXT, right);
}

/* Help is at the right end and never dropped; the others go from the end. A message takes their
 * place where it has no row of its own. */
static void draw_keys(const kf_app *a, const kf_level *top, const kf_view *v, bool whole,
                      kf_grid *g) {
    kf_action hints[12] = {KF_DO_NONE};
    int y = g->rows - 1, x = v->tier == KF_TIER_COMPACT ? 0 : 1;
    bool typing = top->cls->typing && top->cls->typing(top->st, a->m) == KF_TYPING_TEXT;
    const char *help = typing ? "F1 ? help" : "? help";
    int end = g->cols - x - kf_grid_cols(g, help), gap = v->tier == KF_TIER_WIDE ? 3 : 2;
    int n = kf_grid_text(g, y, end, typing ? 4 : 1, KF_INK_KEY, typing ? "F1 ?" : "?");
    kf_grid_text(g, y, end + n, 5, KF_INK_TEXT, " help");
    if (whole && a->n_message) {
        draw_said(a, y, x, end - x - 2, g);
        return;
    }
    if (top->cls->hints) top->cls->hints(top->st, a->m, hints);
    for (int i = 0; i < 12 && hints[i]; i++) {
        const kf_action_row *row = kf_action_at(hints[i], top->cls->where);
        const char *key = hints[i] == KF_DO_SAVE && a->m->ctrl_s ? "Ctrl-S" : row->key;
        if (kf_app_why_not(a, top, hints[i])) continue;
        int need = kf_grid_cols(g, key) + 1 + kf_grid_cols(g, row->hint);
        if (x + need + 1 > end) break;
        x += kf_grid_text(g, y, x, 12, KF_INK_KEY, key) + 1;
        x += kf_grid_text(g, y, x, 20, KF_INK_TEXT, row->hint) + gap;
    }
}

void kf_app_draw(const kf_app *a, kf_grid *g) {
    kf_grid_clear(g);
    if (kf_tier_of(g->rows, g->cols) == KF_TIER_TOO_SMALL) {
        char text[80];
        snprintf(text, sizeof text, "keyfob needs 40x12, this is %dx%d.", g->cols, g->rows);
        int n = kf_grid_wrap(g, 0, 0, g->cols, g->rows, KF_INK_TEXT, text, true);
        if (n < g->rows) kf_grid_text(g, n, 0, g->cols, KF_INK_TEXT, "q quits");
        return;
    }
    int base = a->depth - 1;
    while (base > 0 && a->level[base].cls->dialog) base--;
    const kf_level *b = &a->level[base], *top = &a->level[a->depth - 1];
    kf_view v = view_of(a, b, g->rows, g->cols);
    b->cls->draw(b->st, a->m, &v, g);
    for (int i = base + 1; i < a->depth; i++) {
        g->cursor = false;
        a->level[i].cls->draw(a->level[i].st, a->m, &v, g);
    }
    bool whole = is_whole(a, b, v.tier);
    int last = whole ? 1 : 2;
    if (!whole) draw_title(a, b, &v, g);
    kf_grid_clear_rect(g, (kf_rect){g->rows - last, 0, last, g->cols});
    if (!whole) draw_message(a, b, &v, g);
    draw_keys(a, top, &v, whole, g);
}
