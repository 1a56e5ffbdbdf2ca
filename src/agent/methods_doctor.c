/* What the agent can say about this machine: one call, one list of checks. It looks and changes
 * nothing, so it neither picks a store nor makes a vault; the probe of the store writes an item and
 * removes it. */
#include "agent/methods.h"

#include <stdarg.h>
#include <sys/resource.h>
#include <unistd.h>
#include "agent/profile_json.h"
#include "keeper/keeper.h"
#include "agent/settings.h"
#include "agent/trust.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/bus.h"
#include "io/conf_keys.h"
#include "io/loopback.h"
#include "io/vault_head.h"
#include "wire/passphrase.h"

enum { HOSTS_MAX = 8, PORTS_MAX = 16, PROFILES_LOOKED_AT = 1000 };
enum { SKEW_MAX_S = 30, HOST_MS = 10000 };

#define KEYRING_TODO "run keyfob unlock; where there is no display: keyfob store move --to vault"

/* One call under way. */
typedef struct kf_checkup {
    kf_agent *a;
    kf_call *call;
    uint32_t http;
    bool network, knows_clock;
    kf_json *checks;
    kf_bus *bus;
    char *host[HOSTS_MAX];
    size_t n_hosts, at, left_out;
} kf_checkup;

__attribute__((format(printf, 5, 6))) static void
add(kf_checkup *u, const char *id, const char *result, const char *todo, const char *fmt, ...) {
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0) abort();
    va_end(ap);
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "id", id);
    kf_json_set_str(j, "result", result);
    kf_json_set_str(j, "finding", text);
    kf_json_set_str(j, "todo", todo);
    kf_json_add(u->checks, j);
    free(text);
}

static void checkup_free(void *user) {
    kf_checkup *u = user;
    if (u->http) kf_http_cancel(u->a->http, u->http);
    kf_bus_cancel(u->bus);
    kf_json_free(u->checks);
    for (size_t i = 0; i < u->n_hosts; i++) free(u->host[i]);
    free(u);
}

/* The store still has it otherwise. */
static void client_gone(void *user) {
    kf_checkup *u = user;
    if (u->http || u->bus) kf_call_drop(u->call);
}

static void finish(kf_checkup *u) {
    kf_json *j = kf_json_obj();
    kf_json_set(j, "checks", KF_TAKE(u->checks));
    kf_call_reply(u->call, j);
}

/* --- what is known at once -----------------------------------------------------------------------
 */

static void check_memory(kf_checkup *u) {
    struct rlimit r = {0};
    getrlimit(RLIMIT_MEMLOCK, &r);
    KF_AUTO_CHARS most = r.rlim_cur == RLIM_INFINITY
                             ? kf_strdup("no limit")
                             : kf_strfmt("limit %llu KiB", (unsigned long long)r.rlim_cur / 1024);
    if (kf_secret_locked()) add(u, "memory", "ok", NULL, "secrets are locked in memory, %s", most);
    else
        add(u, "memory", "warn", "raise RLIMIT_MEMLOCK (ulimit -l), then: keyfob agent stop",
            "secrets could not be locked in memory and may reach the swap, %s", most);
}

static void check_settings(kf_checkup *u) {
    const kf_conf_profile *all;
    kf_err e;
    if (!kf_settings(u->a, &e))
        add(u, "settings", "fail",
            *e.hint ? e.hint : "correct that line; until then what was read before counts", "%s",
            e.what);
    else
        add(u, "settings", "ok", NULL, "%s, %zu profiles", u->a->conf_path,
            kf_conf_profiles(u->a->conf, &all));
    const char *unknown = u->a->conf ? kf_conf_unknown(u->a->conf) : NULL;
    for (size_t n; unknown && *unknown; unknown += n + (unknown[n] == '\n')) {
        n = strcspn(unknown, "\n");
        add(u, "settings", "warn", "correct the name, or remove the line", "%.*s", (int)n, unknown);
    }
    for (size_t i = 0;; i++) {
        int64_t at;
        const char *what = kf_settings_changed(u->a, i, &at);
        if (!what) break;
        char when[21];
        kf_rfc3339(at, when);
        add(u, "settings", "ok", NULL, "changed at %s: %s", when, what);
    }
}

