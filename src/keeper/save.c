/* The only copy of a session: a pair that came from WorkOS and that the store does not take. It is
 * held in memory and in the second place, and saving is tried again every one or two seconds.
 * Nothing here talks to WorkOS. */
#include "keeper/keeper_impl.h"

#include <string.h>

enum { AGAIN_MS = 1000, LOG_EVERY_MS = 60 * 1000 };

void kf_ledger_now(kf_work *w, const kf_session *s) {
    kf_intent sent = w->ledger.intent.set ? w->ledger.intent : w->ledger.previous;
    w->ledger = (kf_ledger){.generation = s->generation};
    kf_token_fp(s->refresh_token, w->ledger.fp);
    if (sent.set && strcmp(sent.fp, w->ledger.fp)) w->ledger.previous = sent;
}

/* A session is stored that was not renewed just now. Its token may have been sent all the same, by
 * another agent that had no answer: that intent stays. */
static void ledger_keeps_intent(kf_work *w, const kf_session *s) {
    kf_intent sent = w->ledger.intent;
    kf_ledger_now(w, s);
    if (sent.set && !strcmp(sent.fp, w->ledger.fp)) w->ledger.intent = sent;
}

static void try_again_soon(kf_entry *e) {
    e->retry_at = kf_boot_ms() + AGAIN_MS + kf_keeper_dice() % AGAIN_MS;
}

/* ---- the store refused ---- */

static void unsaved_noted(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    kf_err why = w->why;
    bool second = w->second_used, sign_in = w->kind == KF_WORK_ADOPT;
    kf_step_fn next = w->after_save;
    if (err) kf_log(KF_LOG_WARN, "profile %s: ledger: %s", e->prof.name, err->what);
    kf_entry_set_session(e, KF_TAKE(w->next));
    if (e->session) { /* else the settings moved, and it can go nowhere */
        e->unsaved = true;
        e->second = second;
        e->unsaved_sign_in = sign_in;
        e->unsaved_at = kf_boot_ms();
        why.code = KF_ERR_STORE_UNSAVED;
        kf_entry_trouble(e, KF_STATE_UNSAVED, &why);
        try_again_soon(e);
    }
    next(e, w, NULL, &why);
}

static void second_tried(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    w->second_used = !err;
    kf_log(KF_LOG_ERROR, "profile %s: the new session is not stored: %s; %s%s", e->prof.name,
           w->why.what, err ? "and the second place failed: " : "it is sealed in the second place",
           err ? err->what : "");
    if (w->kind == KF_WORK_ADOPT) { /* the session that the store has is still alive */
        unsaved_noted(e, w, NULL, NULL);
        return;
    }
    if (w->kind == KF_WORK_RENEW) kf_ledger_now(w, w->next);
    else ledger_keeps_intent(w, w->next);
    w->ledger.unsaved = true;
    kf_work_ledger_write(e, w, unsaved_noted);
}

void kf_save_failed(kf_entry *e, kf_work *w, const kf_err *err, kf_step_fn next) {
    w->why = *err;
    w->after_save = next;
    kf_second_write(e, w, w->next, second_tried);
}

/* ---- trying again ---- */

static void save_again_over(kf_entry *e, kf_work *w) {
    kf_err why = w->why;
    int64_t now = kf_boot_ms();
    why.code = KF_ERR_STORE_UNSAVED;
    if (now - e->unsaved_at >= LOG_EVERY_MS) {
        kf_log(KF_LOG_ERROR, "profile %s: the session is still not stored: %s", e->prof.name,
               why.what);
        e->unsaved_at = now;
    }
    kf_entry_trouble(e, KF_STATE_UNSAVED, &why);
    try_again_soon(e);
    kf_renew_end_failed(e, &why);
}

static void second_again(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    e->second = !err;
    save_again_over(e, w);
}

static void save_again_failed(kf_entry *e, kf_work *w, const kf_err *err) {
    w->why = *err;
    if (e->session && !e->second) kf_second_write(e, w, e->session, second_again);
    else save_again_over(e, w);
}

