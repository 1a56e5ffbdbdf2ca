/* The Watch call: sends each watcher all profiles first and then the changed ones, at most ten
 * times a second. One frame at a time is on its way to a watcher. */
#include "agent/watch.h"

#include <glib.h>
#include "agent/profile_json.h"
#include "keeper/keeper.h"
#include "agent/part.h"
#include "agent/settings.h"
#include "base/mem.h"
#include "base/str.h"

enum { COALESCE_MS = 100 };

typedef struct watcher {
    struct watcher *next;
    kf_watch *watch;
    kf_call *call;
    char open[17];
    GPtrArray *first; /* ids of the first answer, NULL once they are out */
    guint at;
    GHashTable *changed; /* set of ids, not told yet: a slow reader gets the newest state later */
    bool unread;         /* the last frame is still on its way */
} watcher;

struct kf_watch {
    kf_agent *a;
    watcher *all;
    kf_loop_id timer;
};

kf_watch *kf_watch_new(kf_agent *a) {
    kf_watch *w = kf_new(kf_watch);
    w->a = a;
    return w;
}

static void watcher_free(void *user) {
    watcher *x = user, **p = &x->watch->all;
    while (*p != x) p = &(*p)->next;
    *p = x->next;
    if (*x->open) kf_keeper_watch_open(x->watch->a->keeper, x->open, -1);
    if (x->first) g_ptr_array_unref(x->first);
    g_hash_table_unref(x->changed);
    free(x);
}

kf_watch *kf_watch_free(kf_watch *w) {
    if (!w) return NULL;
    kf_loop_cancel(w->a->loop, w->timer);
    free(w);
    return NULL;
}

static void add(kf_agent *a, const char *id, kf_part *profiles, kf_part *removed) {
    kf_json *one = kf_profile_json(a->keeper, id);
    if (one) kf_part_add(profiles, one);
    else kf_part_add(removed, kf_json_new_str(id));
}

static kf_json *frame(kf_agent *a, watcher *x) {
    kf_json *j = kf_json_obj();
    kf_part profiles = kf_part_new(), removed = kf_part_new();
    if (x->first) {
        while (kf_part_has_room(&profiles) && x->at < x->first->len)
            add(a, g_ptr_array_index(x->first, x->at++), &profiles, &removed);
        if (x->at >= x->first->len) {
            g_ptr_array_unref(x->first);
            x->first = NULL;
        }
    } else {
        GHashTableIter it;
        gpointer id;
        g_hash_table_iter_init(&it, x->changed);
        while (kf_part_has_room(&profiles) && kf_part_has_room(&removed) &&
               g_hash_table_iter_next(&it, &id, NULL)) {
            add(a, id, &profiles, &removed);
            g_hash_table_iter_remove(&it);
        }
    }
    kf_json_set(j, "profiles", profiles.items);
    kf_json_set(j, "removed", removed.items);
    kf_json_set(j, "store", kf_settings_store_json(a));
    if (x->first) kf_json_set_bool(j, "partial", true);
    return j;
}

static void frame_left(void *user);

static void tell_one(kf_watch *w, watcher *x) {
    x->unread = true;
    kf_call_part(x->call, frame(w->a, x));
    kf_call_when_sent(x->call, frame_left, x);
}

static void tell(void *user) {
    kf_watch *w = user;
    w->timer = 0;
    for (watcher *x = w->all; x; x = x->next)
        if (!x->unread && g_hash_table_size(x->changed)) tell_one(w, x);
}

static void arm(kf_watch *w) {
    if (!w->timer) w->timer = kf_loop_after(w->a->loop, COALESCE_MS, tell, w);
}

static void frame_left(void *user) {
    watcher *x = user;
    x->unread = false;
    if (x->first) tell_one(x->watch, x);
    else if (g_hash_table_size(x->changed)) arm(x->watch);
}

void kf_watch_changed(kf_watch *w, const char *id) {
    for (watcher *x = w->all; x; x = x->next) g_hash_table_add(x->changed, g_strdup(id));
    if (w->all) arm(w);
}

static void client_gone(void *user) { kf_call_drop(user); }

void kf_watch_start(kf_agent *a, kf_call *call) {
    kf_watch *w = a->watch;
    const kf_conf_profile *all, *open = NULL;
    const char *name = kf_call_str(call, "open", "");
    if (*name && !(open = kf_conf_find(a->conf, name))) {
        kf_err e;
        kf_fail(&e, KF_ERR_USAGE_NO_PROFILE, "%.64s", name);
        kf_call_fail(call, &e);
        return;
    }
    watcher *x = kf_new(watcher);
    *x = (watcher){.next = w->all, .watch = w, .call = call};
    x->changed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    x->first = g_ptr_array_new_with_free_func(g_free);
    w->all = x;
    size_t n = kf_conf_profiles(a->conf, &all);
    for (size_t i = 0; i < n; i++) g_ptr_array_add(x->first, g_strdup(all[i].id));
    if (open) {
        memcpy(x->open, open->id, sizeof x->open);
        kf_keeper_watch_open(a->keeper, x->open, 1);
    }
    kf_call_keep(call, x, watcher_free);
    kf_call_on_gone(call, client_gone, call);
    kf_call_lasts(call);
    tell_one(w, x);
}
