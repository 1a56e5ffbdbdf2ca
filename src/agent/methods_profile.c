/* Profiles: list, show, put, remove. */
#include "agent/methods.h"

#include "agent/drive.h"
#include "agent/profile_json.h"
#include "keeper/keeper.h"
#include "agent/settings.h"
#include "agent/stream.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypt/hash.h"
#include "wire/msg.h"

enum { PROFILES_MAX = 20000 };

typedef struct listing {
    kf_agent *a;
    size_t at, n;
    char (*id)[17];
} listing;

static void listing_free(void *user) {
    listing *l = user;
    free(l->id);
    free(l);
}

static kf_json *listing_next(void *state) {
    listing *l = state;
    kf_json *one = NULL; /* of one that was removed since */
    while (!one && l->at < l->n) one = kf_profile_json(l->a->keeper, l->id[l->at++]);
    return one;
}

void kf_method_list_profiles(kf_agent *a, kf_call *call) {
    const kf_conf_profile *all;
    listing *l = kf_new(listing);
    *l = (listing){.a = a, .n = kf_conf_profiles(a->conf, &all)};
    l->id = kf_zalloc(l->n + 1, sizeof *l->id);
    for (size_t i = 0; i < l->n; i++) memcpy(l->id[i], all[i].id, sizeof l->id[i]);
    kf_stream(call, "profiles", listing_next, l, listing_free);
}

static void reply_profile(kf_call *call, const char *name) {
    kf_agent *a = kf_call_host(call);
    kf_json *one = kf_profile_json(a->keeper, name);
    if (!one) {
        kf_err e;
        kf_fail(&e, KF_ERR_USAGE_NO_PROFILE, "%.64s", name);
        kf_call_fail(call, &e);
        return;
    }
    kf_json *j = kf_json_obj();
    kf_json_set(j, "profile", one);
    kf_call_reply(call, j);
}

/* GetProfile with load: the call keeps the profile's id. Whatever became of the session, the
 * profile's state says it. */
static void session_read(void *user, const kf_token *t, const kf_err *err) {
    reply_profile(user, kf_call_kept(user));
}

/* No token comes from a store that cannot be opened, whatever is written down of the session. */
static void reply_unread(kf_call *call, const kf_err *err) {
    kf_agent *a = kf_call_host(call);
    kf_json *one = kf_profile_json(a->keeper, kf_call_kept(call));
    if (!one) {
        reply_profile(call, kf_call_kept(call));
        return;
    }
    if (!kf_json_get(one, "failure")) kf_json_set(one, "failure", kf_msg_failure(err));
    kf_json_set(one, "left_ms", NULL);
    kf_json *j = kf_json_obj();
    kf_json_set(j, "profile", one);
    kf_call_reply(call, j);
}

static void store_tried(void *user, const kf_err *err) {
    kf_call *call = user;
    kf_agent *a = kf_call_host(call);
    if (err) reply_unread(call, err);
    else kf_keeper_session(a->keeper, kf_call_kept(call), session_read, call);
}

void kf_method_get_profile(kf_agent *a, kf_call *call) {
    const char *name = kf_call_str(call, "profile", "");
    const kf_conf_profile *c = kf_conf_find(a->conf, name);
    if (!kf_call_bool(call, "load", false) || !c || !kf_keeper_is_known(a->keeper, c->id)) {
        reply_profile(call, name);
        return;
    }
    kf_call_keep(call, kf_strdup(c->id), free);
    kf_settings_store(a, store_tried, call);
}

/* --- put -----------------------------------------------------------------------------------------
 */

typedef struct putting {
    kf_agent *a;
    kf_call *call;                   /* NULL: one of many (PutProfiles) */
    const kf_json *p;                /* what is to be put */
    kf_json *own;                    /* p, when it is not the call's; NULL */
    kf_conf_profile profile, before; /* before: only if not fresh */
    char *default_before;
    char *kept[KF_PF_COUNT]; /* of a LIST in profile, until it is written */
    kf_secret *key;
    bool make_default, fresh, no_key;
    bool keyed; /* fresh: its key is in the store */
    kf_err why; /* the store did not take the key */
} putting;

