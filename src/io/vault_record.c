/* The vault's records on disk: load, save, delete, list, reserved places, and leftovers of
 * killed processes. Called on the worker. Where the newest content is in doubt, nothing is
 * removed. */
#include "io/vault_record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "guard/path.h"
#include "io/files.h"
#include "io/lock.h"
#include "io/store_class.h"
#include "io/vault.h"

enum {
    SEALED_MORE = 64, /* at least what sealing adds to a blob */
    FILE_MAX = KF_VAULT_BLOB_MAX + SEALED_MORE,
    PLACES_MAX = 64, /* far more than renewals are under way at once; each costs a descriptor */
    ITEMS_MAX = 100000,
    ID_LEN = 16
};
#define NEXT "next"

static char *path_of(const kf_vault_folder *f, const char *name) {
    return kf_strfmt("%s/%s", f->dir, name);
}

/* ---- names in the folder ---- */

/* "<id>.<kind>" with nothing behind it, or with ".suffix". False: not a name of the vault's. */
static bool name_split(const char *leaf, kf_store_item *item, const char **suffix) {
    size_t n = strlen(leaf);
    if (n < ID_LEN + 2 || leaf[ID_LEN] != '.') return false;
    const char *kind = leaf + ID_LEN + 1;
    size_t k = strcspn(kind, ".");
    if (k >= sizeof item->kind) return false;
    memset(item, 0, sizeof *item);
    memcpy(item->id, leaf, ID_LEN);
    memcpy(item->kind, kind, k);
    *suffix = kind[k] ? kind + k + 1 : NULL;
    return kf_store_names_ok(item->id, item->kind);
}

/* What a save that was killed leaves; the mkostemp names are those of earlier versions. */
static bool is_leftover(const char *suffix) {
    return suffix && (!strcmp(suffix, NEXT) || kf_str_starts(suffix, NEXT "-") ||
                      kf_file_is_temp_suffix(suffix));
}

/* Calls see for each record or leftover until it returns false. False: err, errno says why. */
typedef bool (*see_fn)(void *user, const kf_store_item *item, const char *leaf, const char *suffix);
static bool each_name(const char *dir, see_fn see, void *user, kf_err *err) {
    DIR *d = opendir(dir);
    if (!d) return kf_fail_errno(err, KF_ERR_STORE_READ, "%s", dir);
    struct dirent *e;
    kf_store_item item;
    const char *suffix;
    while (errno = 0, (e = readdir(d)))
        if (name_split(e->d_name, &item, &suffix) && (!suffix || is_leftover(suffix)) &&
            !see(user, &item, e->d_name, suffix)) {
            errno = 0;
            break;
        }
    int why = errno;
    if (why) kf_fail_errno(err, KF_ERR_STORE_READ, "%s", dir);
    closedir(d);
    errno = why;
    return !why;
}

typedef struct names {
    char **leaf;
    size_t n;
    const kf_store_item *of; /* NULL: of all */
} names;

static bool see_leftover(void *user, const kf_store_item *item, const char *leaf,
                         const char *suffix) {
    names *all = user;
    bool asked = !all->of || (!strcmp(item->id, all->of->id) && !strcmp(item->kind, all->of->kind));
    if (!suffix || !asked) return true;
    all->leaf = kf_grow(all->leaf, all->n, sizeof *all->leaf);
    all->leaf[all->n++] = kf_strdup(leaf);
    return all->n < ITEMS_MAX;
}

static void names_done(names *all) {
    for (size_t i = 0; i < all->n; i++) free(all->leaf[i]);
    free(all->leaf);
}

/* ---- reading ---- */

static bool read_record(const kf_vault_folder *f, const char *name, const char *path,
                        kf_secret **blob, kf_err *err) {
    KF_AUTO(kf_secret) sealed = NULL;
    if (!kf_file_read(path, FILE_MAX, &sealed, err)) {
        if (err->code != KF_ERR_SYS_OWNER)
            err->code = errno == ENOENT ? KF_ERR_STORE_NOT_FOUND
                        : errno         ? KF_ERR_STORE_READ
                                        : KF_ERR_STORE_DAMAGED;
        return false;
    }
    *blob = kf_vault_unseal(f->master, name, kf_secret_peek(sealed), kf_secret_len(sealed), err);
    return *blob != NULL;
}

