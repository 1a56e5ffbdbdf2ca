/* A secret store (io/store.h) that all agents share. It is a vault, which is durable when it says
 * so, or a keyring whose provider writes its file a little later. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include "io/store.h"

enum { SESSION, KEY, SILENT_MS = 5000 };

typedef enum op_kind { OP_LOAD, OP_SAVE, OP_DELETE, OP_RESERVE, OP_UNSEAL } op_kind;

struct sim_op {
    sim_op *next;
    proc *p;
    op_kind kind;
    int profile, what;
    kf_secret *blob;
    bool is_late; /* the deadline ends it */
    kf_store_done done;
    void *user;
};

static const char mark[] = "sealed for ";

static sim_item *item_of(const sim_op *o) { return &S.item[o->profile][o->what]; }

static void op_free(sim_op *o) {
    kf_secret_free(o->blob);
    free(o);
}

static void op_take(sim_op *o) {
    sim_op **at = &o->p->ops;
    while (*at != o) at = &(*at)->next;
    *at = o->next;
}

void sim_ops_end(proc *p) {
    kf_err err;
    kf_fail(&err, KF_ERR_SYS_CANCELLED, "the agent ends");
    for (sim_op *o; (o = p->ops);) {
        op_take(o);
        o->done(o->user, NULL, &err);
        op_free(o);
    }
}

/* ---- items ---- */

static void settle(sim_item *i) {
    if (S.now < i->settles_at) return;
    if (!kf_secret_eq(i->durable, i->now) || !i->durable != !i->now) {
        kf_secret_free(i->durable);
        i->durable = kf_secret_copy(i->now);
    }
}

static bool token_in(const kf_secret *blob, int *session, int *token) {
    const char *at = blob ? strstr(kf_secret_peek(blob), "\"refresh_token\":\"") : NULL;
    return at && sim_token_read(at + 17, session, token);
}

/* Once a store has gone back, what an agent could not save may come instead. */
static void accept_any(int profile) {
    for (int i = 0; i < S.n_sessions; i++)
        if (S.session[i].profile == profile) S.acceptable[profile][i] = true;
}

/* The store had gone, and has stays. */
static void forget_kept(int profile, const kf_secret *stays, const kf_secret *gone) {
    int session, token, s = -1, t = -1;
    (void)token_in(stays, &s, &t);
    if (s < 0) S.may_be_out[profile] = true;
    accept_any(profile);
    if (!token_in(gone, &session, &token) || (session == s && token <= t)) return;
    sim_story("store: p%d had token %d of session %d, and has lost it", profile, token, session);
    for (int i = session == s ? t + 1 : 0; i <= token; i++) {
        if (S.session[session].kept[i]) S.session[session].lost_at[i] = sim_true_ms();
        S.session[session].kept[i] = false;
    }
}

void sim_provider_dies(void) {
    for (int p = 0; p < PROFILES; p++) {
        sim_item *i = &S.item[p][SESSION];
        settle(i);
        if (S.now >= i->settles_at) continue;
        forget_kept(p, i->durable, i->now);
        kf_secret_free(i->now);
        i->now = kf_secret_copy(i->durable);
        i->settles_at = 0;
    }
}

static void note_kept(const kf_secret *blob) {
    int s, t;
    if (token_in(blob, &s, &t)) S.session[s].kept[t] = true;
}

static void item_set(sim_item *i, const kf_secret *blob) {
    settle(i);
    kf_secret_free(i->old[3]);
    memmove(&i->old[1], &i->old[0], 3 * sizeof i->old[0]);
    i->old[0] = i->now;
    i->now = kf_secret_copy(blob);
    i->settles_at = S.is_vault ? S.now : S.now + sim_between(20, 500);
    settle(i);
    if (blob) note_kept(blob);
}

void sim_put(int profile, int kind, const kf_secret *blob) {
    item_set(&S.item[profile][kind], blob);
    S.item[profile][kind].settles_at = 0;
    settle(&S.item[profile][kind]);
}

