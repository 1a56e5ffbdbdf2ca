/* The growing byte buffer. Old bytes are wiped when it moves, so it never uses realloc. */
#include "base/buf.h"

#include <stdarg.h>
#include "base/secret.h"

void kf_buf_init(kf_buf *b, size_t max) { *b = (kf_buf){.max = max}; }

void kf_buf_done(kf_buf *b) {
    kf_wipe(b->data, b->cap);
    free(b->data);
    *b = (kf_buf){.max = b->max};
}

void kf_buf_clear(kf_buf *b) {
    kf_wipe(b->data, b->len);
    b->len = 0;
    b->full = false;
}

/* Room for n more bytes and the NUL. realloc would leave the old bytes behind. */
static bool reserve(kf_buf *b, size_t n) {
    if (n > b->max || b->len > b->max - n) return b->full = true, false;
    size_t need = b->len + n + 1;
    if (need <= b->cap) return true;
    size_t cap = b->cap ? b->cap : 64;
    while (cap < need) cap *= 2;
    char *p = malloc(cap);
    if (!p) return b->full = true, false;
    if (b->len) memcpy(p, b->data, b->len);
    p[b->len] = 0;
    kf_wipe(b->data, b->cap);
    free(b->data);
    b->data = p;
    b->cap = cap;
    return true;
}

bool kf_buf_add(kf_buf *b, const void *p, size_t n) {
    if (!reserve(b, n)) return false;
    if (n) memcpy(b->data + b->len, p, n);
    b->len += n;
    b->data[b->len] = 0;
    return true;
}

bool kf_buf_adds(kf_buf *b, const char *s) { return kf_buf_add(b, s, strlen(s)); }

bool kf_buf_addf(kf_buf *b, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    bool ok = n >= 0 && reserve(b, (size_t)n);
    if (ok) {
        vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
    return ok;
}

void kf_buf_drop(kf_buf *b, size_t n) {
    if (n > b->len) n = b->len;
    if (!n) return;
    memmove(b->data, b->data + n, b->len - n);
    kf_wipe(b->data + b->len - n, n);
    b->len -= n;
    b->data[b->len] = 0;
}

char *kf_buf_steal(kf_buf *b) {
    char *p = b->data;
    if (!p) {
        p = calloc(1, 1);
        if (!p) abort();
    }
    *b = (kf_buf){.max = b->max};
    return p;
}
