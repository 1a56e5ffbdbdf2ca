/* The steps of a sign-in, as they come from the agent: one question at a time. Knows kinds of
 * steps and fields, not methods. */
#include "base/str.h"
#include "ui/common/sandbox.h"
#include "ui/common/words.h"
#include "ui/tui/places/places.h"
#include "ui/tui/places/profile_do.h"
#include "ui/tui/places/signin.h"

enum { FIELD_MAX = 4096 };

const kf_mprofile *kf_signin_of(const kf_signin *s, const kf_model *m) {
    return kf_model_by_id(m, s->id);
}

static void begin(kf_signin *s, const kf_model *m, kf_out *o) {
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "profile", s->id);
    kf_json_set_str(p, "method", kf_method_name(s->method));
    kf_json_set_str(p, "client_id", m->env_client_id);
    kf_json_set_secret(p, "api_key", m->env_api_key);
    /* a new agent of the sandbox may not have its key yet (kf_app_hello) */
    const kf_mprofile *who = kf_signin_of(s, m);
    if (m->sandbox && who && kf_str_eq(who->name, KF_SANDBOX_PROFILE))
        kf_json_set_str(p, "api_key", KF_SANDBOX_KEY);
    kf_json_set_bool(p, "interactive", true);
    s->over = s->fresh = false;
    s->answer = 0;
    s->since_ms = m->now_ms;
    s->pane = (kf_pane){.look = s->pane.look};
    s->stream = kf_out_stream(o, "SignIn", p);
}

static void init(void *st, const kf_model *m, const kf_args *args, kf_out *o) {
    kf_signin *s = st;
    memcpy(s->id, args->profile, sizeof s->id);
    s->method = (kf_method)args->what;
    kf_line_init(&s->line, FIELD_MAX, false);
    kf_line_init(&s->again, FIELD_MAX, true);
    const kf_mprofile *p = kf_signin_of(s, m);
    if (p && !kf_str_set(s->email, sizeof s->email, p->user_email)) s->email[0] = 0;
    begin(s, m, o);
}

static void done(void *st) {
    kf_line_done(&((kf_signin *)st)->line);
    kf_line_done(&((kf_signin *)st)->again);
}

const kf_mstep *kf_signin_step(const kf_signin *s, const kf_model *m) {
    return s->fresh && m->step.any ? &m->step : NULL;
}

bool kf_is_digits_field(kf_field f) {
    return f == KF_FIELD_TOTP || f == KF_FIELD_EMAIL_CODE || f == KF_FIELD_SMS_CODE;
}

bool kf_is_hidden_field(kf_field f) {
    return f == KF_FIELD_PASSWORD || f == KF_FIELD_NEW_PASSWORD || f == KF_FIELD_RESET_TOKEN;
}

bool kf_signin_is_browser(const kf_mstep *p) {
    return p && p->kind == KF_STEP_OPEN_URL && p->field == KF_FIELD_REDIRECT_URL;
}

bool kf_signin_expired(const kf_mstep *p, const kf_model *m) {
    return p->ends_at != KF_NO_TIME && p->ends_at <= m->now_ms;
}

bool kf_signin_waiting(const kf_signin *s, const kf_model *m) {
    const kf_mstep *p = kf_signin_step(s, m);
    return !s->over && (!p || p->kind == KF_STEP_WAIT || s->answer);
}

/* The question that can be answered now; NULL: none. */
static const kf_mstep *open_step(const kf_signin *s, const kf_model *m) {
    return s->over || s->answer ? NULL : kf_signin_step(s, m);
}

static bool has_field(const kf_mstep *p) {
    return p && (p->kind == KF_STEP_FIELD || p->kind == KF_STEP_SHOW_QR || kf_signin_is_browser(p));
}

static bool can(const kf_mstep *p, kf_flow_act act) { return p && (p->acts & 1u << act); }

int64_t kf_signin_resend_in(const kf_signin *s, const kf_model *m) {
    int64_t left = s->sent_ms ? s->sent_ms + KF_RESEND_MS - m->now_ms : 0;
    return left > 0 ? left : 0;
}

