/* config: the settings of keyfob.conf, through the agent, which alone reads and writes the file. */
#include "ui/cli/cli.h"

#include "base/str.h"
#include "ui/common/text.h"

enum { CALL_MS = 15000 };

static kf_json *settings(kf_cli *c, kf_err *err) {
    return kf_cli_call(c, "GetSettings", NULL, CALL_MS, err);
}

static const kf_json *find(const kf_json *all, const char *key) {
    const kf_json *i = kf_json_first(kf_json_get(all, "settings"));
    while (i && !kf_str_eq(kf_json_str(i, "key"), key)) i = kf_json_next(i);
    return i;
}

static const char *value_of(const kf_json *s) {
    const char *v = kf_json_str(s, "value");
    return v ? v : kf_json_str_or(s, "default", "");
}

/* For a list, which nobody reads for one password: http://user:****@host. Caller frees. */
static char *listed_value(const kf_json *s) {
    const char *v = value_of(s), *scheme = strstr(v, "://"), *login = scheme ? scheme + 3 : v;
    const char *at = kf_str_eq(kf_json_str(s, "key"), "proxy") ? strrchr(login, '@') : NULL;
    const char *colon = at ? memchr(login, ':', (size_t)(at - login)) : NULL;
    return colon ? kf_strfmt("%.*s:****%s", (int)(colon - v), v, at) : kf_strdup(v);
}

static int unknown(kf_cli *c, const char *key) {
    return kf_cli_usage(c, "there is no setting %.64s; keyfob config list shows all", key);
}

static kf_json *as_json(const kf_json *s) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "key", kf_json_str(s, "key"));
    kf_json_set_str(j, "value", value_of(s));
    kf_json_set_bool(j, "set", kf_json_str(s, "value") != NULL);
    return j;
}

int kf_cmd_config_get(kf_cli *c, const kf_args *a) {
    kf_err e;
    if (!a->pos[0]) return kf_cli_usage(c, "which setting?");
    KF_AUTO(kf_json) all = settings(c, &e);
    if (!all) return kf_cli_fail(c, &e);
    const kf_json *s = find(all, a->pos[0]);
    if (!s) return unknown(c, a->pos[0]);
    if (c->json) {
        kf_json *j = as_json(s);
        kf_json_set_str(j, "schema", "keyfob.setting/1");
        return kf_cli_print(j);
    }
    KF_AUTO_CHARS safe = kf_text_safe(value_of(s));
    printf("%s\n", safe);
    return kf_cli_flush();
}

void kf_config_tell_unknown(kf_cli *c, const kf_json *settings) {
    const char *p = kf_json_str_or(settings, "unknown", "");
    for (size_t n; *p; p += n + (p[n] == '\n')) {
        n = strcspn(p, "\n");
        KF_AUTO_CHARS line = kf_strfmt("%.*s", (int)n, p);
        KF_AUTO_CHARS safe = kf_text_safe(line);
        kf_cli_note(c, "%s", safe);
    }
}

int kf_cmd_config_list(kf_cli *c, const kf_args *a) {
    kf_err e;
    KF_AUTO(kf_json) all = settings(c, &e);
    if (!all) return kf_cli_fail(c, &e);
    kf_config_tell_unknown(c, all);
    kf_json *items = kf_json_arr();
    for (const kf_json *i = kf_json_first(kf_json_get(all, "settings")); i; i = kf_json_next(i)) {
        if (c->json) {
            kf_json *one = as_json(i);
            KF_AUTO_CHARS shown = listed_value(i);
            kf_json_set_str(one, "value", shown);
            kf_json_add(items, one);
            continue;
        }
        const char *set = kf_json_str(i, "value"), *dflt = kf_json_str_or(i, "default", "");
        KF_AUTO_CHARS shown = listed_value(i);
        KF_AUTO_CHARS value = kf_text_safe(*shown ? shown : "-");
        KF_AUTO_CHARS help = kf_text_safe(kf_json_str(i, "help"));
        printf("%-18s %s%s\n  %s\n", kf_json_str_or(i, "key", ""), value,
               set || !*dflt ? "" : " (default)", help);
    }
    if (!c->json) return kf_json_free(items), kf_cli_flush();
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "schema", "keyfob.settings/2");
    kf_json_set_str(j, "path", kf_json_str(all, "path"));
    kf_json_set(j, "items", items);
    return kf_cli_print(j);
}

static int put(kf_cli *c, const char *key, const char *value) {
    kf_err e;
    bool is_file = value && *value && kf_str_eq(key, "ca_file");
    KF_AUTO_CHARS path = is_file ? kf_path_absolute(value, &e) : NULL;
    if (is_file && !path) return kf_cli_fail(c, &e);
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "key", key);
    kf_json_set_str(p, "value", path ? path : value);
    KF_AUTO(kf_json) r = kf_cli_call(c, "PutSettings", p, CALL_MS, &e);
    if (!r) return kf_cli_fail(c, &e);
    if (kf_json_bool(r, "later", false))
        kf_cli_note(c, "that counts from the next start of the agent (keyfob agent stop); what is "
                       "stored stays where it is: keyfob store move");
    return c->json ? kf_cmd_config_get(c, &(kf_args){.pos = {key}, .n_pos = 1}) : 0;
}

int kf_cmd_config_set(kf_cli *c, const kf_args *a) {
    if (a->n_pos < 2)
        return kf_cli_usage(
            c, "config set needs a setting and a value; keyfob config unset KEY removes one");
    return put(c, a->pos[0], a->pos[1]);
}

int kf_cmd_config_unset(kf_cli *c, const kf_args *a) {
    if (!a->pos[0]) return kf_cli_usage(c, "which setting?");
    return put(c, a->pos[0], NULL);
}

int kf_cmd_config_path(kf_cli *c, const kf_args *a) {
    KF_AUTO_CHARS path = kf_config_path();
    if (c->json) {
        kf_json *j = kf_json_obj();
        kf_json_set_str(j, "schema", "keyfob.path/1");
        kf_json_set_str(j, "path", path);
        return kf_cli_print(j);
    }
    printf("%s\n", path);
    return kf_cli_flush();
}

/* Everything that keyfob writes or reads, without an agent. */
int kf_cmd_paths(kf_cli *c, const kf_args *a) {
    kf_err e;
    KF_AUTO_CHARS conf = kf_config_path();
    KF_AUTO_CHARS state = kf_state_dir();
    KF_AUTO_CHARS data = kf_data_dir();
    KF_AUTO_CHARS socket = kf_socket_path(&e);
    if (!socket) return kf_cli_fail(c, &e);
    KF_AUTO_CHARS vault = kf_strfmt("%s/vault", data);
    KF_AUTO_CHARS profiles = kf_strfmt("%s/profiles", state);
    KF_AUTO_CHARS log = kf_strfmt("%s/keyfobd.log", state);
    const struct {
        const char *name, *path;
    } all[] = {{"settings", conf},     {"vault", vault}, {"state", state},
               {"profiles", profiles}, {"log", log},     {"socket", socket}};
    kf_json *j = c->json ? kf_json_obj() : NULL;
    if (j) kf_json_set_str(j, "schema", "keyfob.paths/1");
    for (size_t i = 0; i < KF_LEN(all); i++) {
        if (j) kf_json_set_str(j, all[i].name, all[i].path);
        else printf("%-10s %s\n", all[i].name, all[i].path);
    }
    return j ? kf_cli_print(j) : kf_cli_flush();
}
