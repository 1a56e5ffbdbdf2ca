/* The keeper's calls for other parts of the agent, and the callbacks that answer them. A
 * callback runs on the next turn of the loop, never inside the call. */
#include "keeper/keeper_impl.h"

#include <string.h>

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

/* ---- answers ---- */

static void give_token(kf_keeper *k, answer *n) {
    kf_entry *e = n->has_err ? NULL : kf_entry_by_id(k, n->id); /* at the end the tables are gone */
    if (!n->has_err && (!e || !e->session)) {
        n->has_err = true;
        kf_fail(&n->err, KF_ERR_WORKOS_NOT_SIGNED_IN, "the session went away");
    }
    if (n->has_err) {
        n->token(n->user, NULL, &n->err);
        return;
    }
    kf_token t = {.profile = &e->prof,
                  .session = e->session,
                  .left_ms = kf_entry_left_ms(e),
                  .renewed = n->renewed,
                  .is_short = n->is_short,
                  .unsaved = e->unsaved ? kf_entry_why(e) : NULL};
    n->token(n->user, &t, NULL);
}

/* It was found before the agent was locked, in the same turn of the loop. */
static void withhold(const kf_keeper *k, answer *n) {
    bool is_secret = n->kind == ANSWER_TOKEN || (n->kind == ANSWER_KEY && n->key);
    if (!*k->env.locked || n->has_err || !is_secret) return;
    n->has_err = true;
    kf_keeper_fail_locked(*k->env.store, &n->err);
}

static void give(kf_keeper *k, answer *n) {
    withhold(k, n);
    const kf_err *err = n->has_err ? &n->err : NULL;
    switch (n->kind) {
    case ANSWER_TOKEN: give_token(k, n); break;
    case ANSWER_DONE: n->done(n->user, err); break;
    case ANSWER_KEY: n->key_done(n->user, err ? NULL : n->key, err); break;
    case ANSWER_SIGNOUT:
        n->signout(n->user, n->server_ended, n->has_note ? &n->note : NULL, err);
        break;
    }
    answer_free(n);
}

static void give_answers(void *user) {
    kf_keeper *k = user;
    k->answer_timer = 0;
    for (guint todo = g_queue_get_length(&k->answers); todo > 0; todo--)
        give(k, g_queue_pop_head(&k->answers));
}