static kf_line *line_of(kf_signin *s, const kf_mstep *p) {
    return p && p->field == KF_FIELD_NEW_PASSWORD && s->second ? &s->again : &s->line;
}

/* --- answers --------------------------------------------------------------------------- */

static void answer(kf_signin *s, const kf_model *m, kf_flow_act act, const kf_secret *value,
                   kf_out *o) {
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "flow", m->flow);
    kf_json_set_int(p, "serial", m->step.serial);
    kf_json_set_str(p, "act", kf_flow_act_name(act));
    kf_json_set_secret(p, "value", value);
    s->since_ms = m->now_ms;
    s->answer = kf_out_call(o, "Answer", p);
}

static void clear_fields(kf_signin *s) {
    kf_line_clear(&s->line);
    kf_line_clear(&s->again);
    s->second = false;
}

/* A new password is typed twice, because nobody sees it. */
static bool typed_twice(kf_signin *s, kf_out *o) {
    if (!s->second) {
        s->second = true;
        return false;
    }
    if (!strcmp(kf_line_text(&s->line), kf_line_text(&s->again))) return true;
    clear_fields(s);
    kf_out_say(o, KF_SAY_WARN, "The two are not the same; type both again");
    return false;
}

static void back(kf_signin *s, const kf_model *m, bool sure, kf_out *o);

static void submit_other(kf_signin *s, const kf_model *m, kf_out *o) {
    if (s->cur == KF_OTHER_REPLACE) answer(s, m, KF_ACT_REPLACE, NULL, o);
    else if (s->cur == KF_OTHER_STOP) back(s, m, false, o);
    else if (kf_line_is_empty(&s->line)) kf_out_say(o, KF_SAY_INFO, "The profile needs a name");
    else { /* the line stays: another name may be needed */
        const char *name = kf_line_text(&s->line);
        KF_AUTO(kf_secret) value = kf_secret_new(name, strlen(name));
        answer(s, m, KF_ACT_NEW_PROFILE, value, o);
    }
}

static void submit(kf_signin *s, const kf_model *m, kf_out *o) {
    const kf_mstep *p = open_step(s, m);
    if (kf_signin_is_other(p)) {
        submit_other(s, m, o);
        return;
    }
    if (kf_line_is_empty(line_of(s, p))) {
        bool browser = kf_signin_is_browser(p);
        kf_out_say(o, KF_SAY_INFO,
                   browser ? "Sign in in the browser; b opens the address" : "The field is empty");
        return;
    }
    if (kf_is_digits_field(p->field) && s->line.len < KF_CODE_DIGITS) {
        kf_out_say(o, KF_SAY_INFO, "A code has 6 digits");
        return;
    }
    if (p->field == KF_FIELD_NEW_PASSWORD && !typed_twice(s, o)) return;
    if (p->field == KF_FIELD_EMAIL &&
        !kf_str_set(s->email, sizeof s->email, kf_line_text(&s->line)))
        s->email[0] = 0;
    KF_AUTO(kf_secret) value = kf_line_take(&s->line);
    answer(s, m, KF_ACT_SUBMIT, value, o);
}

size_t kf_signin_filtered(const kf_signin *s, const kf_mstep *p, size_t want, size_t *at) {
    const char *f = kf_line_text(&s->line);
    size_t n = 0;
    for (size_t i = 0; i < p->n_choice; i++) {
        if (f[0] && !strcasestr(p->choice[i].label, f) && !strcasestr(p->choice[i].id, f)) continue;
        if (n == want && at) *at = i;
        n++;
    }
    return n;
}

static void choose(kf_signin *s, const kf_model *m, kf_out *o) {
    const kf_mstep *p = kf_signin_step(s, m);
    size_t at = 0;
    if (s->cur >= kf_signin_filtered(s, p, s->cur, &at)) return;
    KF_AUTO(kf_secret) value = kf_secret_new(p->choice[at].id, strlen(p->choice[at].id));
    answer(s, m, KF_ACT_CHOOSE, value, o);
}

