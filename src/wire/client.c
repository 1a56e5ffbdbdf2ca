/* A client's connection to the agent: connect or start it, Hello, calls with deadlines. Only
 * calls that are harmless to repeat are sent again once the agent may have read them. */
#include "wire/client.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/build.h"
#include "base/mem.h"
#include "base/str.h"
#include "wire/msg.h"
#include "wire/socket.h"
#include "wire/passphrase.h"
#include "wire/start.h"
#include "wire/surroundings.h"

struct kf_client {
    int fd;
    unsigned flags;
    char *path;
    kf_frame_reader in;
    kf_json *hello;     /* whole answer message; NULL: not yet, or skipped */
    bool hello_pending; /* sent, its answer comes first */
    kf_buf call;        /* frame of the present call, until its first answer has come */
    bool harmless;      /* the call may run twice */
    bool died;          /* the other end of the connection is gone */
    bool unread;        /* and had not read the end of the call: nothing was done */
    int repeats;        /* of the present call */
    bool restarted;     /* an agent of an older protocol was asked to go on as the installed one */
};

enum { REPEATS_MAX = 3, PAUSE_MS = 100, START_SOON_MS = 1000, CALL_MAX = 2 * KF_FRAME_MAX };

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The socket of an agent that found another home's agent at the usual place. Caller frees. */
static char *own_path(kf_err *err) {
    char tag[17];
    KF_AUTO_CHARS dir = kf_runtime_dir(err);
    kf_surroundings_home(tag);
    return dir ? kf_strfmt("%s/agent-%.8s.sock", dir, tag) : NULL;
}

/* The other home's agent may have ended since; ours still is where it was. */
static void connect_own(kf_client *c) {
    const char *named = getenv("KEYFOB_SOCKET");
    KF_AUTO_CHARS path = named && *named ? NULL : own_path(NULL);
    if (!path || !strcmp(path, c->path) || access(path, F_OK)) return;
    c->fd = kf_socket_connect(path, NULL);
    if (c->fd < 0) return;
    free(c->path);
    c->path = KF_TAKE(path);
}

static bool connect_agent(kf_client *c, kf_err *err) {
    kf_err why;
    c->fd = kf_socket_connect(c->path, &why);
    if (c->fd < 0 && why.code == KF_ERR_WIRE_NO_AGENT) connect_own(c);
    if (c->fd < 0 && why.code == KF_ERR_WIRE_NO_AGENT && !(c->flags & KF_CLIENT_NO_START))
        c->fd = kf_start_agent(c->path, &why);
    if (c->fd < 0 && err) *err = why;
    return c->fd >= 0;
}

static kf_client *client_new(const char *path, unsigned flags) {
    kf_client *c = kf_new(kf_client);
    c->fd = -1;
    c->path = kf_strdup(path);
    c->flags = flags;
    kf_frame_reader_init(&c->in);
    kf_buf_init(&c->call, CALL_MAX);
    return c;
}

kf_client *kf_client_open(unsigned flags, kf_err *err) {
    KF_AUTO_CHARS path = kf_socket_path(err);
    if (!path) return NULL;
    kf_client *c = client_new(path, flags);
    return connect_agent(c, err) ? c : kf_client_close(c);
}

kf_client *kf_client_close(kf_client *c) {
    if (!c) return NULL;
    if (c->fd >= 0) close(c->fd);
    kf_frame_reader_done(&c->in);
    kf_buf_done(&c->call);
    kf_json_free(c->hello);
    free(c->path);
    free(c);
    return NULL;
}

bool kf_client_read_only(void) {
    const char *v = getenv("KEYFOB_READ_ONLY");
    return v && *v && strcmp(v, "0");
}

int kf_client_fd(const kf_client *c) { return c->fd; }
const char *kf_client_path(const kf_client *c) { return c->path; }

