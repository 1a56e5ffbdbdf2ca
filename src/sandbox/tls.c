/* The sandbox's TLS files: generates a CA and a server certificate, writes them, and loads the
 * pair. The CA's key is never written. */
#include "sandbox/tls.h"
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/str.h"
#include "crypt/hash.h"
#include "sandbox/disk.h"

enum { LIFE_S = 365 * 24 * 3600, BACKDATE_S = 3600, MAX_PEM = 64 * 1024 };

typedef struct pair {
    X509 *cert;
    EVP_PKEY *key;
} pair;

static void pair_done(pair *p) {
    X509_free(p->cert);
    EVP_PKEY_free(p->key);
}

static bool set_serial(X509 *x) {
    unsigned char raw[16];
    kf_random(raw, sizeof raw);
    raw[0] = (unsigned char)((raw[0] & 0x7f) | 0x40); /* positive, not zero (RFC 5280 §4.1.2.2) */
    BIGNUM *n = BN_bin2bn(raw, sizeof raw, NULL);
    bool ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
    BN_free(n);
    return ok;
}

static bool add_ext(X509 *x, X509 *issuer, int nid, const char *value) {
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = e && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

static bool fill(X509 *x, EVP_PKEY *key, const char *cn, X509 *issuer) {
    X509_NAME *name = X509_get_subject_name(x);
    return X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) &&
           X509_gmtime_adj(X509_getm_notBefore(x), -(long)BACKDATE_S) &&
           X509_gmtime_adj(X509_getm_notAfter(x), LIFE_S) && X509_set_pubkey(x, key) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1,
                                      0) == 1 &&
           X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer) : name) == 1;
}

/* ca NULL: the CA itself. */
static bool make(pair *out, const pair *ca) {
    pair p = {.cert = X509_new(), .key = EVP_EC_gen("P-256")};
    X509 *issuer = ca ? ca->cert : p.cert;
    bool ok = p.cert && p.key &&
              fill(p.cert, p.key, ca ? "keyfob-sandbox" : "keyfob-sandbox test CA",
                   ca ? ca->cert : NULL) &&
              add_ext(p.cert, issuer, NID_basic_constraints,
                      ca ? "critical,CA:FALSE" : "critical,CA:TRUE,pathlen:0") &&
              add_ext(p.cert, issuer, NID_key_usage,
                      ca ? "critical,digitalSignature" : "critical,keyCertSign,cRLSign") &&
              add_ext(p.cert, issuer, NID_subject_key_identifier, "hash") &&
              add_ext(p.cert, issuer, NID_authority_key_identifier, "keyid:always");
    if (ca)
        ok = ok && add_ext(p.cert, issuer, NID_ext_key_usage, "serverAuth") &&
             add_ext(p.cert, issuer, NID_subject_alt_name, "IP:127.0.0.1,IP:::1,DNS:localhost");
    ok = ok && X509_sign(p.cert, ca ? ca->key : p.key, EVP_sha256()) > 0;
    if (ok) *out = p;
    else pair_done(&p);
    return ok;
}

static bool write_bio(const char *dir, const char *name, BIO *bio, mode_t mode, kf_err *err) {
    char *text = NULL;
    long len = BIO_get_mem_data(bio, &text);
    KF_AUTO_CHARS path = kf_strfmt("%s/%s", dir, name);
    return kf_disk_write(path, text, (size_t)len, mode, err);
}

static bool write_pair(const char *dir, const pair *ca, const pair *server, kf_err *err) {
    BIO *c = BIO_new(BIO_s_mem()), *s = BIO_new(BIO_s_mem()), *k = BIO_new(BIO_s_mem());
    bool made = c && s && k && PEM_write_bio_X509(c, ca->cert) == 1 &&
                PEM_write_bio_X509(s, server->cert) == 1 && PEM_write_bio_X509(s, ca->cert) == 1 &&
                PEM_write_bio_PrivateKey(k, server->key, NULL, NULL, 0, NULL, NULL) == 1;
    bool ok = made ? write_bio(dir, "key.pem", k, 0600, err) &&
                         write_bio(dir, "cert.pem", s, 0644, err) &&
                         write_bio(dir, "ca.pem", c, 0644, err)
                   : kf_fail(err, KF_ERR_SYS_BUG, "certificates could not be written as PEM");
    BIO_free(c);
    BIO_free(s);
    BIO_free(k);
    return ok;
}

static bool exists(const char *dir, const char *name) {
    KF_AUTO_CHARS path = kf_strfmt("%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

bool kf_tls_prepare(const char *dir, kf_err *err) {
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return kf_fail_errno(err, KF_ERR_SYS_IO, "create folder %s", dir);
    bool cert = exists(dir, "cert.pem"), key = exists(dir, "key.pem");
    if (cert && key) return true;
    if (cert || key || exists(dir, "ca.pem"))
        return kf_fail(err, KF_ERR_USAGE_BAD,
                       "%s has some of ca.pem, cert.pem, key.pem but not all", dir);
    pair ca = {0}, server = {0};
    bool ok = make(&ca, NULL) && make(&server, &ca);
    ok = ok ? write_pair(dir, &ca, &server, err)
            : kf_fail(err, KF_ERR_SYS_BUG, "no certificate could be made");
    pair_done(&ca);
    pair_done(&server);
    return ok;
}

static int no_passphrase(char *buf, int size, int writing, void *user) {
    return -1; /* OpenSSL would ask on the terminal */
}

static bool are_pair(const char *cert_pem, const char *key_pem) {
    BIO *c = BIO_new_mem_buf(cert_pem, -1), *k = BIO_new_mem_buf(key_pem, -1);
    pair p = {0};
    if (c) p.cert = PEM_read_bio_X509(c, NULL, no_passphrase, NULL);
    if (k) p.key = PEM_read_bio_PrivateKey(k, NULL, no_passphrase, NULL);
    bool ok = p.cert && p.key && X509_check_private_key(p.cert, p.key) == 1;
    pair_done(&p);
    BIO_free(c);
    BIO_free(k);
    return ok;
}

bool kf_tls_load(const char *dir, char **cert_pem, char **key_pem, kf_err *err) {
    KF_AUTO_CHARS cert_path = kf_strfmt("%s/cert.pem", dir);
    KF_AUTO_CHARS key_path = kf_strfmt("%s/key.pem", dir);
    char *cert = NULL, *key = NULL;
    size_t len;
    if (kf_disk_read(cert_path, MAX_PEM, &cert, &len, err) &&
        kf_disk_read(key_path, MAX_PEM, &key, &len, err) &&
        (are_pair(cert, key) ||
         kf_fail(err, KF_ERR_USAGE_BAD, "cert.pem and key.pem in %s are not usable", dir))) {
        *cert_pem = cert;
        *key_pem = key;
        return true;
    }
    free(cert);
    free(key);
    return false;
}
