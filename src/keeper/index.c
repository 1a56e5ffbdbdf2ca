/* The list of profiles in the state directory. Clients read it without an agent, and the next agent
 * takes from it what it has not read from the store yet (auth/profile.h). No secrets. */
#include <errno.h>
#include <string.h>
#include "keeper/keeper_impl.h"
#include "io/files.h"

static char *index_path(const kf_keeper *k) { return kf_strfmt("%s/profiles", k->env.state_dir); }

static void from_session(const kf_entry *e, const kf_session *s, kf_profile_row *r) {
    r->expires_at = s->exp;
    kf_session_user_name(s, r->user_name, sizeof r->user_name);
    (void)kf_str_cut(r->email, sizeof r->email, kf_session_user_email(s));
    (void)kf_str_cut(r->organization_name, sizeof r->organization_name, s->organization_name);
    (void)kf_str_cut(r->method, sizeof r->method, s->authentication_method);
    if (!kf_str_set(r->organization_id, sizeof r->organization_id, s->organization_id))
        kf_log(KF_LOG_WARN, "profile %s: the organization ID is too long", e->prof.name);
}

/* Also of a session that is over: a person sees whose it was. */
static bool fill_row(const kf_entry *e, const char *state, kf_profile_row *r) {
    memset(r, 0, sizeof *r);
    if (e->session) from_session(e, e->session, r);
    else if (e->hint) *r = *e->hint;
    r->is_default = kf_entry_is_default(e);
    r->has_git_host = e->prof.git_host && *e->prof.git_host;
    r->last_used_at = e->last_used_at;
    return kf_str_set(r->id, sizeof r->id, e->prof.id) &&
           kf_str_set(r->name, sizeof r->name, e->prof.name) &&
           kf_str_set(r->state, sizeof r->state, state) &&
           kf_str_set(r->environment, sizeof r->environment, kf_entry_environment(e)) &&
           kf_str_set(r->client_id, sizeof r->client_id, e->prof.client_id);
}

void kf_entry_knows(kf_entry *e, const kf_profile_row *row) {
    kf_profile_row *copy = g_new(kf_profile_row, 1);
    *copy = *row;
    g_free(e->hint);
    e->hint = copy;
    if (row->last_used_at > e->last_used_at) e->last_used_at = row->last_used_at;
}

void kf_entry_forget_hint(kf_entry *e) {
    g_free(e->hint);
    e->hint = NULL;
}

void kf_entry_hint(kf_entry *e) {
    kf_profile_row r;
    bool ok = fill_row(e, kf_entry_open_state_name(e), &r);
    if (ok) kf_entry_knows(e, &r);
    else kf_entry_forget_hint(e);
}

static char *index_text(kf_keeper *k) {
    const kf_conf_profile *all = NULL;
    size_t n = *k->env.conf ? kf_conf_profiles(*k->env.conf, &all) : 0, used = 0;
    kf_profile_row *rows = g_new0(kf_profile_row, n + 1);
    for (size_t i = 0; i < n; i++) {
        kf_entry *e = g_hash_table_lookup(k->by_id, all[i].id);
        /* at rest: "renewing" would outlive a crash */
        if (e && fill_row(e, kf_entry_resting_state_name(e), &rows[used])) used++;
    }
    char *text = kf_profile_index_print(rows, used);
    g_free(rows);
    return text;
}

typedef struct index_write {
    kf_anchor *anchor;
    char *path, *text;
    kf_err err;
    bool ok;
    kf_keeper_done done; /* NULL, or who waits until it is written */
    void *user;
} index_write;

static void index_work(void *arg) {
    index_write *x = arg;
    x->ok = kf_file_replace(x->path, x->text, strlen(x->text), &x->err);
}