/* sure: the person was asked. */
static void back(kf_signin *s, const kf_model *m, bool sure, kf_out *o) {
    const kf_mstep *p = open_step(s, m);
    if (p && p->kind == KF_STEP_CHOOSE && !kf_line_is_empty(&s->line)) {
        kf_line_clear(&s->line);
        s->cur = 0;
        return;
    }
    if (kf_signin_is_browser(p) && s->second) {
        clear_fields(s);
        return;
    }
    if (p && p->kind == KF_STEP_SHOW_QR && !sure) {
        kf_out_push(o, &kf_screen_confirm, &(kf_args){.what = KF_CONFIRM_LEAVE_CODE});
        return;
    }
    if (p && p->kind == KF_STEP_FIELD && can(p, KF_ACT_BACK)) {
        clear_fields(s);
        answer(s, m, KF_ACT_BACK, NULL, o);
        return;
    }
    if (kf_signin_is_other(p))
        kf_out_say(o, KF_SAY_INFO, "Sign-in stopped; keyfob ends the new session at WorkOS");
    else if (!s->over) kf_out_say(o, KF_SAY_INFO, "Sign-in stopped; nothing was stored");
    kf_out_stop(o, s->stream);
    kf_out_pop(o, 1);
}

/* --- what comes in --------------------------------------------------------------------- */

static void finished(kf_signin *s, const kf_model *m, kf_out *o) {
    const kf_mprofile *p =
        m->step.profile[0] ? kf_model_by_id(m, m->step.profile) : kf_signin_of(s, m);
    if (p && p->impersonator[0])
        kf_out_say(o, KF_SAY_WARN, "Signed in to %s as %s: an impersonated session, by %s", p->name,
                   m->step.email, p->impersonator);
    else
        kf_out_say(o, KF_SAY_GOOD, "Signed in to %s as %s%s%s", p ? p->name : "", m->step.email,
                   m->step.organization[0] ? ", " : "", m->step.organization);
    kf_out_select(o, p ? p->id : s->id);
    kf_out_stop(o, s->stream);
    kf_out_pop(o, 2); /* with the chooser */
}

static void new_step(kf_signin *s, const kf_model *m, kf_out *o) {
    const kf_mstep *p = &m->step;
    bool same = s->fresh && s->serial == p->serial && p->kind == KF_STEP_CHOOSE;
    s->fresh = true;
    if (same) return; /* more choices for the same question */
    s->serial = p->serial;
    s->answer = 0;
    s->cur = 0;
    s->top = 0;
    s->details = false;
    clear_fields(s);
    if (kf_signin_is_other(p)) kf_signin_other_begin(s, m);
    if (p->kind == KF_STEP_FIELD && p->field == KF_FIELD_EMAIL) kf_line_set(&s->line, s->email);
    s->filled = p->field == KF_FIELD_EMAIL && s->email[0];
    s->line.masked = p->kind == KF_STEP_FIELD && kf_is_hidden_field(p->field);
    if (can(p, KF_ACT_RESEND) &&
        (p->note == KF_NOTE_SENT_TO || p->note == KF_NOTE_VERIFY_EMAIL || p->note == KF_NOTE_RADAR))
        s->sent_ms = m->now_ms;
    if (p->kind == KF_STEP_SHOW_QR) kf_pane_begin(&s->pane, m);
    if (p->kind != KF_STEP_WAIT) s->since_ms = m->now_ms;
    if (p->kind == KF_STEP_DONE) finished(s, m, o);
    if (p->kind == KF_STEP_FAILED) {
        s->over = true;
        s->err = p->err;
    }
}

static void result(kf_signin *s, const kf_event *ev, kf_out *o) {
    if (ev->call == s->stream && ev->err) {
        s->over = true;
        s->err = *ev->err;
        return;
    }
    if (ev->call != s->answer) return;
    s->answer = 0;
    if (!ev->err || ev->err->code == KF_ERR_USAGE_STALE_QUESTION) return;
    kf_words_error w;
    kf_words_for_error(ev->err, &w);
    kf_out_say(o, KF_SAY_BAD, "%s %s", w.happened, ev->err->hint);
}

