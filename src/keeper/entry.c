/* The keeper's entries: who can be served, when a renewal is due, which work is next, and how
 * entries follow keyfob.conf. The work itself is in the other keeper_*.c. */
#include "keeper/keeper_impl.h"

#include <stdlib.h>
#include <string.h>
#include "crypt/hash.h"
#include "guard/path.h"
#include "io/files.h"

enum { FUTURE_MS = 5 * 60 * 1000 }; /* by which clocks may differ before and after a reboot */

/* ---- time and dice ---- */

kf_moment kf_keeper_now(const kf_keeper *k, int64_t date) {
    kf_moment m = {.unix_s = kf_unix_s(), .boot_ms = kf_boot_ms(), .date = date};
    memcpy(m.boot_id, k->boot_id, sizeof m.boot_id);
    return m;
}

kf_moment kf_keeper_answer_moment(const kf_keeper *k, int64_t date) {
    int64_t unix_ms = kf_unix_ms();
    kf_moment m = kf_keeper_now(k, date);
    m.unix_s = unix_ms / 1000;
    m.ms = unix_ms % 1000;
    return m;
}

uint16_t kf_keeper_dice(void) {
    uint16_t r;
    kf_random(&r, sizeof r);
    return r;
}

int64_t kf_entry_left_ms(const kf_entry *e) {
    kf_moment now = kf_keeper_now(e->k, 0);
    return kf_session_left_ms(e->session, &now);
}

/* keepalive of keyfob.conf in ms; -1 never */
static int64_t keepalive_ms(const kf_keeper *k) {
    const char *text = *k->env.conf ? kf_conf_get(*k->env.conf, "keepalive") : NULL;
    int64_t ms;
    if (!text || !*text) return INT64_C(12) * 3600 * 1000;
    if (kf_str_eq(text, "never")) return -1;
    if (!kf_duration_parse(text, &ms) || ms < 60 * 1000) {
        kf_log(KF_LOG_WARN, "keepalive = %s is not a duration of a minute or more; using 12h",
               text);
        return INT64_C(12) * 3600 * 1000;
    }
    return ms;
}

/* ---- who can be served ---- */

/* A session that ended, or that must not be used, serves nobody, however long its token lives. */
bool kf_entry_usable(const kf_entry *e) {
    return e->session && !kf_state_is_over(e->trouble.state) &&
           e->trouble.state != KF_STATE_STALE && (!e->unsaved || kf_entry_bound(e, e->session));
}

static kf_refresh_choice choose(const kf_entry *e, const kf_waiter *w) {
    return kf_refresh_choose(e->session->life_s * 1000, kf_entry_left_ms(e), w->min_valid_ms);
}

static bool waits(const kf_entry *e, const kf_waiter *w) {
    return !w->freshest && !w->as_it_is &&
           ((w->renew && !w->renewed) || choose(e, w) == KF_REFRESH_RENEW);
}

/* Asked for nothing special, and there is a token that is valid: it will do if there is no fresher
 * one to be had at once. */
static bool is_content(const kf_entry *e, const kf_waiter *w) {
    return !w->renew && !w->as_it_is && w->min_valid_ms < 0 && kf_entry_usable(e) &&
           kf_entry_left_ms(e) > 0;
}

/* A renewal takes part of a second; one that takes longer may take a minute. */
static bool waited_enough(const kf_entry *e, const kf_waiter *w, int64_t now) {
    const kf_work *r = e->work && e->work->kind == KF_WORK_RENEW ? e->work : NULL;
    bool slow = r && (r->waiting_slot || (r->tries && now - r->posts[0].at >= KF_PATIENCE_MS));
    return slow || now - w->since >= KF_PATIENCE_MS;
}

