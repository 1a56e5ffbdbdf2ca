/* One profile, opened: overview, claims, sessions and factors. While it is open the agent renews
 * its token ahead of time. */
#include "base/str.h"
#include "ui/common/words.h"
#include "ui/tui/places/places.h"
#include "ui/tui/places/profile_do.h"
#include "ui/tui/places/tabs.h"
#include "ui/tui/parts/widget.h"

typedef struct profile {
    char id[17];
    uint32_t watch;
    int tab, top;
    bool details;
    kf_claims_tab claims;
    kf_items sessions, factors;
} profile;

static const char *const tab_names[KF_TAB_COUNT] = {"Overview", "Claims", "Sessions", "Factors"};

static const kf_mprofile *of(const void *st, const kf_model *m) {
    return kf_model_by_id(m, ((const profile *)st)->id);
}

static kf_items *list_of(profile *s) {
    return s->tab == KF_TAB_SESSIONS ? &s->sessions : s->tab == KF_TAB_FACTORS ? &s->factors : NULL;
}

/* --- what is in the tabs ---------------------------------------------------------------- */

static void load(profile *s, const kf_model *m, kf_out *o) {
    const kf_mprofile *p = of(s, m);
    if (!p || kf_model_is_over(p)) return;
    if (s->tab == KF_TAB_CLAIMS) kf_claims_load(&s->claims, p, false, o);
    if (s->tab == KF_TAB_SESSIONS) kf_items_load(&s->sessions, m, "ListSessions", s->id, o);
    if (s->tab == KF_TAB_FACTORS) kf_items_load(&s->factors, m, "ListFactors", s->id, o);
}

static void go(profile *s, const kf_model *m, int tab, kf_out *o) {
    s->tab = tab;
    s->top = 0;
    s->details = false;
    load(s, m, o);
}

static void init(void *st, const kf_model *m, const kf_args *args, kf_out *o) {
    profile *s = st;
    memcpy(s->id, args->profile, sizeof s->id);
    kf_json *params = kf_json_obj();
    kf_json_set_str(params, "open", s->id);
    s->watch = kf_out_stream(o, "Watch", params);
    if (args->what) go(s, m, args->what, o);
}

static void done(void *st) {
    profile *s = st;
    kf_claims_done(&s->claims);
    kf_items_done(&s->sessions);
    kf_items_done(&s->factors);
}

/* --- what keys do ----------------------------------------------------------------------- */

static void end_session(const profile *s, kf_out *o) {
    const kf_item *i = kf_items_at(&s->sessions);
    char about[120], made[24];
    if (!i) return;
    kf_time_short(i->text[KF_SESSION_MADE], made);
    snprintf(about, sizeof about, "of %s, %.60s", made,
             i->text[KF_SESSION_IP][0] ? i->text[KF_SESSION_IP] : i->text[KF_SESSION_METHOD]);
    kf_args a = {.what = KF_CONFIRM_REVOKE, .title = about};
    memcpy(a.profile, s->id, sizeof a.profile);
    if (kf_str_set(a.item, sizeof a.item, i->text[KF_SESSION_ID]))
        kf_out_push(o, &kf_screen_confirm, &a);
}

static void delete_factor(const profile *s, kf_out *o) {
    const kf_item *i = kf_items_at(&s->factors);
    char about[120], made[24];
    if (!i) return;
    kf_time_short(i->text[KF_FACTOR_MADE], made);
    snprintf(about, sizeof about, "the %.40s of %s", kf_factor_word(i->text[KF_FACTOR_TYPE]), made);
    kf_args a = {.what = KF_TYPED_FACTOR, .title = about};
    memcpy(a.profile, s->id, sizeof a.profile);
    if (kf_str_set(a.item, sizeof a.item, i->text[KF_FACTOR_ID]))
        kf_out_push(o, &kf_screen_typed, &a);
}

static void push(const profile *s, const kf_screen_class *cls, int what, kf_out *o) {
    kf_args a = {.what = what};
    memcpy(a.profile, s->id, sizeof a.profile);
    kf_out_push(o, cls, &a);
}

