#include "agent/keeper_impl.h"

#include <errno.h>
#include <string.h>
#include "agent/part.h"
#include "agent/settings.h"
#include "io/files.h"
#include "wire/msg.h"

static const char *const state_names[] = {"needs_sign_in", "signed_in", "renewing", "expiring",
                                          "expired",       "offline",   "locked",   "unsaved",
                                          "stale",         "error"};

const char *kf_state_name(kf_state s) {
    return (size_t)s < KF_LEN(state_names) ? state_names[s] : "error";
}

static kf_state state_from_name(const char *name) {
    for (size_t i = 0; i < KF_LEN(state_names); i++)
        if (kf_str_eq(name, state_names[i])) return (kf_state)i;
    return KF_STATE_NEEDS_SIGN_IN;
}

/* ---- the state ---- */

/* Not read from the store yet: what an earlier agent knew. */
static kf_state hinted_state(const kf_entry *e) {
    kf_state s = e->has_hint ? state_from_name(e->hint.state) : KF_STATE_NEEDS_SIGN_IN;
    if (s == KF_STATE_NEEDS_SIGN_IN || s == KF_STATE_STALE || s == KF_STATE_ERROR) return s;
    return e->hint.expires_at > kf_unix_s() ? KF_STATE_SIGNED_IN : KF_STATE_EXPIRED;
}

/* Of a session that is in the store, and left memory with the others. */
static bool has_hinted_session(const kf_entry *e) {
    return !e->session && !e->loaded && e->has_hint && hinted_state(e) != KF_STATE_NEEDS_SIGN_IN;
}

/* As if the agent was open. */
static kf_state open_state(const kf_entry *e) {
    if (e->unsaved) return KF_STATE_UNSAVED;
    if (e->trouble.state != KF_STATE_SIGNED_IN) return e->trouble.state;
    if (!e->session) return e->loaded ? KF_STATE_NEEDS_SIGN_IN : hinted_state(e);
    int64_t left = kf_entry_left_ms(e);
    if (left <= 0) return KF_STATE_EXPIRED;
    if (left > kf_refresh_lead_ms(e->session->life_s * 1000)) return KF_STATE_SIGNED_IN;
    int64_t due = kf_entry_renew_due(e), now = kf_boot_ms();
    return due >= 0 && due < now + left ? KF_STATE_SIGNED_IN : KF_STATE_EXPIRING;
}

static kf_state resting_state(const kf_entry *e) {
    bool usable = e->session && e->trouble.state != KF_STATE_NEEDS_SIGN_IN;
    bool shut = e->k->a->locked && !e->unsaved && (usable || has_hinted_session(e));
    return shut ? KF_STATE_LOCKED : open_state(e);
}

kf_state kf_entry_state(const kf_entry *e) {
    if (e->work && e->work->kind == KF_WORK_RENEW && e->work->has_slot) return KF_STATE_RENEWING;
    return resting_state(e);
}

static bool is_over(kf_state s) { return s == KF_STATE_NEEDS_SIGN_IN || s == KF_STATE_STALE; }

/* Not for what a person did: signed out, here or elsewhere, or never signed in. */
static void tell_person(kf_entry *e, kf_state s) {
    kf_err_code code = kf_entry_why(e)->code;
    if (e->told || !is_over(s) || is_over(e->shown) || s != e->trouble.state || !code ||
        code == KF_ERR_WORKOS_NOT_SIGNED_IN)
        return;
    e->told = true;
    if (e->k->on_person)
        e->k->on_person(e->k->on_person_user, e->prof.id, e->prof.name, kf_err_name(code));
}

const kf_err *kf_entry_why(const kf_entry *e) {
    static const kf_err none;
    return e->trouble.err ? e->trouble.err : &none;
}

