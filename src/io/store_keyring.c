/* The Secret Service as a store: what each call does with the items that a search finds. */
#include "base/mem.h"
#include "base/str.h"
#include "io/keyring.h"

static void end_well(kf_keyring_op *o) { kf_keyring_finish(o, NULL, NULL); }

static void say_none(kf_keyring_op *o) {
    if (o->collection) kf_keyring_fail(o, KF_ERR_STORE_NOT_FOUND, "the keyring has no such item");
    else kf_keyring_fail(o, KF_ERR_STORE_ABSENT, "there is no default keyring yet");
}

/* --- several items with one name: the highest generation counts, then the last one written -------
 * A winner only ever gets a higher rank, so processes that look at different moments agree. */

/* Below zero, so the highest here: an item that a newer keyfob wrote, which nothing may replace. */
static bool outranks(const kf_keyring_got *a, const kf_keyring_got *b) {
    uint64_t ga = (uint64_t)a->generation, gb = (uint64_t)b->generation;
    if (ga != gb) return ga > gb;
    return a->modified > b->modified; /* the same second: the first path stays */
}

static void put_winner_first(kf_keyring_op *o) {
    size_t best = 0;
    for (size_t i = 1; i < o->n_got; i++)
        if (outranks(&o->got[i], &o->got[best])) best = i;
    kf_keyring_got winner = o->got[best];
    o->got[best] = o->got[0];
    o->got[0] = winner;
}

static void ask_modified(kf_keyring_op *o);

static void take_modified(kf_keyring_op *o, GVariant *v) {
    g_autoptr(GVariant) t = NULL;
    g_variant_get(v, "(v)", &t);
    if (g_variant_is_of_type(t, G_VARIANT_TYPE_UINT64))
        o->got[o->at].modified = g_variant_get_uint64(t);
    o->at++;
    ask_modified(o);
}

static void ask_modified(kf_keyring_op *o) {
    if (o->n_got > 1 && o->at < o->n_got) {
        kf_keyring_call(o, "when was an item written", o->got[o->at].path, KF_KEYRING_PROPERTIES,
                        "Get", g_variant_new("(ss)", KF_KEYRING_ITEM, "Modified"), "(v)",
                        take_modified);
        return;
    }
    put_winner_first(o);
    o->after(o);
}

static void rank_items(kf_keyring_op *o) {
    kf_store_generation_fn fn = o->k->generation;
    for (size_t i = 0; fn && i < o->n_got; i++) o->got[i].generation = fn(o->kind, o->got[i].blob);
    o->at = 0;
    ask_modified(o);
}

/* --- load --------------------------------------------------------------------------------- */

static void give_first(kf_keyring_op *o) { kf_keyring_finish(o, o->got[0].blob, NULL); }

static void was_loaded(kf_keyring_op *o) {
    o->after = give_first;
    if (o->n_got > 1) rank_items(o);
    else give_first(o);
}

static void load_found(kf_keyring_op *o) {
    if (*o->found) kf_keyring_read(o, o->found, was_loaded);
    else if (*o->shut) kf_keyring_open_items(o);
    else say_none(o);
}

static void run_load(kf_keyring_op *o) { kf_keyring_search(o, o->id, o->kind, load_found); }

static void load_item(kf_store *s, const char *id, const char *kind, bool interactive,
                      kf_store_done done, void *user) {
    static const kf_keyring_verb verb = {.run = run_load, .session = true};
    kf_keyring_op_new(s, &verb, id, kind, interactive, done, user);
}

/* --- save --------------------------------------------------------------------------------- */

static void delete_others(kf_keyring_op *o) {
    while (o->found[o->at] && !strcmp(o->found[o->at], o->path)) o->at++;
    if (o->found[o->at]) kf_keyring_delete(o, o->found[o->at++], delete_others);
    else end_well(o);
}

