/* The agent's store: which one keyfob.conf or `auto` chooses, and opening it at the first need.
 * settings_file.c reads and changes keyfob.conf. */
#include "agent/settings.h"

#include "keeper/keeper.h"
#include "auth/session.h"
#include "base/log.h"
#include "base/str.h"
#include "wire/msg.h"
#include "wire/passphrase.h"

static const char *env(const char *name) {
    const char *v = getenv(name);
    return v && *v ? v : NULL;
}

/* On the worker. */
static int64_t blob_generation(const char *kind, const kf_secret *blob) {
    kf_err e;
    if (strcmp(kind, "session")) return 0;
    KF_AUTO(kf_session) s = kf_session_from_blob(blob, &e);
    return s ? s->generation : e.code == KF_ERR_STORE_NEWER ? -1 : 0;
}

/* In a program that people use, nothing may make a vault that costs nothing to guess. */
static bool is_test_of_cheap_guesses(void) {
#ifdef KF_TEST_BUILD
    return kf_str_eq(env("KEYFOB_TEST_KDF"), "min");
#else
    return false;
#endif
}

kf_store *kf_settings_make_store(kf_agent *a, const char *kind, kf_err *err) {
    if (!strcmp(kind, "memory")) return kf_store_memory_new(a->loop);
    if (!strcmp(kind, "secret-service")) return kf_store_keyring_new(a->loop, blob_generation);
    if (!strcmp(kind, "vault")) {
        KF_AUTO_CHARS dir = kf_strfmt("%s/vault", a->data_dir);
        kf_vault_opts o = {
            .dir = dir, .weak_kdf = is_test_of_cheap_guesses(), .generation = blob_generation};
        return kf_store_vault_new(a->loop, a->worker, &o);
    }
    return kf_fail(err, KF_ERR_USAGE_CONFIG,
                   "store = %.40s: it must be auto, secret-service, vault or memory", kind),
           NULL;
}

static void use_store(kf_agent *a, kf_store *s) {
    a->store = s;
    kf_log(KF_LOG_INFO, "settings: store %s", kf_store_kind(s));
}

bool kf_settings_new_store(kf_agent *a, const char *kind, kf_err *err) {
    kf_store *s = kf_settings_make_store(a, kind, err);
    if (s) use_store(a, s);
    return s;
}

/* --- opening the store --------------------------------------------------------------------------
 */

typedef struct kf_opening {
    struct kf_opening *next;
    kf_settings_done done;
    void *user;
} opening;

/* Everybody who waited gets the same answer. */
static void settle(kf_agent *a, const kf_err *err) {
    opening *all = a->openings;
    a->openings = NULL;
    if (err && a->keeper) kf_keeper_look_again(a->keeper); /* it is known to be locked now */
    while (all) {
        opening *o = all;
        all = o->next;
        o->done(o->user, err);
        free(o);
    }
}

void kf_settings_fail_locked(const kf_agent *a, kf_err *err) {
    kf_keeper_fail_locked(a->store, err);
}

static void opened(void *user, const kf_secret *blob, const kf_err *err) {
    kf_agent *a = user;
    kf_err locked;
    if (!err && a->locked) { /* while its key was derived */
        kf_store_lock(a->store);
        kf_settings_fail_locked(a, &locked);
        err = &locked;
    }
    if (!err) kf_settings_settle_store(a); /* somebody chose the passphrase of a vault */
    if (!err) kf_keeper_reload(a->keeper);
    settle(a, err);
}

static bool is_shut(const kf_store *s) {
    kf_store_state st = kf_store_get_state(s);
    return !strcmp(kf_store_kind(s), "vault") &&
           (st == KF_STORE_LOCKED || st == KF_STORE_NEW || st == KF_STORE_UNKNOWN);
}

/* The store exists: a vault that a passphrase file can open is opened now. */
static void open_vault(kf_agent *a) {
    bool fresh = kf_store_get_state(a->store) == KF_STORE_NEW;
    kf_err e = {.code = KF_ERR_NONE};
    if (a->locked && !fresh) {
        kf_settings_fail_locked(a, &e);
        settle(a, &e);
        return;
    }
    if (!is_shut(a->store)) {
        settle(a, NULL);
        return;
    }
    KF_AUTO(kf_secret) pass = a->locked ? NULL : kf_passphrase_read(&e);
    if (pass) { /* of any length: it was chosen before, and doctor tells of a short one */
        kf_store_unlock(a->store, pass, fresh, opened, a);
        return;
    }
    if (e.code == KF_ERR_NONE && fresh)
        kf_fail(&e, KF_ERR_STORE_VAULT_NEW, "there is no vault yet");
    else if (e.code == KF_ERR_NONE) kf_fail(&e, KF_ERR_STORE_VAULT_LOCKED, "the vault is locked");
    settle(a, &e);
}

/* An agent that was faster has decided for both. */
static bool set_picked(kf_conf *c, void *user, kf_err *err) {
    if (!kf_conf_get(c, "store_picked")) kf_conf_set(c, "store_picked", user);
    return true;
}

