/* Sessions and API keys between the keeper and the store: accept what was read, save a finished
 * sign-in, set a key, remove a profile. A secret never goes to a host or client ID that it does
 * not belong to. */
#include "keeper/keeper_impl.h"

#include <string.h>
#include "auth/account.h"
#include "auth/workos.h"
#include "crypt/hash.h"

enum { LOOK_AGAIN_MS = 1000 }; /* while an answer can be had and the store does not help */

void kf_token_fp(const kf_secret *token, char out[33]) {
    uint8_t sum[32];
    kf_sha256(kf_secret_peek(token), kf_secret_len(token), sum);
    kf_hex(sum, 16, out);
    kf_wipe(sum, sizeof sum);
}

/* ---- origin binding: a secret goes nowhere but where it came from ---- */

static bool is_bound(const kf_entry *e, const char *origin, const char *client_id) {
    return kf_str_eq(origin, e->prof.api_host) && kf_str_eq(client_id, e->prof.client_id);
}

bool kf_entry_bound(const kf_entry *e, const kf_session *s) {
    return is_bound(e, s->origin, s->client_id);
}

static void fail_origin(const char *what, const char *origin, const char *client_id, kf_err *err) {
    kf_fail(err, KF_ERR_WORKOS_ORIGIN, "the %s belongs to %.100s, %.80s", what, origin, client_id);
}

kf_secret *kf_entry_key_parse(const kf_entry *e, const kf_secret *blob, kf_err *err) {
    KF_AUTO(kf_json) j = kf_json_parse(kf_secret_peek(blob), kf_secret_len(blob), NULL);
    const char *key = kf_json_str_or(j, "key", ""), *origin = kf_json_str_or(j, "origin", "");
    const char *client_id = kf_json_str_or(j, "client_id", "");
    if (!*key) return kf_fail(err, KF_ERR_STORE_DAMAGED, "the API key of %s", e->prof.name), NULL;
    if (!is_bound(e, origin, client_id))
        return fail_origin("API key", origin, client_id, err), NULL;
    return kf_secret_new(key, strlen(key));
}

kf_session *kf_entry_accept(kf_entry *e, const kf_secret *blob, const kf_ledger *l,
                            kf_ledger_match *match, kf_err *err) {
    KF_AUTO(kf_session) s = kf_session_from_blob(blob, err);
    char fp[33], when[21];
    if (!s) return NULL;
    if (!kf_entry_bound(e, s))
        return fail_origin("stored session", s->origin, s->client_id, err), NULL;
    kf_token_fp(s->refresh_token, fp);
    bool window = l->previous.set && kf_entry_previous_age(e, &l->previous) < KF_REPLAY_MAX_MS;
    kf_ledger_match m = kf_ledger_compare(l, fp, s->generation, window);
    bool marked = *l->ended && kf_str_eq(l->fp, fp);
    if ((m == KF_LEDGER_STALE || marked) && kf_ledger_signed_out(l)) {
        kf_rfc3339(l->ended_at, when);
        kf_fail(err, kf_err_from_name(l->ended), "%s was signed out, %s", e->prof.name, when);
        return NULL;
    }
    if (m == KF_LEDGER_STALE && l->unsaved) {
        kf_fail(err, KF_ERR_STORE_LOST, "no store took generation %lld of the session of %s",
                (long long)l->generation, e->prof.name);
        return NULL;
    }
    if (m == KF_LEDGER_STALE) {
        kf_fail(err, KF_ERR_STORE_STALE,
                "the store holds generation %lld of the session, the newest was %lld",
                (long long)s->generation, (long long)l->generation);
        return NULL;
    }
    if (marked) {
        kf_rfc3339(l->ended_at, when);
        kf_fail(err, kf_err_from_name(l->ended), "WorkOS ended the session, %s", when);
        return NULL;
    }
    *match = m;
    return KF_TAKE(s);
}

/* ---- what an entry knows ---- */

int64_t kf_entry_intent_age(const kf_entry *e, const kf_intent *i) {
    const kf_keeper *k = e->k;
    return kf_intent_age_ms(i, k->host_id, k->boot_id, kf_boot_ms(), kf_unix_s());
}

