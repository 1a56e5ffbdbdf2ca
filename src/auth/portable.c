/* The document of `keyfob profile export` and `import`: prints it, and checks every member on
 * reading. It never carries secrets, ids or sessions. */
#include "auth/portable.h"

#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/str.h"

typedef enum kind { TEXT, NUMBER, SWITCH } kind;

/* confidential: it had an API key, which is not carried; whoever imports it is told so. */
static const struct {
    const char *key;
    kind kind;
    size_t max; /* TEXT */
} members[] = {{"name", TEXT, 64},           {"client_id", TEXT, 71},
               {"api_host", TEXT, 255},      {"organization_id", TEXT, 71},
               {"label", TEXT, 127},         {"git_host", TEXT, 16 * 261},
               {"redirect_port", NUMBER, 0}, {"confidential", SWITCH, 0},
               {"default", SWITCH, 0}};

kf_json *kf_portable_item(const kf_json *profile) {
    kf_json *j = kf_json_obj();
    for (size_t i = 0; i < KF_LEN(members); i++) {
        const char *key = members[i].key, *v = kf_json_str(profile, key);
        int64_t n = kf_json_int_or(profile, key, 0);
        if (members[i].kind == TEXT && v && *v) kf_json_set_str(j, key, v);
        else if (members[i].kind == NUMBER && n) kf_json_set_int(j, key, n);
        else if (members[i].kind == SWITCH && kf_json_bool(profile, key, false))
            kf_json_set_bool(j, key, true);
    }
    return j;
}

char *kf_portable_print(const kf_json *items) {
    kf_buf b;
    kf_buf_init(&b, 64u << 20);
    bool ok = kf_buf_adds(&b, "{\"schema\":\"" KF_PORTABLE_SCHEMA "\",\"profiles\":[");
    const char *comma = "\n";
    for (const kf_json *i = kf_json_first(items); ok && i; i = kf_json_next(i), comma = ",\n") {
        KF_AUTO_CHARS one = kf_json_print(i);
        ok = kf_buf_adds(&b, comma) && kf_buf_adds(&b, one);
    }
    if (!ok || !kf_buf_adds(&b, "\n]}\n")) abort(); /* 20,000 profiles are a tenth of it */
    return kf_buf_steal(&b);
}

/* --- reading
 * --------------------------------------------------------------------------------------- */

static bool bad(kf_err *err, const char *key, const char *why) {
    return kf_fail(err, KF_ERR_USAGE_BAD, "%.60s %s", key, why);
}

static bool text_ok(const char *v, size_t max) {
    for (const char *c = v; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) return false;
    return strlen(v) <= max;
}

static bool member_ok(const kf_json *item, const kf_json *m, kf_err *err) {
    const char *key = kf_json_key(m), *v = kf_json_value_str(m);
    int64_t n;
    for (size_t i = 0; i < KF_LEN(members); i++) {
        if (strcmp(members[i].key, key)) continue;
        switch (members[i].kind) {
        case TEXT:
            return (v && text_ok(v, members[i].max)) ||
                   bad(err, key, "is no text, too long, or has control characters in it");
        case NUMBER:
            return (kf_json_int(item, key, &n) && n >= 0 && n <= 65535) ||
                   bad(err, key, "is no number from 0 to 65535");
        case SWITCH:
            return kf_json_bool(item, key, true) == kf_json_bool(item, key, false) ||
                   bad(err, key, "is neither true nor false");
        }
    }
    return bad(err, key, "is no setting that keyfob knows");
}

