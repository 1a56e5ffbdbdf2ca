#pragma once
/* Text from elsewhere, made safe to show: one sanitiser for screen, streams
 * and log alike. */
#include <stddef.h>
#include <stdint.h>

/* Heap copy, caller frees: bad UTF-8 becomes U+FFFD; controls, bidi and zero-width characters,
 * tags, private use, variation selectors and soft hyphens are dropped; white space collapses to one
 * blank; at most two combining marks on a character. NULL gives "". */
char *kf_text_safe(const char *s);
/* JSON for a terminal: characters that kf_text_safe() would drop, and white space other than a
 * blank, become \uXXXX. The value stays the same. Heap copy, caller frees. */
char *kf_text_json(const char *json);
/* One code point, U+FFFD for a bad byte; returns the bytes it took (at least 1; 0 at the end). */
size_t kf_text_next(const char *s, uint32_t *out);
