/* keyfob-serve's HTTP server on libmicrohttpd: connections and their limits, token requests, and
 * the proxy. peers.c decides whose time is over, pass.c which headers pass. */
#include "serve/server.h"

#include <microhttpd.h>
#include <poll.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "serve/ask.h"
#include "serve/pass.h"
#include "serve/peers.h"

enum {
    HEAD_MAX = 32 << 10,
    BODY_MAX = 8 << 20,
    PIECE = 16 << 10,
    PATIENCE_MS = 60000,
    CHECK_MS = 1000,
    UPSTREAM_MS = 120000
};

typedef struct request {
    struct kf_serve *serve;
    struct MHD_Connection *conn;
    struct request *next; /* of those under way */
    char *target, *method;
    bool seen, has_body, too_big, suspended, answered;
    kf_buf body;
    kf_ask *ask;
    uint32_t http;
    /* the answer, once it is known */
    unsigned status;
    kf_secret *text;
    uint64_t length; /* what is said of it; where only the head is sent, of what it has not */
    char *headers;   /* lines */
    const char *type;
    int32_t retry_after;
} request;

struct kf_serve {
    kf_loop *loop;
    kf_serve_opts o;
    struct MHD_Daemon *daemon;
    kf_loop_id io, accept, timer, check;
    request *open;
    kf_peers peers;
};

static void run(kf_serve *s);

static void turn(request *r, kf_phase phase) {
    kf_peers_turn(&r->serve->peers, r->conn, phase, kf_boot_ms());
}

/* --- answers -------------------------------------------------------------------------------------
 */

static void give(request *r, kf_secret *text) {
    r->text = text;
    r->length = kf_secret_len(text);
    r->answered = true;
}

static void say(request *r, unsigned status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void say(request *r, unsigned status, const char *fmt, ...) {
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text - 1, fmt, ap);
    va_end(ap);
    if (n < 0) abort();
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
    size_t len = strlen(text);
    text[len] = '\n';
    r->status = status;
    give(r, kf_secret_new(text, len + 1));
}

/* The exit status of an error says what kind it is; HTTP has its own words for that.
 */
static void say_error(request *r, const kf_err *e) {
    static const struct {
        int exit;
        unsigned status;
    } t[] = {{2, 400}, {3, 401}, {4, 404}, {5, 503}, {6, 423}, {7, 403}, {9, 429}};
    unsigned status = 500;
    for (size_t i = 0; i < KF_LEN(t); i++)
        if (t[i].exit == kf_err_exit(e->code)) status = t[i].status;
    if (r->serve->o.upstream) status = 502; /* 401 and the like are the upstream's to say */
    r->retry_after = e->retry_after > 0 ? e->retry_after : status == 503 ? 5 : -1;
    say(r, status, "%s: %s", kf_err_name(e->code), e->what);
}

static void add_lines(struct MHD_Response *m, const char *lines) {
    size_t name;
    const char *value;
    KF_AUTO_CHARS connection = kf_pass_connection(lines);
    for (const char *p = lines; *p;) {
        size_t n = strcspn(p, "\n");
        if (kf_pass_answer_line(p, n, connection, &name, &value)) {
            KF_AUTO_CHARS k = kf_strfmt("%.*s", (int)name, p);
            KF_AUTO_CHARS v = kf_strfmt("%.*s", (int)(p + n - value), value);
            MHD_add_response_header(m, k, v);
        }
        p += n + (p[n] == '\n');
    }
}

/* MHD takes it from where it is, piece by piece. */
static ssize_t piece(void *user, uint64_t at, char *out, size_t max) {
    request *r = user;
    size_t len = kf_secret_len(r->text);
    turn(r, KF_PHASE_ANSWER);
    if (at >= len) return MHD_CONTENT_READER_END_OF_STREAM;
    size_t n = len - (size_t)at < max ? len - (size_t)at : max;
    memcpy(out, kf_secret_peek(r->text) + at, n);
    return (ssize_t)n;
}

