/* Pieces of work of the keeper: their start, timers and end, and the steps they share (lock,
 * ledger, store, API key). What waits outside the keeper holds no pointer to an entry. */
#include "keeper/keeper_impl.h"

#include <string.h>
#include <unistd.h>
#include "io/files.h"
#include "io/lock.h"

/* ---- what waits without a pointer to an entry ---- */

kf_anchor *kf_anchor_hold(kf_anchor *a) {
    a->refs++;
    return a;
}

void kf_anchor_drop(kf_anchor *a) {
    if (--a->refs == 0) g_free(a);
}

struct kf_ticket {
    kf_anchor *anchor;
    char id[17];
    uint32_t serial;
    kf_step_fn next;
    /* for the worker */
    int fd;
    char *text;
    bool ok;
    kf_err err;
};

kf_ticket *kf_ticket_new(kf_entry *e, kf_step_fn next) {
    kf_ticket *c = g_new0(kf_ticket, 1);
    c->anchor = kf_anchor_hold(e->k->anchor);
    memcpy(c->id, e->prof.id, sizeof c->id);
    c->serial = e->work->serial;
    c->next = next;
    c->fd = -1;
    return c;
}

/* The entry, if it is there and still does the work that asked. */
static kf_entry *ticket_entry(const kf_ticket *c) {
    kf_keeper *k = c->anchor->keeper;
    kf_entry *e = k ? g_hash_table_lookup(k->by_id, c->id) : NULL;
    return e && e->work && e->work->serial == c->serial ? e : NULL;
}

void kf_ticket_redeem(kf_ticket *c, const kf_secret *blob, const kf_err *err) {
    kf_entry *e = ticket_entry(c);
    if (e) c->next(e, e->work, blob, err);
    kf_anchor_drop(c->anchor);
    free(c->text);
    g_free(c);
}

/* ---- the piece of work ---- */

kf_work *kf_work_new(kf_keeper *k, kf_work_kind kind) {
    kf_work *w = g_new0(kf_work, 1);
    w->kind = kind;
    w->serial = ++k->serial;
    w->lock_fd = -1;
    return w;
}

void kf_work_free(kf_work *w) {
    if (!w) return;
    kf_work_unlock(w);
    kf_session_free(w->next);
    kf_session_free(w->old);
    kf_secret_free(w->key);
    kf_secret_free(w->stored);
    kf_secret_free(w->blob);
    g_free(w);
}

static void run_work(kf_entry *e, kf_work *w) {
    w->started = true;
    switch (w->kind) {
    case KF_WORK_LOAD: kf_load_start(e, w); break;
    case KF_WORK_RENEW: kf_renew_start(e, w); break;
    case KF_WORK_SAVE: kf_save_start(e, w); break;
    case KF_WORK_ADOPT: kf_adopt_start(e, w); break;
    case KF_WORK_SIGN_OUT: kf_sign_out_start(e, w); break;
    case KF_WORK_REMOVE: kf_remove_start(e, w); break;
    case KF_WORK_SET_KEY: kf_set_key_start(e, w); break;
    case KF_WORK_OVER: kf_over_start(e, w); break;
    case KF_WORK_HAND_OVER: kf_hand_over_start(e, w); break;
    }
}

void kf_work_start(kf_entry *e, kf_work *w) {
    kf_loop_cancel(e->k->env.loop, e->alarm);
    e->alarm = 0;
    e->work = w;
    if (w->kind == KF_WORK_RENEW) {
        if (!kf_slot_take(e, w)) return;
    }
    run_work(e, w);
}

void kf_work_end(kf_entry *e) {
    kf_work *w = e->work;
    kf_switch_over(e, w, NULL);
    e->work = NULL;
    kf_loop_cancel(e->k->env.loop, w->timer);
    kf_post_cancel(e->k, w);
    kf_slot_give(e->k, w);
    kf_work_free(w);
    if (e->forget) {
        e->forget = false;
        kf_entry_forget(e);
    }
    kf_entry_changed(e);
    kf_entry_pump(e);
}

static void work_timer(void *user) {
    kf_entry *e = user; /* the timer goes with the work, the work with the entry */
    kf_work *w = e->work;
    w->timer = 0;
    if (w->timer_next) w->timer_next(e, w, NULL, NULL);
    else run_work(e, w);
}

/* next NULL: the start of the work */
void kf_work_after(kf_entry *e, kf_work *w, int64_t ms, kf_step_fn next) {
    kf_loop_cancel(e->k->env.loop, w->timer);
    w->timer_next = next;
    w->timer = kf_loop_after(e->k->env.loop, ms, work_timer, e);
}

/* ---- lock and ledger ---- */

static char *lock_path(const kf_entry *e) {
    return kf_strfmt("%s/%s.lock", e->k->env.state_dir, e->prof.id);
}

