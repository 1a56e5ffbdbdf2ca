/* The agent's connections: accept, read frames, hand calls to methods.c, write the answers. It
 * enforces the limits of a connection and knows nothing of what a call means. */
#include "agent/server.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "agent/drive.h"
#include "agent/methods.h"
#include "agent/watch.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/frame.h"
#include "wire/msg.h"
#include "wire/socket.h"

/* Limits on what a peer can make us hold. */
enum {
    CONNECTIONS_MAX = 256,
    OUT_MAX = 4 << 20, /* answers that nobody reads: over it the connection ends */
    READ_CHUNK = 16 << 10,
    HALF_FRAME_MS = 10000,
    FLUSH_MS = 2000,
    ACCEPT_AT_ONCE = 32,
    ACCEPT_REST_MS = 1000
};

typedef struct conn {
    struct conn *next;
    kf_server *server;
    uint32_t id;
    int fd;
    kf_loop_id io, half, turn;
    kf_frame_reader in;
    kf_buf out;
    bool busy; /* a call is being answered: nothing more is read */
    bool oneway;
    bool read_only;
    bool leaving;             /* gets no answer any more: it ends with this program */
    kf_loop_fn sent, dropped; /* kf_server_when_sent */
    void *sent_user;
} conn;

struct kf_server {
    kf_agent *agent;
    int fd;
    kf_loop_id io, flush_timer, rest;
    bool paused; /* nothing new is read or accepted */
    conn *conns;
    size_t n;
    uint32_t last;
    kf_loop_fn flushed;
    void *flushed_user;
};

static void next_call(conn *c);

static conn *find(const kf_server *s, uint32_t id) {
    conn *c = s ? s->conns : NULL; /* late callbacks meet no server any more */
    while (c && c->id != id) c = c->next;
    return c;
}

static void check_flushed(kf_server *s) {
    if (!s->flushed) return;
    for (conn *c = s->conns; c; c = c->next)
        if (c->out.len) return;
    kf_loop_fn fn = s->flushed;
    s->flushed = NULL;
    kf_loop_cancel(s->agent->loop, s->flush_timer);
    s->flush_timer = 0;
    fn(s->flushed_user);
}

static void conn_close(conn *c) {
    kf_server *s = c->server;
    conn **p = &s->conns;
    while (*p != c) p = &(*p)->next;
    *p = c->next;
    s->n--;
    kf_loop *l = s->agent->loop;
    kf_loop_cancel(l, c->io);
    kf_loop_cancel(l, c->half);
    kf_loop_cancel(l, c->turn);
    close(c->fd);
    kf_frame_reader_done(&c->in);
    kf_buf_done(&c->out);
    uint32_t id = c->id;
    if (c->dropped) c->dropped(c->sent_user);
    free(c);
    kf_drive_conn_gone(s->agent, id);
    kf_watch_conn_gone(s->agent, id);
    kf_factors_conn_gone(s->agent, id);
    kf_seals_conn_gone(s->agent, id);
    kf_imports_conn_gone(s->agent, id);
    check_flushed(s);
}

static void half_frame(void *user) {
    conn *c = user;
    c->half = 0;
    kf_log(KF_LOG_WARN, "server: a half-sent call was given up after %d s", HALF_FRAME_MS / 1000);
    conn_close(c);
}

static bool whole_frame(const conn *c) { return c->in.in.len > 0 && !kf_frame_has_partial(&c->in); }

/* Reads only what it can take: no call open, every answer gone, no whole call waiting. */
static void set_events(conn *c) {
    kf_loop *l = c->server->agent->loop;
    const kf_server *s = c->server;
    bool want = !c->busy && !c->out.len && !whole_frame(c) && s->fd >= 0 && !s->paused;
    kf_loop_fd_events(l, c->io, (short)((want ? POLLIN : 0) | (c->out.len ? POLLOUT : 0)));
    bool half = want && kf_frame_has_partial(&c->in);
    if (half && !c->half) c->half = kf_loop_after(l, HALF_FRAME_MS, half_frame, c);
    else if (!half && c->half) {
        kf_loop_cancel(l, c->half);
        c->half = 0;
    }
}

