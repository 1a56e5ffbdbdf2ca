#pragma once
/* A page of facts: a label and its value each, with a cursor as a list has, so that every value can
 * be copied. */
#include "ui/tui/kernel/screen.h"

typedef struct kf_fact_row {
    char *label, *text; /* text "" and head: a heading of its own */
    char *copy;         /* what y copies: whole, in one line; "" nothing */
    kf_ink ink;
    bool gap, head; /* gap: a blank row before it, where there is room */
} kf_fact_row;

typedef struct kf_fact_page {
    kf_fact_row *row;
    size_t n;
    bool gap; /* before the next one */
} kf_fact_page;

#define KF_NO_CURSOR SIZE_MAX

/* Adds a row unless its text is empty; it is copied as it stands. */
void kf_page_fact(kf_fact_page *f, const char *label, kf_ink ink, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void kf_page_head(kf_fact_page *f, const char *text);
void kf_page_copies(kf_fact_page *f, const char *text); /* of the row that was added last */
void kf_page_done(kf_fact_page *f);
/* So that the row of the cursor is visible. label: columns of the labels. Returns the rows that it
 * took. */
int kf_page_facts_draw(const kf_fact_page *f, size_t cur, int label, kf_grid *g, kf_rect r);
size_t kf_page_facts_move(const kf_fact_page *f, size_t cur, kf_action act); /* over headings */