bool kf_vault_is_gone(const char *dir) {
    static const char *const leaf[] = {KF_VAULT_HEADER_FILE, KF_VAULT_COPY_FILE};
    struct stat st;
    for (size_t i = 0; i < KF_LEN(leaf); i++) {
        KF_AUTO_CHARS path = kf_strfmt("%s/%s", dir, leaf[i]);
        if (!lstat(path, &st) || errno != ENOENT) return false;
    }
    return true;
}

bool kf_vault_folder_check(const char *dir, kf_err *err) {
    kf_err why;
    if (kf_path_check(dir, KF_PATH_DIR, &why)) return true;
    if (why.code != KF_ERR_SYS_OWNER) why.code = KF_ERR_STORE_READ;
    if (err) *err = why;
    return false;
}

bool kf_vault_fail_gone(const char *dir, kf_err *err) {
    kf_fail(err, KF_ERR_STORE_ABSENT, "the vault in %s is gone", dir);
    return kf_hint(err,
                   "Bring the folder back: mount it, or restore it from a backup. To begin with a "
                   "new vault, run: keyfob agent stop");
}

static bool is_there(const kf_vault_folder *f, kf_err *err) {
    return kf_vault_is_gone(f->dir) ? kf_vault_fail_gone(f->dir, err)
                                    : kf_vault_folder_check(f->dir, err);
}

/* ---- what kills leave ---- */

static bool is_zero(const kf_secret *s) {
    const char *p = kf_secret_peek(s);
    size_t n = kf_secret_len(s);
    return !n || (!*p && !memcmp(p, p + 1, n - 1));
}

static int64_t generation_of(const kf_vault_folder *f, const char *name, const kf_secret *blob) {
    return f->generation ? f->generation(name + ID_LEN + 1, blob) : 0;
}

typedef enum verdict { LEAVE, REMOVE, ADOPT } verdict;

/* known: its name ends in ".next", so a log-out would have removed it before the record. */
static verdict judge(const kf_vault_folder *f, const char *name, const char *left, bool known) {
    KF_AUTO_CHARS path = path_of(f, name);
    KF_AUTO(kf_secret) sealed = NULL;
    KF_AUTO(kf_secret) blob = NULL;
    KF_AUTO(kf_secret) present = NULL;
    kf_err bad, why;
    if (!kf_file_read(left, FILE_MAX, &sealed, &bad)) return LEAVE;
    if (is_zero(sealed)) return REMOVE; /* a place that was reserved */
    blob = kf_vault_unseal(f->master, name, kf_secret_peek(sealed), kf_secret_len(sealed), &bad);
    bool whole = read_record(f, name, path, &present, &why);
    bool none = !whole && why.code == KF_ERR_STORE_NOT_FOUND;
    if (!blob) return bad.code == KF_ERR_STORE_DAMAGED && (whole || none) ? REMOVE : LEAVE;
    int64_t left_g = generation_of(f, name, blob), g = whole ? generation_of(f, name, present) : 0;
    if (left_g < 0 || g < 0) return LEAVE;
    if (whole) return left_g > g ? ADOPT : REMOVE;
    if (none) return left_g > 0 && known ? ADOPT : REMOVE;
    return why.code == KF_ERR_STORE_DAMAGED && left_g > 0 ? ADOPT : LEAVE;
}

/* Zeros: there is no such file. */
static struct stat look_at(const char *path) {
    struct stat st;
    return lstat(path, &st) ? (struct stat){0} : st;
}

