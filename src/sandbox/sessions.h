#pragma once
/* What sign-ins leave behind: sessions with their rotating refresh tokens, pending
 * sign-ins, MFA challenges. Everything is bounded and in memory. Not locked: the
 * owner's mutex guards it. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "sandbox/users.h"

enum {
    KF_PENDING_LIFE_MS = 10 * 60 * 1000,
    KF_CODE_TRIES = 10,
    KF_MAX_SESSIONS = 50000,
    KF_MAX_PENDING = 2000,
    KF_MAX_CHALLENGES = 2000
};

typedef struct kf_sess {
    char *id;
    kf_account *account;
    const kf_app *app;
    const kf_membership *member;           /* NULL: no organization */
    const char *method;                    /* "Password" */
    const kf_org *idp;                     /* whose provider said so, with SSO */
    bool mfa;                              /* a second factor was shown */
    int64_t made_at, ended_at, updated_at; /* unix seconds; ended_at 0: alive */
    char *ip, *user_agent;                 /* may be NULL */
    uint64_t number, generation;           /* name the one refresh token that works */
    int64_t rotated_ms;                    /* when the one before it was spent (boot clock) */
    char *answer;                          /* what that rotation answered; NULL before the first */
} kf_sess;

typedef enum { KF_PENDING_MFA, KF_PENDING_ORG, KF_PENDING_EMAIL, KF_PENDING_RADAR } kf_pending_kind;

/* A sign-in that stopped half-way. kind: which grant takes its token. */
typedef struct kf_pending {
    char *token;
    kf_pending_kind kind;
    kf_account *account;
    const kf_app *app;
    const kf_membership *member; /* the organization, once chosen */
    const char *method;
    const kf_org *idp;                /* whose identity provider said so, with SSO */
    struct kf_invitation *invitation; /* accepted at the end; NULL: none */
    bool mfa, org_chosen, radar;      /* shown so far */
    char target[48]; /* the hosted page (hosted.h) this is for; "": the API itself */
    int wrong_codes;
    int64_t until_ms;
} kf_pending;

typedef struct kf_challenge {
    char *id;
    kf_account *account;
    char factor[48];
    int wrong_codes;
    bool verified;
    int64_t made_at;
} kf_challenge;

typedef enum {
    KF_REFRESH_UNKNOWN, /* never issued, or altered */
    KF_REFRESH_RIGHT,
    KF_REFRESH_REPLAY, /* spent, but inside the window: kf_sess.answer is the answer */
    KF_REFRESH_REUSED  /* spent for good */
} kf_refresh_state;

typedef struct kf_sessions kf_sessions;

kf_sessions *kf_sessions_new(int64_t replay_window_ms);
kf_sessions *kf_sessions_free(kf_sessions *s);

/* from: who signs in, where, how. NULL once KF_MAX_SESSIONS were made. Borrowed. */
kf_sess *kf_sessions_add(kf_sessions *s, const kf_pending *from, const char *ip,
                         const char *user_agent);
kf_sess *kf_sessions_find(const kf_sessions *s, const char *id);
kf_sess *kf_sessions_next(const kf_sessions *s, const kf_sess *after); /* after NULL: the first */
size_t kf_sessions_alive(const kf_sessions *s);
void kf_sess_end(kf_sess *s);

char *kf_sessions_token(const kf_sessions *s,
                        const kf_sess *of); /* its refresh token; caller frees */
/* Whose refresh token this is; *out is set unless UNKNOWN. */
kf_refresh_state kf_sessions_check(const kf_sessions *s, const char *token, kf_sess **out);
/* The current token is spent; the next kf_sessions_token is another. */
void kf_sess_rotate(kf_sess *s);
/* What a replay of the token just spent is answered with; takes heap. */
void kf_sess_keep_answer(kf_sess *s, char *heap);

/* Copies what (but token, until_ms) and gives it a token. Over the limit the oldest goes. */
const kf_pending *kf_sessions_hold(kf_sessions *s, const kf_pending *what);
kf_pending *kf_sessions_pending(kf_sessions *s, const char *token); /* NULL: unknown, expired */
void kf_sessions_drop(kf_sessions *s, kf_pending *p);

kf_challenge *kf_sessions_challenge_new(kf_sessions *s, kf_account *a, const char *factor_id);
kf_challenge *kf_sessions_challenge(kf_sessions *s, const char *id);

KF_AUTO_DEFINE(kf_sessions);
