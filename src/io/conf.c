#include "io/conf.h"

#include <errno.h>
#include <glib.h>
#include <sys/stat.h>
#include "base/str.h"
#include "io/files.h"

enum { CONF_MAX = 4 << 20 };

struct kf_conf {
    char *path;
    GKeyFile *key;
    GArray *profiles;               /* kf_conf_profile, in file order */
    GHashTable *by_name, *by_id;    /* place in profiles, plus 1: with thousands of them nobody looks through all */
    struct stat st;   /* st_ino 0: there was no file */
};

/* GKeyFile's errors have no line number: find the first line that is none of its kinds. */
static size_t bad_line(const char *text) {
    size_t n = 0;
    bool group = false;
    for (const char *p = text; *p;) {
        size_t len = strcspn(p, "\n");
        n++;
        const char *q = p;
        while (q < p + len && (*q == ' ' || *q == '\t')) q++;
        size_t rest = (size_t)(p + len - q);
        bool blank = rest == 0 || *q == '\r', comment = *q == '#';
        if (!blank && !comment) {
            if (*q == '[') {
                if (!memchr(q, ']', rest)) return n;
                group = true;
            } else if (!group || *q == '=' || !memchr(q, '=', rest)) return n;
        }
        p += len + (p[len] == '\n');
    }
    return n;
}

static bool field(const kf_conf *c, const char *group, const char *key, char *out, size_t size, kf_err *err) {
    g_autofree char *v = g_key_file_get_string(c->key, group, key, NULL);
    if (!v || kf_str_set(out, size, g_strstrip(v))) return true;
    return kf_fail(err, KF_ERR_USAGE_CONFIG, "%s: [%s] %s is too long", c->path, group, key);
}

static bool read_profile(const kf_conf *c, const char *group, kf_conf_profile *p, kf_err *err) {
    memset(p, 0, sizeof *p);
    const char *name = group + strlen("profile ");
    if (!kf_profile_name_ok(name) || !kf_str_set(p->name, sizeof p->name, name))
        return kf_fail(err, KF_ERR_USAGE_CONFIG, "%s: [%s]: a profile name is [a-z0-9][a-z0-9._-]{0,63}", c->path, group);
    char host[256] = "", port[8] = "", conf[8] = "";
    if (!field(c, group, "id", p->id, sizeof p->id, err) || !field(c, group, "client_id", p->client_id, sizeof p->client_id, err) ||
        !field(c, group, "api_host", host, sizeof host, err) ||
        !field(c, group, "organization_id", p->organization_id, sizeof p->organization_id, err) ||
        !field(c, group, "label", p->label, sizeof p->label, err) || !field(c, group, "redirect_port", port, sizeof port, err) ||
        !field(c, group, "confidential", conf, sizeof conf, err))
        return false;
    uint8_t raw[8];
    if (!kf_unhex(p->id, raw, 8)) return kf_fail(err, KF_ERR_USAGE_CONFIG, "%s: [%s] id must be 16 hex digits", c->path, group);
    if (*p->client_id && !kf_client_id_ok(p->client_id))
        return kf_fail(err, KF_ERR_USAGE_CONFIG, "%s: [%s] client_id is not a client ID", c->path, group);
    KF_AUTO_CHARS norm = NULL;
    kf_err why;
    if (!kf_origin_parse(*host ? host : "https://api.workos.com", &norm, &why))
        return kf_fail(err, KF_ERR_USAGE_CONFIG, "%s: [%s] api_host: %.120s", c->path, group, why.what);
    if (!kf_str_set(p->api_host, sizeof p->api_host, norm))
        return kf_fail(err, KF_ERR_USAGE_CONFIG, "%s: [%s] api_host is too long", c->path, group);
    char *end = port;
    long n = *port ? strtol(port, &end, 10) : 0;
    if (*end || n < 0 || n > 65535) return kf_fail(err, KF_ERR_USAGE_CONFIG, "%s: [%s] redirect_port must be 0 to 65535", c->path, group);
    p->redirect_port = (int)n;
    p->confidential = !strcmp(conf, "true");
    g_autofree char *hosts = g_key_file_get_string(c->key, group, "git_host", NULL);
    KF_AUTO_CHARS list = NULL;
    if (!kf_hosts_parse(hosts, &list, &why))
        return kf_fail(err, KF_ERR_USAGE_CONFIG, "%s: [%s] git_host: %.120s", c->path, group, why.what);
    p->git_host = g_intern_string(list);
    return true;
}