static enum MHD_Result answer(request *r) {
    struct MHD_Response *m = MHD_create_response_from_callback(r->length, PIECE, piece, r, NULL);
    if (!m) return MHD_NO;
    /* MHD would end a body that is not there with an empty chunk, for the next request's answer */
    if (r->length == MHD_SIZE_UNKNOWN)
        MHD_set_response_options(m, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    if (r->headers) add_lines(m, r->headers);
    else {
        MHD_add_response_header(m, "Content-Type", r->type ? r->type : "text/plain; charset=utf-8");
        MHD_add_response_header(m, "Cache-Control", "no-store");
        if (r->status == 405)
            MHD_add_response_header(m, "Allow", r->serve->o.upstream ? KF_PASS_METHODS : "GET");
    }
    if (r->retry_after > 0) {
        char s[16];
        snprintf(s, sizeof s, "%d", (int)r->retry_after);
        MHD_add_response_header(m, "Retry-After", s);
    }
    turn(r, KF_PHASE_ANSWER);
    enum MHD_Result ok = MHD_queue_response(r->conn, r->status, m);
    MHD_destroy_response(m);
    return ok;
}

/* The answer is there: MHD comes back for it. */
static void go_on(request *r) {
    if (!r->suspended) return;
    kf_serve *s = r->serve;
    r->suspended = false;
    MHD_resume_connection(r->conn);
    run(s);
}

/* --- a token -------------------------------------------------------------------------------------
 */

static bool wants_json(request *r) {
    const char *accept = MHD_lookup_connection_value(r->conn, MHD_HEADER_KIND, "Accept");
    const char *query = strchr(r->target, '?');
    return (accept && strstr(accept, "application/json")) || kf_str_eq(query, "?format=json");
}

static void give_token(request *r, const kf_json *t) {
    const char *token = kf_json_str_or(t, "access_token", "");
    r->status = 200;
    if (!wants_json(r)) {
        kf_secret *line = kf_secret_zero(strlen(token) + 1);
        memcpy(kf_secret_edit(line), token, strlen(token));
        kf_secret_edit(line)[strlen(token)] = '\n';
        give(r, line);
        return;
    }
    char when[21];
    kf_rfc3339(kf_json_int_or(t, "expires_at", 0), when);
    KF_AUTO(kf_json) j = kf_json_obj();
    kf_json_set_str(j, "schema", "keyfob.token/1");
    kf_json_set_str(j, "profile", kf_json_str(t, "name"));
    kf_json_set_str(j, "token_type", "Bearer");
    kf_json_set_str(j, "access_token", token);
    kf_json_set_str(j, "expires_at", when);
    kf_json_set_int(j, "expires_in_s", kf_json_int_or(t, "left_ms", 0) / 1000);
    kf_json_set_bool(j, "renewed", kf_json_bool(t, "renewed", false));
    give(r, kf_json_print_secret(j));
    r->type = "application/json";
}

/* --- the upstream --------------------------------------------------------------------------------
 */

static void passed(void *user, kf_http_resp *resp, const kf_err *err) {
    request *r = user;
    r->http = 0;
    if (err) say_error(r, err);
    else {
        r->status = (unsigned)resp->status;
        r->headers = kf_strdup(resp->headers ? resp->headers : "");
        give(r, KF_TAKE(resp->body));
        bool bare = !strcmp(r->method, "HEAD") || resp->status == 304;
        if (bare && !kf_pass_answer_length(r->headers, &r->length)) r->length = MHD_SIZE_UNKNOWN;
    }
    go_on(r);
}

static enum MHD_Result on_connection_names(void *user, enum MHD_ValueKind kind, const char *name,
                                           const char *value) {
    kf_buf *names = user;
    if (!strcasecmp(name, "Connection")) kf_buf_addf(names, "%s,", value ? value : "");
    return MHD_YES;
}

typedef struct heads {
    const char *connection;
    char *line[KF_PASS_HEADERS_MAX + 1];
    size_t n;
    bool too_many;
} heads;

static enum MHD_Result on_head(void *user, enum MHD_ValueKind kind, const char *name,
                               const char *value) {
    heads *h = user;
    if (!kf_pass_request_header(name, value, h->connection)) return MHD_YES;
    if (h->n == KF_PASS_HEADERS_MAX) h->too_many = true;
    else h->line[h->n++] = kf_strfmt("%s: %s", name, value);
    return MHD_YES;
}

static void pass_on(request *r, const char *token) {
    kf_serve *s = r->serve;
    kf_buf names;
    kf_buf_init(&names, HEAD_MAX);
    MHD_get_connection_values(r->conn, MHD_HEADER_KIND, on_connection_names, &names);
    heads h = {.connection = names.data};
    MHD_get_connection_values(r->conn, MHD_HEADER_KIND, on_head, &h);
    if (!MHD_lookup_connection_value(r->conn, MHD_HEADER_KIND, "Accept") &&
        h.n < KF_PASS_HEADERS_MAX)
        h.line[h.n++] = kf_strdup("Accept: */*");
    KF_AUTO(kf_secret) bearer = kf_secret_new(token, strlen(token));
    KF_AUTO(kf_secret) body = r->body.len ? kf_secret_new(r->body.data, r->body.len) : NULL;
    kf_http_req q = {.method = r->method,
                     .origin = s->o.upstream,
                     .path = r->target,
                     .body = body,
                     .bearer = bearer,
                     .headers = (const char *const *)h.line,
                     .max_body = BODY_MAX,
                     .keep_headers = true,
                     .single_use = strcmp(r->method, "GET") != 0,
                     .timeout_ms = UPSTREAM_MS};
    if (h.too_many) say(r, 431, "more than %d headers", KF_PASS_HEADERS_MAX);
    else r->http = kf_http_send(s->o.http, &q, passed, r);
    for (size_t i = 0; i < h.n; i++) free(h.line[i]);
    kf_buf_done(&names);
}

/* --- requests ------------------------------------------------------------------------------------
 */

static void token_here(void *user, const kf_json *t, const kf_err *err) {
    request *r = user;
    kf_serve *s = r->serve;
    if (err) say_error(r, err);
    else if (!s->o.upstream) give_token(r, t);
    else pass_on(r, kf_json_str_or(t, "access_token", ""));
    if (r->answered) go_on(r);
}

/* "/token" and "/token/NAME" of the profiles that were named; what others there are is nobody's
 * business here. */
static const char *profile_for(const kf_serve *s, const char *target) {
    size_t n = strcspn(target, "?");
    if (n == 6 && !strncmp(target, "/token", 6))
        return s->o.n_profile == 1 ? s->o.profile[0] : NULL;
    for (size_t i = 0; i < s->o.n_profile; i++)
        if (n == 7 + strlen(s->o.profile[i]) && !strncmp(target, "/token/", 7) &&
            !strncmp(target + 7, s->o.profile[i], n - 7))
            return s->o.profile[i];
    return NULL;
}

typedef struct hosts {
    const char *value;
    int n;
} hosts;

static enum MHD_Result on_host(void *user, enum MHD_ValueKind kind, const char *key,
                               const char *value) {
    hosts *h = user;
    if (!strcasecmp(key, "Host")) h->n++, h->value = value;
    return MHD_YES;
}

/* One Host, and it is us, or whom we speak for. */
static bool host_ok(request *r) {
    const kf_serve *s = r->serve;
    hosts all = {0};
    MHD_get_connection_values(r->conn, MHD_HEADER_KIND, on_host, &all);
    const char *host = all.n == 1 ? all.value : NULL;
    static const char *const here[] = {"keyfob", "localhost", "127.0.0.1", "[::1]"};
    const char *up = s->o.upstream ? strstr(s->o.upstream, "://") + 3 : NULL;
    size_t n = host ? (host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":")) : 0;
    for (size_t i = 0; i < KF_LEN(here); i++)
        if (n == strlen(here[i]) && !strncasecmp(host, here[i], n)) return true;
    return up && host && !strcasecmp(host, up);
}

