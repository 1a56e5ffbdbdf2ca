/* At the start of an agent: which profiles have an answer of WorkOS that can still be had? The
 * ledgers tell without a secret. They are read on the worker, because there may be thousands. */
#include "keeper/keeper_impl.h"

#include <string.h>

typedef struct kf_ledger_row {
    char id[17];
    bool open; /* it has an intent, or a token that was replaced */
    kf_ledger ledger;
} kf_ledger_row;

typedef struct kf_urgent_look {
    kf_anchor *anchor;
    char *state_dir;
    GArray *rows;
    kf_loop_fn found;
    void *user;
} kf_urgent_look;

static void look_work(void *arg) {
    kf_urgent_look *u = arg;
    for (guint i = 0; i < u->rows->len; i++) {
        kf_ledger_row *r = &g_array_index(u->rows, kf_ledger_row, i);
        KF_AUTO_CHARS path = kf_strfmt("%s/%s.lock", u->state_dir, r->id);
        bool read = kf_ledger_file_read(path, &r->ledger, NULL, NULL);
        r->open = read && (r->ledger.intent.set || r->ledger.previous.set);
    }
}

static int64_t window_left(const kf_entry *e, const kf_intent *i) {
    return i->set ? KF_REPLAY_MAX_MS - kf_entry_intent_age(e, i) : 0;
}

int64_t kf_entry_window_left(const kf_entry *e, const kf_ledger *l) {
    int64_t left = window_left(e, &l->intent);
    if (left > 0 || !l->previous.set) return left;
    return KF_REPLAY_MAX_MS - kf_entry_previous_age(e, &l->previous);
}

static bool mark_urgent(kf_entry *e, const kf_ledger *l) {
    int64_t left = kf_entry_window_left(e, l);
    if (left <= 0) return false;
    kf_log(KF_LOG_INFO, "profile %s: an answer of WorkOS can be had for %lld ms", e->prof.name,
           (long long)left);
    e->urgent = kf_boot_ms() + left;
    return true;
}

static bool row_is_urgent(kf_keeper *k, const kf_ledger_row *r) {
    kf_entry *e = r->open ? g_hash_table_lookup(k->by_id, r->id) : NULL;
    return e && !e->loaded && mark_urgent(e, &r->ledger);
}

/* A profile that comes back to the settings may have left in the middle of a renewal. */
void kf_entry_look_for_urgent(kf_entry *e) {
    kf_ledger l;
    if (kf_entry_ledger_peek(e, &l, NULL, NULL)) (void)mark_urgent(e, &l);
}

static void look_done(void *arg) {
    kf_urgent_look *u = arg;
    kf_keeper *k = u->anchor->keeper;
    bool any = false;
    for (guint i = 0; k && i < u->rows->len; i++)
        any |= row_is_urgent(k, &g_array_index(u->rows, kf_ledger_row, i));
    if (any) u->found(u->user);
    kf_anchor_drop(u->anchor);
    g_array_unref(u->rows);
    free(u->state_dir);
    g_free(u);
}

void kf_keeper_look_for_urgent(kf_keeper *k, kf_loop_fn found, void *user) {
    GHashTableIter it;
    void *p;
    kf_urgent_look *u = g_new0(kf_urgent_look, 1);
    *u = (kf_urgent_look){.anchor = kf_anchor_hold(k->anchor), .found = found, .user = user};
    u->state_dir = kf_strdup(k->env.state_dir);
    u->rows = g_array_new(FALSE, TRUE, sizeof(kf_ledger_row));
    g_hash_table_iter_init(&it, k->by_id);
    while (g_hash_table_iter_next(&it, NULL, &p)) {
        kf_ledger_row r = {.open = false};
        memcpy(r.id, ((kf_entry *)p)->prof.id, sizeof r.id);
        g_array_append_val(u->rows, r);
    }
    kf_worker_run(k->env.worker, look_work, look_done, u);
    k->looked = true;
}

void kf_keeper_go_on(kf_keeper *k) {
    GHashTableIter it;
    void *p;
    g_hash_table_iter_init(&it, k->by_id);
    while (g_hash_table_iter_next(&it, NULL, &p)) kf_entry_pump(p);
}
