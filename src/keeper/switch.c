/* Another organization for a session: a renewal that names it (WORKOS.md §1.3). It takes the
 * same steps as every renewal, because it spends the refresh token as well. */
#include "keeper/keeper_impl.h"

#include <string.h>

enum { ROUNDS_MAX = 3 };

static bool is_there(const kf_entry *e, const kf_work *w) {
    return e->session && kf_str_eq(e->session->organization_id, w->organization);
}

bool kf_switch_open(const kf_entry *e, const kf_work *w) {
    return *w->organization && !is_there(e, w);
}

/* What was sent when the answer was lost is sent again while WorkOS would still answer the same;
 * after that nobody is to find himself in an organization that he was told he did not get into. */
const char *kf_renew_organization(const kf_work *w) {
    if (w->replay)
        return kf_boot_ms() - w->first_send_ms < KF_REPLAY_MAX_MS ? w->ledger.intent.organization_id
                                                                  : w->old->organization_id;
    return *w->organization ? w->organization : w->old->organization_id;
}

bool kf_switch_refused(const kf_work *w) {
    kf_err_code c = w->why.code;
    return *w->organization && !w->replay && kf_err_is(c, "workos") &&
           c != KF_ERR_WORKOS_INVALID_GRANT && c != KF_ERR_WORKOS_SESSION_ENDED &&
           c != KF_ERR_WORKOS_MISMATCH;
}

/* Behind a renewal that was not this one: once more. */
static void again(kf_entry *e, kf_work *w) {
    kf_work *next = kf_work_new(e->k, KF_WORK_RENEW);
    memcpy(next->organization, w->organization, sizeof next->organization);
    next->rounds = w->rounds + 1;
    next->done = KF_TAKE(w->done);
    next->user = w->user;
    g_queue_push_head(&e->queue, next);
}

void kf_switch_over(kf_entry *e, kf_work *w, const kf_err *err) {
    kf_err why;
    if (!*w->organization || !w->done) return;
    bool ours = w->sent && !w->replay; /* the answer was to this very wish */
    if (!err && !e->session) {
        kf_fail(&why, KF_ERR_WORKOS_NOT_SIGNED_IN, "%s has no session", e->prof.name);
        err = &why;
    } else if (!err && !is_there(e, w)) {
        if (!ours && w->rounds < ROUNDS_MAX) {
            again(e, w);
            return;
        }
        const char *where = e->session->organization_id;
        kf_fail(&why, KF_ERR_WORKOS_ORGANIZATION, "WorkOS answered for %.90s",
                *where ? where : "no organization");
        err = &why;
    }
    kf_keeper_answer_done(e->k, KF_TAKE(w->done), w->user, err);
}

void kf_keeper_switch(kf_keeper *k, const char *profile, const char *organization_id,
                      kf_keeper_done done, void *user) {
    kf_work *w = kf_work_new(k, KF_WORK_RENEW);
    w->done = done;
    w->user = user;
    if (!*organization_id ||
        !kf_str_set(w->organization, sizeof w->organization, organization_id)) {
        kf_err err;
        kf_fail(&err, KF_ERR_USAGE_BAD, "that is no organization");
        kf_keeper_answer_done(k, done, user, &err);
        kf_work_free(w);
        return;
    }
    kf_queue_work(k, profile, w);
}
