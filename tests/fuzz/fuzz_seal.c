/* A sealed session from somewhere: the first byte says whether the rest is sealed text, or the JSON
 * in one. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include "auth/sealed.h"
#include "base/str.h"
#include "crypt/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char password[] = "keyfob-test-password-0123456789-abcdef";
    if (!size) return 0;
    KF_AUTO(kf_secret) pass = kf_secret_new(password, sizeof password - 1);
    KF_AUTO(kf_secret) rest = kf_secret_new(data + 1, size - 1);
    KF_AUTO(kf_secret)
    json = data[0] == '{' ? kf_secret_copy(rest)
                          : kf_unseal(kf_secret_peek(rest), size - 1, pass, 0, NULL);
    kf_sealed s;
    if (json && kf_sealed_read(json, &s, NULL)) {
        if (!kf_secret_len(s.access_token)) abort();
        kf_sealed_done(&s);
    }
    uint8_t seed[KF_SEAL_SEED] = {0};
    KF_AUTO(kf_secret) sealed = kf_seal(rest, pass, seed, NULL);
    KF_AUTO(kf_secret)
    back = sealed ? kf_unseal(kf_secret_peek(sealed), kf_secret_len(sealed), pass, 0, NULL) : NULL;
    if (back && !kf_secret_eq(back, rest)) abort(); /* NULL: what was sealed is no JSON */
    return 0;
}
