/* store and vault: where secrets are, moving them, the vault's passphrase. */
#include "ui/cli/cli.h"

#include "base/str.h"
#include "ui/common/text.h"
#include "wire/passphrase.h"

/* UNLOCK: a person may type into the keyring's prompt for 5 minutes. */
enum { CALL_MS = 60000, MOVE_MS = 30 * 60 * 1000, PASSPHRASE_MAX = 1024 };

static kf_json *status(kf_cli *c, kf_err *err) {
    return kf_cli_call(c, "StoreStatus", NULL, CALL_MS, err);
}

int kf_cmd_store_status(kf_cli *c, const kf_args *a) {
    kf_err e;
    KF_AUTO(kf_json) r = status(c, &e);
    if (!r) return kf_cli_fail(c, &e);
    const kf_json *s = kf_json_get(r, "store");
    int64_t strangers = kf_json_int_or(r, "strangers", 0);
    const char *from = kf_json_str(r, "moved_from");
    if (c->json) {
        kf_json *j = kf_json_copy(r);
        kf_json_set_str(j, "schema", "keyfob.store/1");
        return kf_cli_print(j);
    }
    KF_AUTO_CHARS why = kf_text_safe(kf_json_str(s, "why"));
    printf("Store     %s, %s%s%s\n", kf_json_str_or(s, "kind", ""), kf_json_str_or(s, "state", ""),
           *why ? ": " : "", why);
    if (kf_json_str(r, "path")) printf("Folder    %s\n", kf_json_str(r, "path"));
    printf("Sessions  %lld\nAPI keys  %lld\n", (long long)kf_json_int_or(r, "sessions", 0),
           (long long)kf_json_int_or(r, "api_keys", 0));
    if (kf_json_str(s, "note")) {
        KF_AUTO_CHARS note = kf_text_safe(kf_json_str(s, "note"));
        printf("Note      %s\n", note);
    }
    if (strangers)
        printf("Others    %lld, of profiles that are not in keyfob.conf\n", (long long)strangers);
    if (from)
        printf("Not done  the move from %s: keyfob store move --to %s\n", from,
               kf_json_str_or(s, "kind", ""));
    return kf_cli_flush();
}

/* --- passphrases
 * ----------------------------------------------------------------------------------- */

/* Twice the same, not empty. NULL: err. */
static kf_secret *ask_new(kf_cli *c, kf_err *err) {
    for (int tries = 0; tries < 3; tries++) {
        KF_AUTO(kf_secret) one = kf_ask("New passphrase of the vault", true, err);
        if (!one) return NULL;
        KF_AUTO(kf_secret) two = kf_ask("The same again", true, err);
        if (!two) return NULL;
        if (kf_secret_len(one) && kf_secret_eq(one, two)) return KF_TAKE(one);
        kf_cli_note(c, kf_secret_len(one) ? "the two are not the same"
                                          : "an empty passphrase protects nothing");
    }
    kf_fail(err, KF_ERR_USAGE_BAD_ANSWER, "three times not the same");
    return NULL;
}

/* The lines of stdin, n of them. False: err. */
static bool read_lines(kf_secret *lines[], size_t n, kf_err *err) {
    KF_AUTO(kf_secret) all = kf_read_stdin(n * (PASSPHRASE_MAX + 1), err);
    if (!all) return false;
    const char *p = kf_secret_peek(all);
    for (size_t i = 0; i < n; i++) {
        size_t line = i + 1 < n ? strcspn(p, "\n") : strlen(p), len = line;
        bool whole = i + 1 == n || p[line] == '\n';
        if (i + 1 < n && len && p[len - 1] == '\r') len--;
        if (!len || len > PASSPHRASE_MAX || !whole || memchr(p, '\n', len)) {
            for (size_t k = 0; k < i; k++) lines[k] = kf_secret_free(lines[k]);
            return kf_fail(err, KF_ERR_USAGE_BAD,
                           "stdin must have %zu line%s of 1 to %d characters", n, n > 1 ? "s" : "",
                           PASSPHRASE_MAX);
        }
        lines[i] = kf_secret_new(p, len);
        p += line + whole;
    }
    return true;
}

