/* The agent's steps as prompts on the terminal, or answered by a script. */
#include "ui/cli/login.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include "auth/flow.h"
#include "base/str.h"
#include "ui/common/open.h"
#include "ui/common/qr.h"
#include "ui/common/text.h"
#include "ui/common/words.h"
#include "wire/msg.h"

enum { CALL_MS = 60000, CHOICES_SHOWN = 200 };

/* --- a script's answers
 * ------------------------------------------------------------------------------ */

void kf_answers_done(kf_answers *a) {
    for (size_t i = 0; i < a->n; i++) {
        free(a->field[i]);
        kf_secret_free(a->value[i]);
    }
}

void kf_answers_begin(kf_answers *a) { a->given = a->open = true; }

/* A line into a->field and a->value; false: the end, or a bad one. */
static bool read_line(kf_answers *a) {
    static const char *const known[] = {"email",        "password",         "totp",
                                        "email_code",   "sms_code",         "phone",
                                        "organization", "redirect_url",     "reset_token",
                                        "new_password", "invitation_token", "other_user"};
    enum { LINE = 16384 };
    KF_AUTO(kf_secret) line = kf_secret_zero(LINE);
    char *p = kf_secret_edit(line), c = 0;
    size_t n = 0;
    ssize_t k;
    while ((k = read(STDIN_FILENO, &c, 1)) !=
           0) { /* byte by byte: what is behind the line may not be there yet */
        if (k < 0 && errno == EINTR) continue;
        if (k < 0 || c == '\n') break;
        if (n == LINE - 1 || !c)
            return a->open = false,
                   kf_fail(&a->bad, KF_ERR_USAGE_BAD, "line %zu of stdin is too long, or no text",
                           a->line + 1);
        p[n++] = c;
    }
    a->open = k > 0;
    a->line++;
    if (a->open && n && p[n - 1] == '\r') n--;
    if (!n) return a->open; /* an empty line is nothing */
    size_t key = strcspn(p, "=");
    bool ok = key < n && a->n < KF_ANSWERS_MAX;
    bool named = false;
    for (size_t i = 0; i < KF_LEN(known); i++)
        named = named || (strlen(known[i]) == key && !memcmp(known[i], p, key));
    if (!ok || !named)
        return a->open = false,
               kf_fail(&a->bad, KF_ERR_USAGE_BAD,
                       "line %zu of stdin is no field=value with a known field", a->line);
    a->field[a->n] = strndup(p, key);
    const char *value = p + key + 1;
    n -= key + 1;
    if (!strstr(a->field[a->n], "password")) n = kf_trim(&value, n);
    a->value[a->n++] = kf_secret_new(value, n);
    return true;
}

/* One that was read already. */
static kf_secret *take_read(kf_answers *a, const char *field) {
    for (size_t i = 0; i < a->n; i++)
        if (a->value[i] && !strcmp(a->field[i], field)) return KF_TAKE(a->value[i]);
    return NULL;
}

kf_secret *kf_answers_take(kf_answers *a, const char *field) {
    for (;;) {
        kf_secret *v = take_read(a, field);
        if (v || !a->open || !read_line(a)) return v;
    }
}

void kf_answers_add(kf_answers *a, const char *field, kf_secret *value) {
    if (a->n == KF_ANSWERS_MAX) abort(); /* options add less than that */
    a->field[a->n] = kf_strdup(field);
    a->value[a->n++] = value;
}

/* --- one question
 * ---------------------------------------------------------------------------------- */

static bool nobody(const kf_login *l, const char *field, kf_err *err) {
    if (l->in.bad.code) return *err = l->in.bad, false;
    bool code =
        !strcmp(field, "totp") || !strcmp(field, "email_code") || !strcmp(field, "sms_code");
    kf_fail(err, code ? KF_ERR_USAGE_CODE_NEEDED : KF_ERR_USAGE_NO_INPUT, "%s", field);
    if (!code) kf_hint(err, "Run it in a terminal, or give %s=... with --answers-stdin", field);
    return false;
}

