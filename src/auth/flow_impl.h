#pragma once
/* Inside of a flow, for flow*.c only. Three storeys:
 *
 *   flow.c        the machine: takes the person's answers and WorkOS's, and finds the phase that
 *                 they belong to. It alone calls phases, through the table KF_PHASES.
 *   flow_*.c      the phases, one file each: a way to begin, or a continuation that WorkOS asks
 *                 for. A phase knows no other phase's functions. It says kf_flow_go() and the
 *                 machine enters the other one.
 *   flow_core.c   the floor: steps, notes, jobs, choices.
 *
 * Calls go downwards only. A new phase is a file, a row of KF_PHASES, and a code in workos.c. */
#include "auth/flow.h"

/* The phases: name, and the kf_flow_phase that its file exports. */
#define KF_PHASES(X)               \
    X(EMAIL, kf_phase_email)       \
    X(PASSWORD, kf_phase_password) \
    X(RESET, kf_phase_reset)       \
    X(MAGIC, kf_phase_magic)       \
    X(VERIFY, kf_phase_verify)     \
    X(MFA, kf_phase_mfa)           \
    X(ENROLL, kf_phase_enroll)     \
    X(RADAR, kf_phase_radar)       \
    X(ORG, kf_phase_org)           \
    X(DEVICE, kf_phase_device)     \
    X(SSO, kf_phase_sso)           \
    X(BROWSER, kf_phase_browser)   \
    X(OTHER_USER, kf_phase_other)

#define KF_PHASE_ID(name, row) KF_PHASE_##name,
typedef enum kf_phase {
    KF_PHASE_END, /* nothing is asked any more */
    KF_PHASES(KF_PHASE_ID) KF_PHASE_COUNT
} kf_phase;
#undef KF_PHASE_ID

/* Why a phase begins. Borrowed. */
typedef struct kf_flow_why {
    kf_note note;
    const char *arg;
    const kf_err *err;   /* what WorkOS or the network said, or NULL */
    kf_workos_ask ask;   /* KF_ASK_NONE: a person or another phase led here */
    const kf_json *body; /* the answer that asked for it, or NULL */
} kf_flow_why;

/* Absent functions: the phase never gets there. */
typedef struct kf_flow_phase {
    size_t own;    /* bytes that belong to this phase alone: f->own[phase], zero at first */
    uint32_t ways; /* 1u << kf_method: the ways that begin with it */
    uint32_t asks; /* 1u << kf_workos_ask: the answers of WorkOS that lead to it */
    kf_grant grant;
    bool open; /* a client without a secret can do it */
    void (*enter)(kf_flow *f, const kf_flow_why *why);
    void (*ask)(kf_flow *f); /* its question again, after a request that failed */
    /* The answer was checked against the step's serial, acts and choices. value NULL: the act has
     * none. */
    bool (*answer)(kf_flow *f, kf_flow_act act, const kf_secret *value, kf_err *err);
    /* One of its requests succeeded. body is an object, or NULL where kf_flow_any_body() allows. */
    void (*answered)(kf_flow *f, int what, const kf_json *body);
    /* A LISTEN or WAIT_UNTIL of it ended. */
    void (*woken)(kf_flow *f, int what, const kf_secret *text);
    /* One of its jobs failed: e has why, which it may say better. sure: an answer came. True: it
     * went on by itself. Absent: false. */
    bool (*failed)(kf_flow *f, int what, bool sure, kf_err *e);
    /* WorkOS refused what answered its question. True: it asks again. Absent: false. */
    bool (*wrong)(kf_flow *f, kf_workos_ask ask, const kf_err *e);
    void (*wipe)(void *own); /* frees what own points to */
} kf_flow_phase;

#define KF_PHASE_ROW(name, row) extern const kf_flow_phase row;
KF_PHASES(KF_PHASE_ROW)
#undef KF_PHASE_ROW

enum {
    KF_CHOICES_MAX = 10000,
    KF_PENDING_MAX = 4096,
    KF_JOBS_MAX = 8,
    KF_URL_MAX = 2048,
    KF_SHOWN_MAX = 255 /* bytes of a server's text in a step: an organization's name, an address */
};

/* What a job is for. The numbers from 0 on are the owner's. */
enum {
    KF_JOB_SESSION = -1,   /* success is a session */
    KF_JOB_ABANDONED = -2, /* nobody wants the answer any more; what it made is undone */
    KF_JOB_UNDO = -3       /* nothing depends on the answer */
};

typedef struct kf_slot {
    uint32_t id; /* 0: free */
    kf_phase owner;
    int what;
    bool handed, any_body;
    char *path;
    kf_secret *body;
    kf_job job;
} kf_slot;

