/* The sealed vault on disk: one file a record, so that damage costs one profile. Everything that
 * waits for the disk or derives a key runs on the worker, in order. */
#include "io/store_impl.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/str.h"
#include "io/files.h"
#include "io/vault.h"

enum { FILE_MAX = KF_VAULT_BLOB_MAX + 64, LOCK_TRIES = 500, LOCK_MS = 10, ITEMS_MAX = 100000 };

typedef struct vault {
    kf_store base;
    kf_worker *worker;
    char *dir;
    bool weak;
    kf_secret *master;
    struct op *open;
} vault;

typedef struct op {
    struct op *next;
    vault *v;             /* loop thread only; NULL: the store is gone */
    char *dir, *name;     /* name: "<id>.<kind>" */
    kf_secret *master, *blob, *after; /* after: the new passphrase */
    bool weak, create, is_unlock, failed;
    kf_err err;
    kf_store_item *items;
    size_t n_items;
    kf_store_done done;
    kf_store_list_done list_done;
    void *user;
} op;

static char *path_of(const op *o) { return kf_strfmt("%s/%s", o->dir, o->name); }

/* What a disk says becomes what a store says. */
static bool as_store(op *o, bool ok) {
    if (!ok && !kf_err_is(o->err.code, "store")) o->err.code = KF_ERR_STORE_WRITE;
    return ok;
}

/* --- on the worker ------------------------------------------------------------------------------- */

static bool read_record(op *o, kf_secret **out) {
    KF_AUTO_CHARS path = path_of(o);
    KF_AUTO(kf_secret) sealed = NULL;
    if (access(path, F_OK) && errno == ENOENT) return kf_fail(&o->err, KF_ERR_STORE_NOT_FOUND, "%s is not in the vault", o->name);
    if (!kf_file_read(path, FILE_MAX, &sealed, &o->err)) {
        o->err.code = KF_ERR_STORE_DAMAGED;
        return false;
    }
    *out = kf_vault_unseal(o->master, o->name, kf_secret_peek(sealed), kf_secret_len(sealed), &o->err);
    return *out != NULL;
}

static void work_load(void *p) {
    op *o = p;
    o->failed = !read_record(o, &o->blob);
}

static void work_save(void *p) {
    op *o = p;
    KF_AUTO_CHARS path = path_of(o);
    KF_AUTO(kf_secret) sealed = kf_vault_seal(o->master, o->name, o->blob, &o->err);
    bool ok = sealed && as_store(o, kf_file_replace(path, kf_secret_peek(sealed), kf_secret_len(sealed), &o->err));
    KF_AUTO(kf_secret) back = NULL;
    ok = ok && read_record(o, &back);
    if (ok && !kf_secret_eq(back, o->blob)) ok = kf_fail(&o->err, KF_ERR_STORE_WRITE, "%s reads back as something else", o->name);
    o->failed = !ok;
    o->blob = kf_secret_free(o->blob); /* only a load gives a blob */
}

static void work_delete(void *p) {
    op *o = p;
    KF_AUTO_CHARS path = path_of(o);
    o->failed = !as_store(o, kf_file_remove(path, &o->err));
}

static void work_probe(void *p) {
    op *o = p;
    KF_AUTO_CHARS path = path_of(o);
    KF_AUTO(kf_secret) sealed = kf_vault_seal(o->master, o->name, o->blob, &o->err);
    bool ok = sealed && as_store(o, kf_file_replace(path, kf_secret_peek(sealed), kf_secret_len(sealed), &o->err)) &&
              as_store(o, kf_file_remove(path, &o->err));
    o->failed = !ok;
    o->blob = kf_secret_free(o->blob);
}

/* The place of the next save, at full size: a disk that fills up now fails here. */
static void work_reserve(void *p) {
    op *o = p;
    KF_AUTO_CHARS path = kf_strfmt("%s/%s.next", o->dir, o->name);
    KF_AUTO(kf_secret) sealed = kf_vault_seal(o->master, o->name, o->blob, &o->err);
    bool ok = sealed && as_store(o, kf_file_replace(path, kf_secret_peek(sealed), kf_secret_len(sealed), &o->err)) &&
              as_store(o, kf_file_remove(path, &o->err));
    o->failed = !ok;
    o->blob = kf_secret_free(o->blob);
}

static void work_unseal(void *p) {
    op *o = p;
    KF_AUTO(kf_secret) sealed = KF_TAKE(o->blob);
    o->blob = kf_vault_unseal(o->master, o->name, kf_secret_peek(sealed), kf_secret_len(sealed),
                              &o->err);
    o->failed = !o->blob;
}