/* The longer of two clocks: the boot clock stands still while the machine is paused. A token that
 * is current is sent in any case; one that was replaced, only if it is certain. */
int64_t kf_entry_previous_age(const kf_entry *e, const kf_intent *i) {
    int64_t age = kf_entry_intent_age(e, i), wall = (kf_unix_s() - i->unix_s) * 1000;
    return wall > age + 2000 ? wall : age;
}

static void unsaved_now(kf_entry *e, bool is_second, const char *why) {
    kf_err err;
    kf_fail(&err, KF_ERR_STORE_UNSAVED, "%s", why);
    e->unsaved = true;
    e->second = is_second;
    e->unsaved_at = kf_boot_ms();
    kf_entry_trouble(e, KF_STATE_UNSAVED, &err);
    e->retry_at = e->unsaved_at;
}

void kf_entry_from_second(kf_entry *e) {
    if (e->session) unsaved_now(e, true, "an earlier agent could not store it");
}

void kf_entry_store_is_old(kf_entry *e) {
    unsaved_now(e, false, "the store went back to an older one");
}

/* A name that was looked up since the session was stored, by this agent or one before it. */
static void keep_organization_name(const kf_entry *e, kf_session *s) {
    const char *id = e->session ? e->session->organization_id
                     : e->hint  ? e->hint->organization_id
                                : NULL;
    const char *name = e->session ? e->session->organization_name
                       : e->hint  ? e->hint->organization_name
                                  : "";
    if (*s->organization_name || !kf_str_eq(id, s->organization_id)) return;
    (void)kf_str_cut(s->organization_name, sizeof s->organization_name, name);
}

void kf_entry_set_session(kf_entry *e, kf_session *s) {
    char fp[9];
    keep_organization_name(e, s);
    kf_session_free(e->session);
    e->session = s;
    e->loaded = true;
    kf_entry_forget_hint(e);
    e->unsaved = e->unsaved_sign_in = e->second = e->told = false;
    e->urgent = 0;
    e->refusals = 0;
    if (!kf_entry_bound(e, s)) { /* the settings moved while the answer was on its way */
        kf_err err;
        fail_origin("session", s->origin, s->client_id, &err);
        e->session = kf_session_free(s);
        kf_entry_trouble(e, KF_STATE_NEEDS_SIGN_IN, &err);
        return;
    }
    kf_log(KF_LOG_DEBUG, "profile %s: generation %lld, refresh token %s", e->prof.name,
           (long long)s->generation,
           kf_log_fp(kf_secret_peek(s->refresh_token), kf_secret_len(s->refresh_token), fp));
    kf_entry_trouble(e, KF_STATE_SIGNED_IN, NULL);
    kf_name_look_up(e);
}

void kf_entry_store_trouble(kf_entry *e, const kf_err *err) {
    switch (err->code) {
    case KF_ERR_STORE_STALE: kf_entry_trouble(e, KF_STATE_STALE, err); return;
    case KF_ERR_STORE_LOST: kf_entry_trouble(e, KF_STATE_NEEDS_SIGN_IN, err); return;
    case KF_ERR_STORE_DAMAGED:
    case KF_ERR_STORE_NEWER:
    case KF_ERR_WORKOS_NEEDS_API_KEY: kf_entry_trouble(e, KF_STATE_ERROR, err); return;
    default: break;
    }
    if (kf_err_is(err->code, "workos")) kf_entry_trouble(e, KF_STATE_NEEDS_SIGN_IN, err);
    else if (kf_err_is(err->code, "store")) kf_entry_trouble(e, KF_STATE_LOCKED, err);
    else kf_entry_trouble(e, KF_STATE_ERROR, err);
}

static const kf_intent *entry_intent(const kf_entry *e, const kf_ledger *l) {
    char fp[33];
    if (!e->session) return NULL;
    kf_token_fp(e->session->refresh_token, fp);
    return kf_ledger_intent_for(l, fp);
}

static void drop_session(kf_entry *e, const kf_err *err) {
    e->session = kf_session_free(e->session);
    kf_entry_forget_hint(e);
    e->unsaved = e->unsaved_sign_in = e->second = false;
    e->loaded = true;
    kf_entry_trouble(e, KF_STATE_NEEDS_SIGN_IN, err);
}

