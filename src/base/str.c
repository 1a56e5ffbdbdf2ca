/* Text helpers: copies, UTF-8, Base64url, hex, times, and the parsers of names, durations,
 * origins and host lists. They do not depend on the locale. */
#include "base/str.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include "base/unicode.h"

/* ASCII, whatever the locale says */
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_alnum(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

char *kf_strdup(const char *s) {
    if (!s) return NULL;
    char *p = strdup(s);
    if (!p) abort();
    return p;
}

char *kf_strfmt(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    char *p = NULL;
    int n = vasprintf(&p, fmt, ap);
    va_end(ap);
    if (n < 0) abort();
    return p;
}

bool kf_str_set(char *dst, size_t size, const char *src) {
    size_t n = src ? strlen(src) : 0;
    if (n >= size) return false;
    if (n) memmove(dst, src, n);
    dst[n] = 0;
    return true;
}

size_t kf_utf8_len(const char *s, size_t n) {
    const unsigned char *p = (const unsigned char *)s;
    if (!n) return 0;
    if (p[0] < 0x80) return 1;
    size_t k = p[0] >= 0xf0 && p[0] <= 0xf4  ? 4
               : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
               : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
                                             : 0;
    if (!k || k > n) return 0;
    for (size_t i = 1; i < k; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return k;
}

bool kf_str_cut(char *dst, size_t size, const char *src) {
    size_t left = src ? strlen(src) : 0, n = 0;
    while (left) {
        size_t k = kf_utf8_len(src, left), room = k ? k : 3;
        if (n + room >= size) break;
        memmove(dst + n, k ? src : "\xef\xbf\xbd", room);
        n += room;
        src += k ? k : 1;
        left -= k ? k : 1;
    }
    dst[n] = 0;
    return !left;
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

size_t kf_trim(const char **p, size_t n) {
    for (; n && is_blank(**p); n--) ++*p;
    while (n && is_blank((*p)[n - 1])) n--;
    return n;
}

bool kf_str_is_visible(const char *s) {
    while (*s > ' ' && *s <= '~') s++;
    return !*s;
}

bool kf_str_eq(const char *a, const char *b) { return a == b || (a && b && !strcmp(a, b)); }
bool kf_str_starts(const char *s, const char *prefix) {
    return s && !strncmp(s, prefix, strlen(prefix));
}

bool kf_str_is_later(const char *text, size_t len, const char *known) {
    size_t stem = strlen(known), digits = 0;
    while (stem && known[stem - 1] >= '0' && known[stem - 1] <= '9') stem--;
    if (len <= stem || memcmp(text, known, stem)) return false;
    while (stem + digits < len && text[stem + digits] >= '0' && text[stem + digits] <= '9')
        digits++;
    size_t ours = strlen(known + stem);
    if (stem + digits != len || text[stem] == '0') return false;
    return digits != ours ? digits > ours : memcmp(text + stem, known + stem, ours) > 0;
}

bool kf_ct_eq(const void *a, const void *b, size_t n) {
    const volatile unsigned char *x = a, *y = b;
    unsigned char d = 0;
    for (size_t i = 0; i < n; i++) d |= (unsigned char)(x[i] ^ y[i]);
    return d == 0;
}

static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char *kf_b64url(const void *p, size_t n) {
    const unsigned char *u = p;
    char *out = malloc(n / 3 * 4 + 5), *o = out;
    if (!out) abort();
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)u[i] << 16 | (i + 1 < n ? (uint32_t)u[i + 1] << 8 : 0) |
                     (i + 2 < n ? u[i + 2] : 0);
        *o++ = b64[v >> 18];
        *o++ = b64[v >> 12 & 63];
        if (i + 1 < n) *o++ = b64[v >> 6 & 63];
        if (i + 2 < n) *o++ = b64[v & 63];
    }
    *o = 0;
    return out;
}

static int b64_value(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

long kf_b64url_decode(const char *s, size_t n, void *out, size_t cap) {
    if (n % 4 == 1) return -1;
    unsigned char *o = out;
    size_t len = 0;
    uint32_t v = 0;
    int bits = 0;
    for (size_t i = 0; i < n; i++) {
        int d = b64_value(s[i]);
        if (d < 0) return -1;
        v = (v << 6 | (uint32_t)d) & 0xffffff;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            if (len == cap) return -1;
            o[len++] = (unsigned char)(v >> bits);
        }
    }
    if (v & ((1u << bits) - 1)) return -1; /* bits that no encoder sets */
    return (long)len;
}

void kf_hex(const void *p, size_t n, char *out) {
    const unsigned char *u = p;
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = "0123456789abcdef"[u[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[u[i] & 15];
    }
    out[2 * n] = 0;
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool kf_unhex(const char *s, void *out, size_t n) {
    if (!s || strlen(s) != 2 * n) return false;
    for (size_t i = 0; i < 2 * n; i++)
        if (hex_value(s[i]) < 0) return false;
    unsigned char *o = out;
    for (size_t i = 0; i < n; i++)
        o[i] = (unsigned char)(hex_value(s[2 * i]) << 4 | hex_value(s[2 * i + 1]));
    return true;
}

bool kf_duration_parse(const char *s, int64_t *ms) {
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    if (!s || !is_digit(*s)) return false;
    int64_t n = 0;
    for (; is_digit(*s); s++) {
        if (n > 100000000) return false;
        n = n * 10 + (*s - '0');
    }
    for (size_t i = 0; i < KF_LEN(units); i++)
        if (!strcmp(s, units[i].unit)) {
            *ms = n * units[i].ms;
            return true;
        }
    return false;
}

bool kf_profile_name_ok(const char *s) {
    if (!s || !*s || strlen(s) > 64) return false;
    for (const char *p = s; *p; p++) {
        bool ok = (*p >= 'a' && *p <= 'z') || is_digit(*p);
        if (!ok && (p == s || !strchr("._-", *p))) return false;
    }
    return true;
}

bool kf_client_id_ok(const char *s) {
    if (!kf_str_starts(s, "client_")) return false;
    size_t n = 0;
    for (s += 7; *s; s++, n++)
        if (!is_alnum(*s) && *s != '_') return false;
    return n >= 1 && n <= 64;
}

void kf_rfc3339(int64_t unix_s, char out[21]) {
    time_t t = (time_t)unix_s;
    struct tm tm;
    if (unix_s < 0 || unix_s > 253402300799 || !gmtime_r(&t, &tm))
        memset(&tm, 0, sizeof tm), tm.tm_year = 70, tm.tm_mday = 1;
    char text[80];
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
             tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    memcpy(out, text, 20);
    out[20] = 0;
}

static bool host_is_loopback(const char *host) {
    if (!strcmp(host, "localhost") || !strcmp(host, "[::1]")) return true;
    int a, b, c, d, end = 0;
    if (host[strspn(host, "0123456789.")]) return false; /* %d would take a sign */
    return sscanf(host, "%3d.%3d.%3d.%3d%n", &a, &b, &c, &d, &end) == 4 && !host[end] && a == 127 &&
           b <= 255 && c <= 255 && d <= 255;
}

/* "[...]" with an address inside */
static bool is_ipv6(char *host, size_t n) {
    unsigned char address[16];
    if (n < 4 || host[n - 1] != ']') return false;
    host[n - 1] = 0;
    bool ok = inet_pton(AF_INET6, host + 1, address) == 1;
    host[n - 1] = ']';
    return ok;
}

/* host ends at "", ":" or "/"; its characters are lower-cased into out. */
static const char *read_host(const char *p, char *out, size_t size) {
    size_t n = 0;
    bool v6 = *p == '[';
    for (; *p && *p != '/' && (v6 || *p != ':'); p++) {
        char c = lower(*p);
        bool ok = is_alnum(c) || c == '-' || c == '.' || (v6 && (c == ':' || c == '[' || c == ']'));
        if (!ok || n + 1 >= size) return NULL;
        out[n++] = c;
        if (c == ']') {
            p++;
            break;
        }
    }
    out[n] = 0;
    if (n == 0 || out[0] == '.' || out[0] == '-' || strstr(out, "..")) return NULL;
    return v6 && !is_ipv6(out, n) ? NULL : p;
}

bool kf_origin_parse(const char *url, char **norm, kf_err *err) {
    const char *p = url ? url : "";
    bool http = false;
    if (!strncasecmp(p, "https://", 8)) p += 8;
    else if (!strncasecmp(p, "http://", 7)) p += 7, http = true;
    else if (strstr(p, "://"))
        return kf_fail(err, KF_ERR_USAGE_BAD_URL, "only https addresses can be used");
    char host[254];
    p = read_host(p, host, sizeof host);
    if (!p) return kf_fail(err, KF_ERR_USAGE_BAD_URL, "the host of the address is not valid");
    long port = http ? 80 : 443;
    if (*p == ':') {
        char *end;
        if (!is_digit(p[1]))
            return kf_fail(err, KF_ERR_USAGE_BAD_URL, "the port of the address is not valid");
        port = strtol(p + 1, &end, 10);
        if (port < 1 || port > 65535 || end - p > 6)
            return kf_fail(err, KF_ERR_USAGE_BAD_URL, "the port of the address is not valid");
        p = end;
    }
    if (*p == '/') p++;
    if (*p) return kf_fail(err, KF_ERR_USAGE_BAD_URL, "the address must end after host and port");
    if (http && !host_is_loopback(host))
        return kf_fail(err, KF_ERR_USAGE_BAD_URL,
                       "http is for this machine only (127.0.0.1); use https for %s", host);
    if (port == (http ? 80 : 443)) *norm = kf_strfmt("%s://%s", http ? "http" : "https", host);
    else *norm = kf_strfmt("%s://%s:%ld", http ? "http" : "https", host, port);
    return true;
}

bool kf_origin_is_loopback(const char *norm) {
    const char *p = norm ? strstr(norm, "://") : NULL;
    if (!p) return false;
    char host[254];
    return read_host(p + 3, host, sizeof host) && host_is_loopback(host);
}

enum { HOSTS_MAX = 16, HOST_MAX = 254 + 6 };

/* host[:port] and nothing else, lower case, into out[HOST_MAX] */
static bool one_host(const char *text, char *out) {
    char host[254];
    const char *p = read_host(text, host, sizeof host);
    if (!p || (*p && *p != ':')) return false;
    if (!*p) return kf_str_set(out, HOST_MAX, host);
    char *end;
    long port = is_digit(p[1]) && p[1] != '0' ? strtol(p + 1, &end, 10) : 0;
    if (port < 1 || port > 65535 || *end || end - p > 6) return false;
    snprintf(out, HOST_MAX, "%s:%ld", host, port);
    return true;
}

bool kf_hosts_has(const char *norm, const char *host) {
    size_t n = strlen(host);
    for (const char *p = norm ? norm : ""; *p; p += strcspn(p, ";"), p += *p == ';')
        if (strcspn(p, ";") == n && !strncmp(p, host, n)) return n > 0;
    return false;
}

bool kf_hosts_parse(const char *list, char **norm, kf_err *err) {
    char all[HOSTS_MAX * HOST_MAX] = "", one[HOST_MAX], part[HOST_MAX];
    size_t n = 0, len = 0;
    for (const char *p = list ? list : ""; *p; p += *p == ';') {
        size_t k = strcspn(p, ";"), from = strspn(p, " \t");
        const char *start = p;
        p += k;
        if (from >= k) continue; /* ";;" and a ';' at the end */
        while (k > from && strchr(" \t", start[k - 1])) k--;
        if (k - from >= sizeof part)
            return kf_fail(err, KF_ERR_USAGE_BAD, "a host of the list is too long");
        memcpy(part, start + from, k - from);
        part[k - from] = 0;
        if (!one_host(part, one))
            return kf_fail(err, KF_ERR_USAGE_BAD, "%.120s is no host or host:port", part);
        if (kf_hosts_has(all, one))
            return kf_fail(err, KF_ERR_USAGE_BAD, "%.120s is there twice", one);
        if (n++ == HOSTS_MAX)
            return kf_fail(err, KF_ERR_USAGE_BAD, "%d hosts are the most", HOSTS_MAX);
        len += (size_t)snprintf(all + len, sizeof all - len, "%s%s", n > 1 ? ";" : "", one);
    }
    *norm = kf_strdup(all);
    return true;
}

static bool in(const kf_range *r, size_t n, uint32_t c) {
    size_t low = 0;
    while (low < n) { /* sorted */
        size_t mid = low + (n - low) / 2;
        if (c > r[mid].to) low = mid + 1;
        else n = mid;
    }
    return c >= r[low].from && c <= r[low].to;
}

bool kf_unicode_is_hidden(uint32_t c) {
    if (c >= 0x20 && c < 0x7f) return false; /* nearly all that is drawn, and none is hidden */
    return c <= 0x10ffff && in(kf_unicode_hidden, kf_unicode_hidden_n - 1, c);
}

bool kf_unicode_is_mark(uint32_t c) {
    return c >= 0x300 && in(kf_unicode_marks, kf_unicode_marks_n - 1, c);
}
