/* One profile, opened: the overview. While it is open the agent renews its token ahead of time. */
#include "base/str.h"
#include "ui/common/words.h"
#include "ui/tui/profile_do.h"
#include "ui/tui/widget.h"

typedef struct profile {
    char id[17];
    uint32_t watch;
    int top;
} profile;

static const kf_mprofile *of(const void *st, const kf_model *m) {
    return kf_model_by_id(m, ((const profile *)st)->id);
}

static void init(void *st, const kf_model *m, const kf_args *args, kf_out *o) {
    profile *s = st;
    (void)m;
    memcpy(s->id, args->profile, sizeof s->id);
    kf_json *params = kf_json_obj();
    kf_json_set_str(params, "open", s->id);
    s->watch = kf_out_stream(o, "Watch", params);
}

static void update(void *st, const kf_model *m, const kf_event *ev, kf_out *o) {
    const kf_mprofile *p = of(st, m);
    if (!p) {
        kf_out_pop(o, 1);
        return;
    }
    if (ev->kind != KF_EV_DO) return;
    profile *s = st;
    if (ev->act == KF_DO_BACK)
        kf_out_pop(o, 1);
    else if (kf_is_move(ev->act))
        s->top = kf_page_move(s->top, ev->act);
    else
        kf_profile_do(m, p, ev->act, o);
}

typedef struct subject {
    const kf_model *m;
    const kf_mprofile *p;
} subject;

static int draw_page(const void *arg, kf_grid *page, kf_rect r) {
    const subject *s = arg;
    return kf_profile_draw(s->m, s->p, page, r, true);
}

static void draw(const void *st, const kf_model *m, const kf_view *v, kf_grid *g) {
    const kf_mprofile *p = of(st, m);
    if (!p) return;
    kf_rect r = v->body;
    if (v->tier != KF_TIER_COMPACT) r.y++, r.rows--;
    if (v->tier == KF_TIER_WIDE) r.cols = r.cols > 96 ? 96 : r.cols;
    kf_page(g, r, ((const profile *)st)->top, draw_page, &(subject){m, p});
    kf_grid_cursor(g, r.y, r.x);
}

static void title(const void *st, const kf_model *m, bool compact, char *left, char *right,
                  size_t size) {
    const kf_mprofile *p = of(st, m);
    char time_left[24];
    if (!p) return;
    (void)compact;
    snprintf(left, size, "keyfob%s > %s", m->sandbox ? " sandbox" : "", p->name);
    kf_words_left(kf_model_left_ms(m, p), time_left);
    kf_pstate s = kf_model_state(m, p);
    if (kf_str_eq(time_left, "--"))
        snprintf(right, size, "%s", kf_model_state_word(s));
    else
        snprintf(right, size, "%s  %s left", kf_model_state_word(s), time_left);
}

static void status(const void *st, const kf_model *m, bool compact, char *left, char *right,
                   size_t size) {
    const kf_mprofile *p = of(st, m);
    if (!p || compact) return;
    if (p->is_default) snprintf(left, size, "the default profile");
    kf_agent_text(m, false, right, size);
}

static void hints(const void *st, const kf_model *m, kf_action out[12]) {
    static const kf_action all[] = {KF_DO_BACK,     KF_DO_RENEW,  KF_DO_SIGN_IN,
                                    KF_DO_SIGN_OUT, KF_DO_EDIT,   KF_DO_DEFAULT,
                                    KF_DO_DETAILS,  KF_DO_DELETE, KF_DO_NONE};
    (void)st, (void)m;
    memcpy(out, all, sizeof all);
}

static const char *why_not(const void *st, const kf_model *m, kf_action act) {
    return kf_profile_why_not(m, of(st, m), act);
}

static bool counts(const void *st, const kf_model *m) {
    const kf_mprofile *p = of(st, m);
    return p && (kf_model_left_ms(m, p) > 0 || p->retry_at > m->now_ms);
}

const kf_screen_class kf_screen_profile = {.name = "profile",
                                           .state_size = sizeof(profile),
                                           .where = KF_AT_PROFILE,
                                           .init = init,
                                           .update = update,
                                           .draw = draw,
                                           .title = title,
                                           .status = status,
                                           .hints = hints,
                                           .why_not = why_not,
                                           .counts = counts};
