/* keyfob.conf for clients: the settings of [keyfob] one by one, and the whole file for an editor.
 * The agent alone writes it; what is wrong is refused before anything is touched. */
#include "agent/methods.h"

#include "agent/settings.h"
#include "agent/trust.h"
#include "base/str.h"
#include "io/conf_keys.h"

static void reply_error(kf_call *call, kf_err_code code, const char *what) {
    kf_err e;
    kf_fail(&e, code, "%s", what);
    kf_call_fail(call, &e);
}

void kf_method_get_settings(kf_agent *a, kf_call *call) {
    size_t n;
    const kf_conf_key *all = kf_conf_keys(&n);
    kf_json *j = kf_json_obj(), *list = kf_json_arr();
    for (size_t i = 0; i < n; i++) {
        kf_json *one = kf_json_obj();
        kf_json_set_str(one, "key", all[i].name);
        kf_json_set_str(one, "value", kf_conf_get(a->conf, all[i].name));
        kf_json_set_str(one, "default", all[i].dflt);
        kf_json_set_str(one, "help", all[i].help);
        kf_json_set_bool(one, "own", all[i].own);
        kf_json_add(list, one);
    }
    kf_json_set_str(j, "path", a->conf_path);
    kf_json_set(j, "settings", list);
    kf_json_set_str(j, "unknown", kf_conf_unknown(a->conf));
    kf_call_reply(call, j);
}

/* --- one setting
 * ---------------------------------------------------------------------------------- */

/* A store that is open stays until the next start. */
static bool counts_later(const kf_agent *a, const char *key, const char *v) {
    return !strcmp(key, "store") && a->store && !kf_str_eq(*v ? v : "auto", a->store_choice);
}

static void saved(void *user, const kf_err *err) {
    kf_call *call = user;
    if (err) {
        kf_call_fail(call, err);
        return;
    }
    kf_json *j = kf_json_obj();
    kf_json_set_bool(j, "later",
                     counts_later(kf_call_host(call), kf_call_str(call, "key", ""),
                                  kf_call_str(call, "value", "")));
    kf_call_reply(call, j);
}

static bool value_ok(const kf_conf_key *k, const char *v, kf_err *err) {
    if (k->own) return kf_fail(err, KF_ERR_USAGE_BAD, "%s is written by keyfob itself", k->name);
    if (!*v) return true;
    if (!k->ok(v)) return kf_fail(err, KF_ERR_USAGE_BAD, "%s %s", k->name, k->must);
    const char *bad = strcmp(k->name, "ca_file") ? NULL : kf_trust_is_bad(v);
    return !bad || kf_fail(err, KF_ERR_USAGE_BAD, "ca_file %s: %s", bad, v);
}

static bool set_value(kf_conf *conf, void *user, kf_err *err) {
    const kf_call *call = user;
    const char *key = kf_call_str(call, "key", ""), *v = kf_call_str(call, "value", "");
    const kf_conf_profile *who = kf_conf_find(conf, v);
    if (*v && !strcmp(key, "default") && (!who || strcmp(who->name, v)))
        return kf_fail(err, KF_ERR_USAGE_NO_PROFILE, "%.64s", v);
    kf_conf_set(conf, key, *v ? v : NULL);
    return true;
}

void kf_method_put_settings(kf_agent *a, kf_call *call) {
    const char *name = kf_call_str(call, "key", ""), *v = kf_call_str(call, "value", "");
    const kf_conf_key *k = kf_conf_key_find(name);
    kf_err e;
    if (!k) {
        reply_error(call, KF_ERR_USAGE_BAD,
                    "there is no such setting; keyfob config list shows all");
    } else if (!value_ok(k, v, &e)) {
        kf_call_fail(call, &e);
    } else {
        kf_settings_change(a, set_value, saved, call);
    }
}

/* --- the whole file
 * -------------------------------------------------------------------------------- */

void kf_method_check_settings(kf_agent *a, kf_call *call) {
    kf_err e;
    KF_AUTO(kf_conf) c = kf_conf_parse(a->conf_path, kf_call_str(call, "text", ""), &e);
    if (c) kf_call_reply(call, NULL);
    else kf_call_fail(call, &e);
}

void kf_method_replace_settings(kf_agent *a, kf_call *call) {
    kf_settings_replace(a, kf_call_str(call, "text", ""), kf_call_str(call, "before", ""), saved,
                        call);
}
