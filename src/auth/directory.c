/* The formats of the file .keyfob and of the list of allowed ones: parse, look up, change. Text
 * in, text out. */
#include "auth/directory.h"

#include <limits.h>
#include <string.h>
#include "base/buf.h"
#include "base/str.h"

static const char first_line[] = "keyfob-allowed 1";

static bool has_control(const char *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (((unsigned char)p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f) return true;
    return false;
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

bool kf_directory_parse(const char *text, size_t len, char name[65], kf_err *err) {
    char found[65] = "";
    const char *end = text + len;
    size_t line = 1;
    if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) text += 3; /* an editor's byte order mark */
    if (len > KF_DIRECTORY_MAX)
        return kf_fail(err, KF_ERR_USAGE_DIRECTORY, "it has more than %d bytes", KF_DIRECTORY_MAX);
    for (const char *p = text; p < end; line++) {
        const char *nl = memchr(p, '\n', (size_t)(end - p)), *stop = nl ? nl : end;
        const char *from = p, *to = stop;
        p = nl ? nl + 1 : end;
        if (to > from && to[-1] == '\r') to--;
        if (has_control(from, (size_t)(to - from)))
            return kf_fail(err, KF_ERR_USAGE_DIRECTORY,
                           "line %zu: there is a control character in it", line);
        while (from < to && is_blank(*from)) from++;
        while (to > from && is_blank(to[-1])) to--;
        if (from == to || *from == '#') continue;
        if (*found)
            return kf_fail(err, KF_ERR_USAGE_DIRECTORY,
                           "line %zu: one profile name is all it may hold", line);
        size_t n = (size_t)(to - from);
        if (n < sizeof found) memcpy(found, from, n), found[n] = 0;
        if (n >= sizeof found || !kf_profile_name_ok(found))
            return kf_fail(err, KF_ERR_USAGE_DIRECTORY, "line %zu: that is no profile name", line);
    }
    if (!*found) return kf_fail(err, KF_ERR_USAGE_DIRECTORY, "it names no profile");
    memcpy(name, found, sizeof found);
    return true;
}

/* --- the list of trusted ones
 * ------------------------------------------------------------------------ */

typedef struct entry {
    char name[65], path[PATH_MAX];
} entry;

/* The next line from *p on. 1: an entry; 0: the end; -1: damaged. */
static int next(const char **p, const char *end, size_t *line, entry *e) {
    if (*p == end) return 0;
    const char *nl = memchr(*p, '\n', (size_t)(end - *p));
    if (!nl) return (*line)++, -1;
    const char *from = *p, *tab = memchr(from, '\t', (size_t)(nl - from));
    *p = nl + 1;
    if ((*line)++ == 1) {
        if ((size_t)(nl - from) != sizeof first_line - 1 ||
            memcmp(from, first_line, sizeof first_line - 1))
            return -1;
        return next(p, end, line, e);
    }
    size_t n = tab ? (size_t)(tab - from) : 0, m = tab ? (size_t)(nl - tab - 1) : 0;
    if (!n || n >= sizeof e->name || !m || m >= sizeof e->path || tab[1] != '/' ||
        memchr(tab + 1, '\t', m) || has_control(from, (size_t)(nl - from)))
        return -1;
    memcpy(e->name, from, n);
    e->name[n] = 0;
    memcpy(e->path, tab + 1, m);
    e->path[m] = 0;
    return kf_profile_name_ok(e->name) ? 1 : -1;
}

/* line: of the reader, one behind the line that is wrong. */
static bool fail_list(const char *text, size_t len, size_t line, kf_err *err) {
    const char *nl = memchr(text, '\n', len);
    if (nl && kf_str_is_later(text, (size_t)(nl - text), first_line))
        return kf_fail(err, KF_ERR_STORE_NEWER,
                       "the list of allowed directories is of a later version");
    return kf_fail(err, KF_ERR_SYS_IO, "the list of allowed directories is damaged in line %zu",
                   line - 1);
}

kf_allowed_is kf_allowed_find(const char *text, size_t len, const char *path, const char *name,
                              char other[65], kf_err *err) {
    kf_allowed_is is = KF_ALLOWED_NO;
    entry e;
    size_t line = 1;
    int rc;
    for (const char *p = text; (rc = next(&p, text + len, &line, &e)) > 0;) {
        if (strcmp(e.path, path)) continue;
        is = strcmp(e.name, name) ? KF_ALLOWED_OTHER : KF_ALLOWED_YES;
        memcpy(other, e.name, sizeof e.name);
    }
    if (rc < 0) fail_list(text, len, line, err);
    return rc < 0 ? KF_ALLOWED_DAMAGED : is;
}

char *kf_allowed_set(const char *text, size_t len, const char *path, const char *name,
                     kf_err *err) {
    kf_buf b;
    entry e;
    size_t line = 1, n = 0;
    int rc = 0;
    if (*path != '/' || strlen(path) >= sizeof e.path || has_control(path, strlen(path)) ||
        strchr(path, '\t'))
        return kf_fail(err, KF_ERR_USAGE_DIRECTORY,
                       "its path is too long or has a control character in it"),
               NULL;
    kf_buf_init(&b, KF_ALLOWED_MAX);
    bool ok = kf_buf_addf(&b, "%s\n", first_line);
    for (const char *p = text; ok && (rc = next(&p, text + len, &line, &e)) > 0;)
        if (strcmp(e.path, path))
            ok = ++n < KF_ALLOWED_LINES && kf_buf_addf(&b, "%s\t%s\n", e.name, e.path);
    if (ok && rc == 0 && name) ok = kf_buf_addf(&b, "%s\t%s\n", name, path);
    if (ok && rc == 0) return kf_buf_steal(&b);
    kf_buf_done(&b);
    if (rc < 0) fail_list(text, len, line, err);
    else
        kf_fail(err, KF_ERR_USAGE_DIRECTORY,
                "%d allowed directories are the most; keyfob allow --list shows them, --revoke DIR "
                "makes room",
                KF_ALLOWED_LINES);
    return NULL;
}

bool kf_allowed_each(const char *text, size_t len,
                     void (*see)(void *user, const char *name, const char *path), void *user,
                     kf_err *err) {
    entry e;
    size_t line = 1;
    int rc;
    for (const char *p = text; (rc = next(&p, text + len, &line, &e)) > 0;)
        see(user, e.name, e.path);
    return rc == 0 || fail_list(text, len, line, err);
}
