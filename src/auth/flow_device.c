/* Sign-in on another device: RFC 8628, WORKOS.md §4. The step stays as it is while the
 * flow polls; only what a person should know changes it. */
#include "auth/flow_impl.h"

#include "base/str.h"

enum { INTERVAL_S = 5, SLOWER_S = 5, LIFE_S = 300, LIFE_MAX_S = 900 };

typedef enum device_job { DEVICE_STARTED, DEVICE_POLL } device_job;

typedef struct device {
    kf_secret *code, *complete; /* verification_uri_complete */
    char *url, user_code[40];
    int64_t interval_s, ends_ms;
} device;

static device *device_of(kf_flow *f) { return f->own[KF_PHASE_DEVICE]; }

static void device_enter(kf_flow *f, const kf_flow_why *why) {
    device *d = device_of(f);
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "client_id", f->client_id);
    f->phase = KF_PHASE_DEVICE;
    d->code = kf_secret_free(d->code);
    kf_flow_drop(f, KF_PHASE_DEVICE, DEVICE_POLL);
    kf_flow_abandon(f, KF_PHASE_DEVICE, KF_JOB_SESSION); /* the code before */
    kf_slot *s =
        kf_flow_request(f, KF_PHASE_DEVICE, DEVICE_STARTED, kf_flow_path(f, KF_AT_DEVICE, NULL), j);
    s->job.key = f->api_key != NULL; /* production asks for none; WorkOS's SDKs send the key
                                        wherever they have one, and its emulator wants it */
}

static void show_code(kf_flow *f, kf_note note, const kf_err *why) {
    const device *d = device_of(f);
    kf_flow_show(f, KF_PHASE_DEVICE, KF_STEP_OPEN_URL, KF_FIELD_NONE,
                 1u << KF_ACT_BROWSER | 1u << KF_ACT_NEW_CODE);
    f->step.url = d->url;
    f->step.user_code = d->user_code;
    f->step.qr = d->complete;
    f->step.ends_ms = d->ends_ms;
    kf_flow_note(f, note, NULL, why);
}

static void show_none(kf_flow *f) {
    kf_flow_show(f, KF_PHASE_DEVICE, KF_STEP_OPEN_URL, KF_FIELD_NONE, 1u << KF_ACT_NEW_CODE);
}

static void ran_out(kf_flow *f) {
    device *d = device_of(f);
    d->code = kf_secret_free(d->code);
    kf_flow_drop(f, KF_PHASE_DEVICE, DEVICE_POLL);
    show_none(f);
    kf_flow_note(f, KF_NOTE_CODE_EXPIRED, NULL, NULL);
}

static void device_ask(kf_flow *f) {
    if (device_of(f)->code) show_code(f, KF_NOTE_DEVICE, NULL);
    else show_none(f);
}

static void next_poll(kf_flow *f, int64_t in_s) {
    const device *d = device_of(f);
    int64_t at = f->now_ms + in_s * 1000;
    kf_flow_wait_until(f, KF_PHASE_DEVICE, DEVICE_POLL, at < d->ends_ms ? at : d->ends_ms);
}

