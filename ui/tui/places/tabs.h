#pragma once
/* The tabs of one profile. A tab is a state and functions, as a screen is: tab_x.c has one, this
 * list names it, profile.c does the rest. */
#include "ui/tui/places/places.h"

/* In the order shown. */
#define KF_TABS(X) X(OVERVIEW, overview) X(CLAIMS, claims) X(SESSIONS, sessions) X(FACTORS, factors)
#define KF_TAB_ENUM(NAME, name) KF_TAB_##NAME,
enum { KF_TABS(KF_TAB_ENUM) KF_TAB_COUNT }; /* kf_args.what of profile */

typedef struct kf_tab {
    const char *name;      /* "Sessions" */
    const char *only;      /* why its own actions are not possible elsewhere; NULL: it has none */
    size_t state_size;     /* zeroed when the profile is opened */
    kf_action own[4];      /* its actions that no other tab has */
    kf_action takes[4];    /* what it does in the place of the profile's */
    kf_action hints[12];   /* for the key line */
    bool is_listed;        /* a list of WorkOS: there is none without a session */
    const char *method[2]; /* jobs after which it is loaded again */
    /* All may be NULL but draw. p is never NULL. */
    void (*load)(void *st, const kf_model *m, const kf_mprofile *p, kf_out *o);
    bool (*is_missing)(const void *st, const kf_mprofile *p); /* it has to be loaded */
    bool (*result)(void *st, const kf_event *ev);             /* true: it was about this tab */
    bool (*act)(void *st, const kf_model *m, const kf_mprofile *p, kf_action act, kf_out *o);
    const char *(*why_not)(const void *st, kf_action act); /* of own and takes */
    int (*draw)(const void *st, const kf_model *m, const kf_mprofile *p, bool details, kf_grid *g,
                kf_rect r); /* rows that it took */
    /* What y copies; false: nothing. */
    bool (*copy)(const void *st, const kf_model *m, const kf_mprofile *p, kf_copy *out);
    bool (*count)(const void *st, size_t *); /* the rows, when they are known */
    bool (*waits)(const void *st);           /* for an answer */
    void (*done)(void *st);
} kf_tab;

#define KF_TAB_EXTERN(NAME, name) extern const kf_tab kf_tab_##name;
KF_TABS(KF_TAB_EXTERN)