/* A host in two profiles: nobody could say whose token is meant. */
static bool hosts_are_new(const kf_conf *c, GHashTable *seen, const kf_conf_profile *p, kf_err *err) {
    g_auto(GStrv) hosts = g_strsplit(p->git_host, ";", -1);
    for (size_t i = 0; hosts[i]; i++)
        if (*hosts[i] && !g_hash_table_add(seen, g_strdup(hosts[i])))
            return kf_fail(err, KF_ERR_USAGE_CONFIG, "%s: two profiles have the git_host %s", c->path, hosts[i]);
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
            ok = kf_fail(err, KF_ERR_USAGE_CONFIG, "%s: two profiles have the id %s", c->path, p.id);
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

kf_conf *kf_conf_load(const char *path, kf_err *err) {
    kf_conf *c = calloc(1, sizeof *c);
    if (!c) abort();
    c->path = kf_strdup(path);
    c->key = g_key_file_new();
    c->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    c->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    bool ok = true;
    if (stat(path, &c->st)) {
        if (errno != ENOENT) ok = kf_fail_errno(err, KF_ERR_USAGE_CONFIG, "%s", path);
        memset(&c->st, 0, sizeof c->st);
    } else {
        KF_AUTO_CHARS real = realpath(path, NULL); /* a symlink into a dotfiles folder is fine */
        KF_AUTO(kf_secret) text = NULL;
        kf_err why;
        g_autoptr(GError) e = NULL;
        if (!kf_file_read(real ? real : path, CONF_MAX, &text, &why)) ok = kf_fail(err, KF_ERR_USAGE_CONFIG, "%s", why.what);
        else if (kf_secret_len(text) && !g_key_file_load_from_data(c->key, kf_secret_peek(text), kf_secret_len(text),
                                                                   G_KEY_FILE_KEEP_COMMENTS | G_KEY_FILE_KEEP_TRANSLATIONS, &e))
            ok = kf_fail(err, KF_ERR_USAGE_CONFIG, "%s:%zu: this is neither [group], key = value nor # comment", path,
                         bad_line(kf_secret_peek(text)));
    }
    if (ok) ok = read_profiles(c, err);
    return ok ? c : kf_conf_free(c);
}

kf_conf *kf_conf_free(kf_conf *c) {
    if (!c) return NULL;
    if (c->profiles) g_array_unref(c->profiles);
    g_hash_table_destroy(c->by_name);
    g_hash_table_destroy(c->by_id);
    g_key_file_unref(c->key);
    free(c->path);
    free(c);
    return NULL;
}

bool kf_conf_changed_on_disk(const kf_conf *c) {
    struct stat st;
    if (stat(c->path, &st)) return c->st.st_ino != 0;
    return st.st_ino != c->st.st_ino || st.st_size != c->st.st_size || st.st_mtim.tv_sec != c->st.st_mtim.tv_sec ||
           st.st_mtim.tv_nsec != c->st.st_mtim.tv_nsec;
}

char *kf_conf_text(const kf_conf *c) {
    g_autofree char *text = g_key_file_to_data(c->key, NULL, NULL);
    return kf_strdup(text);
}

bool kf_conf_write(const char *path, const char *text, kf_err *err) {
    KF_AUTO_CHARS real = realpath(path, NULL); /* a symlink into a dotfiles folder stays one */
    KF_AUTO_CHARS dir = kf_strdup(real ? real : path);
    char *slash = strrchr(dir, '/');
    if (slash && slash != dir) {
        *slash = 0;
        if (!kf_dir_ensure(dir, err)) return false;
    }
    return kf_file_replace(real ? real : path, text, strlen(text), err);
}

void kf_conf_written(kf_conf *c) {
    if (stat(c->path, &c->st)) memset(&c->st, 0, sizeof c->st);
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
    if (same && same != old) return kf_fail(err, KF_ERR_USAGE_EXISTS, "there is a profile called %s already", p->name);
    g_autofree char *group = g_strdup_printf("profile %s", p->name);
    if (old && strcmp(old->name, p->name)) {
        move_group(c, old->name, group);
        forget(c, old);
        old = NULL;
    }
    put_string(c, group, "id", p->id);
    put_string(c, group, "client_id", p->client_id);
    put_string(c, group, "api_host", p->api_host);
    put_string(c, group, "organization_id", p->organization_id);
    put_string(c, group, "label", p->label);
    put_string(c, group, "git_host", p->git_host);
    if (p->redirect_port) g_key_file_set_integer(c->key, group, "redirect_port", p->redirect_port);
    else g_key_file_remove_key(c->key, group, "redirect_port", NULL);
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
