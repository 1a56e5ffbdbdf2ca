/* One profile, opened: its tabs, and the keys that go between them. While it is open the agent
 * renews its token ahead of time. */
#include "base/mem.h"
#include "base/str.h"
#include "ui/tui/parts/env.h"
#include "ui/tui/parts/when.h"
#include "ui/tui/parts/widget.h"
#include "ui/tui/places/profile_do.h"
#include "ui/tui/places/tabs.h"

#define TAB_ROW(NAME, name) &kf_tab_##name,
static const kf_tab *const tabs[KF_TAB_COUNT] = {KF_TABS(TAB_ROW)};

typedef struct profile {
    char id[17];
    uint32_t watch;
    int tab;
    bool details;
    void *st[KF_TAB_COUNT];
} profile;

static const kf_mprofile *of(const void *st, const kf_model *m) {
    return kf_model_by_id(m, ((const profile *)st)->id);
}

static const kf_tab *tab_of(const profile *s) { return tabs[s->tab]; }
static void *state_of(const profile *s) { return s->st[s->tab]; }

/* --- what is in the tabs ---------------------------------------------------------------- */

static void load_tab(profile *s, const kf_model *m, kf_out *o) {
    const kf_mprofile *p = of(s, m);
    if (p && !kf_model_is_over(p) && tab_of(s)->load) tab_of(s)->load(state_of(s), m, p, o);
}

static void go_to(profile *s, const kf_model *m, int tab, kf_out *o) {
    s->tab = tab;
    s->details = false;
    load_tab(s, m, o);
}

static void init(void *st, const kf_model *m, const kf_args *args, kf_out *o) {
    profile *s = st;
    memcpy(s->id, args->profile, sizeof s->id);
    for (int i = 0; i < KF_TAB_COUNT; i++)
        if (tabs[i]->state_size && !(s->st[i] = calloc(1, tabs[i]->state_size))) abort();
    kf_json *params = kf_json_obj();
    kf_json_set_str(params, "open", s->id);
    s->watch = kf_out_stream(o, "Watch", params);
    if (args->what) go_to(s, m, args->what, o);
}

static void done(void *st) {
    profile *s = st;
    for (int i = 0; i < KF_TAB_COUNT; i++) {
        if (tabs[i]->done) tabs[i]->done(s->st[i]);
        free(s->st[i]);
    }
}

/* --- what keys do ----------------------------------------------------------------------- */

static void act(profile *s, const kf_model *m, const kf_mprofile *p, kf_action what, kf_out *o) {
    const kf_tab *t = tab_of(s);
    if (t->act && t->act(state_of(s), m, p, what, o)) return;
    switch (what) {
    case KF_DO_BACK:
        if (s->tab) go_to(s, m, KF_TAB_OVERVIEW, o);
        else kf_out_pop(o, 1);
        return;
    case KF_DO_NEXT: go_to(s, m, (s->tab + 1) % KF_TAB_COUNT, o); return;
    case KF_DO_PREV: go_to(s, m, (s->tab + KF_TAB_COUNT - 1) % KF_TAB_COUNT, o); return;
    case KF_DO_CLAIMS: go_to(s, m, KF_TAB_CLAIMS, o); return;
    case KF_DO_REDRAW: load_tab(s, m, o); return;
    case KF_DO_DETAILS:
        if (s->tab) s->details = !s->details;
        else kf_profile_do(m, p, what, o);
        return;
    default: kf_profile_do(m, p, what, o);
    }
}

static bool loads_after(const kf_tab *t, const char *method) {
    for (size_t i = 0; i < KF_LEN(t->method); i++)
        if (t->method[i] && kf_str_eq(t->method[i], method)) return true;
    return false;
}

static void update(void *st, const kf_model *m, const kf_event *ev, kf_out *o) {
    profile *s = st;
    const kf_mprofile *p = of(st, m);
    const kf_tab *t = tab_of(s);
    if (!p) {
        kf_out_pop(o, 1);
        return;
    }
    switch (ev->kind) {
    case KF_EV_DO: act(s, m, p, ev->act, o); return;
    case KF_EV_MODEL:
        if (t->is_missing && t->is_missing(state_of(s), p)) load_tab(s, m, o);
        return;
    case KF_EV_JOB:
        if (loads_after(t, ev->method)) load_tab(s, m, o);
        return;
    case KF_EV_RESULT:
        for (int i = 0; i < KF_TAB_COUNT; i++)
            if (tabs[i]->result && tabs[i]->result(s->st[i], ev)) return;
        return;
    default: return;
    }
}

/* --- drawing ---------------------------------------------------------------------------- */

