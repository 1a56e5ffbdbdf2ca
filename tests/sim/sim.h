#pragma once
/* The keeper's world, simulated: clocks, loop, worker, disk, stores, WorkOS, callers. The real
 * src/keeper, src/auth, src/crypt and src/base are linked against it; what src/loop and src/io do
 * in the product is done here, by the same headers. Everything that happens follows from one
 * 64-bit seed, so a seed that fails can be looked at as often as it takes.
 *
 * One program, one world (S), no threads. An agent is a keeper with its own loop, worker, HTTP and
 * store handle. It is killed by making all its effects void (proc.dead) and freeing it then. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "base/json.h"
#include "base/str.h"
#include "keeper/keeper.h"
#include "loop/task.h"

enum { PROFILES = 3, AGENTS = 3, SESSIONS = 200, TOKENS = 600, WINDOW_MS = 30 * 1000 };

typedef struct proc proc;
typedef struct sim_job sim_job;
typedef struct sim_op sim_op;
typedef struct sim_request sim_request;

struct kf_loop {
    proc *p;
};
struct kf_worker {
    proc *p;
};
struct kf_http {
    proc *p;
};
struct kf_store {
    proc *p;
};
struct kf_conf {
    kf_conf_profile profile[PROFILES];
    size_t n;
};

struct proc { /* an agent */
    int number;
    uint64_t life;    /* another one for each start */
    bool alive, dead; /* dead: being freed; nothing that it does has an effect */
    bool dying;       /* dies at the end of this event */
    int steps_left;   /* of disk and store, until it dies; 0: it does not */
    int64_t stopped_until;
    int64_t worker_free_at;
    bool locked, stopping;
    int64_t stop_since;
    kf_loop loop;
    kf_worker worker;
    kf_http http;
    kf_store store, *store_now;
    kf_conf conf, *conf_now;
    kf_keeper *keeper;
    sim_job *jobs;
    sim_op *ops;
    sim_request *requests;
};

typedef enum trouble { /* what an episode does */
                       NO_TROUBLE,
                       NET_DOWN,         /* connections fail; nothing is sent */
                       NET_HANGS,        /* sent, never arrives, never answered */
                       NET_LOSES_ANSWER, /* WorkOS rotates, the answer does not come */
                       NET_LATE,         /* WorkOS rotates at once and answers after 5 to 70 s */
                       NET_QUEUE,        /* WorkOS rotates after 5 to 40 s and answers at once */
                       NET_PAGE,         /* a proxy answers with a page instead of WorkOS */
                       NET_PAGE_AFTER,   /* WorkOS rotates, a gateway answers with something else */
                       NET_LIMIT,        /* 429 */
                       NET_LIES,         /* 200 that is no pair, after it rotated */
                       NET_REFUSES,      /* a documented refusal of the client; nothing is spent */
                       NET_DOUBLE,       /* each request arrives twice */
                       NET_MIX,          /* any of these */
                       STORE_SLOW,
                       STORE_SHUT,    /* nothing can be read or written */
                       STORE_FULL,    /* the place of a record cannot be reserved; a save fails */
                       STORE_NO_SAVE, /* a place can be reserved, and the save fails all the same */
                       STORE_OLD, /* another store is there, with what was saved some time ago */
                       DISK_SLOW,
                       DISK_FAILS,
                       TROUBLES
} trouble;

typedef struct sim_session { /* at WorkOS */
    int profile;
    bool is_alive;
    int current;             /* the token that is not spent */
    int64_t used_at[TOKENS]; /* true ms of the first use; 0: never. It gave token + 1 */
    int64_t sent_at[TOKENS]; /* true ms of the intent, as the ledger has it */
    bool kept[TOKENS];       /* a store said that it has it, or shows it */
    proc *holder[TOKENS];    /* the last agent that got it from WorkOS, until it dies */
    int64_t held_since[TOKENS], held_until[TOKENS]; /* when that was */
    bool offered[TOKENS];    /* a whole answer came to an agent that lived, within a minute */
    int64_t lost_at[TOKENS]; /* the store had it and went back */
    int64_t made_at;
    uint64_t answered_at; /* order in which its sign-in was answered; 0: it is not */
    bool is_other_organization;
} sim_session;

