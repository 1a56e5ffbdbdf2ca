/* login: what is wanted, which profile, and the call. login_steps.c shows the steps. */
#include "ui/cli/login.h"

#include <unistd.h>
#include "auth/flow.h"
#include "auth/profile.h"
#include "base/str.h"
#include "ui/cli/index.h"

enum {
    O_METHOD,
    O_EMAIL,
    O_PASSWORD_STDIN,
    O_ANSWERS_STDIN,
    O_ORG,
    O_ORG2,
    O_PROVIDER,
    O_CONNECTION,
    O_DOMAIN,
    O_HINT,
    O_SCREEN,
    O_PROMPT,
    O_MAX_AGE,
    O_NO_BROWSER,
    O_QR,
    O_NO_QR,
    O_INVITATION_STDIN,
    O_RESET,
    O_OTHER_USER,
    O_CLIENT_ID,
    O_API_HOST
};
enum { CALL_MS = 60000, TAKE_MS = 120000 };

/* --- which profile, or a new one from the environment
 * ------------------------------------------------ */

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
static bool from_environment(kf_login *l, const kf_args *a, kf_err *err) {
    const char *client;
    static char name[65] = "default";
    KF_AUTO_CHARS host = NULL;
    kf_profile_client_id(a->opt[O_CLIENT_ID], NULL, env("WORKOS_CLIENT_ID"), &client);
    if (!kf_cli_new_origin(l->c, a->opt[O_API_HOST], &host, err)) return false;
    bool save_key = false;
    if (kf_can_ask(l->c) && !l->in.given) {
        KF_AUTO_CHARS q =
            kf_strfmt("There is no profile yet. Name of the one for %s [default]", client);
        KF_AUTO(kf_secret) typed = kf_ask(q, false, err);
        if (!typed) return false;
        if (kf_secret_len(typed) && (!kf_profile_name_ok(kf_secret_peek(typed)) ||
                                     !kf_str_set(name, sizeof name, kf_secret_peek(typed))))
            return kf_fail(err, KF_ERR_USAGE_NAME, "'%.80s'", kf_secret_peek(typed));
        save_key = env("WORKOS_API_KEY") &&
                   kf_ask_yes("Keep the API key of WORKOS_API_KEY in the store, too?");
    }
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "name", name);
    kf_json_set_str(p, "client_id", client);
    kf_json_set_str(p, "api_host", host);
    if (save_key) kf_json_set_str(p, "api_key", env("WORKOS_API_KEY"));
    KF_AUTO(kf_json) r = kf_cli_call(l->c, "PutProfile", p, CALL_MS, err);
    if (!r) return false;
    kf_cli_note(l->c, "saved profile %s with client ID %s; keyfob profile rm %s removes it", name,
                client, name);
    l->profile = l->c->profile_used = name;
    return true;
}

/* An application's WORKOS_CLIENT_ID is for profiles that have none; that another one is used is
 * told. */
static void note_client_id(const kf_cli *c, const char *profile, const char *from_env) {
    kf_profile_row *rows = NULL;
    size_t n = 0;
    if (!kf_cli_index(&rows, &n, NULL)) return;
    for (size_t i = 0; i < n; i++)
        if (!strcmp(rows[i].name, profile) && *rows[i].client_id &&
            strcmp(rows[i].client_id, from_env))
            kf_cli_note(c, "WORKOS_CLIENT_ID is %s; %s signs in with its own, %s", from_env,
                        profile, rows[i].client_id);
    free(rows);
}

static bool choose_profile(kf_login *l, const kf_args *a, kf_err *err) {
    bool named = a->pos[0] || l->c->profile || env("KEYFOB_PROFILE");
    if (!named && (env("WORKOS_CLIENT_ID") || a->opt[O_CLIENT_ID]) && no_profiles())
        return from_environment(l, a, err);
    l->profile = kf_cli_profile(l->c, a->pos[0], NULL, err);
    if (l->profile && env("WORKOS_CLIENT_ID"))
        note_client_id(l->c, l->profile, env("WORKOS_CLIENT_ID"));
    return l->profile != NULL;
}

static bool max_age(kf_json *p, const char *text, kf_err *err) {
    if (!text) return true;
    size_t n = strlen(text);
    if (!n || n > 9 || strspn(text, "0123456789") != n)
        return kf_fail(err, KF_ERR_USAGE_BAD, "--max-age is a number of seconds");
    kf_json_set_int(p, "max_age", strtol(text, NULL, 10));
    return true;
}