static bool tab(const void *st, const kf_model *m, int i, char name[40], bool *is_active) {
    const profile *s = st;
    size_t n = 0;
    if (i >= KF_TAB_COUNT) return false;
    bool known = tabs[i]->count && tabs[i]->count(s->st[i], &n);
    snprintf(name, 40, known ? "%s %zu" : "%s", tabs[i]->name, n);
    *is_active = i == s->tab;
    return true;
}

static void draw(const void *st, const kf_model *m, const kf_view *v, kf_grid *g) {
    const profile *s = st;
    const kf_mprofile *p = of(st, m);
    const kf_tab *t = tab_of(s);
    if (!p) return;
    kf_rect r = v->body;
    kf_grid_cursor(g, r.y, r.x - 2);
    if (!t->is_listed && v->tier != KF_TIER_COMPACT) r.y++, r.rows--;
    if (t->is_listed && kf_model_is_over(p))
        kf_grid_text(g, r.y, r.x, r.cols, KF_INK_DIM,
                     kf_model_has_session(p) ? "The session is over. s signs in again."
                                             : "Nobody is signed in here. s signs in.");
    else t->draw(state_of(s), m, p, s->details, g, r);
}

static void title(const void *st, const kf_model *m, bool compact, char *left, char *right,
                  size_t size) {
    const profile *s = st;
    const kf_mprofile *p = of(st, m);
    char ends[12];
    if (!p) return;
    if (compact) snprintf(left, size, "%s  %s", p->name, tab_of(s)->name);
    else snprintf(left, size, "keyfob%s > %s", m->sandbox ? " sandbox" : "", p->name);
    size_t n = 0;
    if (p->environment[0] && !compact)
        n += (size_t)snprintf(right, size, "%s%.40s   ", kf_mark(kf_env_ink(p->environment)),
                              p->environment);
    n += (size_t)snprintf(right + n, size - n, "%s%s", kf_mark(kf_state_ink(p->state)),
                          kf_state_words(p->state));
    if (!p->session_ends_at || compact || kf_model_is_over(p)) return;
    kf_span(p->session_ends_at - m->wall, ends);
    snprintf(right + n, size - n, "   %sends %s", kf_mark(KF_INK_TEXT), ends);
}

static bool copy(const void *st, const kf_model *m, kf_copy *out) {
    const profile *s = st;
    const kf_mprofile *p = of(st, m);
    return p && tab_of(s)->copy && tab_of(s)->copy(state_of(s), m, p, out);
}

static void status(const void *st, const kf_model *m, bool compact, char *left, char *right,
                   size_t size) {
    const kf_mprofile *p = of(st, m);
    kf_copy c = {0};
    if (!p) return;
    if (p->impersonator[0])
        snprintf(left, size, "%sIMPERSONATED by %.100s", kf_mark(KF_INK_BAD), p->impersonator);
    else if (kf_model_is_locked(m)) snprintf(left, size, "U unlocks");
    else if (copy(st, m, &c)) {
        snprintf(left, size, "y copies %s", c.text);
        free(c.text);
    }
    if (p->is_default && !compact) snprintf(right, size, "default profile");
}

static void hints(const void *st, const kf_model *m, kf_action out[12]) {
    memcpy(out, tab_of(st)->hints, sizeof tab_of(st)->hints);
}

static bool has(const kf_action list[4], kf_action act) {
    for (int i = 0; i < 4 && list[i]; i++)
        if (list[i] == act) return true;
    return false;
}

static const char *why_not(const void *st, const kf_model *m, kf_action act) {
    const profile *s = st;
    const kf_tab *t = tab_of(s);
    if (has(t->own, act) || has(t->takes, act)) return t->why_not(state_of(s), act);
    for (int i = 0; i < KF_TAB_COUNT; i++)
        if (has(tabs[i]->own, act)) return tabs[i]->only;
    return kf_profile_why_not(m, of(st, m), act);
}

static bool counts(const void *st, const kf_model *m) {
    const profile *s = st;
    for (int i = 0; i < KF_TAB_COUNT; i++)
        if (tabs[i]->waits && tabs[i]->waits(s->st[i])) return true;
    return false;
}

const kf_screen_class kf_screen_profile = {.name = "profile",
                                           .state_size = sizeof(profile),
                                           .where = KF_AT_PROFILE,
                                           .init = init,
                                           .update = update,
                                           .draw = draw,
                                           .done = done,
                                           .title = title,
                                           .tab = tab,
                                           .copy = copy,
                                           .ages = true,
                                           .status = status,
                                           .hints = hints,
                                           .why_not = why_not,
                                           .counts = counts};
