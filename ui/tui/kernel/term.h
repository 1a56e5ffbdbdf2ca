#pragma once
/* The terminal: paint.c puts grids on it, keys.c reads it. The only two files that know ncurses. */
#include <stdbool.h>
#include "base/err.h"
#include "base/secret.h"
#include "ui/common/grid.h"
#include "ui/tui/kernel/key_decoder.h"

typedef struct kf_term_info {
    int rows, cols;
    bool ascii, ctrl_s;
    bool marks_pastes; /* as far as its name tells */
} kf_term_info;

/* paint.c */
KF_CHECK bool kf_term_open(kf_err *err); /* KF_ERR_USAGE_BAD: TERM is not known */
void kf_term_info_get(kf_term_info *out);
void kf_term_resized(void); /* after SIGWINCH */
void kf_term_paint(const kf_grid *g);
void kf_term_forget(void); /* the next paint draws everything */
/* Overwrites what is shown, erases it and gives the terminal back as it was. Without effect when
 * closed. */
void kf_term_close(void);
/* After a suspension. kf_term_close() came before, unless another program stopped this one. */
KF_CHECK bool kf_term_resume(kf_err *err);

/* keys.c */
void kf_keys_setup(void); /* called by kf_term_open */
/* The next key or paste that has arrived, or arrives within wait_ms. Only the end of the input or
 * an error that stays is KF_INPUT_END. */
void kf_keys_next(int wait_ms, kf_input *out);
/* How long the decoder waits for more bytes before kf_keys_expire() is called; 0: for nothing. */
int kf_keys_wait_ms(void);
void kf_keys_expire(void);
kf_decoder_inside kf_keys_inside(void); /* what swallows keys */
