#pragma once
/* The tabs of one profile: what is in them, how they are loaded and drawn.
 * profile.c has the tabs themselves and the keys. */
#include "ui/tui/parts/items.h"

/* Claims: what the token says, one row each. */
typedef struct kf_claim {
    char *name, *value;
    int64_t time; /* unix s, 0: no time */
    bool head;
} kf_claim;
typedef struct kf_claims_tab {
    uint32_t call;
    bool loaded, failed, asked; /* asked: to verify */
    int verified;               /* -1 not known */
    kf_err err, why;            /* of the call; why it is not verified */
    char *kid, *alg;
    kf_claim *row;
    size_t n;
    int64_t of; /* the renewal that they are of */
} kf_claims_tab;

void kf_claims_load(kf_claims_tab *t, const kf_mprofile *p, bool verify, kf_out *o);
bool kf_claims_result(kf_claims_tab *t, const kf_event *ev); /* true: it was about this tab */
void kf_claims_done(kf_claims_tab *t);
int kf_claims_draw(const kf_claims_tab *t, const kf_model *m, const kf_mprofile *p, bool details,
                   kf_grid *g, kf_rect r);

/* Sessions and factors are lists. */
extern const char *const kf_session_keys[], *const kf_factor_keys[];
enum {
    KF_SESSION_ID,
    KF_SESSION_STATUS,
    KF_SESSION_METHOD,
    KF_SESSION_IP,
    KF_SESSION_AGENT,
    KF_SESSION_MADE,
    KF_SESSION_ENDS,
    KF_SESSION_BY
};
enum { KF_FACTOR_ID, KF_FACTOR_TYPE, KF_FACTOR_MADE, KF_FACTOR_CHANGED };
void kf_sessions_draw(const kf_items *l, const kf_model *m, bool details, kf_grid *g, kf_rect r);
void kf_factors_draw(const kf_items *l, const kf_model *m, bool details, kf_grid *g, kf_rect r);
const char *kf_factor_word(const char *type); /* "Authenticator app" */
