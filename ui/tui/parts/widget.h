#pragma once
/* Parts that screens share: a line editor, list arithmetic, boxes, the three-part error. */
#include "base/secret.h"
#include "ui/common/words.h"
#include "ui/tui/kernel/screen.h"

/* One line of typed text in a fixed locked buffer, wiped when it is cleared or ends. Edits whole
 * characters; combining marks go with their base. */
typedef struct kf_line {
    kf_secret *mem;
    size_t cap, len, cur; /* bytes */
    bool masked;
} kf_line;

void kf_line_init(kf_line *l, size_t cap /* bytes */, bool masked);
void kf_line_done(kf_line *l);
void kf_line_clear(kf_line *l);
void kf_line_set(kf_line *l, const char *text);
bool kf_line_key(kf_line *l, int key); /* false: no editing key, or no room (see kf_line_full) */
/* Strips controls and blanks at both ends; returns what to tell the person ("" nothing), static
 * text in msg. */
void kf_line_paste(kf_line *l, const char *text, size_t n, char *msg, size_t size);
const char *kf_line_text(const kf_line *l); /* NUL-terminated, borrowed; "" before init */
kf_secret *kf_line_take(kf_line *l); /* the text as a secret of its own; the line is empty then */
bool kf_line_is_empty(const kf_line *l);
/* "[text    ]" in cols columns (at least 6); the terminal's cursor goes into it when focused. */
void kf_line_draw(const kf_line *l, kf_grid *g, int y, int x, int cols, bool focused);

/* Six digits in a text such as "Your code is 123 456"; false: none. */
bool kf_digits_in(const char *text, size_t n, char out[7]);

/* Scrolling: the first row to show so that cur is visible and the page is full. */
size_t kf_scroll_top(size_t cur, size_t n, int rows);
/* New cursor for a movement action in a list of n rows. */
size_t kf_list_move(size_t cur, size_t n, int page, kf_action act);
bool kf_is_move(kf_action act);

/* Content that may be taller than its place: drawn on a page of its own, and rows from *top* on
 * shown; the last row then says that there is more. draw returns the rows that it took. */
typedef int (*kf_page_draw)(const void *arg, kf_grid *page, kf_rect r);
void kf_page(kf_grid *g, kf_rect r, int top, kf_page_draw draw, const void *arg);
void kf_page_with(kf_grid *g, kf_rect r, int top, kf_page_draw draw, const void *arg,
                  const char *more); /* in other words */
int kf_page_move(int top, kf_action act);

/* The place of a dialog. name stands in the rule above it; rows is what it wants, and it may get
 * fewer. */
kf_rect kf_sheet_at(const kf_view *v, const char *name, int rows);
/* The row of the list's cursor, once it is drawn: a mark two columns before r, and reversed. */
void kf_row_mark(kf_grid *g, int y, kf_rect r);
/* "[ Keep ]  [ Sign out ]": returns columns. */
int kf_button_draw(kf_grid *g, int y, int x, const char *label, bool focused);

/* "Label   value" with the value wrapped at x + label_cols; returns the rows that it took. */
int kf_fact(kf_grid *g, kf_rect r, int y, int label_cols, const char *label, kf_ink ink,
            const char *value);
/* What happened, what it means and what to do, and the details when asked for. Returns the rows
 * that it took. */
int kf_error_draw(kf_grid *g, kf_rect r, const char *title, const kf_err *err, bool details);
void kf_bar(char *out, size_t cells, int64_t part,
            int64_t whole); /* "[####....]", out[cells + 3] */
kf_ink kf_state_ink(kf_pstate s);
void kf_short_id(const char *id, char *out, size_t size); /* "org_01J8..4TZ" */
