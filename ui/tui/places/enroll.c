/* An authenticator app, set up for the person who is signed in. The factor exists at WorkOS from
 * the first answer on; leaving before a code was accepted closes the call, and the agent deletes it
 * again. */
#include "base/str.h"
#include "ui/common/words.h"
#include "ui/tui/parts/code_pane.h"
#include "ui/tui/places/places.h"
#include "ui/tui/places/profile_do.h"
#include "ui/tui/parts/widget.h"

enum { DIGITS = 6 };

typedef struct enroll {
    char id[17];
    uint32_t stream, verify; /* calls; verify != 0: a code is being checked */
    char enrollment[64];
    kf_secret *uri, *key; /* NULL: not here yet */
    kf_line line;
    kf_pane pane;
    char said[560];
    bool over, details;
    kf_err err; /* over: why */
    int64_t since_ms;
} enroll;

static const kf_mprofile *of(const void *st, const kf_model *m) {
    return kf_model_by_id(m, ((const enroll *)st)->id);
}

static void begin(enroll *s, const kf_model *m, const kf_mprofile *p, kf_out *o) {
    s->over = false;
    s->since_ms = m->now_ms;
    s->stream = kf_out_stream(o, "EnrollFactor", kf_profile_params(p));
}

static void init(void *st, const kf_model *m, const kf_args *args, kf_out *o) {
    enroll *s = st;
    memcpy(s->id, args->profile, sizeof s->id);
    kf_line_init(&s->line, DIGITS, false);
    const kf_mprofile *p = of(st, m);
    if (p) begin(s, m, p, o);
}

static void done(void *st) {
    enroll *s = st;
    kf_line_done(&s->line);
    s->uri = kf_secret_free(s->uri);
    s->key = kf_secret_free(s->key);
}

static void failed(enroll *s, const kf_err *err) {
    s->over = true;
    s->err = *err;
    s->uri = kf_secret_free(s->uri);
    s->key = kf_secret_free(s->key);
}

static void part(enroll *s, const kf_model *m, const kf_event *ev, kf_out *o) {
    const char *uri = kf_json_str(ev->result, "uri"), *key = kf_json_str(ev->result, "secret");
    if (ev->err) {
        failed(s, ev->err);
        return;
    }
    if (kf_json_bool(ev->result, "verified", false)) {
        kf_out_say(o, KF_SAY_GOOD, "The authenticator app is set up");
        kf_out_run(o, KF_DO_REDRAW); /* closes this, and the list below is asked for again */
        return;
    }
    if (!uri ||
        !kf_str_set(s->enrollment, sizeof s->enrollment, kf_json_str(ev->result, "enrollment"))) {
        kf_err bad;
        kf_fail(&bad, KF_ERR_WIRE_BAD_FRAME, "the enrolment has no URI");
        failed(s, &bad);
        return;
    }
    s->uri = kf_secret_new(uri, strlen(uri));
    s->key = key && *key ? kf_secret_new(key, strlen(key)) : NULL;
    kf_pane_begin(&s->pane, m);
}

static void checked(enroll *s, const kf_event *ev) {
    kf_words_error w;
    s->verify = 0;
    if (!ev->err) return; /* the enrolment's own answer says that it is done */
    kf_words_for_error(ev->err, &w);
    snprintf(s->said, sizeof s->said, "%s %.120s", w.happened, w.todo);
}

static void submit(enroll *s, kf_out *o) {
    if (s->line.len < DIGITS) {
        kf_out_say(o, KF_SAY_INFO, "A code has 6 digits");
        return;
    }
    KF_AUTO(kf_secret) code = kf_line_take(&s->line);
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "enrollment", s->enrollment);
    kf_json_set_secret(j, "code", code);
    s->said[0] = 0;
    s->verify = kf_out_call(o, "VerifyFactor", j);
}

static void key(enroll *s, int k, kf_out *o) {
    if (!s->uri || s->verify || s->over) return;
    if (kf_key_is_text(k) && !(k >= '0' && k <= '9')) return;
    if (!kf_key_is_text(k) || s->line.len < DIGITS) kf_line_key(&s->line, k);
    if (s->line.len == DIGITS && kf_key_is_text(k)) submit(s, o);
}

static void paste(enroll *s, const kf_event *ev, kf_out *o) {
    char code[DIGITS + 1];
    if (!s->uri || s->verify || s->over) return;
    if (!kf_digits_in(ev->text, ev->len, code)) {
        kf_out_say(o, KF_SAY_INFO, "No 6-digit code in the pasted text");
        return;
    }
    kf_line_set(&s->line, code);
    kf_wipe(code, sizeof code);
    submit(s, o);
}

