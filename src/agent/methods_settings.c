/* keyfob.conf for clients: the settings of [keyfob] one by one, and the whole file for an editor.
 * The agent alone writes it; what is wrong is refused before anything is touched. */
#include "agent/methods.h"

#include "agent/server.h"
#include "agent/settings.h"
#include "agent/trust.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/conf_keys.h"

static void reply_error(kf_agent *a, uint32_t conn, kf_err_code code, const char *what) {
    kf_err e;
    kf_fail(&e, code, "%s", what);
    kf_server_error(a->server, conn, &e);
}

void kf_method_get_settings(kf_agent *a, uint32_t conn, const kf_json *p, bool more) {
    size_t n;
    const kf_conf_key *all = kf_conf_keys(&n);
    kf_json *j = kf_json_obj(), *list = kf_json_arr();
    for (size_t i = 0; i < n; i++) {
        kf_json *one = kf_json_obj();
        kf_json_set_str(one, "key", all[i].name);
        kf_json_set_str(one, "value", kf_conf_get(a->conf, all[i].name));
        kf_json_set_str(one, "usual", all[i].usual);
        kf_json_set_str(one, "help", all[i].help);
        kf_json_set_bool(one, "own", all[i].own);
        kf_json_add(list, one);
    }
    kf_json_set_str(j, "path", a->conf_path);
    kf_json_set(j, "settings", list);
    kf_server_reply(a->server, conn, j, false);
}

/* --- one setting
 * ---------------------------------------------------------------------------------- */

typedef struct caller {
    kf_agent *a;
    uint32_t conn;
    bool later; /* counts from the next start */
    const kf_conf_key *key;
    char *value; /* "": none */
} caller;

static caller *caller_new(kf_agent *a, uint32_t conn) {
    caller *c = kf_new(caller);
    *c = (caller){.a = a, .conn = conn};
    return c;
}

static void saved(void *user, const kf_err *err) {
    caller *c = user;
    if (err) kf_server_error(c->a->server, c->conn, err);
    else {
        kf_json *j = kf_json_obj();
        kf_json_set_bool(j, "later", c->later);
        kf_server_reply(c->a->server, c->conn, j, false);
    }
    free(c->value);
    free(c);
}

static bool value_ok(const kf_conf_key *k, const char *v, kf_err *err) {
    if (k->own) return kf_fail(err, KF_ERR_USAGE_BAD, "%s is written by keyfob itself", k->name);
    if (!*v) return true;
    if (!k->ok(v)) return kf_fail(err, KF_ERR_USAGE_BAD, "%s %s", k->name, k->must);
    const char *bad = strcmp(k->name, "ca_file") ? NULL : kf_trust_is_bad(v);
    return !bad || kf_fail(err, KF_ERR_USAGE_BAD, "ca_file %s: %s", bad, v);
}

static bool set_value(kf_conf *conf, void *user, kf_err *err) {
    const caller *c = user;
    const kf_conf_profile *who = kf_conf_find(conf, c->value);
    if (*c->value && !strcmp(c->key->name, "default") && (!who || strcmp(who->name, c->value)))
        return kf_fail(err, KF_ERR_USAGE_NO_PROFILE, "%.64s", c->value);
    kf_conf_set(conf, c->key->name, *c->value ? c->value : NULL);
    return true;
}

void kf_method_put_settings(kf_agent *a, uint32_t conn, const kf_json *p, bool more) {
    const char *name = kf_json_str_or(p, "key", ""), *v = kf_json_str_or(p, "value", "");
    const kf_conf_key *k = kf_conf_key_find(name);
    kf_err e;
    if (!k) {
        reply_error(a, conn, KF_ERR_USAGE_BAD,
                    "there is no such setting; keyfob config list shows all");
        return;
    }
    if (!value_ok(k, v, &e)) {
        kf_server_error(a->server, conn, &e);
        return;
    }
    caller *c = caller_new(a, conn);
    c->later = !strcmp(name, "store") && a->store && !kf_str_eq(*v ? v : "auto", a->store_choice);
    c->key = k;
    c->value = kf_strdup(v);
    kf_settings_change(a, set_value, saved, c);
}

/* --- the whole file
 * -------------------------------------------------------------------------------- */

void kf_method_check_settings(kf_agent *a, uint32_t conn, const kf_json *p, bool more) {
    kf_err e;
    KF_AUTO(kf_conf) c = kf_conf_parse(a->conf_path, kf_json_str_or(p, "text", ""), &e);
    if (c) kf_server_reply(a->server, conn, NULL, false);
    else kf_server_error(a->server, conn, &e);
}

void kf_method_replace_settings(kf_agent *a, uint32_t conn, const kf_json *p, bool more) {
    kf_settings_replace(a, kf_json_str_or(p, "text", ""), kf_json_str_or(p, "before", ""), saved,
                        caller_new(a, conn));
}