static void check_proxy(kf_checkup *u) {
    static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "all_proxy",
                                        "ALL_PROXY"}; /* as curl takes them */
    const char *proxy = u->a->conf ? kf_conf_get(u->a->conf, "proxy") : NULL, *from = "keyfob.conf";
    for (size_t i = 0; i < KF_LEN(names) && (!proxy || !*proxy); i++)
        proxy = getenv(names[i]), from = names[i];
    if (!proxy || !*proxy) add(u, "proxy", "ok", NULL, "none");
    else if (kf_conf_key_find("proxy")->ok(proxy))
        add(u, "proxy", "ok", NULL, "%s, from %s", kf_proxy_without_login(proxy), from);
    else
        add(u, "proxy", "fail", "give [http://]host[:port], then: keyfob agent stop",
            "%s holds no address of a proxy", from); /* but perhaps a password */
}

static void check_trust(kf_checkup *u) {
    const char *ca = u->a->conf ? kf_conf_get(u->a->conf, "ca_file") : NULL, *from = "keyfob.conf";
    if (!ca || !*ca) ca = getenv("SSL_CERT_FILE"), from = "SSL_CERT_FILE";
    const char *bad = ca && *ca ? kf_trust_is_bad(ca) : NULL;
    if (!ca || !*ca) add(u, "ca_file", "ok", NULL, "the system's certificates");
    else if (bad)
        add(u, "ca_file", "fail", "give the path of a file with certificates (PEM)",
            "%s, from %s, %s", ca, from, bad);
    else add(u, "ca_file", "ok", NULL, "%s, from %s", ca, from);
}

static void check_clock(kf_checkup *u) {
    const kf_conf_profile *all = NULL;
    size_t n = u->a->conf ? kf_conf_profiles(u->a->conf, &all) : 0, known = 0;
    int64_t worst = 0;
    for (size_t i = 0; i < n && i < PROFILES_LOOKED_AT; i++) {
        KF_AUTO(kf_json) p = kf_profile_json(u->a->keeper, all[i].id);
        int64_t s;
        if (!kf_json_int(p, "skew_s", &s)) continue;
        known++;
        if (llabs(s) > llabs(worst)) worst = s;
    }
    const char *side = worst > 0 ? "behind" : "ahead of";
    u->knows_clock = known;
    if (!known && !u->network) add(u, "clock", "ok", NULL, "nothing is known yet; --network asks");
    else if (!known) return; /* what the hosts say comes last */
    else if (llabs(worst) > SKEW_MAX_S)
        add(u, "clock", "warn", "set the clock (timedatectl set-ntp true)",
            "this clock was %lld s %s WorkOS's at the last renewal", llabs(worst), side);
    else add(u, "clock", "ok", NULL, "at most %lld s off at the last renewals", llabs(worst));
}

static void nobody_came(void *user, const kf_secret *query) {}

static void check_ports(kf_checkup *u) {
    const kf_conf_profile *all = NULL;
    size_t n = u->a->conf ? kf_conf_profiles(u->a->conf, &all) : 0, seen = 0;
    int port[PORTS_MAX];
    bool bad = false;
    for (size_t i = 0; i < n; i++) {
        bool again = !all[i].redirect_port;
        for (size_t k = 0; k < seen; k++) again = again || port[k] == all[i].redirect_port;
        if (again) continue;
        if (seen == PORTS_MAX) {
            bad = true, add(u, "redirect_port", "warn", "look at the others when they are needed",
                            "only the first %d ports were tried", PORTS_MAX);
            break;
        }
        port[seen++] = all[i].redirect_port;
        kf_err e;
        kf_loopback *b = kf_loopback_new(u->a->loop, all[i].redirect_port, "nobody-comes-here",
                                         nobody_came, NULL, &e);
        if (!b)
            bad = true,
            add(u, "redirect_port", "warn",
                "end what holds it, or set another: keyfob profile edit NAME --redirect-port N",
                "profile %s: %s", all[i].name, e.what);
        kf_loopback_free(b);
    }
    if (!bad) add(u, "redirect_port", "ok", NULL, seen ? "free" : "any free one of this machine");
}

