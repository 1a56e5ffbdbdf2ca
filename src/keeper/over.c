/* A session that WorkOS calls over when a person asks about it. It ends here like a refused
 * renewal: the store is read again first, the ledger notes the end, and nothing is deleted. */
#include "keeper/keeper_impl.h"

#include <string.h>

static void over_noted(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    kf_err why = w->why;
    if (err) kf_log(KF_LOG_WARN, "profile %s: ledger: %s", e->prof.name, err->what);
    kf_entry_trouble(e, KF_STATE_NEEDS_SIGN_IN, &why);
    kf_keeper_answer_done(e->k, KF_TAKE(w->done), w->user, &why);
    kf_entry_fail_waiters(e, &why);
    kf_work_end(e);
}

static void over_end(kf_entry *e, kf_work *w, const kf_err *err) {
    kf_keeper_answer_done(e->k, KF_TAKE(w->done), w->user, err);
    kf_work_end(e);
}

static void over_reread(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    kf_ledger_match match;
    kf_err bad;
    kf_session *s = err ? NULL : kf_entry_accept(e, blob, &w->ledger, &match, &bad);
    if (!s) { /* gone, ended or stale already: the next who looks is told so */
        if (err) bad = *err;
        if (bad.code == KF_ERR_STORE_NOT_FOUND)
            kf_fail(&bad, KF_ERR_WORKOS_NOT_SIGNED_IN, "the store has no session of %s any more",
                    e->prof.name);
        e->loaded = e->unsaved;
        over_end(e, w, &bad);
        return;
    }
    bool newer = !e->session || !kf_secret_eq(s->refresh_token, e->session->refresh_token);
    if (newer && !e->unsaved) kf_entry_set_session(e, s);
    else kf_session_free(s);
    if (!e->session || e->unsaved ||
        !kf_str_eq(e->session->claims.sid, w->sid)) { /* somebody signed in meanwhile */
        over_end(e, w, NULL);
        return;
    }
    w->ledger = (kf_ledger){.generation = e->session->generation, .ended_at = kf_unix_s()};
    kf_token_fp(e->session->refresh_token, w->ledger.fp);
    if (!kf_str_set(w->ledger.ended, sizeof w->ledger.ended, kf_err_name(w->why.code)))
        w->ledger.ended[0] = 0;
    kf_work_ledger_write(e, w, over_noted);
}

static void over_locked(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    if (err) over_end(e, w, err);
    else kf_work_load(e, KF_KIND_SESSION, false, over_reread);
}

void kf_over_start(kf_entry *e, kf_work *w) { kf_work_lock(e, w, over_locked); }

void kf_keeper_session_over(kf_keeper *k, const char *profile, const char *sid, const kf_err *why,
                            kf_keeper_done done, void *user) {
    kf_work *w = kf_work_new(k, KF_WORK_OVER);
    w->why = *why;
    w->done = done;
    w->user = user;
    if (!kf_str_set(w->sid, sizeof w->sid, sid)) w->sid[0] = 0;
    kf_queue_work(k, profile, w);
}
