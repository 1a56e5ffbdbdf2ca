#pragma once
/* The sealed records of a vault's folder, one file each, and the files that a save goes through.
 * Blocking calls for the worker thread. Names are "<id>.<kind>".
 *
 * A save writes "<name>.next", flushes it, renames it over the record and flushes the folder; when
 * another process holds that name, "<name>.next-XXXXXX" is used. The writer holds such a file by
 * flock, so a file without a holder was left by a kill. If it has a higher generation than its
 * record, it takes the record's place, else it is removed. On doubt it stays. */
#include "io/store.h"

/* No header and no copy of it: the folder went away, or there has never been a vault. Short enough
 * for the loop. */
bool kf_vault_is_gone(const char *dir);
/* Nobody else can write the folder or put another in its place: KF_ERR_SYS_OWNER if somebody can,
 * KF_ERR_STORE_READ if that cannot be seen. */
KF_CHECK bool kf_vault_folder_check(const char *dir, kf_err *err);
/* KF_ERR_STORE_ABSENT with what to do; returns false. */
bool kf_vault_fail_gone(const char *dir, kf_err *err);
/* 1: there are records, or files that saves left; 0: none, or no folder; -1: err. For the loop. */
int kf_vault_record_any(const char *dir, kf_err *err);

/* Files that this process has reserved and not used yet. */
typedef struct kf_vault_places kf_vault_places;
kf_vault_places *kf_vault_places_new(void); /* with one reference */
/* References are of the loop thread. The last drop removes the files that hold nothing. */
kf_vault_places *kf_vault_places_hold(kf_vault_places *p);
void kf_vault_places_drop(kf_vault_places *p);

/* A folder that is open. */
typedef struct kf_vault_folder {
    const char *dir;
    const kf_secret *master;
    kf_store_generation_fn generation; /* NULL: leftovers are never newer than their record */
    kf_vault_places *places;
} kf_vault_folder;

/* Failures of all: KF_ERR_STORE_ABSENT when the folder has no header any more (it went away),
 * KF_ERR_SYS_OWNER when somebody else can write there, KF_ERR_STORE_READ what cannot be read now,
 * KF_ERR_STORE_DAMAGED, KF_ERR_STORE_WRITE, KF_ERR_STORE_NEWER a record that a newer keyfob wrote;
 * such a one is never replaced. */
KF_CHECK bool kf_vault_record_load(const kf_vault_folder *f, const char *name, kf_secret **blob,
                                   kf_err *err); /* also KF_ERR_STORE_NOT_FOUND */
KF_CHECK bool kf_vault_record_save(const kf_vault_folder *f, const char *name,
                                   const kf_secret *blob, kf_err *err);
KF_CHECK bool kf_vault_record_reserve(const kf_vault_folder *f, const char *name, size_t blob_size,
                                      kf_err *err);
/* The record and everything that was left of its saves; the record last. Absent is success. */
KF_CHECK bool kf_vault_record_delete(const kf_vault_folder *f, const char *name, kf_err *err);
/* *items: heap array, caller frees. */
KF_CHECK bool kf_vault_record_list(const char *dir, kf_store_item **items, size_t *n, kf_err *err);
/* Everything that kills have left, under vault.lock. */
void kf_vault_record_sweep(const kf_vault_folder *f);
/* Whether the key opens a record, or there is none. */
bool kf_vault_record_fits(const kf_vault_folder *f);
