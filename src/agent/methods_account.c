/* A person's organizations and sessions at WorkOS, and a refresh token from elsewhere. */
#include "agent/methods.h"

#include "agent/ask.h"
#include "keeper/keeper.h"
#include "agent/part.h"
#include "agent/profile_json.h"
#include "agent/server.h"
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

/* A list in frames: the next one when the last has left, so that they never pile up. */
typedef struct list_stream {
    kf_agent *a;
    uint32_t conn;
    const char *key;
    kf_json *list;
    const kf_json *at;
} list_stream;

static void stream_free(void *user) {
    list_stream *t = user;
    kf_json_free(t->list);
    free(t);
}

static void stream_part(void *user) {
    list_stream *t = user;
    kf_part part = kf_part_new();
    for (; t->at && kf_part_has_room(&part); t->at = kf_json_next(t->at))
        kf_part_add(&part, kf_json_copy(t->at));
    bool more = t->at != NULL;
    kf_server_reply(t->a->server, t->conn, named(t->key, part.items), more);
    if (more) kf_server_when_sent(t->a->server, t->conn, stream_part, stream_free, t);
    else stream_free(t);
}

/* list owned. Called with more: in parts, so that no frame is too long. */
static void reply_list(kf_asking *q, const char *key, kf_json *list) {
    if (!q->more) {
        kf_ask_reply(q, named(key, list));
        return;
    }
    list_stream *t = malloc(sizeof *t);
    if (!t) abort();
    *t = (list_stream){q->a, q->conn, key, list, kf_json_first(list)};
    kf_ask_end(q); /* the stream answers from here on */
    stream_part(t);
}

static void organizations_here(kf_asking *q) { reply_list(q, "organizations", KF_TAKE(q->list)); }
static void list_organizations(kf_asking *q) {
    kf_ask_list(q, KF_LIST_ORGANIZATIONS, organizations_here);
}

void kf_method_list_organizations(kf_agent *a, uint32_t conn, const kf_json *p, bool more) {
    kf_ask_begin(a, conn, p, more, list_organizations);
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

static void sessions_here(kf_asking *q) { reply_list(q, "sessions", sessions_marked(q)); }
static void list_sessions(kf_asking *q) { kf_ask_list(q, KF_LIST_SESSIONS, sessions_here); }

void kf_method_list_sessions(kf_agent *a, uint32_t conn, const kf_json *p, bool more) {
    kf_ask_begin(a, conn, p, more, list_sessions);
}

static void revoke_next(kf_asking *q);

static void revoked(kf_asking *q, int status, const kf_json *body) {
    q->done++;
    revoke_next(q);
}

/* Those that are to end: the one that was named, or all that live but ours. */
static bool is_meant(const kf_asking *q, const kf_json *session) {
    const char *named_one = kf_json_str_or(q->params, "session", ""),
               *id = kf_json_str(session, "id");
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
        kf_ask_reply(q, j);
        return;
    }
    q->at = n + 1;
    kf_ask_send(q, "POST", kf_strdup(KF_ACCOUNT_REVOKE),
                kf_account_revoke_body(kf_json_str(i, "id")), revoked);
}

static void sessions_to_revoke(kf_asking *q) {
    const char *id = kf_json_str_or(q->params, "session", "");
    kf_err err;
    if (*id && !kf_account_find(q->list, id)) { /* the key could end anybody's */
        kf_fail(&err, KF_ERR_USAGE_NOT_FOUND, "%s has no session %.95s", q->name, id);
        kf_ask_fail(q, &err);
    } else if (!*id && !*q->sid) {
        kf_fail(&err, KF_ERR_WORKOS_REFUSED,
                "the token of %s names no session, so there are no others", q->name);
        kf_ask_fail(q, &err);
    } else {
        revoke_next(q);
    }
}