void sim_shelf_reset(void) {
    for (int p = 0; p < PROFILES; p++)
        for (int k = 0; k < 2; k++) {
            sim_item *i = &S.item[p][k];
            kf_secret_free(i->now);
            kf_secret_free(i->durable);
            kf_secret_free(i->other);
            for (int n = 0; n < 4; n++) kf_secret_free(i->old[n]);
            *i = (sim_item){0};
        }
}

/* STORE_OLD: another store is there for a while, with what was saved some time ago. What is
 * written then is gone with it. */
void sim_other_store(bool comes) {
    for (int p = 0; p < PROFILES; p++) {
        sim_item *i = &S.item[p][SESSION];
        if (comes) {
            const kf_secret *old = i->old[0] ? i->old[sim_pick(2)] : NULL;
            i->other = kf_secret_copy(old ? old : i->now);
            accept_any(p);
        } else {
            if (!kf_secret_eq(i->other, i->now)) forget_kept(p, i->now, i->other);
            i->other = kf_secret_free(i->other);
        }
    }
}

static kf_secret **place(sim_op *o) {
    sim_item *i = item_of(o);
    return S.store == STORE_OLD && o->what == SESSION ? &i->other : &i->now;
}

static void put(sim_op *o, const kf_secret *blob) {
    kf_secret **at = place(o);
    if (at == &item_of(o)->now) {
        item_set(item_of(o), blob);
        return;
    }
    kf_secret_free(*at);
    *at = kf_secret_copy(blob);
    if (blob) note_kept(blob);
}

/* ---- operations ---- */

static bool op_fail(sim_op *o, kf_err *err) {
    bool writes = o->kind == OP_SAVE || o->kind == OP_DELETE;
    if (S.store == STORE_SHUT) {
        kf_err_code code = S.is_vault ? KF_ERR_STORE_READ : KF_ERR_STORE_LOCKED;
        return kf_fail(err, code, "the store is shut");
    }
    if (S.store == STORE_FULL && (writes || o->kind == OP_RESERVE) && !sim_chance(150))
        return kf_fail(err, KF_ERR_STORE_WRITE, "the store is full");
    if (S.store == STORE_NO_SAVE && writes) {
        if (sim_chance(300)) put(o, o->blob); /* it took it, and says it did not */
        return kf_fail(err, KF_ERR_STORE_WRITE, "the store does not take it");
    }
    return true;
}

static bool op_do(sim_op *o, const kf_secret **out, kf_err *err) {
    const char *sealed = kf_secret_peek(o->blob);
    if (!op_fail(o, err)) return false;
    switch (o->kind) {
    case OP_LOAD:
        *out = *place(o);
        if (!*out) return kf_fail(err, KF_ERR_STORE_NOT_FOUND, "no such item");
        note_kept(*out);
        return true;
    case OP_SAVE:
        if (!sim_step("write the record")) return kf_fail(err, KF_ERR_STORE_WRITE, "EIO");
        put(o, o->blob);
        if (!sim_step("read the record back")) return kf_fail(err, KF_ERR_STORE_READ, "EIO");
        return true;
    case OP_DELETE:
        if (!sim_step("delete the record")) return kf_fail(err, KF_ERR_STORE_WRITE, "EIO");
        put(o, NULL);
        return true;
    case OP_RESERVE:
        return sim_step("reserve the place") || kf_fail(err, KF_ERR_STORE_WRITE, "ENOSPC");
    case OP_UNSEAL:
        if (strncmp(sealed, mark, sizeof mark - 1))
            return kf_fail(err, KF_ERR_STORE_DAMAGED, "not sealed");
        *out = kf_secret_new(sealed + sizeof mark - 1, kf_secret_len(o->blob) - sizeof mark + 1);
        return true;
    }
    return false;
}

