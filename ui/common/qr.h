#pragma once
/* A text as a QR code in character cells, for the screen and for the command line:
 * always dark on light, two modules to a cell, a quiet zone around, the whole code or nothing.
 * Knows no terminal. libqrencode is loaded at the first use, so that a program which only
 * could show a code does not pay for it. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

/* One cell: the two modules over one another. Both the same: a space on that colour. Otherwise
 * U+2584, the lower half block, in the colour of the lower module on that of the upper one. */
typedef enum kf_qr_cell {
    KF_QR_LIGHT,
    KF_QR_DARK,
    KF_QR_LIGHT_OVER_DARK,
    KF_QR_DARK_OVER_LIGHT
} kf_qr_cell;

typedef struct kf_qr_look {
    bool invert; /* light on dark; most readers refuse it */
    bool wide;   /* two spaces a module: no glyph, so no gaps between rows can hurt */
    int quiet;   /* modules around the code; 0: four, or two where four do not fit */
} kf_qr_look;

typedef struct kf_qr {
    int rows, cols; /* cells */
    int quiet;      /* modules */
    char level;     /* error correction: 'M' or 'L' */
    uint8_t *cell;  /* rows * cols of kf_qr_cell */
} kf_qr;

/* The best that fits: M then L, quiet zone 4 then 2. NULL: err, usually KF_ERR_USAGE_BAD with what
 * is missing in *lack_rows and *lack_cols (0: enough); KF_ERR_SYS_IO when libqrencode is not there,
 * KF_ERR_USAGE_BAD with no lack when the text is too long for any code. Caller frees. */
kf_qr *kf_qr_new(const kf_secret *text, int rows, int cols, const kf_qr_look *look, int *lack_rows,
                 int *lack_cols, kf_err *err);
kf_qr *kf_qr_free(kf_qr *q); /* wipes; returns NULL */
KF_AUTO_DEFINE(kf_qr);

static inline kf_qr_cell kf_qr_at(const kf_qr *q, int row, int col) {
    return (kf_qr_cell)q->cell[(size_t)row * (size_t)q->cols + (size_t)col];
}

/* Colours of a terminal, by how many it has. */
typedef enum kf_qr_colours { KF_QR_256, KF_QR_16, KF_QR_8, KF_QR_MONO } kf_qr_colours;
kf_qr_colours kf_qr_colours_of(int colours); /* 256 or more, 16, 8, fewer */
/* Appends the code as lines of text with SGR sequences. MONO: reverse video is light. False: b is
 * full. */
KF_CHECK bool kf_qr_print(const kf_qr *q, kf_qr_colours colours, kf_buf *b);
