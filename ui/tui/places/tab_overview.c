/* Overview: what keyfob knows of the profile without asking, a fact a row. */
#include "base/str.h"
#include "ui/tui/parts/widget.h"
#include "ui/tui/places/profile_facts.h"
#include "ui/tui/places/tabs.h"

typedef struct overview {
    size_t cur;
} overview;

static bool overview_act(void *st, const kf_model *m, const kf_mprofile *p, kf_action act,
                         kf_out *o) {
    overview *s = st;
    if (!kf_is_move(act)) return false;
    kf_fact_page f = {0};
    kf_profile_facts(&f, m, p, false);
    s->cur = kf_page_facts_move(&f, s->cur, act);
    kf_page_done(&f);
    return true;
}

static bool overview_copy(const void *st, const kf_model *m, const kf_mprofile *p, kf_copy *out) {
    const overview *s = st;
    kf_fact_page f = {0};
    kf_profile_facts(&f, m, p, false);
    bool any = s->cur < f.n && f.row[s->cur].copy[0];
    if (any) kf_copy_set(out, "value", f.row[s->cur].copy);
    kf_page_done(&f);
    return any;
}

static bool is_wrong(const kf_mprofile *p) {
    return p->failed && p->state != KF_PS_SIGNED_IN && p->state != KF_PS_SIGNED_OUT;
}

static int overview_draw(const void *st, const kf_model *m, const kf_mprofile *p, bool details,
                         kf_grid *g, kf_rect r) {
    const overview *s = st;
    kf_fact_page f = {0};
    int y = r.y;
    if (is_wrong(p)) { /* what a person came for */
        y += kf_error_draw(g, r, "", &p->failure, false);
        y += r.cols >= 60;
    }
    kf_profile_facts(&f, m, p, false);
    size_t cur = s->cur < f.n ? s->cur : f.n ? f.n - 1 : 0;
    y += kf_page_facts_draw(&f, cur, r.cols < 60 ? 13 : 15, g,
                            (kf_rect){y, r.x, r.y + r.rows - y, r.cols});
    kf_page_done(&f);
    return y - r.y;
}

const kf_tab kf_tab_overview = {.name = "Overview",
                                .state_size = sizeof(overview),
                                .hints = {KF_DO_BACK, KF_DO_COPY, KF_DO_SIGN_IN, KF_DO_EXPORT,
                                          KF_DO_YANK, KF_DO_RENEW, KF_DO_ORGANIZATION, KF_DO_CLAIMS,
                                          KF_DO_SIGN_OUT, KF_DO_EDIT, KF_DO_DETAILS, KF_DO_DELETE},
                                .act = overview_act,
                                .copy = overview_copy,
                                .draw = overview_draw};
