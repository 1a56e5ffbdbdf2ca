#pragma once
/* When to renew, and what an answer to a renewal means. Pure arithmetic. */
#include <stdint.h>
#include "auth/session.h"
#include "base/err.h"

typedef enum kf_refresh_choice {
    KF_REFRESH_SERVE,      /* the token at hand is good enough */
    KF_REFRESH_RENEW,      /* renew, then serve */
    KF_REFRESH_SERVE_SHORT /* min_valid is longer than a token lives: serve and say so */
} kf_refresh_choice;

/* min_valid_ms < 0: the default, min(60 s, life/2). */
kf_refresh_choice kf_refresh_choose(int64_t life_ms, int64_t left_ms, int64_t min_valid_ms);
int64_t kf_refresh_lead_ms(int64_t life_ms); /* min(60 s, life/5) */

typedef enum kf_refresh_verdict {
    KF_REFRESH_OK,
    KF_REFRESH_AGAIN_NOW, /* same token at once: inside the replay window (25 s of first send) */
    KF_REFRESH_LATER,     /* transient: back off, keep the session */
    KF_REFRESH_ENDED,     /* terminal: needs_sign_in, nothing deleted */
    KF_REFRESH_ERROR      /* 401, invalid_client, documented refusals: kept, no automatic retry */
} kf_refresh_verdict;

typedef struct kf_refresh_answer {
    int status;
    const kf_secret *body;  /* NULL: none */
    int32_t retry_after;    /* seconds, -1 unknown */
    const char *request_id; /* may be NULL */
} kf_refresh_answer;

/* What the answer to a renewal of old is. The new session (caller owns), or NULL and err for
 * kf_refresh_judge. A code that nobody documents is KF_ERR_NET_SERVER here: it is no verdict about
 * the session. */
kf_session *kf_refresh_read(const kf_refresh_answer *a, const kf_session *old, const kf_moment *now,
                            kf_err *err);

/* e, from kf_refresh_read, proves that the request it answers did not spend the refresh token: a
 * documented refusal of the client, of the organization or of the request. Only then may the intent
 * be cleared. It says nothing about an earlier request with the same token whose answer was lost.
 * False for invalid_grant, 5xx, 429, pages, unknown codes, and whatever no answer came to. */
bool kf_refresh_proves_unspent(const kf_err *e);

/* e: the error of the attempt (transport, or from kf_refresh_read). sent: the request may have
 * reached the server. since_first_ms: since the first send of this token. tries: sends so far. */
kf_refresh_verdict kf_refresh_judge(const kf_err *e, bool sent, int64_t since_first_ms, int tries);
/* How long a refusal of WorkOS holds before a caller without a token is a reason to ask again:
 * 30 s * 2^n, at most 10 min. n: refusals in a row before this one. */
int64_t kf_refresh_refused_ms(int n);
/* Wait before try n (0-based) of a series: 1 s * 2^n up to 5 min, jittered by rnd (0..65535) to
 * 50..100 %; never less than retry_after_s. */
int64_t kf_refresh_backoff_ms(int n, int32_t retry_after_s, uint16_t rnd);
