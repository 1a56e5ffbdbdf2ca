/* Reads the WorkOS environments of other tools, from files and from the keyring, for FindImports
 * and Import. It changes nothing there. */
#include "agent/import_gather.h"

#include <glib.h>
#include "base/mem.h"
#include "base/str.h"
#include "io/foreign_file.h"
#include "wire/client.h"

const char *kf_import_source_name(kf_import_source s) {
    static const char *const name[KF_FROM_COUNT] = {"workos", "workos-go", "env"};
    return (unsigned)s < KF_FROM_COUNT ? name[s] : "";
}

size_t kf_import_files(kf_import_source s, const char *env_path,
                       kf_import_file out[KF_IMPORT_FILES]) {
    KF_AUTO_CHARS home = kf_home_dir(NULL);
    if (!home && s != KF_FROM_ENV) return 0;
    switch (s) {
    case KF_FROM_WORKOS:
        out[0] = (kf_import_file){KF_IMPORT_CONFIG, kf_strfmt("%s/.workos/config.json", home)};
        out[1] =
            (kf_import_file){KF_IMPORT_CREDENTIALS, kf_strfmt("%s/.workos/credentials.json", home)};
        return 2;
    case KF_FROM_GO:
        out[0] = (kf_import_file){KF_IMPORT_GO, kf_strfmt("%s/.workos.json", home)};
        return 1;
    case KF_FROM_ENV:
        if (!env_path) return 0;
        out[0] = (kf_import_file){KF_IMPORT_ENV, kf_strdup(env_path)};
        return 1;
    default: return 0;
    }
}

static void gather_free(void *user) {
    kf_gather *g = user;
    kf_foreign_cancel(g->foreign);
    for (int s = 0; s < KF_FROM_COUNT; s++) kf_import_free(g->list[s]);
    kf_import_free(g->credentials);
    kf_json_free(g->places);
    free(g);
}

/* Nobody waits for a keyring's prompt any more. */
static void client_gone(void *user) { kf_call_drop(user); }

/* --- places
 * ----------------------------------------------------------------------------------------- */

static kf_json *add_place(kf_gather *g, kf_import_source s, const char *place, const char *state,
                          const kf_err *err) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "source", kf_import_source_name(s));
    kf_json_set_str(j, "place", place);
    kf_json_set_str(j, "state", state);
    if (err) {
        g_autofree char *what = g_utf8_make_valid(err->what, -1);
        kf_json_set_str(j, "problem", what);
        kf_json_set_str(j, "error", kf_err_name(err->code));
        if (*err->hint) kf_json_set_str(j, "hint", err->hint);
    }
    kf_json_add(g->places, j);
    return j;
}

/* A .env file has one environment and no name for it: the folder's is the best there is. */
static void name_of_folder(kf_import *i, const char *path) {
    g_autofree char *dir = g_path_get_dirname(path);
    g_autofree char *base = g_path_get_basename(dir);
    for (size_t k = 0; k < i->n; k++) {
        free(i->item[k].name);
        i->item[k].name =
            kf_strdup(strcmp(base, "/") && g_utf8_validate(base, -1, NULL) ? base : "");
    }
}

/* NULL: nothing there, or refused; the place says which. */
static kf_import *read_file(kf_gather *g, kf_import_source s, const kf_import_file *f) {
    KF_AUTO(kf_secret) text = NULL;
    KF_AUTO_CHARS real = NULL;
    kf_err e;
    int rc = kf_foreign_read(f->path, KF_IMPORT_MAX, &text, &real, &e);
    const char *path = real ? real : f->path;
    KF_AUTO_CHARS shown =
        g_utf8_validate(path, -1, NULL) ? kf_strdup(path) : kf_strdup("(a path that is not UTF-8)");
    kf_import *i =
        rc > 0 ? kf_import_read(f->form, shown, kf_secret_peek(text), kf_secret_len(text), &e)
               : NULL;
    kf_json *place = add_place(g, s, shown,
                               i    ? "found"
                               : rc ? "refused"
                                    : "absent",
                               i || !rc ? NULL : &e);
    if (i && i->cookie_password) kf_json_set_bool(place, "cookie_password", true);
    if (i && f->form == KF_IMPORT_ENV) name_of_folder(i, real);
    return i;
}

static void read_files(kf_gather *g, kf_import_source s) {
    kf_import_file f[KF_IMPORT_FILES];
    size_t n = kf_import_files(s, kf_call_str(g->call, "path", NULL), f);
    for (size_t k = 0; k < n; k++) {
        kf_import *i = read_file(g, s, &f[k]);
        if (f[k].form == KF_IMPORT_CREDENTIALS) g->credentials = i;
        else g->list[s] = i;
        free(f[k].path);
    }
}

