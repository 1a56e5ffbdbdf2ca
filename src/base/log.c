/* The log: level, sink, and fingerprints of tokens by keyed SipHash. It opens no file and never
 * prints a secret. */
#include "base/log.h"

#include <stdarg.h>
#include "base/str.h"

static struct { /* the one global of the code base */
    kf_log_level max;
    kf_log_sink sink;
    void *user;
    uint8_t key[16];
} g_log;

void kf_log_setup(kf_log_level max, kf_log_sink sink, void *user, const uint8_t key[16]) {
    g_log.max = max;
    g_log.sink = sink;
    g_log.user = user;
    if (key) memcpy(g_log.key, key, sizeof g_log.key);
}

void kf_log(kf_log_level level, const char *fmt, ...) {
    if (!g_log.sink || level > g_log.max) return;
    char line[1024];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (n < 0) return;
    if ((size_t)n >= sizeof line) memcpy(line + sizeof line - 6, "[...]", 6); /* said, not silent */
    for (unsigned char *p = (unsigned char *)line; *p; p++) {
        if (*p < 0x20 || *p == 0x7f) *p = '?';
        if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
            p[0] = p[1] = '?'; /* C1: 0x9b begins a sequence as ESC [ does */
    }
    g_log.sink(level, line, g_log.user);
}

/* SipHash-2-4 (Aumasson, Bernstein 2012) */
static uint64_t rotl(uint64_t x, int b) { return x << b | x >> (64 - b); }
static void sip_round(uint64_t v[4]) {
    v[0] += v[1], v[1] = rotl(v[1], 13), v[1] ^= v[0], v[0] = rotl(v[0], 32);
    v[2] += v[3], v[3] = rotl(v[3], 16), v[3] ^= v[2];
    v[0] += v[3], v[3] = rotl(v[3], 21), v[3] ^= v[0];
    v[2] += v[1], v[1] = rotl(v[1], 17), v[1] ^= v[2], v[2] = rotl(v[2], 32);
}
static uint64_t le64(const uint8_t *p) {
    uint64_t x = 0;
    for (int i = 7; i >= 0; i--) x = x << 8 | p[i];
    return x;
}
static uint64_t siphash(const uint8_t key[16], const uint8_t *p, size_t n) {
    uint64_t k0 = le64(key), k1 = le64(key + 8), b = (uint64_t)n << 56;
    uint64_t v[4] = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du, k0 ^ 0x6c7967656e657261u,
                     k1 ^ 0x7465646279746573u};
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t m = le64(p);
        v[3] ^= m;
        sip_round(v), sip_round(v);
        v[0] ^= m;
    }
    for (size_t i = 0; i < n; i++) b |= (uint64_t)p[i] << (8 * i);
    v[3] ^= b;
    sip_round(v), sip_round(v);
    v[0] ^= b;
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++) sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

const char *kf_log_fp(const void *p, size_t n, char out[9]) {
    snprintf(out, 9, "%08x", (unsigned)(siphash(g_log.key, p, n) & 0xffffffffu));
    return out;
}
