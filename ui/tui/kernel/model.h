#pragma once
/* What the screen knows: what the agent said, plus the two clocks as they were at the last
 * event. Screens read it and never change it. Every text in it has gone through kf_text_safe
 * when it came in, so that drawing needs no second thought. No I/O. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "auth/flow.h"
#include "base/err.h"
#include "base/json.h"
#include "base/profile_fields.h"
#include "ui/common/states.h"

#define KF_NO_TIME INT64_MIN

#define KF_MPROFILE_TEXT(name) char *name;
#define KF_MPROFILE_LIST(name) char *name;
#define KF_MPROFILE_NUMBER(name) int name;
#define KF_MPROFILE_SECRET(name)
#define KF_MPROFILE_FIELD(kind, name, limit, flags, check) KF_MPROFILE_##kind(name)
typedef struct kf_mprofile {
    char id[17], name[65];
    bool gone;   /* removed; the slot stays so that indexes stay valid */
    bool hidden; /* gone only here: its removal is not done yet */
    bool is_default, confidential;
    /* texts are "" when not known, never NULL */
    KF_PROFILE_FIELDS(KF_MPROFILE_FIELD)
    char *environment;
    kf_pstate state; /* the session's, whatever is left of its access token */
    bool failed;
    kf_err failure;
    char *user_id, *user_email, *user_name, *org_id, *org_name, *role, *session_id, *method,
        *impersonator, *impersonator_reason;
    char *token_head, *token_tail;
    int permissions, renewed_ok;                                /* -1 not known */
    int64_t signed_in_at, renewed_at, expires_at, last_used_at; /* unix s, 0 not known */
    int64_t session_ends_at;                  /* unix s, from the list of sessions; 0 not known */
    int64_t renewed_ms, life_ms, token_bytes; /* -1 not known */
    int64_t skew_s;
    int64_t ends_at, renews_at, retry_at; /* boot ms, KF_NO_TIME not known */
} kf_mprofile;

typedef struct kf_mchoice {
    char *id, *label, *detail;
} kf_mchoice;

typedef struct kf_mstep {
    bool any; /* a step has come */
    uint32_t serial;
    kf_step_kind kind;
    kf_field field;
    uint32_t acts;
    kf_note note;
    char *note_arg;
    kf_mchoice *choice;
    size_t n_choice;
    bool more_choices;
    char *url, *user_code;   /* OPEN_URL */
    char *ssh_line;          /* what brings the redirect here over SSH, "" not needed */
    kf_secret *qr, *qr_text; /* NULL none */
    int64_t ends_at;         /* boot ms, KF_NO_TIME never */
    int64_t since_ms;
    bool failed;
    kf_err err;
    char *email, *organization; /* DONE */
    char profile[17];           /* DONE: id of the profile that has the session; "" not known */
    char *owner, *person, *person_email; /* OTHER_USER: whose the profile is, and who signed in */
} kf_mstep;

/* What was deleted here and can be taken back until at_ms (boot clock), when the agent is told. id
 * "": nothing. */
typedef struct kf_mremoval {
    char id[17], name[65];
    int64_t at_ms;
} kf_mremoval;

typedef enum kf_link_state { KF_LINK_WAITING, KF_LINK_UP, KF_LINK_DOWN } kf_link_state;

typedef struct kf_model {
    int64_t now_ms; /* boot clock */
    int64_t wall;   /* unix s */
    kf_link_state link;
    kf_err link_err;
    bool loaded;           /* the first list has come */
    bool partial;          /* and is not whole yet */
    kf_mprofile **profile; /* each keeps its place and its address */
    size_t n, cap;
    void *by_id;      /* the same, as a tree of tsearch(3) */
    unsigned changes; /* counts profiles that came or went */
    char *store_kind, *store_state, *store_why, *store_choice;
    int64_t agent_pid;
    char *agent_build;
    bool memory_locked, hello;
    bool locked; /* by keyfob lock */
    kf_mremoval removal;
    char *flow; /* id of the sign-in that runs, "" none */
    kf_mstep step;
    /* fixed at start */
    bool sandbox, read_only, ascii, ctrl_s, ssh;
    char *sandbox_url;                            /* "" none */
    char *(*ssh_line)(const char *authorize_url); /* NULL: not asked; ui/common/open.h */
    char *config_path;
    kf_secret *env_api_key; /* WORKOS_API_KEY, NULL none */
    char *env_client_id;    /* WORKOS_CLIENT_ID, NULL none */
} kf_model;

void kf_model_init(kf_model *m);
void kf_model_done(kf_model *m);
void kf_model_hello(kf_model *m, const kf_json *hello);
void kf_model_watch(kf_model *m, const kf_json *answer);    /* profiles, removed, store */
void kf_model_profile(kf_model *m, const kf_json *profile); /* one */
/* The list of sessions says when the one of this profile ends. */
void kf_model_sessions(kf_model *m, const char *id, const kf_json *list);
void kf_model_removed(kf_model *m, const char *id_or_name);
/* Out of sight, whatever the agent still says of it, until it is removed or shown again. */
void kf_model_hide(kf_model *m, const char *id, bool hide);
bool kf_model_is_hidden(const kf_model *m, const char *id_or_name);
void kf_model_store(kf_model *m, const kf_json *store);
void kf_model_link(kf_model *m, kf_link_state state, const kf_err *err);
/* A step of the sign-in. Choices with the serial of the present step and choices_more before are
 * added. */
void kf_model_step(kf_model *m, const kf_json *answer);
void kf_model_step_clear(kf_model *m);

size_t kf_model_count(const kf_model *m);
const kf_mprofile *kf_model_by_id(const kf_model *m, const char *id);     /* NULL if gone */
const kf_mprofile *kf_model_by_name(const kf_model *m, const char *name); /* NULL if gone */
bool kf_model_has_session(const kf_mprofile *p);     /* also one that is over, and not signed out */
char *kf_model_field(const kf_mprofile *p, kf_pf f); /* as text; caller frees */
bool kf_model_is_over(const kf_mprofile *p);         /* no token can come from it: sign in */
bool kf_model_renews_itself(const kf_mprofile *p);   /* before its token ends */
bool kf_model_is_locked(const kf_model *m);          /* the store, or by keyfob lock */
int64_t kf_model_left_ms(const kf_model *m,
                         const kf_mprofile *p); /* KF_NO_TIME if there is no token */
