/* The vault's cryptography: the header that wraps the master key, and sealed records. Bytes in,
 * bytes out; vault_head.c and vault_record.c have the files. */
#include "io/vault.h"

#include <sodium.h>
#include <time.h>

enum {
    KEY = crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
    NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    AT_OPS = 8,
    AT_MEM = 16,
    AT_SALT = 24,
    AT_NONCE = 40,
    AT_WRAPPED = 64,
    AT_CHECK = 112,
    CHECK = 16,
    /* Argon2id: not below the second choice of RFC 9106 (section 4), t=3 with 64 MiB */
    OPS = 3,
    MEM_LEAST = 64 << 20,
    MEM_MOST = 512 << 20,
    MEM_STEP = 16 << 20,
    WANTED_MS = 500,
    PASSPHRASE_LEAST = 12
};
static const unsigned char header_magic[8] = "KFVAULT1", record_magic[8] = "KFVREC1";

_Static_assert(KEY == 32 && NONCE == 24 && TAG == 16 && crypto_pwhash_SALTBYTES == 16,
               "the layout of the header");

static void put64(unsigned char *p, uint64_t v) {
    for (int i = 0; i < 8; i++) p[i] = (unsigned char)(v >> (8 * i));
}
static uint64_t get64(const unsigned char *p) {
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--) v = v << 8 | p[i];
    return v;
}

static bool ready(kf_err *err) {
    return sodium_init() >= 0 || kf_fail(err, KF_ERR_SYS_BUG, "libsodium does not start");
}

static kf_secret *derive(const unsigned char *h, const kf_secret *pass, kf_err *err) {
    kf_secret *kek = kf_secret_zero(KEY);
    if (crypto_pwhash((unsigned char *)kf_secret_edit(kek), KEY, kf_secret_peek(pass),
                      kf_secret_len(pass), h + AT_SALT, get64(h + AT_OPS),
                      (size_t)get64(h + AT_MEM), crypto_pwhash_ALG_ARGON2ID13) == 0)
        return kek;
    kf_fail(err, KF_ERR_SYS_NO_MEMORY, "not enough memory to derive the vault's key");
    return kf_secret_free(kek);
}

static void put_cost(unsigned char *h, uint64_t ops, uint64_t mem) {
    put64(h + AT_OPS, ops);
    put64(h + AT_MEM, mem);
}

bool kf_vault_is_cheap(const unsigned char header[KF_VAULT_HEADER]) {
    return get64(header + AT_OPS) < OPS || get64(header + AT_MEM) < MEM_LEAST;
}

static int64_t cpu_ms(void) { /* of this thread: other load must not make the cost lower */
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* As much memory as takes about WANTED_MS here. */
static void measure_cost(unsigned char *h, const kf_secret *pass) {
    put_cost(h, OPS, MEM_LEAST);
    int64_t began = cpu_ms();
    KF_AUTO(kf_secret) kek = derive(h, pass, NULL);
    int64_t took = cpu_ms() - began;
    if (!kek || took <= 0) return;
    uint64_t steps = (uint64_t)(MEM_LEAST / MEM_STEP * WANTED_MS / took), mem = steps * MEM_STEP;
    put_cost(h, OPS, mem < MEM_LEAST ? MEM_LEAST : mem > MEM_MOST ? MEM_MOST : mem);
}

static kf_secret *choose_cost(unsigned char *h, const kf_secret *pass, bool weak,
                              const unsigned char *like, kf_err *err) {
    if (weak) put_cost(h, crypto_pwhash_OPSLIMIT_MIN, crypto_pwhash_MEMLIMIT_MIN);
    else if (like && !kf_vault_is_cheap(like))
        put_cost(h, get64(like + AT_OPS), get64(like + AT_MEM));
    else measure_cost(h, pass);
    kf_secret *kek = derive(h, pass, err);
    if (kek || weak) return kek;
    put_cost(h, OPS, MEM_LEAST); /* there was less memory than a moment ago */
    return derive(h, pass, err);
}

bool kf_vault_wrap(const kf_secret *master, const kf_secret *pass, bool weak,
                   const unsigned char *like, unsigned char out[KF_VAULT_HEADER], kf_err *err) {
    if (!ready(err)) return false;
    unsigned char h[KF_VAULT_HEADER] = {0};
    memcpy(h, header_magic, 8);
    randombytes_buf(h + AT_SALT, crypto_pwhash_SALTBYTES);
    randombytes_buf(h + AT_NONCE, NONCE);
    KF_AUTO(kf_secret) kek = choose_cost(h, pass, weak, like, err);
    if (!kek) return false;
    crypto_aead_xchacha20poly1305_ietf_encrypt(
        h + AT_WRAPPED, NULL, (const unsigned char *)kf_secret_peek(master), KEY, h, AT_NONCE, NULL,
        h + AT_NONCE, (const unsigned char *)kf_secret_peek(kek));
    crypto_generichash(h + AT_CHECK, CHECK, h, AT_CHECK, NULL, 0);
    memcpy(out, h, sizeof h);
    return true;
}

bool kf_vault_create(const kf_secret *pass, bool weak, kf_secret **master,
                     unsigned char out[KF_VAULT_HEADER], kf_err *err) {
    if (!ready(err)) return false;
    KF_AUTO(kf_secret) key = kf_secret_zero(KEY);
    randombytes_buf(kf_secret_edit(key), KEY);
    if (!kf_vault_wrap(key, pass, weak, NULL, out, err)) return false;
    *master = KF_TAKE(key);
    return true;
}

/* The letters of magic, and a higher digit at its end. */
static bool has_later_digit(const unsigned char *p, const unsigned char *magic, size_t digit) {
    return !memcmp(p, magic, digit) && p[digit] > '1' && p[digit] <= '9';
}

/* A flipped bit can turn the 1 of the version into a 3: then the rest is still right for version 1.
 */
static bool is_newer_header(const unsigned char *h, size_t len) {
    unsigned char one[AT_CHECK], check[CHECK];
    if (len < 8 || !has_later_digit(h, header_magic, 7)) return false;
    if (len != KF_VAULT_HEADER) return true;
    memcpy(one, h, sizeof one);
    memcpy(one, header_magic, sizeof header_magic);
    crypto_generichash(check, CHECK, one, sizeof one, NULL, 0);
    return memcmp(check, h + AT_CHECK, CHECK) != 0;
}

bool kf_vault_check(const void *header, size_t len, kf_err *err) {
    if (!ready(err)) return false;
    const unsigned char *h = header;
    unsigned char check[CHECK];
    if (is_newer_header(h, len))
        return kf_fail(err, KF_ERR_STORE_NEWER, "the vault's header is of a later version");
    if (len == KF_VAULT_HEADER) crypto_generichash(check, CHECK, h, AT_CHECK, NULL, 0);
    /* the check tells a damaged header from a wrong passphrase; the limits keep a made-up one from
     * eating the machine */
    if (len != KF_VAULT_HEADER || memcmp(h, header_magic, 8) ||
        memcmp(check, h + AT_CHECK, CHECK) || get64(h + AT_OPS) > 16 ||
        get64(h + AT_OPS) < crypto_pwhash_OPSLIMIT_MIN ||
        get64(h + AT_MEM) < crypto_pwhash_MEMLIMIT_MIN || get64(h + AT_MEM) > (1u << 30))
        return kf_fail(err, KF_ERR_STORE_VAULT_DAMAGED, "the vault's header is damaged");
    return true;
}

kf_secret *kf_vault_open(const void *header, size_t len, const kf_secret *pass, kf_err *err) {
    if (!kf_vault_check(header, len, err)) return NULL;
    const unsigned char *h = header;
    KF_AUTO(kf_secret) kek = derive(h, pass, err);
    if (!kek) return NULL;
    kf_secret *key = kf_secret_zero(KEY);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            (unsigned char *)kf_secret_edit(key), NULL, NULL, h + AT_WRAPPED, KEY + TAG, h,
            AT_NONCE, h + AT_NONCE, (const unsigned char *)kf_secret_peek(kek)) == 0)
        return key;
    kf_fail(err, KF_ERR_STORE_BAD_PASSPHRASE, "that is not the passphrase of the vault");
    return kf_secret_free(key);
}