static void putting_free(void *user) {
    putting *t = user;
    kf_secret_free(t->key);
    kf_json_free(t->own);
    free(t->default_before);
    for (kf_pf f = 0; f < KF_PF_COUNT; f++) free(t->kept[f]);
    free(t);
}

static bool is_line(const char *text) {
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) return false;
    return true;
}

/* One parameter into t->profile; absent keeps what is there, and so does an empty address. */
static bool take_field(putting *t, kf_pf f, kf_err *err) {
    const kf_profile_field *r = &kf_profile_fields[f];
    KF_AUTO_CHARS v = r->kind == KF_PF_SECRET ? NULL : kf_profile_field_read(f, t->p);
    if (!v || (!*v && f == KF_PF_api_host)) return true;
    if (!r->check && !is_line(v))
        return kf_fail(err, KF_ERR_USAGE_BAD, "%s has a control character in it", r->name);
    char *norm;
    if (!kf_profile_field_check(f, v, &norm, err)) return false;
    kf_profile_field_put(f, &t->profile, norm);
    free(t->kept[f]);
    t->kept[f] = norm;
    return true;
}

/* Which profile it is: a new one, or one that keeps what is not given. */
static bool begin_put(const kf_conf *c, putting *t, kf_err *err) {
    const char *id = kf_json_str_or(t->p, "id", ""), *name = kf_json_str_or(t->p, "name", "");
    const kf_conf_profile *old = *id ? kf_conf_find(c, id) : NULL, *same, *all;
    if (!kf_profile_name_ok(name)) return kf_fail(err, KF_ERR_USAGE_NAME, "%.80s", name);
    if (*id && (!old || strcmp(old->id, id)))
        return kf_fail(err, KF_ERR_USAGE_NO_PROFILE, "none has the id %.64s", id);
    if ((same = kf_conf_find(c, name)) && same != old)
        return kf_fail(err, KF_ERR_USAGE_EXISTS, "there is a profile called %s already", name);
    t->fresh = !old;
    free(t->default_before);
    t->default_before = kf_strdup(kf_conf_get(c, "default"));
    if (old) {
        t->profile = t->before = *old;
        return true;
    }
    if (kf_conf_profiles(c, &all) >= PROFILES_MAX)
        return kf_fail(err, KF_ERR_USAGE_BAD, "%d profiles are the most", PROFILES_MAX);
    uint8_t raw[8];
    kf_conf_profile fresh = {.confidential = t->keyed};
    kf_random(raw, sizeof raw);
    if (t->keyed) memcpy(fresh.id, t->profile.id, sizeof fresh.id);
    else kf_hex(raw, sizeof raw, fresh.id);
    t->profile = fresh;
    memcpy(t->profile.api_host, KF_API_HOST_DEFAULT, sizeof KF_API_HOST_DEFAULT);
    return true;
}

/* One host, one profile: git must never get another profile's token. */
static bool check_git_host(const kf_conf *c, putting *t, kf_err *err) {
    const char *list = t->kept[KF_PF_git_host];
    if (!list) return true; /* it stays as it is */
    char one[300];
    for (const char *h = list; *h; h += strcspn(h, ";"), h += *h == ';') {
        snprintf(one, sizeof one, "%.*s", (int)strcspn(h, ";"), h);
        const kf_conf_profile *who = kf_conf_find_git_host(c, one);
        if (who && strcmp(who->id, t->profile.id))
            return kf_fail(err, KF_ERR_USAGE_EXISTS,
                           "the git host %.160s belongs to the profile %s", one, who->name);
    }
    return true;
}

/* Makes t->profile from the parameters and the settings, which it does not change. */
static bool check(const kf_conf *conf, putting *t, kf_err *err) {
    const kf_json *p = t->p;
    kf_conf_profile *c = &t->profile;
    const kf_conf_profile *all;
    if (!begin_put(conf, t, err)) return false;
    if (!kf_str_set(c->name, sizeof c->name, kf_json_str(p, "name"))) abort(); /* begin_put */
    for (kf_pf f = 0; f < KF_PF_COUNT; f++)
        if (!take_field(t, f, err)) return false;
    if (!*c->client_id)
        return kf_fail(err, KF_ERR_USAGE_NO_CLIENT_ID, "%.80s is no client ID (client_...)",
                       c->client_id);
    if (t->no_key) c->confidential = false;
    if (!check_git_host(conf, t, err)) return false;
    t->make_default = kf_json_bool(p, "make_default", kf_conf_profiles(conf, &all) == 0);
    return true;
}

