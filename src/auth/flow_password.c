/* E-mail address and password, then whatever WorkOS asks for (WORKOS.md §1.2). */
#include "auth/flow_impl.h"

#include "base/str.h"

void kf_flow_ask_email(kf_flow *f) {
    kf_flow_show(f, KF_PHASE_EMAIL, KF_STEP_FIELD, KF_FIELD_EMAIL, 1u << KF_ACT_SUBMIT);
}

void kf_flow_ask_password(kf_flow *f) {
    kf_flow_show(f, KF_PHASE_PASSWORD, KF_STEP_FIELD, KF_FIELD_PASSWORD,
                 1u << KF_ACT_SUBMIT | 1u << KF_ACT_BACK | 1u << KF_ACT_RESET);
}

void kf_flow_password_start(kf_flow *f) {
    if (f->email) kf_flow_ask_password(f);
    else kf_flow_ask_email(f);
}

void kf_flow_back_to_email(kf_flow *f) {
    kf_flow_put(&f->email, NULL);
    f->pending = kf_secret_free(f->pending);
    kf_flow_ask_email(f);
}

bool kf_flow_email_submit(kf_flow *f, const kf_secret *value, kf_err *err) {
    kf_flow_put(&f->email, kf_secret_peek(value));
    if (f->method == KF_BY_MAGIC) kf_flow_magic_start(f);
    else kf_flow_ask_password(f);
    return true;
}

bool kf_flow_password_submit(kf_flow *f, const kf_secret *value, kf_err *err) {
    f->pending = kf_secret_free(f->pending); /* of an earlier try, perhaps for another address */
    kf_json *g = kf_issuer_grant(&kf_workos, KF_GRANT_PASSWORD, f->client_id, f->api_key);
    kf_json_set_str(g, "email", f->email);
    kf_json_set_secret(g, "password", value);
    kf_json_set_str(g, "invitation_token", f->invitation_token);
    kf_flow_authenticate(f, g);
    return true;
}