/* A question that came back after an answer from a script is the end: nobody can answer better. */
bool kf_login_came_back(kf_login *l, const kf_json *step, kf_err *err) {
    const kf_json *f = kf_json_get(step, "failure");
    if (!kf_json_is_obj(f) || (!l->in.given && kf_can_ask(l->c))) return false;
    kf_msg_read_failure(f, err);
    return true;
}

static void show_note(const kf_cli *c, const kf_json *step) {
    const char *name = kf_json_str_or(step, "note", "");
    const kf_json *failure = kf_json_get(step, "failure");
    kf_err why = {0};
    if (kf_json_is_obj(failure)) kf_msg_read_failure(failure, &why);
    for (int n = 1; n < KF_NOTE_COUNT; n++) {
        if (strcmp(kf_note_name((kf_note)n), name)) continue;
        char text[800];
        kf_words_note((kf_note)n, kf_json_str(step, "note_arg"), &why, text, sizeof text);
        kf_cli_note(c, "%s", text);
    }
}

static bool can(const kf_json *step, const char *act) {
    const kf_json *acts = kf_json_get(step, "acts");
    for (const kf_json *i = kf_json_first(acts); i; i = kf_json_next(i))
        if (kf_str_eq(kf_json_value_str(i), act)) return true;
    return false;
}

/* The QR code comes once; a wrong code only asks again. */
static bool first_scan(const kf_json *step) {
    return kf_str_eq(kf_json_str(step, "kind"), "show_qr") &&
           !kf_json_is_obj(kf_json_get(step, "failure"));
}

/* A new password is typed twice: nobody sees it. */
static kf_secret *ask_twice(const char *prompt, kf_err *err) {
    for (;;) {
        KF_AUTO(kf_secret) one = kf_ask(prompt, true, err);
        KF_AUTO(kf_secret) two = one ? kf_ask("The same again", true, err) : NULL;
        if (!two) return NULL;
        if (kf_secret_eq(one, two)) return KF_TAKE(one);
        fprintf(stderr, "keyfob: the two are not the same\n");
    }
}

/* *act: what is to be done with the value; "r" for a code means to send another one. */
static kf_secret *field_answer(kf_login *l, const kf_json *step, const char **act, kf_err *err) {
    const char *field = kf_json_str_or(step, "field", "");
    *act = "submit";
    if (l->reset && can(step, "reset")) {
        l->reset = false;
        *act = "reset";
        return kf_secret_new("", 0);
    }
    if (kf_login_came_back(l, step, err)) return NULL;
    kf_secret *v = kf_answers_take(&l->in, field);
    if (v) return v;
    if (l->in.given || !kf_can_ask(l->c)) return nobody(l, field, err), NULL;
    if (!first_scan(step)) show_note(l->c, step); /* otherwise it is above the QR code */
    for (int f = 1; f < KF_FIELD_COUNT; f++) {
        if (strcmp(kf_field_name((kf_field)f), field)) continue;
        if (f == KF_FIELD_NEW_PASSWORD) return ask_twice(kf_words_field((kf_field)f), err);
        KF_AUTO_CHARS prompt = kf_strfmt("%s%s", kf_words_field((kf_field)f),
                                         can(step, "resend") ? " (r: send another)" : "");
        kf_secret *typed = kf_ask(prompt, f == KF_FIELD_PASSWORD || f == KF_FIELD_RESET_TOKEN, err);
        if (typed && can(step, "resend") && !strcmp(kf_secret_peek(typed), "r")) *act = "resend";
        return typed;
    }
    kf_fail(err, KF_ERR_WIRE_PROTOCOL, "the agent asks for %.40s, which this keyfob does not know",
            field);
    return NULL;
}