/* A code field takes digits; the sixth one sends it. */
static void digit(kf_signin *s, const kf_model *m, int key, kf_out *o) {
    kf_line_key(&s->line, key);
    if (s->line.len >= KF_CODE_DIGITS) submit(s, m, o);
}

static void paste_digits(kf_signin *s, const kf_model *m, const kf_event *ev, kf_out *o) {
    char code[KF_CODE_DIGITS + 1];
    if (!kf_digits_in(ev->text, ev->len, code)) {
        kf_out_say(o, KF_SAY_INFO, "No 6-digit code in the pasted text");
        return;
    }
    kf_line_set(&s->line, code);
    kf_wipe(code, sizeof code);
    submit(s, m, o);
}

static void typed_key(kf_signin *s, const kf_model *m, const kf_event *ev, kf_out *o) {
    const kf_mstep *p = open_step(s, m);
    kf_line *l = line_of(s, p);
    if (kf_signin_is_other(p) && s->cur != KF_OTHER_NEW) return;
    if (has_field(p) && ev->key == '?' && kf_line_is_empty(l) && !l->masked) kf_out_help(o);
    else if (has_field(p) && kf_is_digits_field(p->field)) {
        if (ev->key >= '0' && ev->key <= '9') digit(s, m, ev->key, o);
        else if (ev->key != ' ' && ev->key != '-') kf_line_key(l, ev->key);
    } else if (kf_signin_is_browser(p) && !s->second) {
        if (kf_key_is_text(ev->key))
            kf_out_say(o, KF_SAY_INFO, "Tab goes into the field; a paste goes there by itself");
    } else if (has_field(p)) {
        if (s->filled && kf_key_is_text(ev->key)) kf_line_clear(l);
        s->filled = false;
        if (!kf_line_key(l, ev->key))
            kf_out_say(o, KF_SAY_INFO, "The field takes %zu characters", l->cap);
    } else if (p && p->kind == KF_STEP_CHOOSE && kf_line_key(l, ev->key)) s->cur = 0;
}

static void paste(kf_signin *s, const kf_model *m, const kf_event *ev, kf_out *o) {
    const kf_mstep *p = open_step(s, m);
    char msg[120] = "";
    if (!p || (kf_signin_is_other(p) && s->cur != KF_OTHER_NEW)) return;
    if (has_field(p) && kf_is_digits_field(p->field)) paste_digits(s, m, ev, o);
    else {
        if (s->filled) kf_line_clear(&s->line);
        s->filled = false;
        kf_line_paste(line_of(s, p), ev->text, ev->len, msg, sizeof msg);
    }
    if (kf_signin_is_browser(p)) s->second = !kf_line_is_empty(&s->line);
    if (msg[0]) kf_out_say(o, KF_SAY_INFO, "%s", msg);
}

/* What the keys of a step do when there is a question. False: nothing. */
static bool act_on(kf_signin *s, const kf_model *m, const kf_mstep *p, kf_action act, kf_out *o) {
    switch (act) {
    case KF_DO_BROWSER: kf_out_open(o, p->url); return true;
    case KF_DO_FORGOT:
        kf_out_push(
            o, &kf_screen_confirm,
            &(kf_args){.what = KF_CONFIRM_RESET, .title = s->email[0] ? s->email : "this user"});
        return true;
    case KF_DO_CONFIRMED:
        if (can(p, KF_ACT_RESET)) answer(s, m, KF_ACT_RESET, NULL, o);
        return true;
    case KF_DO_NEW_CODE:
        answer(s, m, can(p, KF_ACT_NEW_CODE) ? KF_ACT_NEW_CODE : KF_ACT_RESEND, NULL, o);
        return true;
    case KF_DO_SUBMIT:
    case KF_DO_USE:
        if (p->kind == KF_STEP_CHOOSE) choose(s, m, o);
        else if (has_field(p)) submit(s, m, o);
        return true;
    default: return kf_pane_do(&s->pane, m, act);
    }
}

