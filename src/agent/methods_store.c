/* The store itself: what is in it, moving everything to another, the vault's passphrase.
 *
 * A move in the order that survives a crash at any point: the new store is opened and tried;
 * renewals are held; all items are copied and read back; keyfob.conf names the new store, and where
 * the rest still is; the new one is used; only then the old items go, each after another look; the
 * note in keyfob.conf goes last. Asked again, it goes on. */
#include "agent/methods.h"

#include <unistd.h>
#include "keeper/keeper.h"
#include "agent/settings.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/vault.h"
#include "wire/passphrase.h"

enum { REST_MS = 60 * 1000, STEP_MS = 20, RETIRE_MS = 10 * 1000 };
#define MOVED_FROM "store_moved_from"

typedef struct kf_move {
    kf_agent *a;
    kf_call *call; /* a move goes on without its client */
    char to[16], from[16];
    kf_store *other; /* the one that is not a->store: first the new, later the old */
    kf_loop_id timer;
    int64_t since;
    bool held;
    size_t copied;
} kf_move;

/* --- an old store, kept until its last reader has ended
 * ------------------------------- */

typedef struct kf_retired {
    struct kf_retired *next;
    kf_agent *a;
    kf_store *store;
    kf_loop_id timer;
} kf_retired;

static void retired_over(void *user) {
    kf_retired *r = user, **p = &r->a->retired;
    while (*p != r) p = &(*p)->next;
    *p = r->next;
    kf_loop_cancel(r->a->loop, r->timer);
    kf_store_free(r->store);
    free(r);
}

static void retire(kf_agent *a, kf_store *s) {
    kf_retired *r = kf_new(kf_retired);
    *r = (kf_retired){.next = a->retired, .a = a, .store = s};
    kf_store_lock(s);
    r->timer = kf_loop_after(a->loop, RETIRE_MS, retired_over, r);
    a->retired = r;
}

/* --- the end of a move
 * ----------------------------------------------------------------------------- */

static void move_free(kf_move *m) {
    kf_agent *a = m->a;
    kf_loop_cancel(a->loop, m->timer);
    if (m->other) retire(a, m->other); /* not freed inside its own callback */
    if (m->held && a->keeper) kf_keeper_hold(a->keeper, false);
    a->move = NULL;
    free(m);
}

void kf_store_moves_drop(kf_agent *a) {
    if (a->move) {
        a->move->other = kf_store_free(a->move->other);
        kf_call_drop(a->move->call);
        move_free(a->move);
    }
    while (a->retired) retired_over(a->retired);
}

static void move_fail(kf_move *m, const kf_err *err) {
    kf_log(KF_LOG_WARN, "store: not moved to %s: %s", m->to, err->what);
    kf_call_fail(m->call, err);
    move_free(m);
}

static void move_done(kf_move *m, size_t left) {
    kf_json *j = kf_json_obj();
    kf_json_set_int(j, "moved", (int64_t)m->copied);
    kf_json_set_int(j, "left", (int64_t)left);
    kf_json_set_str(j, "from", m->from);
    kf_json_set(j, "store", kf_settings_store_json(m->a));
    kf_log(KF_LOG_INFO, "store: %zu items moved from %s to %s, %zu left", m->copied, m->from, m->to,
           left);
    kf_call_reply(m->call, j);
    move_free(m);
}

/* --- behind the switch
 * ----------------------------------------------------------------------------- */

static bool forget_old(kf_conf *c, void *user, kf_err *err) {
    const kf_move *m = user;
    if (kf_str_eq(kf_conf_get(c, MOVED_FROM), m->from)) kf_conf_set(c, MOVED_FROM, NULL);
    return true;
}

static void note_gone(void *user, const kf_err *err) {
    kf_move *m = user;
    if (err)
        kf_log(KF_LOG_WARN, "store: %s",
               err->what); /* the next move looks once more, and finds nothing */
    move_done(m, 0);
}

static void own_gone(void *user, const kf_secret *blob, const kf_err *err) {
    kf_move *m = user;
    if (err) kf_log(KF_LOG_WARN, "store: %s", err->what);
    kf_settings_change(m->a, forget_old, note_gone, m);
}

static void cleared(void *user, size_t done, size_t left, const kf_err *err) {
    kf_move *m = user;
    if (!m->copied) m->copied = done; /* a move that goes on */
    if (err) {
        move_fail(m, err);
        return;
    }
    /* a move begins only when every session is stored, so nothing is sealed with its key */
    if (left) move_done(m, left);
    else kf_store_delete(m->other, KF_STORE_OWN_ID, KF_STORE_SPARE_KEY, own_gone, m);
}

static void clear_old(kf_move *m) {
    kf_keeper_pass_items(m->a->keeper, m->other, m->a->store, true, cleared, m);
}

