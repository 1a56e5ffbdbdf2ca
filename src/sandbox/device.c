/* Another device: RFC 8628, WORKOS.md §4. */
#include "base/str.h"
#include "crypt/hash.h"
#include "sandbox/api.h"
#include "sandbox/attempt.h"
#include "sandbox/html.h"
#include "sandbox/ids.h"

/* RFC 8628 §6.1: no vowels, nothing that looks like something else. */
static char *new_user_code(void) {
    static const char digit[] = "BCDFGHJKLMNPQRSTVWXZ";
    uint8_t raw[8];
    char code[10];
    kf_random(raw, sizeof raw);
    for (int i = 0; i < 8; i++) code[i + (i > 3)] = digit[raw[i] % 20];
    code[4] = '-';
    code[9] = 0;
    return kf_strdup(code);
}

kf_answer kf_api_device(kf_sandbox *s, const kf_call *c) {
    const char *client = kf_json_str(c->body, "client_id");
    const kf_app *app = client ? kf_users_app(s->users, client) : NULL;
    if (!c->body) return kf_answer_b("invalid_request", "The body is neither JSON nor a form.");
    if (!app) return kf_answer_b("invalid_client", "Invalid client ID.");
    if (!app->device) {
        kf_answer no = kf_answer_b("access_denied",
                                   "Device authorization grant is not enabled for this team.");
        no.status = 403;
        return no;
    }
    int64_t life = kf_hosted_device_life_s(s->hosted),
            interval = kf_hosted_device_interval_s(s->hosted);
    kf_page_open *p = kf_hosted_open(s->hosted, app, life * 1000);
    p->device_code = kf_token_new();
    p->user_code = new_user_code();
    p->interval_ms = interval * 1000;
    kf_json *body = kf_json_obj();
    KF_AUTO_CHARS uri = kf_strfmt("%s/device", s->base_url);
    KF_AUTO_CHARS complete = kf_strfmt("%s?user_code=%s", uri, p->user_code);
    kf_json_set_str(body, "device_code", p->device_code);
    kf_json_set_str(body, "user_code", p->user_code);
    kf_json_set_str(body, "verification_uri", uri);
    kf_json_set_str(body, "verification_uri_complete", complete);
    kf_json_set_int(body, "expires_in", life);
    kf_json_set_int(body, "interval", interval);
    return (kf_answer){.status = 200, .body = body};
}

kf_answer kf_grant_device(const kf_attempt *a) {
    kf_page_open *p = kf_hosted_by_device(a->s->hosted, kf_field(a, "device_code"));
    if (!p || p->app != a->app || p->device == KF_DEVICE_SPENT)
        return kf_answer_b("invalid_grant", "The device code is not valid.");
    int64_t now = kf_boot_ms();
    bool early = p->polled_ms &&
                 now - p->polled_ms < p->interval_ms - 200; /* the way here takes time, too */
    p->polled_ms = now;
    if (p->device == KF_DEVICE_NO)
        return kf_answer_b("access_denied", "The user denied the request.");
    if (p->device == KF_DEVICE_OPEN && now >= p->until_ms)
        return kf_answer_b("expired_token", "The device code has expired.");
    if (early) {
        p->interval_ms += 5000; /* RFC 8628 §3.5 */
        return kf_answer_b("slow_down", "Polling too fast.");
    }
    if (p->device == KF_DEVICE_OPEN)
        return kf_answer_b("authorization_pending", "The user has not confirmed yet.");
    p->device = KF_DEVICE_SPENT;
    return kf_sign_in(a, &p->who);
}

static kf_answer ask_code(const char *value, const char *wrong) {
    kf_buf b;
    kf_html_begin(&b, "Connect a device");
    if (wrong) {
        kf_buf_adds(&b, "<p class=\"wrong\">");
        kf_html_escape(&b, wrong);
    }
    kf_buf_adds(&b, "<form method=\"post\" action=\"/device\"><label>The code your device shows "
                    "<input name=\"user_code\" required value=\"");
    kf_html_escape(&b, value);
    kf_buf_adds(&b, "\"></label><button>Continue</button></form>");
    return kf_html_end(&b, 200);
}

kf_answer kf_api_device_page(kf_sandbox *s, const kf_call *c) {
    return ask_code(kf_web_query(c->req, "user_code"), NULL);
}

kf_answer kf_api_device_post(kf_sandbox *s, const kf_call *c) {
    const char *code = kf_json_str_or(c->body, "user_code", "");
    const kf_page_open *p = kf_hosted_by_user_code(s->hosted, code);
    if (!p || p->device != KF_DEVICE_OPEN || kf_boot_ms() >= p->until_ms)
        return ask_code(code, "There is no such code, or it is too old.");
    return kf_html_sign_in(p, NULL);
}