void kf_entry_serve(kf_entry *e) {
    if (!kf_entry_usable(e)) return;
    int64_t now = kf_boot_ms();
    for (guint i = 0; i < e->waiters->len;) {
        kf_waiter *w = g_ptr_array_index(e->waiters, i);
        bool wait = waits(e, w), enough = wait && is_content(e, w) && waited_enough(e, w, now);
        if (wait && !enough) {
            i++;
            continue;
        }
        w->is_short = !enough && choose(e, w) != KF_REFRESH_SERVE;
        kf_entry_answer(e, w, NULL);
        g_ptr_array_remove_index(e->waiters, i);
    }
}

/* No renewal came about. Who asked for nothing special gets the token at hand while it is
 * valid; who asked for a renewal or for more time than is left gets the error. */
void kf_entry_fail_waiters(kf_entry *e, const kf_err *err) {
    kf_entry_serve(e);
    for (guint i = 0; i < e->waiters->len; i++) {
        kf_waiter *w = g_ptr_array_index(e->waiters, i);
        kf_entry_answer(e, w, is_content(e, w) ? NULL : err);
    }
    g_ptr_array_set_size(e->waiters, 0);
}

bool kf_entry_wants_renewal(kf_entry *e, bool unattended) {
    if (!e->session) return false;
    if (e->urgent > kf_boot_ms()) return true;
    for (guint i = 0; i < e->waiters->len; i++)
        if (waits(e, g_ptr_array_index(e->waiters, i))) return true;
    int64_t due = unattended ? kf_entry_renew_due(e) : -1;
    return due >= 0 && due <= kf_boot_ms();
}

/* ---- when ---- */

static bool hint_has_session(const kf_entry *e) {
    static const char *const not [] = {"signed_out", "needs_sign_in", "stale", "error"};
    if (!e->hint || e->hint->expires_at <= 0) return false;
    for (size_t i = 0; i < KF_LEN(not ); i++)
        if (kf_str_eq(e->hint->state, not [i])) return false;
    return true;
}

/* By the clock that counted more: a wall clock that was set back must not put a keep-alive off.
 * After a reboot only the wall clock is left, and a renewal in its future says nothing: it counts
 * as long ago. */
static int64_t since_renewal_ms(const kf_entry *e, int64_t now) {
    const kf_session *s = e->session;
    int64_t last = s->renewed_at > s->signed_in_at ? s->renewed_at : s->signed_in_at;
    int64_t wall = (kf_unix_s() - last) * 1000, boot = now - s->received.boot_ms;
    if (!kf_str_eq(s->received.boot_id, e->k->boot_id))
        return wall < -FUTURE_MS ? INT64_MAX / 2 : wall;
    return wall > boot ? wall : boot;
}

static int64_t due_of_session(const kf_entry *e, int64_t now) {
    const kf_session *s = e->session;
    int64_t ahead = now + kf_entry_left_ms(e) - kf_refresh_lead_ms(s->life_s * 1000);
    if (ahead < now) ahead = now;
    if (e->open > 0 || (e->last_used && ahead <= e->last_used + KF_RECENT_USE_MS)) return ahead;
    int64_t keep = keepalive_ms(e->k);
    if (keep < 0) return -1;
    int64_t due = now + keep - since_renewal_ms(e, now);
    return due < now ? now : due;
}

/* A vault that is shut, or being opened just now: what began in between would fail as locked. */
static bool store_works(const kf_keeper *k) {
    const kf_store *s = *k->env.store;
    if (!s) return false;
    if (strcmp(kf_store_kind(s), "vault")) return true;
    kf_store_state st = kf_store_get_state(s);
    return st == KF_STORE_OK || st == KF_STORE_ABSENT; /* open, and its folder may be back */
}

/* The disk's, not the session's: reading is tried again by itself, for the keep-alive. */
static bool read_failed(const kf_entry *e) {
    kf_err_code code = kf_entry_why(e)->code;
    if (e->session || !hint_has_session(e)) return false;
    return code == KF_ERR_STORE_READ ||
           (code == KF_ERR_STORE_ABSENT && !strcmp(kf_store_kind(*e->k->env.store), "vault"));
}