static bool code_ok(const char *s) {
    size_t n = s ? strlen(s) : 0;
    return n && n < 40 &&
           strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

static void device_answered(kf_flow *f, int what, const kf_json *body) {
    device *d = device_of(f);
    const char *code = kf_json_str(body, "device_code"), *user = kf_json_str(body, "user_code");
    const char *url = kf_json_str(body, "verification_uri"),
               *complete = kf_json_str(body, "verification_uri_complete");
    int64_t life = kf_json_int_or(body, "expires_in", LIFE_S),
            interval = kf_json_int_or(body, "interval", INTERVAL_S);
    size_t n = code ? strlen(code) : 0;
    if (!n || n > KF_PENDING_MAX) kf_flow_bad_answer(f, "the device code is not usable");
    else if (!code_ok(user)) kf_flow_bad_answer(f, "the code to confirm is not usable");
    else if (!kf_flow_url_ok(f, url))
        kf_flow_bad_answer(f, "the address to open (verification_uri) is no https address");
    else if (life <= 0) kf_flow_bad_answer(f, "the device code has run out already");
    else if (interval > life)
        kf_flow_bad_answer(f, "the polling interval is longer than the code lives");
    else {
        kf_secret_free(d->code);
        kf_secret_free(d->complete);
        d->code = kf_secret_new(code, n);
        d->complete =
            kf_flow_url_ok(f, complete) ? kf_secret_new(complete, strlen(complete)) : NULL;
        kf_flow_put(&d->url, url);
        if (!kf_str_set(d->user_code, sizeof d->user_code, user)) abort(); /* code_ok */
        d->interval_s = interval > 0 ? interval : INTERVAL_S;
        d->ends_ms = f->now_ms + (life < LIFE_MAX_S ? life : LIFE_MAX_S) * 1000;
        show_code(f, KF_NOTE_DEVICE, NULL);
        next_poll(f, d->interval_s);
    }
}

static void device_woken(kf_flow *f, int what, const kf_secret *text) {
    const device *d = device_of(f);
    if (f->now_ms >= d->ends_ms) {
        ran_out(f);
        return;
    }
    kf_json *g = kf_issuer_grant(f->issuer, KF_GRANT_DEVICE_CODE, f->client_id, NULL);
    kf_json_set_secret(g, "device_code", d->code);
    kf_flow_send(f, KF_PHASE_DEVICE, KF_JOB_SESSION, "POST",
                 kf_flow_path(f, KF_AT_AUTHENTICATE, NULL), g, false);
}

/* True: the flow goes on waiting, or offers a new code. */
static bool poll_failed(kf_flow *f, bool sure, const kf_err *why) {
    kf_workos_ask ask = kf_workos_ask_of(why->upstream); /* whatever the status */
    device *d = device_of(f);
    bool trouble = !sure || kf_workos_is_not_now(why->code);
    int64_t in = d->interval_s;
    if (ask == KF_ASK_SLOWER)
        in = d->interval_s += SLOWER_S; /* RFC 8628 §3.5: for all later requests */
    else if (ask == KF_ASK_EXPIRED) {
        ran_out(f);
        return true;
    } else if (trouble) {
        if (why->retry_after > in) in = why->retry_after;
        if (f->step.note != KF_NOTE_NETWORK)
            show_code(f, KF_NOTE_NETWORK, why); /* said once, not at every poll */
    } else if (ask != KF_ASK_PENDING) return false;
    if (!trouble && f->step.note != KF_NOTE_DEVICE) show_code(f, KF_NOTE_DEVICE, NULL);
    next_poll(f, in);
    return true;
}

static bool device_failed(kf_flow *f, int what, bool sure, kf_err *e) {
    if (what == KF_JOB_SESSION) return poll_failed(f, sure, e);
    if (what == DEVICE_STARTED && sure && e->code == KF_ERR_WORKOS_DECLINED) {
        /* nobody was asked yet */
        e->code = KF_ERR_WORKOS_METHOD_DISABLED;
        kf_hint(e, "Sign-in by another device is not enabled for this environment.");
    }
    return false;
}

static bool device_answer(kf_flow *f, kf_flow_act act, const kf_secret *value, kf_err *err) {
    device_enter(f, NULL);
    return true;
}

static void device_wipe(void *own) {
    device *d = own;
    kf_secret_free(d->code);
    kf_secret_free(d->complete);
    free(d->url);
}

const kf_flow_phase kf_phase_device = {
    .own = sizeof(device),
    .ways = 1u << KF_BY_DEVICE,
    .grant = KF_GRANT_DEVICE_CODE,
    .open = true,
    .enter = device_enter,
    .ask = device_ask,
    .answer = device_answer,
    .answered = device_answered,
    .woken = device_woken,
    .failed = device_failed,
    .wipe = device_wipe,
};
