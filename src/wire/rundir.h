#pragma once
/* A directory of one process's own at or below the runtime directory, gone when that process is: it
 * is locked for as long as its owner lives, and the next one of its kind removes those that nobody
 * holds any more. */
#include <stdbool.h>
#include "base/err.h"

typedef struct kf_rundir {
    char *path; /* NULL: not open */
    int lock;   /* on it; close-on-exec, and not for a child to keep */
} kf_rundir;

/* prefixXXXXXX, 0700, in the runtime directory; beside: next to it, for one that others may be let
 * into. */
KF_CHECK bool kf_rundir_open(kf_rundir *d, const char *prefix, bool beside, kf_err *err);
void kf_rundir_close(kf_rundir *d); /* removes it and the files in it; also one that is all zero */
