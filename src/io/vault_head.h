#pragma once
/* The header of a vault's folder and its second copy: "header" and "header.copy", the same bytes.
 * Every record is lost without them, so a header is made only in a folder that has neither, and no
 * records; it is never replaced because it cannot be read; and the copy is used when the header is
 * missing or damaged. Blocking calls for the worker thread, but for those that say so. */
#include "io/vault.h"
#include "io/vault_record.h"

typedef enum kf_vault_part {
    KF_VAULT_WHOLE,
    KF_VAULT_MISSING,   /* ENOENT */
    KF_VAULT_BROKEN,    /* read, and not what was written */
    KF_VAULT_NEWER,     /* written by a newer keyfob */
    KF_VAULT_UNREADABLE /* EIO, EACCES, EMFILE, ...: nothing is known about it */
} kf_vault_part;

typedef struct kf_vault_head {
    kf_vault_part is;
    unsigned char bytes[KF_VAULT_HEADER]; /* when WHOLE */
    kf_err why;                           /* when not */
} kf_vault_head;

typedef struct kf_vault_look {
    kf_vault_head first, copy;
    char *note; /* heap: what a person should know about the two; NULL: nothing */
} kf_vault_look;

/* Changes nothing and needs no passphrase. Short enough for the loop. */
void kf_vault_look_init(kf_vault_look *l, const char *dir);
void kf_vault_look_done(kf_vault_look *l);
/* The header that counts, borrowed. NULL: KF_ERR_STORE_VAULT_NEW (one may be made),
 * KF_ERR_STORE_VAULT_DAMAGED, KF_ERR_STORE_READ, KF_ERR_STORE_NEWER. */
const kf_vault_head *kf_vault_look_pick(const kf_vault_look *l, const char *dir, kf_err *err);
/* True: no header, no copy and no records, so a header may be made. False also when the folder
 * cannot be read. For the loop. */
bool kf_vault_head_is_new(const char *dir);

/* Opens the vault in f->dir (f->master is not used) and puts the folder in order: both header files
 * are made the same, and what kills left is used or removed. That is left out when another process
 * has vault.lock or nothing can be written. Unless weak, a header whose guesses are cheaper than
 * those of a new one is replaced. Caller frees. NULL: err, also
 * KF_ERR_STORE_BAD_PASSPHRASE. *note: heap, what a person should know about the header, or NULL. */
kf_secret *kf_vault_head_open(const kf_vault_folder *f, const kf_secret *passphrase, bool weak,
                              char **note, kf_err *err);
/* Makes the folder, a master key and both files, under vault.lock. Caller frees; NULL: err. */
kf_secret *kf_vault_head_make(const char *dir, const kf_secret *passphrase, bool weak, kf_err *err);
/* The same master key under another passphrase, in both files, under vault.lock. */
KF_CHECK bool kf_vault_head_rewrap(const char *dir, const kf_secret *before, const kf_secret *after,
                                   bool weak, kf_err *err);
