/* What a terminal sends, in pieces: byte 0 says where the pieces end and whether time passes
 * between them. However it is cut, no byte of a sequence that is not known becomes a key, a paste
 * gives its bytes, and the decoder can always be left. */
#include "base/str.h"
#include "fuzz.h"
#include "ui/common/actions.h"
#include "ui/tui/kernel/key_decoder.h"

typedef struct counts {
    size_t keys, pastes, bytes, leave;
} counts;

static void take(kf_key_decoder *d, counts *c) {
    kf_input in;
    while (kf_key_decoder_next(d, &in)) {
        if (in.kind == KF_INPUT_PASTE) {
            c->pastes++;
            c->bytes += kf_secret_len(in.paste) + in.lost;
            hold(kf_secret_len(in.paste) <= KF_DECODER_PASTE);
            kf_secret_free(in.paste);
            continue;
        }
        hold(in.kind == KF_INPUT_KEY || in.kind == KF_INPUT_BAD);
        int plain = in.key & ~KF_KEY_ALT;
        hold(in.kind == KF_INPUT_BAD || (plain >= 0 && plain < KF_KEY_OTHER));
        hold(plain < 0x80 || plain >= 0xa0);
        c->keys += in.kind == KF_INPUT_KEY;
        c->leave += in.kind == KF_INPUT_KEY && in.key == KF_CTRL('C');
    }
}

static void feed(kf_key_decoder *d, counts *c, const void *p, size_t n) {
    kf_key_decoder_feed(d, p, n);
    take(d, c);
}

static counts play(const uint8_t *p, size_t n, size_t piece, bool time) {
    counts c = {0};
    kf_key_decoder *d = kf_key_decoder_new();
    kf_key_decoder_learn(d, "\033[7$", KF_KEY_NONE);
    while (n) {
        size_t k = n < piece ? n : piece;
        feed(d, &c, p, k);
        if (time) {
            kf_key_decoder_expire(d);
            take(d, &c);
        }
        p += k;
        n -= k;
    }
    size_t before = c.leave;
    for (int i = 0; i < 4 && c.leave == before; i++) feed(d, &c, "\003", 1);
    hold(c.leave > before);
    kf_key_decoder_free(d);
    return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!size) return 0;
    size_t n = size - 1 < KF_DECODER_CHUNK ? size - 1 : KF_DECODER_CHUNK;
    counts whole = play(data + 1, n, KF_DECODER_CHUNK, false);
    counts cut = play(data + 1, n, 2 + data[0] % 30, false);
    /* pieces of one byte could be three lone Ctrl-C */
    hold(whole.keys == cut.keys && whole.pastes == cut.pastes && whole.bytes == cut.bytes);
    (void)play(data + 1, n, 1 + data[0] % 30, true);
    return 0;
}