/* ---- reading at the first use ---- */

static void take_loaded(kf_entry *e, kf_work *w, const kf_secret *blob) {
    kf_ledger_match match;
    kf_err err;
    kf_session *s = kf_entry_accept(e, blob, &w->ledger, &match, &err);
    if (!s) {
        if (err.code == KF_ERR_WORKOS_ORIGIN) e->session = kf_session_free(e->session);
        if (*w->ledger.ended) e->told = true; /* by the one that found out */
        bool old = err.code == KF_ERR_STORE_STALE || err.code == KF_ERR_STORE_LOST;
        int64_t open = old ? kf_entry_window_left(e, &w->ledger) : 0;
        e->urgent = open > 0 ? kf_boot_ms() + open : 0;
        kf_entry_store_trouble(e, &err);
        return;
    }
    if (e->session && kf_state_is_over(e->trouble.state) &&
        s->generation <= e->session->generation &&
        kf_secret_eq(s->refresh_token, e->session->refresh_token)) {
        kf_session_free(s); /* the one that ended; nobody signed in since */
        return;
    }
    kf_entry_set_session(e, s);
    if (w->second_used) kf_entry_from_second(e);
    const kf_intent *sent = match == KF_LEDGER_REPLAY ? entry_intent(e, &w->ledger) : NULL;
    int64_t left = sent ? KF_REPLAY_MAX_MS - kf_entry_intent_age(e, sent) : 0;
    e->urgent = left > 0 ? kf_boot_ms() + left : 0;
}

static void load_read(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    e->loaded = true;
    if (!err) {
        take_loaded(e, w, blob);
    } else if (err->code == KF_ERR_STORE_NOT_FOUND || err->code == KF_ERR_STORE_VAULT_NEW) {
        bool told = !e->session && kf_state_is_over(e->trouble.state) &&
                    kf_entry_why(e)->code; /* and better */
        if (!told) drop_session(e, NULL);
    } else if (!e->session) {
        kf_entry_store_trouble(e, err);
        if (e->trouble.state == KF_STATE_LOCKED)
            e->retry_at = kf_boot_ms() + kf_refresh_backoff_ms(e->fails++, -1, kf_keeper_dice());
    }
    e->look_at = kf_boot_ms() + LOOK_AGAIN_MS;
    kf_work_end(e);
}

/* No lock: a token is read, none is spent. The ledger first, so that a rotation between the
 * two looks like a newer store and not like an older one. */
void kf_load_start(kf_entry *e, kf_work *w) {
    kf_err err;
    bool read = kf_entry_ledger_peek(e, &w->ledger, NULL, &err);
    if (!read && err.code != KF_ERR_STORE_NEWER) { /* a hint: what is stored counts without it */
        kf_log(KF_LOG_WARN, "profile %s: ledger: %s", e->prof.name, err.what);
        memset(&w->ledger, 0, sizeof w->ledger);
        read = true;
    }
    if (read) {
        kf_work_load(e, KF_KIND_SESSION, false, load_read);
        return;
    }
    e->loaded = true;
    kf_entry_store_trouble(e, &err);
    kf_work_end(e);
}

/* ---- a finished sign-in ---- */

static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

static void adopt_revoke(kf_entry *e, kf_work *w, const kf_secret *key, const kf_err *err) {
    if (!err && key) kf_side_revoke(e->k, e, w->old, key);
    kf_work_end(e);
}

static void adopt_publish(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    /* the store has a higher generation than the ledger: the next who looks adopts it */
    if (err) kf_log(KF_LOG_WARN, "profile %s: ledger: %s", e->prof.name, err->what);
    kf_work_unlock(w);
    kf_second_remove(e);
    kf_entry_set_session(e, KF_TAKE(w->next));
    kf_keeper_index_then(e->k, KF_TAKE(w->done),
                         w->user); /* signed in: also for who reads no more than the index */
    bool replaced = w->old && e->session && !e->session->unverified && kf_entry_bound(e, w->old) &&
                    *w->old->claims.sid && !kf_str_eq(w->old->claims.sid, e->session->claims.sid);
    if (replaced) kf_work_key(e, adopt_revoke);
    else kf_work_end(e);
}

static void adopt_held(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *why) {
    kf_entry_fail_waiters(e, why);
    kf_work_end(e);
}