static void work_list(void *p) {
    op *o = p;
    DIR *d = opendir(o->dir);
    if (!d) {
        o->failed = true;
        kf_fail_errno(&o->err, KF_ERR_STORE_WRITE, "%s", o->dir);
        return;
    }
    for (struct dirent *e; (e = readdir(d)) && o->n_items < ITEMS_MAX;) {
        if (strlen(e->d_name) < 18 || e->d_name[16] != '.') continue;
        kf_store_item i = {0};
        memcpy(i.id, e->d_name, 16);
        if (!kf_str_set(i.kind, sizeof i.kind, e->d_name + 17) || !kf_store_names_ok(i.id, i.kind)) continue;
        kf_store_item *more = realloc(o->items, (o->n_items + 1) * sizeof *more);
        if (!more) abort();
        o->items = more;
        o->items[o->n_items++] = i;
    }
    closedir(d);
}

/* Changes of the header are made under vault.lock. -1: o->err; else the lock. */
static int lock_header(op *o) {
    KF_AUTO_CHARS lock = kf_strfmt("%s/vault.lock", o->dir);
    int fd = kf_lock_open(lock, &o->err), got = fd < 0 ? -1 : 0;
    for (int i = 0; got == 0 && i < LOCK_TRIES; i++) {
        got = kf_lock_try(fd, &o->err);
        if (got == 0) poll(NULL, 0, LOCK_MS);
    }
    if (got == 0) kf_fail(&o->err, KF_ERR_STORE_WRITE, "another program has been changing the vault for %d s", LOCK_TRIES * LOCK_MS / 1000);
    if (got == 1) return fd;
    kf_lock_drop(fd);
    return -1;
}

/* Two agents must not make two masters. */
static bool make_header(op *o, const char *path) {
    if (!kf_dir_ensure(o->dir, &o->err)) return as_store(o, false);
    int fd = lock_header(o);
    bool ok = fd >= 0;
    unsigned char h[KF_VAULT_HEADER];
    if (ok && access(path, F_OK) == 0) ok = kf_fail(&o->err, KF_ERR_STORE_VAULT_LOCKED, "somebody else has just made the vault");
    else if (ok) ok = kf_vault_create(o->blob, o->weak, &o->master, h, &o->err) && kf_file_replace(path, h, sizeof h, &o->err);
    kf_lock_drop(fd);
    return as_store(o, ok);
}

static bool read_header(op *o, const char *path, kf_secret **h) {
    if (access(path, F_OK)) return kf_fail(&o->err, KF_ERR_STORE_VAULT_NEW, "there is no vault yet");
    if (kf_file_read(path, 4096, h, &o->err)) return true;
    o->err.code = KF_ERR_STORE_DAMAGED;
    return false;
}

static bool rewrap(op *o, const char *path) {
    KF_AUTO(kf_secret) h = NULL;
    unsigned char fresh[KF_VAULT_HEADER];
    if (!read_header(o, path, &h)) return false;
    KF_AUTO(kf_secret) master = kf_vault_open(kf_secret_peek(h), kf_secret_len(h), o->blob, &o->err);
    if (!master || !kf_vault_wrap(master, o->after, o->weak, fresh, &o->err)) return false;
    KF_AUTO(kf_secret) again = kf_vault_open(fresh, sizeof fresh, o->after, &o->err);
    if (!again || !kf_secret_eq(again, master)) return kf_fail(&o->err, KF_ERR_STORE_WRITE, "the new header does not open; the old one stays");
    return as_store(o, kf_file_replace(path, fresh, sizeof fresh, &o->err));
}

/* What a kill in between left beside the header; under vault.lock nobody is writing one. */
static void sweep(const op *o) {
    DIR *d = opendir(o->dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        KF_AUTO_CHARS path = kf_strfmt("%s/%s", o->dir, e->d_name);
        if (kf_str_starts(e->d_name, "header.") && strlen(e->d_name) == strlen("header.XXXXXX")) unlink(path);
    }
    if (d) closedir(d);
}

static void work_rewrap(void *p) {
    op *o = p;
    KF_AUTO_CHARS path = kf_strfmt("%s/header", o->dir);
    int fd = access(path, F_OK) ? -1 : lock_header(o);
    if (fd < 0 && o->err.code == KF_ERR_NONE) kf_fail(&o->err, KF_ERR_STORE_VAULT_NEW, "there is no vault yet");
    if (fd >= 0) sweep(o);
    o->failed = fd < 0 || !rewrap(o, path);
    kf_lock_drop(fd);
    o->blob = kf_secret_free(o->blob);
}

