/* The formats of `keyfob export`: collects the facts of a token or key, checks them, and prints
 * them as shell, JSON, netrc and others. It writes to no file or stream. */
#include "ui/common/formats.h"

#include "base/str.h"
#include "ui/common/text.h"

static const char *secret(const kf_facts *f) { return f->value[0]; }

/* --- facts
 * ------------------------------------------------------------------------------------------- */

static void add(kf_facts *f, const char *name, const char *variable, const char *value) {
    if (f->n == KF_FACTS_MAX) abort();
    f->name[f->n] = name;
    f->variable[f->n] = variable;
    f->value[f->n++] = value ? value : "";
}

static bool plain(const char *s) {
    for (; *s; s++)
        if (*s <= 0x20 || *s >= 0x7f) return false;
    return true;
}

bool kf_facts_from(kf_facts *f, const kf_json *answer, bool mask, kf_err *err) {
    const char *key = kf_json_str(answer, "api_key"),
               *token = key ? key : kf_json_str_or(answer, "access_token", "");
    size_t n = strlen(token);
    *f = (kf_facts){0};
    if (mask) {
        snprintf(f->masked, sizeof f->masked, "%.8s..%s", n > 24 ? token : "",
                 n > 24 ? token + n - 4 : "");
        token = f->masked;
    }
    if (key) add(f, "api_key", "WORKOS_API_KEY", token);
    else {
        int64_t at = kf_json_int_or(answer, "expires_at", 0);
        kf_rfc3339(at, f->expires_at);
        snprintf(f->epoch, sizeof f->epoch, "%lld", (long long)at);
        snprintf(f->left, sizeof f->left, "%lld",
                 (long long)kf_json_int_or(answer, "left_ms", 0) / 1000);
        add(f, "access_token", "WORKOS_ACCESS_TOKEN", token);
        add(f, "expires_at", "KEYFOB_EXPIRES_AT", f->expires_at);
        add(f, "expires_epoch", "KEYFOB_EXPIRES_EPOCH", f->epoch);
        add(f, "expires_in_s", NULL, f->left);
        add(f, "organization_id", "WORKOS_ORGANIZATION_ID", kf_json_str(answer, "org_id"));
    }
    add(f, "token_type", NULL, "Bearer");
    add(f, "profile", "KEYFOB_PROFILE", kf_json_str(answer, "name"));
    add(f, "client_id", "WORKOS_CLIENT_ID", kf_json_str(answer, "client_id"));
    for (size_t i = 0; i < f->n; i++)
        if (!plain(f->value[i]))
            return kf_fail(err, KF_ERR_NET_BAD_ANSWER, "%s has characters that no format may carry",
                           f->name[i]);
    return true;
}

/* --- formats
 * ----------------------------------------------------------------------------------------- */

static void quoted(kf_buf *b, const char *open, const char *s, const char *special,
                   const char *escape, const char *close) {
    kf_buf_adds(b, open);
    for (; *s; s++) {
        if (strchr(special, *s)) kf_buf_adds(b, escape);
        kf_buf_add(b, s, 1);
    }
    kf_buf_adds(b, close);
}

static void sh_line(kf_buf *b, const char *name, const char *value) {
    kf_buf_addf(b, "export %s='", name);
    for (; *value; value++) kf_buf_adds(b, *value == '\'' ? "'\\''" : (char[]){*value, 0});
    kf_buf_adds(b, "'\n");
}
static void fish_line(kf_buf *b, const char *name, const char *value) {
    kf_buf_addf(b, "set -gx %s ", name);
    quoted(b, "'", value, "'\\", "\\", "';\n"); /* ; because eval (...) of fish joins the lines */
}
static void powershell_line(kf_buf *b, const char *name, const char *value) {
    kf_buf_addf(b, "$env:%s = ", name);
    quoted(b, "'", value, "'", "'", "'\n");
}
static void dotenv_line(kf_buf *b, const char *name, const char *value) {
    kf_buf_addf(b, "%s=", name);
    quoted(b, "\"", value, "\"\\$`", "\\", "\"\n");
}

