#include "agent/keeper_impl.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "crypt/hash.h"
#include "io/files.h"

typedef enum answer_kind { ANSWER_TOKEN, ANSWER_DONE, ANSWER_KEY, ANSWER_SIGNOUT } answer_kind;

/* A callback that is due; given on the next turn of the loop, never inside a call. */
typedef struct answer {
    answer_kind kind;
    char id[17];
    bool renewed, is_short, server_ended, has_note, has_err;
    kf_err note, err;
    kf_secret *key;
    kf_token_done token;
    kf_keeper_done done;
    kf_key_done key_done;
    kf_signout_done signout;
    void *user;
} answer;

static void answer_free(answer *n) {
    kf_secret_free(n->key);
    g_free(n);
}

/* ---- time and dice ---- */

kf_moment kf_keeper_now(const kf_keeper *k, int64_t date) {
    kf_moment m = {.unix_s = kf_unix_s(), .boot_ms = kf_boot_ms(), .date = date};
    memcpy(m.boot_id, k->boot_id, sizeof m.boot_id);
    return m;
}

uint16_t kf_keeper_dice(void) {
    uint16_t r;
    kf_random(&r, sizeof r);
    return r;
}

static int64_t left_ms(const kf_entry *e) {
    kf_moment now = kf_keeper_now(e->k, 0);
    return kf_session_left_ms(e->session, &now);
}

/* keepalive of keyfob.conf in ms; -1 never */
static int64_t keepalive_ms(const kf_keeper *k) {
    const char *text = k->a->conf ? kf_conf_get(k->a->conf, "keepalive") : NULL;
    int64_t ms;
    if (!text || !*text) return INT64_C(12) * 3600 * 1000;
    if (kf_str_eq(text, "never")) return -1;
    if (!kf_duration_parse(text, &ms) || ms < 60 * 1000) {
        kf_log(KF_LOG_WARN, "keepalive = %s is not a duration of a minute or more; using 12h", text);
        return INT64_C(12) * 3600 * 1000;
    }
    return ms;
}

/* ---- answers ---- */

static void give_token(kf_keeper *k, answer *n) {
    kf_entry *e = kf_entry_find(k, n->id);
    if (!n->has_err && (!e || !e->session)) {
        n->has_err = true;
        kf_fail(&n->err, KF_ERR_WORKOS_NOT_SIGNED_IN, "the session went away");
    }
    if (n->has_err) {
        n->token(n->user, NULL, &n->err);
        return;
    }
    kf_token t = {.profile = &e->prof, .session = e->session, .left_ms = left_ms(e),
                  .renewed = n->renewed, .is_short = n->is_short};
    n->token(n->user, &t, NULL);
}

static void give_answers(void *user) {
    kf_keeper *k = user;
    k->answer_timer = 0;
    for (guint todo = g_queue_get_length(&k->answers); todo > 0; todo--) {
        answer *n = g_queue_pop_head(&k->answers);
        const kf_err *err = n->has_err ? &n->err : NULL;
        switch (n->kind) {
        case ANSWER_TOKEN: give_token(k, n); break;
        case ANSWER_DONE: n->done(n->user, err); break;
        case ANSWER_KEY: n->key_done(n->user, n->key, err); break;
        case ANSWER_SIGNOUT:
            n->signout(n->user, n->server_ended, n->has_note ? &n->note : NULL, err);
            break;
        }
        answer_free(n);
    }
}

static void push_answer(kf_keeper *k, answer *n, const kf_err *err) {
    if (err) {
        n->has_err = true;
        n->err = *err;
    }
    g_queue_push_tail(&k->answers, n);
    if (!k->answer_timer) k->answer_timer = kf_loop_after(k->a->loop, 0, give_answers, k);
}

void kf_keeper_answer_done(kf_keeper *k, kf_keeper_done done, void *user, const kf_err *err) {
    if (!done) return;
    answer *n = g_new0(answer, 1);
    n->kind = ANSWER_DONE;
    n->done = done;
    n->user = user;
    push_answer(k, n, err);
}

void kf_keeper_answer_signout(kf_keeper *k, const kf_work *w, const kf_err *err) {
    if (!w->signout_done) return;
    answer *n = g_new0(answer, 1);
    n->kind = ANSWER_SIGNOUT;
    n->signout = w->signout_done;
    n->user = w->user;
    n->server_ended = w->server_ended;
    n->has_note = w->has_note;
    n->note = w->note;
    push_answer(k, n, err);
}