int kf_cmd_vault_passphrase(kf_cli *c, const kf_args *a) {
    kf_err e;
    kf_secret *lines[2] = {NULL, NULL};
    bool ok = true;
    if (a->opt[0]) ok = read_lines(lines, 2, &e);
    else if (!kf_can_ask(c))
        ok = kf_fail(&e, KF_ERR_USAGE_NO_INPUT,
                     "give the old and the new passphrase: --passphrase-stdin");
    else
        ok = (lines[0] = kf_ask("Passphrase of the vault now", true, &e)) &&
             (lines[1] = ask_new(c, &e));
    KF_AUTO(kf_json) r = NULL;
    if (ok) {
        kf_json *p = kf_json_obj();
        kf_json_set_secret(p, "old", lines[0]);
        kf_json_set_secret(p, "new", lines[1]);
        if (a->opt[1]) kf_json_set_bool(p, "weak", true);
        r = (c->client = c->client ? c->client : kf_client_open(0, &e))
                ? kf_client_call(c->client, "ChangePassphrase", p, CALL_MS, &e)
                : (kf_json_free(p), NULL);
    }
    kf_secret_free(lines[0]);
    kf_secret_free(lines[1]);
    if (!r) return kf_cli_fail(c, &e);
    if (!c->json) kf_cli_note(c, "the passphrase is changed");
    if (kf_json_bool(r, "file", false))
        kf_cli_note(c, "the passphrase file (KEYFOB_PASSPHRASE_FILE) still has the old one: change "
                       "it too, or the next agent cannot open the vault");
    return 0;
}

/* --- moving
 * ---------------------------------------------------------------------------------------- */

/* Of the vault that secrets go into; the agent asks by failing. NULL: err. */
static kf_secret *target_passphrase(kf_cli *c, const kf_args *a, bool fresh, kf_err *err) {
    kf_secret *line = NULL;
    if (a->opt[1]) return read_lines(&line, 1, err) ? line : NULL;
    if (!kf_can_ask(c))
        return kf_fail(err, KF_ERR_USAGE_NO_INPUT,
                       "the vault needs its passphrase: --passphrase-stdin"),
               NULL;
    if (fresh)
        kf_cli_note(c, "choose the passphrase of the vault (nothing can be read without it)");
    return fresh ? ask_new(c, err) : kf_ask("Passphrase of the vault", true, err);
}

static kf_json *move(kf_cli *c, const kf_args *a, const kf_secret *pass, bool create, kf_err *err) {
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "to", a->opt[0]);
    if (a->opt[2]) kf_json_set_bool(p, "weak", true);
    kf_json_set_bool(p, "interactive", kf_can_ask(c));
    kf_json_set_secret(p, "passphrase", pass);
    if (create) kf_json_set_bool(p, "create", true);
    return kf_client_call(c->client, "MoveStore", p, MOVE_MS, err);
}