/* The one place where a state is set, so the one that logs it. */
void kf_entry_changed(kf_entry *e) {
    kf_state s = kf_entry_state(e);
    if (s != e->shown) {
        const char *why = s == e->trouble.state && s != KF_STATE_SIGNED_IN
                              ? kf_err_name(kf_entry_why(e)->code)
                              : "";
        kf_log(KF_LOG_INFO, "profile %s: %s -> %s%s%s", e->prof.name, kf_state_name(e->shown),
               kf_state_name(s), *why ? ", " : "", why);
        tell_person(e, s);
        e->shown = s;
    }
    kf_keeper_index_dirty(e->k);
    if (e->k->on_change) e->k->on_change(e->k->on_change_user, e->prof.id, false);
}

void kf_entry_trouble(kf_entry *e, kf_state s, const kf_err *err) {
    e->trouble.state = s;
    if (err) {
        if (!e->trouble.err) e->trouble.err = g_new(kf_err, 1);
        *e->trouble.err = *err;
    } else {
        g_free(e->trouble.err);
        e->trouble.err = NULL;
    }
    if (s == KF_STATE_SIGNED_IN) {
        e->retry_at = e->not_before = 0;
        e->free_retry = false;
        e->fails = 0;
    }
    kf_entry_changed(e);
}

/* ---- what must not be interrupted ---- */

bool kf_keeper_busy(const kf_keeper *k) {
    GHashTableIter it;
    void *p;
    g_hash_table_iter_init(&it, k->by_id);
    while (g_hash_table_iter_next(&it, NULL, &p)) {
        const kf_entry *e = p;
        bool at_risk = e->unsaved && !e->second;
        if (at_risk || (e->work && e->work->kind != KF_WORK_LOAD) || e->queue.length) return true;
    }
    return k->side->len > 0;
}

bool kf_keeper_has_work(const kf_keeper *k) {
    bool fleeting =
        k->a->store && kf_str_eq(kf_store_kind(k->a->store), "memory"); /* ends with us */
    GHashTableIter it;
    void *p;
    g_hash_table_iter_init(&it, k->by_id);
    while (g_hash_table_iter_next(&it, NULL, &p)) {
        const kf_entry *e = p;
        if (kf_entry_renew_due(e) >= 0) return true;
        if (fleeting && (e->session || has_hinted_session(e))) return true;
    }
    return kf_keeper_busy(k);
}

/* ---- the interface's Profile ---- */

static void set_text(kf_json *j, const char *key, const char *s) {
    if (s && *s) kf_json_set_str(j, key, s);
}

static void set_time(kf_json *j, const char *key, int64_t t) {
    if (t) kf_json_set_int(j, key, t);
}

static void json_token(kf_json *j, const kf_session *s) {
    size_t n = kf_secret_len(s->access_token);
    const char *t = kf_secret_peek(s->access_token);
    char part[9];
    kf_json_set_int(j, "token_bytes", (int64_t)n);
    if (n < 64) return; /* too short to show ends of */
    memcpy(part, t, 8);
    part[8] = 0;
    kf_json_set_str(j, "token_head", part);
    memcpy(part, t + n - 4, 5);
    kf_json_set_str(j, "token_tail", part);
    kf_wipe(part, sizeof part);
}

static void json_session(kf_json *j, const kf_entry *e) {
    const kf_session *s = e->session;
    char name[256], email[321];
    kf_session_user_name(s, name, sizeof name);
    (void)kf_str_cut(email, sizeof email, kf_session_user_email(s));
    set_text(j, "user_id", kf_session_user_id(s));
    set_text(j, "user_email", email);
    set_text(j, "user_name", name);
    set_text(j, "org_id", s->organization_id);
    set_text(j, "org_name", s->organization_name);
    set_text(j, "role", s->claims.role);
    kf_json_set_int(j, "permissions", (int64_t)s->claims.n_permissions);
    set_text(j, "session_id", s->claims.sid);
    set_text(j, "method", s->authentication_method);
    set_text(j, "impersonator", s->impersonator_email);
    set_text(j, "impersonator_reason", s->impersonator_reason);
    set_time(j, "signed_in_at", s->signed_in_at);
    set_time(j, "renewed_at", s->renewed_at);
    set_time(j, "expires_at", s->exp);
    kf_json_set_int(j, "left_ms", kf_entry_left_ms(e));
    kf_json_set_int(j, "life_ms", s->life_s * 1000);
    kf_json_set_int(j, "skew_s", s->skew_s);
    json_token(j, s);
}

