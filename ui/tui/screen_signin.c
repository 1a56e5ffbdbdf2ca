/* The steps of a sign-in, as they come from the agent: one question at a time. Knows kinds of
 * steps and fields, not methods. */
#include "base/str.h"
#include "ui/common/words.h"
#include "ui/tui/profile_do.h"
#include "ui/tui/widget.h"

enum { TOTP_DIGITS = 6 };

typedef struct signin {
    char id[17];
    kf_method method;
    uint32_t stream, answer; /* calls; answer != 0: it is under way */
    uint32_t serial;         /* of the question that line and cur belong to */
    bool fresh, details, over;
    kf_err err;   /* over: why */
    kf_line line; /* field, or the chooser's filter */
    size_t cur;
    int top; /* over: scrolled rows */
    int64_t since_ms;
} signin;

static const kf_mprofile *of(const signin *s, const kf_model *m) {
    return kf_model_by_id(m, s->id);
}

static void begin(signin *s, const kf_model *m, kf_out *o) {
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "profile", s->id);
    kf_json_set_str(p, "method", kf_method_name(s->method));
    kf_json_set_str(p, "client_id", m->env_client_id);
    kf_json_set_secret(p, "api_key", m->env_api_key);
    kf_json_set_bool(p, "interactive", true);
    s->over = s->fresh = false;
    s->answer = 0;
    s->since_ms = m->now_ms;
    s->stream = kf_out_stream(o, "SignIn", p);
}

static void init(void *st, const kf_model *m, const kf_args *args, kf_out *o) {
    signin *s = st;
    memcpy(s->id, args->profile, sizeof s->id);
    s->method = (kf_method)args->what;
    kf_line_init(&s->line, 512, false);
    begin(s, m, o);
}

static void done(void *st) { kf_line_done(&((signin *)st)->line); }

static const kf_mstep *step_of(const signin *s, const kf_model *m) {
    return s->fresh && m->step.any ? &m->step : NULL;
}

static bool is_digits_field(kf_field f) { return f == KF_FIELD_TOTP || f == KF_FIELD_EMAIL_CODE; }

static bool waiting(const signin *s, const kf_model *m) {
    const kf_mstep *p = step_of(s, m);
    return !s->over && (!p || p->kind == KF_STEP_WAIT || s->answer);
}

/* --- answers --------------------------------------------------------------------------- */

static void answer(signin *s, const kf_model *m, kf_flow_act act, const kf_secret *value,
                   kf_out *o) {
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "flow", m->flow);
    kf_json_set_int(p, "serial", m->step.serial);
    kf_json_set_str(p, "act", kf_flow_act_name(act));
    kf_json_set_secret(p, "value", value);
    s->since_ms = m->now_ms;
    s->answer = kf_out_call(o, "Answer", p);
}

static void submit(signin *s, const kf_model *m, kf_out *o) {
    const kf_mstep *p = step_of(s, m);
    if (kf_line_is_empty(&s->line)) {
        kf_out_say(o, KF_SAY_INFO, "The field is empty");
        return;
    }
    if (is_digits_field(p->field) && s->line.len < TOTP_DIGITS) {
        kf_out_say(o, KF_SAY_INFO, "A code has 6 digits");
        return;
    }
    KF_AUTO(kf_secret) value = kf_line_take(&s->line);
    answer(s, m, KF_ACT_SUBMIT, value, o);
}

/* Indexes of the choices that contain the filter. Returns their number; the wanted one in *at. */
static size_t filtered(const signin *s, const kf_mstep *p, size_t want, size_t *at) {
    const char *f = kf_line_text(&s->line);
    size_t n = 0;
    for (size_t i = 0; i < p->n_choice; i++) {
        if (f[0] && !strcasestr(p->choice[i].label, f) && !strcasestr(p->choice[i].id, f)) continue;
        if (n == want && at) *at = i;
        n++;
    }
    return n;
}

static void choose(signin *s, const kf_model *m, kf_out *o) {
    const kf_mstep *p = step_of(s, m);
    size_t at = 0;
    if (s->cur >= filtered(s, p, s->cur, &at)) return;
    KF_AUTO(kf_secret) value = kf_secret_new(p->choice[at].id, strlen(p->choice[at].id));
    answer(s, m, KF_ACT_CHOOSE, value, o);
}

