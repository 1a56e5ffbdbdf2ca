/* Connections that are turned away: each gets the reason as an answer, and is then read until its
 * client has gone, for a short time. A socket that is closed with unread bytes in it takes the
 * reason away, and the client would see a broken pipe. Refusals are counted; the log has one line a
 * period. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "door/door_impl.h"
#include "wire/msg.h"

enum { LINGER_MAX = 32, LINGER_MS = 2000, PERIOD_MS = 60 * 1000 };

struct kf_refused {
    kf_refused *next;
    kf_door *door;
    int fd;
    kf_loop_id io, timer;
};

static void refused_close(kf_refused *r) {
    kf_door *d = r->door;
    kf_refused **p = &d->refused;
    while (*p != r) p = &(*p)->next;
    *p = r->next;
    kf_loop_cancel(d->loop, r->io);
    kf_loop_cancel(d->loop, r->timer);
    close(r->fd);
    free(r);
}

static void linger_over(void *user) {
    kf_refused *r = user;
    r->timer = 0;
    refused_close(r);
}

static void refused_ready(int fd, short revents, void *user) {
    char chunk[4096];
    ssize_t n = recv(fd, chunk, sizeof chunk, MSG_DONTWAIT);
    if (n > 0) kf_wipe(chunk, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR)) refused_close(user);
}

/* The oldest one has had its time. */
static void make_room(kf_door *d) {
    size_t n = 0;
    kf_refused *oldest = NULL;
    for (kf_refused *r = d->refused; r; r = r->next, n++) oldest = r;
    if (n >= LINGER_MAX) refused_close(oldest);
}

static void send_reason(int fd, const kf_err *why) {
    kf_err e;
    KF_AUTO(kf_json) msg = kf_msg_error(why);
    kf_buf out;
    kf_buf_init(&out, 4096);
    if (kf_frame_write(&out, msg, &e)) {
        ssize_t n = send(fd, out.data, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)n; /* it may be gone */
    }
    kf_buf_done(&out);
    shutdown(fd, SHUT_WR);
}

static void period_over(void *user) {
    kf_door *d = user;
    d->period = 0;
    if (!d->refusals) return;
    kf_log(KF_LOG_WARN, "door: refused %u more connections in %d s: %s", d->refusals,
           PERIOD_MS / 1000, d->why);
    d->refusals = 0;
    d->period = kf_loop_after(d->loop, PERIOD_MS, period_over, d);
}

static void count_refusal(kf_door *d, const kf_err *why) {
    (void)kf_str_cut(d->why, sizeof d->why, why->what);
    if (d->period) {
        d->refusals++;
        return;
    }
    kf_log(KF_LOG_WARN, "door: refused a connection: %s", d->why);
    d->period = kf_loop_after(d->loop, PERIOD_MS, period_over, d);
}

void kf_door_refuse(kf_door *d, int fd, const kf_err *why, bool tell) {
    count_refusal(d, why);
    if (!tell) {
        close(fd);
        return;
    }
    send_reason(fd, why);
    make_room(d);
    kf_refused *r = kf_new(kf_refused);
    *r = (kf_refused){.next = d->refused, .door = d, .fd = fd};
    d->refused = r;
    r->io = kf_loop_fd(d->loop, fd, POLLIN, refused_ready, r);
    r->timer = kf_loop_after(d->loop, LINGER_MS, linger_over, r);
}

void kf_door_refuse_end(kf_door *d) {
    while (d->refused) refused_close(d->refused);
    kf_loop_cancel(d->loop, d->period);
}
