/* The document of `keyfob profile export` and `import`: prints it, and checks every member on
 * reading. It never carries secrets, ids or sessions. */
#include "auth/portable.h"

#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/profile_fields.h"
#include "base/str.h"

/* Beside the name and the fields of profile_fields.h. confidential: it had an API key, which is not
 * carried; the import says so. */
static const char *const switches[] = {"confidential", "default"};

/* The place of a member in the table, -1: it is none that is carried. */
static int field_of(const char *key) {
    for (kf_pf f = 0; f < KF_PF_COUNT; f++)
        if (kf_profile_fields[f].kind != KF_PF_SECRET && !strcmp(kf_profile_fields[f].name, key))
            return (int)f;
    return -1;
}

static bool is_switch(const char *key) {
    for (size_t i = 0; i < KF_LEN(switches); i++)
        if (!strcmp(switches[i], key)) return true;
    return false;
}

kf_json *kf_portable_item(const kf_json *profile) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "name", kf_json_str(profile, "name"));
    for (kf_pf f = 0; f < KF_PF_COUNT; f++) {
        bool number = kf_profile_fields[f].kind == KF_PF_NUMBER;
        KF_AUTO_CHARS v = kf_profile_field_read(f, profile);
        if (v && kf_profile_fields[f].kind != KF_PF_SECRET && strcmp(v, number ? "0" : ""))
            kf_profile_field_write(f, j, v);
    }
    for (size_t i = 0; i < KF_LEN(switches); i++)
        if (kf_json_bool(profile, switches[i], false)) kf_json_set_bool(j, switches[i], true);
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
    int f = field_of(key);
    if (is_switch(key))
        return kf_json_bool(item, key, true) == kf_json_bool(item, key, false) ||
               bad(err, key, "is neither true nor false");
    if (f < 0 && strcmp(key, "name")) return bad(err, key, "is no setting that keyfob knows");
    if (f >= 0 && kf_profile_fields[f].kind == KF_PF_NUMBER) {
        int64_t n, most = (int64_t)kf_profile_fields[f].limit;
        if (kf_json_int(item, key, &n) && n >= 0 && n <= most) return true;
        return kf_fail(err, KF_ERR_USAGE_BAD, "%.60s is no number from 0 to %lld", key,
                       (long long)most);
    }
    return (v && text_ok(v, f < 0 ? 64 : kf_profile_fields[f].limit - 1)) ||
           bad(err, key, "is no text, too long, or has control characters in it");
}

static bool item_ok(const kf_json *item, kf_err *err) {
    const char *name = kf_json_str_or(item, "name", ""),
               *client = kf_json_str_or(item, "client_id", "");
    if (!kf_json_is_obj(item)) return bad(err, "it", "is no object");
    for (const kf_json *m = kf_json_first(item); m; m = kf_json_next(m))
        if (!member_ok(item, m, err)) return false;
    if (!kf_profile_name_ok(name)) return bad(err, "name", "is no profile name");
    if (!kf_client_id_ok(client)) return bad(err, "client_id", "is no client ID (client_...)");
    for (kf_pf f = 0; f < KF_PF_COUNT; f++) {
        KF_AUTO_CHARS norm = NULL;
        const char *v = kf_json_str(item, kf_profile_fields[f].name);
        if (v && !kf_profile_field_check(f, v, &norm, err)) return false;
    }
    return true;
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
