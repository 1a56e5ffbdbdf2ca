#pragma once
/* The states of a session, once: their names in the interface, the words a person reads, and what
 * they mean for a client. */
#include <stdbool.h>

/* X(id, name, words of at most 13 columns, a person is needed, no token can come from it) */
#define KF_STATES(X)                                               \
    X(SIGNED_IN, "signed_in", "signed in", false, false)           \
    X(RENEWING, "renewing", "renewing", false, false)              \
    X(SIGNED_OUT, "signed_out", "not signed in", false, true)      \
    X(NEEDS_SIGN_IN, "needs_sign_in", "needs sign-in", true, true) \
    X(OFFLINE, "offline", "offline", false, false)                 \
    X(LOCKED, "locked", "locked", false, false)                    \
    X(UNSAVED, "unsaved", "unsaved", true, false)                  \
    X(STALE, "stale", "stale", true, false)                        \
    X(ERROR, "error", "error", true, false)
#define KF_STATE_ENUM(id, name, words, person, over) KF_PS_##id,

typedef enum kf_pstate { KF_STATES(KF_STATE_ENUM) KF_PS_COUNT } kf_pstate;

/* KF_PS_COUNT: a name that this client does not know. */
kf_pstate kf_state_find(const char *name);
const char *kf_state_words(kf_pstate s); /* "needs sign-in" */
bool kf_state_needs_person(kf_pstate s);
bool kf_state_is_over(kf_pstate s); /* sign in first */
