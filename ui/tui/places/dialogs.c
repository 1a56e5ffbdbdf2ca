/* Questions: with two buttons (confirm), and with a name to type (typed). */
#include "base/str.h"
#include "ui/tui/places/places.h"
#include "ui/tui/places/profile_do.h"
#include "ui/tui/parts/widget.h"

/* --- confirm --------------------------------------------------------------------------- */

typedef struct confirm {
    char id[17], item[96], about[300];
    int what;
    bool yes; /* the button that is focused and that Enter takes */
} confirm;

static void confirm_init(void *st, const kf_model *m, const kf_args *args, kf_out *o) {
    confirm *s = st;
    memcpy(s->id, args->profile, sizeof s->id);
    s->what = args->what;
    memcpy(s->item, args->item, sizeof s->item);
    snprintf(s->about, sizeof s->about, "%s", args->title ? args->title : "");
}

static void revoke(const kf_mprofile *p, const char *session, kf_out *o) {
    kf_json *j = kf_profile_params(p);
    kf_json_set_str(j, "session", session);
    if (!session[0]) kf_json_set_bool(j, "others", true);
    kf_out_job(o, "RevokeSession", j, p);
}

static void confirm_do(const confirm *s, const kf_model *m, kf_out *o) {
    const kf_mprofile *p = kf_model_by_id(m, s->id);
    if (s->what == KF_CONFIRM_REPLACE) {
        kf_out_run(o, KF_DO_REPLACE);
        return;
    }
    if (s->what >= KF_CONFIRM_API_KEY) {
        kf_out_run(o, KF_DO_CONFIRMED);
        return;
    }
    kf_out_pop(o, s->what == KF_CONFIRM_DISCARD ? 2 : 1);
    if (s->what == KF_CONFIRM_SIGN_OUT && p) kf_out_job(o, "SignOut", kf_profile_params(p), p);
    if (s->what == KF_CONFIRM_REVOKE && p) revoke(p, s->item, o);
}

static void confirm_update(void *st, const kf_model *m, const kf_event *ev, kf_out *o) {
    confirm *s = st;
    if (ev->kind != KF_EV_DO) return;
    bool press = ev->act == KF_DO_SUBMIT;
    if (ev->act == KF_DO_NEXT) s->yes = !s->yes;
    else if (ev->act == KF_DO_YES || (press && s->yes)) confirm_do(s, m, o);
    else if (ev->act == KF_DO_BACK || ev->act == KF_DO_NO || press) kf_out_pop(o, 1);
}

static const struct {
    const char *body, *no, *yes, *keep, *act; /* buttons, and their verbs in the key line */
} questions[] = {
    [KF_CONFIRM_SIGN_OUT] = {"WorkOS ends the session, and keyfob forgets its tokens here. "
                             "Commands that use this profile stop working "
                             "until you sign in again. Settings and API key stay.",
                             "Keep", "Sign out", "keep", "sign out"},
    [KF_CONFIRM_DISCARD] = {"What you typed in the form is not saved.", "Keep editing", "Discard",
                            "keep editing", "discard"},
    [KF_CONFIRM_REVOKE] =
        {"The device or browser that uses it has to sign in again, at the latest when "
         "its token expires. Your own session stays.",
         "Keep", "End it", "keep", "end it"},
    [KF_CONFIRM_REPLACE] = {"The file exists. What is in it now is lost.", "Keep", "Replace",
                            "keep", "replace"},
    [KF_CONFIRM_API_KEY] = {"The key does not expire. Anyone who has it can do anything in this "
                            "environment, for every user.",
                            "Cancel", "Export the key", "cancel", "export the key"},
    [KF_CONFIRM_RESET] = {"WorkOS prepares a password reset now. Setting the new password ends all "
                          "sessions of this user, on every device.",
                          "Cancel", "Reset it", "cancel", "reset it"},
    [KF_CONFIRM_LEAVE_CODE] = {
        "keyfob deletes the factor at WorkOS. If an app has scanned the code "
        "already, delete the entry in the app, too.",
        "Stay", "Leave", "stay", "leave"}};