static bool check_key(putting *t, kf_err *err) {
    t->no_key = kf_json_bool(t->p, "no_api_key", false);
    if (!t->key) return true;
    if (!kf_api_key_check(t->key, "this", err)) return false;
    return !t->no_key || kf_fail(err, KF_ERR_USAGE_BAD, "either api_key or no_api_key, not both");
}

static void put_over(void *user, const kf_err *err) {
    putting *t = user;
    if (err) kf_call_fail(t->call, err);
    else reply_profile(t->call, t->profile.id);
}

/* The next command may read the index alone: it must know of this change. */
static void indexed(void *user, const kf_err *err) { put_over(user, NULL); }
static void put_saved(void *user, const kf_err *err) {
    putting *t = user;
    if (err) put_over(t, err);
    else kf_keeper_index_then(t->a->keeper, indexed, t);
}

/* confidential is set after the key is in the store, and removed before the key is. */
static bool put_profile(kf_conf *c, void *user, kf_err *err) {
    putting *t = user;
    if (!check(c, t, err) || !kf_conf_put(c, &t->profile, err)) return false;
    bool renamed_default = !t->fresh && kf_str_eq(t->default_before, t->before.name);
    if (t->make_default || renamed_default) kf_conf_set(c, "default", t->profile.name);
    return true;
}

static bool put_confidential(kf_conf *c, void *user, kf_err *err) {
    const putting *t = user;
    const kf_conf_profile *now = kf_conf_find(c, t->profile.id);
    if (!now) return kf_fail(err, KF_ERR_USAGE_NO_PROFILE, "%s was removed", t->profile.name);
    kf_conf_profile p = *now;
    p.confidential = true;
    return kf_conf_put(c, &p, err);
}

/* The store did not take the key: a new profile goes, an old one becomes what it was. A profile
 * that another program has changed since stays as it is. */
static bool take_back(kf_conf *c, void *user, kf_err *err) {
    const putting *t = user;
    const kf_conf_profile *now = kf_conf_find(c, t->profile.id);
    if (!now || !kf_profile_fields_same(now, &t->profile)) return true;
    if (t->fresh) kf_conf_remove(c, t->profile.id);
    else if (!kf_conf_put(c, &t->before, err)) return false;
    if (kf_str_eq(kf_conf_get(c, "default"), t->profile.name))
        kf_conf_set(c, "default", t->default_before);
    return true;
}

static void taken_back(void *user, const kf_err *err) {
    putting *t = user;
    kf_err why = t->why;
    if (err) kf_log(KF_LOG_ERROR, "settings: %s", err->what);
    put_over(t, &why);
}

static void key_stored(void *user, const kf_err *err) {
    putting *t = user;
    if (err) {
        t->why = *err;
        kf_settings_change(t->a, take_back, taken_back, t);
    } else if (t->no_key) put_saved(t, NULL);
    else kf_settings_change(t->a, put_confidential, put_saved, t);
}

static void keeper_knows(void *user, const kf_err *err) {
    putting *t = user;
    if (err) put_over(t, err);
    else kf_keeper_set_api_key(t->a->keeper, t->profile.id, t->key, key_stored, t);
}

static void fresh_saved(void *user, const kf_err *err) {
    putting *t = user;
    if (err && t->a->keeper) kf_keeper_first_key_drop(t->a->keeper, t->profile.id);
    put_saved(t, err);
}

/* A new profile comes with its key, or not at all: a client that sees it can sign in. */
static void first_key_stored(void *user, const kf_err *err) {
    putting *t = user;
    if (err) {
        put_over(t, err);
        return;
    }
    t->keyed = true;
    kf_settings_change(t->a, put_profile, fresh_saved, t);
}

static void store_ready(void *user, const kf_err *err) {
    putting *t = user;
    if (err) put_over(t, err);
    else if (t->fresh && t->key)
        kf_keeper_first_key(t->a->keeper, &t->profile, t->key, first_key_stored, t);
    else kf_settings_change(t->a, put_profile, keeper_knows, t); /* then it can bind a key to it */
}