/* A web page that finds its way here (ssh -R to a port, a browser in the container) is not whom
 * this is for. */
static bool is_browser(request *r) {
    return MHD_lookup_connection_value(r->conn, MHD_HEADER_KIND, "Origin") ||
           MHD_lookup_connection_value(r->conn, MHD_HEADER_KIND, "Sec-Fetch-Mode");
}

static void decide(request *r, const char *method) {
    kf_serve *s = r->serve;
    const char *profile = s->o.upstream ? s->o.profile[0] : NULL;
    if (!host_ok(r)) say(r, 421, "the request is for another host; use http://keyfob/");
    else if (is_browser(r)) say(r, 403, "not for browsers");
    else if (!kf_pass_target_ok(r->target))
        say(r, 400, "the path must begin with / and be printable");
    else if (s->o.upstream && !kf_pass_method_ok(method))
        say(r, 405, "that method is not passed on");
    else if (!s->o.upstream && strcmp(method, "GET") != 0) say(r, 405, "only GET");
    else if (!s->o.upstream && r->has_body) say(r, 413, "no body belongs here");
    else if (r->too_big) say(r, 413, "the request's body is over %d MiB", BODY_MAX >> 20);
    else if (!s->o.upstream && !(profile = profile_for(s, r->target)))
        say(r, 404,
            s->o.n_profile == 1 ? "there is /token"
                                : "there is /token/PROFILE, for the profiles that were named");
    if (r->answered) return;
    r->method = kf_strdup(method);
    r->ask = kf_ask_token(s->loop, profile, s->o.min_valid_ms, token_here, r);
    r->suspended = true;
    turn(r, KF_PHASE_WORK);
    MHD_suspend_connection(r->conn);
}

