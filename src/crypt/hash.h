#pragma once
/* SHA-256 and random bytes. Never keys, never ciphers. Both functions abort when
 * the library cannot work at all: there is no safe way on without them. */
#include <stddef.h>
#include <stdint.h>

void kf_sha256(const void *p, size_t n, uint8_t out[32]); /* FIPS 180-4 */
void kf_random(void *p, size_t n); /* from OpenSSL's generator, seeded by the kernel */
