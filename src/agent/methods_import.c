/* Environments and API keys of other tools: found, taken over as profiles, and on a person's word
 * taken out of the file they stood in. The keys go from there into the store; clients see them
 * masked. */
#include "agent/methods.h"

#include <glib.h>
#include "agent/import_gather.h"
#include "keeper/keeper.h"
#include "auth/profile.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypt/hash.h"
#include "io/foreign_file.h"

/* What comes from files need not be UTF-8, and what is cut may end in half a character. */
static void set_text(kf_json *j, const char *key, const char *text) {
    g_autofree char *valid = text ? g_utf8_make_valid(text, -1) : NULL;
    kf_json_set_str(j, key, valid);
}
static void refuse(kf_call *call, const kf_err *err) {
    kf_err e = *err;
    g_autofree char *valid = g_utf8_make_valid(err->what, -1);
    kf_fail(&e, err->code, "%s", valid);
    kf_hint(&e, "%s", err->hint);
    kf_call_fail(call, &e);
}

/* --- find
 * ------------------------------------------------------------------------------------------- */

/* What cannot be chosen by it anyway need not fill the answer. */
static char *name_to_show(const char *name) {
    size_t n = strlen(name) > KF_IMPORT_NAME ? 64 : strlen(name);
    while (n && ((unsigned char)name[n] & 0xc0) == 0x80) n--;
    return kf_strfmt("%.*s%s", (int)n, name, name[n] ? "…" : "");
}

static kf_json *item_json(kf_import_source s, const kf_import_item *it) {
    kf_json *j = kf_json_obj();
    char profile[65];
    KF_AUTO_CHARS name = name_to_show(it->name);
    KF_AUTO_CHARS key = it->key ? kf_import_mask(it->key) : NULL;
    kf_json_set_str(j, "source", kf_import_source_name(s));
    set_text(j, "name", name);
    if (kf_import_profile_name(NULL, it->name, profile))
        kf_json_set_str(j, "profile_name", profile);
    kf_json_set_str(j, "type", it->type);
    kf_json_set_str(j, "environment", kf_profile_environment(it->api_host, it->key));
    set_text(j, "client_id", it->client_id);
    set_text(j, "api_host", it->api_host);
    kf_json_set_str(j, "key", key);
    set_text(j, "place", it->place);
    set_text(j, "problem", it->problem);
    return j;
}

static void answer_found(kf_gather *g) {
    kf_json *j = kf_json_obj(), *items = kf_json_arr();
    for (int s = 0; s < KF_FROM_COUNT; s++)
        for (size_t k = 0; k < g->list[s]->n; k++)
            kf_json_add(items, item_json(s, &g->list[s]->item[k]));
    kf_json_set(j, "items", items);
    kf_json_set(j, "places", KF_TAKE(g->places));
    kf_call_reply(g->call, j);
}

void kf_method_find_imports(kf_agent *a, kf_call *call) {
    kf_err e;
    if (!kf_gather_start(a, call, answer_found, &e)) refuse(call, &e);
}

/* --- import
 * ----------------------------------------------------------------------------------------- */

static const kf_import_item *wanted(const kf_gather *g, kf_err *err) {
    const char *name = kf_call_str(g->call, "name", NULL),
               *source = kf_call_str(g->call, "source", NULL);
    for (int s = 0; s < KF_FROM_COUNT; s++)
        for (size_t k = 0; k < g->list[s]->n; k++) {
            const kf_import_item *it = &g->list[s]->item[k];
            if (s != KF_FROM_ENV && !kf_str_eq(name, it->name)) continue;
            if (!it->problem) return it;
            return kf_fail(err, KF_ERR_USAGE_BAD, "%.60s cannot be imported: %.160s", it->name,
                           it->problem),
                   NULL;
        }
    return kf_fail(err, KF_ERR_USAGE_BAD, "%.20s has no environment called %.120s", source,
                   name ? name : ""),
           NULL;
}

