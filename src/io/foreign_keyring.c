/* One object that walks its stages: service, search, perhaps unlock (and search again), load. It
 * ends exactly once. */
#include "io/foreign_keyring.h"

#include <libsecret/secret.h>
#include "base/mem.h"
#include "base/str.h"
#include "io/bus.h"

enum { QUIET_MS = 5000, PERSON_MS = 5 * 60 * 1000 };

struct kf_foreign {
    kf_loop *loop;
    char *service, *name;
    bool interactive, dropped, timed_out, begun,
        opened; /* opened: the keyring was unlocked; not tried twice */
    int variant;
    GCancellable *cancel;
    kf_loop_id deadline;
    SecretService *provider;
    SecretCollection *collection;
    GList *found;
    kf_foreign_done done;
    void *user;
};

static void search(kf_foreign *f);

static void gone(kf_foreign *f) {
    kf_loop_cancel(f->loop, f->deadline);
    g_clear_object(&f->cancel);
    g_clear_object(&f->provider);
    g_clear_object(&f->collection);
    g_list_free_full(f->found, g_object_unref);
    free(f->service);
    free(f->name);
    free(f);
}

static void finish(kf_foreign *f, const kf_secret *const *value, size_t n, const kf_err *err) {
    if (!f->dropped) f->done(f->user, value, n, err);
    gone(f);
}

static void fail(kf_foreign *f, kf_err_code code, const char *what) {
    kf_err e;
    kf_fail(&e, code, "%.220s", what);
    finish(f, NULL, 0, &e);
}

static void fail_with(kf_foreign *f, GError *g, const char *doing) {
    kf_err_code code = KF_ERR_STORE_ABSENT;
    if (f->timed_out || g_error_matches(g, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) ||
        g_error_matches(g, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY) ||
        g_error_matches(g, G_DBUS_ERROR, G_DBUS_ERROR_TIMEOUT))
        code = KF_ERR_STORE_SILENT;
    else if (g_error_matches(g, SECRET_ERROR, SECRET_ERROR_IS_LOCKED)) code = KF_ERR_STORE_LOCKED;
    else if (g_error_matches(g, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED))
        code = KF_ERR_STORE_DENIED;
    g_autofree char *text =
        g_strdup_printf("%s: %.160s", doing, f->timed_out ? "no answer in time" : g->message);
    g_error_free(g);
    if (code == KF_ERR_STORE_ABSENT || code == KF_ERR_STORE_SILENT) secret_service_disconnect();
    fail(f, code, text);
}

static void deadline_over(void *user) {
    kf_foreign *f = user;
    f->deadline = 0;
    f->timed_out = true;
    g_cancellable_cancel(f->cancel);
}

/* --- values
 * ----------------------------------------------------------------------------------------- */

static gint newest_first(gconstpointer a, gconstpointer b) {
    guint64 x = secret_item_get_modified((SecretItem *)(uintptr_t)a),
            y = secret_item_get_modified((SecretItem *)(uintptr_t)b);
    return x < y ? 1 : x > y ? -1 : 0;
}

static void loaded(GObject *src, GAsyncResult *res, gpointer p) {
    kf_foreign *f = p;
    GError *g = NULL;
    if (!secret_item_load_secrets_finish(res, &g)) {
        fail_with(f, g, "read the items");
        return;
    }
    kf_secret *value[KF_FOREIGN_ITEMS];
    size_t n = 0;
    f->found = g_list_sort(f->found, newest_first);
    for (GList *l = f->found; l && n < KF_FOREIGN_ITEMS; l = l->next) {
        SecretValue *v = secret_item_get_secret(l->data);
        gsize len = 0;
        const char *text = v ? secret_value_get(v, &len) : NULL;
        if (text && len <= KF_FOREIGN_MAX) value[n++] = kf_secret_new(text, len);
        if (v) secret_value_unref(v);
    }
    if (n) finish(f, (const kf_secret *const *)value, n, NULL);
    else fail(f, KF_ERR_STORE_DENIED, "the items could not be read");
    while (n) kf_secret_free(value[--n]);
}

/* --- locked
 * ----------------------------------------------------------------------------------------- */

