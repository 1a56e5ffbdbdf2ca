/* What the keeper shows of a profile: its state, and the interface's Profile object. Every
 * change of a state is logged here. Nothing here reads the store. */
#include "agent/keeper_impl.h"

#include <string.h>
#include "agent/part.h"
#include "agent/settings.h"
#include "wire/msg.h"

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
    kf_store_state s = k->a->store ? kf_store_get_state(k->a->store) : KF_STORE_UNKNOWN;
    return s == KF_STORE_LOCKED && !k->a->openings; /* not one that is being opened */
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
    bool shut = e->k->a->locked && !e->unsaved && (usable || hinted);
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
        k->a->store && kf_str_eq(kf_store_kind(k->a->store), "memory"); /* ends with us */
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

/* ---- the interface's Profile ---- */

static void set_text(kf_json *j, const char *key, const char *s) {
    if (s && *s) kf_json_set_str(j, key, s);
}

static void set_time(kf_json *j, const char *key, int64_t t) {
    if (t) kf_json_set_int(j, key, t);
}

static void json_token(kf_json *j, const kf_session *s) {
    size_t n = kf_secret_len(s->access_token);
    const char *t = kf_secret_peek(s->access_token);
    char part[9];
    kf_json_set_int(j, "token_bytes", (int64_t)n);
    if (n < 64) return; /* too short to show ends of */
    memcpy(part, t, 8);
    part[8] = 0;
    kf_json_set_str(j, "token_head", part);
    memcpy(part, t + n - 4, 5);
    kf_json_set_str(j, "token_tail", part);
    kf_wipe(part, sizeof part);
}

static void json_session(kf_json *j, const kf_entry *e) {
    const kf_session *s = e->session;
    char name[256], email[321];
    kf_session_user_name(s, name, sizeof name);
    (void)kf_str_cut(email, sizeof email, kf_session_user_email(s));
    set_text(j, "user_id", kf_session_user_id(s));
    set_text(j, "user_email", email);
    set_text(j, "user_name", name);
    set_text(j, "org_id", s->organization_id);
    set_text(j, "org_name", s->organization_name);
    set_text(j, "role", s->claims.role);
    kf_json_set_int(j, "permissions", (int64_t)s->claims.n_permissions);
    set_text(j, "session_id", s->claims.sid);
    set_text(j, "method", s->authentication_method);
    set_text(j, "impersonator", s->impersonator_email);
    set_text(j, "impersonator_reason", s->impersonator_reason);
    set_time(j, "signed_in_at", s->signed_in_at);
    set_time(j, "renewed_at", s->renewed_at);
    set_time(j, "expires_at", s->exp);
    kf_json_set_int(j, "skew_s", s->skew_s);
    if (!kf_entry_usable(e) || e->k->a->locked) return; /* a token that nobody gets */
    kf_json_set_int(j, "left_ms", kf_entry_left_ms(e));
    kf_json_set_int(j, "life_ms", s->life_s * 1000);
    json_token(j, s);
}

/* What an earlier agent wrote down of a session that this one has not read yet. */
static void json_hint(kf_json *j, const kf_entry *e) {
    const kf_profile_row *h = e->hint;
    kf_state s = kf_entry_state(e);
    set_text(j, "user_email", h->email);
    set_text(j, "user_name", h->user_name);
    set_text(j, "org_id", h->organization_id);
    set_text(j, "org_name", h->organization_name);
    set_text(j, "method", h->method);
    set_time(j, "expires_at", h->expires_at);
    bool served = s == KF_STATE_SIGNED_IN || s == KF_STATE_UNSAVED;
    if (h->expires_at && served)
        kf_json_set_int(j, "left_ms", (h->expires_at - kf_unix_s()) * 1000);
}

bool kf_entry_is_default(const kf_entry *e) {
    const char *d = e->k->a->conf ? kf_conf_get(e->k->a->conf, "default") : NULL;
    return kf_str_eq(d, e->prof.name);
}

/* The API key tells it, and it is not read before it is needed. */
const char *kf_entry_environment(const kf_entry *e) {
    const char *env = kf_profile_environment(e->prof.api_host, e->api_key);
    return !*env && !e->api_key && e->prof.confidential && e->hint ? e->hint->environment : env;
}

