/* keyfob.conf: parse, look up, change, save. Comments and unknown keys stay, and a file with an
 * error is never overwritten. */
#include "io/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/str.h"
#include "guard/path.h"
#include "io/conf_keys.h"
#include "io/files.h"

enum { CONF_MAX = 4 << 20 };
/* What read_profile reads. */
#define KEY_TEXT(name) #name,
#define KEY_LIST(name) #name,
#define KEY_NUMBER(name) #name,
#define KEY_SECRET(name)
#define KEY(kind, name, limit, flags, check) KEY_##kind(name)
static const char *const profile_keys[] = {"id", KF_PROFILE_FIELDS(KEY) "confidential"};

struct kf_conf {
    char *path;
    GKeyFile *key;
    GArray *profiles; /* kf_conf_profile, in file order */
    GHashTable *by_name,
        *by_id;     /* place in profiles, plus 1: with thousands of them nobody looks through all */
    struct stat st; /* of the file that was read; st_ino 0: there was none */
    const char *text; /* of the file, while it is being read */
    char *unknown;    /* lines about names that mean nothing; NULL: there are none */
};

/* "path:line: [group] key: what is wrong"; key may be NULL. The line is known while the file's text
 * is at hand. */
__attribute__((format(printf, 5, 6))) static bool
bad(const kf_conf *c, kf_err *err, const char *group, const char *key, const char *fmt, ...) {
    char why[160], where[32] = "";
    size_t line = c->text ? kf_conf_line_of(c->text, group, key) : 0;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    if (line) snprintf(where, sizeof where, ":%zu", line);
    return kf_fail(err, KF_ERR_USAGE_CONFIG, "%s%s: [%s]%s%s %s", c->path, where, group,
                   key ? " " : "", key ? key : "", why);
}

/* *out NULL: it is not set; g_free. A value that is there and cannot be read is an error: without
 * it another server, store or proxy would count. */
static bool value(const kf_conf *c, const char *group, const char *key, char **out, kf_err *err) {
    g_autoptr(GError) g = NULL;
    *out = g_key_file_get_string(c->key, group, key, &g);
    if (*out) g_strstrip(*out);
    if (!g || g_error_matches(g, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_KEY_NOT_FOUND) ||
        g_error_matches(g, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_GROUP_NOT_FOUND))
        return true;
    if (g_error_matches(g, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_UNKNOWN_ENCODING))
        return bad(c, err, group, key, "has a byte that is not UTF-8");
    return bad(c, err, group, key, "has a backslash that means nothing (\\\\ is one)");
}

static bool read_field(const kf_conf *c, const char *group, kf_pf f, kf_conf_profile *p,
                       kf_err *err) {
    const char *key = kf_profile_fields[f].name;
    size_t n = strlen(key);
    kf_err why;
    g_autofree char *v = NULL;
    KF_AUTO_CHARS norm = NULL;
    if (!value(c, group, key, &v, err)) return false;
    if (!kf_profile_field_check(f, v ? v : "", &norm, &why)) {
        bool named = !strncmp(why.what, key, n) && why.what[n] == ' ';
        return bad(c, err, group, key, "%.120s", named ? why.what + n + 1 : why.what);
    }
    kf_profile_field_put(f, p,
                         kf_profile_fields[f].kind == KF_PF_LIST ? g_intern_string(norm) : norm);
    return true;
}

static bool read_profile(const kf_conf *c, const char *group, kf_conf_profile *p, kf_err *err) {
    memset(p, 0, sizeof *p);
    const char *name = group + strlen("profile ");
    if (!kf_profile_name_ok(name) || !kf_str_set(p->name, sizeof p->name, name))
        return bad(c, err, group, NULL, "a profile name is [a-z0-9][a-z0-9._-]{0,63}");
    g_autofree char *id = NULL;
    g_autofree char *confidential = NULL;
    uint8_t raw[8];
    if (!value(c, group, "id", &id, err) || !value(c, group, "confidential", &confidential, err))
        return false;
    if (!id || !kf_str_set(p->id, sizeof p->id, id) || !kf_unhex(p->id, raw, 8))
        return bad(c, err, group, "id", "must be 16 hex digits");
    p->confidential = !g_strcmp0(confidential, "true");
    for (kf_pf f = 0; f < KF_PF_COUNT; f++)
        if (kf_profile_fields[f].kind != KF_PF_SECRET && !read_field(c, group, f, p, err))
            return false;
    return true;
}

