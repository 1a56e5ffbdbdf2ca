#pragma once
/* Frames: one JSON object and a NUL, at most 1 MiB (varlink's framing).
 * Bytes in, whole messages out; no I/O here. */
#include <stddef.h>
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

#define KF_FRAME_MAX (1u << 20)

typedef struct kf_frame_reader {
    kf_buf in;
    size_t scanned;
} kf_frame_reader;
void kf_frame_reader_init(kf_frame_reader *r);
void kf_frame_reader_done(kf_frame_reader *r);
/* Appends bytes that were read. False: KF_ERR_WIRE_TOO_LONG (an unfinished frame over the maximum).
 */
KF_CHECK bool kf_frame_feed(kf_frame_reader *r, const void *p, size_t n, kf_err *err);
bool kf_frame_has_partial(const kf_frame_reader *r); /* bytes of an unfinished frame are waiting */
/* 1: *msg is the next message (caller frees); 0: none is whole yet; -1: err (no JSON object). */
int kf_frame_next(kf_frame_reader *r, kf_json **msg, kf_err *err);
/* Appends msg and the NUL to out (whose max bounds it). False: KF_ERR_WIRE_TOO_LONG;
 * KF_ERR_USAGE_BAD for a text in it that is not UTF-8. */
KF_CHECK bool kf_frame_write(kf_buf *out, const kf_json *msg, kf_err *err);
