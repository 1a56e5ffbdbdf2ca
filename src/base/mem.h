#pragma once
/* Memory that is there: out of memory ends the program, because no caller could do better. */
#include <stdlib.h>

static inline void *kf_zalloc(size_t n, size_t size) {
    void *p = calloc(n, size);
    if (!p) abort();
    return p;
}
#define kf_new(type) ((type *)kf_zalloc(1, sizeof(type)))
#define kf_new_array(type, n) ((type *)kf_zalloc((n) ? (n) : 1, sizeof(type)))

/* An array of n elements, with room for one more: it doubles at every power of two. */
static inline void *kf_grow(void *array, size_t n, size_t size) {
    if (n & (n - 1)) return array; /* and 0 & anything is 0 */
    void *p = reallocarray(array, n ? n * 2 : 1, size);
    if (!p) abort();
    return p;
}
