/* email_verification_required from any method (WORKOS.md §1.5, §5): a code that WorkOS mailed. It
 * is sent again by the user's id, which the e-mail verification names if the answer did not. */
#include "auth/flow_impl.h"

#include "base/str.h"

typedef enum verify_job { VERIFY_FOUND, VERIFY_SENT } verify_job;

typedef struct verify {
    char user_id[KF_ISSUER_ID_MAX], verification_id[KF_ISSUER_ID_MAX];
} verify;

static void verify_ask(kf_flow *f) {
    const verify *v = f->own[KF_PHASE_VERIFY];
    bool resend = *v->user_id || *v->verification_id;
    kf_flow_show(f, KF_PHASE_VERIFY, KF_STEP_FIELD, KF_FIELD_EMAIL_CODE,
                 1u << KF_ACT_SUBMIT | (resend ? 1u << KF_ACT_RESEND : 0));
    kf_flow_note(f, KF_NOTE_VERIFY_EMAIL, f->email, NULL);
}

static void verify_enter(kf_flow *f, const kf_flow_why *why) {
    verify *v = f->own[KF_PHASE_VERIFY];
    const char *email = kf_json_str(why->body, "email"),
               *user = kf_json_str(kf_json_get(why->body, "user"), "id");
    if (!f->pending) {
        kf_flow_bad_answer(f,
                           "email_verification_required came without pending_authentication_token");
        return;
    }
    if (!user) user = kf_json_str(why->body, "user_id");
    if (email && *email && strlen(email) < 320) kf_flow_put(&f->email, email);
    if (!kf_issuer_id(v->user_id, user)) v->user_id[0] = 0;
    if (!kf_issuer_id(v->verification_id, kf_json_str(why->body, "email_verification_id")))
        v->verification_id[0] = 0;
    verify_ask(f);
}

static void verify_resend(kf_flow *f) {
    const verify *v = f->own[KF_PHASE_VERIFY];
    if (*v->user_id)
        kf_flow_any_body(kf_flow_request(f, KF_PHASE_VERIFY, VERIFY_SENT,
                                         kf_flow_path(f, KF_AT_VERIFICATION_SEND, v->user_id),
                                         kf_json_obj()));
    else
        kf_flow_request(f, KF_PHASE_VERIFY, VERIFY_FOUND,
                        kf_flow_path(f, KF_AT_VERIFICATION, v->verification_id), NULL);
}

static bool verify_answer(kf_flow *f, kf_flow_act act, const kf_secret *value, kf_err *err) {
    if (act == KF_ACT_SUBMIT)
        return kf_flow_code_submit(f, KF_PHASE_VERIFY, KF_GRANT_EMAIL_VERIFICATION, value, NULL,
                                   err);
    verify_resend(f);
    return true;
}

/* The object names the user; its code is left where it is. */
static void verify_found(kf_flow *f, const kf_json *body) {
    verify *v = f->own[KF_PHASE_VERIFY];
    if (kf_issuer_id(v->user_id, kf_json_str(body, "user_id"))) {
        verify_resend(f);
        return;
    }
    kf_err e;
    v->verification_id[0] = 0; /* does not lead anywhere: no "send again" any more */
    kf_fail(&e, KF_ERR_NET_BAD_ANSWER, "the e-mail verification names no user");
    kf_flow_ask_again(f, KF_NOTE_NETWORK, NULL, &e);
}

static void verify_answered(kf_flow *f, int what, const kf_json *body) {
    if (what == VERIFY_FOUND) verify_found(f, body);
    else verify_ask(f);
}

static bool verify_wrong(kf_flow *f, kf_workos_ask ask, const kf_err *e) {
    return kf_flow_code_wrong(f, ask, e, true);
}

const kf_flow_phase kf_phase_verify = {
    .own = sizeof(verify),
    .asks = 1u << KF_ASK_EMAIL_VERIFICATION,
    .grant = KF_GRANT_EMAIL_VERIFICATION,
    .enter = verify_enter,
    .ask = verify_ask,
    .answer = verify_answer,
    .answered = verify_answered,
    .wrong = verify_wrong,
};
