/* Codes that come by e-mail: magic auth, and e-mail verification as a step of any other
 * way (WORKOS.md §1.2, §5). */
#include "auth/flow_impl.h"

#include "auth/account.h"
#include "base/str.h"

enum { MAGIC_LIFE_S = 600 }; /* WORKOS.md §5: a code lives ten minutes */

/* --- magic auth
 * ----------------------------------------------------------------------------------- */

void kf_flow_magic_start(kf_flow *f) {
    if (!f->email) {
        kf_flow_ask_email(f);
        return;
    }
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "email", f->email);
    kf_json_set_str(j, "invitation_token", f->invitation_token);
    kf_flow_request(f, KF_WAIT_MAGIC, kf_flow_path(KF_AT_MAGIC, NULL), j, true);
}

/* The answer holds the code too, for those who mail it themselves. It is not read. */
void kf_flow_magic_sent(kf_flow *f, const kf_json *body) {
    f->ends_ms = f->now_ms + MAGIC_LIFE_S * 1000;
    kf_flow_ask_magic(f);
}

void kf_flow_ask_magic(kf_flow *f) {
    kf_flow_show(f, KF_PHASE_MAGIC, KF_STEP_FIELD, KF_FIELD_EMAIL_CODE,
                 1u << KF_ACT_SUBMIT | 1u << KF_ACT_RESEND | 1u << KF_ACT_BACK);
    f->step.ends_ms = f->ends_ms;
    kf_flow_note(f, KF_NOTE_SENT_TO, f->email, NULL);
}

bool kf_flow_magic_submit(kf_flow *f, const kf_secret *value, kf_err *err) {
    char code[7];
    if (!kf_account_code(value, code, err)) return false;
    f->pending = kf_secret_free(f->pending);
    kf_json *g = kf_issuer_grant(&kf_workos, KF_GRANT_MAGIC_AUTH, f->client_id, f->api_key);
    kf_json_set_str(g, "code", code);
    kf_json_set_str(g, "email", f->email);
    kf_json_set_str(g, "invitation_token", f->invitation_token);
    kf_wipe(code, sizeof code);
    kf_flow_authenticate(f, g);
    return true;
}

/* --- e-mail verification
 * -------------------------------------------------------------------------- */

void kf_flow_verify_required(kf_flow *f, const kf_json *body) {
    const char *email = kf_json_str(body, "email"),
               *user = kf_json_str(kf_json_get(body, "user"), "id");
    if (!f->pending) {
        kf_flow_bad_answer(f,
                           "email_verification_required came without pending_authentication_token");
        return;
    }
    if (!user) user = kf_json_str(body, "user_id");
    if (email && *email && strlen(email) < 320) kf_flow_put(&f->email, email);
    if (!kf_issuer_id(f->user_id, user)) f->user_id[0] = 0;
    if (!kf_issuer_id(f->verification_id, kf_json_str(body, "email_verification_id")))
        f->verification_id[0] = 0;
    kf_flow_ask_verify(f);
}

void kf_flow_ask_verify(kf_flow *f) {
    bool resend =
        *f->user_id || *f->verification_id; /* sending needs the user's id, or what leads to it */
    kf_flow_show(f, KF_PHASE_VERIFY, KF_STEP_FIELD, KF_FIELD_EMAIL_CODE,
                 1u << KF_ACT_SUBMIT | (resend ? 1u << KF_ACT_RESEND : 0));
    kf_flow_note(f, KF_NOTE_VERIFY_EMAIL, f->email, NULL);
}

bool kf_flow_verify_submit(kf_flow *f, const kf_secret *value, kf_err *err) {
    return kf_flow_code_submit(f, KF_GRANT_EMAIL_VERIFICATION, value, NULL, err);
}

void kf_flow_verify_resend(kf_flow *f) {
    if (*f->user_id)
        kf_flow_request(f, KF_WAIT_VERIFY_SEND, kf_flow_path(KF_AT_VERIFICATION_SEND, f->user_id),
                        kf_json_obj(), true);
    else {
        kf_flow_request(f, KF_WAIT_VERIFY_FIND,
                        kf_flow_path(KF_AT_VERIFICATION, f->verification_id), NULL, true);
    }
}

/* The object names the user; its code is left where it is. */
void kf_flow_verify_found(kf_flow *f, const kf_json *body) {
    if (!kf_issuer_id(f->user_id, kf_json_str(body, "user_id"))) {
        kf_err e;
        f->verification_id[0] = 0; /* does not lead anywhere: no "send again" any more */
        kf_fail(&e, KF_ERR_NET_BAD_ANSWER, "the e-mail verification names no user");
        kf_flow_ask_again(f, KF_NOTE_NETWORK, NULL, &e);
    } else {
        f->phase = KF_PHASE_VERIFY;
        kf_flow_verify_resend(f);
    }
}

void kf_flow_verify_sent(kf_flow *f) { kf_flow_ask_verify(f); }