static void act(enroll *s, const kf_model *m, const kf_mprofile *p, kf_action what, kf_out *o) {
    if (what == KF_DO_BACK && s->uri && !s->over) {
        kf_out_push(o, &kf_screen_confirm, &(kf_args){.what = KF_CONFIRM_LEAVE_CODE});
    } else if (what == KF_DO_BACK || what == KF_DO_CONFIRMED) {
        if (!s->over) kf_out_say(o, KF_SAY_INFO, "Nothing was set up");
        kf_out_stop(o, s->stream);
        kf_out_pop(o, 1);
    } else if (what == KF_DO_DETAILS) s->details = !s->details;
    else if (s->over && what == KF_DO_SUBMIT) begin(s, m, p, o);
    else if (s->uri && !s->verify && what == KF_DO_SUBMIT) submit(s, o);
    else if (s->uri) kf_pane_do(&s->pane, m, what);
}

static void update(void *st, const kf_model *m, const kf_event *ev, kf_out *o) {
    enroll *s = st;
    const kf_mprofile *p = of(st, m);
    if (!p) {
        kf_out_pop(o, 1);
        return;
    }
    switch (ev->kind) {
    case KF_EV_RESULT:
        if (ev->call == s->stream) part(s, m, ev, o);
        if (ev->call == s->verify) checked(s, ev);
        return;
    case KF_EV_KEY: key(s, ev->key, o); return;
    case KF_EV_PASTE: paste(s, ev, o); return;
    case KF_EV_DO: act(s, m, p, ev->act, o); return;
    case KF_EV_HIDE: s->pane.hidden = true; return;
    case KF_EV_TICK: kf_pane_tick(&s->pane, m); return;
    default: return;
    }
}

static void draw(const void *st, const kf_model *m, const kf_view *v, kf_grid *g) {
    const enroll *s = st;
    const kf_mprofile *p = of(st, m);
    kf_rect r = v->body;
    if (s->over) {
        kf_error_draw(g, r, "No authenticator app was set up", &s->err, s->details);
        return;
    }
    if (!s->uri) {
        bool slow = m->now_ms - s->since_ms >= 3000;
        kf_grid_text(g, r.y + 1, r.x, r.cols, KF_INK_DIM,
                     slow ? "Waiting for WorkOS; Esc stops." : "Asking WorkOS for a key.");
        return;
    }
    kf_setup x = {.profile = p ? p->name : "",
                  .said = s->said,
                  .bad = true,
                  .uri = s->uri,
                  .key = s->key,
                  .line = &s->line,
                  .busy = s->verify != 0,
                  .leaving = "This key is shown once. If you leave now, the factor is deleted."};
    kf_setup_draw(&x, &s->pane, m, v, g);
}

static kf_typing typing(const void *st, const kf_model *m) {
    const enroll *s = st;
    return s->uri && !s->verify && !s->over ? KF_TYPING_DIGITS : KF_TYPING_NONE;
}

static bool whole(const void *st, const kf_model *m) {
    const enroll *s = st;
    return s->uri && !s->over;
}

static void title(const void *st, const kf_model *m, bool compact, char *left, char *right,
                  size_t size) {
    const kf_mprofile *p = of(st, m);
    snprintf(left, size, "keyfob%s > %s > Authenticator app", m->sandbox ? " sandbox" : "",
             p ? p->name : "");
}

static void hints(const void *st, const kf_model *m, kf_action out[12]) {
    const enroll *s = st;
    int n = 0;
    out[n++] = s->over ? KF_DO_AGAIN : KF_DO_SUBMIT;
    out[n++] = KF_DO_BACK;
    out[n++] = KF_DO_SHOW, out[n++] = KF_DO_INVERT, out[n++] = KF_DO_WIDER, out[n++] = KF_DO_QUIET;
    out[n] = KF_DO_DETAILS;
}

static const char *why_not(const void *st, const kf_model *m, kf_action what) {
    const enroll *s = st;
    if (kf_is_move(what)) return "there is no list here";
    switch (what) {
    case KF_DO_DETAILS: return s->over ? NULL : "there is no error to explain";
    case KF_DO_SUBMIT:
        return s->over || (s->uri && !s->verify) ? NULL : "keyfob waits for an answer; Esc stops";
    case KF_DO_NEXT:
    case KF_DO_PREV: return "there is only one field";
    case KF_DO_BROWSER: return "there is no address to open";
    case KF_DO_NEW_CODE:
    case KF_DO_FORGOT: return "only in a sign-in";
    default: return kf_pane_why_not(&s->pane, s->uri != NULL, what);
    }
}

static bool counts(const void *st, const kf_model *m) { return !((const enroll *)st)->over; }

const kf_screen_class kf_screen_enroll = {.name = "enroll",
                                          .state_size = sizeof(enroll),
                                          .where = KF_AT_STEP,
                                          .whole = whole,
                                          .init = init,
                                          .update = update,
                                          .draw = draw,
                                          .done = done,
                                          .typing = typing,
                                          .title = title,
                                          .hints = hints,
                                          .why_not = why_not,
                                          .counts = counts};
