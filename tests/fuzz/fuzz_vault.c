/* H and a header, or a name, a NUL and a record. A header is checked without a passphrase, because
 * Argon2 would take all the time. Whatever is no record as it was sealed is refused. */
#include "base/str.h"
#include "fuzz.h"
#include "io/vault.h"

static const char key[32] = "a master key of thirty-two bytes";

static void check_header(const uint8_t *p, size_t n) {
    kf_err e = {0};
    bool ok = kf_vault_check(p, n, &e);
    hold(ok ? n == KF_VAULT_HEADER
            : e.code == KF_ERR_STORE_VAULT_DAMAGED || e.code == KF_ERR_STORE_NEWER);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    kf_err e = {0};
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    if (size && data[0] == 'H') check_header(data + 1, size - 1);
    if (!nul) return 0;
    const char *name = (const char *)data;
    const uint8_t *rest = nul + 1;
    size_t n = size - (size_t)(rest - data);
    KF_AUTO(kf_secret) master = kf_secret_new(key, sizeof key);
    KF_AUTO(kf_secret) opened = kf_vault_unseal(master, name, rest, n, &e);
    hold(opened || e.code == KF_ERR_STORE_DAMAGED || e.code == KF_ERR_STORE_NEWER);
    if (opened) return 0; /* the record of the corpus */
    KF_AUTO(kf_secret) blob = kf_secret_new(rest, n);
    KF_AUTO(kf_secret) sealed = kf_vault_seal(master, name, blob, &e);
    hold(sealed || n > KF_VAULT_BLOB_MAX);
    if (!sealed) return 0;
    size_t len = kf_secret_len(sealed);
    KF_AUTO(kf_secret) back = kf_vault_unseal(master, name, kf_secret_peek(sealed), len, &e);
    hold(back && kf_secret_eq(back, blob));
    kf_secret_edit(sealed)[n % len] ^= 1;
    KF_AUTO(kf_secret) none = kf_vault_unseal(master, name, kf_secret_peek(sealed), len, &e);
    hold(!none);
    return 0;
}
