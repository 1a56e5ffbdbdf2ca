/* The requests of one renewal. A server that rotates at once and answers late must not cost the
 * session, so no request is given up while its answer can still count: after BESIDE_MS without an
 * answer the same token is sent once more beside it, at most KF_MAX_OPEN at once. A request that
 * broke makes room for another one: three connections that a proxy resets must not use up the
 * window. Every request stays open for OPEN_MS, and the first whole answer wins. All answers inside
 * WorkOS's window are the same pair. Says nothing to callers: how long they wait is their own
 * matter (keeper.c). */
#include "keeper/keeper_impl.h"

#include <string.h>
#include "auth/workos.h"

enum {
    BESIDE_MS = 8 * 1000,
    OPEN_MS = 60 * 1000,
    LAST_SEND_MS = 25 * 1000, /* after the first send; leaves room inside KF_REPLAY_MAX_MS */
    PAUSE_MS = 250            /* times the number of failed tries */
};

static void plan_next(kf_entry *e, kf_work *w);

static int posts_open(const kf_work *w) {
    int n = 0;
    for (int i = 0; i < w->tries; i++) n += w->posts[i].http != 0;
    return n;
}

bool kf_post_open(const kf_work *w) { return posts_open(w) > 0; }

void kf_post_cancel(kf_keeper *k, kf_work *w) {
    for (int i = 0; i < w->tries; i++) {
        if (w->posts[i].http) kf_http_cancel(k->env.http, w->posts[i].http);
        w->posts[i].http = 0;
    }
    /* nor one more beside them, while the pair that won is on its way into a slow store */
    kf_loop_cancel(k->env.loop, w->timer);
    w->timer = 0;
    w->next_try = 0;
}

/* ---- answers ---- */

static int64_t clamp64(int64_t v, int64_t low, int64_t high) {
    return v < low ? low : v > high ? high : v;
}

/* How old the pair may be: no older than the first send of its token. The server's own clock tells
 * it better, when its Date and the token's iat are both there, and the answer came at once. */
static void count_age(kf_session *s, const kf_work *w, const kf_moment *now) {
    int64_t late = now->waited_ms < 1000 ? 0 : now->waited_ms;
    int64_t most = clamp64(now->boot_ms - w->first_send_ms, late, KF_REPLAY_MAX_MS + late);
    bool alone = w->tries == 1 && !w->replay && most < BESIDE_MS;
    int64_t age = now->date && s->claims.iat ? clamp64((now->date - s->iat) * 1000 + late, 0, most)
                  : alone                    ? 0
                                             : most;
    int64_t then = now->boot_ms - now->ms - age;
    if (s->received.boot_ms > then) s->received.boot_ms = then;
    s->received.unix_s = now->unix_s - age / 1000; /* both clocks count from then */
}

static kf_session *read_pair(const kf_try *t, kf_http_resp *r, const kf_err *net, kf_err *err) {
    kf_entry *e = t->e;
    const kf_work *w = e->work;
    if (net) {
        *err = *net;
        if (!err->status) err->status = r->status;
        return NULL;
    }
    kf_refresh_answer a = {.status = r->status,
                           .body = r->body,
                           .retry_after = r->retry_after,
                           .request_id = r->request_id};
    kf_moment now = kf_keeper_answer_moment(e->k, r->date);
    now.waited_ms = kf_moment_waited(&now, t->at, t->unix_ms);
    kf_session *s = kf_refresh_read(&a, w->old, &now, err);
    if (!s) return NULL;
    count_age(s, w, &now);
    /* with a wish for another organization, keeper_switch.c compares where the session is now */
    if (*w->organization || kf_session_in_organization(s, kf_renew_organization(w), err)) return s;
    err->status = r->status;
    return kf_session_free(s);
}

/* Of several answers the one that says more counts: a refusal before a connection that broke. */
static void keep_gravest(kf_work *w, const kf_err *err, kf_refresh_verdict v) {
    if (w->why.code != KF_ERR_NONE && v < w->verdict) return;
    w->why = *err;
    w->verdict = v;
}

