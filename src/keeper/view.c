/* What the keeper shows of a profile: its state, what is wrong, and what is next. Every change of a
 * state is logged here. Nothing here reads the store. */
#include "keeper/keeper_impl.h"

#include <string.h>

static const char *const state_names[] = {"signed_out",    "signed_in", "renewing",
                                          "needs_sign_in", "offline",   "locked",
                                          "unsaved",       "stale",     "error"};

const char *kf_state_name(kf_state s) {
    return (size_t)s < KF_LEN(state_names) ? state_names[s] : "error";
}

static kf_state state_from_name(const char *name) {
    for (size_t i = 0; i < KF_LEN(state_names); i++)
        if (kf_str_eq(name, state_names[i])) return (kf_state)i;
    return KF_STATE_ERROR;
}

bool kf_state_is_over(kf_state s) {
    return s == KF_STATE_SIGNED_OUT || s == KF_STATE_NEEDS_SIGN_IN;
}

/* ---- the state ---- */

/* Not read from the store yet: what an earlier agent knew. That it was offline or locked says
 * nothing about now. */
static kf_state hinted_state(const kf_entry *e) {
    kf_state s = e->hint ? state_from_name(e->hint->state) : KF_STATE_SIGNED_OUT;
    bool past = s == KF_STATE_RENEWING || s == KF_STATE_OFFLINE || s == KF_STATE_LOCKED;
    return past ? KF_STATE_SIGNED_IN : s;
}

bool kf_entry_has_hinted_session(const kf_entry *e) {
    return !e->session && !e->loaded && !kf_state_is_over(hinted_state(e));
}

bool kf_keeper_is_known(kf_keeper *k, const char *profile) {
    const kf_entry *e = kf_entry_find(k, profile);
    return e && kf_entry_has_hinted_session(e);
}

static bool store_is_locked(const kf_keeper *k) {
    kf_store_state s = *k->env.store ? kf_store_get_state(*k->env.store) : KF_STORE_UNKNOWN;
    return s == KF_STORE_LOCKED && !k->env.store_is_opening(k->env.user);
}

/* As if the agent was open. */
static kf_state open_state(const kf_entry *e) {
    if (e->unsaved) return KF_STATE_UNSAVED;
    if (e->trouble.state != KF_STATE_SIGNED_IN) return e->trouble.state;
    if (e->session) return KF_STATE_SIGNED_IN; /* whatever is left of its access token */
    return e->loaded ? KF_STATE_SIGNED_OUT : hinted_state(e);
}

static kf_state resting_state(const kf_entry *e) {
    bool usable = e->session && !kf_state_is_over(e->trouble.state),
         hinted = kf_entry_has_hinted_session(e);
    bool shut = *e->k->env.locked && !e->unsaved && (usable || hinted);
    if (hinted && hinted_state(e) == KF_STATE_SIGNED_IN && store_is_locked(e->k)) shut = true;
    return shut ? KF_STATE_LOCKED : open_state(e);
}

const char *kf_entry_open_state_name(const kf_entry *e) { return kf_state_name(open_state(e)); }
const char *kf_entry_resting_state_name(const kf_entry *e) {
    return kf_state_name(resting_state(e));
}

kf_state kf_entry_state(const kf_entry *e) {
    if (e->work && e->work->kind == KF_WORK_RENEW && e->work->has_slot) return KF_STATE_RENEWING;
    return resting_state(e);
}

static bool is_lost(kf_state s) { return s == KF_STATE_NEEDS_SIGN_IN || s == KF_STATE_STALE; }

/* Not for what a person did, such as signing out here or elsewhere. */
static void tell_person(kf_entry *e, kf_state s) {
    kf_err_code code = kf_entry_why(e)->code;
    if (e->told || !is_lost(s) || is_lost(e->shown) || s != e->trouble.state || !code) return;
    e->told = true;
    if (e->k->on_person)
        e->k->on_person(e->k->on_person_user, e->prof.id, e->prof.name, kf_err_name(code));
}

const kf_err *kf_entry_why(const kf_entry *e) {
    static const kf_err none;
    return e->trouble.err ? e->trouble.err : &none;
}

/* The one place where a state is set, so the one that logs it. */
void kf_entry_changed(kf_entry *e) {
    kf_state s = kf_entry_state(e);
    if (s != e->shown) {
        const char *why = s == e->trouble.state && s != KF_STATE_SIGNED_IN
                              ? kf_err_name(kf_entry_why(e)->code)
                              : "";
        kf_log(KF_LOG_INFO, "profile %s: %s -> %s%s%s", e->prof.name, kf_state_name(e->shown),
               kf_state_name(s), *why ? ", " : "", why);
        tell_person(e, s);
        e->shown = s;
    }
    kf_keeper_index_dirty(e->k);
    if (e->k->on_change) e->k->on_change(e->k->on_change_user, e->prof.id, false);
}

void kf_entry_trouble(kf_entry *e, kf_state s, const kf_err *err) {
    bool signed_out = !err || err->code == KF_ERR_WORKOS_NOT_SIGNED_IN;
    if (s == KF_STATE_NEEDS_SIGN_IN && signed_out) s = KF_STATE_SIGNED_OUT; /* by a person */
    e->trouble.state = s;
    if (err) {
        if (!e->trouble.err) e->trouble.err = g_new(kf_err, 1);
        *e->trouble.err = *err;
    } else {
        g_free(e->trouble.err);
        e->trouble.err = NULL;
    }
    if (s == KF_STATE_SIGNED_IN) {
        e->retry_at = e->not_before = 0;
        e->free_retry = false;
        e->fails = 0;
    }
    kf_entry_changed(e);
}

