/* Frames of the wire protocol: splits incoming bytes into JSON messages, and appends a message
 * as a frame. */
#include "wire/frame.h"

void kf_frame_reader_init(kf_frame_reader *r) {
    *r = (kf_frame_reader){0};
    kf_buf_init(&r->in, KF_FRAME_MAX + (64 << 10)); /* a whole frame and what was read behind it */
}

void kf_frame_reader_done(kf_frame_reader *r) { kf_buf_done(&r->in); }

static const char *end_of_frame(const kf_frame_reader *r) {
    return r->in.len > r->scanned ? memchr(r->in.data + r->scanned, 0, r->in.len - r->scanned)
                                  : NULL;
}

bool kf_frame_feed(kf_frame_reader *r, const void *p, size_t n, kf_err *err) {
    if (!kf_buf_add(&r->in, p, n))
        return kf_fail(err, KF_ERR_WIRE_TOO_LONG, "a message is longer than %u bytes",
                       KF_FRAME_MAX);
    if (!end_of_frame(r)) {
        r->scanned = r->in.len;
        if (r->in.len > KF_FRAME_MAX)
            return kf_fail(err, KF_ERR_WIRE_TOO_LONG, "a message is longer than %u bytes",
                           KF_FRAME_MAX);
    }
    return true;
}

bool kf_frame_has_partial(const kf_frame_reader *r) { return r->in.len > 0 && !end_of_frame(r); }

int kf_frame_next(kf_frame_reader *r, kf_json **msg, kf_err *err) {
    const char *end = end_of_frame(r);
    if (!end) return 0;
    size_t n = (size_t)(end - r->in.data);
    kf_json *j = n <= KF_FRAME_MAX ? kf_json_parse(r->in.data, n, NULL) : NULL;
    kf_buf_drop(&r->in, n + 1);
    r->scanned = 0;
    if (!kf_json_is_obj(j)) {
        kf_json_free(j);
        kf_fail(err, KF_ERR_WIRE_BAD_FRAME, "a message is no JSON object");
        return -1;
    }
    *msg = j;
    return 1;
}

bool kf_frame_write(kf_buf *out, const kf_json *msg, kf_err *err) {
    char *text = kf_json_print(msg);
    size_t n = strlen(text);
    const char *flaw =
        n <= KF_FRAME_MAX ? kf_json_flaw(text, n) : NULL; /* the other end would hang up */
    bool ok =
        !flaw && n <= KF_FRAME_MAX && kf_buf_add(out, text, n + 1); /* the NUL ends the frame */
    kf_wipe(text, n);
    free(text);
    if (flaw) return kf_fail(err, KF_ERR_USAGE_BAD, "a value has %s", flaw);
    return ok ||
           kf_fail(err, KF_ERR_WIRE_TOO_LONG, "a message is longer than %u bytes", KF_FRAME_MAX);
}