/* docker and podman take everything behind the first = as it is, quotes and all. */
static void docker_line(kf_buf *b, const char *name, const char *value) {
    kf_buf_addf(b, "%s=%s\n", name, value);
}

/* A line for every fact that is a variable. */
static void lines(kf_buf *b, const kf_facts *f,
                  void (*line)(kf_buf *b, const char *name, const char *value)) {
    for (size_t i = 0; i < f->n; i++)
        if (f->variable[i] && *f->value[i]) line(b, f->variable[i], f->value[i]);
}

static void as_env(kf_buf *b, const kf_facts *f) { lines(b, f, sh_line); }
static void as_fish(kf_buf *b, const kf_facts *f) { lines(b, f, fish_line); }
static void as_powershell(kf_buf *b, const kf_facts *f) { lines(b, f, powershell_line); }
static void as_dotenv(kf_buf *b, const kf_facts *f) { lines(b, f, dotenv_line); }
static void as_docker(kf_buf *b, const kf_facts *f) { lines(b, f, docker_line); }
static void as_raw(kf_buf *b, const kf_facts *f) { kf_buf_addf(b, "%s\n", secret(f)); }
static void as_curl(kf_buf *b, const kf_facts *f) {
    kf_buf_adds(b, "header = ");
    quoted(b, "\"Authorization: Bearer ", secret(f), "\"\\", "\\", "\"\n");
}

static void put_json(kf_buf *b, kf_json *j) {
    char *raw = kf_json_print(j), *text = kf_text_json(raw);
    kf_buf_addf(b, "%s\n", text);
    kf_wipe(raw, strlen(raw));
    kf_wipe(text, strlen(text));
    free(raw);
    free(text);
    kf_json_free(j);
}

static void as_json(kf_buf *b, const kf_facts *f) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "schema", *f->epoch ? "keyfob.token/1" : "keyfob.api-key/1");
    for (size_t i = 0; i < f->n; i++)
        if (*f->value[i]) kf_json_set_str(j, f->name[i], f->value[i]);
    if (*f->epoch) {
        kf_json_set_int(j, "expires_in_s", strtoll(f->left, NULL, 10));
        kf_json_set_int(j, "expires_epoch", strtoll(f->epoch, NULL, 10));
    }
    put_json(b, j);
}

/* https://kubernetes.io/docs/reference/config-api/client-authentication.v1/: the answer has the
 * version of the question, which stands in KUBERNETES_EXEC_INFO. v1 and v1beta1 have the same
 * members here. */
static bool exec_credential(kf_buf *b, const kf_facts *f, const kf_format_opts *o, kf_err *err) {
    static const char v1[] = "client.authentication.k8s.io/v1";
    const char *info = o ? o->exec_info : NULL, *version = v1;
    KF_AUTO(kf_json) asked = info ? kf_json_parse(info, strlen(info), NULL) : NULL;
    if (info) version = kf_json_str_or(asked, "apiVersion", "");
    if (strcmp(version, v1) != 0 && strcmp(version, "client.authentication.k8s.io/v1beta1") != 0)
        return kf_fail(err, KF_ERR_USAGE_BAD,
                       "KUBERNETES_EXEC_INFO asks for %.60s; set apiVersion: %s, or v1beta1, in "
                       "the exec section of the kubeconfig",
                       *version ? version : "no version that can be read", v1);
    kf_json *j = kf_json_obj(), *status = kf_json_obj();
    kf_json_set_str(j, "apiVersion", version);
    kf_json_set_str(j, "kind", "ExecCredential");
    kf_json_set_str(status, "token", secret(f));
    if (*f->expires_at) kf_json_set_str(status, "expirationTimestamp", f->expires_at);
    kf_json_set(j, "status", status);
    put_json(b, j);
    return true;
}

