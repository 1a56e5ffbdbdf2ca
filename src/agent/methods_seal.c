/* Sealed sessions: made of a profile's session, and looked into. */
#include "agent/methods.h"

#include "keeper/keeper.h"
#include "auth/sealed.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypt/hash.h"
#include "crypt/seal.h"

/* A Seal call, until it is answered. */
typedef struct sealing {
    kf_agent *a;
    kf_call *call;
    uint32_t held; /* number of the hand-over; 0: none yet */
    char id[17];
    bool hand_over;
    kf_secret *password;
} sealing;

static void sealing_free(void *user) {
    sealing *c = user;
    kf_secret_free(c->password);
    free(c);
}

static kf_secret *make(const kf_session *s, const kf_secret *password, bool with_refresh_token,
                       kf_err *err) {
    uint8_t seed[KF_SEAL_SEED];
    KF_AUTO(kf_secret) json = kf_sealed_json(s, with_refresh_token, err);
    if (!json) return NULL;
    kf_random(seed, sizeof seed);
    return kf_seal(json, password, seed, err);
}

static kf_json *answer(const sealing *c, const kf_token *t, kf_err *err) {
    KF_AUTO(kf_secret) sealed = make(t->session, c->password, c->hand_over, err);
    if (!sealed) return NULL;
    kf_json *j = kf_json_obj();
    kf_json_set_secret(j, "sealed", sealed);
    kf_json_set_str(j, "name", t->profile->name);
    kf_json_set_int(j, "expires_at", (kf_unix_ms() + t->left_ms + 500) / 1000);
    kf_json_set_int(j, "left_ms", t->left_ms);
    kf_json_set_str(j, "user_id", kf_session_user_id(t->session));
    if (*t->session->claims.org_id)
        kf_json_set_str(j, "organization_id", t->session->claims.org_id);
    if (c->hand_over) kf_json_set_int(j, "hand_over", c->held);
    return j;
}

/* --- handing over
 * ---------------------------------------------------------------------------------- */

/* A session that was given to a client which has not confirmed it yet: its connection holds it. */
typedef struct hand_over {
    kf_agent *a;
    uint32_t held;
    char id[17];
} hand_over;

/* What it holds without a word stays as it was. */
static void unconfirmed(void *user) {
    hand_over *h = user;
    if (kf_keeper_hand_over_end(h->a->keeper, h->id, h->held, false, NULL, NULL))
        kf_log(KF_LOG_INFO, "profile %s: a hand-over was not confirmed", h->id);
    free(h);
}

static void held(void *user, const kf_token *t, const kf_err *err) {
    sealing *c = user;
    kf_err e;
    kf_json *j = t && !kf_call_is_gone(c->call) ? answer(c, t, &e) : NULL;
    if (j) {
        hand_over *h = kf_new(hand_over);
        *h = (hand_over){.a = c->a, .held = c->held};
        memcpy(h->id, c->id, sizeof h->id);
        kf_call_hold(c->call, h, unconfirmed);
        kf_call_reply(c->call, j);
        return;
    }
    /* without t it may be held all the same: locked before it could be given out */
    if (c->a->keeper)
        (void)kf_keeper_hand_over_end(c->a->keeper, c->id, c->held, false, NULL, NULL);
    if (kf_call_is_gone(c->call)) kf_call_drop(c->call);
    else kf_call_fail(c->call, t ? &e : err);
}

static void indexed(void *user, const kf_err *err) { kf_call_reply(user, NULL); }

static void forgotten(void *user, const kf_err *err) {
    kf_call *call = user;
    kf_agent *a = kf_call_host(call);
    if (err) kf_call_fail(call, err);
    else if (!a->keeper) kf_call_reply(call, NULL);
    else kf_keeper_index_then(a->keeper, indexed, call); /* who asks without an agent is told */
}

