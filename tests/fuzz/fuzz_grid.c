/* Text of a server -> cells. Bytes 0 to 5 are sizes and places. Nothing is written outside the grid
 * or the columns that were given, every row keeps its width, and no control reaches a cell. */
#include "base/str.h"
#include "fuzz.h"
#include "ui/common/grid.h"
#include "ui/common/text.h"

static bool is_control(char32_t c) {
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200b || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0xfeff || (c >= 0xe0000 && c < 0xe0100);
}

static void check_cells(const kf_grid *g) {
    for (int y = 0; y < g->rows; y++) {
        int cols = 0;
        for (int x = 0; x < g->cols; x++) {
            const kf_cell *c = &g->cell[(size_t)y * (size_t)g->cols + (size_t)x];
            hold(c->width <= 2 && c->ink < KF_INK_COUNT);
            hold(c->width == 2 ? x + 1 < g->cols && !c[1].width : true);
            hold(c->width || (x && c[-1].width == 2));
            cols += c->width;
            for (int i = 0; c->width && i < 3 && c->ch[i]; i++) {
                hold(!is_control(c->ch[i]));
                hold(!g->ascii || (c->ch[i] < 0x7f && !i) || c->ch[i] == KF_CH_HLINE ||
                     c->ch[i] == KF_CH_VLINE);
            }
        }
        hold(cols == g->cols);
    }
}

static void check_utf8(const char *s) {
    size_t n = strlen(s), at = 0;
    while (at < n) {
        size_t k = kf_utf8_len(s + at, n - at);
        hold(k > 0);
        at += k;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input in = {data, size};
    int rows = (int)fuzz_byte(&in) % 12, cols = (int)fuzz_byte(&in) % 90;
    int y = (int)fuzz_byte(&in) % 16 - 2, x = (int)fuzz_byte(&in) % 100 - 5;
    int max = (int)fuzz_byte(&in) % 100 - 2;
    unsigned how = fuzz_byte(&in);
    KF_AUTO_CHARS text = fuzz_text(&in, in.n);
    KF_AUTO_CHARS safe = kf_text_safe(text);
    KF_AUTO_CHARS twice = kf_text_safe(safe);
    hold(!strcmp(safe, twice));
    check_utf8(safe);
    kf_grid g;
    kf_grid_init(&g, rows, cols, how & 1);
    const char *s = how & 2 ? safe : text;
    int used = 0;
    switch (how >> 2 & 3) {
    case 0: used = kf_grid_text(&g, y, x, max, KF_INK_TEXT, s); break;
    case 1: used = kf_grid_right(&g, y, x, max, KF_INK_DIM, s); break;
    case 2: used = kf_grid_middle(&g, y, x, max, KF_INK_BAD, s); break;
    default: {
        int would = kf_grid_wrap(&g, y, x, max, 6, KF_INK_OK, s, false);
        hold(kf_grid_wrap(&g, y, x, max, 6, KF_INK_OK, s, true) == would && would <= 6);
    }
    }
    hold(used <= (max > 0 ? max : 0));
    hold(kf_grid_cols(&g, s) >= 0);
    check_cells(&g);
    KF_AUTO_CHARS dump = kf_grid_dump(&g);
    check_utf8(dump);
    kf_grid_done(&g);
    return 0;
}
