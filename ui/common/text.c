#include "ui/common/text.h"

#include <stdbool.h>
#include "base/str.h"

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

typedef struct range {
    uint32_t from, to;
} range;

static bool in(const range *r, size_t n, uint32_t c) {
    for (size_t i = 0; i < n; i++)
        if (c >= r[i].from && c <= r[i].to) return true;
    return false;
}

/* What changes how the text around it looks, or looks like nothing. */
static bool dropped(uint32_t c) {
    static const range bad[] = {
        {0, 0x1f},        {0x7f, 0x9f},       {0xad, 0xad},       {0x34f, 0x34f},
        {0x61c, 0x61c},   {0x115f, 0x1160},   {0x17b4, 0x17b5},   {0x180b, 0x180f},
        {0x200b, 0x200f}, {0x202a, 0x202e},   {0x2060, 0x206f},   {0x3164, 0x3164},
        {0xe000, 0xf8ff}, {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},
        {0xfff9, 0xfffb}, {0xe0000, 0xe0fff}, {0xf0000, 0x10ffff}};
    return in(bad, KF_LEN(bad), c);
}

static bool blank(uint32_t c) {
    return c == ' ' || (c >= 9 && c <= 13) || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000 || c == 0x85;
}

static bool combining(uint32_t c) {
    static const range marks[] = {{0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},
                                  {0x610, 0x61a},   {0x64b, 0x65f},   {0x1ab0, 0x1aff},
                                  {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0xe31, 0xe31},
                                  {0xe34, 0xe3a},   {0xe47, 0xe4e},   {0xfe20, 0xfe2f}};
    return in(marks, KF_LEN(marks), c);
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
        if (dropped(c)) continue;
        if (combining(c) ? ++marks > 2 || !any : (marks = 0, false)) continue;
        if (gap) *o++ = ' ';
        gap = false;
        any = true;
        if (c == 0xfffd) memcpy(o, "\xef\xbf\xbd", 3), o += 3;
        else memcpy(o, s, n), o += n;
    }
    *o = 0;
    return out;
}
