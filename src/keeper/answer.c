/* Reads answers of WorkOS's API to calls other than a renewal. Decides nothing about a session. */
#include "keeper/answer.h"

#include "auth/workos.h"

kf_json *kf_ask_body(const kf_http_resp *resp) {
    return kf_secret_len(resp->body)
               ? kf_json_parse_lenient(kf_secret_peek(resp->body), kf_secret_len(resp->body), NULL)
               : NULL;
}

bool kf_ask_ok(const kf_http_resp *resp, const kf_err *net, kf_err *out) {
    if (net) {
        *out = *net;
        return false;
    }
    bool ok = resp->status / 100 == 2;
    if (ok && !kf_workos_is_page(kf_secret_peek(resp->body), kf_secret_len(resp->body)))
        return true;
    if (ok) return kf_workos_fail_page(resp->status, out);
    KF_AUTO(kf_json) body = kf_ask_body(resp);
    (void)kf_workos_read_error(resp->status, kf_json_is_obj(body) ? body : NULL, resp->retry_after,
                               resp->request_id, out);
    return false;
}
