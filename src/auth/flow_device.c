/* Sign-in on another device: RFC 8628, WORKOS.md §4. The step stays as it is while the
 * flow polls; only what a person should know changes it. */
#include "auth/flow_impl.h"

#include "base/str.h"

enum { INTERVAL_S = 5, SLOWER_S = 5, LIFE_S = 300, LIFE_MAX_S = 900 };

void kf_flow_device_start(kf_flow *f) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "client_id", f->client_id);
    f->phase = KF_PHASE_DEVICE;
    f->device_code = kf_secret_free(f->device_code);
    kf_flow_drop(f, KF_WAIT_DEVICE_POLL);
    kf_flow_abandon(f, KF_WAIT_DEVICE_GRANT); /* the code before */
    kf_flow_request(f, KF_WAIT_DEVICE_START, kf_flow_path(KF_AT_DEVICE, NULL), j,
                    f->api_key != NULL); /* production asks for none; WorkOS's SDKs send the key
                                            wherever they have one, and its emulator wants it */
}

static void show(kf_flow *f, kf_note note, const char *arg, const kf_err *why) {
    kf_flow_show(f, KF_PHASE_DEVICE, KF_STEP_OPEN_URL, KF_FIELD_NONE,
                 1u << KF_ACT_BROWSER | 1u << KF_ACT_NEW_CODE);
    f->step.url = f->url;
    f->step.user_code = f->user_code;
    f->step.qr = f->complete;
    f->step.ends_ms = f->ends_ms;
    kf_flow_note(f, note, arg, why);
}

static void ran_out(kf_flow *f) {
    f->device_code = kf_secret_free(f->device_code);
    kf_flow_drop(f, KF_WAIT_DEVICE_POLL);
    kf_flow_show(f, KF_PHASE_DEVICE, KF_STEP_OPEN_URL, KF_FIELD_NONE, 1u << KF_ACT_NEW_CODE);
    kf_flow_note(f, KF_NOTE_CODE_EXPIRED, NULL, NULL);
}

void kf_flow_ask_device(kf_flow *f) {
    if (f->device_code) show(f, KF_NOTE_DEVICE, NULL, NULL);
    else kf_flow_show(f, KF_PHASE_DEVICE, KF_STEP_OPEN_URL, KF_FIELD_NONE, 1u << KF_ACT_NEW_CODE);
}

static void next_poll(kf_flow *f, int64_t in_s) {
    int64_t at = f->now_ms + in_s * 1000;
    kf_flow_wait_until(f, KF_WAIT_DEVICE_POLL, at < f->ends_ms ? at : f->ends_ms);
}

static bool code_ok(const char *s) {
    size_t n = s ? strlen(s) : 0;
    return n && n < 40 &&
           strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

void kf_flow_device_started(kf_flow *f, const kf_json *body) {
    const char *device = kf_json_str(body, "device_code"), *user = kf_json_str(body, "user_code");
    const char *url = kf_json_str(body, "verification_uri"),
               *complete = kf_json_str(body, "verification_uri_complete");
    int64_t life = kf_json_int_or(body, "expires_in", LIFE_S),
            interval = kf_json_int_or(body, "interval", INTERVAL_S);
    size_t n = device ? strlen(device) : 0;
    if (!n || n > KF_PENDING_MAX) kf_flow_bad_answer(f, "the device code is not usable");
    else if (!code_ok(user)) kf_flow_bad_answer(f, "the code to confirm is not usable");
    else if (!kf_flow_url_ok(f, url))
        kf_flow_bad_answer(f, "the address to open (verification_uri) is no https address");
    else if (life <= 0) kf_flow_bad_answer(f, "the device code has run out already");
    else if (interval > life)
        kf_flow_bad_answer(f, "the polling interval is longer than the code lives");
    else {
        kf_secret_free(f->device_code);
        kf_secret_free(f->complete);
        f->device_code = kf_secret_new(device, n);
        f->complete =
            kf_flow_url_ok(f, complete) ? kf_secret_new(complete, strlen(complete)) : NULL;
        kf_flow_put(&f->url, url);
        if (!kf_str_set(f->user_code, sizeof f->user_code, user)) abort(); /* code_ok */
        f->interval_s = interval > 0 ? interval : INTERVAL_S;
        f->ends_ms = f->now_ms + (life < LIFE_MAX_S ? life : LIFE_MAX_S) * 1000;
        show(f, KF_NOTE_DEVICE, NULL, NULL);
        next_poll(f, f->interval_s);
    }
}

void kf_flow_device_poll(kf_flow *f) {
    if (f->now_ms >= f->ends_ms) {
        ran_out(f);
        return;
    }
    kf_json *g = kf_issuer_grant(&kf_workos, KF_GRANT_DEVICE_CODE, f->client_id, NULL);
    kf_json_set_secret(g, "device_code", f->device_code);
    kf_flow_send(f, KF_WAIT_DEVICE_GRANT, "POST", kf_flow_path(KF_AT_AUTHENTICATE, NULL), g, false);
}

bool kf_flow_device_goes_on(kf_flow *f, kf_workos_ask ask, const kf_err *why) {
    bool trouble = kf_workos_is_not_now(why->code) || why->status == 0;
    int64_t in = f->interval_s;
    if (ask == KF_ASK_SLOWER)
        in = f->interval_s += SLOWER_S; /* RFC 8628 §3.5: for all later requests */
    else if (ask == KF_ASK_EXPIRED) {
        ran_out(f);
        return true;
    } else if (trouble) {
        if (why->retry_after > in) in = why->retry_after;
        if (f->step.note != KF_NOTE_NETWORK)
            show(f, KF_NOTE_NETWORK, NULL, why); /* said once, not at every poll */
    } else if (ask != KF_ASK_PENDING) return false;
    if (!trouble && f->step.note != KF_NOTE_DEVICE) show(f, KF_NOTE_DEVICE, NULL, NULL);
    next_poll(f, in);
    return true;
}
