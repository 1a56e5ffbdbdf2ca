/* The line of `status --prompt`: fills a format with the fields of one profile's row. Characters
 * that mean something to a shell are dropped. */
#include "ui/common/prompt.h"

#include "base/str.h"
#include "ui/common/states.h"
#include "ui/common/words.h"

enum { FIELDS = 6 };
static const char *const names[FIELDS] = {"profile", "state", "left", "org", "client_id", "alert"};

const char *kf_prompt_fields(void) { return "profile state left org client_id alert"; }

static void values(const kf_profile_row *r, int64_t now, char left[24], const char *out[FIELDS]) {
    bool over = r->expires_at <= now;
    *left = 0;
    if (r->expires_at && !over) kf_words_left((r->expires_at - now) * 1000, left);
    out[0] = r->name;
    out[1] = r->state;
    out[2] = left;
    out[3] = r->organization_id;
    out[4] = r->client_id;
    out[5] = kf_state_needs_person(kf_state_find(r->state)) ? "!" : "";
}

static bool harmless(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("._:-", c));
}

static void put(kf_buf *b, int field, const char *s) {
    for (; *s; s++) kf_buf_add(b, harmless(*s) || field == 5 ? s : "?", 1);
}

static int field_of(const char *s, size_t n) {
    for (int i = 0; i < FIELDS; i++)
        if (strlen(names[i]) == n && !strncmp(names[i], s, n)) return i;
    return -1;
}

/* What stands between braces, n characters of it. */
static bool part(kf_buf *b, const char *const v[FIELDS], const char *p, size_t n, kf_err *err) {
    const char *text = memchr(p, '?', n);
    size_t name = text ? (size_t)(text - p) : n;
    int f = field_of(p, name);
    if (f < 0)
        return kf_fail(err, KF_ERR_USAGE_BAD,
                       "the prompt has an unknown field {%.*s}; there are: %s",
                       name < 31 ? (int)name : 31, p, kf_prompt_fields());
    if (text && memchr(text, '{', n - name))
        return kf_fail(err, KF_ERR_USAGE_BAD, "the prompt has a brace inside {%s?...}", names[f]);
    if (!v) return true;
    if (!text) put(b, f, v[f]);
    else if (*v[f]) kf_buf_add(b, text + 1, n - name - 1);
    return true;
}

bool kf_prompt_print(kf_buf *b, const kf_profile_row *row, int64_t now, const char *format,
                     kf_err *err) {
    const char *v[FIELDS];
    char left[24];
    if (row) values(row, now, left, v);
    for (const char *p = format; *p; p++) {
        if (*p != '{' || p[1] == '{') {
            if (row && !kf_buf_add(b, p, 1))
                return kf_fail(err, KF_ERR_USAGE_BAD, "the prompt is too long");
            p += *p == '{';
            continue;
        }
        size_t n = strcspn(p + 1, "}");
        if (!p[n + 1])
            return kf_fail(err, KF_ERR_USAGE_BAD,
                           "the prompt has a brace without an end; {{ is a brace");
        if (!part(b, row ? v : NULL, p + 1, n, err)) return false;
        p += n + 1;
    }
    return true;
}