static const struct {
    const char *name;
    void (*put)(kf_buf *b, const kf_facts *f);
} formats[] = {{"raw", as_raw},       {"env", as_env},
               {"fish", as_fish},     {"powershell", as_powershell},
               {"dotenv", as_dotenv}, {"docker-env", as_docker},
               {"json", as_json},     {"curl", as_curl}};

/* A field name of RFC 9110 §5.1. */
static bool header(kf_buf *b, const kf_facts *f, const kf_format_opts *o, kf_err *err) {
    const char *name = o && o->header ? o->header : "Authorization";
    size_t n = strspn(
        name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~");
    if (!n || name[n]) return kf_fail(err, KF_ERR_USAGE_BAD, "%.40s is no name of a header", name);
    kf_buf_addf(b, "%s: Bearer %s\n", name, secret(f));
    return true;
}

static bool netrc(kf_buf *b, const kf_facts *f, const kf_format_opts *o, kf_err *err) {
    const char *host = o ? o->host : NULL, *login = o && o->login ? o->login : "oauth2";
    if (!host || !*host)
        return kf_fail(err, KF_ERR_USAGE_BAD, "a netrc line needs the host it is for: --host HOST");
    if (!plain(host) || strpbrk(host, "\"\\/#@") || !plain(login) || !*login ||
        strpbrk(login, "\"\\#"))
        return kf_fail(err, KF_ERR_USAGE_BAD,
                       "%.80s: neither host nor login may have blanks, quotes or one of / # @",
                       host);
    if (strpbrk(secret(f), "\"\\#"))
        return kf_fail(err, KF_ERR_NET_BAD_ANSWER, "%s has characters that netrc cannot carry",
                       f->name[0]);
    kf_buf_addf(b, "machine %s login %s password %s\n", host, login, secret(f));
    return true;
}

/* {field} and the text around it; {{ and }} are braces. */
static bool as_template(kf_buf *b, const kf_facts *f, const char *t, kf_err *err) {
    for (; *t; t++) {
        size_t n = *t == '{' && t[1] != '{' ? strcspn(t + 1, "}") : 0;
        if (!n && *t == '{' && t[1] != '{')
            return kf_fail(err, KF_ERR_USAGE_BAD,
                           "the template has a field without a name; {{ is a brace");
        if ((*t == '{' || *t == '}') && t[1] == *t) t++;
        if (!n) {
            kf_buf_add(b, t, 1);
            continue;
        }
        bool known = false;
        for (size_t i = 0; i < f->n && t[n + 1]; i++)
            if (strlen(f->name[i]) == n && !strncmp(f->name[i], t + 1, n))
                known = true, kf_buf_adds(b, f->value[i]);
        if (!known)
            return kf_fail(err, KF_ERR_USAGE_BAD, "the template has an unknown field {%.*s}",
                           n < 31 ? (int)n : 31, t + 1);
        t += n + 1;
    }
    kf_buf_adds(b, "\n");
    return true;
}

static bool put_format(kf_buf *b, const kf_facts *f, const char *format, const kf_format_opts *o,
                       kf_err *err) {
    if (strchr(format, '{')) return as_template(b, f, format, err);
    if (!strcmp(format, "header")) return header(b, f, o, err);
    if (!strcmp(format, "netrc")) return netrc(b, f, o, err);
    if (!strcmp(format, "exec-credential")) return exec_credential(b, f, o, err);
    for (size_t i = 0; i < KF_LEN(formats); i++)
        if (!strcmp(formats[i].name, format)) return formats[i].put(b, f), true;
    return kf_fail(
        err, KF_ERR_USAGE_BAD,
        "there is no format %.40s here; there are:" KF_FORMATS(
            KF_FORMAT_WORD) ", a template, and" KF_SEALED_FORMATS(KF_FORMAT_WORD) " for a session",
        format);
}

bool kf_format(kf_buf *b, const kf_facts *f, const char *format, const kf_format_opts *o,
               kf_err *err) {
    if (!put_format(b, f, format, o, err)) return false;
    return !b->full ||
           kf_fail(err, KF_ERR_USAGE_BAD, "the result is longer than %zu KiB", b->max >> 10);
}
