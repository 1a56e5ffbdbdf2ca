/* One operation on the Secret Service: connection, D-Bus calls, prompts, unlocking, deadline and
 * end. store_keyring.c has the verbs that the operations run. */
#include "io/keyring.h"

#include <stdarg.h>
#include "base/mem.h"
#include "base/str.h"
#include "io/bus.h"

/* QUIET_MS: without an answer to any call of the store, so that a provider that is busy with the
 * others' calls is not called silent. */
enum {
    QUIET_MS = 5000,
    LONGEST_MS = 30 * 1000,
    PERSON_MS = 5 * 60 * 1000,
    REMEMBER_MS = 10000,
    ROUNDS = 2
};

#define SECRETS "org.freedesktop.secrets"
#define PROMPT "org.freedesktop.Secret.Prompt"

static GDBusConnection *bus_of(const kf_keyring_op *o) {
    return g_dbus_proxy_get_connection(G_DBUS_PROXY(o->service));
}

/* --- ends --------------------------------------------------------------------------------- */

static void end_prompt(kf_keyring_op *o) {
    if (o->signal) g_dbus_connection_signal_unsubscribe(bus_of(o), o->signal);
    if (o->watch) g_bus_unwatch_name(o->watch);
    o->signal = o->watch = 0;
    g_clear_pointer(&o->prompt, g_free);
}

static void dismiss_prompt(kf_keyring_op *o) {
    if (o->prompt)
        g_dbus_connection_call(bus_of(o), SECRETS, o->prompt, PROMPT, "Dismiss", NULL, NULL,
                               G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL, NULL, NULL);
    end_prompt(o);
}

static void free_op(kf_keyring_op *o) {
    kf_keyring_drop_found(o);
    g_clear_object(&o->cancel);
    g_clear_object(&o->service);
    free(o->collection);
    free(o->label);
    free(o->items);
    kf_secret_free(o->blob);
    kf_secret_free(o->value);
    g_clear_error(&o->failed);
    free(o);
}

/* Takes o out of the store. Nothing is called for it any more; callbacks may still come. */
static void detach_op(kf_keyring_op *o) {
    kf_keyring_op **p = &o->k->open;
    while (*p != o) p = &(*p)->next;
    *p = o->next;
    kf_loop_cancel(o->k->base.loop, o->deadline);
    if (o->k->asker == o) o->k->asker = NULL;
    dismiss_prompt(o);
    o->k = NULL;
}

static void release_op(kf_keyring_op *o) {
    if (o->pending) g_cancellable_cancel(o->cancel); /* its last callback frees it */
    else free_op(o);
}

void kf_keyring_abandon(kf_keyring_op *o) {
    detach_op(o);
    release_op(o);
}

static kf_store_state state_of(const kf_keyring_op *o, const kf_err *err) {
    if (!err) return o->saw_locked ? KF_STORE_LOCKED : KF_STORE_OK;
    switch (err->code) {
    case KF_ERR_STORE_LOCKED: return KF_STORE_LOCKED;
    case KF_ERR_STORE_ABSENT: return KF_STORE_ABSENT;
    case KF_ERR_STORE_SILENT: return KF_STORE_SILENT;
    case KF_ERR_STORE_DENIED: return KF_STORE_DENIED;
    default: return KF_STORE_OK;
    }
}

static void end_asking(kf_keyring_op *o, const kf_err *err);

void kf_keyring_finish(kf_keyring_op *o, const kf_secret *blob, const kf_err *err) {
    kf_keyring *k = o->k;
    if (o->settled) err = NULL;
    k->state = state_of(o, err);
    k->last.code = KF_ERR_NONE;
    if (err && (k->state == KF_STORE_ABSENT || k->state == KF_STORE_SILENT)) {
        k->last = *err;
        k->last_at = kf_boot_ms();
    }
    end_asking(o, err);
    detach_op(o);
    if (o->list_done) o->list_done(o->user, o->items, err ? 0 : o->n_items, err);
    else o->done(o->user, blob, err);
    release_op(o);
}

void kf_keyring_fail(kf_keyring_op *o, kf_err_code code, const char *fmt, ...) {
    kf_err e;
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    kf_fail(&e, code, "%.250s", text);
    kf_keyring_finish(o, NULL, &e);
}

static void deadline_over(void *user);

static void set_deadline(kf_keyring_op *o, int64_t ms) {
    kf_loop_cancel(o->k->base.loop, o->deadline);
    o->deadline = kf_loop_after(o->k->base.loop, ms, deadline_over, o);
}

static void begin_again(kf_keyring_op *o);

