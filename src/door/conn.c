/* One connection: reads frames, begins one call at a time, writes answers, and ends when it breaks
 * a limit. It never looks into a call. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "base/mem.h"
#include "door/door_impl.h"
#include "wire/msg.h"

/* Limits on what a peer can make us hold. */
enum {
    OUT_MAX = 4 << 20, /* answers that nobody reads: over it the connection ends */
    READ_CHUNK = 16 << 10,
    HALF_FRAME_MS = 10000,
    CALLS_A_TURN = 16,   /* that are answered at once; then the other connections */
    BATCH_MAX = 64 << 10 /* of their answers, which leave together */
};

void kf_conn_close(kf_conn *n) {
    kf_door *d = n->door;
    kf_conn **p = &d->conns;
    while (*p != n) p = &(*p)->next;
    *p = n->next;
    d->n--;
    kf_loop_cancel(d->loop, n->io);
    kf_loop_cancel(d->loop, n->half);
    kf_loop_cancel(d->loop, n->turn);
    close(n->fd);
    kf_frame_reader_done(&n->in);
    kf_buf_done(&n->out);
    if (n->call) kf_call_cut(n->call);
    if (n->held_gone) n->held_gone(n->held);
    free(n);
    kf_door_check_flushed(d);
}

static void half_frame(void *user) {
    kf_conn *n = user;
    n->half = 0;
    kf_log(KF_LOG_WARN, "door: a half-sent call was given up after %d s", HALF_FRAME_MS / 1000);
    kf_conn_close(n);
}

bool kf_conn_has_call(const kf_conn *n) {
    return n->in.in.len > 0 && !kf_frame_has_partial(&n->in);
}

/* No call open, every answer gone, or about to leave with the next one. */
static bool is_free(const kf_conn *n) {
    return !n->call && n->out.len <= (n->working ? BATCH_MAX : 0) && !n->broken && n->door->fd >= 0;
}

/* A connection that is not free, or that has a whole call waiting, is not read. */
static bool may_read(const kf_conn *n) {
    return is_free(n) && !kf_conn_has_call(n) && !n->door->paused;
}

/* Most clients send nothing while they wait, so it is still polled for input then, until something
 * comes: two system calls less for each call. */
void kf_conn_watch(kf_conn *n) {
    kf_loop *l = n->door->loop;
    bool want = may_read(n);
    if (want) n->muted = false;
    kf_loop_fd_events(l, n->io, (short)((n->muted ? 0 : POLLIN) | (n->stuck ? POLLOUT : 0)));
    bool half = want && kf_frame_has_partial(&n->in);
    if (half && !n->half) n->half = kf_loop_after(l, HALF_FRAME_MS, half_frame, n);
    else if (!half && n->half) {
        kf_loop_cancel(l, n->half);
        n->half = 0;
    }
}