/* A host in two profiles: nobody could say whose token is meant. */
static bool hosts_are_new(const kf_conf *c, GHashTable *seen, const kf_conf_profile *p,
                          kf_err *err) {
    g_auto(GStrv) hosts = g_strsplit(p->git_host, ";", -1);
    for (size_t i = 0; hosts[i]; i++)
        if (*hosts[i] && !g_hash_table_add(seen, g_strdup(hosts[i]))) {
            g_autofree char *group = g_strdup_printf("profile %s", p->name);
            return bad(c, err, group, "git_host", "two profiles have the git_host %.80s", hosts[i]);
        }
    return true;
}

static void index_profiles(kf_conf *c, guint from) {
    for (guint i = from; i < c->profiles->len; i++) {
        const kf_conf_profile *p = &g_array_index(c->profiles, kf_conf_profile, i);
        g_hash_table_replace(c->by_name, g_strdup(p->name), GUINT_TO_POINTER(i + 1));
        g_hash_table_replace(c->by_id, g_strdup(p->id), GUINT_TO_POINTER(i + 1));
    }
}

static bool read_profiles(kf_conf *c, kf_err *err) {
    GArray *all = g_array_new(FALSE, TRUE, sizeof(kf_conf_profile));
    g_auto(GStrv) groups = g_key_file_get_groups(c->key, NULL);
    g_autoptr(GHashTable) ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) hosts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    bool ok = true;
    for (size_t i = 0; ok && groups[i]; i++) {
        if (!g_str_has_prefix(groups[i], "profile ")) continue;
        kf_conf_profile p;
        ok = read_profile(c, groups[i], &p, err);
        if (ok && !g_hash_table_add(ids, g_strdup(p.id)))
            ok = bad(c, err, groups[i], "id", "two profiles have the id %s", p.id);
        ok = ok && hosts_are_new(c, hosts, &p, err);
        if (ok) g_array_append_val(all, p);
    }
    if (!ok) {
        g_array_unref(all);
        return false;
    }
    if (c->profiles) g_array_unref(c->profiles);
    c->profiles = all;
    index_profiles(c, 0);
    return true;
}

/* Settings that keyfob knows; others are kept, and told by kf_conf_unknown. */
static bool check_keys(const kf_conf *c, kf_err *err) {
    size_t n;
    const kf_conf_key *all = kf_conf_keys(&n);
    for (size_t i = 0; i < n; i++) {
        g_autofree char *v = NULL;
        if (!value(c, "keyfob", all[i].name, &v, err)) return false;
        if (v && *v && !all[i].ok(v)) return bad(c, err, "keyfob", all[i].name, "%s", all[i].must);
    }
    return true;
}

/* ---- names that mean nothing ---- */

static bool is_known(const char *group, const char *key) {
    if (!strcmp(group, "keyfob")) return kf_conf_key_find(key);
    for (size_t i = 0; i < KF_LEN(profile_keys); i++)
        if (!strcmp(profile_keys[i], key)) return true;
    return false;
}

static void tell(kf_conf *c, const char *group, const char *key, const char *there_are) {
    kf_err e;
    g_autofree char *shown = key ? g_utf8_make_valid(key, -1) : NULL;
    (void)bad(c, &e, group, shown, "means nothing; there are: %s", there_are);
    char *more = kf_strfmt("%s%s%s", c->unknown ? c->unknown : "", c->unknown ? "\n" : "", e.what);
    free(c->unknown);
    c->unknown = more;
}

/* A misspelt name is like a setting that is not there. A newer keyfob may know it, so it is told
 * and stays. */
