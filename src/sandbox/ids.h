#pragma once
/* Names and times as WorkOS writes them. */
#include <stdint.h>

void kf_ulid(char out[27]);          /* 48 bits of time, 80 random (github.com/ulid/spec) */
char *kf_id_new(const char *prefix); /* "session_01K..."; caller frees */
char *kf_token_new(void);            /* 32 opaque characters, 192 random bits; caller frees */
int64_t kf_now(void);                /* wall clock, unix seconds */
int64_t kf_boot_ms(void);            /* since boot, counts sleep; for intervals */
void kf_iso_time(int64_t unix_s, char out[25]); /* "2026-11-23T14:07:19.000Z" */
