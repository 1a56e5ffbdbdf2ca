/* Sealed sessions in the format of iron (Fe26.2): derives keys, encrypts, authenticates, and
 * opens what another program sealed. It knows nothing of the content but that it is JSON. */
#include "crypt/seal.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"

enum { KEY = 32, SALT = 32, SALT_HEX = 64, IV = 16, MAC = 32, PARTS = 8, SKEW_MS = 60000 };

static size_t utf16_units(const kf_secret *s) {
    const unsigned char *p = (const unsigned char *)kf_secret_peek(s);
    size_t n = 0;
    for (size_t i = 0; i < kf_secret_len(s); i++)
        if ((p[i] & 0xc0) != 0x80) n += p[i] >= 0xf0 ? 2 : 1;
    return n;
}

bool kf_seal_password_ok(const kf_secret *password, kf_err *err) {
    if (utf16_units(password) >= KF_SEAL_PASSWORD_MIN) return true;
    kf_fail(err, KF_ERR_USAGE_BAD, "a cookie password has at least %d characters, this one has %zu",
            KF_SEAL_PASSWORD_MIN, utf16_units(password));
    return kf_hint(err, "Make one with: openssl rand -base64 32");
}

/* One round of PBKDF2 over the salt's hexadecimal text, not over its bytes. */
static void derive(const kf_secret *password, const char *salt_hex, uint8_t key[KEY]) {
    if (PKCS5_PBKDF2_HMAC_SHA1(kf_secret_peek(password), (int)kf_secret_len(password),
                               (const unsigned char *)salt_hex, SALT_HEX, 1, KEY, key) != 1)
        abort();
}

static void mac_of(const kf_secret *password, const char *salt_hex, const char *text, size_t len,
                   uint8_t mac[MAC]) {
    uint8_t key[KEY];
    unsigned n = MAC;
    derive(password, salt_hex, key);
    if (!HMAC(EVP_sha256(), key, KEY, (const unsigned char *)text, len, mac, &n)) abort();
    kf_wipe(key, sizeof key);
}

/* out has room for len + 16. Returns the length, or -1 (decryption: the padding is wrong). */
static long cipher(bool encrypt, const uint8_t key[KEY], const uint8_t iv[IV], const void *in,
                   size_t len, char *out) {
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n = 0, rest = 0;
    if (!c || EVP_CipherInit_ex(c, EVP_aes_256_cbc(), NULL, key, iv, encrypt) != 1) abort();
    bool ok = EVP_CipherUpdate(c, (unsigned char *)out, &n, in, (int)len) == 1 &&
              EVP_CipherFinal_ex(c, (unsigned char *)out + n, &rest) == 1;
    EVP_CIPHER_CTX_free(c);
    return ok ? n + rest : -1;
}

kf_secret *kf_seal(const kf_secret *json, const kf_secret *password,
                   const uint8_t seed[KF_SEAL_SEED], kf_err *err) {
    char salt[2][SALT_HEX + 1];
    uint8_t key[KEY], mac[MAC];
    size_t len = kf_secret_len(json);
    if (!kf_seal_password_ok(password, err)) return NULL;
    if (len > KF_SEALED_MAX / 2)
        return kf_fail(err, KF_ERR_USAGE_BAD, "the session is too long to be sealed: %zu bytes",
                       len),
               NULL;
    kf_hex(seed, SALT, salt[0]);
    kf_hex(seed + SALT, SALT, salt[1]);
    const uint8_t *iv = seed + 2 * SALT;
    KF_AUTO(kf_secret) sealed = kf_secret_zero(len + IV);
    derive(password, salt[0], key);
    long n = cipher(true, key, iv, kf_secret_peek(json), len, kf_secret_edit(sealed));
    kf_wipe(key, sizeof key);
    if (n < 0) abort();
    KF_AUTO_CHARS iv64 = kf_b64url(iv, IV);
    KF_AUTO_CHARS text64 = kf_b64url(kf_secret_peek(sealed), (size_t)n);
    kf_buf b;
    kf_buf_init(&b, KF_SEALED_MAX);
    kf_buf_addf(&b, "Fe26.2*1*%s*%s*%s*", salt[0], iv64, text64); /* no expiry: its token has one */
    mac_of(password, salt[1], b.data, b.len, mac);
    KF_AUTO_CHARS mac64 = kf_b64url(mac, MAC);
    kf_secret *out =
        kf_buf_addf(&b, "*%s*%s~2", salt[1], mac64) ? kf_secret_new(b.data, b.len) : NULL;
    if (!out) kf_fail(err, KF_ERR_USAGE_BAD, "the session is too long to be sealed");
    kf_buf_done(&b);
    return out;
}

/* --- opening
 * ----------------------------------------------------------------------------------------- */