static void find_unknown(kf_conf *c) {
    enum { TOLD_MAX = 5 };
    size_t n, told = 0;
    const kf_conf_key *all = kf_conf_keys(&n);
    g_autoptr(GString) settings = g_string_new(NULL);
    for (size_t i = 0; i < n; i++)
        if (!all[i].own) g_string_append_printf(settings, "%s%s", i ? " " : "", all[i].name);
    g_autoptr(GString) fields = g_string_new(NULL);
    for (size_t i = 0; i < KF_LEN(profile_keys); i++)
        g_string_append_printf(fields, "%s%s", i ? " " : "", profile_keys[i]);
    g_auto(GStrv) groups = g_key_file_get_groups(c->key, NULL);
    for (size_t g = 0; groups[g] && told < TOLD_MAX; g++) {
        bool main = !strcmp(groups[g], "keyfob");
        if (!main && !g_str_has_prefix(groups[g], "profile ")) {
            g_autofree char *shown = g_utf8_make_valid(groups[g], -1);
            tell(c, shown, NULL, "[keyfob] and [profile NAME]"), told++;
            continue;
        }
        g_auto(GStrv) keys = g_key_file_get_keys(c->key, groups[g], NULL, NULL);
        for (size_t k = 0; keys && keys[k] && told < TOLD_MAX; k++)
            if (!is_known(groups[g], keys[k]))
                tell(c, groups[g], keys[k], main ? settings->str : fields->str), told++;
    }
}

const char *kf_conf_unknown(const kf_conf *c) { return c->unknown; }

static kf_conf *conf_new(const char *path) {
    kf_conf *c = kf_new(kf_conf);
    c->path = kf_strdup(path);
    c->key = g_key_file_new();
    c->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    c->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return c;
}

static bool read_text(kf_conf *c, const char *text, kf_err *err) {
    c->text = text;
    bool ok = !*text || g_key_file_load_from_data(
                            c->key, text, strlen(text),
                            G_KEY_FILE_KEEP_COMMENTS | G_KEY_FILE_KEEP_TRANSLATIONS, NULL);
    if (!ok)
        kf_fail(err, KF_ERR_USAGE_CONFIG,
                "%s:%zu: this is neither [group], key = value nor # comment", c->path,
                kf_conf_bad_line(text));
    ok = ok && check_keys(c, err) && read_profiles(c, err);
    if (ok) find_unknown(c);
    c->text = NULL;
    return ok;
}

kf_conf *kf_conf_parse(const char *path, const char *text, kf_err *err) {
    kf_conf *c = conf_new(path);
    if (stat(path, &c->st)) memset(&c->st, 0, sizeof c->st);
    return read_text(c, text, err) ? c : kf_conf_free(c);
}

bool kf_conf_read(const char *path, kf_secret **out, kf_err *err) {
    KF_AUTO_CHARS real = realpath(path, NULL); /* a symlink into a dotfiles folder is fine */
    kf_err why;
    if (!real && errno == ENOENT) return *out = NULL, true;
    if (!kf_path_check(path, KF_PATH_FILE, &why) ||
        !kf_file_read(real ? real : path, CONF_MAX, out, &why)) {
        if (why.code != KF_ERR_SYS_OWNER) why.code = KF_ERR_USAGE_CONFIG;
        if (err) *err = why;
        return false;
    }
    if (kf_secret_is_text(*out)) return true;
    *out = kf_secret_free(*out);
    return kf_fail(err, KF_ERR_USAGE_CONFIG, "%s has a NUL byte in it", path);
}

kf_conf *kf_conf_load(const char *path, kf_err *err) {
    kf_conf *c = conf_new(path);
    KF_AUTO(kf_secret) text = NULL;
    bool ok = true;
    if (stat(path, &c->st)) {
        if (errno != ENOENT) ok = kf_fail_errno(err, KF_ERR_USAGE_CONFIG, "%s", path);
        memset(&c->st, 0, sizeof c->st);
    } else ok = kf_conf_read(path, &text, err);
    if (ok) ok = read_text(c, kf_secret_peek(text), err);
    return ok ? c : kf_conf_free(c);
}