/* False when the connection ended. */
static bool write_out(conn *c) {
    while (c->out.len) {
        ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) kf_buf_drop(&c->out, (size_t)n);
        else if (n < 0 && errno == EAGAIN) break;
        else if (n == 0 || errno != EINTR) {
            conn_close(c);
            return false;
        }
    }
    return true;
}

/* What waited for the answers to be gone. False when the connection ended. */
static bool run_sent(conn *c) {
    if (c->out.len || !c->sent) return true;
    kf_server *s = c->server;
    uint32_t id = c->id;
    kf_loop_fn fn = c->sent;
    c->sent = c->dropped = NULL;
    fn(c->sent_user);
    return find(s, id) != NULL;
}

static void turn(void *user) {
    conn *c = user;
    c->turn = 0;
    if (run_sent(c)) next_call(c);
}

static void plan_turn(conn *c) {
    if (!c->turn) c->turn = kf_loop_after(c->server->agent->loop, 0, turn, c);
}

/* A text that no client's parser takes would end the connection, and the list of all profiles with
 * it. Texts are made right where they come in; this is the second line. */
static bool put_repaired(conn *c, const kf_json *msg, kf_err *err) {
    char *text = kf_json_print(msg);
    KF_AUTO(kf_json) fit = kf_json_parse_lenient(text, strlen(text), NULL);
    kf_wipe(text, strlen(text));
    free(text);
    return fit && kf_frame_write(&c->out, fit, err);
}

/* An answer over the limit of a frame becomes an error; in the middle of a stream it ends the
 * connection. */
static bool put_frame(conn *c, const kf_json *msg, bool continues) {
    kf_err e;
    if (c->oneway || kf_frame_write(&c->out, msg, &e)) return true;
    if (e.code == KF_ERR_USAGE_BAD) {
        kf_log(KF_LOG_WARN, "server: an answer was repaired: %s", e.what);
        if (put_repaired(c, msg, &e)) return true;
    }
    kf_log(KF_LOG_WARN, "server: an answer did not fit: %s", e.what);
    if (continues || c->out.len) return false;
    kf_hint(&e, "Call it with more: it comes in parts then.");
    KF_AUTO(kf_json) sorry = kf_msg_error(&e);
    return kf_frame_write(&c->out, sorry, &e);
}

static void answer(kf_server *s, uint32_t id, kf_json *msg, bool continues) {
    KF_AUTO(kf_json) m = msg;
    conn *c = find(s, id);
    if (!c) return;
    if (!put_frame(c, m, continues)) {
        conn_close(c);
        return;
    }
    if (!write_out(c)) return;
    if (!continues) {
        c->busy = false;
        /* in a turn of its own: a call that is answered at once must not nest */
        if (whole_frame(c)) plan_turn(c);
    }
    set_events(c);
}

void kf_server_reply(kf_server *s, uint32_t id, kf_json *params, bool continues) {
    answer(s, id, kf_msg_reply(params, continues), continues);
}
void kf_server_error(kf_server *s, uint32_t id, const kf_err *e) {
    answer(s, id, kf_msg_error(e), false);
}
void kf_server_varlink_error(kf_server *s, uint32_t id, const char *error, kf_json *params) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "error", error);
    kf_json_set(j, "parameters", params ? params : kf_json_obj());
    answer(s, id, j, false);
}
void kf_server_set_read_only(kf_server *s, uint32_t id) {
    conn *c = find(s, id);
    if (c) c->read_only = true;
}
bool kf_server_read_only(const kf_server *s, uint32_t id) {
    const conn *c = find(s, id);
    return c && c->read_only;
}
bool kf_server_alive(const kf_server *s, uint32_t id) { return find(s, id) != NULL; }

