/* --clip: the answer goes into the clipboard instead of stdout. */
#include "ui/cli/cli.h"

#include "base/str.h"
#include "ui/common/clip.h"

int kf_cli_clip(kf_cli *c, const char *what, const void *data, size_t len,
                const char *clear_after) {
    int64_t after = 30000;
    kf_err e;
    kf_clip_result r;
    if (clear_after && strcmp(clear_after, "0") != 0 && !kf_duration_parse(clear_after, &after))
        return kf_cli_usage(
            c, "--clear-after %.40s: a duration is a number with s, m or h; 0 is never",
            clear_after);
    if (clear_after && !strcmp(clear_after, "0")) after = 0;
    KF_AUTO(kf_secret) value = kf_secret_new(data, len);
    if (!kf_clip_copy(value, after, &r, &e)) return kf_cli_fail(c, &e);
    if (r.is_sent)
        kf_cli_note(c,
                    "%s sent to the terminal's clipboard (%s); keyfob cannot check that, nor clear "
                    "it later",
                    what, r.way);
    else if (after)
        kf_cli_note(c, "%s copied (%s); cleared in %lld s if it is still there", what, r.way,
                    (long long)(after + 999) / 1000);
    else kf_cli_note(c, "%s copied (%s); it stays until something else is copied", what, r.way);
    return 0;
}