kf_secret *kf_vault_seal(const kf_secret *master, const char *name, const kf_secret *blob,
                         kf_err *err) {
    size_t n = kf_secret_len(blob);
    if (!ready(err)) return NULL;
    if (n > KF_VAULT_BLOB_MAX)
        return kf_fail(err, KF_ERR_STORE_WRITE, "a record is larger than %u bytes",
                       KF_VAULT_BLOB_MAX),
               NULL;
    kf_secret *out = kf_secret_zero(8 + NONCE + n + TAG);
    unsigned char *p = (unsigned char *)kf_secret_edit(out);
    memcpy(p, record_magic, 8);
    randombytes_buf(p + 8, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(
        p + 8 + NONCE, NULL, (const unsigned char *)kf_secret_peek(blob), n,
        (const unsigned char *)name, strlen(name), NULL, p + 8,
        (const unsigned char *)kf_secret_peek(master));
    return out;
}

static bool is_newer_record(const unsigned char *p, size_t len) {
    return len >= 8 && has_later_digit(p, record_magic, 6) && !p[7];
}

kf_secret *kf_vault_unseal(const kf_secret *master, const char *name, const void *sealed,
                           size_t len, kf_err *err) {
    const unsigned char *p = sealed;
    const size_t before = 8 + NONCE;
    KF_AUTO(kf_secret) blob = len < before + TAG ? NULL : kf_secret_zero(len - before - TAG);
    if (!ready(err)) return NULL;
    bool opens = blob && crypto_aead_xchacha20poly1305_ietf_decrypt(
                             (unsigned char *)kf_secret_edit(blob), NULL, NULL, p + before,
                             len - before, (const unsigned char *)name, strlen(name), p + 8,
                             (const unsigned char *)kf_secret_peek(master)) == 0;
    if (opens && !memcmp(p, record_magic, 8)) return KF_TAKE(blob);
    /* a record that opens as version 1 is not of a newer version: its first bytes are damaged */
    if (!opens && is_newer_record(p, len))
        kf_fail(err, KF_ERR_STORE_NEWER, "%s in the vault is of a later version", name);
    else kf_fail(err, KF_ERR_STORE_DAMAGED, "the vault's record %s is damaged", name);
    return NULL;
}

bool kf_vault_passphrase_is_short(const kf_secret *pass) {
    const char *p = kf_secret_peek(pass);
    size_t n = 0; /* characters of UTF-8, not bytes */
    for (; *p; p++) n += ((unsigned char)*p & 0xc0) != 0x80;
    return n < PASSPHRASE_LEAST;
}

bool kf_vault_fail_short(kf_err *err) {
    kf_fail(err, KF_ERR_USAGE_BAD, "the passphrase has fewer than %d characters", PASSPHRASE_LEAST);
    return kf_hint(err,
                   "A thief of the vault can try many short ones. Use %d or more; "
                   "four random words are good. To take it anyway: keyfob "
                   "unlock --weak, or --weak where you set it",
                   PASSPHRASE_LEAST);
}
