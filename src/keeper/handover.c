/* A session that moves to another program. Nobody renews until the client confirms that it is
 * safely written. Then it is forgotten here, and WorkOS is not told, because the session lives
 * on. Without a confirmation within HOLD_MS everything stays as it was. */
#include "keeper/keeper_impl.h"

#include <string.h>

enum { HOLD_MS = 30 * 1000 };

static void give_up(kf_entry *e, kf_work *w, const kf_err *err) {
    kf_waiter asker = {.done = w->token_done, .user = w->user};
    kf_entry_answer(e, &asker, err);
    w->token_done = NULL;
    kf_work_end(e);
}

static void time_over(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    kf_log(KF_LOG_WARN, "profile %s: nobody confirmed the hand-over; the session stays",
           e->prof.name);
    kf_work_end(e);
}

static void found(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    kf_err bad;
    kf_ledger_match match;
    kf_session *s = err ? NULL : kf_entry_accept(e, blob, &w->ledger, &match, &bad);
    if (!s) {
        bad = err ? *err : bad;
        if (err && err->code == KF_ERR_STORE_NOT_FOUND)
            kf_fail(&bad, KF_ERR_WORKOS_NOT_SIGNED_IN, "%s has no session", e->prof.name);
    } else if (s->unverified || !s->refresh_token) {
        kf_fail(&bad, KF_ERR_WORKOS_NOT_SIGNED_IN, "the token of %s was not tried yet",
                e->prof.name);
        s = kf_session_free(s);
    } else if (w->second_used) {
        kf_fail(&bad, KF_ERR_STORE_UNSAVED, "of %s", e->prof.name);
        s = kf_session_free(s);
    } else if (match == KF_LEDGER_REPLAY) { /* its refresh token may be spent already */
        kf_fail(&bad, KF_ERR_STORE_UNSAVED, "a renewal of %s was interrupted", e->prof.name);
        kf_hint(&bad, "Run: keyfob renew %s, and then this again.", e->prof.name);
        s = kf_session_free(s);
    }
    if (!s) {
        give_up(e, w, &bad);
        return;
    }
    if (!e->session || e->session->generation != s->generation) kf_entry_set_session(e, s);
    else kf_session_free(s);
    w->held = true;
    kf_waiter asker = {.done = w->token_done, .user = w->user};
    kf_entry_answer(e, &asker, NULL);
    w->token_done = NULL;
    kf_work_after(e, w, HOLD_MS, time_over);
}

static void locked(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    kf_err bad;
    if (!err && !e->unsaved) {
        kf_work_load(e, KF_KIND_SESSION, false, found);
        return;
    }
    if (err) bad = *err;
    else kf_fail(&bad, KF_ERR_STORE_UNSAVED, "of %s", e->prof.name);
    give_up(e, w, &bad);
}

void kf_hand_over_start(kf_entry *e, kf_work *w) { kf_work_lock(e, w, locked); }

uint32_t kf_keeper_hand_over(kf_keeper *k, const char *profile, kf_token_done done, void *user) {
    kf_entry *e = kf_entry_find(k, profile);
    if (!e) return 0;
    kf_work *w = kf_work_new(k, KF_WORK_HAND_OVER);
    uint32_t serial = w->serial;
    w->token_done = done;
    w->user = user;
    kf_queue_work(k, profile, w);
    return serial;
}

bool kf_keeper_hand_over_end(kf_keeper *k, const char *profile, uint32_t serial, bool taken,
                             kf_keeper_done done, void *user) {
    kf_entry *e = kf_entry_by_id(k, profile); /* also one that is leaving */
    if (!e) e = kf_entry_find(k, profile);
    kf_work *w = e ? e->work : NULL;
    if (!w || w->serial != serial || !w->held) return false;
    w->held = false;
    kf_loop_cancel(k->env.loop, w->timer);
    w->timer = 0;
    if (!taken) {
        kf_work_end(e);
        return true;
    }
    w->done = done;
    w->user = user;
    kf_handed_over_forget(e, w);
    return true;
}
