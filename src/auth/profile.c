/* The index of profiles as text (parse, print), and how a profile's client ID, API host and
 * environment are chosen. It reads no files and no environment variables. */
#include "auth/profile.h"

#include <errno.h>
#include "base/buf.h"
#include "base/str.h"

static const char first_line[] = "keyfob-profiles 2", old_line[] = "keyfob-profiles 1";

/* Cuts the next field off *p (ending at tab, or at the end of the line); false if it does not fit.
 */
static bool field(const char **p, const char *end, char *out, size_t size) {
    const char *tab = memchr(*p, '\t', (size_t)(end - *p));
    const char *stop = tab ? tab : end;
    size_t n = (size_t)(stop - *p);
    if (n >= size || memchr(*p, 0, n)) return false;
    memcpy(out, *p, n);
    out[n] = 0;
    *p = tab ? tab + 1 : end;
    return true;
}

static bool flag(const char **p, const char *end, bool *out) {
    char text[3];
    if (!field(p, end, text, sizeof text) || (text[0] != '0' && text[0] != '1') || text[1])
        return false;
    *out = *text == '1';
    return true;
}

static bool number(const char **p, const char *end, int64_t *out) {
    char text[24], *stop;
    if (!field(p, end, text, sizeof text)) return false;
    errno = 0;
    *out = strtoll(text, &stop, 10);
    return !errno && !*stop && (*text == '-' || (*text >= '0' && *text <= '9'));
}

/* Version 1 named the access token's age as the session's state, and called a profile that was
 * never signed in the same as one whose session has ended. */
static void translate(kf_profile_row *r) {
    const char *now = NULL;
    if (!strcmp(r->state, "expired") || !strcmp(r->state, "expiring")) now = "signed_in";
    if (!strcmp(r->state, "needs_sign_in") && !r->expires_at) now = "signed_out";
    if (now) memcpy(r->state, now, strlen(now) + 1);
}

static bool row(const char *p, const char *end, bool old, kf_profile_row *r) {
    uint8_t raw[8];
    size_t tabs = 0;
    for (const char *q = p; q < end; q++) tabs += *q == '\t';
    if (old ? tabs != 6 && tabs != 7 : tabs != 13) return false;
    bool ok = field(&p, end, r->id, sizeof r->id) && field(&p, end, r->name, sizeof r->name) &&
              flag(&p, end, &r->is_default) && field(&p, end, r->state, sizeof r->state) &&
              number(&p, end, &r->expires_at) &&
              field(&p, end, r->organization_id, sizeof r->organization_id);
    if (ok && !old)
        ok = field(&p, end, r->organization_name, sizeof r->organization_name) &&
             field(&p, end, r->client_id, sizeof r->client_id) &&
             field(&p, end, r->email, sizeof r->email) &&
             field(&p, end, r->user_name, sizeof r->user_name) &&
             field(&p, end, r->environment, sizeof r->environment) &&
             field(&p, end, r->method, sizeof r->method) && number(&p, end, &r->last_used_at);
    else if (ok) ok = field(&p, end, r->client_id, sizeof r->client_id);
    if (ok && tabs != 6) ok = flag(&p, end, &r->has_git_host);
    if (ok && old) translate(r);
    return ok && kf_unhex(r->id, raw, 8) && kf_profile_name_ok(r->name) && p == end;
}

static bool is_line(const char *p, size_t n, const char *line) {
    return n == strlen(line) && !memcmp(p, line, n);
}

bool kf_profile_index_parse(const char *text, size_t len, kf_profile_row **rows, size_t *n,
                            kf_err *err) {
    size_t lines = 0, k = 0;
    if (len > KF_PROFILE_INDEX_MAX)
        return kf_fail(err, KF_ERR_SYS_IO, "the list of profiles is too large");
    for (size_t i = 0; i < len; i++) lines += text[i] == '\n';
    kf_profile_row *all = calloc(lines ? lines : 1, sizeof *all);
    if (!all) abort();
    const char *p = text, *end = text + len;
    bool old = false;
    for (size_t line = 1; p < end; line++) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        bool ok = nl != NULL;
        if (ok && line == 1 && kf_str_is_later(p, (size_t)(nl - p), first_line)) {
            free(all);
            return kf_fail(err, KF_ERR_STORE_NEWER, "the list of profiles is of a later version");
        }
        if (ok && line == 1) {
            old = is_line(p, (size_t)(nl - p), old_line);
            ok = old || is_line(p, (size_t)(nl - p), first_line);
        } else if (ok) ok = row(p, nl, old, &all[k++]);
        if (!ok) {
            free(all);
            return kf_fail(err, KF_ERR_SYS_IO, "the list of profiles is damaged in line %zu", line);
        }
        p = nl + 1;
    }
    *rows = all;
    *n = k;
    return true;
}