static void compare_saved(kf_keyring_op *o) {
    if (!kf_secret_eq(o->got[0].blob, o->blob)) {
        kf_keyring_fail(o, KF_ERR_STORE_WRITE, "the keyring returns other bytes than were written");
        return;
    }
    o->settled = true;
    o->at = 0;
    delete_others(o);
}

static void was_saved(kf_keyring_op *o) {
    char *paths[] = {o->path, NULL};
    kf_keyring_read(o, paths, compare_saved);
}

static void save_into(kf_keyring_op *o, const char *path) {
    free(o->path);
    o->path = kf_strdup(path);
    kf_keyring_write(o, o->path, o->blob, was_saved);
}

static void save_into_first(kf_keyring_op *o) {
    if (o->got[0].generation >= 0) save_into(o, o->got[0].path);
    else kf_keyring_fail(o, KF_ERR_STORE_NEWER, "a newer keyfob wrote this item");
}

static void save_found(kf_keyring_op *o) {
    o->after = save_into_first;
    if (*o->found) /* read first: what a newer keyfob wrote must not be replaced */
        kf_keyring_read(o, o->found, rank_items);
    else if (*o->shut) kf_keyring_open_items(o);
    else kf_keyring_create(o, o->id, o->kind, o->label ? o->label : "keyfob", o->blob, was_saved);
}

static void run_save(kf_keyring_op *o) { kf_keyring_search(o, o->id, o->kind, save_found); }

static void save_item(kf_store *s, const char *id, const char *kind, const char *label,
                      const kf_secret *blob, bool interactive, kf_store_done done, void *user) {
    static const kf_keyring_verb verb = {.run = run_save, .session = true, .writes = true};
    kf_keyring_op *o = kf_keyring_op_new(s, &verb, id, kind, interactive, done, user);
    o->label = kf_strdup(label);
    o->blob = kf_secret_copy(blob);
}

/* --- delete: all of them, locked ones too ------------------------------------------------- */

static void delete_next(kf_keyring_op *o) {
    guint open = g_strv_length(o->found), all = open + g_strv_length(o->shut);
    if (o->at < all) {
        const char *path = o->at < open ? o->found[o->at] : o->shut[o->at - open];
        o->at++;
        kf_keyring_delete(o, path, delete_next);
        return;
    }
    end_well(o);
}

static void delete_found(kf_keyring_op *o) {
    o->at = 0;
    bool none = !*o->found && !*o->shut;
    if (none && !o->collection) say_none(o);
    else delete_next(o);
}

static void run_delete(kf_keyring_op *o) { kf_keyring_search(o, o->id, o->kind, delete_found); }

static void delete_item(kf_store *s, const char *id, const char *kind, kf_store_done done,
                        void *user) {
    static const kf_keyring_verb verb = {.run = run_delete, .writes = true};
    kf_keyring_op_new(s, &verb, id, kind, false, done, user);
}

/* --- list --------------------------------------------------------------------------------- */

static void add_listed(kf_keyring_op *o, GVariant *attributes) {
    const char *id = NULL, *kind = NULL;
    kf_store_item *i = &o->items[o->n_items];
    if (!g_variant_is_of_type(attributes, G_VARIANT_TYPE("a{ss}"))) return;
    g_variant_lookup(attributes, "id", "&s", &id);
    g_variant_lookup(attributes, "kind", "&s", &kind);
    if (id && kind && strcmp(id, KF_STORE_OWN_ID) && kf_store_names_ok(id, kind) &&
        kf_str_set(i->id, sizeof i->id, id) && kf_str_set(i->kind, sizeof i->kind, kind))
        o->n_items++;
}

