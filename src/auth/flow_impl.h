#pragma once
/* Inside of a flow, shared by flow*.c. flow.c has the machine (steps, jobs, answers) and
 * sends every answer of WorkOS to the continuation it asks for; the other files are one
 * subject each. A continuation sets f->phase, shows a step, and gets the answer back
 * through the tables in flow.c. */
#include "auth/flow.h"

/* The question that is open, or that was answered last. */
typedef enum kf_phase {
    KF_PHASE_EMAIL,
    KF_PHASE_PASSWORD,
    KF_PHASE_RESET_TOKEN,
    KF_PHASE_NEW_PASSWORD,
    KF_PHASE_MAGIC,
    KF_PHASE_VERIFY,
    KF_PHASE_TOTP,
    KF_PHASE_FACTOR,
    KF_PHASE_ENROLL,
    KF_PHASE_RADAR_EMAIL,
    KF_PHASE_RADAR_PHONE,
    KF_PHASE_RADAR_SMS,
    KF_PHASE_ORG,
    KF_PHASE_DEVICE,
    KF_PHASE_SSO,
    KF_PHASE_BROWSER,
    KF_PHASE_OTHER_USER,
    KF_PHASE_END,
    KF_PHASE_COUNT
} kf_phase;

/* What a job is for. */
typedef enum kf_wait {
    KF_WAIT_AUTHENTICATE,
    KF_WAIT_CHALLENGE,
    KF_WAIT_MAGIC,
    KF_WAIT_VERIFY_FIND,
    KF_WAIT_VERIFY_SEND,
    KF_WAIT_ENROLL,
    KF_WAIT_RADAR_SMS,
    KF_WAIT_RESET,
    KF_WAIT_RESET_CONFIRM,
    KF_WAIT_DEVICE_START,
    KF_WAIT_DEVICE_POLL,
    KF_WAIT_DEVICE_GRANT,
    KF_WAIT_LISTEN,
    KF_WAIT_BROWSER_LIMIT,
    KF_WAIT_BROWSER_AGAIN,
    KF_WAIT_ABANDONED /* nobody wants the answer any more; what it made is undone */,
    KF_WAIT_UNDO
} kf_wait;

enum {
    KF_CHOICES_MAX = 10000,
    KF_PENDING_MAX = 4096,
    KF_JOBS_MAX = 8,
    KF_URL_MAX = 2048,
    KF_BROWSER_ROUNDS_MAX = 3
};
/* Bytes of a server's text in a step: an organization's name, an address. */
enum { KF_SHOWN_MAX = 255 };

typedef struct kf_slot {
    uint32_t id; /* 0: free */
    kf_wait wait;
    bool handed;
    char *path;
    kf_secret *body;
    kf_job job;
} kf_slot;

struct kf_flow {
    kf_method method;
    kf_phase phase;
    kf_phase asked_by; /* the question whose answer is being sent: it comes back when that fails */
    kf_step step;
    char *client_id, *origin, *email, *organization_id, *organization_name, *note_arg,
        *invitation_token;
    kf_secret *api_key; /* NULL: public client */
    kf_secret *pending; /* pending_authentication_token */
    int64_t now_ms;     /* CLOCK_BOOTTIME of the last thing that came in */
    kf_choice *choice;
    size_t n_choice;
    uint32_t last_job;
    kf_slot slot[KF_JOBS_MAX];
    kf_session *session;
    char taken[96]; /* id of the session that was taken */
    /* another person's profile */
    kf_person owner, person;
    bool replaces;
    char *new_profile;
    /* mfa, enrolment */
    char challenge[96], factor[96];
    kf_secret *uri, *uri_key; /* otpauth, and its secret */
    bool undo_factor;         /* made here, and no code of it was accepted yet */
    /* e-mail verification, radar, reset */
    char user_id[96], verification_id[96], radar_id[96], phone[40];
    kf_secret *reset_token;
    /* device */
    kf_secret *device_code, *complete; /* verification_uri_complete */
    char user_code[40];
    int64_t interval_s, ends_ms;
    /* browser */
    char *url; /* also the device's verification_uri */
    char *provider, *connection_id, *domain_hint, *screen_hint, *prompt;
    int64_t max_age;
    int redirect_port, port; /* wanted; the listener's */
    int rounds, tries;
    char chosen[96]; /* the organization that was chosen last */
    bool org_alone;  /* the organization's own identity provider, not its hosted page */
    char state[44];
    kf_secret *verifier, *code;
    kf_note browser_note;
    char *browser_arg;
    void (*sha256)(const void *bytes, size_t n, uint8_t out[32]);
    uint8_t seed[64];
};

