/* A second factor: mfa_challenge from any method (WORKOS.md §6.6). */
#include "auth/flow_impl.h"

#include "base/str.h"

typedef struct mfa {
    char challenge[KF_ISSUER_ID_MAX];
    bool challenged; /* the question is the code, not the factor */
} mfa;

static mfa *mfa_of(kf_flow *f) { return f->own[KF_PHASE_MFA]; }

static void ask_factor(kf_flow *f) {
    mfa_of(f)->challenged = false;
    kf_flow_show(f, KF_PHASE_MFA, KF_STEP_CHOOSE, KF_FIELD_NONE, 1u << KF_ACT_CHOOSE);
}

static void ask_code(kf_flow *f) {
    mfa_of(f)->challenged = true;
    kf_flow_show(f, KF_PHASE_MFA, KF_STEP_FIELD, KF_FIELD_TOTP, 1u << KF_ACT_SUBMIT);
    kf_flow_note(f, KF_NOTE_MFA, NULL, NULL);
}

static void mfa_ask(kf_flow *f) {
    if (mfa_of(f)->challenged) ask_code(f);
    else ask_factor(f);
}

static void challenge_factor(kf_flow *f, const char *id) {
    mfa_of(f)->challenged = false; /* when no answer comes the factor is asked for */
    f->phase = KF_PHASE_MFA;
    kf_flow_request(f, KF_PHASE_MFA, 0, kf_flow_path(f, KF_AT_CHALLENGE, id), kf_json_obj());
}

static void mfa_answered(kf_flow *f, int what, const kf_json *body) {
    if (!kf_issuer_id(mfa_of(f)->challenge, kf_json_str(body, "id")))
        kf_flow_bad_answer(f, "the challenge's id is not usable");
    else ask_code(f);
}

static void mfa_enter(kf_flow *f, const kf_flow_why *why) {
    if (!f->pending) {
        kf_flow_bad_answer(f, "mfa_challenge came without pending_authentication_token");
        return;
    }
    const kf_json *ready = kf_json_get(why->body, "authentication_challenge");
    if (kf_json_is_obj(ready)) { /* the emulator's shape: the challenge was made already */
        mfa_answered(f, 0, ready);
        return;
    }
    char id[KF_ISSUER_ID_MAX];
    kf_flow_clear_choices(f);
    const kf_json *list = kf_json_get(why->body, "authentication_factors");
    for (const kf_json *i = kf_json_first(list); i; i = kf_json_next(i))
        if (!strcmp(kf_json_str_or(i, "type", "totp"), "totp") &&
            kf_issuer_id(id, kf_json_str(i, "id")) && f->n_choice < 32)
            kf_flow_add_choice(f, id, "Authenticator app");
    if (!f->n_choice)
        kf_flow_failf(f, KF_ERR_WORKOS_STEP_UP,
                      "WorkOS asks for a second factor that is no authenticator app",
                      "Set up an authenticator app on the environment's own sign-in page, then "
                      "sign in again.");
    else if (f->n_choice == 1) challenge_factor(f, f->choice[0].id);
    else ask_factor(f);
}

static bool mfa_answer(kf_flow *f, kf_flow_act act, const kf_secret *value, kf_err *err) {
    if (act == KF_ACT_CHOOSE) {
        challenge_factor(f, kf_secret_peek(value));
        return true;
    }
    kf_json *more = kf_json_obj();
    kf_json_set_str(more, "authentication_challenge_id", mfa_of(f)->challenge);
    return kf_flow_code_submit(f, KF_PHASE_MFA, KF_GRANT_MFA_TOTP, value, more, err);
}

static bool mfa_wrong(kf_flow *f, kf_workos_ask ask, const kf_err *e) {
    return mfa_of(f)->challenged && kf_flow_code_wrong(f, ask, e, false);
}

const kf_flow_phase kf_phase_mfa = {
    .own = sizeof(mfa),
    .asks = 1u << KF_ASK_MFA_CHALLENGE,
    .grant = KF_GRANT_MFA_TOTP,
    .enter = mfa_enter,
    .ask = mfa_ask,
    .answer = mfa_answer,
    .answered = mfa_answered,
    .wrong = mfa_wrong,
};
