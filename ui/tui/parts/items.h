#pragma once
/* A list that the agent gives in parts: organizations, sessions, factors. Texts are safe to show.
 */
#include "ui/tui/kernel/screen.h"

enum { KF_ITEM_TEXTS = 8, KF_ITEMS_MAX = 10000 };

typedef struct kf_item {
    char *text[KF_ITEM_TEXTS]; /* in the order of the keys; "" when it has none; [0] is the id as it
                                  came */
    bool current;
} kf_item;

typedef struct kf_items {
    uint32_t call;       /* 0: nothing is under way */
    bool loaded, failed; /* all of it is here; err */
    kf_err err;
    kf_item *item;
    size_t n, cur;
    int64_t since_ms;
} kf_items;

void kf_items_load(kf_items *l, const kf_model *m, const char *method, const char *profile,
                   kf_out *o); /* from the beginning */
/* True: the event was about this list. keys[0] is the id; NULL ends. */
bool kf_items_result(kf_items *l, const kf_event *ev, const char *list, const char *const keys[]);
void kf_items_done(kf_items *l);
const kf_item *kf_items_at(const kf_items *l); /* the row of the cursor; NULL none */
/* What there is instead of rows: waiting, the error, or nothing. Returns rows; 0: there are items.
 */
int kf_items_draw_none(const kf_items *l, const kf_model *m, const char *what, bool details,
                       kf_grid *g, kf_rect r);
bool kf_items_missing(const kf_items *l);          /* neither here nor asked for */
bool kf_items_count(const kf_items *l, size_t *n); /* false: not known */
bool kf_items_move(kf_items *l, kf_action act);    /* false: no movement, or nothing to move in */
/* What shows that row i has the cursor, on a row that is drawn. */
void kf_items_mark(const kf_items *l, size_t i, kf_grid *g, int y, kf_rect r);
void kf_time_short(const char *iso,
                   char out[24]); /* "2026-11-23 14:02" of an ISO time, in UTC as it came */