/* id, or exact name, or number in the list */
static const char *match(const kf_json *list, const char *typed) {
    size_t n = 0;
    char *end;
    long want = strtol(typed, &end, 10);
    for (const kf_json *i = kf_json_first(list); i; i = kf_json_next(i)) {
        n++;
        if (kf_str_eq(kf_json_str(i, "id"), typed) || kf_str_eq(kf_json_str(i, "label"), typed) ||
            (*typed && !*end && want == (long)n))
            return kf_json_str(i, "id");
    }
    return NULL;
}

/* Those with the part in their name or id, by their numbers. */
static void show_choices(const kf_json *list, const char *part) {
    size_t n = 0, found = 0;
    for (const kf_json *i = kf_json_first(list); i; i = kf_json_next(i)) {
        KF_AUTO_CHARS label = kf_text_safe(kf_json_str(i, "label"));
        KF_AUTO_CHARS id = kf_text_safe(kf_json_str(i, "id"));
        n++;
        if (!strcasestr(label, part) && !strcasestr(id, part)) continue;
        if (++found <= CHOICES_SHOWN) fprintf(stderr, "  %3zu  %s  %s\n", n, label, id);
    }
    if (found > CHOICES_SHOWN)
        fprintf(stderr, "  and %zu more; a part of the name lists fewer\n", found - CHOICES_SHOWN);
    if (!found) fprintf(stderr, "  none of the %zu has that in its name or id\n", n);
}

/* A script cannot see the question, so the failure carries what could have been answered: on
 * stderr, or with --json in the error, and as the one line of stdout. */
static void tell_choices(kf_login *l) {
    if (!l->c->json) {
        show_choices(l->choices, "");
        return;
    }
    kf_json *j = kf_json_obj();
    l->c->choices = kf_json_arr();
    for (const kf_json *i = kf_json_first(l->choices); i; i = kf_json_next(i)) {
        kf_json *one = kf_json_obj();
        kf_json_set_str(one, "id", kf_json_str(i, "id"));
        kf_json_set_str(one, "name", kf_json_str(i, "label"));
        kf_json_add(l->c->choices, one);
    }
    kf_json_set_str(j, "schema", "keyfob.choices/1");
    kf_json_set_str(j, "profile", l->profile);
    kf_json_set_str(j, "field", "organization");
    kf_json_set(j, "choices", kf_json_copy(l->c->choices));
    (void)kf_cli_print(j); /* the exit status is the question's */
}

static kf_secret *choice_answer(kf_login *l, const kf_json *step, kf_err *err) {
    if (kf_login_came_back(l, step, err)) return NULL;
    KF_AUTO(kf_secret) given = kf_answers_take(&l->in, "organization");
    const char *id = given ? match(l->choices, kf_secret_peek(given)) : NULL;
    if (given && !id) {
        tell_choices(l);
        kf_fail(err, KF_ERR_WORKOS_ORGANIZATION, "%.80s is not one of yours",
                kf_secret_peek(given));
        return NULL;
    }
    if (!given && (l->in.given || !kf_can_ask(l->c))) {
        tell_choices(l);
        kf_fail(err, KF_ERR_USAGE_NO_INPUT, "you belong to %zu organizations",
                kf_json_count(l->choices));
        kf_hint(err, "Give one with --organization ID");
        return NULL;
    }
    if (!id) {
        show_note(l->c, step);
        show_choices(l->choices, "");
    }
    while (!id) {
        KF_AUTO(kf_secret) typed = kf_ask("Choose by number, name or id", false, err);
        if (!typed) return NULL;
        id = match(l->choices, kf_secret_peek(typed));
        if (!id) show_choices(l->choices, kf_secret_peek(typed));
    }
    return kf_secret_new(id, strlen(id));
}

bool kf_login_send(kf_login *l, const char *flow, const kf_json *step, const char *act,
                   const kf_secret *value, kf_err *err) {
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "flow", flow);
    kf_json_set_int(p, "serial", kf_json_int_or(step, "serial", 0));
    kf_json_set_str(p, "act", act);
    kf_json_set_secret(p, "value", value);
    KF_AUTO(kf_json) r = kf_cli_call(l->c, "Answer", p, CALL_MS, err);
    return r != NULL;
}

