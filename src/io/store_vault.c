/* The sealed vault as a store. What waits for the disk or derives a key runs on the worker, in
 * order; vault_head.c and vault_record.c do it. */
#include "io/store_class.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/files.h"
#include "io/vault.h"
#include "io/vault_head.h"
#include "io/vault_record.h"

typedef struct vault {
    kf_store base;
    kf_worker *worker;
    char *dir, *note;
    bool weak;
    bool seen;     /* it was there in this agent's life: a folder without it is not a new vault */
    bool is_short; /* the passphrase, as far as it was seen */
    bool gone;     /* the last call did not find the folder */
    kf_store_generation_fn generation;
    kf_vault_places *places; /* used on the worker; it goes with the last op */
    kf_secret *master;
    struct op *open;
} vault;

typedef struct op {
    struct op *next;
    vault *v;                         /* loop thread only; NULL: the store is gone */
    char *dir, *name;                 /* name: "<id>.<kind>" */
    kf_secret *master, *blob, *after; /* after: the new passphrase */
    kf_store_generation_fn generation;
    kf_vault_places *places;
    size_t size;
    bool weak, create, seen, is_unlock, failed;
    bool is_short; /* the passphrase that opens it from now on */
    char *note;
    kf_err err;
    kf_store_item *items;
    size_t n_items;
    kf_store_done done;
    kf_store_list_done list_done;
    void *user;
} op;

/* --- on the worker -------------------------------------------------------------------------------
 */

static kf_vault_folder folder_of(const op *o) {
    return (kf_vault_folder){o->dir, o->master, o->generation, o->places};
}

static void work_load(void *p) {
    op *o = p;
    const kf_vault_folder f = folder_of(o);
    o->failed = !kf_vault_record_load(&f, o->name, &o->blob, &o->err);
}

static void work_save(void *p) {
    op *o = p;
    const kf_vault_folder f = folder_of(o);
    o->failed = !kf_vault_record_save(&f, o->name, o->blob, &o->err);
    o->blob = kf_secret_free(o->blob); /* only a load gives a blob */
}

static void work_reserve(void *p) {
    op *o = p;
    const kf_vault_folder f = folder_of(o);
    o->failed = !kf_vault_record_reserve(&f, o->name, o->size, &o->err);
}

static void work_delete(void *p) {
    op *o = p;
    const kf_vault_folder f = folder_of(o);
    o->failed = !kf_vault_record_delete(&f, o->name, &o->err);
}

static void work_list(void *p) {
    op *o = p;
    o->failed = !kf_vault_record_list(o->dir, &o->items, &o->n_items, &o->err);
}

/* About the size of a session; sealed, so that the disk cannot compress it. */
static void work_probe(void *p) {
    enum { SIZE = 4096 };
    op *o = p;
    KF_AUTO_CHARS path = kf_strfmt("%s/probe.tmp", o->dir);
    KF_AUTO(kf_secret) bytes = kf_secret_zero(SIZE);
    KF_AUTO(kf_secret) sealed = kf_vault_seal(o->master, o->name, bytes, &o->err);
    o->failed = true;
    if (kf_vault_is_gone(o->dir)) kf_vault_fail_gone(o->dir, &o->err);
    else if (sealed)
        o->failed =
            !kf_file_replace(path, kf_secret_peek(sealed), kf_secret_len(sealed), &o->err) ||
            !kf_file_remove(path, &o->err);
    if (o->err.code == KF_ERR_SYS_IO) o->err.code = KF_ERR_STORE_WRITE;
}

static void work_unseal(void *p) {
    op *o = p;
    KF_AUTO(kf_secret) sealed = KF_TAKE(o->blob);
    o->blob =
        kf_vault_unseal(o->master, o->name, kf_secret_peek(sealed), kf_secret_len(sealed), &o->err);
    o->failed = !o->blob;
}

static void work_rewrap(void *p) {
    op *o = p;
    if (o->seen && kf_vault_is_gone(o->dir)) o->failed = !kf_vault_fail_gone(o->dir, &o->err);
    else o->failed = !kf_vault_head_rewrap(o->dir, o->blob, o->after, o->weak, &o->err);
    o->is_short = kf_vault_passphrase_is_short(o->after);
    o->blob = kf_secret_free(o->blob);
}

