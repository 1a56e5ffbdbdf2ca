/* Bytes -> a few tokens and a stream in pieces, with pauses. A small alphabet, so that tokens
 * overlap with themselves and each other. However it is cut, the same is hidden as in one piece;
 * with pauses too, no token and no part of one is whole in what comes out; and without a long pause
 * nothing is lost that was not hidden. */
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"
#include "ui/cli/exec_mask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct input {
    const uint8_t *p;
    size_t n;
} input;

enum { TOKENS = 3, STREAM_MAX = 4096 };

static unsigned byte(input *in) { return in->n ? (in->n--, *in->p++) : 0; }

static void hold(bool truth) {
    if (!truth) abort();
}

static size_t text(input *in, char *out, size_t n) {
    size_t k = 0;
    while (k < n && in->n) out[k++] = "ab.\n"[byte(in) & 3];
    return k;
}

/* A part that the filter hides by itself, or whole. */
static void absent(const kf_buf *out, const char *p, size_t n) {
    hold(n < KF_MASK_TOKEN_MIN || !out->len || !memmem(out->data, out->len, p, n));
}

static void check(const kf_buf *out, const char *t, size_t n) {
    const char *dot = memchr(t, '.', n),
               *second = dot ? memchr(dot + 1, '.', n - (size_t)(dot + 1 - t)) : NULL;
    absent(out, t, n);
    if (!second) return;
    absent(out, dot + 1, (size_t)(second - dot - 1));
    absent(out, second + 1, n - (size_t)(second + 1 - t));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input in = {data, size};
    KF_AUTO(kf_mask_words) w = kf_mask_words_new();
    char token[TOKENS][64], stream[STREAM_MAX];
    size_t len[TOKENS] = {0}, total = 0;
    bool paused = false, paused_long = false;
    for (int i = 0; i < TOKENS; i++) {
        len[i] = text(&in, token[i], KF_MASK_TOKEN_MIN + byte(&in) % 48);
        KF_AUTO(kf_secret) s = kf_secret_new(token[i], len[i]);
        hold(kf_mask_words_add(w, s) == (len[i] >= KF_MASK_TOKEN_MIN));
        if (len[i] < KF_MASK_TOKEN_MIN) len[i] = 0;
    }
    kf_mask m, whole;
    kf_buf out, once;
    kf_buf_init(&out, 1 << 20);
    kf_buf_init(&once, 1 << 20);
    kf_mask_init(&m, w);
    kf_mask_init(&whole, w);
    while (in.n) {
        unsigned what = byte(&in);
        char piece[64];
        size_t n = 0;
        if (what < 32) n = text(&in, piece, what);
        else if (what < 128 && len[what % TOKENS]) { /* a part of a token, often all of it */
            size_t all = len[what % TOKENS], from = what & 64 ? byte(&in) % all : 0;
            n = what & 32 ? all - from : byte(&in) % (all - from + 1);
            memcpy(piece, token[what % TOKENS] + from, n);
        } else if (what < 192) kf_mask_pause(&m, false, &out), paused = true;
        else kf_mask_pause(&m, true, &out), paused_long = true;
        if (total + n > sizeof stream) break;
        memcpy(stream + total, piece, n);
        total += n;
        kf_mask_feed(&m, piece, n, &out);
        hold(kf_mask_waiting(&m) < 64 && m.held.len < 64);
    }
    kf_mask_end(&m, &out);
    kf_mask_feed(&whole, stream, total, &once);
    kf_mask_end(&whole, &once);
    for (int i = 0; i < TOKENS; i++)
        if (len[i]) check(&once, token[i], len[i]), check(&out, token[i], len[i]);
    if (!paused && !paused_long)
        hold(out.len == once.len && (!out.len || !memcmp(out.data, once.data, out.len)));
    if (!paused_long) hold(out.len >= once.len); /* early letters come on top */
    kf_mask_done(&m);
    kf_mask_done(&whole);
    kf_buf_done(&out);
    kf_buf_done(&once);
    return 0;
}