int kf_cmd_store_move(kf_cli *c, const kf_args *a) {
    kf_err e;
    const char *to = a->opt[0];
    if (!kf_str_eq(to, "vault") && !kf_str_eq(to, "secret-service"))
        return kf_cli_usage(c, "--to vault or --to secret-service");
    KF_AUTO(kf_json)
    now = status(c, &e); /* opens the present store, with its passphrase if need be */
    if (!now && (e.code == KF_ERR_STORE_LOCKED || e.code == KF_ERR_STORE_DENIED))
        kf_hint(&e, "Unlock it in a desktop session first. "
                    "To begin with an empty vault: keyfob config set store vault");
    if (!now) return kf_cli_fail(c, &e);
    KF_AUTO(kf_json) r = move(c, a, NULL, false, &e);
    bool fresh = !r && e.code == KF_ERR_STORE_VAULT_NEW;
    if (!r && (fresh || e.code == KF_ERR_STORE_VAULT_LOCKED)) {
        KF_AUTO(kf_secret) pass = target_passphrase(c, a, fresh, &e);
        if (pass) r = move(c, a, pass, fresh, &e);
    }
    if (!r) return kf_cli_fail(c, &e);
    long long moved = (long long)kf_json_int_or(r, "moved", 0),
              left = (long long)kf_json_int_or(r, "left", 0);
    const char *from = kf_json_str_or(r, "from", "");
    if (c->json) {
        kf_json *j = kf_json_copy(r);
        kf_json_set_str(j, "schema", "keyfob.store-move/1");
        return kf_cli_print(j);
    }
    if (!strcmp(from, to)) printf("Secrets are in %s already\n", to);
    else printf("Moved %lld secret%s from %s to %s\n", moved, moved == 1 ? "" : "s", from, to);
    if (left)
        kf_cli_note(c,
                    "%lld of them are still in %s too; ask again later: keyfob store move --to %s",
                    left, from, to);
    return kf_cli_flush();
}

/* --- locking
 * --------------------------------------------------------------------------------------- */

static int print_store(kf_cli *c, const kf_json *store) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "schema", "keyfob.lock/1");
    kf_json_set(j, "store", kf_json_copy(store));
    if (c->json) return kf_cli_print(j);
    kf_json_free(j);
    return 0;
}

int kf_cmd_lock(kf_cli *c, const kf_args *a) {
    kf_err e;
    c->client = kf_client_open(KF_CLIENT_NO_START, &e);
    if (!c->client && e.code == KF_ERR_WIRE_NO_AGENT)
        return kf_cli_note(c, "no agent is running: nothing is open"), print_store(c, NULL);
    KF_AUTO(kf_json) r = c->client ? kf_client_call(c->client, "Lock", NULL, CALL_MS, &e) : NULL;
    if (!r) return kf_cli_fail(c, &e);
    const kf_json *store = kf_json_get(r, "store");
    const char *kind = kf_json_str_or(store, "kind", "");
    const char *what = !strcmp(kind, "vault") ? "keyfob and its vault are" : "keyfob is";
    kf_cli_note(c, "%s locked. Unlock with: keyfob unlock", what);
    if (!strcmp(kind, "secret-service")) kf_cli_note(c, "the system keyring stays as it is");
    return print_store(c, store);
}

int kf_cmd_unlock(kf_cli *c, const kf_args *a) {
    kf_err e;
    kf_secret *pass = NULL;
    if (a->opt[0] && !read_lines(&pass, 1, &e)) return kf_cli_fail(c, &e);
    /* a vault that keyfob lock has locked is opened by this command alone */
    if (!pass && !(pass = kf_passphrase_read(&e)) && e.code != KF_ERR_NONE)
        return kf_cli_fail(c, &e);
    kf_json *p = kf_json_obj();
    kf_json_set_secret(p, "passphrase", pass);
    c->weak = a->opt[1];
    if (c->weak && pass) { /* it may make the vault: nobody can be asked whether */
        kf_json_set_bool(p, "create", true);
        kf_json_set_bool(p, "weak", true);
    }
    kf_secret_free(pass);
    c->client = kf_client_open(0, NULL);
    const kf_json *store = c->client ? kf_json_get(kf_client_hello(c->client), "store") : NULL;
    if (kf_str_eq(kf_json_str(store, "kind"), "secret-service") &&
        !kf_str_eq(kf_json_str(store, "state"), "ok"))
        kf_cli_note(c, "if your keyring program shows a dialog, answer it there");
    KF_AUTO(kf_json) r = kf_cli_call(c, "Unlock", p, KF_UNLOCK_MS, &e);
    if (!r) return kf_cli_fail(c, &e);
    kf_cli_tell_store(c, kf_json_get(r, "store"));
    kf_cli_note(c, "unlocked");
    return print_store(c, kf_json_get(r, "store"));
}