void kf_keeper_look_again(kf_keeper *k) {
    GHashTableIter it;
    void *p;
    g_hash_table_iter_init(&it, k->by_id);
    while (g_hash_table_iter_next(&it, NULL, &p)) {
        kf_entry *e = p;
        if (kf_entry_state(e) != e->shown) kf_entry_changed(e);
    }
}

/* ---- what must not be interrupted ---- */

bool kf_keeper_busy(const kf_keeper *k) {
    GHashTableIter it;
    void *p;
    g_hash_table_iter_init(&it, k->by_id);
    while (g_hash_table_iter_next(&it, NULL, &p)) {
        const kf_entry *e = p;
        bool at_risk = e->unsaved && !e->second;
        if (at_risk || (e->work && e->work->kind != KF_WORK_LOAD) || e->queue.length) return true;
    }
    return k->side->len > 0;
}

bool kf_keeper_has_work(const kf_keeper *k) {
    bool fleeting =
        *k->env.store && kf_str_eq(kf_store_kind(*k->env.store), "memory"); /* ends with us */
    GHashTableIter it;
    void *p;
    g_hash_table_iter_init(&it, k->by_id);
    while (g_hash_table_iter_next(&it, NULL, &p)) {
        const kf_entry *e = p;
        if (kf_entry_renew_due(e) >= 0) return true;
        if (fleeting && (e->session || kf_entry_has_hinted_session(e))) return true;
    }
    return kf_keeper_busy(k);
}

/* ---- a profile as it is now ---- */

bool kf_entry_is_default(const kf_entry *e) {
    const char *d = *e->k->env.conf ? kf_conf_get(*e->k->env.conf, "default") : NULL;
    return kf_str_eq(d, e->prof.name);
}

/* The API key tells it, and it is not read before it is needed. */
const char *kf_entry_environment(const kf_entry *e) {
    const char *env = kf_profile_environment(e->prof.api_host, e->api_key);
    return !*env && !e->api_key && e->prof.confidential && e->hint ? e->hint->environment : env;
}

/* Of a session that this agent has not read: what the ledger and the list of profiles say. */
static bool hinted_reason(const kf_entry *e, kf_err *err) {
    kf_ledger l;
    char when[21];
    bool vault = *e->k->env.store && !strcmp(kf_store_kind(*e->k->env.store), "vault");
    switch (kf_entry_state(e)) {
    case KF_STATE_LOCKED:
        kf_fail(err, vault ? KF_ERR_STORE_VAULT_LOCKED : KF_ERR_STORE_LOCKED, "%s",
                vault ? "the vault is locked" : "your keyring is locked");
        return true;
    case KF_STATE_UNSAVED:
        kf_fail(err, KF_ERR_STORE_UNSAVED, "an earlier agent could not store it");
        return true;
    case KF_STATE_STALE:
        kf_fail(err, KF_ERR_STORE_STALE, "an earlier agent found that");
        return true;
    case KF_STATE_NEEDS_SIGN_IN:
        if (!kf_entry_ledger_peek(e, &l, NULL, NULL)) return false;
        if (!*l.ended && l.unsaved)
            kf_fail(err, KF_ERR_STORE_LOST, "generation %lld", (long long)l.generation);
        if (!*l.ended) return l.unsaved;
        kf_rfc3339(l.ended_at, when);
        kf_fail(err, kf_err_from_name(l.ended), "WorkOS ended the session, %s", when);
        return true;
    default: return false;
    }
}

static bool is_failing(const kf_entry *e, kf_err *err) {
    if (*e->k->env.locked && kf_entry_state(e) == KF_STATE_LOCKED) {
        kf_keeper_fail_locked(*e->k->env.store, err);
        return true;
    }
    if (e->trouble.state == KF_STATE_SIGNED_IN || !e->trouble.err) return hinted_reason(e, err);
    *err = *e->trouble.err;
    return true;
}

static void view_token(const kf_entry *e, kf_profile_view *v) {
    const kf_profile_row *h = v->hint;
    if (e->session) {
        v->is_served = kf_entry_usable(e) && !*e->k->env.locked;
        v->left_ms = kf_entry_left_ms(e);
    } else if (h) {
        bool whole = v->state == KF_STATE_SIGNED_IN || v->state == KF_STATE_UNSAVED;
        v->is_served = whole && h->expires_at;
        v->left_ms = (h->expires_at - kf_unix_s()) * 1000;
    }
}

static void view_next(const kf_entry *e, kf_profile_view *v) {
    int64_t now = kf_boot_ms(), at = e->unsaved ? e->retry_at : kf_entry_renew_due(e);
    v->next_ms = at <= 0 ? -1 : at > now ? at - now : 0;
    v->is_retry =
        e->unsaved || e->trouble.state == KF_STATE_OFFLINE || e->trouble.state == KF_STATE_LOCKED;
}

bool kf_keeper_view(kf_keeper *k, const char *profile, kf_profile_view *out) {
    const kf_entry *e = kf_entry_find(k, profile);
    if (!e) return false;
    *out = (kf_profile_view){.profile = &e->prof,
                             .is_default = kf_entry_is_default(e),
                             .environment = kf_entry_environment(e),
                             .state = kf_entry_state(e),
                             .session = e->session,
                             .hint = e->session ? NULL : e->hint,
                             .last_used_at = e->last_used_at,
                             .renewed_any = e->renewed_any,
                             .renewed_ok = e->renewed_ok,
                             .renewed_ms = e->renewed_ms};
    out->is_failing = is_failing(e, &out->failure);
    view_token(e, out);
    view_next(e, out);
    return true;
}
