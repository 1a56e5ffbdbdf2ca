/* Counts the certificates of a PEM text with OpenSSL, up to the first broken one. */
#include "crypt/pem.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>

size_t kf_pem_certificates(const void *pem, size_t len) {
    BIO *in = len && len <= INT_MAX ? BIO_new_mem_buf(pem, (int)len) : NULL;
    size_t n = 0;
    for (X509 *c; in && (c = PEM_read_bio_X509(in, NULL, NULL, NULL)); n++) X509_free(c);
    ERR_clear_error(); /* the end is an error to OpenSSL */
    BIO_free(in);
    return n;
}