static bool answer(kf_login *l, const char *flow, const kf_json *step, kf_err *err) {
    bool choose = !strcmp(kf_json_str_or(step, "kind", ""), "choose");
    for (;;) {
        const char *act = "choose";
        KF_AUTO(kf_secret)
        v = choose ? choice_answer(l, step, err) : field_answer(l, step, &act, err);
        if (!v) return false;
        if (kf_login_send(l, flow, step, act, v, err)) return true;
        if (err->code != KF_ERR_USAGE_BAD_ANSWER || l->in.given || !kf_can_ask(l->c)) return false;
        kf_cli_note(l->c, "%s", err->what); /* not sent: the same question again */
    }
}

/* --- an address to open, a code to scan
 * ---------------------------------------------------------------- */

void kf_show_key(const kf_secret *key) {
    const char *p = kf_secret_peek(key);
    fprintf(stderr, "  ");
    for (size_t i = 0; p[i]; i++) fprintf(stderr, "%s%c", i && i % 4 == 0 ? " " : "", p[i]);
    fprintf(stderr, "\n");
}

static int terminal_colours(void) {
    const char *term = getenv("TERM"), *none = getenv("NO_COLOR");
    if ((none && *none) || !term || !*term || !strcmp(term, "dumb") || !strncmp(term, "vt", 2))
        return 0;
    return strstr(term, "256") || getenv("COLORTERM") ? 256 : 8;
}

void kf_show_qr(const kf_cli *c, const kf_secret *text, kf_show show) {
    /* a reader of what is not a terminal sees to the size */
    const struct winsize unknown = {.ws_row = 1000, .ws_col = 1000};
    struct winsize w = unknown;
    const char *lang = getenv("LC_ALL")     ? getenv("LC_ALL")
                       : getenv("LC_CTYPE") ? getenv("LC_CTYPE")
                                            : getenv("LANG");
    bool utf8 = lang && (strcasestr(lang, "UTF-8") || strcasestr(lang, "utf8"));
    bool tty = isatty(STDERR_FILENO) && !ioctl(STDERR_FILENO, TIOCGWINSZ, &w);
    if (show == KF_SHOW_NEVER || (!tty && show != KF_SHOW_ALWAYS)) return;
    /* docker exec, a serial line, expect: a terminal that does not know its size says 0 */
    if (!w.ws_row || !w.ws_col) w = unknown;
    kf_err e;
    int rows, cols;
    kf_qr_look look = {.wide = !utf8};
    KF_AUTO(kf_qr) q = kf_qr_new(text, w.ws_row - 1, w.ws_col, &look, &rows, &cols, &e);
    if (!q) {
        kf_cli_note(c, "%s", e.what);
        return;
    }
    kf_buf b;
    kf_buf_init(&b, 1 << 20);
    if (kf_qr_print(q, kf_qr_colours_of(terminal_colours()), &b)) fwrite(b.data, 1, b.len, stderr);
    kf_buf_done(&b);
    fflush(stderr);
}

/* Prints the address and, where there is one, the code. Never opens anything. */
static void show_address(kf_login *l, const kf_json *step) {
    KF_AUTO_CHARS url = kf_text_safe(kf_json_str(step, "url"));
    KF_AUTO_CHARS code = kf_text_safe(kf_json_str(step, "user_code"));
    const char *qr = kf_json_str(step, "qr");
    show_note(l->c, step);
    if (*url) fprintf(stderr, "  %s\n", url);
    if (*code) fprintf(stderr, "  code: %s\n", code);
    KF_AUTO_CHARS ssh = can(step, "submit") ? kf_open_ssh_line(kf_json_str(step, "url")) : NULL;
    if (ssh)
        fprintf(stderr,
                "  over SSH, run this on the computer with the browser first:\n  %s\n  or paste "
                "here the address the browser ends on\n",
                ssh);
    if (qr && *qr) {
        KF_AUTO(kf_secret) text = kf_secret_new(qr, strlen(qr));
        kf_show_qr(l->c, text, l->qr);
    }
    if (kf_can_ask(l->c)) {
        fprintf(stderr, "  %s%sCtrl-C cancels\n",
                *url && !l->no_browser ? "b Enter opens it here, " : "",
                can(step, "new_code") ? "n Enter makes a new code, " : "");
    }
    fflush(stderr);
}

