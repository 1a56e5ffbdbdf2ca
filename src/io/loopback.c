/* The redirect listener on 127.0.0.1: checks requests, hands over the callback, and shows the
 * page at the end. It never exchanges the code itself. */
#include "io/loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/form.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/unicode.h"
#include "io/tcp_owner.h"

enum {
    CONNECTIONS_MAX = 32,
    CONNECTION_MS = 10000,
    CHECK_MS = 1000,
    ACCEPT_AT_ONCE = 64,
    ACCEPT_REST_MS = 1000,
    REQUEST_MAX = 128 << 10,
    BODY_MAX = 64 << 10,
    STATE_MAX = 256
};

extern const char kf_callback_html[]; /* data/callback.html, compiled in */

typedef struct page {
    unsigned status;
    const char *title, *text;
} page;
static const page page_done = {200, "Signed in",
                               "You can close this tab and go back to the terminal."};
static const page page_failed = {200, "The sign-in did not work",
                                 "Go back to the terminal: it says more. You can close this tab."};
static const page page_go_on = {200, "Go back to the terminal",
                                "The sign-in goes on there. You can close this tab."};
static const page page_already = {200, "Already done",
                                  "This sign-in has had its answer. You can close this tab."};
static const page page_state = {
    400, "Not this sign-in",
    "The address belongs to another sign-in than the one that waits here. "
    "It changed nothing; start again from the terminal."};
static const page page_no_code = {
    400, "Not a usable answer",
    "The address has no code in it, or more than one. It changed nothing."};
static const page page_too_long = {414, "Too long", "The address is too long. It changed nothing."};
static const page page_method = {405, "Not like this",
                                 "Only a browser that was sent here is expected."};
static const page page_host = {400, "Not here", "The request was meant for another host."};
static const page page_nothing = {404, "Nothing here", "There is nothing at this address."};

typedef struct request {
    kf_secret *target; /* path and query as they came */
    size_t path_len, received;
    bool seen, held;
} request;

typedef struct peer {
    int fd;
    int64_t since;
    struct MHD_Connection *conn;
} peer;

struct kf_loopback {
    kf_loop *loop;
    struct MHD_Daemon *daemon;
    int fd, port;
    char *state;
    kf_loopback_fn fn;
    void *user;
    kf_loop_id listen, rest, io, timer, check, hold, give;
    peer peers[CONNECTIONS_MAX];
    struct MHD_Connection *waits; /* who brought the callback, while it has no answer */
    kf_secret *query;             /* accepted, not handed over yet */
    bool accepted, ended;         /* ended: _finish was called */
    kf_loopback_end end;
    char *detail;
};

/* --- pages ---------------------------------------------------------------------------------------
 */

static uint32_t code_point(const char *s, size_t n) {
    uint32_t c = (unsigned char)*s;
    if (n > 1) c &= 0x7fu >> n;
    for (size_t i = 1; i < n; i++) c = c << 6 | ((unsigned char)s[i] & 0x3f);
    return c;
}

/* Part of it may be a server's: no control, nothing that hides or turns the text around. */
static void add_escaped(kf_buf *b, const char *s) {
    size_t left = strlen(s);
    for (size_t n; left; s += n, left -= n) {
        bool ok, whole = (n = kf_utf8_len(s, left)) != 0;
        if (!whole) n = 1;
        if (!whole || kf_unicode_is_hidden(code_point(s, n))) ok = kf_buf_add(b, " ", 1);
        else if (strchr("&<>\"'", *s)) ok = kf_buf_addf(b, "&#%u;", (unsigned)*s);
        else ok = kf_buf_add(b, s, n);
        if (!ok) return; /* over the buffer: the page is larger than any text of ours can make it */
    }
}

/* The template with its {words} filled in; caller frees. */
static char *render(const page *p, const char *detail) {
    const struct {
        const char *name, *value;
    } slot[] = {{"{title}", p->title}, {"{text}", p->text}, {"{detail}", detail ? detail : ""}};
    kf_buf b;
    kf_buf_init(&b, 16 << 10);
    for (const char *s = kf_callback_html; *s;) {
        size_t i = 0, n = strcspn(s + (*s == '{'), "{") + (*s == '{');
        while (i < KF_LEN(slot) && !kf_str_starts(s, slot[i].name)) i++;
        if (i < KF_LEN(slot)) {
            add_escaped(&b, slot[i].value);
            s += strlen(slot[i].name);
        } else {
            if (!kf_buf_add(&b, s, n)) break;
            s += n;
        }
    }
    return kf_buf_steal(&b);
}