static void act(kf_signin *s, const kf_model *m, const kf_event *ev, kf_out *o) {
    const kf_mstep *p = open_step(s, m);
    bool list = p && p->kind == KF_STEP_CHOOSE, two = p && p->field == KF_FIELD_NEW_PASSWORD;
    kf_action what = ev->act;
    bool leaves = what == KF_DO_CONFIRMED && p && p->kind == KF_STEP_SHOW_QR;
    if (what == KF_DO_BACK || leaves) back(s, m, leaves, o);
    else if (what == KF_DO_DETAILS) {
        s->details = !s->details;
        s->top = s->details ? 99 : 0;
    } else if (kf_signin_is_other(p) && kf_is_move(what))
        s->cur = kf_list_move(s->cur, KF_OTHER_ROWS, KF_OTHER_ROWS, what);
    else if (list && kf_is_move(what))
        s->cur = kf_list_move(s->cur, kf_signin_filtered(s, p, 0, NULL), 8, what);
    else if (two && (what == KF_DO_DOWN || what == KF_DO_UP)) s->second = what == KF_DO_DOWN;
    else if (kf_is_move(what)) s->top = kf_page_move(s->top, what);
    else if (s->over && (what == KF_DO_SUBMIT || what == KF_DO_USE)) begin(s, m, o);
    else if (what == KF_DO_NEXT || what == KF_DO_PREV)
        s->second = kf_signin_is_browser(p) ? what == KF_DO_NEXT : !s->second;
    else if (p) act_on(s, m, p, what, o);
}

static void update(void *st, const kf_model *m, const kf_event *ev, kf_out *o) {
    kf_signin *s = st;
    const kf_mstep *p = kf_signin_step(s, m);
    switch (ev->kind) {
    case KF_EV_STEP: new_step(s, m, o); return;
    case KF_EV_RESULT: result(s, ev, o); return;
    case KF_EV_KEY: typed_key(s, m, ev, o); return;
    case KF_EV_PASTE: paste(s, m, ev, o); return;
    case KF_EV_DO: act(s, m, ev, o); return;
    case KF_EV_HIDE: s->pane.hidden = p && p->qr; return;
    case KF_EV_TICK:
        if (p && p->kind == KF_STEP_SHOW_QR) kf_pane_tick(&s->pane, m);
        return;
    default: return;
    }
}

static kf_typing typing(const void *st, const kf_model *m) {
    const kf_signin *s = st;
    const kf_mstep *p = open_step(s, m);
    if (p && p->kind == KF_STEP_CHOOSE) return KF_TYPING_TEXT;
    if (!has_field(p) || (kf_signin_is_other(p) && s->cur != KF_OTHER_NEW)) return KF_TYPING_NONE;
    if (kf_signin_is_browser(p)) return s->second ? KF_TYPING_TEXT : KF_TYPING_DIGITS;
    return kf_is_digits_field(p->field) ? KF_TYPING_DIGITS : KF_TYPING_TEXT;
}

/* The key of an app that is being set up, the address to open, else whose sign-in it is. */
static bool copy(const void *st, const kf_model *m, kf_copy *out) {
    const kf_signin *s = st;
    const kf_mstep *p = open_step(s, m);
    const kf_mprofile *of = kf_signin_of(s, m);
    if (p && p->qr_text) {
        snprintf(out->what, sizeof out->what, "key of the app");
        out->secret = p->qr_text;
    } else if (p && p->url && p->url[0]) kf_copy_set(out, "address", p->url);
    else if (s->email[0]) kf_copy_set(out, "e-mail address", s->email);
    else if (of && of->user_email[0]) kf_copy_set(out, "e-mail address", of->user_email);
    else return false;
    return true;
}

