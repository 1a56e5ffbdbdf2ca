/* The sandbox's TOTP codes: generates secrets and checks codes with liboath. A code is never
 * accepted twice. */
#include "sandbox/totp.h"
#include <liboath/oath.h>
#include "base/str.h"

enum { DIGITS = 6, MIN_KEY = 10 };

bool kf_totp_init(kf_totp *t, const char *secret, kf_err *err) {
    char *raw = NULL;
    size_t len = 0;
    kf_totp fresh = {0};
    if (oath_init() != OATH_OK) return kf_fail(err, KF_ERR_SYS_BUG, "liboath does not start");
    int rc = oath_base32_decode(secret, strlen(secret), &raw, &len);
    bool ok = rc == OATH_OK && len >= MIN_KEY && len <= sizeof fresh.key;
    if (ok) {
        memcpy(fresh.key, raw, len);
        fresh.key_len = (unsigned int)len;
        *t = fresh;
    }
    free(raw);
    return ok || kf_fail(err, KF_ERR_USAGE_BAD, "totp is no base32 secret of 10 to 128 bytes");
}

char *kf_totp_text(const kf_totp *t) {
    char *out = NULL;
    size_t len = 0;
    if (oath_base32_encode((const char *)t->key, t->key_len, &out, &len) != OATH_OK) abort();
    while (len && out[len - 1] == '=') out[--len] = 0;
    return out;
}

static bool was_used(const kf_totp *t, int64_t step) {
    for (size_t i = 0; i < KF_TOTP_USED; i++)
        if (t->used[i] == step) return true;
    return false;
}

/* Three steps are acceptable at one time, so the oldest of three marks can be given up. */
static void mark_used(kf_totp *t, int64_t step) {
    size_t oldest = 0;
    for (size_t i = 1; i < KF_TOTP_USED; i++)
        if (t->used[i] < t->used[oldest]) oldest = i;
    t->used[oldest] = step;
}

kf_totp_result kf_totp_check(kf_totp *t, const char *code, int64_t now) {
    kf_totp_result result = KF_TOTP_WRONG;
    if (!t->key_len || strlen(code) != DIGITS) return result;
    for (int64_t step = now / KF_TOTP_STEP_S - 1; step <= now / KF_TOTP_STEP_S + 1; step++) {
        char right[DIGITS + 1];
        if (oath_totp_generate((const char *)t->key, t->key_len, (time_t)(step * KF_TOTP_STEP_S),
                               KF_TOTP_STEP_S, OATH_TOTP_DEFAULT_START_TIME, DIGITS,
                               right) != OATH_OK ||
            !kf_ct_eq(right, code, DIGITS))
            continue;
        result = was_used(t, step) ? KF_TOTP_USED_UP : KF_TOTP_RIGHT;
        if (result == KF_TOTP_RIGHT) {
            mark_used(t, step);
            break;
        }
    }
    return result;
}