static void revoke(kf_asking *q) {
    const char *id = kf_json_str_or(q->params, "session", "");
    bool others = kf_json_bool(q->params, "others", false);
    kf_err err = {0};
    if (!*id == !others)
        kf_fail(&err, KF_ERR_USAGE_BAD, "which session is to end: one, or all others");
    else if (*id && kf_str_eq(id, q->sid)) {
        kf_fail(&err, KF_ERR_USAGE_BAD, "that is the session of %s itself", q->name);
        kf_hint(&err, "Sign out to end it.");
    }
    if (err.code) kf_ask_fail(q, &err);
    else kf_ask_list(q, KF_LIST_SESSIONS, sessions_to_revoke);
}

void kf_method_revoke_session(kf_agent *a, uint32_t conn, const kf_json *p, bool more) {
    kf_ask_begin(a, conn, p, more, revoke);
}

/* --- another organization, a token from elsewhere ------------------------------------------------
 */

typedef struct caller {
    kf_agent *a;
    uint32_t conn;
    char profile[17], organization[96];
} caller;

static caller *caller_new(kf_agent *a, uint32_t conn, const kf_conf_profile *c) {
    caller *k = kf_new(caller);
    *k = (caller){.a = a, .conn = conn};
    memcpy(k->profile, c->id, sizeof k->profile);
    return k;
}

static const kf_conf_profile *profile_of(kf_agent *a, uint32_t conn, const kf_json *p) {
    const char *name = kf_json_str_or(p, "profile", "");
    const kf_conf_profile *c = kf_conf_find(a->conf, name);
    kf_err err;
    if (c) return c;
    kf_fail(&err, KF_ERR_USAGE_NO_PROFILE, "%.64s", name);
    kf_server_error(a->server, conn, &err);
    return NULL;
}

static void answer(caller *k, const kf_err *err) {
    kf_json *one = err ? NULL : kf_profile_json(k->a->keeper, k->profile);
    kf_err gone;
    if (!err && !one) {
        kf_fail(&gone, KF_ERR_USAGE_NO_PROFILE, "the profile was removed");
        err = &gone;
    }
    if (err) kf_server_error(k->a->server, k->conn, err);
    else kf_server_reply(k->a->server, k->conn, named("profile", one), false);
    free(k);
}

static void switched(void *user, const kf_err *err) { answer(user, err); }

static void session_loaded(void *user, const kf_token *t, const kf_err *err) {
    caller *k = user;
    if (!t) answer(k, err);
    else kf_keeper_switch(k->a->keeper, k->profile, k->organization, switched, k);
}

void kf_method_switch_organization(kf_agent *a, uint32_t conn, const kf_json *p, bool more) {
    const char *org = kf_json_str_or(p, "organization_id", "");
    const kf_conf_profile *c = profile_of(a, conn, p);
    kf_err err;
    if (!c) return;
    if (!kf_account_id_ok(org)) {
        kf_fail(&err, KF_ERR_USAGE_BAD, "%.95s is no organization ID (org_...)", org);
        kf_server_error(a->server, conn, &err);
        return;
    }
    caller *k = caller_new(a, conn, c);
    memcpy(k->organization, org, strlen(org) + 1);
    kf_keeper_session(a->keeper, k->profile, session_loaded, k);
}

static void token_renewed(void *user, const kf_token *t, const kf_err *err) {
    answer(user, t ? NULL : err);
}

static void token_stored(void *user, const kf_err *err) {
    caller *k = user;
    if (err) answer(k, err);
    else kf_keeper_token(k->a->keeper, k->profile, -1, true, token_renewed, k);
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

void kf_method_take_token(kf_agent *a, uint32_t conn, const kf_json *p, bool more) {
    const char *typed = kf_json_str_or(p, "refresh_token", "");
    const kf_conf_profile *c = profile_of(a, conn, p);
    kf_err err;
    if (!c) return;
    bool ok = token_ok(typed, &err);
    if (ok && !kf_client_id_ok(c->client_id))
        ok = kf_fail(&err, KF_ERR_USAGE_NO_CLIENT_ID, "%s has no client ID", c->name);
    if (!ok) {
        kf_server_error(a->server, conn, &err);
        return;
    }
    KF_AUTO(kf_secret) token = kf_secret_new(typed, strlen(typed));
    caller *k = caller_new(a, conn, c);
    kf_keeper_take(a->keeper, k->profile, token, kf_json_bool(p, "as_other_user", false),
                   token_stored, k);
}
