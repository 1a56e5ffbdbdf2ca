/* Organizations, sessions, factors, claims: what can be seen and changed once signed in. */
#include "ui/cli/cli.h"

#include <unistd.h>
#include "base/str.h"
#include "ui/cli/login.h"
#include "ui/cli/seal.h"
#include "ui/common/states.h"
#include "ui/common/text.h"
#include "wire/msg.h"

enum { WAIT_MS = 120000 };
enum { SESSION_OTHERS, SESSION_YES };
enum { FACTOR_ANSWERS };
enum { FACTOR_YES };
enum { CLAIMS_VERIFY, CLAIMS_OAUTH, CLAIMS_REVEAL, CLAIMS_SEALED, CLAIMS_PASSWORD };

static kf_json *call(kf_cli *c, const char *profile, const char *method, const char *key,
                     const char *value, kf_err *e) {
    const char *name = kf_cli_profile(c, profile, NULL, e);
    if (!name) return NULL;
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "profile", name);
    if (key) kf_json_set_str(p, key, value);
    return kf_cli_call(c, method, p, WAIT_MS, e);
}

/* {"schema","profile","items"}: the form of every list. */
static int print_list(kf_cli *c, const char *schema, const kf_json *list) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "schema", schema);
    kf_json_set_str(j, "profile", c->profile_used);
    kf_json_set(j, "items", kf_json_copy(list));
    return kf_cli_print(j);
}

static void cell(const kf_json *row, const char *key, int width) {
    KF_AUTO_CHARS safe = kf_text_safe(kf_json_str_or(row, key, ""));
    printf("%-*s ", width, *safe ? safe : "-");
}

/* --- organizations
 * ----------------------------------------------------------------------------------- */

static kf_json *gather(kf_cli *c, const char *profile, const char *method, const char *key,
                       kf_err *e) {
    const char *name = kf_cli_profile(c, profile, NULL, e);
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "profile", name);
    return name ? kf_cli_call_all(c, method, p, key, WAIT_MS, e) : (kf_json_free(p), NULL);
}

int kf_cmd_org_list(kf_cli *c, const kf_args *a) {
    kf_err e;
    KF_AUTO(kf_json) list = gather(c, a->pos[0], "ListOrganizations", "organizations", &e);
    if (!list) return kf_cli_fail(c, &e);
    if (c->json) return print_list(c, "keyfob.organizations/1", list);
    for (const kf_json *i = kf_json_first(list); i; i = kf_json_next(i)) {
        cell(i, "id", 32);
        cell(i, "role", 12);
        KF_AUTO_CHARS name = kf_text_safe(kf_json_str_or(i, "name", ""));
        printf("%s\n", name);
    }
    if (!kf_json_count(list)) kf_cli_note(c, "this user belongs to no organization");
    return kf_cli_flush();
}

int kf_cmd_switch_org(kf_cli *c, const kf_args *a) {
    kf_err e;
    /* one argument is the organization, of the profile that is used anyway */
    const char *profile = a->n_pos == 2 ? a->pos[0] : NULL, *org = a->pos[a->n_pos == 2 ? 1 : 0];
    if (!org) return kf_cli_usage(c, "which organization? (keyfob org list)");
    KF_AUTO(kf_json) r = call(c, profile, "SwitchOrganization", "organization_id", org, &e);
    if (!r) return kf_cli_fail(c, &e);
    const kf_json *p = kf_json_get(r, "profile");
    if (c->json) {
        kf_json *j = kf_json_copy(p);
        kf_json_set_str(j, "schema", "keyfob.profile/2");
        return kf_cli_print(j);
    }
    const char *name = kf_json_str(p, "org_name");
    KF_AUTO_CHARS safe = kf_text_safe(name && *name ? name : kf_json_str(p, "org_id"));
    printf("%s is in organization %s now\n", c->profile_used, safe);
    return kf_cli_flush();
}

/* --- sessions
 * ---------------------------------------------------------------------------------------- */

