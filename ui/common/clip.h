#pragma once
/* The clipboard, through keyfob-clip (ui/clip), which copies, waits and clears. The value goes over
 * a pipe, never argv. */
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/secret.h"

typedef struct kf_clip_result {
    char way[32]; /* "wl-copy", "xclip", "tmux", "OSC 52" */
    bool is_sent; /* given to the terminal: nobody can check or clear it */
} kf_clip_result;

/* Copies value. It is cleared after after_ms (0: never) if it is still there, also when this
 * program has ended. Waits at most 15 s. False: KF_ERR_SYS_CLIPBOARD with the reason (none here, a
 * tool that hangs), KF_ERR_SYS_SPAWN. */
KF_CHECK bool kf_clip_copy(const kf_secret *value, int64_t after_ms, kf_clip_result *result,
                           kf_err *err);
