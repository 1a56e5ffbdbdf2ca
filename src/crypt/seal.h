#pragma once
/* The sealed session of WorkOS's Node SDK and the libraries on top of it, the wos-session cookie:
 * iron's Fe26.2 (AES-256-CBC, HMAC-SHA-256), WORKOS.md §9. Knows nothing of what is inside but
 * that it is JSON text. */
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/secret.h"

enum { KF_SEAL_SEED = 80, KF_SEAL_PASSWORD_MIN = 32, KF_SEALED_MAX = 128 << 10 };

/* As JavaScript counts: UTF-16 units, at least 32. False: KF_ERR_USAGE_BAD. */
KF_CHECK bool kf_seal_password_ok(const kf_secret *password, kf_err *err);
/* seed: 80 random bytes, used once (two salts of 32, then the IV). The result is printable ASCII;
 * caller frees. NULL: KF_ERR_USAGE_BAD (password, or text too long for KF_SEALED_MAX). */
kf_secret *kf_seal(const kf_secret *json, const kf_secret *password,
                   const uint8_t seed[KF_SEAL_SEED], kf_err *err);
/* now_ms: unix time, for seals that expire. In the order of §9: parts, prefix, expiry, MAC
 * (constant time), decryption, JSON; then the version behind '~'. NULL: KF_ERR_USAGE_BAD (no sealed
 * session; wrong password or changed; its time is over). */
kf_secret *kf_unseal(const char *sealed, size_t len, const kf_secret *password, int64_t now_ms,
                     kf_err *err);