void kf_server_when_sent(kf_server *s, uint32_t id, kf_loop_fn fn, kf_loop_fn dropped, void *user) {
    conn *c = find(s, id);
    if (!c) {
        if (dropped) dropped(user);
        return;
    }
    c->sent = fn;
    c->dropped = dropped;
    c->sent_user = user;
    if (!c->out.len) plan_turn(c);
}

static void next_call(conn *c) {
    if (c->busy || c->leaving || c->out.len || c->server->fd < 0) return;
    kf_json *msg = NULL;
    kf_err e;
    int rc = kf_frame_next(&c->in, &msg, &e);
    if (rc < 0) {
        kf_log(KF_LOG_WARN, "server: %s", e.what);
        conn_close(c);
        return;
    }
    set_events(c);
    if (rc == 0) return;
    const char *method = kf_json_str(msg, "method");
    const kf_json *params = kf_json_get(msg, "parameters");
    KF_AUTO(kf_json) none = kf_json_obj();
    c->busy = true;
    c->oneway = kf_json_bool(msg, "oneway", false);
    set_events(c);
    if (!method || (params && !kf_json_is_obj(params) && !kf_json_is_null(params))) {
        kf_json *j = kf_json_obj();
        kf_json_set_str(j, "parameter", method ? "parameters" : "method");
        kf_server_varlink_error(c->server, c->id, "org.varlink.service.InvalidParameter", j);
    } else
        kf_methods_call(c->server->agent, c->id, method, kf_json_is_obj(params) ? params : none,
                        kf_json_bool(msg, "more", false));
    kf_json_free(msg);
}

static void conn_ready(int fd, short revents, void *user) {
    conn *c = user;
    kf_server *s = c->server;
    if (revents & POLLOUT) {
        uint32_t id = c->id;
        bool alive = write_out(c);
        check_flushed(s);
        if (!alive || !find(s, id) || !run_sent(c)) return;
        set_events(c);
    }
    if (revents & POLLIN && !c->busy && !c->out.len && !whole_frame(c)) {
        char chunk[READ_CHUNK];
        ssize_t n = recv(fd, chunk, sizeof chunk, MSG_DONTWAIT);
        kf_err e;
        bool ok = n > 0 ? kf_frame_feed(&c->in, chunk, (size_t)n, &e)
                        : n < 0 && (errno == EAGAIN || errno == EINTR);
        if (n > 0) kf_wipe(chunk, (size_t)n);
        if (!ok) {
            conn_close(c);
            return;
        }
    } else if (revents & (POLLHUP | POLLERR)) {
        conn_close(c);
        return;
    }
    next_call(c);
}

/* One too many is told so, in the form of an answer to whatever it was about to ask. */
static void refuse(int fd) {
    kf_err e;
    kf_fail(&e, KF_ERR_WIRE_BUSY, "%d connections are open already", CONNECTIONS_MAX);
    KF_AUTO(kf_json) msg = kf_msg_error(&e);
    kf_buf out;
    kf_buf_init(&out, 4096);
    if (kf_frame_write(&out, msg, &e)) {
        ssize_t n = send(fd, out.data, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)n; /* it may be gone */
    }
    kf_buf_done(&out);
}

static void accept_again(void *user) {
    kf_server *s = user;
    s->rest = 0;
    if (s->fd >= 0 && !s->paused) kf_loop_fd_events(s->agent->loop, s->io, POLLIN);
}

