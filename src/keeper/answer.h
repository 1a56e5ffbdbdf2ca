#pragma once
/* What an answer of WorkOS's API says: its body, and whether it is a success. */
#include "base/json.h"
#include "io/http.h"

kf_json *kf_ask_body(const kf_http_resp *resp); /* NULL: not JSON. Caller frees */
/* A 2xx that is WorkOS's (not a page); false: out says why not. net, the error of the transport,
 * may be NULL. */
KF_CHECK bool kf_ask_ok(const kf_http_resp *resp, const kf_err *net, kf_err *out);