static void push_answer(kf_keeper *k, answer *n, const kf_err *err) {
    if (err) {
        n->has_err = true;
        n->err = *err;
    }
    g_queue_push_tail(&k->answers, n);
    if (!k->answer_timer) k->answer_timer = kf_loop_after(k->env.loop, 0, give_answers, k);
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

void kf_entry_answer(kf_entry *e, const kf_waiter *w, const kf_err *err) {
    answer *n = g_new0(answer, 1);
    n->kind = ANSWER_TOKEN;
    memcpy(n->id, e->prof.id, sizeof n->id);
    n->renewed = w->renewed;
    n->is_short = w->is_short;
    n->token = w->done;
    n->user = w->user;
    push_answer(e->k, n, err);
}

void kf_keeper_fail_locked(const kf_store *store, kf_err *err) {
    bool vault = store && !strcmp(kf_store_kind(store), "vault");
    kf_err_code code = vault ? KF_ERR_STORE_VAULT_LOCKED : KF_ERR_STORE_AGENT_LOCKED;
    kf_fail(err, code, vault ? "keyfob lock has locked it" : "keyfob is locked");
}

void kf_fail_no_profile(kf_err *err, const char *name) {
    kf_fail(err, KF_ERR_USAGE_NO_PROFILE, "%.200s", name ? name : "");
}

void kf_answers_drop(kf_keeper *k) {
    kf_loop_cancel(k->env.loop, k->answer_timer);
    for (answer *n; (n = g_queue_pop_head(&k->answers));) {
        n->has_err = true;
        kf_fail(&n->err, KF_ERR_WIRE_CLOSED, "the agent ends");
        give(k, n);
    }
}

/* ---- calls ---- */

/* The entry whose token is asked for. NULL: done gets the reason. */
static kf_entry *asked(kf_keeper *k, const char *profile, kf_token_done done, void *user) {
    kf_entry *e = kf_entry_find(k, profile);
    kf_err err;
    if (e && !*k->env.locked) return e;
    if (e) kf_keeper_fail_locked(*k->env.store, &err);
    else kf_fail_no_profile(&err, profile);
    answer *n = g_new0(answer, 1);
    n->kind = ANSWER_TOKEN;
    n->token = done;
    n->user = user;
    push_answer(k, n, &err);
    return NULL;
}

static void patience_over(void *user);

/* Who would take the token at hand does not wait for long. */
static void arm_patience(kf_entry *e) {
    if (e->patience || !e->waiters->len) return;
    e->patience = kf_loop_after(e->k->env.loop, KF_PATIENCE_MS, patience_over, e);
}

static void patience_over(void *user) {
    kf_entry *e = user;
    e->patience = 0;
    kf_entry_serve(e);
    arm_patience(e);
}

void kf_keeper_token(kf_keeper *k, const char *profile, int64_t min_valid_ms, bool renew,
                     kf_token_done done, void *user) {
    kf_entry *e = asked(k, profile, done, user);
    if (!e) return;
    kf_waiter *w = g_new0(kf_waiter, 1);
    int64_t now = kf_boot_ms();
    *w = (kf_waiter){
        .since = now, .min_valid_ms = min_valid_ms, .renew = renew, .done = done, .user = user};
    g_ptr_array_add(e->waiters, w);
    bool again =
        !e->last_used || now - e->last_used > 60 * 1000; /* the alarm did not know of this use */
    e->last_used = now;
    if (again) { /* written down once a minute, and not for every call */
        e->last_used_at = kf_unix_s();
        kf_keeper_index_dirty(k);
    }
    if (!kf_entry_usable(e) && !e->work && !e->unsaved)
        e->loaded = false; /* somebody may have signed in elsewhere */
    size_t before = e->waiters->len;
    kf_entry_serve(e);
    if (e->waiters->len == before || again) kf_entry_pump(e);
    else if (!e->work && !e->alarm) kf_entry_arm(e);
    arm_patience(e);
}

void kf_keeper_session(kf_keeper *k, const char *profile, kf_token_done done, void *user) {
    kf_entry *e = asked(k, profile, done, user);
    if (!e) return;
    kf_waiter *w = g_new0(kf_waiter, 1);
    *w = (kf_waiter){.min_valid_ms = -1, .as_it_is = true, .done = done, .user = user};
    g_ptr_array_add(e->waiters, w);
    if (!kf_entry_usable(e) && !e->work && !e->unsaved) e->loaded = false; /* as kf_keeper_token */
    kf_entry_pump(e);
}

/* Behind it no pair of the session that is there now counts. */
static bool makes_renewal_moot(const kf_work *w) {
    if (w->kind == KF_WORK_ADOPT) return !w->next->unverified;
    return w->kind == KF_WORK_SIGN_OUT || w->kind == KF_WORK_REMOVE;
}

void kf_queue_work(kf_keeper *k, const char *profile, kf_work *w) {
    kf_entry *e = kf_entry_find(k, profile);
    if (!e) {
        kf_err err;
        kf_fail_no_profile(&err, profile);
        kf_keeper_answer_done(k, w->done, w->user, &err);
        kf_keeper_answer_signout(k, w, &err);
        kf_work_free(w);
        return;
    }
    g_queue_push_tail(&e->queue, w);
    if (makes_renewal_moot(w)) kf_renew_give_up(e);
    kf_entry_pump(e);
}

/* A session in memory is looked at before anything is queued: the renewal that is under way for it
 * goes on. */
void kf_keeper_adopt(kf_keeper *k, const char *profile, kf_session *session, bool interactive,
                     bool any_user, kf_keeper_done done, void *user) {
    const kf_entry *e = kf_entry_find(k, profile);
    kf_err err;
    if (e && e->session && !any_user &&
        kf_person_in_the_way(kf_entry_find(k, profile), e->session, session, &err)) {
        kf_session_free(session);
        kf_keeper_answer_done(k, done, user, &err);
        return;
    }
    kf_work *w = kf_work_new(k, KF_WORK_ADOPT);
    w->interactive = interactive;
    w->any_user = any_user;
    w->next = session;
    w->done = done;
    w->user = user;
    kf_queue_work(k, profile, w);
}

void kf_keeper_sign_out(kf_keeper *k, const char *profile, bool local_only, kf_signout_done done,
                        void *user) {
    kf_work *w = kf_work_new(k, KF_WORK_SIGN_OUT);
    w->local_only = local_only;
    w->signout_done = done;
    w->user = user;
    kf_queue_work(k, profile, w);
}

void kf_keeper_remove(kf_keeper *k, const char *profile, kf_keeper_done done, void *user) {
    kf_work *w = kf_work_new(k, KF_WORK_REMOVE);
    w->done = done;
    w->user = user;
    kf_queue_work(k, profile, w);
}

void kf_keeper_set_api_key(kf_keeper *k, const char *profile, const kf_secret *key,
                           kf_keeper_done done, void *user) {
    kf_work *w = kf_work_new(k, KF_WORK_SET_KEY);
    w->key = kf_secret_copy(key);
    w->done = done;
    w->user = user;
    kf_queue_work(k, profile, w);
}

typedef struct key_call { /* reading a key touches no session, so it needs no turn */
    kf_anchor *anchor;
    char id[17];
    kf_key_done done;
    void *user;
} key_call;

static void answer_key(kf_keeper *k, kf_key_done done, void *user, kf_secret *key,
                       const kf_err *err) {
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
        kf_fail_no_profile(&bad, c->id);
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
        kf_fail_no_profile(&err, profile);
        answer_key(k, done, user, NULL, &err);
    } else if (!e->prof.confidential || e->api_key) {
        answer_key(k, done, user, e->prof.confidential ? kf_secret_copy(e->api_key) : NULL, NULL);
    } else if (!*k->env.store) {
        kf_fail(&err, KF_ERR_STORE_ABSENT, "none is open");
        answer_key(k, done, user, NULL, &err);
    } else {
        key_call *c = g_new0(key_call, 1);
        c->anchor = kf_anchor_hold(k->anchor);
        memcpy(c->id, e->prof.id, sizeof c->id);
        c->done = done;
        c->user = user;
        kf_store_load(*k->env.store, c->id, KF_KIND_API_KEY, false, key_loaded, c);
    }
}