int kf_cmd_session_list(kf_cli *c, const kf_args *a) {
    kf_err e;
    KF_AUTO(kf_json) list = gather(c, a->pos[0], "ListSessions", "sessions", &e);
    if (!list) return kf_cli_fail(c, &e);
    if (c->json) return print_list(c, "keyfob.sessions/1", list);
    for (const kf_json *i = kf_json_first(list); i; i = kf_json_next(i)) {
        printf("%c ", kf_json_bool(i, "current", false) ? '*' : ' ');
        cell(i, "id", 36);
        cell(i, "status", 8);
        cell(i, "auth_method", 13);
        cell(i, "created_at", 24);
        cell(i, "ip_address", 15);
        KF_AUTO_CHARS agent = kf_text_safe(kf_json_str_or(i, "user_agent", ""));
        printf("%s\n", agent);
    }
    return kf_cli_flush();
}

int kf_cmd_session_revoke(kf_cli *c, const kf_args *a) {
    kf_err e;
    bool others = a->opt[SESSION_OTHERS] != NULL;
    const char *profile = others      ? a->pos[0]
                          : a->pos[1] ? a->pos[0]
                                      : NULL,
               *session = others      ? NULL
                          : a->pos[1] ? a->pos[1]
                                      : a->pos[0];
    if (others ? a->n_pos > 1 : !session)
        return kf_cli_usage(c, "which session? (keyfob session list), or --others");
    const char *name = kf_cli_profile(c, profile, NULL, &e);
    if (!name) return kf_cli_fail(c, &e);
    if (!a->opt[SESSION_YES]) {
        if (!kf_can_ask(c)) {
            kf_fail(&e, KF_ERR_USAGE_NO_INPUT, "revoking a session wants a yes");
            kf_hint(&e, "Give --yes");
            return kf_cli_fail(c, &e);
        }
        KF_AUTO_CHARS q = others ? kf_strfmt("End all other sessions of %s?", name)
                                 : kf_strfmt("End the session %.80s?", session);
        if (!kf_ask_yes(q)) {
            kf_fail(&e, KF_ERR_SYS_CANCELLED, "nothing was ended");
            return kf_cli_fail(c, &e);
        }
    }
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "profile", name);
    kf_json_set_str(p, "session", others ? "" : session);
    kf_json_set_bool(p, "others", others);
    KF_AUTO(kf_json) r = kf_cli_call(c, "RevokeSession", p, WAIT_MS, &e);
    if (!r) return kf_cli_fail(c, &e);
    int64_t n = kf_json_int_or(r, "revoked", 0);
    if (c->json) {
        kf_json *j = kf_json_obj();
        kf_json_set_str(j, "schema", "keyfob.revoked/1");
        kf_json_set_str(j, "profile", name);
        kf_json_set_int(j, "revoked", n);
        return kf_cli_print(j);
    }
    printf("%lld session%s ended\n", (long long)n, n == 1 ? "" : "s");
    return kf_cli_flush();
}

/* --- factors
 * ----------------------------------------------------------------------------------------- */

int kf_cmd_factor_list(kf_cli *c, const kf_args *a) {
    kf_err e;
    KF_AUTO(kf_json) r = call(c, a->pos[0], "ListFactors", NULL, NULL, &e);
    if (!r) return kf_cli_fail(c, &e);
    const kf_json *list = kf_json_get(r, "factors");
    if (c->json) return print_list(c, "keyfob.factors/1", list);
    for (const kf_json *i = kf_json_first(list); i; i = kf_json_next(i)) {
        cell(i, "id", 40);
        cell(i, "type", 6);
        KF_AUTO_CHARS at = kf_text_safe(kf_json_str_or(i, "created_at", ""));
        printf("%s\n", at);
    }
    if (!kf_json_count(list))
        kf_cli_note(c, "no factors; keyfob factor enroll %s sets up an authenticator app",
                    c->profile_used);
    return kf_cli_flush();
}