static void switched(void *user, const kf_err *err) {
    kf_move *m = user;
    kf_agent *a = m->a;
    if (err) {
        move_fail(m, err);
        return;
    }
    kf_store *old = a->store;
    a->store = m->other;
    m->other = old;
    m->held = false;
    free(a->store_choice);
    a->store_choice = kf_strdup(m->to);
    free(a->store_why);
    a->store_why = NULL;
    kf_keeper_hold(a->keeper, false);
    kf_keeper_reload(a->keeper);
    clear_old(m);
}

/* --- before it
 * ------------------------------------------------------------------------------------- */

static bool name_new(kf_conf *c, void *user, kf_err *err) {
    const kf_move *m = user;
    kf_conf_set(c, "store", m->to);
    kf_conf_set(c, "store_picked", NULL);
    kf_conf_set(c, MOVED_FROM, m->from);
    return true;
}

static void copied(void *user, size_t done, size_t left, const kf_err *err) {
    kf_move *m = user;
    m->copied = done;
    if (err) move_fail(m, err);
    else kf_settings_change(m->a, name_new, switched, m);
}

static void wait_for_rest(void *user) {
    kf_move *m = user;
    const char *unsaved;
    kf_err e;
    m->timer = 0;
    bool rest = kf_keeper_at_rest(m->a->keeper, &unsaved) && !m->a->saving;
    if (unsaved) {
        kf_fail(&e, KF_ERR_STORE_UNSAVED, "the session of %s is in memory alone", unsaved);
        move_fail(m, &e);
    } else if (rest) {
        kf_keeper_pass_items(m->a->keeper, m->a->store, m->other, false, copied, m);
    } else if (kf_boot_ms() - m->since > REST_MS) {
        kf_fail(&e, KF_ERR_WIRE_BUSY, "renewals have been under way for %d s", REST_MS / 1000);
        move_fail(m, &e);
    } else m->timer = kf_loop_after(m->a->loop, STEP_MS, wait_for_rest, m);
}

static void other_tried(void *user, const kf_secret *blob, const kf_err *err) {
    kf_move *m = user;
    if (err) {
        move_fail(m, err);
        return;
    }
    if (!strcmp(m->to, kf_store_kind(m->a->store))) { /* it was interrupted behind the switch */
        m->held = false;
        clear_old(m);
        return;
    }
    m->since = kf_boot_ms();
    kf_keeper_hold(m->a->keeper, true);
    wait_for_rest(m);
}

static void other_open(void *user, const kf_secret *blob, const kf_err *err) {
    kf_move *m = user;
    if (err) other_tried(user, blob, err);
    else kf_store_probe(m->other, kf_call_bool(m->call, "interactive", false), other_tried, m);
}

/* A vault that is not the present store: with the passphrase of the call, else of the file. */
static void open_vault(kf_move *m) {
    KF_AUTO(kf_secret) typed = kf_call_take_secret(m->call, "passphrase");
    bool fresh = kf_store_get_state(m->other) == KF_STORE_NEW,
         create = kf_call_bool(m->call, "create", false);
    kf_err e = {.code = KF_ERR_NONE};
    KF_AUTO(kf_secret) of_file = typed ? NULL : kf_passphrase_read(&e);
    const kf_secret *pass = typed ? typed : of_file;
    bool weak = kf_call_bool(m->call, "weak", false);
    if (pass && !kf_secret_len(pass)) kf_fail(&e, KF_ERR_USAGE_BAD, "the passphrase is empty");
    else if (pass && fresh && (create || !typed) && !weak && kf_vault_passphrase_is_short(pass))
        kf_vault_fail_short(&e);
    else if (pass && (!fresh || create || !typed)) {
        kf_store_unlock(m->other, pass, fresh, other_open, m);
        return;
    }
    if (e.code == KF_ERR_NONE)
        kf_fail(&e, fresh ? KF_ERR_STORE_VAULT_NEW : KF_ERR_STORE_VAULT_LOCKED,
                fresh ? "there is no vault yet" : "the vault is locked");
    move_fail(m, &e);
}

static bool may_move(const kf_agent *a, const char *to, const char *from, kf_err *err) {
    const char *env = getenv("KEYFOB_STORE"), *now = kf_store_kind(a->store);
    if (strcmp(to, "vault") && strcmp(to, "secret-service"))
        return kf_fail(err, KF_ERR_USAGE_BAD, "secrets can be moved to vault or secret-service");
    if (a->move) return kf_fail(err, KF_ERR_WIRE_BUSY, "a move is under way");
    if (env && *env && strcmp(env, to)) {
        kf_fail(err, KF_ERR_USAGE_BAD, "KEYFOB_STORE=%.40s decides here, whatever the settings say",
                env);
        return kf_hint(err, "Unset it, stop the agent (keyfob agent stop), and move then.");
    }
    if (from && !strcmp(to, from) && strcmp(to, now)) {
        kf_fail(err, KF_ERR_USAGE_BAD, "a move from %s to %s is not finished", from, now);
        return kf_hint(err, "Finish it first: keyfob store move --to %s", now);
    }
    return true;
}