/* Sends everything; 10 s without room is an agent that hangs. */
static bool send_all(kf_client *c, const char *p, size_t n, kf_err *err) {
    while (n) {
        ssize_t k = send(c->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (k > 0) {
            p += k;
            n -= (size_t)k;
            continue;
        }
        if (errno == EINTR) continue;
        struct pollfd pf = {.fd = c->fd, .events = POLLOUT};
        if (errno == EAGAIN && poll(&pf, 1, 10000) > 0) continue;
        c->died = c->unread = errno != EAGAIN; /* a call without its end is not one */
        return kf_fail_errno(err, KF_ERR_WIRE_CLOSED, "the agent does not take the call");
    }
    return true;
}

/* c->call, behind Hello on a new connection: pipelined, one write, one wake-up. */
static bool send_call(kf_client *c, kf_err *err) {
    kf_buf out;
    kf_buf_init(&out, 2 * CALL_MAX);
    bool ok = true;
    if (!c->hello && !c->hello_pending && !(c->flags & KF_CLIENT_NO_HELLO)) {
        kf_json *p = kf_json_obj();
        kf_json_set_int(p, "protocol", KF_PROTOCOL);
        kf_json_set_str(p, "build", kf_build);
        if (!(c->flags & KF_CLIENT_AS_IS)) kf_json_set_bool(p, "take_over", true);
        kf_surroundings_add(p);
        if (kf_client_read_only()) kf_json_set_bool(p, "read_only", true);
        KF_AUTO(kf_json) hello = kf_msg_call("Hello", p, false);
        ok = kf_frame_write(&out, hello, err);
        c->hello_pending = ok;
    }
    if (ok && !kf_buf_add(&out, c->call.data, c->call.len)) abort(); /* CALL_MAX bounds it */
    ok = ok && send_all(c, out.data, out.len, err);
    kf_buf_done(&out);
    return ok;
}

static int64_t limit; /* on now_ms(); 0: none */

void kf_client_limit(int64_t ms) { limit = ms ? now_ms() + ms : 0; }

/* 0: a deadline has passed, the caller's or the limit. */
static int64_t time_left(int64_t deadline) {
    int64_t at = deadline < 0 || (limit && limit < deadline) ? limit : deadline,
            left = at - now_ms();
    if (deadline < 0 && !limit) return -1;
    return left < 0 ? 0 : left;
}

/* Next whole message. 1, 0 (time-out or cancelled), -1. */
static int read_msg(kf_client *c, int64_t deadline, int cancel_fd, kf_json **msg, kf_err *err) {
    char chunk[16384];
    for (;;) {
        int rc = kf_frame_next(&c->in, msg, err);
        if (rc) return rc;
        ssize_t n = recv(c->fd, chunk, sizeof chunk, MSG_DONTWAIT);
        if (n > 0) {
            bool ok = kf_frame_feed(&c->in, chunk, (size_t)n, err);
            kf_wipe(chunk, (size_t)n);
            if (!ok) return -1;
            continue;
        }
        if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            c->died = true;
            c->unread = n < 0 && errno == ECONNRESET; /* it closed with data in its queue */
            return kf_fail(err, KF_ERR_WIRE_CLOSED, "the agent closed the connection"), -1;
        }
        int64_t left = time_left(deadline);
        if (!left && limit && now_ms() >= limit)
            return kf_fail(err, KF_ERR_NET_TIMEOUT, "there was no answer within --timeout"), -1;
        if (!left) return 0;
        struct pollfd p[2] = {{.fd = c->fd, .events = POLLIN}, {.fd = cancel_fd, .events = POLLIN}};
        rc = poll(p, cancel_fd >= 0 ? 2 : 1, left > 3600000 ? 3600000 : (int)left);
        if (rc < 0 && errno != EINTR)
            return kf_fail_errno(err, KF_ERR_WIRE_CLOSED, "wait for the agent"), -1;
        if (rc > 0 && cancel_fd >= 0 && p[1].revents) return 0;
    }
}

/* An agent that is older than this program goes on as the one that is installed. False: it does
 * not know how, or could not; err. */
static bool restart_agent(const char *path) {
    enum { WAIT_MS = 15000 };
    if (kf_client_read_only()) return false;
    kf_err why = {0};
    int fd = kf_socket_connect(path, &why);
    if (fd < 0) return false;
    KF_AUTO(kf_client) c = client_new(path, KF_CLIENT_NO_START | KF_CLIENT_NO_HELLO);
    c->fd = fd;
    kf_json_free(kf_client_call(c, "Restart", NULL, WAIT_MS, &why));
    return c->died;
}

/* The call behind Hello was not read: it goes over a new connection. */
static bool not_read(kf_client *c, kf_err *err) {
    c->died = c->unread = true;
    return kf_fail(err, KF_ERR_WIRE_CLOSED, "the agent goes on as another program");
}

/* The agent there keeps its files elsewhere: the one of this process's directories has a socket
 * with their tag. */
static bool go_elsewhere(kf_client *c, kf_err *err) {
    char *path = own_path(err);
    if (!path) return false;
    if (!strcmp(path, c->path)) {
        free(path);
        return kf_fail(err, KF_ERR_WIRE_PROTOCOL, "the agent at %s keeps its files elsewhere",
                       c->path);
    }
    free(c->path);
    c->path = path;
    return not_read(c, err);
}

