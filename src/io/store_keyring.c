/* The Secret Service through libsecret's asynchronous API. Every operation is one object that walks
 * its stages: service, search (which never unlocks, so that locked and missing can be told apart),
 * perhaps unlock, then the thing itself. It has a deadline, and ends exactly once. */
#include "io/store_impl.h"

#include <libsecret/secret.h>
#include "base/log.h"
#include "base/str.h"
#include "io/bus.h"

enum { QUIET_MS = 5000, PERSON_MS = 5 * 60 * 1000, REMEMBER_MS = 10000 };
typedef enum verb { LOAD, SAVE, DELETE, LIST, PROBE, UNLOCK } verb;

typedef struct keyring {
    kf_store base;
    kf_store_state state;
    kf_err last;              /* of an absent or silent provider */
    int64_t last_at;          /* boot ms; not asked again at once: a failing service is not polled */
    struct op *open;
} keyring;

typedef struct op {
    struct op *next;
    keyring *k;               /* NULL: the store is gone, only clean up */
    verb verb;
    char id[17], kind[24];
    char *label;
    kf_secret *blob;
    bool interactive, timed_out, begun;
    GCancellable *cancel;
    kf_loop_id deadline;
    SecretService *service;
    SecretCollection *collection;
    SecretItem *item;
    GList *found;
    kf_store_done done;
    kf_store_list_done list_done;
    void *user;
} op;

static const SecretSchema schema = {
    .name = "io.keyfob.Item",
    .flags = SECRET_SCHEMA_DONT_MATCH_NAME,
    .attributes = {{"application", SECRET_SCHEMA_ATTRIBUTE_STRING}, {"id", SECRET_SCHEMA_ATTRIBUTE_STRING}, {"kind", SECRET_SCHEMA_ATTRIBUTE_STRING}},
};

/* --- ends ---------------------------------------------------------------------------------------- */

static void op_free(op *o) {
    g_clear_object(&o->cancel);
    g_clear_object(&o->service);
    g_clear_object(&o->collection);
    g_clear_object(&o->item);
    g_list_free_full(o->found, g_object_unref);
    kf_secret_free(o->blob);
    free(o->label);
    free(o);
}

static void list_items(op *o, const kf_err *err) {
    size_t n = 0, max = g_list_length(o->found);
    kf_store_item *all = calloc(max ? max : 1, sizeof *all);
    if (!all) abort();
    for (GList *l = o->found; l && !err; l = l->next) {
        g_autoptr(GHashTable) a = secret_item_get_attributes(l->data);
        const char *id = g_hash_table_lookup(a, "id"), *kind = g_hash_table_lookup(a, "kind");
        if (id && kind && kf_store_names_ok(id, kind) && kf_str_set(all[n].id, sizeof all[n].id, id) &&
            kf_str_set(all[n].kind, sizeof all[n].kind, kind))
            n++;
    }
    o->list_done(o->user, all, n, err);
    free(all);
}

static kf_store_state state_of(kf_err_code c) {
    switch (c) {
    case KF_ERR_STORE_LOCKED: return KF_STORE_LOCKED;
    case KF_ERR_STORE_ABSENT: return KF_STORE_ABSENT;
    case KF_ERR_STORE_SILENT: return KF_STORE_SILENT;
    case KF_ERR_STORE_DENIED: return KF_STORE_DENIED;
    default: return KF_STORE_OK;
    }
}

static void finish(op *o, const kf_secret *blob, const kf_err *err) {
    keyring *k = o->k;
    if (k) {
        op **p = &k->open;
        while (*p != o) p = &(*p)->next;
        *p = o->next;
        kf_loop_cancel(k->base.loop, o->deadline);
        k->state = err ? state_of(err->code) : KF_STORE_OK;
        if (err && (k->state == KF_STORE_ABSENT || k->state == KF_STORE_SILENT)) {
            k->last = *err;
            k->last_at = kf_boot_ms();
        }
        if (o->list_done) list_items(o, err);
        else o->done(o->user, blob, err);
    }
    op_free(o);
}

static void fail(op *o, kf_err_code code, const char *what) {
    kf_err e;
    kf_fail(&e, code, "%s", what);
    finish(o, NULL, &e);
}

