/* An error in three parts, kept until it is answered. */
#include "base/str.h"
#include "ui/common/text.h"
#include "ui/common/words.h"
#include "ui/tui/places/places.h"
#include "ui/tui/places/profile_do.h"
#include "ui/tui/parts/widget.h"

typedef struct panel {
    char id[17];
    int what;
    kf_err err;
    char title[120];
    bool details;
    int top;
} panel;

static void init(void *st, const kf_model *m, const kf_args *args, kf_out *o) {
    panel *s = st;
    const kf_mprofile *p = kf_model_by_id(m, args->profile);
    memcpy(s->id, args->profile, sizeof s->id);
    s->what = args->what;
    if (args->err) s->err = *args->err;
    if (s->what == KF_PANEL_STATE && p) {
        s->what = KF_PANEL_PLAIN;
        s->details = true;
        snprintf(s->title, sizeof s->title, "%s: %s", p->name, kf_state_words(p->state));
    } else snprintf(s->title, sizeof s->title, "%s", args->title ? args->title : "");
}

static const char *why_not(const void *st, const kf_model *m, kf_action act) {
    const panel *s = st;
    const kf_mprofile *p = kf_model_by_id(m, s->id);
    if (act == KF_DO_SIGN_IN || act == KF_DO_EDIT) return p ? NULL : "this is not about a profile";
    if (act == KF_DO_RENEW)
        return p ? kf_profile_why_not(m, p, act) : "this is not about a profile";
    if (act == KF_DO_AGAIN && (s->what == KF_PANEL_PLAIN || !p))
        return "there is nothing to repeat; Esc closes this";
    return NULL;
}

static void update(void *st, const kf_model *m, const kf_event *ev, kf_out *o) {
    panel *s = st;
    const kf_mprofile *p = kf_model_by_id(m, s->id);
    if (ev->kind != KF_EV_DO) return;
    switch (ev->act) {
    case KF_DO_BACK: kf_out_pop(o, 1); return;
    case KF_DO_DETAILS:
        s->details = !s->details;
        s->top = s->details ? 99 : 0; /* a small window goes to them */
        return;
    case KF_DO_AGAIN:
        kf_out_job(o, s->what == KF_PANEL_SIGN_OUT ? "SignOut" : "Renew", kf_profile_params(p), p);
        kf_out_pop(o, 1);
        return;
    case KF_DO_SIGN_IN:
    case KF_DO_RENEW:
    case KF_DO_EDIT:
        kf_out_pop(o, 1);
        kf_profile_do(m, p, ev->act, o);
        return;
    default:
        if (kf_is_move(ev->act)) s->top = kf_page_move(s->top, ev->act);
        return;
    }
}

static int draw_page(const void *arg, kf_grid *page, kf_rect r) {
    const panel *s = arg;
    return kf_error_draw(page, r, "", &s->err, s->details);
}

static void draw(const void *st, const kf_model *m, const kf_view *v, kf_grid *g) {
    const panel *s = st;
    kf_rect r = kf_sheet_at(v, s->title, 0);
    if (r.cols > 100) r.cols = 100;
    if (v->want) v->want->rows = draw_page(s, g, r);
    else kf_page(g, r, s->top, draw_page, s);
}

/* The three parts and what a report of it needs, in one line. */
static bool copy(const void *st, const kf_model *m, kf_copy *out) {
    const panel *s = st;
    kf_words_error w;
    kf_words_for_error(&s->err, &w);
    KF_AUTO_CHARS happened = kf_text_safe(w.happened);
    KF_AUTO_CHARS line = kf_strfmt(
        "%s | %s | %s | %s | %s%s%s | keyfob %s", s->title, happened, w.means, w.todo,
        kf_err_name(s->err.code), s->err.request_id[0] ? " | " : "", s->err.request_id, KF_VERSION);
    kf_copy_set(out, "error", line);
    return true;
}

static void hints(const void *st, const kf_model *m, kf_action out[12]) {
    const panel *s = st;
    int n = 0;
    if (s->what != KF_PANEL_PLAIN) out[n++] = KF_DO_AGAIN;
    if (kf_err_is(s->err.code, "workos") || kf_err_is(s->err.code, "store"))
        out[n++] = KF_DO_SIGN_IN;
    else out[n++] = KF_DO_RENEW;
    out[n++] = KF_DO_DETAILS;
    out[n++] = KF_DO_YANK;
    out[n++] = KF_DO_BACK;
    out[n] = KF_DO_EDIT;
}

const kf_screen_class kf_screen_panel = {.name = "panel",
                                         .state_size = sizeof(panel),
                                         .where = KF_AT_PANEL,
                                         .stays = true,
                                         .dialog = true,
                                         .init = init,
                                         .update = update,
                                         .draw = draw,
                                         .hints = hints,
                                         .copy = copy,
                                         .why_not = why_not};
