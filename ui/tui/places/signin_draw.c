/* How the steps of a sign-in look. */
#include "base/str.h"
#include "ui/common/words.h"
#include "ui/tui/places/signin.h"

typedef struct words {
    const kf_signin *s;
    const kf_model *m;
    const kf_mstep *p;
    const char *why; /* there is no QR code */
} words;

static int say(kf_grid *g, int y, kf_rect r, int rows, kf_ink ink, const char *text) {
    return kf_grid_wrap(g, y, r.x, r.cols < 76 ? r.cols : 76, rows, ink, text, true);
}

static const char *name_of(const kf_signin *s, const kf_model *m) {
    const kf_mprofile *p = kf_signin_of(s, m);
    return p ? p->name : "";
}

static void draw_wait(const kf_signin *s, const kf_model *m, kf_grid *g, kf_rect r) {
    const kf_mprofile *p = kf_signin_of(s, m);
    const char *host = p && p->api_host[0] ? p->api_host : "WorkOS";
    if (kf_str_starts(host, "https://")) host += 8;
    int64_t sec = (m->now_ms - s->since_ms) / 1000;
    if (sec < 3) kf_grid_text(g, r.y + 1, r.x, r.cols, KF_INK_DIM, "Signing in.");
    else {
        char text[300];
        snprintf(text, sizeof text, "Waiting for %.200s %lld s, Esc stops.", host, (long long)sec);
        kf_grid_wrap(g, r.y + 1, r.x, r.cols, 3, KF_INK_WARN, text, true);
    }
}

static bool is_good(const kf_mstep *p) {
    switch (p->note) {
    case KF_NOTE_SENT_TO:
    case KF_NOTE_MFA:
    case KF_NOTE_ORGANIZATION:
    case KF_NOTE_ENROLL:
    case KF_NOTE_VERIFY_EMAIL:
    case KF_NOTE_SSO:
    case KF_NOTE_PUBLIC_STEP_UP:
    case KF_NOTE_HOSTED_STEP:
    case KF_NOTE_DEVICE:
    case KF_NOTE_BROWSER:
    case KF_NOTE_RADAR:
    case KF_NOTE_RESET_ASKED:
    case KF_NOTE_PASSWORD_CHANGED: return true;
    default: return false;
    }
}

static int draw_note(const kf_mstep *p, kf_grid *g, kf_rect r, int y, bool details) {
    char note[400];
    kf_words_note(p->note, p->note_arg, p->failed ? &p->err : NULL, note, sizeof note);
    if (p->note == KF_NOTE_RADAR && p->field == KF_FIELD_PHONE) /* nothing was sent yet */
        snprintf(note, sizeof note,
                 "WorkOS wants to be sure that it is you, and sends a code to your phone.");
    if (!note[0]) return 0;
    int n = say(g, y, r, 4, is_good(p) ? KF_INK_TEXT : KF_INK_BAD, note);
    if (details && p->failed)
        n += kf_error_draw(g, (kf_rect){y + n, r.x, 6, r.cols}, "", &p->err, true);
    return n + 1;
}

/* --- a field --------------------------------------------------------------------------- */

static const char *help_for(kf_field f) {
    switch (f) {
    case KF_FIELD_EMAIL: return "The address of your account in this environment.";
    case KF_FIELD_PASSWORD:
        return "It goes to WorkOS and is kept nowhere. Its length is not shown.";
    case KF_FIELD_TOTP:
    case KF_FIELD_EMAIL_CODE:
    case KF_FIELD_SMS_CODE: return "Sent by itself at the sixth digit.";
    case KF_FIELD_PHONE: return "A text message with a code goes there.";
    case KF_FIELD_ORGANIZATION:
        return "It says whose identity provider is asked: org_..., conn_... or example.com.";
    case KF_FIELD_RESET_TOKEN:
        return "The mail comes from the environment. Its link holds the token; paste only the "
               "token.";
    case KF_FIELD_NEW_PASSWORD:
        return "Setting it ends every session of this user, on every device. Typed twice, never "
               "shown.";
    default: return "";
    }
}

