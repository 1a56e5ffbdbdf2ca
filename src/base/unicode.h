#pragma once
/* What must not be shown as it is. The ranges in unicode.c are made by tests/unicode/make.c. */
#include <stdbool.h>
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

bool kf_unicode_is_hidden(uint32_t c);
bool kf_unicode_is_mark(uint32_t c);
