/* The sandbox's sessions, rotating refresh tokens, pending sign-ins and MFA challenges. It
 * recognises every refresh token that it ever issued and stores none of them. */
#include "sandbox/sessions.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypt/hash.h"
#include "sandbox/ids.h"

/* A refresh token is the session's number and the token's generation with a MAC over
 * both, masked. So every token ever issued is recognised, and reuse told from noise,
 * without keeping any of them. */
enum { HALF = 16, TOKEN = 2 * HALF, KEY = 32 };

struct kf_sessions {
    kf_sess **session; /* by number */
    size_t n, cap;
    int64_t window_ms;
    uint8_t key[KEY];
    kf_pending pending[KF_MAX_PENDING]; /* rings: the slot to be written next is the oldest */
    size_t next_pending;
    kf_challenge challenge[KF_MAX_CHALLENGES];
    size_t next_challenge;
};

kf_sessions *kf_sessions_new(int64_t replay_window_ms) {
    kf_sessions *s = kf_new(kf_sessions);
    s->window_ms = replay_window_ms;
    kf_random(s->key, sizeof s->key);
    return s;
}

static void sess_free(kf_sess *s) {
    free(s->id);
    free(s->ip);
    free(s->user_agent);
    free(s->answer);
    free(s);
}

kf_sessions *kf_sessions_free(kf_sessions *s) {
    if (!s) return NULL;
    for (size_t i = 0; i < s->n; i++) sess_free(s->session[i]);
    for (size_t i = 0; i < KF_MAX_PENDING; i++) free(s->pending[i].token);
    for (size_t i = 0; i < KF_MAX_CHALLENGES; i++) free(s->challenge[i].id);
    free(s->session);
    free(s);
    return NULL;
}

kf_sess *kf_sessions_add(kf_sessions *s, const kf_pending *from, const char *ip,
                         const char *user_agent) {
    if (s->n == KF_MAX_SESSIONS) return NULL;
    if (s->n == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 64;
        s->session = realloc(s->session, s->cap * sizeof *s->session);
        if (!s->session) abort();
    }
    kf_sess *one = kf_new(kf_sess);
    *one = (kf_sess){.id = kf_id_new("session_"),
                     .account = from->account,
                     .app = from->app,
                     .member = from->member,
                     .method = from->method,
                     .idp = from->idp,
                     .mfa = from->mfa,
                     .made_at = kf_now(),
                     .updated_at = kf_now(),
                     .ip = kf_strdup(ip),
                     .user_agent = kf_strdup(user_agent),
                     .number = s->n};
    s->session[s->n++] = one;
    return one;
}

kf_sess *kf_sessions_find(const kf_sessions *s, const char *id) {
    for (size_t i = 0; i < s->n; i++)
        if (kf_str_eq(s->session[i]->id, id)) return s->session[i];
    return NULL;
}

kf_sess *kf_sessions_next(const kf_sessions *s, const kf_sess *after) {
    size_t i = after ? after->number + 1 : 0;
    return i < s->n ? s->session[i] : NULL;
}

size_t kf_sessions_alive(const kf_sessions *s) {
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) n += !s->session[i]->ended_at;
    return n;
}

void kf_sess_end(kf_sess *s) {
    if (s->ended_at) return;
    s->ended_at = s->updated_at = kf_now();
    free(KF_TAKE(s->answer));
}

/* ---- refresh tokens ---- */

static void digest(const kf_sessions *s, uint8_t purpose, const uint8_t half[HALF],
                   uint8_t out[HALF]) {
    uint8_t text[KEY + 1 + HALF], hash[32];
    memcpy(text, s->key, KEY);
    text[KEY] = purpose;
    memcpy(text + KEY + 1, half, HALF);
    kf_sha256(text, sizeof text, hash);
    memcpy(out, hash, HALF);
}

