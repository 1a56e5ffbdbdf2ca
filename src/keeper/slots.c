/* How many renewals run at once: at most KF_MAX_RENEWALS at one server, so that a server that
 * hangs delays no profile of another one. Says when, never what. */
#include "keeper/keeper_impl.h"

kf_gate *kf_slot_gate(kf_keeper *k, const char *origin) {
    kf_gate *g = g_hash_table_lookup(k->gates, origin);
    if (g) return g;
    g = g_new0(kf_gate, 1);
    if (!kf_str_set(g->origin, sizeof g->origin, origin)) abort(); /* bounded as in the settings */
    g_queue_init(&g->waiting);
    g_hash_table_insert(k->gates, g->origin, g);
    return g;
}

static void gate_leave(kf_keeper *k, kf_gate *g) {
    if (!g->taken && !g->waiting.length) g_hash_table_remove(k->gates, g->origin);
}

static void slot_got(kf_entry *e, kf_work *w) {
    w->has_slot = true;
    w->waiting_slot = false;
    w->gate->taken++;
    kf_entry_changed(e);
}

bool kf_slot_take(kf_entry *e, kf_work *w) {
    w->gate = kf_slot_gate(e->k, e->prof.api_host);
    if (w->gate->taken < KF_MAX_RENEWALS) {
        slot_got(e, w);
        return true;
    }
    w->waiting_slot = true;
    /* an answer that can still be had, and a caller who waits, come before what is ahead of time */
    if (e->urgent || e->waiters->len) g_queue_push_head(&w->gate->waiting, e);
    else g_queue_push_tail(&w->gate->waiting, e);
    return false;
}

void kf_slot_give(kf_keeper *k, kf_work *w) {
    kf_gate *g = w->gate;
    w->gate = NULL;
    if (!g || !w->has_slot) return;
    w->has_slot = false;
    g->taken--;
    kf_entry *e = g_queue_pop_head(&g->waiting);
    if (e) { /* its work waits for this slot, else kf_slot_forget took it out */
        slot_got(e, e->work);
        /* from the loop, so that ends of work do not pile up on the stack */
        kf_work_after(e, e->work, 0, NULL);
    }
    gate_leave(k, g);
}

void kf_slot_forget(kf_entry *e, kf_work *w) {
    kf_gate *g = w->gate;
    if (!g || !w->waiting_slot) return;
    w->gate = NULL;
    g_queue_remove_all(&g->waiting, e);
    gate_leave(e->k, g);
}