/* A line of the person while the address is shown. */
static bool typed_line(kf_login *l, const char *flow, const kf_json *step, kf_err *err) {
    enum { LINE = 16384 };
    KF_AUTO(kf_secret) line = kf_secret_zero(LINE);
    char *p = kf_secret_edit(line);
    ssize_t n = read(STDIN_FILENO, p, LINE - 1); /* the terminal gives one line at a time */
    if (n < 0 && errno == EINTR) return true;
    if (n <= 0) return kf_fail(err, KF_ERR_SYS_CANCELLED, "the input ended");
    p[strcspn(p, "\r\n")] = 0;
    kf_err e;
    bool ok = true;
    if (!strcmp(p, "b") && kf_json_str(step, "url") && !l->no_browser)
        ok = kf_open_url(kf_json_str(step, "url"), &e) && kf_open_wait(-1, &e);
    else if (!strcmp(p, "n") && can(step, "new_code"))
        ok = kf_login_send(l, flow, step, "new_code", NULL, &e);
    else if (*p && can(step, "submit")) {
        KF_AUTO(kf_secret) v = kf_secret_new(p, strlen(p));
        ok = kf_login_send(l, flow, step, "submit", v, &e);
    }
    if (!ok) kf_cli_note(l->c, "%s%s%s", e.what, *e.hint ? ". " : "", e.hint);
    return true;
}

/* A line of a script while the address is shown: it may be where the browser ended. */
static bool script_line(kf_login *l, const char *flow, const kf_json *step, kf_err *err) {
    if (!read_line(&l->in) && l->in.bad.code) return *err = l->in.bad, false;
    KF_AUTO(kf_secret) pasted = take_read(&l->in, "redirect_url");
    return !pasted || kf_login_send(l, flow, step, "submit", pasted, err);
}

/* A sign-in by password or code that has to go on in a browser: without a person it is the end. */
static bool nobody_for_browser(kf_login *l, const kf_json *step, kf_err *err) {
    const char *note = kf_json_str_or(step, "note", "");
    bool meant =
        !strcmp(l->method, "browser") || !strcmp(l->method, "sso") || !strcmp(l->method, "device");
    if (meant || kf_can_ask(l->c)) return false;
    if (!strcmp(note, "sso"))
        kf_fail(err, KF_ERR_WORKOS_SSO_REQUIRED, "the sign-in goes on in a browser");
    else kf_fail(err, KF_ERR_WORKOS_STEP_UP, "the sign-in goes on in a browser");
    kf_hint(err, "Run: keyfob login %s --method browser", l->profile);
    return true;
}

static bool scan(kf_login *l, const char *flow, const kf_json *step, kf_err *err) {
    const char *qr = kf_json_str_or(step, "qr", ""), *key = kf_json_str_or(step, "qr_text", "");
    if (first_scan(step) && kf_can_ask(l->c) && !l->in.given) {
        show_note(l->c, step);
        KF_AUTO(kf_secret) text = kf_secret_new(qr, strlen(qr));
        KF_AUTO(kf_secret) typed = kf_secret_new(key, strlen(key));
        kf_show_qr(l->c, text, l->qr);
        fprintf(stderr, "  or type this key into the app:\n");
        kf_show_key(typed);
    }
    return answer(l, flow, step, err);
}

static bool collect(kf_login *l, const kf_json *step) {
    const kf_json *list = kf_json_get(step, "choices");
    if (!l->choices) l->choices = kf_json_arr();
    for (const kf_json *i = kf_json_first(list); i; i = kf_json_next(i))
        kf_json_add(l->choices, kf_json_copy(i));
    return !kf_json_bool(step, "choices_more", false);
}