static void unlocked(GObject *src, GAsyncResult *res, gpointer p) {
    kf_foreign *f = p;
    GError *g = NULL;
    g_autolist(GDBusProxy) list = NULL;
    int n = secret_service_unlock_finish(SECRET_SERVICE(src), res, &list, &g);
    if (g) fail_with(f, g, "unlock the keyring");
    else if (n < 1) fail(f, KF_ERR_STORE_DENIED, "the keyring was not unlocked");
    else search(f);
}

static void unlock(kf_foreign *f, GList *what) {
    if (!f->interactive || f->opened) {
        fail(f, KF_ERR_STORE_LOCKED, "the keyring is locked");
        return;
    }
    f->opened = true;
    f->variant = 0;
    secret_service_unlock(f->provider, what, f->cancel, unlocked, f);
}

/* Nothing was found: a locked keyring may hide it. */
static void got_collection(GObject *src, GAsyncResult *res, gpointer p) {
    kf_foreign *f = p;
    GError *g = NULL;
    g_clear_object(&f->collection);
    f->collection = secret_collection_for_alias_finish(res, &g);
    GList one = {.data = f->collection};
    if (g) fail_with(f, g, "look for the default keyring");
    else if (f->collection && secret_collection_get_locked(f->collection)) unlock(f, &one);
    else finish(f, NULL, 0, NULL);
}

/* --- search
 * ----------------------------------------------------------------------------------------- */

static void searched(GObject *src, GAsyncResult *res, gpointer p) {
    kf_foreign *f = p;
    GError *g = NULL;
    g_list_free_full(f->found, g_object_unref);
    f->found = secret_service_search_finish(SECRET_SERVICE(src), res, &g);
    bool locked = false;
    for (GList *l = f->found; l; l = l->next) locked = locked || secret_item_get_locked(l->data);
    if (g) fail_with(f, g, "search the keyring");
    else if (locked) unlock(f, f->found);
    else if (f->found) secret_item_load_secrets(f->found, f->cancel, loaded, f);
    else if (++f->variant < 2) search(f);
    else
        secret_collection_for_alias(f->provider, SECRET_COLLECTION_DEFAULT, SECRET_COLLECTION_NONE,
                                    f->cancel, got_collection, f);
}

static void search(kf_foreign *f) {
    static const char *const second[] = {"username", "account"};
    g_autoptr(GHashTable) a = g_hash_table_new(g_str_hash, g_str_equal);
    g_hash_table_insert(a, (gpointer)(uintptr_t) "service", f->service);
    g_hash_table_insert(a, (gpointer)(uintptr_t)second[f->variant], f->name);
    secret_service_search(f->provider, NULL, a, SECRET_SEARCH_ALL, f->cancel, searched, f);
}

static void got_service(GObject *src, GAsyncResult *res, gpointer p) {
    kf_foreign *f = p;
    GError *g = NULL;
    f->provider = secret_service_get_finish(res, &g);
    if (!f->provider) {
        fail_with(f, g, "reach the Secret Service");
        return;
    }
    g_dbus_connection_set_exit_on_close(g_dbus_proxy_get_connection(G_DBUS_PROXY(f->provider)),
                                        FALSE);
    search(f);
}

static void begin(void *user) {
    kf_foreign *f = user;
    f->deadline = 0;
    if (!kf_bus_there()) {
        fail(f, KF_ERR_STORE_ABSENT, "there is no D-Bus session here");
        return;
    }
    f->deadline = kf_loop_after(f->loop, f->interactive ? PERSON_MS : QUIET_MS, deadline_over, f);
    f->begun = true;
    secret_service_get(SECRET_SERVICE_OPEN_SESSION, f->cancel, got_service, f);
}

kf_foreign *kf_foreign_find(kf_loop *l, const char *service, const char *name, bool interactive,
                            kf_foreign_done done, void *user) {
    kf_foreign *f = kf_new(kf_foreign);
    *f = (kf_foreign){.loop = l,
                      .service = kf_strdup(service),
                      .name = kf_strdup(name),
                      .interactive = interactive,
                      .done = done,
                      .user = user,
                      .cancel = g_cancellable_new()};
    f->deadline = kf_loop_after(l, 0, begin, f);
    return f;
}

kf_foreign *kf_foreign_cancel(kf_foreign *f) {
    if (!f) return NULL;
    f->dropped = true;
    kf_loop_cancel(f->loop, f->deadline);
    f->deadline = 0;
    g_cancellable_cancel(f->cancel);
    if (!f->begun) gone(f); /* else its callback comes once more, and cleans up */
    return NULL;
}