static void post_answered(void *user, kf_http_resp *r, const kf_err *net) {
    kf_try *t = user;
    kf_entry *e = t->e;
    kf_work *w = e->work;
    kf_err err;
    int64_t now = kf_boot_ms();
    t->http = 0;
    w->sent = w->sent || r->sent;
    kf_session *pair = read_pair(t, r, net, &err);
    if (pair) {
        kf_post_cancel(e->k, w);
        w->next = pair;
        e->renewed_ms = now - t->at;
        kf_renew_won(e, w);
        return;
    }
    w->unproven = w->unproven || (r->sent && !kf_refresh_proves_unspent(&err));
    kf_refresh_verdict v = kf_refresh_judge(&err, r->sent, now - w->first_send_ms, w->tries);
    keep_gravest(w, &err, v);
    if (v == KF_REFRESH_AGAIN_NOW) {
        int64_t asked = err.retry_after > 0 ? (int64_t)err.retry_after * 1000 : 0;
        int64_t at = now + (asked ? asked : (w->tries - 1) * PAUSE_MS);
        if (asked || !w->next_try || at < w->next_try) w->next_try = at;
    } else if (v != KF_REFRESH_LATER || err.retry_after > 0 || !kf_post_open(w)) {
        w->next_try = 0; /* another send of this token brings nothing */
    }
    e->renewed_ms = now - t->at;
    plan_next(e, w);
}

/* ---- sends ---- */

static void post_send(kf_entry *e, kf_work *w) {
    const kf_secret *key = e->prof.confidential ? e->api_key : NULL;
    const kf_session *old = w->old;
    KF_AUTO(kf_secret)
    body =
        kf_workos_refresh_body(old->client_id, key, old->refresh_token, kf_renew_organization(w));
    kf_http_req r = {.method = "POST",
                     .origin = old->origin,
                     .path = kf_workos.path[KF_AT_AUTHENTICATE],
                     .body = body,
                     .single_use = true,
                     .timeout_ms = OPEN_MS};
    kf_try *t = &w->posts[w->tries++];
    *t = (kf_try){.e = e, .at = kf_boot_ms(), .unix_ms = kf_unix_ms()};
    w->next_try = t->at + BESIDE_MS;
    t->http = kf_http_send(e->k->env.http, &r, post_answered, t);
    plan_next(e, w);
}

static void send_due(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *none) {
    kf_err moved;
    if (w->tries && kf_boot_ms() - w->first_send_ms > LAST_SEND_MS) {
        w->next_try = 0; /* this process was stopped: the token is spent outside the window */
        plan_next(e, w);
    } else if (kf_entry_bound(e, w->old)) {
        post_send(e, w);
    } else if (kf_post_open(w)) { /* the settings changed; what is under way is still ours */
        w->next_try = 0;
        plan_next(e, w);
    } else {
        kf_fail(&moved, KF_ERR_WORKOS_ORIGIN, "the session belongs to %s", w->old->origin);
        kf_entry_trouble(e, KF_STATE_NEEDS_SIGN_IN, &moved);
        kf_renew_end_failed(e, &moved);
    }
}

static void plan_next(kf_entry *e, kf_work *w) {
    bool may = w->next_try && w->tries < KF_MAX_TRIES && posts_open(w) < KF_MAX_OPEN &&
               (w->tries == 0 || w->next_try - w->first_send_ms <= LAST_SEND_MS);
    if (may) {
        int64_t wait = w->next_try - kf_boot_ms();
        kf_work_after(e, w, wait > 0 ? wait : 0, send_due);
        return;
    }
    kf_loop_cancel(e->k->env.loop, w->timer);
    w->timer = 0;
    if (!kf_post_open(w)) kf_renew_lost(e, w);
}

void kf_post_start(kf_entry *e, kf_work *w) {
    w->next_try = kf_boot_ms();
    send_due(e, w, NULL, NULL);
}
