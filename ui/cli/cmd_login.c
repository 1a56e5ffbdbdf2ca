/* login: shows the agent's steps as prompts, or answers them from stdin. */
#include "ui/cli/cli.h"

#include "auth/flow.h"
#include "auth/profile.h"
#include "base/str.h"
#include "ui/cli/index.h"
#include "ui/common/text.h"
#include "ui/common/words.h"
#include "wire/msg.h"

enum { O_METHOD, O_EMAIL, O_PASSWORD_STDIN, O_ANSWERS_STDIN, O_ORG, O_ORG2, O_CLIENT_ID, O_API_HOST };
enum { ANSWERS_MAX = 16, CALL_MS = 60000, CHOICES_SHOWN = 200 };

typedef struct answers { /* of a script; each is used once */
    char *field[ANSWERS_MAX];
    kf_secret *value[ANSWERS_MAX];
    size_t n;
    bool given;   /* stdin was for answers: nobody is asked */
} answers;

typedef struct login {
    kf_cli *c;
    const char *profile;
    answers in;
    kf_client *steps; /* the connection that owns the flow */
    kf_json *choices; /* collected over frames */
} login;

static void answers_done(answers *a) {
    for (size_t i = 0; i < a->n; i++) {
        free(a->field[i]);
        kf_secret_free(a->value[i]);
    }
}

static bool answers_read(answers *a, kf_err *err) {
    static const char *const known[] = {"email", "password", "totp", "email_code", "organization"};
    KF_AUTO(kf_secret) all = kf_read_stdin(16384, err);
    if (!all) return false;
    a->given = true;
    const char *p = kf_secret_peek(all);
    for (size_t line = 1; *p; line++) {
        size_t len = strcspn(p, "\n"), key = strcspn(p, "=\n");
        bool ok = false;
        for (size_t i = 0; i < KF_LEN(known); i++) ok = ok || (strlen(known[i]) == key && !memcmp(known[i], p, key));
        if (len && (key == len || !ok || a->n == ANSWERS_MAX))
            return kf_fail(err, KF_ERR_USAGE_BAD, "line %zu of stdin is no field=value with a known field", line);
        if (len) {
            a->field[a->n] = strndup(p, key);
            a->value[a->n++] = kf_secret_new(p + key + 1, len - key - 1);
        }
        p += len + (p[len] == '\n');
    }
    return true;
}

static kf_secret *answers_take(answers *a, const char *field) {
    for (size_t i = 0; i < a->n; i++)
        if (a->value[i] && !strcmp(a->field[i], field)) return KF_TAKE(a->value[i]);
    return NULL;
}

/* --- one question ---------------------------------------------------------------------------------- */

static bool nobody(const char *field, kf_err *err) {
    bool code = !strcmp(field, "totp") || !strcmp(field, "email_code");
    kf_fail(err, code ? KF_ERR_USAGE_CODE_NEEDED : KF_ERR_USAGE_NO_INPUT, "%s", field);
    if (!code) kf_hint(err, "Run it in a terminal, or give %s=... with --answers-stdin", field);
    return false;
}

/* A question that came back after an answer from a script is the end: nobody can answer better. */
static bool came_back(login *l, const kf_json *step, kf_err *err) {
    const kf_json *f = kf_json_get(step, "failure");
    if (!kf_json_is_obj(f) || (!l->in.given && kf_can_ask(l->c))) return false;
    kf_msg_read_failure(f, err);
    return true;
}

static void show_note(const kf_cli *c, const kf_json *step) {
    const char *name = kf_json_str_or(step, "note", "");
    for (int n = 1; n < KF_NOTE_COUNT; n++) {
        if (strcmp(kf_note_name((kf_note)n), name)) continue;
        char text[200];
        kf_words_note((kf_note)n, kf_json_str(step, "note_arg"), text, sizeof text);
        kf_cli_note(c, "%s", text);
    }
}