/* What would end a field or a line becomes '?': a hostile organization id must not cost the whole
 * list. */
static bool add_field(kf_buf *b, const char *s, char stop) {
    for (; *s; s++) {
        char c = (unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s;
        if (!kf_buf_add(b, &c, 1)) return false;
    }
    return kf_buf_add(b, &stop, 1);
}

char *kf_profile_index_print(const kf_profile_row *rows, size_t n) {
    kf_buf b;
    kf_buf_init(&b, KF_PROFILE_INDEX_MAX);
    bool ok = kf_buf_addf(&b, "%s\n", first_line);
    for (size_t i = 0; ok && i < n; i++)
        ok = add_field(&b, rows[i].id, '\t') && add_field(&b, rows[i].name, '\t') &&
             kf_buf_adds(&b, rows[i].is_default ? "1\t" : "0\t") &&
             add_field(&b, rows[i].state, '\t') &&
             kf_buf_addf(&b, "%lld\t", (long long)rows[i].expires_at) &&
             add_field(&b, rows[i].organization_id, '\t') &&
             add_field(&b, rows[i].organization_name, '\t') &&
             add_field(&b, rows[i].client_id, '\t') && add_field(&b, rows[i].email, '\t') &&
             add_field(&b, rows[i].user_name, '\t') && add_field(&b, rows[i].environment, '\t') &&
             add_field(&b, rows[i].method, '\t') &&
             kf_buf_addf(&b, "%lld\t", (long long)rows[i].last_used_at) &&
             kf_buf_adds(&b, rows[i].has_git_host ? "1\n" : "0\n");
    if (!ok) {
        kf_buf_done(&b);
        return NULL;
    }
    return kf_buf_steal(&b);
}

kf_client_id_source kf_profile_client_id(const char *option, const char *profile, const char *env,
                                         const char **out) {
    if (option && *option) return *out = option, KF_CLIENT_ID_OPTION;
    if (profile && *profile) return *out = profile, KF_CLIENT_ID_PROFILE;
    if (env && *env) return *out = env, KF_CLIENT_ID_ENV;
    return *out = NULL, KF_CLIENT_ID_NONE;
}

const char *kf_client_id_source_name(kf_client_id_source s) {
    static const char *const name[] = {"--client-id", "profile", "WORKOS_CLIENT_ID", "none"};
    return (size_t)s < KF_LEN(name) ? name[s] : "none";
}

bool kf_profile_env_origin(const char *hostname, const char *https, const char *port, char **norm,
                           kf_err *err) {
    bool host = hostname && *hostname, scheme = https && *https, number = port && *port,
         plain = scheme && (!strcmp(https, "false") || !strcmp(https, "0"));
    kf_err why;
    *norm = NULL;
    if (!host && !scheme && !number) return true;
    if (scheme && !plain && strcmp(https, "true") != 0 && strcmp(https, "1") != 0)
        return kf_fail(err, KF_ERR_USAGE_BAD_URL,
                       "WORKOS_API_HTTPS is %.20s, neither true nor false", https);
    if (number && (strlen(port) > 5 || port[strspn(port, "0123456789")]))
        return kf_fail(err, KF_ERR_USAGE_BAD_URL, "WORKOS_API_PORT is %.20s, no port", port);
    if (host && strpbrk(hostname, "/@?#"))
        return kf_fail(err, KF_ERR_USAGE_BAD_URL, "WORKOS_API_HOSTNAME is %.80s, no host name",
                       hostname);
    KF_AUTO_CHARS url =
        kf_strfmt("%s://%s%s%s", plain ? "http" : "https", host ? hostname : "api.workos.com",
                  number ? ":" : "", number ? port : "");
    return kf_origin_parse(url, norm, &why) ||
           kf_fail(err, why.code, "WORKOS_API_HOSTNAME, _HTTPS and _PORT make %.80s: %.120s", url,
                   why.what);
}

const char *kf_profile_environment(const char *origin, const kf_secret *key) {
    if (kf_origin_is_loopback(origin)) return "localhost";
    if (kf_str_starts(kf_secret_peek(key), "sk_live_")) return "production";
    return kf_str_starts(kf_secret_peek(key), "sk_test_") ? "staging" : "";
}

bool kf_api_key_looks_ok(const kf_secret *key) {
    size_t n = kf_secret_len(key);
    const char *p = kf_secret_peek(key);
    if (n < 4 || n > 256 || strncmp(p, "sk_", 3)) return false;
    for (size_t i = 0; i < n; i++)
        if (p[i] <= 0x20 || p[i] >= 0x7f) return false;
    return true;
}

bool kf_api_key_check(const kf_secret *key, const char *what, kf_err *err) {
    return kf_api_key_looks_ok(key) ||
           kf_fail(err, KF_ERR_USAGE_BAD, "%s is not an API key (sk_...)", what);
}
