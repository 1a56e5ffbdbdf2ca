#include "agent/keeper_impl.h"

#include <string.h>
#include "auth/workos.h"

/* A renewal, in the order of design.md §4: lock, ledger, read the store again, API key,
 * probe, intent, POST, save and read back, ledger, publish. Each function here is one step;
 * its name says what has just happened or what is done. */

static void renew_post(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *none);

/* ---- ends ---- */

void kf_back_off(kf_entry *e, const kf_err *err, bool sent) {
    int64_t now = kf_boot_ms();
    e->retry_at = now + kf_refresh_backoff_ms(e->fails++, err->retry_after, kf_keeper_dice());
    e->not_before = err->retry_after > 0 ? now + (int64_t)err->retry_after * 1000 : 0;
    e->free_retry = !sent;
    e->renewed_any = true;
    e->renewed_ok = false;
    kf_log(KF_LOG_INFO, "profile %s: no renewal (%s), next try in %lld ms", e->prof.name, kf_err_name(err->code),
           (long long)(e->retry_at - now));
}

static void end_failed(kf_entry *e, const kf_err *err) {
    kf_err copy = *err;
    kf_entry_fail_waiters(e, &copy);
    kf_switch_over(e, e->work, &copy);
    kf_work_end(e);
}

/* Nothing was sent: this machine is the reason. */
static void fail_here(kf_entry *e, const kf_err *err) {
    kf_back_off(e, err, false);
    if (err->code != KF_ERR_SYS_LOCK_TIMEOUT) kf_entry_store_trouble(e, err);
    end_failed(e, err);
}

/* posted: there is no fresher token to be had; else another process renewed it. */
static void mark_renewed(kf_entry *e, bool posted) {
    for (guint i = 0; i < e->waiters->len; i++) {
        kf_waiter *w = g_ptr_array_index(e->waiters, i);
        w->renewed = true;
        w->freshest = posted;
    }
}

static void ledger_is(kf_work *w, const kf_session *s) {
    w->ledger = (kf_ledger){.generation = s->generation};
    kf_token_fp(s->refresh_token, w->ledger.fp);
}

/* ---- after the answer: save, ledger, publish ---- */

static void renew_publish(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    (void)blob;
    /* the pair is saved under a higher generation than the ledger's: the next look adopts it */
    if (err) kf_log(KF_LOG_WARN, "profile %s: ledger: %s", e->prof.name, err->what);
    kf_entry_set_session(e, KF_TAKE(w->next));
    mark_renewed(e, w->sent);
    if (w->sent) kf_take_renewed(e, w->old);
    kf_work_end(e);
}

/* The new pair is in memory alone. GetToken serves its access token, because it is valid and
 * the old one's session moved on; the state says unsaved to everybody who looks, and the agent
 * does not leave while it is so. */
void kf_save_failed(kf_entry *e, kf_work *w, const kf_err *err) {
    kf_err why = *err;
    kf_entry_set_session(e, KF_TAKE(w->next));
    if (!e->session) return; /* not ours to use any more */
    e->unsaved = true;
    e->retry_at = kf_boot_ms() + kf_refresh_backoff_ms(e->fails++, -1, kf_keeper_dice());
    why.code = KF_ERR_STORE_UNSAVED;
    kf_log(KF_LOG_ERROR, "profile %s: the new session is not saved: %s", e->prof.name, err->what);
    kf_entry_trouble(e, KF_STATE_UNSAVED, &why);
}

static void renew_unsaved(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    (void)blob;
    if (err) kf_log(KF_LOG_WARN, "profile %s: ledger: %s", e->prof.name, err->what);
    kf_save_failed(e, w, &w->why);
    mark_renewed(e, true);
    kf_work_end(e);
}

static void renew_saved(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    (void)blob;
    if (err) w->why = *err;
    /* Also when it could not be saved: the ledger then keeps others from spending the old token,
     * which the store still holds. */
    ledger_is(w, w->next);
    kf_work_ledger_write(e, w, err ? renew_unsaved : renew_publish);
}