static kf_secret *field_answer(login *l, const kf_json *step, kf_err *err) {
    const char *field = kf_json_str_or(step, "field", "");
    if (came_back(l, step, err)) return NULL;
    kf_secret *v = answers_take(&l->in, field);
    if (v) return v;
    if (l->in.given || !kf_can_ask(l->c)) return nobody(field, err), NULL;
    show_note(l->c, step);
    for (int f = 1; f < KF_FIELD_COUNT; f++)
        if (!strcmp(kf_field_name((kf_field)f), field)) return kf_ask(kf_words_field((kf_field)f), f == KF_FIELD_PASSWORD, err);
    kf_fail(err, KF_ERR_WIRE_PROTOCOL, "the agent asks for %.40s, which this keyfob does not know", field);
    return NULL;
}

/* id, or exact name, or number in the list */
static const char *match(const kf_json *list, const char *typed) {
    size_t n = 0;
    char *end;
    long want = strtol(typed, &end, 10);
    for (const kf_json *i = kf_json_first(list); i; i = kf_json_next(i)) {
        n++;
        if (kf_str_eq(kf_json_str(i, "id"), typed) || kf_str_eq(kf_json_str(i, "label"), typed) || (*typed && !*end && want == (long)n))
            return kf_json_str(i, "id");
    }
    return NULL;
}

static kf_secret *choice_answer(login *l, const kf_json *step, kf_err *err) {
    if (came_back(l, step, err)) return NULL;
    KF_AUTO(kf_secret) given = answers_take(&l->in, "organization");
    const char *id = given ? match(l->choices, kf_secret_peek(given)) : NULL;
    if (given && !id) return kf_fail(err, KF_ERR_WORKOS_ORGANIZATION, "%.80s is not one of yours", kf_secret_peek(given)), NULL;
    if (!given && (l->in.given || !kf_can_ask(l->c))) {
        kf_fail(err, KF_ERR_USAGE_NO_INPUT, "you belong to %zu organizations", kf_json_count(l->choices));
        kf_hint(err, "Give one with --organization ID");
        return NULL;
    }
    if (!id) {
        size_t n = 0;
        show_note(l->c, step);
        for (const kf_json *i = kf_json_first(l->choices); i && n < CHOICES_SHOWN; i = kf_json_next(i)) {
            KF_AUTO_CHARS label = kf_text_safe(kf_json_str(i, "label"));
            KF_AUTO_CHARS safe_id = kf_text_safe(kf_json_str(i, "id"));
            fprintf(stderr, "  %3zu  %s  %s\n", ++n, label, safe_id);
        }
    }
    while (!id) {
        KF_AUTO(kf_secret) typed = kf_ask("Choose by number or id", false, err);
        if (!typed) return NULL;
        id = match(l->choices, kf_secret_peek(typed));
    }
    return kf_secret_new(id, strlen(id));
}

static bool send_answer(login *l, const char *flow, const kf_json *step, const char *act, const kf_secret *value, kf_err *err) {
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "flow", flow);
    kf_json_set_int(p, "serial", kf_json_int_or(step, "serial", 0));
    kf_json_set_str(p, "act", act);
    kf_json_set_secret(p, "value", value);
    KF_AUTO(kf_json) r = kf_cli_call(l->c, "Answer", p, CALL_MS, err);
    return r != NULL;
}

static bool answer(login *l, const char *flow, const kf_json *step, kf_err *err) {
    bool choose = !strcmp(kf_json_str_or(step, "kind", ""), "choose");
    for (;;) {
        KF_AUTO(kf_secret) v = choose ? choice_answer(l, step, err) : field_answer(l, step, err);
        if (!v) return false;
        if (send_answer(l, flow, step, choose ? "choose" : "submit", v, err)) return true;
        if (err->code != KF_ERR_USAGE_BAD_ANSWER || l->in.given || !kf_can_ask(l->c)) return false;
        kf_cli_note(l->c, "%s", err->what); /* not sent: the same question again */
    }
}