static void act(profile *s, const kf_model *m, const kf_mprofile *p, kf_action what, kf_out *o) {
    kf_items *list = list_of(s);
    if (kf_is_move(what) && list && !list->failed) {
        list->cur = kf_list_move(list->cur, list->n, 8, what);
        return;
    }
    if (kf_is_move(what)) {
        s->top = kf_page_move(s->top, what);
        return;
    }
    switch (what) {
    case KF_DO_BACK:
        if (s->tab) go(s, m, KF_TAB_OVERVIEW, o);
        else kf_out_pop(o, 1);
        return;
    case KF_DO_NEXT: go(s, m, (s->tab + 1) % KF_TAB_COUNT, o); return;
    case KF_DO_PREV: go(s, m, (s->tab + KF_TAB_COUNT - 1) % KF_TAB_COUNT, o); return;
    case KF_DO_CLAIMS: go(s, m, KF_TAB_CLAIMS, o); return;
    case KF_DO_REDRAW: load(s, m, o); return;
    case KF_DO_VERIFY: kf_claims_load(&s->claims, p, true, o); return;
    case KF_DO_ENROLL: push(s, &kf_screen_enroll, 0, o); return;
    case KF_DO_OTHERS: push(s, &kf_screen_typed, KF_TYPED_OTHERS, o); return;
    case KF_DO_DELETE:
        if (s->tab == KF_TAB_SESSIONS) end_session(s, o);
        else if (s->tab == KF_TAB_FACTORS) delete_factor(s, o);
        else kf_profile_do(m, p, what, o);
        return;
    case KF_DO_DETAILS:
        if (s->tab) s->details = !s->details;
        else kf_profile_do(m, p, what, o);
        return;
    default: kf_profile_do(m, p, what, o);
    }
}

/* A tab that was opened before anybody had signed in. */
static bool is_missing(profile *s) {
    const kf_items *l = list_of(s);
    return l && !l->call && !l->loaded && !l->failed;
}

static void changed(profile *s, const kf_model *m, const kf_mprofile *p, kf_out *o) {
    if (is_missing(s)) load(s, m, o);
    if (s->tab == KF_TAB_CLAIMS && !s->claims.call && s->claims.of != p->renewed_at)
        load(s, m, o); /* another token */
}