static void fail_with(op *o, GError *g, const char *doing) {
    kf_err_code code = o->verb == SAVE || o->verb == PROBE ? KF_ERR_STORE_WRITE : KF_ERR_STORE_ABSENT;
    if (o->timed_out || g_error_matches(g, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) || g_error_matches(g, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY) ||
        g_error_matches(g, G_DBUS_ERROR, G_DBUS_ERROR_TIMEOUT))
        code = KF_ERR_STORE_SILENT;
    else if (g_error_matches(g, SECRET_ERROR, SECRET_ERROR_IS_LOCKED)) code = KF_ERR_STORE_LOCKED;
    else if (g_error_matches(g, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED)) code = KF_ERR_STORE_DENIED;
    else if (g->domain == G_DBUS_ERROR && (g->code == G_DBUS_ERROR_SERVICE_UNKNOWN || g->code == G_DBUS_ERROR_NAME_HAS_NO_OWNER)) code = KF_ERR_STORE_ABSENT;
    else if (g->domain == G_IO_ERROR) code = KF_ERR_STORE_ABSENT;
    g_autofree char *text = g_strdup_printf("%s: %.160s", doing, o->timed_out ? "no answer in time" : g->message);
    g_error_free(g);
    if (code == KF_ERR_STORE_ABSENT || code == KF_ERR_STORE_SILENT) secret_service_disconnect();
    fail(o, code, text);
}

static void deadline_over(void *user) {
    op *o = user;
    o->deadline = 0;
    o->timed_out = true;
    g_cancellable_cancel(o->cancel); /* whatever is waited for ends with an error now */
}

/* --- the thing itself ---------------------------------------------------------------------------- */

static SecretValue *value_of(const op *o) {
    return secret_value_new(kf_secret_peek(o->blob), (gssize)kf_secret_len(o->blob), "text/plain");
}

static void deleted(GObject *src, GAsyncResult *res, gpointer p) {
    op *o = p;
    GError *g = NULL;
    if (!secret_item_delete_finish(SECRET_ITEM(src), res, &g)) fail_with(o, g, "remove an item");
    else finish(o, NULL, NULL);
}

static void read_back(GObject *src, GAsyncResult *res, gpointer p) {
    op *o = p;
    GError *g = NULL;
    if (!secret_item_load_secret_finish(SECRET_ITEM(src), res, &g)) {
        fail_with(o, g, "read an item back");
        return;
    }
    SecretValue *v = secret_item_get_secret(SECRET_ITEM(src));
    gsize n = 0;
    const char *text = v ? secret_value_get(v, &n) : NULL;
    bool same = v && n == kf_secret_len(o->blob) && kf_ct_eq(text, kf_secret_peek(o->blob), n);
    if (v) secret_value_unref(v);
    if (!same) fail(o, KF_ERR_STORE_WRITE, "the keyring gives back something else than was written");
    else if (o->verb == PROBE) secret_item_delete(SECRET_ITEM(src), o->cancel, deleted, o);
    else finish(o, NULL, NULL);
}

static void written(op *o) { secret_item_load_secret(o->item, o->cancel, read_back, o); }

static void was_set(GObject *src, GAsyncResult *res, gpointer p) {
    op *o = p;
    GError *g = NULL;
    if (!secret_item_set_secret_finish(SECRET_ITEM(src), res, &g)) fail_with(o, g, "write an item");
    else written(o);
}

static void was_created(GObject *src, GAsyncResult *res, gpointer p) {
    op *o = p;
    GError *g = NULL;
    (void)src;
    o->item = secret_item_create_finish(res, &g);
    if (!o->item) fail_with(o, g, "create an item");
    else written(o);
}

static void loaded(GObject *src, GAsyncResult *res, gpointer p) {
    op *o = p;
    GError *g = NULL;
    if (!secret_item_load_secret_finish(SECRET_ITEM(src), res, &g)) {
        fail_with(o, g, "read an item");
        return;
    }
    SecretValue *v = secret_item_get_secret(SECRET_ITEM(src));
    if (!v) {
        fail(o, KF_ERR_STORE_LOCKED, "the keyring is locked");
        return;
    }
    gsize n = 0;
    const char *text = secret_value_get(v, &n);
    KF_AUTO(kf_secret) blob = kf_secret_new(text, n);
    secret_value_unref(v);
    finish(o, blob, NULL);
}

static void act(op *o) {
    switch (o->verb) {
    case LOAD:
        if (o->item) secret_item_load_secret(o->item, o->cancel, loaded, o);
        else fail(o, KF_ERR_STORE_NOT_FOUND, "the keyring has no such item");
        return;
    case SAVE:
    case PROBE: {
        SecretValue *v = value_of(o);
        if (o->item) secret_item_set_secret(o->item, v, o->cancel, was_set, o); /* never replace: platform.md §2 */
        else {
            g_autoptr(GHashTable) a = secret_attributes_build(&schema, "application", "keyfob", "id", o->id, "kind", o->kind, NULL);
            secret_item_create(o->collection, &schema, a, o->label ? o->label : "keyfob", v, SECRET_ITEM_CREATE_NONE, o->cancel, was_created, o);
        }
        secret_value_unref(v);
        return;
    }
    case DELETE:
        if (o->item) secret_item_delete(o->item, o->cancel, deleted, o);
        else finish(o, NULL, NULL);
        return;
    case LIST:
    case UNLOCK: finish(o, NULL, NULL); return;
    }
}

