/* The official CLIs' documents. */
#include "auth/import_impl.h"

#include <stdlib.h>
#include <string.h>
#include "auth/profile.h"
#include "base/mem.h"
#include "base/str.h"

static const char *const key_names[] = {"apiKey", "api_key", "apikey"};

static void item_done(kf_import_item *it) {
    free(it->name);
    free(it->type);
    free(it->client_id);
    free(it->api_host);
    free(it->place);
    free(it->problem);
    kf_secret_free(it->key);
}

kf_import *kf_import_free(kf_import *i) {
    if (!i) return NULL;
    for (size_t k = 0; k < i->n; k++) item_done(&i->item[k]);
    free(i->item);
    free(i);
    return NULL;
}

kf_import_item *kf_import_add(kf_import *i, const char *place, const char *name) {
    kf_import_item *all = i->item = kf_grow(i->item, i->n, sizeof *i->item);
    all[i->n] = (kf_import_item){.name = kf_strdup(name),
                                 .type = kf_strdup(""),
                                 .client_id = kf_strdup(""),
                                 .api_host = kf_strdup(""),
                                 .place = kf_strdup(place)};
    return &all[i->n++];
}

void kf_import_set(char **text, const char *to) {
    char *was = *text;
    *text = kf_strdup(to);
    free(was);
}

void kf_import_check(kf_import_item *it, const char *endpoint, char *problem) {
    KF_AUTO_CHARS norm = NULL;
    kf_err e;
    bool origin =
        kf_origin_parse(endpoint && *endpoint ? endpoint : KF_API_HOST_DEFAULT, &norm, &e);
    if (origin) kf_import_set(&it->api_host, norm);
    if (problem) it->problem = problem;
    else if (strlen(it->name) > KF_IMPORT_NAME)
        it->problem =
            kf_strfmt("its name has %zu bytes, %d are the most", strlen(it->name), KF_IMPORT_NAME);
    else if (!it->key && !*it->client_id)
        it->problem = kf_strdup("it has neither an API key nor a client ID");
    else if (it->key && !kf_api_key_looks_ok(it->key))
        it->problem = kf_strdup("what it has as API key is none (sk_...)");
    else if (*it->client_id && !kf_client_id_ok(it->client_id))
        it->problem = kf_strfmt("%.80s is no client ID (client_...)", it->client_id);
    else if (!origin) it->problem = kf_strfmt("its address cannot be used: %.160s", e.what);
}

/* Only what is known is kept: it is shown. */
static const char *known_type(const char *t) {
    static const char *const all[] = {"production", "sandbox", "unclaimed"};
    for (size_t i = 0; t && i < KF_LEN(all); i++)
        if (!strcasecmp(t, all[i])) return all[i];
    return "";
}

static void environment(kf_import *i, const char *place, const char *name, const kf_json *env) {
    kf_import_item *it = kf_import_add(i, place, name);
    const char *key = NULL;
    for (size_t k = 0; !key && k < KF_LEN(key_names); k++) key = kf_json_str(env, key_names[k]);
    if (key && *key) it->key = kf_secret_new(key, strlen(key));
    kf_import_set(&it->client_id, kf_json_str_or(env, "clientId", ""));
    kf_import_set(&it->type, known_type(kf_json_str(env, "type")));
    kf_import_check(it, kf_json_str(env, "endpoint"),
                    kf_json_is_obj(env) ? NULL : kf_strdup("it is no object"));
}

