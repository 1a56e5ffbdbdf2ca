/* An access token, a NUL, a JWKS. No token that this input can make is signed by one of its keys,
 * unless it is the one of the corpus; what is read of it is bounded. */
#include "auth/claims.h"
#include "base/str.h"
#include "crypt/jwks.h"
#include "fuzz.h"

static void read_claims(const char *p, size_t n) {
    kf_claims c;
    kf_err e = {0};
    bool ok = kf_claims_read(p, n, &c, &e);
    hold(ok || e.code == KF_ERR_NET_BAD_ANSWER);
    KF_AUTO(kf_json) j = kf_claims_json(p, n, &e);
    hold(!ok || j);
    if (!ok) return;
    const char *all[] = {c.sub, c.sid, c.org_id, c.client_id};
    for (size_t i = 0; i < KF_LEN(all); i++) hold(strlen(all[i]) < 96 && kf_str_is_visible(all[i]));
    hold(strlen(c.role) < sizeof c.role && strlen(c.iss) < sizeof c.iss);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    size_t n = nul ? (size_t)(nul - data) : size;
    const char *token = (const char *)data;
    kf_err e = {0};
    read_claims(token, n);
    if (!nul) return 0;
    KF_AUTO(kf_jwks) k = kf_jwks_parse((const char *)nul + 1, size - n - 1, &e);
    hold(k || e.code == KF_ERR_NET_BAD_ANSWER);
    if (!k) return 0;
    bool knows = kf_jwks_knows(k, token, n), right = kf_jwks_verify(k, token, n, &e);
    hold(!right || knows);
    /* the payload is signed: one changed bit in it is never right */
    const char *dot = memchr(token, '.', n);
    if (right && dot && (size_t)(dot - token) + 2 < n) {
        KF_AUTO_CHARS other = kf_strfmt("%.*s", (int)n, token);
        other[dot - token + 1] ^= 1;
        hold(!kf_jwks_verify(k, other, n, &e));
    }
    return 0;
}