/* --- service, search, collection, unlock --------------------------------------------------------- */

static void was_unlocked(GObject *src, GAsyncResult *res, gpointer p) {
    op *o = p;
    GError *g = NULL;
    g_autolist(GDBusProxy) list = NULL;
    int n = secret_service_unlock_finish(SECRET_SERVICE(src), res, &list, &g);
    if (g) fail_with(o, g, "unlock the keyring");
    else if (n < 1) fail(o, KF_ERR_STORE_DENIED, "the keyring was not unlocked");
    else act(o);
}

static void got_collection(GObject *src, GAsyncResult *res, gpointer p) {
    op *o = p;
    GError *g = NULL;
    (void)src;
    o->collection = secret_collection_for_alias_finish(res, &g);
    if (g) {
        fail_with(o, g, "look for the default keyring");
        return;
    }
    if (!o->collection) {
        fail(o, KF_ERR_STORE_ABSENT, "there is no default keyring yet");
        return;
    }
    if (!secret_collection_get_locked(o->collection)) {
        act(o);
        return;
    }
    if (!o->interactive) {
        fail(o, KF_ERR_STORE_LOCKED, "the keyring is locked");
        return;
    }
    GList one = {.data = o->collection};
    if (o->k) o->k->state = KF_STORE_PROMPT_OPEN;
    secret_service_unlock(o->service, &one, o->cancel, was_unlocked, o);
}

static void searched(GObject *src, GAsyncResult *res, gpointer p) {
    op *o = p;
    GError *g = NULL;
    o->found = secret_service_search_finish(SECRET_SERVICE(src), res, &g);
    if (g) {
        fail_with(o, g, "search the keyring");
        return;
    }
    if (o->found && o->verb != LIST && o->verb != UNLOCK) o->item = g_object_ref(o->found->data);
    bool open = o->item && !secret_item_get_locked(o->item);
    /* not found may mean locked, and a new item needs its collection */
    if (open) act(o);
    else secret_collection_for_alias(o->service, SECRET_COLLECTION_DEFAULT, SECRET_COLLECTION_NONE, o->cancel, got_collection, o);
}

static void got_service(GObject *src, GAsyncResult *res, gpointer p) {
    op *o = p;
    GError *g = NULL;
    (void)src;
    o->service = secret_service_get_finish(res, &g);
    if (!o->service) {
        fail_with(o, g, "reach the Secret Service");
        return;
    }
    /* a bus that ends must not end the agent */
    g_dbus_connection_set_exit_on_close(g_dbus_proxy_get_connection(G_DBUS_PROXY(o->service)), FALSE);
    g_autoptr(GHashTable) a = o->verb == LIST || o->verb == UNLOCK
                                  ? secret_attributes_build(&schema, "application", "keyfob", NULL)
                                  : secret_attributes_build(&schema, "application", "keyfob", "id", o->id, "kind", o->kind, NULL);
    secret_service_search(o->service, &schema, a, SECRET_SEARCH_ALL, o->cancel, searched, o);
}

static void begin(void *user) {
    op *o = user;
    keyring *k = o->k;
    o->deadline = 0;
    if (!kf_bus_there()) {
        fail(o, KF_ERR_STORE_ABSENT, "there is no D-Bus session here (DBUS_SESSION_BUS_ADDRESS is not set)");
        return;
    }
    if (!o->interactive && k->last.code != KF_ERR_NONE && kf_boot_ms() - k->last_at < REMEMBER_MS) {
        kf_err e = k->last;
        int64_t at = k->last_at;
        finish(o, NULL, &e);
        k->last_at = at; /* remembered once, not for ever */
        return;
    }
    o->deadline = kf_loop_after(k->base.loop, o->interactive ? PERSON_MS : QUIET_MS, deadline_over, o);
    o->begun = true;
    secret_service_get(o->verb == LIST || o->verb == UNLOCK || o->verb == DELETE ? SECRET_SERVICE_NONE : SECRET_SERVICE_OPEN_SESSION,
                       o->cancel, got_service, o);
}

static op *op_new(kf_store *s, verb v, const char *id, const char *kind, bool interactive, kf_store_done done, void *user) {
    keyring *k = (keyring *)s;
    op *o = calloc(1, sizeof *o);
    if (!o) abort();
    *o = (op){.next = k->open, .k = k, .verb = v, .interactive = interactive, .done = done, .user = user, .cancel = g_cancellable_new()};
    if (!kf_str_set(o->id, sizeof o->id, id) || !kf_str_set(o->kind, sizeof o->kind, kind)) abort();
    k->open = o;
    o->deadline = kf_loop_after(s->loop, 0, begin, o); /* done never runs inside the call */
    return o;
}

/* --- the table ----------------------------------------------------------------------------------- */

