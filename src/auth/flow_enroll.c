/* mfa_enrollment: an authenticator app is set up in the middle of a sign-in (WORKOS.md
 * §6.1, §6.6). The factor exists at WorkOS from the first answer on; until a code of it was
 * accepted it is half made, and is deleted when the person leaves. */
#include "auth/flow_impl.h"

#include "auth/account.h"
#include "base/str.h"

void kf_flow_undo_factor(kf_flow *f, const char *id) {
    char safe[96];
    if (kf_issuer_id(safe, id))
        kf_flow_send(f, KF_WAIT_UNDO, "DELETE", kf_flow_path(KF_AT_FACTOR, safe), NULL, true);
}

void kf_flow_enroll_required(kf_flow *f, const kf_json *body, const kf_err *why) {
    char user[96];
    if (!f->pending || !kf_issuer_id(user, kf_json_str(kf_json_get(body, "user"), "id"))) {
        kf_err e = *why;
        kf_hint(&e, "Set up an authenticator app on the environment's own sign-in page, then sign "
                    "in again.");
        kf_flow_fail(f, &e);
        return;
    }
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "type", "totp");
    kf_flow_request(f, KF_WAIT_ENROLL, kf_flow_path(KF_AT_FACTORS, user), j, true);
}

/* The key for typing is the one in the URI: what the QR code says and what is typed must be the
 * same. */
static bool take_uri(kf_flow *f, const char *uri) {
    kf_secret *whole = NULL, *key = NULL;
    if (!kf_account_otpauth(uri, &whole, &key)) return false;
    kf_secret_free(f->uri);
    kf_secret_free(f->uri_key);
    f->uri = whole;
    f->uri_key = key;
    return true;
}

void kf_flow_enrolled(kf_flow *f, const kf_json *body) {
    const kf_json *factor = kf_workos_factor_of(body),
                  *challenge = kf_json_get(body, "authentication_challenge");
    if (!challenge) challenge = kf_json_get(body, "challenge");
    if (!kf_issuer_id(f->factor, kf_json_str(factor, "id"))) {
        kf_flow_bad_answer(f, "the new factor's id is not usable");
        return;
    }
    f->undo_factor = true;
    f->phase = KF_PHASE_ENROLL;
    if (!take_uri(f, kf_json_str(kf_json_get(factor, "totp"), "uri")))
        kf_flow_bad_answer(f, "the new factor's otpauth URI is not usable");
    else if (kf_json_is_obj(challenge)) kf_flow_mfa_challenged(f, challenge);
    else kf_flow_mfa_factor(f, kf_json_str(factor, "id"));
}

void kf_flow_ask_enroll(kf_flow *f) {
    kf_flow_show(f, KF_PHASE_ENROLL, KF_STEP_SHOW_QR, KF_FIELD_TOTP, 1u << KF_ACT_SUBMIT);
    f->step.qr = f->uri;
    f->step.qr_text = f->uri_key;
    kf_flow_note(f, KF_NOTE_ENROLL, NULL, NULL);
}
