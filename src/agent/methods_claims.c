/* What an access token says, and whether WorkOS signed it: the keys of a client ID are fetched when
 * they are first needed and kept; a key that is not among them is looked for again, but not more
 * often than every five minutes. */
#include "agent/methods.h"

#include "agent/ask.h"
#include "keeper/keeper.h"
#include "auth/workos.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypt/jwks.h"
#include "wire/msg.h"

enum { KEYS_MAX = 64, HEADER_MAX = 4096, WAITING_MAX = 256 };
static const int64_t refetch_ms = 5 * 60 * 1000, life_ms = INT64_C(12) * 3600 * 1000;

/* A call that waits for the keys. */
typedef struct waiting {
    struct waiting *next;
    kf_call *call;
    kf_secret *token;
    kf_json *answer;
} waiting;

typedef struct kf_keys {
    struct kf_keys *next;
    kf_agent *a;
    char origin[256], client_id[96];
    kf_jwks *jwks;      /* NULL: none yet */
    int64_t fetched_at; /* boot ms */
    uint32_t http;
    waiting *calls;
} keys;

static void waiting_free(void *user) {
    waiting *w = user;
    kf_secret_free(w->token);
    kf_json_free(w->answer);
    free(w);
}

static void keys_free(keys *k) {
    struct kf_keys **p = &k->a->keys;
    while (*p != k) p = &(*p)->next;
    *p = k->next;
    if (k->http) kf_http_cancel(k->a->http, k->http);
    while (k->calls) {
        waiting *w = k->calls;
        k->calls = w->next;
        kf_call_drop(w->call);
    }
    kf_jwks_free(k->jwks);
    free(k);
}

void kf_claims_drop_all(kf_agent *a) {
    while (a->keys) keys_free(a->keys);
}

/* --- answers -------------------------------------------------------------------------------------
 */

static void reply(waiting *w) { kf_call_reply(w->call, KF_TAKE(w->answer)); }

static void check(const keys *k, waiting *w) {
    kf_err err;
    bool ok = kf_jwks_verify(k->jwks, kf_secret_peek(w->token), kf_secret_len(w->token), &err);
    kf_json_set_bool(w->answer, "verified", ok);
    if (ok) {
        ok = kf_claims_judge(kf_json_get(w->answer, "claims"), k->client_id, kf_unix_s(), &err);
        kf_json_set_bool(w->answer, "valid", ok);
    }
    if (!ok) kf_json_set(w->answer, "failure", kf_msg_failure(&err));
    reply(w);
}

/* Not known either way: verified stays out. */
static void unknown(waiting *w, const kf_err *err) {
    kf_json_set(w->answer, "failure", kf_msg_failure(err));
    reply(w);
}

static bool knows(const keys *k, const waiting *w) {
    return k->jwks && kf_jwks_knows(k->jwks, kf_secret_peek(w->token), kf_secret_len(w->token));
}

/* --- keys ----------------------------------------------------------------------------------------
 */

static kf_jwks *read_keys(const kf_http_resp *resp, const kf_err *net, kf_err *err) {
    return kf_ask_ok(resp, net, err)
               ? kf_jwks_parse(kf_secret_peek(resp->body), kf_secret_len(resp->body), err)
               : NULL;
}

static void fetched(void *user, kf_http_resp *resp, const kf_err *net) {
    keys *k = user;
    kf_err err;
    k->http = 0;
    kf_jwks *fresh = read_keys(resp, net, &err);
    if (fresh) {
        kf_jwks_free(k->jwks);
        k->jwks = fresh;
        k->fetched_at = kf_boot_ms();
    }
    waiting *calls = KF_TAKE(k->calls);
    while (calls) {
        waiting *w = calls;
        calls = w->next;
        if (fresh || knows(k, w)) check(k, w); /* old keys that know it will do as well */
        else unknown(w, &err);
    }
}

static void fetch(keys *k) {
    KF_AUTO_CHARS path = kf_issuer_path(&kf_workos, KF_AT_JWKS, k->client_id);
    kf_http_req r = {.method = "GET", .origin = k->origin, .path = path};
    k->http = kf_http_send(k->a->http, &r, fetched, k);
}

static keys *keys_of(kf_agent *a, const char *origin, const char *client_id) {
    keys *k = a->keys, *idle = NULL;
    size_t n = 0;
    for (; k; k = k->next, n++) {
        if (!strcmp(k->origin, origin) && !strcmp(k->client_id, client_id)) return k;
        if (!k->http) idle = k; /* the last one is the oldest */
    }
    if (n >= KEYS_MAX && idle) keys_free(idle);
    k = calloc(1, sizeof *k);
    if (!k || !kf_str_set(k->origin, sizeof k->origin, origin) ||
        !kf_str_set(k->client_id, sizeof k->client_id, client_id))
        abort();
    k->a = a;
    k->next = a->keys;
    a->keys = k;
    return k;
}

