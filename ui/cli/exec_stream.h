#pragma once
/* One direction of what goes through the parent of exec: read, filter, write, without ever blocking
 * on either end. Times are milliseconds of a clock that does not jump. */
#include <poll.h>
#include <stdint.h>
#include "ui/cli/exec_mask.h"

typedef enum kf_stream_way { KF_STREAM_PLAIN, KF_STREAM_OWN, KF_STREAM_SOCKET } kf_stream_way;

typedef struct kf_stream {
    int from, to; /* -1: closed */
    bool owns_from;
    kf_stream_way way; /* how to write without blocking */
    kf_mask mask;
    bool hides;
    kf_buf out;    /* filtered, not written yet */
    int64_t since; /* the last byte came then */
    int pauses;    /* told to the filter since */
    int error;     /* errno when the reader went away: nobody reads from any more then */
    size_t bytes;  /* read so far */
} kf_stream;

/* words NULL: nothing is hidden. from is closed at its end if owns_from; to (0, 1, 2 or a
 * descriptor that is non-blocking) is not closed, but opened once more where that keeps O_NONBLOCK
 * from others. */
void kf_stream_init(kf_stream *s, int from, bool owns_from, int to, const kf_mask_words *words);
void kf_stream_done(kf_stream *s);
/* What to wait for; an entry with fd -1 is nothing. Milliseconds until kf_stream_step is due, -1
 * never. */
int kf_stream_poll(const kf_stream *s, struct pollfd p[2], int64_t now);
/* Reads when in is set, filters, writes what can be written. */
void kf_stream_step(kf_stream *s, bool in, int64_t now);
void kf_stream_end(kf_stream *s); /* no more is read; what is held may be written */
bool kf_stream_over(const kf_stream *s);