static bool is_default(const kf_entry *e) {
    const char *d = e->k->a->conf ? kf_conf_get(e->k->a->conf, "default") : NULL;
    return kf_str_eq(d, e->prof.name);
}

static void json_times(kf_json *j, const kf_entry *e) {
    int64_t now = kf_boot_ms();
    if (e->renewed_any) {
        kf_json_set_int(j, "renewed_ms", e->renewed_ms);
        kf_json_set_bool(j, "renewed_ok", e->renewed_ok);
    }
    int64_t at = e->unsaved ? e->retry_at : kf_entry_renew_due(e);
    if (at <= 0) return;
    bool retry =
        e->unsaved || e->trouble.state == KF_STATE_OFFLINE || e->trouble.state == KF_STATE_LOCKED;
    kf_json_set_int(j, retry ? "retry_in_ms" : "renews_in_ms", at > now ? at - now : 0);
}

static void json_failure(kf_json *j, const kf_entry *e) {
    kf_err locked;
    const kf_err *why = e->trouble.state != KF_STATE_SIGNED_IN ? e->trouble.err : NULL;
    if (e->k->a->locked && kf_entry_state(e) == KF_STATE_LOCKED) {
        kf_settings_fail_locked(e->k->a, &locked);
        why = &locked;
    }
    if (why) kf_json_set(j, "failure", kf_msg_failure(why));
}

/* What the interface asks of every profile: all from keyfob.conf, whose reader bounds it. */
static kf_json *json_settings(const kf_entry *e) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "id", e->prof.id);
    kf_json_set_str(j, "name", e->prof.name);
    kf_json_set_bool(j, "default", is_default(e));
    kf_json_set_bool(j, "confidential", e->prof.confidential);
    kf_json_set_str(j, "client_id", e->prof.client_id);
    kf_json_set_str(j, "api_host", e->prof.api_host);
    kf_json_set_str(j, "environment", kf_profile_environment(e->prof.api_host, e->api_key));
    kf_json_set_str(j, "organization_id", e->prof.organization_id);
    kf_json_set_int(j, "redirect_port", e->prof.redirect_port);
    return j;
}

/* j owned. A record that is too large must not end the list of all profiles: it alone fails. */
static kf_json *bounded_record(const kf_entry *e, kf_json *j) {
    size_t n = kf_json_size(j);
    kf_err err;
    if (n <= KF_RECORD_MAX) return j;
    kf_json_free(j);
    kf_fail(&err, KF_ERR_WIRE_TOO_LONG, "what is known of %s has %zu bytes, %d are the most",
            e->prof.name, n, KF_RECORD_MAX);
    kf_log(KF_LOG_ERROR, "profile %s: %s", e->prof.name, err.what);
    j = json_settings(e);
    kf_json_set_str(j, "state", kf_state_name(KF_STATE_ERROR));
    kf_json_set(j, "failure", kf_msg_failure(&err));
    return j;
}

kf_json *kf_keeper_profile_json(kf_keeper *k, const char *profile) {
    kf_entry *e = kf_entry_find(k, profile);
    if (!e) return NULL;
    kf_json *j = json_settings(e);
    set_text(j, "label", e->prof.label);
    set_text(j, "git_host", e->prof.git_host);
    kf_json_set_str(j, "state", kf_state_name(kf_entry_state(e)));
    json_failure(j, e);
    if (e->session) json_session(j, e);
    else if (!e->loaded && e->has_hint) {
        set_time(j, "expires_at", e->hint.expires_at);
        set_text(j, "org_id", e->hint.organization_id);
    }
    json_times(j, e);
    return bounded_record(e, j);
}

/* ---- the index that clients read without an agent ---- */

static char *index_path(const kf_keeper *k) { return kf_strfmt("%s/profiles", k->a->state_dir); }

