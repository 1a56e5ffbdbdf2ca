/* JWKS and RS256: reads the public keys, finds the key of a token and verifies the signature. It
 * never looks at the claims. */
#include "crypt/jwks.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include "base/json.h"
#include "base/str.h"

enum { MAX_TEXT = 256 * 1024, MAX_KEYS = 64, MAX_JWT = 64 * 1024, MAX_HEADER = 4096 };
enum { MIN_BITS = 2048, MAX_BITS = 8192, MAX_BYTES = MAX_BITS / 8 };

typedef struct jwk {
    char *kid;
    EVP_PKEY *key;
} jwk;

struct kf_jwks {
    jwk key[MAX_KEYS];
    size_t n;
};

static bool bad(kf_err *err, const char *what) {
    return kf_fail(err, KF_ERR_NET_BAD_ANSWER, "%s", what);
}

static BIGNUM *number(const kf_json *key, const char *name) {
    const char *s = kf_json_str(key, name);
    uint8_t raw[MAX_BYTES + 1];
    long n = s ? kf_b64url_decode(s, strlen(s), raw, sizeof raw) : -1;
    return n > 0 ? BN_bin2bn(raw, (int)n, NULL) : NULL;
}

static EVP_PKEY *rsa_key(BIGNUM *n, BIGNUM *e) {
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    if (ctx && bld && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) &&
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e))
        params = OSSL_PARAM_BLD_to_param(bld);
    if (params && EVP_PKEY_fromdata_init(ctx) == 1 &&
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

/* Limits before the number goes into OpenSSL: a huge exponent makes verifying slow. */
static EVP_PKEY *public_key(const kf_json *key) {
    BIGNUM *n = number(key, "n"), *e = number(key, "e");
    EVP_PKEY *out = NULL;
    if (n && e && BN_num_bits(n) >= MIN_BITS && BN_num_bits(n) <= MAX_BITS && BN_is_odd(n) &&
        BN_is_odd(e) && BN_num_bits(e) >= 2 && BN_num_bits(e) <= 64)
        out = rsa_key(n, e);
    BN_free(n);
    BN_free(e);
    return out;
}

static bool is_rs256(const kf_json *key) {
    return kf_str_eq(kf_json_str(key, "kty"), "RSA") && kf_json_str(key, "kid") &&
           (!kf_json_get(key, "alg") || kf_str_eq(kf_json_str(key, "alg"), "RS256")) &&
           (!kf_json_get(key, "use") || kf_str_eq(kf_json_str(key, "use"), "sig"));
}

static EVP_PKEY *find(const kf_jwks *k, const char *kid) {
    for (size_t i = 0; i < k->n; i++)
        if (kf_str_eq(k->key[i].kid, kid)) return k->key[i].key;
    return NULL;
}

static bool add_key(kf_jwks *k, const kf_json *key, kf_err *err) {
    if (!is_rs256(key)) return true;
    const char *kid = kf_json_str(key, "kid");
    if (find(k, kid)) return bad(err, "JWKS: two keys with one kid");
    EVP_PKEY *pkey = public_key(key);
    if (!pkey) return bad(err, "JWKS: an RS256 key is not usable");
    k->key[k->n].kid = kf_strdup(kid);
    k->key[k->n++].key = pkey;
    return true;
}

kf_jwks *kf_jwks_parse(const char *text, size_t len, kf_err *err) {
    if (len > MAX_TEXT) {
        bad(err, "JWKS: too long");
        return NULL;
    }
    KF_AUTO(kf_json) doc = kf_json_parse(text, len, err);
    if (!doc) return NULL;
    const kf_json *keys = kf_json_get(doc, "keys");
    if (!kf_json_is_arr(keys) || kf_json_count(keys) > MAX_KEYS) {
        bad(err, "JWKS: no list of keys, or too many");
        return NULL;
    }
    KF_AUTO(kf_jwks) k = calloc(1, sizeof *k);
    if (!k) abort();
    for (const kf_json *j = kf_json_first(keys); j; j = kf_json_next(j))
        if (!add_key(k, j, err)) return NULL;
    return KF_TAKE(k);
}

kf_jwks *kf_jwks_free(kf_jwks *k) {
    for (size_t i = 0; k && i < k->n; i++) {
        free(k->key[i].kid);
        EVP_PKEY_free(k->key[i].key);
    }
    free(k);
    return NULL;
}

typedef struct jws {
    const char *signature;
    size_t signed_len, signature_len;
    kf_json *header;
} jws;

/* Takes the three parts apart; the caller frees header. */
static bool split(const char *jwt, size_t len, jws *out, kf_err *err) {
    if (len > MAX_JWT) return bad(err, "token: too long");
    const char *dot1 = memchr(jwt, '.', len);
    const char *dot2 = dot1 ? memchr(dot1 + 1, '.', len - (size_t)(dot1 + 1 - jwt)) : NULL;
    if (!dot2 || memchr(dot2 + 1, '.', len - (size_t)(dot2 + 1 - jwt)))
        return bad(err, "token: not three parts");
    char raw[MAX_HEADER];
    long n = kf_b64url_decode(jwt, (size_t)(dot1 - jwt), raw, sizeof raw);
    if (n <= 0) return bad(err, "token: header is no base64url");
    kf_json *header = kf_json_parse(raw, (size_t)n, err);
    if (!header) return false;
    *out = (jws){.signature = dot2 + 1,
                 .signed_len = (size_t)(dot2 - jwt),
                 .signature_len = len - (size_t)(dot2 + 1 - jwt),
                 .header = header};
    return true;
}

bool kf_jwks_knows(const kf_jwks *k, const char *jwt, size_t len) {
    jws t;
    if (!k || !split(jwt, len, &t, NULL)) return false;
    const char *kid = kf_json_str(t.header, "kid");
    bool known = kid && find(k, kid);
    kf_json_free(t.header);
    return known;
}

static bool signature_ok(EVP_PKEY *key, const char *jwt, const jws *t, kf_err *err) {
    uint8_t sig[MAX_BYTES];
    long n = kf_b64url_decode(t->signature, t->signature_len, sig, sizeof sig);
    if (n <= 0 || n != EVP_PKEY_get_size(key)) return bad(err, "token: signature has a wrong size");
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL; /* belongs to ctx */
    bool ok = ctx && EVP_DigestVerifyInit(ctx, &pctx, EVP_sha256(), NULL, key) == 1 &&
              EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PADDING) == 1 &&
              EVP_DigestVerify(ctx, sig, (size_t)n, (const uint8_t *)jwt, t->signed_len) == 1;
    EVP_MD_CTX_free(ctx);
    return ok || bad(err, "token: signature is wrong");
}

bool kf_jwks_verify(const kf_jwks *k, const char *jwt, size_t len, kf_err *err) {
    jws t;
    if (!k) return bad(err, "no keys");
    if (!split(jwt, len, &t, err)) return false;
    KF_AUTO(kf_json) header = t.header;
    /* The algorithm is fixed here: a token must not choose how it is checked (RFC 8725 §3.1). */
    if (!kf_str_eq(kf_json_str(header, "alg"), "RS256")) return bad(err, "token: alg is not RS256");
    if (kf_json_get(header, "crit")) return bad(err, "token: crit is not known here");
    const char *kid = kf_json_str(header, "kid");
    EVP_PKEY *key = kid ? find(k, kid) : NULL;
    if (!key) return bad(err, "token: no key with its kid");
    return signature_ok(key, jwt, &t, err);
}
