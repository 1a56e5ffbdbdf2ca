#pragma once
/* Calls and answers of io.keyfob.Agent as JSON objects, and kf_err across the wire.
 * data/io.keyfob.Agent.varlink is the interface. */
#include "auth/flow.h"
#include "base/json.h"

/* Raised when an answer changes its meaning. 2: a state is the session's, not the token's. */
#define KF_PROTOCOL 2
#define KF_IFACE "io.keyfob.Agent"

kf_json *kf_msg_call(const char *method /* "GetToken" */, kf_json *params /* owned, may be NULL */,
                     bool more);
kf_json *kf_msg_reply(kf_json *params /* owned, may be NULL */, bool continues);
kf_json *kf_msg_error(const kf_err *e);   /* {"error":"io.keyfob.Agent.Failed",...} */
kf_json *kf_msg_failure(const kf_err *e); /* the Failure object alone */
void kf_msg_read_failure(const kf_json *failure,
                         kf_err *out); /* texts are copied as they are: sanitise when showing */
/* True and *params borrowed when msg is a success; false: err from its Failure or varlink error. */
KF_CHECK bool kf_msg_result(const kf_json *msg, const kf_json **params, bool *continues,
                            kf_err *err);

/* Agent side; choices from first_choice, at most 500. Without the members that need a clock. */
kf_json *kf_msg_step(const kf_step *s, size_t first_choice);