typedef struct sim_item {
    kf_secret *now, *durable; /* durable: what a provider that is killed comes back with */
    kf_secret *old[4];        /* earlier ones */
    kf_secret *other;         /* of the other store, while it is there */
    int64_t settles_at;
} sim_item;

typedef struct quiet {
    int64_t from, to;
} quiet;

typedef struct sim {
    uint64_t seed, dice;
    bool is_told, failed;
    char why[600];
    /* clocks, ms */
    int64_t now, boot, ahead, wall; /* ahead: true time minus now; wall: wall clock minus true */
    int boots;
    proc agent[AGENTS];
    proc *cur; /* whose event runs; NULL: the world's */
    /* trouble */
    trouble net, store, disk;
    bool is_calm;           /* the end: nothing goes wrong any more */
    int disturbed, orphans; /* orphans: agents that were killed, and none has started since */
    int64_t quiet_since;    /* -1: it is not */
    quiet quiets[400];
    size_t n_quiets;
    /* the world */
    bool is_vault;
    int64_t life_s, gap_ms, end;
    sim_session session[SESSIONS];
    int n_sessions;
    sim_item item[PROFILES][2];
    bool acceptable[PROFILES][SESSIONS]; /* sessions that the profile may have now */
    bool may_be_out[PROFILES];
    int ins[PROFILES], outs[PROFILES]; /* sign-ins and sign-outs under way */
    uint64_t out_at[PROFILES];
    uint64_t order; /* of calls and answers */
    /* counts */
    uint64_t rotations, events, asked, answered, tokens, unsaved_told, crashes, over_told;
    int64_t open_asks;
} sim;
extern sim S;

/* clock.c */
uint32_t sim_pick(uint32_t n); /* 0 .. n - 1 */
bool sim_chance(uint32_t per_mille);
int64_t sim_between(int64_t low, int64_t high);
uint32_t sim_after(proc *p, int64_t ms, kf_loop_fn fn, void *user); /* p NULL: the world */
void sim_after_owned(int64_t ms, kf_loop_fn fn, void *user); /* user: freed, if it never runs */
void sim_cancel(uint32_t id);
void sim_run(int64_t until);
void sim_clock_reset(void);
bool sim_has_timers(const proc *p);
void sim_drop_events(const proc *p);
int64_t sim_true_ms(void);
void sim_jobs_end(proc *p, bool finish); /* finish: their work is done; else only freed */
void sim_story(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void sim_broken(const char *rule, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* disk.c */
void sim_disk_reset(void);
void sim_disk_close(const proc *p); /* its descriptors, and so its locks */
void sim_disk_power(void);          /* what was not flushed is lost or torn */
bool sim_step(const char *what);    /* false: it failed, errno says why; or the process has died */
bool sim_disk_locked(int profile);
bool sim_disk_sealed(int profile);
const char *sim_disk_ledger(int profile);
extern const char *const sim_ids[PROFILES];
int sim_profile(const char *id);

/* shelf.c: the store */
void sim_shelf_reset(void);
void sim_shelf_done(void);
void sim_ops_end(proc *p);
void sim_provider_dies(void);
void sim_other_store(bool comes);
void sim_put(int profile, int kind, const kf_secret *blob);

/* network.c: HTTP and WorkOS */
void sim_requests_end(proc *p);
bool sim_token_read(const char *text, int *session, int *token);
int sim_sign_in(int profile);
kf_session *sim_session_made(const proc *p, int session);
bool sim_token_of(const kf_secret *refresh_token, int *session, int *token);

/* people.c: agents and callers */
void sim_agent_start(proc *p);
void sim_agent_crash(proc *p);
void sim_agent_end(proc *p);
typedef struct sim_last { /* what a caller gets at the end */
    int profile;
    bool is_answered, has_token;
    int session, token, current;
    kf_err err;
} sim_last;
void sim_people_start(void);
void sim_people_end(sim_last last[PROFILES]);
void sim_power_cut(void);
int sim_alive(void);

/* judge.c: what must hold */
void sim_disturb(int by); /* +1, -1 */
void sim_check_spent(int session, int token);
void sim_check_published(const proc *p, int profile, const kf_token *t, bool renewed);
void sim_check_end(const sim_last last[PROFILES]);
