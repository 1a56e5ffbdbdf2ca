/* Ending a session: at WorkOS where possible, and here in any case. A note says what WorkOS did
 * not confirm (WORKOS.md §7.1, §7.2). */
#include "keeper/keeper_impl.h"

#include <string.h>
#include "keeper/answer.h"
#include "auth/account.h"
#include "auth/workos.h"

static void note(kf_work *w, const kf_err *err) {
    w->has_note = true;
    w->note = *err;
}

static void note_unknown(kf_work *w, const char *why) {
    w->has_note = true;
    kf_fail(&w->note, KF_ERR_WORKOS_REFUSED, "the session may live on at WorkOS: %s", why);
}

/* ---- forgetting here ---- */

static void answer_callers(kf_entry *e, kf_work *w, const kf_err *err) {
    kf_keeper_answer_signout(e->k, w, err);
    kf_keeper_answer_done(e->k, w->done, w->user, err);
    kf_work_end(e);
}

static void finish(kf_entry *e, kf_work *w, const kf_err *err) {
    kf_err moved;
    e->session = kf_session_free(e->session);
    kf_second_remove(e);
    kf_entry_forget_hint(e);
    e->unsaved = e->unsaved_sign_in = false;
    e->loaded = true;
    kf_fail(&moved, KF_ERR_WORKOS_NOT_SIGNED_IN,
            "the session was handed over to a web application");
    kf_entry_trouble(e, KF_STATE_NEEDS_SIGN_IN, w->kind == KF_WORK_HAND_OVER ? &moved : NULL);
    answer_callers(e, w, err);
}

/* No copy of a session up to this generation is ever used again. One that is left, because the
 * store was locked before it could be deleted, is not taken for one that went back: that would be
 * an alarm. */
void kf_sign_out_ledger(kf_work *w, int64_t generation) {
    w->ledger = (kf_ledger){.generation = generation + 1, .ended_at = kf_unix_s()};
    const char *name = kf_err_name(KF_ERR_WORKOS_NOT_SIGNED_IN);
    if (!kf_str_set(w->ledger.ended, sizeof w->ledger.ended, name)) w->ledger.ended[0] = 0;
}

static void raise_ledger(kf_entry *e, kf_work *w, kf_step_fn next) {
    int64_t g = w->ledger.generation;
    if (w->old && w->old->generation > g) g = w->old->generation;
    if (e->session && e->session->generation > g) g = e->session->generation;
    kf_sign_out_ledger(w, g);
    kf_work_ledger_write(e, w, next);
}

static void ledger_raised(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    if (err) kf_log(KF_LOG_WARN, "profile %s: ledger: %s", e->prof.name, err->what);
    finish(e, w, NULL);
}

/* WorkOS ended the session, but the store could not delete it. The ledger keeps every agent from
 * spending it; the next sign-out deletes it. */
static void end_noted(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    kf_err ended;
    if (err) kf_log(KF_LOG_WARN, "profile %s: ledger: %s", e->prof.name, err->what);
    kf_fail(&ended, KF_ERR_WORKOS_NOT_SIGNED_IN, "signed out, but the store could not delete it");
    e->unsaved = e->unsaved_sign_in = false;
    e->told = true;
    kf_entry_trouble(e, KF_STATE_NEEDS_SIGN_IN, &ended);
    kf_err why = w->why;
    answer_callers(e, w, &why);
}

static void item_gone(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    if (!err) { /* so that no old copy of the item is used again */
        raise_ledger(e, w, ledger_raised);
        return;
    }
    w->why = *err;
    if (!w->server_ended || !w->old) { /* nothing has changed, here or at WorkOS */
        answer_callers(e, w, &w->why);
        return;
    }
    w->ledger = (kf_ledger){.generation = w->old->generation, .ended_at = kf_unix_s()};
    kf_token_fp(w->old->refresh_token, w->ledger.fp);
    const char *name = kf_err_name(KF_ERR_WORKOS_NOT_SIGNED_IN);
    if (!kf_str_set(w->ledger.ended, sizeof w->ledger.ended, name)) abort();
    kf_work_ledger_write(e, w, end_noted);
}

static void forget_item(kf_entry *e) { kf_work_delete(e, KF_KIND_SESSION, item_gone); }

static void handed_over_gone(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    finish(e, w, err);
}

static void handed_over_noted(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    if (err) kf_log(KF_LOG_WARN, "profile %s: ledger: %s", e->prof.name, err->what);
    kf_work_delete(e, KF_KIND_SESSION, handed_over_gone);
}

/* The ledger first: the session belongs to another program now. If the item cannot be deleted, no
 * agent may use it. */
void kf_handed_over_forget(kf_entry *e, kf_work *w) { raise_ledger(e, w, handed_over_noted); }

/* ---- asking WorkOS ---- */