/* The session is alive at WorkOS and nowhere else: it stays in memory, and everybody is told. */
static void adopt_unsaved(kf_entry *e, kf_work *w, const kf_err *err) {
    kf_err why = *err;
    kf_keeper_answer_done(e->k, KF_TAKE(w->done), w->user, &why);
    if (w->next->unverified) { /* nothing was spent: what is there stays */
        kf_work_end(e);
        return;
    }
    kf_save_failed(e, w, &why, adopt_held);
}

static void adopt_saved(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    if (err) {
        adopt_unsaved(e, w, err);
        return;
    }
    w->ledger = (kf_ledger){.generation = w->next->generation};
    kf_token_fp(w->next->refresh_token, w->ledger.fp);
    kf_work_ledger_write(e, w, adopt_publish);
}

/* True: the sign-in is another person's, and is over here. read: why the store did not give the
 * session that is there; NULL: it gave one, which may be damaged. */
static bool adopt_refused(kf_entry *e, kf_work *w, const kf_err *read) {
    bool none =
        read && (read->code == KF_ERR_STORE_NOT_FOUND || read->code == KF_ERR_STORE_VAULT_NEW);
    kf_err other;
    if (w->any_user || kf_ledger_signed_out(&w->ledger)) return false;
    bool others = w->old  ? kf_person_in_the_way(e, w->old, w->next, &other)
                  : !none ? kf_person_hinted_in_the_way(e, w->next, &other)
                          : false;
    if (!others) return false;
    kf_keeper_answer_done(e->k, KF_TAKE(w->done), w->user, &other);
    kf_work_end(e);
    return true;
}

static void adopt_found(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    int64_t g = w->ledger.generation;
    if (!err) w->old = kf_session_from_blob(blob, NULL);
    if (w->old) g = max64(g, w->old->generation);
    if (e->session && !e->unsaved_sign_in) g = max64(g, e->session->generation);
    if (!w->old && e->session && !e->unsaved_sign_in) w->old = kf_session_copy(e->session);
    if (adopt_refused(e, w, err)) return;
    if (w->next->unverified) w->next->previous = kf_take_previous(e, w, err ? NULL : blob);
    w->next->generation = g + 1;
    KF_AUTO(kf_secret) next = kf_session_to_blob(w->next);
    kf_work_save(e, KF_KIND_SESSION, next, w->interactive, adopt_saved);
}

static void adopt_locked(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    if (!err) kf_work_load(e, KF_KIND_SESSION, w->interactive, adopt_found);
    else if (!adopt_refused(e, w, err)) adopt_unsaved(e, w, err);
}

void kf_adopt_start(kf_entry *e, kf_work *w) {
    kf_err err;
    if (kf_entry_bound(e, w->next)) {
        kf_work_lock(e, w, adopt_locked);
        return;
    }
    fail_origin("new session", w->next->origin, w->next->client_id, &err);
    kf_keeper_answer_done(e->k, w->done, w->user, &err);
    kf_work_end(e);
}

/* ---- the API key ---- */

static void key_stored(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    if (!err) {
        e->api_key = kf_secret_free(e->api_key);
        e->api_key = KF_TAKE(w->key);
        /* a person changed something: what failed for good may be tried again */
        if (e->trouble.state == KF_STATE_ERROR) kf_entry_trouble(e, KF_STATE_SIGNED_IN, NULL);
    }
    kf_keeper_answer_done(e->k, w->done, w->user, err);
    kf_work_end(e);
}

static kf_secret *key_blob(const kf_conf_profile *p, const kf_secret *key) {
    KF_AUTO(kf_json) j = kf_json_obj();
    kf_json_set_secret(j, "key", key);
    kf_json_set_str(j, "origin", p->api_host);
    kf_json_set_str(j, "client_id", p->client_id);
    return kf_json_print_secret(j);
}

void kf_set_key_start(kf_entry *e, kf_work *w) {
    if (!w->key) {
        kf_work_delete(e, KF_KIND_API_KEY, key_stored);
        return;
    }
    KF_AUTO(kf_secret) blob = key_blob(&e->prof, w->key);
    kf_work_save(e, KF_KIND_API_KEY, blob, false, key_stored);
}