static void write_out(kf_conn *n) {
    n->stuck = false;
    while (n->out.len) {
        ssize_t k = send(n->fd, n->out.data, n->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (k > 0) kf_buf_drop(&n->out, (size_t)k);
        else if (k < 0 && errno == EAGAIN) {
            n->stuck = true;
            return;
        } else if (k == 0 || errno != EINTR) {
            n->broken = true;
            return;
        }
    }
}

/* A text that no client's parser takes would end the connection, and the list of all profiles with
 * it. Texts are made right where they come in; this is the second line. */
static bool put_repaired(kf_conn *n, const kf_json *msg, kf_err *err) {
    char *text = kf_json_print(msg);
    KF_AUTO(kf_json) fit = kf_json_parse_lenient(text, strlen(text), NULL);
    kf_wipe(text, strlen(text));
    free(text);
    return fit && kf_frame_write(&n->out, fit, err);
}

/* An answer over the limit of a frame becomes an error; in the middle of a stream it ends the
 * connection. */
static bool put_frame(kf_conn *n, const kf_json *msg, bool continues) {
    kf_err e;
    if (kf_frame_write(&n->out, msg, &e)) return true;
    if (e.code == KF_ERR_USAGE_BAD) {
        kf_log(KF_LOG_WARN, "door: an answer was repaired: %s", e.what);
        if (put_repaired(n, msg, &e)) return true;
    }
    kf_log(KF_LOG_WARN, "door: an answer did not fit: %s", e.what);
    if (!continues) write_out(n); /* what was answered before it */
    if (continues || n->out.len || n->broken) return false;
    kf_hint(&e, "Call it with more: it comes in parts then.");
    KF_AUTO(kf_json) sorry = kf_msg_error(&e);
    return kf_frame_write(&n->out, sorry, &e);
}

void kf_conn_put(kf_conn *n, const kf_json *msg, bool continues) {
    if (n->broken) return;
    if (!put_frame(n, msg, continues)) n->broken = true;
    else if (!n->working) write_out(n);
}

static bool has_next(const kf_conn *n) { return is_free(n) && !n->leaving && kf_conn_has_call(n); }

void kf_conn_settle(kf_conn *n) {
    if (n->working) return;
    n->active = kf_boot_ms();
    if (n->broken || has_next(n)) kf_conn_plan(n);
    kf_conn_watch(n);
}

bool kf_conn_is_idle(const kf_conn *n) { return is_free(n) && !n->in.in.len && !n->held; }

/* --- turns --------------------------------------------------------------------------------------
 */

static bool waits_for_sent(const kf_conn *n) {
    return n->call && n->call->sent && !n->out.len && !n->broken;
}

static void run_sent(const kf_conn *n) {
    kf_call *c = n->call;
    if (!waits_for_sent(n)) return;
    kf_loop_fn fn = c->sent;
    c->sent = NULL;
    fn(c->sent_user);
}

/* Begins the calls that are here as a whole, answers those that can be answered at once, and closes
 * the connection if it is broken. */
static void work(kf_conn *n) {
    n->working = true;
    run_sent(n);
    for (int i = 0; i < CALLS_A_TURN && is_free(n) && !n->leaving; i++) {
        kf_json *msg = NULL;
        kf_err e;
        int rc = kf_frame_next(&n->in, &msg, &e);
        if (rc < 0) {
            kf_log(KF_LOG_WARN, "door: %s", e.what);
            n->broken = true;
        }
        if (rc <= 0) break;
        kf_call_open(n, msg);
    }
    n->working = false;
    bool soon =
        n->call && n->out.len && !n->stuck; /* leaves with the next answer, or in its turn */
    if (!soon) write_out(n);                /* also in front of a frame that is none */
    if (n->broken) {
        kf_conn_close(n);
        return;
    }
    n->active = kf_boot_ms();
    if (soon || has_next(n) || waits_for_sent(n)) kf_conn_plan(n);
    kf_conn_watch(n);
    kf_door_check_flushed(n->door);
}

static void turn(void *user) {
    kf_conn *n = user;
    n->turn = 0;
    write_out(n);
    work(n);
}

void kf_conn_plan(kf_conn *n) {
    if (!n->turn) n->turn = kf_loop_after(n->door->loop, 0, turn, n);
}

static void read_in(kf_conn *n) {
    char chunk[READ_CHUNK];
    ssize_t k = recv(n->fd, chunk, sizeof chunk, MSG_DONTWAIT);
    kf_err e;
    n->broken = k > 0 ? !kf_frame_feed(&n->in, chunk, (size_t)k, &e)
                      : k == 0 || (errno != EAGAIN && errno != EINTR);
    if (k > 0) kf_wipe(chunk, (size_t)k);
}

static void conn_ready(int fd, short revents, void *user) {
    kf_conn *n = user;
    if (revents & POLLOUT) {
        write_out(n);
        kf_door_check_flushed(n->door);
    }
    if (revents & POLLIN && may_read(n)) read_in(n);
    else if (revents & (POLLHUP | POLLERR)) n->broken = true;
    else if (revents & POLLIN) n->muted = true;
    work(n);
}

static bool has_id(const kf_door *d, uint32_t id) {
    const kf_conn *n = d->conns;
    while (n && n->id != id) n = n->next;
    return n;
}

void kf_conn_new(kf_door *d, int fd) {
    kf_conn *n = kf_new(kf_conn);
    do d->last++;
    while (!d->last || has_id(d, d->last));
    *n = (kf_conn){.next = d->conns, .door = d, .id = d->last, .fd = fd, .active = kf_boot_ms()};
    d->conns = n;
    d->n++;
    kf_frame_reader_init(&n->in);
    kf_buf_init(&n->out, OUT_MAX);
    n->io = kf_loop_fd(d->loop, fd, POLLIN, conn_ready, n);
}