/* --- hosts ---------------------------------------------------------------------------------------
 */

static void next_host(kf_checkup *u);

static const char *host_todo(const kf_err *err) {
    if (err->code == KF_ERR_NET_TLS) return "if the proxy is yours, set ca_file in keyfob.conf";
    if (err->code == KF_ERR_NET_PROXY_AUTH)
        return "put the user name and password into the proxy's URL: "
               "http://USER:PASSWORD@HOST:PORT";
    return "check network, VPN and proxy";
}

static void host_answered(void *user, kf_http_resp *r, const kf_err *err) {
    kf_checkup *u = user;
    const char *host = u->host[u->at++];
    u->http = 0;
    if (err && !r->status) {
        add(u, "network", "fail", host_todo(err), "%s: %s (%s)", host, err->what,
            kf_err_name(err->code));
    } else {
        add(u, "network", "ok", NULL, "%s answers in %lld ms", host, (long long)r->ms);
        int64_t off = r->date ? kf_unix_s() - r->date : 0;
        u->knows_clock = u->knows_clock || r->date;
        if (r->date && llabs(off) > SKEW_MAX_S)
            add(u, "clock", "warn", "set the clock (timedatectl set-ntp true)",
                "this clock is %lld s %s %s's", llabs(off), off > 0 ? "ahead of" : "behind", host);
        else if (r->date) add(u, "clock", "ok", NULL, "%lld s off %s's", llabs(off), host);
    }
    next_host(u);
}

static void next_host(kf_checkup *u) {
    if (u->at == u->n_hosts || kf_call_is_gone(u->call)) {
        if (u->network && !u->knows_clock)
            add(u, "clock", "ok", NULL, "nothing is known: no host has told the time");
        if (u->left_out)
            add(u, "network", "warn", "look at them from their own profiles: keyfob whoami",
                "%zu more hosts were not asked, %d are the most", u->left_out, HOSTS_MAX);
        finish(u);
        return;
    }
    kf_http_req r = {.method = "GET", .origin = u->host[u->at], .path = "/", .timeout_ms = HOST_MS};
    u->http = kf_http_send(u->a->http, &r, host_answered, u);
}

static void add_host(kf_checkup *u, const char *host) {
    for (size_t i = 0; i < u->n_hosts; i++)
        if (!strcmp(u->host[i], host)) return;
    if (u->n_hosts < HOSTS_MAX) u->host[u->n_hosts++] = kf_strdup(host);
    else u->left_out++;
}

static void ask_hosts(kf_checkup *u) {
    const kf_conf_profile *all = NULL;
    size_t n = u->a->conf ? kf_conf_profiles(u->a->conf, &all) : 0;
    for (size_t i = 0; i < n && u->network; i++) add_host(u, all[i].api_host);
    if (u->network && !u->n_hosts) add_host(u, "https://api.workos.com");
    next_host(u);
}

/* --- bus and store -------------------------------------------------------------------------------
 */

static void bus_looked_at(void *user, const kf_bus_report *r) {
    kf_checkup *u = user;
    u->bus = NULL;
    if (!r->bus) {
        add(u, "bus", "warn",
            "set store = vault, or run keyfob inside a desktop session (or dbus-run-session)", "%s",
            r->error);
    } else {
        add(u, "bus", "ok", NULL, "%s", *r->address ? r->address : "the session's own");
        if (!r->provider)
            add(u, "provider", "warn",
                "start a keyring (gnome-keyring, KeePassXC), or set store = vault",
                "nobody is the Secret Service");
        else
            add(u, "provider", "ok", NULL, "%s, pid %d",
                *r->program ? r->program : "a process without a name", r->pid);
        if (*r->error)
            add(u, "collection", "fail", "look after the keyring program", "%s", r->error);
        else if (r->provider && !r->collection)
            add(u, "collection", "warn", "make a default keyring with your keyring program",
                "there is no default keyring");
        else if (r->provider && r->locked)
            add(u, "collection", "warn", KEYRING_TODO, "%s is locked", r->path);
        else if (r->provider && r->locked_items)
            add(u, "collection", "warn", KEYRING_TODO,
                "%s is unlocked, but the keyring asks before it gives keyfob %u of its %u items",
                r->path, r->locked_items, r->items);
        else if (r->provider) add(u, "collection", "ok", NULL, "%s, unlocked", r->path);
    }
    ask_hosts(u);
}

