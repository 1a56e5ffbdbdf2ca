#pragma once
/* Time-based codes: RFC 6238, SHA-1, 6 digits, 30 s. The only user of liboath. */
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

enum { KF_TOTP_STEP_S = 30, KF_TOTP_USED = 3 };

typedef struct kf_totp {
    uint8_t key[128];
    unsigned int key_len;       /* 0: no factor */
    int64_t used[KF_TOTP_USED]; /* steps whose code was accepted, the latest ones; 0: none */
} kf_totp;

typedef enum { KF_TOTP_WRONG, KF_TOTP_RIGHT, KF_TOTP_USED_UP } kf_totp_result;

/* secret: base32 (blanks and case are ignored), 10 to 128 bytes decoded. */
bool kf_totp_init(kf_totp *t, const char *secret, kf_err *err);
char *kf_totp_text(const kf_totp *t); /* the key in base32, without padding; caller frees */
/* A code is right at the step before, now and after, and works once per step (RFC 6238 §5.2). */
kf_totp_result kf_totp_check(kf_totp *t, const char *code, int64_t now);