static void send(kf_entry *e, kf_work *w, const char *method, const char *path,
                 const kf_secret *body, const kf_secret *key, kf_http_done done) {
    kf_http_req r = {.method = method,
                     .origin = w->old->origin,
                     .path = path,
                     .body = body,
                     .bearer = key,
                     .single_use = !key && body,
                     .timeout_ms = KF_ASIDE_TIMEOUT_MS};
    w->http = kf_http_send(e->k->env.http, &r, done, e);
}

static void revoked(void *user, kf_http_resp *r, const kf_err *net) {
    kf_entry *e = user;
    kf_work *w = e->work;
    kf_err err;
    w->http = 0;
    w->server_ended = kf_ask_ok(r, net, &err);
    if (!w->server_ended) note(w, &err);
    forget_item(e);
}

/* The token that is about to be forgotten tells whether the session is over. */
static void proved(void *user, kf_http_resp *r, const kf_err *net) {
    kf_entry *e = user;
    kf_work *w = e->work;
    kf_err err;
    w->http = 0;
    if (kf_ask_ok(r, net, &err)) {
        note_unknown(w, "it still answers");
    } else {
        w->server_ended =
            err.code == KF_ERR_WORKOS_INVALID_GRANT || err.code == KF_ERR_WORKOS_SESSION_ENDED;
        if (!w->server_ended) note(w, &err);
    }
    forget_item(e);
}

static void logged_out(void *user, kf_http_resp *r, const kf_err *net) {
    kf_entry *e = user;
    kf_work *w = e->work;
    kf_err err;
    char fp[33];
    w->http = 0;
    /* WorkOS redirects here; the refresh token then proves that the session is over */
    bool redirects = !net && r->status / 100 == 3;
    if (!redirects && !kf_ask_ok(r, net, &err)) {
        note(w, &err);
        forget_item(e);
        return;
    }
    kf_token_fp(w->old->refresh_token, fp);
    if (kf_ledger_compare(&w->ledger, fp, w->old->generation, false) == KF_LEDGER_STALE) {
        note_unknown(w, "the stored token is too old to ask with");
        forget_item(e);
        return;
    }
    KF_AUTO(kf_secret)
    body = kf_workos_refresh_body(w->old->client_id, NULL, w->old->refresh_token,
                                  w->old->organization_id);
    send(e, w, "POST", kf_workos.path[KF_AT_AUTHENTICATE], body, NULL, proved);
}

static void ask(kf_entry *e, kf_work *w, const kf_secret *key, const kf_err *err) {
    if (err) note(w, err);
    if (key) {
        KF_AUTO(kf_secret) body = kf_account_revoke_body(w->old->claims.sid);
        send(e, w, "POST", kf_workos.path[KF_AT_REVOKE], body, key, revoked);
    } else if (err) {
        forget_item(e); /* without the profile's API key WorkOS would refuse */
    } else {
        KF_AUTO_CHARS path = kf_account_logout_path(w->old->claims.sid);
        send(e, w, "GET", path, NULL, NULL, logged_out);
    }
}

/* A token from elsewhere that was not tried yet names no session; the one it took the place of
 * lives on at WorkOS. */
static void replaced_one(kf_work *w) {
    kf_session *s = w->old && w->old->unverified && w->old->previous
                        ? kf_session_from_blob(w->old->previous, NULL)
                        : NULL;
    if (!s) return;
    s->generation = w->old->generation;
    kf_session_free(w->old);
    w->old = s;
}

static void found(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    if (err && err->code != KF_ERR_STORE_NOT_FOUND && err->code != KF_ERR_STORE_VAULT_NEW) {
        kf_err copy = *err; /* nothing was forgotten, so nothing is asked for either */
        kf_keeper_answer_signout(e->k, w, &copy);
        kf_entry_fail_waiters(e, &copy);
        kf_work_end(e);
        return;
    }
    if (!err) w->old = kf_session_from_blob(blob, NULL);
    if (e->session && (!w->old || e->unsaved || e->session->generation >= w->old->generation)) {
        kf_session_free(w->old);
        w->old = kf_session_copy(e->session);
    }
    replaced_one(w);
    if (!w->local_only && w->old && !kf_entry_bound(e, w->old)) {
        note_unknown(w, "it was obtained from another host or client");
    } else if (!w->local_only && w->old && !kf_account_id_ok(w->old->claims.sid)) {
        note_unknown(w, "its token names no session");
    } else if (!w->local_only && w->old) {
        kf_work_key(e, ask);
        return;
    }
    if (!w->old) {
        w->has_note = true;
        kf_fail(&w->note, KF_ERR_WORKOS_NOT_SIGNED_IN, "%s has no session", e->prof.name);
    }
    forget_item(e);
}

static void locked(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    if (!err) {
        kf_work_load(e, KF_KIND_SESSION, false, found);
        return;
    }
    kf_err copy = *err;
    kf_keeper_answer_signout(e->k, w, &copy);
    kf_work_end(e);
}

void kf_sign_out_start(kf_entry *e, kf_work *w) { kf_work_lock(e, w, locked); }