static bool collect(login *l, const kf_json *step) {
    const kf_json *list = kf_json_get(step, "choices");
    if (!l->choices) l->choices = kf_json_arr();
    for (const kf_json *i = kf_json_first(list); i; i = kf_json_next(i)) kf_json_add(l->choices, kf_json_copy(i));
    return !kf_json_bool(step, "choices_more", false);
}

static int done(login *l, const kf_json *step) {
    const kf_json *p = kf_json_get(step, "profile");
    if (l->c->json) {
        kf_json *j = kf_json_copy(p);
        kf_json_set_str(j, "schema", "keyfob.profile/1");
        return kf_cli_print(j);
    }
    KF_AUTO_CHARS who = kf_text_safe(kf_json_str(p, "user_email"));
    const char *org_name = kf_json_str(p, "org_name");
    KF_AUTO_CHARS org = kf_text_safe(org_name && *org_name ? org_name : kf_json_str(p, "org_id"));
    KF_AUTO_CHARS imp = kf_text_safe(kf_json_str(p, "impersonator"));
    char left[24];
    kf_words_left(kf_json_int_or(p, "left_ms", 0), left);
    printf("Signed in to %s as %s%s%s; the token is valid for %s and renews by itself\n", l->profile, who, *org ? ", organization " : "", org, left);
    if (*imp) printf("This is an impersonated session: %s\n", imp);
    return kf_cli_flush();
}

/* Takes steps until the sign-in is over. */
static int drive(login *l, kf_err *err) {
    for (;;) {
        bool more = false;
        kf_json *r = NULL;
        int rc = kf_client_next(l->steps, -1, -1, &r, &more, err);
        KF_AUTO(kf_json) frame = r;
        if (rc <= 0) return -1;
        const kf_json *step = kf_json_get(frame, "step");
        const char *kind = kf_json_str_or(step, "kind", "");
        bool ok = true;
        if (!strcmp(kind, "done")) return done(l, step);
        if (!strcmp(kind, "failed")) {
            kf_msg_read_failure(kf_json_get(step, "failure"), err);
            return -1;
        }
        if (!strcmp(kind, "field")) ok = answer(l, kf_json_str_or(frame, "flow", ""), step, err);
        else if (!strcmp(kind, "choose") && collect(l, step)) {
            ok = answer(l, kf_json_str_or(frame, "flow", ""), step, err);
            l->choices = kf_json_free(l->choices);
        }
        if (!ok) return -1;
        if (!more) return kf_fail(err, KF_ERR_WIRE_CLOSED, "the sign-in ended without a result"), -1;
    }
}

/* --- which profile, or a new one from the environment ------------------------------------------------ */

static const char *env(const char *name) {
    const char *v = getenv(name);
    return v && *v ? v : NULL;
}

static bool no_profiles(void) {
    kf_profile_row *rows = NULL;
    size_t n = 0;
    bool none = kf_cli_index(&rows, &n, NULL) && n == 0;
    free(rows);
    return none;
}

/* WORKOS_CLIENT_ID (or --client-id) is all there is: makes a profile of it. */
static bool from_environment(login *l, const kf_args *a, kf_err *err) {
    const char *client;
    static char name[65] = "default";
    kf_profile_client_id(a->opt[O_CLIENT_ID], NULL, env("WORKOS_CLIENT_ID"), &client);
    bool save_key = false;
    if (kf_can_ask(l->c) && !l->in.given) {
        KF_AUTO_CHARS q = kf_strfmt("There is no profile yet. Name of the one for %s [default]", client);
        KF_AUTO(kf_secret) typed = kf_ask(q, false, err);
        if (!typed) return false;
        if (kf_secret_len(typed) && (!kf_profile_name_ok(kf_secret_peek(typed)) || !kf_str_set(name, sizeof name, kf_secret_peek(typed))))
            return kf_fail(err, KF_ERR_USAGE_NAME, "%.80s", kf_secret_peek(typed));
        save_key = env("WORKOS_API_KEY") && kf_ask_yes("Keep the API key of WORKOS_API_KEY in the store, too?");
    }
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "name", name);
    kf_json_set_str(p, "client_id", client);
    kf_json_set_str(p, "api_host", a->opt[O_API_HOST]);
    if (save_key) kf_json_set_str(p, "api_key", env("WORKOS_API_KEY"));
    KF_AUTO(kf_json) r = kf_cli_call(l->c, "PutProfile", p, CALL_MS, err);
    if (!r) return false;
    kf_cli_note(l->c, "saved profile %s with client ID %s; keyfob profile rm %s removes it", name, client, name);
    l->profile = l->c->profile_used = name;
    return true;
}