/* Does not wait for the cancelled call: some calls of libsecret and of providers never return. */
static void deadline_over(void *user) {
    kf_keyring_op *o = user;
    int64_t now = kf_boot_ms(), quiet = now - o->k->heard_at;
    o->deadline = 0;
    if (o->waiting || (o->prompt && o->k->asker == o))
        kf_keyring_fail(o, KF_ERR_STORE_DENIED, "its dialog was not answered within %d minutes",
                        PERSON_MS / 60000);
    else if (quiet < QUIET_MS && now - o->begun_at < LONGEST_MS) set_deadline(o, QUIET_MS - quiet);
    else
        kf_keyring_fail(o, KF_ERR_STORE_SILENT, "%s: no answer within %lld s", o->doing,
                        (long long)(now - o->begun_at) / 1000);
}

/* Without the time that a person needed. */
static void begin_quiet(kf_keyring_op *o) {
    o->begun_at = kf_boot_ms();
    set_deadline(o, QUIET_MS);
}

/* --- errors of D-Bus ---------------------------------------------------------------------- */

bool kf_keyring_is_outdated(const GError *g) {
    g_autofree char *name = g_dbus_error_get_remote_error(g);
    return g_error_matches(g, SECRET_ERROR, SECRET_ERROR_NO_SUCH_OBJECT) ||
           g_error_matches(g, SECRET_ERROR, SECRET_ERROR_IS_LOCKED) ||
           g_error_matches(g, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_METHOD) ||
           g_error_matches(g, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_OBJECT) ||
           g_error_matches(g, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_INTERFACE) ||
           g_error_matches(g, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY) || /* it was restarted */
           (name && !strcmp(name, "org.freedesktop.Secret.Error.NoSession"));
}

static kf_err_code code_of(const kf_keyring_op *o, const GError *g) {
    if (g_error_matches(g, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) ||
        g_error_matches(g, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY) ||
        g_error_matches(g, G_DBUS_ERROR, G_DBUS_ERROR_TIMEOUT))
        return KF_ERR_STORE_SILENT;
    if (g_error_matches(g, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED)) return KF_ERR_STORE_DENIED;
    if (g_error_matches(g, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN) ||
        g_error_matches(g, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER) ||
        (g->domain == G_IO_ERROR && g->code != G_IO_ERROR_DBUS_ERROR))
        return KF_ERR_STORE_ABSENT;
    return o->verb->writes ? KF_ERR_STORE_WRITE : KF_ERR_STORE_DENIED;
}

void kf_keyring_error(kf_keyring_op *o, GError *g) {
    kf_err_code code = code_of(o, g);
    bool outdated = kf_keyring_is_outdated(g);
    g_dbus_error_strip_remote_error(g);
    g_autofree char *why = g_strdup_printf("%s: %.160s", o->doing, g->message);
    g_error_free(g);
    if (outdated) kf_keyring_again(o, why);
    else kf_keyring_fail(o, code, "%s", why);
}

/* --- calls -------------------------------------------------------------------------------- */

bool kf_keyring_back(kf_keyring_op *o) {
    o->pending--;
    if (o->k) {
        o->k->heard_at = kf_boot_ms();
        return true;
    }
    if (!o->pending) free_op(o);
    return false;
}

void kf_keyring_call_raw(kf_keyring_op *o, const char *path, const char *iface, const char *method,
                         GVariant *args, const char *type, GAsyncReadyCallback fn) {
    o->pending++;
    g_dbus_connection_call(bus_of(o), SECRETS, path, iface, method, args, G_VARIANT_TYPE(type),
                           G_DBUS_CALL_FLAGS_NONE, G_MAXINT, o->cancel, fn, o);
}

static void call_answered(GObject *src, GAsyncResult *res, gpointer p) {
    kf_keyring_op *o = p;
    GError *g = NULL;
    g_autoptr(GVariant) v = g_dbus_connection_call_finish(G_DBUS_CONNECTION(src), res, &g);
    if (!kf_keyring_back(o)) {
        g_clear_error(&g);
        return;
    }
    bool fine = g && o->gone_is_fine && kf_keyring_is_outdated(g) &&
                !g_error_matches(g, SECRET_ERROR, SECRET_ERROR_IS_LOCKED);
    o->gone_is_fine = false;
    if (g && !fine) {
        kf_keyring_error(o, g);
        return;
    }
    g_clear_error(&g);
    o->answer(o, v);
}

void kf_keyring_call(kf_keyring_op *o, const char *doing, const char *path, const char *iface,
                     const char *method, GVariant *args, const char *type, kf_keyring_answer fn) {
    o->doing = doing;
    o->answer = fn;
    kf_keyring_call_raw(o, path, iface, method, args, type, call_answered);
}

/* --- prompts: KeePassXC has one, without a dialog, for every item that is made or deleted  */

static void prompt_vanished(GDBusConnection *bus, const char *name, void *p) {
    kf_keyring_op *o = p;
    end_prompt(o);
    kf_keyring_fail(o, KF_ERR_STORE_ABSENT, "%s: the keyring program has ended", o->doing);
}