static bool ledger_read(char *line, kf_ledger *out, kf_err *err) {
    KF_AUTO_CHARS text = line; /* NULL: err says why */
    return text && kf_ledger_parse(text, strlen(text), out, err);
}

bool kf_ledger_file_read(const char *path, kf_ledger *out, int64_t *changed_at, kf_err *err) {
    return ledger_read(kf_lock_line_peek(path, KF_LEDGER_MAX, changed_at, err), out, err);
}

bool kf_entry_ledger_peek(const kf_entry *e, kf_ledger *out, int64_t *changed_at, kf_err *err) {
    KF_AUTO_CHARS path = lock_path(e);
    return kf_ledger_file_read(path, out, changed_at, err);
}

void kf_work_unlock(kf_work *w) {
    /* lent: the worker writes into it now, and closes it when nobody takes it back */
    if (w->lock_fd >= 0 && !w->lock_lent) kf_lock_drop(w->lock_fd);
    w->lock_fd = -1;
}

/* The file stays, because it is the lock as well; what was in it goes beside it. */
typedef struct kf_aside {
    char *path, *text, name[65];
    bool ok;
    kf_err err;
} kf_aside;

static void aside_work(void *arg) {
    kf_aside *a = arg;
    a->ok = kf_file_replace(a->path, a->text, strlen(a->text), &a->err);
}

static void aside_done(void *arg) {
    kf_aside *a = arg;
    if (a->ok) kf_log(KF_LOG_WARN, "profile %s: it was copied to %s", a->name, a->path);
    else kf_log(KF_LOG_WARN, "profile %s: it could not be copied: %s", a->name, a->err.what);
    free(a->path);
    free(a->text);
    g_free(a);
}

static void set_ledger_aside(const kf_entry *e, const kf_work *w, const kf_err *why) {
    char *text = kf_lock_line(w->lock_fd, KF_LEDGER_MAX, NULL);
    kf_log(KF_LOG_WARN, "profile %s: %s; the session counts without it", e->prof.name, why->what);
    if (!text) return;
    kf_aside *a = g_new0(kf_aside, 1);
    a->path = kf_strfmt("%s/%s.ledger-damaged", e->k->env.state_dir, e->prof.id);
    a->text = text;
    memcpy(a->name, e->prof.name, sizeof a->name);
    kf_worker_run(e->k->env.worker, aside_work, aside_done, a);
}

void kf_fail_held(int lock_fd, const char *id, kf_err *err) {
    char host[64];
    kf_lock_holder h;
    if (gethostname(host, sizeof host)) snprintf(host, sizeof host, "this host");
    host[sizeof host - 1] = 0;
    if (!kf_lock_holder_find(lock_fd, &h)) {
        kf_fail(err, KF_ERR_SYS_LOCK_TIMEOUT,
                "a process that %s cannot see has held %s.lock for more than %d s", host, id,
                KF_LOCK_WAIT_MS / 1000);
        kf_hint(err, "Look for keyfob in other containers and on other hosts.");
        return;
    }
    kf_fail(err, KF_ERR_SYS_LOCK_TIMEOUT,
            "process %d (%s%s) on %s has held %s.lock for more than %d s", h.pid, h.name,
            h.is_stopped ? ", stopped" : "", host, id, KF_LOCK_WAIT_MS / 1000);
    if (h.is_stopped) kf_hint(err, "Let it go on (kill -CONT %d), or end it.", h.pid);
}

static void try_lock(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *none) {
    kf_err err;
    int got = kf_lock_try(w->lock_fd, &err);
    if (got == 0 && kf_boot_ms() - w->lock_since < KF_LOCK_WAIT_MS) {
        kf_work_after(e, w, 20 + kf_keeper_dice() % 81, try_lock);
        return;
    }
    if (got == 1) {
        bool ok = ledger_read(kf_lock_line(w->lock_fd, KF_LEDGER_MAX, &err), &w->ledger, &err);
        if (!ok && err.code == KF_ERR_STORE_DAMAGED) { /* it is a hint: the session is whole */
            set_ledger_aside(e, w, &err);
            memset(&w->ledger, 0, sizeof w->ledger);
            ok = true;
        }
        w->locked(e, w, NULL, ok ? NULL : &err);
        return;
    }
    if (got == 0) kf_fail_held(w->lock_fd, e->prof.id, &err);
    kf_lock_drop(w->lock_fd);
    w->lock_fd = -1;
    w->locked(e, w, NULL, &err);
}

void kf_work_lock(kf_entry *e, kf_work *w, kf_step_fn next) {
    KF_AUTO_CHARS path = lock_path(e);
    kf_err err;
    w->locked = next;
    w->lock_since = kf_boot_ms();
    w->lock_fd = kf_lock_open(path, &err);
    if (w->lock_fd < 0) next(e, w, NULL, &err);
    else try_lock(e, w, NULL, NULL);
}

