#pragma once
/* Where secrets rest: items named by (id, kind), each a blob. Backends: Secret
 * Service (store_keyring), the sealed vault (store_vault), memory. All calls are
 * asynchronous on the loop, every one ends (deadline inside), and done is never
 * called before the call returned. Nothing is ever written in plain text, and no
 * backend falls back to another. */
#include <stddef.h>
#include <stdint.h>
#include "base/json.h"
#include "base/secret.h"
#include "loop/task.h"

typedef enum kf_store_state {
    KF_STORE_OK,
    KF_STORE_LOCKED,
    KF_STORE_NEW, /* NEW: vault not made yet */
    KF_STORE_PROMPT_OPEN,
    KF_STORE_DENIED,
    KF_STORE_SILENT,
    KF_STORE_ABSENT,
    KF_STORE_UNKNOWN /* not asked yet: nothing was touched, no bus opened */
} kf_store_state;
const char *kf_store_state_name(kf_store_state s); /* "ok", "locked", "new", ... */

typedef struct kf_store_item {
    char id[17];   /* profile id, 16 hex */
    char kind[24]; /* "session", "api-key", ... [a-z0-9-]+ */
} kf_store_item;

/* Items that a store has for itself: list leaves them out, delete removes them. */
#define KF_STORE_OWN_ID "0000000000000000"
#define KF_STORE_SPARE_KEY "spare-key" /* keyring: not to be deleted while sealed bytes exist */

typedef struct kf_store kf_store;
/* blob: load only, borrowed (copy it to keep it). err NULL = done. Not found is
 * KF_ERR_STORE_NOT_FOUND. */
typedef void (*kf_store_done)(void *user, const kf_secret *blob, const kf_err *err);
typedef void (*kf_store_list_done)(void *user, const kf_store_item *items, size_t n,
                                   const kf_err *err);

/* interactive: a person waits and may type into a keyring prompt (deadline 5 min); else 5 s. */
void kf_store_load(kf_store *s, const char *id, const char *kind, bool interactive,
                   kf_store_done done, void *user);
/* save is durable when done runs: written, flushed, read back and compared. label: shown by keyring
 * programs. */
void kf_store_save(kf_store *s, const char *id, const char *kind, const char *label,
                   const kf_secret *blob, bool interactive, kf_store_done done, void *user);
void kf_store_delete(kf_store *s, const char *id, const char *kind, kf_store_done done,
                     void *user); /* absent is success */
void kf_store_list(kf_store *s, kf_store_list_done done, void *user);
/* Can this store be written at all? Leaves no item. */
void kf_store_probe(kf_store *s, bool interactive, kf_store_done done, void *user);
/* Called under the item's lock before a refresh token is spent: makes sure, as far as the store
 * can, that the next save of this item succeeds when its blob has at most size bytes. Vault: the
 * record's place is written at full size and flushed, so the save cannot fail for space. Keyring:
 * the collection is open, the item is not locked, and an item of this size that holds no secret of
 * a profile was written. */
void kf_store_reserve(kf_store *s, const char *id, const char *kind, size_t size, bool interactive,
                      kf_store_done done, void *user);
/* The second place of a record that the store refuses to take is a file of the caller. seal gives
 * its bytes, under a key that the store had before it refused; it asks no one and does not wait.
 * NULL: err, and the blob must not be written anywhere. unseal is its inverse; done's blob is
 * borrowed. Bytes of another item, store or key are KF_ERR_STORE_DAMAGED. */
kf_secret *kf_store_seal(kf_store *s, const char *id, const char *kind, const kf_secret *blob,
                         kf_err *err);
void kf_store_unseal(kf_store *s, const char *id, const char *kind, const kf_secret *sealed,
                     kf_store_done done, void *user);
/* Vault: opens it, or makes it when create. Keyring: unlocks with its own prompt (passphrase
 * ignored). */
void kf_store_unlock(kf_store *s, const kf_secret *passphrase, bool create, kf_store_done done,
                     void *user);
void kf_store_lock(kf_store *s); /* vault: wipes the key */
/* For the next program of the same process: what this store holds in memory alone, the vault's key
 * or the items of the memory store, as JSON with secrets in it. */
kf_json *kf_store_freeze(const kf_store *s);
/* Its inverse, for a store of the same kind that was just made. False: err, and nothing changed. */
KF_CHECK bool kf_store_thaw(kf_store *s, const kf_json *frozen, kf_err *err);
kf_store_state kf_store_get_state(const kf_store *s);
const char *kf_store_kind(const kf_store *s); /* "memory" "vault" "secret-service" */
kf_store *kf_store_free(kf_store *s);         /* cancels without callbacks; returns NULL */

/* How new a blob of this kind is: the highest of several counts. 0: this kind has no such number,
 * or the blob is not whole. Negative: a newer keyfob wrote it, so it must not be judged, replaced
 * or removed. May be called on the worker thread. */
typedef int64_t (*kf_store_generation_fn)(const char *kind, const kf_secret *blob);

kf_store *kf_store_memory_new(kf_loop *l);
typedef struct kf_vault_opts {
    const char *dir;                   /* $XDG_DATA_HOME/keyfob/vault */
    bool weak_kdf;                     /* tests: libsodium's minimum for a guess */
    kf_store_generation_fn generation; /* NULL: what a kill left is never newer than its record */
} kf_vault_opts;
kf_store *kf_store_vault_new(kf_loop *l, kf_worker *w, const kf_vault_opts *o);
/* Another passphrase for a vault's master key, open or locked. The new header is opened once before
 * it takes the old one's place. KF_ERR_STORE_BAD_PASSPHRASE: before is not it. Only for a store of
 * kind vault. */
void kf_store_vault_rewrap(kf_store *s, const kf_secret *before, const kf_secret *after,
                           kf_store_done done, void *user);
/* The passphrase that opened it has fewer than 12 characters. Only for a store of kind vault. */
bool kf_store_vault_is_short(const kf_store *s);
/* What a person should know about the header, such as that it was put back from its copy; NULL:
 * nothing. Only for a store of kind vault; valid until its next unlock. */
const char *kf_store_vault_note(const kf_store *s);
/* Opens no bus until the first call. generation ranks several items with one id and kind. */
kf_store *kf_store_keyring_new(kf_loop *l, kf_store_generation_fn generation);

/* store = auto: the Secret Service when its default collection exists and can be written, else the
 * vault. Calls done once. keyring: the store that was tried, which the callee owns and goes on
 * with, because some keyring programs ask again for another connection; NULL: the vault. why: a
 * sentence. */
typedef void (*kf_store_pick_done)(void *user, kf_store *keyring, const char *why);
void kf_store_pick(kf_loop *l, kf_store_generation_fn generation, kf_store_pick_done done,
                   void *user);

KF_AUTO_DEFINE(kf_store);
