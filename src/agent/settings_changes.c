/* What changed in keyfob.conf while the agent ran, as far as it decides where secrets go. A person
 * who did not make the change sees it in the log and in doctor. */
#include "agent/settings.h"

#include "base/log.h"
#include "base/str.h"
#include "io/conf_keys.h"

enum { KEPT = 8 };

struct kf_settings_changes {
    struct {
        char text[256];
        int64_t at;
    } one[KEPT]; /* the newest first */
    size_t n;
};

static void add(kf_agent *a, const char *text) {
    if (!a->changes && !(a->changes = calloc(1, sizeof *a->changes))) abort();
    struct kf_settings_changes *c = a->changes;
    if (c->n < KEPT) c->n++;
    memmove(&c->one[1], &c->one[0], (c->n - 1) * sizeof c->one[0]);
    c->one[0].at = kf_unix_s();
    (void)kf_str_cut(c->one[0].text, sizeof c->one[0].text, text);
    kf_log(KF_LOG_WARN, "settings: %s", text);
}

static const char *shown(const char *v) { return v && *v ? v : "(none)"; }

static void compare_key(kf_agent *a, const kf_conf *before, const kf_conf *now, const char *key) {
    const char *old = kf_conf_get(before, key), *new = kf_conf_get(now, key);
    if (kf_str_eq(old ? old : "", new ? new : "")) return;
    if (!strcmp(key, "proxy")) {
        old = old ? kf_proxy_without_login(old) : NULL;
        new = new ? kf_proxy_without_login(new) : NULL;
    }
    KF_AUTO_CHARS text = kf_strfmt("%s was %s and is %s now", key, shown(old), shown(new));
    add(a, text);
}

static void compare_profile(kf_agent *a, const kf_conf_profile *old, const kf_conf_profile *new,
                            const char *key, const char *was, const char *is) {
    if (!strcmp(was, is)) return;
    KF_AUTO_CHARS text = kf_strfmt("%s of profile %s was %s and is %s now", key,
                                   new ? new->name : old->name, shown(was), shown(is));
    add(a, text);
}

void kf_settings_compare(kf_agent *a, const kf_conf *before, const kf_conf *now) {
    const kf_conf_profile *all;
    size_t n = kf_conf_profiles(now, &all);
    compare_key(a, before, now, "proxy");
    compare_key(a, before, now, "ca_file");
    for (size_t i = 0; i < n; i++) {
        const kf_conf_profile *p = &all[i], *old = kf_conf_find(before, p->id);
        if (old && !strcmp(old->id, p->id))
            compare_profile(a, old, p, "api_host", old->api_host, p->api_host);
        else old = NULL;
        compare_profile(a, old, p, "git_host", old ? old->git_host : "", p->git_host);
    }
}

const char *kf_settings_changed(const kf_agent *a, size_t i, int64_t *at) {
    const struct kf_settings_changes *c = a->changes;
    if (!c || i >= c->n) return NULL;
    *at = c->one[i].at;
    return c->one[i].text;
}

void kf_settings_changed_drop(kf_agent *a) {
    free(a->changes);
    a->changes = NULL;
}
