/* The sandbox's rate limits: counts requests of one kind by one caller within a window of one
 * minute. */
#include "sandbox/limits.h"
#include <ctype.h>
#include "base/mem.h"
#include "base/str.h"
#include "crypt/hash.h"
#include "sandbox/ids.h"

enum { SLOTS = 4096, MOST = 16 };

/* By a hash of what and whom: two that share a slot share a limit, which a sandbox can bear. */
struct kf_limits {
    bool on;
    int64_t at_ms[SLOTS][MOST]; /* the last ones, any order; 0: free */
};

kf_limits *kf_limits_new(bool on) {
    kf_limits *l = kf_new(kf_limits);
    l->on = on;
    return l;
}

kf_limits *kf_limits_free(kf_limits *l) {
    free(l);
    return NULL;
}

int kf_limits_take(kf_limits *l, const char *what, const char *whom, int most) {
    KF_AUTO_CHARS name = kf_strfmt("%s %s", what, whom);
    uint8_t hash[32];
    uint32_t slot;
    if (!l->on) return 0;
    for (char *p = name; *p; p++) *p = (char)tolower((unsigned char)*p);
    kf_sha256(name, strlen(name), hash);
    memcpy(&slot, hash, sizeof slot);
    int64_t *at = l->at_ms[slot % SLOTS], now = kf_boot_ms(), window = KF_LIMIT_WINDOW_S * 1000,
            oldest = now;
    int used = 0, free_at = -1;
    for (int i = 0; i < MOST; i++) {
        bool counts = at[i] && now - at[i] < window;
        used += counts;
        if (!counts && free_at < 0) free_at = i;
        if (counts && at[i] < oldest) oldest = at[i];
    }
    if (used >= most || free_at < 0) return (int)((oldest + window - now + 999) / 1000);
    at[free_at] = now;
    return 0;
}
