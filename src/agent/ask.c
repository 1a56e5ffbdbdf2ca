/* Calls that query WorkOS with the profile's API key: loads session and key, sends the requests
 * one after the other, and follows lists to their end. */
#include "agent/ask.h"

#include "auth/profile.h"
#include "keeper/keeper.h"
#include "auth/workos.h"
#include "base/mem.h"
#include "base/str.h"

enum { PAGES_MAX = KF_ACCOUNT_ITEMS_MAX / KF_ACCOUNT_PAGE_SMALL + 1, ASKING_MAX = 64 };

static void asking_free(void *user) {
    kf_asking *q = user;
    q->a->asking--;
    if (q->http) kf_http_cancel(q->a->http, q->http);
    kf_json_free(q->list);
    kf_secret_free(q->key);
    kf_secret_free(q->given);
    free(q);
}

/* While the keeper has it, the call has to stay. */
static void client_gone(void *user) {
    kf_asking *q = user;
    if (q->http) kf_call_drop(q->call);
}

/* --- requests ------------------------------------------------------------------------------------
 */

static void answered(void *user, kf_http_resp *resp, const kf_err *net) {
    kf_asking *q = user;
    kf_err err;
    q->http = 0;
    if (!kf_ask_ok(resp, net, &err)) {
        kf_call_fail(q->call, &err);
        return;
    }
    KF_AUTO(kf_json) body = kf_ask_body(resp);
    q->got(q, resp->status, kf_json_is_obj(body) ? body : NULL);
}

static void fail_id(kf_asking *q) {
    kf_err err;
    kf_fail(&err, KF_ERR_USAGE_BAD, "that is no id of WorkOS");
    kf_call_fail(q->call, &err);
}

void kf_ask_send(kf_asking *q, const char *method, char *path, kf_secret *body, kf_ask_got got) {
    KF_AUTO_CHARS to = path;
    KF_AUTO(kf_secret) what = body;
    if (!to) {
        fail_id(q);
        return;
    }
    q->got = got;
    kf_http_req r = {.method = method,
                     .origin = q->origin,
                     .path = to,
                     .body = what,
                     .bearer = q->key,
                     .single_use = strcmp(method, "GET") != 0};
    q->http = kf_http_send(q->a->http, &r, answered, q);
}

/* --- lists ---------------------------------------------------------------------------------------
 */

static void next_page(kf_asking *q);

static void page(void *user, kf_http_resp *resp, const kf_err *net) {
    kf_asking *q = user;
    kf_err err;
    q->http = 0;
    if (net && net->code == KF_ERR_NET_BAD_ANSWER &&
        q->limit > KF_ACCOUNT_PAGE_SMALL) { /* items so large that a page is too much */
        q->limit = KF_ACCOUNT_PAGE_SMALL;
        next_page(q);
        return;
    }
    if (!kf_ask_ok(resp, net, &err)) {
        kf_call_fail(q->call, &err);
        return;
    }
    KF_AUTO(kf_json) body = kf_ask_body(resp);
    char next[KF_ACCOUNT_ID_MAX];
    bool ok = kf_account_page(q->what, body, q->after, q->list, next, &err);
    if (ok && ++q->pages > PAGES_MAX)
        ok = kf_fail(&err, KF_ERR_NET_BAD_ANSWER, "the list has more than %d pages", PAGES_MAX);
    if (!ok) {
        kf_call_fail(q->call, &err);
    } else if (!*next) {
        q->then(q);
    } else {
        memcpy(q->after, next, sizeof next);
        next_page(q);
    }
}

static void next_page(kf_asking *q) {
    KF_AUTO_CHARS path = kf_account_list_path(q->what, q->user_id, q->after, q->limit);
    if (!path) {
        fail_id(q);
        return;
    }
    kf_http_req r = {.method = "GET", .origin = q->origin, .path = path, .bearer = q->key};
    q->http = kf_http_send(q->a->http, &r, page, q);
}

void kf_ask_list(kf_asking *q, kf_account_list what, kf_ask_fn then) {
    kf_json_free(q->list);
    q->list = kf_json_arr();
    q->what = what;
    q->then = then;
    q->limit = KF_ACCOUNT_PAGE;
    q->pages = 0;
    q->after[0] = 0;
    next_page(q);
}

