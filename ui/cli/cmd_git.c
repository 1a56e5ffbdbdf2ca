/* git-credential-keyfob, also `keyfob git-credential` (https://git-scm.com/docs/gitcredentials): git asks every helper
 * about every host, so this one answers only for hosts that a profile is bound to (keyfob profile edit P --git-host
 * HOST), and starts nothing as long as no profile is. */
#include "ui/cli/cli.h"

#include <unistd.h>
#include "auth/profile.h"
#include "base/str.h"
#include "ui/cli/index.h"

enum { WAIT_MS = 60000, QUESTION_MAX = 64 << 10 };

/* The value of the last line key=...; NULL: none. Cuts the text into lines as it goes. */
static const char *attribute(char *text, const char *key) {
    size_t n = strlen(key);
    const char *found = NULL;
    for (char *line = text; line && *line;) {
        char *end = strchr(line, '\n');
        if (!strncmp(line, key, n) && line[n] == '=') found = line + n + 1;
        line = end ? end + 1 : NULL;
    }
    return found;
}

static char *value_of(char *text, const char *key) {
    const char *v = attribute(text, key);
    char *copy = kf_strdup(v ? v : "");
    copy[strcspn(copy, "\r\n")] = 0;
    return copy;
}

static bool any_host_is_bound(void) {
    kf_profile_row *rows = NULL;
    size_t n = 0;
    bool any = false;
    if (!kf_cli_index(&rows, &n, NULL)) return true; /* the agent will know */
    for (size_t i = 0; i < n; i++) any |= rows[i].has_git_host;
    free(rows);
    return any;
}

/* A token goes over https, or to this machine. */
static bool may_answer(const char *protocol, const char *host) {
    KF_AUTO_CHARS origin = kf_strfmt("%s://%s", protocol, host);
    KF_AUTO_CHARS norm = NULL;
    return *host && kf_origin_parse(origin, &norm, NULL);
}

static int get(kf_cli *c, char *question, const char *min_valid) {
    KF_AUTO_CHARS protocol = value_of(question, "protocol");
    KF_AUTO_CHARS host = value_of(question, "host");
    KF_AUTO_CHARS username = value_of(question, "username");
    KF_AUTO_CHARS norm = NULL;
    if (!may_answer(protocol, host) || !kf_hosts_parse(host, &norm, NULL) || strchr(norm, ';') || !any_host_is_bound()) return 0;
    kf_err e;
    int64_t ms = 120000;
    if (min_valid && !kf_duration_parse(min_valid, &ms)) return kf_cli_usage(c, "--min-valid %.40s: a duration is a number with s, m or h", min_valid);
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "git_host", host);
    kf_json_set_int(p, "min_valid_ms", ms);
    KF_AUTO(kf_json) r = kf_cli_call(c, "GetToken", p, WAIT_MS, &e);
    if (!r && e.code == KF_ERR_USAGE_NO_PROFILE) return 0; /* somebody else's host */
    if (!r) return kf_cli_fail(c, &e);
    printf("username=%s\npassword=%s\npassword_expiry_utc=%lld\n", *username ? username : "oauth2", kf_json_str_or(r, "access_token", ""),
           (long long)kf_json_int_or(r, "expires_at", 0));
    return kf_cli_flush();
}

int kf_cmd_git_credential(kf_cli *c, const kf_args *a) {
    const char *what = a->pos[0] ? a->pos[0] : "";
    kf_err e;
    /* what keyfob gave needs no keeping, and it makes another by itself */
    if (!strcmp(what, "store") || !strcmp(what, "erase")) return 0;
    if (strcmp(what, "get") != 0) return isatty(STDIN_FILENO) ? kf_cli_usage(c, "git calls this with get, store or erase") : 0;
    KF_AUTO(kf_secret) question = kf_read_stdin(QUESTION_MAX, &e);
    return question ? get(c, kf_secret_edit(question), a->opt[0]) : kf_cli_fail(c, &e);
}