void kf_method_handed_over(kf_agent *a, kf_call *call) {
    hand_over *h = kf_call_held(call);
    if (h && (int64_t)h->held == kf_call_int(call, "hand_over", 0) &&
        kf_keeper_hand_over_end(a->keeper, h->id, h->held, true, forgotten, call)) {
        kf_log(KF_LOG_INFO, "profile %s: the session was handed over", h->id);
        kf_call_let_go(call);
        free(h);
        return;
    }
    kf_err e;
    kf_fail(&e, KF_ERR_USAGE_BAD, "nothing is being handed over by that number any more");
    kf_hint(&e,
            "The session is still keyfob's as well. Forget it with: keyfob logout --local-only");
    kf_call_fail(call, &e);
}

/* --- the call
 * ---------------------------------------------------------------------------------------- */

static void token_here(void *user, const kf_token *t, const kf_err *err) {
    sealing *c = user;
    kf_err e;
    if (t && kf_call_is_gone(c->call)) {
        kf_call_drop(c->call);
        return;
    }
    if (t && c->hand_over) {
        c->held = kf_keeper_hand_over(c->a->keeper, c->id, held, c);
        if (c->held) return;
        kf_fail(&e, KF_ERR_USAGE_NO_PROFILE, "the profile went away");
        err = &e;
        t = NULL;
    }
    kf_json *j = t ? answer(c, t, &e) : NULL;
    if (j) kf_call_reply(c->call, j);
    else kf_call_fail(c->call, t ? &e : err);
}

void kf_method_seal(kf_agent *a, kf_call *call) {
    const char *name = kf_call_str(call, "profile", "");
    const kf_conf_profile *conf = kf_conf_find(a->conf, name);
    KF_AUTO(kf_secret) pass = kf_call_take_secret(call, "password");
    kf_err e;
    bool ok = conf || kf_fail(&e, KF_ERR_USAGE_NO_PROFILE, "%.64s", name);
    if (!ok || !kf_seal_password_ok(pass, &e)) {
        kf_call_fail(call, &e);
        return;
    }
    sealing *c = kf_new(sealing);
    *c = (sealing){.a = a, .call = call, .hand_over = kf_call_bool(call, "hand_over", false)};
    memcpy(c->id, conf->id, sizeof c->id);
    c->password = KF_TAKE(pass);
    kf_call_keep(call, c, sealing_free);
    kf_keeper_token(a->keeper, c->id, kf_call_int(call, "min_valid_ms", -1), false, token_here, c);
}

/* --- looking into one
 * -------------------------------------------------------------------------------- */

static kf_json *rest_of(const kf_sealed *s) {
    kf_json *j = kf_json_obj();
    if (s->user) kf_json_set(j, "user", kf_json_copy(s->user));
    if (*s->organization_id) kf_json_set_str(j, "organization_id", s->organization_id);
    if (*s->authentication_method)
        kf_json_set_str(j, "authentication_method", s->authentication_method);
    kf_json_set_bool(j, "has_refresh_token", s->has_refresh_token);
    return j;
}

static bool unseal(kf_call *call, kf_sealed *out, kf_err *err) {
    const char *sealed = kf_call_str(call, "sealed", "");
    KF_AUTO(kf_secret) pass = kf_call_take_secret(call, "password");
    KF_AUTO(kf_secret) json = kf_unseal(sealed, strlen(sealed), pass, kf_unix_ms(), err);
    return json && kf_sealed_read(json, out, err);
}

void kf_method_unseal(kf_agent *a, kf_call *call) {
    const char *name = kf_call_str(call, "profile", "");
    const kf_conf_profile *conf = kf_conf_find(a->conf, name);
    bool verify = kf_call_bool(call, "verify", false);
    kf_sealed s;
    kf_err e;
    bool ok = conf || !verify ||
              kf_fail(&e, KF_ERR_USAGE_NO_PROFILE, "%.64s, to check the signature with", name);
    if (!ok || !unseal(call, &s, &e)) {
        kf_call_fail(call, &e);
        return;
    }
    KF_AUTO(kf_json) rest = rest_of(&s);
    kf_claims_answer(a, call, s.access_token, rest, verify ? conf->api_host : NULL,
                     verify ? conf->client_id : NULL);
    kf_sealed_done(&s);
}
