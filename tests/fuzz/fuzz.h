#pragma once
/* What the fuzz targets share. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void hold(bool truth) {
    if (!truth) abort();
}

typedef struct fuzz_input {
    const uint8_t *p;
    size_t n;
} fuzz_input;

static inline unsigned fuzz_byte(fuzz_input *in) { return in->n ? (in->n--, *in->p++) : 0; }

/* The next n bytes at most as a string; caller frees. */
static inline char *fuzz_text(fuzz_input *in, size_t n) {
    if (n > in->n) n = in->n;
    char *s = strndup((const char *)in->p, n);
    hold(s != NULL);
    in->p += n;
    in->n -= n;
    return s;
}
