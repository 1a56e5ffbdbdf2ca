/* Calls that query WorkOS with the profile's API key: loads session and key, sends the requests
 * one after the other, and follows lists to their end. */
#include "agent/ask.h"

#include "keeper/keeper.h"
#include "agent/server.h"
#include "auth/workos.h"
#include "base/mem.h"
#include "base/str.h"

enum { PAGES_MAX = KF_ACCOUNT_ITEMS_MAX / KF_ACCOUNT_PAGE_SMALL + 1, ASKING_MAX = 64 };

/* What the keeper calls back with may have ended meanwhile: it is found again by its number. */
typedef struct ref {
    kf_agent *a;
    uint32_t serial;
} ref;

static ref *ref_new(const kf_asking *q) {
    ref *r = malloc(sizeof *r);
    if (!r) abort();
    *r = (ref){q->a, q->serial};
    return r;
}

static kf_asking *ref_take(ref *r) {
    kf_asking *q = r->a->asking;
    while (q && q->serial != r->serial) q = q->next;
    free(r);
    return q;
}

void kf_ask_end(kf_asking *q) {
    kf_asking **p = &q->a->asking;
    while (*p != q) p = &(*p)->next;
    *p = q->next;
    if (q->http) kf_http_cancel(q->a->http, q->http);
    kf_json_free(q->params);
    kf_json_free(q->list);
    kf_secret_free(q->key);
    free(q);
}

void kf_ask_drop_all(kf_agent *a) {
    while (a->asking) kf_ask_end(a->asking);
}

void kf_ask_reply(kf_asking *q, kf_json *params) {
    kf_server_reply(q->a->server, q->conn, params, false);
    kf_ask_end(q);
}

void kf_ask_fail(kf_asking *q, const kf_err *err) {
    kf_server_error(q->a->server, q->conn, err);
    kf_ask_end(q);
}

/* --- requests ------------------------------------------------------------------------------------
 */

static void answered(void *user, kf_http_resp *resp, const kf_err *net) {
    kf_asking *q = user;
    kf_err err;
    q->http = 0;
    if (!kf_ask_ok(resp, net, &err)) {
        kf_ask_fail(q, &err);
        return;
    }
    KF_AUTO(kf_json) body = kf_ask_body(resp);
    q->got(q, resp->status, kf_json_is_obj(body) ? body : NULL);
}

static void fail_id(kf_asking *q) {
    kf_err err;
    kf_fail(&err, KF_ERR_USAGE_BAD, "that is no id of WorkOS");
    kf_ask_fail(q, &err);
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
        kf_ask_fail(q, &err);
        return;
    }
    KF_AUTO(kf_json) body = kf_ask_body(resp);
    char next[KF_ACCOUNT_ID_MAX];
    bool ok = kf_account_page(q->what, body, q->after, q->list, next, &err);
    if (ok && ++q->pages > PAGES_MAX)
        ok = kf_fail(&err, KF_ERR_NET_BAD_ANSWER, "the list has more than %d pages", PAGES_MAX);
    if (!ok) {
        kf_ask_fail(q, &err);
    } else if (!*next) {
        q->then(q);
    } else if (!kf_server_alive(q->a->server, q->conn)) {
        kf_ask_end(q); /* nobody wants the rest */
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
    kf_asking *q = ref_take(user);
    kf_err none;
    if (!q) return;
    if (!err && !key) {
        kf_fail(&none, KF_ERR_WORKOS_NEEDS_API_KEY, "%s has no API key", q->name);
        err = &none;
    }
    if (err) {
        kf_ask_fail(q, err);
        return;
    }
    q->key = kf_secret_copy(key);
    q->then(q);
}

static void session_here(void *user, const kf_token *t, const kf_err *err) {
    kf_asking *q = ref_take(user);
    kf_err bad;
    if (!q) return;
    bool ok = t && kf_str_set(q->user_id, sizeof q->user_id, kf_session_user_id(t->session)) &&
              kf_str_set(q->sid, sizeof q->sid, t->session->claims.sid) &&
              kf_account_id_ok(q->user_id);
    if (t && !ok) {
        kf_fail(&bad, KF_ERR_WORKOS_NOT_SIGNED_IN, "the session of %s does not say whose it is",
                q->name);
        err = &bad;
    }
    if (!ok) {
        kf_ask_fail(q, err);
        return;
    }
    kf_keeper_api_key(q->a->keeper, q->profile, key_here, ref_new(q));
}

void kf_ask_begin(kf_agent *a, uint32_t conn, const kf_json *params, bool more, kf_ask_fn then) {
    static uint32_t last;
    const char *name = kf_json_str_or(params, "profile", "");
    const kf_conf_profile *c = kf_conf_find(a->conf, name);
    size_t n = 0;
    kf_err err;
    for (kf_asking *i = a->asking; i; i = i->next) n++;
    if (!c) kf_fail(&err, KF_ERR_USAGE_NO_PROFILE, "%.64s", name);
    else if (n >= ASKING_MAX)
        kf_fail(&err, KF_ERR_WIRE_BUSY, "%d such calls are under way already", ASKING_MAX);
    if (!c || n >= ASKING_MAX) {
        kf_server_error(a->server, conn, &err);
        return;
    }
    kf_asking *q = kf_new(kf_asking);
    *q = (kf_asking){.next = a->asking,
                     .a = a,
                     .conn = conn,
                     .more = more,
                     .params = kf_json_copy(params),
                     .then = then,
                     .serial = ++last};
    memcpy(q->profile, c->id, sizeof q->profile);
    memcpy(q->name, c->name, sizeof q->name);
    memcpy(q->origin, c->api_host, sizeof q->origin);
    a->asking = q;
    if (!c->confidential) { /* without asking the store */
        kf_fail(&err, KF_ERR_WORKOS_NEEDS_API_KEY, "%s has no API key", q->name);
        kf_ask_fail(q, &err);
        return;
    }
    kf_keeper_session(a->keeper, q->profile, session_here, ref_new(q));
}