static bool is_same(const struct stat *a, const struct stat *b) {
    return a->st_ino == b->st_ino && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* A leftover that is newer than its record takes its place; one of no use is removed. A file that a
 * living process holds is left alone. */
static void settle(const kf_vault_folder *f, const char *name, const char *left, bool known) {
    int fd = open(left, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return;
    KF_AUTO_CHARS path = path_of(f, name);
    struct stat before = look_at(path);
    kf_err err;
    verdict v = LEAVE;
    if (kf_lock_try(fd, &err) == 1 && kf_file_is_at(fd, left)) v = judge(f, name, left, known);
    if (v == REMOVE && unlink(left) == 0) kf_log(KF_LOG_INFO, "vault: removed %s", left);
    bool ready = v == ADOPT && fsync(fd) == 0;
    struct stat now = look_at(path); /* this process may have been stopped, and another one saved */
    if (ready && is_same(&before, &now) && rename(left, path) == 0 && kf_file_sync_dir(path))
        kf_log(KF_LOG_WARN, "vault: %s is newer than its record and took its place", left);
    close(fd);
}

/* ---- places ---- */

typedef struct place {
    struct place *next;
    char *name, *path;
    int fd;
    bool reserved, written; /* written: it may hold the newest content, and the save failed */
} place;

struct kf_vault_places {
    place *list; /* the youngest first */
    unsigned refs;
};

kf_vault_places *kf_vault_places_new(void) {
    kf_vault_places *p = kf_new(kf_vault_places);
    p->refs = 1;
    return p;
}

kf_vault_places *kf_vault_places_hold(kf_vault_places *p) {
    p->refs++;
    return p;
}

/* Its file is removed unless a later look may find the newest content in it. */
static void place_drop(kf_vault_places *all, place *p, bool remove) {
    place **at = &all->list;
    while (*at && *at != p) at = &(*at)->next;
    if (*at) *at = p->next;
    if (remove && kf_file_is_at(p->fd, p->path)) unlink(p->path);
    close(p->fd);
    free(p->name);
    free(p->path);
    free(p);
}

void kf_vault_places_drop(kf_vault_places *all) {
    if (--all->refs) return;
    while (all->list) place_drop(all, all->list, !all->list->written);
    free(all);
}

static place *place_find(const kf_vault_folder *f, const char *name) {
    place *p = f->places->list;
    while (p && strcmp(p->name, name)) p = p->next;
    if (!p || kf_file_is_at(p->fd, p->path)) return p;
    place_drop(f->places, p, false); /* another process removed the file */
    return NULL;
}

/* A new file that is held by a descriptor for reading only: one for writing would keep the disk
 * from being made read-only for as long as a request is under way. -1: errno. */
static int make_and_hold(char *path) {
    int made = kf_file_new(path);
    if (made < 0) return -1;
    close(made);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && kf_lock_try(fd, NULL) != 0 && kf_file_is_at(fd, path)) return fd;
    if (fd >= 0) close(fd);
    errno = EBUSY; /* a sweep came in between */
    return -1;
}

static place *place_make(const kf_vault_folder *f, const char *name, kf_err *err) {
    KF_AUTO_CHARS path = kf_strfmt("%s/%s." NEXT, f->dir, name);
    settle(f, name, path, true);
    int fd = make_and_hold(path);
    /* another process holds it, or it cannot be judged */
    if (fd < 0 && (errno == EEXIST || errno == EBUSY)) {
        char *any = kf_strfmt("%s-XXXXXX", path);
        free(path);
        path = any;
        fd = make_and_hold(path);
    }
    if (fd < 0) return kf_fail_errno(err, KF_ERR_STORE_WRITE, "write %s", path), NULL;
    place *p = calloc(1, sizeof *p), *oldest = NULL;
    size_t n = 0;
    if (!p) abort();
    *p = (place){.next = f->places->list, .name = kf_strdup(name), .path = KF_TAKE(path), .fd = fd};
    f->places->list = p;
    for (place *i = p; i; i = i->next) n++, oldest = i;
    if (n > PLACES_MAX) place_drop(f->places, oldest, !oldest->written);
    return p;
}

/* ---- writing ---- */

/* A record of a newer version is never replaced. One that is damaged or cannot be read now may be:
 * the caller has its newest content. */
static bool may_replace(const kf_vault_folder *f, const char *name, const char *path, kf_err *err) {
    KF_AUTO(kf_secret) present = NULL;
    kf_err why;
    bool newer = read_record(f, name, path, &present, &why) ? generation_of(f, name, present) < 0
                                                            : why.code == KF_ERR_STORE_NEWER;
    return !newer ||
           kf_fail(err, KF_ERR_STORE_NEWER, "%s in the vault is of a later version", name);
}

/* data NULL: zeros. */
static bool place_fill(const place *p, const void *data, size_t size, kf_err *err) {
    char *zeros = data ? NULL : calloc(1, size);
    if (!data && !zeros) abort();
    int fd = open(p->path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    bool ok = fd >= 0 && kf_file_fill(fd, data ? data : zeros, size);
    if (!ok) kf_fail_errno(err, KF_ERR_STORE_WRITE, "write %s", p->path);
    if (fd >= 0) close(fd);
    free(zeros);
    return ok;
}

bool kf_vault_record_reserve(const kf_vault_folder *f, const char *name, size_t blob_size,
                             kf_err *err) {
    KF_AUTO_CHARS path = path_of(f, name);
    struct stat st;
    size_t size = blob_size + SEALED_MORE;
    if (blob_size > KF_VAULT_BLOB_MAX)
        return kf_fail(err, KF_ERR_STORE_WRITE, "a record is larger than %u bytes",
                       KF_VAULT_BLOB_MAX);
    if (!is_there(f, err) || !may_replace(f, name, path, err)) return false;
    place *p = place_find(f, name);
    if (p && p->written) { /* its content counts, or the record's does; neither may be lost */
        place_drop(f->places, p, false);
        p = NULL;
    }
    if (p && fstat(p->fd, &st) == 0 && (size_t)st.st_size >= size) return true;
    if (!p) p = place_make(f, name, err);
    if (!p) return false;
    p->reserved = true;
    if (place_fill(p, NULL, size, err)) return true;
    place_drop(f->places, p, true);
    return false;
}

/* The place goes with it, unless the save may be tried again with what is in it. */
static bool put_in_place(const kf_vault_folder *f, place *p, const kf_secret *sealed,
                         const char *path, kf_err *err) {
    struct stat st;
    bool ok = place_fill(p, kf_secret_peek(sealed), kf_secret_len(sealed), err);
    p->written = fstat(p->fd, &st) == 0 && (size_t)st.st_size == kf_secret_len(sealed);
    if (ok && rename(p->path, path))
        ok = kf_fail_errno(err, KF_ERR_STORE_WRITE, "rename to %s", path);
    if (ok) place_drop(f->places, p, false);
    else if (!p->reserved && !p->written) place_drop(f->places, p, true);
    return ok && (kf_file_sync_dir(path) ||
                  kf_fail_errno(err, KF_ERR_STORE_WRITE, "flush the directory of %s", path));
}

bool kf_vault_record_save(const kf_vault_folder *f, const char *name, const kf_secret *blob,
                          kf_err *err) {
    KF_AUTO_CHARS path = path_of(f, name);
    KF_AUTO(kf_secret) back = NULL;
    if (!is_there(f, err)) return false;
    place *p = place_find(f, name);
    if (!p && !may_replace(f, name, path, err)) return false;
    KF_AUTO(kf_secret) sealed = kf_vault_seal(f->master, name, blob, err);
    if (sealed && !p) p = place_make(f, name, err);
    if (!sealed || !p || !put_in_place(f, p, sealed, path, err) ||
        !read_record(f, name, path, &back, err))
        return false;
    return kf_secret_eq(back, blob) ||
           kf_fail(err, KF_ERR_STORE_WRITE, "%s reads back as something else", name);
}

bool kf_vault_record_delete(const kf_vault_folder *f, const char *name, kf_err *err) {
    KF_AUTO_CHARS path = path_of(f, name);
    kf_store_item item;
    const char *suffix;
    names left = {.of = &item};
    if (!name_split(name, &item, &suffix) || suffix)
        return kf_fail(err, KF_ERR_SYS_BUG, "item name %.40s", name);
    if (!is_there(f, err)) return false;
    place *p = place_find(f, name);
    if (p) place_drop(f->places, p, true);
    bool ok = each_name(f->dir, see_leftover, &left, err);
    for (size_t i = 0; ok && i < left.n; i++) {
        KF_AUTO_CHARS leftover = path_of(f, left.leaf[i]);
        ok = unlink(leftover) == 0 || errno == ENOENT ||
             kf_fail_errno(err, KF_ERR_STORE_WRITE, "remove %s", leftover);
    }
    names_done(&left);
    if (!ok || kf_file_remove(path, err)) return ok;
    err->code = KF_ERR_STORE_WRITE;
    return false;
}

bool kf_vault_record_load(const kf_vault_folder *f, const char *name, kf_secret **blob,
                          kf_err *err) {
    KF_AUTO_CHARS path = path_of(f, name);
    KF_AUTO_CHARS next = kf_strfmt("%s." NEXT, path);
    kf_err why;
    if (!kf_vault_folder_check(f->dir, &why) && why.code == KF_ERR_SYS_OWNER) {
        if (err) *err = why;
        return false;
    }
    settle(f, name, next, true); /* of another agent that was killed since this one unlocked */
    if (read_record(f, name, path, blob, err)) return true;
    if (err->code != KF_ERR_STORE_NOT_FOUND || !is_there(f, err)) return false;
    return kf_fail(err, KF_ERR_STORE_NOT_FOUND, "%s is not in the vault", name);
}

/* ---- all of them ---- */

typedef struct items {
    kf_store_item *list;
    size_t n;
} items;

static bool see_item(void *user, const kf_store_item *item, const char *leaf, const char *suffix) {
    items *all = user;
    if (suffix) return true;
    all->list = kf_grow(all->list, all->n, sizeof *all->list);
    all->list[all->n++] = *item;
    return all->n < ITEMS_MAX;
}

bool kf_vault_record_list(const char *dir, kf_store_item **out, size_t *n, kf_err *err) {
    items all = {0};
    const kf_vault_folder f = {.dir = dir};
    if (!is_there(&f, err)) return false;
    if (!each_name(dir, see_item, &all, err)) {
        free(all.list);
        return false;
    }
    *out = all.list;
    *n = all.n;
    return true;
}

void kf_vault_record_sweep(const kf_vault_folder *f) {
    names all = {0};
    if (each_name(f->dir, see_leftover, &all, NULL))
        for (size_t i = 0; i < all.n; i++) {
            kf_store_item item;
            const char *suffix;
            KF_AUTO_CHARS path = path_of(f, all.leaf[i]);
            if (!name_split(all.leaf[i], &item, &suffix)) continue;
            KF_AUTO_CHARS name = kf_strfmt("%s.%s", item.id, item.kind);
            settle(f, name, path, !strcmp(suffix, NEXT));
        }
    names_done(&all);
}

static bool see_any(void *user, const kf_store_item *item, const char *leaf, const char *suffix) {
    *(int *)user = 1;
    return false;
}

int kf_vault_record_any(const char *dir, kf_err *err) {
    int any = 0;
    if (each_name(dir, see_any, &any, err)) return any;
    return errno == ENOENT ? 0 : -1;
}

typedef struct fitting {
    const kf_vault_folder *f;
    bool any, opens;
} fitting;

static bool see_fitting(void *user, const kf_store_item *item, const char *leaf,
                        const char *suffix) {
    fitting *t = user;
    KF_AUTO(kf_secret) blob = NULL;
    KF_AUTO_CHARS path = path_of(t->f, leaf);
    if (suffix) return true;
    t->any = true;
    t->opens = read_record(t->f, leaf, path, &blob, &(kf_err){0});
    return !t->opens;
}

bool kf_vault_record_fits(const kf_vault_folder *f) {
    fitting t = {.f = f};
    return each_name(f->dir, see_fitting, &t, NULL) && (t.opens || !t.any);
}
