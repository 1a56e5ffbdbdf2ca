/* export and header: a fresh token in the form another tool wants. One table of formats; every value is
 * printable ASCII before it is quoted, so that quoting is all there is to think of. */
#include "ui/cli/cli.h"

#include <unistd.h>
#include "base/buf.h"
#include "base/str.h"

enum { FORMAT, MIN_VALID, REVEAL };
enum { H_MIN_VALID, H_REVEAL };
enum { OUT_MAX = 256 << 10, FACTS = 8 };

typedef struct facts { /* names as in templates, and as variables */
    const char *name[FACTS], *variable[FACTS], *value[FACTS];
    char expires_at[21], epoch[24], left[24];
} facts;

static const char *fact(const facts *f, const char *name) {
    for (int i = 0; i < FACTS; i++)
        if (!strcmp(f->name[i], name)) return f->value[i];
    return "";
}

/* --- formats ----------------------------------------------------------------------------------------- */

static void quoted(kf_buf *b, const char *open, const char *s, const char *special, const char *escape, const char *close) {
    kf_buf_adds(b, open);
    for (; *s; s++) {
        if (strchr(special, *s)) kf_buf_adds(b, escape);
        kf_buf_add(b, s, 1);
    }
    kf_buf_adds(b, close);
}

/* before NAME between QUOTED after, a line for every fact that is a variable. */
static void sh_line(kf_buf *b, const char *name, const char *value) {
    kf_buf_addf(b, "export %s='", name);
    for (; *value; value++) kf_buf_adds(b, *value == '\'' ? "'\\''" : (char[]){*value, 0});
    kf_buf_adds(b, "'\n");
}
static void fish_line(kf_buf *b, const char *name, const char *value) {
    kf_buf_addf(b, "set -gx %s ", name);
    quoted(b, "'", value, "'\\", "\\", "'\n");
}
static void powershell_line(kf_buf *b, const char *name, const char *value) {
    kf_buf_addf(b, "$env:%s = ", name);
    quoted(b, "'", value, "'", "'", "'\n");
}
static void dotenv_line(kf_buf *b, const char *name, const char *value) {
    kf_buf_addf(b, "%s=", name);
    quoted(b, "\"", value, "\"\\$`", "\\", "\"\n");
}

static void lines(kf_buf *b, const facts *f, void (*line)(kf_buf *b, const char *name, const char *value)) {
    for (int i = 0; i < FACTS; i++)
        if (f->variable[i] && *f->value[i]) line(b, f->variable[i], f->value[i]);
}

static void as_env(kf_buf *b, const facts *f) { lines(b, f, sh_line); }
static void as_fish(kf_buf *b, const facts *f) { lines(b, f, fish_line); }
static void as_powershell(kf_buf *b, const facts *f) { lines(b, f, powershell_line); }
static void as_dotenv(kf_buf *b, const facts *f) { lines(b, f, dotenv_line); }
static void as_raw(kf_buf *b, const facts *f) { kf_buf_addf(b, "%s\n", fact(f, "access_token")); }
static void as_header(kf_buf *b, const facts *f) { kf_buf_addf(b, "Authorization: Bearer %s\n", fact(f, "access_token")); }
static void as_curl(kf_buf *b, const facts *f) {
    kf_buf_adds(b, "header = ");
    quoted(b, "\"Authorization: Bearer ", fact(f, "access_token"), "\"\\", "\\", "\"\n");
}

static void print_json(kf_buf *b, kf_json *j) {
    char *text = kf_json_print(j);
    kf_buf_addf(b, "%s\n", text);
    kf_wipe(text, strlen(text));
    free(text);
    kf_json_free(j);
}

static void as_json(kf_buf *b, const facts *f) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "schema", "keyfob.token/1");
    for (int i = 0; i < FACTS; i++)
        if (*f->value[i]) kf_json_set_str(j, f->name[i], f->value[i]);
    kf_json_set_int(j, "expires_in_s", strtoll(f->left, NULL, 10));
    kf_json_set_int(j, "expires_epoch", strtoll(f->epoch, NULL, 10));
    print_json(b, j);
}

/* https://kubernetes.io/docs/reference/config-api/client-authentication.v1/ */
static void as_exec_credential(kf_buf *b, const facts *f) {
    kf_json *j = kf_json_obj(), *status = kf_json_obj();
    kf_json_set_str(j, "apiVersion", "client.authentication.k8s.io/v1");
    kf_json_set_str(j, "kind", "ExecCredential");
    kf_json_set_str(status, "token", fact(f, "access_token"));
    kf_json_set_str(status, "expirationTimestamp", f->expires_at);
    kf_json_set(j, "status", status);
    print_json(b, j);
}

static const struct {
    const char *name;
    void (*put)(kf_buf *b, const facts *f);
} formats[] = {{"header", as_header}, {"raw", as_raw},   {"env", as_env},   {"fish", as_fish}, {"powershell", as_powershell},
               {"dotenv", as_dotenv}, {"json", as_json}, {"curl", as_curl}, {"exec-credential", as_exec_credential}};

