#pragma once
/* A call that came through the door. It is a value that its handler owns until it answers it, at
 * once or later, with exactly one of kf_call_reply, kf_call_fail and kf_call_varlink_error. Each of
 * them ends the call: the pointer is dead afterwards. A call that is dropped without an answer is
 * answered sys.bug and logged.
 *
 * The connection may end first. The call then stays valid, and its answer goes nowhere. A handler
 * that should stop its work asks to be told (kf_call_on_gone). No function here runs a callback
 * before it returns. */
#include "base/json.h"
#include "loop/loop.h"

typedef struct kf_call kf_call;

void *kf_call_host(const kf_call *c);         /* the user of kf_door_new */
const char *kf_call_method(const kf_call *c); /* "io.keyfob.Agent.GetToken"; never NULL */
/* Parameters of the call, an object, and single ones. They live as long as the call. */
const kf_json *kf_call_params(const kf_call *c);
const char *kf_call_str(const kf_call *c, const char *key, const char *dflt);
bool kf_call_bool(const kf_call *c, const char *key, bool dflt);
int64_t kf_call_int(const kf_call *c, const char *key, int64_t dflt);
/* Moves a text out of the parameters into locked memory. NULL: there is none. Caller frees. */
kf_secret *kf_call_take_secret(kf_call *c, const char *key);
bool kf_call_wants_more(const kf_call *c); /* called with more: it may be answered in parts */
bool kf_call_is_gone(const kf_call *c);    /* nobody waits for the answer any more */

/* --- the answer: each of these ends the call. params owned, may be NULL -------------------------
 */
void kf_call_reply(kf_call *c, kf_json *params);
void kf_call_fail(kf_call *c, const kf_err *err);
void kf_call_varlink_error(kf_call *c, const char *error, kf_json *params);
/* Without an answer: a defect, unless the connection is gone. NULL is fine; returns NULL. */
kf_call *kf_call_drop(kf_call *c);

/* --- before the answer --------------------------------------------------------------------------
 */
/* A part of the answer; others follow. params owned. */
void kf_call_part(kf_call *c, kf_json *params);
/* fn runs once, in a turn of its own, when every part so far has left. Not when the connection
 * ends before. */
void kf_call_when_sent(kf_call *c, kf_loop_fn fn, void *user);
/* fn runs once if the connection ends before the answer. The call still has to be ended. */
void kf_call_on_gone(kf_call *c, kf_loop_fn fn, void *user);
/* What the handler remembers for this call; fn frees it when the call ends, after the answer. A
 * second one takes the place of the first, which is freed. */
void kf_call_keep(kf_call *c, void *state, kf_loop_fn fn);
void *kf_call_kept(const kf_call *c);
/* This call has no end of its own (Watch): kf_door_open_calls does not count it, and its connection
 * is never taken for a silent one. */
void kf_call_lasts(kf_call *c);

/* --- the connection -----------------------------------------------------------------------------
 */
uint32_t kf_call_conn(const kf_call *c); /* its number in the log; 0: gone */
/* One mark that the door keeps and does not read. */
void kf_call_set_read_only(kf_call *c);
bool kf_call_is_read_only(const kf_call *c);
/* After this call, and its answer if one comes, the connection gets no answer any more. It closes
 * with the door, or with kf_door_resume. */
void kf_call_leave(kf_call *c);
/* A thing that belongs to the connection and outlives the call. gone runs when the connection ends,
 * or when another thing takes its place. */
void kf_call_hold(kf_call *c, void *thing, kf_loop_fn gone);
void *kf_call_held(const kf_call *c);
void kf_call_let_go(kf_call *c); /* without gone */
