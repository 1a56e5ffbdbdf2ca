/* Reads the terminal. ncurses gives the sequences of this terminal's keys and reads nothing: it
 * takes replies of the terminal for keys, and one byte that it cannot decode for the end. */
#include "ui/tui/kernel/term.h"
#include <curses.h>
#include <errno.h>
#include <poll.h>
#include <term.h>
#include <unistd.h>
#include "base/str.h"
#include "ui/common/actions.h"

enum { READS = 64 }; /* without a key in them, before the caller may do something else */

static kf_key_decoder *decoder;

static void learn(const char *capability, int key) {
    const char *seq = tigetstr(capability);
    if (seq && seq != (char *)-1) kf_key_decoder_learn(decoder, seq, key);
}

void kf_keys_setup(void) {
    static const struct {
        const char *capability;
        int key;
    } keys[] = {{"kcuu1", KF_KEY_UP},     {"kcud1", KF_KEY_DOWN},    {"kcub1", KF_KEY_LEFT},
                {"kcuf1", KF_KEY_RIGHT},  {"khome", KF_KEY_HOME},    {"kend", KF_KEY_END},
                {"kpp", KF_KEY_PGUP},     {"knp", KF_KEY_PGDN},      {"kdch1", KF_KEY_DELETE},
                {"kcbt", KF_KEY_BACKTAB}, {"kbs", KF_KEY_BACKSPACE}, {"kent", KF_KEY_ENTER},
                {"kf1", KF_KEY_F1},       {"kf2", KF_KEY_F2}};
    kf_key_decoder_free(decoder);
    decoder = kf_key_decoder_new();
    for (size_t i = 0; i < KF_LEN(keys); i++) learn(keys[i].capability, keys[i].key);
    /* The others, so that one which ends in an unusual byte is swallowed whole. kmous is only the
     * beginning of a report. */
    for (int i = 0; strnames[i]; i++) {
        const char *name = strnames[i], *seq = name[0] == 'k' ? tigetstr(name) : NULL;
        if (!seq || seq == (char *)-1 || !strcmp(name, "kmous")) continue;
        if (strlen(seq) > 1) kf_key_decoder_learn(decoder, seq, KF_KEY_NONE);
    }
}

/* False: nothing there, or out->kind tells that the terminal is gone. */
static bool read_more(int wait_ms, kf_input *out) {
    char bytes[KF_DECODER_CHUNK];
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&p, 1, wait_ms) <= 0) return false;
    ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
    if (n > 0) kf_key_decoder_feed(decoder, bytes, (size_t)n);
    else if (n == 0 || (errno != EINTR && errno != EAGAIN)) out->kind = KF_INPUT_END;
    kf_wipe(bytes, sizeof bytes);
    return n > 0;
}

void kf_keys_next(int wait_ms, kf_input *out) {
    *out = (kf_input){.kind = KF_INPUT_NONE};
    for (int reads = 0; !kf_key_decoder_next(decoder, out); reads++)
        if (reads == READS || !read_more(wait_ms, out)) return;
}

int kf_keys_wait_ms(void) {
    switch (kf_key_decoder_waits(decoder)) {
    case KF_WAIT_ESC: return getenv("SSH_CONNECTION") ? 150 : 40;
    case KF_WAIT_WINDOW: return 5000;
    case KF_WAIT_REST: return 500;
    default: return 0;
    }
}

void kf_keys_expire(void) { kf_key_decoder_expire(decoder); }
kf_decoder_inside kf_keys_inside(void) { return kf_key_decoder_inside(decoder); }
