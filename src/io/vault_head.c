/* The vault's header and its copy on disk: read, check, create, change the passphrase, repair.
 * Called on the worker, apart from the functions that say otherwise. */
#include "io/vault_head.h"

#include <errno.h>
#include <poll.h>
#include "base/log.h"
#include "base/str.h"
#include "guard/path.h"
#include "io/files.h"
#include "io/lock.h"

enum { FILE_MAX = 4096, LOCK_STEP_MS = 10, LOCK_WAIT_MS = 5000, TIDY_WAIT_MS = 500 };
#define HEADER KF_VAULT_HEADER_FILE
#define COPY KF_VAULT_COPY_FILE

/* ---- looking ---- */

static const char *part_text(kf_vault_part p) {
    static const char *const text[] = {"is whole", "is missing", "is damaged",
                                       "is of a later version", "cannot be read"};
    return text[p];
}

static void read_head(const char *dir, const char *leaf, kf_vault_head *h) {
    KF_AUTO_CHARS path = kf_strfmt("%s/%s", dir, leaf);
    KF_AUTO(kf_secret) s = NULL;
    h->is = KF_VAULT_WHOLE;
    if (!kf_file_read(path, FILE_MAX, &s, &h->why)) {
        h->is = errno == ENOENT ? KF_VAULT_MISSING : errno ? KF_VAULT_UNREADABLE : KF_VAULT_BROKEN;
        if (h->why.code != KF_ERR_SYS_OWNER) h->why.code = KF_ERR_STORE_READ;
    } else if (kf_vault_check(kf_secret_peek(s), kf_secret_len(s), &h->why)) {
        memcpy(h->bytes, kf_secret_peek(s), sizeof h->bytes);
    } else {
        h->is = h->why.code == KF_ERR_STORE_NEWER ? KF_VAULT_NEWER : KF_VAULT_BROKEN;
        kf_fail(&h->why, h->why.code, "%s %s", path, part_text(h->is));
    }
}

static bool heads_differ(const kf_vault_look *l) {
    return l->first.is == KF_VAULT_WHOLE && l->copy.is == KF_VAULT_WHOLE &&
           memcmp(l->first.bytes, l->copy.bytes, sizeof l->first.bytes) != 0;
}

void kf_vault_look_init(kf_vault_look *l, const char *dir) {
    read_head(dir, HEADER, &l->first);
    read_head(dir, COPY, &l->copy);
    kf_vault_part one = l->first.is, two = l->copy.is;
    l->note = NULL;
    if (one != KF_VAULT_WHOLE && one != KF_VAULT_NEWER && two == KF_VAULT_WHOLE)
        l->note = kf_strfmt("%s/" HEADER " %s; its copy " COPY " is used", dir, part_text(one));
    else if (heads_differ(l))
        l->note = kf_strfmt("%s/" HEADER " and its copy " COPY " differ", dir);
    else if (one == KF_VAULT_WHOLE && two != KF_VAULT_WHOLE)
        l->note = kf_strfmt("the copy of the header, %s/" COPY ", %s", dir, part_text(two));
}

void kf_vault_look_done(kf_vault_look *l) {
    free(l->note);
    l->note = NULL;
}

static bool fail_damaged(const kf_vault_look *l, const char *dir, kf_err *err) {
    kf_fail(err, KF_ERR_STORE_VAULT_DAMAGED, "%s/" HEADER " %s, and its copy " COPY " %s", dir,
            part_text(l->first.is), part_text(l->copy.is));
    return kf_hint(err, "Put " HEADER " or " COPY " back from a backup. Without a backup, move the "
                        "folder away and sign in again.");
}

/* Another user's bytes, or bytes that another user can write: the other file may be as well. */
static bool is_foreign(const kf_vault_head *h) {
    return h->is == KF_VAULT_UNREADABLE && h->why.code == KF_ERR_SYS_OWNER;
}

const kf_vault_head *kf_vault_look_pick(const kf_vault_look *l, const char *dir, kf_err *err) {
    const kf_vault_head *first = &l->first, *copy = &l->copy, *bad = NULL;
    if (is_foreign(first) || is_foreign(copy)) {
        if (err) *err = is_foreign(first) ? first->why : copy->why;
        return NULL;
    }
    if (first->is == KF_VAULT_WHOLE) return first;
    if (copy->is == KF_VAULT_WHOLE && first->is != KF_VAULT_NEWER) return copy;
    if (first->is == KF_VAULT_NEWER || first->is == KF_VAULT_UNREADABLE) bad = first;
    else if (copy->is == KF_VAULT_NEWER || copy->is == KF_VAULT_UNREADABLE) bad = copy;
    if (bad) {
        if (err) *err = bad->why;
        return NULL;
    }
    bool none = first->is == KF_VAULT_MISSING && copy->is == KF_VAULT_MISSING;
    int any = none ? kf_vault_record_any(dir, err) : 1;
    if (any == 0) kf_fail(err, KF_ERR_STORE_VAULT_NEW, "there is no vault yet");
    if (any == 1) fail_damaged(l, dir, err);
    return NULL;
}