void kf_put_profile(kf_agent *a, kf_call *call, kf_json *p, kf_secret *key) {
    putting *t = kf_new(putting);
    kf_err e;
    *t = (putting){.a = a, .call = call, .p = p ? p : kf_call_params(call), .own = p};
    if (kf_secret_len(key)) t->key = key;
    else kf_secret_free(key);
    kf_call_keep(call, t, putting_free);
    if (!check_key(t, &e) || !check(a->conf, t, &e)) /* before it opens or waits for anything */
        kf_call_fail(call, &e);
    else if (t->key || t->no_key) kf_settings_store(a, store_ready, t);
    else kf_settings_change(a, put_profile, put_saved, t);
}

void kf_method_put_profile(kf_agent *a, kf_call *call) {
    kf_put_profile(a, call, NULL, kf_call_take_secret(call, "api_key"));
}

/* --- put many: all of them, or none
 * ------------------------------------------------------------------ */

typedef struct importing {
    kf_agent *a;
    kf_call *call;
    kf_json *names;
} importing;

static void importing_free(void *user) {
    importing *i = user;
    kf_json_free(i->names);
    free(i);
}

static void import_over(importing *i, const kf_err *err) {
    if (err) {
        kf_call_fail(i->call, err);
        return;
    }
    kf_json *j = kf_json_obj();
    kf_json_set(j, "names", KF_TAKE(i->names));
    kf_call_reply(i->call, j);
}
/* The next command may read the index alone. When it cannot be written, the log says so. */
static void import_indexed(void *user, const kf_err *err) { import_over(user, NULL); }
static void import_saved(void *user, const kf_err *err) {
    importing *i = user;
    if (err) import_over(i, err);
    else kf_keeper_index_then(i->a->keeper, import_indexed, i);
}

/* Which one it was, in front of what is wrong with it. */
static bool fail_item(size_t at, const kf_json *item, kf_err *err) {
    kf_err why = *err;
    return kf_fail(err, why.code, "number %zu, %.64s: %.160s", at + 1,
                   kf_json_str_or(item, "name", "without a name"), why.what);
}

/* The next one is then held against it as well. */
static bool import_one(kf_conf *c, const kf_json *item, importing *i, kf_err *err) {
    static const char spec[] = "name=S client_id=S " KF_PROFILE_PARAMS "make_default=b";
    putting *t = kf_new(putting);
    t->p = item;
    char bad[32];
    bool ok = kf_json_is_obj(item) && kf_method_params_ok(spec, item, bad);
    if (!ok) kf_fail(err, KF_ERR_USAGE_BAD, "its settings are not of the right kind");
    else if (kf_json_str(item, "id") || kf_json_str(item, "api_key"))
        ok = kf_fail(err, KF_ERR_USAGE_BAD, "it has an id or a secret");
    ok = ok && check(c, t, err) && kf_conf_put(c, &t->profile, err);
    if (ok) kf_json_add(i->names, kf_json_new_str(t->profile.name));
    putting_free(t);
    return ok;
}

static bool import_all(kf_conf *c, void *user, kf_err *err) {
    importing *i = user;
    const kf_conf_profile *all;
    const char *dflt = NULL;
    size_t before = kf_conf_profiles(c, &all), at = 0;
    kf_json_free(i->names);
    i->names = kf_json_arr();
    const kf_json *item = kf_json_first(kf_json_get(kf_call_params(i->call), "profiles"));
    for (; item; item = kf_json_next(item), at++) {
        if (!import_one(c, item, i, err)) return fail_item(at, item, err);
        if (kf_json_bool(item, "make_default", false) || (!before && !dflt))
            dflt = kf_json_str(item, "name");
    }
    if (dflt) kf_conf_set(c, "default", dflt);
    return true;
}

