/* A renewal, in its order: lock, ledger, read the store again, API key, reserve the record's
 * place, intent, POST (keeper_post.c), save and read back, ledger, publish. Each function is one
 * step; its name says what has just happened or what is done. */
#include "keeper/keeper_impl.h"

#include <string.h>

/* ---- ends ---- */

void kf_back_off(kf_entry *e, const kf_err *err, bool sent) {
    int64_t now = kf_boot_ms();
    e->tried_at = now;
    e->retry_at = now + kf_refresh_backoff_ms(e->fails++, err->retry_after, kf_keeper_dice());
    if (e->urgent > now && err->retry_after <= 0 && e->retry_at > now + KF_ASK_AGAIN_MS)
        e->retry_at = now + KF_ASK_AGAIN_MS; /* no back-off is worth an answer */
    e->not_before = err->retry_after > 0 ? now + (int64_t)err->retry_after * 1000 : 0;
    e->free_retry = !sent;
    e->renewed_any = true;
    e->renewed_ok = false;
    kf_log(KF_LOG_INFO, "profile %s: no renewal (%s), next try in %lld ms", e->prof.name,
           kf_err_name(err->code), (long long)(e->retry_at - now));
}

void kf_renew_end_failed(kf_entry *e, const kf_err *err) {
    kf_err copy = *err;
    kf_entry_fail_waiters(e, &copy);
    kf_switch_over(e, e->work, &copy);
    kf_work_end(e);
}

/* Nothing was sent: this machine is the reason. */
static void fail_here(kf_entry *e, const kf_err *err) {
    kf_back_off(e, err, false);
    if (err->code != KF_ERR_SYS_LOCK_TIMEOUT) kf_entry_store_trouble(e, err);
    kf_renew_end_failed(e, err);
}

/* posted: there is no fresher token to be had; else another process renewed it. */
static void mark_renewed(kf_entry *e, bool posted) {
    for (guint i = 0; i < e->waiters->len; i++) {
        kf_waiter *w = g_ptr_array_index(e->waiters, i);
        w->renewed = true;
        w->freshest = posted;
    }
}

/* ---- after the answer: save, ledger, publish ---- */

static void renew_publish(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    /* the pair is saved under a higher generation than the ledger's: the next look adopts it */
    if (err) kf_log(KF_LOG_WARN, "profile %s: ledger: %s", e->prof.name, err->what);
    kf_second_remove(e);
    kf_entry_set_session(e, KF_TAKE(w->next));
    mark_renewed(e, w->sent);
    if (w->sent) kf_take_renewed(e, w->old);
    kf_work_end(e);
}

/* GetToken serves the new access token, because it is valid and the old one's session moved on; the
 * state says unsaved to everybody who looks, and the agent does not leave while it is so. */
static void renew_unsaved(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *why) {
    mark_renewed(e, true);
    kf_work_end(e);
}

static void renew_saved(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    if (err) {
        kf_save_failed(e, w, err, renew_unsaved);
        return;
    }
    kf_ledger_now(w, w->next);
    kf_work_ledger_write(e, w, renew_publish);
}

void kf_renew_won(kf_entry *e, kf_work *w) {
    int64_t g =
        w->old->generation > w->ledger.generation ? w->old->generation : w->ledger.generation;
    if (kf_person_take_refused(e, w)) return;
    e->renewed_any = e->renewed_ok = true;
    w->next->generation = g + 1;
    KF_AUTO(kf_secret) blob = kf_session_to_blob(w->next);
    kf_work_save(e, KF_KIND_SESSION, blob, false, renew_saved);
}

/* ---- the answer is no new pair ---- */

static void renew_later(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    if (err) kf_log(KF_LOG_WARN, "profile %s: ledger: %s", e->prof.name, err->what);
    kf_err why = w->why;
    kf_renew_end_failed(e, &why);
}

static bool may_be_spent(const kf_work *w) { return w->unproven || w->replay; }

static void clear_intent(kf_entry *e, kf_work *w, kf_step_fn next) {
    memset(&w->ledger.intent, 0, sizeof w->ledger.intent);
    kf_work_ledger_write(e, w, next);
}

/* The token may be spent, and WorkOS gives the pair again for a while. */
static void stay_urgent(kf_entry *e, const kf_work *w) {
    e->urgent = may_be_spent(w) ? w->first_send_ms + KF_REPLAY_MAX_MS : 0;
}

static void answer_later(kf_entry *e, kf_work *w) {
    stay_urgent(e, w);
    kf_back_off(e, &w->why, w->sent || w->replay);
    kf_entry_trouble(e, KF_STATE_OFFLINE, &w->why);
    if (may_be_spent(w)) renew_later(e, w, NULL, NULL); /* the same token again, or nothing */
    else clear_intent(e, w, renew_later);
}

/* The organization, not the session: everything stays as it was, but for the intent. */
static void switch_refused(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    if (err) kf_log(KF_LOG_WARN, "profile %s: ledger: %s", e->prof.name, err->what);
    kf_switch_over(e, w, &w->why);
    kf_work_end(e);
}

