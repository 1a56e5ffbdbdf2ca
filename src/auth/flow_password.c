/* Password sign-in: e-mail, password, then whatever WorkOS asks for (workos-api.md §1.2). */
#include "auth/flow_impl.h"

#include "base/str.h"

void kf_flow_password_start(kf_flow *f) {
    if (f->email) kf_flow_ask_password(f);
    else kf_flow_show(f, KF_PHASE_EMAIL, KF_STEP_FIELD, KF_FIELD_EMAIL, 1u << KF_ACT_SUBMIT);
}

void kf_flow_ask_password(kf_flow *f) {
    kf_flow_show(f, KF_PHASE_PASSWORD, KF_STEP_FIELD, KF_FIELD_PASSWORD, 1u << KF_ACT_SUBMIT | 1u << KF_ACT_BACK);
}

void kf_flow_password_back(kf_flow *f) {
    free(f->email);
    f->email = NULL;
    kf_flow_password_start(f);
}

void kf_flow_password_email(kf_flow *f, const kf_secret *value) {
    free(f->email);
    f->email = kf_strdup(kf_secret_peek(value));
    kf_flow_ask_password(f);
}

void kf_flow_password_submit(kf_flow *f, const kf_secret *value) {
    f->pending = kf_secret_free(f->pending); /* of an earlier try, perhaps for another address */
    kf_json *g = kf_workos_grant(KF_GRANT_PASSWORD, f->client_id, f->api_key);
    kf_json_set_str(g, "email", f->email);
    kf_json_set_secret(g, "password", value);
    kf_flow_authenticate(f, g);
}
