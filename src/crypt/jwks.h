#pragma once
/* RS256 signatures of access tokens against a JWKS (RFC 7515, 7517, 7518 §3.3;
 * WORKOS.md §7.3). Says whether a token was signed by one of the keys; never
 * looks at the claims, never fetches anything. */
#include <stdbool.h>
#include <stddef.h>
#include "base/cleanup.h"
#include "base/err.h"

typedef struct kf_jwks kf_jwks;

/* text: a JWKS document of at most 256 KiB and 64 keys. Keys that are no RSA signing
 * key, are for another algorithm, or have no kid, are left out; an RS256 key whose
 * numbers are broken or shorter than 2048 bits makes the whole document fail, and so
 * does a kid that comes twice. NULL: KF_ERR_NET_BAD_ANSWER. Caller frees. */
kf_jwks *kf_jwks_parse(const char *text, size_t len, kf_err *err);
kf_jwks *kf_jwks_free(kf_jwks *k);

/* Whether the compact JWS (64 KiB at most) names one of the keys with its kid: false
 * is the sign to fetch the JWKS again. Says nothing about the signature. */
bool kf_jwks_knows(const kf_jwks *k, const char *jwt, size_t len);
/* True only for alg RS256, a known kid, no "crit", and a right signature.
 * False: KF_ERR_NET_BAD_ANSWER with the reason. */
bool kf_jwks_verify(const kf_jwks *k, const char *jwt, size_t len, kf_err *err);

KF_AUTO_DEFINE(kf_jwks);
