#pragma once
/* One sign-in, from the first question to a session. Pure: no I/O, no clock, no dice.
 * A flow always has one step (what a person should see now) and a queue of jobs (what
 * its owner must do). Its owner does the jobs (agent: HTTP; test: a transcript)
 * and shows the step (screen, prompt, script). One thread. */
#include "auth/person.h"
#include "auth/session.h"
#include "auth/workos.h"
#include "base/err.h"
#include "base/secret.h"

typedef struct kf_flow kf_flow;

typedef enum kf_method {
    KF_BY_PASSWORD,
    KF_BY_MAGIC,
    KF_BY_BROWSER,
    KF_BY_DEVICE,
    KF_BY_SSO,
    KF_METHOD_COUNT
} kf_method;
const char *kf_method_name(kf_method m); /* "password" "magic" "browser" "device" "sso" */
bool kf_method_from_name(const char *name, kf_method *out);

typedef enum kf_field {
    KF_FIELD_NONE,
    KF_FIELD_EMAIL,
    KF_FIELD_PASSWORD,
    KF_FIELD_EMAIL_CODE,
    KF_FIELD_TOTP,
    KF_FIELD_SMS_CODE,
    KF_FIELD_PHONE,
    KF_FIELD_REDIRECT_URL /* pasted over SSH */,
    KF_FIELD_ORGANIZATION /* for SSO: org_, conn_ or a domain */,
    KF_FIELD_RESET_TOKEN,
    KF_FIELD_NEW_PASSWORD,
    KF_FIELD_OTHER_USER /* the session is there and of another person than the profile's */,
    KF_FIELD_COUNT
} kf_field;
/* "email" "password" "email_code" "totp" "sms_code" "phone" "redirect_url" "organization"
 * "reset_token" "new_password" "other_user" */
const char *kf_field_name(kf_field f);

typedef enum kf_step_kind {
    KF_STEP_WAIT,
    KF_STEP_FIELD,
    KF_STEP_CHOOSE,
    KF_STEP_OPEN_URL,
    KF_STEP_SHOW_QR,
    KF_STEP_DONE,
    KF_STEP_FAILED
} kf_step_kind;
const char *kf_step_kind_name(
    kf_step_kind k); /* "wait" "field" "choose" "open_url" "show_qr" "done" "failed" */

typedef enum kf_flow_act {
    KF_ACT_SUBMIT,
    KF_ACT_RESEND,
    KF_ACT_NEW_CODE,
    KF_ACT_BACK,
    KF_ACT_BROWSER,
    KF_ACT_CHOOSE,
    KF_ACT_RESET /* at the password: make a new one */,
    KF_ACT_REPLACE /* the profile is this person's from now on */,
    KF_ACT_NEW_PROFILE /* value: the name of the profile that is made for the session */,
    KF_ACT_COUNT
} kf_flow_act;
const char *kf_flow_act_name(kf_flow_act a); /* "submit" "resend" "new_code" "back" "browser"
                                                "choose" "reset" "replace" "new_profile" */
bool kf_flow_act_from_name(const char *name, kf_flow_act *out);

typedef struct kf_choice {
    char id[96];
    char *label;
    char *detail;
} kf_choice; /* organization id, name, "" */

/* What was said about the previous answer; words.c has the sentence. */
typedef enum kf_note {
    KF_NOTE_NONE,
    KF_NOTE_BAD_CREDENTIALS,
    KF_NOTE_BAD_CODE,
    KF_NOTE_CODE_EXPIRED,
    KF_NOTE_TOO_MANY,
    KF_NOTE_CODE_USED,
    KF_NOTE_MFA,
    KF_NOTE_ORGANIZATION,
    KF_NOTE_SENT_TO,
    KF_NOTE_SLOW_DOWN,
    KF_NOTE_NETWORK,
    KF_NOTE_ENROLL /* an authenticator app must be set up */,
    KF_NOTE_VERIFY_EMAIL /* arg: address */,
    KF_NOTE_SSO /* arg: address or organization */,
    KF_NOTE_PUBLIC_STEP_UP /* arg: upstream code; goes on in the browser */,
    KF_NOTE_DEVICE,
    KF_NOTE_BROWSER,
    KF_NOTE_RADAR,
    KF_NOTE_RESET_ASKED /* arg: address */,
    KF_NOTE_PASSWORD_CHANGED,
    KF_NOTE_BAD_PASSWORD /* the new one is not taken; err has why */,
    KF_NOTE_RESET_REFUSED /* no password is reset here; err has why */,
    KF_NOTE_HOSTED_STEP /* arg: upstream code; only the hosted page has it; goes on in the browser
                         */
    ,
    KF_NOTE_OTHER_USER /* arg: who signed in; the step has both persons */,
    KF_NOTE_OTHER_ENVIRONMENT /* the same; the profile's session is of another environment */,
    KF_NOTE_COUNT
} kf_note;
const char *kf_note_name(kf_note n); /* "bad_credentials", ... "" for NONE */

