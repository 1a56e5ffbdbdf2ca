/* The spare key: one item of keyfob's that holds a random key and belongs to no profile. Records
 * that the keyring refuses to take are sealed with it. Writing it again, with the value that it
 * has, also tells whether the keyring can be written: an item made for that would have to be
 * deleted each time, and KeePassXC keeps what was deleted in its recycle bin. */
#include "io/keyring.h"

#include <errno.h>
#include <sys/random.h>
#include "base/log.h"
#include "base/str.h"
#include "io/vault.h"

enum { KEY = 32, DIGITS = 2 * KEY };

/* --- the item's text: the key in hex, then blanks up to the size that is to be tried ------ */

static kf_secret *text_of(const kf_secret *key, size_t size) {
    char hex[DIGITS + 1];
    kf_secret *text = kf_secret_zero(size > DIGITS ? size : DIGITS);
    char *out = kf_secret_edit(text);
    kf_hex(kf_secret_peek(key), KEY, hex);
    memset(out, ' ', kf_secret_len(text));
    memcpy(out, hex, DIGITS);
    kf_wipe(hex, sizeof hex);
    return text;
}

/* NULL: a person has changed the item. */
static kf_secret *key_of(const kf_secret *text) {
    char hex[DIGITS + 1] = "";
    kf_secret *key = kf_secret_zero(KEY);
    if (kf_secret_len(text) >= DIGITS) memcpy(hex, kf_secret_peek(text), DIGITS);
    bool ok = kf_unhex(hex, kf_secret_edit(key), KEY);
    kf_wipe(hex, sizeof hex);
    return ok ? key : kf_secret_free(key);
}

static kf_secret *new_key(void) {
    kf_secret *key = kf_secret_zero(KEY);
    ssize_t n;
    do n = getrandom(kf_secret_edit(key), KEY, 0);
    while (n < 0 && errno == EINTR);
    if (n != KEY) abort(); /* getrandom of 32 bytes cannot be short */
    return key;
}

void kf_keyring_forget_spare(kf_keyring *k) {
    k->spare = kf_secret_free(k->spare);
    free(k->spare_path);
    k->spare_path = NULL;
}

/* The key of o->value is in the item at path. */
static void have_spare(kf_keyring_op *o, const char *path) {
    kf_keyring *k = o->k;
    kf_secret *key = key_of(o->value);
    char *copy = kf_strdup(path);
    kf_keyring_forget_spare(k);
    k->spare = key;
    k->spare_path = copy;
}

/* --- finding, making and writing it ------------------------------------------------------- */

static void read_back(kf_keyring_op *o) {
    if (!kf_secret_eq(o->got[0].blob, o->value)) {
        kf_keyring_fail(o, KF_ERR_STORE_WRITE, "the keyring returns other bytes than were written");
        return;
    }
    o->made_spare = true;
    have_spare(o, o->path);
    o->after(o);
}

static void was_made(kf_keyring_op *o) {
    char *paths[] = {o->path, NULL};
    kf_keyring_read(o, paths, read_back);
}

static void set_value(kf_keyring_op *o, const kf_secret *key) {
    kf_secret *text = text_of(key, o->size);
    kf_secret_free(o->value);
    o->value = text;
}

static void make_spare(kf_keyring_op *o) {
    KF_AUTO(kf_secret) key = o->k->spare ? kf_secret_copy(o->k->spare) : new_key();
    set_value(o, key);
    kf_keyring_create(o, KF_STORE_OWN_ID, KF_STORE_SPARE_KEY,
                      "keyfob: key for sessions that could not be stored", o->value, was_made);
}

static void was_tried(kf_keyring_op *o) { o->after(o); }

static void write_spare(kf_keyring_op *o, const char *path, const kf_secret *key) {
    set_value(o, key);
    if (!o->k->spare) have_spare(o, path);
    kf_keyring_write(o, path, o->value, was_tried);
}

static void was_read(kf_keyring_op *o) {
    for (size_t i = 0; i < o->n_got; i++) {
        KF_AUTO(kf_secret) key = key_of(o->got[i].blob);
        if (!key) continue;
        write_spare(o, o->got[i].path, key);
        return;
    }
    make_spare(o);
}

static void no_spare(kf_keyring_op *o) {
    if (!o->k->told_no_spare)
        kf_log(KF_LOG_WARN, "keyring: it does not give keyfob its spare key, so a session that "
                            "cannot be stored stays in memory only; run keyfob unlock");
    o->k->told_no_spare = true;
    o->after(o);
}