static void work_unlock(void *p) {
    op *o = p;
    const kf_vault_folder f = folder_of(o);
    if (o->seen && kf_vault_is_gone(o->dir)) kf_vault_fail_gone(o->dir, &o->err);
    else o->master = kf_vault_head_open(&f, o->blob, o->weak, &o->note, &o->err);
    if (!o->master && o->create && o->err.code == KF_ERR_STORE_VAULT_NEW)
        o->master = kf_vault_head_make(o->dir, o->blob, o->weak, &o->err);
    o->failed = !o->master;
    o->is_short = kf_vault_passphrase_is_short(o->blob);
    o->blob = kf_secret_free(o->blob);
}

static void work_nothing(void *p) { (void)p; }

/* --- on the loop ---------------------------------------------------------------------------------
 */

static void finished(void *p) {
    op *o = p;
    vault *v = o->v;
    if (v) {
        op **at = &v->open;
        while (*at != o) at = &(*at)->next;
        *at = o->next;
        if (o->is_unlock && !o->failed) {
            kf_secret_free(v->master);
            v->master = kf_secret_copy(o->master);
            free(v->note);
            v->note = KF_TAKE(o->note);
        }
        if (!o->failed && (o->is_unlock || o->after)) v->is_short = o->is_short;
        v->gone = o->failed && o->err.code == KF_ERR_STORE_ABSENT;
        v->seen = v->seen || !o->failed || o->err.code == KF_ERR_STORE_BAD_PASSPHRASE;
        if (o->list_done) o->list_done(o->user, o->items, o->n_items, o->failed ? &o->err : NULL);
        else o->done(o->user, o->failed ? NULL : o->blob, o->failed ? &o->err : NULL);
    }
    kf_vault_places_drop(o->places);
    kf_secret_free(o->master);
    kf_secret_free(o->blob);
    kf_secret_free(o->after);
    free(o->items);
    free(o->dir);
    free(o->name);
    free(o->note);
    free(o);
}

/* A folder that went away is locked and not new: the next unlock fails with KF_ERR_STORE_ABSENT. */
static kf_store_state state(const kf_store *s) {
    const vault *v = (const vault *)s;
    if (v->master) return v->gone ? KF_STORE_ABSENT : KF_STORE_OK;
    return !v->seen && kf_vault_head_is_new(v->dir) ? KF_STORE_NEW : KF_STORE_LOCKED;
}

static op *op_new(kf_store *s, const char *id, const char *kind, const kf_secret *blob) {
    vault *v = (vault *)s;
    op *o = kf_new(op);
    *o = (op){.next = v->open,
              .v = v,
              .dir = kf_strdup(v->dir),
              .weak = v->weak,
              .seen = v->seen,
              .generation = v->generation,
              .places = kf_vault_places_hold(v->places),
              .master = kf_secret_copy(v->master),
              .blob = kf_secret_copy(blob)};
    o->name = id ? kf_strfmt("%s.%s", id, kind) : kf_strdup("");
    v->open = o;
    return o;
}

/* Runs it, or says why it cannot; also that through the worker, to keep the order. */
static void run(op *o, kf_loop_fn work, bool names_ok) {
    o->failed = true;
    if (!names_ok) kf_fail(&o->err, KF_ERR_SYS_BUG, "item name %.40s", o->name);
    else if (o->master) o->failed = false;
    else if (state(&o->v->base) == KF_STORE_NEW)
        kf_fail(&o->err, KF_ERR_STORE_VAULT_NEW, "there is no vault yet");
    else kf_fail(&o->err, KF_ERR_STORE_VAULT_LOCKED, "the vault is locked");
    kf_worker_run(o->v->worker, o->failed ? work_nothing : work, finished, o);
}