static void prompt_completed(GDBusConnection *bus, const char *sender, const char *path,
                             const char *iface, const char *name, GVariant *args, void *p) {
    kf_keyring_op *o = p;
    gboolean dismissed = TRUE;
    g_autoptr(GVariant) result = NULL;
    end_prompt(o);
    if (g_variant_is_of_type(args, G_VARIANT_TYPE("(bv)")))
        g_variant_get(args, "(bv)", &dismissed, &result);
    o->answer(o, dismissed ? NULL : result);
}

static void prompt_shown(GObject *src, GAsyncResult *res, gpointer p) {
    kf_keyring_op *o = p;
    GError *g = NULL;
    GVariant *v = g_dbus_connection_call_finish(G_DBUS_CONNECTION(src), res, &g);
    if (v) g_variant_unref(v);
    if (!kf_keyring_back(o)) {
        g_clear_error(&g);
    } else if (g && o->prompt) {
        end_prompt(o);
        kf_keyring_error(o, g);
    } else g_clear_error(&g); /* it has completed already */
}

void kf_keyring_prompt(kf_keyring_op *o, const char *path, kf_keyring_answer fn) {
    o->answer = fn;
    o->prompt = g_strdup(path);
    o->signal =
        g_dbus_connection_signal_subscribe(bus_of(o), SECRETS, PROMPT, "Completed", path, NULL,
                                           G_DBUS_SIGNAL_FLAGS_NONE, prompt_completed, o, NULL);
    o->watch = g_bus_watch_name_on_connection(bus_of(o), SECRETS, G_BUS_NAME_WATCHER_FLAGS_NONE,
                                              NULL, prompt_vanished, o, NULL);
    kf_keyring_call_raw(o, path, PROMPT, "Prompt", g_variant_new("(s)", ""), "()", prompt_shown);
}

/* --- locked ------------------------------------------------------------------------------- */

/* o does not ask any more. Operations that waited for the answer get the same one: a person who
 * was asked once is not asked again for each of them. */
static void end_asking(kf_keyring_op *o, const kf_err *err) {
    kf_keyring *k = o->k;
    if (k->asker != o) return;
    k->asker = NULL;
    for (kf_keyring_op *w = k->open; w; w = err ? k->open : w->next) {
        while (w && !w->waiting) w = w->next;
        if (!w) return;
        w->waiting = false;
        if (err) {
            kf_keyring_finish(w, NULL, err); /* the list is another one now */
        } else {
            w->asked_items = o->asked_items;
            begin_quiet(w);
            begin_again(w);
        }
    }
}

static void take_unlocked(kf_keyring_op *o, GVariant *v) {
    bool list = v && g_variant_is_of_type(v, G_VARIANT_TYPE("ao"));
    size_t n = list ? g_variant_n_children(v) : 0;
    if (!n) {
        kf_keyring_fail(o, KF_ERR_STORE_DENIED, "%s is still locked",
                        o->asked_items ? "every item of keyfob" : "the collection");
        return;
    }
    begin_quiet(o);
    begin_again(o);
    end_asking(o, NULL);
}

static void unlock_answered(kf_keyring_op *o, GVariant *v) {
    const char *prompt;
    g_variant_get_child(v, 1, "&o", &prompt);
    if (strcmp(prompt, "/")) {
        set_deadline(o, PERSON_MS);
        kf_keyring_prompt(o, prompt, take_unlocked);
    } else { /* see what is open now */
        begin_again(o);
        end_asking(o, NULL);
    }
}

static void unlock_paths(kf_keyring_op *o, const char *const *paths, bool *asked) {
    o->doing = "unlock the keyring";
    if (o->k->asker) {
        o->waiting = true;
        set_deadline(o, PERSON_MS);
        return;
    }
    o->k->asker = o;
    *asked = true;
    kf_keyring_call(o, o->doing, KF_KEYRING_ROOT, KF_KEYRING_SERVICE, "Unlock",
                    g_variant_new("(^ao)", paths), "(aoo)", unlock_answered);
}

static void unlock_all(kf_keyring_op *o) {
    if (*o->shut) unlock_paths(o, (const char *const *)o->shut, &o->asked_items);
    else begin_again(o); /* opened in the meantime */
}

void kf_keyring_open_items(kf_keyring_op *o) {
    if (o->asked_items) kf_keyring_fail(o, KF_ERR_STORE_DENIED, "this item is still locked");
    else if (o->interactive) /* all of keyfob's at once, so that a person sees one dialog */
        kf_keyring_search_all(o, unlock_all);
    else
        kf_keyring_fail(o, KF_ERR_STORE_LOCKED,
                        "it asks a person before it gives keyfob this item");
}