static void got_attributes(GObject *src, GAsyncResult *res, gpointer p) {
    kf_keyring_op *o = p;
    g_autoptr(GError) g = NULL;
    g_autoptr(GVariant) v = g_dbus_connection_call_finish(G_DBUS_CONNECTION(src), res, &g);
    g_autoptr(GVariant) attributes = NULL;
    if (!kf_keyring_back(o)) return;
    if (v) g_variant_get(v, "(v)", &attributes);
    if (attributes) add_listed(o, attributes);
    /* an outdated item was deleted in the meantime */
    if (g && !o->failed && !kf_keyring_is_outdated(g)) o->failed = g_steal_pointer(&g);
    if (o->pending) return;
    if (o->failed) kf_keyring_error(o, g_steal_pointer(&o->failed));
    else end_well(o);
}

static void ask_attributes(kf_keyring_op *o, char **paths) {
    o->doing = "list the items";
    for (; *paths; paths++)
        kf_keyring_call_raw(o, *paths, KF_KEYRING_PROPERTIES, "Get",
                            g_variant_new("(ss)", KF_KEYRING_ITEM, "Attributes"), "(v)",
                            got_attributes);
}

static void list_found(kf_keyring_op *o) {
    guint n = g_strv_length(o->found) + g_strv_length(o->shut);
    o->saw_locked = *o->shut != NULL;
    o->n_items = 0;
    free(o->items);
    o->items = calloc(n + 1, sizeof *o->items);
    if (!o->items) abort();
    if (!n) {
        end_well(o);
        return;
    }
    ask_attributes(o, o->found);
    ask_attributes(o, o->shut);
}

static void run_list(kf_keyring_op *o) { kf_keyring_search_all(o, list_found); }

static void list_items(kf_store *s, kf_store_list_done done, void *user) {
    static const kf_keyring_verb verb = {.run = run_list, .may_skip = true};
    kf_keyring_op_new(s, &verb, NULL, NULL, false, NULL, user)->list_done = done;
}

/* --- unlock and the rest ------------------------------------------------------------------ */

static void unlock_found(kf_keyring_op *o) {
    if (!*o->shut) end_well(o);
    else if (!o->asked_items) kf_keyring_open_items(o);
    else
        kf_keyring_fail(o, KF_ERR_STORE_DENIED, "%u items are still locked",
                        g_strv_length(o->shut));
}

static void run_unlock(kf_keyring_op *o) { kf_keyring_search_all(o, unlock_found); }

static void unlock_store(kf_store *s, const kf_secret *pass, bool create, kf_store_done done,
                         void *user) {
    static const kf_keyring_verb verb = {.run = run_unlock};
    kf_keyring_op_new(s, &verb, NULL, NULL, true, done, user);
}

/* The keyring's own lock protects the items. */
static void lock_store(kf_store *s) { kf_keyring_forget_spare((kf_keyring *)s); }

static kf_store_state get_state(const kf_store *s) {
    const kf_keyring *k = (const kf_keyring *)s;
    return k->asker ? KF_STORE_PROMPT_OPEN : k->state;
}

static void free_store(kf_store *s) {
    kf_keyring *k = (kf_keyring *)s;
    while (k->open) {
        kf_keyring_op *o = k->open;
        k->open = o->next;
        kf_keyring_abandon(o);
    }
    kf_keyring_forget_spare(k);
    secret_service_disconnect();
    g_clear_object(&k->bus);
    free(k);
}

kf_store *kf_store_keyring_new(kf_loop *l, kf_store_generation_fn generation) {
    static const kf_store_class cls = {.kind = "secret-service",
                                       .load = load_item,
                                       .save = save_item,
                                       .del = delete_item,
                                       .list = list_items,
                                       .probe = kf_keyring_probe,
                                       .reserve = kf_keyring_reserve,
                                       .seal = kf_keyring_seal,
                                       .unseal = kf_keyring_unseal,
                                       .unlock = unlock_store,
                                       .lock = lock_store,
                                       .state = get_state,
                                       .free = free_store};
    kf_keyring *k = kf_new(kf_keyring);
    k->base = (kf_store){&cls, l};
    k->generation = generation;
    k->state = KF_STORE_UNKNOWN;
    return &k->base;
}