int64_t kf_entry_renew_due(const kf_entry *e) {
    int64_t now = kf_boot_ms(), due = -1;
    bool shut = !store_works(e->k) || *e->k->env.locked;
    if (shut || e->unsaved || e->leaving) return -1;
    /* a store that is slow, shut or has gone back for a moment must not cost the answer */
    if (e->urgent > now && e->loaded && !e->session) return e->look_at;
    switch (e->trouble.state) {
    case KF_STATE_SIGNED_IN: break;
    case KF_STATE_OFFLINE:
    case KF_STATE_LOCKED:
    case KF_STATE_ERROR: /* of this machine (a full disk): tried again; of WorkOS: not */
        if (read_failed(e)) return e->retry_at ? e->retry_at : now;
        if (!e->session || (e->trouble.state == KF_STATE_ERROR && !e->free_retry)) return -1;
        due = e->retry_at ? e->retry_at : now;
        break;
    default: return -1;
    }
    if (e->trouble.state == KF_STATE_SIGNED_IN && e->urgent > now)
        return e->retry_at > now ? e->retry_at : now;
    if (due < 0 && e->session) {
        due = due_of_session(e, now);
        if (due >= 0 && e->retry_at > due) due = e->retry_at;
    } else if (due < 0 && !e->loaded && hint_has_session(e)) {
        int64_t keep = keepalive_ms(e->k);
        if (keep < 0) return -1;
        due = now + keep - (kf_unix_s() - e->hint->expires_at) * 1000;
    }
    if (due < 0) return -1;
    if (due < e->not_before) due = e->not_before;
    if (due < e->jitter_until) due = e->jitter_until;
    return due;
}

static void alarm_rang(void *user) {
    kf_entry *e = user;
    e->alarm = 0;
    if (kf_entry_state(e) != e->shown) kf_entry_changed(e);
    kf_entry_pump(e);
}

static void sooner(int64_t *at, int64_t t, int64_t now) {
    if (t > now && (*at < 0 || t < *at)) *at = t;
}

void kf_entry_arm(kf_entry *e) {
    int64_t now = kf_boot_ms(), at = -1, due = kf_entry_renew_due(e);
    kf_loop_cancel(e->k->env.loop, e->alarm);
    e->alarm = 0;
    if (e->work) return; /* its end arms again */
    if (due >= 0) at = due > now ? due : now;
    if (e->unsaved && e->retry_at) sooner(&at, e->retry_at > now ? e->retry_at : now + 1, now);
    if (e->session) { /* who watches is told that the token is over */
        int64_t end = now + kf_entry_left_ms(e);
        sooner(&at, end + 1, now);
    }
    if (at < 0) return;
    int64_t wait = at - now;
    if (wait > INT64_C(24) * 3600 * 1000) wait = INT64_C(24) * 3600 * 1000;
    e->alarm = kf_loop_after(e->k->env.loop, wait, alarm_rang, e);
}

/* ---- what is done next ---- */

/* A caller who needs more than the token at hand: asked for a renewal, or for more time than is
 * left. person: one of them said --renew. */
static bool is_needed(const kf_entry *e, bool *person) {
    bool needed = false;
    *person = false;
    for (guint i = 0; i < e->waiters->len; i++) {
        const kf_waiter *w = g_ptr_array_index(e->waiters, i);
        needed = needed || !is_content(e, w);
        *person = *person || w->renew;
    }
    return needed;
}

/* Back-off and Retry-After bind what keyfob does by itself. A caller without a token is a reason to
 * ask every two seconds; after a refusal of WorkOS itself, when the refusal is older. */
static bool trouble_allows(const kf_entry *e) {
    int64_t now = kf_boot_ms();
    bool person, needed = is_needed(e, &person);
    bool refused = e->trouble.state == KF_STATE_ERROR && !e->free_retry;
    if (e->trouble.state == KF_STATE_SIGNED_IN || (person && now >= e->not_before)) return true;
    if (e->free_retry || now >= e->retry_at) return true;
    return needed && (person || !refused) && now >= e->tried_at + KF_ASK_AGAIN_MS;
}

