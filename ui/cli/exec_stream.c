/* One direction of the output of `exec --mask`: reads, filters and writes without blocking. */
#include "ui/cli/exec_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/str.h"

/* FULL: above it nothing is read, so that a slow reader slows the writer down as without us.
 * HOLD, HIDE: after so many ms without a byte what is harmless is shown, and then the rest as
 * hidden. */
enum { FULL = 65536, OUT_MAX = 1 << 20, HOLD_MS = 50, HIDE_MS = 1000, PLAIN_CHUNK = 4096 };

/* O_NONBLOCK belongs to the open file, which the shell and others have too: a pipe or terminal is
 * opened again. */
static kf_stream_way own_end(int *fd) {
    struct stat st;
    int flags = fcntl(*fd, F_GETFL);
    if (fstat(*fd, &st)) return KF_STREAM_PLAIN;
    if (S_ISSOCK(st.st_mode)) return KF_STREAM_SOCKET;
    if (S_ISREG(st.st_mode) || (flags >= 0 && flags & O_NONBLOCK)) return KF_STREAM_OWN;
    if (!S_ISFIFO(st.st_mode) && !isatty(*fd)) return KF_STREAM_PLAIN;
    KF_AUTO_CHARS path = kf_strfmt("/proc/self/fd/%d", *fd);
    int own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (own < 0) return KF_STREAM_PLAIN;
    *fd = own;
    return KF_STREAM_OWN;
}

void kf_stream_init(kf_stream *s, int from, bool owns_from, int to, const kf_mask_words *words) {
    *s = (kf_stream){.from = from, .owns_from = owns_from, .to = to, .hides = words != NULL};
    s->way = own_end(&s->to);
    kf_mask_init(&s->mask, words);
    kf_buf_init(&s->out, OUT_MAX);
    if (s->to == to) s->to = fcntl(to, F_DUPFD_CLOEXEC, 3);
    if (owns_from) fcntl(from, F_SETFL, fcntl(from, F_GETFL) | O_NONBLOCK);
}

static void close_from(kf_stream *s) {
    if (s->from >= 0 && s->owns_from) close(s->from);
    s->from = -1;
}

void kf_stream_done(kf_stream *s) {
    close_from(s);
    if (s->to >= 0) close(s->to);
    s->to = -1;
    kf_mask_done(&s->mask);
    kf_buf_done(&s->out);
}

int kf_stream_poll(const kf_stream *s, struct pollfd p[2], int64_t now) {
    bool room = s->out.len < FULL;
    p[0] = (struct pollfd){.fd = room ? s->from : -1, .events = POLLIN};
    p[1] = (struct pollfd){.fd = s->out.len ? s->to : -1, .events = POLLOUT};
    if (!s->hides || !room || s->pauses > 1 || !kf_mask_waiting(&s->mask)) return -1;
    int64_t due = s->since + (s->pauses ? HIDE_MS : HOLD_MS);
    return due > now ? (int)(due - now) : 0;
}

static void take(kf_stream *s, int64_t now) {
    char chunk[KF_MASK_CHUNK];
    ssize_t n = read(s->from, chunk, sizeof chunk);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n > 0) {
        s->bytes += (size_t)n;
        s->since = now;
        s->pauses = 0;
        if (s->hides) kf_mask_feed(&s->mask, chunk, (size_t)n, &s->out);
        else if (!kf_buf_add(&s->out, chunk, (size_t)n))
            abort(); /* FULL is far below its maximum */
        kf_wipe(chunk, (size_t)n);
    } else kf_stream_end(s); /* a terminal whose other end is closed is an error, EIO */
}

static bool writable(const kf_stream *s) {
    struct pollfd p = {s->to, POLLOUT, 0};
    return s->way != KF_STREAM_PLAIN || poll(&p, 1, 0) > 0;
}

static void give(kf_stream *s) {
    while (s->out.len && s->to >= 0 && writable(s)) {
        size_t most =
            s->way == KF_STREAM_PLAIN && s->out.len > PLAIN_CHUNK ? PLAIN_CHUNK : s->out.len;
        ssize_t n = s->way == KF_STREAM_SOCKET
                        ? send(s->to, s->out.data, most, MSG_DONTWAIT | MSG_NOSIGNAL)
                        : write(s->to, s->out.data, most);
        if (n > 0) kf_buf_drop(&s->out, (size_t)n);
        else if (n < 0 && errno == EINTR) continue;
        else if (n < 0 && errno == EAGAIN) return;
        else { /* the writer is to learn of it as it would without us */
            s->error = n < 0 ? errno : EIO;
            close_from(s);
            kf_buf_clear(&s->out);
            close(s->to);
            s->to = -1;
        }
    }
}

void kf_stream_step(kf_stream *s, bool in, int64_t now) {
    if (s->out.len >= FULL) s->since = now; /* not quiet: nobody listened */
    if (in && s->from >= 0) take(s, now);
    if (s->hides && s->pauses < 2 && s->out.len < FULL && kf_mask_waiting(&s->mask) &&
        now - s->since >= (s->pauses ? HIDE_MS : HOLD_MS))
        kf_mask_pause(&s->mask, s->pauses++ > 0, &s->out);
    give(s);
}

void kf_stream_end(kf_stream *s) {
    close_from(s);
    if (s->hides) kf_mask_end(&s->mask, &s->out);
}

bool kf_stream_over(const kf_stream *s) { return s->from < 0 && !s->out.len; }
