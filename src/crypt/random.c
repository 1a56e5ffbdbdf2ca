/* Random bytes from OpenSSL. In a file of its own, so that a simulation can bring its own dice. */
#include "crypt/hash.h"
#include <limits.h>
#include <openssl/rand.h>

void kf_random(void *p, size_t n) {
    if (n > INT_MAX || RAND_bytes(p, (int)n) != 1) abort();
}
