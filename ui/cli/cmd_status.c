/* status, renew, logout. status never starts an agent and never uses the network. */
#include "ui/cli/cli.h"

#include "auth/profile.h"
#include "base/str.h"
#include "ui/cli/dir.h"
#include "ui/cli/index.h"
#include "ui/common/text.h"
#include "ui/common/words.h"
#include "wire/msg.h"

enum { ALL, WHY, CHECK, MIN_VALID, PROMPT };
enum { LOCAL_ONLY, LOGOUT_ALL };
enum { STATUS_MS = 5000, LOAD_MS = 15000, SIGN_OUT_MS = 120000 };

/* The profile as the running agent sees it; NULL when none runs. load: whether a token can be had
 * is only known once the session was read. */
static kf_json *ask_agent(kf_cli *c, const char *name, bool load, kf_err *err) {
    err->code = KF_ERR_NONE;
    if (!c->client) c->client = kf_client_open(KF_CLIENT_NO_START, err);
    if (!c->client) return NULL;
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "profile", name);
    if (load) kf_json_set_bool(p, "load", true);
    KF_AUTO(kf_json)
    r = kf_client_call(c->client, "GetProfile", p, load ? LOAD_MS : STATUS_MS, err);
    return r ? kf_json_copy(kf_json_get(r, "profile")) : NULL;
}

static void set_known(kf_json *j, const char *key, const char *value) {
    if (*value) kf_json_set_str(j, key, value);
}

static bool is_served(const char *state) {
    static const char *const no[] = {"signed_out", "needs_sign_in", "stale", "locked"};
    for (size_t i = 0; i < KF_LEN(no); i++)
        if (!strcmp(state, no[i])) return false;
    return true;
}

/* What the agent wrote down before it left. */
static kf_json *from_index(const char *name, int64_t now, kf_err *err) {
    kf_profile_row *rows;
    size_t n;
    kf_json *j = NULL;
    if (!kf_cli_index(&rows, &n, err)) return NULL;
    for (size_t i = 0; i < n && !j; i++) {
        if (strcmp(rows[i].name, name) && strcmp(rows[i].id, name)) continue;
        j = kf_json_obj();
        kf_json_set_str(j, "id", rows[i].id);
        kf_json_set_str(j, "name", rows[i].name);
        kf_json_set_str(j, "client_id", rows[i].client_id);
        kf_json_set_str(j, "state", rows[i].state);
        set_known(j, "environment", rows[i].environment);
        set_known(j, "user_email", rows[i].email);
        set_known(j, "user_name", rows[i].user_name);
        set_known(j, "org_id", rows[i].organization_id);
        set_known(j, "org_name", rows[i].organization_name);
        if (rows[i].expires_at) kf_json_set_int(j, "expires_at", rows[i].expires_at);
        if (rows[i].expires_at && is_served(rows[i].state)) {
            kf_json_set_int(j, "left_ms", (rows[i].expires_at - now) * 1000);
        }
    }
    free(rows);
    if (!j) kf_fail(err, KF_ERR_USAGE_NO_PROFILE, "%s", name);
    return j;
}

static kf_json *as_json(const kf_json *p, bool running) {
    kf_json *j = kf_json_obj(), *user = kf_json_obj(), *org = kf_json_obj(), *tok = kf_json_obj(),
            *ses = kf_json_obj();
    int64_t n;
    kf_json_set_str(j, "schema", "keyfob.status/2");
    kf_json_set_str(j, "profile", kf_json_str(p, "name"));
    kf_json_set_str(j, "environment", kf_json_str(p, "environment"));
    kf_json_set_str(j, "state", kf_json_str(p, "state"));
    kf_json_set_str(user, "id", kf_json_str(p, "user_id"));
    kf_json_set_str(user, "email", kf_json_str(p, "user_email"));
    kf_json_set_str(user, "name", kf_json_str(p, "user_name"));
    kf_json_set(j, "user", user);
    kf_json_set_str(org, "id", kf_json_str(p, "org_id"));
    kf_json_set_str(org, "name", kf_json_str(p, "org_name"));
    kf_json_set(j, "organization", org);
    kf_json_set_str(j, "role", kf_json_str(p, "role"));
    if (kf_json_int(p, "expires_at", &n)) kf_cli_set_time(tok, "expires_at", n);
    if (kf_json_int(p, "left_ms", &n)) kf_json_set_int(tok, "left_s", n / 1000);
    if (kf_json_int(p, "renews_in_ms", &n)) kf_json_set_int(tok, "renews_in_s", n / 1000);
    kf_json_set(j, "access_token", tok);
    kf_json_set_str(ses, "id", kf_json_str(p, "session_id"));
    kf_json_set(j, "session", ses);
    if (kf_json_int(p, "renewed_at", &n)) {
        kf_json *r = kf_json_obj();
        kf_cli_set_time(r, "at", n);
        kf_json_set_bool(r, "ok", kf_json_bool(p, "renewed_ok", true));
        if (kf_json_int(p, "renewed_ms", &n)) kf_json_set_int(r, "ms", n);
        kf_json_set(j, "last_renewal", r);
    }
    if (kf_json_str(p, "impersonator"))
        kf_json_set_str(j, "impersonator", kf_json_str(p, "impersonator"));
    const kf_json *f = kf_json_get(p, "failure");
    if (kf_json_is_obj(f)) kf_json_set_str(j, "reason", kf_json_str(f, "name"));
    kf_json_set_str(j, "agent", running ? "running" : "stopped");
    kf_json_set_bool(j, "locked", kf_str_eq(kf_json_str(p, "state"), "locked"));
    return j;
}

