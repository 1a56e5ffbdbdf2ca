/* A profile for the session of another person: the settings of the profile that the sign-in was
 * for, under a name of its own. It comes with the API key, or not at all. */
#include "agent/drive_impl.h"

#include "keeper/keeper.h"
#include "agent/settings.h"
#include "auth/profile.h"
#include "base/str.h"
#include "crypt/hash.h"

enum { PROFILES_MAX = 20000 };

typedef struct making {
    kf_agent *a;
    char flow[33];
    kf_conf_profile profile;
    kf_secret *key; /* NULL: a public profile */
    void (*done)(kf_sign_in *s, const kf_err *err);
} making;

static void end(making *m, const kf_err *err) {
    kf_sign_in *s = kf_drive_find(m->a, m->flow);
    const kf_conf_profile *made = err ? NULL : kf_conf_find(m->a->conf, m->profile.id);
    kf_err gone;
    if (!err && !made) {
        kf_fail(&gone, KF_ERR_USAGE_NO_PROFILE, "%s was removed", m->profile.name);
        err = &gone;
    }
    if (s && made) {
        memcpy(s->profile, made->id, sizeof s->profile);
        s->settings = *made;
    }
    if (s) m->done(s, err);
    kf_secret_free(m->key);
    free(m);
}

static bool put(kf_conf *c, void *user, kf_err *err) {
    const making *m = user;
    const kf_conf_profile *all;
    if (kf_conf_find(c, m->profile.name))
        return kf_fail(err, KF_ERR_USAGE_EXISTS, "the profile %s", m->profile.name);
    if (kf_conf_profiles(c, &all) >= PROFILES_MAX)
        return kf_fail(err, KF_ERR_USAGE_BAD, "%d profiles are the most", PROFILES_MAX);
    return kf_conf_put(c, &m->profile, err);
}

static void saved(void *user, const kf_err *err) {
    making *m = user;
    if (err && m->key && m->a->keeper) kf_keeper_first_key_drop(m->a->keeper, m->profile.id);
    end(m, err);
}

static void key_stored(void *user, const kf_err *err) {
    making *m = user;
    if (err) end(m, err);
    else kf_settings_change(m->a, put, saved, m);
}

void kf_drive_new_profile(kf_sign_in *s, const char *name,
                          void (*done)(kf_sign_in *s, const kf_err *err)) {
    making *m = calloc(1, sizeof *m);
    uint8_t raw[8];
    if (!m) abort();
    m->a = s->a;
    m->done = done;
    memcpy(m->flow, s->id, sizeof m->flow);
    m->profile = s->settings;
    kf_random(raw, sizeof raw);
    kf_hex(raw, sizeof raw, m->profile.id);
    m->profile.label[0] = 0;
    m->profile.git_host = ""; /* one host, one profile */
    m->profile.confidential = s->stored_key;
    kf_err e;
    if (!kf_str_set(m->profile.name, sizeof m->profile.name, name)) {
        kf_fail(&e, KF_ERR_USAGE_NAME, "%.80s", name);
        end(m, &e);
    } else if (kf_conf_find(s->a->conf, name)) { /* before the key is stored for nothing */
        kf_fail(&e, KF_ERR_USAGE_EXISTS, "the profile %s", name);
        end(m, &e);
    } else if (s->stored_key) {
        m->key = kf_secret_copy(s->api_key);
        kf_keeper_first_key(s->a->keeper, &m->profile, m->key, key_stored, m);
    } else kf_settings_change(s->a, put, saved, m);
}