/* The bus is opened only where the Secret Service is, or may be, what keyfob uses. */
static void look_at_bus(kf_checkup *u, const char *kind) {
    if (!*kind || !strcmp(kind, "secret-service"))
        u->bus = kf_bus_check(u->a->loop, bus_looked_at, u);
    else {
        add(u, "bus", "ok", NULL, "not used: store is %s", kind);
        ask_hosts(u);
    }
}

static void store_probed(void *user, const kf_secret *blob, const kf_err *err) {
    kf_checkup *u = user;
    const char *kind = kf_store_kind(u->a->store);
    if (err && err->code == KF_ERR_STORE_LOCKED)
        add(u, "store", "warn", KEYRING_TODO, "%s is locked: %s", kind, err->what);
    else if (err)
        add(u, "store", "fail",
            *err->hint ? err->hint : "look at free space, permissions and the keyring program",
            "%s: %s (%s)", kind, err->what, kf_err_name(err->code));
    else if (!strcmp(kind, "memory"))
        add(u, "store", "warn", "set store = auto to keep sessions",
            "memory: everything is forgotten when the agent ends");
    else
        add(u, "store", "ok", NULL, "%s, can be written%s%s", kind,
            u->a->store_why && *u->a->store_why ? "; " : "",
            u->a->store_why ? u->a->store_why : "");
    if (!strcmp(kind, "vault") && kf_store_vault_is_short(u->a->store))
        add(u, "store", "warn", "keyfob vault passphrase",
            "the vault's passphrase has fewer than 12 characters: a copy of the vault is soon "
            "guessed");
    const char *from = u->a->conf ? kf_conf_get(u->a->conf, "store_moved_from") : NULL;
    if (from) {
        KF_AUTO_CHARS todo = kf_strfmt("keyfob store move --to %s", kind);
        add(u, "store", "warn", todo,
            "the move from %s was interrupted; secrets may still be there", from);
    }
    look_at_bus(u, kind);
}

static void store_is_bad(kf_checkup *u, const kf_err *err) {
    bool agent = u->a->locked, locked = agent || err->code == KF_ERR_STORE_LOCKED;
    locked = locked || err->code == KF_ERR_STORE_VAULT_LOCKED;
    const char *todo =
        "look at free space, permissions and the keyring program; keyfob log says more";
    if (agent) todo = "run keyfob unlock";
    else if (err->code == KF_ERR_STORE_VAULT_LOCKED)
        todo = "run keyfob unlock; for scripts: KEYFOB_PASSPHRASE_FILE";
    else if (err->code == KF_ERR_STORE_LOCKED) todo = KEYRING_TODO;
    else if (err->code == KF_ERR_STORE_BAD_PASSPHRASE)
        todo = "correct what is in the passphrase file";
    else if (err->code == KF_ERR_SYS_OWNER && *err->hint) todo = err->hint;
    else if (err->code == KF_ERR_SYS_OWNER)
        todo = "make it yours, and close it to others: chmod go-rwx";
    else if (err->code == KF_ERR_USAGE_CONFIG)
        todo = "correct KEYFOB_STORE or keyfob.conf, then: keyfob agent stop";
    else if (err->code == KF_ERR_STORE_NEWER) todo = "install the newer keyfob again";
    else if (*err->hint) todo = err->hint;
    else if (err->code == KF_ERR_STORE_ABSENT)
        todo = "start a keyring (gnome-keyring, KeePassXC), or set store = vault";
    add(u, "store", locked ? "warn" : "fail", todo, "%s (%s)", err->what, kf_err_name(err->code));
}

static void store_open(void *user, const kf_err *err) {
    kf_checkup *u = user;
    if (!err) {
        kf_store_probe(u->a->store, false, store_probed, u);
        return;
    }
    store_is_bad(u, err);
    look_at_bus(u, u->a->store ? kf_store_kind(u->a->store) : "");
}

