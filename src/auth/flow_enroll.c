/* mfa_enrollment: an authenticator app is set up in the middle of a sign-in (WORKOS.md
 * §6.1, §6.6). The factor exists at WorkOS from the first answer on; until a code of it was
 * accepted it is half made, and is deleted when the person leaves. */
#include "auth/flow_impl.h"

#include "auth/account.h"
#include "base/str.h"

typedef enum enroll_job { ENROLL_MADE, ENROLL_CHALLENGED } enroll_job;

typedef struct enroll {
    kf_new_factor made;
} enroll;

static enroll *enroll_of(kf_flow *f) { return f->own[KF_PHASE_ENROLL]; }

static void enroll_ask(kf_flow *f) {
    const enroll *n = enroll_of(f);
    kf_flow_show(f, KF_PHASE_ENROLL, KF_STEP_SHOW_QR, KF_FIELD_TOTP, 1u << KF_ACT_SUBMIT);
    f->step.qr = n->made.uri;
    f->step.qr_text = n->made.key;
    kf_flow_note(f, KF_NOTE_ENROLL, NULL, NULL);
}

static void enroll_enter(kf_flow *f, const kf_flow_why *why) {
    char user[KF_ISSUER_ID_MAX];
    if (!f->pending || !kf_issuer_id(user, kf_json_str(kf_json_get(why->body, "user"), "id"))) {
        kf_err e = *why->err;
        kf_hint(&e, "Set up an authenticator app on the environment's own sign-in page, then sign "
                    "in again.");
        kf_flow_fail(f, &e);
        return;
    }
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "type", "totp");
    kf_flow_request(f, KF_PHASE_ENROLL, ENROLL_MADE, kf_flow_path(f, KF_AT_FACTORS, user), j);
}

static void enroll_made(kf_flow *f, const kf_json *body) {
    enroll *n = enroll_of(f);
    kf_err e;
    kf_new_factor_done(&n->made);
    bool ok = kf_account_enrolled(body, &n->made, &e);
    if (*n->made.id) kf_flow_undo_later(f, kf_flow_path(f, KF_AT_FACTOR, n->made.id));
    f->phase = KF_PHASE_ENROLL;
    if (!ok) kf_flow_fail(f, &e);
    else if (*n->made.challenge) enroll_ask(f);
    else
        kf_flow_request(f, KF_PHASE_ENROLL, ENROLL_CHALLENGED,
                        kf_flow_path(f, KF_AT_CHALLENGE, n->made.id), kf_json_obj());
}

static void enroll_answered(kf_flow *f, int what, const kf_json *body) {
    kf_err e;
    if (what == ENROLL_MADE) enroll_made(f, body);
    else if (kf_account_challenged(body, enroll_of(f)->made.challenge, &e)) enroll_ask(f);
    else kf_flow_fail(f, &e);
}

static bool enroll_answer(kf_flow *f, kf_flow_act act, const kf_secret *value, kf_err *err) {
    kf_json *more = kf_json_obj();
    kf_json_set_str(more, "authentication_challenge_id", enroll_of(f)->made.challenge);
    return kf_flow_code_submit(f, KF_PHASE_ENROLL, KF_GRANT_MFA_TOTP, value, more, err);
}

/* The code may have been taken: nothing is deleted on doubt. */
static bool enroll_failed(kf_flow *f, int what, bool sure, kf_err *e) {
    bool sent =
        e->code != KF_ERR_NET_RESOLVE && e->code != KF_ERR_NET_CONNECT && e->code != KF_ERR_NET_TLS;
    if (sure ? kf_workos_is_not_now(e->code) : sent && what == KF_JOB_SESSION)
        kf_flow_undo_later(f, NULL);
    return false;
}

static bool enroll_wrong(kf_flow *f, kf_workos_ask ask, const kf_err *e) {
    return kf_flow_code_wrong(f, ask, e, false);
}

static void enroll_wipe(void *own) {
    enroll *n = own;
    kf_new_factor_done(&n->made);
}

const kf_flow_phase kf_phase_enroll = {
    .own = sizeof(enroll),
    .asks = 1u << KF_ASK_MFA_ENROLLMENT,
    .grant = KF_GRANT_MFA_TOTP,
    .enter = enroll_enter,
    .ask = enroll_ask,
    .answer = enroll_answer,
    .answered = enroll_answered,
    .failed = enroll_failed,
    .wrong = enroll_wrong,
    .wipe = enroll_wipe,
};