int kf_cmd_factor_rm(kf_cli *c, const kf_args *a) {
    kf_err e;
    const char *profile = a->pos[1] ? a->pos[0] : NULL, *factor = a->pos[1] ? a->pos[1] : a->pos[0];
    if (!factor) return kf_cli_usage(c, "which factor? (keyfob factor list)");
    const char *name = kf_cli_profile(c, profile, NULL, &e);
    if (!name) return kf_cli_fail(c, &e);
    if (!a->opt[FACTOR_YES]) { /* it cannot be taken back: the name is typed, not a y */
        bool ask = kf_can_ask(c);
        KF_AUTO_CHARS q =
            kf_strfmt("Codes of this app will no longer work. Type %s to delete the factor", name);
        KF_AUTO(kf_secret) typed = ask ? kf_ask(q, false, &e) : NULL;
        KF_AUTO(kf_secret) want = kf_secret_new(name, strlen(name));
        if (!ask)
            kf_fail(&e, KF_ERR_USAGE_NO_INPUT, "deleting a factor wants a yes"),
                kf_hint(&e, "Give --yes");
        else if (typed && !kf_secret_eq(typed, want))
            kf_fail(&e, KF_ERR_SYS_CANCELLED, "nothing was deleted");
        if (!ask || !typed || !kf_secret_eq(typed, want)) return kf_cli_fail(c, &e);
    }
    KF_AUTO(kf_json) r = call(c, name, "DeleteFactor", "factor", factor, &e);
    if (!r) return kf_cli_fail(c, &e);
    if (c->json) {
        kf_json *j = kf_json_obj();
        kf_json_set_str(j, "schema", "keyfob.factor/1");
        kf_json_set_str(j, "deleted", factor);
        return kf_cli_print(j);
    }
    printf("Factor deleted\n");
    return kf_cli_flush();
}

/* Shows the new factor: one line of JSON for a script, QR code and key for a person. */
static int show_factor(kf_cli *c, const kf_json *r) {
    const char *uri = kf_json_str_or(r, "uri", ""), *secret = kf_json_str_or(r, "secret", "");
    if (c->json) {
        kf_json *j = kf_json_obj();
        kf_json_set_str(j, "schema", "keyfob.enroll/1");
        kf_json_set_str(j, "factor_id", kf_json_str(r, "factor_id"));
        kf_json_set_str(j, "secret", secret);
        kf_json_set_str(j, "uri", uri);
        return kf_cli_print(j);
    }
    KF_AUTO(kf_secret) text = kf_secret_new(uri, strlen(uri));
    KF_AUTO(kf_secret) key = kf_secret_new(secret, strlen(secret));
    kf_show_qr(c, text, KF_SHOW_ON_TERMINAL);
    fprintf(stderr, "  Scan it with an authenticator app, or type this key into the app:\n");
    kf_show_key(key);
    return 0;
}

/* True: verified. A wrong code asks again, three times; a script's is the end. */
static bool verify(kf_cli *c, const kf_args *a, const char *enrollment, kf_err *e) {
    KF_AUTO(kf_client)
    other = kf_client_open(0, e); /* the first connection is busy with the enrolment */
    kf_answers in = {0};
    bool script = a->opt[FACTOR_ANSWERS] != NULL, ok = other != NULL;
    if (script) kf_answers_begin(&in);
    bool verified = false;
    for (int tries = 0; ok && !verified && tries < 3; tries++) {
        KF_AUTO(kf_secret) code = script ? kf_answers_take(&in, "totp") : NULL;
        if (!code && !script && kf_can_ask(c)) code = kf_ask("Code that the app shows", false, e);
        else if (!code && in.bad.code) *e = in.bad;
        else if (!code) kf_fail(e, KF_ERR_USAGE_CODE_NEEDED, "totp");
        if (!code) break;
        kf_json *p = kf_json_obj();
        kf_json_set_str(p, "enrollment", enrollment);
        kf_json_set_secret(p, "code", code);
        KF_AUTO(kf_json) r = kf_client_call(other, "VerifyFactor", p, WAIT_MS, e);
        verified = r != NULL;
        bool again =
            !script && (e->code == KF_ERR_WORKOS_BAD_CODE || e->code == KF_ERR_USAGE_BAD_ANSWER);
        if (!verified && !again) break;
        if (!verified) kf_cli_note(c, "that is not the right code");
    }
    kf_answers_done(&in);
    return verified;
}