/* --- connection and default collection ---------------------------------------------------- */

static void take_locked(kf_keyring_op *o, GVariant *v) {
    g_autoptr(GVariant) inner = NULL;
    const char *const paths[] = {o->collection, NULL};
    g_variant_get(v, "(v)", &inner);
    bool locked =
        g_variant_is_of_type(inner, G_VARIANT_TYPE_BOOLEAN) && g_variant_get_boolean(inner);
    if (!locked) o->verb->run(o);
    else if (!o->interactive || o->asked_collection)
        kf_keyring_fail(o, KF_ERR_STORE_LOCKED, "collection %.100s",
                        strrchr(o->collection, '/') + 1);
    else unlock_paths(o, paths, &o->asked_collection);
}

/* The lock before the search: KeePassXC answers a search only when a person has opened its
 * database, and shows a dialog for that. */
static void take_alias(kf_keyring_op *o, GVariant *v) {
    const char *path;
    g_variant_get(v, "(&o)", &path);
    free(o->collection);
    o->collection = strcmp(path, "/") ? kf_strdup(path) : NULL;
    if (o->collection)
        kf_keyring_call(o, "is the keyring locked", path, KF_KEYRING_PROPERTIES, "Get",
                        g_variant_new("(ss)", KF_KEYRING_COLLECTION, "Locked"), "(v)", take_locked);
    else o->verb->run(o);
}

static void got_service(GObject *src, GAsyncResult *res, gpointer p) {
    kf_keyring_op *o = p;
    GError *g = NULL;
    SecretService *service = secret_service_get_finish(res, &g);
    if (!kf_keyring_back(o)) {
        g_clear_error(&g);
        g_clear_object(&service);
        return;
    }
    if (g) {
        kf_keyring_error(o, g);
        return;
    }
    g_clear_object(&o->service);
    o->service = service;
    g_dbus_connection_set_exit_on_close(bus_of(o), FALSE); /* nor does the agent end with the bus */
    if (!o->k->bus) o->k->bus = g_object_ref(bus_of(o));
    kf_keyring_call(o, "look for the default keyring", KF_KEYRING_ROOT, KF_KEYRING_SERVICE,
                    "ReadAlias", g_variant_new("(s)", "default"), "(o)", take_alias);
}

static void begin_again(kf_keyring_op *o) {
    kf_keyring_drop_found(o);
    o->doing = "reach the Secret Service";
    o->pending++;
    secret_service_get(o->verb->session ? SECRET_SERVICE_OPEN_SESSION : SECRET_SERVICE_NONE,
                       o->cancel, got_service, o);
}

void kf_keyring_again(kf_keyring_op *o, const char *why) {
    if (o->settled) kf_keyring_finish(o, NULL, NULL);
    else if (o->rounds++ < ROUNDS) begin_again(o);
    else kf_keyring_fail(o, o->verb->writes ? KF_ERR_STORE_WRITE : KF_ERR_STORE_SILENT, "%s", why);
}

static void begin_op(void *user) {
    kf_keyring_op *o = user;
    kf_keyring *k = o->k;
    o->deadline = 0;
    if (o->verb->at_hand && o->verb->at_hand(o)) return;
    if (!kf_bus_there()) {
        kf_keyring_fail(o, KF_ERR_STORE_ABSENT,
                        "there is no D-Bus session here (DBUS_SESSION_BUS_ADDRESS is not set)");
        return;
    }
    bool recent = k->last.code != KF_ERR_NONE && kf_boot_ms() - k->last_at < REMEMBER_MS;
    if (recent && o->verb->may_skip && !o->interactive) {
        kf_err e = k->last;
        int64_t at = k->last_at;
        kf_keyring_finish(o, NULL, &e);
        k->last_at = at; /* remembered once, not for ever */
        return;
    }
    if (k->bus && g_dbus_connection_is_closed(k->bus)) {
        g_clear_object(&k->bus);
        secret_service_disconnect();
    }
    begin_quiet(o);
    begin_again(o);
}

kf_keyring_op *kf_keyring_op_new(kf_store *s, const kf_keyring_verb *v, const char *id,
                                 const char *kind, bool interactive, kf_store_done done,
                                 void *user) {
    kf_keyring *k = (kf_keyring *)s;
    kf_keyring_op *o = kf_new(kf_keyring_op);
    *o = (kf_keyring_op){.next = k->open,
                         .k = k,
                         .verb = v,
                         .interactive = interactive,
                         .done = done,
                         .user = user,
                         .cancel = g_cancellable_new()};
    if (!kf_str_set(o->id, sizeof o->id, id) || !kf_str_set(o->kind, sizeof o->kind, kind)) abort();
    k->open = o;
    o->deadline = kf_loop_after(s->loop, 0, begin_op, o); /* done never runs inside the call */
    return o;
}