static char *question_of(const confirm *s, const kf_mprofile *p) {
    switch (s->what) {
    case KF_CONFIRM_SIGN_OUT: return kf_strfmt("Sign out of %s?", p ? p->name : "this profile");
    case KF_CONFIRM_REVOKE: return kf_strfmt("End the session %s?", s->about);
    case KF_CONFIRM_REPLACE: return kf_strfmt("Replace %s?", s->about);
    case KF_CONFIRM_API_KEY:
        return kf_strfmt("Export the API key of %s to the %s?", p ? p->name : "", s->about);
    case KF_CONFIRM_RESET: return kf_strfmt("Reset the password of %s?", s->about);
    case KF_CONFIRM_LEAVE_CODE: return kf_strdup("Leave before the app is set up?");
    default: return kf_strdup("Discard the changes?");
    }
}

static void confirm_draw(const void *st, const kf_model *m, const kf_view *v, kf_grid *g) {
    const confirm *s = st;
    KF_AUTO_CHARS question = question_of(s, kf_model_by_id(m, s->id));
    bool is_long = strlen(question) + 4 > (size_t)v->body.cols; /* a path: the rule cuts it */
    kf_rect r = kf_sheet_at(v, question, 0);
    int y = r.y, cols = r.cols < 100 ? r.cols : 100;
    if (is_long) y += kf_grid_wrap(g, y, r.x, cols, 5, KF_INK_STRONG, question, true);
    y += kf_grid_wrap(g, y, r.x, cols, 5, KF_INK_TEXT, questions[s->what].body, true);
    if (v->tier != KF_TIER_COMPACT) y++;
    if (v->want) v->want->rows = y + 1;
    if (y >= r.y + r.rows) y = r.y + r.rows - 1;
    int x = r.x + kf_button_draw(g, y, r.x, questions[s->what].no, !s->yes) + 2;
    kf_button_draw(g, y, x, questions[s->what].yes, s->yes);
    kf_grid_cursor(g, y, s->yes ? x : r.x);
}

static const char *confirm_verb(const void *st, kf_action act) {
    int what = ((const confirm *)st)->what;
    return act == KF_DO_YES ? questions[what].act : act == KF_DO_NO ? questions[what].keep : NULL;
}

static void confirm_hints(const void *st, const kf_model *m, kf_action out[12]) {
    out[0] = KF_DO_NO, out[1] = KF_DO_YES, out[2] = KF_DO_BACK;
}

const kf_screen_class kf_screen_confirm = {.name = "confirm",
                                           .state_size = sizeof(confirm),
                                           .where = KF_AT_ASK,
                                           .dialog = true,
                                           .init = confirm_init,
                                           .update = confirm_update,
                                           .draw = confirm_draw,
                                           .hints = confirm_hints,
                                           .verb = confirm_verb};

/* --- typed: what cannot be undone --------------------------------------------------------- */

typedef struct typed {
    char id[17], item[96], about[120];
    int what;
    kf_line line;
} typed;

static void typed_init(void *st, const kf_model *m, const kf_args *args, kf_out *o) {
    typed *s = st;
    memcpy(s->id, args->profile, sizeof s->id);
    memcpy(s->item, args->item, sizeof s->item);
    s->what = args->what;
    snprintf(s->about, sizeof s->about, "%s", args->title ? args->title : "");
    kf_line_init(&s->line, 64, false);
}

static void typed_done(void *st) { kf_line_done(&((typed *)st)->line); }

static bool typed_matches(const typed *s, const kf_model *m) {
    const kf_mprofile *p = kf_model_by_id(m, s->id);
    return p && !strcmp(p->name, kf_line_text(&s->line));
}

static void typed_do(const typed *s, const kf_mprofile *p, kf_out *o) {
    kf_json *j = NULL;
    switch (s->what) {
    case KF_TYPED_FACTOR:
        j = kf_profile_params(p);
        kf_json_set_str(j, "factor", s->item);
        kf_out_job(o, "DeleteFactor", j, p);
        return;
    case KF_TYPED_OTHERS: revoke(p, "", o); return;
    default: kf_out_remove(o, p);
    }
}

