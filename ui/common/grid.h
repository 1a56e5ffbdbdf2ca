#pragma once
/* A grid of character cells: what a screen draws into. Total: any position, any size, any
 * text; what lies outside is clipped. Knows no terminal, so golden tests can dump it.
 * Text is UTF-8; controls, bidi and zero-width characters are dropped here as well (a last
 * net behind kf_text_safe), a base character keeps at most two combining marks, and a wide
 * character is never cut in half. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uchar.h>

typedef enum kf_ink { /* roles; ui/tui/kernel/theme.c maps them */
                      KF_INK_TEXT,
                      KF_INK_DIM,
                      KF_INK_STRONG,
                      KF_INK_TITLE,
                      KF_INK_RULE,
                      KF_INK_SELECT,
                      KF_INK_SELECT_IDLE /* the cursor's row while a sheet has the keys */,
                      KF_INK_KEY,
                      KF_INK_OK,
                      KF_INK_WARN,
                      KF_INK_BAD,
                      KF_INK_PROD /* the word production */,
                      KF_INK_TAB /* the active one */,
                      KF_INK_FIELD,
                      KF_INK_FIELD_FOCUS,
                      KF_INK_QR_LIGHT /* dark on light */,
                      KF_INK_QR_DARK /* light on dark: both with colours of their own */,
                      KF_INK_COUNT
} kf_ink;

typedef struct kf_cell {
    char32_t ch[3]; /* base and up to two combining marks, 0 = none; a blank cell is a space */
    uint8_t width;  /* 1, 2, or 0 for the right half of a wide one */
    uint8_t ink;
} kf_cell;

typedef struct kf_rect {
    int y, x, rows, cols;
} kf_rect;

typedef struct kf_grid {
    int rows, cols;
    int cur_y, cur_x;
    bool cursor; /* show the terminal's cursor at cur_y, cur_x */
    bool ascii;  /* everything outside ASCII becomes '?', lines '-' and '|' */
    kf_cell *cell;
} kf_grid;

#define KF_CH_HLINE 0x2500u
#define KF_CH_VLINE 0x2502u

void kf_grid_init(kf_grid *g, int rows, int cols, bool ascii); /* blank; sizes below 1 become 1 */
void kf_grid_done(kf_grid *g);
void kf_grid_clear(kf_grid *g);
void kf_grid_clear_rect(kf_grid *g, kf_rect r);

/* Columns that the text takes when drawn. */
int kf_grid_cols(const kf_grid *g, const char *utf8);
/* Draws at most max columns; what does not fit ends in '~'. Returns the columns used. */
int kf_grid_text(kf_grid *g, int y, int x, int max, kf_ink ink, const char *utf8);
/* The same, right-aligned so that it ends before x + max. */
int kf_grid_right(kf_grid *g, int y, int x, int max, kf_ink ink, const char *utf8);
/* Too long: shortened in the middle, "acme-pr~ction". */
int kf_grid_middle(kf_grid *g, int y, int x, int max, kf_ink ink, const char *utf8);
int kf_grid_printf(kf_grid *g, int y, int x, int max, kf_ink ink, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
/* Wraps at blanks into at most max_rows rows of cols columns; '\n' begins a new row. Returns the
 * rows that it took, or with draw false the rows that it would take. */
int kf_grid_wrap(kf_grid *g, int y, int x, int cols, int max_rows, kf_ink ink, const char *utf8,
                 bool draw);
/* Copies the part of src that begins at row from to r. */
void kf_grid_copy(kf_grid *g, kf_rect r, const kf_grid *src, int from);
void kf_grid_hline(kf_grid *g, int y, int x, int cols);
void kf_grid_vline(kf_grid *g, int y, int x, int rows);
/* Changes only the ink. */
void kf_grid_tint(kf_grid *g, int y, int x, int cols, kf_ink ink);
void kf_grid_cursor(kf_grid *g, int y, int x);

/* One character of UTF-8: bytes taken (at least 1 unless *s is 0); a bad byte gives U+FFFD. */
size_t kf_utf8_get(const char *s, char32_t *out);
size_t kf_utf8_put(char32_t c, char out[4]);

/* Rows as text, trailing blanks removed, one '\n' each. Caller frees. */
char *kf_grid_dump(const kf_grid *g);