bool kf_vault_head_is_new(const char *dir) {
    return kf_vault_is_gone(dir) && kf_vault_record_any(dir, NULL) == 0;
}

/* ---- writing ---- */

/* Changes of the header are made under vault.lock. The lock, or -1: err. */
static int take_lock(const char *dir, int wait_ms, kf_err *err) {
    KF_AUTO_CHARS path = kf_strfmt("%s/vault.lock", dir);
    int fd = kf_lock_open(path, err), got = fd < 0 ? -1 : kf_lock_try(fd, err);
    for (int waited = 0; got == 0 && waited < wait_ms; waited += LOCK_STEP_MS) {
        poll(NULL, 0, LOCK_STEP_MS);
        got = kf_lock_try(fd, err);
    }
    if (got == 1) return fd;
    if (got == 0) kf_fail(err, KF_ERR_STORE_WRITE, "another program holds %s", path);
    else if (err && err->code != KF_ERR_SYS_OWNER) err->code = KF_ERR_STORE_WRITE;
    kf_lock_drop(fd);
    return -1;
}

static bool put_head(const char *dir, const char *leaf, const unsigned char bytes[KF_VAULT_HEADER],
                     kf_err *err) {
    KF_AUTO_CHARS path = kf_strfmt("%s/%s", dir, leaf);
    if (kf_file_replace(path, bytes, KF_VAULT_HEADER, err)) return true;
    if (err) err->code = KF_ERR_STORE_WRITE;
    return false;
}

/* The copy first: while only one of the two could be written, the header is what it was before. */
static bool put_both(const char *dir, const unsigned char bytes[KF_VAULT_HEADER], kf_err *err) {
    return put_head(dir, COPY, bytes, err) && put_head(dir, HEADER, bytes, err);
}

static kf_secret *make_locked(const char *dir, const kf_secret *pass, bool weak, kf_err *err) {
    unsigned char h[KF_VAULT_HEADER];
    KF_AUTO(kf_secret) master = NULL;
    if (!kf_vault_head_is_new(dir)) /* two agents must not make two keys */
        return kf_fail(err, KF_ERR_STORE_VAULT_LOCKED, "another program has just made the vault"),
               NULL;
    if (!kf_vault_create(pass, weak, &master, h, err)) return NULL;
    if (put_both(dir, h, err)) return KF_TAKE(master);
    KF_AUTO_CHARS copy = kf_strfmt("%s/" COPY, dir);
    (void)!kf_file_remove(copy, NULL); /* nothing is sealed with it yet */
    return NULL;
}

kf_secret *kf_vault_head_make(const char *dir, const kf_secret *pass, bool weak, kf_err *err) {
    if (!kf_path_make_dir(dir, err)) {
        if (err && err->code == KF_ERR_SYS_IO) err->code = KF_ERR_STORE_WRITE;
        return NULL;
    }
    int fd = take_lock(dir, LOCK_WAIT_MS, err);
    kf_secret *master = fd < 0 ? NULL : make_locked(dir, pass, weak, err);
    kf_lock_drop(fd);
    return master;
}

/* Removes temp files of writers that were killed. Under vault.lock no other process writes one. */
static void sweep_temps(const char *dir) {
    static const char *const leaf[] = {HEADER, COPY, "probe.tmp"};
    for (size_t i = 0; i < KF_LEN(leaf); i++) {
        KF_AUTO_CHARS path = kf_strfmt("%s/%s", dir, leaf[i]);
        kf_file_sweep(path, true);
    }
}

static bool rewrap_locked(const char *dir, const kf_vault_look *l, const kf_secret *before,
                          const kf_secret *after, bool weak, kf_err *err) {
    unsigned char fresh[KF_VAULT_HEADER];
    const kf_vault_head *h = kf_vault_look_pick(l, dir, err), *bad = NULL;
    if (l->first.is == KF_VAULT_UNREADABLE) bad = &l->first;
    else if (l->copy.is == KF_VAULT_NEWER) bad = &l->copy;
    if (h && bad) { /* it must not be replaced */
        if (err) *err = bad->why;
        return false;
    }
    KF_AUTO(kf_secret) master = h ? kf_vault_open(h->bytes, sizeof h->bytes, before, err) : NULL;
    if (!master || !kf_vault_wrap(master, after, weak, h->bytes, fresh, err)) return false;
    KF_AUTO(kf_secret) again = kf_vault_open(fresh, sizeof fresh, after, err);
    if (!again || !kf_secret_eq(again, master))
        return kf_fail(err, KF_ERR_STORE_WRITE, "the new header does not open; the old one stays");
    sweep_temps(dir);
    if (put_both(dir, fresh, err)) return true;
    kf_vault_head now;
    read_head(dir, HEADER, &now);
    if (now.is == KF_VAULT_WHOLE)
        (void)put_head(dir, COPY, now.bytes, NULL); /* else the next opening does it */
    return false;
}

