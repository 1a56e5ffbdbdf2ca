#pragma once
/* Bytes of the terminal to keys and pastes. Pure: no terminal, no clock, no ncurses. Whatever is
 * not a known key is swallowed whole, because terminals also send replies, reports and events that
 * no person typed. */
#include <stdbool.h>
#include <stddef.h>
#include "base/secret.h"

enum {
    KF_KEY_ALT = 0x400000,    /* added to a key that was typed with Alt */
    KF_DECODER_CHUNK = 1024,  /* bytes of one feed */
    KF_DECODER_PASTE = 16384, /* bytes of one paste */
    KF_DECODER_KEYS = 256     /* sequences that can be learned */
};

typedef enum kf_input_kind {
    KF_INPUT_NONE,
    KF_INPUT_KEY,
    KF_INPUT_PASTE,
    KF_INPUT_BAD, /* bytes that are not UTF-8; they were dropped */
    KF_INPUT_END  /* the terminal is gone; the decoder never gives it */
} kf_input_kind;

typedef struct kf_input {
    kf_input_kind kind;
    int key;
    kf_secret *paste; /* the receiver frees it */
    size_t lost;      /* bytes of the paste over KF_DECODER_PASTE */
} kf_input;

typedef struct kf_key_decoder kf_key_decoder;

kf_key_decoder *kf_key_decoder_new(void); /* knows the keys of xterm and its descendants */
kf_key_decoder *kf_key_decoder_free(kf_key_decoder *d);
/* A sequence of terminfo. KF_KEY_NONE: swallowed, for sequences that end against the rules of
 * ECMA-48. Ignored if the sequence would end another one early. */
#define KF_KEY_NONE (-1)
void kf_key_decoder_learn(kf_key_decoder *d, const char *seq, int key);

/* The bytes of one read, at most KF_DECODER_CHUNK; everything fed before has to be taken. */
void kf_key_decoder_feed(kf_key_decoder *d, const void *bytes, size_t n);
/* The next key or paste in what was fed. False: none. */
bool kf_key_decoder_next(kf_key_decoder *d, kf_input *out);
/* What only time can tell: whether Escape is the key or begins a sequence. Once it was the key,
 * what follows may still be the rest of a sequence that the network has held back. */
typedef enum kf_decoder_wait {
    KF_WAIT_NOTHING,
    KF_WAIT_ESC,    /* Escape arrived, alone */
    KF_WAIT_WINDOW, /* Escape was the key; a rest may follow */
    KF_WAIT_REST    /* a character that may begin a rest */
} kf_decoder_wait;
kf_decoder_wait kf_key_decoder_waits(const kf_key_decoder *d);
void kf_key_decoder_expire(kf_key_decoder *d); /* that time has passed */
/* A reply or a paste has begun and its end has not arrived, so keys are swallowed. */
typedef enum kf_decoder_inside {
    KF_INSIDE_NOTHING,
    KF_INSIDE_REPLY,
    KF_INSIDE_PASTE
} kf_decoder_inside;
kf_decoder_inside kf_key_decoder_inside(const kf_key_decoder *d);