/* WorkOS itself says no, and not to this session: nothing more by itself. A caller whose token is
 * over is a reason to ask again, more and more seldom (keeper.c). */
static void answer_refused(kf_entry *e, kf_work *w) {
    if (kf_take_back(e, w)) return;
    int64_t now = kf_boot_ms();
    e->tried_at = now;
    e->retry_at = now + kf_refresh_refused_ms(e->refusals++);
    e->renewed_any = true;
    e->renewed_ok = e->free_retry = false;
    kf_entry_trouble(e, KF_STATE_ERROR, &w->why);
    if (may_be_spent(w)) renew_later(e, w, NULL, NULL);
    else clear_intent(e, w, renew_later);
}

static void renew_is_ended(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    if (err) kf_log(KF_LOG_WARN, "profile %s: ledger: %s", e->prof.name, err->what);
    kf_err why = w->why;
    e->urgent = 0;
    kf_entry_trouble(e, KF_STATE_NEEDS_SIGN_IN, &why);
    kf_renew_end_failed(e, &why);
}

/* The store once more, before a session is called ended: somebody else may have been faster. */
static void ended_reread(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    kf_ledger_match match;
    kf_session *s = err ? NULL : kf_entry_accept(e, blob, &w->ledger, &match, NULL);
    if (s && !kf_secret_eq(s->refresh_token, w->old->refresh_token)) {
        kf_log(KF_LOG_INFO, "profile %s: another process renewed it", e->prof.name);
        kf_ledger_now(w, s);
        w->next = s;
        w->sent = false;
        kf_work_ledger_write(e, w, renew_publish);
        return;
    }
    kf_session_free(s);
    e->renewed_any = true;
    e->renewed_ok = false;
    if (kf_take_back(e, w)) return;
    w->ledger = (kf_ledger){.generation = w->old->generation};
    kf_token_fp(w->old->refresh_token, w->ledger.fp);
    w->ledger.ended_at = kf_unix_s();
    /* remembered, so that no later agent spends the dead token again */
    if (!kf_str_set(w->ledger.ended, sizeof w->ledger.ended, kf_err_name(w->why.code)))
        w->ledger.ended[0] = 0;
    kf_work_ledger_write(e, w, renew_is_ended);
}

static void answer_ended(kf_entry *e, kf_work *w) {
    if (w->why.code == KF_ERR_WORKOS_INVALID_GRANT && (w->replay || w->tries > 1)) {
        kf_err plain = w->why;
        kf_fail(&w->why, KF_ERR_WORKOS_ANSWER_LOST, "%.200s", plain.what);
        w->why.status = plain.status;
        memcpy(w->why.upstream, plain.upstream, sizeof plain.upstream);
        memcpy(w->why.request_id, plain.request_id, sizeof plain.request_id);
    }
    kf_work_load(e, KF_KIND_SESSION, false, ended_reread);
}

void kf_renew_lost(kf_entry *e, kf_work *w) {
    if (kf_switch_refused(w)) {
        if (may_be_spent(w)) switch_refused(e, w, NULL, NULL);
        else clear_intent(e, w, switch_refused);
        return;
    }
    switch (w->verdict) {
    case KF_REFRESH_OK: /* not with an error */
    case KF_REFRESH_AGAIN_NOW:
    case KF_REFRESH_LATER: answer_later(e, w); return;
    case KF_REFRESH_ENDED: answer_ended(e, w); return;
    case KF_REFRESH_ERROR: answer_refused(e, w); return;
    }
}

/* ---- before the POST ---- */

static void intent_written(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    if (err) fail_here(e, err);
    else kf_post_start(e, w);
}

static void place_reserved(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    kf_intent *i = &w->ledger.intent;
    if (err) {
        fail_here(e, err);
        return;
    }
    int64_t now = kf_boot_ms();
    if (w->replay) { /* first sent by the writer of the intent */
        w->first_send_ms = now - kf_entry_intent_age(e, i);
        kf_post_start(e, w);
        return;
    }
    w->first_send_ms = now;
    w->ledger = (kf_ledger){.generation = w->old->generation};
    kf_token_fp(w->old->refresh_token, w->ledger.fp);
    *i = (kf_intent){.set = true, .boot_ms = now, .unix_s = kf_unix_s()};
    memcpy(i->fp, w->ledger.fp, sizeof i->fp);
    memcpy(i->host_id, e->k->host_id, sizeof i->host_id);
    memcpy(i->boot_id, e->k->boot_id, sizeof i->boot_id);
    const char *organization = kf_renew_organization(w);
    if (!kf_str_set(i->organization_id, sizeof i->organization_id, organization))
        i->organization_id[0] = 0;
    kf_work_ledger_write(e, w, intent_written);
}