void kf_method_move_store(kf_agent *a, kf_call *call) {
    const char *to = kf_call_str(call, "to", ""), *from = kf_conf_get(a->conf, MOVED_FROM),
               *now = kf_store_kind(a->store);
    kf_err e;
    if (!may_move(a, to, from, &e)) {
        kf_call_fail(call, &e);
        return;
    }
    bool there = !strcmp(to, now);
    kf_move *m = kf_new(kf_move);
    *m = (kf_move){.a = a, .call = call, .held = true};
    a->move = m;
    if (!kf_str_set(m->to, sizeof m->to, to) ||
        !kf_str_set(m->from, sizeof m->from, there && from ? from : now))
        abort();
    if (there && !from) {
        move_done(m, 0);
        return;
    }
    m->other = kf_settings_make_store(a, there ? from : to, &e);
    if (!m->other) move_fail(m, &e);
    else if (!strcmp(kf_store_kind(m->other), "vault")) open_vault(m);
    else other_open(m, NULL, NULL);
}

/* --- status
 * ---------------------------------------------------------------------------------------- */

static void listed(void *user, const kf_store_item *items, size_t n, const kf_err *err) {
    kf_call *call = user;
    kf_agent *a = kf_call_host(call);
    if (err) {
        kf_call_fail(call, err);
        return;
    }
    size_t sessions = 0, keys = 0, strangers = 0;
    for (size_t i = 0; i < n; i++) {
        sessions += !strcmp(items[i].kind, "session");
        keys += !strcmp(items[i].kind, "api-key");
        strangers += strcmp(items[i].kind, "probe") && !kf_conf_find(a->conf, items[i].id);
    }
    kf_json *j = kf_json_obj();
    kf_json_set(j, "store", kf_settings_store_json(a));
    kf_json_set_int(j, "sessions", (int64_t)sessions);
    kf_json_set_int(j, "api_keys", (int64_t)keys);
    kf_json_set_int(j, "strangers", (int64_t)strangers);
    if (!strcmp(kf_store_kind(a->store), "vault")) {
        KF_AUTO_CHARS dir = kf_strfmt("%s/vault", a->data_dir);
        kf_json_set_str(j, "path", dir);
    }
    kf_json_set_str(j, "moved_from", kf_conf_get(a->conf, MOVED_FROM));
    kf_call_reply(call, j);
}

void kf_method_store_status(kf_agent *a, kf_call *call) { kf_store_list(a->store, listed, call); }

/* --- the vault's passphrase
 * ------------------------------------------------------------------------ */

static void rewrapped(void *user, const kf_secret *blob, const kf_err *err) {
    kf_call *call = user;
    if (err) {
        kf_call_fail(call, err);
        return;
    }
    kf_log(KF_LOG_INFO, "store: the vault's passphrase was changed");
    kf_json *j = kf_json_obj();
    kf_json_set_bool(j, "file", kf_passphrase_has_file());
    kf_call_reply(call, j);
}

/* Open or locked: the old passphrase opens it in any case. */
static void store_there(void *user, const kf_err *err) {
    kf_call *call = user;
    kf_agent *a = kf_call_host(call);
    kf_err e = {.code = KF_ERR_NONE};
    KF_AUTO(kf_secret) before = kf_call_take_secret(call, "old");
    KF_AUTO(kf_secret) after = kf_call_take_secret(call, "new");
    bool weak = kf_call_bool(call, "weak", false);
    if (err && err->code != KF_ERR_STORE_VAULT_LOCKED) e = *err;
    else if (strcmp(kf_store_kind(a->store), "vault"))
        kf_fail(&e, KF_ERR_USAGE_BAD, "secrets are in %s, not in a vault", kf_store_kind(a->store));
    else if (!kf_secret_len(after))
        kf_fail(&e, KF_ERR_USAGE_BAD, "an empty passphrase protects nothing");
    else if (!weak && kf_vault_passphrase_is_short(after)) kf_vault_fail_short(&e);
    if (e.code != KF_ERR_NONE) kf_call_fail(call, &e);
    else kf_store_vault_rewrap(a->store, before, after, rewrapped, call);
}

void kf_method_change_passphrase(kf_agent *a, kf_call *call) {
    kf_settings_store(a, store_there, call);
}
