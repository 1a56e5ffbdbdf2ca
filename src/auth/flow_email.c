/* The e-mail address, which a sign-in by password or by a mailed code asks for first. */
#include "auth/flow_impl.h"

static void email_ask(kf_flow *f) {
    kf_flow_show(f, KF_PHASE_EMAIL, KF_STEP_FIELD, KF_FIELD_EMAIL, 1u << KF_ACT_SUBMIT);
}

/* Also the way back: what was said for the address before does not count. */
static void email_enter(kf_flow *f, const kf_flow_why *why) {
    kf_flow_put(&f->email, NULL);
    f->pending = kf_secret_free(f->pending);
    email_ask(f);
}

static bool email_answer(kf_flow *f, kf_flow_act act, const kf_secret *value, kf_err *err) {
    kf_flow_put(&f->email, kf_secret_peek(value));
    kf_flow_go(f, f->first, KF_NOTE_NONE, NULL, NULL);
    return true;
}

const kf_flow_phase kf_phase_email = {
    .enter = email_enter,
    .ask = email_ask,
    .answer = email_answer,
};