static void check_new_vault(kf_checkup *u) {
    kf_err e;
    KF_AUTO(kf_secret) pass = kf_passphrase_read(&e);
    if (e.code != KF_ERR_NONE)
        add(u, "store", "warn",
            *e.hint ? e.hint
            : e.code == KF_ERR_SYS_OWNER
                ? "chmod 600 it"
                : "write the passphrase into that file, or unset KEYFOB_PASSPHRASE_FILE",
            "vault, not made yet, and its passphrase file is of no use: %s", e.what);
    else
        add(u, "store", "ok", NULL, "vault, not made yet: %s",
            pass ? "the passphrase file will have its passphrase"
                 : "its passphrase is chosen with the first secret");
}

static void add_each(kf_checkup *u, kf_json *names, const char *result, const char *what) {
    for (const kf_json *i = kf_json_first(names); i; i = kf_json_next(i))
        add(u, "session", result, "free some space or open the keyring; keyfob tries every second",
            "%s: %s", kf_json_value_str(i), what);
    kf_json_free(names);
}

/* Sessions that only this agent keeps alive. */
static void check_unsaved(kf_checkup *u) {
    const kf_keeper *k = u->a->keeper;
    add_each(u, kf_keeper_unsaved(k, KF_UNSAVED_AT_RISK), "fail",
             "the session is in the agent's memory alone: do not stop it");
    add_each(u, kf_keeper_unsaved(k, KF_UNSAVED_SEALED), "warn",
             "the session is not in the store; a sealed copy is in the state directory");
}

/* Looks at the header and its copy, also while the vault is locked. False: no record can be read.
 */
static bool check_vault(kf_checkup *u, bool *is_new) {
    KF_AUTO_CHARS dir = kf_strfmt("%s/vault", u->a->data_dir);
    const kf_store *s = u->a->store;
    kf_store_state state = s ? kf_store_get_state(s) : KF_STORE_UNKNOWN;
    const char *todo = "run keyfob unlock, which puts the two files in order";
    kf_vault_look l;
    kf_err e;
    kf_vault_look_init(&l, dir);
    const kf_vault_head *h = kf_vault_look_pick(&l, dir, &e);
    *is_new = !h && e.code == KF_ERR_STORE_VAULT_NEW && (!s || state == KF_STORE_NEW);
    if (l.first.is == KF_VAULT_UNREADABLE || l.copy.is == KF_VAULT_UNREADABLE)
        todo = "check the disk and the permissions of the file";
    else if (state == KF_STORE_OK)
        todo = "run keyfob agent stop: the next agent puts the two files in order";
    if (l.note) add(u, "store", "warn", todo, "%s", l.note);
    else if (s && kf_store_vault_note(s))
        add(u, "store", "warn", "check the disk, and make a backup of the folder", "%s",
            kf_store_vault_note(s));
    kf_vault_look_done(&l);
    bool usable = h || state == KF_STORE_OK || state == KF_STORE_ABSENT;
    if (!usable && !*is_new) store_is_bad(u, &e);
    return usable;
}

static void check_store(kf_checkup *u) {
    KF_AUTO(kf_json) s = kf_settings_store_json(u->a);
    const char *kind = kf_json_str_or(s, "kind", "");
    bool is_new = false;
    if (*kind && (strcmp(kind, "vault") || check_vault(u, &is_new))) {
        kf_settings_store(u->a, store_open, u);
        return;
    }
    if (!*kind) add(u, "store", "ok", NULL, "not picked yet: the first secret does that");
    else if (is_new) check_new_vault(u);
    look_at_bus(u, kind);
}

void kf_method_doctor(kf_agent *a, kf_call *call) {
    kf_checkup *u = kf_new(kf_checkup);
    *u = (kf_checkup){.a = a,
                      .call = call,
                      .network = kf_call_bool(call, "network", false),
                      .checks = kf_json_arr()};
    kf_call_keep(call, u, checkup_free);
    kf_call_on_gone(call, client_gone, u);
    check_settings(u);
    check_memory(u);
    check_proxy(u);
    check_trust(u);
    check_clock(u);
    check_ports(u);
    check_unsaved(u);
    check_store(u);
}
