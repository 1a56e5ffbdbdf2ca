/* jwks_check JWKS-FILE < TOKEN: 0 if the signature is right, 1 if not, 2 if it cannot say. */
#include <stdio.h>
#include "crypt/jwks.h"

static size_t slurp(FILE *f, char *buf, size_t cap) {
    size_t n = f ? fread(buf, 1, cap, f) : 0;
    return n < cap ? n : 0;
}

int main(int argc, char **argv) {
    static char keys[256 * 1024], token[64 * 1024];
    kf_err err = {0};
    FILE *f = argc == 2 ? fopen(argv[1], "r") : NULL;
    size_t keys_len = slurp(f, keys, sizeof keys);
    if (f) fclose(f);
    size_t len = slurp(stdin, token, sizeof token);
    KF_AUTO(kf_jwks) jwks = kf_jwks_parse(keys, keys_len, &err);
    if (!jwks || !len) return 2;
    return kf_jwks_verify(jwks, token, len, &err) ? 0 : 1;
}
