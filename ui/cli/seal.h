#pragma once
/* Sealed sessions for export and claims (cmd_seal.c). */
#include "base/buf.h"
#include "ui/cli/cli.h"

typedef struct kf_seal_wish {
    const char *profile, *min_valid;
    bool cookie, password_stdin, hand_over, yes;
    bool masked; /* the output is a terminal, and --reveal was not given */
} kf_seal_wish;
/* Puts the bytes where they belong, flushed; the exit status. */
typedef int (*kf_seal_put)(kf_cli *c, const kf_buf *b, void *user);
/* export --format wos-session: made, put, and handed over only if that worked. The exit status. */
int kf_cli_seal(kf_cli *c, const kf_seal_wish *w, kf_seal_put put, void *user);
/* claims --sealed: Unseal's answer for what is on stdin. profile: for verify. */
kf_json *kf_cli_unseal(kf_cli *c, const char *profile, bool password_stdin, bool verify,
                       kf_err *err);
