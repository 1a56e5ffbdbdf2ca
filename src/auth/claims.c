/* The claims of an access token: decodes the payload and judges issuer, audience and times. It
 * never checks the signature. */
#include "auth/claims.h"

#include "auth/workos.h"
#include "base/str.h"

enum { JWT_MAX = 32 << 10 };

/* The middle part of header.payload.signature, decoded. NULL: err. */
static kf_json *payload(const char *jwt, size_t len, kf_err *err) {
    const char *a = jwt ? memchr(jwt, '.', len) : NULL;
    const char *b = a ? memchr(a + 1, '.', len - (size_t)(a + 1 - jwt)) : NULL;
    if (!b || len > JWT_MAX || memchr(b + 1, '.', len - (size_t)(b + 1 - jwt))) {
        kf_fail(err, KF_ERR_NET_BAD_ANSWER, "the access token is no JWT");
        return NULL;
    }
    size_t n = (size_t)(b - a - 1);
    KF_AUTO(kf_secret) raw = kf_secret_zero(n);
    long got = kf_b64url_decode(a + 1, n, kf_secret_edit(raw), n);
    kf_json *j = got < 0 ? NULL : kf_json_parse_lenient(kf_secret_peek(raw), (size_t)got, NULL);
    if (!kf_json_is_obj(j)) {
        kf_json_free(j);
        kf_fail(err, KF_ERR_NET_BAD_ANSWER, "the access token's payload is no JSON object");
        return NULL;
    }
    return j;
}

kf_json *kf_claims_json(const char *jwt, size_t len, kf_err *err) { return payload(jwt, len, err); }

bool kf_claims_read(const char *jwt, size_t len, kf_claims *out, kf_err *err) {
    KF_AUTO(kf_json) j = payload(jwt, len, err);
    if (!j) return false;
    kf_claims c = {0};
    const struct {
        const char *name;
        char *dst;
        size_t size;
    } ids[] = {{"sub", c.sub, sizeof c.sub},
               {"org_id", c.org_id, sizeof c.org_id},
               {"client_id", c.client_id, sizeof c.client_id},
               {"sid", c.sid, sizeof c.sid}},
      shown[] = {{"role", c.role, sizeof c.role},
                 {"iss", c.iss, sizeof c.iss},
                 {"jti", c.jti, sizeof c.jti}};
    for (size_t i = 0; i < KF_LEN(ids); i++) {
        const char *v = kf_json_str(j, ids[i].name);
        bool fits = !v || (kf_str_is_visible(v) && kf_str_set(ids[i].dst, ids[i].size, v));
        if (!fits && ids[i].dst != c.sid)
            return kf_fail(err, KF_ERR_NET_BAD_ANSWER,
                           "the access token's claim %s is too long or no id", ids[i].name);
    }
    for (size_t i = 0; i < KF_LEN(shown); i++)
        (void)kf_str_cut(shown[i].dst, shown[i].size, kf_json_str(j, shown[i].name));
    if (!kf_json_int(j, "exp", &c.exp) || c.exp <= 0)
        return kf_fail(err, KF_ERR_NET_BAD_ANSWER, "the access token has no usable exp");
    if (!kf_json_int(j, "iat", &c.iat) || c.iat < 0) c.iat = 0;
    c.n_permissions = kf_json_count(kf_json_get(j, "permissions"));
    *out = c;
    return true;
}

static bool not_valid(kf_err *err, const char *what, const char *value) {
    return kf_fail(err, KF_ERR_WORKOS_TOKEN_INVALID, "the signature is right, but %s %.90s", what,
                   value);
}

static bool ended(kf_err *err, int64_t seconds) {
    static const struct {
        int64_t s;
        const char *unit;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    size_t i = 0;
    while (units[i].s > 1 && seconds < units[i].s) i++;
    return kf_fail(err, KF_ERR_WORKOS_TOKEN_INVALID,
                   "the signature is right, but the token ended %lld %s ago",
                   (long long)(seconds / units[i].s), units[i].unit);
}

/* The first client that is named; NULL: none, or client_id is among them. */
static const char *other_client(const kf_json *aud, const char *client_id) {
    const char *other = NULL, *one = kf_json_value_str(aud);
    if (one) return kf_str_starts(one, "client_") && strcmp(one, client_id) ? one : NULL;
    for (const kf_json *i = kf_json_first(aud); i; i = kf_json_next(i)) {
        const char *v = kf_json_value_str(i);
        if (v && !strcmp(v, client_id)) return NULL;
        if (v && !other && kf_str_starts(v, "client_")) other = v;
    }
    return other;
}

bool kf_claims_judge(const kf_json *payload, const char *client_id, int64_t now_s, kf_err *err) {
    enum { SKEW_S = 60 };
    int64_t exp = 0, nbf = 0;
    const char *iss = kf_json_str(payload, "iss"), *client = kf_json_str(payload, "client_id"),
               *aud = other_client(kf_json_get(payload, "aud"), client_id);
    if (!kf_json_int(payload, "exp", &exp)) return not_valid(err, "the token has no", "exp");
    if (exp <= now_s) return ended(err, now_s - exp);
    if (kf_json_int(payload, "nbf", &nbf) && nbf > now_s + SKEW_S)
        return not_valid(err, "the token counts only later:", "nbf is in the future");
    if (client && strcmp(client, client_id))
        return not_valid(err, "the token is of another client:", client);
    if (aud) return not_valid(err, "the token is for another client:", aud);
    return !iss || kf_workos_is_issuer(iss, client_id) ||
           not_valid(err, "its issuer is not WorkOS:", iss);
}