bool kf_conf_is_private(const kf_conf *c) {
    KF_AUTO_CHARS dir = realpath(c->path, NULL);
    struct stat st;
    if (!dir || !c->st.st_ino || c->st.st_uid != geteuid() || c->st.st_mode & 022) return false;
    *strrchr(dir, '/') = 0;
    return stat(*dir ? dir : "/", &st) == 0 && (st.st_uid == geteuid() || st.st_uid == 0) &&
           !(st.st_mode & 022);
}

kf_conf *kf_conf_free(kf_conf *c) {
    if (!c) return NULL;
    if (c->profiles) g_array_unref(c->profiles);
    g_hash_table_destroy(c->by_name);
    g_hash_table_destroy(c->by_id);
    g_key_file_unref(c->key);
    free(c->path);
    free(c->unknown);
    free(c);
    return NULL;
}

bool kf_conf_changed_on_disk(const kf_conf *c) {
    struct stat st;
    if (stat(c->path, &st)) return c->st.st_ino != 0;
    return !kf_file_is_same(&st, &c->st);
}

static bool is_empty(const kf_conf *c) {
    gsize n;
    g_strfreev(g_key_file_get_groups(c->key, &n));
    return n == 0;
}

bool kf_conf_lacks(const kf_conf *c, const kf_conf *known) {
    const kf_conf_profile *all;
    size_t n = kf_conf_profiles(known, &all);
    for (size_t i = 0; i < n; i++)
        if (!g_hash_table_contains(c->by_id, all[i].id)) return true;
    return is_empty(c) && !is_empty(known);
}

char *kf_conf_text(const kf_conf *c) {
    gsize n = 0;
    g_autofree char *text = g_key_file_to_data(c->key, &n, NULL);
    while (n > 1 && text[n - 1] == '\n' && text[n - 2] == '\n') text[--n] = 0; /* a group went */
    return kf_strdup(text);
}

/* ---- saving ---- */

/* Where the file is or will be. A symlink into a folder of dotfiles stays a symlink, also while its
 * target is missing. */
static char *real_path(const char *path) {
    enum { LINKS_MAX = 8 };
    char *at = realpath(path, NULL), to[PATH_MAX];
    if (at) return at;
    at = kf_strdup(path);
    for (int i = 0; i < LINKS_MAX; i++) {
        ssize_t n = readlink(at, to, sizeof to - 1);
        if (n <= 0) break;
        to[n] = 0;
        char *slash = *to == '/' ? NULL : strrchr(at, '/');
        char *next = slash ? kf_strfmt("%.*s/%s", (int)(slash - at), at, to) : kf_strdup(to);
        free(at);
        at = next;
    }
    return at;
}

int kf_conf_lock_open(const char *path, kf_err *err) {
    KF_AUTO_CHARS dir = real_path(path);
    char *slash = strrchr(dir, '/');
    if (slash) slash[slash == dir] = 0;
    if (slash && !kf_path_make_dir(dir, err)) return -1;
    int fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) kf_fail_errno(err, KF_ERR_SYS_IO, "open %s", dir);
    return fd;
}

int kf_conf_save(kf_conf *c, const char *text, kf_err *err) {
    KF_AUTO_CHARS real = real_path(c->path);
    KF_AUTO_CHARS own = text ? NULL : kf_conf_text(c);
    struct stat st;
    if (!text) text = own;
    int held = -1;
    KF_AUTO_CHARS draft = kf_file_draft(real, text, strlen(text), &held, err);
    if (!draft) return -1;
    bool ok = !stat(draft, &st) || kf_fail_errno(err, KF_ERR_SYS_IO, "%s", draft);
    if (!ok || kf_conf_changed_on_disk(c)) { /* checked after the slow part */
        unlink(draft);
        close(held);
        return ok ? 0 : -1;
    }
    int placed = kf_file_place_over(draft, held, real, &c->st, err);
    if (placed == 1) c->st = st;
    return placed;
}

const char *kf_conf_get(const kf_conf *c, const char *key) {
    /* GKeyFile hands out copies: interned, they stay for the process; the set of values is small */
    g_autofree char *v = g_key_file_get_string(c->key, "keyfob", key, NULL);
    return v && *g_strstrip(v) ? g_intern_string(v) : NULL;
}