void kf_method_put_profiles(kf_agent *a, kf_call *call) {
    importing *i = kf_new(importing);
    *i = (importing){.a = a, .call = call};
    kf_call_keep(call, i, importing_free);
    bool any = kf_json_count(kf_json_get(kf_call_params(call), "profiles"));
    if (!any || kf_call_bool(call, "dry_run", false)) {
        kf_err e;
        KF_AUTO_CHARS now = kf_conf_text(a->conf);
        KF_AUTO(kf_conf) c = kf_conf_parse(a->conf_path, now, &e); /* only to try it */
        bool ok = c && import_all(c, i, &e);
        import_over(i, ok ? NULL : &e);
        return;
    }
    kf_settings_change(a, import_all, import_saved, i);
}

/* --- remove --------------------------------------------------------------------------------------
 */

typedef struct removing {
    kf_agent *a;
    kf_call *call;
    char id[17];
    kf_err why; /* why the profile stays */
} removing;

static void removal_failed(void *user, const kf_err *err) {
    const removing *r = user;
    kf_call_fail(r->call, &r->why);
}

static void removal_indexed(void *user, const kf_err *err) {
    const removing *r = user;
    kf_call_reply(r->call, NULL);
}

static void removal_complete(void *user, const kf_err *err) {
    removing *r = user;
    if (err) removal_indexed(r, err); /* the agent ends */
    else kf_keeper_index_then(r->a->keeper, removal_indexed, r);
}

static void removal_saved(void *user, const kf_err *err) {
    removing *r = user;
    if (err) {
        r->why = *err;
        kf_keeper_remove_end(r->a->keeper, r->id, false, removal_failed, r);
        return;
    }
    kf_drive_profile_gone(r->a, r->id);
    kf_keeper_remove_end(r->a->keeper, r->id, true, removal_complete, r);
}

static bool remove_profile(kf_conf *c, void *user, kf_err *err) {
    const removing *r = user;
    const kf_conf_profile *p = kf_conf_find(c, r->id);
    if (!p) return true; /* another agent has removed it */
    if (kf_str_eq(kf_conf_get(c, "default"), p->name)) kf_conf_set(c, "default", NULL);
    kf_conf_remove(c, r->id);
    return true;
}

static void secrets_out(void *user, const kf_err *err) {
    removing *r = user;
    if (err) {
        r->why = *err;
        removal_failed(r, NULL);
    } else kf_settings_change(r->a, remove_profile, removal_saved, r);
}

void kf_method_remove_profile(kf_agent *a, kf_call *call) {
    const char *name = kf_call_str(call, "profile", "");
    const kf_conf_profile *c = kf_conf_find(a->conf, name);
    if (!c) {
        kf_err e;
        kf_fail(&e, KF_ERR_USAGE_NO_PROFILE, "%.64s", name);
        kf_call_fail(call, &e);
        return;
    }
    removing *r = kf_new(removing);
    *r = (removing){.a = a, .call = call};
    memcpy(r->id, c->id, sizeof r->id);
    kf_call_keep(call, r, free);
    kf_keeper_remove(a->keeper, r->id, secrets_out, r);
}

/* --- the API key, for an export
 * ------------------------------------------------------------------- */

static void key_here(void *user, const kf_secret *api_key, const kf_err *err) {
    kf_call *call = user;
    const kf_agent *a = kf_call_host(call);
    const kf_conf_profile *p = kf_conf_find(a->conf, kf_call_kept(call));
    kf_err e;
    if (!err && (!api_key || !p)) {
        kf_fail(&e, KF_ERR_WORKOS_NEEDS_API_KEY, "no API key is stored for %s", p ? p->name : "it");
        err = &e;
    }
    if (err) {
        kf_call_fail(call, err);
        return;
    }
    kf_json *j = kf_json_obj();
    kf_json_set_secret(j, "api_key", api_key);
    kf_json_set_str(j, "name", p->name);
    kf_json_set_str(j, "client_id", p->client_id);
    kf_log(KF_LOG_INFO, "profile %s: API key given out", p->name);
    kf_call_reply(call, j);
}

void kf_method_get_api_key(kf_agent *a, kf_call *call) {
    const char *name = kf_call_str(call, "profile", "");
    const kf_conf_profile *conf = kf_conf_find(a->conf, name);
    kf_call_keep(call, kf_strdup(conf ? conf->id : ""), free);
    kf_keeper_api_key(a->keeper, name, key_here, call);
}
