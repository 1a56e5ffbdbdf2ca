/* git-credential-keyfob, also `keyfob git-credential` (https://git-scm.com/docs/gitcredentials):
 * git asks every helper about every host, so this one answers only for hosts that a profile is
 * bound to (keyfob profile edit P --git-host HOST), and starts nothing as long as no profile is. */
#include "ui/cli/cli.h"

#include <unistd.h>
#include "base/str.h"
#include "ui/cli/git_question.h"
#include "ui/cli/index.h"

enum { WAIT_MS = 60000 };

static bool any_host_is_bound(void) {
    kf_profile_row *rows = NULL;
    size_t n = 0;
    bool any = false;
    if (!kf_cli_index(&rows, &n, NULL)) return true; /* the agent will know */
    for (size_t i = 0; i < n; i++) any |= rows[i].has_git_host;
    free(rows);
    return any;
}

/* A value that ends a line, or the blank that git would keep, would say something else than the
 * token. */
static bool one_word(const char *token) {
    for (const char *p = token; *p; p++)
        if (*p <= 0x20 || *p >= 0x7f) return false;
    return *token;
}

/* For "Run: keyfob login NAME": who is bound to the host is the agent's to know. */
static void name_profile(kf_cli *c, const char *host) {
    static char name[65];
    kf_err e;
    KF_AUTO(kf_json) all = kf_cli_call_all(c, "ListProfiles", NULL, "profiles", WAIT_MS, &e);
    for (const kf_json *p = kf_json_first(all); p; p = kf_json_next(p))
        if (kf_json_str(p, "git_host") && kf_hosts_has(kf_json_str(p, "git_host"), host) &&
            kf_str_set(name, sizeof name, kf_json_str(p, "name")))
            c->profile_used = name;
}

static kf_json *token_for(kf_cli *c, const char *host, int64_t min_valid_ms, bool renew,
                          kf_err *err) {
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "git_host", host);
    if (renew) kf_json_set_bool(p, "renew", true);
    else kf_json_set_int(p, "min_valid_ms", min_valid_ms);
    return kf_cli_call(c, "GetToken", p, KF_CLI_TOKEN_MS, err);
}

static bool parse(const kf_secret *text, kf_git_question *q) {
    return kf_git_question_parse(kf_secret_peek(text), kf_secret_len(text), q) &&
           any_host_is_bound();
}

/* The host refused what git gave it. If that is the token that keyfob would give again, the next
 * question must get another one. */
static int erase(kf_cli *c, const kf_secret *text) {
    kf_git_question q;
    kf_err e;
    if (!parse(text, &q) || !q.secret_len) return 0;
    KF_AUTO(kf_json) r = token_for(c, q.host, 0, false, &e);
    const char *token = kf_json_str_or(r, "access_token", "");
    if (strlen(token) != q.secret_len || memcmp(token, q.secret, q.secret_len)) return 0;
    KF_AUTO(kf_json) fresh = token_for(c, q.host, 0, true, &e);
    if (fresh || e.code == KF_ERR_USAGE_READ_ONLY) return 0;
    name_profile(c, q.host);
    return kf_cli_fail(c, &e);
}

static void put_answer(const kf_git_question *q, const char *token) {
    if (q->authtype)
        printf("capability[]=authtype\nauthtype=Bearer\ncredential=%s\nephemeral=true\n", token);
    else printf("username=%s\npassword=%s\n", *q->username ? q->username : "oauth2", token);
}

static int get(kf_cli *c, const kf_secret *text, const char *min_valid) {
    kf_git_question q;
    kf_err e;
    int64_t ms = 120000;
    if (!parse(text, &q)) return 0;
    if (min_valid && !kf_duration_parse(min_valid, &ms))
        return kf_cli_usage(c, "--min-valid %.40s: a duration is a number with s, m or h",
                            min_valid);
    KF_AUTO(kf_json) r = token_for(c, q.host, ms, false, &e);
    const char *token = kf_json_str_or(r, "access_token", "");
    if (!r && e.code == KF_ERR_USAGE_NO_PROFILE) return 0; /* somebody else's host */
    if (r && !one_word(token))
        kf_fail(&e, KF_ERR_NET_BAD_ANSWER,
                "the access token has characters that git's lines cannot carry");
    if (!r || !one_word(token)) return name_profile(c, q.host), kf_cli_fail(c, &e);
    put_answer(&q, token);
    printf("password_expiry_utc=%lld\n", (long long)kf_json_int_or(r, "expires_at", 0));
    return kf_cli_flush();
}

int kf_cmd_git_credential(kf_cli *c, const kf_args *a) {
    const char *what = a->pos[0] ? a->pos[0] : "";
    kf_err e;
    bool erases = !strcmp(what, "erase");
    if (!strcmp(what, "store")) return 0; /* what keyfob gave needs no keeping */
    if (!erases && strcmp(what, "get") != 0)
        return isatty(STDIN_FILENO) ? kf_cli_usage(c, "git calls this with get, store or erase")
                                    : 0;
    KF_AUTO(kf_secret) question = kf_read_stdin(KF_GIT_QUESTION_MAX, &e);
    if (!question) return kf_cli_fail(c, &e);
    return erases ? erase(c, question) : get(c, question, a->opt[0]);
}