static void sandbox_hint(const kf_mstep *p, const kf_model *m, char *out, size_t size) {
    out[0] = 0;
    switch (p->field) {
    case KF_FIELD_EMAIL:
        snprintf(out, size, "Sandbox: plain@example.test, orgs@example.test or totp@example.test");
        return;
    case KF_FIELD_PASSWORD: snprintf(out, size, "Sandbox: sandbox-password"); return;
    case KF_FIELD_TOTP: snprintf(out, size, "Sandbox: oathtool --totp -b JBSWY3DPEHPK3PXP"); return;
    case KF_FIELD_PHONE: snprintf(out, size, "Sandbox: any number, such as +442079460000"); return;
    case KF_FIELD_ORGANIZATION: snprintf(out, size, "Sandbox: sso.example.test"); return;
    case KF_FIELD_EMAIL_CODE:
    case KF_FIELD_SMS_CODE:
    case KF_FIELD_RESET_TOKEN:
        if (m->sandbox_url[0])
            snprintf(out, size, "Sandbox: the mails are at %.80s/sandbox/mail", m->sandbox_url);
        return;
    default: return;
    }
}

/* How long the code is good, and when another may be asked for. */
static int draw_times(const kf_signin *s, const kf_model *m, const kf_mstep *p, kf_grid *g,
                      kf_rect r, int y) {
    char text[160], left[24], again[60] = "";
    int64_t in = kf_signin_resend_in(s, m);
    bool resend = p->acts & 1u << KF_ACT_RESEND, over = kf_signin_expired(p, m);
    if (resend && in > 0) {
        kf_words_left(in, left);
        snprintf(again, sizeof again, "n sends another in %s.", left);
    } else if (resend) snprintf(again, sizeof again, "n sends another code.");
    if (over) snprintf(text, sizeof text, "This code has expired. %s", again);
    else if (p->ends_at != KF_NO_TIME) {
        kf_words_left(p->ends_at - m->now_ms, left);
        snprintf(text, sizeof text, "The code is good for %s. %s", left, again);
    } else snprintf(text, sizeof text, "%s", again);
    return text[0] ? say(g, y, r, 2, over ? KF_INK_WARN : KF_INK_DIM, text) : 0;
}

static void draw_field(const kf_signin *s, const kf_model *m, const kf_mstep *p, kf_grid *g,
                       kf_rect r) {
    int y = r.y, tight = r.rows < 12,
        cols = kf_is_digits_field(p->field) ? 12
               : r.cols < 60                ? r.cols
                                            : 60;
    char hint[200];
    if (!tight) y++;
    int note = draw_note(p, g, r, y, s->details);
    y += tight && note ? note - 1 : note;
    if (p->field == KF_FIELD_PASSWORD && s->email[0]) {
        char whose[400];
        snprintf(whose, sizeof whose, "%s of %s", kf_words_field(p->field), s->email);
        y += say(g, y, r, 2, KF_INK_STRONG, whose);
    } else y += say(g, y, r, 2, KF_INK_STRONG, kf_words_field(p->field));
    kf_line_draw(&s->line, g, y, r.x, cols, !s->second);
    y += tight ? 1 : 2;
    if (p->field == KF_FIELD_NEW_PASSWORD) {
        kf_grid_text(g, y, r.x, r.cols, KF_INK_STRONG, "The same again");
        kf_line_draw(&s->again, g, y + 1, r.x, cols, s->second);
        y += tight ? 2 : 3;
    }
    y += say(g, y, r, 3, p->field == KF_FIELD_NEW_PASSWORD ? KF_INK_WARN : KF_INK_DIM,
             s->filled ? "The address of last time. Enter takes it; a letter begins another one."
                       : help_for(p->field));
    y += draw_times(s, m, p, g, r, y);
    if (p->acts & 1u << KF_ACT_RESET)
        y += say(g, y, r, 2, KF_INK_DIM,
                 "Forgot it? Ctrl-N asks for a reset; a new one ends all sessions of this user.");
    if (!tight) y++;
    if (!m->sandbox || y >= r.y + r.rows) return;
    sandbox_hint(p, m, hint, sizeof hint);
    kf_grid_wrap(g, y, r.x, r.cols, r.y + r.rows - y, KF_INK_DIM, hint, true);
}

