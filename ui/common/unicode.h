#pragma once
/* Ranges of code points, sorted, for text that is shown. unicode.c is made by tests/unicode/make.c.
 */
#include <stddef.h>
#include <stdint.h>

typedef struct kf_range {
    uint32_t from, to;
} kf_range;

/* Changes how the text around it looks, or looks like nothing: controls, format characters,
 * separators of lines, private use, characters that Unicode lets programs leave out. */
extern const kf_range kf_unicode_hidden[];
extern const size_t kf_unicode_hidden_n;
/* Goes onto the character before it. */
extern const kf_range kf_unicode_marks[];
extern const size_t kf_unicode_marks_n;