/* flow.c, for the subjects */
void kf_flow_show(kf_flow *f, kf_phase phase, kf_step_kind kind, kf_field field, uint32_t acts);
void kf_flow_note(kf_flow *f, kf_note note, const char *arg, const kf_err *why); /* after _show */
void kf_flow_fail(kf_flow *f, const kf_err *err);
void kf_flow_failf(kf_flow *f, kf_err_code code, const char *what, const char *hint);
void kf_flow_bad_answer(kf_flow *f, const char *what);
/* A job in a free slot; the caller fills slot->job beyond id and kind. */
kf_slot *kf_flow_job(kf_flow *f, kf_wait wait, kf_job_kind kind);
void kf_flow_drop(kf_flow *f,
                  kf_wait wait); /* LISTEN and WAIT_UNTIL jobs: nobody waits for them any more */
void kf_flow_abandon(kf_flow *f,
                     kf_wait wait); /* REQUEST jobs that are out: when one succeeds, it is undone */
void kf_flow_wait_until(kf_flow *f, kf_wait wait, int64_t at_ms);
/* path and body are taken over. _send leaves the step as it is; _request (GET without a body, else
 * POST) shows WAIT, and the question comes back when it fails. */
void kf_flow_send(kf_flow *f, kf_wait wait, const char *method, char *path, kf_json *body,
                  bool key);
void kf_flow_request(kf_flow *f, kf_wait wait, char *path, kf_json *body, bool key);
char *kf_flow_path(kf_at at, const char *id); /* id as in kf_issuer_path, checked by the caller */
void kf_flow_authenticate(kf_flow *f, kf_json *grant);
void kf_flow_ask_again(kf_flow *f, kf_note note, const char *arg,
                       const kf_err *why); /* the question that was answered last */
void kf_flow_clear_choices(kf_flow *f);
void kf_flow_add_choice(kf_flow *f, const char *id,
                        const char *label); /* caller checked the id's length */
void kf_flow_put(char **dst,
                 const char *value); /* a copy instead of what was there; "" becomes NULL */
/* https, or http of this machine when WorkOS's API is on this machine too; printable; at most
 * KF_URL_MAX. */
bool kf_flow_url_ok(const kf_flow *f, const char *url);
/* Sends a typed code with this grant and the pending token; more may be NULL: members beside them.
 */
KF_CHECK bool kf_flow_code_submit(kf_flow *f, kf_grant grant, const kf_secret *typed, kf_json *more,
                                  kf_err *err);