/* From here on it is PutProfile, which answers. */
static void put(kf_gather *g) {
    kf_err e;
    const kf_import_item *it = wanted(g, &e);
    const char *client =
        it && *it->client_id ? it->client_id : kf_call_str(g->call, "client_id", "");
    if (it && !*client)
        kf_fail(&e, KF_ERR_USAGE_NO_CLIENT_ID, "%.60s has none where it comes from", it->name),
            it = NULL;
    if (!it) {
        refuse(g->call, &e);
        return;
    }
    kf_call *call = g->call;
    const char *profile = kf_call_str(call, "profile", NULL);
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "name", profile);
    kf_json_set_str(p, "client_id", client);
    kf_json_set_str(p, "api_host", it->api_host);
    if (kf_json_get(kf_call_params(call), "make_default"))
        kf_json_set_bool(p, "make_default", kf_call_bool(call, "make_default", false));
    kf_log(KF_LOG_INFO, "import: %s from %s", profile, kf_call_str(call, "source", NULL));
    kf_call_on_gone(call, NULL, NULL);
    kf_put_profile(g->a, call, p, kf_secret_copy(it->key));
}

void kf_method_import(kf_agent *a, kf_call *call) {
    kf_err e;
    const char *name = kf_call_str(call, "profile", "");
    if (!kf_profile_name_ok(name)) {
        kf_fail(&e, KF_ERR_USAGE_NAME, "%.80s", name);
        refuse(call, &e);
    } else if (!kf_gather_start(a, call, put, &e)) refuse(call, &e);
}

/* --- clean-up
 * --------------------------------------------------------------------------------------- */

enum { PROFILES_MAX = KF_IMPORT_ITEMS, SPANS_MAX = 1000 };

typedef struct cleaning {
    kf_agent *a;
    kf_call *call;
    kf_import_source source;
    const kf_json *profile;       /* whose key is asked for now */
    kf_secret *key[PROFILES_MAX]; /* what keyfob has; nothing else is taken out of a file */
    size_t n;
    char *path; /* the change that is made */
    kf_secret *before, *after;
    bool ok;
    kf_err err;
} cleaning;

static void cleaning_free(void *user) {
    cleaning *c = user;
    for (size_t i = 0; i < c->n; i++) kf_secret_free(c->key[i]);
    kf_secret_free(c->before);
    kf_secret_free(c->after);
    free(c->path);
    free(c);
}

/* What would change in one file; NULL: nothing. before and after get the texts. */
static kf_json *plan(const cleaning *c, const kf_import_file *f, kf_secret **before,
                     kf_secret **after) {
    KF_AUTO(kf_secret) text = NULL;
    KF_AUTO_CHARS real = NULL;
    if (kf_foreign_read(f->path, KF_IMPORT_MAX, &text, &real, NULL) <= 0 ||
        !g_utf8_validate(real, -1, NULL))
        return NULL;
    kf_import_span span[SPANS_MAX];
    const char *p = kf_secret_peek(text);
    size_t len = kf_secret_len(text),
           n = kf_import_spans(f->form, p, len, (const kf_secret *const *)c->key, c->n, span,
                               SPANS_MAX);
    if (!n) return NULL;
    kf_json *j = kf_json_obj(), *changes = kf_json_arr();
    uint8_t sum[32];
    char digest[65];
    kf_sha256(p, len, sum);
    kf_hex(sum, sizeof sum, digest);
    for (size_t i = 0; i < n; i++) kf_json_add(changes, kf_import_change(p, len, span[i]));
    kf_json_set_str(j, "file", real);
    kf_json_set_str(j, "digest", digest);
    kf_json_set(j, "changes", changes);
    *after = kf_import_cut(p, len, span, n);
    *before = KF_TAKE(text);
    return j;
}

static void write_it(void *user) { /* on the worker */
    cleaning *c = user;
    c->ok = kf_foreign_replace(c->path, c->before, c->after, &c->err);
}