static void save_next(kf_entry *e, kf_work *w) {
    int64_t g = w->old->generation > w->ledger.generation ? w->old->generation : w->ledger.generation;
    w->next->generation = g + 1;
    KF_AUTO(kf_secret) blob = kf_session_to_blob(w->next);
    kf_work_save(e, KF_KIND_SESSION, blob, false, renew_saved);
}

/* ---- the answer is no new pair ---- */

static void renew_later(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    (void)blob;
    if (err) kf_log(KF_LOG_WARN, "profile %s: ledger: %s", e->prof.name, err->what);
    kf_err why = w->why;
    end_failed(e, &why);
}

static void answer_later(kf_entry *e, kf_work *w) {
    kf_back_off(e, &w->why, w->sent || w->replay);
    kf_entry_trouble(e, KF_STATE_OFFLINE, &w->why);
    if (w->sent || w->replay) { /* the intent stands: the same token again, or nothing */
        renew_later(e, w, NULL, NULL);
        return;
    }
    memset(&w->ledger.intent, 0, sizeof w->ledger.intent);
    kf_work_ledger_write(e, w, renew_later);
}

/* The organization, not the session: everything stays as it was, but for the intent. */
static void switch_refused(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    (void)blob;
    if (err) kf_log(KF_LOG_WARN, "profile %s: ledger: %s", e->prof.name, err->what);
    kf_switch_over(e, w, &w->why);
    kf_work_end(e);
}

static void answer_refused(kf_entry *e, kf_work *w) {
    if (kf_take_back(e, w)) return;
    e->renewed_any = true;
    e->renewed_ok = e->free_retry = false;
    kf_entry_trouble(e, KF_STATE_ERROR, &w->why);
    if (w->why.code == KF_ERR_WORKOS_MISMATCH) { /* a success all the same, so the token is spent */
        renew_later(e, w, NULL, NULL);
        return;
    }
    memset(&w->ledger.intent, 0, sizeof w->ledger.intent);
    kf_work_ledger_write(e, w, renew_later);
}

static void renew_is_ended(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    (void)blob;
    if (err) kf_log(KF_LOG_WARN, "profile %s: ledger: %s", e->prof.name, err->what);
    kf_err why = w->why;
    kf_entry_trouble(e, KF_STATE_NEEDS_SIGN_IN, &why);
    end_failed(e, &why);
}

/* The store once more, before a session is called ended: somebody else may have been faster. */
static void ended_reread(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    kf_ledger_match match;
    kf_session *s = err ? NULL : kf_entry_accept(e, blob, &w->ledger, &match, NULL);
    if (s && !kf_secret_eq(s->refresh_token, w->old->refresh_token)) {
        kf_log(KF_LOG_INFO, "profile %s: another process renewed it", e->prof.name);
        ledger_is(w, s);
        w->next = s;
        w->sent = false;
        kf_work_ledger_write(e, w, renew_publish);
        return;
    }
    kf_session_free(s);
    e->renewed_any = true;
    e->renewed_ok = false;
    if (kf_take_back(e, w)) return;
    ledger_is(w, w->old);
    w->ledger.ended_at = kf_unix_s();
    /* remembered, so that no later agent spends the dead token again */
    if (!kf_str_set(w->ledger.ended, sizeof w->ledger.ended, kf_err_name(w->why.code))) w->ledger.ended[0] = 0;
    kf_work_ledger_write(e, w, renew_is_ended);
}

static void answer_ended(kf_entry *e, kf_work *w) {
    if (w->why.code == KF_ERR_WORKOS_INVALID_GRANT && (w->replay || w->tries > 1)) {
        kf_err plain = w->why;
        kf_fail(&w->why, plain.code, "the answer to the last renewal was lost; %.200s", plain.what);
        w->why.status = plain.status;
        memcpy(w->why.upstream, plain.upstream, sizeof plain.upstream);
        memcpy(w->why.request_id, plain.request_id, sizeof plain.request_id);
    }
    kf_work_load(e, KF_KIND_SESSION, false, ended_reread);
}