static int print_json(const kf_json *p, bool running) { return kf_cli_print(as_json(p, running)); }

static void line(const char *label, const char *value) {
    KF_AUTO_CHARS safe = kf_text_safe(value);
    if (*safe) printf("%-13s %s\n", label, safe);
}

static int print_text(const kf_json *p, bool running) {
    char left[24];
    int64_t ms;
    line("Profile", kf_json_str(p, "name"));
    line("State", kf_words_state(kf_json_str(p, "state")));
    line("User", kf_json_str(p, "user_email"));
    line("Environment", kf_json_str(p, "environment"));
    line("Organization", kf_json_str(p, "org_name") && *kf_json_str(p, "org_name")
                             ? kf_json_str(p, "org_name")
                             : kf_json_str(p, "org_id"));
    line("Role", kf_json_str(p, "role"));
    line("Impersonator", kf_json_str(p, "impersonator"));
    if (kf_json_int(p, "left_ms", &ms)) {
        kf_words_left(ms, left);
        line("Token left", ms > 0 ? left : "none; the next command gets a new one");
    }
    const kf_json *f = kf_json_get(p, "failure");
    if (kf_json_is_obj(f)) {
        kf_err e;
        kf_words_error w;
        kf_msg_read_failure(f, &e);
        kf_words_for_cli(&e, kf_json_str(p, "name"), &w);
        line("Reason", w.happened);
        line("To do", w.todo);
    }
    line("Agent", running ? "running" : "not running; this is what it wrote down last");
    return kf_cli_flush();
}

/* Who would have named a profile too, and came second. */
static void print_losers(const kf_cli *c, const char *name, const char *rule) {
    const char *env = getenv("KEYFOB_PROFILE");
    kf_dir_file f;
    kf_err e;
    if (env && *env && strcmp(rule, "KEYFOB_PROFILE") && strcmp(env, name)) {
        KF_AUTO_CHARS other = kf_text_safe(env);
        printf("              KEYFOB_PROFILE is %s; %s takes precedence\n", other, rule);
    }
    int rc = c->profile_rule || c->sandbox ? 0 : kf_dir_find(NULL, &f, &e);
    if (rc > 0 && !kf_dir_allowed(&f, &e)) rc = -1;
    KF_AUTO_CHARS text = kf_text_safe(rc < 0 ? e.what : rc > 0 ? f.path : "");
    if (rc < 0) printf("              not used: %s\n", text);
    else if (rc > 0 && strcmp(f.profile, name))
        printf("              %s names %s; %s takes precedence\n", text, f.profile, rule);
}

static void print_origin(const kf_json *p) {
    const char *own = kf_json_str(p, "api_host");
    KF_AUTO_CHARS env = NULL;
    kf_err e;
    bool ok = kf_profile_env_origin(getenv("WORKOS_API_HOSTNAME"), getenv("WORKOS_API_HTTPS"),
                                    getenv("WORKOS_API_PORT"), &env, &e);
    KF_AUTO_CHARS safe = kf_text_safe(ok ? env : e.what);
    printf("API host      %s\n", own ? own : "not known without the agent");
    if (!ok) printf("              not used: %s\n", safe);
    else if (env && own && strcmp(env, own))
        printf(
            "              WORKOS_API_HOSTNAME, _HTTPS and _PORT say %s; the profile's own takes "
            "precedence\n",
            safe);
}