/* --- a list ---------------------------------------------------------------------------- */

static void draw_choices(const kf_signin *s, const kf_mstep *p, kf_grid *g, kf_rect r) {
    int y = r.y, rows;
    size_t n = kf_signin_filtered(s, p, 0, NULL);
    bool orgs = !p->n_choice || kf_str_starts(p->choice[0].id, "org_");
    kf_grid_printf(g, y++, r.x, r.cols, KF_INK_TEXT,
                   orgs ? "You belong to %zu organizations%s. Which one should this profile use?"
                        : "You have %zu second factors%s. Which one is at hand?",
                   p->n_choice, p->more_choices ? " and more" : "");
    int x = r.x + kf_grid_text(g, y, r.x, 8, KF_INK_DIM, "Filter ");
    kf_line_draw(&s->line, g, y, x, r.cols - 7 < 40 ? r.cols - 7 : 40, true);
    y += 2;
    rows = r.y + r.rows - y - (r.rows > 12 ? 3 : 0);
    size_t top = kf_scroll_top(s->cur, n, rows);
    int name = r.cols < 60 ? r.cols : (r.cols - 1) / 2;
    for (int i = 0; i < rows && top + (size_t)i < n; i++) {
        size_t at = 0;
        bool here = top + (size_t)i == s->cur;
        (void)kf_signin_filtered(s, p, top + (size_t)i, &at);
        const kf_mchoice *c = &p->choice[at];
        char id[64];
        kf_short_id(c->id, id, sizeof id);
        kf_grid_text(g, y + i, r.x, name, KF_INK_STRONG, c->label[0] ? c->label : id);
        if (r.cols >= 60)
            kf_grid_printf(g, y + i, r.x + 1 + name, r.cols - 1 - name, KF_INK_DIM, "%s%s%s", id,
                           c->detail[0] ? "  " : "", c->detail);
        if (here) kf_row_mark(g, y + i, r);
    }
    if (!n)
        kf_grid_text(g, y, r.x, r.cols, KF_INK_TEXT,
                     orgs ? "No organization matches. Esc clears the filter."
                          : "Nothing matches. Esc clears the filter.");
    if (r.rows > 12)
        kf_grid_wrap(g, r.y + r.rows - 2, r.x, r.cols, 2, KF_INK_DIM,
                     orgs ? "The token will carry org_id and role for this organization only." : "",
                     true);
}

/* --- an authenticator app, another device, the browser ---------------------------------- */

static void draw_enroll(const kf_signin *s, const kf_model *m, const kf_mstep *p, const kf_view *v,
                        kf_grid *g) {
    char note[400];
    kf_words_note(p->note, p->note_arg, p->failed ? &p->err : NULL, note, sizeof note);
    kf_setup x = {.profile = name_of(s, m),
                  .said = note,
                  .bad = !is_good(p),
                  .uri = p->qr,
                  .key = p->qr_text,
                  .line = &s->line,
                  .leaving = "This key is shown once. If you leave now, the factor is deleted."};
    kf_setup_draw(&x, &s->pane, m, v, g);
}

/* The code to confirm, in a block of its own. */
static int draw_user_code(const char *code, int detail, kf_grid *g, int y, kf_rect r) {
    int w = kf_grid_cols(g, code) + 8, rows = detail ? 3 : 1;
    if (w > r.cols) w = r.cols;
    for (int i = 0; i < rows; i++) kf_grid_tint(g, y + i, r.x, w, KF_INK_SELECT);
    kf_grid_text(g, y + rows / 2, r.x + (w > 8 ? 4 : 0), r.cols, KF_INK_SELECT, code);
    return rows;
}