static void op_run(void *user) {
    sim_op *o = user;
    kf_err err;
    const kf_secret *out = NULL;
    bool ok = true;
    if (o->is_late) {
        kf_fail(&err, KF_ERR_STORE_SILENT, "the store does not answer");
        if (o->kind == OP_SAVE && sim_chance(500)) put(o, o->blob);
        ok = false;
    } else {
        ok = op_do(o, &out, &err);
    }
    if (o->p->dying) { /* it does not hear of it */
        if (o->kind == OP_UNSEAL) kf_secret_free((kf_secret *)out);
        return;
    }
    op_take(o);
    if (o->kind == OP_UNSEAL) {
        o->done(o->user, out, ok ? NULL : &err);
        kf_secret_free((kf_secret *)out);
    } else {
        o->done(o->user, out, ok ? NULL : &err);
    }
    op_free(o);
}

static void op_start(kf_store *s, op_kind kind, const char *id, const char *what,
                     const kf_secret *blob, bool interactive, kf_store_done done, void *user) {
    sim_op *o = malloc(sizeof *o), **at = &s->p->ops;
    if (!o) abort();
    *o = (sim_op){.p = s->p,
                  .kind = kind,
                  .profile = sim_profile(id),
                  .what = strcmp(what, "session") ? KEY : SESSION,
                  .blob = kf_secret_copy(blob),
                  .done = done,
                  .user = user};
    while (*at) at = &(*at)->next;
    *at = o;
    int64_t ms = S.store == STORE_SLOW ? sim_between(100, 9000) : (int64_t)sim_pick(6);
    o->is_late = ms > SILENT_MS && !interactive;
    sim_after(s->p, o->is_late ? SILENT_MS : ms, op_run, o);
}

/* ---- io/store.h ---- */

void kf_store_load(kf_store *s, const char *id, const char *kind, bool interactive,
                   kf_store_done done, void *user) {
    op_start(s, OP_LOAD, id, kind, NULL, interactive, done, user);
}
void kf_store_save(kf_store *s, const char *id, const char *kind, const char *label,
                   const kf_secret *blob, bool interactive, kf_store_done done, void *user) {
    op_start(s, OP_SAVE, id, kind, blob, interactive, done, user);
}
void kf_store_delete(kf_store *s, const char *id, const char *kind, kf_store_done done,
                     void *user) {
    op_start(s, OP_DELETE, id, kind, NULL, false, done, user);
}
void kf_store_reserve(kf_store *s, const char *id, const char *kind, size_t size, bool interactive,
                      kf_store_done done, void *user) {
    op_start(s, OP_RESERVE, id, kind, NULL, interactive, done, user);
}
void kf_store_list(kf_store *s, kf_store_list_done done, void *user) { abort(); }

kf_secret *kf_store_seal(kf_store *s, const char *id, const char *kind, const kf_secret *blob,
                         kf_err *err) {
    size_t n = kf_secret_len(blob);
    kf_secret *out = kf_secret_zero(sizeof mark - 1 + n);
    memcpy(kf_secret_edit(out), mark, sizeof mark - 1);
    memcpy(kf_secret_edit(out) + sizeof mark - 1, kf_secret_peek(blob), n);
    return out;
}
void kf_store_unseal(kf_store *s, const char *id, const char *kind, const kf_secret *sealed,
                     kf_store_done done, void *user) {
    op_start(s, OP_UNSEAL, id, kind, sealed, false, done, user);
}
kf_store_state kf_store_get_state(const kf_store *s) {
    return S.store == STORE_SHUT && !S.is_vault ? KF_STORE_LOCKED : KF_STORE_OK;
}
const char *kf_store_kind(const kf_store *s) { return S.is_vault ? "vault" : "secret-service"; }

/* ---- io/conf.h ---- */

const char *kf_conf_get(const kf_conf *c, const char *key) { return NULL; }
size_t kf_conf_profiles(const kf_conf *c, const kf_conf_profile **out) {
    *out = c->profile;
    return c->n;
}