void kf_keeper_watch_open(kf_keeper *k, const char *profile, int delta) {
    kf_entry *e = kf_entry_by_id(k, profile);
    if (!e) e = kf_entry_find(k, profile);
    if (!e) return;
    e->open = e->open + delta < 0 ? 0 : e->open + delta;
    bool unread = delta > 0 && kf_entry_has_hinted_session(e);
    if (unread && !*k->env.locked) k->env.open_store(k->env.user);
    kf_entry_pump(e);
}

void kf_keeper_turn_away(kf_keeper *k, const kf_err *err) {
    GHashTableIter it;
    void *p;
    g_hash_table_iter_init(&it, k->by_id);
    while (g_hash_table_iter_next(&it, NULL, &p)) {
        kf_entry *e = p;
        for (guint i = 0; i < e->waiters->len; i++)
            kf_entry_answer(e, g_ptr_array_index(e->waiters, i), err);
        g_ptr_array_set_size(e->waiters, 0);
        kf_entry_changed(e);
        kf_entry_arm(e);
    }
}

void kf_keeper_forget_memory(kf_keeper *k) {
    GHashTableIter it;
    void *p;
    g_hash_table_remove_all(k->first_keys);
    g_hash_table_iter_init(&it, k->by_id);
    while (g_hash_table_iter_next(&it, NULL, &p)) {
        kf_entry *e = p;
        if (e->work) {
            e->forget = true; /* what is half done is finished first */
            continue;
        }
        kf_entry_forget(e);
        kf_entry_changed(e);
        kf_entry_arm(e);
    }
}