static void load(kf_store *s, const char *id, const char *kind, bool interactive,
                 kf_store_done done, void *user) {
    op *o = op_new(s, id, kind, NULL);
    o->done = done;
    o->user = user;
    run(o, work_load, kf_store_names_ok(id, kind));
}
static void save(kf_store *s, const char *id, const char *kind, const char *label,
                 const kf_secret *blob, bool interactive, kf_store_done done, void *user) {
    op *o = op_new(s, id, kind, blob);
    o->done = done;
    o->user = user;
    run(o, work_save, kf_store_names_ok(id, kind));
}
static void del(kf_store *s, const char *id, const char *kind, kf_store_done done, void *user) {
    op *o = op_new(s, id, kind, NULL);
    o->done = done;
    o->user = user;
    run(o, work_delete, kf_store_names_ok(id, kind));
}
static void list(kf_store *s, kf_store_list_done done, void *user) {
    op *o = op_new(s, NULL, NULL, NULL);
    o->list_done = done;
    o->user = user;
    run(o, work_list, true);
}
static void probe(kf_store *s, bool interactive, kf_store_done done, void *user) {
    op *o = op_new(s, NULL, NULL, NULL);
    o->done = done;
    o->user = user;
    run(o, work_probe, true);
}
static void reserve(kf_store *s, const char *id, const char *kind, size_t size, bool interactive,
                    kf_store_done done, void *user) {
    op *o = op_new(s, id, kind, NULL);
    o->done = done;
    o->user = user;
    o->size = size;
    run(o, work_reserve, kf_store_names_ok(id, kind));
}
static kf_secret *seal(kf_store *s, const char *id, const char *kind, const kf_secret *blob,
                       kf_err *err) {
    vault *v = (vault *)s;
    KF_AUTO_CHARS name = kf_strfmt("%s.%s", id, kind);
    if (v->master) return kf_vault_seal(v->master, name, blob, err);
    kf_fail(err, KF_ERR_STORE_VAULT_LOCKED, "the vault is locked");
    return NULL;
}
static void unseal(kf_store *s, const char *id, const char *kind, const kf_secret *sealed,
                   kf_store_done done, void *user) {
    op *o = op_new(s, id, kind, sealed);
    o->done = done;
    o->user = user;
    run(o, work_unseal, kf_store_names_ok(id, kind));
}
static void unlock(kf_store *s, const kf_secret *pass, bool create, kf_store_done done,
                   void *user) {
    op *o = op_new(s, NULL, NULL, pass);
    o->done = done;
    o->user = user;
    o->create = create;
    if (o->master) { /* open already */
        o->blob = kf_secret_free(o->blob);
        kf_worker_run(o->v->worker, work_nothing, finished, o);
        return;
    }
    o->is_unlock = true;
    kf_worker_run(o->v->worker, work_unlock, finished, o);
}
void kf_store_vault_rewrap(kf_store *s, const kf_secret *before, const kf_secret *after,
                           kf_store_done done, void *user) {
    op *o = op_new(s, NULL, NULL, before);
    o->done = done;
    o->user = user;
    o->after = kf_secret_copy(after);
    kf_worker_run(o->v->worker, work_rewrap, finished, o);
}
static void lock(kf_store *s) {
    vault *v = (vault *)s;
    v->master = kf_secret_free(v->master);
}
bool kf_store_vault_is_short(const kf_store *s) { return ((const vault *)s)->is_short; }
const char *kf_store_vault_note(const kf_store *s) { return ((const vault *)s)->note; }
static void freeze(const kf_store *s, kf_json *into) {
    const vault *v = (const vault *)s;
    if (v->master) kf_store_freeze_bytes(into, "master", v->master);
    kf_json_set_bool(into, "seen", v->seen);
    kf_json_set_str(into, "note", v->note);
}

static bool thaw(kf_store *s, const kf_json *from, kf_err *err) {
    vault *v = (vault *)s;
    if (kf_json_get(from, "master") && !(v->master = kf_store_thaw_bytes(from, "master")))
        return kf_fail(err, KF_ERR_STORE_DAMAGED, "the key of the vault is damaged");
    const char *note = kf_json_str(from, "note");
    v->seen = kf_json_bool(from, "seen", false);
    v->note = note ? kf_strdup(note) : NULL;
    return true;
}

static void free_store(kf_store *s) {
    vault *v = (vault *)s;
    for (op *o = v->open; o; o = o->next) o->v = NULL;
    kf_vault_places_drop(v->places);
    kf_secret_free(v->master);
    free(v->dir);
    free(v->note);
    free(v);
}

kf_store *kf_store_vault_new(kf_loop *l, kf_worker *w, const kf_vault_opts *opts) {
    static const kf_store_class cls = {.kind = "vault",
                                       .load = load,
                                       .save = save,
                                       .del = del,
                                       .list = list,
                                       .probe = probe,
                                       .reserve = reserve,
                                       .seal = seal,
                                       .unseal = unseal,
                                       .unlock = unlock,
                                       .lock = lock,
                                       .state = state,
                                       .freeze = freeze,
                                       .thaw = thaw,
                                       .free = free_store};
    vault *v = kf_new(vault);
    v->base = (kf_store){&cls, l};
    v->worker = w;
    v->dir = kf_strdup(opts->dir);
    v->weak = opts->weak_kdf;
    v->generation = opts->generation;
    v->places = kf_vault_places_new();
    return &v->base;
}
