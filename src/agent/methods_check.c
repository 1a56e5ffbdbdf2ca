/* Does the session still live? An access token says only when it will be over at the latest. With
 * the API key WorkOS's list of sessions tells; without one, only a renewal does. */
#include "agent/methods.h"

#include "agent/ask.h"
#include "keeper/keeper.h"
#include "agent/server.h"
#include "base/mem.h"
#include "base/str.h"

typedef struct caller {
    kf_agent *a;
    uint32_t conn;
    char profile[17], name[65];
} caller;

static caller *caller_new(kf_agent *a, uint32_t conn, const char *id, const char *name) {
    caller *c = kf_new(caller);
    *c = (caller){.a = a, .conn = conn};
    if (!kf_str_set(c->profile, sizeof c->profile, id) ||
        !kf_str_set(c->name, sizeof c->name, name))
        abort();
    return c;
}

static kf_json *answer(const char *how) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "how", how);
    return j;
}

static void renewed(void *user, const kf_token *t, const kf_err *err) {
    caller *c = user;
    if (t) kf_server_reply(c->a->server, c->conn, answer("renewal"), false);
    else kf_server_error(c->a->server, c->conn, err);
    free(c);
}

static void renew(kf_agent *a, uint32_t conn, const char *id, const char *name) {
    kf_keeper_token(a->keeper, id, -1, true, renewed, caller_new(a, conn, id, name));
}

/* err NULL: it is another session by now, which WorkOS has just made. */
static void over(void *user, const kf_err *err) {
    caller *c = user;
    if (err) kf_server_error(c->a->server, c->conn, err);
    else kf_server_reply(c->a->server, c->conn, answer("sessions"), false);
    free(c);
}

static void listed(kf_asking *q) {
    const kf_json *s = kf_account_find(q->list, q->sid);
    const char *status = kf_json_str_or(s, "status", "");
    if (kf_str_eq(status, "active")) {
        kf_ask_reply(q, answer("sessions"));
    } else if (kf_str_eq(status, "revoked") || kf_str_eq(status, "expired")) {
        kf_err why;
        kf_fail(&why, KF_ERR_WORKOS_SESSION_ENDED, "WorkOS says it is %s", status);
        kf_keeper_session_over(q->a->keeper, q->profile, q->sid, &why, over,
                               caller_new(q->a, q->conn, q->profile, q->name));
        kf_ask_end(q);
    } else { /* not listed, or a word of a later WorkOS: what a renewal says counts */
        renew(q->a, q->conn, q->profile, q->name);
        kf_ask_end(q);
    }
}

static void check(kf_asking *q) {
    if (*q->sid) {
        kf_ask_list(q, KF_LIST_SESSIONS, listed);
        return;
    }
    renew(q->a, q->conn, q->profile, q->name);
    kf_ask_end(q);
}

void kf_method_check_session(kf_agent *a, uint32_t conn, const kf_json *p, bool more) {
    const kf_conf_profile *c = kf_conf_find(a->conf, kf_json_str_or(p, "profile", ""));
    if (c && !c->confidential) renew(a, conn, c->id, c->name);
    else kf_ask_begin(a, conn, p, more, check);
}