static enum MHD_Result answer(struct MHD_Connection *conn, const page *p, const char *detail) {
    static const char *const header[][2] = {
        {"Content-Type", "text/html; charset=utf-8"},
        {"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; "
                                    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"},
        {"Cache-Control", "no-store"},
        {"Referrer-Policy", "no-referrer"},
        {"X-Content-Type-Options", "nosniff"},
        {"Connection", "close"}};
    char *html = render(p, detail);
    struct MHD_Response *r =
        MHD_create_response_from_buffer(strlen(html), html, MHD_RESPMEM_MUST_FREE);
    if (!r) {
        free(html);
        return MHD_NO;
    }
    for (size_t i = 0; i < KF_LEN(header); i++)
        MHD_add_response_header(r, header[i][0], header[i][1]);
    if (p->status == 405) MHD_add_response_header(r, "Allow", "GET");
    enum MHD_Result ok = MHD_queue_response(conn, p->status, r);
    MHD_destroy_response(r);
    return ok;
}

static const page *end_page(const kf_loopback *b) {
    if (!b->ended) return &page_go_on;
    return b->end == KF_LOOPBACK_DONE     ? &page_done
           : b->end == KF_LOOPBACK_FAILED ? &page_failed
                                          : &page_go_on;
}

/* --- requests ------------------------------------------------------------------------------------
 */

typedef struct hosts {
    const char *value;
    int n;
} hosts;

static enum MHD_Result on_header(void *user, enum MHD_ValueKind kind, const char *key,
                                 const char *value) {
    hosts *h = user;
    if (strcasecmp(key, "Host")) return MHD_YES;
    h->n++;
    h->value = value;
    return MHD_YES;
}

/* One Host, and it is ours: a name of somebody else's that leads here (DNS rebinding) is not. */
static bool host_ok(const kf_loopback *b, struct MHD_Connection *conn) {
    hosts h = {0};
    char ip[32], name[32];
    MHD_get_connection_values(conn, MHD_HEADER_KIND, on_header, &h);
    snprintf(ip, sizeof ip, "127.0.0.1:%d", b->port);
    snprintf(name, sizeof name, "localhost:%d", b->port);
    return h.n == 1 && h.value && (!strcmp(h.value, ip) || !strcasecmp(h.value, name));
}

static bool state_ok(const kf_loopback *b, const char *got) {
    size_t n = strlen(b->state);
    return got && strlen(got) == n && kf_ct_eq(got, b->state, n);
}

/* NULL: it is the callback that was waited for. */
static const page *look(const kf_loopback *b, struct MHD_Connection *conn, const char *method,
                        const request *r, const char **query) {
    static const char path[] = "/callback";
    const char *t = kf_secret_peek(r->target);
    if (strcmp(method, "GET")) return &page_method;
    if (!host_ok(b, conn)) return &page_host;
    if (r->path_len != sizeof path - 1 || memcmp(t, path, sizeof path - 1)) return &page_nothing;
    if (b->accepted) return &page_already;
    *query = t + r->path_len + (t[r->path_len] == '?');
    size_t n = strlen(*query);
    if (n > KF_LOOPBACK_QUERY_MAX) return &page_too_long;
    KF_AUTO(kf_json) form = kf_form_parse(*query, n, NULL); /* refuses a name that comes twice */
    const char *code = kf_json_str_or(form, "code", ""), *error = kf_json_str_or(form, "error", "");
    if (!form) return &page_no_code;
    if (!state_ok(b, kf_json_str(form, "state"))) return &page_state;
    return !*code == !*error ? &page_no_code : NULL;
}

static void hand_over(void *user) {
    kf_loopback *b = user;
    b->give = 0;
    KF_AUTO(kf_secret) query = KF_TAKE(b->query);
    b->fn(b->user, query); /* may free b */
}

static void run(kf_loopback *b);

/* Lets the one who waits go on to its answer. */
static void let_go(kf_loopback *b) {
    kf_loop_cancel(b->loop, b->hold);
    b->hold = 0;
    if (!b->waits) return;
    MHD_resume_connection(KF_TAKE(b->waits));
    run(b);
}

static void held_long_enough(void *user) {
    kf_loopback *b = user;
    b->hold = 0;
    let_go(b);
}

static enum MHD_Result on_access(void *user, struct MHD_Connection *conn, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *data_len, void **slot) {
    kf_loopback *b = user;
    request *r = *slot;
    if (!r) return MHD_NO;
    if (r->held)
        return answer(conn, end_page(b),
                      b->ended && b->end == KF_LOOPBACK_FAILED ? b->detail : NULL);
    if (!r->seen) { /* the headers; a body may follow */
        r->seen = true;
        return MHD_YES;
    }
    if (*data_len) {
        r->received += *data_len;
        *data_len = 0;
        return r->received > BODY_MAX ? MHD_NO : MHD_YES;
    }
    const char *query = "";
    const page *p = look(b, conn, method, r, &query);
    if (p) {
        kf_log(KF_LOG_DEBUG, "loopback: %u %s", p->status, p->title);
        return answer(conn, p, NULL);
    }
    b->accepted = r->held = true;
    b->query = kf_secret_new(query, strlen(query));
    b->waits = conn;
    b->give = kf_loop_after(b->loop, 0, hand_over, b);
    b->hold = kf_loop_after(b->loop, KF_LOOPBACK_HOLD_MS, held_long_enough, b);
    MHD_suspend_connection(conn);
    return MHD_YES;
}

static void *on_target(void *user, const char *target, struct MHD_Connection *conn) {
    request *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    r->target = kf_secret_new(target, strlen(target));
    r->path_len = strcspn(target, "?");
    return r;
}

static void on_done(void *user, struct MHD_Connection *conn, void **slot,
                    enum MHD_RequestTerminationCode why) {
    kf_loopback *b = user;
    request *r = *slot;
    if (b->waits == conn) b->waits = NULL;
    if (!r) return;
    kf_secret_free(r->target);
    free(r);
    *slot = NULL;
}

static void on_log(void *user, const char *fmt, va_list args) {
    (void)args; /* MHD's remarks on broken clients help nobody */
}

/* --- connections ---------------------------------------------------------------------------------
 */

static void arm_check(kf_loopback *b);

/* A client that sends a byte now and then never runs into MHD's own time-out. */
static void check(void *user) {
    kf_loopback *b = user;
    int64_t now = kf_boot_ms();
    b->check = 0;
    for (size_t i = 0; i < KF_LEN(b->peers); i++) {
        const peer *p = &b->peers[i];
        if (p->conn && p->conn != b->waits && now - p->since >= CONNECTION_MS)
            shutdown(p->fd, SHUT_RDWR);
    }
    run(b);
    arm_check(b);
}

static void arm_check(kf_loopback *b) {
    bool any = false;
    for (size_t i = 0; i < KF_LEN(b->peers); i++) any = any || b->peers[i].conn;
    if (any && !b->check) b->check = kf_loop_after(b->loop, CHECK_MS, check, b);
}

static void on_connection(void *user, struct MHD_Connection *conn, void **slot,
                          enum MHD_ConnectionNotificationCode what) {
    kf_loopback *b = user;
    bool begins = what == MHD_CONNECTION_NOTIFY_STARTED;
    size_t i = 0;
    while (i < KF_LEN(b->peers) && b->peers[i].conn != (begins ? NULL : conn)) i++;
    if (i == KF_LEN(b->peers)) return;
    b->peers[i] = (peer){0};
    if (!begins) return;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
    b->peers[i] = (peer){.fd = info ? info->connect_fd : -1, .since = kf_boot_ms(), .conn = conn};
}

static void on_timer(void *user) {
    kf_loopback *b = user;
    b->timer = 0;
    run(b);
}

static void on_ready(int fd, short revents, void *user) { run(user); }

static void run(kf_loopback *b) {
    MHD_UNSIGNED_LONG_LONG ms = 0;
    MHD_run(b->daemon);
    kf_loop_cancel(b->loop, b->timer);
    b->timer = 0;
    if (MHD_get_timeout(b->daemon, &ms) == MHD_YES)
        b->timer = kf_loop_after(b->loop, (int64_t)ms, on_timer, b);
    arm_check(b);
}

/* --- who connects ----------------------------------------------------------------------------
 */

/* The browser is the person's own. root forwards ports for containers. */
static bool is_wanted(int fd) {
    uid_t owner;
    return !kf_tcp_owner(fd, &owner) || owner == geteuid() || owner == 0;
}

static peer *oldest(kf_loopback *b) {
    peer *old = NULL;
    for (size_t i = 0; i < KF_LEN(b->peers); i++) {
        peer *p = &b->peers[i];
        if (p->conn && p->conn != b->waits && (!old || p->since < old->since)) old = p;
    }
    return old;
}

static bool is_full(const kf_loopback *b) {
    size_t n = 0;
    for (size_t i = 0; i < KF_LEN(b->peers); i++) n += b->peers[i].conn != NULL;
    return n == KF_LEN(b->peers);
}

/* A browser sends its request at once. So the connection that has been silent for longest gives its
 * place to the new one. */
static bool make_room(kf_loopback *b) {
    for (int i = 0; i < 2 && is_full(b); i++) {
        peer *p = oldest(b);
        if (!p) return false;
        shutdown(p->fd, SHUT_RDWR);
        run(b);
    }
    return !is_full(b);
}

static void accept_again(void *user) {
    kf_loopback *b = user;
    b->rest = 0;
    kf_loop_fd_events(b->loop, b->listen, POLLIN);
}

/* False: there is none, or none can be had now. */
static bool accept_one(kf_loopback *b) {
    struct sockaddr_in from = {0};
    socklen_t len = sizeof from;
    int fd = accept4(b->fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
        kf_log(KF_LOG_ERROR, "loopback: accept: %s", strerror(errno));
        kf_loop_fd_events(b->loop, b->listen, 0); /* no descriptors: not again at once */
        b->rest = kf_loop_after(b->loop, ACCEPT_REST_MS, accept_again, b);
    }
    if (fd < 0) return false;
    if (is_wanted(fd) && make_room(b))
        MHD_add_connection(b->daemon, fd, (struct sockaddr *)&from, len); /* owns fd in any case */
    else close(fd);
    return true;
}

static void on_listen(int fd, short revents, void *user) {
    kf_loopback *b = user;
    for (int i = 0; i < ACCEPT_AT_ONCE && accept_one(b); i++) {
    }
    run(b);
}

/* --- life ----------------------------------------------------------------------------------------
 */

static int listen_on(int port, int *bound, kf_err *err) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t len = sizeof a;
    int one = 1;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) &&
        !bind(fd, (struct sockaddr *)&a, sizeof a) && !listen(fd, SOMAXCONN) &&
        !getsockname(fd, (struct sockaddr *)&a, &len)) {
        *bound = ntohs(a.sin_port);
        return fd;
    }
    bool used = errno == EADDRINUSE;
    kf_fail_errno(err, KF_ERR_SYS_IO, "listen on 127.0.0.1:%d for the browser's answer", port);
    if (used && port)
        kf_hint(err,
                "Another program uses port %d. End it, or give the profile another redirect port "
                "whose address is registered "
                "with WorkOS (0 takes any free one), or sign in with a device code.",
                port);
    if (fd >= 0) close(fd);
    return -1;
}

