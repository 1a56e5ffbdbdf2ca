/* SHA-256 and random bytes from OpenSSL. */
#include "crypt/hash.h"
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

void kf_sha256(const void *p, size_t n, uint8_t out[32]) {
    unsigned int len = 0;
    if (EVP_Digest(n ? p : "", n, out, &len, EVP_sha256(), NULL) != 1 || len != 32) abort();
}

void kf_random(void *p, size_t n) {
    if (n > INT_MAX || RAND_bytes(p, (int)n) != 1) abort();
}
