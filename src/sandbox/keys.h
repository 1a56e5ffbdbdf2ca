#pragma once
/* The sandbox's signing key: RSA 2048, made at the start, never stored. */
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"

typedef struct kf_keys kf_keys;

kf_keys *kf_keys_new(kf_err *err); /* takes some 100 ms */
kf_keys *kf_keys_free(kf_keys *k);
kf_json *kf_keys_jwks(const kf_keys *k); /* {"keys":[...]}; caller frees */
char *kf_keys_sign(const kf_keys *k,
                   const kf_json *claims); /* RS256 JWT (RFC 7519); caller frees */

KF_AUTO_DEFINE(kf_keys);