static void ledger_work(void *arg) {
    kf_ticket *c = arg;
    c->ok = kf_lock_line_write(c->fd, c->text, &c->err);
}

static void ledger_done(void *arg) {
    kf_ticket *c = arg;
    kf_entry *e = ticket_entry(c);
    if (e) e->work->lock_lent = false;
    else kf_lock_drop(c->fd);
    kf_err err = c->err;
    kf_ticket_redeem(c, NULL, c->ok ? NULL : &err);
}

void kf_work_ledger_write(kf_entry *e, kf_work *w, kf_step_fn next) {
    kf_ticket *c = kf_ticket_new(e, next);
    c->fd = w->lock_fd;
    c->text = kf_ledger_print(&w->ledger);
    w->lock_lent = true;
    kf_worker_run(e->k->env.worker, ledger_work, ledger_done, c);
}

/* ---- the store ---- */

static void store_done(void *user, const kf_secret *blob, const kf_err *err) {
    kf_ticket_redeem(user, blob, err);
}

static void save_done(void *user, const kf_secret *blob, const kf_err *err) {
    const kf_ticket *c = user;
    kf_keeper *k = c->anchor->keeper;
    if (!err && k) k->env.secret_stored(k->env.user);
    kf_ticket_redeem(user, blob, err);
}

static void no_store(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *none) {
    kf_err err;
    kf_fail(&err, KF_ERR_STORE_ABSENT, "none is open");
    w->locked(e, w, NULL, &err);
}

/* False: there is no store; next hears of it on the next turn of the loop. */
static bool have_store(kf_entry *e, kf_step_fn next) {
    if (*e->k->env.store) return true;
    e->work->locked = next;
    kf_work_after(e, e->work, 0, no_store);
    return false;
}

static void session_read(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    kf_second_newest(e, w, blob, err, w->after_load);
}

/* A session may be newer in the second place than in the store. */
void kf_work_load(kf_entry *e, const char *kind, bool interactive, kf_step_fn next) {
    if (!have_store(e, next)) return;
    if (!strcmp(kind, KF_KIND_SESSION)) {
        e->work->after_load = next;
        next = session_read;
    }
    kf_store_load(*e->k->env.store, e->prof.id, kind, interactive, store_done,
                  kf_ticket_new(e, next));
}

void kf_work_unseal(kf_entry *e, const char *kind, const kf_secret *sealed, kf_step_fn next) {
    if (have_store(e, next))
        kf_store_unseal(*e->k->env.store, e->prof.id, kind, sealed, store_done,
                        kf_ticket_new(e, next));
}

void kf_work_save(kf_entry *e, const char *kind, const kf_secret *blob, bool interactive,
                  kf_step_fn next) {
    if (!have_store(e, next)) return;
    KF_AUTO_CHARS label = kf_strfmt("keyfob: %s (%s)", e->prof.name, kind);
    kf_store_save(*e->k->env.store, e->prof.id, kind, label, blob, interactive, save_done,
                  kf_ticket_new(e, next));
}

void kf_work_delete(kf_entry *e, const char *kind, kf_step_fn next) {
    if (have_store(e, next))
        kf_store_delete(*e->k->env.store, e->prof.id, kind, store_done, kf_ticket_new(e, next));
}

/* A new pair is about as large as the old one; twice that leaves room for another organization. */
void kf_work_reserve(kf_entry *e, size_t size, kf_step_fn next) {
    size_t most = 2 * size + KF_RESERVE_MIN;
    if (have_store(e, next))
        kf_store_reserve(*e->k->env.store, e->prof.id, KF_KIND_SESSION, most, false, store_done,
                         kf_ticket_new(e, next));
}

/* ---- the API key ---- */

static void key_loaded(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    kf_err bad;
    if (err && err->code == KF_ERR_STORE_NOT_FOUND) {
        kf_fail(&bad, KF_ERR_WORKOS_NEEDS_API_KEY, "the store has no API key for %s", e->prof.name);
        err = &bad;
    } else if (!err) {
        kf_secret *key = kf_entry_key_parse(e, blob, &bad);
        kf_secret_free(e->api_key);
        e->api_key = key;
        if (!key) err = &bad;
    }
    w->after_load(e, w, err ? NULL : e->api_key, err);
}

void kf_work_key(kf_entry *e, kf_step_fn next) {
    if (!e->prof.confidential) next(e, e->work, NULL, NULL);
    else if (e->api_key) next(e, e->work, e->api_key, NULL);
    else if (have_store(e, next)) {
        e->work->after_load = next;
        kf_store_load(*e->k->env.store, e->prof.id, KF_KIND_API_KEY, false, store_done,
                      kf_ticket_new(e, key_loaded));
    }
}