/* What an error of some time ago looks like to who asks now. */
static kf_err old_answer(const kf_entry *e) {
    kf_err err = *kf_entry_why(e);
    int64_t now = kf_boot_ms(), ago = (now - e->tried_at) / 1000, in = (e->retry_at - now) / 1000;
    char was[sizeof err.what];
    if (!e->tried_at || ago < 1) return err;
    memcpy(was, err.what, sizeof was);
    snprintf(err.what, sizeof err.what, "%.170s (%lld s ago, the next try is in %lld s)", was,
             (long long)ago, (long long)(in < 0 ? 0 : in));
    return err;
}

static kf_work *work_for_waiters(kf_entry *e) {
    if (!e->loaded) return kf_work_new(e->k, KF_WORK_LOAD);
    if (!kf_entry_usable(e)) {
        kf_err err = *kf_entry_why(e);
        if (!err.code)
            kf_fail(&err, KF_ERR_WORKOS_NOT_SIGNED_IN, "%s has no session", e->prof.name);
        kf_entry_fail_waiters(e, &err);
        return NULL;
    }
    if (e->unsaved) return kf_work_new(e->k, KF_WORK_SAVE); /* first the pair at hand */
    if (!trouble_allows(e)) {
        kf_err err = old_answer(e);
        kf_entry_fail_waiters(e, &err);
        return NULL;
    }
    return kf_work_new(e->k, KF_WORK_RENEW);
}

static kf_work *work_by_itself(kf_entry *e) {
    int64_t now = kf_boot_ms();
    if (!store_works(e->k)) return NULL;
    if (e->unsaved && e->retry_at && e->retry_at <= now) return kf_work_new(e->k, KF_WORK_SAVE);
    if (*e->k->env.locked || e->leaving) return NULL;
    /* recent use: after an Unlock, so that it is renewed ahead of time as before */
    bool recent = e->last_used && now - e->last_used < KF_RECENT_USE_MS;
    bool wanted = e->open > 0 || e->urgent > now || recent;
    if (!e->loaded && wanted) return kf_work_new(e->k, KF_WORK_LOAD);
    int64_t due = kf_entry_renew_due(e);
    if (due < 0 || due > now) return NULL;
    return kf_work_new(e->k, e->loaded && e->session ? KF_WORK_RENEW : KF_WORK_LOAD);
}

static void sweep_leaving(void *user);

void kf_entry_pump(kf_entry *e) {
    kf_entry_serve(e);
    if (e->leaving && !e->k->sweep)
        e->k->sweep = kf_loop_after(e->k->env.loop, 0, sweep_leaving, e->k);
    if (e->work || e->k->held) return;
    kf_work *w = g_queue_pop_head(&e->queue);
    if (!w && e->waiters->len) w = work_for_waiters(e);
    if (!w) w = work_by_itself(e);
    if (w) kf_work_start(e, w);
    else kf_entry_arm(e);
}

/* ---- entries ---- */

kf_entry *kf_entry_find(kf_keeper *k, const char *name_or_id) {
    if (!name_or_id) return NULL;
    kf_entry *e = g_hash_table_lookup(k->by_name, name_or_id);
    if (!e) e = g_hash_table_lookup(k->by_id, name_or_id);
    return e && !e->leaving ? e : NULL;
}

kf_entry *kf_entry_by_id(kf_keeper *k, const char *id) { return g_hash_table_lookup(k->by_id, id); }

void kf_entry_forget(kf_entry *e) {
    if (e->unsaved) return; /* the only copy there is */
    if (e->session) kf_entry_hint(e);
    e->session = kf_session_free(e->session);
    e->api_key = kf_secret_free(e->api_key);
    e->loaded = false;
    /* what is read again is tried again */
    if (e->trouble.state == KF_STATE_OFFLINE) kf_entry_trouble(e, KF_STATE_SIGNED_IN, NULL);
}

