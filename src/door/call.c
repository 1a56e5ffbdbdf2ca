/* Calls as values: what a handler reads, answers and drops. It writes no frame itself (conn.c). */
#include "base/log.h"
#include "base/mem.h"
#include "door/door_impl.h"
#include "wire/msg.h"

/* --- its life -----------------------------------------------------------------------------------
 */

static void call_free(kf_call *c) {
    if (c->prev) c->prev->next = c->next;
    else c->door->calls = c->next;
    if (c->next) c->next->prev = c->prev;
    if (c->conn) c->conn->call = NULL;
    if (c->state_free) c->state_free(c->state);
    kf_json_free(c->msg);
    free(c);
}

void kf_call_open(kf_conn *n, kf_json *msg) {
    kf_door *d = n->door;
    kf_call *c = kf_new(kf_call);
    const kf_json *params = kf_json_get(msg, "parameters");
    const char *method = kf_json_str(msg, "method");
    bool ok = method && (!params || kf_json_is_obj(params) || kf_json_is_null(params));
    *c = (kf_call){.next = d->calls, .door = d, .conn = n, .msg = msg, .method = ""};
    if (c->next) c->next->prev = c;
    d->calls = n->call = c;
    c->more = kf_json_bool(msg, "more", false);
    c->oneway = kf_json_bool(msg, "oneway", false);
    if (!ok) {
        kf_json *j = kf_json_obj();
        kf_json_set_str(j, "parameter", method ? "parameters" : "method");
        kf_call_varlink_error(c, "org.varlink.service.InvalidParameter", j);
        return;
    }
    if (!kf_json_is_obj(params)) kf_json_set(msg, "parameters", kf_json_obj());
    c->params = (kf_json *)kf_json_get(msg, "parameters"); /* of msg, which is the call's */
    c->method = kf_json_str(msg, "method");
    d->on_call(d->user, c);
}

void kf_call_cut(kf_call *c) {
    kf_loop_fn fn = c->gone;
    c->conn = NULL;
    c->gone = NULL;
    if (fn) fn(c->gone_user);
}

/* --- what it says -------------------------------------------------------------------------------
 */

void *kf_call_host(const kf_call *c) { return c->door->user; }
const char *kf_call_method(const kf_call *c) { return c->method; }
const kf_json *kf_call_params(const kf_call *c) { return c->params; }
const char *kf_call_str(const kf_call *c, const char *key, const char *dflt) {
    return kf_json_str_or(c->params, key, dflt);
}
bool kf_call_bool(const kf_call *c, const char *key, bool dflt) {
    return kf_json_bool(c->params, key, dflt);
}
int64_t kf_call_int(const kf_call *c, const char *key, int64_t dflt) {
    return kf_json_int_or(c->params, key, dflt);
}

kf_secret *kf_call_take_secret(kf_call *c, const char *key) {
    const char *text = kf_json_str(c->params, key);
    if (!text) return NULL;
    kf_secret *s = kf_secret_new(text, strlen(text));
    kf_json_set(c->params, key, NULL); /* wiped */
    return s;
}

bool kf_call_wants_more(const kf_call *c) { return c->more; }
bool kf_call_is_gone(const kf_call *c) { return !c->conn; }

/* --- the answer ---------------------------------------------------------------------------------
 */

/* msg owned. */
static void put(kf_call *c, kf_json *msg, bool continues) {
    if (c->conn && !c->oneway) kf_conn_put(c->conn, msg, continues);
    kf_json_free(msg);
}

static void answer(kf_call *c, kf_json *msg) {
    kf_conn *n = c->conn;
    put(c, msg, false);
    call_free(c);
    if (n) kf_conn_settle(n);
}

void kf_call_reply(kf_call *c, kf_json *params) { answer(c, kf_msg_reply(params, false)); }
void kf_call_fail(kf_call *c, const kf_err *err) { answer(c, kf_msg_error(err)); }
void kf_call_varlink_error(kf_call *c, const char *error, kf_json *params) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "error", error);
    kf_json_set(j, "parameters", params ? params : kf_json_obj());
    answer(c, j);
}

kf_call *kf_call_drop(kf_call *c) {
    kf_err e;
    if (!c) return NULL;
    if (!c->conn) {
        call_free(c);
        return NULL;
    }
    kf_log(KF_LOG_ERROR, "door: %s was not answered", c->method);
    kf_fail(&e, KF_ERR_SYS_BUG, "%s was not answered", c->method);
    kf_call_fail(c, &e);
    return NULL;
}

void kf_call_part(kf_call *c, kf_json *params) {
    put(c, kf_msg_reply(params, true), true);
    if (c->conn) kf_conn_settle(c->conn);
}

void kf_call_when_sent(kf_call *c, kf_loop_fn fn, void *user) {
    c->sent = fn;
    c->sent_user = user;
    if (c->conn && !c->conn->out.len) kf_conn_plan(c->conn);
}

void kf_call_on_gone(kf_call *c, kf_loop_fn fn, void *user) {
    c->gone = fn;
    c->gone_user = user;
}

void kf_call_keep(kf_call *c, void *state, kf_loop_fn fn) {
    if (c->state_free) c->state_free(c->state);
    c->state = state;
    c->state_free = fn;
}
void *kf_call_kept(const kf_call *c) { return c->state; }
void kf_call_lasts(kf_call *c) { c->lasts = true; }

/* --- the connection -----------------------------------------------------------------------------
 */

uint32_t kf_call_conn(const kf_call *c) { return c->conn ? c->conn->id : 0; }
void kf_call_set_read_only(kf_call *c) {
    if (c->conn) c->conn->read_only = true;
}
bool kf_call_is_read_only(const kf_call *c) { return c->conn && c->conn->read_only; }
void kf_call_leave(kf_call *c) {
    if (c->conn) c->conn->leaving = true;
}

void kf_call_hold(kf_call *c, void *thing, kf_loop_fn gone) {
    kf_conn *n = c->conn;
    if (!n) {
        gone(thing);
        return;
    }
    if (n->held_gone) n->held_gone(n->held);
    n->held = thing;
    n->held_gone = gone;
}
void *kf_call_held(const kf_call *c) { return c->conn ? c->conn->held : NULL; }
void kf_call_let_go(kf_call *c) {
    if (!c->conn) return;
    c->conn->held = NULL;
    c->conn->held_gone = NULL;
}