static void picked_saved(void *user, const kf_err *err) {
    if (err) kf_log(KF_LOG_WARN, "settings: the picked store was not remembered: %s", err->what);
    free(user);
}

/* What auto took counts from the first record on: until then a call that stored nothing, from cron
 * before there is a bus, has settled nothing. */
void kf_settings_settle_store(kf_agent *a) {
    if (!a->store || !kf_str_eq(a->store_choice, "auto") || a->store_settled) return;
    a->store_settled = true;
    kf_settings_change(a, set_picked, picked_saved, kf_strdup(kf_store_kind(a->store)));
}

/* A session bus came, and nothing is in the vault that was taken without one. */
static bool may_pick_again(const kf_agent *a) {
    return a->bus_came && a->store && kf_str_eq(a->store_choice, "auto") && !a->store_settled &&
           kf_store_get_state(a->store) == KF_STORE_NEW;
}

static void picked(void *user, kf_store *keyring, const char *why) {
    kf_agent *a = user;
    kf_err e;
    const char *kind = keyring ? "secret-service" : "vault";
    if (!a->openings) { /* the agent ends */
        kf_store_free(keyring);
        return;
    }
    const char *already = kf_settings(a, NULL) ? kf_conf_get(a->conf, "store_picked") : NULL;
    free(a->store_why);
    a->store_why = kf_strdup(already ? "picked by another agent" : why);
    if (keyring && already && strcmp(already, kind)) keyring = kf_store_free(keyring);
    if (keyring) use_store(a, keyring);
    else if (!kf_settings_new_store(a, already ? already : kind, &e)) {
        settle(a, &e);
        return;
    }
    a->store_settled = already;
    open_vault(a);
}

static void open_chosen(kf_agent *a) {
    kf_err e;
    if (!kf_settings(a, &e)) {
        settle(a, &e);
        return;
    }
    const char *choice = env("KEYFOB_STORE") ? env("KEYFOB_STORE") : kf_conf_get(a->conf, "store");
    if (!choice) choice = "auto";
    free(a->store_choice);
    a->store_choice = kf_strdup(choice);
    const char *kind = choice;
    if (!strcmp(choice, "auto") && (kind = kf_conf_get(a->conf, "store_picked"))) {
        free(a->store_why);
        a->store_why = kf_strfmt("picked when the first secret was stored");
        a->store_settled = true;
    }
    if (!kind) kf_store_pick(a->loop, blob_generation, picked, a);
    else if (kf_settings_new_store(a, kind, &e)) open_vault(a);
    else settle(a, &e);
}

void kf_settings_store(kf_agent *a, kf_settings_done done, void *user) {
    opening *o = malloc(sizeof *o), **at = &a->openings;
    if (!o) abort();
    *o = (opening){NULL, done, user};
    while (*at) at = &(*at)->next;
    *at = o;
    if (a->openings != o) return; /* under way: deriving a key once is dear enough */
    if (may_pick_again(a)) {
        kf_log(KF_LOG_INFO, "settings: there is a session bus now; the store is picked again");
        a->store = kf_store_free(a->store); /* new: it has answered every call already */
    }
    a->bus_came = false;
    if (a->store) open_vault(a);
    else open_chosen(a);
}

void kf_settings_end(kf_agent *a) {
    kf_err e;
    kf_fail(&e, KF_ERR_WIRE_CLOSED, "the agent ends");
    settle(a, &e);
}

static const char *choice_of(const kf_agent *a) {
    const char *choice = a->store_choice       ? a->store_choice
                         : env("KEYFOB_STORE") ? env("KEYFOB_STORE")
                         : a->conf             ? kf_conf_get(a->conf, "store")
                                               : NULL;
    return choice ? choice : "auto";
}

bool kf_settings_is_memory(const kf_agent *a) { return !strcmp(choice_of(a), "memory"); }

kf_json *kf_settings_store_json(const kf_agent *a) {
    kf_json *j = kf_json_obj();
    const char *choice = choice_of(a);
    const char *kind = a->store                 ? kf_store_kind(a->store)
                       : strcmp(choice, "auto") ? choice
                       : a->conf                ? kf_conf_get(a->conf, "store_picked")
                                                : NULL;
    kf_json_set_str(j, "kind", kind ? kind : "");
    kf_json_set_str(j, "state",
                    a->store                    ? kf_store_state_name(kf_store_get_state(a->store))
                    : !strcmp(choice, "memory") ? "ok"
                                                : "unknown");
    kf_json_set_str(j, "choice", choice);
    kf_json_set_str(j, "why", a->store_why ? a->store_why : "");
    if (a->locked) kf_json_set_bool(j, "locked", true);
    if (a->store && !strcmp(kf_store_kind(a->store), "vault"))
        kf_json_set_str(j, "note", kf_store_vault_note(a->store));
    return j;
}
