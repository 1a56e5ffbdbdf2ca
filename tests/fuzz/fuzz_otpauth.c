/* An otpauth URI of a server: what is taken is shown byte for byte, as text and as a QR code. */
#include "auth/account.h"
#include "base/str.h"
#include "fuzz.h"
#include "ui/common/qr.h"
#include "ui/tui/parts/code_pane.h"
#include "ui/tui/parts/widget.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input in = {data, size};
    int rows = (int)fuzz_byte(&in) % 60, cols = (int)fuzz_byte(&in) % 140;
    KF_AUTO_CHARS rest = fuzz_text(&in, in.n);
    KF_AUTO_CHARS uri = kf_strfmt("otpauth://totp/%s", rest);
    KF_AUTO(kf_secret) whole = NULL;
    KF_AUTO(kf_secret) key = NULL;
    if (!kf_account_otpauth(uri, &whole, &key)) {
        hold(!whole && !key);
        return 0;
    }
    hold(!strcmp(kf_secret_peek(whole), uri) && kf_str_is_visible(uri) && strlen(uri) <= 2048);
    /* a percent sign may have been any letter of it */
    hold(kf_secret_len(key) > 0 && (strstr(uri, kf_secret_peek(key)) || strchr(uri, '%')));
    kf_grid g;
    kf_model m;
    kf_pane p = {0};
    kf_model_init(&m);
    kf_grid_init(&g, rows, cols, false);
    kf_line line;
    kf_view v = {0};
    kf_line_init(&line, 6, false);
    kf_setup s = {
        .profile = "acme", .said = "", .uri = whole, .key = key, .line = &line, .leaving = ""};
    kf_setup_draw(&s, &p, &m, &v, &g);
    kf_line_done(&line);
    kf_grid_done(&g);
    kf_model_done(&m);
    return 0;
}
