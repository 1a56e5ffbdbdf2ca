/* A new password, from the password step (WORKOS.md §5). The answer to the request holds
 * the token itself; it is not read, because only the person's mailbox may prove who they are. */
#include "auth/flow_impl.h"

#include "base/str.h"

void kf_flow_reset_start(kf_flow *f) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "email", f->email);
    kf_flow_request(f, KF_WAIT_RESET, kf_flow_path(KF_AT_RESET, NULL), j, true);
}

void kf_flow_ask_reset_token(kf_flow *f) {
    kf_flow_show(f, KF_PHASE_RESET_TOKEN, KF_STEP_FIELD, KF_FIELD_RESET_TOKEN,
                 1u << KF_ACT_SUBMIT | 1u << KF_ACT_BACK);
    kf_flow_note(f, KF_NOTE_RESET_ASKED, f->email, NULL);
}

void kf_flow_reset_asked(kf_flow *f) { kf_flow_ask_reset_token(f); }

bool kf_flow_reset_token_submit(kf_flow *f, const kf_secret *value, kf_err *err) {
    kf_secret_free(f->reset_token);
    f->reset_token = kf_secret_copy(value);
    kf_flow_ask_new_password(f);
    return true;
}

void kf_flow_ask_new_password(kf_flow *f) {
    kf_flow_show(f, KF_PHASE_NEW_PASSWORD, KF_STEP_FIELD, KF_FIELD_NEW_PASSWORD,
                 1u << KF_ACT_SUBMIT | 1u << KF_ACT_BACK);
}

bool kf_flow_new_password_submit(kf_flow *f, const kf_secret *value, kf_err *err) {
    kf_json *j = kf_json_obj();
    kf_json_set_secret(j, "token", f->reset_token);
    kf_json_set_secret(j, "new_password", value);
    kf_flow_request(f, KF_WAIT_RESET_CONFIRM, kf_flow_path(KF_AT_RESET_CONFIRM, NULL), j, true);
    return true;
}

void kf_flow_reset_done(kf_flow *f) {
    f->reset_token = kf_secret_free(f->reset_token);
    kf_flow_ask_password(f);
    kf_flow_note(f, KF_NOTE_PASSWORD_CHANGED, NULL, NULL);
}

void kf_flow_reset_refused(kf_flow *f, kf_wait wait, const kf_err *why) {
    f->reset_token = kf_secret_free(f->reset_token);
    if (wait == KF_WAIT_RESET) kf_flow_ask_password(f);
    else
        kf_flow_ask_reset_token(
            f); /* the token may be old, or the password too weak: both are typed again */
    kf_flow_note(f, wait == KF_WAIT_RESET ? KF_NOTE_RESET_REFUSED : KF_NOTE_BAD_PASSWORD, f->email,
                 why);
}
