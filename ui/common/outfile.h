#pragma once
/* A file that a person asked for (`-o FILE`): mode 0600, whole or not at all. */
#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

/* Writes a file without a name (or, where there are none, a temporary one beside path, with signals
 * held back), flushes it to the disk and puts it in place: a program that is ended meanwhile leaves
 * nothing. Without replace an existing path, of whatever kind, is KF_ERR_USAGE_EXISTS, and one that
 * appears meanwhile too; with it only a regular file is replaced (its mode is not kept).
 * KF_ERR_SYS_IO: nothing was changed and nothing is left behind. */
KF_CHECK bool kf_outfile_write(const char *path, const void *data, size_t len, bool replace,
                               kf_err *err);