static void spare_found(kf_keyring_op *o) {
    kf_keyring *k = o->k;
    if (k->spare && g_strv_contains((const char *const *)o->found, k->spare_path))
        write_spare(o, k->spare_path, k->spare);
    else if (!k->spare && *o->found) kf_keyring_read(o, o->found, was_read);
    else if (!*o->shut) make_spare(o);
    else if (*o->id) no_spare(o); /* the item itself is open, and that decides */
    else kf_keyring_open_items(o);
}

static void try_spare(kf_keyring_op *o, kf_keyring_fn after) {
    o->after = after;
    kf_keyring_search(o, KF_STORE_OWN_ID, KF_STORE_SPARE_KEY, spare_found);
}

/* --- reserve and probe -------------------------------------------------------------------- */

static void end_well(kf_keyring_op *o) { kf_keyring_finish(o, NULL, NULL); }

static void item_found(kf_keyring_op *o) {
    if (!*o->found && *o->shut) kf_keyring_open_items(o);
    else try_spare(o, end_well);
}

static void run_reserve(kf_keyring_op *o) { kf_keyring_search(o, o->id, o->kind, item_found); }

void kf_keyring_reserve(kf_store *s, const char *id, const char *kind, size_t size,
                        bool interactive, kf_store_done done, void *user) {
    static const kf_keyring_verb verb = {.run = run_reserve, .session = true, .writes = true};
    kf_keyring_op_new(s, &verb, id, kind, interactive, done, user)->size = size;
}

static void was_removed(kf_keyring_op *o) {
    kf_keyring_forget_spare(o->k);
    kf_keyring_finish(o, NULL, NULL);
}

/* A question must not leave an item where there was none. */
static void was_probed(kf_keyring_op *o) {
    if (o->made_spare) kf_keyring_delete(o, o->path, was_removed);
    else kf_keyring_finish(o, NULL, NULL);
}

static void run_probe(kf_keyring_op *o) { try_spare(o, was_probed); }

void kf_keyring_probe(kf_store *s, bool interactive, kf_store_done done, void *user) {
    static const kf_keyring_verb verb = {
        .run = run_probe, .session = true, .writes = true, .may_skip = true};
    kf_keyring_op_new(s, &verb, NULL, NULL, interactive, done, user);
}

/* --- seal and unseal ---------------------------------------------------------------------- */

kf_secret *kf_keyring_seal(kf_store *s, const char *id, const char *kind, const kf_secret *blob,
                           kf_err *err) {
    const kf_secret *key = ((kf_keyring *)s)->spare;
    if (!key) return kf_fail(err, KF_ERR_STORE_WRITE, "the keyring has no spare key"), NULL;
    KF_AUTO_CHARS name = kf_strfmt("%s.%s", id, kind);
    return kf_vault_seal(key, name, blob, err);
}

static kf_secret *unseal_with(const kf_keyring_op *o, const kf_secret *key) {
    KF_AUTO_CHARS name = kf_strfmt("%s.%s", o->id, o->kind);
    return kf_vault_unseal(key, name, kf_secret_peek(o->blob), kf_secret_len(o->blob), NULL);
}

static bool unseal_at_hand(kf_keyring_op *o) {
    KF_AUTO(kf_secret) blob = o->k->spare ? unseal_with(o, o->k->spare) : NULL;
    if (blob) kf_keyring_finish(o, blob, NULL);
    return blob;
}

static void try_keys(kf_keyring_op *o) {
    for (size_t i = 0; i < o->n_got; i++) {
        KF_AUTO(kf_secret) key = key_of(o->got[i].blob);
        KF_AUTO(kf_secret) blob = key ? unseal_with(o, key) : NULL;
        if (!blob) continue;
        kf_keyring_finish(o, blob, NULL);
        return;
    }
    if (*o->shut) kf_keyring_open_items(o);
    else
        kf_keyring_fail(o, KF_ERR_STORE_DAMAGED, "no spare key of the keyring opens the sealed %s",
                        o->kind);
}

static void keys_found(kf_keyring_op *o) {
    if (*o->found) kf_keyring_read(o, o->found, try_keys);
    else try_keys(o);
}

static void run_unseal(kf_keyring_op *o) {
    kf_keyring_search(o, KF_STORE_OWN_ID, KF_STORE_SPARE_KEY, keys_found);
}

void kf_keyring_unseal(kf_store *s, const char *id, const char *kind, const kf_secret *sealed,
                       kf_store_done done, void *user) {
    static const kf_keyring_verb verb = {
        .run = run_unseal, .session = true, .at_hand = unseal_at_hand};
    kf_keyring_op_new(s, &verb, id, kind, false, done, user)->blob = kf_secret_copy(sealed);
}