static void index_done(void *arg) {
    index_write *x = arg;
    kf_keeper *k = x->anchor->keeper;
    if (!x->ok) kf_log(KF_LOG_WARN, "%s: %s", x->path, x->err.what);
    if (k) {
        g_ptr_array_remove(k->index_writes, x);
        kf_keeper_answer_done(k, x->done, x->user, NULL);
        if (!x->ok) { /* so that the next change writes again */
            free(k->index_written);
            k->index_written = NULL;
        }
        if (k->index_dirty) kf_keeper_index_dirty(k);
    }
    kf_anchor_drop(x->anchor);
    free(x->path);
    free(x->text);
    g_free(x);
}

static void index_send(kf_keeper *k, kf_keeper_done done, void *user) {
    k->index_dirty = false;
    k->index_at = kf_boot_ms();
    if (k->index_unread) kf_keeper_index_read(k); /* else what it knows would be lost */
    bool may_write = *k->env.conf && !k->index_unread && !k->index_newer;
    char *text = may_write ? index_text(k) : NULL; /* broken settings: the last index stands */
    if (!text || (kf_str_eq(text, k->index_written) && !k->index_writes->len)) {
        free(text);
        kf_keeper_answer_done(k, done, user, NULL);
        return;
    }
    free(k->index_written);
    k->index_written = kf_strdup(text);
    index_write *x = g_new0(index_write, 1);
    x->anchor = kf_anchor_hold(k->anchor);
    x->path = index_path(k);
    x->text = text;
    x->done = done;
    x->user = user;
    g_ptr_array_add(k->index_writes, x);
    kf_worker_run(k->env.worker, index_work, index_done, x);
}

static void index_rang(void *user) {
    kf_keeper *k = user;
    k->index_timer = 0;
    index_send(k, NULL, NULL);
}

void kf_keeper_index_dirty(kf_keeper *k) {
    k->index_dirty = true;
    if (k->index_writes->len || k->index_timer) return;
    int64_t since =
        kf_boot_ms() - k->index_at; /* the first change at once, a flood of them together */
    k->index_timer = kf_loop_after(k->env.loop, since < 50 ? 50 - since : 0, index_rang, k);
}

void kf_keeper_index_then(kf_keeper *k, kf_keeper_done done, void *user) {
    kf_loop_cancel(k->env.loop, k->index_timer);
    k->index_timer = 0;
    index_send(k, done, user);
}

void kf_keeper_index_flush(kf_keeper *k) {
    kf_loop_cancel(k->env.loop, k->index_timer);
    k->index_timer = 0;
    if (k->index_dirty)
        index_send(k, NULL, NULL); /* the worker finishes what it has before it ends */
    for (guint i = 0; i < k->index_writes->len; i++) { /* nobody is left to hear of it then */
        index_write *x = g_ptr_array_index(k->index_writes, i);
        kf_keeper_answer_done(k, KF_TAKE(x->done), x->user, NULL);
    }
}

void kf_keeper_index_read(kf_keeper *k) {
    KF_AUTO_CHARS path = index_path(k);
    KF_AUTO(kf_secret) text = NULL;
    kf_profile_row *rows = NULL;
    size_t n = 0;
    kf_err err;
    bool read = kf_file_read(path, KF_PROFILE_INDEX_MAX, &text, &err);
    k->index_unread = !read && errno && errno != ENOENT;
    if (!read) {
        if (k->index_unread)
            kf_log(KF_LOG_WARN, "%s; it is not written until it can be read", err.what);
        return;
    }
    if (!kf_profile_index_parse(kf_secret_peek(text), kf_secret_len(text), &rows, &n, &err)) {
        k->index_newer = err.code == KF_ERR_STORE_NEWER;
        kf_log(KF_LOG_WARN, "%s: %s; it %s", path, err.what,
               k->index_newer ? "stays as it is" : "will be written again");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        kf_entry *e = g_hash_table_lookup(k->by_id, rows[i].id);
        if (e) { /* read late */
            if (!e->loaded && !e->hint && kf_str_eq(e->prof.client_id, rows[i].client_id))
                kf_entry_knows(e, &rows[i]);
            continue;
        }
        kf_profile_row *r = g_new(kf_profile_row, 1);
        *r = rows[i];
        g_hash_table_replace(k->hints, r->id, r);
    }
    free(rows);
}
