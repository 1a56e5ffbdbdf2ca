#pragma once
/* One sign-in on its way: what stands between a credential and a session. For the grants and
 * the hosted pages, which end in a session of the API's or in a code for the browser. */
#include "sandbox/state.h"

typedef struct kf_attempt {
    kf_sandbox *s;
    const kf_call *call;
    const kf_json *body; /* JSON or a form: the same members */
    const kf_app *app;
} kf_attempt;

const char *kf_field(const kf_attempt *a, const char *name); /* NULL if absent */
/* The next question, or the end. p says what was shown so far. */
kf_answer kf_proceed(const kf_attempt *a, kf_pending p);
/* Makes the session and answers with its tokens. */
kf_answer kf_sign_in(const kf_attempt *a, const kf_pending *p);
/* False: *out is the limit's refusal (429 with Retry-After). */
bool kf_limited(kf_sandbox *s, const char *what, const char *whom, int most, kf_answer *out);
/* Whether the invitation is one for this address; token NULL: there is none, which is fine. Then it
 * is p's. False: *out is the refusal. */
bool kf_invited(kf_sandbox *s, const char *token, const char *email, kf_pending *p, kf_answer *out);
/* The end of a sign-in by invitation: p is of its organization. False: *out is the refusal. */
bool kf_accept(kf_pending *p, kf_answer *out);

kf_answer kf_grant_password(const kf_attempt *a);
kf_answer kf_grant_refresh(const kf_attempt *a);
kf_answer kf_grant_mfa(const kf_attempt *a);
kf_answer kf_grant_org(const kf_attempt *a);
kf_answer kf_grant_magic(const kf_attempt *a);        /* codes.c */
kf_answer kf_grant_verification(const kf_attempt *a); /* codes.c */
kf_answer kf_grant_radar_email(const kf_attempt *a);  /* radar.c */
kf_answer kf_grant_radar_sms(const kf_attempt *a);    /* radar.c */
kf_answer kf_grant_code(const kf_attempt *a);         /* hosted.c */
kf_answer kf_grant_device(const kf_attempt *a);       /* device.c */

/* The text message of a radar challenge; 201 with verification_id and phone_number. */
kf_answer kf_radar_send(kf_sandbox *s, const kf_pending *p, const char *phone);

kf_answer kf_bad_pending(void);
kf_pending *kf_find_pending(const kf_attempt *a,
                            kf_pending_kind kind); /* NULL: none of this client, of this kind */
/* Goes on with what the pending token stood for; the token itself is spent. */
kf_answer kf_resume(const kf_attempt *a, kf_pending *held, const kf_pending *now);
/* The refusal of a code that kf_mails_check did not take. */
kf_answer kf_code_refused(int result);