static enum MHD_Result on_framing(void *user, enum MHD_ValueKind kind, const char *name,
                                  const char *value) {
    kf_pass_framing_add(user, name);
    return MHD_YES;
}

static bool framing_ok(struct MHD_Connection *conn) {
    kf_pass_framing f = {0};
    MHD_get_connection_values(conn, MHD_HEADER_KIND, on_framing, &f);
    return kf_pass_framing_ok(&f);
}

static enum MHD_Result on_access(void *user, struct MHD_Connection *conn, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *data_len, void **slot) {
    request *r = *slot;
    if (!r) return MHD_NO;
    r->conn = conn;
    if (r->answered) return answer(r);
    if (!r->seen) {
        r->seen = true;
        turn(r, KF_PHASE_BODY);
        if (framing_ok(conn)) return MHD_YES;
        say(r, 400, "the request must have one Host and one length");
        return answer(r); /* and MHD ends the connection: what follows is not read as a request */
    }
    if (*data_len) {
        r->has_body = true;
        if (r->serve->o.upstream && !kf_buf_add(&r->body, data, *data_len)) r->too_big = true;
        *data_len = 0;
        return MHD_YES;
    }
    decide(r, method);
    return r->answered ? answer(r) : MHD_YES;
}

static void *on_target(void *user, const char *target, struct MHD_Connection *conn) {
    request *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    r->serve = user;
    r->conn = conn;
    r->target = kf_strdup(target);
    r->retry_after = -1;
    kf_buf_init(&r->body, BODY_MAX);
    r->next = r->serve->open;
    r->serve->open = r;
    turn(r, KF_PHASE_HEAD);
    return r;
}

static void on_done(void *user, struct MHD_Connection *conn, void **slot,
                    enum MHD_RequestTerminationCode why) {
    kf_serve *s = user;
    request *r = *slot, **p = &s->open;
    if (!r) return;
    turn(r, KF_PHASE_REST);
    while (*p && *p != r) p = &(*p)->next;
    if (*p) *p = r->next;
    kf_ask_free(r->ask);
    if (r->http) kf_http_cancel(s->o.http, r->http);
    kf_buf_done(&r->body);
    kf_secret_free(r->text);
    free(r->headers);
    free(r->target);
    free(r->method);
    free(r);
    *slot = NULL;
}

static void on_log(void *user, const char *fmt, va_list args) {
    (void)user, (void)fmt, (void)args; /* MHD's remarks on broken clients help nobody */
}

/* --- connections ---------------------------------------------------------------------------------
 */

static void cut(kf_peer *p) {
    p->cut = true;
    shutdown(p->fd, SHUT_RDWR);
}

/* A client that sends a byte now and then never runs into MHD's own time-out. */
static void check(void *user) {
    kf_serve *s = user;
    s->check = 0;
    for (size_t i = 0; i < KF_LEN(s->peers.at); i++) {
        kf_peer *p = &s->peers.at[i];
        int untaken = 0;
        if (p->conn && p->phase == KF_PHASE_ANSWER) ioctl(p->fd, TIOCOUTQ, &untaken);
        if (p->conn && kf_peers_over(&s->peers, p, untaken, kf_boot_ms())) cut(p);
    }
    run(s);
}

