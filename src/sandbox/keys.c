/* The sandbox's RSA key: generates it, signs access tokens and prints the JWKS. Only OpenSSL is
 * called here, and the key never leaves memory. */
#include "sandbox/keys.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include "base/mem.h"
#include "base/str.h"
#include "sandbox/ids.h"

enum { BITS = 2048, BYTES = BITS / 8 };

struct kf_keys {
    EVP_PKEY *key;
    char *kid;
};

kf_keys *kf_keys_new(kf_err *err) {
    EVP_PKEY *key = EVP_RSA_gen(BITS);
    if (!key) {
        kf_fail(err, KF_ERR_SYS_BUG, "no RSA key could be made");
        return NULL;
    }
    kf_keys *k = kf_new(kf_keys);
    *k = (kf_keys){.key = key, .kid = kf_id_new("sso_oidc_key_pair_")};
    return k;
}

kf_keys *kf_keys_free(kf_keys *k) {
    if (!k) return NULL;
    EVP_PKEY_free(k->key);
    free(k->kid);
    free(k);
    return NULL;
}

static void set_number(kf_json *obj, const char *name, const EVP_PKEY *key, const char *param) {
    uint8_t raw[BYTES];
    BIGNUM *n = NULL;
    if (EVP_PKEY_get_bn_param(key, param, &n) != 1 || BN_num_bytes(n) > BYTES) abort();
    int len = BN_bn2bin(n, raw);
    KF_AUTO_CHARS text = kf_b64url(raw, (size_t)len);
    kf_json_set_str(obj, name, text);
    BN_free(n);
}

kf_json *kf_keys_jwks(const kf_keys *k) {
    kf_json *doc = kf_json_obj(), *keys = kf_json_arr(), *key = kf_json_obj();
    kf_json_set_str(key, "alg", "RS256");
    kf_json_set_str(key, "kty", "RSA");
    kf_json_set_str(key, "use", "sig");
    kf_json_set_str(key, "kid", k->kid);
    set_number(key, "n", k->key, OSSL_PKEY_PARAM_RSA_N);
    set_number(key, "e", k->key, OSSL_PKEY_PARAM_RSA_E);
    kf_json_add(keys, key);
    kf_json_set(doc, "keys", keys);
    return doc;
}

static char *b64_json(const kf_json *j) {
    KF_AUTO_CHARS text = kf_json_print(j);
    return kf_b64url(text, strlen(text));
}

char *kf_keys_sign(const kf_keys *k, const kf_json *claims) {
    KF_AUTO(kf_json) header = kf_json_obj();
    kf_json_set_str(header, "alg", "RS256");
    kf_json_set_str(header, "typ", "JWT");
    kf_json_set_str(header, "kid", k->kid);
    KF_AUTO_CHARS head = b64_json(header);
    KF_AUTO_CHARS body = b64_json(claims);
    KF_AUTO_CHARS text = kf_strfmt("%s.%s", head, body);
    uint8_t sig[BYTES];
    size_t len = sizeof sig;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    /* PKCS #1 v1.5 is the default padding of an RSA key, and what RS256 means. */
    if (!ctx || EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, k->key) != 1 ||
        EVP_DigestSign(ctx, sig, &len, (const uint8_t *)text, strlen(text)) != 1)
        abort();
    EVP_MD_CTX_free(ctx);
    KF_AUTO_CHARS tail = kf_b64url(sig, len);
    return kf_strfmt("%s.%s", text, tail);
}
