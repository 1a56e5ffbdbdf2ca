#pragma once
/* Scope-bound release: KF_AUTO(kf_secret) s = kf_secret_new(...); frees on every
 * way out. A type takes part by having kf_x_free(x *) and one KF_AUTO_DEFINE line. */
#include <stdlib.h>

#define KF_AUTO_DEFINE(type)                                       \
    static inline void type##_freep(type **p) { type##_free(*p); } \
    typedef int type##_has_auto
#define KF_AUTO(type) __attribute__((cleanup(type##_freep))) type *

static inline void kf_chars_freep(char **p) { free(*p); }
#define KF_AUTO_CHARS __attribute__((cleanup(kf_chars_freep))) char *

/* Take the value and leave NULL behind: return KF_TAKE(s); */
#define KF_TAKE(p)                  \
    __extension__({                 \
        __typeof__(p) taken_ = (p); \
        (p) = NULL;                 \
        taken_;                     \
    })
#define KF_LEN(a) (sizeof(a) / sizeof *(a))
#define KF_CHECK __attribute__((warn_unused_result))