static bool choose_profile(login *l, const kf_args *a, kf_err *err) {
    bool named = a->pos[0] || l->c->profile || env("KEYFOB_PROFILE");
    if (!named && (env("WORKOS_CLIENT_ID") || a->opt[O_CLIENT_ID]) && no_profiles()) return from_environment(l, a, err);
    l->profile = kf_cli_profile(l->c, a->pos[0], NULL, err);
    return l->profile != NULL;
}

static bool start(login *l, const kf_args *a, kf_err *err) {
    kf_method m;
    const char *method = a->opt[O_METHOD] ? a->opt[O_METHOD] : "password";
    if (!kf_method_from_name(method, &m)) return kf_fail(err, KF_ERR_USAGE_BAD, "there is no sign-in method %.40s; this version has: password", method);
    KF_AUTO(kf_secret) email = a->opt[O_EMAIL] ? NULL : answers_take(&l->in, "email");
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "profile", l->profile);
    kf_json_set_str(p, "method", method);
    kf_json_set_str(p, "email", a->opt[O_EMAIL] ? a->opt[O_EMAIL] : email ? kf_secret_peek(email) : NULL);
    kf_json_set_str(p, "organization_id", a->opt[O_ORG] ? a->opt[O_ORG] : a->opt[O_ORG2]);
    kf_json_set_str(p, "client_id", env("WORKOS_CLIENT_ID"));
    kf_json_set_str(p, "api_key", env("WORKOS_API_KEY"));
    kf_json_set_bool(p, "interactive", kf_can_ask(l->c));
    l->steps = kf_client_open(0, err);
    if (l->steps) return kf_client_start(l->steps, "SignIn", p, err);
    kf_json_free(p);
    return false;
}

int kf_cmd_login(kf_cli *c, const kf_args *a) {
    kf_err e = {0};
    login l = {.c = c};
    int rc = -1;
    bool ok = true;
    if (a->opt[O_PASSWORD_STDIN] && a->opt[O_ANSWERS_STDIN]) return kf_cli_usage(c, "stdin can be the password or the answers, not both");
    if (a->opt[O_ANSWERS_STDIN]) ok = answers_read(&l.in, &e);
    else if (a->opt[O_PASSWORD_STDIN]) {
        l.in.value[0] = kf_read_stdin(1024, &e);
        ok = l.in.value[0] != NULL;
        if (ok) l.in.field[l.in.n++] = kf_strdup("password"), l.in.given = true;
    }
    ok = ok && choose_profile(&l, a, &e);
    for (int tries = 0; ok && tries < 2; tries++) {
        rc = start(&l, a, &e) ? drive(&l, &e) : -1;
        /* the vault may be what is missing: ask, then once more */
        bool again = rc < 0 && tries == 0 && (e.code == KF_ERR_STORE_VAULT_LOCKED || e.code == KF_ERR_STORE_VAULT_NEW) &&
                     (c->client || (c->client = kf_client_open(0, NULL))) && kf_cli_unlock(c, &e, &e);
        l.steps = kf_client_close(l.steps);
        if (!again) break;
    }
    kf_json_free(l.choices);
    answers_done(&l.in);
    return rc < 0 ? kf_cli_fail(c, &e) : rc;
}