int kf_login_done(kf_login *l, const kf_json *p) {
    if (l->c->json) return kf_cli_print_profile(l->c, p, NULL);
    KF_AUTO_CHARS who = kf_text_safe(kf_json_str(p, "user_email"));
    const char *org_name = kf_json_str(p, "org_name");
    KF_AUTO_CHARS org = kf_text_safe(org_name && *org_name ? org_name : kf_json_str(p, "org_id"));
    KF_AUTO_CHARS imp = kf_text_safe(kf_json_str(p, "impersonator"));
    char left[24];
    kf_words_left(kf_json_int_or(p, "left_ms", 0), left);
    printf("Signed in to %s as %s%s%s; the token is valid for %s and renews by itself\n",
           kf_json_str_or(p, "name", l->profile), who, *org ? ", organization " : "", org, left);
    if (*imp) printf("This is an impersonated session: %s\n", imp);
    return kf_cli_flush();
}

/* One step; false: err. */
static bool one_step(kf_login *l, const char *flow, const kf_json *step, kf_err *err) {
    const char *kind = kf_json_str_or(step, "kind", "");
    if (kf_str_eq(kf_json_str(step, "field"), "other_user"))
        return kf_login_other(l, flow, step, err);
    if (!strcmp(kind, "field")) return answer(l, flow, step, err);
    if (!strcmp(kind, "show_qr")) return scan(l, flow, step, err);
    if (!strcmp(kind, "open_url")) {
        if (nobody_for_browser(l, step, err)) return false;
        if (!kf_json_str(step, "url") &&
            kf_json_is_obj(
                kf_json_get(step, "failure"))) { /* there is no code: the request for one failed */
            kf_msg_read_failure(kf_json_get(step, "failure"), err);
            return false;
        }
        if (!kf_json_str(step, "url") && !kf_can_ask(l->c))
            return kf_fail(err, KF_ERR_WORKOS_CODE_EXPIRED, "nobody confirmed the code in time");
        show_address(l, step);
        KF_AUTO(kf_secret) pasted = can(step, "submit") ? take_read(&l->in, "redirect_url") : NULL;
        if (pasted) return kf_login_send(l, flow, step, "submit", pasted, err);
    }
    if (!strcmp(kind, "choose") && collect(l, step)) {
        bool ok = answer(l, flow, step, err);
        l->choices = kf_json_free(l->choices);
        return ok;
    }
    return true;
}

int kf_login_drive(kf_login *l, kf_err *err) {
    KF_AUTO(kf_json) last = NULL; /* the frame whose address is shown */
    for (;;) {
        bool more = false;
        kf_json *r = NULL;
        const kf_json *shown = kf_json_get(last, "step");
        bool address = kf_str_eq(kf_json_str(shown, "kind"), "open_url"),
             script = l->in.open && can(shown, "submit");
        bool type = address && (script || (!l->in.given && kf_can_ask(l->c)));
        int rc = kf_client_next(l->steps, -1, type ? STDIN_FILENO : -1, &r, &more, err);
        if (rc < 0) return -1;
        if (!rc) {
            const char *flow = kf_json_str_or(last, "flow", "");
            if (!(script ? script_line : typed_line)(l, flow, shown, err)) return -1;
            continue;
        }
        kf_json_free(last);
        last = r;
        const kf_json *step = kf_json_get(last, "step");
        const char *kind = kf_json_str_or(step, "kind", "");
        if (!strcmp(kind, "done")) return kf_login_done(l, kf_json_get(step, "profile"));
        if (!strcmp(kind, "failed")) {
            kf_msg_read_failure(kf_json_get(step, "failure"), err);
            return -1;
        }
        if (!one_step(l, kf_json_str_or(last, "flow", ""), step, err)) return -1;
        if (!more)
            return kf_fail(err, KF_ERR_WIRE_CLOSED, "the sign-in ended without a result"), -1;
    }
}
