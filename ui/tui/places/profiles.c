/* The list of profiles: what keys do. The default comes first, then what was used last. */
#include "ui/tui/places/profiles.h"
#include "base/str.h"
#include "ui/tui/places/profile_do.h"

static const kf_mprofile *selected(const kf_profiles *s, const kf_model *m) {
    return kf_profiles_at(s, m, s->cur);
}

static void init(void *st, const kf_model *m, const kf_args *args, kf_out *o) {
    kf_profiles *s = st;
    kf_line_init(&s->filter, 64, false);
    s->page = 10;
    s->sort = -1;
    s->partial = m->partial;
    kf_profiles_sort(s, m);
}

static void done(void *st) {
    kf_profiles *s = st;
    kf_line_done(&s->filter);
    free(s->order);
}

static void open_selected(kf_profiles *s, const kf_mprofile *p, kf_out *o) {
    kf_args a = {0};
    memcpy(a.profile, p->id, sizeof a.profile);
    kf_out_push(o, &kf_screen_profile, &a);
}

/* The columns that are empty are left out; before the first one is the order of the start. */
static void sort_by(kf_profiles *s, const kf_model *m, int by) {
    do s->sort = (s->sort + 1 + by + KF_COLUMNS + 1) % (KF_COLUMNS + 1) - 1;
    while (s->sort >= 0 && !s->most[s->sort]);
    s->reverse = false;
    kf_profiles_sort(s, m);
}

static bool act_on_list(kf_profiles *s, const kf_model *m, kf_action what) {
    switch (what) {
    case KF_DO_FILTER: s->typing = true; return true;
    case KF_DO_SORT_NEXT: sort_by(s, m, 1); return true;
    case KF_DO_SORT_PREV: sort_by(s, m, -1); return true;
    case KF_DO_SORT_REVERSE:
        s->reverse = !s->reverse;
        kf_profiles_sort(s, m);
        return true;
    case KF_DO_BY_ENVIRONMENT:
        s->sort = KF_COL_ENV;
        s->reverse = false;
        kf_profiles_sort(s, m);
        return true;
    case KF_DO_NEXT_WAITING: kf_profiles_next(s, m); return true;
    case KF_DO_BACK:
        s->typing = false;
        kf_line_clear(&s->filter);
        kf_profiles_sort(s, m);
        return true;
    case KF_DO_REDRAW: kf_profiles_sort(s, m); return true;
    default: return false;
    }
}

static void act(kf_profiles *s, const kf_model *m, kf_action what, kf_out *o) {
    const kf_mprofile *p = selected(s, m);
    if (kf_is_move(what)) {
        s->typing = false; /* Down goes from the filter to the list */
        kf_profiles_move(s, m, kf_list_move(s->cur, s->n, s->page, what));
    } else if (act_on_list(s, m, what)) return;
    else if (what == KF_DO_OPEN && s->typing) s->typing = false;
    else if (what == KF_DO_OPEN && p) open_selected(s, p, o);
    else if (what == KF_DO_ADD) kf_out_push(o, &kf_screen_form, NULL);
    else if (what == KF_DO_IMPORT) kf_out_push(o, &kf_screen_import, NULL);
    else kf_profile_do(m, p, what, o);
}

/* Another screen has named the profile that the cursor is to be on. */
static void select_wanted(kf_profiles *s, const kf_model *m, kf_out *o) {
    const kf_mprofile *p = kf_out_selected(o)[0] ? kf_model_by_id(m, kf_out_selected(o)) : NULL;
    if (!p) return;
    if (!kf_profiles_match(s, p)) { /* a cursor on another row would mislead */
        kf_line_clear(&s->filter);
        kf_profiles_sort(s, m);
    }
    snprintf(s->at, sizeof s->at, "%s", p->id);
    kf_profiles_find(s, m);
    kf_out_select(o, "");
}

static void update(void *st, const kf_model *m, const kf_event *ev, kf_out *o) {
    kf_profiles *s = st;
    char msg[120];
    s->touched |= ev->kind == KF_EV_DO || ev->kind == KF_EV_KEY || ev->kind == KF_EV_PASTE;
    switch (ev->kind) {
    case KF_EV_MODEL:
        kf_profiles_merge(s, m);
        select_wanted(s, m, o);
        return;
    case KF_EV_DO: act(s, m, ev->act, o); return;
    case KF_EV_KEY:
        if (s->typing && kf_line_key(&s->filter, ev->key)) kf_profiles_filtered(s, m);
        return;
    case KF_EV_PASTE:
        kf_line_paste(&s->filter, ev->text, ev->len, msg, sizeof msg);
        if (msg[0]) kf_out_say(o, KF_SAY_INFO, "%s", msg);
        kf_profiles_filtered(s, m);
        return;
    default: return;
    }
}

static kf_typing typing(const void *st, const kf_model *m) {
    return ((const kf_profiles *)st)->typing ? KF_TYPING_TEXT : KF_TYPING_NONE;
}

static bool tab(const void *st, const kf_model *m, int i, char name[40], bool *is_active) {
    snprintf(name, 40, "Profiles");
    *is_active = true;
    return i == 0;
}

static bool copy(const void *st, const kf_model *m, kf_copy *out) {
    const kf_mprofile *p = selected(st, m);
    if (p) kf_copy_set(out, "profile's name", p->name);
    return p != NULL;
}

static void hints(const void *st, const kf_model *m, kf_action out[12]) {
    static const kf_action all[] = {KF_DO_OPEN, KF_DO_COPY,    KF_DO_SIGN_IN, KF_DO_EXPORT,
                                    KF_DO_YANK, KF_DO_FILTER,  KF_DO_RENEW,   KF_DO_ORGANIZATION,
                                    KF_DO_ADD,  KF_DO_SIGN_OUT};
    if (((const kf_profiles *)st)->typing) out[0] = KF_DO_OPEN, out[1] = KF_DO_BACK;
    else memcpy(out, all, sizeof all);
}

static const char *why_not(const void *st, const kf_model *m, kf_action what) {
    const kf_profiles *s = st;
    if (s->typing) return NULL;
    if (what == KF_DO_IMPORT && m->sandbox) return "not in the sandbox, real keys stay out of it";
    if (what == KF_DO_NEXT_WAITING) {
        for (size_t i = 0; i < s->n; i++)
            if (kf_profiles_at(s, m, i) && kf_state_needs_person(kf_profiles_at(s, m, i)->state))
                return NULL;
        return "no profile here needs a person";
    }
    return kf_profile_why_not(m, selected(s, m), what);
}

const kf_screen_class kf_screen_profiles = {.name = "profiles",
                                            .state_size = sizeof(kf_profiles),
                                            .where = KF_AT_LIST,
                                            .foot_normal = 2,
                                            .ages = true,
                                            .init = init,
                                            .update = update,
                                            .draw = kf_profiles_draw,
                                            .done = done,
                                            .typing = typing,
                                            .title = kf_profiles_title,
                                            .about = kf_profiles_about,
                                            .status = kf_profiles_status,
                                            .tab = tab,
                                            .copy = copy,
                                            .hints = hints,
                                            .why_not = why_not};