static size_t blob_size(const kf_session *s) {
    KF_AUTO(kf_secret) blob = kf_session_to_blob(s);
    return kf_secret_len(blob);
}

static void have_key(kf_entry *e, kf_work *w, const kf_secret *key, const kf_err *err) {
    (void)key; /* stays in the entry */
    if (err) fail_here(e, err);
    else kf_work_reserve(e, blob_size(w->old), place_reserved);
}

static void adopted_noted(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
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
        if (w->second_used) kf_entry_from_second(e);
        mark_renewed(e, false);
    } else {
        kf_session_free(stored);
    }
    if (!e->session) { /* moved meanwhile */
        kf_renew_end_failed(e, kf_entry_why(e));
        return;
    }
    w->replay = match == KF_LEDGER_REPLAY;
    char fp[33];
    kf_token_fp(e->session->refresh_token, fp);
    const kf_intent *sent = w->replay ? kf_ledger_intent_for(&w->ledger, fp) : NULL;
    if (sent) w->ledger.intent = *sent; /* also when the store was rolled back to it */
    bool can_be_had = sent && kf_entry_intent_age(e, sent) < KF_REPLAY_MAX_MS;
    if (!can_be_had && !kf_entry_wants_renewal(e, true) && !kf_switch_open(e, w)) {
        e->urgent = 0;
        bool note = match == KF_LEDGER_ADOPT || (w->ledger.intent.set && !w->replay);
        if (w->store_is_old) {
            kf_entry_store_is_old(e);
            kf_work_end(e);
        } else if (note) {
            kf_ledger_now(w, e->session);
            kf_work_ledger_write(e, w, adopted_noted);
        } else {
            kf_work_end(e);
        }
        return;
    }
    w->old = kf_session_copy(e->session);
    kf_work_key(e, have_key);
}

/* The store went back. The ledger means the session in memory, or it could not be written and has
 * not heard of one as new. */
static bool is_memory_ahead(const kf_entry *e, const kf_work *w, const kf_session *stored) {
    char fp[33];
    kf_token_fp(e->session->refresh_token, fp);
    return e->session->generation > stored->generation &&
           (e->session->generation > w->ledger.generation || kf_str_eq(fp, w->ledger.fp)) &&
           !kf_secret_eq(stored->refresh_token, e->session->refresh_token);
}

static void reread(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    kf_ledger_match match = KF_LEDGER_FRESH;
    kf_err bad;
    char fp[33];
    if (!e->session) {
        kf_renew_end_failed(e, kf_entry_why(e));
        return;
    }
    if (err &&
        err->code == KF_ERR_STORE_NOT_FOUND) { /* signed out elsewhere, or taken out by hand */
        kf_fail(&bad, KF_ERR_WORKOS_NOT_SIGNED_IN, "the store has no session of %s any more",
                e->prof.name);
        e->session = kf_session_free(e->session);
        kf_entry_trouble(e, KF_STATE_NEEDS_SIGN_IN, &bad);
        kf_renew_end_failed(e, &bad);
        return;
    }
    if (err) {
        fail_here(e, err);
        return;
    }
    kf_session *s = kf_entry_accept(e, blob, &w->ledger, &match, &bad);
    bool ahead = s && is_memory_ahead(e, w, s);
    if (s && !ahead) {
        go_on(e, w, s, match);
        return;
    }
    if (ahead)
        kf_fail(&bad, KF_ERR_STORE_STALE, "the store went back to generation %lld",
                (long long)s->generation);
    kf_session_free(s);
    kf_token_fp(e->session->refresh_token, fp);
    bool rolled_back = bad.code == KF_ERR_STORE_STALE || bad.code == KF_ERR_STORE_LOST;
    if (ahead || (rolled_back && kf_str_eq(fp, w->ledger.fp))) {
        kf_log(KF_LOG_WARN, "profile %s: %s; the one in memory is the newest", e->prof.name,
               bad.what);
        w->store_is_old = true;
        bool sent = w->ledger.intent.set && kf_str_eq(w->ledger.intent.fp, fp);
        go_on(e, w, NULL, sent ? KF_LEDGER_REPLAY : KF_LEDGER_FRESH);
        return;
    }
    e->free_retry = false;
    kf_entry_store_trouble(e, &bad);
    kf_renew_end_failed(e, &bad);
}

static void renew_locked(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    if (err) fail_here(e, err);
    else kf_work_load(e, KF_KIND_SESSION, false, reread);
}

void kf_renew_start(kf_entry *e, kf_work *w) {
    if (e->session) kf_work_lock(e, w, renew_locked);
    else kf_work_end(e);
}

void kf_renew_give_up(kf_entry *e) {
    kf_work *w = e->work;
    kf_err err;
    if (!w || w->kind != KF_WORK_RENEW || !kf_post_open(w)) return;
    kf_post_cancel(e->k, w);
    kf_fail(&err, KF_ERR_SYS_CANCELLED, "another session takes the place of this one");
    kf_renew_end_failed(e, &err);
}