/* ---- POST ---- */

void kf_answer_error(const kf_http_resp *r, const kf_json *body, const kf_err *net, kf_err *out) {
    if (net) {
        *out = *net;
        if (r && r->status && !out->status) out->status = r->status;
        return;
    }
    kf_workos_read_error(r->status, body, r->retry_after, r->request_id, out);
}

static kf_session *read_answer(kf_entry *e, kf_work *w, kf_http_resp *r, const kf_err *net, kf_err *err) {
    KF_AUTO(kf_json) body = NULL;
    if (!net && r->body) body = kf_json_parse(kf_secret_peek(r->body), kf_secret_len(r->body), err);
    if (net || r->status != 200) {
        kf_answer_error(r, body, net, err);
        return NULL;
    }
    if (!r->body) kf_fail(err, KF_ERR_NET_BAD_ANSWER, "an empty answer");
    kf_moment now = kf_keeper_answer_moment(e->k, r->date);
    if (w->tries > 1 || w->replay) { /* perhaps the pair of the first send: as old as that */
        int64_t since = now.boot_ms - w->first_send_ms;
        now.boot_ms -= since < 0 ? 0 : since < KF_REPLAY_MAX_MS ? since : KF_REPLAY_MAX_MS;
    }
    kf_session *s = body ? kf_session_from_answer(body, w->old, w->old->origin, w->old->client_id, &now, err) : NULL;
    /* a wish for another organization is looked after by keeper_switch.c, which tells where the session is now */
    if (s && !*w->organization && !kf_session_in_organization(s, kf_renew_organization(w), err)) s = kf_session_free(s);
    if (!s) {
        err->status = r->status;
        err->retry_after = -1;
    }
    return s;
}

static void renew_answer(void *user, kf_http_resp *r, const kf_err *net) {
    kf_entry *e = user; /* the request is cancelled when the entry goes */
    kf_work *w = e->work;
    w->http = 0;
    w->sent = w->sent || r->sent;
    e->renewed_ms = kf_boot_ms() - w->post_ms;
    w->next = read_answer(e, w, r, net, &w->why);
    if (w->next) {
        e->renewed_any = e->renewed_ok = true;
        save_next(e, w);
        return;
    }
    if (kf_switch_refused(w)) {
        memset(&w->ledger.intent, 0, sizeof w->ledger.intent);
        kf_work_ledger_write(e, w, switch_refused);
        return;
    }
    int64_t since = kf_boot_ms() - w->first_send_ms;
    switch (kf_refresh_judge(&w->why, r->sent, since, w->tries)) {
    case KF_REFRESH_AGAIN_NOW:
        if (w->tries < KF_MAX_TRIES) {
            int64_t wait = w->why.retry_after > 0 ? (int64_t)w->why.retry_after * 1000 : (w->tries - 1) * 250;
            kf_work_after(e, w, wait, renew_post);
            return;
        }
        answer_later(e, w);
        return;
    case KF_REFRESH_LATER: answer_later(e, w); return;
    case KF_REFRESH_ENDED: answer_ended(e, w); return;
    case KF_REFRESH_OK: /* not with an error */
    case KF_REFRESH_ERROR: answer_refused(e, w); return;
    }
}

