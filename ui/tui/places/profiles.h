#pragma once
/* The list of profiles: its rows (profiles_rows.c), how they look (profiles_draw.c), and what keys
 * do (profiles.c). */
#include "ui/tui/parts/widget.h"
#include "ui/tui/places/places.h"

typedef enum kf_column {
    KF_COL_NAME,
    KF_COL_ENV,
    KF_COL_WHO,
    KF_COL_ORG,
    KF_COL_STATE,
    KF_COL_ENDS,
    KF_COL_USED,
    KF_COLUMNS
} kf_column;

typedef struct kf_profiles {
    uint32_t *order; /* slots of the model, in the order shown */
    size_t n, cap, cur;
    unsigned seen; /* kf_model.changes when order was made */
    kf_line filter;
    bool typing;
    bool partial; /* the order is one of a list that was not whole yet */
    bool touched; /* by a key: rows keep their places from then on */
    char at[17];  /* id under the cursor */
    int page;
    int sort; /* a kf_column; -1: the default first, then what was used last */
    bool reverse;
    int most[KF_COLUMNS]; /* the widest text of each column; 0: all are empty */
} kf_profiles;

const kf_mprofile *kf_profiles_at(const kf_profiles *s, const kf_model *m,
                                  size_t row); /* or NULL */
bool kf_profiles_match(const kf_profiles *s, const kf_mprofile *p);
void kf_profiles_find(kf_profiles *s, const kf_model *m); /* the row of s->at */
void kf_profiles_move(kf_profiles *s, const kf_model *m, size_t to);
void kf_profiles_sort(kf_profiles *s, const kf_model *m);     /* and filters, and measures */
void kf_profiles_filtered(kf_profiles *s, const kf_model *m); /* the filter has changed */
void kf_profiles_merge(kf_profiles *s, const kf_model *m);    /* the model has changed */
bool kf_profiles_next(kf_profiles *s, const kf_model *m);     /* that needs a person; false: none */
const char *kf_profiles_text(const kf_model *m, const kf_mprofile *p, kf_column c, char buf[16]);

void kf_profiles_draw(const void *st, const kf_model *m, const kf_view *v, kf_grid *g);
void kf_profiles_title(const void *st, const kf_model *m, bool compact, char *left, char *right,
                       size_t size);
void kf_profiles_about(const void *st, const kf_model *m, const kf_view *v, char *name, char *tail,
                       size_t size);
void kf_profiles_status(const void *st, const kf_model *m, bool compact, char *left, char *right,
                        size_t size);
