#pragma once
/* Inside of the sign-ins, shared by drive*.c and by nobody else. drive.c has the calls and the
 * life of a sign-in, drive_jobs.c does what its flow wants done, drive_opts.c reads what a client
 * asks for, drive_other.c makes a profile for the session of another person.
 *
 * A sign-in whose client has gone, or that is over, stays until its requests have ended: an
 * answer may begin a session or make a factor that the flow then wants undone. */
#include "agent/drive.h"
#include "auth/flow.h"
#include "base/json.h"
#include "io/conf.h"
#include "io/loopback.h"

typedef struct kf_drive_job kf_drive_job;

typedef struct kf_sign_in {
    struct kf_sign_in *next;
    kf_agent *a;
    char id[33];
    kf_call *call; /* NULL: gone, or told how it ended */
    char profile[17];
    kf_conf_profile settings;
    kf_flow *flow;
    kf_secret *api_key;
    kf_drive_job *jobs; /* under way */
    uint32_t shown;     /* serial of the last step that was sent */
    kf_loop_id timer;
    kf_session *session; /* while the keeper looks whose the profile is: a copy */
    kf_person owner;     /* whose the profile is, once that was asked */
    bool stored_key;     /* api_key is the profile's own */
    bool any_user;       /* as_other_user */
    bool interactive;    /* a person waits: the keyring may ask */
    bool adopting;       /* being stored: too late to cancel */
    bool over;           /* failed or cancelled: what the flow still wants done is clean-up */
} kf_sign_in;

struct kf_drive {
    kf_agent *a;
    kf_sign_in *all;
    struct kf_late *late; /* listeners that outlive their sign-in for a minute */
};

/* drive.c */
void kf_drive_pump(kf_sign_in *s); /* s may be gone afterwards */

/* drive_other.c: a profile called name with the settings of s's own, API key included. done runs
 * once it is there (s->profile, s->settings are its own then), or with the reason why not. */
void kf_drive_new_profile(kf_sign_in *s, const char *name,
                          void (*done)(kf_sign_in *s, const kf_err *err));
kf_sign_in *kf_drive_find(kf_agent *a, const char *id);

/* drive_jobs.c */
void kf_drive_jobs_start(kf_sign_in *s);
bool kf_drive_jobs_asking(const kf_sign_in *s); /* requests are out */
void kf_drive_jobs_tell(kf_sign_in *s, kf_loopback_end end,
                        const char *detail); /* the browser that waits, if one does */
/* Waits and listeners end; the listeners tell the browser for a minute how it went. Requests go on.
 */
void kf_drive_jobs_rest(kf_sign_in *s, kf_loopback_end end, const char *detail);
void kf_drive_jobs_drop(kf_sign_in *s); /* all of them, now */
void kf_drive_late_drop(kf_drive *d);

/* drive_opts.c. The strings of o live as long as s->call and s->settings. */
KF_CHECK bool kf_drive_opts(const kf_sign_in *s, kf_flow_opts *o, kf_err *err);