static int draw_device_words(const void *arg, int detail, kf_grid *g, kf_rect r) {
    const words *w = arg;
    const kf_mstep *p = w->p;
    char text[200], left[24];
    int y = r.y;
    y += say(g, y, r, 1, KF_INK_TITLE, "Sign in on another device");
    if (detail > 1) {
        snprintf(text, sizeof text, "%s%.64s", w->m->sandbox ? "keyfob sandbox > " : "",
                 name_of(w->s, w->m));
        y += say(g, y, r, 1, KF_INK_DIM, text);
    }
    if (!is_good(p)) {
        char note[400];
        kf_words_note(p->note, p->note_arg, p->failed ? &p->err : NULL, note, sizeof note);
        y += say(g, y, r, 2, KF_INK_BAD, note);
    }
    y += detail > 0;
    if (w->why[0] && detail) y += say(g, y, r, 4, KF_INK_DIM, w->why);
    bool seen = p->qr && !w->why[0] && !w->s->pane.hidden;
    y += say(g, y, r, 2, KF_INK_TEXT,
             seen ? "1 Scan the code, or open this on any phone or computer:"
                  : "1 Open this on any phone or computer:");
    y += kf_grid_wrap(g, y, r.x, r.cols, 12, KF_INK_STRONG, p->url, true) + (detail > 1);
    y += say(g, y, r, 2, KF_INK_TEXT, "2 Confirm there that it shows:");
    y += (detail > 1) + draw_user_code(p->user_code, detail, g, y + (detail > 1), r) + (detail > 1);
    y += say(g, y, r, 3, KF_INK_DIM, "Only confirm a code that you started yourself.");
    kf_words_left(p->ends_at == KF_NO_TIME ? 0 : p->ends_at - w->m->now_ms, left);
    snprintf(text, sizeof text, "Good for %s; keyfob notices by itself.", left);
    y += (detail > 1) + say(g, y + (detail > 1), r, 2, KF_INK_TEXT, text);
    if (detail > 2 && seen)
        y += 1 + say(g, y + 1, r, 3, KF_INK_DIM,
                     "Cannot scan? i invert, w two-column, + larger quiet zone");
    return y - r.y;
}

static void draw_device(const kf_signin *s, const kf_model *m, const kf_mstep *p, const kf_view *v,
                        kf_grid *g) {
    char why[400] = "";
    kf_rect r = v->body;
    if (!p->user_code[0] && p->note != KF_NOTE_CODE_EXPIRED) { /* it could not be had */
        int y = r.y + 1 + draw_note(p, g, r, r.y + 1, s->details);
        kf_grid_wrap(g, y, r.x, r.cols, 3, KF_INK_TEXT, "There is no code yet. n asks for one.",
                     true);
        return;
    }
    if (!p->user_code[0] || kf_signin_expired(p, m)) {
        kf_grid_wrap(g, r.y + 1, r.x, r.cols, 3, KF_INK_WARN,
                     "This code has expired. n makes a new one.", true);
        return;
    }
    if (p->qr && !s->pane.hidden) r = kf_pane_code(&s->pane, p->qr, r, g, why, sizeof why);
    if (r.cols == v->body.cols) r.x++, r.cols -= 2;
    kf_words_fit(g, r, 3, draw_device_words, &(words){s, m, p, why});
}

static int draw_address(const void *arg, kf_grid *page, kf_rect r) {
    const words *w = arg;
    int y = r.y;
    y += draw_note(w->p, page, r, y, w->s->details);
    y += say(page, y, r, 2, KF_INK_TEXT, "The address (b opens it in this computer's browser):");
    y += kf_grid_wrap(page, y, r.x, r.cols, 60, KF_INK_STRONG, w->p->url, true) + 1;
    if (!w->p->ssh_line[0]) return y - r.y;
    y += say(page, y, r, 3, KF_INK_TEXT,
             "This is an SSH session. So that the browser finds its way back, run this on the "
             "computer that has it, then open the "
             "address there:");
    y += kf_grid_wrap(page, y, r.x, r.cols, 6, KF_INK_STRONG, w->p->ssh_line, true) + 1;
    y += say(page, y, r, 3, KF_INK_DIM,
             "Or open it there without that, and paste below the address that it cannot show at "
             "the end.");
    return y - r.y;
}