int kf_cmd_factor_enroll(kf_cli *c, const kf_args *a) {
    kf_err e;
    const char *name = kf_cli_profile(c, a->pos[0], NULL, &e);
    if (!name) return kf_cli_fail(c, &e);
    if (!a->opt[FACTOR_ANSWERS] && !kf_can_ask(c)) {
        kf_fail(&e, KF_ERR_USAGE_NO_INPUT, "an app has to be set up with the code that is shown");
        kf_hint(&e, "Run it in a terminal, or with --json --answers-stdin");
        return kf_cli_fail(c, &e);
    }
    KF_AUTO(kf_client) steps = kf_client_open(0, &e);
    kf_json *p = kf_json_obj(), *r = NULL, *r2 = NULL;
    kf_json_set_str(p, "profile", name);
    bool more = false, started = steps && kf_client_start(steps, "EnrollFactor", p, &e);
    if (!steps) kf_json_free(p);
    bool ok = started && kf_client_next(steps, WAIT_MS, -1, &r, &more, &e) > 0;
    KF_AUTO(kf_json) first = r;
    if (!ok) return kf_cli_fail(c, &e);
    int rc = show_factor(c, first);
    if (rc) return rc; /* nobody has seen it; closing the connection deletes it */
    if (!verify(c, a, kf_json_str_or(first, "enrollment", ""), &e)) return kf_cli_fail(c, &e);
    if (kf_client_next(steps, WAIT_MS, -1, &r2, &more, &e) <= 0) return kf_cli_fail(c, &e);
    KF_AUTO(kf_json) last = r2;
    if (c->json) {
        kf_json *j = kf_json_obj();
        kf_json_set_str(j, "schema", "keyfob.factor/1");
        kf_json_set_str(j, "factor_id", kf_json_str(last, "factor_id"));
        kf_json_set_bool(j, "verified", kf_json_bool(last, "verified", false));
        return kf_cli_print(j);
    }
    printf("The authenticator app is set up\n");
    return kf_cli_flush();
}

/* --- who, and what the token says
 * ---------------------------------------------------------------------- */

static bool is_person_known(const kf_json *p) {
    return kf_json_str(p, "user_id") || kf_json_str(p, "user_email");
}

/* The session is read when that needs no person. Else what was written down of it will do. */
static kf_json *ask_who(kf_cli *c, const char *name, kf_err *e) {
    for (int tries = 0;; tries++) {
        kf_json *params = kf_json_obj();
        kf_json_set_str(params, "profile", name);
        kf_json_set_bool(params, "load", true);
        KF_AUTO(kf_json) r = kf_cli_call(c, "GetProfile", params, WAIT_MS, e);
        if (!r) return NULL;
        const kf_json *p = kf_json_get(r, "profile"), *failure = kf_json_get(p, "failure");
        const char *state = kf_json_str_or(p, "state", "");
        bool over = kf_state_is_over(kf_state_find(state));
        if (is_person_known(p) && !over) return kf_json_copy(p);
        if (kf_json_is_obj(failure)) kf_msg_read_failure(failure, e);
        else kf_fail(e, KF_ERR_WORKOS_NOT_SIGNED_IN, "%s has no session", name);
        if (over || tries || !kf_cli_unlock(c, e, e)) return NULL;
    }
}

int kf_cmd_whoami(kf_cli *c, const kf_args *a) {
    kf_err e;
    const char *name = kf_cli_profile(c, a->pos[0], NULL, &e);
    KF_AUTO(kf_json) p = name ? ask_who(c, name, &e) : NULL;
    if (!p) return kf_cli_fail(c, &e);
    static const char *const keys[][2] = {
        {"user_email", "User"},        {"user_name", "Name"},
        {"user_id", "User ID"},        {"org_name", "Organization"},
        {"org_id", "Organization ID"}, {"role", "Role"},
        {"method", "Signed in by"},    {"impersonator", "Impersonator"},
        {"session_id", "Session"}};
    if (c->json) {
        kf_json *j = kf_json_obj();
        kf_json_set_str(j, "schema", "keyfob.whoami/1");
        kf_json_set_str(j, "profile", c->profile_used);
        for (size_t i = 0; i < KF_LEN(keys); i++)
            kf_json_set_str(j, keys[i][0], kf_json_str(p, keys[i][0]));
        return kf_cli_print(j);
    }
    for (size_t i = 0; i < KF_LEN(keys); i++) {
        KF_AUTO_CHARS v = kf_text_safe(kf_json_str(p, keys[i][0]));
        if (*v) printf("%-16s %s\n", keys[i][1], v);
    }
    return kf_cli_flush();
}

/* The provider's own tokens (Google, GitHub, ...), as WorkOS passed them on: whole only where
 * nobody looks. */
