/* The rules of keyfob-serve's proxy for targets, methods and headers. Hop-by-hop headers and the
 * client's Authorization never pass. */
#include "serve/pass.h"

#include <string.h>
#include <strings.h>

static bool is_token(const char *s, size_t n) { /* RFC 9110 §5.6.2 */
    static const char more[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  (c && strchr(more, c));
        if (!ok) return false;
    }
    return n > 0;
}

static bool is_value(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (((unsigned char)s[i] < 0x20 && s[i] != '\t') || s[i] == 0x7f) return false;
    return true;
}

static bool same(const char *name, size_t n, const char *other) {
    return strlen(other) == n && !strncasecmp(name, other, n);
}

static bool is_hop(const char *name, size_t n) {
    static const char *const hop[] = {"Connection",
                                      "Keep-Alive",
                                      "Proxy-Connection",
                                      "Proxy-Authenticate",
                                      "Proxy-Authorization",
                                      "TE",
                                      "Trailer",
                                      "Transfer-Encoding",
                                      "Upgrade",
                                      "Content-Length",
                                      NULL};
    for (size_t i = 0; hop[i]; i++)
        if (same(name, n, hop[i])) return true;
    return false;
}

/* "close, X-Mine": is name one of them? */
static bool is_named(const char *list, const char *name, size_t len) {
    for (const char *p = list ? list : ""; *p;) {
        p += strspn(p, " \t,");
        size_t n = strcspn(p, ","), end = n;
        while (end && (p[end - 1] == ' ' || p[end - 1] == '\t')) end--;
        if (end && len == end && !strncasecmp(p, name, end)) return true;
        p += n;
    }
    return false;
}

bool kf_pass_target_ok(const char *t) {
    if (t[0] != '/') return false;
    for (; *t; t++)
        if ((unsigned char)*t <= 0x20 || (unsigned char)*t >= 0x7f || *t == '#') return false;
    return true;
}

bool kf_pass_method_ok(const char *method) {
    size_t len = strlen(method);
    for (const char *p = KF_PASS_METHODS; *p; p += strspn(p, ", ")) {
        size_t n = strcspn(p, ",");
        if (n == len && !memcmp(p, method, n)) return true;
        p += n;
    }
    return false;
}

bool kf_pass_request_header(const char *name, const char *value, const char *connection) {
    size_t n = strlen(name);
    if (!is_token(name, n) || !value || !*value || !is_value(value, strlen(value))) return false;
    if (is_hop(name, n) || is_named(connection, name, n)) return false;
    return !same(name, n, "Host") && !same(name, n, "Authorization") && !same(name, n, "Expect");
}

void kf_pass_framing_add(kf_pass_framing *f, const char *name) {
    size_t n = strlen(name);
    f->lengths += same(name, n, "Content-Length");
    f->codings += same(name, n, "Transfer-Encoding");
    f->hosts += same(name, n, "Host");
}

bool kf_pass_framing_ok(const kf_pass_framing *f) {
    return f->hosts == 1 && f->lengths + f->codings <= 1;
}

/* The name before the colon; 0: there is none, or it is not a name. */
static size_t name_of(const char *line, size_t len) {
    const char *colon = memchr(line, ':', len);
    size_t n = colon ? (size_t)(colon - line) : 0;
    return is_token(line, n) ? n : 0;
}

bool kf_pass_answer_line(const char *line, size_t len, const char *connection, size_t *name_len,
                         const char **value) {
    size_t n = name_of(line, len), k = n + 1;
    if (!n || is_hop(line, n) || is_named(connection, line, n)) return false;
    while (k < len && (line[k] == ' ' || line[k] == '\t')) k++;
    if (!is_value(line + k, len - k)) return false;
    *name_len = n;
    *value = line + k;
    return true;
}

char *kf_pass_connection(const char *lines) {
    kf_buf b;
    kf_buf_init(&b, SIZE_MAX);
    for (const char *p = lines; *p; p += strspn(p, "\n")) {
        size_t len = strcspn(p, "\n"), n = name_of(p, len);
        if (n && same(p, n, "Connection")) kf_buf_addf(&b, "%.*s,", (int)(len - n - 1), p + n + 1);
        p += len;
    }
    return kf_buf_steal(&b);
}

bool kf_pass_answer_length(const char *lines, uint64_t *length) {
    static const char name[] = "content-length:";
    uint64_t found = 0;
    bool any = false;
    for (const char *p = lines; *p; p += strspn(p, "\n")) {
        size_t n = strcspn(p, "\n");
        if (!strncasecmp(p, name, sizeof name - 1)) {
            const char *digits = p + sizeof name - 1;
            digits += strspn(digits, " \t");
            size_t k = strspn(digits, "0123456789");
            uint64_t value = 0;
            for (size_t i = 0; i < k; i++) value = value * 10 + (uint64_t)(digits[i] - '0');
            digits += k;
            bool whole = k && k < 19 &&
                         digits + strspn(digits, " \t") == p + n; /* 19 digits could be too many */
            if (!whole || (any && value != found)) return false;
            found = value;
            any = true;
        }
        p += n;
    }
    if (any) *length = found;
    return any;
}