static void draw_browser(const kf_signin *s, const kf_model *m, const kf_mstep *p, kf_grid *g,
                         kf_rect r) {
    kf_rect top = {r.y, r.x, r.rows - 2, r.cols};
    int y = r.y + r.rows - 2;
    if (r.rows > 12) top.rows--, top.y++, top.rows--;
    kf_page(g, top, s->top, draw_address, &(words){s, m, p, ""});
    kf_grid_text(g, y, r.x, r.cols, s->second ? KF_INK_STRONG : KF_INK_DIM,
                 r.cols < 70
                     ? "Where the browser ended (paste):"
                     : "If the browser cannot come back: paste the address that it ended on");
    kf_line_draw(&s->line, g, y + 1, r.x, r.cols < 76 ? r.cols : 76, s->second);
    if (!s->second) kf_grid_cursor(g, y + 1, r.x + 2);
}

/* --- all of it -------------------------------------------------------------------------- */

typedef struct failure {
    const kf_signin *s;
    const char *title;
} failure;

static int draw_failure(const void *arg, kf_grid *page, kf_rect r) {
    const failure *f = arg;
    return kf_error_draw(page, r, f->title, &f->s->err, f->s->details);
}

void kf_signin_draw(const void *st, const kf_model *m, const kf_view *v, kf_grid *g) {
    const kf_signin *s = st;
    const kf_mstep *p = kf_signin_step(s, m);
    kf_rect r = v->body;
    if (s->over) {
        char title[120];
        snprintf(title, sizeof title, "Could not sign in to %s", name_of(s, m));
        if (v->tier != KF_TIER_COMPACT) r.y++, r.rows--;
        kf_page(g, r, s->top, draw_failure, &(failure){s, title});
    } else if (kf_signin_waiting(s, m)) draw_wait(s, m, g, r);
    else if (kf_signin_is_other(p)) kf_signin_other_draw(s, p, g, r);
    else if (p->kind == KF_STEP_FIELD) draw_field(s, m, p, g, r);
    else if (p->kind == KF_STEP_CHOOSE) draw_choices(s, p, g, r);
    else if (p->kind == KF_STEP_SHOW_QR) draw_enroll(s, m, p, v, g);
    else if (kf_signin_is_browser(p)) draw_browser(s, m, p, g, r);
    else if (p->kind == KF_STEP_OPEN_URL) draw_device(s, m, p, v, g);
    else kf_grid_text(g, r.y + 1, r.x, r.cols, KF_INK_OK, "Signed in.");
}

void kf_signin_title(const void *st, const kf_model *m, bool compact, char *left, char *right,
                     size_t size) {
    const kf_signin *s = st;
    const kf_mstep *p = s->over ? NULL : kf_signin_step(s, m);
    bool org =
        p && p->kind == KF_STEP_CHOOSE && (!p->n_choice || kf_str_starts(p->choice[0].id, "org_"));
    const char *where = org                                ? " > Organization"
                        : p && p->kind == KF_STEP_CHOOSE   ? " > Second factor"
                        : kf_signin_is_other(p)            ? " > Another person"
                        : kf_signin_is_browser(p)          ? " > Browser"
                        : p && p->kind == KF_STEP_OPEN_URL ? " > Another device"
                                                           : "";
    snprintf(left, size, "keyfob%s > %s > Sign in%s", m->sandbox ? " sandbox" : "", name_of(s, m),
             where);
}

void kf_signin_status(const void *st, const kf_model *m, bool compact, char *left, char *right,
                      size_t size) {
    const kf_signin *s = st;
    const kf_mstep *p = kf_signin_step(s, m);
    if (!p || s->over || kf_signin_waiting(s, m)) return;
    if (p->kind == KF_STEP_CHOOSE)
        snprintf(left, size, "%zu of %zu", kf_signin_filtered(s, p, 0, NULL), p->n_choice);
    if (kf_signin_is_browser(p) && p->ends_at != KF_NO_TIME) {
        char in[24];
        kf_words_left(p->ends_at - m->now_ms, in);
        snprintf(left, size, "waiting for the browser, %s%s", in, compact ? "" : " left");
    }
}
