#pragma once
/* A QR code with words beside or under it: the whole code or nothing, in colours of its own
 *. What does not fit is named, and the words say what to do without it. */
#include "base/secret.h"
#include "ui/common/qr.h"
#include "ui/tui/kernel/screen.h"

enum { KF_PANE_HIDE_MS = 5 * 60 * 1000, KF_PANE_STUCK_MS = 30 * 1000 };

typedef struct kf_pane {
    kf_qr_look look;
    bool hidden;      /* until v */
    int64_t since_ms; /* shown since; 0: not yet */
} kf_pane;

void kf_pane_begin(kf_pane *p, const kf_model *m);             /* only the first time counts */
bool kf_pane_do(kf_pane *p, const kf_model *m, kf_action act); /* i w + v; false: none of them */
const char *kf_pane_why_not(const kf_pane *p, bool code, kf_action act);
void kf_pane_tick(kf_pane *p, const kf_model *m); /* hides it when its time is over */
/* Draws the code at the left end or the top of body, if a column or a block of words has room
 * beside or under it. Returns the place for the words. why: "", or why there is no code. */
kf_rect kf_pane_code(const kf_pane *p, const kf_secret *text, kf_rect body, kf_grid *g, char *why,
                     size_t size);
/* Words in more or less detail: the most that fits is drawn. Returns the rows that it took. */
typedef int (*kf_words_draw)(const void *arg, int detail, kf_grid *g, kf_rect r);
int kf_words_fit(kf_grid *g, kf_rect r, int most, kf_words_draw draw, const void *arg);
/* In groups of four. Returns rows. */
int kf_key_draw(kf_grid *g, int y, int x, int cols, const kf_secret *key);

/* Setting up an authenticator app, in a sign-in or on its own. */
typedef struct kf_setup {
    const char *profile, *said; /* said: about the last answer, "" nothing */
    bool bad;                   /* said is no good news */
    const kf_secret *uri, *key; /* key: NULL none */
    const struct kf_line *line;
    bool busy;           /* a code is being checked */
    const char *leaving; /* what happens when one leaves now */
} kf_setup;
void kf_setup_draw(const kf_setup *s, const kf_pane *p, const kf_model *m, const kf_view *v,
                   kf_grid *g);