static void work_unlock(void *p) {
    op *o = p;
    KF_AUTO_CHARS path = kf_strfmt("%s/header", o->dir);
    KF_AUTO(kf_secret) h = NULL;
    bool ok = true;
    if (access(path, F_OK)) ok = o->create ? make_header(o, path) : kf_fail(&o->err, KF_ERR_STORE_VAULT_NEW, "there is no vault yet");
    else if (!kf_file_read(path, 4096, &h, &o->err)) o->err.code = KF_ERR_STORE_DAMAGED, ok = false;
    else ok = (o->master = kf_vault_open(kf_secret_peek(h), kf_secret_len(h), o->blob, &o->err)) != NULL;
    o->failed = !ok;
    o->blob = kf_secret_free(o->blob);
}

static void work_nothing(void *p) { (void)p; }

/* --- on the loop --------------------------------------------------------------------------------- */

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
        }
        if (o->list_done) o->list_done(o->user, o->items, o->n_items, o->failed ? &o->err : NULL);
        else o->done(o->user, o->failed ? NULL : o->blob, o->failed ? &o->err : NULL);
    }
    kf_secret_free(o->master);
    kf_secret_free(o->blob);
    kf_secret_free(o->after);
    free(o->items);
    free(o->dir);
    free(o->name);
    free(o);
}

static kf_store_state state(const kf_store *s) {
    const vault *v = (const vault *)s;
    if (v->master) return KF_STORE_OK;
    KF_AUTO_CHARS path = kf_strfmt("%s/header", v->dir);
    return access(path, F_OK) == 0 ? KF_STORE_LOCKED : KF_STORE_NEW;
}

static op *op_new(kf_store *s, const char *id, const char *kind, const kf_secret *blob) {
    vault *v = (vault *)s;
    op *o = calloc(1, sizeof *o);
    if (!o) abort();
    *o = (op){.next = v->open, .v = v, .dir = kf_strdup(v->dir), .weak = v->weak, .master = kf_secret_copy(v->master), .blob = kf_secret_copy(blob)};
    o->name = id ? kf_strfmt("%s.%s", id, kind) : kf_strdup("");
    v->open = o;
    return o;
}

/* Runs it, or says why it cannot; also that through the worker, to keep the order. */
static void run(op *o, kf_loop_fn work, bool names_ok) {
    o->failed = true;
    if (!names_ok) kf_fail(&o->err, KF_ERR_SYS_BUG, "item name %.40s", o->name);
    else if (o->master) o->failed = false;
    else if (state(&o->v->base) == KF_STORE_NEW) kf_fail(&o->err, KF_ERR_STORE_VAULT_NEW, "there is no vault yet");
    else kf_fail(&o->err, KF_ERR_STORE_VAULT_LOCKED, "the vault is locked");
    kf_worker_run(o->v->worker, o->failed ? work_nothing : work, finished, o);
}

static void load(kf_store *s, const char *id, const char *kind, bool interactive, kf_store_done done, void *user) {
    (void)interactive;
    op *o = op_new(s, id, kind, NULL);
    o->done = done;
    o->user = user;
    run(o, work_load, kf_store_names_ok(id, kind));
}
static void save(kf_store *s, const char *id, const char *kind, const char *label, const kf_secret *blob, bool interactive,
                 kf_store_done done, void *user) {
    (void)label;
    (void)interactive;
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
    (void)interactive;
    KF_AUTO(kf_secret) bytes = kf_secret_zero(4096); /* about what a session takes */
    op *o = op_new(s, "probe", "tmp", bytes);
    o->done = done;
    o->user = user;
    run(o, work_probe, true);
}
static void reserve(kf_store *s, const char *id, const char *kind, size_t size, bool interactive,
                    kf_store_done done, void *user) {
    (void)interactive;
    KF_AUTO(kf_secret) bytes = kf_secret_zero(size);
    op *o = op_new(s, id, kind, bytes);
    o->done = done;
    o->user = user;
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
static void unlock(kf_store *s, const kf_secret *pass, bool create, kf_store_done done, void *user) {
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
void kf_store_vault_rewrap(kf_store *s, const kf_secret *before, const kf_secret *after, kf_store_done done, void *user) {
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
static void free_store(kf_store *s) {
    vault *v = (vault *)s;
    for (op *o = v->open; o; o = o->next) o->v = NULL;
    kf_secret_free(v->master);
    free(v->dir);
    free(v);
}

kf_store *kf_store_vault_new(kf_loop *l, kf_worker *w, const kf_vault_opts *opts) {
    static const kf_store_class cls = {"vault", load, save, del, list, probe, reserve, seal, unseal, unlock, lock, state, free_store};
    vault *v = calloc(1, sizeof *v);
    if (!v) abort();
    v->base = (kf_store){&cls, l};
    v->worker = w;
    v->dir = kf_strdup(opts->dir);
    v->weak = opts->weak_kdf;
    return &v->base;
}
