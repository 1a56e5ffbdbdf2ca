/* token: what everything else is for. */
#include "ui/cli/cli.h"

#include <unistd.h>
#include "base/str.h"
#include "ui/common/words.h"
#include "wire/msg.h"

enum { MIN_VALID, RENEW, CLIP, CLEAR, CHECK };

/* Not served as if all were well: after a restart of the agent it might be gone. */
static void note_unsaved(kf_cli *c, const kf_json *r) {
    kf_err e;
    kf_words_error w;
    const kf_json *failure = kf_json_get(r, "failure");
    if (!failure) return;
    kf_msg_read_failure(failure, &e);
    kf_words_for_cli(&e, c->profile_used, &w);
    kf_cli_note(c, "%s %s", w.happened, w.todo);
}

kf_json *kf_cli_token(kf_cli *c, const char *arg, const char *min_valid, bool renew,
                      bool with_profile, int *rc) {
    kf_err e;
    int64_t ms = -1;
    if (min_valid && !kf_duration_parse(min_valid, &ms)) {
        *rc = kf_cli_usage(c, "--min-valid %s: a duration is a number with ms, s, m, h or d",
                           min_valid);
        return NULL;
    }
    const char *name = kf_cli_profile(c, arg, NULL, &e);
    kf_json *r = NULL;
    if (name) {
        kf_json *p = kf_json_obj();
        kf_json_set_str(p, "profile", name);
        if (ms >= 0) kf_json_set_int(p, "min_valid_ms", ms);
        if (renew) kf_json_set_bool(p, "renew", true);
        if (with_profile) kf_json_set_bool(p, "with_profile", true);
        r = kf_cli_call(c, "GetToken", p, KF_CLI_TOKEN_MS, &e);
    }
    if (!r) {
        *rc = kf_cli_fail(c, &e);
        return NULL;
    }
    note_unsaved(c, r);
    if (kf_json_bool(r, "short", false))
        kf_cli_note(c, "a token of this environment lives only %lld s; it is valid for %lld s more",
                    (long long)kf_json_int_or(r, "life_ms", 0) / 1000,
                    (long long)kf_json_int_or(r, "left_ms", 0) / 1000);
    return r;
}

/* Asks WorkOS about the session first: an access token may be dead before it is over. */
static bool check_session(kf_cli *c, const char *arg, int *rc) {
    kf_err e;
    const char *name = kf_cli_profile(c, arg, NULL, &e);
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "profile", name);
    KF_AUTO(kf_json)
    r = name ? kf_cli_call(c, "CheckSession", p, KF_CLI_TOKEN_MS, &e) : (kf_json_free(p), NULL);
    if (r && c->verbose) kf_cli_note(c, "the session lives: by %s", kf_json_str_or(r, "how", "?"));
    if (!r) *rc = kf_cli_fail(c, &e);
    return r != NULL;
}

int kf_cmd_token(kf_cli *c, const kf_args *a) {
    int rc = 0;
    if (a->opt[CHECK] && !check_session(c, a->pos[0], &rc)) return rc;
    KF_AUTO(kf_json)
    r = kf_cli_token(c, a->pos[0], a->opt[MIN_VALID], a->opt[RENEW] != NULL, false, &rc);
    if (!r) return rc;
    const char *token = kf_json_str_or(r, "access_token", "");
    if (a->opt[CLIP]) return kf_cli_clip(c, "token", token, strlen(token), a->opt[CLEAR]);
    if (!c->json) {
        printf("%s\n", token);
        rc = kf_cli_flush();
        if (!rc && isatty(STDOUT_FILENO))
            kf_cli_note(c,
                        "the token is on this screen now; keyfob token --clip copies it instead");
        return rc;
    }
    char when[21];
    kf_rfc3339(kf_json_int_or(r, "expires_at", 0), when);
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "schema", "keyfob.token/1");
    kf_json_set_str(j, "profile", kf_json_str(r, "name"));
    kf_json_set_str(j, "token_type", "Bearer");
    kf_json_set_str(j, "access_token", token);
    kf_json_set_str(j, "expires_at", when);
    kf_json_set_int(j, "expires_in_s", kf_json_int_or(r, "left_ms", 0) / 1000);
    kf_json_set_bool(j, "renewed", kf_json_bool(r, "renewed", false));
    return kf_cli_print(j);
}
