/* The agent's end for all commands: the call, the vault's passphrase, and which profile is meant.
 */
#include "ui/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "auth/profile.h"
#include "base/str.h"
#include "guard/path.h"
#include "ui/cli/dir.h"
#include "ui/cli/index.h"

static bool open_client(kf_cli *c, kf_err *err) {
    if (!c->client) c->client = kf_client_open(0, err);
    return c->client != NULL;
}

void kf_cli_tell_store(kf_cli *c, const kf_json *store) {
    const char *note = kf_json_str(store, "note");
    if (note && !c->told_store) kf_cli_note(c, "%s. Check the disk: keyfob doctor", note);
    c->told_store = c->told_store || note;
}

bool kf_cli_is_locked(const kf_err *e) {
    return e->code == KF_ERR_STORE_LOCKED || e->code == KF_ERR_STORE_VAULT_LOCKED ||
           e->code == KF_ERR_STORE_VAULT_NEW;
}

/* The dialog is the keyring program's own, so there is no question here. */
static bool unlock_keyring(kf_cli *c, kf_err *err) {
    kf_cli_note(c, "your keyring program asks you now whether keyfob may use its items");
    KF_AUTO(kf_json) r = kf_client_call(c->client, "Unlock", NULL, KF_UNLOCK_MS, err);
    return r != NULL;
}

bool kf_cli_unlock(kf_cli *c, const kf_err *why, kf_err *err) {
    bool fresh = why->code == KF_ERR_STORE_VAULT_NEW;
    if (kf_cli_is_locked(why) && open_client(c, NULL)) {
        kf_err e;
        if (kf_client_unlock(c->client, why, &e)) return true;
        if (e.code != why->code) return *err = e, false;
    }
    /* the passphrase is asked on /dev/tty, so stdin may be a key or a password */
    bool can_ask = !c->no_input && isatty(STDERR_FILENO);
    if (!kf_cli_is_locked(why) || !can_ask || !open_client(c, NULL)) {
        if (err) *err = *why;
        return false;
    }
    if (why->code == KF_ERR_STORE_LOCKED) return unlock_keyring(c, err);
    if (fresh)
        kf_cli_note(c, "secrets go into a sealed vault; choose its passphrase (nothing can be read "
                       "without it)");
    for (int tries = 0; tries < 3; tries++) {
        KF_AUTO(kf_secret)
        pass = kf_ask(fresh ? "New passphrase of the vault" : "Passphrase of the vault", true, err);
        if (!pass) return false;
        KF_AUTO(kf_secret)
        again = fresh ? kf_ask("The same again", true, err) : kf_secret_copy(pass);
        if (!again) return false;
        if (!kf_secret_len(pass) || !kf_secret_eq(pass, again)) {
            kf_cli_note(c, kf_secret_len(pass) ? "the two are not the same"
                                               : "an empty passphrase protects nothing");
            continue;
        }
        kf_json *p = kf_json_obj();
        kf_json_set_secret(p, "passphrase", pass);
        kf_json_set_bool(p, "create", fresh);
        if (c->weak) kf_json_set_bool(p, "weak", true);
        kf_err e;
        KF_AUTO(kf_json) r = kf_client_call(c->client, "Unlock", p, 60000, &e);
        kf_cli_tell_store(c, kf_json_get(r, "store"));
        if (r) return true;
        if (fresh && e.code == KF_ERR_USAGE_BAD) {
            kf_cli_note(c, "%s", e.what);
            kf_cli_note(c, "%s", e.hint);
            continue;
        }
        if (e.code != KF_ERR_STORE_BAD_PASSPHRASE) return *err = e, false;
        kf_cli_note(c, "that is not the passphrase");
    }
    return fresh ? kf_fail(err, KF_ERR_USAGE_BAD_ANSWER, "three passphrases that cannot be used")
                 : kf_fail(err, KF_ERR_STORE_BAD_PASSPHRASE, "three wrong passphrases");
}

static int64_t mono_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* An agent that waits for WorkOS is not one that went away. */
static kf_json *call_once(kf_cli *c, const char *method, const kf_json *p, int64_t timeout_ms,
                          kf_err *e) {
    int64_t begin = mono_ms();
    kf_json *r = kf_client_call(c->client, method, kf_json_copy(p), timeout_ms, e);
    bool waited = timeout_ms >= 0 && mono_ms() - begin >= timeout_ms;
    if (!r && e->code == KF_ERR_WIRE_CLOSED && waited)
        kf_fail(e, KF_ERR_NET_TIMEOUT, "no answer for %lld s, the agent keeps waiting for it",
                (long long)timeout_ms / 1000);
    return r;
}

/* The agent keeps the environment that it was started with; each difference is told once. */
static void tell_differences(kf_cli *c) {
    const kf_json *h = kf_client_hello(c->client);
    if (c->told_differences || !kf_json_bool(h, "tell", false)) return;
    char list[200] = "";
    for (const kf_json *i = kf_json_first(kf_json_get(h, "differs")); i; i = kf_json_next(i)) {
        KF_AUTO_CHARS more = kf_strfmt("%s%s%s", list, *list ? ", " : "", kf_json_value_str(i));
        if (!kf_str_set(list, sizeof list, more)) break;
    }
    c->told_differences = true;
    kf_cli_note(c,
                "the agent was started with another %s and keeps it; keyfob agent stop ends it, "
                "and the next command starts it from here",
                list);
}