/* ---- the API key of a profile that is about to be made: nobody can race for it ---- */

typedef struct first_key {
    kf_anchor *anchor;
    char id[17];
    kf_secret *key;
    kf_keeper_done done; /* NULL: it was dropped */
    void *user;
} first_key;

static first_key *first_key_new(kf_keeper *k, const char *id) {
    first_key *f = g_new0(first_key, 1);
    f->anchor = kf_anchor_hold(k->anchor);
    if (!kf_str_set(f->id, sizeof f->id, id)) abort(); /* 16 hex digits */
    return f;
}

static void first_key_stored(void *user, const kf_secret *blob, const kf_err *err) {
    first_key *f = user;
    kf_keeper *k = f->anchor->keeper;
    if (!f->done && err) kf_log(KF_LOG_WARN, "API key of %s, not used: %s", f->id, err->what);
    if (k && f->done) {
        if (!err) k->env.secret_stored(k->env.user);
        if (!err) g_hash_table_insert(k->first_keys, g_strdup(f->id), KF_TAKE(f->key));
        kf_keeper_answer_done(k, f->done, f->user, err);
    }
    kf_anchor_drop(f->anchor);
    kf_secret_free(f->key);
    g_free(f);
}

void kf_keeper_first_key(kf_keeper *k, const kf_conf_profile *p, const kf_secret *key,
                         kf_keeper_done done, void *user) {
    KF_AUTO(kf_secret) blob = key_blob(p, key);
    KF_AUTO_CHARS label = kf_strfmt("keyfob: %s (%s)", p->name, KF_KIND_API_KEY);
    first_key *f = first_key_new(k, p->id);
    f->key = kf_secret_copy(key);
    f->done = done;
    f->user = user;
    kf_store_save(*k->env.store, p->id, KF_KIND_API_KEY, label, blob, false, first_key_stored, f);
}

void kf_keeper_first_key_drop(kf_keeper *k, const char *id) {
    g_hash_table_remove(k->first_keys, id);
    first_key *f = first_key_new(k, id);
    if (*k->env.store) kf_store_delete(*k->env.store, id, KF_KIND_API_KEY, first_key_stored, f);
    else first_key_stored(f, NULL, NULL);
}

/* ---- removing a profile ---- */

/* Session and API key are read before they are deleted. If the second delete fails, or the change
 * of the settings, they are stored again. The ledger is raised last, when the profile is gone: a
 * raised ledger would make a session that is stored again stale. */

/* w->note is the store's error. It has no code if the settings could not be changed. */
static void remove_failed(kf_entry *e, kf_work *w) {
    kf_err why = w->note;
    kf_keeper_answer_done(e->k, KF_TAKE(w->done), w->user, why.code ? &why : NULL);
    kf_work_end(e);
}

static void key_put_back(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    if (err)
        kf_log(KF_LOG_ERROR, "profile %s: the API key could not be stored again: %s", e->prof.name,
               err->what);
    remove_failed(e, w);
}

static void put_key_back(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    (void)err; /* then the session is unsaved, and the agent tries to save it again */
    if (w->key) kf_work_save(e, KF_KIND_API_KEY, w->key, false, key_put_back);
    else remove_failed(e, w);
}

static void session_put_back(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    w->next = err ? kf_session_from_blob(w->blob, NULL) : NULL;
    if (w->next) kf_save_failed(e, w, err, put_key_back);
    else put_key_back(e, w, blob, NULL);
}

static void put_back(kf_entry *e, kf_work *w) {
    if (w->blob) kf_work_save(e, KF_KIND_SESSION, w->blob, false, session_put_back);
    else put_key_back(e, w, NULL, NULL);
}

static void remove_out(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    if (err) {
        w->note = *err;
        w->key = kf_secret_free(w->key); /* the store still has it */
        put_back(e, w);
        return;
    }
    w->held = true; /* until kf_keeper_remove_end */
    kf_keeper_answer_done(e->k, KF_TAKE(w->done), w->user, NULL);
}

static void remove_key(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    if (!err) {
        kf_work_delete(e, KF_KIND_API_KEY, remove_out);
        return;
    }
    w->note = *err;
    remove_failed(e, w);
}