static bool take_hello(kf_client *c, kf_json *msg, kf_err *err) {
    const kf_json *p;
    c->hello_pending = false;
    kf_json_free(c->hello);
    c->hello = msg;
    if (!kf_msg_result(msg, &p, NULL, err)) return false;
    int64_t proto = kf_json_int_or(p, "protocol", 0);
    if (kf_json_bool(p, "elsewhere", false)) return go_elsewhere(c, err);
    if (c->flags & KF_CLIENT_AS_IS) return true;
    if (proto == KF_PROTOCOL) return !kf_json_bool(p, "leaving", false) || not_read(c, err);
    bool unread = kf_json_bool(p, "leaving", false), again = c->harmless || unread;
    if (proto < KF_PROTOCOL && again && !c->restarted && (c->restarted = restart_agent(c->path)))
        return not_read(c, err);
    kf_fail(err, KF_ERR_WIRE_PROTOCOL,
            "the running agent speaks protocol %lld (%.40s), this keyfob speaks %d (%s)",
            (long long)proto, kf_json_str_or(p, "build", "?"), KF_PROTOCOL, kf_build);
    return kf_hint(err, proto < KF_PROTOCOL
                            ? "Run: keyfob agent restart, or keyfob agent stop. Then look whether "
                              "what you asked for was done."
                            : "A newer keyfob is installed beside this one; run that one.");
}

/* The answer of the call, after Hello's. */
static int next_answer(kf_client *c, int64_t deadline, int cancel_fd, kf_json **msg, kf_err *err) {
    for (;;) {
        kf_json *m = NULL;
        int rc = read_msg(c, deadline, cancel_fd, &m, err);
        if (rc <= 0) return rc;
        if (!c->hello_pending) return *msg = m, 1;
        if (!take_hello(c, m, err)) return -1;
    }
}

const kf_json *kf_client_hello(const kf_client *c) { return kf_json_get(c->hello, "parameters"); }

/* --- calls, and those that are repeated ------------------------------------------------------ */

/* May run twice. A renewal is harmless, too: of one profile there is one at a time, the next one
 * goes on where an agent that died left it, and a second new token ends nothing. What makes or ends
 * something is not here: the second answer would say that it exists, or is gone, already. */
static bool is_harmless(const char *method, const kf_json *params) {
    static const char *const yes[] = {
        "Hello",        "GetToken",    "Renew",        "ListProfiles",
        "GetProfile",   "GetApiKey",   "Watch",        "ListOrganizations",
        "ListSessions", "ListFactors", "CheckSession", "Claims",
        "Unseal",       "Seal",        "GetSettings",  "CheckSettings",
        "StoreStatus",  "Doctor",      "FindImports",  "PreviewCleanUp",
        "Lock",         "Unlock"};
    if (kf_json_bool(params, "hand_over", false)) return false; /* Seal */
    for (size_t i = 0; i < KF_LEN(yes); i++)
        if (!strcmp(method, yes[i])) return true;
    return false;
}

static bool reconnect(kf_client *c, kf_err *err) {
    if (c->fd >= 0) close(c->fd);
    kf_frame_reader_done(&c->in);
    kf_frame_reader_init(&c->in);
    c->hello = kf_json_free(c->hello);
    c->hello_pending = c->died = c->unread = false;
    return connect_agent(c, err);
}

/* Over a new connection, when the old one died: a call that is harmless, and any call whose end the
 * agent cannot have read. Up to three times, with pauses of 0.3 s together: a process that dies
 * takes connections for a moment longer. False: err is as before, or says why there is no agent. */
static bool send_again(kf_client *c, kf_err *err) {
    while (c->died && (c->harmless || c->unread) && c->repeats < REPEATS_MAX) {
        kf_err why;
        int64_t since = now_ms();
        poll(NULL, 0, PAUSE_MS * c->repeats++);
        if (reconnect(c, &why) && send_call(c, &why)) return true;
        if (err) *err = why;
        /* the dying agent may have kept a new one from starting */
        bool soon = !(c->flags & KF_CLIENT_NO_START) && now_ms() - since < START_SOON_MS;
        if (c->fd < 0) c->died = c->unread = soon && why.code == KF_ERR_WIRE_NO_AGENT;
    }
    return false;
}

/* An agent that takes no more connections says so and hangs up: what it said counts, not that the
 * call could not be sent. */
static bool was_refused(kf_client *c, kf_err *err) {
    KF_AUTO(kf_json) msg = NULL;
    const kf_json *p;
    kf_err why;
    bool died = c->died, unread = c->unread;
    bool refused = died && read_msg(c, now_ms(), -1, &msg, NULL) == 1 &&
                   !kf_msg_result(msg, &p, NULL, &why) && why.code == KF_ERR_WIRE_BUSY;
    c->died = died && !refused;
    c->unread = unread && !refused;
    if (refused && err) *err = why;
    return refused;
}

