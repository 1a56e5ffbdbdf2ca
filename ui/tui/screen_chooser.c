/* How to sign in. Only methods that exist are listed; one that needs an API key says so. */
#include "base/str.h"
#include "ui/tui/profile_do.h"
#include "ui/tui/widget.h"

typedef struct chooser {
    char id[17];
    size_t cur;
} chooser;

static const struct {
    kf_method method;
    const char *name, *about;
    bool needs_key;
} methods[] = {
    {KF_BY_PASSWORD, "Password", "e-mail and password, then a code if your account asks", true},
};

static const kf_mprofile *of(const void *st, const kf_model *m) {
    return kf_model_by_id(m, ((const chooser *)st)->id);
}

static void init(void *st, const kf_model *m, const kf_args *args, kf_out *o) {
    (void)m, (void)o;
    memcpy(((chooser *)st)->id, args->profile, sizeof args->profile);
}

static bool blocked(const kf_model *m, const kf_mprofile *p, size_t i) {
    return methods[i].needs_key && !p->confidential && !m->env_api_key;
}

static void take(const chooser *s, const kf_model *m, const kf_mprofile *p, kf_out *o) {
    kf_args a = {.what = (int)methods[s->cur].method};
    if (blocked(m, p, s->cur)) {
        kf_out_say(o, KF_SAY_WARN, "%s needs an API key; e adds one to this profile",
                   methods[s->cur].name);
        return;
    }
    memcpy(a.profile, s->id, sizeof a.profile);
    kf_out_push(o, &kf_screen_signin, &a);
}

static void update(void *st, const kf_model *m, const kf_event *ev, kf_out *o) {
    chooser *s = st;
    const kf_mprofile *p = of(st, m);
    if (!p) kf_out_pop(o, 1);
    if (!p || ev->kind != KF_EV_DO) return;
    if (ev->act == KF_DO_BACK)
        kf_out_pop(o, 1);
    else if (kf_is_move(ev->act))
        s->cur = kf_list_move(s->cur, KF_LEN(methods), 1, ev->act);
    else if (ev->act == KF_DO_USE)
        take(s, m, p, o);
    else if (ev->act == KF_DO_EDIT)
        kf_profile_do(m, p, ev->act, o);
    else if (ev->act == KF_DO_PICK && ev->key >= '1' && (size_t)(ev->key - '1') < KF_LEN(methods)) {
        s->cur = (size_t)(ev->key - '1');
        take(s, m, p, o);
    }
}

static void draw(const void *st, const kf_model *m, const kf_view *v, kf_grid *g) {
    const chooser *s = st;
    const kf_mprofile *p = of(st, m);
    if (!p) return;
    kf_rect r = v->body;
    int y = r.y, bottom = r.y + r.rows;
    bool none = true;
    char question[240];
    snprintf(question, sizeof question, "How do you want to sign in to %s%s%.60s%s?", p->name,
             p->environment[0] ? " (" : "", p->environment, p->environment[0] ? ")" : "");
    y += kf_grid_wrap(g, y, r.x, r.cols, 3, KF_INK_TEXT, question, true) + 1;
    for (size_t i = 0; i < KF_LEN(methods); i++, y++) {
        bool no = blocked(m, p, i), at = i == s->cur;
        none = none && no;
        kf_grid_printf(g, y, r.x, r.cols, no ? KF_INK_DIM : KF_INK_STRONG, "%s %zu  %-10s",
                       at ? ">" : " ", i + 1, methods[i].name);
        kf_grid_text(g, y, r.x + 18, r.cols - 18, KF_INK_DIM,
                     no ? "needs an API key (e adds one)" : methods[i].about);
        if (at) {
            kf_grid_tint(g, y, r.x, r.cols, KF_INK_SELECT);
            kf_grid_cursor(g, y, r.x);
        }
    }
    y++;
    if (none) {
        kf_grid_wrap(
            g, y, r.x, r.cols < 76 ? r.cols : 76, bottom - y, KF_INK_TEXT,
            r.cols < 60
                ? "WorkOS takes passwords only with the environment's API key. e adds it here."
                : "This profile has only a client ID. WorkOS takes passwords and codes only "
                  "together with the environment's API key, "
                  "and that is the one way that this version of keyfob signs in. Press e, paste "
                  "the key (sk_...) of the same "
                  "environment, and come back here.",
            true);
    } else if (m->sandbox) {
        kf_grid_wrap(g, y, r.x, r.cols < 76 ? r.cols : 76, bottom - y, KF_INK_DIM,
                     "In the sandbox: plain@example.test, orgs@example.test or totp@example.test, "
                     "password sandbox-password.",
                     true);
    }
}

static void title(const void *st, const kf_model *m, bool compact, char *left, char *right,
                  size_t size) {
    const kf_mprofile *p = of(st, m);
    (void)compact, (void)right;
    snprintf(left, size, "keyfob%s > %s > Sign in", m->sandbox ? " sandbox" : "", p ? p->name : "");
}

static void hints(const void *st, const kf_model *m, kf_action out[12]) {
    const kf_mprofile *p = of(st, m);
    int n = 0;
    if (p && !blocked(m, p, 0)) out[n++] = KF_DO_USE;
    out[n++] = KF_DO_BACK;
    out[n] = KF_DO_EDIT;
}

const kf_screen_class kf_screen_chooser = {.name = "chooser",
                                           .state_size = sizeof(chooser),
                                           .where = KF_AT_CHOOSER,
                                           .init = init,
                                           .update = update,
                                           .draw = draw,
                                           .title = title,
                                           .hints = hints};