static void saved_again(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    /* the store has a higher generation than the ledger: the next who looks adopts it */
    if (err) kf_log(KF_LOG_WARN, "profile %s: ledger: %s", e->prof.name, err->what);
    kf_log(KF_LOG_INFO, "profile %s: the session is stored now", e->prof.name);
    kf_second_remove(e);
    kf_entry_set_session(e, KF_TAKE(w->next));
    kf_work_end(e);
}

static void save_again_stored(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    if (err) {
        save_again_failed(e, w, err);
        return;
    }
    ledger_keeps_intent(w, w->next);
    kf_work_ledger_write(e, w, saved_again);
}

/* Another process stored a newer session meanwhile, or signed out; this one was replaced by it. */
static void save_is_moot(kf_entry *e) {
    kf_log(KF_LOG_WARN,
           "profile %s: a newer sign-in or sign-out is stored; the unsaved session is "
           "dropped",
           e->prof.name);
    e->unsaved = e->unsaved_sign_in = e->second = false;
    e->session = kf_session_free(e->session);
    e->loaded = false;
    kf_entry_trouble(e, KF_STATE_SIGNED_IN, NULL);
    kf_work_end(e);
}

static void save_next(kf_entry *e, kf_work *w) {
    KF_AUTO(kf_secret) next = kf_session_to_blob(w->next);
    kf_work_save(e, KF_KIND_SESSION, next, false, save_again_stored);
}

static bool is_signed_out(const kf_work *w) {
    return kf_ledger_signed_out(&w->ledger) && w->ledger.ended_at > w->next->signed_in_at;
}

/* What a person did last counts: a sign-out, or another sign-in. A renewal of the session before
 * this sign-in may have come between, and does not. The store is asked as well as the ledger, which
 * could not be written, perhaps. */
static void save_found(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    KF_AUTO(kf_session) there = err ? NULL : kf_session_from_blob(blob, NULL);
    bool ours = there && kf_secret_eq(there->refresh_token, w->next->refresh_token);
    bool later = there && !ours &&
                 (e->unsaved_sign_in ? there->signed_in_at >= w->next->signed_in_at
                                     : there->generation > w->next->generation);
    if (later || is_signed_out(w)) {
        if (ours && w->second_used) kf_second_remove(e); /* else it would be found again */
        save_is_moot(e);
        return;
    }
    if (e->unsaved_sign_in) {
        int64_t g = w->ledger.generation;
        if (there && there->generation > g) g = there->generation;
        w->next->generation = g + 1;
    }
    save_next(e, w);
}

static void save_again_locked(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    char fp[33];
    if (err) {
        save_again_failed(e, w, err);
        return;
    }
    if (!e->unsaved || !e->session) {
        kf_work_end(e);
        return;
    }
    w->next = kf_session_copy(e->session);
    kf_token_fp(w->next->refresh_token, fp);
    bool newer = w->ledger.generation > w->next->generation ||
                 (w->ledger.generation == w->next->generation && !kf_str_eq(w->ledger.fp, fp));
    bool person = e->unsaved_sign_in || is_signed_out(w);
    if (newer && !person) save_is_moot(e);
    else kf_work_load(e, KF_KIND_SESSION, false, save_found);
}

void kf_save_start(kf_entry *e, kf_work *w) { kf_work_lock(e, w, save_again_locked); }

/* ---- for the end of the agent ---- */

kf_json *kf_keeper_unsaved(const kf_keeper *k, kf_unsaved which) {
    kf_json *names = kf_json_arr();
    GHashTableIter it;
    void *p;
    g_hash_table_iter_init(&it, k->by_id);
    while (g_hash_table_iter_next(&it, NULL, &p)) {
        const kf_entry *e = p;
        if (e->unsaved && e->second == (which == KF_UNSAVED_SEALED))
            kf_json_add(names, kf_json_new_str(e->prof.name));
    }
    return names;
}

void kf_keeper_save_now(kf_keeper *k) {
    GHashTableIter it;
    void *p;
    g_hash_table_iter_init(&it, k->by_id);
    while (g_hash_table_iter_next(&it, NULL, &p)) {
        kf_entry *e = p;
        if (!e->unsaved) continue;
        e->retry_at = kf_boot_ms();
        kf_entry_pump(e);
    }
}
