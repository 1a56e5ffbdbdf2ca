/* The second place: when a store refuses a new pair, a sealed copy of the session goes into the
 * state directory, under the key of that store. Any agent takes it back from there later. It is
 * never written in plain text, and it is removed once the store has the session or a newer one. */
#include "keeper/keeper_impl.h"

#include <string.h>
#include "io/files.h"

enum { SEALED_MAX = 2 << 20 };

static char *second_path(const kf_entry *e) {
    return kf_strfmt("%s/%s.session.sealed", e->k->env.state_dir, e->prof.id);
}

bool kf_second_there(const kf_entry *e) {
    KF_AUTO_CHARS path = second_path(e);
    return kf_file_is_there(path);
}

/* ---- writing ---- */

typedef struct kf_second_job {
    char *path;
    kf_secret *sealed;
    bool ok;
    kf_err err;
    /* who waits: keeper_work.c finds the entry again */
    kf_ticket *ref;
} kf_second_job;

static void second_write_work(void *arg) {
    kf_second_job *j = arg;
    j->ok = kf_file_replace(j->path, kf_secret_peek(j->sealed), kf_secret_len(j->sealed), &j->err);
}

static void second_written(void *arg) {
    kf_second_job *j = arg;
    kf_ticket_redeem(j->ref, NULL, j->ok ? NULL : &j->err);
    kf_secret_free(j->sealed);
    free(j->path);
    g_free(j);
}

void kf_second_write(kf_entry *e, kf_work *w, const kf_session *s, kf_step_fn next) {
    KF_AUTO(kf_secret) blob = kf_session_to_blob(s);
    kf_store *store = *e->k->env.store;
    kf_err err;
    kf_secret *sealed = NULL;
    if (store) sealed = kf_store_seal(store, e->prof.id, KF_KIND_SESSION, blob, &err);
    else kf_fail(&err, KF_ERR_STORE_ABSENT, "none is open");
    if (!sealed) {
        next(e, w, NULL, &err);
        return;
    }
    kf_second_job *j = g_new0(kf_second_job, 1);
    j->path = second_path(e);
    j->sealed = sealed;
    j->ref = kf_ticket_new(e, next);
    kf_worker_run(e->k->env.worker, second_write_work, second_written, j);
}

static void second_remove_work(void *arg) {
    kf_err err;
    if (!kf_file_remove(arg, &err)) kf_log(KF_LOG_WARN, "%s", err.what);
}

static void second_removed(void *arg) { free(arg); }

void kf_second_remove(kf_entry *e) {
    e->second = false;
    if (kf_second_there(e))
        kf_worker_run(e->k->env.worker, second_remove_work, second_removed, second_path(e));
}

/* ---- reading ---- */

static int64_t generation_of(const kf_secret *blob) {
    KF_AUTO(kf_session) s = blob ? kf_session_from_blob(blob, NULL) : NULL;
    return s ? s->generation : 0;
}

static void second_unsealed(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err) {
    KF_AUTO(kf_secret) stored = KF_TAKE(w->stored);
    const kf_err *why = w->stored_err.code != KF_ERR_NONE ? &w->stored_err : NULL;
    if (err) {
        KF_AUTO_CHARS path = second_path(e);
        kf_log(KF_LOG_WARN, "profile %s: %s stays as it is: %s", e->prof.name, path, err->what);
    } else if (generation_of(blob) > generation_of(stored)) {
        kf_log(KF_LOG_INFO, "profile %s: the newest session is in the second place", e->prof.name);
        w->second_used = true;
        w->after_load(e, w, blob, NULL);
        return;
    } else {
        kf_second_remove(e); /* the store has this one or a newer one */
    }
    w->after_load(e, w, stored, why);
}

void kf_second_newest(kf_entry *e, kf_work *w, const kf_secret *blob, const kf_err *err,
                      kf_step_fn next) {
    KF_AUTO(kf_secret) sealed = NULL;
    bool readable =
        !err || err->code == KF_ERR_STORE_NOT_FOUND || err->code == KF_ERR_STORE_DAMAGED;
    kf_err bad;
    w->second_used = false;
    if (!readable || !kf_second_there(e)) {
        next(e, w, blob, err);
        return;
    }
    KF_AUTO_CHARS path = second_path(e);
    if (!kf_file_read(path, SEALED_MAX, &sealed, &bad)) {
        kf_log(KF_LOG_WARN, "profile %s: %s", e->prof.name, bad.what);
        next(e, w, blob, err);
        return;
    }
    w->after_load = next;
    w->stored = kf_secret_copy(blob);
    w->stored_err = err ? *err : (kf_err){.code = KF_ERR_NONE};
    kf_work_unseal(e, KF_KIND_SESSION, sealed, second_unsealed);
}