static int print_oauth(kf_cli *c, const char *name, bool reveal) {
    kf_err e;
    bool whole = reveal || !isatty(STDOUT_FILENO);
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "profile", name);
    kf_json_set_bool(p, "oauth_tokens", whole);
    KF_AUTO(kf_json) r = kf_cli_call(c, "Claims", p, WAIT_MS, &e);
    if (!r) return kf_cli_fail(c, &e);
    const kf_json *oauth = kf_json_get(r, "oauth");
    if (!kf_json_is_obj(oauth)) {
        kf_fail(&e, KF_ERR_STORE_NOT_FOUND, "the sign-in of %s brought no provider's tokens", name);
        return kf_cli_fail(c, &e);
    }
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "schema", "keyfob.oauth/1");
    kf_json_set_str(j, "profile", name);
    kf_json_set(j, "oauth_tokens", kf_json_copy(oauth));
    if (!whole) kf_cli_note(c, "the tokens themselves go into a pipe only, or with --reveal");
    return kf_cli_print(j);
}

static kf_json *ask_claims(kf_cli *c, const char *name, bool verify, kf_err *err) {
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "profile", name);
    kf_json_set_bool(p, "verify", verify);
    return kf_cli_call(c, "Claims", p, WAIT_MS, err);
}

int kf_cmd_claims(kf_cli *c, const kf_args *a) {
    kf_err e;
    bool want = a->opt[CLAIMS_VERIFY] != NULL;
    bool of_sealed = a->opt[CLAIMS_SEALED] != NULL;
    const char *name =
        of_sealed && !want
            ? ""
            : kf_cli_profile(c, a->pos[0], NULL, &e); /* its client's keys are for verify */
    if (!name) return kf_cli_fail(c, &e);
    if (a->opt[CLAIMS_OAUTH]) return print_oauth(c, name, a->opt[CLAIMS_REVEAL] != NULL);
    KF_AUTO(kf_json)
    r = of_sealed ? kf_cli_unseal(c, name, a->opt[CLAIMS_PASSWORD] != NULL, want, &e)
                  : ask_claims(c, name, want, &e);
    if (!r) return kf_cli_fail(c, &e);
    const kf_json *failure = kf_json_get(r, "failure"), *verdict = kf_json_get(r, "verified");
    bool known = verdict && !kf_json_is_null(verdict), good = kf_json_bool(r, "verified", false);
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "schema", "keyfob.claims/1");
    if (*name) kf_json_set_str(j, "profile", name);
    if (of_sealed)
        kf_json_set_bool(j, "has_refresh_token", kf_json_bool(r, "has_refresh_token", false));
    kf_json_set(j, "claims", kf_json_copy(kf_json_get(r, "claims")));
    kf_json_set(j, "header", kf_json_copy(kf_json_get(r, "header")));
    kf_json_set(j, "user", kf_json_copy(kf_json_get(r, "user")));
    if (want && known) kf_json_set_bool(j, "verified", good);
    else kf_json_set_null(j, "verified");
    if (want && good) kf_json_set_bool(j, "valid", kf_json_bool(r, "valid", false));
    int rc = 0;
    if (c->json) rc = kf_cli_print(j);
    else {
        const kf_json *claims = kf_json_get(j, "claims");
        for (const kf_json *i = kf_json_first(claims); i; i = kf_json_next(i)) {
            KF_AUTO_CHARS raw = kf_json_print(i);
            KF_AUTO_CHARS value = kf_text_safe(kf_json_value_str(i) ? kf_json_value_str(i) : raw);
            KF_AUTO_CHARS key = kf_text_safe(kf_json_key(i));
            printf("%-16s %s\n", key, value);
        }
        if (of_sealed)
            printf("%-16s %s\n", "refresh token",
                   kf_json_bool(r, "has_refresh_token", false) ? "in it" : "none in it");
        if (want && known)
            printf("%-16s %s\n", "signature", good ? "right, by WorkOS's published keys" : "WRONG");
        else if (!want) kf_cli_note(c, "read without checking the signature; --verify checks it");
        kf_json_free(j);
        rc = kf_cli_flush();
    }
    if (rc || !want || kf_json_bool(r, "valid", false)) return rc;
    if (kf_json_is_obj(failure)) kf_msg_read_failure(failure, &e);
    else kf_fail(&e, KF_ERR_WORKOS_REFUSED, "the signature of the access token is wrong");
    return kf_cli_fail(c, &e);
}
