/* A profile belongs to one person of one environment. A sign-in as another person is refused,
 * because it would replace and revoke the session that is there. */
#include "keeper/keeper_impl.h"

#include <string.h>

static void fail_other(const kf_entry *e, const kf_person *owner, const kf_person *now,
                       kf_person_is is, kf_err *err) {
    if (is == KF_PERSON_ELSEWHERE)
        kf_fail(err, KF_ERR_WORKOS_OTHER_USER, "%s has a session of %.70s at %.90s, not of %.70s",
                e->prof.name, owner->client_id, owner->origin, now->client_id);
    else
        kf_fail(err, KF_ERR_WORKOS_OTHER_USER, "%s belongs to %.80s, and %.80s signed in",
                e->prof.name, kf_person_word(owner), kf_person_word(now));
}

static bool is_others(kf_entry *e, const kf_person *owner, const kf_session *next, kf_err *err) {
    kf_person now;
    if (!kf_person_of(next, &now)) return false;
    kf_person_is is = kf_person_compare(owner, &now);
    if (is == KF_PERSON_SAME) return false;
    fail_other(e, owner, &now, is, err);
    if (!e->owner) e->owner = g_new(kf_person, 1);
    *e->owner = *owner;
    kf_log(KF_LOG_WARN, "profile %s: the sign-in was by another person", e->prof.name);
    return true;
}

bool kf_person_in_the_way(kf_entry *e, const kf_session *old, const kf_session *next, kf_err *err) {
    kf_person owner;
    bool signed_out = e->trouble.state == KF_STATE_SIGNED_OUT;
    return old && !signed_out && kf_person_of(old, &owner) && is_others(e, &owner, next, err);
}

bool kf_person_hinted_in_the_way(kf_entry *e, const kf_session *next, kf_err *err) {
    const kf_profile_row *h = e->hint;
    kf_person owner = {0};
    if (!h || !*h->email || kf_str_eq(h->state, kf_state_name(KF_STATE_SIGNED_OUT))) return false;
    bool fits = kf_str_set(owner.email, sizeof owner.email, h->email) &&
                kf_str_set(owner.name, sizeof owner.name, h->user_name) &&
                kf_str_set(owner.client_id, sizeof owner.client_id, h->client_id);
    return fits && is_others(e, &owner, next, err);
}

bool kf_keeper_owner(const kf_keeper *k, const char *profile, kf_person *out) {
    const kf_entry *e = kf_entry_find((kf_keeper *)k, profile);
    if (!e || !e->owner) return false;
    *out = *e->owner;
    return true;
}

bool kf_person_take_refused(kf_entry *e, kf_work *w) {
    kf_person owner;
    bool guarded = w->old->unverified && w->old->previous && !w->old->any_user;
    if (!guarded || !kf_person_of(w->old, &owner) || !is_others(e, &owner, w->next, &w->why))
        return false;
    KF_AUTO(kf_session) theirs = KF_TAKE(w->next);
    if (!kf_take_back(e, w)) { /* what was before is damaged: the pair at hand is the only one */
        w->next = KF_TAKE(theirs);
        return false;
    }
    kf_side_revoke(e->k, e, theirs, e->api_key);
    return true;
}