/* {field} and the text around it; {{ is a brace. False: an unknown field, or a brace without an end. */
static bool as_template(kf_buf *b, const facts *f, const char *t, char unknown[32]) {
    for (; *t; t++) {
        size_t n = *t == '{' && t[1] != '{' ? strcspn(t + 1, "}") : 0;
        if (*t == '{' && t[1] == '{') t++;
        if (!n) {
            kf_buf_add(b, t, 1);
            continue;
        }
        bool known = false;
        for (int i = 0; i < FACTS && t[n + 1]; i++)
            if (strlen(f->name[i]) == n && !strncmp(f->name[i], t + 1, n)) {
                known = true;
                kf_buf_adds(b, f->value[i]);
            }
        if (!known) {
            snprintf(unknown, 32, "%.*s", n < 31 ? (int)n : 31, t + 1);
            return false;
        }
        t += n + 1;
    }
    return kf_buf_adds(b, "\n");
}

/* --- command ----------------------------------------------------------------------------------------- */

static bool plain(const char *s) {
    for (; *s; s++)
        if (*s <= 0x20 || *s >= 0x7f) return false;
    return true;
}

static bool known_format(const char *name) {
    if (strchr(name, '{')) return true;
    for (size_t i = 0; i < KF_LEN(formats); i++)
        if (!strcmp(formats[i].name, name)) return true;
    return false;
}

static void gather(facts *f, const kf_json *r, const char *token) {
    int64_t at = kf_json_int_or(r, "expires_at", 0);
    kf_rfc3339(at, f->expires_at);
    snprintf(f->epoch, sizeof f->epoch, "%lld", (long long)at);
    snprintf(f->left, sizeof f->left, "%lld", (long long)kf_json_int_or(r, "left_ms", 0) / 1000);
    const char *const row[FACTS][3] = {{"access_token", "WORKOS_ACCESS_TOKEN", token},
                                       {"token_type", NULL, "Bearer"},
                                       {"profile", "KEYFOB_PROFILE", kf_json_str_or(r, "name", "")},
                                       {"expires_at", "KEYFOB_EXPIRES_AT", f->expires_at},
                                       {"expires_epoch", "KEYFOB_EXPIRES_EPOCH", f->epoch},
                                       {"expires_in_s", NULL, f->left},
                                       {"client_id", "WORKOS_CLIENT_ID", kf_json_str_or(r, "client_id", "")},
                                       {"organization_id", "WORKOS_ORGANIZATION_ID", kf_json_str_or(r, "org_id", "")}};
    for (int i = 0; i < FACTS; i++) f->name[i] = row[i][0], f->variable[i] = row[i][1], f->value[i] = row[i][2];
}

static int run(kf_cli *c, const char *profile, const char *format, const char *min_valid, bool reveal) {
    int rc = 0;
    if (!known_format(format))
        return kf_cli_usage(c, "there is no format %.40s; there are: header raw env fish powershell dotenv json curl exec-credential, or a template", format);
    KF_AUTO(kf_json) r = kf_cli_token(c, profile, min_valid, false, false, &rc);
    if (!r) return rc;
    const char *token = kf_json_str_or(r, "access_token", "");
    size_t n = strlen(token);
    bool mask = !reveal && isatty(STDOUT_FILENO);
    KF_AUTO_CHARS masked = kf_strfmt("%.8s..%s", n > 24 ? token : "", n > 24 ? token + n - 4 : "");
    facts f;
    gather(&f, r, mask ? masked : token);
    kf_err e;
    for (int i = 0; i < FACTS; i++)
        if (!plain(f.value[i])) {
            kf_fail(&e, KF_ERR_NET_BAD_ANSWER, "%s has characters that no format may carry", f.name[i]);
            return kf_cli_fail(c, &e);
        }
    kf_buf b;
    kf_buf_init(&b, OUT_MAX);
    char unknown[32] = "";
    bool ok = true;
    if (strchr(format, '{')) ok = as_template(&b, &f, format, unknown);
    for (size_t i = 0; i < KF_LEN(formats); i++)
        if (!strcmp(formats[i].name, format)) formats[i].put(&b, &f);
    if (ok) fwrite(b.data, 1, b.len, stdout);
    kf_buf_done(&b);
    if (!ok) return kf_cli_usage(c, "the template has an unknown field {%s}", unknown);
    rc = kf_cli_flush();
    if (!rc && mask) kf_cli_note(c, "the token is masked on a terminal; --reveal shows it, a pipe gets it whole");
    return rc;
}

int kf_cmd_export(kf_cli *c, const kf_args *a) {
    const char *format = a->opt[FORMAT] ? a->opt[FORMAT] : c->json ? "json" : "header";
    return run(c, a->pos[0], format, a->opt[MIN_VALID], a->opt[REVEAL] != NULL);
}
int kf_cmd_header(kf_cli *c, const kf_args *a) { return run(c, a->pos[0], "header", a->opt[H_MIN_VALID], a->opt[H_REVEAL] != NULL); }