/* mac | (number, generation) ^ mask(mac) */
static void seal(const kf_sessions *s, uint64_t number, uint64_t generation, uint8_t out[TOKEN]) {
    uint8_t plain[HALF], mask[HALF];
    memcpy(plain, &number, 8);
    memcpy(plain + 8, &generation, 8);
    digest(s, 'm', plain, out);
    digest(s, 'x', out, mask);
    for (size_t i = 0; i < HALF; i++) out[HALF + i] = plain[i] ^ mask[i];
}

char *kf_sessions_token(const kf_sessions *s, const kf_sess *of) {
    uint8_t raw[TOKEN];
    seal(s, of->number, of->generation, raw);
    return kf_b64url(raw, sizeof raw);
}

static bool unseal(const kf_sessions *s, const char *token, uint64_t *number,
                   uint64_t *generation) {
    uint8_t raw[TOKEN], mask[HALF], plain[HALF], again[TOKEN];
    if (kf_b64url_decode(token, strlen(token), raw, sizeof raw) != TOKEN) return false;
    digest(s, 'x', raw, mask);
    for (size_t i = 0; i < HALF; i++) plain[i] = raw[HALF + i] ^ mask[i];
    memcpy(number, plain, 8);
    memcpy(generation, plain + 8, 8);
    seal(s, *number, *generation, again);
    return kf_ct_eq(raw, again, sizeof raw);
}

kf_refresh_state kf_sessions_check(const kf_sessions *s, const char *token, kf_sess **out) {
    uint64_t number, generation;
    if (!unseal(s, token, &number, &generation) || number >= s->n) return KF_REFRESH_UNKNOWN;
    kf_sess *one = *out = s->session[number];
    if (generation == one->generation) return KF_REFRESH_RIGHT;
    if (generation + 1 == one->generation && one->answer &&
        kf_boot_ms() - one->rotated_ms < s->window_ms)
        return KF_REFRESH_REPLAY;
    return KF_REFRESH_REUSED;
}

void kf_sess_rotate(kf_sess *s) {
    s->generation++;
    s->rotated_ms = kf_boot_ms();
    s->updated_at = kf_now();
}

void kf_sess_keep_answer(kf_sess *s, char *heap) {
    free(s->answer);
    s->answer = heap;
}

/* ---- pending sign-ins and challenges ---- */

const kf_pending *kf_sessions_hold(kf_sessions *s, const kf_pending *what) {
    kf_pending *p = &s->pending[s->next_pending];
    kf_pending fresh = *what; /* what may be the very slot we are about to free */
    s->next_pending = (s->next_pending + 1) % KF_MAX_PENDING;
    free(p->token);
    *p = fresh;
    p->token = kf_token_new();
    p->until_ms = kf_boot_ms() + KF_PENDING_LIFE_MS;
    return p;
}

kf_pending *kf_sessions_pending(kf_sessions *s, const char *token) {
    for (size_t i = 0; token && i < KF_MAX_PENDING; i++)
        if (s->pending[i].token && kf_str_eq(s->pending[i].token, token))
            return kf_boot_ms() < s->pending[i].until_ms ? &s->pending[i] : NULL;
    return NULL;
}

void kf_sessions_drop(kf_sessions *s, kf_pending *p) {
    free(p->token);
    *p = (kf_pending){0};
}

kf_challenge *kf_sessions_challenge_new(kf_sessions *s, kf_account *a, const char *factor_id) {
    kf_challenge *c = &s->challenge[s->next_challenge];
    s->next_challenge = (s->next_challenge + 1) % KF_MAX_CHALLENGES;
    free(c->id);
    *c = (kf_challenge){.id = kf_id_new("auth_challenge_"), .account = a, .made_at = kf_now()};
    if (!kf_str_set(c->factor, sizeof c->factor, factor_id)) c->factor[0] = 0;
    return c;
}

kf_challenge *kf_sessions_challenge(kf_sessions *s, const char *id) {
    for (size_t i = 0; i < KF_MAX_CHALLENGES; i++)
        if (s->challenge[i].id && kf_str_eq(s->challenge[i].id, id)) return &s->challenge[i];
    return NULL;
}
