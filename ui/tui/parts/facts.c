/* A page of facts: collects the rows, moves a cursor over them, draws those that are in view. */
#include "ui/tui/parts/facts.h"
#include <stdarg.h>
#include "base/mem.h"
#include "base/str.h"
#include "ui/tui/parts/widget.h"

static kf_fact_row *add_row(kf_fact_page *f) {
    f->row = kf_grow(f->row, f->n, sizeof *f->row);
    kf_fact_row *row = &f->row[f->n++];
    *row = (kf_fact_row){.gap = f->gap && f->n > 1};
    f->gap = false;
    return row;
}

void kf_page_fact(kf_fact_page *f, const char *label, kf_ink ink, const char *fmt, ...) {
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (!text[0]) return;
    kf_fact_row *row = add_row(f);
    row->label = kf_strdup(label);
    row->text = kf_strdup(text);
    row->copy = kf_strdup(text);
    row->ink = ink;
}

void kf_page_head(kf_fact_page *f, const char *text) {
    f->gap = true;
    kf_fact_row *row = add_row(f);
    row->label = kf_strdup(text);
    row->text = kf_strdup("");
    row->copy = kf_strdup("");
    row->head = true;
}

void kf_page_copies(kf_fact_page *f, const char *text) {
    if (!f->n) return;
    free(f->row[f->n - 1].copy);
    f->row[f->n - 1].copy = kf_strdup(text);
}

void kf_page_done(kf_fact_page *f) {
    for (size_t i = 0; i < f->n; i++) {
        free(f->row[i].label);
        free(f->row[i].text);
        free(f->row[i].copy);
    }
    free(f->row);
    *f = (kf_fact_page){0};
}

static int rows_of(const kf_fact_row *row, kf_grid *g, kf_rect r, int label) {
    if (row->head) return kf_grid_wrap(g, 0, 0, r.cols, 2, KF_INK_STRONG, row->label, false);
    int n = kf_grid_wrap(g, 0, 0, r.cols - label, 40, row->ink, row->text, false);
    return n ? n : 1;
}

/* A gap is left out where the page is small. */
static bool has_gap(const kf_fact_row *row, kf_rect r) { return row->gap && r.rows >= 14; }

static void draw_fact(const kf_fact_row *row, kf_grid *g, kf_rect r, int y, int label, bool at) {
    if (row->head) {
        kf_grid_wrap(g, y, r.x, r.cols, 2, KF_INK_STRONG, row->label, true);
        return;
    }
    kf_fact(g, r, y, label, row->label, row->ink, row->text);
    if (!at) return;
    kf_row_mark(g, y, r);
    kf_grid_cursor(g, y, r.x - 2);
}

int kf_page_facts_draw(const kf_fact_page *f, size_t cur, int label, kf_grid *g, kf_rect r) {
    int total = 0, at = 0, high = 1;
    for (size_t i = 0; i < f->n; i++) {
        int n = rows_of(&f->row[i], g, r, label);
        total += has_gap(&f->row[i], r);
        if (i == cur) at = total, high = n;
        total += n;
    }
    int top = 0;
    if (cur != KF_NO_CURSOR && total > r.rows && at + high > r.rows / 2) {
        top = at + high - r.rows / 2;
        if (top > total - r.rows) top = total - r.rows;
        if (top > at) top = at;
    }
    int y = r.y - top;
    for (size_t i = 0; i < f->n && y < r.y + r.rows; i++) {
        y += has_gap(&f->row[i], r);
        int n = rows_of(&f->row[i], g, r, label);
        if (y >= r.y && y < r.y + r.rows) draw_fact(&f->row[i], g, r, y, label, i == cur);
        y += n;
    }
    return total < r.rows ? total : r.rows;
}

size_t kf_page_facts_move(const kf_fact_page *f, size_t cur, kf_action act) {
    size_t to = kf_list_move(cur, f->n, 8, act);
    bool up = act == KF_DO_UP || act == KF_DO_PAGE_UP || act == KF_DO_FIRST;
    while (to < f->n && f->row[to].head) {
        if (up && to) to--;
        else if (to + 1 < f->n) to++, up = false;
        else return cur;
    }
    return to;
}