static void on_connection(void *user, struct MHD_Connection *conn, void **slot,
                          enum MHD_ConnectionNotificationCode what) {
    kf_serve *s = user;
    if (what != MHD_CONNECTION_NOTIFY_STARTED) {
        kf_peers_remove(&s->peers, conn);
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
    kf_peers_add(&s->peers, conn, info ? info->connect_fd : -1, kf_boot_ms());
}

static bool has_room(kf_serve *s) {
    if (!kf_peers_full(&s->peers)) return true;
    MHD_run(s->daemon); /* what has come is read before anybody is found to say nothing */
    kf_peer *idlest = kf_peers_idlest(&s->peers, kf_boot_ms());
    if (idlest) {
        cut(idlest);
        MHD_run(s->daemon);
    }
    return !kf_peers_full(&s->peers);
}

/* Who is let in is decided before a byte is read. When all places are taken by clients that have
 * asked for something, the rest waits in the queue. */
static void accept_ready(int fd, short revents, void *user) {
    kf_serve *s = user;
    uid_t who = 0;
    while (has_room(s)) {
        struct sockaddr_storage a = {0};
        socklen_t len = sizeof a;
        int c = accept4(fd, (struct sockaddr *)&a, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (c < 0) break;
        a.ss_family = AF_UNIX;
        if (!kf_house_lets_in(s->o.house, c, &who)) {
            kf_log(KF_LOG_WARN, "user %u was not let in", (unsigned)who);
            close(c);
        } else if (MHD_add_connection(s->daemon, c, (struct sockaddr *)&a, sizeof(sa_family_t)) !=
                   MHD_YES)
            break; /* it closed c */
    }
    run(s);
}

static void on_timer(void *user) {
    kf_serve *s = user;
    s->timer = 0;
    run(s);
}

static void on_ready(int fd, short revents, void *user) { run(user); }

static void run(kf_serve *s) {
    MHD_UNSIGNED_LONG_LONG ms = 0;
    MHD_run(s->daemon);
    kf_loop_cancel(s->loop, s->timer);
    s->timer = 0;
    if (MHD_get_timeout(s->daemon, &ms) == MHD_YES)
        s->timer = kf_loop_after(s->loop, (int64_t)ms, on_timer, s);
    bool closed = kf_peers_full(&s->peers) && !kf_peers_idlest(&s->peers, kf_boot_ms());
    kf_loop_fd_events(s->loop, s->accept, closed ? 0 : POLLIN);
    if (!s->check && kf_peers_any(&s->peers)) s->check = kf_loop_after(s->loop, CHECK_MS, check, s);
}

/* --- life ----------------------------------------------------------------------------------------
 */

kf_serve *kf_serve_new(kf_loop *l, const kf_serve_opts *o, kf_err *err) {
    kf_serve *s = kf_new(kf_serve);
    s->loop = l;
    s->o = *o;
    s->peers.patience_ms = o->patience_ms > 0 ? o->patience_ms : PATIENCE_MS;
    s->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | MHD_USE_NO_LISTEN_SOCKET, 0,
        NULL, NULL, on_access, s, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, on_done, s, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, s, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)KF_PEERS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)HEAD_MAX, MHD_OPTION_END);
    const union MHD_DaemonInfo *info =
        s->daemon ? MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (!info) {
        kf_fail(err, KF_ERR_SYS_IO, "the HTTP server does not start");
        return kf_serve_free(s);
    }
    s->io = kf_loop_fd(l, info->epoll_fd, POLLIN, on_ready, s);
    s->accept = kf_loop_fd(l, o->house->fd, POLLIN, accept_ready, s);
    return s;
}

kf_serve *kf_serve_free(kf_serve *s) {
    if (!s) return NULL;
    for (request *r = s->open; r; r = r->next)
        if (r->suspended) r->suspended = false, MHD_resume_connection(r->conn);
    if (s->daemon) MHD_stop_daemon(s->daemon);
    kf_loop_cancel(s->loop, s->io);
    kf_loop_cancel(s->loop, s->accept);
    kf_loop_cancel(s->loop, s->timer);
    kf_loop_cancel(s->loop, s->check);
    free(s);
    return NULL;
}