static void written(void *user) {
    cleaning *c = user;
    if (!c->ok) {
        refuse(c->call, &c->err);
        return;
    }
    kf_log(KF_LOG_INFO, "clean-up: an API key that keyfob has was taken out of %s", c->path);
    kf_call_reply(c->call, NULL);
}

static void keys_are_here(cleaning *c) {
    kf_import_file f[KF_IMPORT_FILES];
    const char *file = kf_call_str(c->call, "file", NULL);
    size_t n = kf_import_files(c->source, kf_call_str(c->call, "path", NULL), f);
    kf_json *files = kf_json_arr();
    bool now = false;
    for (size_t i = 0; i < n; i++) {
        KF_AUTO(kf_secret) before = NULL;
        KF_AUTO(kf_secret) after = NULL;
        KF_AUTO(kf_json) j = plan(c, &f[i], &before, &after);
        free(f[i].path);
        if (!j) continue;
        if (file && kf_str_eq(kf_json_str(j, "file"), file) &&
            kf_str_eq(kf_json_str(j, "digest"), kf_call_str(c->call, "digest", NULL))) {
            now = true;
            c->path = kf_strdup(file);
            c->before = KF_TAKE(before);
            c->after = KF_TAKE(after);
        }
        kf_json_add(files, KF_TAKE(j));
    }
    if (now) {
        kf_json_free(files);
        kf_worker_run(c->a->worker, write_it, written, c);
    } else if (file) {
        kf_json_free(files);
        kf_fail(&c->err, KF_ERR_USAGE_BAD, "%.180s is not any more as it was when it was looked at",
                file);
        refuse(c->call, &c->err);
    } else {
        kf_json *j = kf_json_obj();
        kf_json_set(j, "files", files);
        kf_call_reply(c->call, j);
    }
}

static void next_key(cleaning *c);

static void got_key(void *user, const kf_secret *api_key, const kf_err *err) {
    cleaning *c = user;
    if (err) {
        refuse(c->call, err);
        return;
    }
    if (api_key && kf_secret_len(api_key)) c->key[c->n++] = kf_secret_copy(api_key);
    c->profile = kf_json_next(c->profile);
    next_key(c);
}

static void next_key(cleaning *c) {
    if (!c->profile) keys_are_here(c);
    else
        kf_keeper_api_key(c->a->keeper,
                          kf_json_value_str(c->profile) ? kf_json_value_str(c->profile) : "",
                          got_key, c);
}

static void clean(kf_agent *a, kf_call *call) {
    cleaning *c = kf_new(cleaning);
    *c = (cleaning){.a = a, .call = call, .source = KF_FROM_COUNT};
    kf_call_keep(call, c, cleaning_free);
    const kf_json *profiles = kf_json_get(kf_call_params(call), "profiles");
    const char *source = kf_call_str(call, "source", ""), *path = kf_call_str(call, "path", NULL);
    c->profile = kf_json_first(profiles);
    for (int s = 0; s < KF_FROM_COUNT; s++)
        if (kf_str_eq(source, kf_import_source_name(s))) c->source = s;
    if (c->source == KF_FROM_COUNT)
        kf_fail(&c->err, KF_ERR_USAGE_BAD, "%.40s is no source; workos, workos-go and env are",
                source);
    else if (c->source == KF_FROM_ENV && (!path || *path != '/'))
        kf_fail(&c->err, KF_ERR_USAGE_BAD, "the path of the .env file must be absolute");
    else if (kf_json_count(profiles) > PROFILES_MAX)
        kf_fail(&c->err, KF_ERR_USAGE_BAD, "%d profiles are the most", PROFILES_MAX);
    else if (!strcmp(kf_store_kind(a->store), "memory"))
        kf_fail(&c->err, KF_ERR_USAGE_BAD,
                "keyfob keeps secrets in memory only here (store = memory), so the file stays as "
                "it is");
    if (c->err.code) refuse(c->call, &c->err);
    else next_key(c);
}

void kf_method_preview_clean_up(kf_agent *a, kf_call *call) { clean(a, call); }
void kf_method_clean_up(kf_agent *a, kf_call *call) { clean(a, call); }
