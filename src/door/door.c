/* The listening socket: accepts, refuses, pauses, flushes. What a connection does is in conn.c. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "base/mem.h"
#include "door/door_impl.h"
#include "wire/socket.h"

enum {
    CONNECTIONS_MAX = 256,
    SILENT_MS = 10000, /* without a call, when others want to come in */
    FLUSH_MS = 2000,
    ACCEPT_AT_ONCE = 32,
    ACCEPT_REST_MS = 1000
};

/* When the door is full, the connection that has been silent for the longest time makes room. */
static bool make_room(kf_door *d) {
    kf_conn *silent = NULL;
    int64_t since = kf_boot_ms() - SILENT_MS;
    for (kf_conn *n = d->conns; n; n = n->next)
        if (kf_conn_is_idle(n) && n->active <= since && (!silent || n->active < silent->active))
            silent = n;
    if (silent) kf_conn_close(silent);
    return silent;
}

static void accept_again(void *user) {
    kf_door *d = user;
    d->rest = 0;
    if (d->fd >= 0 && !d->paused) kf_loop_fd_events(d->loop, d->io, POLLIN);
}

/* False: nobody else waits, or not now. */
static bool accept_one(kf_door *d) {
    int fd = accept4(d->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return false;
        /* no descriptors: not again at once */
        kf_log(KF_LOG_ERROR, "door: accept: %s", strerror(errno));
        kf_loop_fd_events(d->loop, d->io, 0);
        if (!d->rest) d->rest = kf_loop_after(d->loop, ACCEPT_REST_MS, accept_again, d);
        return false;
    }
    kf_err e;
    if (!kf_socket_peer_ok(fd, NULL, &e)) {
        kf_door_refuse(d, fd, &e, false);
    } else if (d->n >= CONNECTIONS_MAX && !make_room(d)) {
        kf_fail(&e, KF_ERR_WIRE_BUSY, "%d connections are open already", CONNECTIONS_MAX);
        kf_door_refuse(d, fd, &e, true);
    } else {
        kf_conn_new(d, fd);
    }
    return true;
}

static void accept_ready(int fd, short revents, void *user) {
    kf_door *d = user;
    for (int i = 0; i < ACCEPT_AT_ONCE && !d->paused && accept_one(d); i++) {
    }
}

kf_door *kf_door_new(kf_loop *l, int listen_fd, kf_door_fn on_call, void *user) {
    kf_door *d = kf_new(kf_door);
    *d = (kf_door){.loop = l, .fd = listen_fd, .on_call = on_call, .user = user};
    d->io = kf_loop_fd(l, listen_fd, POLLIN, accept_ready, d);
    return d;
}

int kf_door_fd(const kf_door *d) { return d->fd; }

void kf_door_stop_listening(kf_door *d) {
    if (d->fd < 0) return;
    kf_loop_cancel(d->loop, d->io);
    kf_loop_cancel(d->loop, d->rest);
    close(d->fd);
    d->fd = -1;
    for (kf_conn *n = d->conns; n; n = n->next) kf_conn_watch(n);
}

void kf_door_close(kf_door *d) {
    if (!d) return;
    d->flushed = NULL;
    kf_door_stop_listening(d);
    while (d->conns) kf_conn_close(d->conns);
    kf_door_refuse_end(d);
    kf_loop_cancel(d->loop, d->flush_timer);
}

kf_door *kf_door_free(kf_door *d) {
    if (!d) return NULL;
    kf_door_close(d);
    while (d->calls) kf_call_drop(d->calls);
    free(d);
    return NULL;
}

/* What was read whole is still answered: its client cannot know that nothing was done. */
void kf_door_pause(kf_door *d) {
    d->paused = true;
    kf_loop_fd_events(d->loop, d->io, 0);
    for (kf_conn *n = d->conns; n; n = n->next) kf_conn_watch(n);
}

void kf_door_resume(kf_door *d) {
    d->paused = false;
    for (kf_conn *n = d->conns; n; n = n->next) {
        n->broken = n->broken || n->leaving;
        kf_conn_plan(n);
    }
    if (!d->rest) kf_loop_fd_events(d->loop, d->io, POLLIN);
}

size_t kf_door_open_calls(const kf_door *d) {
    size_t n = 0;
    for (const kf_call *c = d->calls; c; c = c->next)
        n += !c->lasts && !(c->conn && c->conn->leaving);
    for (const kf_conn *c = d->conns; c; c = c->next)
        if (!c->call) n += c->out.len || c->held || (!c->leaving && kf_conn_has_call(c));
        else if (c->leaving) n += c->out.len > 0;
    return n;
}

size_t kf_door_count(const kf_door *d, const char *method) {
    size_t n = 0;
    for (const kf_call *c = d->calls; c; c = c->next) n += !strcmp(c->method, method);
    return n;
}

size_t kf_door_connections(const kf_door *d) { return d->n; }

/* --- before the end -----------------------------------------------------------------------------
 */

void kf_door_check_flushed(kf_door *d) {
    if (!d->flushed) return;
    for (const kf_conn *n = d->conns; n; n = n->next)
        if (n->out.len) return;
    kf_loop_fn fn = d->flushed;
    d->flushed = NULL;
    kf_loop_cancel(d->loop, d->flush_timer);
    d->flush_timer = 0;
    fn(d->flushed_user);
}

static void flush_over(void *user) {
    kf_door *d = user;
    d->flush_timer = 0;
    kf_loop_fn fn = d->flushed;
    d->flushed = NULL;
    if (fn) fn(d->flushed_user);
}

void kf_door_flush(kf_door *d, kf_loop_fn fn, void *user) {
    d->flushed = fn;
    d->flushed_user = user;
    d->flush_timer = kf_loop_after(d->loop, FLUSH_MS, flush_over, d);
    kf_door_check_flushed(d);
}