static bool document(kf_import *i, kf_import_form form, const char *place, const kf_json *doc,
                     kf_err *err) {
    if (!kf_json_is_obj(doc)) return kf_fail(err, KF_ERR_USAGE_BAD, "it is no JSON object");
    if (form == KF_IMPORT_CREDENTIALS) {
        const kf_json *staging = kf_json_get(doc, "staging");
        i->stamp = kf_json_int_or(doc, "expiresAt", 0);
        if (staging && !kf_json_is_null(staging)) environment(i, place, "staging", staging);
        return true;
    }
    const kf_json *envs = kf_json_get(doc, "environments");
    if (envs && !kf_json_is_null(envs) && !kf_json_is_obj(envs))
        return kf_fail(err, KF_ERR_USAGE_BAD, "its environments are no object");
    if (kf_json_count(envs) > KF_IMPORT_ITEMS)
        return kf_fail(err, KF_ERR_USAGE_BAD, "it has %zu environments, %d are the most",
                       kf_json_count(envs), KF_IMPORT_ITEMS);
    for (const kf_json *e = kf_json_first(envs); e; e = kf_json_next(e))
        environment(i, place, kf_json_key(e), e);
    return true;
}

kf_import *kf_import_read(kf_import_form form, const char *place, const char *text, size_t len,
                          kf_err *err) {
    if (len > KF_IMPORT_MAX)
        return kf_fail(err, KF_ERR_USAGE_BAD, "it has more than %d KiB", KF_IMPORT_MAX >> 10), NULL;
    KF_AUTO(kf_import) i = calloc(1, sizeof *i);
    if (!i) abort();
    if (form == KF_IMPORT_ENV) return kf_import_env(i, place, text, len, err) ? KF_TAKE(i) : NULL;
    kf_err why;
    KF_AUTO(kf_json) doc = kf_json_parse(text, len, &why);
    if (!doc)
        return kf_fail(err, KF_ERR_USAGE_BAD, "it is no JSON that keyfob reads: %.160s", why.what),
               NULL;
    return document(i, form, place, doc, err) ? KF_TAKE(i) : NULL;
}

static kf_import_item *by_name(kf_import *i, const char *name) {
    for (size_t k = 0; k < i->n; k++)
        if (!strcmp(i->item[k].name, name)) return &i->item[k];
    return NULL;
}

void kf_import_join(kf_import *config, kf_import *credentials) {
    for (size_t k = 0; k < credentials->n; k++) {
        kf_import_item *c = &credentials->item[k];
        bool known = false;
        for (size_t m = 0; m < config->n; m++) {
            kf_import_item *it = &config->item[m];
            if (c->key ? !it->key || !kf_secret_eq(it->key, c->key)
                       : strcmp(it->client_id, c->client_id) != 0)
                continue;
            known = true;
            if (!*it->client_id && !it->problem && !c->problem)
                kf_import_set(&it->client_id, c->client_id);
        }
        if (known) continue;
        const char *name = !by_name(config, c->name) ? c->name : "staging-login";
        if (by_name(config, name)) continue; /* both names are taken: the person made them */
        kf_import_item *it = kf_import_add(config, "", name), fresh = *it;
        *it = *c;
        *c = fresh;
        char *was = it->name; /* the name stays the new one */
        it->name = c->name;
        c->name = was;
    }
    for (size_t k = 0; k < credentials->n; k++) item_done(&credentials->item[k]);
    credentials->n = 0;
}

bool kf_import_profile_name(const char *prefix, const char *name, char out[65]) {
    char made[65];
    int n = snprintf(made, sizeof made, "%s%s", prefix ? prefix : "", name);
    if (n < 0 || (size_t)n >= sizeof made) return false;
    for (char *c = made; *c; c++) {
        if (*c >= 'A' && *c <= 'Z') *c = (char)(*c - 'A' + 'a');
        else if (*c == ' ') *c = '-';
    }
    return kf_profile_name_ok(made) && kf_str_set(out, 65, made);
}

char *kf_import_mask(const kf_secret *key) {
    const char *p = kf_secret_peek(key);
    size_t n = kf_secret_len(key);
    bool kind = kf_str_starts(p, "sk_test_") || kf_str_starts(p, "sk_live_");
    const char *tail = n >= 20 ? p + n - 4 : "";
    for (const char *t = tail; *t; t++)
        if (*t <= 0x20 || *t >= 0x7f) tail = "";
    return kf_strfmt("%.*s…%s", kind ? 8 : 3, kf_str_starts(p, "sk_") ? p : "???", tail);
}