/* --- session and key -----------------------------------------------------------------------------
 */

static void key_here(void *user, const kf_secret *key, const kf_err *err) {
    kf_asking *q = user;
    kf_err none;
    bool lacks = err ? err->code == KF_ERR_WORKOS_NEEDS_API_KEY : !key;
    if (lacks && q->given) key = q->given, err = NULL;
    if (!err && !key) {
        kf_fail(&none, KF_ERR_WORKOS_NEEDS_API_KEY, "%s has no API key", q->name);
        err = &none;
    }
    if (err) {
        kf_call_fail(q->call, err);
        return;
    }
    if (kf_call_is_gone(q->call)) {
        kf_call_drop(q->call);
        return;
    }
    q->key = kf_secret_copy(key);
    q->then(q);
}

static void session_here(void *user, const kf_token *t, const kf_err *err) {
    kf_asking *q = user;
    kf_err bad;
    bool ok = t && kf_str_set(q->user_id, sizeof q->user_id, kf_session_user_id(t->session)) &&
              kf_str_set(q->sid, sizeof q->sid, t->session->claims.sid) &&
              kf_account_id_ok(q->user_id);
    if (t && !ok) {
        kf_fail(&bad, KF_ERR_WORKOS_NOT_SIGNED_IN, "the session of %s does not say whose it is",
                q->name);
        err = &bad;
    }
    if (!ok) {
        kf_call_fail(q->call, err);
        return;
    }
    kf_keeper_api_key(q->a->keeper, q->profile, key_here, q);
}

kf_secret *kf_ask_take_key(kf_call *call, const kf_conf_profile *p, kf_err *err) {
    KF_AUTO(kf_secret) key = kf_call_take_secret(call, "api_key");
    const char *client = kf_call_str(call, "client_id", "");
    err->code = KF_ERR_NONE;
    /* another environment's key is nothing to send to this one */
    if (!kf_secret_len(key) || (*client && p && strcmp(client, p->client_id))) return NULL;
    return kf_api_key_check(key, "WORKOS_API_KEY", err) ? KF_TAKE(key) : NULL;
}

void kf_ask_begin(kf_agent *a, kf_call *call, kf_ask_fn then) {
    kf_err err;
    kf_secret *given =
        kf_ask_take_key(call, kf_conf_find(a->conf, kf_call_str(call, "profile", "")), &err);
    if (err.code != KF_ERR_NONE) kf_call_fail(call, &err);
    else kf_ask_begin_with(a, call, given, then);
}

void kf_ask_begin_with(kf_agent *a, kf_call *call, kf_secret *given, kf_ask_fn then) {
    KF_AUTO(kf_secret) own = given;
    const char *name = kf_call_str(call, "profile", "");
    const kf_conf_profile *c = kf_conf_find(a->conf, name);
    kf_err err = {.code = KF_ERR_NONE};
    if (!c) kf_fail(&err, KF_ERR_USAGE_NO_PROFILE, "%.64s", name);
    else if (a->asking >= ASKING_MAX)
        kf_fail(&err, KF_ERR_WIRE_BUSY, "%d such calls are under way already", ASKING_MAX);
    else if (!c->confidential && !own) /* without asking the store */
        kf_fail(&err, KF_ERR_WORKOS_NEEDS_API_KEY, "%s has no API key", c->name);
    if (err.code != KF_ERR_NONE) {
        kf_call_fail(call, &err);
        return;
    }
    kf_asking *q = kf_new(kf_asking);
    *q = (kf_asking){.a = a, .call = call, .then = then, .given = KF_TAKE(own)};
    memcpy(q->profile, c->id, sizeof q->profile);
    memcpy(q->name, c->name, sizeof q->name);
    memcpy(q->origin, c->api_host, sizeof q->origin);
    a->asking++;
    kf_call_keep(call, q, asking_free);
    kf_call_on_gone(call, client_gone, q);
    kf_keeper_session(a->keeper, q->profile, session_here, q);
}
