/* .env files, as the dotenv libraries read them: export in front, quotes of three kinds that may go
 * over lines, comments. Nothing is expanded. */
#include "auth/import_impl.h"

#include <string.h>
#include "auth/profile.h"
#include "base/str.h"

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
static bool word(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
}
static const char *blanks(const char *p, const char *end) {
    while (p < end && blank(*p)) p++;
    return p;
}
static const char *line_end(const char *p, const char *end) {
    const char *nl = memchr(p, '\n', (size_t)(end - p));
    return nl ? nl : end;
}

static const char *closing(const char *p, const char *end, char quote) {
    for (; p < end; p++)
        if (*p == quote) return p;
        else if (*p == '\\' && end - p > 1 && p[1] == quote) p++;
    return NULL;
}

/* Up to the line's end, or to a # behind a blank; blanks around it do not count. */
static const char *plain(const char *p, const char *end, kf_env_line *l) {
    const char *stop = line_end(p, end), *q = p;
    while (q < stop && !(*q == '#' && (q == p || blank(q[-1])))) q++;
    while (q > p && blank(q[-1])) q--;
    l->value = p;
    l->value_len = (size_t)(q - p);
    return stop;
}

/* From the equals sign on; gives where the next line begins to be looked for. */
static const char *value(const char *p, const char *end, kf_env_line *l) {
    p = blanks(p, end);
    if (p == end || !strchr("'\"`", *p)) return plain(p, end, l);
    const char *close = closing(p + 1, end, *p);
    l->quote = *p;
    if (!close) {
        l->open = true;
        return plain(p, end, l);
    }
    l->value = p + 1;
    l->value_len = (size_t)(close - p - 1);
    const char *rest = blanks(close + 1, end);
    l->rest = rest < end && *rest != '\n' && *rest != '#';
    return line_end(rest, end);
}

void kf_env_each(const char *text, size_t len, kf_env_see see, void *user) {
    const char *p = text, *end = text + len, *counted = text;
    size_t number = 1;
    if (len >= 3 && !memcmp(p, "\xef\xbb\xbf", 3)) p += 3;
    while (p < end) {
        p = blanks(p, end);
        const char *name = p, *stop = line_end(p, end);
        if (stop - p > 6 && !memcmp(p, "export", 6) && blank(p[6])) name = blanks(p + 6, stop);
        const char *after = name;
        while (after < stop && word(*after)) after++;
        const char *eq = blanks(after, stop);
        if (after > name && eq < stop && *eq == '=') {
            for (; counted < p; counted++) number += *counted == '\n';
            kf_env_line l = {.name = name, .name_len = (size_t)(after - name), .number = number};
            stop = value(eq + 1, end, &l);
            see(user, &l);
        }
        p = stop < end ? stop + 1 : end;
    }
}

bool kf_env_is(const kf_env_line *l, const char *name) {
    return l->name_len == strlen(name) && !memcmp(l->name, name, l->name_len);
}

/* --- the variables
 * ---------------------------------------------------------------------------------- */

enum { KEY, CLIENT, HOSTNAME, HTTPS, PORT, COUNT };
static const char *const names[COUNT] = {"WORKOS_API_KEY", "WORKOS_CLIENT_ID",
                                         "WORKOS_API_HOSTNAME", "WORKOS_API_HTTPS",
                                         "WORKOS_API_PORT"};

typedef struct seen {
    kf_secret *value[COUNT];
    const char *wrong[COUNT];
    size_t line[COUNT];
    bool cookie;
} seen;

static const char *wrong(const kf_env_line *l) {
    if (l->open) return "the quote is not closed";
    if (l->rest) return "something stands behind the closing quote";
    if (l->value_len > 512) return "it is too long";
    for (size_t i = 0; i < l->value_len; i++) {
        if (strchr("\\`", l->value[i]) || (l->value[i] == '$' && l->quote != '\''))
            return "it refers to something else, and keyfob does not expand that";
        if ((unsigned char)l->value[i] < 0x20 || l->value[i] == 0x7f)
            return "it has a control character in it";
    }
    return NULL;
}

static void see(void *user, const kf_env_line *l) {
    seen *s = user;
    if (kf_env_is(l, "WORKOS_COOKIE_PASSWORD")) s->cookie = true;
    for (int i = 0; i < COUNT; i++) {
        if (!kf_env_is(l, names[i])) continue;
        kf_secret_free(s->value[i]); /* the last one counts */
        s->wrong[i] = wrong(l);
        s->line[i] = l->number;
        s->value[i] = !s->wrong[i] && l->value_len ? kf_secret_new(l->value, l->value_len) : NULL;
    }
}

bool kf_import_env(kf_import *i, const char *place, const char *text, size_t len, kf_err *err) {
    if (memchr(text, 0, len))
        return kf_fail(err, KF_ERR_USAGE_BAD, "it is no text: it has a NUL byte in it");
    seen s = {0};
    kf_err why;
    kf_env_each(text, len, see, &s);
    i->cookie_password = s.cookie;
    if (s.value[KEY] || s.value[CLIENT] || s.wrong[KEY] || s.wrong[CLIENT]) {
        kf_import_item *it = kf_import_add(i, place, "");
        KF_AUTO_CHARS origin = NULL;
        char *problem = NULL;
        for (int k = 0; k < COUNT && !problem; k++)
            if (s.wrong[k])
                problem = kf_strfmt("line %zu, %s: %s", s.line[k], names[k], s.wrong[k]);
        if (!problem && !kf_profile_env_origin(kf_secret_peek(s.value[HOSTNAME]),
                                               kf_secret_peek(s.value[HTTPS]),
                                               kf_secret_peek(s.value[PORT]), &origin, &why))
            problem = kf_strdup(why.what);
        it->key = KF_TAKE(s.value[KEY]);
        kf_import_set(&it->client_id, kf_secret_peek(s.value[CLIENT]));
        kf_import_check(it, origin, problem);
    }
    for (int k = 0; k < COUNT; k++) kf_secret_free(s.value[k]);
    return true;
}
