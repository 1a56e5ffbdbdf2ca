#pragma once
/* The filter of exec --mask: bytes in, bytes out, tokens replaced. Pure: no clock, no descriptors;
 * the caller says when nothing came for a while.
 *
 * Hidden are a token as a whole (and so the Authorization header around it), its payload and its
 * signature, and a token that is cut off inside its signature. Not hidden is what looks different:
 * base64 or other encodings of it, a token with line breaks or colours inside it. */
#include <stdbool.h>
#include <stddef.h>
#include "base/buf.h"
#include "base/secret.h"

#define KF_MASK_TEXT "[keyfob: token]"
enum {
    KF_MASK_TOKEN_MIN = 16,
    KF_MASK_TOKEN_MAX = 65536,
    KF_MASK_TOKENS = 32,
    KF_MASK_CHUNK = 16384
};

/* What is hidden; shared by the streams of a child. */
typedef struct kf_mask_words kf_mask_words;
kf_mask_words *kf_mask_words_new(void);
kf_mask_words *kf_mask_words_free(kf_mask_words *w); /* NULL is fine; returns NULL */
/* From now on this token as well; of more than KF_MASK_TOKENS the oldest is given up (it expired
 * long ago). token copied. false: shorter or longer than can be masked; nothing changed. */
KF_CHECK bool kf_mask_words_add(kf_mask_words *w, const kf_secret *token);
KF_AUTO_DEFINE(kf_mask_words);

/* One stream. held begins with what may be the beginning of something hidden. */
typedef struct kf_mask {
    const kf_mask_words *words; /* borrowed */
    kf_buf held;
    size_t told;   /* so many bytes of held the reader has had already, as they are or replaced */
    bool replaced; /* the last of them replaced */
} kf_mask;

void kf_mask_init(kf_mask *m, const kf_mask_words *words);
void kf_mask_done(kf_mask *m);
/* Appends to out what can be said of the stream now. out needs room for held and n bytes; n at most
 * KF_MASK_CHUNK. */
void kf_mask_feed(kf_mask *m, const void *p, size_t n, kf_buf *out);
/* Bytes that the reader has not had yet: so many are waiting for what comes next. */
size_t kf_mask_waiting(const kf_mask *m);
/* Nothing came for a moment: shows what gives nothing away (the first letters of a token, its
 * header). What goes on later is recognised all the same. with_rest: nothing came for long, and the
 * rest is shown too, as the replacement. */
void kf_mask_pause(kf_mask *m, bool with_rest, kf_buf *out);
/* The stream ended; m is empty afterwards. */
void kf_mask_end(kf_mask *m, kf_buf *out);