kf_json *kf_cli_call(kf_cli *c, const char *method, kf_json *params, int64_t timeout_ms,
                     kf_err *err) {
    KF_AUTO(kf_json) p = params;
    kf_err e;
    if (!open_client(c, err)) return NULL;
    kf_json *r = call_once(c, method, p, timeout_ms, &e);
    tell_differences(c);
    if (!r && kf_cli_is_locked(&e) && kf_cli_unlock(c, &e, &e))
        r = call_once(c, method, p, timeout_ms, &e);
    if (!r && err) *err = e;
    return r;
}

kf_json *kf_cli_call_all(kf_cli *c, const char *method, kf_json *params, const char *member,
                         int64_t timeout_ms, kf_err *err) {
    KF_AUTO(kf_json) p = params;
    for (int tries = 0; tries < 2; tries++) {
        KF_AUTO(kf_client) steps = kf_client_open(0, err);
        KF_AUTO(kf_json) all = kf_json_arr();
        if (!steps) return NULL;
        bool more = kf_client_start(steps, method, kf_json_copy(p), err);
        bool ok = more;
        while (ok && more) {
            kf_json *r = NULL;
            int rc = kf_client_next(steps, timeout_ms, -1, &r, &more, err);
            if (rc == 0)
                kf_fail(err, KF_ERR_NET_TIMEOUT, "no answer for %d s", (int)(timeout_ms / 1000));
            ok = rc > 0;
            for (const kf_json *i = kf_json_first(kf_json_get(r, member)); i; i = kf_json_next(i))
                kf_json_add(all, kf_json_copy(i));
            kf_json_free(r);
        }
        if (ok) return KF_TAKE(all);
        if (tries || !kf_cli_unlock(c, err, err)) return NULL;
    }
    return NULL;
}

/* --- which profile
 * --------------------------------------------------------------------------------- */

/* The agent's index; no file is no profiles. */
static bool read_index(kf_profile_row **rows, size_t *n, kf_err *err) {
    KF_AUTO_CHARS dir = kf_state_dir();
    KF_AUTO_CHARS path = kf_strfmt("%s/profiles", dir);
    *rows = NULL;
    *n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ||
               kf_fail_errno(err, KF_ERR_SYS_IO, "open %s", path);
    struct stat st;
    char *text = NULL;
    if (!kf_path_check(path, KF_PATH_FILE, err)) return close(fd), false;
    bool ok = !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size <= KF_PROFILE_INDEX_MAX &&
              (text = malloc((size_t)st.st_size + 1)) &&
              read(fd, text, (size_t)st.st_size) == st.st_size;
    if (!ok) kf_fail(err, KF_ERR_SYS_IO, "%s cannot be read", path);
    else if (st.st_size) ok = kf_profile_index_parse(text, (size_t)st.st_size, rows, n, err);
    free(text);
    close(fd);
    return ok;
}

bool kf_cli_index(kf_profile_row **rows, size_t *n, kf_err *err) {
    return read_index(rows, n, err);
}

/* The .keyfob of this directory. 1: to be used; 0: there is none; -1: err */
static int from_directory(const kf_cli *c, const char **name, const char **why, kf_err *err) {
    static kf_dir_file f;
    static char rule[sizeof f.path + 16];
    int rc = c->sandbox ? 0 : kf_dir_find(NULL, &f, err);
    if (rc <= 0) return rc;
    if (!kf_dir_allowed(&f, err)) return -1;
    snprintf(rule, sizeof rule, "the file %s", f.path);
    *name = f.profile;
    *why = rule;
    return 1;
}

static bool is_there(const char *v) { return v && *v; }

const char *kf_cli_profile(kf_cli *c, const char *arg, const char **rule, kf_err *err) {
    const char *env = getenv("KEYFOB_PROFILE"), *why = NULL, *name = NULL, *dummy;
    int dir = 0;
    if (!rule) rule = &dummy;
    /* an argument that is empty is a variable that was not set: not another profile's turn */
    if (arg) name = arg, why = "argument";
    else if (c->profile) name = c->profile, why = "--profile";
    else if (is_there(env)) name = env, why = "KEYFOB_PROFILE";
    else if ((dir = from_directory(c, &name, &why, err)) < 0) return NULL;
    kf_profile_row *rows = NULL;
    size_t n = 0;
    if (!name) {
        if (!read_index(&rows, &n, err)) return NULL;
        for (size_t i = 0; i < n && !name; i++)
            if (rows[i].is_default) name = rows[i].name, why = "default profile";
        if (!name && n == 1) name = rows[0].name, why = "the only profile";
    }
    if (!name)
        kf_fail(err, KF_ERR_USAGE_NO_PROFILE,
                n ? "no profile was named, and none is the default" : "there are no profiles yet");
    else if (!kf_profile_name_ok(name))
        kf_fail(err, KF_ERR_USAGE_NAME, "'%.80s'", name), name = NULL;
    if (!name && !n && !arg)
        kf_hint(err, "Run: keyfob profile add NAME --client-id ID, or try: keyfob --sandbox");
    static char kept[65];
    if (name) {
        if (!kf_str_set(kept, sizeof kept, name)) abort(); /* kf_profile_name_ok bounds it */
        name = kept;
        c->profile_used = kept;
        c->profile_rule = dir > 0 ? why : NULL;
        *rule = why;
        if (c->verbose) kf_cli_note(c, "profile %s (%s)", name, why);
    }
    free(rows);
    return name;
}
