/* QR codes as half-block cells, with libqrencode loaded at the first use. It draws the whole
 * code or nothing. */
#include "ui/common/qr.h"
#include "base/mem.h"

#include <dlfcn.h>
#include <qrencode.h>

enum { QUIET = 4, QUIET_LEAST = 2 };

/* The three functions of libqrencode that are used. */
static struct library {
    bool tried;
    QRcode *(*encode)(const char *string, int version, QRecLevel level, QRencodeMode hint,
                      int case_sensitive);
    void (*free)(QRcode *code);
} lib;

static bool load(kf_err *err) {
    if (!lib.tried) {
        void *so = dlopen("libqrencode.so.4", RTLD_NOW | RTLD_LOCAL);
        if (so) { /* POSIX: a function's address comes as a void *, and goes into the pointer's own
                     bytes */
            *(void **)(void *)&lib.encode = dlsym(so, "QRcode_encodeString");
            *(void **)(void *)&lib.free = dlsym(so, "QRcode_free");
        }
        lib.tried = true;
    }
    if (lib.encode && lib.free) return true;
    kf_fail(err, KF_ERR_SYS_IO, "QR codes need libqrencode.so.4, which is not installed");
    return kf_hint(err, "Install libqrencode4, or type the text beside the code.");
}

static bool dark(const QRcode *code, int quiet, int row, int col) {
    int y = row - quiet, x = col - quiet;
    return y >= 0 && x >= 0 && y < code->width && x < code->width &&
           (code->data[y * code->width + x] & 1);
}

static int cells_wide(int side, bool wide) { return wide ? 2 * side : side; }
static int cells_high(int side, bool wide) { return wide ? side : (side + 1) / 2; }

static kf_qr *draw(const QRcode *code, int quiet, char level, const kf_qr_look *look) {
    int side = code->width + 2 * quiet;
    kf_qr *q = kf_new(kf_qr);
    *q = (kf_qr){.rows = cells_high(side, look->wide),
                 .cols = cells_wide(side, look->wide),
                 .quiet = quiet,
                 .level = level};
    q->cell = calloc((size_t)q->rows * (size_t)q->cols, 1);
    if (!q->cell) abort();
    for (int r = 0; r < q->rows; r++)
        for (int c = 0; c < q->cols; c++) {
            /* rows behind the last are light: an odd code ends in half a row of quiet zone */
            bool top = look->wide ? dark(code, quiet, r, c / 2) : dark(code, quiet, 2 * r, c);
            bool bottom = look->wide ? top : dark(code, quiet, 2 * r + 1, c);
            if (look->invert) top = !top, bottom = !bottom;
            q->cell[r * q->cols + c] = (uint8_t)(top == bottom ? (top ? KF_QR_DARK : KF_QR_LIGHT)
                                                 : top         ? KF_QR_DARK_OVER_LIGHT
                                                               : KF_QR_LIGHT_OVER_DARK);
        }
    return q;
}

kf_qr *kf_qr_new(const kf_secret *text, int rows, int cols, const kf_qr_look *look, int *lack_rows,
                 int *lack_cols, kf_err *err) {
    static const struct {
        QRecLevel level;
        char name;
        int quiet;
    } ladder[] = {
        {QR_ECLEVEL_M, 'M', QUIET}, {QR_ECLEVEL_L, 'L', QUIET}, {QR_ECLEVEL_L, 'L', QUIET_LEAST}};
    *lack_rows = *lack_cols = 0;
    if (!load(err)) return NULL;
    if (!kf_secret_len(text) || !kf_secret_is_text(text))
        return kf_fail(err, KF_ERR_USAGE_BAD, "there is no text for a QR code"), NULL;
    int least = 0;
    for (size_t i = 0; i < sizeof ladder / sizeof *ladder; i++) {
        QRcode *code = lib.encode(kf_secret_peek(text), 0, ladder[i].level, QR_MODE_8, 1);
        if (!code) continue; /* too long for this level */
        int quiet = look->quiet > 0 ? look->quiet : ladder[i].quiet, side = code->width + 2 * quiet;
        bool fits = cells_high(side, look->wide) <= rows && cells_wide(side, look->wide) <= cols;
        kf_qr *q = fits ? draw(code, quiet, ladder[i].name, look) : NULL;
        kf_wipe(code->data, (size_t)code->width * (size_t)code->width);
        lib.free(code);
        if (q) return q;
        if (!least || side < least) least = side;
    }
    if (!least) return kf_fail(err, KF_ERR_USAGE_BAD, "the text is too long for a QR code"), NULL;
    if (cells_high(least, look->wide) > rows) *lack_rows = cells_high(least, look->wide) - rows;
    if (cells_wide(least, look->wide) > cols) *lack_cols = cells_wide(least, look->wide) - cols;
    kf_fail(err, KF_ERR_USAGE_BAD, "the QR code does not fit: %d rows and %d columns are missing",
            *lack_rows, *lack_cols);
    return NULL;
}

kf_qr *kf_qr_free(kf_qr *q) {
    if (!q) return NULL;
    kf_wipe(q->cell, (size_t)q->rows * (size_t)q->cols);
    free(q->cell);
    free(q);
    return NULL;
}

kf_qr_colours kf_qr_colours_of(int colours) {
    return colours >= 256  ? KF_QR_256
           : colours >= 16 ? KF_QR_16
           : colours >= 8  ? KF_QR_8
                           : KF_QR_MONO;
}

/* Foreground and background by number of colours: the cube's ends, which themes rarely change
 *. */
static const char *const sgr[4][2] = {
    [KF_QR_256] = {"\x1b[38;5;16;48;5;231m", "\x1b[38;5;231;48;5;16m"}, /* on light, on dark */
    [KF_QR_16] = {"\x1b[30;107m", "\x1b[97;40m"},
    [KF_QR_8] = {"\x1b[30;47m", "\x1b[37;40m"},
    [KF_QR_MONO] = {"\x1b[7m", "\x1b[27m"},
};

bool kf_qr_print(const kf_qr *q, kf_qr_colours colours, kf_buf *b) {
    bool ok = true;
    for (int r = 0; r < q->rows && ok; r++) {
        int now = -1;
        for (int c = 0; c < q->cols && ok; c++) {
            kf_qr_cell cell = kf_qr_at(q, r, c);
            int on_dark = cell == KF_QR_DARK || cell == KF_QR_DARK_OVER_LIGHT;
            if (on_dark != now) ok = kf_buf_adds(b, sgr[colours][on_dark]);
            now = on_dark;
            ok = ok &&
                 kf_buf_adds(b, cell == KF_QR_LIGHT || cell == KF_QR_DARK ? " " : "\xe2\x96\x84");
        }
        ok = ok && kf_buf_adds(b, "\x1b[0m\n");
    }
    return ok;
}