static void look(kf_agent *a, waiting *w, const char *origin, const char *client_id) {
    keys *k = keys_of(a, origin, client_id);
    int64_t age = kf_boot_ms() - k->fetched_at;
    bool need = !k->jwks || age > life_ms || (!knows(k, w) && age > refetch_ms);
    size_t n = 0;
    for (const waiting *i = k->calls; i; i = i->next) n++;
    if (!need) {
        check(k, w);
    } else if (n >= WAITING_MAX) {
        kf_err err;
        kf_fail(&err, KF_ERR_WIRE_BUSY, "%d calls wait for the keys", WAITING_MAX);
        unknown(w, &err);
    } else {
        w->next = k->calls;
        k->calls = w;
        if (!k->http) fetch(k);
    }
}

/* --- the call ------------------------------------------------------------------------------------
 */

static kf_json *header_of(const kf_secret *token, kf_err *err) {
    const char *jwt = kf_secret_peek(token);
    size_t n = strcspn(jwt, ".");
    char text[HEADER_MAX];
    long len = n > HEADER_MAX ? -1 : kf_b64url_decode(jwt, n, text, sizeof text);
    kf_json *j = len > 0 ? kf_json_parse(text, (size_t)len, NULL) : NULL;
    if (kf_json_is_obj(j)) return j;
    kf_json_free(j);
    kf_fail(err, KF_ERR_NET_BAD_ANSWER, "the access token has no header that can be read");
    return NULL;
}

static kf_json *describe(const kf_secret *token, kf_err *err) {
    kf_json *claims = kf_claims_json(kf_secret_peek(token), kf_secret_len(token), err);
    kf_json *header = claims ? header_of(token, err) : NULL;
    if (!header) {
        kf_json_free(claims);
        return NULL;
    }
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "kid", kf_json_str(header, "kid"));
    kf_json_set(j, "claims", claims);
    kf_json_set(j, "header", header);
    return j;
}

void kf_claims_answer(kf_agent *a, kf_call *call, const kf_secret *token, const kf_json *rest,
                      const char *origin, const char *client_id) {
    kf_err bad;
    kf_json *answer = describe(token, &bad);
    if (!answer) {
        kf_call_fail(call, &bad);
        return;
    }
    for (const kf_json *i = kf_json_first(rest); i; i = kf_json_next(i))
        kf_json_set(answer, kf_json_key(i), kf_json_copy(i));
    waiting *w = kf_new(waiting);
    *w = (waiting){.call = call, .answer = answer};
    kf_call_keep(call, w, waiting_free);
    if (!origin) {
        reply(w);
        return;
    }
    w->token = kf_secret_copy(token);
    look(a, w, origin, client_id);
}

/* The provider's tokens only on request. */
static kf_json *rest_of(const kf_session *s, bool oauth_tokens) {
    kf_json *rest = kf_json_obj();
    KF_AUTO(kf_json)
    oauth = s->oauth_tokens ? kf_json_parse(kf_secret_peek(s->oauth_tokens),
                                            kf_secret_len(s->oauth_tokens), NULL)
                            : NULL;
    if (s->user) kf_json_set(rest, "user", kf_json_copy(s->user));
    if (!kf_json_is_obj(oauth)) return rest;
    static const char *const open[] = {"provider", "scopes", "expires_at"};
    kf_json *shown = oauth_tokens ? kf_json_copy(oauth) : kf_json_obj();
    for (size_t i = 0; i < KF_LEN(open) && !oauth_tokens; i++)
        if (kf_json_get(oauth, open[i]))
            kf_json_set(shown, open[i], kf_json_copy(kf_json_get(oauth, open[i])));
    kf_json_set(rest, "oauth", shown);
    return rest;
}

static void session_here(void *user, const kf_token *t, const kf_err *err) {
    kf_call *call = user;
    kf_err bad;
    if (t && !t->session->access_token) {
        kf_fail(&bad, KF_ERR_WORKOS_NOT_SIGNED_IN, "%s has no access token yet", t->profile->name);
        err = &bad;
    }
    if (err) {
        kf_call_fail(call, err);
        return;
    }
    const kf_session *s = t->session;
    KF_AUTO(kf_json) rest = rest_of(s, kf_call_bool(call, "oauth_tokens", false));
    kf_claims_answer(kf_call_host(call), call, s->access_token, rest,
                     kf_call_bool(call, "verify", false) ? s->origin : NULL, s->client_id);
}

void kf_method_claims(kf_agent *a, kf_call *call) {
    kf_keeper_session(a->keeper, kf_call_str(call, "profile", ""), session_here, call);
}
