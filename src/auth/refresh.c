/* Decisions about renewals: whether one is due, what an answer means, and how long to back off.
 * It reads no clock and sends nothing. */
#include "auth/refresh.h"

#include "auth/workos.h"

enum {
    REPLAY_WINDOW_MS = 25 * 1000,
    TRIES_MAX = 4,
    BACKOFF_MAX_MS = 5 * 60 * 1000,
    REFUSED_MAX_MS = 10 * 60 * 1000
};

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

kf_refresh_choice kf_refresh_choose(int64_t life_ms, int64_t left_ms, int64_t min_valid_ms) {
    if (left_ms <= 0) return KF_REFRESH_RENEW;
    if (min_valid_ms < 0) min_valid_ms = min64(60 * 1000, life_ms / 2);
    if (min_valid_ms >= life_ms)
        return left_ms < life_ms / 2 ? KF_REFRESH_RENEW : KF_REFRESH_SERVE_SHORT;
    return left_ms < min_valid_ms ? KF_REFRESH_RENEW : KF_REFRESH_SERVE;
}

int64_t kf_refresh_lead_ms(int64_t life_ms) { return min64(60 * 1000, life_ms / 5); }

kf_refresh_verdict kf_refresh_judge(const kf_err *e, bool sent, int64_t since_first_ms, int tries) {
    if (!e || e->code == KF_ERR_NONE) return KF_REFRESH_OK;
    switch (e->code) {
    case KF_ERR_NET_TLS:
        return KF_REFRESH_LATER; /* a person has to look; trying at once changes nothing */
    case KF_ERR_NET_RESOLVE:
    case KF_ERR_NET_CONNECT: return KF_REFRESH_LATER; /* not sent: nothing is at stake, back off */
    case KF_ERR_NET_TIMEOUT:
    case KF_ERR_NET_BROKEN:
    case KF_ERR_NET_BAD_ANSWER:
    case KF_ERR_NET_NOT_WORKOS:
    case KF_ERR_NET_PROXY_AUTH:
    case KF_ERR_NET_SERVER:
    case KF_ERR_NET_RATE_LIMITED:
        if (e->retry_after > 0 &&
            since_first_ms + (int64_t)e->retry_after * 1000 >= REPLAY_WINDOW_MS)
            return KF_REFRESH_LATER;
        /* the same token gives the same new pair inside the server's window */
        return sent && tries < TRIES_MAX && since_first_ms < REPLAY_WINDOW_MS ? KF_REFRESH_AGAIN_NOW
                                                                              : KF_REFRESH_LATER;
    case KF_ERR_WORKOS_INVALID_GRANT:
    case KF_ERR_WORKOS_SESSION_ENDED:
    case KF_ERR_WORKOS_MFA_ENROLLMENT:
    case KF_ERR_WORKOS_SSO_REQUIRED:
    case KF_ERR_WORKOS_ORGANIZATION:
    case KF_ERR_WORKOS_NO_ORGANIZATION: return KF_REFRESH_ENDED;
    default:
        if (kf_err_is(e->code, "store") || kf_err_is(e->code, "sys")) return KF_REFRESH_LATER;
        return KF_REFRESH_ERROR; /* 401, invalid_client, documented refusals: never a sign-out */
    }
}

kf_session *kf_refresh_read(const kf_refresh_answer *a, const kf_session *old, const kf_moment *now,
                            kf_err *err) {
    const char *text = kf_secret_peek(a->body);
    size_t n = kf_secret_len(a->body);
    bool page = kf_workos_is_page(text, n);
    kf_err why = {0};
    kf_fail(&why, KF_ERR_NET_BAD_ANSWER, "an empty answer");
    KF_AUTO(kf_json) body = n && !page ? kf_json_parse_lenient(text, n, &why) : NULL;
    kf_session *s = NULL;
    if (a->status != 200)
        (void)kf_workos_read_error(a->status, body, a->retry_after, a->request_id, &why);
    else if (page) (void)kf_workos_fail_page(a->status, &why);
    else if (body) s = kf_session_from_answer(body, old, old->origin, old->client_id, now, &why);
    if (s) return s;
    why.status = a->status;
    /* No verdict about the session: the gateway in front of WorkOS has such codes, and so may a
     * later WorkOS. */
    if (why.code == KF_ERR_WORKOS_REFUSED && !kf_workos_knows(why.upstream))
        why.code = KF_ERR_NET_SERVER;
    if (err) *err = why;
    return NULL;
}

bool kf_refresh_proves_unspent(const kf_err *e) {
    switch (e->code) {
    case KF_ERR_WORKOS_BAD_KEY:
    case KF_ERR_WORKOS_INVALID_CLIENT:
    case KF_ERR_WORKOS_NEEDS_API_KEY:
    case KF_ERR_WORKOS_MFA_ENROLLMENT:
    case KF_ERR_WORKOS_SSO_REQUIRED:
    case KF_ERR_WORKOS_ORGANIZATION:
    case KF_ERR_WORKOS_NO_ORGANIZATION:
    case KF_ERR_WORKOS_METHOD_DISABLED:
    case KF_ERR_WORKOS_STEP_UP: return true;
    case KF_ERR_WORKOS_REFUSED: return kf_workos_knows(e->upstream);
    default: return false;
    }
}

int64_t kf_refresh_refused_ms(int n) {
    return n < 0 ? 30 * 1000 : n > 5 ? REFUSED_MAX_MS : min64((int64_t)30000 << n, REFUSED_MAX_MS);
}

int64_t kf_refresh_backoff_ms(int n, int32_t retry_after_s, uint16_t rnd) {
    int64_t ms = n < 0 ? 1000 : n > 18 ? BACKOFF_MAX_MS : min64((int64_t)1000 << n, BACKOFF_MAX_MS);
    ms = ms / 2 + ms / 2 * rnd / 65535;
    int64_t least = retry_after_s > 0 ? (int64_t)retry_after_s * 1000 : 0;
    return ms > least ? ms : least + ms / 8; /* jitter also behind Retry-After */
}
