#pragma once
/* The terminal: paint.c puts grids on it, keys.c reads it. The only two files that know ncurses. */
#include <stdbool.h>
#include "base/err.h"
#include "base/secret.h"
#include "ui/common/grid.h"

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
/* Overwrites what is shown, erases it and gives the terminal back as it was (ui.md §4.1: a cleared
 * screen goes into tmux's history, an overwritten one does not). Without effect when closed. */
void kf_term_close(void);
KF_CHECK bool kf_term_resume(kf_err *err); /* after a suspension: kf_term_close() in between */

/* keys.c */
void kf_keys_setup(void); /* called by kf_term_open */
typedef enum kf_input_kind {
    KF_INPUT_NONE,
    KF_INPUT_KEY,
    KF_INPUT_PASTE,
    KF_INPUT_END /* the terminal is gone */
} kf_input_kind;
/* The next key or paste that has arrived, or arrives within wait_ms. A paste is a secret that the
 * caller frees; *lost is how many bytes did not fit. */
kf_input_kind kf_keys_next(int wait_ms, int *key, kf_secret **paste, size_t *lost);