static void back(signin *s, const kf_model *m, kf_out *o) {
    const kf_mstep *p = step_of(s, m);
    if (p && p->kind == KF_STEP_CHOOSE && !kf_line_is_empty(&s->line)) {
        kf_line_clear(&s->line);
        s->cur = 0;
        return;
    }
    if (p && !s->answer && !s->over && p->kind == KF_STEP_FIELD && (p->acts & 1u << KF_ACT_BACK)) {
        kf_line_clear(&s->line);
        answer(s, m, KF_ACT_BACK, NULL, o);
        return;
    }
    if (!s->over) kf_out_say(o, KF_SAY_INFO, "Sign-in stopped; nothing was stored");
    kf_out_stop(o, s->stream);
    kf_out_pop(o, 1);
}

/* --- what comes in --------------------------------------------------------------------- */

static void finished(signin *s, const kf_model *m, kf_out *o) {
    const kf_mprofile *p = of(s, m);
    kf_out_say(o, KF_SAY_GOOD, "Signed in to %s as %s%s%s", p ? p->name : "", m->step.email,
               m->step.organization[0] ? ", " : "", m->step.organization);
    kf_out_select(o, s->id);
    kf_out_stop(o, s->stream);
    kf_out_pop(o, 2); /* with the chooser */
}

static void new_step(signin *s, const kf_model *m, kf_out *o) {
    const kf_mstep *p = &m->step;
    bool same = s->fresh && s->serial == p->serial && p->kind == KF_STEP_CHOOSE;
    s->fresh = true;
    if (same) return; /* more choices for the same question */
    s->serial = p->serial;
    s->answer = 0;
    s->cur = 0;
    s->details = false;
    kf_line_clear(&s->line);
    s->line.masked = p->kind == KF_STEP_FIELD && p->field == KF_FIELD_PASSWORD;
    if (p->kind != KF_STEP_WAIT) s->since_ms = m->now_ms;
    if (p->kind == KF_STEP_DONE) finished(s, m, o);
    if (p->kind == KF_STEP_FAILED) {
        s->over = true;
        s->err = p->err;
    }
}