static void answer_waiter(kf_entry *e, const kf_waiter *w, const kf_err *err) {
    answer *n = g_new0(answer, 1);
    n->kind = ANSWER_TOKEN;
    memcpy(n->id, e->prof.id, sizeof n->id);
    n->renewed = w->renewed;
    n->is_short = w->is_short;
    n->token = w->done;
    n->user = w->user;
    push_answer(e->k, n, err);
}

static void no_profile(kf_err *err, const char *name) {
    kf_fail(err, KF_ERR_USAGE_NO_PROFILE, "%.200s", name ? name : "");
}

/* ---- who can be served ---- */

/* A session that ended, or that must not be used, serves nobody, however long its token lives. */
static bool usable(const kf_entry *e) {
    return e->session && e->trouble.state != KF_STATE_NEEDS_SIGN_IN &&
           e->trouble.state != KF_STATE_STALE;
}

static kf_refresh_choice choose(const kf_entry *e, const kf_waiter *w) {
    return kf_refresh_choose(e->session->life_s * 1000, left_ms(e), w->min_valid_ms);
}

static bool waits(const kf_entry *e, const kf_waiter *w) {
    return !w->freshest && ((w->renew && !w->renewed) || choose(e, w) == KF_REFRESH_RENEW);
}

static void serve_waiters(kf_entry *e) {
    if (!usable(e)) return;
    for (guint i = 0; i < e->waiters->len;) {
        kf_waiter *w = g_ptr_array_index(e->waiters, i);
        if (waits(e, w)) {
            i++;
            continue;
        }
        w->is_short = choose(e, w) != KF_REFRESH_SERVE;
        answer_waiter(e, w, NULL);
        g_ptr_array_remove_index(e->waiters, i);
    }
}

/* No renewal came about. Who asked for nothing special gets the token at hand while it is
 * valid; who asked for a renewal or for more time than is left gets the error. */
void kf_entry_fail_waiters(kf_entry *e, const kf_err *err) {
    serve_waiters(e);
    for (guint i = 0; i < e->waiters->len; i++) {
        kf_waiter *w = g_ptr_array_index(e->waiters, i);
        bool will_do = usable(e) && !w->renew && w->min_valid_ms < 0 && left_ms(e) > 0;
        answer_waiter(e, w, will_do ? NULL : err);
    }
    g_ptr_array_set_size(e->waiters, 0);
}

bool kf_entry_wants_renewal(kf_entry *e, bool unattended) {
    if (!e->session) return false;
    for (guint i = 0; i < e->waiters->len; i++)
        if (waits(e, g_ptr_array_index(e->waiters, i))) return true;
    int64_t due = unattended ? kf_entry_renew_due(e) : -1;
    return due >= 0 && due <= kf_boot_ms();
}

/* ---- when ---- */

static bool hint_has_session(const kf_entry *e) {
    return e->has_hint && e->hint.expires_at > 0 && !kf_str_eq(e->hint.state, "needs_sign_in") &&
           !kf_str_eq(e->hint.state, "stale") && !kf_str_eq(e->hint.state, "error");
}

static int64_t due_of_session(const kf_entry *e, int64_t now) {
    const kf_session *s = e->session;
    int64_t ahead = now + left_ms(e) - kf_refresh_lead_ms(s->life_s * 1000);
    if (ahead < now) ahead = now;
    if (e->open > 0 || (e->last_used && ahead <= e->last_used + KF_RECENT_USE_MS)) return ahead;
    int64_t keep = keepalive_ms(e->k);
    if (keep < 0) return -1;
    int64_t last = s->renewed_at > s->signed_in_at ? s->renewed_at : s->signed_in_at;
    int64_t due = now + keep - (kf_unix_s() - last) * 1000;
    return due < now ? now : due;
}

