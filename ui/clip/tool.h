#pragma once
/* Clipboard tools: what they are called with, and running one with a deadline. A tool that hangs is
 * killed. */
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/secret.h"

typedef struct kf_clip_tool {
    const char *name, *display;      /* the variable that says that its display is there */
    const char *put[6], *put_old[6]; /* put_old: for versions that do not know an option of put */
    const char *get[6], *clear[6];
} kf_clip_tool;
extern const kf_clip_tool kf_clip_tools[]; /* name NULL ends */

/* Runs argv for at most ms with in (may be NULL) on stdin and a clean environment; everything it
 * prints is thrown away, or, with out, kept up to max bytes (more: KF_ERR_USAGE_BAD). Ends when
 * argv's process ends: a child that it leaves behind to serve the clipboard stays. False:
 * KF_ERR_SYS_SPAWN (cannot be started, or failed), KF_ERR_SYS_CANCELLED (took longer). */
KF_CHECK bool kf_clip_run(const char *const argv[], const kf_secret *in, kf_secret **out,
                          size_t max, int64_t ms, kf_err *err);
