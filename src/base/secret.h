#pragma once
/* Bytes that must not be paged, dumped, logged or left behind. The type is
 * opaque, so "%s" of it does not compile, and the only way to the bytes is
 * kf_secret_peek(), whose callers tests/lint/peek.txt lists. They live in one
 * arena of ours (guard pages, mlock on fault, MADV_DONTDUMP, wiped when freed)
 * that is made at the first use. Thread-safe: the agent's worker uses it too. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"

typedef struct kf_secret kf_secret;

kf_secret *kf_secret_new(const void *bytes, size_t len); /* copies; aborts when out of memory */
kf_secret *kf_secret_zero(size_t len); /* len zero bytes, to be filled by kf_secret_edit() */
kf_secret *kf_secret_take(char *heap, size_t len); /* copies, then wipes and frees heap */
kf_secret *kf_secret_copy(const kf_secret *s);     /* NULL gives NULL */
kf_secret *kf_secret_trim(const kf_secret *s);     /* a copy without blanks around it */
kf_secret *kf_secret_free(kf_secret *s);           /* wipes; NULL is fine; returns NULL */
size_t kf_secret_len(const kf_secret *s);          /* NULL: 0 */
const char *
kf_secret_peek(const kf_secret *s); /* NUL after the last byte; NULL: ""; valid until _free */
char *kf_secret_edit(kf_secret *s); /* writable bytes, len of them */
bool kf_secret_eq(const kf_secret *a, const kf_secret *b); /* constant time for equal lengths */
bool kf_secret_is_text(const kf_secret *s);                /* no NUL inside */
bool kf_secret_locked(void);                               /* whether mlock worked so far */
/* Wipes memory in a way the compiler keeps; for buffers that are no kf_secret. */
void kf_wipe(void *p, size_t n);

KF_AUTO_DEFINE(kf_secret);
