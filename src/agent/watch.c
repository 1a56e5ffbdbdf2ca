#include "agent/watch.h"

#include <glib.h>
#include "agent/keeper.h"
#include "agent/server.h"
#include "agent/settings.h"
#include "base/str.h"

enum { COALESCE_MS = 100, PROFILES_A_FRAME = 500 };

typedef struct watcher {
    struct watcher *next;
    uint32_t conn;
    char open[17];
} watcher;

struct kf_watch {
    kf_agent *a;
    watcher *all;
    GHashTable *changed; /* id -> gone (as pointer) */
    kf_loop_id timer;
};

kf_watch *kf_watch_new(kf_agent *a) {
    kf_watch *w = calloc(1, sizeof *w);
    if (!w) abort();
    w->a = a;
    w->changed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return w;
}

kf_watch *kf_watch_free(kf_watch *w) {
    if (!w) return NULL;
    kf_loop_cancel(w->a->loop, w->timer);
    while (w->all) {
        watcher *x = w->all;
        w->all = x->next;
        free(x);
    }
    g_hash_table_unref(w->changed);
    free(w);
    return NULL;
}

static kf_json *frame(kf_agent *a, kf_json *profiles, kf_json *removed) {
    kf_json *j = kf_json_obj();
    kf_json_set(j, "profiles", profiles);
    kf_json_set(j, "removed", removed);
    kf_json_set(j, "store", kf_settings_store_json(a));
    return j;
}

static void tell(void *user) {
    kf_watch *w = user;
    w->timer = 0;
    KF_AUTO(kf_json) profiles = kf_json_arr();
    KF_AUTO(kf_json) removed = kf_json_arr();
    GHashTableIter it;
    gpointer id, gone;
    g_hash_table_iter_init(&it, w->changed);
    for (size_t n = 0; n < PROFILES_A_FRAME && g_hash_table_iter_next(&it, &id, &gone); n++) {
        kf_json *one = gone ? NULL : kf_keeper_profile_json(w->a->keeper, id);
        if (one) kf_json_add(profiles, one);
        else kf_json_add(removed, kf_json_new_str(id));
        g_hash_table_iter_remove(&it);
    }
    for (watcher *x = w->all, *next; x; x = next) {
        next = x->next; /* a reply may end the connection and this watcher */
        kf_server_reply(w->a->server, x->conn, frame(w->a, kf_json_copy(profiles), kf_json_copy(removed)), true);
    }
    if (g_hash_table_size(w->changed)) w->timer = kf_loop_after(w->a->loop, COALESCE_MS, tell, w);
}

void kf_watch_changed(kf_watch *w, const char *id, bool gone) {
    if (!w->all) return;
    g_hash_table_replace(w->changed, g_strdup(id), GINT_TO_POINTER(gone));
    if (!w->timer) w->timer = kf_loop_after(w->a->loop, COALESCE_MS, tell, w);
}

void kf_watch_start(kf_agent *a, uint32_t conn, const kf_json *p, bool more) {
    (void)more;
    kf_watch *w = a->watch;
    const kf_conf_profile *all, *open = NULL;
    const char *name = kf_json_str_or(p, "open", "");
    if (*name) open = kf_conf_find(a->conf, name);
    watcher *x = calloc(1, sizeof *x);
    if (!x) abort();
    x->conn = conn;
    x->next = w->all;
    w->all = x;
    if (open) {
        memcpy(x->open, open->id, sizeof x->open);
        kf_keeper_watch_open(a->keeper, x->open, 1);
    }
    size_t n = kf_conf_profiles(a->conf, &all), i = 0;
    do {
        kf_json *list = kf_json_arr();
        for (size_t k = 0; i < n && k < PROFILES_A_FRAME; i++, k++) {
            kf_json *one = kf_keeper_profile_json(a->keeper, all[i].id);
            if (one) kf_json_add(list, one);
        }
        kf_server_reply(a->server, conn, frame(a, list, kf_json_arr()), true);
    } while (i < n && kf_server_alive(a->server, conn));
}

void kf_watch_conn_gone(kf_agent *a, uint32_t conn) {
    kf_watch *w = a->watch;
    for (watcher **p = w ? &w->all : NULL; p && *p;) {
        watcher *x = *p;
        if (x->conn != conn) {
            p = &x->next;
            continue;
        }
        *p = x->next;
        if (*x->open) kf_keeper_watch_open(a->keeper, x->open, -1);
        free(x);
    }
}