static bool start(kf_login *l, const kf_args *a, kf_err *err) {
    static const struct {
        int opt;
        const char *name;
    } texts[] = {{O_PROVIDER, "provider"},
                 {O_CONNECTION, "connection_id"},
                 {O_DOMAIN, "domain_hint"},
                 {O_SCREEN, "screen_hint"},
                 {O_PROMPT, "prompt"}};
    const char *email = a->opt[O_EMAIL] ? a->opt[O_EMAIL] : a->opt[O_HINT];
    KF_AUTO(kf_secret)
    invitation = a->opt[O_INVITATION_STDIN] ? kf_answers_take(&l->in, "invitation_token") : NULL;
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "profile", l->profile);
    kf_json_set_str(p, "method", l->method);
    kf_json_set_str(p, "email", email);
    kf_json_set_str(p, "organization_id", a->opt[O_ORG] ? a->opt[O_ORG] : a->opt[O_ORG2]);
    kf_json_set_str(p, "client_id", env("WORKOS_CLIENT_ID"));
    kf_json_set_str(p, "api_key", env("WORKOS_API_KEY"));
    kf_json_set_bool(p, "interactive", kf_can_ask(l->c));
    for (size_t i = 0; i < KF_LEN(texts); i++)
        kf_json_set_str(p, texts[i].name, a->opt[texts[i].opt]);
    kf_json_set_secret(p, "invitation_token", invitation);
    if (a->opt[O_OTHER_USER]) kf_json_set_bool(p, "as_other_user", true);
    bool ok = max_age(p, a->opt[O_MAX_AGE], err);
    if (ok) l->steps = kf_client_open(0, err);
    if (ok && l->steps) return kf_client_start(l->steps, "SignIn", p, err);
    kf_json_free(p);
    return false;
}

/* A refresh token from elsewhere: never an argument, never in the environment. */
static int take_token(kf_login *l, const kf_args *a, kf_err *err) {
    KF_AUTO(kf_secret)
    token = isatty(STDIN_FILENO) ? kf_ask("Refresh token", true, err) : kf_read_stdin(16384, err);
    if (!token) return -1;
    if (!kf_secret_len(token))
        return kf_fail(err, KF_ERR_USAGE_BAD, "there is no refresh token on stdin"), -1;
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "profile", l->profile);
    kf_json_set_secret(p, "refresh_token", token);
    kf_json_set_str(p, "client_id", env("WORKOS_CLIENT_ID"));
    if (a->opt[O_OTHER_USER]) kf_json_set_bool(p, "as_other_user", true);
    KF_AUTO(kf_json) r = kf_cli_call(l->c, "TakeToken", p, TAKE_MS, err);
    return r ? kf_login_done(l, kf_json_get(r, "profile")) : -1;
}

/* What stdin is for: at most one thing. */
static bool read_stdin(kf_login *l, const kf_args *a, kf_err *err) {
    static const struct {
        int opt;
        const char *field;
    } one[] = {{O_PASSWORD_STDIN, "password"}, {O_INVITATION_STDIN, "invitation_token"}};
    bool answers = a->opt[O_ANSWERS_STDIN] != NULL;
    int n = (answers || a->opt[O_INVITATION_STDIN]) + !strcmp(l->method, "token") +
            (a->opt[O_PASSWORD_STDIN] != NULL);
    if (n > 1)
        return kf_fail(
            err, KF_ERR_USAGE_BAD,
            "stdin can be only one thing: the password, the answers, the invitation, or the token");
    if (answers) { /* with --invitation-token-stdin one of them is invitation_token= */
        kf_answers_begin(&l->in);
        return true;
    }
    for (size_t i = 0; i < KF_LEN(one); i++) {
        if (!a->opt[one[i].opt]) continue;
        kf_secret *v = kf_read_stdin(1024, err);
        if (!v) return false;
        kf_answers_add(&l->in, one[i].field, v);
        l->in.given = true;
    }
    return true;
}

int kf_cmd_login(kf_cli *c, const kf_args *a) {
    kf_err e = {0};
    kf_method m;
    kf_login l = {.c = c,
                  .method = a->opt[O_METHOD] ? a->opt[O_METHOD] : "password",
                  .no_browser = a->opt[O_NO_BROWSER] != NULL,
                  .reset = a->opt[O_RESET] != NULL,
                  .qr = a->opt[O_NO_QR] ? KF_SHOW_NEVER
                        : a->opt[O_QR]  ? KF_SHOW_ALWAYS
                                        : KF_SHOW_ON_TERMINAL};
    bool token = !strcmp(l.method, "token");
    int rc = -1;
    if (!token && !kf_method_from_name(l.method, &m))
        return kf_cli_usage(
            c,
            "there is no sign-in method %.40s; there are: password magic browser device sso token",
            l.method);
    bool ok = read_stdin(&l, a, &e) && choose_profile(&l, a, &e);
    for (int tries = 0; ok && tries < 2; tries++) {
        if (token) {
            rc = take_token(&l, a, &e);
            break;
        }
        rc = start(&l, a, &e) ? kf_login_drive(&l, &e) : -1;
        /* the store may be locked: unlock it, then once more */
        bool again = rc < 0 && tries == 0 && kf_cli_unlock(c, &e, &e);
        l.steps = kf_client_close(l.steps);
        if (!again) break;
    }
    kf_json_free(l.choices);
    kf_answers_done(&l.in);
    return rc < 0 ? kf_cli_fail(c, &e) : rc;
}