static void update(void *st, const kf_model *m, const kf_event *ev, kf_out *o) {
    profile *s = st;
    const kf_mprofile *p = of(st, m);
    if (!p) {
        kf_out_pop(o, 1);
        return;
    }
    switch (ev->kind) {
    case KF_EV_DO: act(s, m, p, ev->act, o); return;
    case KF_EV_MODEL: changed(s, m, p, o); return;
    case KF_EV_JOB:
        if (list_of(s) &&
            (kf_str_eq(ev->method, "RevokeSession") || kf_str_eq(ev->method, "DeleteFactor")))
            load(s, m, o);
        return;
    case KF_EV_RESULT:
        if (!kf_claims_result(&s->claims, ev) &&
            !kf_items_result(&s->sessions, ev, "sessions", kf_session_keys))
            kf_items_result(&s->factors, ev, "factors", kf_factor_keys);
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
    if (x->s->tab == KF_TAB_CLAIMS)
        return kf_claims_draw(&x->s->claims, x->m, x->p, x->s->details, page, r);
    return kf_profile_draw(x->m, x->p, page, r, true);
}

static void draw_tabs(const profile *s, kf_grid *g, int y, kf_rect r) {
    int x = r.x;
    for (int i = 0; i < KF_TAB_COUNT; i++) {
        const kf_items *l = i == KF_TAB_SESSIONS  ? &s->sessions
                            : i == KF_TAB_FACTORS ? &s->factors
                                                  : NULL;
        char name[40];
        snprintf(name, sizeof name, l && l->loaded && r.cols >= 60 ? "%s (%zu)" : "%s",
                 tab_names[i], l ? l->n : 0);
        x += kf_grid_printf(g, y, x, r.x + r.cols - x, i == s->tab ? KF_INK_STRONG : KF_INK_DIM,
                            i == s->tab ? "[%s]" : " %s ", name);
        if (r.cols >= 60) x++;
    }
    if (r.cols >= 60) kf_grid_right(g, y, r.x, r.cols, KF_INK_DIM, "Tab next");
}

static void draw_list(const profile *s, const kf_model *m, const kf_mprofile *p, kf_grid *g,
                      kf_rect r) {
    if (kf_model_is_over(p))
        kf_grid_text(g, r.y, r.x, r.cols, KF_INK_DIM,
                     kf_model_has_session(p) ? "The session is over. s signs in again."
                                             : "Nobody is signed in here. s signs in.");
    else if (s->tab == KF_TAB_SESSIONS) kf_sessions_draw(&s->sessions, m, s->details, g, r);
    else kf_factors_draw(&s->factors, m, s->details, g, r);
}

static void draw(const void *st, const kf_model *m, const kf_view *v, kf_grid *g) {
    const profile *s = st;
    const kf_mprofile *p = of(st, m);
    if (!p) return;
    kf_rect r = v->body;
    draw_tabs(s, g, r.y, r);
    kf_grid_cursor(g, r.y, r.x);
    int used = v->tier == KF_TIER_COMPACT ? 1 : 2;
    r.y += used, r.rows -= used;
    if (v->tier == KF_TIER_WIDE && s->tab < KF_TAB_SESSIONS) r.cols = r.cols > 96 ? 96 : r.cols;
    if (s->tab >= KF_TAB_SESSIONS) draw_list(s, m, p, g, r);
    else kf_page(g, r, s->top, draw_page, &(subject){s, m, p});
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
    const char *word = kf_model_state_word(s);
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
    static const kf_action all[KF_TAB_COUNT][12] = {
        {KF_DO_BACK, KF_DO_COPY, KF_DO_EXPORT, KF_DO_RENEW, KF_DO_SIGN_IN, KF_DO_ORGANIZATION,
         KF_DO_CLAIMS, KF_DO_SIGN_OUT, KF_DO_EDIT, KF_DO_DEFAULT, KF_DO_DETAILS, KF_DO_DELETE},
        {KF_DO_BACK, KF_DO_VERIFY, KF_DO_NEXT, KF_DO_RENEW, KF_DO_ORGANIZATION, KF_DO_DETAILS},
        {KF_DO_BACK, KF_DO_DELETE, KF_DO_OTHERS, KF_DO_NEXT, KF_DO_REDRAW, KF_DO_DETAILS},
        {KF_DO_BACK, KF_DO_ENROLL, KF_DO_DELETE, KF_DO_NEXT, KF_DO_REDRAW, KF_DO_DETAILS}};
    const kf_action *of_tab = all[((const profile *)st)->tab];
    int n = kf_model_is_locked(m);
    if (n) out[0] = KF_DO_UNLOCK;
    memcpy(out + n, of_tab, sizeof all[0] - (size_t)n * sizeof *of_tab);
}

static const char *session_why_not(const profile *s, kf_action act) {
    const kf_item *i = kf_items_at(&s->sessions);
    if (!i) return "there is no session to end";
    if (act == KF_DO_DELETE && i->current) return "this is the session of the profile, S signs out";
    if (act == KF_DO_DELETE && !kf_str_eq(i->text[KF_SESSION_STATUS], "active"))
        return "this session is over already";
    return NULL;
}

static const char *why_not(const void *st, const kf_model *m, kf_action act) {
    const profile *s = st;
    const kf_mprofile *p = of(st, m);
    bool failed = s->tab == KF_TAB_CLAIMS     ? s->claims.failed
                  : s->tab == KF_TAB_SESSIONS ? s->sessions.failed
                                              : s->factors.failed;
    switch (act) {
    case KF_DO_VERIFY:
        return s->tab != KF_TAB_CLAIMS ? "only at the claims, c"
               : !s->claims.loaded     ? "there are no claims yet"
                                       : NULL;
    case KF_DO_ENROLL:
        if (s->tab != KF_TAB_FACTORS) return "only at the factors";
        return s->factors.loaded ? NULL : "the factors are not known yet";
    case KF_DO_OTHERS:
        return s->tab == KF_TAB_SESSIONS ? session_why_not(s, act) : "only at the sessions";
    case KF_DO_DELETE:
        if (s->tab == KF_TAB_SESSIONS) return session_why_not(s, act);
        if (s->tab == KF_TAB_FACTORS)
            return kf_items_at(&s->factors) ? NULL : "there is no factor to delete";
        break;
    case KF_DO_DETAILS:
        if (s->tab) return failed ? NULL : "there is no error to explain";
        break;
    default: break;
    }
    return kf_profile_why_not(m, p, act);
}

static bool counts(const void *st, const kf_model *m) {
    const profile *s = st;
    const kf_mprofile *p = of(st, m);
    return p && (kf_model_left_ms(m, p) > 0 || p->retry_at > m->now_ms || s->sessions.call ||
                 s->factors.call);
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