static void load(kf_store *s, const char *id, const char *kind, bool interactive, kf_store_done done, void *user) {
    op_new(s, LOAD, id, kind, interactive, done, user);
}
static void save(kf_store *s, const char *id, const char *kind, const char *label, const kf_secret *blob, bool interactive,
                 kf_store_done done, void *user) {
    op *o = op_new(s, SAVE, id, kind, interactive, done, user);
    o->label = kf_strdup(label);
    o->blob = kf_secret_copy(blob);
}
static void del(kf_store *s, const char *id, const char *kind, kf_store_done done, void *user) {
    op_new(s, DELETE, id, kind, false, done, user);
}
static void list(kf_store *s, kf_store_list_done done, void *user) {
    op_new(s, LIST, NULL, NULL, false, NULL, user)->list_done = done;
}
static void probe(kf_store *s, bool interactive, kf_store_done done, void *user) {
    op *o = op_new(s, PROBE, "0000000000000000", "probe", interactive, done, user);
    o->label = kf_strdup("keyfob: can this keyring be written?");
    o->blob = kf_secret_new("probe", 5);
}
/* A probe item of its own for each profile: two that renew at once must not meet at one item. */
static void reserve(kf_store *s, const char *id, const char *kind, size_t size, bool interactive,
                    kf_store_done done, void *user) {
    (void)kind, (void)size;
    op *o = op_new(s, PROBE, id, "probe", interactive, done, user);
    o->label = kf_strdup("keyfob: can this keyring be written?");
    o->blob = kf_secret_new("probe", 5);
}
static bool refuse_seal(kf_err *err) {
    return kf_fail(err, KF_ERR_STORE_WRITE, "the keyring has no spare key");
}
static kf_secret *seal(kf_store *s, const char *id, const char *kind, const kf_secret *blob,
                       kf_err *err) {
    (void)s, (void)id, (void)kind, (void)blob;
    refuse_seal(err);
    return NULL;
}
typedef struct no_key {
    kf_store_done done;
    void *user;
} no_key;
static void say_no_key(void *p) {
    no_key *n = p;
    kf_err e;
    refuse_seal(&e);
    n->done(n->user, NULL, &e);
    free(n);
}
static void unseal(kf_store *s, const char *id, const char *kind, const kf_secret *sealed,
                   kf_store_done done, void *user) {
    (void)id, (void)kind, (void)sealed;
    no_key *n = malloc(sizeof *n);
    if (!n) abort();
    *n = (no_key){done, user};
    kf_loop_post(s->loop, say_no_key, n);
}
static void unlock(kf_store *s, const kf_secret *pass, bool create, kf_store_done done, void *user) {
    (void)pass;
    (void)create;
    op_new(s, UNLOCK, NULL, NULL, true, done, user);
}
static void lock(kf_store *s) { (void)s; } /* the keyring's own lock is the protection */
static kf_store_state state(const kf_store *s) { return ((const keyring *)s)->state; }
static void free_store(kf_store *s) {
    keyring *k = (keyring *)s;
    while (k->open) {
        op *o = k->open;
        k->open = o->next;
        o->k = NULL;
        kf_loop_cancel(s->loop, o->deadline);
        g_cancellable_cancel(o->cancel);
        if (!o->begun) op_free(o); /* else its callback comes once more, and cleans up */
    }
    secret_service_disconnect();
    free(k);
}

kf_store *kf_store_keyring_new(kf_loop *l) {
    static const kf_store_class cls = {"secret-service", load, save, del, list, probe, reserve, seal, unseal, unlock, lock, state, free_store};
    keyring *k = calloc(1, sizeof *k);
    if (!k) abort();
    k->base = (kf_store){&cls, l};
    k->state = KF_STORE_UNKNOWN;
    return &k->base;
}

/* --- store = auto -------------------------------------------------------------------------------- */

typedef struct pick {
    kf_store *store;
    kf_loop *loop;
    kf_store_pick_done done;
    void *user;
    char *why;
} pick;

static void pick_end(void *user) {
    pick *p = user;
    kf_store_free(p->store);
    bool keyring_works = !p->why;
    p->done(p->user, keyring_works ? "secret-service" : "vault", keyring_works ? "the Secret Service can be written" : p->why);
    free(p->why);
    free(p);
}

static void probed(void *user, const kf_secret *blob, const kf_err *err) {
    pick *p = user;
    (void)blob;
    if (err) p->why = kf_strfmt("the Secret Service cannot be used (%s)", err->what);
    kf_loop_post(p->loop, pick_end, p); /* not inside the store's own callback: it is freed there */
}

void kf_store_pick(kf_loop *l, kf_store_pick_done done, void *user) {
    pick *p = calloc(1, sizeof *p);
    if (!p) abort();
    *p = (pick){.store = kf_store_keyring_new(l), .loop = l, .done = done, .user = user};
    kf_store_probe(p->store, false, probed, p);
}