/* False: nobody else waits, or not now. */
static bool accept_one(kf_server *s, int fd) {
    int cfd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (cfd < 0) {
        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return false;
        kf_log(KF_LOG_ERROR, "server: accept: %s",
               strerror(errno)); /* no descriptors: not again at once */
        kf_loop_fd_events(s->agent->loop, s->io, 0);
        if (!s->rest) s->rest = kf_loop_after(s->agent->loop, ACCEPT_REST_MS, accept_again, s);
        return false;
    }
    kf_err e;
    bool ours = kf_socket_peer_ok(cfd, NULL, &e);
    if (!ours || s->n >= CONNECTIONS_MAX) {
        kf_log(KF_LOG_WARN, "server: refused a connection: %s", ours ? "too many" : e.what);
        if (ours) refuse(cfd);
        close(cfd);
        return true;
    }
    conn *c = kf_new(conn);
    do s->last++;
    while (!s->last || find(s, s->last));
    *c = (conn){.next = s->conns, .server = s, .id = s->last, .fd = cfd};
    s->conns = c;
    s->n++;
    kf_frame_reader_init(&c->in);
    kf_buf_init(&c->out, OUT_MAX);
    c->io = kf_loop_fd(s->agent->loop, cfd, POLLIN, conn_ready, c);
    return true;
}

static void accept_ready(int fd, short revents, void *user) {
    const kf_server *s = user;
    for (int i = 0; i < ACCEPT_AT_ONCE && !s->paused && accept_one(user, fd); i++) {
    }
}

kf_server *kf_server_new(kf_agent *a, int listen_fd, kf_err *err) {
    kf_server *s = kf_new(kf_server);
    s->agent = a;
    s->fd = listen_fd;
    s->io = kf_loop_fd(a->loop, listen_fd, POLLIN, accept_ready, s);
    return s;
}

void kf_server_stop_listening(kf_server *s) {
    if (s->fd < 0) return;
    kf_loop_cancel(s->agent->loop, s->io);
    kf_loop_cancel(s->agent->loop, s->rest);
    close(s->fd);
    s->fd = -1;
    for (conn *c = s->conns; c; c = c->next) set_events(c); /* open calls end, no new ones begin */
}

kf_server *kf_server_free(kf_server *s) {
    if (!s) return NULL;
    s->flushed = NULL;
    kf_server_stop_listening(s);
    while (s->conns) conn_close(s->conns);
    kf_loop_cancel(s->agent->loop, s->flush_timer);
    free(s);
    return NULL;
}

int kf_server_fd(const kf_server *s) { return s->fd; }

void kf_server_leave(kf_server *s, uint32_t id) {
    conn *c = find(s, id);
    if (c) c->leaving = true;
}

/* What was read whole is still answered: its client cannot know that nothing was done. */
void kf_server_pause(kf_server *s) {
    s->paused = true;
    kf_loop_fd_events(s->agent->loop, s->io, 0);
    for (conn *c = s->conns; c; c = c->next) set_events(c);
}

void kf_server_resume(kf_server *s) {
    s->paused = false;
    for (conn *c = s->conns, *next; c; c = next) {
        next = c->next;
        if (c->leaving) conn_close(c);
        else set_events(c);
    }
    if (!s->rest) kf_loop_fd_events(s->agent->loop, s->io, POLLIN);
}

size_t kf_server_open_calls(const kf_server *s) {
    size_t n = 0;
    for (const conn *c = s->conns; c; c = c->next)
        n += kf_watch_is(s->agent->watch, c->id) ? 0
             : c->leaving                        ? c->out.len > 0
                                                 : c->busy || c->out.len || whole_frame(c);
    return n;
}

size_t kf_server_connections(const kf_server *s) { return s->n; }

static void flush_over(void *user) {
    kf_server *s = user;
    s->flush_timer = 0;
    kf_loop_fn fn = s->flushed;
    s->flushed = NULL;
    if (fn) fn(s->flushed_user);
}

void kf_server_flush(kf_server *s, kf_loop_fn fn, void *user) {
    s->flushed = fn;
    s->flushed_user = user;
    s->flush_timer = kf_loop_after(s->agent->loop, FLUSH_MS, flush_over, s);
    check_flushed(s);
}
