/* The sandbox's ids, random tokens and timestamps in WorkOS's formats, and its two clocks. */
#include "sandbox/ids.h"
#include "base/str.h"
#include "crypt/hash.h"

int64_t kf_now(void) { return (int64_t)time(NULL); }

static int64_t clock_ms(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t kf_boot_ms(void) { return clock_ms(CLOCK_BOOTTIME); }

void kf_ulid(char out[27]) {
    static const char digit[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    uint8_t raw[16];
    uint64_t ms = (uint64_t)clock_ms(CLOCK_REALTIME);
    kf_random(raw, sizeof raw);
    for (int i = 9; i >= 0; i--, ms >>= 5) out[i] = digit[ms & 31];
    for (int i = 10; i < 26; i++) out[i] = digit[raw[i - 10] & 31];
    out[26] = 0;
}

char *kf_id_new(const char *prefix) {
    char ulid[27];
    kf_ulid(ulid);
    return kf_strfmt("%s%s", prefix, ulid);
}

char *kf_token_new(void) {
    uint8_t raw[24];
    kf_random(raw, sizeof raw);
    return kf_b64url(raw, sizeof raw);
}

void kf_iso_time(int64_t unix_s, char out[25]) {
    kf_rfc3339(unix_s, out);
    memcpy(out + 19, ".000Z", 6); /* production writes milliseconds */
}
