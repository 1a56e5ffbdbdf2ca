/* Sealed sessions: made of a profile's session, and looked into. */
#include "agent/methods.h"

#include "keeper/keeper.h"
#include "agent/server.h"
#include "auth/sealed.h"
#include "base/log.h"
#include "base/str.h"
#include "crypt/hash.h"
#include "crypt/seal.h"

/* A Seal call, until it is answered; one that hands over stays until the client has spoken or gone.
 */
typedef struct kf_sealing {
    struct kf_sealing *next;
    kf_agent *a;
    uint32_t conn, held; /* held: number of the hand-over, 0 not yet */
    char id[17];
    bool hand_over, answered, gone; /* answered: held, and the client knows */
    kf_secret *password;
} sealing;

static void sealing_free(sealing *c) {
    struct kf_sealing **p = &c->a->sealings;
    while (*p && *p != c) p = &(*p)->next;
    if (*p) *p = c->next;
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

static bool reply(const sealing *c, const kf_token *t, kf_err *err) {
    KF_AUTO(kf_secret) sealed = make(t->session, c->password, c->hand_over, err);
    if (!sealed) return false;
    kf_json *j = kf_json_obj();
    kf_json_set_secret(j, "sealed", sealed);
    kf_json_set_str(j, "name", t->profile->name);
    kf_json_set_int(j, "expires_at", (kf_unix_ms() + t->left_ms + 500) / 1000);
    kf_json_set_int(j, "left_ms", t->left_ms);
    kf_json_set_str(j, "user_id", kf_session_user_id(t->session));
    if (*t->session->claims.org_id)
        kf_json_set_str(j, "organization_id", t->session->claims.org_id);
    if (c->hand_over) kf_json_set_int(j, "hand_over", c->held);
    kf_server_reply(c->a->server, c->conn, j, false);
    return true;
}

/* --- handing over
 * ---------------------------------------------------------------------------------- */

static void held(void *user, const kf_token *t, const kf_err *err) {
    sealing *c = user;
    kf_err e;
    if (t && !c->gone && (c->answered = reply(c, t, &e))) return; /* it stays in the list */
    if (t) {
        if (!c->gone) kf_server_error(c->a->server, c->conn, &e);
        (void)kf_keeper_hand_over_end(c->a->keeper, c->id, c->held, false, NULL, NULL);
    } else {
        /* it may be held all the same: locked before it could be given out */
        (void)kf_keeper_hand_over_end(c->a->keeper, c->id, c->held, false, NULL, NULL);
        if (!c->gone) kf_server_error(c->a->server, c->conn, err);
    }
    sealing_free(c);
}

static void indexed(void *user, const kf_err *err) {
    sealing *c = user;
    kf_server_reply(c->a->server, c->conn, NULL, false);
    sealing_free(c);
}

static void forgotten(void *user, const kf_err *err) {
    sealing *c = user;
    if (!err && c->a->keeper) { /* whoever asks without an agent is told, too */
        kf_keeper_index_then(c->a->keeper, indexed, c);
        return;
    }
    if (err) kf_server_error(c->a->server, c->conn, err);
    sealing_free(c);
}

void kf_method_handed_over(kf_agent *a, uint32_t conn, const kf_json *p, bool more) {
    sealing *c = a->sealings;
    while (c && (c->conn != conn || !c->answered ||
                 (int64_t)c->held != kf_json_int_or(p, "hand_over", 0)))
        c = c->next;
    if (c && kf_keeper_hand_over_end(a->keeper, c->id, c->held, true, forgotten, c)) {
        c->answered = false; /* forgotten() frees it */
        kf_log(KF_LOG_INFO, "profile %s: the session was handed over", c->id);
        return;
    }
    kf_err e;
    kf_fail(&e, KF_ERR_USAGE_BAD, "nothing is being handed over by that number any more");
    kf_hint(&e,
            "The session is still keyfob's as well. Forget it with: keyfob logout --local-only");
    kf_server_error(a->server, conn, &e);
}

void kf_seals_conn_gone(kf_agent *a, uint32_t conn) {
    for (sealing *c = a->sealings, *next; c; c = next) {
        next = c->next;
        if (c->conn != conn) continue;
        c->gone = true; /* its callback ends what is still on its way */
        if (!c->answered) continue;
        if (kf_keeper_hand_over_end(a->keeper, c->id, c->held, false, NULL, NULL))
            kf_log(KF_LOG_INFO, "profile %s: a hand-over was not confirmed", c->id);
        sealing_free(c);
    }
}

void kf_seals_drop_all(kf_agent *a) {
    while (a->sealings) sealing_free(a->sealings);
}

/* --- the call
 * ---------------------------------------------------------------------------------------- */

static void token_here(void *user, const kf_token *t, const kf_err *err) {
    sealing *c = user;
    kf_err e;
    if (c->gone) {
        sealing_free(c);
        return;
    }
    if (t && c->hand_over) {
        c->held = kf_keeper_hand_over(c->a->keeper, c->id, held, c);
        if (c->held) return;
        kf_fail(&e, KF_ERR_USAGE_NO_PROFILE, "the profile went away");
        err = &e;
        t = NULL;
    }
    if (t && !reply(c, t, &e)) err = &e;
    if (err) kf_server_error(c->a->server, c->conn, err);
    sealing_free(c);
}

void kf_method_seal(kf_agent *a, uint32_t conn, const kf_json *p, bool more) {
    const char *name = kf_json_str_or(p, "profile", ""),
               *password = kf_json_str_or(p, "password", "");
    const kf_conf_profile *conf = kf_conf_find(a->conf, name);
    KF_AUTO(kf_secret) pass = kf_secret_new(password, strlen(password));
    kf_err e;
    bool ok = conf || kf_fail(&e, KF_ERR_USAGE_NO_PROFILE, "%.64s", name);
    if (!ok || !kf_seal_password_ok(pass, &e)) {
        kf_server_error(a->server, conn, &e);
        return;
    }
    sealing *c = calloc(1, sizeof *c);
    if (!c || !kf_str_set(c->id, sizeof c->id, conf->id)) abort();
    c->a = a;
    c->conn = conn;
    c->hand_over = kf_json_bool(p, "hand_over", false);
    c->password = KF_TAKE(pass);
    c->next = a->sealings;
    a->sealings = c;
    kf_keeper_token(a->keeper, c->id, kf_json_int_or(p, "min_valid_ms", -1), false, token_here, c);
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

static bool unseal(const kf_json *p, kf_sealed *out, kf_err *err) {
    const char *sealed = kf_json_str_or(p, "sealed", ""),
               *password = kf_json_str_or(p, "password", "");
    KF_AUTO(kf_secret) pass = kf_secret_new(password, strlen(password));
    KF_AUTO(kf_secret) json = kf_unseal(sealed, strlen(sealed), pass, kf_unix_ms(), err);
    return json && kf_sealed_read(json, out, err);
}

void kf_method_unseal(kf_agent *a, uint32_t conn, const kf_json *p, bool more) {
    const char *name = kf_json_str_or(p, "profile", "");
    const kf_conf_profile *conf = kf_conf_find(a->conf, name);
    bool verify = kf_json_bool(p, "verify", false);
    kf_sealed s;
    kf_err e;
    bool ok = conf || !verify ||
              kf_fail(&e, KF_ERR_USAGE_NO_PROFILE, "%.64s, to check the signature with", name);
    if (!ok || !unseal(p, &s, &e)) {
        kf_server_error(a->server, conn, &e);
        return;
    }
    KF_AUTO(kf_json) rest = rest_of(&s);
    kf_claims_answer(a, conn, s.access_token, rest, verify ? conf->api_host : NULL,
                     verify ? conf->client_id : NULL);
    kf_sealed_done(&s);
}
