/* Does the session still live? An access token says only when it will be over at the latest. With
 * the API key WorkOS's list of sessions tells; without one, only a renewal does. */
#include "agent/methods.h"

#include "agent/ask.h"
#include "keeper/keeper.h"
#include "base/str.h"

static kf_json *answer(const char *how) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "how", how);
    return j;
}

static void renewed(void *user, const kf_token *t, const kf_err *err) {
    if (t) kf_call_reply(user, answer("renewal"));
    else kf_call_fail(user, err);
}

static void renew(kf_agent *a, kf_call *call, const char *id) {
    kf_keeper_token(a->keeper, id, -1, true, renewed, call);
}

/* err NULL: it is another session by now, which WorkOS has just made. */
static void session_over(void *user, const kf_err *err) {
    if (err) kf_call_fail(user, err);
    else kf_call_reply(user, answer("sessions"));
}

static void listed(kf_asking *q) {
    const kf_json *s = kf_account_find(q->list, q->sid);
    const char *status = kf_json_str_or(s, "status", "");
    if (kf_str_eq(status, "active")) {
        kf_call_reply(q->call, answer("sessions"));
    } else if (kf_str_eq(status, "revoked") || kf_str_eq(status, "expired")) {
        kf_err why;
        kf_fail(&why, KF_ERR_WORKOS_SESSION_ENDED, "WorkOS says it is %s", status);
        kf_keeper_session_over(q->a->keeper, q->profile, q->sid, &why, session_over, q->call);
    } else { /* not listed, or a word of a later WorkOS: what a renewal says counts */
        renew(q->a, q->call, q->profile);
    }
}

static void check(kf_asking *q) {
    if (*q->sid) {
        kf_ask_list(q, KF_LIST_SESSIONS, listed);
        return;
    }
    renew(q->a, q->call, q->profile);
}

void kf_method_check_session(kf_agent *a, kf_call *call) {
    const kf_conf_profile *c = kf_conf_find(a->conf, kf_call_str(call, "profile", ""));
    kf_err err;
    kf_secret *given = kf_ask_take_key(call, c, &err);
    if (err.code != KF_ERR_NONE) kf_call_fail(call, &err);
    else if (c && !c->confidential && !given) renew(a, call, c->id);
    else kf_ask_begin_with(a, call, given, check);
}