static void work_lost(kf_entry *e, kf_work *w, const kf_err *err) {
    kf_waiter asker = {.done = w->token_done, .user = w->user};
    kf_keeper_answer_done(e->k, w->done, w->user, err);
    kf_keeper_answer_signout(e->k, w, err);
    if (w->token_done) kf_entry_answer(e, &asker, err);
    kf_work_free(w);
}

void kf_entry_lose_work(kf_entry *e) {
    kf_err gone;
    kf_fail_no_profile(&gone, e->prof.name);
    for (kf_work *w; (w = g_queue_pop_head(&e->queue));) work_lost(e, w, &gone);
    for (guint i = 0; i < e->waiters->len; i++)
        kf_entry_answer(e, g_ptr_array_index(e->waiters, i), &gone);
    g_ptr_array_set_size(e->waiters, 0);
}

static void entry_free(void *p) {
    kf_entry *e = p;
    kf_keeper *k = e->k;
    kf_err gone;
    kf_fail_no_profile(&gone, e->prof.name);
    kf_loop_cancel(k->env.loop, e->alarm);
    kf_loop_cancel(k->env.loop, e->patience);
    if (e->work) {
        kf_work *w = e->work;
        e->work = NULL;
        kf_loop_cancel(k->env.loop, w->timer);
        if (w->http) kf_http_cancel(k->env.http, w->http);
        kf_post_cancel(k, w);
        kf_slot_forget(e, w);
        kf_slot_give(k, w);
        work_lost(e, w, &gone);
    }
    kf_entry_lose_work(e);
    g_ptr_array_free(e->waiters, TRUE);
    kf_session_free(e->session);
    kf_secret_free(e->api_key);
    g_free(e->owner);
    g_free(e->trouble.err);
    g_free(e->hint);
    g_free(e);
}

/* The index has no row for a profile that was missing from the settings when the index was written.
 * The ledger tells whether the profile has a session. The access token's end is not in the ledger,
 * but it is later than the ledger's last change. */
static void know_by_ledger(kf_entry *e) {
    int64_t changed_at;
    kf_ledger l;
    if (!kf_entry_ledger_peek(e, &l, &changed_at, NULL) || !*l.fp || *l.ended) return;
    kf_profile_row row = {.state = "signed_in", .expires_at = changed_at};
    kf_entry_knows(e, &row);
}

static kf_entry *entry_new(kf_keeper *k, const kf_conf_profile *p) {
    kf_entry *e = g_new0(kf_entry, 1);
    e->k = k;
    e->prof = *p;
    e->trouble.state = KF_STATE_SIGNED_IN;
    g_queue_init(&e->queue);
    e->waiters = g_ptr_array_new_with_free_func(g_free);
    kf_profile_row *row = g_hash_table_lookup(k->hints, p->id);
    bool memory = k->env.store_is_memory(k->env.user);
    bool forgotten = !*k->env.store && memory; /* the sessions of an earlier agent went with it */
    bool same = row && kf_str_eq(row->client_id, p->client_id);
    if (same && !forgotten) kf_entry_knows(e, row);
    else if (same) e->last_used_at = row->last_used_at;
    else if (!row && !memory) know_by_ledger(e);
    g_hash_table_remove(k->hints, p->id); /* what it said is the entry's now */
    e->api_key = kf_secret_copy(g_hash_table_lookup(k->first_keys, p->id));
    g_hash_table_remove(k->first_keys, p->id);
    e->shown = kf_entry_state(e);
    g_hash_table_insert(k->by_id, e->prof.id, e);
    if (k->looked) kf_entry_look_for_urgent(e);
    return e;
}