int64_t kf_entry_renew_due(const kf_entry *e) {
    int64_t now = kf_boot_ms(), due = -1;
    if (!e->k->a->store || e->unsaved) return -1;
    switch (e->trouble.state) {
    case KF_STATE_SIGNED_IN: break;
    case KF_STATE_OFFLINE:
    case KF_STATE_LOCKED:
    case KF_STATE_ERROR: /* of this machine (a full disk): tried again; of WorkOS: not */
        if (!e->session || (e->trouble.state == KF_STATE_ERROR && !e->free_retry)) return -1;
        due = e->retry_at ? e->retry_at : now;
        break;
    default: return -1;
    }
    if (due < 0 && e->session) {
        due = due_of_session(e, now);
        if (due >= 0 && e->retry_at > due) due = e->retry_at;
    } else if (due < 0 && !e->loaded && hint_has_session(e)) {
        int64_t keep = keepalive_ms(e->k);
        if (keep < 0) return -1;
        due = now + keep - (kf_unix_s() - e->hint.expires_at) * 1000;
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
    kf_loop_cancel(e->k->a->loop, e->alarm);
    e->alarm = 0;
    if (e->work) return; /* its end arms again */
    if (due >= 0) at = due > now ? due : now;
    if (e->unsaved && e->retry_at) sooner(&at, e->retry_at > now ? e->retry_at : now + 1, now);
    if (e->session) { /* the moments at which the state's word changes */
        int64_t end = now + left_ms(e);
        sooner(&at, end + 1, now);
        sooner(&at, end + 1 - kf_refresh_lead_ms(e->session->life_s * 1000), now);
    } else if (!e->loaded && e->has_hint) {
        sooner(&at, now + (e->hint.expires_at - kf_unix_s()) * 1000 + 1, now);
    }
    if (at < 0) return;
    int64_t wait = at - now;
    if (wait > INT64_C(24) * 3600 * 1000) wait = INT64_C(24) * 3600 * 1000;
    e->alarm = kf_loop_after(e->k->a->loop, wait, alarm_rang, e);
}

/* ---- what is done next ---- */

static bool trouble_allows(const kf_entry *e) {
    int64_t now = kf_boot_ms();
    if (now < e->not_before) return false;
    if (e->trouble.state == KF_STATE_SIGNED_IN) return true;
    for (guint i = 0; i < e->waiters->len; i++)
        if (((kf_waiter *)g_ptr_array_index(e->waiters, i))->renew) return true;
    if (e->free_retry) return true;
    return e->trouble.state != KF_STATE_ERROR && now >= e->retry_at;
}

static kf_work *work_for_waiters(kf_entry *e) {
    if (!e->loaded) return kf_work_new(e->k, KF_WORK_LOAD);
    if (!usable(e)) {
        kf_err err = e->trouble.err;
        if (!err.code) kf_fail(&err, KF_ERR_WORKOS_NOT_SIGNED_IN, "%s has no session", e->prof.name);
        kf_entry_fail_waiters(e, &err);
        return NULL;
    }
    if (e->unsaved) return kf_work_new(e->k, KF_WORK_SAVE); /* first the pair at hand */
    if (!trouble_allows(e)) {
        kf_err err = e->trouble.err;
        if (e->trouble.state == KF_STATE_SIGNED_IN)
            kf_fail(&err, KF_ERR_NET_RATE_LIMITED, "%s asked to wait", e->prof.api_host);
        kf_entry_fail_waiters(e, &err);
        return NULL;
    }
    return kf_work_new(e->k, KF_WORK_RENEW);
}

static kf_work *work_by_itself(kf_entry *e) {
    int64_t now = kf_boot_ms();
    if (!e->k->a->store) return NULL;
    if (e->unsaved && e->retry_at && e->retry_at <= now) return kf_work_new(e->k, KF_WORK_SAVE);
    if (!e->loaded && e->open > 0) return kf_work_new(e->k, KF_WORK_LOAD);
    int64_t due = kf_entry_renew_due(e);
    if (due < 0 || due > now) return NULL;
    return kf_work_new(e->k, e->loaded ? KF_WORK_RENEW : KF_WORK_LOAD);
}

void kf_entry_pump(kf_entry *e) {
    serve_waiters(e);
    if (e->work) return;
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
    return e ? e : g_hash_table_lookup(k->by_id, name_or_id);
}

void kf_entry_forget(kf_entry *e) {
    if (e->unsaved) return; /* the only copy there is */
    if (e->session) kf_entry_hint(e);
    e->session = kf_session_free(e->session);
    e->api_key = kf_secret_free(e->api_key);
    e->loaded = false;
}

static void entry_free(void *p) {
    kf_entry *e = p;
    kf_keeper *k = e->k;
    kf_err gone;
    no_profile(&gone, e->prof.name);
    kf_loop_cancel(k->a->loop, e->alarm);
    if (e->work) {
        kf_work *w = e->work;
        e->work = NULL;
        kf_loop_cancel(k->a->loop, w->timer);
        if (w->http) kf_http_cancel(k->a->http, w->http);
        kf_slot_give(k, w);
        kf_keeper_answer_done(k, w->done, w->user, &gone);
        kf_keeper_answer_signout(k, w, &gone);
        kf_work_free(w);
    }
    kf_slot_forget(e);
    for (kf_work *w; (w = g_queue_pop_head(&e->queue));) {
        kf_keeper_answer_done(k, w->done, w->user, &gone);
        kf_keeper_answer_signout(k, w, &gone);
        kf_work_free(w);
    }
    for (guint i = 0; i < e->waiters->len; i++)
        answer_waiter(e, g_ptr_array_index(e->waiters, i), &gone);
    g_ptr_array_free(e->waiters, TRUE);
    kf_session_free(e->session);
    kf_secret_free(e->api_key);
    g_free(e);
}

static kf_entry *entry_new(kf_keeper *k, const kf_conf_profile *p) {
    kf_entry *e = g_new0(kf_entry, 1);
    e->k = k;
    e->prof = *p;
    e->trouble.state = KF_STATE_SIGNED_IN;
    g_queue_init(&e->queue);
    e->waiters = g_ptr_array_new_with_free_func(g_free);
    kf_profile_row *row = g_hash_table_lookup(k->hints, p->id);
    if (row && kf_str_eq(row->client_id, p->client_id)) {
        e->hint = *row;
        e->has_hint = true;
    }
    e->shown = kf_entry_state(e);
    g_hash_table_insert(k->by_id, e->prof.id, e);
    return e;
}

static void entry_follow(kf_entry *e, const kf_conf_profile *p) {
    bool moved = !kf_str_eq(e->prof.api_host, p->api_host) || !kf_str_eq(e->prof.client_id, p->client_id);
    e->prof = *p;
    if (!moved && (e->trouble.state != KF_STATE_LOCKED || e->session)) return;
    if (moved) e->api_key = kf_secret_free(e->api_key);
    e->has_hint = e->has_hint && !moved;
    if (e->session && !kf_entry_bound(e, e->session)) {
        kf_err err;
        kf_fail(&err, KF_ERR_WORKOS_ORIGIN, "the session belongs to %s", e->session->origin);
        e->unsaved = false; /* it can go nowhere any more */
        e->session = kf_session_free(e->session);
        e->loaded = true;
        kf_entry_trouble(e, KF_STATE_NEEDS_SIGN_IN, &err);
        return;
    }
    e->loaded = e->session != NULL;
    kf_entry_trouble(e, KF_STATE_SIGNED_IN, NULL);
}

void kf_keeper_reload(kf_keeper *k) {
    const kf_conf_profile *all = NULL;
    if (!k->a->conf) return; /* broken: what was known stays */
    size_t n = kf_conf_profiles(k->a->conf, &all);
    GHashTable *seen = g_hash_table_new(g_str_hash, g_str_equal);
    g_hash_table_remove_all(k->by_name);
    for (size_t i = 0; i < n; i++) {
        kf_entry *e = g_hash_table_lookup(k->by_id, all[i].id);
        bool fresh = !e, renamed = e && !kf_str_eq(e->prof.name, all[i].name);
        if (fresh) e = entry_new(k, &all[i]);
        else entry_follow(e, &all[i]);
        g_hash_table_insert(k->by_name, e->prof.name, e);
        g_hash_table_add(seen, e->prof.id);
        if (fresh || renamed) kf_entry_changed(e);
    }
    GHashTableIter it;
    void *p;
    g_hash_table_iter_init(&it, k->by_id);
    while (g_hash_table_iter_next(&it, NULL, &p)) {
        kf_entry *e = p;
        if (g_hash_table_contains(seen, e->prof.id)) continue;
        if (k->on_change) k->on_change(k->on_change_user, e->prof.id, true);
        g_hash_table_iter_remove(&it);
    }
    g_hash_table_destroy(seen);
    g_hash_table_iter_init(&it, k->by_id);
    while (g_hash_table_iter_next(&it, NULL, &p)) {
        kf_entry *e = p;
        if (e->unsaved) e->retry_at = kf_boot_ms(); /* perhaps the store was opened */
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
    char *salted = kf_strfmt("keyfob:%s", kf_secret_peek(text)); /* the bare id is not to be shown around */
    kf_sha256(salted, strlen(salted), sum);
    kf_hex(sum, 16, out);
    free(salted);
    kf_secret_free(text);
}

kf_keeper *kf_keeper_new(kf_agent *a, kf_err *err) {
    char boot[37];
    if (!kf_boot_id(boot, err) || !kf_dir_ensure(a->state_dir, err)) return NULL;
    kf_keeper *k = g_new0(kf_keeper, 1);
    k->a = a;
    memcpy(k->boot_id, boot, sizeof boot);
    host_id_read(k->host_id);
    k->anchor = g_new0(kf_anchor, 1);
    *k->anchor = (kf_anchor){.keeper = k, .refs = 1};
    k->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
    k->by_name = g_hash_table_new(g_str_hash, g_str_equal);
    k->hints = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    k->side = g_ptr_array_new();
    g_queue_init(&k->slots);
    g_queue_init(&k->answers);
    k->jump = kf_loop_clock_jump(a->loop, clock_jumped, k);
    kf_keeper_index_read(k);
    kf_keeper_reload(k);
    return k;
}

kf_keeper *kf_keeper_free(kf_keeper *k) {
    if (!k) return NULL;
    kf_keeper_index_flush(k);
    k->on_change = NULL;
    kf_side_cancel(k);
    g_ptr_array_free(k->side, TRUE);
    g_hash_table_destroy(k->by_name);
    g_hash_table_destroy(k->by_id);
    g_hash_table_destroy(k->hints);
    kf_loop_cancel(k->a->loop, k->answer_timer);
    kf_loop_cancel(k->a->loop, k->index_timer);
    kf_loop_cancel(k->a->loop, k->jump);
    for (answer *n; (n = g_queue_pop_head(&k->answers));) answer_free(n);
    k->anchor->keeper = NULL;
    kf_anchor_drop(k->anchor);
    free(k->index_written);
    g_free(k);
    return NULL;
}

void kf_keeper_on_change(kf_keeper *k, void (*fn)(void *user, const char *id, bool gone), void *user) {
    k->on_change = fn;
    k->on_change_user = user;
}

/* ---- calls ---- */

void kf_keeper_token(kf_keeper *k, const char *profile, int64_t min_valid_ms, bool renew,
                     kf_token_done done, void *user) {
    kf_entry *e = kf_entry_find(k, profile);
    if (!e) {
        answer *n = g_new0(answer, 1);
        kf_err err;
        no_profile(&err, profile);
        n->kind = ANSWER_TOKEN;
        n->token = done;
        n->user = user;
        push_answer(k, n, &err);
        return;
    }
    kf_waiter *w = g_new0(kf_waiter, 1);
    *w = (kf_waiter){.min_valid_ms = min_valid_ms, .renew = renew, .done = done, .user = user};
    g_ptr_array_add(e->waiters, w);
    int64_t now = kf_boot_ms();
    bool again = !e->last_used || now - e->last_used > 60 * 1000; /* the alarm did not know of this use */
    e->last_used = now;
    if (!usable(e) && !e->work && !e->unsaved) e->loaded = false; /* somebody may have signed in elsewhere */
    size_t before = e->waiters->len;
    serve_waiters(e);
    if (e->waiters->len == before || again) kf_entry_pump(e);
    else if (!e->work && !e->alarm) kf_entry_arm(e);
}

/* Queues work on a profile, or tells that there is no such profile. */
static void queue_work(kf_keeper *k, const char *profile, kf_work *w) {
    kf_entry *e = kf_entry_find(k, profile);
    if (!e) {
        kf_err err;
        no_profile(&err, profile);
        kf_keeper_answer_done(k, w->done, w->user, &err);
        kf_keeper_answer_signout(k, w, &err);
        kf_work_free(w);
        return;
    }
    g_queue_push_tail(&e->queue, w);
    kf_entry_pump(e);
}

void kf_keeper_adopt(kf_keeper *k, const char *profile, kf_session *session, kf_keeper_done done, void *user) {
    kf_work *w = kf_work_new(k, KF_WORK_ADOPT);
    w->next = session;
    w->done = done;
    w->user = user;
    queue_work(k, profile, w);
}

void kf_keeper_sign_out(kf_keeper *k, const char *profile, bool local_only, kf_signout_done done, void *user) {
    kf_work *w = kf_work_new(k, KF_WORK_SIGN_OUT);
    w->local_only = local_only;
    w->signout_done = done;
    w->user = user;
    queue_work(k, profile, w);
}

void kf_keeper_remove(kf_keeper *k, const char *profile, kf_keeper_done done, void *user) {
    kf_work *w = kf_work_new(k, KF_WORK_REMOVE);
    w->done = done;
    w->user = user;
    queue_work(k, profile, w);
}

void kf_keeper_set_api_key(kf_keeper *k, const char *profile, const kf_secret *key, kf_keeper_done done, void *user) {
    kf_work *w = kf_work_new(k, KF_WORK_SET_KEY);
    w->key = kf_secret_copy(key);
    w->done = done;
    w->user = user;
    queue_work(k, profile, w);
}

typedef struct key_call { /* reading a key touches no session, so it needs no turn */
    kf_anchor *anchor;
    char id[17];
    kf_key_done done;
    void *user;
} key_call;

static void answer_key(kf_keeper *k, kf_key_done done, void *user, kf_secret *key, const kf_err *err) {
    answer *n = g_new0(answer, 1);
    n->kind = ANSWER_KEY;
    n->key = key;
    n->key_done = done;
    n->user = user;
    push_answer(k, n, err);
}

static void key_loaded(void *user, const kf_secret *blob, const kf_err *err) {
    key_call *c = user;
    kf_keeper *k = c->anchor->keeper;
    kf_entry *e = k ? kf_entry_find(k, c->id) : NULL;
    kf_err bad;
    if (k && !e) {
        no_profile(&bad, c->id);
        answer_key(k, c->done, c->user, NULL, &bad);
    } else if (k && err) {
        answer_key(k, c->done, c->user, NULL, err->code == KF_ERR_STORE_NOT_FOUND ? NULL : err);
    } else if (k) {
        kf_secret *key = kf_entry_key_parse(e, blob, &bad);
        if (key && !e->api_key) e->api_key = kf_secret_copy(key);
        answer_key(k, c->done, c->user, key, key ? NULL : &bad);
    }
    kf_anchor_drop(c->anchor);
    g_free(c);
}

void kf_keeper_api_key(kf_keeper *k, const char *profile, kf_key_done done, void *user) {
    kf_entry *e = kf_entry_find(k, profile);
    kf_err err;
    if (!e) {
        no_profile(&err, profile);
        answer_key(k, done, user, NULL, &err);
    } else if (!e->prof.confidential || e->api_key) {
        answer_key(k, done, user, e->prof.confidential ? kf_secret_copy(e->api_key) : NULL, NULL);
    } else if (!k->a->store) {
        kf_fail(&err, KF_ERR_STORE_ABSENT, "no secret store is open");
        answer_key(k, done, user, NULL, &err);
    } else {
        key_call *c = g_new0(key_call, 1);
        c->anchor = kf_anchor_hold(k->anchor);
        memcpy(c->id, e->prof.id, sizeof c->id);
        c->done = done;
        c->user = user;
        kf_store_load(k->a->store, c->id, KF_KIND_API_KEY, false, key_loaded, c);
    }
}

void kf_keeper_watch_open(kf_keeper *k, const char *profile, int delta) {
    kf_entry *e = kf_entry_find(k, profile);
    if (!e) return;
    e->open = e->open + delta < 0 ? 0 : e->open + delta;
    kf_entry_pump(e);
}

void kf_keeper_forget_memory(kf_keeper *k) {
    GHashTableIter it;
    void *p;
    g_hash_table_iter_init(&it, k->by_id);
    while (g_hash_table_iter_next(&it, NULL, &p)) {
        kf_entry *e = p;
        if (e->work) {
            e->forget = true; /* what is half done is finished first */
            continue;
        }
        kf_entry_forget(e);
        kf_entry_arm(e);
    }
}