/* flow_password.c */
void kf_flow_password_start(kf_flow *f);
void kf_flow_ask_email(kf_flow *f);
void kf_flow_ask_password(kf_flow *f);
void kf_flow_back_to_email(kf_flow *f); /* forgets the address and asks for it */
KF_CHECK bool kf_flow_email_submit(kf_flow *f, const kf_secret *value, kf_err *err);
KF_CHECK bool kf_flow_password_submit(kf_flow *f, const kf_secret *value, kf_err *err);
/* flow_reset.c */
void kf_flow_reset_start(kf_flow *f);
void kf_flow_reset_asked(kf_flow *f);
void kf_flow_ask_reset_token(kf_flow *f);
void kf_flow_ask_new_password(kf_flow *f);
KF_CHECK bool kf_flow_reset_token_submit(kf_flow *f, const kf_secret *value, kf_err *err);
KF_CHECK bool kf_flow_new_password_submit(kf_flow *f, const kf_secret *value, kf_err *err);
void kf_flow_reset_done(kf_flow *f);
void kf_flow_reset_refused(kf_flow *f, kf_wait wait, const kf_err *why);
/* flow_email.c: codes that come by e-mail */
void kf_flow_magic_start(kf_flow *f);
void kf_flow_magic_sent(kf_flow *f, const kf_json *body);
void kf_flow_ask_magic(kf_flow *f);
KF_CHECK bool kf_flow_magic_submit(kf_flow *f, const kf_secret *value, kf_err *err);
void kf_flow_verify_required(kf_flow *f, const kf_json *body);
void kf_flow_ask_verify(kf_flow *f);
KF_CHECK bool kf_flow_verify_submit(kf_flow *f, const kf_secret *value, kf_err *err);
void kf_flow_verify_resend(kf_flow *f);
void kf_flow_verify_found(kf_flow *f, const kf_json *body);
void kf_flow_verify_sent(kf_flow *f);
/* flow_mfa.c */
void kf_flow_mfa_challenge(kf_flow *f, const kf_json *body);
void kf_flow_mfa_factor(kf_flow *f, const char *id);
void kf_flow_mfa_challenged(kf_flow *f, const kf_json *body);
void kf_flow_ask_factor(kf_flow *f);
void kf_flow_ask_totp(kf_flow *f);
KF_CHECK bool kf_flow_mfa_submit(kf_flow *f, const kf_secret *value, kf_err *err);
/* flow_enroll.c */
void kf_flow_enroll_required(kf_flow *f, const kf_json *body, const kf_err *why);
void kf_flow_enrolled(kf_flow *f, const kf_json *body);
void kf_flow_ask_enroll(kf_flow *f);
void kf_flow_undo_factor(kf_flow *f, const char *id);
/* flow_radar.c */
void kf_flow_radar_required(kf_flow *f, kf_workos_ask ask, const kf_json *body, const kf_err *why);
void kf_flow_ask_radar_email(kf_flow *f);
void kf_flow_ask_radar_phone(kf_flow *f);
void kf_flow_ask_radar_sms(kf_flow *f);
KF_CHECK bool kf_flow_radar_email_submit(kf_flow *f, const kf_secret *value, kf_err *err);
KF_CHECK bool kf_flow_radar_phone_submit(kf_flow *f, const kf_secret *value, kf_err *err);
KF_CHECK bool kf_flow_radar_sms_submit(kf_flow *f, const kf_secret *value, kf_err *err);
void kf_flow_radar_sms_sent(kf_flow *f, const kf_json *body);
void kf_flow_radar_resend(kf_flow *f);
/* flow_org.c */
void kf_flow_org_required(kf_flow *f, const kf_json *body);
void kf_flow_ask_org(kf_flow *f);
KF_CHECK bool kf_flow_org_choose(kf_flow *f, const char *id, kf_err *err);
/* flow_device.c */
void kf_flow_device_start(kf_flow *f);
void kf_flow_ask_device(kf_flow *f);
void kf_flow_device_started(kf_flow *f, const kf_json *body);
void kf_flow_device_poll(kf_flow *f);
/* True: the flow goes on waiting (or asks for a new code). why NULL: no answer came at all. */
bool kf_flow_device_goes_on(kf_flow *f, kf_workos_ask ask, const kf_err *why);
/* flow_browser.c */
void kf_flow_browser_start(kf_flow *f);
void kf_flow_ask_browser(kf_flow *f);
void kf_flow_to_browser(kf_flow *f, kf_note note, const char *arg);
KF_CHECK bool kf_flow_browser_submit(kf_flow *f, const kf_secret *value,
                                     kf_err *err); /* a pasted address */
void kf_flow_browser_called_back(kf_flow *f, const kf_secret *query);
void kf_flow_browser_exchange(kf_flow *f);
void kf_flow_browser_again(kf_flow *f, const kf_err *why); /* the exchange got no answer */
/* flow_other.c */
void kf_flow_ask_other(kf_flow *f);
KF_CHECK bool kf_flow_other_answer(kf_flow *f, kf_flow_act act, const kf_secret *name, kf_err *err);
/* flow_sso.c */
void kf_flow_sso_start(kf_flow *f);
void kf_flow_ask_sso(kf_flow *f);
KF_CHECK bool kf_flow_sso_submit(kf_flow *f, const kf_secret *value, kf_err *err);
void kf_flow_sso_required(kf_flow *f, const kf_json *body);