/* The store has no item, or none that can be read. */
static bool is_nothing(const kf_err *err) {
    return err->code == KF_ERR_STORE_NOT_FOUND || err->code == KF_ERR_STORE_VAULT_NEW ||
           err->code == KF_ERR_STORE_DAMAGED;
}

/* Nothing to read is fine; what cannot be read could not be put back. */
static bool is_read(kf_entry *e, kf_work *w, const kf_err *err) {
    if (!err || is_nothing(err)) return true;
    w->note = *err;
    remove_failed(e, w);
    return false;
}

static void remove_key_read(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    if (!is_read(e, w, err)) return;
    w->key = err ? NULL : kf_secret_copy(blob);
    kf_work_delete(e, KF_KIND_SESSION, remove_key);
}

static void remove_session_read(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    if (!is_read(e, w, err)) return;
    w->blob = err ? NULL : kf_secret_copy(blob);
    kf_work_load(e, KF_KIND_API_KEY, false, remove_key_read);
}

static void remove_locked(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    if (!err) {
        kf_work_load(e, KF_KIND_SESSION, false, remove_session_read);
        return;
    }
    w->note = *err;
    remove_failed(e, w);
}

void kf_remove_start(kf_entry *e, kf_work *w) { kf_work_lock(e, w, remove_locked); }

static void remove_noted(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    if (err) kf_log(KF_LOG_WARN, "profile %s: ledger: %s", e->prof.name, err->what);
    e->api_key = kf_secret_free(e->api_key);
    kf_second_remove(e);
    drop_session(e, NULL);
    kf_entry_lose_work(e);
    kf_keeper_answer_done(e->k, KF_TAKE(w->done), w->user, NULL);
    kf_work_end(e);
}

void kf_keeper_remove_end(kf_keeper *k, const char *id, bool gone, kf_keeper_done done,
                          void *user) {
    kf_entry *e = kf_entry_by_id(k, id);
    kf_work *w = e ? e->work : NULL;
    if (!w || w->kind != KF_WORK_REMOVE || !w->held) {
        kf_keeper_answer_done(k, done, user, NULL);
        return;
    }
    w->held = false;
    w->done = done;
    w->user = user;
    if (!gone) {
        put_back(e, w);
        return;
    }
    int64_t g = max64(w->ledger.generation, e->session ? e->session->generation : 0);
    kf_sign_out_ledger(w, g); /* an old copy of the item cannot come back */
    kf_work_ledger_write(e, w, remove_noted);
}

/* ---- revoking what a new sign-in replaced: best effort, nobody waits ---- */

typedef struct kf_side {
    kf_keeper *k;
    uint32_t http;
} kf_side;

static void side_done(void *user, kf_http_resp *resp, const kf_err *err) {
    kf_side *s = user;
    if (err || (resp->status / 100 != 2 && resp->status / 100 != 3)) /* a logout redirects */
        kf_log(KF_LOG_INFO, "the replaced session could not be revoked: %s",
               err ? err->what : "refused");
    g_ptr_array_remove_fast(s->k->side, s);
    g_free(s);
}

void kf_side_revoke(kf_keeper *k, const kf_entry *e, const kf_session *old, const kf_secret *key) {
    KF_AUTO(kf_secret) body = key ? kf_account_revoke_body(old->claims.sid) : NULL;
    KF_AUTO_CHARS logout = kf_account_logout_path(old->claims.sid);
    kf_http_req r = {.method = key ? "POST" : "GET",
                     .origin = e->prof.api_host,
                     .path = key ? kf_workos.path[KF_AT_REVOKE] : logout,
                     .body = body,
                     .bearer = key,
                     .timeout_ms = KF_ASIDE_TIMEOUT_MS};
    if (!r.path) return;
    kf_side *s = g_new0(kf_side, 1);
    s->k = k;
    g_ptr_array_add(k->side, s);
    s->http = kf_http_send(k->env.http, &r, side_done, s);
}

void kf_side_cancel(kf_keeper *k) {
    for (guint i = 0; i < k->side->len; i++) {
        kf_side *s = g_ptr_array_index(k->side, i);
        kf_http_cancel(k->env.http, s->http);
        g_free(s);
    }
    g_ptr_array_set_size(k->side, 0);
}