/* The profile may come back, for example with another branch of the person's dotfiles. */
static void keep_facts(kf_entry *e) {
    if (e->session) kf_entry_hint(e);
    if (!e->hint || (e->loaded && !e->session)) return; /* the store says that it has none */
    kf_profile_row *r = g_new(kf_profile_row, 1);
    *r = *e->hint;
    bool fits = kf_str_set(r->id, sizeof r->id, e->prof.id) &&
                kf_str_set(r->client_id, sizeof r->client_id, e->prof.client_id);
    if (fits) g_hash_table_replace(e->k->hints, r->id, r);
    else g_free(r);
}

/* An entry that leaves goes when it has no work and nothing to save. */
static void sweep_leaving(void *user) {
    kf_keeper *k = user;
    GHashTableIter it;
    void *p;
    k->sweep = 0;
    g_hash_table_iter_init(&it, k->by_id);
    while (g_hash_table_iter_next(&it, NULL, &p)) {
        kf_entry *e = p;
        if (!e->leaving || e->work || e->queue.length || e->waiters->len || e->unsaved) continue;
        keep_facts(e);
        g_hash_table_iter_remove(&it);
    }
}

static void entry_follow(kf_entry *e, const kf_conf_profile *p) {
    bool moved =
        !kf_str_eq(e->prof.api_host, p->api_host) || !kf_str_eq(e->prof.client_id, p->client_id);
    e->prof = *p;
    if (!moved && e->trouble.state != KF_STATE_LOCKED) return; /* locked: perhaps no longer */
    if (moved) e->api_key = kf_secret_free(e->api_key);
    if (moved) kf_entry_forget_hint(e);
    if (e->unsaved) return; /* the store takes it all the same; no caller gets its token */
    if (e->session && !kf_entry_bound(e, e->session)) {
        kf_err err;
        kf_fail(&err, KF_ERR_WORKOS_ORIGIN, "the session belongs to %s", e->session->origin);
        e->session = kf_session_free(e->session);
        e->loaded = true;
        kf_entry_trouble(e, KF_STATE_NEEDS_SIGN_IN, &err);
        return;
    }
    e->loaded = e->session != NULL;
    kf_entry_trouble(e, KF_STATE_SIGNED_IN, NULL);
}

/* Entries without a profile. With its entry a session would be lost that has work under way or is
 * not saved. */
static void leave_missing(kf_keeper *k, GHashTable *seen) {
    GHashTableIter it;
    void *p;
    g_hash_table_iter_init(&it, k->by_id);
    while (g_hash_table_iter_next(&it, NULL, &p)) {
        kf_entry *e = p;
        if (e->leaving || g_hash_table_contains(seen, e->prof.id)) continue;
        e->leaving = true;
        if (k->on_change) k->on_change(k->on_change_user, e->prof.id, true);
    }
    kf_loop_cancel(k->env.loop, k->sweep);
    sweep_leaving(k);
}

void kf_keeper_reload(kf_keeper *k) {
    const kf_conf_profile *all = NULL;
    if (!*k->env.conf) return; /* broken: what was known stays */
    size_t n = kf_conf_profiles(*k->env.conf, &all);
    GHashTable *seen = g_hash_table_new(g_str_hash, g_str_equal);
    g_hash_table_remove_all(k->by_name);
    for (size_t i = 0; i < n; i++) {
        kf_entry *e = g_hash_table_lookup(k->by_id, all[i].id);
        bool fresh = !e || e->leaving, renamed = e && !kf_str_eq(e->prof.name, all[i].name);
        if (!e) e = entry_new(k, &all[i]);
        else entry_follow(e, &all[i]);
        e->leaving = false;
        g_hash_table_insert(k->by_name, e->prof.name, e);
        g_hash_table_add(seen, e->prof.id);
        if (fresh || renamed) kf_entry_changed(e);
    }
    leave_missing(k, seen);
    g_hash_table_destroy(seen);
    GHashTableIter it;
    void *p;
    g_hash_table_iter_init(&it, k->by_id);
    while (g_hash_table_iter_next(&it, NULL, &p)) {
        kf_entry *e = p;
        if (e->unsaved) e->retry_at = kf_boot_ms(); /* perhaps the store was opened */
        if (kf_entry_state(e) != e->shown) kf_entry_changed(e);
        kf_entry_pump(e);
    }
    kf_keeper_index_dirty(k);
}