typedef struct kf_step { /* borrowed until the next call on the flow */
    uint32_t serial;     /* another number = another question; answers quote it */
    kf_step_kind kind;
    kf_field field;
    uint32_t acts; /* 1u << kf_flow_act, those possible now */
    kf_note note;
    const char *note_arg; /* e-mail address, seconds, ...; may be NULL; sanitised by who shows it */
    const char *url, *user_code;
    const kf_secret *qr; /* SHOW_QR: otpauth://..., OPEN_URL of a device: verification_uri_complete;
                            byte for byte */
    const kf_secret *qr_text; /* SHOW_QR: the key to type instead, when WorkOS gave one */
    const kf_choice *choice;
    size_t n_choice;
    const kf_person *owner, *person; /* OTHER_USER: whose the profile is, who signed in */
    int64_t ends_ms;                 /* on the flow's clock, 0 = never */
    kf_err err;                      /* FAILED; also FIELD with a note: the answer's details */
} kf_step;

/* REQUEST: one HTTP request. LISTEN: open the redirect listener and call kf_flow_listening(); it
 * ends with kf_flow_job_done(status 200, body = the query string of the callback as it came) or
 * with err. WAIT_UNTIL: call kf_flow_job_done(status 200) at that time. */
typedef enum kf_job_kind { KF_JOB_REQUEST, KF_JOB_LISTEN, KF_JOB_WAIT_UNTIL } kf_job_kind;
typedef struct kf_job { /* strings borrowed until kf_flow_job_done of this id or kf_flow_free */
    uint32_t id;
    kf_job_kind kind;
    const char *method, *path; /* REQUEST: below the API origin */
    const kf_secret *body;     /* NULL: none */
    bool key;                  /* owner adds the API key as bearer */
    int64_t at_ms;             /* WAIT_UNTIL, on the flow's clock */
    int port;                  /* LISTEN: 0 any free one */
    const char *state; /* LISTEN: the callback is the one with exactly this state; every other
                          request is turned away */
} kf_job;

typedef struct kf_flow_opts {
    kf_method method;
    const char *client_id;
    const kf_secret *api_key;    /* NULL: public client; borrowed only during the call */
    const char *origin;          /* where the answers come from, for the record */
    const char *email;           /* NULL or "": will be asked */
    const char *organization_id; /* preferred organization, chosen without asking when offered; NULL
                                    or "" */
    /* browser and SSO (WORKOS.md §2); NULL or "" leaves them out. provider "" means authkit. */
    const char *provider, *connection_id, *domain_hint, *screen_hint, *prompt;
    int64_t max_age;              /* -1: left out */
    int redirect_port;            /* 0: any free one */
    const char *invitation_token; /* for the grants that take one */
    void (*sha256)(const void *bytes, size_t n,
                   uint8_t out[32]); /* for PKCE: src/auth has no crypto of its own */
    int64_t now_ms;   /* the flow's clock: CLOCK_BOOTTIME; the wall clock may be set */
    uint8_t seed[64]; /* all randomness; tests pass constants */
} kf_flow_opts;

kf_flow *kf_flow_new(const kf_flow_opts *o,
                     kf_err *err);             /* NULL: KF_ERR_WORKOS_NEEDS_API_KEY, _USAGE_* */
kf_flow *kf_flow_free(kf_flow *f);             /* wipes; returns NULL */
const kf_step *kf_flow_step(const kf_flow *f); /* never NULL */
/* SUBMIT carries the typed value, CHOOSE the id of a choice. A wrong serial, act or empty value is
 * refused and changes nothing. A malformed code (letters) is refused with a hint, not sent. */
KF_CHECK bool kf_flow_answer(kf_flow *f, uint32_t serial, kf_flow_act act, const kf_secret *value,
                             kf_err *err);
/* Jobs may run side by side (LISTEN beside WAIT_UNTIL): ask until it says false. */
/* Becomes FAILED(cancelled). REQUEST jobs that are out stay out: report their answers too. The flow
 * then hands out, as jobs, what has to be undone: a factor that was half made, a session that
 * began. LISTEN and WAIT_UNTIL end at once. */
void kf_flow_cancel(kf_flow *f);
bool kf_flow_next_job(kf_flow *f, kf_job *out); /* false: nothing to start now */
/* status 0 with err: no answer came. body may be NULL. now: when it arrived. Unknown ids are
 * ignored. */
void kf_flow_job_done(kf_flow *f, uint32_t id, int status, const kf_secret *body,
                      int32_t retry_after, const char *request_id, const kf_err *err,
                      const kf_moment *now);
/* The LISTEN job of this id listens on 127.0.0.1:port: the flow makes the authorize URL and shows
 * it. */
void kf_flow_listening(kf_flow *f, uint32_t id, int port);
kf_session *kf_flow_take_session(kf_flow *f); /* once, when DONE; caller owns */
/* The owner could not keep the session that it took: FAILED with err, and the flow hands out the
 * job that ends the session at WorkOS. */
void kf_flow_give_back(kf_flow *f, const kf_err *err);

/* The session that was taken is of another person than the profile (owner), or of another
 * environment, and was stored nowhere: it goes back into the flow (owned), which asks whether it
 * REPLACEs the profile's or gets a NEW_PROFILE. The answer is DONE again. why: NULL, or why the
 * answer before came to nothing. A cancel ends the session at WorkOS. */
void kf_flow_ask_other_user(kf_flow *f, kf_session *session, const kf_person *owner,
                            const kf_err *why);
bool kf_flow_replaces(const kf_flow *f);           /* the answer was REPLACE */
const char *kf_flow_new_profile(const kf_flow *f); /* NULL: none was asked for */

KF_AUTO_DEFINE(kf_flow);
