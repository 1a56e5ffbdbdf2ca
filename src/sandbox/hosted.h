#pragma once
/* The hosted pages: a sign-in in a browser, for an application (authorize, WORKOS.md §2) or
 * for another device (§4). Remembers what is under way, and the codes that came of it.
 * Not locked: the owner's mutex guards it. */
#include "sandbox/answer.h"
#include "sandbox/sessions.h"

typedef struct kf_hosted kf_hosted;
struct kf_attempt;
enum { KF_AUTH_CODE_LIFE_MS = 5 * 60 * 1000, KF_PAGE_LIFE_MS = 10 * 60 * 1000 };

/* One sign-in page that is open. */
typedef struct kf_page_open {
    char *id; /* 32 random characters */
    const kf_app *app;
    int64_t until_ms;
    char *redirect_uri, *state, *challenge; /* authorize; state and challenge may be NULL */
    char *invitation_token, *login_hint;    /* may be NULL */
    const char *provider;                   /* "GoogleOAuth"; NULL: authkit */
    const kf_org *org;                      /* NULL: not said */
    const kf_org *idp;                      /* its own identity provider is to be used; NULL: not */
    char *device_code, *user_code;          /* device; else NULL */
    int64_t interval_ms, polled_ms;
    enum { KF_DEVICE_OPEN, KF_DEVICE_YES, KF_DEVICE_NO, KF_DEVICE_SPENT } device;
    char *code; /* of the end: authorize; NULL before */
    bool code_used;
    int64_t code_until_ms;
    kf_pending who; /* who signed in, once it is over */
} kf_page_open;

/* code_life_ms: of the codes for an application, at most KF_AUTH_CODE_LIFE_MS. */
kf_hosted *kf_hosted_new(int64_t code_life_ms, int64_t device_life_s, int64_t device_interval_s);
kf_hosted *kf_hosted_free(kf_hosted *h);
kf_page_open *kf_hosted_open(kf_hosted *h, const kf_app *app,
                             int64_t life_ms); /* over the limit the oldest goes */
kf_page_open *kf_hosted_find(kf_hosted *h, const char *id);
kf_page_open *kf_hosted_by_device(kf_hosted *h, const char *device_code);
kf_page_open *
kf_hosted_by_user_code(kf_hosted *h,
                       const char *user_code); /* case, blanks and dashes do not matter */
kf_page_open *kf_hosted_by_code(kf_hosted *h, const char *code);
int64_t kf_hosted_device_life_s(const kf_hosted *h);
int64_t kf_hosted_device_interval_s(const kf_hosted *h);

/* The end of a sign-in on page p->target: back to the application, or to the other device. */
kf_answer kf_hosted_finish(const struct kf_attempt *a, const kf_pending *p);