static struct MHD_Daemon *start(kf_loopback *b) {
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | MHD_USE_NO_LISTEN_SOCKET, 0,
        NULL, NULL, on_access, b, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, on_done, b, MHD_OPTION_NOTIFY_CONNECTION, on_connection, b,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, b, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(CONNECTION_MS / 1000), MHD_OPTION_END);
}

kf_loopback *kf_loopback_new(kf_loop *l, int port, const char *state, kf_loopback_fn fn, void *user,
                             kf_err *err) {
    size_t n = state ? strlen(state) : 0;
    if (n < 16 || n > STATE_MAX || port < 0 || port > 65535) {
        kf_fail(err, KF_ERR_SYS_BUG, "a redirect listener without a state");
        return NULL;
    }
    int bound = 0, fd = listen_on(port, &bound, err);
    if (fd < 0) return NULL;
    kf_loopback *b = kf_new(kf_loopback);
    *b = (kf_loopback){
        .loop = l, .fd = fd, .port = bound, .state = kf_strdup(state), .fn = fn, .user = user};
    b->daemon = start(b);
    const union MHD_DaemonInfo *info =
        b->daemon ? MHD_get_daemon_info(b->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (!info) {
        kf_fail(err, KF_ERR_SYS_IO, "the listener on 127.0.0.1:%d does not start", bound);
        return kf_loopback_free(b);
    }
    b->io = kf_loop_fd(l, info->epoll_fd, POLLIN, on_ready, b);
    b->listen = kf_loop_fd(l, fd, POLLIN, on_listen, b);
    return b;
}

int kf_loopback_port(const kf_loopback *b) { return b->port; }
bool kf_loopback_waits(const kf_loopback *b) { return b->waits != NULL; }

void kf_loopback_finish(kf_loopback *b, kf_loopback_end end, const char *detail) {
    if (b->ended && b->end != KF_LOOPBACK_GO_ON) return;
    b->ended = b->accepted = true;
    b->end = end;
    kf_loop_cancel(b->loop, b->give);
    b->give = 0;
    free(b->detail);
    b->detail = kf_strdup(detail);
    let_go(b);
}

kf_loopback *kf_loopback_free(kf_loopback *b) {
    if (!b) return NULL;
    if (b->daemon) {
        let_go(b);
        MHD_stop_daemon(b->daemon);
    }
    kf_loop_cancel(b->loop, b->listen);
    close(b->fd);
    kf_loop_cancel(b->loop, b->rest);
    kf_loop_cancel(b->loop, b->io);
    kf_loop_cancel(b->loop, b->timer);
    kf_loop_cancel(b->loop, b->check);
    kf_loop_cancel(b->loop, b->hold);
    kf_loop_cancel(b->loop, b->give);
    kf_secret_free(b->query);
    free(b->state);
    free(b->detail);
    free(b);
    return NULL;
}