/* What a person copies from a page brings blanks along, which are never part of these. */
static void trim_copied(kf_json *params) {
    static const char *const keys[] = {"client_id", "organization_id", "connection_id",
                                       "email",     "domain_hint",     "api_host",
                                       "git_host",  "api_key",         "refresh_token",
                                       "provider",  "session_id",      "invitation_token"};
    for (size_t i = 0; params && i < KF_LEN(keys); i++) kf_json_trim(params, keys[i]);
}

/* WORKOS_API_KEY goes along where a profile without a key would need one, and nowhere else. */
static void add_key(const char *method, kf_json *params) {
    static const char *const needs[] = {"ListOrganizations", "ListSessions", "RevokeSession",
                                        "CheckSession",      "ListFactors",  "EnrollFactor",
                                        "DeleteFactor"};
    const char *key = getenv("WORKOS_API_KEY");
    for (size_t i = 0; key && *key && params && i < KF_LEN(needs); i++) {
        if (strcmp(needs[i], method) || kf_json_str(params, "api_key")) continue;
        kf_json_set_str(params, "api_key", key);
        kf_json_set_str(params, "client_id", getenv("WORKOS_CLIENT_ID"));
    }
}

static bool begin_call(kf_client *c, const char *method, kf_json *params, bool more, kf_err *err) {
    c->harmless = is_harmless(method, params);
    c->repeats = 0;
    c->died = c->unread = false;
    kf_buf_clear(&c->call);
    add_key(method, params);
    trim_copied(params);
    KF_AUTO(kf_json) call = kf_msg_call(method, params, more);
    return kf_frame_write(&c->call, call, err) &&
           (send_call(c, err) || (!was_refused(c, err) && send_again(c, err)));
}

/* The answer of the present call; before the first one has come the call may be repeated. */
static int call_answer(kf_client *c, int64_t deadline, int cancel_fd, kf_json **msg, kf_err *err) {
    int rc;
    do rc = next_answer(c, deadline, cancel_fd, msg, err);
    while (rc < 0 && c->call.len && send_again(c, err));
    if (rc > 0) kf_buf_clear(&c->call);
    return rc;
}

kf_json *kf_client_call(kf_client *c, const char *method, kf_json *params, int64_t timeout_ms,
                        kf_err *err) {
    int64_t deadline = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
    kf_json *msg = NULL;
    kf_err why = {0};
    int rc =
        begin_call(c, method, params, false, &why) ? call_answer(c, deadline, -1, &msg, &why) : -1;
    kf_buf_clear(&c->call);
    if (rc == 0) kf_fail(&why, KF_ERR_WIRE_CLOSED, "the agent gave no answer in time");
    if (rc <= 0) {
        if (err) *err = why;
        return NULL;
    }
    const kf_json *p;
    kf_json *result = kf_msg_result(msg, &p, NULL, err) ? kf_json_copy(p) : NULL;
    kf_json_free(msg);
    return result;
}

bool kf_client_start(kf_client *c, const char *method, kf_json *params, kf_err *err) {
    return begin_call(c, method, params, true, err);
}

int kf_client_next(kf_client *c, int64_t timeout_ms, int cancel_fd, kf_json **result, bool *more,
                   kf_err *err) {
    kf_json *msg = NULL;
    int rc = call_answer(c, timeout_ms < 0 ? -1 : now_ms() + timeout_ms, cancel_fd, &msg, err);
    if (rc <= 0) return rc;
    const kf_json *p;
    bool ok = kf_msg_result(msg, &p, more, err);
    if (ok) *result = kf_json_copy(p);
    kf_json_free(msg);
    return ok ? 1 : -1;
}

bool kf_client_unlock(kf_client *c, const kf_err *why, kf_err *err) {
    enum { UNLOCK_MS = 60000 };
    bool fresh = why->code == KF_ERR_STORE_VAULT_NEW;
    if (err) *err = *why;
    const kf_json *store = kf_json_get(kf_client_hello(c), "store");
    if ((!fresh && why->code != KF_ERR_STORE_VAULT_LOCKED) || kf_json_bool(store, "locked", false))
        return false;
    kf_err e;
    KF_AUTO(kf_secret) pass = kf_passphrase_read(&e);
    if (!pass) {
        if (err && e.code != KF_ERR_NONE) *err = e;
        return false;
    }
    kf_json *p = kf_json_obj();
    kf_json_set_secret(p, "passphrase", pass);
    kf_json_set_bool(p, "create", fresh);
    kf_json_set_bool(p, "from_file", true);
    KF_AUTO(kf_json) r = kf_client_call(c, "Unlock", p, UNLOCK_MS, &e);
    if (!r && err) *err = e;
    return r;
}