struct kf_flow {
    const kf_issuer *issuer;
    kf_method method;
    kf_phase first;    /* the phase that the method begins with */
    kf_phase phase;    /* the question that is open, or that was answered last */
    kf_phase asked_by; /* the question whose answer is being sent: it comes back when that fails */
    kf_step step;
    /* where the machine goes when the phase returns; END: it stays */
    struct {
        kf_phase phase;
        bool again; /* ask, not enter */
        kf_note note;
        char *arg;
        bool has_err;
        kf_err err;
    } next;
    /* what the person or the owner said, for every phase */
    char *client_id, *origin, *email, *organization_id, *organization_name, *invitation_token;
    char *provider, *connection_id, *domain_hint, *screen_hint, *prompt;
    char chosen[KF_ISSUER_ID_MAX]; /* the organization that was chosen last */
    bool org_alone; /* the organization's own identity provider, not its hosted page */
    int64_t max_age;
    int redirect_port;
    kf_secret *api_key; /* NULL: public client */
    void (*sha256)(const void *bytes, size_t n, uint8_t out[32]);
    uint8_t seed[64];
    /* what WorkOS said, for every phase */
    kf_secret *pending; /* pending_authentication_token */
    kf_choice *choice;
    size_t n_choice;
    char *undo; /* the path of a DELETE that is due if the flow ends before WorkOS accepts */
    kf_session *session;
    char taken[96]; /* id of the session that was taken */
    int64_t now_ms; /* CLOCK_BOOTTIME of the last thing that came in */
    char *note_arg;
    uint32_t last_job;
    kf_slot slot[KF_JOBS_MAX];
    void *own[KF_PHASE_COUNT];
};

/* --- steps --- */
void kf_flow_show(kf_flow *f, kf_phase phase, kf_step_kind kind, kf_field field, uint32_t acts);
void kf_flow_note(kf_flow *f, kf_note note, const char *arg, const kf_err *why); /* after _show */
/* When the caller has returned, the machine enters that phase, with what is given here. */
void kf_flow_go(kf_flow *f, kf_phase to, kf_note note, const char *arg, const kf_err *why);
/* The same for the question that was answered last. */
void kf_flow_ask_again(kf_flow *f, kf_note note, const char *arg, const kf_err *why);
void kf_flow_fail(kf_flow *f, const kf_err *err);
void kf_flow_failf(kf_flow *f, kf_err_code code, const char *what, const char *hint);
void kf_flow_bad_answer(kf_flow *f, const char *what);
/* Gives up every job that waits, and undoes what is half made. */
void kf_flow_leave(kf_flow *f);

/* --- jobs --- */
/* A job in a free slot; the caller fills slot->job beyond id and kind. */
kf_slot *kf_flow_job(kf_flow *f, kf_phase owner, int what, kf_job_kind kind);
kf_slot *kf_flow_slot(kf_flow *f, uint32_t id); /* NULL: there is none */
void kf_flow_slot_free(kf_slot *s);
/* LISTEN and WAIT_UNTIL jobs: nobody waits for them any more. */
void kf_flow_drop(kf_flow *f, kf_phase owner, int what);
/* REQUEST jobs that are out: when one succeeds, it is undone. */
void kf_flow_abandon(kf_flow *f, kf_phase owner, int what);
void kf_flow_wait_until(kf_flow *f, kf_phase owner, int what, int64_t at_ms);
/* The path of the flow's issuer. id as in kf_issuer_path; the caller checked it. */
char *kf_flow_path(const kf_flow *f, kf_at at, const char *id);
kf_json *kf_flow_grant(const kf_flow *f, kf_grant grant); /* with the API key, if there is one */
/* path and body are taken over. _send leaves the step as it is; _request (GET without a body, else
 * POST, with the API key) shows WAIT, and the question comes back when it fails. */
kf_slot *kf_flow_send(kf_flow *f, kf_phase owner, int what, const char *method, char *path,
                      kf_json *body, bool key);
kf_slot *kf_flow_request(kf_flow *f, kf_phase owner, int what, char *path, kf_json *body);
void kf_flow_any_body(kf_slot *s); /* success needs no JSON */
void kf_flow_authenticate(kf_flow *f, kf_phase owner, kf_json *grant);
/* A DELETE of this path (taken over; NULL: none) is due until WorkOS accepts what was made. */
void kf_flow_undo_later(kf_flow *f, char *path);
void kf_flow_end_session(kf_flow *f, const char *sid);

/* --- codes (flow_code.c) --- */
/* Sends a typed code with this grant and the pending token; more may be NULL: members beside them,
 * taken over. */
KF_CHECK bool kf_flow_code_submit(kf_flow *f, kf_phase owner, kf_grant grant,
                                  const kf_secret *typed, kf_json *more, kf_err *err);
/* For .wrong of a phase that asked for a code. resend: it can send another one. */
bool kf_flow_code_wrong(kf_flow *f, kf_workos_ask ask, const kf_err *e, bool resend);

/* --- choices, texts --- */
void kf_flow_clear_choices(kf_flow *f);
/* The caller checked the id's length. */
void kf_flow_add_choice(kf_flow *f, const char *id, const char *label);
/* A copy instead of what was there; "" becomes NULL. */
void kf_flow_put(char **dst, const char *value);
/* https, or http of this machine when WorkOS's API is on this machine too; printable; at most
 * KF_URL_MAX. */
bool kf_flow_url_ok(const kf_flow *f, const char *url);
