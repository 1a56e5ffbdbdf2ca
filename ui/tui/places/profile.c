/* One profile, opened: its tabs, and the keys that go between them. While it is open the agent
 * renews its token ahead of time. */
#include "base/mem.h"
#include "base/str.h"
#include "ui/common/words.h"
#include "ui/tui/parts/widget.h"
#include "ui/tui/places/profile_do.h"
#include "ui/tui/places/tabs.h"

#define TAB_ROW(NAME, name) &kf_tab_##name,
static const kf_tab *const tabs[KF_TAB_COUNT] = {KF_TABS(TAB_ROW)};

typedef struct profile {
    char id[17];
    uint32_t watch;
    int tab, top;
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
    s->top = 0;
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
    if (kf_is_move(what)) {
        s->top = kf_page_move(s->top, what);
        return;
    }
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

typedef struct subject {
    const profile *s;
    const kf_model *m;
    const kf_mprofile *p;
} subject;

static int draw_page(const void *arg, kf_grid *page, kf_rect r) {
    const subject *x = arg;
    return tab_of(x->s)->draw(state_of(x->s), x->m, x->p, x->s->details, page, r);
}

static void draw_tabs(const profile *s, kf_grid *g, int y, kf_rect r) {
    int x = r.x;
    for (int i = 0; i < KF_TAB_COUNT; i++) {
        char name[40];
        size_t n = 0;
        bool known = r.cols >= 60 && tabs[i]->count && tabs[i]->count(s->st[i], &n);
        snprintf(name, sizeof name, known ? "%s (%zu)" : "%s", tabs[i]->name, n);
        x += kf_grid_printf(g, y, x, r.x + r.cols - x, i == s->tab ? KF_INK_STRONG : KF_INK_DIM,
                            i == s->tab ? "[%s]" : " %s ", name);
        if (r.cols >= 60) x++;
    }
    if (r.cols >= 60) kf_grid_right(g, y, r.x, r.cols, KF_INK_DIM, "Tab next");
}

static void draw(const void *st, const kf_model *m, const kf_view *v, kf_grid *g) {
    const profile *s = st;
    const kf_mprofile *p = of(st, m);
    const kf_tab *t = tab_of(s);
    if (!p) return;
    kf_rect r = v->body;
    draw_tabs(s, g, r.y, r);
    kf_grid_cursor(g, r.y, r.x);
    int used = v->tier == KF_TIER_COMPACT ? 1 : 2;
    r.y += used, r.rows -= used;
    if (t->is_text) {
        if (v->tier == KF_TIER_WIDE && r.cols > 96) r.cols = 96;
        kf_page(g, r, s->top, draw_page, &(subject){s, m, p});
    } else if (kf_model_is_over(p))
        kf_grid_text(g, r.y, r.x, r.cols, KF_INK_DIM,
                     kf_model_has_session(p) ? "The session is over. s signs in again."
                                             : "Nobody is signed in here. s signs in.");
    else t->draw(state_of(s), m, p, s->details, g, r);
}

static void title(const void *st, const kf_model *m, bool compact, char *left, char *right,
                  size_t size) {
    const kf_mprofile *p = of(st, m);
    char time_left[24];
    if (!p) return;
    snprintf(left, size, "keyfob%s > %s", m->sandbox ? " sandbox" : "", p->name);
    kf_words_left(kf_model_left_ms(m, p), time_left);
    kf_pstate s = p->state;
    const char *who = p->impersonator[0] ? compact ? "IMPERSONATED " : "IMPERSONATED  " : "";
    const char *word = kf_state_words(s);
    if (kf_str_eq(time_left, "--")) snprintf(right, size, "%s%s", who, word);
    else if (compact && (who[0] || s == KF_PS_SIGNED_IN)) /* else the name would be cut */
        snprintf(right, size, "%s%s%s", who, time_left, who[0] ? "" : " left");
    else snprintf(right, size, "%s%s  %s left", who, word, time_left);
}

static void status(const void *st, const kf_model *m, bool compact, char *left, char *right,
                   size_t size) {
    const kf_mprofile *p = of(st, m);
    if (!p || compact) return;
    if (p->is_default) snprintf(left, size, "the default profile");
    kf_agent_text(m, false, right, size);
}

static void hints(const void *st, const kf_model *m, kf_action out[12]) {
    const kf_action *of_tab = tab_of(st)->hints;
    int n = kf_model_is_locked(m);
    if (n) out[0] = KF_DO_UNLOCK;
    memcpy(out + n, of_tab, (size_t)(12 - n) * sizeof *of_tab);
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
    const kf_mprofile *p = of(st, m);
    for (int i = 0; i < KF_TAB_COUNT; i++)
        if (tabs[i]->waits && tabs[i]->waits(s->st[i])) return true;
    return p && (kf_model_left_ms(m, p) > 0 || p->retry_at > m->now_ms);
}

const kf_screen_class kf_screen_profile = {.name = "profile",
                                           .state_size = sizeof(profile),
                                           .where = KF_AT_PROFILE,
                                           .init = init,
                                           .update = update,
                                           .draw = draw,
                                           .done = done,
                                           .title = title,
                                           .status = status,
                                           .hints = hints,
                                           .why_not = why_not,
                                           .counts = counts};