static int print_why(const kf_cli *c, const kf_json *p, const char *rule) {
    const char *own = kf_json_str_or(p, "client_id", ""), *env_id = getenv("WORKOS_CLIENT_ID"),
               *env_key = getenv("WORKOS_API_KEY"), *used;
    kf_client_id_source s = kf_profile_client_id(NULL, own, env_id, &used);
    KF_AUTO_CHARS by = kf_text_safe(rule);
    printf("Profile       %s, by %s\n", kf_json_str_or(p, "name", ""), by);
    print_losers(c, kf_json_str_or(p, "name", ""), rule);
    printf("Client ID     %s, from %s\n", used ? used : "none", kf_client_id_source_name(s));
    if (env_id && *env_id && used && strcmp(env_id, used)) {
        KF_AUTO_CHARS other = kf_text_safe(env_id);
        printf("              WORKOS_CLIENT_ID is %s; the profile's own takes precedence\n", other);
    }
    print_origin(p);
    const kf_json *conf = kf_json_get(p, "confidential");
    bool stored = kf_json_bool(p, "confidential", false), have_env = env_key && *env_key;
    printf("API key       %s\n", !conf      ? "not known without the agent"
                                 : stored   ? "the profile's, from the store"
                                 : have_env ? "WORKOS_API_KEY"
                                            : "none: a public client");
    return kf_cli_flush();
}

static int check(kf_cli *c, const kf_json *p, int64_t min_ms) {
    const char *state = kf_json_str_or(p, "state", ""), *name = kf_json_str_or(p, "name", "");
    int64_t left = kf_json_int_or(p, "left_ms", 0);
    if (left > 0 && left >= min_ms) return 0;
    kf_err e;
    const kf_json *f = kf_json_get(p, "failure");
    if (kf_json_is_obj(f)) kf_msg_read_failure(f, &e);
    else if (!strcmp(state, "signed_out"))
        kf_fail(&e, KF_ERR_WORKOS_NOT_SIGNED_IN, "%s has no session", name);
    else if (!strcmp(state, "needs_sign_in"))
        kf_fail(&e, KF_ERR_WORKOS_SESSION_ENDED, "of %s", name);
    else if (!strcmp(state, "stale")) kf_fail(&e, KF_ERR_STORE_STALE, "of %s", name);
    else if (!strcmp(state, "locked")) kf_fail(&e, KF_ERR_STORE_LOCKED, "%s", "");
    else if (left <= 0)
        kf_fail(&e, KF_ERR_WORKOS_TOKEN_SHORT, "it is over, and the next command gets a new one");
    else
        kf_fail(&e, KF_ERR_WORKOS_TOKEN_SHORT, "%lld s are left, %lld s were asked for",
                (long long)(left > 0 ? left / 1000 : 0), (long long)min_ms / 1000);
    return kf_cli_fail(c, &e);
}

/* What the agent says of the profile, or what it wrote down before it left. NULL: err. */
static kf_json *look_up(kf_cli *c, const char *name, bool load, bool *running, kf_err *err) {
    kf_json *p = ask_agent(c, name, load, err);
    *running = p != NULL;
    if (p || err->code != KF_ERR_WIRE_NO_AGENT) return p;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return from_index(name, now.tv_sec, err);
}

static int print_all(kf_cli *c) {
    kf_err e;
    kf_profile_row *rows;
    size_t n;
    bool running = false;
    if (!kf_cli_index(&rows, &n, &e)) return kf_cli_fail(c, &e);
    kf_json *items = kf_json_arr();
    int rc = 0;
    for (size_t i = 0; i < n && !rc; i++) {
        KF_AUTO(kf_json) p = look_up(c, rows[i].name, false, &running, &e);
        if (!p && e.code == KF_ERR_USAGE_NO_PROFILE) continue; /* it was removed just now */
        if (!p) rc = kf_cli_fail(c, &e);
        else if (c->json) kf_json_add(items, as_json(p, running));
        else rc = (i && printf("\n") < 0) || print_text(p, running);
    }
    free(rows);
    if (rc || !c->json) {
        kf_json_free(items);
        return rc;
    }
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "schema", "keyfob.status-list/1");
    kf_json_set(j, "items", items);
    return kf_cli_print(j);
}

