#pragma once
/* A growing byte buffer with a hard maximum, wiped when it moves or ends.
 * Over the maximum every append fails and the buffer stays as it was. */
#include <stdbool.h>
#include <stddef.h>

typedef struct kf_buf {
    char *data; /* NUL after len bytes once anything was appended; NULL when empty */
    size_t len, cap, max;
    bool full; /* an append has failed since _init or _clear; a shorter one may have succeeded since
                */
} kf_buf;

void kf_buf_init(kf_buf *b, size_t max);
void kf_buf_done(kf_buf *b);  /* wipes, frees; usable again after _init */
void kf_buf_clear(kf_buf *b); /* wipes the content, keeps the room */
bool kf_buf_add(kf_buf *b, const void *p, size_t n);
bool kf_buf_adds(kf_buf *b, const char *s);
bool kf_buf_addf(kf_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void kf_buf_drop(kf_buf *b, size_t n); /* removes the first n bytes */
char *kf_buf_steal(kf_buf *b);         /* heap string (never NULL), caller frees; buffer empty */