bool kf_vault_head_rewrap(const char *dir, const kf_secret *before, const kf_secret *after,
                          bool weak, kf_err *err) {
    if (kf_vault_head_is_new(dir))
        return kf_fail(err, KF_ERR_STORE_VAULT_NEW, "there is no vault yet");
    int fd = kf_vault_folder_check(dir, err) ? take_lock(dir, LOCK_WAIT_MS, err) : -1;
    if (fd < 0) return false;
    kf_vault_look l;
    kf_vault_look_init(&l, dir);
    bool ok = rewrap_locked(dir, &l, before, after, weak, err);
    kf_vault_look_done(&l);
    kf_lock_drop(fd);
    return ok;
}

/* ---- opening ---- */

/* The header takes precedence. A copy that differs was left by a change of the passphrase that was
 * interrupted, and must not open the vault for ever with the other passphrase. When the header's
 * key opens no record, the copy may be the only right one, and stays. */
static void repair_heads(const kf_vault_folder *f) {
    kf_vault_look l;
    kf_err err = {.code = KF_ERR_NONE};
    kf_vault_look_init(&l, f->dir);
    kf_vault_part one = l.first.is, two = l.copy.is;
    if (one == KF_VAULT_WHOLE && (two == KF_VAULT_MISSING || two == KF_VAULT_BROKEN ||
                                  (heads_differ(&l) && kf_vault_record_fits(f))))
        (void)put_head(f->dir, COPY, l.first.bytes, &err);
    else if ((one == KF_VAULT_MISSING || one == KF_VAULT_BROKEN) && two == KF_VAULT_WHOLE)
        (void)put_head(f->dir, HEADER, l.copy.bytes, &err);
    if (err.code != KF_ERR_NONE) kf_log(KF_LOG_WARN, "vault: %s", err.what);
    kf_vault_look_done(&l);
}

static void tidy(const kf_vault_folder *f) {
    kf_err err;
    int fd = take_lock(f->dir, TIDY_WAIT_MS, &err);
    if (fd < 0) {
        kf_log(KF_LOG_WARN, "vault: not put in order: %s", err.what);
        return;
    }
    repair_heads(f);
    sweep_temps(f->dir);
    kf_vault_record_sweep(f);
    kf_lock_drop(fd);
}

/* The passphrase is known only now. */
static void make_dear(const char *dir, const kf_secret *pass) {
    kf_err err;
    if (kf_vault_head_rewrap(dir, pass, pass, false, &err))
        kf_log(KF_LOG_INFO, "vault: the header now has today's cost for a guess");
    else kf_log(KF_LOG_WARN, "vault: a guess at the passphrase stays cheap: %s", err.what);
}

kf_secret *kf_vault_head_open(const kf_vault_folder *f, const kf_secret *pass, bool weak,
                              char **note, kf_err *err) {
    kf_vault_look before, after;
    if (!kf_vault_is_gone(f->dir) && !kf_vault_folder_check(f->dir, err)) return NULL;
    kf_vault_look_init(&before, f->dir);
    const kf_vault_head *h = kf_vault_look_pick(&before, f->dir, err);
    kf_secret *master = h ? kf_vault_open(h->bytes, sizeof h->bytes, pass, err) : NULL;
    bool cheap = master && !weak && kf_vault_is_cheap(h->bytes);
    kf_vault_look_done(&before);
    if (!master) return NULL;
    kf_vault_folder open = *f;
    open.master = master;
    tidy(&open);
    if (cheap) make_dear(f->dir, pass);
    kf_vault_look_init(&after, f->dir);
    bool lost = before.first.is == KF_VAULT_MISSING || before.first.is == KF_VAULT_BROKEN;
    if (lost && after.first.is == KF_VAULT_WHOLE)
        *note = kf_strfmt("%s/" HEADER " %s; it was put back from its copy " COPY, f->dir,
                          part_text(before.first.is));
    else *note = KF_TAKE(after.note);
    if (*note) kf_log(KF_LOG_WARN, "vault: %s", *note);
    kf_vault_look_done(&after);
    return master;
}