static void renew_post(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *none) {
    (void)blob;
    (void)none;
    kf_err moved;
    if (!kf_entry_bound(e, w->old)) { /* the settings changed since the lock */
        kf_fail(&moved, KF_ERR_WORKOS_ORIGIN, "the session belongs to %s", w->old->origin);
        kf_entry_trouble(e, KF_STATE_NEEDS_SIGN_IN, &moved);
        end_failed(e, &moved);
        return;
    }
    const kf_secret *key = e->prof.confidential ? e->api_key : NULL;
    KF_AUTO(kf_secret) body =
        kf_workos_refresh_body(w->old->client_id, key, w->old->refresh_token, kf_renew_organization(w));
    kf_http_req r = {.method = "POST", .origin = w->old->origin, .path = KF_WORKOS_AUTHENTICATE, .body = body,
                     .single_use = true, .timeout_ms = KF_POST_TIMEOUT_MS};
    w->tries++;
    w->post_ms = kf_boot_ms();
    w->http = kf_http_send(e->k->a->http, &r, renew_answer, e);
}

/* ---- before the POST ---- */

static void intent_written(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    if (err) fail_here(e, err);
    else renew_post(e, w, blob, NULL);
}

static bool same_host(const kf_entry *e, const kf_intent *i) {
    return kf_str_eq(i->host_id, e->k->host_id) && kf_str_eq(i->boot_id, e->k->boot_id);
}

static void probed(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    kf_intent *i = &w->ledger.intent;
    (void)blob;
    if (err) {
        fail_here(e, err);
        return;
    }
    int64_t now = kf_boot_ms();
    if (w->replay) { /* first sent by whoever wrote the intent */
        w->first_send_ms = same_host(e, i) ? i->boot_ms : now - (kf_unix_s() - i->unix_s) * 1000;
        renew_post(e, w, NULL, NULL);
        return;
    }
    w->first_send_ms = now;
    ledger_is(w, w->old);
    *i = (kf_intent){.set = true, .boot_ms = now, .unix_s = kf_unix_s()};
    memcpy(i->fp, w->ledger.fp, sizeof i->fp);
    memcpy(i->host_id, e->k->host_id, sizeof i->host_id);
    memcpy(i->boot_id, e->k->boot_id, sizeof i->boot_id);
    if (!kf_str_set(i->organization_id, sizeof i->organization_id, kf_renew_organization(w))) i->organization_id[0] = 0;
    kf_work_ledger_write(e, w, intent_written);
}

static size_t blob_size(const kf_session *s) {
    KF_AUTO(kf_secret) blob = kf_session_to_blob(s);
    return kf_secret_len(blob);
}

static void have_key(kf_entry *e, kf_work *w, const kf_secret *key, const kf_err *err) {
    (void)key; /* stays in the entry */
    (void)w;
    if (err) fail_here(e, err);
    else kf_work_reserve(e, blob_size(w->old), probed);
}

static void adopted_noted(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    (void)blob;
    (void)w;
    if (err) kf_log(KF_LOG_WARN, "profile %s: ledger: %s", e->prof.name, err->what);
    kf_work_end(e);
}

/* The store's session was accepted: which one counts, and is there still something to do? */
static void go_on(kf_entry *e, kf_work *w, kf_session *stored, kf_ledger_match match) {
    bool other = stored && !kf_secret_eq(stored->refresh_token, e->session->refresh_token);
    bool newer = stored && stored->generation > e->session->generation;
    if (newer || (other && (*w->ledger.fp || stored->generation == e->session->generation))) {
        kf_log(KF_LOG_INFO, "profile %s: another process renewed it", e->prof.name);
        kf_entry_set_session(e, stored);
        mark_renewed(e, false);
    } else {
        kf_session_free(stored);
    }
    if (!e->session) { /* moved meanwhile */
        end_failed(e, kf_entry_why(e));
        return;
    }
    if (!kf_entry_wants_renewal(e, true) && !kf_switch_open(e, w)) {
        if (match == KF_LEDGER_ADOPT || w->ledger.intent.set) {
            if (match != KF_LEDGER_REPLAY) {
                ledger_is(w, e->session);
                kf_work_ledger_write(e, w, adopted_noted);
                return;
            }
        }
        kf_work_end(e);
        return;
    }
    w->replay = match == KF_LEDGER_REPLAY;
    w->old = kf_session_copy(e->session);
    kf_work_key(e, have_key);
}