static void typed_update(void *st, const kf_model *m, const kf_event *ev, kf_out *o) {
    typed *s = st;
    const kf_mprofile *p = kf_model_by_id(m, s->id);
    char msg[120];
    if (!p || (ev->kind == KF_EV_DO && ev->act == KF_DO_BACK)) kf_out_pop(o, 1);
    else if (ev->kind == KF_EV_DO && ev->act == KF_DO_SUBMIT) {
        if (!typed_matches(s, m)) {
            kf_out_say(o, KF_SAY_INFO, "Nothing was done: type %s first", p->name);
            return;
        }
        typed_do(s, p, o);
        kf_out_pop(o, 1);
    } else if (ev->kind == KF_EV_KEY) kf_line_key(&s->line, ev->key);
    else if (ev->kind == KF_EV_PASTE) {
        kf_line_paste(&s->line, ev->text, ev->len, msg, sizeof msg);
        if (msg[0]) kf_out_say(o, KF_SAY_INFO, "%s", msg);
    }
}

static void typed_draw(const void *st, const kf_model *m, const kf_view *v, kf_grid *g) {
    const typed *s = st;
    const kf_mprofile *p = kf_model_by_id(m, s->id);
    if (!p) return;
    const char *body =
        s->what == KF_TYPED_FACTOR ? "Its codes stop working everywhere. Where a second factor is "
                                     "required, another has to be "
                                     "set up at the next sign-in. This cannot be undone."
        : s->what == KF_TYPED_OTHERS
            ? "Everything else that is signed in as this person has to sign in again: other "
              "computers, browsers, phones. Only this profile's session goes on."
        : p->confidential ? "Its settings, its session and its API key are removed from this "
                            "computer after 10 s. Until then u "
                            "takes it back."
                          : "Its settings and its session are removed from this computer after 10 "
                            "s. Until then u takes it back.";
    char question[240];
    if (s->what == KF_TYPED_OTHERS)
        snprintf(question, sizeof question, "End all other sessions of %.200s?", p->user_email);
    else
        snprintf(question, sizeof question, "Delete %s?",
                 s->what == KF_TYPED_FACTOR ? s->about : p->name);
    kf_rect r = kf_sheet_at(v, question, 0);
    int y = r.y, cols = r.cols < 100 ? r.cols : 100;
    y += kf_grid_wrap(g, y, r.x, cols, 5, KF_INK_TEXT, body, true);
    if (v->tier != KF_TIER_COMPACT) y++;
    kf_grid_printf(
        g, y++, r.x, r.cols, KF_INK_TEXT,
        s->what == KF_TYPED_PROFILE ? "Type its name to delete it:" : "Type %s to do it:", p->name);
    if (v->want) v->want->rows = y + 1;
    if (y >= r.y + r.rows) y = r.y + r.rows - 1;
    kf_line_draw(&s->line, g, y, r.x, r.cols < 40 ? r.cols : 40, true);
}

static kf_typing typed_typing(const void *st, const kf_model *m) { return KF_TYPING_TEXT; }

static const char *typed_why_not(const void *st, const kf_model *m, kf_action act) {
    return act == KF_DO_NEXT || act == KF_DO_PREV ? "there is only one field" : NULL;
}

static void typed_hints(const void *st, const kf_model *m, kf_action out[12]) {
    int n = 0;
    if (typed_matches(st, m)) out[n++] = KF_DO_SUBMIT;
    out[n] = KF_DO_BACK;
}

const kf_screen_class kf_screen_typed = {.name = "typed",
                                         .state_size = sizeof(typed),
                                         .where = KF_AT_TYPED,
                                         .dialog = true,
                                         .init = typed_init,
                                         .update = typed_update,
                                         .draw = typed_draw,
                                         .done = typed_done,
                                         .typing = typed_typing,
                                         .hints = typed_hints,
                                         .why_not = typed_why_not};
