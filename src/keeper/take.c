/* A refresh token that came from elsewhere. It is stored before it is tried, so that it is never
 * spent before its successor can be kept. The session that it replaces is kept until WorkOS
 * accepts the token. */
#include "keeper/keeper_impl.h"

#include <string.h>

void kf_keeper_take(kf_keeper *k, const char *profile, const kf_secret *refresh_token,
                    bool any_user, kf_keeper_done done, void *user) {
    kf_entry *e = kf_entry_find(k, profile);
    kf_moment now = kf_keeper_now(k, 0);
    kf_session *s =
        e ? kf_session_unverified(refresh_token, e->prof.api_host, e->prof.client_id, &now) : NULL;
    kf_err err;
    if (s) {
        s->any_user = any_user;
        kf_keeper_adopt(k, profile, s, true, true, done, user); /* whose it is, is not known yet */
        return;
    }
    if (e) kf_fail(&err, KF_ERR_SYS_BUG, "%s: host or client ID too long", e->prof.name);
    else kf_fail_no_profile(&err, profile);
    kf_keeper_answer_done(k, done, user, &err);
}

kf_secret *kf_take_previous(kf_entry *e, kf_work *w, const kf_secret *blob) {
    kf_ledger_match match;
    if (e->session && e->unsaved && !e->session->unverified) return kf_session_to_blob(e->session);
    if (!blob) return NULL;
    KF_AUTO(kf_session) s = kf_entry_accept(e, blob, &w->ledger, &match, NULL);
    if (!s) return NULL; /* ended, or not to be used */
    return s->unverified ? kf_secret_copy(s->previous) : kf_secret_copy(blob);
}

void kf_take_renewed(kf_entry *e, const kf_session *unverified) {
    if (!unverified || !unverified->previous || !e->session || !e->api_key) return;
    KF_AUTO(kf_session) old = kf_session_from_blob(unverified->previous, NULL);
    if (old && kf_entry_bound(e, old) && *old->claims.sid &&
        !kf_str_eq(old->claims.sid, e->session->claims.sid))
        kf_side_revoke(e->k, e, old, e->api_key);
}

/* ---- WorkOS did not take it ---- */

static void put_back(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    kf_err why = w->why;
    if (err) kf_log(KF_LOG_WARN, "profile %s: ledger: %s", e->prof.name, err->what);
    kf_entry_set_session(e, KF_TAKE(w->next));
    kf_entry_fail_waiters(e, &why);
    kf_work_end(e);
}

static void held_again(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *why) {
    kf_entry_fail_waiters(e, why);
    kf_work_end(e);
}

static void stored_again(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    if (!err) {
        w->ledger = (kf_ledger){.generation = w->next->generation};
        kf_token_fp(w->next->refresh_token, w->ledger.fp);
        kf_work_ledger_write(e, w, put_back);
        return;
    }
    kf_save_failed(e, w, err, held_again);
}

bool kf_take_back(kf_entry *e, kf_work *w) {
    kf_session *s = w->old->unverified && w->old->previous
                        ? kf_session_from_blob(w->old->previous, NULL)
                        : NULL;
    if (!s) return false;
    kf_log(KF_LOG_INFO, "profile %s: the token was not taken; the session before it is put back",
           e->prof.name);
    s->generation =
        (w->old->generation > w->ledger.generation ? w->old->generation : w->ledger.generation) + 1;
    w->next = s;
    KF_AUTO(kf_secret) blob = kf_session_to_blob(s);
    kf_work_save(e, KF_KIND_SESSION, blob, false, stored_again);
    return true;
}
