#pragma once
/* Shared by app.c (events, stack), calls.c (calls) and draw.c. */
#include "base/secret.h"
#include "ui/tui/kernel/app.h"

enum { KF_DEPTH = 12, KF_CALLS = 32, KF_MESSAGES = 8, KF_FX_MAX = 64, KF_OPS = 8 };

typedef struct kf_level {
    const kf_screen_class *cls;
    void *st;
    uint32_t uid;
} kf_level;

typedef enum kf_call_kind {
    KF_CALL_WATCH,
    KF_CALL_OWNED,
    KF_CALL_STREAM,
    KF_CALL_JOB
} kf_call_kind;

typedef struct kf_call {
    uint32_t id; /* 0: free */
    kf_call_kind kind;
    uint32_t owner; /* uid of the screen */
    char method[24];
    char profile[17], name[65]; /* JOB: what it is about */
    kf_secret *params;          /* text, to repeat it after the vault was opened */
    int64_t since_ms;
    bool held;  /* waits for the passphrase */
    kf_err err; /* of a held call */
} kf_call;

/* What the app says of a job that runs or has failed. */
typedef struct kf_job_words {
    const char *method, *fails, *runs; /* "Could not renew acme", "renewing acme" */
    int repeat;                        /* KF_PANEL_...: what Enter does at its error */
} kf_job_words;

typedef struct kf_message {
    kf_say how;
    char text[240];
    int64_t until_ms; /* 0: until a key */
} kf_message;

typedef struct kf_op {
    int pop;
    uint32_t uid; /* of the screen that is closed */
    const kf_screen_class *cls;
    kf_args args;
    kf_err err;
    char title[300];
    kf_json *list;
    kf_action run;
} kf_op;

enum { KF_HINTS = 12 };
typedef struct kf_slot {
    const kf_action_row *row;
    const char *verb; /* in the place of its hint; NULL none */
    bool possible;
} kf_slot;
typedef struct kf_hints { /* of the screen uid, as it was after that many changes */
    unsigned of;
    uint32_t uid;
    bool read_only;
    int n;
    kf_slot slot[KF_HINTS];
} kf_hints;

struct kf_out {
    kf_model *m;
    const kf_home *home;
    kf_level level[KF_DEPTH];
    unsigned changes; /* of anything that an action can depend on */
    kf_hints *hints;  /* of the key line; draw.c keeps them */
    int depth;
    uint32_t last_uid, last_call, current;
    kf_call call[KF_CALLS];
    kf_message message[KF_MESSAGES];
    int n_message, more_messages;
    kf_fx fx[KF_FX_MAX];
    char fx_method[KF_FX_MAX][24];
    char fx_taken[24]; /* of the effect that was taken last */
    int n_fx;
    kf_op op[KF_OPS];
    kf_op op_spare; /* one too many: written and not done */
    int n_op;
    char select[17];
    int64_t watch_again_ms; /* 0: the watch runs */
    int watch_tries;
    bool too_small;
    bool leaving; /* leave_fx follows the agent's answer to a removal, or leave_at */
    kf_fx leave_fx;
    int64_t leave_at;
    char leave_name[65]; /* of what is deleted on leaving; was_deleted: it is */
    bool was_deleted;
    bool stale; /* a screen wished something that the others hear of as KF_EV_MODEL */
};

void kf_app_send(kf_app *a, kf_level *l,
                 const kf_event *ev); /* update, then the queued pushes and pops */
void kf_app_all(kf_app *a, const kf_event *ev);
void kf_app_fx(kf_app *a, kf_fx fx);
void kf_app_watch(kf_app *a);
const char *kf_app_why_not(const kf_app *a, const kf_level *l, kf_action act);
/* removal.c */
void kf_app_remove_now(kf_app *a); /* tells the agent of what was deleted; nothing: does nothing */
void kf_app_take_back(kf_app *a);
void kf_app_removed(kf_app *a, const char *id, bool ok); /* the agent's answer */
bool kf_app_remove_later(
    kf_app *a, kf_call *c); /* c needs the vault's passphrase; false: it may be asked for now */
void kf_app_removal_time(kf_app *a);
int64_t kf_app_removal_at(const kf_app *a); /* when it is due; 0 nothing */
void kf_app_leave(kf_app *a, kf_fx fx); /* fx, once what was deleted is; a second time at once */
void kf_app_model_changed(kf_app *a);
void kf_app_calls_end(kf_app *a, uint32_t owner); /* a screen closed: its streams stop */
void kf_app_unheld(kf_app *a, bool unlocked);     /* the passphrase dialog is over */
void kf_app_call_clear(kf_call *c);
/* name: of the profile, "" none. Never NULL. */
const kf_job_words *kf_app_job_words(const char *method, const char *name);
const kf_call *kf_app_busy(const kf_app *a); /* the oldest job that is under way */
