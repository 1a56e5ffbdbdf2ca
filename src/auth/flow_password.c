/* The password, then whatever WorkOS asks for (WORKOS.md §1.2). It leads to a new password, and
 * back to the address. */
#include "auth/flow_impl.h"

static void password_ask(kf_flow *f) {
    kf_flow_show(f, KF_PHASE_PASSWORD, KF_STEP_FIELD, KF_FIELD_PASSWORD,
                 1u << KF_ACT_SUBMIT | 1u << KF_ACT_BACK | 1u << KF_ACT_RESET);
}

static void password_enter(kf_flow *f, const kf_flow_why *why) {
    if (!f->email) {
        kf_flow_go(f, KF_PHASE_EMAIL, KF_NOTE_NONE, NULL, NULL);
        return;
    }
    password_ask(f);
    if (why->note != KF_NOTE_NONE) kf_flow_note(f, why->note, why->arg, why->err);
}

static void password_submit(kf_flow *f, const kf_secret *value) {
    f->pending = kf_secret_free(f->pending); /* of an earlier try, perhaps for another address */
    kf_json *g = kf_flow_grant(f, KF_GRANT_PASSWORD);
    kf_json_set_str(g, "email", f->email);
    kf_json_set_secret(g, "password", value);
    kf_json_set_str(g, "invitation_token", f->invitation_token);
    kf_flow_authenticate(f, KF_PHASE_PASSWORD, g);
}

static bool password_answer(kf_flow *f, kf_flow_act act, const kf_secret *value, kf_err *err) {
    if (act == KF_ACT_SUBMIT) password_submit(f, value);
    else
        kf_flow_go(f, act == KF_ACT_RESET ? KF_PHASE_RESET : KF_PHASE_EMAIL, KF_NOTE_NONE, NULL,
                   NULL);
    return true;
}

static bool password_wrong(kf_flow *f, kf_workos_ask ask, const kf_err *e) {
    if (ask != KF_ASK_WRONG_PASSWORD) return false;
    kf_flow_ask_again(f, KF_NOTE_BAD_CREDENTIALS, f->email, e);
    return true;
}

const kf_flow_phase kf_phase_password = {
    .ways = 1u << KF_BY_PASSWORD,
    .grant = KF_GRANT_PASSWORD,
    .enter = password_enter,
    .ask = password_ask,
    .answer = password_answer,
    .wrong = password_wrong,
};
