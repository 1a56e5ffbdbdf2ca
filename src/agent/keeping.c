/* What the agent's keeper works with. The keeper knows no agent: it gets this. */
#include "agent/keeping.h"

#include "agent/settings.h"

static bool keeping_is_memory(void *user) { return kf_settings_is_memory(user); }

static bool keeping_is_opening(void *user) { return ((kf_agent *)user)->openings; }

static void store_opened(void *user, const kf_err *err) {
    /* open: what is wanted is read; locked: the state says so */
}

static void keeping_open_store(void *user) { kf_settings_store(user, store_opened, NULL); }

static void keeping_stored(void *user) { kf_settings_settle_store(user); }

kf_keeper *kf_keeping_new(kf_agent *a, kf_err *err) {
    kf_keeper_env env = {.loop = a->loop,
                         .worker = a->worker,
                         .http = a->http,
                         .state_dir = a->state_dir,
                         .store = &a->store,
                         .conf = &a->conf,
                         .locked = &a->locked,
                         .user = a,
                         .store_is_memory = keeping_is_memory,
                         .store_is_opening = keeping_is_opening,
                         .open_store = keeping_open_store,
                         .secret_stored = keeping_stored};
    return kf_keeper_new(&env, err);
}
