#include "agent/server.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "agent/drive.h"
#include "agent/methods.h"
#include "agent/watch.h"
#include "base/log.h"
#include "wire/frame.h"
#include "wire/msg.h"
#include "wire/socket.h"

/* Limits on what a peer can make us hold. */
enum { CONNECTIONS_MAX = 256, OUT_MAX = 4 << 20, READ_CHUNK = 16 << 10, HALF_FRAME_MS = 10000, FLUSH_MS = 2000 };

typedef struct conn {
    struct conn *next;
    kf_server *server;
    uint32_t id;
    int fd;
    kf_loop_id io, half, turn;
    kf_frame_reader in;
    kf_buf out;
    bool busy;     /* a call is being answered: nothing more is read */
    bool oneway;
} conn;

struct kf_server {
    kf_agent *agent;
    int fd;
    kf_loop_id io, flush_timer;
    conn *conns;
    size_t n;
    uint32_t last;
    kf_loop_fn flushed;
    void *flushed_user;
};

static void next_call(conn *c);

static conn *find(const kf_server *s, uint32_t id) {
    conn *c = s->conns;
    while (c && c->id != id) c = c->next;
    return c;
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
    free(c);
    kf_drive_conn_gone(s->agent, id);
    kf_watch_conn_gone(s->agent, id);
}

static void half_frame(void *user) {
    conn *c = user;
    c->half = 0;
    kf_log(KF_LOG_WARN, "server: a half-sent call was given up after %d s", HALF_FRAME_MS / 1000);
    conn_close(c);
}

static void set_events(conn *c) {
    kf_loop *l = c->server->agent->loop;
    bool want = !c->busy && c->out.len == 0;
    kf_loop_fd_events(l, c->io, (short)((want ? POLLIN : 0) | (c->out.len ? POLLOUT : 0)));
    bool half = want && kf_frame_has_partial(&c->in);
    if (half && !c->half) c->half = kf_loop_after(l, HALF_FRAME_MS, half_frame, c);
    else if (!half && c->half) {
        kf_loop_cancel(l, c->half);
        c->half = 0;
    }
}

static void check_flushed(kf_server *s) {
    if (!s->flushed) return;
    for (conn *c = s->conns; c; c = c->next)
        if (c->out.len) return;
    kf_loop_fn fn = s->flushed;
    s->flushed = NULL;
    kf_loop_cancel(s->agent->loop, s->flush_timer);
    fn(s->flushed_user);
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

static void turn(void *user) {
    conn *c = user;
    c->turn = 0;
    next_call(c);
}

static void answer(kf_server *s, uint32_t id, kf_json *msg, bool continues) {
    KF_AUTO(kf_json) m = msg;
    conn *c = find(s, id);
    if (!c) return;
    kf_err e;
    bool ok = true;
    if (!c->oneway && !kf_frame_write(&c->out, m, &e)) {
        kf_log(KF_LOG_WARN, "server: an answer did not fit: %s", e.what);
        ok = false;
    }
    if (!ok || !write_out(c)) {
        if (!ok) conn_close(c);
        return;
    }
    if (!continues) {
        c->busy = false;
        /* in a turn of its own: a call that is answered at once must not nest */
        if (!c->turn) c->turn = kf_loop_after(s->agent->loop, 0, turn, c);
    }
    set_events(c);
}

void kf_server_reply(kf_server *s, uint32_t id, kf_json *params, bool continues) {
    answer(s, id, kf_msg_reply(params, continues), continues);
}
void kf_server_error(kf_server *s, uint32_t id, const kf_err *e) { answer(s, id, kf_msg_error(e), false); }
void kf_server_varlink_error(kf_server *s, uint32_t id, const char *error, kf_json *params) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "error", error);
    kf_json_set(j, "parameters", params ? params : kf_json_obj());
    answer(s, id, j, false);
}
bool kf_server_alive(const kf_server *s, uint32_t id) { return find(s, id) != NULL; }

static void next_call(conn *c) {
    if (c->busy || c->out.len) return;
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
    if (!method || (params && !kf_json_is_obj(params)))
        kf_server_varlink_error(c->server, c->id, "org.varlink.service.InvalidParameter", NULL);
    else kf_methods_call(c->server->agent, c->id, method, params ? params : none, kf_json_bool(msg, "more", false));
    kf_json_free(msg);
}

static void conn_ready(int fd, short revents, void *user) {
    conn *c = user;
    kf_server *s = c->server;
    if (revents & POLLOUT) {
        if (!write_out(c)) {
            check_flushed(s);
            return;
        }
        check_flushed(s);
        if (!find(s, c->id)) return;
    }
    if (revents & POLLIN && !c->busy && !c->out.len) {
        char chunk[READ_CHUNK];
        ssize_t n = recv(fd, chunk, sizeof chunk, MSG_DONTWAIT);
        kf_err e;
        bool ok = n > 0 ? kf_frame_feed(&c->in, chunk, (size_t)n, &e) : n < 0 && (errno == EAGAIN || errno == EINTR);
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

static void accept_ready(int fd, short revents, void *user) {
    (void)revents;
    kf_server *s = user;
    int cfd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (cfd < 0) return;
    kf_err e;
    if (!kf_socket_peer_ok(cfd, NULL, &e) || s->n >= CONNECTIONS_MAX) {
        kf_log(KF_LOG_WARN, "server: refused a connection: %s", s->n >= CONNECTIONS_MAX ? "too many" : e.what);
        close(cfd);
        return;
    }
    conn *c = calloc(1, sizeof *c);
    if (!c) abort();
    do s->last++;
    while (!s->last || find(s, s->last));
    *c = (conn){.next = s->conns, .server = s, .id = s->last, .fd = cfd};
    s->conns = c;
    s->n++;
    kf_frame_reader_init(&c->in);
    kf_buf_init(&c->out, OUT_MAX);
    c->io = kf_loop_fd(s->agent->loop, cfd, POLLIN, conn_ready, c);
}

kf_server *kf_server_new(kf_agent *a, int listen_fd, kf_err *err) {
    (void)err;
    kf_server *s = calloc(1, sizeof *s);
    if (!s) abort();
    s->agent = a;
    s->fd = listen_fd;
    s->io = kf_loop_fd(a->loop, listen_fd, POLLIN, accept_ready, s);
    return s;
}

void kf_server_stop_listening(kf_server *s) {
    if (s->fd < 0) return;
    kf_loop_cancel(s->agent->loop, s->io);
    close(s->fd);
    s->fd = -1;
}

kf_server *kf_server_free(kf_server *s) {
    if (!s) return NULL;
    kf_server_stop_listening(s);
    while (s->conns) conn_close(s->conns);
    kf_loop_cancel(s->agent->loop, s->flush_timer);
    free(s);
    return NULL;
}

size_t kf_server_connections(const kf_server *s) { return s->n; }
int kf_server_listen_fd(const kf_server *s) { return s->fd; }

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