int kf_cmd_status(kf_cli *c, const kf_args *a) {
    kf_err e;
    int64_t min_ms = 0;
    const char *rule = "";
    if (a->opt[PROMPT]) return kf_cli_prompt(c, a->pos[0], a->opt[PROMPT]);
    if (a->opt[MIN_VALID] && !kf_duration_parse(a->opt[MIN_VALID], &min_ms))
        return kf_cli_usage(c, "--min-valid: a duration is a number with ms, s, m, h or d");
    if (a->opt[ALL])
        return a->n_pos || a->opt[WHY] || a->opt[CHECK]
                   ? kf_cli_usage(c, "--all is every profile; it goes with no name, --why, --check")
                   : print_all(c);
    const char *name = kf_cli_profile(c, a->pos[0], &rule, &e);
    if (!name) return kf_cli_fail(c, &e);
    bool running;
    KF_AUTO(kf_json) p = look_up(c, name, a->opt[CHECK] != NULL, &running, &e);
    if (!p) return kf_cli_fail(c, &e);
    if (a->opt[WHY])
        return c->json
                   ? kf_cli_usage(
                         c, "--why is for people; the profile that was chosen is in every --json")
                   : print_why(c, p, rule);
    int rc = a->opt[CHECK] ? check(c, p, min_ms) : 0;
    return rc || (a->opt[CHECK] && !c->json) ? rc
           : c->json                         ? print_json(p, running)
                                             : print_text(p, running);
}

static kf_json *simple(kf_cli *c, const char *arg, const char *method, bool local_only,
                       int64_t wait_ms, kf_err *e) {
    const char *name = kf_cli_profile(c, arg, NULL, e);
    if (!name) return NULL;
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "profile", name);
    if (local_only) kf_json_set_bool(p, "local_only", true);
    return kf_cli_call(c, method, p, wait_ms, e);
}

int kf_cmd_renew(kf_cli *c, const kf_args *a) {
    kf_err e;
    KF_AUTO(kf_json) r = simple(c, a->pos[0], "Renew", false, KF_CLI_TOKEN_MS, &e);
    if (!r) return kf_cli_fail(c, &e);
    const kf_json *p = kf_json_get(r, "profile");
    if (c->json) return print_json(p, true);
    char left[24];
    kf_words_left(kf_json_int_or(p, "left_ms", 0), left);
    printf("Renewed %s: the token is valid for %s\n", kf_json_str_or(p, "name", ""), left);
    return kf_cli_flush();
}

/* One profile; with --json its answer goes into items, or to stdout where that is NULL. */
static int log_out(kf_cli *c, const char *arg, bool local_only, kf_json *items) {
    kf_err e;
    KF_AUTO(kf_json) r = simple(c, arg, "SignOut", local_only, SIGN_OUT_MS, &e);
    if (!r) return kf_cli_fail(c, &e);
    bool ended = kf_json_bool(r, "server_ended", false);
    const kf_json *note = kf_json_get(r, "note");
    if (c->json) {
        kf_json *j = kf_json_obj();
        kf_json_set_str(j, "schema", "keyfob.logout/1");
        kf_json_set_str(j, "profile", c->profile_used);
        kf_json_set_bool(j, "server_ended", ended);
        if (kf_json_is_obj(note)) kf_json_set_str(j, "note", kf_json_str(note, "name"));
        return items ? kf_json_add(items, j), 0 : kf_cli_print(j);
    }
    bool nobody = kf_str_eq(kf_json_str(note, "name"), kf_err_name(KF_ERR_WORKOS_NOT_SIGNED_IN));
    printf(nobody ? "Nobody was signed in to %s\n" : "Signed out of %s\n", c->profile_used);
    if (!ended && !nobody && !local_only)
        kf_cli_note(c, "WorkOS has not confirmed the end of the session; it may live on there "
                       "until it expires");
    return kf_cli_flush();
}

/* Goes on behind one that failed; the exit status is the first failure's. */
static int log_out_all(kf_cli *c, bool local_only) {
    kf_err e;
    kf_profile_row *rows;
    size_t n, done = 0;
    int rc = 0;
    if (!kf_cli_index(&rows, &n, &e)) return kf_cli_fail(c, &e);
    kf_json *items = kf_json_arr();
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(rows[i].state, "signed_out")) continue;
        int one = log_out(c, rows[i].name, local_only, items);
        rc = rc ? rc : one;
        done++;
    }
    free(rows);
    if (!done) kf_cli_note(c, "no profile is signed in");
    if (!c->json) return kf_json_free(items), rc;
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "schema", "keyfob.logout-list/1");
    kf_json_set(j, "items", items);
    int printed = kf_cli_print(j);
    return rc ? rc : printed;
}

int kf_cmd_logout(kf_cli *c, const kf_args *a) {
    bool local_only = a->opt[LOCAL_ONLY];
    if (!a->opt[LOGOUT_ALL]) return log_out(c, a->pos[0], local_only, NULL);
    if (a->n_pos) return kf_cli_usage(c, "--all is every profile; it goes with no name");
    return log_out_all(c, local_only);
}