/* --- the keyring
 * ------------------------------------------------------------------------------------ */

static void finish(kf_gather *g) {
    for (int s = 0; s < KF_FROM_COUNT; s++)
        if (!g->list[s] && !(g->list[s] = calloc(1, sizeof *g->list[s]))) abort();
    if (g->credentials) kf_import_join(g->list[KF_FROM_WORKOS], g->credentials);
    g->then(g);
}

/* The newest value that can be read. */
static kf_import *read_values(kf_gather *g, kf_import_form form, const kf_secret *const *value,
                              size_t n) {
    static const char *const place[] = {"keyring item workos-cli/config",
                                        "keyring item workos-cli/credentials"};
    const char *at = place[form == KF_IMPORT_CREDENTIALS];
    kf_err e;
    kf_import *best = NULL;
    for (size_t k = 0; k < n; k++) {
        kf_import *i =
            kf_import_read(form, at, kf_secret_peek(value[k]), kf_secret_len(value[k]), &e);
        if (!i) continue;
        bool better = !best || (form == KF_IMPORT_CREDENTIALS && i->stamp > best->stamp);
        kf_import_free(better ? best : i);
        if (better) best = i;
    }
    add_place(g, KF_FROM_WORKOS, at,
              best ? "found"
              : n  ? "refused"
                   : "absent",
              best || !n ? NULL : &e);
    return best;
}

static void keyring_over(kf_gather *g, const kf_err *err) {
    add_place(g, KF_FROM_WORKOS, "keyring", "refused", err);
    finish(g);
}

static void got_credentials(void *user, const kf_secret *const *value, size_t n,
                            const kf_err *err) {
    kf_gather *g = user;
    g->foreign = NULL;
    if (err) {
        keyring_over(g, err);
        return;
    }
    kf_import *i = read_values(g, KF_IMPORT_CREDENTIALS, value, n);
    bool newer =
        i && (!g->credentials ||
              i->stamp >= g->credentials->stamp); /* the CLI leaves an old copy in the file */
    kf_import_free(newer ? g->credentials : i);
    if (newer) g->credentials = i;
    finish(g);
}

static void got_config(void *user, const kf_secret *const *value, size_t n, const kf_err *err) {
    kf_gather *g = user;
    g->foreign = NULL;
    if (err) {
        keyring_over(g, err);
        return;
    }
    kf_import *i = read_values(g, KF_IMPORT_CONFIG, value, n);
    if (i) {
        kf_import_free(g->list[KF_FROM_WORKOS]);
        g->list[KF_FROM_WORKOS] = i;
    }
    g->foreign = kf_foreign_find(g->a->loop, "workos-cli", "credentials",
                                 kf_call_bool(g->call, "interactive", false), got_credentials, g);
}

bool kf_gather_start(kf_agent *a, kf_call *call, void (*then)(kf_gather *g), kf_err *err) {
    const char *source = kf_call_str(call, "source", NULL);
    const char *path = kf_call_str(call, "path", NULL);
    bool wanted[KF_FROM_COUNT] = {!source, !source, !source && path}, any = !source;
    for (int s = 0; source && s < KF_FROM_COUNT; s++)
        any = (wanted[s] = !strcmp(source, kf_import_source_name(s))) || any;
    if (!any)
        return kf_fail(err, KF_ERR_USAGE_BAD, "%.40s is no source; workos, workos-go and env are",
                       source);
    if (path && *path != '/')
        return kf_fail(err, KF_ERR_USAGE_BAD, "the path of the .env file must be absolute");
    if (wanted[KF_FROM_ENV] && !path) return kf_fail(err, KF_ERR_USAGE_BAD, "which .env file?");
    kf_gather *g = kf_new(kf_gather);
    *g = (kf_gather){.a = a, .call = call, .places = kf_json_arr(), .then = then};
    kf_call_keep(call, g, gather_free);
    kf_call_on_gone(call, client_gone, call);
    for (int s = 0; s < KF_FROM_COUNT; s++)
        if (wanted[s]) read_files(g, s);
    if (wanted[KF_FROM_WORKOS] && kf_call_bool(call, "keyring", false))
        g->foreign = kf_foreign_find(a->loop, "workos-cli", "config",
                                     kf_call_bool(call, "interactive", false), got_config, g);
    else finish(g);
    return true;
}