void kf_conf_set(kf_conf *c, const char *key, const char *value) {
    if (value) g_key_file_set_string(c->key, "keyfob", key, value);
    else g_key_file_remove_key(c->key, "keyfob", key, NULL);
}

size_t kf_conf_profiles(const kf_conf *c, const kf_conf_profile **out) {
    *out = (const kf_conf_profile *)(void *)c->profiles->data;
    return c->profiles->len;
}

static kf_conf_profile *look_up(const kf_conf *c, GHashTable *in, const char *key) {
    guint at = GPOINTER_TO_UINT(g_hash_table_lookup(in, key));
    return at ? &g_array_index(c->profiles, kf_conf_profile, at - 1) : NULL;
}

const kf_conf_profile *kf_conf_find(const kf_conf *c, const char *name_or_id) {
    const kf_conf_profile *p = look_up(c, c->by_name, name_or_id);
    return p ? p : look_up(c, c->by_id, name_or_id);
}

const kf_conf_profile *kf_conf_find_git_host(const kf_conf *c, const char *host) {
    const kf_conf_profile *p;
    size_t n = kf_conf_profiles(c, &p);
    for (size_t i = 0; i < n; i++)
        if (kf_hosts_has(p[i].git_host, host)) return &p[i];
    return NULL;
}

static void put_string(kf_conf *c, const char *group, const char *key, const char *v) {
    if (v && *v) g_key_file_set_string(c->key, group, key, v);
    else g_key_file_remove_key(c->key, group, key, NULL);
}

/* The group of a profile that gets another name: it moves with every key, known or not. */
static void move_group(kf_conf *c, const char *old, const char *group) {
    g_autofree char *from = g_strdup_printf("profile %s", old);
    g_auto(GStrv) keys = g_key_file_get_keys(c->key, from, NULL, NULL);
    for (size_t i = 0; keys && keys[i]; i++) {
        g_autofree char *v = g_key_file_get_value(c->key, from, keys[i], NULL);
        g_key_file_set_value(c->key, group, keys[i], v ? v : "");
    }
    g_key_file_remove_group(c->key, from, NULL);
}

static void forget(kf_conf *c, const kf_conf_profile *p) {
    guint at = GPOINTER_TO_UINT(g_hash_table_lookup(c->by_id, p->id)) - 1;
    g_hash_table_remove(c->by_name, p->name);
    g_hash_table_remove(c->by_id, p->id);
    g_array_remove_index(c->profiles, at);
    index_profiles(c, at);
}

bool kf_conf_put(kf_conf *c, const kf_conf_profile *p, kf_err *err) {
    kf_conf_profile *old = look_up(c, c->by_id, p->id), *same = look_up(c, c->by_name, p->name);
    if (same && same != old)
        return kf_fail(err, KF_ERR_USAGE_EXISTS, "there is a profile called %s already", p->name);
    g_autofree char *group = g_strdup_printf("profile %s", p->name);
    if (old && strcmp(old->name, p->name)) {
        move_group(c, old->name, group);
        forget(c, old);
        old = NULL;
    }
    put_string(c, group, "id", p->id);
    for (kf_pf f = 0; f < KF_PF_COUNT; f++) {
        KF_AUTO_CHARS v = kf_profile_field_text(f, p);
        put_string(c, group, kf_profile_fields[f].name, v);
    }
    g_key_file_set_boolean(c->key, group, "confidential", p->confidential);
    kf_conf_profile now;
    if (!read_profile(c, group, &now, err)) return false;
    if (old) *old = now;
    else {
        g_array_append_val(c->profiles, now);
        index_profiles(c, c->profiles->len - 1);
    }
    return true;
}

bool kf_conf_remove(kf_conf *c, const char *name_or_id) {
    const kf_conf_profile *p = kf_conf_find(c, name_or_id);
    if (!p) return false;
    g_autofree char *group = g_strdup_printf("profile %s", p->name);
    g_key_file_remove_group(c->key, group, NULL);
    forget(c, p);
    return true;
}