static void reread(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    kf_ledger_match match = KF_LEDGER_FRESH;
    kf_err bad;
    char fp[33];
    if (!e->session) {
        end_failed(e, kf_entry_why(e));
        return;
    }
    if (err && err->code == KF_ERR_STORE_NOT_FOUND) { /* signed out elsewhere, or taken out by hand */
        kf_fail(&bad, KF_ERR_WORKOS_NOT_SIGNED_IN, "the store has no session of %s any more", e->prof.name);
        e->session = kf_session_free(e->session);
        kf_entry_trouble(e, KF_STATE_NEEDS_SIGN_IN, &bad);
        end_failed(e, &bad);
        return;
    }
    if (err) {
        fail_here(e, err);
        return;
    }
    kf_session *s = kf_entry_accept(e, blob, &w->ledger, &match, &bad);
    if (s) {
        go_on(e, w, s, match);
        return;
    }
    kf_token_fp(e->session->refresh_token, fp);
    if (bad.code == KF_ERR_STORE_STALE && kf_str_eq(fp, w->ledger.fp)) {
        kf_log(KF_LOG_WARN, "profile %s: %s; the one in memory is the newest", e->prof.name, bad.what);
        go_on(e, w, NULL, w->ledger.intent.set && kf_str_eq(w->ledger.intent.fp, fp) ? KF_LEDGER_REPLAY : KF_LEDGER_FRESH);
        return;
    }
    e->free_retry = false;
    kf_entry_store_trouble(e, &bad);
    end_failed(e, &bad);
}

static void renew_locked(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    (void)blob;
    (void)w;
    if (err) fail_here(e, err);
    else kf_work_load(e, KF_KIND_SESSION, false, reread);
}

void kf_renew_start(kf_entry *e, kf_work *w) {
    if (e->session) kf_work_lock(e, w, renew_locked);
    else kf_work_end(e);
}

/* ---- saving again what could not be saved ---- */

static void save_again_failed(kf_entry *e, const kf_err *err) {
    kf_err why = *err;
    why.code = KF_ERR_STORE_UNSAVED;
    e->retry_at = kf_boot_ms() + kf_refresh_backoff_ms(e->fails++, -1, kf_keeper_dice());
    kf_entry_trouble(e, KF_STATE_UNSAVED, &why);
    end_failed(e, &why);
}

static void saved_again(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    if (!err) renew_publish(e, w, blob, NULL);
    else save_again_failed(e, err);
}

static void save_again_stored(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    (void)blob;
    if (err) {
        save_again_failed(e, err);
        return;
    }
    ledger_is(w, w->next);
    kf_work_ledger_write(e, w, saved_again);
}

static void save_again_locked(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    char fp[33];
    (void)blob;
    if (err) {
        save_again_failed(e, err);
        return;
    }
    if (!e->unsaved || !e->session) {
        kf_work_end(e);
        return;
    }
    w->next = kf_session_copy(e->session);
    kf_token_fp(w->next->refresh_token, fp);
    if (e->unsaved_sign_in) {
        w->next->generation = w->ledger.generation + 1;
    } else if (w->ledger.generation > w->next->generation ||
               (w->ledger.generation == w->next->generation && !kf_str_eq(w->ledger.fp, fp))) {
        kf_log(KF_LOG_WARN, "profile %s: somebody signed in meanwhile; the unsaved session is dropped", e->prof.name);
        e->unsaved = false;
        e->session = kf_session_free(e->session);
        e->loaded = false;
        kf_entry_trouble(e, KF_STATE_SIGNED_IN, NULL);
        kf_work_end(e);
        return;
    }
    KF_AUTO(kf_secret) next = kf_session_to_blob(w->next);
    kf_work_save(e, KF_KIND_SESSION, next, false, save_again_stored);
}

void kf_save_start(kf_entry *e, kf_work *w) { kf_work_lock(e, w, save_again_locked); }
