/* The Lock and Unlock calls: waits for what is being stored or is under way, then closes the
 * store and drops the sessions from memory. The rules are in locking.h. */
#include "agent/locking.h"

#include "agent/drive.h"
#include "keeper/keeper.h"
#include "agent/lifetime.h"
#include "agent/methods.h"
#include "agent/settings.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/vault.h"

enum { FINISH_MS = 10 * 1000, STEP_MS = 20 };

/* A Lock or an Unlock; it ends with its call. */
typedef struct lock_call {
    struct lock_call *next;
    kf_agent *a;
    kf_call *call;
    bool unlock;
    kf_secret *passphrase;
    unsigned locks; /* a->locks when it was asked */
    bool waits;     /* for the agent to be shut */
} lock_call;

struct kf_locking {
    kf_agent *a;
    lock_call *calls; /* in their order */
    kf_loop_id timer; /* shutting */
    int64_t since;
};

bool kf_locking_busy(const kf_locking *l) { return l->calls || l->timer; }

kf_locking *kf_locking_new(kf_agent *a) {
    kf_locking *l = kf_new(kf_locking);
    l->a = a;
    return l;
}

static void lock_call_free(void *user) {
    lock_call *c = user, **p = &c->a->locking->calls;
    while (*p != c) p = &(*p)->next;
    *p = c->next;
    kf_secret_free(c->passphrase);
    free(c);
}

kf_locking *kf_locking_free(kf_locking *l) {
    if (!l) return NULL;
    kf_loop_cancel(l->a->loop, l->timer);
    free(l);
    return NULL;
}

static lock_call *lock_call_new(kf_agent *a, kf_call *call, bool unlock) {
    lock_call *c = kf_new(lock_call), **at = &a->locking->calls;
    *c = (lock_call){.a = a, .call = call, .unlock = unlock, .locks = a->locks};
    c->passphrase = kf_call_take_secret(call, "passphrase");
    while (*at) at = &(*at)->next;
    *at = c;
    kf_call_keep(call, c, lock_call_free);
    return c;
}

static void answer(const lock_call *c, const kf_err *err) {
    if (err) {
        kf_call_fail(c->call, err);
        return;
    }
    kf_json *j = kf_json_obj();
    kf_json_set(j, "store", kf_settings_store_json(c->a));
    kf_call_reply(c->call, j);
}

/* --- Unlock ----------------------------------------------------------------------------------- */

static void unlocked(void *user, const kf_secret *blob, const kf_err *err) {
    lock_call *c = user;
    kf_agent *a = c->a;
    kf_err late;
    if (!err && a->locked && c->locks != a->locks) {
        if (!a->locking->timer) kf_store_lock(a->store); /* else that is still to come */
        kf_settings_fail_locked(a, &late);
        err = &late;
    } else if (!err) {
        if (a->locked) kf_log(KF_LOG_INFO, "agent: unlocked");
        a->locked = false;
        kf_keeper_reload(a->keeper);
    }
    answer(c, err);
}

static bool is_locked(const kf_err *err) {
    return err->code == KF_ERR_STORE_VAULT_LOCKED || err->code == KF_ERR_STORE_VAULT_NEW ||
           err->code == KF_ERR_STORE_LOCKED || err->code == KF_ERR_STORE_AGENT_LOCKED;
}

/* The store exists, but may be locked: that is what this call is for. */
static void unlock_store(void *user, const kf_err *err) {
    lock_call *c = user;
    if (err && !is_locked(err)) {
        answer(c, err);
    } else if (!strcmp(kf_store_kind(c->a->store), "vault") && !kf_secret_len(c->passphrase)) {
        answer(c, err);
    } else {
        bool create = kf_call_bool(c->call, "create", false);
        bool fresh = create && kf_store_get_state(c->a->store) == KF_STORE_NEW;
        kf_err e;
        bool any_length =
            kf_call_bool(c->call, "weak", false) || kf_call_bool(c->call, "from_file", false);
        if (fresh && !any_length && kf_vault_passphrase_is_short(c->passphrase)) {
            kf_vault_fail_short(&e);
            answer(c, &e);
            return;
        }
        kf_store_unlock(c->a->store, c->passphrase, create, unlocked, c);
    }
}

void kf_method_unlock(kf_agent *a, kf_call *call) {
    kf_err e;
    if (a->locked && kf_call_bool(call, "from_file", false)) {
        kf_settings_fail_locked(a, &e);
        kf_call_fail(call, &e);
        return;
    }
    lock_call *c = lock_call_new(a, call, true);
    if (a->locking->timer) c->waits = true;
    else kf_settings_store(a, unlock_store, c);
}

/* --- Lock ------------------------------------------------------------------------------------- */

static void shut(kf_agent *a) {
    if (a->store) kf_store_lock(a->store);
    kf_keeper_forget_memory(a->keeper);
    for (lock_call *c = a->locking->calls, *next; c; c = next) {
        next = c->next;
        if (!c->waits) continue;
        c->waits = false;
        if (c->unlock) kf_settings_store(a, unlock_store, c);
        else answer(c, NULL);
    }
}

static void wait_for_rest(void *user) {
    kf_locking *l = user;
    kf_agent *a = l->a;
    const char *unsaved; /* stays in memory; it has nowhere else to go */
    bool rest = kf_keeper_at_rest(a->keeper, &unsaved) && !kf_lifetime_promised(a) && !a->saving;
    l->timer = 0;
    if (!rest && kf_boot_ms() - l->since < FINISH_MS) {
        l->timer = kf_loop_after(a->loop, STEP_MS, wait_for_rest, l);
        return;
    }
    if (!rest) kf_log(KF_LOG_WARN, "agent: locked with work unfinished");
    shut(a);
}

void kf_method_lock(kf_agent *a, kf_call *call) {
    kf_locking *l = a->locking;
    kf_err err;
    kf_log(KF_LOG_INFO, "agent: locked");
    a->locked = true;
    a->locks++;
    kf_settings_fail_locked(a, &err);
    kf_keeper_turn_away(a->keeper, &err);
    kf_keeper_save_now(a->keeper);
    kf_drive_stop(a, &err);
    kf_factors_stop(a, &err);
    lock_call_new(a, call, false)->waits = true;
    if (l->timer) return;
    l->since = kf_boot_ms();
    wait_for_rest(l);
}