static void json_times(kf_json *j, const kf_entry *e) {
    int64_t now = kf_boot_ms();
    if (e->renewed_any) {
        kf_json_set_int(j, "renewed_ms", e->renewed_ms);
        kf_json_set_bool(j, "renewed_ok", e->renewed_ok);
    }
    int64_t at = e->unsaved ? e->retry_at : kf_entry_renew_due(e);
    if (at <= 0) return;
    bool retry =
        e->unsaved || e->trouble.state == KF_STATE_OFFLINE || e->trouble.state == KF_STATE_LOCKED;
    kf_json_set_int(j, retry ? "retry_in_ms" : "renews_in_ms", at > now ? at - now : 0);
}

/* Of a session that this agent has not read: what the ledger and the list of profiles say. */
static bool hinted_reason(const kf_entry *e, kf_err *err) {
    kf_ledger l;
    char when[21];
    bool vault = e->k->a->store && !strcmp(kf_store_kind(e->k->a->store), "vault");
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
        if (!kf_entry_ledger_peek(e, &l, NULL)) return false;
        if (!*l.ended && l.unsaved)
            kf_fail(err, KF_ERR_STORE_LOST, "generation %lld", (long long)l.generation);
        if (!*l.ended) return l.unsaved;
        kf_rfc3339(l.ended_at, when);
        kf_fail(err, kf_err_from_name(l.ended), "WorkOS ended the session, %s", when);
        return true;
    default: return false;
    }
}

static void json_failure(kf_json *j, const kf_entry *e) {
    kf_err mine;
    const kf_err *why = e->trouble.state != KF_STATE_SIGNED_IN ? e->trouble.err : NULL;
    if (e->k->a->locked && kf_entry_state(e) == KF_STATE_LOCKED) {
        kf_settings_fail_locked(e->k->a, &mine);
        why = &mine;
    } else if (!why && hinted_reason(e, &mine)) why = &mine;
    if (why) kf_json_set(j, "failure", kf_msg_failure(why));
}

/* What the interface asks of every profile: all from keyfob.conf, whose reader bounds it. */
static kf_json *json_settings(const kf_entry *e) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "id", e->prof.id);
    kf_json_set_str(j, "name", e->prof.name);
    kf_json_set_bool(j, "default", kf_entry_is_default(e));
    kf_json_set_bool(j, "confidential", e->prof.confidential);
    kf_json_set_str(j, "client_id", e->prof.client_id);
    kf_json_set_str(j, "api_host", e->prof.api_host);
    kf_json_set_str(j, "environment", kf_entry_environment(e));
    kf_json_set_str(j, "organization_id", e->prof.organization_id);
    kf_json_set_int(j, "redirect_port", e->prof.redirect_port);
    return j;
}

/* j owned. A record that is too large must not end the list of all profiles: it alone fails. */
static kf_json *bounded_record(const kf_entry *e, kf_json *j) {
    size_t n = kf_json_size(j);
    kf_err err;
    if (n <= KF_RECORD_MAX) return j;
    kf_json_free(j);
    kf_fail(&err, KF_ERR_WIRE_TOO_LONG, "what is known of %s has %zu bytes, %d are the most",
            e->prof.name, n, KF_RECORD_MAX);
    kf_log(KF_LOG_ERROR, "profile %s: %s", e->prof.name, err.what);
    j = json_settings(e);
    kf_json_set_str(j, "state", kf_state_name(KF_STATE_ERROR));
    kf_json_set(j, "failure", kf_msg_failure(&err));
    return j;
}

kf_json *kf_keeper_profile_json(kf_keeper *k, const char *profile) {
    kf_entry *e = kf_entry_find(k, profile);
    if (!e) return NULL;
    kf_json *j = json_settings(e);
    set_text(j, "label", e->prof.label);
    set_text(j, "git_host", e->prof.git_host);
    kf_json_set_str(j, "state", kf_state_name(kf_entry_state(e)));
    json_failure(j, e);
    if (e->session) json_session(j, e);
    else if (e->hint) json_hint(j, e);
    set_time(j, "last_used_at", e->last_used_at);
    json_times(j, e);
    return bounded_record(e, j);
}
