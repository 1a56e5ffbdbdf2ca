/* Bytes -> token, format, host and login, with a NUL between them: what a format quotes is read
 * again by the rules of the program it is for, a template says what it must, and what is refused
 * has a reason. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "base/str.h"
#include "ui/common/formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool truth) {
    if (!truth) abort();
}

/* The next text up to a NUL; caller frees. */
static char *next(const uint8_t **p, size_t *n) {
    const uint8_t *nul = *n ? memchr(*p, 0, *n) : NULL;
    size_t len = nul ? (size_t)(nul - *p) : *n;
    char *s = strndup((const char *)*p, len);
    hold(s != NULL);
    *p += len + (nul != NULL);
    *n -= len + (nul != NULL);
    return s;
}

/* --- readers
 * ------------------------------------------------------------------------------------------ */

static const char *single(const char *p, char *out) { /* sh: '...' and \' between them */
    for (;;) {
        if (*p == '\'') {
            for (p++; *p != '\''; p++) hold(*p != 0), *out++ = *p;
            p++;
        } else if (*p == '\\' && p[1] == '\'') *out++ = '\'', p += 2;
        else break;
    }
    *out = 0;
    return p;
}
static const char *fish(const char *p, char *out) {
    hold(*p++ == '\'');
    for (; *p != '\''; p++) {
        if (*p == '\\' && (p[1] == '\'' || p[1] == '\\')) p++;
        hold(*p != 0);
        *out++ = *p;
    }
    *out = 0;
    hold(p[1] == ';');
    return p + 2;
}
static const char *powershell(const char *p, char *out) {
    hold(*p++ == '\'');
    for (; *p != '\'' || p[1] == '\''; p++) {
        p += *p == '\'';
        hold(*p != 0);
        *out++ = *p;
    }
    *out = 0;
    return p + 1;
}
static const char *
quoted(const char *p,
       char *out) { /* dotenv, curl: "..." with backslashes; a bare $ or ` would be expanded */
    hold(*p++ == '"');
    for (; *p != '"'; p++) {
        if (*p == '\\') p++;
        hold(*p != 0);
        *out++ = *p;
    }
    *out = 0;
    return p + 1;
}
static const char *curl(const char *p, char *out) {
    static const char head[] = "Authorization: Bearer ";
    p = quoted(p, out);
    hold(kf_str_starts(out, head));
    memmove(out, out + sizeof head - 1, strlen(out + sizeof head - 1) + 1);
    return p;
}

static const struct {
    const char *format, *head;
    const char *(*read)(const char *p, char *out);
} readers[] = {{"env", "export WORKOS_ACCESS_TOKEN=", single},
               {"fish", "set -gx WORKOS_ACCESS_TOKEN ", fish},
               {"powershell", "$env:WORKOS_ACCESS_TOKEN = ", powershell},
               {"dotenv", "WORKOS_ACCESS_TOKEN=", quoted},
               {"curl", "header = ", curl}};

static void reads_back(const kf_facts *f, const char *token) {
    char *got = NULL;
    for (size_t i = 0; i < KF_LEN(readers); i++) {
        kf_buf b;
        kf_buf_init(&b, KF_FORMAT_OUT_MAX);
        if (*token && kf_format(&b, f, readers[i].format, NULL, NULL)) {
            hold(kf_str_starts(b.data, readers[i].head));
            got = realloc(got, b.len + 1);
            hold(got != NULL);
            hold(*readers[i].read(b.data + strlen(readers[i].head), got) == '\n' &&
                 !strcmp(got, token));
        }
        kf_buf_done(&b);
    }
    free(got);
}

/* --- templates, written down again
 * ---------------------------------------------------------------------- */

static const char *value(const kf_facts *f, const char *name, size_t n) {
    for (size_t i = 0; i < f->n; i++)
        if (strlen(f->name[i]) == n && !memcmp(f->name[i], name, n)) return f->value[i];
    return NULL;
}

/* NULL: it has to be refused. Caller frees. */
static char *expand(const kf_facts *f, const char *t) {
    kf_buf b;
    kf_buf_init(&b, KF_FORMAT_OUT_MAX);
    bool ok = true;
    while (ok && *t) {
        const char *end = strchr(t, '}'), *v;
        if (*t == '}' && t[1] == '}') t++; /* a brace */
        if (*t != '{') ok = kf_buf_add(&b, t++, 1);
        else if (t[1] == '{') ok = kf_buf_adds(&b, "{"), t += 2;
        else if ((ok = end && (v = value(f, t + 1, (size_t)(end - t - 1))) && kf_buf_adds(&b, v)))
            t = end + 1;
    }
    ok = ok && kf_buf_adds(&b, "\n");
    char *text = ok ? kf_strdup(b.data) : NULL;
    kf_buf_done(&b);
    return text;
}

static void formatted(const kf_facts *f, const char *format, const kf_format_opts *o) {
    kf_err e = {0};
    kf_buf b;
    kf_buf_init(&b, KF_FORMAT_OUT_MAX);
    bool ok = kf_format(&b, f, format, o, &e);
    hold(ok || ((e.code == KF_ERR_USAGE_BAD || e.code == KF_ERR_NET_BAD_ANSWER) && *e.what));
    hold(!ok || (b.len && !b.full && b.data[b.len - 1] == '\n'));
    if (strchr(format, '{')) {
        char *want = expand(f, format);
        hold(ok == (want != NULL) && (!ok || !strcmp(want, b.data)));
        free(want);
    } else if (ok)
        hold(strchr(b.data, '\n') == b.data + b.len - 1 ||
             strstr("env fish powershell dotenv", format));
    kf_buf_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *token = next(&data, &size), *format = next(&data, &size), *host = next(&data, &size),
         *login = next(&data, &size);
    KF_AUTO(kf_json) j = kf_json_obj();
    kf_facts f;
    kf_err e = {0};
    kf_json_set_str(j, size ? "api_key" : "access_token", token);
    kf_json_set_str(j, "name", "acme");
    kf_json_set_str(j, "client_id", "client_1");
    kf_json_set_int(j, "expires_at", 1790000000);
    if (kf_facts_from(&f, j, false, &e)) {
        formatted(&f, format, &(kf_format_opts){.host = host, .login = *login ? login : NULL});
        formatted(&f, "netrc", &(kf_format_opts){.host = host, .login = *login ? login : NULL});
        if (!size) reads_back(&f, token);
    } else hold(e.code == KF_ERR_NET_BAD_ANSWER);
    if (kf_facts_from(&f, j, true, &e))
        hold(strlen(f.value[0]) <= 14 &&
             (strlen(token) < 25 || !strcmp(f.value[0] + 10, token + strlen(token) - 4)));
    free(token);
    free(format);
    free(host);
    free(login);
    return 0;
}