static void clock_jumped(void *user) {
    kf_keeper *k = user;
    GHashTableIter it;
    void *p;
    g_hash_table_iter_init(&it, k->by_id);
    while (g_hash_table_iter_next(&it, NULL, &p)) {
        kf_entry *e = p;
        e->jitter_until = kf_boot_ms() + kf_keeper_dice() % 5000;
        if (kf_entry_state(e) != e->shown) kf_entry_changed(e);
        kf_entry_arm(e);
    }
}

static void host_id_read(char out[33]) {
    kf_secret *text = NULL;
    uint8_t sum[32];
    out[0] = 0;
    if (!kf_file_read("/etc/machine-id", 256, &text, NULL)) return;
    char *salted =
        kf_strfmt("keyfob:%s", kf_secret_peek(text)); /* the bare id is not to be shown around */
    kf_sha256(salted, strlen(salted), sum);
    kf_hex(sum, 16, out);
    free(salted);
    kf_secret_free(text);
}

static void key_free(void *key) { kf_secret_free(key); }

kf_keeper *kf_keeper_new(const kf_keeper_env *env, kf_err *err) {
    char boot[37];
    if (!kf_boot_id(boot, err) || !kf_path_make_dir(env->state_dir, err)) return NULL;
    kf_keeper *k = g_new0(kf_keeper, 1);
    k->env = *env;
    memcpy(k->boot_id, boot, sizeof boot);
    host_id_read(k->host_id);
    k->anchor = g_new0(kf_anchor, 1);
    *k->anchor = (kf_anchor){.keeper = k, .refs = 1};
    k->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
    k->by_name = g_hash_table_new(g_str_hash, g_str_equal);
    k->hints = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    k->first_keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, key_free);
    k->side = g_ptr_array_new();
    k->lookups = g_ptr_array_new();
    k->index_writes = g_ptr_array_new();
    k->gates = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    g_queue_init(&k->answers);
    k->jump = kf_loop_clock_jump(env->loop, clock_jumped, k);
    kf_keeper_index_read(k);
    kf_keeper_reload(k);
    return k;
}

kf_keeper *kf_keeper_free(kf_keeper *k) {
    if (!k) return NULL;
    kf_keeper_index_flush(k);
    kf_passage_cancel(k);
    k->on_change = NULL;
    k->on_person = NULL;
    kf_side_cancel(k);
    g_ptr_array_free(k->side, TRUE);
    kf_name_cancel(k);
    g_ptr_array_free(k->lookups, TRUE);
    g_hash_table_destroy(k->by_name);
    g_hash_table_destroy(k->by_id);
    g_hash_table_destroy(k->hints);
    g_hash_table_destroy(k->gates);
    g_hash_table_destroy(k->first_keys);
    kf_loop_cancel(k->env.loop, k->index_timer);
    kf_loop_cancel(k->env.loop, k->jump);
    kf_loop_cancel(k->env.loop, k->sweep);
    kf_answers_drop(k);
    k->anchor->keeper = NULL;
    kf_anchor_drop(k->anchor);
    g_ptr_array_free(k->index_writes, TRUE);
    free(k->index_written);
    g_free(k);
    return NULL;
}

void kf_keeper_on_change(kf_keeper *k, void (*fn)(void *user, const char *id, bool gone),
                         void *user) {
    k->on_change = fn;
    k->on_change_user = user;
}

void kf_keeper_on_person(kf_keeper *k,
                         void (*fn)(void *user, const char *id, const char *name,
                                    const char *reason),
                         void *user) {
    k->on_person = fn;
    k->on_person_user = user;
}
