/* A person's organizations and sessions at WorkOS, and a refresh token from elsewhere. */
#include "agent/methods.h"

#include "agent/ask.h"
#include "agent/profile_json.h"
#include "keeper/keeper.h"
#include "agent/stream.h"
#include "auth/workos.h"
#include "base/mem.h"
#include "base/str.h"

enum { TOKEN_MAX = 4096 };

/* --- organizations -------------------------------------------------------------------------------
 */

static kf_json *named(const char *key, kf_json *value) {
    kf_json *j = kf_json_obj();
    kf_json_set(j, key, value);
    return j;
}

static void organizations_here(kf_asking *q) {
    kf_stream_list(q->call, "organizations", KF_TAKE(q->list));
}
static void list_organizations(kf_asking *q) {
    kf_ask_list(q, KF_LIST_ORGANIZATIONS, organizations_here);
}

void kf_method_list_organizations(kf_agent *a, kf_call *call) {
    kf_ask_begin(a, call, list_organizations);
}

/* --- sessions ------------------------------------------------------------------------------------
 */

static kf_json *sessions_marked(const kf_asking *q) {
    kf_json *list = kf_json_arr();
    for (const kf_json *i = kf_json_first(q->list); i; i = kf_json_next(i)) {
        kf_json *one = kf_json_copy(i);
        kf_json_set_bool(one, "current", *q->sid && kf_str_eq(kf_json_str(one, "id"), q->sid));
        kf_json_add(list, one);
    }
    return list;
}

static void sessions_here(kf_asking *q) { kf_stream_list(q->call, "sessions", sessions_marked(q)); }
static void list_sessions(kf_asking *q) { kf_ask_list(q, KF_LIST_SESSIONS, sessions_here); }

void kf_method_list_sessions(kf_agent *a, kf_call *call) { kf_ask_begin(a, call, list_sessions); }

static void revoke_next(kf_asking *q);

static void revoked(kf_asking *q, int status, const kf_json *body) {
    q->done++;
    revoke_next(q);
}

/* Those that are to end: the one that was named, or all that live but ours. */
static bool is_meant(const kf_asking *q, const kf_json *session) {
    const char *named_one = kf_call_str(q->call, "session", ""), *id = kf_json_str(session, "id");
    if (*named_one) return kf_str_eq(id, named_one);
    return kf_str_eq(kf_json_str(session, "status"), "active") && !kf_str_eq(id, q->sid);
}

static void revoke_next(kf_asking *q) {
    size_t n = 0;
    const kf_json *i = kf_json_first(q->list);
    for (; i && (n < q->at || !is_meant(q, i)); i = kf_json_next(i)) n++;
    if (!i) {
        kf_json *j = kf_json_obj();
        kf_json_set_int(j, "revoked", (int64_t)q->done);
        kf_call_reply(q->call, j);
        return;
    }
    q->at = n + 1;
    kf_ask_send(q, "POST", kf_issuer_path(&kf_workos, KF_AT_REVOKE, NULL),
                kf_account_revoke_body(kf_json_str(i, "id")), revoked);
}

static void sessions_to_revoke(kf_asking *q) {
    const char *id = kf_call_str(q->call, "session", "");
    kf_err err;
    if (*id && !kf_account_find(q->list, id)) { /* the key could end anybody's */
        kf_fail(&err, KF_ERR_USAGE_NOT_FOUND, "%s has no session %.95s", q->name, id);
        kf_call_fail(q->call, &err);
    } else if (!*id && !*q->sid) {
        kf_fail(&err, KF_ERR_WORKOS_REFUSED,
                "the token of %s names no session, so there are no others", q->name);
        kf_call_fail(q->call, &err);
    } else {
        revoke_next(q);
    }
}

static void revoke(kf_asking *q) {
    const char *id = kf_call_str(q->call, "session", "");
    bool others = kf_call_bool(q->call, "others", false);
    kf_err err = {0};
    if (!*id == !others)
        kf_fail(&err, KF_ERR_USAGE_BAD, "which session is to end: one, or all others");
    else if (*id && kf_str_eq(id, q->sid)) {
        kf_fail(&err, KF_ERR_USAGE_BAD, "that is the session of %s itself", q->name);
        kf_hint(&err, "Sign out to end it.");
    }
    if (err.code) kf_call_fail(q->call, &err);
    else kf_ask_list(q, KF_LIST_SESSIONS, sessions_to_revoke);
}

