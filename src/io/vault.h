#pragma once
/* The vault's formats: bytes in, bytes out, no files. Argon2id turns the
 * passphrase into a key that wraps a random master key; every record is sealed with the
 * master key by XChaCha20-Poly1305, bound to its name.
 *   header: "KFVAULT1" ops[8] mem[8] salt[16] nonce[24] wrapped[48] check[16]   (little endian)
 *   record: "KFVREC1\0" nonce[24] ciphertext and tag */
#include "base/err.h"
#include "base/secret.h"

#define KF_VAULT_HEADER 128u
#define KF_VAULT_HEADER_FILE "header" /* in the folder, and its second copy */
#define KF_VAULT_COPY_FILE "header.copy"
#define KF_VAULT_BLOB_MAX (1u << 20)

/* Makes a master key and its header. weak: libsodium's minimum, for tests. Slow: for the worker. */
KF_CHECK bool kf_vault_create(const kf_secret *passphrase, bool weak, kf_secret **master,
                              unsigned char header[KF_VAULT_HEADER], kf_err *err);
/* A header for the same master key under another passphrase. What a guess costs is that of the
 * header like, unless it is too cheap or NULL: then it is measured on this machine, for about half
 * a second a guess. */
KF_CHECK bool kf_vault_wrap(const kf_secret *master, const kf_secret *passphrase, bool weak,
                            const unsigned char *like, unsigned char header[KF_VAULT_HEADER],
                            kf_err *err);
/* Without a passphrase: KF_ERR_STORE_VAULT_DAMAGED when the header is not as it was written, or
 * asks for too much time or memory; KF_ERR_STORE_NEWER when its version is not known. */
KF_CHECK bool kf_vault_check(const void *header, size_t len, kf_err *err);
/* KF_ERR_STORE_BAD_PASSPHRASE, or what kf_vault_check says, which comes first. Slow. NULL: err. */
kf_secret *kf_vault_open(const void *header, size_t len, const kf_secret *passphrase, kf_err *err);
kf_secret *kf_vault_seal(const kf_secret *master, const char *name, const kf_secret *blob,
                         kf_err *err);
/* KF_ERR_STORE_DAMAGED if a bit differs, or if it was sealed under another name; KF_ERR_STORE_NEWER
 * when the version of the record is not known. */
kf_secret *kf_vault_unseal(const kf_secret *master, const char *name, const void *sealed,
                           size_t len, kf_err *err);
/* A guess at the passphrase costs less than a new vault's would. For a header that is whole. */
bool kf_vault_is_cheap(const unsigned char header[KF_VAULT_HEADER]);
/* Fewer than 12 characters: cheap to guess, whatever one guess costs. */
bool kf_vault_passphrase_is_short(const kf_secret *passphrase);
bool kf_vault_fail_short(kf_err *err); /* says so; returns false */