static bool item_ok(const kf_json *item, kf_err *err) {
    const char *name = kf_json_str_or(item, "name", ""),
               *client = kf_json_str_or(item, "client_id", ""),
               *host = kf_json_str(item, "api_host");
    KF_AUTO_CHARS norm = NULL;
    KF_AUTO_CHARS hosts = NULL;
    if (!kf_json_is_obj(item)) return bad(err, "it", "is no object");
    for (const kf_json *m = kf_json_first(item); m; m = kf_json_next(m))
        if (!member_ok(item, m, err)) return false;
    if (!kf_profile_name_ok(name)) return bad(err, "name", "is no profile name");
    if (!kf_client_id_ok(client)) return bad(err, "client_id", "is no client ID (client_...)");
    if (host && !kf_origin_parse(host, &norm, err)) return false;
    return kf_hosts_parse(kf_json_str(item, "git_host"), &hosts, err);
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* all: heap strings, n of them */
static bool each_once(char **all, size_t n, const char *what, kf_err *err) {
    qsort(all, n, sizeof *all, by_text);
    bool ok = true;
    for (size_t i = 1; ok && i < n; i++)
        if (!strcmp(all[i - 1], all[i]))
            ok = kf_fail(err, KF_ERR_USAGE_BAD, "the %s %.120s is there twice", what, all[i]);
    for (size_t i = 0; i < n; i++) free(all[i]);
    free(all);
    return ok;
}

static char **strings(size_t n) {
    char **all = calloc(n + 1, sizeof *all);
    if (!all) abort();
    return all;
}

static bool names_once(const kf_json *items, size_t n, kf_err *err) {
    char **all = strings(n);
    size_t k = 0;
    for (const kf_json *i = kf_json_first(items); i; i = kf_json_next(i))
        all[k++] = kf_strdup(kf_json_str(i, "name"));
    return each_once(all, k, "name", err);
}

static bool hosts_once(const kf_json *items, size_t n, kf_err *err) {
    char **all = strings(n * 16); /* kf_hosts_parse takes no more */
    size_t k = 0;
    for (const kf_json *i = kf_json_first(items); i; i = kf_json_next(i)) {
        KF_AUTO_CHARS norm = NULL;
        if (!kf_hosts_parse(kf_json_str(i, "git_host"), &norm, NULL))
            continue; /* item_ok has seen it */
        for (char *h = norm, *rest; h && *h; h = rest) {
            rest = strchr(h, ';');
            if (rest) *rest++ = 0;
            all[k++] = kf_strdup(h);
        }
    }
    return each_once(all, k, "git host", err);
}

static bool items_ok(const kf_json *items, kf_err *err) {
    size_t n = 0, defaults = 0;
    kf_err why;
    for (const kf_json *i = kf_json_first(items); i; i = kf_json_next(i), n++) {
        if (!item_ok(i, &why))
            return kf_fail(err, KF_ERR_USAGE_BAD, "profile number %zu, %.64s: %.160s", n + 1,
                           kf_json_str_or(i, "name", "without a name"), why.what);
        defaults += kf_json_bool(i, "default", false);
    }
    if (defaults > 1)
        return kf_fail(err, KF_ERR_USAGE_BAD, "%zu profiles are the default", defaults);
    return names_once(items, n, err) && hosts_once(items, n, err);
}

kf_json *kf_portable_read(const char *text, size_t len, kf_err *err) {
    kf_err why;
    if (len > KF_PORTABLE_MAX)
        return kf_fail(err, KF_ERR_USAGE_BAD, "it has more than %d KiB", KF_PORTABLE_MAX >> 10),
               NULL;
    KF_AUTO(kf_json) doc = kf_json_parse(text, len, &why);
    if (!doc) return kf_fail(err, KF_ERR_USAGE_BAD, "it is no JSON: %.200s", why.what), NULL;
    if (!kf_str_eq(kf_json_str(doc, "schema"), KF_PORTABLE_SCHEMA))
        return kf_fail(err, KF_ERR_USAGE_BAD, "it is no %s but %.80s", KF_PORTABLE_SCHEMA,
                       kf_json_str_or(doc, "schema", "something without a schema")),
               NULL;
    const kf_json *items = kf_json_get(doc, "profiles");
    if (!kf_json_is_arr(items))
        return kf_fail(err, KF_ERR_USAGE_BAD, "it has no list of profiles"), NULL;
    for (const kf_json *m = kf_json_first(doc); m; m = kf_json_next(m))
        if (strcmp(kf_json_key(m), "schema") && strcmp(kf_json_key(m), "profiles"))
            return kf_fail(err, KF_ERR_USAGE_BAD, "%.60s is no member that keyfob knows",
                           kf_json_key(m)),
                   NULL;
    return items_ok(items, err) ? kf_json_copy(items) : NULL;
}
