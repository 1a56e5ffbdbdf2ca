/* Factors of the person who is signed in, setting one up and deleting one. */
#include "base/str.h"
#include "ui/tui/parts/items.h"
#include "ui/tui/parts/widget.h"
#include "ui/tui/places/tabs.h"

static const char *const factor_keys[] = {"id", "type", "created_at", "updated_at", NULL};
enum { ID, TYPE, MADE, CHANGED };

static void factors_load(void *st, const kf_model *m, const kf_mprofile *p, kf_out *o) {
    kf_items_load(st, m, "ListFactors", p->id, o);
}

static bool factors_result(void *st, const kf_event *ev) {
    return kf_items_result(st, ev, "factors", factor_keys);
}

static bool factors_missing(const void *st, const kf_mprofile *p) { return kf_items_missing(st); }
static bool factors_count(const void *st, size_t *n) { return kf_items_count(st, n); }
static bool factors_wait(const void *st) { return ((const kf_items *)st)->call != 0; }
static void factors_done(void *st) { kf_items_done(st); }

static bool factors_copy(const void *st, const kf_model *m, const kf_mprofile *p, kf_copy *out) {
    const kf_item *i = kf_items_at(st);
    if (i) kf_copy_set(out, "factor ID", i->text[ID]);
    return i != NULL;
}

static const char *factor_word(const char *type) {
    return kf_str_eq(type, "totp")  ? "Authenticator app"
           : kf_str_eq(type, "sms") ? "Text message"
                                    : type;
}

/* --- what keys do ----------------------------------------------------------------------- */

static void delete_factor(const kf_item *i, const kf_mprofile *p, kf_out *o) {
    char about[120], made[24];
    if (!i) return;
    kf_time_short(i->text[MADE], made);
    snprintf(about, sizeof about, "the %.40s of %s", factor_word(i->text[TYPE]), made);
    kf_args a = {.what = KF_TYPED_FACTOR, .title = about};
    memcpy(a.profile, p->id, sizeof a.profile);
    if (kf_str_set(a.item, sizeof a.item, i->text[ID])) kf_out_push(o, &kf_screen_typed, &a);
}

static bool factors_act(void *st, const kf_model *m, const kf_mprofile *p, kf_action act,
                        kf_out *o) {
    if (kf_items_move(st, act)) return true;
    if (act == KF_DO_DELETE) delete_factor(kf_items_at(st), p, o);
    else if (act == KF_DO_ENROLL) {
        kf_args a = {0};
        memcpy(a.profile, p->id, sizeof a.profile);
        kf_out_push(o, &kf_screen_enroll, &a);
    } else return false;
    return true;
}

static const char *factors_why_not(const void *st, kf_action act) {
    const kf_items *l = st;
    if (act == KF_DO_DETAILS) return l->failed ? NULL : "there is no error to explain";
    if (act == KF_DO_ENROLL) return l->loaded ? NULL : "the factors are not known yet";
    return kf_items_at(l) ? NULL : "there is no factor to delete";
}

/* --- drawing ---------------------------------------------------------------------------- */

static int factors_draw(const void *st, const kf_model *m, const kf_mprofile *p, bool details,
                        kf_grid *g, kf_rect r) {
    const kf_items *l = st;
    int y = r.y;
    if (l->loaded && !l->n) {
        kf_grid_wrap(g, y, r.x, r.cols, 3, KF_INK_TEXT,
                     "No factors yet. a sets up an authenticator app.", true);
        return r.rows;
    }
    if (kf_items_draw_none(l, m, "factors", details, g, r)) return r.rows;
    if (r.rows >= 8) {
        kf_grid_text(g, y, r.x, r.cols, KF_INK_DIM,
                     r.cols >= 60 ? "FACTOR             SET UP (UTC)      ID"
                                  : "FACTOR             SET UP (UTC)");
        y++;
    }
    int rows = r.y + r.rows - y;
    size_t top = kf_scroll_top(l->cur, l->n, rows);
    for (int k = 0; k < rows && top + (size_t)k < l->n; k++) {
        const kf_item *i = &l->item[top + (size_t)k];
        char made[24];
        kf_time_short(i->text[MADE], made);
        kf_grid_text(g, y + k, r.x, 18, KF_INK_STRONG, factor_word(i->text[TYPE]));
        kf_grid_text(g, y + k, r.x + 19, 16, KF_INK_TEXT, made);
        if (r.cols >= 60) kf_grid_text(g, y + k, r.x + 37, r.cols - 37, KF_INK_DIM, i->text[ID]);
        kf_items_mark(l, top + (size_t)k, g, y + k, r);
    }
    return r.rows;
}

const kf_tab kf_tab_factors = {.is_listed = true,
                               .copy = factors_copy,
                               .name = "Factors",
                               .only = "only at the factors",
                               .state_size = sizeof(kf_items),
                               .own = {KF_DO_ENROLL},
                               .takes = {KF_DO_DELETE, KF_DO_DETAILS},
                               .hints = {KF_DO_BACK, KF_DO_COPY, KF_DO_SIGN_IN, KF_DO_EXPORT,
                                         KF_DO_YANK, KF_DO_DELETE, KF_DO_ENROLL, KF_DO_REDRAW,
                                         KF_DO_DETAILS},
                               .method = {"DeleteFactor"},
                               .load = factors_load,
                               .is_missing = factors_missing,
                               .result = factors_result,
                               .act = factors_act,
                               .why_not = factors_why_not,
                               .draw = factors_draw,
                               .count = factors_count,
                               .waits = factors_wait,
                               .done = factors_done};
