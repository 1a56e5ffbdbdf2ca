/* Text from elsewhere made safe for a terminal, and JSON with the same characters escaped. */
#include "ui/common/text.h"

#include <stdbool.h>
#include "base/str.h"
#include "base/unicode.h"

size_t kf_text_next(const char *s, uint32_t *out) {
    const unsigned char *u = (const unsigned char *)s;
    if (!*u) return 0;
    size_t n = u[0] < 0x80                    ? 1
               : u[0] >= 0xf0 && u[0] <= 0xf4 ? 4
               : u[0] >= 0xe0 && u[0] < 0xf0  ? 3
               : u[0] >= 0xc2 && u[0] < 0xe0  ? 2
                                              : 0;
    uint32_t c = n == 1 ? u[0] : n ? u[0] & (0x7fu >> n) : 0xfffd;
    for (size_t i = 1; i < n; i++) {
        if ((u[i] & 0xc0) != 0x80) return *out = 0xfffd, 1;
        c = c << 6 | (u[i] & 0x3f);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (n > 1 && (c < least[n] || (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff))
        return *out = 0xfffd, 1;
    *out = c;
    return n ? n : 1;
}

static bool blank(uint32_t c) {
    return c == ' ' || (c >= 9 && c <= 13) || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000 || c == 0x85;
}

char *kf_text_safe(const char *s) {
    if (!s) s = "";
    char *out = malloc(strlen(s) * 3 + 1), *o = out; /* one bad byte becomes three */
    if (!out) abort();
    int marks = 0;
    bool gap = false, any = false;
    uint32_t c;
    for (size_t n; (n = kf_text_next(s, &c)) != 0; s += n) {
        if (blank(c)) {
            gap = any;
            continue;
        }
        if (kf_unicode_is_hidden(c)) continue;
        if (kf_unicode_is_mark(c) ? ++marks > 2 || !any : (marks = 0, false)) continue;
        if (gap) *o++ = ' ';
        gap = false;
        any = true;
        if (c == 0xfffd) memcpy(o, "\xef\xbf\xbd", 3), o += 3;
        else memcpy(o, s, n), o += n;
    }
    *o = 0;
    return out;
}

static size_t put_escape(char *out, uint32_t c) {
    if (c < 0x10000) return (size_t)snprintf(out, 7, "\\u%04x", (unsigned)c);
    c -= 0x10000;
    return (size_t)snprintf(out, 13, "\\u%04x\\u%04x", (unsigned)(0xd800 | c >> 10),
                            (unsigned)(0xdc00 | (c & 0x3ff)));
}

char *kf_text_json(const char *json) {
    char *out = malloc(strlen(json) * 6 + 1), *o = out; /* one byte becomes six at most */
    if (!out) abort();
    uint32_t c;
    for (size_t n; (n = kf_text_next(json, &c)) != 0; json += n) {
        if (c >= 0x7f && (kf_unicode_is_hidden(c) || (blank(c) && c > 0x7f))) o += put_escape(o, c);
        else memcpy(o, json, n), o += n;
    }
    *o = 0;
    return out;
}
