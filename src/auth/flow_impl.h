#pragma once
/* Inside of a flow, shared by flow*.c. flow.c has the machine (steps, jobs, answers) and
 * sends every answer of WorkOS to the continuation it asks for; the other files are one
 * subject each. A continuation sets f->phase, shows a step, and gets the answer back
 * through the table in flow.c. */
#include "auth/flow.h"

typedef enum kf_phase {
    KF_PHASE_EMAIL, KF_PHASE_PASSWORD, KF_PHASE_TOTP, KF_PHASE_FACTOR, KF_PHASE_ORG, KF_PHASE_END
} kf_phase;
/* What the request under way is for. */
typedef enum kf_wait { KF_WAIT_NONE, KF_WAIT_AUTHENTICATE, KF_WAIT_CHALLENGE } kf_wait;

enum { KF_CHOICES_MAX = 10000, KF_PENDING_MAX = 4096 };

struct kf_flow {
    kf_method method;
    kf_phase phase;
    kf_phase asked_by;          /* the question whose answer is being sent: it comes back when that fails */
    kf_step step;
    char *client_id, *origin, *email, *organization_id, *organization_name, *note_arg;
    kf_secret *api_key;         /* NULL: public client */
    kf_secret *pending;         /* pending_authentication_token */
    char challenge[96], factor[96];
    kf_choice *choice;
    size_t n_choice;
    kf_wait wait;
    uint32_t last_job, open_job; /* 0: none out */
    bool job_ready;
    kf_job job;
    char *path;
    kf_secret *body;
    kf_session *session;
};

/* flow.c, for the subjects */
void kf_flow_show(kf_flow *f, kf_phase phase, kf_step_kind kind, kf_field field, uint32_t acts);
void kf_flow_note(kf_flow *f, kf_note note, const char *arg, const kf_err *why); /* after _show */
void kf_flow_fail(kf_flow *f, const kf_err *err);
void kf_flow_failf(kf_flow *f, kf_err_code code, const char *what, const char *hint);
void kf_flow_request(kf_flow *f, kf_wait wait, char *path /* owned */, kf_json *body /* owned */, bool key);
void kf_flow_authenticate(kf_flow *f, kf_json *grant /* owned */);
void kf_flow_ask_again(kf_flow *f, kf_note note, const char *arg, const kf_err *why); /* the question that was answered last */
void kf_flow_clear_choices(kf_flow *f);
void kf_flow_add_choice(kf_flow *f, const char *id, const char *label); /* caller checked the id's length */

/* flow_password.c */
void kf_flow_password_start(kf_flow *f);
void kf_flow_ask_password(kf_flow *f);
void kf_flow_password_back(kf_flow *f); /* forgets the e-mail address and asks for it */
void kf_flow_password_email(kf_flow *f, const kf_secret *value);
void kf_flow_password_submit(kf_flow *f, const kf_secret *value);
/* flow_mfa.c */
void kf_flow_mfa_challenge(kf_flow *f, const kf_json *body);
void kf_flow_mfa_factor(kf_flow *f, const char *id);
void kf_flow_mfa_challenged(kf_flow *f, const kf_json *body);
void kf_flow_ask_totp(kf_flow *f);
KF_CHECK bool kf_flow_mfa_submit(kf_flow *f, const kf_secret *value, kf_err *err);
/* Six digits out of what was typed: spaces, dashes, full-width digits are fine; letters are not. */
KF_CHECK bool kf_flow_code_clean(const kf_secret *typed, char out[7], kf_err *err);
/* flow_org.c */
void kf_flow_org_required(kf_flow *f, const kf_json *body);
void kf_flow_ask_org(kf_flow *f);
KF_CHECK bool kf_flow_org_choose(kf_flow *f, const char *id, kf_err *err);