void kf_method_revoke_session(kf_agent *a, kf_call *call) { kf_ask_begin(a, call, revoke); }

/* --- another organization, a token from elsewhere ------------------------------------------------
 */

static const kf_conf_profile *profile_of(kf_agent *a, kf_call *call) {
    const char *name = kf_call_str(call, "profile", "");
    const kf_conf_profile *c = kf_conf_find(a->conf, name);
    kf_err err;
    if (c) return c;
    kf_fail(&err, KF_ERR_USAGE_NO_PROFILE, "%.64s", name);
    kf_call_fail(call, &err);
    return NULL;
}

/* The name may become another profile's while the call waits: it keeps the id. */
static const char *keep_id(kf_call *call, const kf_conf_profile *c) {
    kf_call_keep(call, kf_strdup(c->id), free);
    return kf_call_kept(call);
}

static void answer_profile(kf_call *call, const kf_err *err) {
    kf_agent *a = kf_call_host(call);
    kf_json *one = err ? NULL : kf_profile_json(a->keeper, kf_call_kept(call));
    kf_err gone;
    if (!err && !one) {
        kf_fail(&gone, KF_ERR_USAGE_NO_PROFILE, "the profile was removed");
        err = &gone;
    }
    if (err) kf_call_fail(call, err);
    else kf_call_reply(call, named("profile", one));
}

static void switched(void *user, const kf_err *err) { answer_profile(user, err); }

static void session_loaded(void *user, const kf_token *t, const kf_err *err) {
    kf_call *call = user;
    kf_agent *a = kf_call_host(call);
    if (!t) answer_profile(call, err);
    else
        kf_keeper_switch(a->keeper, kf_call_kept(call), kf_call_str(call, "organization_id", ""),
                         switched, call);
}

void kf_method_switch_organization(kf_agent *a, kf_call *call) {
    const char *org = kf_call_str(call, "organization_id", "");
    const kf_conf_profile *c = profile_of(a, call);
    kf_err err;
    if (!c) return;
    if (!kf_account_id_ok(org)) {
        kf_fail(&err, KF_ERR_USAGE_BAD, "%.95s is no organization ID (org_...)", org);
        kf_call_fail(call, &err);
        return;
    }
    kf_keeper_session(a->keeper, keep_id(call, c), session_loaded, call);
}

static void token_renewed(void *user, const kf_token *t, const kf_err *err) {
    answer_profile(user, t ? NULL : err);
}

static void token_stored(void *user, const kf_err *err) {
    kf_call *call = user;
    kf_agent *a = kf_call_host(call);
    if (err) answer_profile(call, err);
    else kf_keeper_token(a->keeper, kf_call_kept(call), -1, true, token_renewed, call);
}

/* One line of visible ASCII: it goes into a request, and is not to be guessed at. */
static bool token_ok(const char *s, kf_err *err) {
    size_t n = strlen(s);
    if (!n) return kf_fail(err, KF_ERR_USAGE_BAD, "there is no token");
    if (n > TOKEN_MAX)
        return kf_fail(err, KF_ERR_USAGE_BAD, "a refresh token has at most %d characters",
                       TOKEN_MAX);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] <= 0x20 || (unsigned char)s[i] >= 0x7f)
            return kf_fail(err, KF_ERR_USAGE_BAD,
                           "a refresh token has no blanks in it, nor other than ASCII characters");
    return kf_str_starts(s, "sk_")
               ? kf_fail(err, KF_ERR_USAGE_BAD, "that is an API key, not a refresh token")
               : true;
}

void kf_method_take_token(kf_agent *a, kf_call *call) {
    const kf_conf_profile *c = profile_of(a, call);
    kf_err err;
    if (!c) return;
    bool ok = token_ok(kf_call_str(call, "refresh_token", ""), &err);
    if (ok && !kf_client_id_ok(c->client_id))
        ok = kf_fail(&err, KF_ERR_USAGE_NO_CLIENT_ID, "%s has no client ID", c->name);
    if (!ok) {
        kf_call_fail(call, &err);
        return;
    }
    KF_AUTO(kf_secret) token = kf_call_take_secret(call, "refresh_token");
    kf_keeper_take(a->keeper, keep_id(call, c), token, kf_call_bool(call, "as_other_user", false),
                   token_stored, call);
}
