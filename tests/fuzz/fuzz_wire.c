/* Bytes -> frames and messages of the agent's socket. Byte 0 sets the size of the pieces. The same
 * bytes in other pieces give the same messages. What is a message can be written and read again. */
#include "base/str.h"
#include "fuzz.h"
#include "wire/frame.h"
#include "wire/msg.h"

static void read_message(const kf_json *msg) {
    const kf_json *params;
    bool continues;
    kf_err e = {0}, back = {0};
    if (!kf_msg_result(msg, &params, &continues, &e)) {
        hold(e.code != KF_ERR_NONE);
        KF_AUTO(kf_json) failure = kf_msg_failure(&e);
        kf_msg_read_failure(failure, &back);
        hold(back.code == e.code);
        KF_AUTO(kf_json) error = kf_msg_error(&e);
        hold(!kf_msg_result(error, &params, &continues, &back) && back.code == e.code);
    }
    kf_buf out;
    kf_buf_init(&out, 8 * KF_FRAME_MAX); /* an escape takes six bytes */
    if (kf_frame_write(&out, msg, &e)) {
        kf_frame_reader r;
        kf_json *again = NULL;
        kf_frame_reader_init(&r);
        if (kf_frame_feed(&r, out.data, out.len, &e)) {
            hold(kf_frame_next(&r, &again, &e) == 1 && !kf_frame_has_partial(&r));
            KF_AUTO_CHARS a = kf_json_print(msg);
            KF_AUTO_CHARS b = kf_json_print(again);
            hold(kf_str_eq(a, b));
        }
        kf_json_free(again);
        kf_frame_reader_done(&r);
    }
    kf_buf_done(&out);
}

/* Returns the number of messages; -1: refused. */
static int play(const uint8_t *p, size_t n, size_t piece, bool look) {
    kf_frame_reader r;
    kf_err e = {0};
    int count = 0, rc = 0;
    kf_frame_reader_init(&r);
    while (n && rc >= 0) {
        size_t k = n < piece ? n : piece;
        kf_json *msg;
        if (!kf_frame_feed(&r, p, k, &e)) rc = -1;
        while (rc >= 0 && (rc = kf_frame_next(&r, &msg, &e)) == 1) {
            if (look) read_message(msg);
            kf_json_free(msg);
            count++;
        }
        p += k;
        n -= k;
    }
    hold(rc >= 0 || e.code != KF_ERR_NONE);
    kf_frame_reader_done(&r);
    return rc < 0 ? -1 : count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!size) return 0;
    int whole = play(data + 1, size - 1, size, true);
    hold(play(data + 1, size - 1, 1 + data[0] % 16u, false) == whole);
    return 0;
}