typedef struct part {
    const char *at;
    size_t len;
} part;

static bool no_session(kf_err *err, const char *why) {
    return kf_fail(err, KF_ERR_USAGE_BAD, "that is no sealed session: %s", why);
}

static bool split(const char *s, size_t len, part p[PARTS]) {
    size_t n = 0;
    for (const char *end = s + len; n < PARTS; n++) {
        const char *star = memchr(s, '*', (size_t)(end - s));
        p[n] = (part){s, (size_t)((star ? star : end) - s)};
        if (!star) return n == PARTS - 1;
        s = star + 1;
    }
    return false;
}

static bool is_hex_salt(const part *p) {
    for (size_t i = 0; i < p->len; i++)
        if (!((p->at[i] >= '0' && p->at[i] <= '9') || (p->at[i] >= 'a' && p->at[i] <= 'f')))
            return false;
    return p->len == SALT_HEX;
}

static bool in_time(const part *p, int64_t now_ms, kf_err *err) {
    int64_t at = 0;
    if (!p->len) return true;
    for (size_t i = 0; i < p->len; i++) {
        if (p->at[i] < '0' || p->at[i] > '9' || p->len > 15)
            return no_session(err, "its expiry is no number");
        at = at * 10 + (p->at[i] - '0');
    }
    return at > now_ms - SKEW_MS ||
           kf_fail(err, KF_ERR_USAGE_BAD, "the sealed session's time is over");
}

static bool mac_right(const part p[PARTS], const kf_secret *password, kf_err *err) {
    char salt[SALT_HEX + 1] = "";
    uint8_t want[MAC], got[MAC];
    memcpy(salt, p[6].at, SALT_HEX);
    mac_of(password, salt, p[0].at, (size_t)(p[5].at + p[5].len - p[0].at), want);
    bool ok = kf_b64url_decode(p[7].at, p[7].len, got, MAC) == MAC && kf_ct_eq(want, got, MAC);
    return ok ||
           kf_fail(err, KF_ERR_USAGE_BAD,
                   "the cookie password is not the one it was sealed with, or it was changed");
}

static kf_secret *decrypt(const part p[PARTS], const kf_secret *password, kf_err *err) {
    char salt[SALT_HEX + 1] = "";
    uint8_t key[KEY], iv[IV];
    KF_AUTO(kf_secret) in = kf_secret_zero(p[4].len + 1);
    KF_AUTO(kf_secret) out = kf_secret_zero(p[4].len + IV);
    long n = kf_b64url_decode(p[4].at, p[4].len, kf_secret_edit(in), p[4].len + 1);
    if (n <= 0 || kf_b64url_decode(p[3].at, p[3].len, iv, IV) != IV)
        return no_session(err, "a part is no base64url"), NULL;
    memcpy(salt, p[2].at, SALT_HEX);
    derive(password, salt, key);
    long len = cipher(false, key, iv, kf_secret_peek(in), (size_t)n, kf_secret_edit(out));
    kf_wipe(key, sizeof key);
    if (len < 0) return no_session(err, "it cannot be decrypted"), NULL;
    return kf_secret_new(kf_secret_peek(out), (size_t)len);
}

/* "2", and no version, are the data itself; others keep it in a member. */
static kf_secret *data_of(const kf_secret *json, const char *version, size_t len, kf_err *err) {
    KF_AUTO(kf_json) j = kf_json_parse(kf_secret_peek(json), kf_secret_len(json), err);
    const kf_json *persistent = j ? kf_json_get(j, "persistent") : NULL;
    if (!j) return NULL;
    if (len && !(len == 1 && *version == '2') && persistent)
        return kf_json_print_secret(persistent);
    return kf_secret_copy(json);
}

kf_secret *kf_unseal(const char *sealed, size_t len, const kf_secret *password, int64_t now_ms,
                     kf_err *err) {
    part p[PARTS];
    if (len > KF_SEALED_MAX) return no_session(err, "it is too long"), NULL;
    const char *tilde = memchr(sealed, '~', len);
    size_t body = tilde ? (size_t)(tilde - sealed) : len;
    if (!split(sealed, body, p)) return no_session(err, "it has not eight parts"), NULL;
    if (p[0].len != 6 || memcmp(p[0].at, "Fe26.2", 6) != 0)
        return no_session(err, "it does not begin with Fe26.2"), NULL;
    if (!is_hex_salt(&p[2]) || !is_hex_salt(&p[6]))
        return no_session(err, "a salt is not 64 hexadecimal digits"), NULL;
    if (!in_time(&p[5], now_ms, err) || !mac_right(p, password, err)) return NULL;
    KF_AUTO(kf_secret) json = decrypt(p, password, err);
    return json ? data_of(json, tilde ? tilde + 1 : "", tilde ? len - body - 1 : 0, err) : NULL;
}