static void result(signin *s, const kf_model *m, const kf_event *ev, kf_out *o) {
    (void)m;
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

/* A code field takes digits; blanks and dashes of a paste are skipped, the sixth digit sends it. */
static void digits(signin *s, const kf_model *m, const char *text, size_t n, kf_out *o) {
    char best[TOTP_DIGITS + 1] = {0};
    size_t run = 0;
    bool typed = n == 1;
    for (size_t i = 0; i < n && run < TOTP_DIGITS; i++) {
        if (text[i] >= '0' && text[i] <= '9')
            best[run++] = text[i];
        else if (text[i] != ' ' && text[i] != '-' && run)
            run = 0; /* "Code 2 for you: 123 456" */
    }
    if (typed && run)
        kf_line_key(&s->line, best[0]);
    else if (!typed && run == TOTP_DIGITS) {
        best[TOTP_DIGITS] = 0;
        kf_line_set(&s->line, best);
    } else if (!typed)
        kf_out_say(o, KF_SAY_INFO, "No 6-digit code in the pasted text");
    kf_wipe(best, sizeof best);
    if (s->line.len >= TOTP_DIGITS) submit(s, m, o);
}

static void typed_key(signin *s, const kf_model *m, const kf_event *ev, kf_out *o) {
    const kf_mstep *p = step_of(s, m);
    if (!p || s->answer || s->over) return;
    if (p->kind == KF_STEP_FIELD && ev->key == '?' && kf_line_is_empty(&s->line) && !s->line.masked)
        kf_out_help(o);
    else if (p->kind == KF_STEP_FIELD && is_digits_field(p->field)) {
        char c = (char)ev->key;
        if (ev->key >= '0' && ev->key <= '9')
            digits(s, m, &c, 1, o);
        else if (ev->key != ' ' && ev->key != '-')
            kf_line_key(&s->line, ev->key);
    } else if (p->kind == KF_STEP_FIELD) {
        if (!kf_line_key(&s->line, ev->key))
            kf_out_say(o, KF_SAY_INFO, "The field takes %zu characters", s->line.cap);
    } else if (p->kind == KF_STEP_CHOOSE && kf_line_key(&s->line, ev->key))
        s->cur = 0;
}

static void paste(signin *s, const kf_model *m, const kf_event *ev, kf_out *o) {
    const kf_mstep *p = step_of(s, m);
    char msg[120] = "";
    if (!p || s->answer || s->over) return;
    if (p->kind == KF_STEP_FIELD && is_digits_field(p->field))
        digits(s, m, ev->text, ev->len, o);
    else
        kf_line_paste(&s->line, ev->text, ev->len, msg, sizeof msg);
    if (msg[0]) kf_out_say(o, KF_SAY_INFO, "%s", msg);
}

static void act(signin *s, const kf_model *m, const kf_event *ev, kf_out *o) {
    const kf_mstep *p = step_of(s, m);
    if (ev->act == KF_DO_BACK)
        back(s, m, o);
    else if (ev->act == KF_DO_DETAILS) {
        s->details = !s->details;
        s->top = s->details ? 99 : 0;
    } else if (s->over && kf_is_move(ev->act))
        s->top = kf_page_move(s->top, ev->act);
    else if (s->over && (ev->act == KF_DO_SUBMIT || ev->act == KF_DO_USE))
        begin(s, m, o);
    else if (!p || s->answer || s->over)
        return;
    else if (p->kind == KF_STEP_CHOOSE && kf_is_move(ev->act))
        s->cur = kf_list_move(s->cur, filtered(s, p, 0, NULL), 8, ev->act);
    else if (p->kind == KF_STEP_CHOOSE && (ev->act == KF_DO_SUBMIT || ev->act == KF_DO_USE))
        choose(s, m, o);
    else if (p->kind == KF_STEP_FIELD && ev->act == KF_DO_SUBMIT)
        submit(s, m, o);
}

static void update(void *st, const kf_model *m, const kf_event *ev, kf_out *o) {
    signin *s = st;
    switch (ev->kind) {
    case KF_EV_STEP: new_step(s, m, o); return;
    case KF_EV_RESULT: result(s, m, ev, o); return;
    case KF_EV_KEY: typed_key(s, m, ev, o); return;
    case KF_EV_PASTE: paste(s, m, ev, o); return;
    case KF_EV_DO: act(s, m, ev, o); return;
    default: return;
    }
}

static kf_typing typing(const void *st, const kf_model *m) {
    const signin *s = st;
    const kf_mstep *p = step_of(s, m);
    if (!p || s->over || s->answer) return KF_TYPING_NONE;
    if (p->kind == KF_STEP_CHOOSE) return KF_TYPING_TEXT;
    if (p->kind != KF_STEP_FIELD) return KF_TYPING_NONE;
    return is_digits_field(p->field) ? KF_TYPING_DIGITS : KF_TYPING_TEXT;
}

/* --- drawing --------------------------------------------------------------------------- */

static void draw_wait(const signin *s, const kf_model *m, kf_grid *g, kf_rect r) {
    const kf_mprofile *p = of(s, m);
    const char *host = p && p->api_host[0] ? p->api_host : "WorkOS";
    if (kf_str_starts(host, "https://")) host += 8;
    int64_t sec = (m->now_ms - s->since_ms) / 1000;
    if (sec < 3)
        kf_grid_text(g, r.y + 1, r.x, r.cols, KF_INK_DIM, "Signing in.");
    else {
        char text[300];
        snprintf(text, sizeof text, "Waiting for %.200s %lld s, Esc stops.", host, (long long)sec);
        kf_grid_wrap(g, r.y + 1, r.x, r.cols, 3, KF_INK_WARN, text, true);
    }
}

static int draw_note(const kf_mstep *p, kf_grid *g, kf_rect r, int y, bool details) {
    char note[400];
    kf_words_note(p->note, p->note_arg, note, sizeof note);
    if (!note[0]) return 0;
    bool good =
        p->note == KF_NOTE_SENT_TO || p->note == KF_NOTE_MFA || p->note == KF_NOTE_ORGANIZATION;
    int n = kf_grid_wrap(g, y, r.x, r.cols < 76 ? r.cols : 76, 3, good ? KF_INK_TEXT : KF_INK_BAD,
                         note, true);
    if (details && p->failed)
        n += kf_error_draw(g, (kf_rect){y + n, r.x, 6, r.cols}, "", &p->err, true);
    return n + 1;
}

static void draw_field(const signin *s, const kf_model *m, const kf_mstep *p, kf_grid *g,
                       kf_rect r) {
    int y = r.y, tight = r.rows < 12;
    if (!tight) y++;
    y += draw_note(p, g, r, y, s->details);
    kf_grid_text(g, y, r.x, r.cols, KF_INK_STRONG, kf_words_field(p->field));
    int cols = is_digits_field(p->field) ? 12 : r.cols < 60 ? r.cols : 60;
    kf_line_draw(&s->line, g, y + 1, r.x, cols, true);
    y += tight ? 2 : 3;
    const char *help = p->field == KF_FIELD_EMAIL
                           ? "The address of your account in this environment."
                       : p->field == KF_FIELD_PASSWORD
                           ? "It goes to WorkOS and is kept nowhere. Its length is not shown."
                       : p->field == KF_FIELD_TOTP ? "Sent by itself at the sixth digit."
                                                   : "";
    y += kf_grid_wrap(g, y, r.x, r.cols, 2, KF_INK_DIM, help, true) + 1;
    if (!m->sandbox) return;
    const char *hint = p->field == KF_FIELD_EMAIL
                           ? "Sandbox: plain@example.test, orgs@example.test or totp@example.test"
                       : p->field == KF_FIELD_PASSWORD ? "Sandbox: sandbox-password"
                       : p->field == KF_FIELD_TOTP ? "Sandbox: oathtool --totp -b JBSWY3DPEHPK3PXP"
                                                   : "";
    kf_grid_wrap(g, y, r.x, r.cols, 2, KF_INK_DIM, hint, true);
}

static void draw_choices(const signin *s, const kf_mstep *p, kf_grid *g, kf_rect r) {
    int y = r.y, rows;
    size_t n = filtered(s, p, 0, NULL);
    kf_grid_printf(g, y++, r.x, r.cols, KF_INK_TEXT,
                   "You belong to %zu organizations%s. Which one should this profile use?",
                   p->n_choice, p->more_choices ? " and more" : "");
    int x = r.x + kf_grid_text(g, y, r.x, 8, KF_INK_DIM, "Filter ");
    kf_line_draw(&s->line, g, y, x, r.cols - 7 < 40 ? r.cols - 7 : 40, true);
    y += 2;
    rows = r.y + r.rows - y - (r.rows > 12 ? 3 : 0);
    size_t top = kf_scroll_top(s->cur, n, rows);
    int name = r.cols < 60 ? r.cols - 3 : (r.cols - 3) / 2;
    for (int i = 0; i < rows && top + (size_t)i < n; i++) {
        size_t at = 0;
        bool here = top + (size_t)i == s->cur;
        (void)filtered(s, p, top + (size_t)i, &at);
        const kf_mchoice *c = &p->choice[at];
        char id[64];
        kf_short_id(c->id, id, sizeof id);
        if (here) kf_grid_text(g, y + i, r.x - (r.x ? 1 : 0), 1, KF_INK_STRONG, ">");
        kf_grid_text(g, y + i, r.x + 2, name, KF_INK_STRONG, c->label[0] ? c->label : id);
        if (r.cols >= 60)
            kf_grid_printf(g, y + i, r.x + 3 + name, r.cols - 3 - name, KF_INK_DIM, "%s%s%s", id,
                           c->detail[0] ? "  " : "", c->detail);
        if (here)
            kf_grid_tint(g, y + i, r.x - (r.x ? 1 : 0), r.cols + (r.x ? 1 : 0), KF_INK_SELECT);
    }
    if (!n)
        kf_grid_text(g, y, r.x + 2, r.cols - 2, KF_INK_TEXT,
                     "No organization matches. Esc clears the filter.");
    if (r.rows > 12)
        kf_grid_wrap(g, r.y + r.rows - 2, r.x, r.cols, 2, KF_INK_DIM,
                     "The token will carry org_id and role for this organization only.", true);
}

typedef struct failure {
    const signin *s;
    const char *title;
} failure;

static int draw_failure(const void *arg, kf_grid *page, kf_rect r) {
    const failure *f = arg;
    return kf_error_draw(page, r, f->title, &f->s->err, f->s->details);
}

static void draw(const void *st, const kf_model *m, const kf_view *v, kf_grid *g) {
    const signin *s = st;
    const kf_mstep *p = step_of(s, m);
    kf_rect r = v->body;
    if (s->over) {
        char title[120];
        const kf_mprofile *of_p = of(s, m);
        snprintf(title, sizeof title, "Could not sign in to %s", of_p ? of_p->name : "");
        if (v->tier != KF_TIER_COMPACT) r.y++, r.rows--;
        kf_page(g, r, s->top, draw_failure, &(failure){s, title});
    } else if (waiting(s, m))
        draw_wait(s, m, g, r);
    else if (p->kind == KF_STEP_FIELD)
        draw_field(s, m, p, g, r);
    else if (p->kind == KF_STEP_CHOOSE)
        draw_choices(s, p, g, r);
    else if (p->kind == KF_STEP_DONE)
        kf_grid_text(g, r.y + 1, r.x, r.cols, KF_INK_OK, "Signed in.");
    else
        kf_grid_wrap(g, r.y + 1, r.x, r.cols, 4, KF_INK_WARN,
                     "WorkOS asks for a step that needs a browser. This version of the screen "
                     "cannot take it. Esc goes back.",
                     true);
}

static void title(const void *st, const kf_model *m, bool compact, char *left, char *right,
                  size_t size) {
    const signin *s = st;
    const kf_mprofile *p = of(s, m);
    const kf_mstep *step = step_of(s, m);
    (void)compact, (void)right;
    snprintf(left, size, "keyfob%s > %s > Sign in%s", m->sandbox ? " sandbox" : "",
             p ? p->name : "",
             step && step->kind == KF_STEP_CHOOSE && !s->over ? " > Organization" : "");
}

static void status(const void *st, const kf_model *m, bool compact, char *left, char *right,
                   size_t size) {
    const signin *s = st;
    const kf_mstep *p = step_of(s, m);
    (void)right, (void)compact;
    if (p && p->kind == KF_STEP_CHOOSE && !s->over)
        snprintf(left, size, "%zu of %zu", filtered(s, p, 0, NULL), p->n_choice);
}

static void hints(const void *st, const kf_model *m, kf_action out[12]) {
    const signin *s = st;
    const kf_mstep *p = step_of(s, m);
    int n = 0;
    if (s->over)
        out[n++] = KF_DO_AGAIN;
    else if (p && !waiting(s, m) && p->kind == KF_STEP_FIELD)
        out[n++] = KF_DO_SUBMIT;
    else if (p && !waiting(s, m) && p->kind == KF_STEP_CHOOSE)
        out[n++] = KF_DO_USE;
    out[n++] = KF_DO_BACK;
    if (s->over || (p && p->failed)) out[n] = KF_DO_DETAILS;
}

static const char *why_not(const void *st, const kf_model *m, kf_action what) {
    const signin *s = st;
    const kf_mstep *p = step_of(s, m);
    bool list = p && p->kind == KF_STEP_CHOOSE && !s->over;
    if (kf_is_move(what) && !list && !s->over) return "there is no list here";
    if (what == KF_DO_DETAILS && !s->over && !(p && p->failed))
        return "there is no error to explain";
    if (what == KF_DO_SUBMIT && waiting(s, m)) return "keyfob waits for an answer; Esc stops";
    return NULL;
}

static bool counts(const void *st, const kf_model *m) { return waiting(st, m); }

const kf_screen_class kf_screen_signin = {.name = "signin",
                                          .state_size = sizeof(signin),
                                          .where = KF_AT_STEP,
                                          .init = init,
                                          .update = update,
                                          .draw = draw,
                                          .done = done,
                                          .typing = typing,
                                          .title = title,
                                          .status = status,
                                          .hints = hints,
                                          .why_not = why_not,
                                          .counts = counts};
