#pragma once
/* A keeper, its surroundings and a sandbox process, for tests: one loop, one scratch directory
 * that is removed, a store that fails on request. Two keepers may share state directory and store,
 * as two agents would. */
#include "agent/keeping.h"
#include "agent/profile_json.h"
#include "keeper/keeper_impl.h"

typedef struct shelf shelf; /* a kf_store over the memory store, with faults */

typedef struct world {
    char dir[64], state[96], conf[96];
    kf_loop *loop;
    kf_worker *worker;
    kf_http *http;
    kf_store *store; /* shelf, shared */
    bool fail_save, fail_probe, fail_load, fail_seal;
    const char *fail_del; /* kind of the items that cannot be deleted; NULL: none */
    char *url;
    pid_t sandbox;
    int stop_fd, out_fd; /* the sandbox ends when stop_fd closes */
    kf_agent a, b;       /* b is used by tests with two agents */
} world;

#define PROFILE "dev"
#define PROFILE_ID "00112233445566aa"
#define PUBLIC "pub"
#define PUBLIC_ID "00112233445566bb"

void world_up(world *w, const char *const *sandbox_args); /* NULL-terminated or NULL */
void world_down(world *w);
void world_conf(world *w, const char *api_host); /* writes keyfob.conf again */
void world_agent(world *w, kf_agent *a);         /* makes its keeper */
void world_agent_end(kf_agent *a);               /* waits until it is quiet first */
void world_until(world *w, const bool *flag);    /* runs the loop; fails the test after 40 s */
void world_quiet(world *w, kf_agent *a);         /* no work under way in any entry */
void world_spin(world *w, int64_t ms);

/* Signs in at the sandbox as plain@example.test and gives the session to the keeper. */
void world_sign_in(world *w, kf_agent *a, const char *profile);
kf_session *world_password(world *w, const char *client_id);
void world_key(world *w, kf_agent *a); /* stores sk_test_sandbox */
void world_faults(world *w, const char *json);
int64_t world_stat(world *w, const char *group, const char *name); /* 0 when absent */
kf_secret *world_blob(world *w, const char *id); /* the stored session, NULL if none */
void world_put(world *w, const char *id, const kf_secret *blob);

typedef struct got { /* what a GetToken gave */
    bool done, renewed, is_short;
    kf_secret *token;
    int64_t left_ms;
    kf_err err; /* code 0: a token */
} got;
void world_ask(kf_agent *a, const char *profile, int64_t min_valid, bool renew, got *g);
void world_token(world *w, kf_agent *a, const char *profile, int64_t min_valid, bool renew,
                 got *g); /* waits */
void got_done(got *g);
kf_ledger world_ledger(kf_agent *a, const char *profile);
void world_ledger_put(world *w, const char *id, const kf_ledger *l);
/* Makes the token in memory look so old that left_ms of it are left. */
void world_age(kf_agent *a, const char *profile, int64_t left_ms);
kf_entry *world_entry(kf_agent *a, const char *profile);