static void hints(const void *st, const kf_model *m, kf_action out[12]) {
    const kf_signin *s = st;
    const kf_mstep *p = open_step(s, m);
    int n = 0;
    if (s->over) out[n++] = KF_DO_AGAIN;
    else if (p && p->kind == KF_STEP_CHOOSE) out[n++] = KF_DO_USE;
    else if (p && p->kind == KF_STEP_OPEN_URL) {
        if (kf_signin_is_browser(p) && s->second) out[n++] = KF_DO_SUBMIT;
        out[n++] = KF_DO_BROWSER;
        out[n++] = KF_DO_NEW_CODE;
    } else if (p && has_field(p)) out[n++] = KF_DO_SUBMIT;
    out[n++] = KF_DO_BACK;
    if (p && p->kind == KF_STEP_FIELD && !kf_signin_is_other(p))
        out[n++] = KF_DO_NEW_CODE, out[n++] = KF_DO_FORGOT;
    if (kf_signin_is_browser(p) && !s->second) out[n++] = KF_DO_NEXT;
    if (p && p->qr)
        out[n++] = KF_DO_SHOW, out[n++] = KF_DO_INVERT, out[n++] = KF_DO_WIDER,
        out[n++] = KF_DO_QUIET;
    out[n] = KF_DO_DETAILS;
}

static const char *new_code_why_not(const kf_signin *s, const kf_model *m, const kf_mstep *p) {
    static char text[60];
    int64_t in = kf_signin_resend_in(s, m);
    if (can(p, KF_ACT_NEW_CODE)) return NULL;
    if (!can(p, KF_ACT_RESEND)) return "no code can be sent from here";
    if (!in) return NULL;
    snprintf(text, sizeof text, "another code can be sent in %lld s", (long long)(in + 999) / 1000);
    return text;
}

static const char *why_not(const void *st, const kf_model *m, kf_action what) {
    const kf_signin *s = st;
    const kf_mstep *p = open_step(s, m);
    bool list = p && p->kind == KF_STEP_CHOOSE, two = p && p->field == KF_FIELD_NEW_PASSWORD;
    if (kf_is_move(what))
        return list || two || s->over || kf_signin_is_other(p) || kf_signin_is_browser(p)
                   ? NULL
                   : "there is no list here";
    switch (what) {
    case KF_DO_DETAILS: return s->over || (p && p->failed) ? NULL : "there is no error to explain";
    case KF_DO_SUBMIT:
        return kf_signin_waiting(s, m) ? "keyfob waits for an answer; Esc stops" : NULL;
    case KF_DO_NEXT:
    case KF_DO_PREV: return two || kf_signin_is_browser(p) ? NULL : "there is only one field";
    case KF_DO_BROWSER:
        return can(p, KF_ACT_BROWSER) && p->url[0] && !kf_signin_expired(p, m)
                   ? NULL
                   : "there is no address to open";
    case KF_DO_NEW_CODE: return new_code_why_not(s, m, p);
    case KF_DO_FORGOT: return can(p, KF_ACT_RESET) ? NULL : "only at the password";
    default: return kf_pane_why_not(&s->pane, p && p->qr, what);
    }
}

static bool whole(const void *st, const kf_model *m) {
    const kf_mstep *p = open_step(st, m);
    return p && (p->kind == KF_STEP_SHOW_QR ||
                 (p->kind == KF_STEP_OPEN_URL && p->user_code[0] && !kf_signin_expired(p, m)));
}

static bool counts(const void *st, const kf_model *m) {
    const kf_mstep *p = open_step(st, m);
    return kf_signin_waiting(st, m) || (p && p->kind == KF_STEP_SHOW_QR) ||
           (p && p->ends_at != KF_NO_TIME && p->ends_at >= m->now_ms) ||
           (can(p, KF_ACT_RESEND) && kf_signin_resend_in(st, m));
}

const kf_screen_class kf_screen_signin = {.name = "signin",
                                          .state_size = sizeof(kf_signin),
                                          .where = KF_AT_STEP,
                                          .steps = true,
                                          .whole = whole,
                                          .init = init,
                                          .update = update,
                                          .draw = kf_signin_draw,
                                          .done = done,
                                          .typing = typing,
                                          .title = kf_signin_title,
                                          .status = kf_signin_status,
                                          .hints = hints,
                                          .copy = copy,
                                          .why_not = why_not,
                                          .counts = counts};