static bool fill_row(const kf_entry *e, kf_state state, kf_profile_row *r) {
    const kf_session *s = e->session;
    *r = (kf_profile_row){.is_default = is_default(e),
                          .has_git_host = e->prof.git_host && *e->prof.git_host};
    if (s) r->expires_at = s->exp;
    else if (!e->loaded && e->has_hint) r->expires_at = e->hint.expires_at;
    const char *org = s                           ? s->organization_id
                      : !e->loaded && e->has_hint ? e->hint.organization_id
                                                  : "";
    return kf_str_set(r->id, sizeof r->id, e->prof.id) &&
           kf_str_set(r->name, sizeof r->name, e->prof.name) &&
           kf_str_set(r->state, sizeof r->state, kf_state_name(state)) &&
           kf_str_set(r->organization_id, sizeof r->organization_id, org) &&
           kf_str_set(r->client_id, sizeof r->client_id, e->prof.client_id);
}

void kf_entry_knows(kf_entry *e, const kf_profile_row *row) {
    e->has_hint =
        kf_str_set(e->hint.state, sizeof e->hint.state, row->state) &&
        kf_str_set(e->hint.organization_id, sizeof e->hint.organization_id, row->organization_id);
    e->hint.expires_at = row->expires_at;
}

void kf_entry_hint(kf_entry *e) {
    kf_profile_row r;
    e->has_hint = false;
    if (fill_row(e, open_state(e), &r)) kf_entry_knows(e, &r);
}

static char *index_text(kf_keeper *k) {
    const kf_conf_profile *all = NULL;
    size_t n = k->a->conf ? kf_conf_profiles(k->a->conf, &all) : 0, used = 0;
    kf_profile_row *rows = g_new0(kf_profile_row, n + 1);
    for (size_t i = 0; i < n; i++) {
        kf_entry *e = g_hash_table_lookup(k->by_id, all[i].id);
        /* at rest: "renewing" would outlive a crash */
        if (e && fill_row(e, resting_state(e), &rows[used])) used++;
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
        k->index_busy--;
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
    bool may_write = k->a->conf && !k->index_unread && !k->index_newer;
    char *text = may_write ? index_text(k) : NULL; /* broken settings: the last index stands */
    if (!text || (kf_str_eq(text, k->index_written) && !k->index_busy)) {
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
    k->index_busy++;
    kf_worker_run(k->a->worker, index_work, index_done, x);
}

static void index_rang(void *user) {
    kf_keeper *k = user;
    k->index_timer = 0;
    index_send(k, NULL, NULL);
}

void kf_keeper_index_dirty(kf_keeper *k) {
    k->index_dirty = true;
    if (k->index_busy || k->index_timer) return;
    int64_t since =
        kf_boot_ms() - k->index_at; /* the first change at once, a flood of them together */
    k->index_timer = kf_loop_after(k->a->loop, since < 50 ? 50 - since : 0, index_rang, k);
}

void kf_keeper_index_then(kf_keeper *k, kf_keeper_done done, void *user) {
    kf_loop_cancel(k->a->loop, k->index_timer);
    k->index_timer = 0;
    index_send(k, done, user);
}

void kf_keeper_index_flush(kf_keeper *k) {
    kf_loop_cancel(k->a->loop, k->index_timer);
    k->index_timer = 0;
    if (k->index_dirty)
        index_send(k, NULL, NULL); /* the worker finishes what it has before it ends */
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
               k->index_newer ? "stays as it is" : "will be written anew");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        kf_entry *e = g_hash_table_lookup(k->by_id, rows[i].id);
        if (e) { /* read late */
            if (!e->loaded && !e->has_hint && kf_str_eq(e->prof.client_id, rows[i].client_id))
                kf_entry_knows(e, &rows[i]);
            continue;
        }
        kf_profile_row *r = g_new(kf_profile_row, 1);
        *r = rows[i];
        g_hash_table_replace(k->hints, r->id, r);
    }
    free(rows);
}
