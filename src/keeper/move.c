/* Items moved to another store, each under its profile's lock. All are copied first. Once the
 * settings name the new store, those that are still the same are deleted from the old one. A
 * session never replaces a newer one, and in doubt an item stays. */
#include "keeper/keeper_impl.h"

#include "io/lock.h"

enum { STEP_MS = 20 };

struct kf_passage {
    kf_keeper *k;
    kf_store *from, *into;
    bool clearing;
    kf_store_item *items;
    size_t n, at, done, left;
    int lock_fd;
    int64_t lock_since;
    kf_loop_id timer;
    kf_secret *blob; /* of the present item, from the old store */
    kf_passage_done fn;
    void *user;
};
typedef struct kf_passage passage;

static void next_item(passage *p);

static void passage_free(passage *p) {
    kf_loop_cancel(p->k->env.loop, p->timer);
    kf_lock_drop(p->lock_fd);
    kf_secret_free(p->blob);
    free(p->items);
    p->k->passage = NULL;
    g_free(p);
}

static void finish(passage *p, const kf_err *err) {
    kf_passage_done fn = p->fn;
    void *user = p->user;
    size_t done = p->done, left = p->left;
    passage_free(p);
    fn(user, done, left, err);
}

static void item_over(passage *p) {
    kf_lock_drop(p->lock_fd);
    p->lock_fd = -1;
    p->blob = kf_secret_free(p->blob);
    p->at++;
    next_item(p);
}

static const kf_store_item *present(const passage *p) { return &p->items[p->at]; }

/* Copying ends at the first trouble, because nothing was changed yet; clearing leaves what it
 * cannot clear. */
static void trouble(passage *p, const kf_err *err) {
    kf_err named = *err;
    kf_log(KF_LOG_WARN, "store: %s of %s: %s", present(p)->kind, present(p)->id, err->what);
    if (!p->clearing) {
        kf_fail(&named, err->code, "%s of %s: %.180s", present(p)->kind, present(p)->id, err->what);
        finish(p, &named);
        return;
    }
    p->left++;
    item_over(p);
}

static int64_t generation(const kf_secret *blob) {
    KF_AUTO(kf_session) s = blob ? kf_session_from_blob(blob, NULL) : NULL;
    return s ? s->generation : -1;
}

static void cleared(void *user, const kf_secret *blob, const kf_err *err) {
    passage *p = user;
    if (err) {
        trouble(p, err);
        return;
    }
    p->done++;
    item_over(p);
}

static void copied(void *user, const kf_secret *blob,
                   const kf_err *err) { /* written, flushed, read back, compared */
    passage *p = user;
    if (err) trouble(p, err);
    else if (p->clearing) kf_store_delete(p->from, present(p)->id, present(p)->kind, cleared, p);
    else p->done++, item_over(p);
}

static void copy(passage *p) {
    const kf_store_item *i = present(p);
    kf_entry *e = kf_entry_find(p->k, i->id);
    KF_AUTO_CHARS label = kf_strfmt("keyfob: %s (%s)", e ? e->prof.name : i->id, i->kind);
    kf_store_save(p->into, i->id, i->kind, label, p->blob, false, copied, p);
}

/* What the new store has of it: nothing, the same, or something else. */
static void new_read(void *user, const kf_secret *blob, const kf_err *err) {
    passage *p = user;
    bool is_session = !strcmp(present(p)->kind, KF_KIND_SESSION),
         none = err && err->code == KF_ERR_STORE_NOT_FOUND;
    if (err && !none) {
        trouble(p, err);
        return;
    }
    bool same = blob && kf_secret_eq(blob, p->blob);
    bool newer_there = blob && is_session && generation(blob) > generation(p->blob);
    if (!p->clearing) {
        if (same || newer_there) p->done++, item_over(p);
        else copy(p);
        return;
    }
    if (none) { /* signed out or removed since, or never copied: not for us to say */
        kf_err doubt;
        kf_fail(&doubt, KF_ERR_STORE_NOT_FOUND,
                "the new store does not have it; it stays in the old one");
        trouble(p, &doubt);
    } else if (same || !is_session || newer_there)
        kf_store_delete(p->from, present(p)->id, present(p)->kind, cleared, p);
    else copy(p); /* another agent renewed it in the old store */
}

static void old_read(void *user, const kf_secret *blob, const kf_err *err) {
    passage *p = user;
    if (err && err->code == KF_ERR_STORE_NOT_FOUND) item_over(p); /* gone since the list was made */
    else if (err) trouble(p, err);
    else {
        p->blob = kf_secret_copy(blob);
        kf_store_load(p->into, present(p)->id, present(p)->kind, false, new_read, p);
    }
}

static void try_lock(void *user) {
    passage *p = user;
    kf_err err;
    p->timer = 0;
    int got = kf_lock_try(p->lock_fd, &err);
    if (got == 0 && kf_boot_ms() - p->lock_since < KF_LOCK_WAIT_MS) {
        p->timer = kf_loop_after(p->k->env.loop, STEP_MS, try_lock, p);
        return;
    }
    if (got == 0) kf_fail_held(p->lock_fd, present(p)->id, &err);
    if (got == 1) kf_store_load(p->from, present(p)->id, present(p)->kind, false, old_read, p);
    else trouble(p, &err);
}

static void next_item(passage *p) {
    kf_err err;
    while (p->at < p->n && !strcmp(present(p)->kind, "probe")) p->at++;
    if (p->at == p->n) {
        finish(p, NULL);
        return;
    }
    KF_AUTO_CHARS path = kf_strfmt("%s/%s.lock", p->k->env.state_dir, present(p)->id);
    p->lock_fd = kf_lock_open(path, &err);
    p->lock_since = kf_boot_ms();
    if (p->lock_fd < 0) trouble(p, &err);
    else
        p->timer = kf_loop_after(p->k->env.loop, 0, try_lock,
                                 p); /* a turn each, so that a long list is no deep stack */
}

static void listed(void *user, const kf_store_item *items, size_t n, const kf_err *err) {
    passage *p = user;
    if (err) {
        finish(p, err);
        return;
    }
    p->items = malloc((n + 1) * sizeof *items);
    if (!p->items) abort();
    if (n) memcpy(p->items, items, n * sizeof *items);
    p->n = n;
    next_item(p);
}

void kf_keeper_pass_items(kf_keeper *k, kf_store *from, kf_store *into, bool clear,
                          kf_passage_done fn, void *user) {
    passage *p = g_new0(passage, 1);
    *p = (passage){.k = k,
                   .from = from,
                   .into = into,
                   .clearing = clear,
                   .lock_fd = -1,
                   .fn = fn,
                   .user = user};
    k->passage = p;
    kf_store_list(from, listed, p);
}

void kf_passage_cancel(kf_keeper *k) {
    if (k->passage) passage_free(k->passage);
}

/* ---- no work while items are copied ---- */

void kf_keeper_hold(kf_keeper *k, bool on) {
    GHashTableIter it;
    void *p;
    k->held = on;
    g_hash_table_iter_init(&it, k->by_id);
    while (!on && g_hash_table_iter_next(&it, NULL, &p)) kf_entry_pump(p);
}

bool kf_keeper_at_rest(const kf_keeper *k, const char **unsaved) {
    GHashTableIter it;
    void *p;
    bool rest = true;
    *unsaved = NULL;
    g_hash_table_iter_init(&it, k->by_id);
    while (g_hash_table_iter_next(&it, NULL, &p)) {
        const kf_entry *e = p;
        if (e->work) rest = false;
        if (e->unsaved || kf_second_there(e)) *unsaved = e->prof.name;
    }
    return rest;
}
