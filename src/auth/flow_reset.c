/* A new password, from the password step (WORKOS.md §5). The answer to the request holds
 * the token itself; it is not read, because only the person's mailbox may prove who they are. */
#include "auth/flow_impl.h"

typedef enum reset_job { RESET_ASKED, RESET_CONFIRMED } reset_job;

typedef struct reset {
    kf_secret *token;
    bool has_token; /* the question is the new password, not the token */
} reset;

static reset *reset_of(kf_flow *f) { return f->own[KF_PHASE_RESET]; }

static void ask_token(kf_flow *f) {
    reset_of(f)->has_token = false;
    kf_flow_show(f, KF_PHASE_RESET, KF_STEP_FIELD, KF_FIELD_RESET_TOKEN,
                 1u << KF_ACT_SUBMIT | 1u << KF_ACT_BACK);
    kf_flow_note(f, KF_NOTE_RESET_ASKED, f->email, NULL);
}

static void ask_password(kf_flow *f) {
    reset_of(f)->has_token = true;
    kf_flow_show(f, KF_PHASE_RESET, KF_STEP_FIELD, KF_FIELD_NEW_PASSWORD,
                 1u << KF_ACT_SUBMIT | 1u << KF_ACT_BACK);
}

static void reset_ask(kf_flow *f) {
    if (reset_of(f)->has_token) ask_password(f);
    else ask_token(f);
}

static void reset_enter(kf_flow *f, const kf_flow_why *why) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "email", f->email);
    kf_flow_any_body(
        kf_flow_request(f, KF_PHASE_RESET, RESET_ASKED, kf_flow_path(f, KF_AT_RESET, NULL), j));
}

static bool reset_answer(kf_flow *f, kf_flow_act act, const kf_secret *value, kf_err *err) {
    reset *r = reset_of(f);
    if (act == KF_ACT_BACK) {
        kf_flow_go(f, KF_PHASE_PASSWORD, KF_NOTE_NONE, NULL, NULL);
    } else if (!r->has_token) {
        kf_secret_free(r->token);
        r->token = kf_secret_copy(value);
        ask_password(f);
    } else {
        kf_json *j = kf_json_obj();
        kf_json_set_secret(j, "token", r->token);
        kf_json_set_secret(j, "new_password", value);
        kf_flow_any_body(kf_flow_request(f, KF_PHASE_RESET, RESET_CONFIRMED,
                                         kf_flow_path(f, KF_AT_RESET_CONFIRM, NULL), j));
    }
    return true;
}

static void reset_answered(kf_flow *f, int what, const kf_json *body) {
    reset *r = reset_of(f);
    if (what == RESET_ASKED) {
        ask_token(f);
        return;
    }
    r->token = kf_secret_free(r->token);
    kf_flow_go(f, KF_PHASE_PASSWORD, KF_NOTE_PASSWORD_CHANGED, NULL, NULL);
}

/* The token may be old, or the password too weak: both are typed again. */
static bool reset_failed(kf_flow *f, int what, bool sure, kf_err *e) {
    reset *r = reset_of(f);
    if (!sure || kf_workos_is_not_now(e->code)) return false;
    r->token = kf_secret_free(r->token);
    if (what == RESET_ASKED) {
        kf_flow_go(f, KF_PHASE_PASSWORD, KF_NOTE_RESET_REFUSED, f->email, e);
    } else {
        ask_token(f);
        kf_flow_note(f, KF_NOTE_BAD_PASSWORD, f->email, e);
    }
    return true;
}

static void reset_wipe(void *own) {
    reset *r = own;
    kf_secret_free(r->token);
}

const kf_flow_phase kf_phase_reset = {
    .own = sizeof(reset),
    .enter = reset_enter,
    .ask = reset_ask,
    .answer = reset_answer,
    .answered = reset_answered,
    .failed = reset_failed,
    .wipe = reset_wipe,
};
