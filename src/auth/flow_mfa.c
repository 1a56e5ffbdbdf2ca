/* A second factor: mfa_challenge from any method (WORKOS.md §6.6). */
#include "auth/flow_impl.h"

#include "auth/account.h"
#include "base/str.h"

void kf_flow_ask_factor(kf_flow *f) {
    kf_flow_show(f, KF_PHASE_FACTOR, KF_STEP_CHOOSE, KF_FIELD_NONE, 1u << KF_ACT_CHOOSE);
}

void kf_flow_ask_totp(kf_flow *f) {
    kf_flow_show(f, KF_PHASE_TOTP, KF_STEP_FIELD, KF_FIELD_TOTP, 1u << KF_ACT_SUBMIT);
    kf_flow_note(f, KF_NOTE_MFA, NULL, NULL);
}

void kf_flow_mfa_factor(kf_flow *f, const char *id) {
    if (!kf_issuer_id(f->factor, id)) {
        kf_flow_bad_answer(f, "the factor's id is not usable");
        return;
    }
    if (f->phase != KF_PHASE_ENROLL)
        f->phase =
            KF_PHASE_FACTOR; /* when no answer comes the factor is asked for, not what led here */
    kf_flow_request(f, KF_WAIT_CHALLENGE, kf_flow_path(KF_AT_CHALLENGE, f->factor), kf_json_obj(),
                    true);
}

void kf_flow_mfa_challenge(kf_flow *f, const kf_json *body) {
    if (!f->pending) {
        kf_flow_bad_answer(f, "mfa_challenge came without pending_authentication_token");
        return;
    }
    const kf_json *ready = kf_json_get(body, "authentication_challenge");
    if (kf_json_is_obj(ready)) { /* the emulator's shape: the challenge was made already */
        kf_flow_mfa_challenged(f, ready);
        return;
    }
    char id[96];
    kf_flow_clear_choices(f);
    const kf_json *list = kf_json_get(body, "authentication_factors");
    for (const kf_json *i = kf_json_first(list); i; i = kf_json_next(i))
        if (!strcmp(kf_json_str_or(i, "type", "totp"), "totp") &&
            kf_issuer_id(id, kf_json_str(i, "id")) && f->n_choice < 32)
            kf_flow_add_choice(f, id, "Authenticator app");
    if (!f->n_choice)
        kf_flow_failf(f, KF_ERR_WORKOS_STEP_UP,
                      "WorkOS asks for a second factor that is no authenticator app",
                      "Set up an authenticator app on the environment's own sign-in page, then "
                      "sign in again.");
    else if (f->n_choice == 1) kf_flow_mfa_factor(f, f->choice[0].id);
    else kf_flow_ask_factor(f);
}

void kf_flow_mfa_challenged(kf_flow *f, const kf_json *body) {
    if (!kf_issuer_id(f->challenge, kf_json_str(body, "id")))
        kf_flow_bad_answer(f, "the challenge's id is not usable");
    else if (f->undo_factor) kf_flow_ask_enroll(f);
    else kf_flow_ask_totp(f);
}

bool kf_flow_code_submit(kf_flow *f, kf_grant grant, const kf_secret *typed, kf_json *more,
                         kf_err *err) {
    KF_AUTO(kf_json) rest = more;
    char code[7];
    if (!kf_account_code(typed, code, err)) return false;
    kf_json *g = kf_issuer_grant(&kf_workos, grant, f->client_id, f->api_key);
    kf_json_set_str(g, "code", code);
    kf_wipe(code, sizeof code);
    kf_json_set_secret(g, "pending_authentication_token", f->pending);
    for (const kf_json *i = kf_json_first(rest); i; i = kf_json_next(i))
        kf_json_set(g, kf_json_key(i), kf_json_copy(i));
    kf_flow_authenticate(f, g);
    return true;
}

bool kf_flow_mfa_submit(kf_flow *f, const kf_secret *value, kf_err *err) {
    kf_json *more = kf_json_obj();
    kf_json_set_str(more, "authentication_challenge_id", f->challenge);
    return kf_flow_code_submit(f, KF_GRANT_MFA_TOTP, value, more, err);
}
