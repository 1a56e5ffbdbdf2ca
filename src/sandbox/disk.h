#pragma once
/* Files the sandbox reads and writes. */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "base/err.h"

/* The whole regular file as a NUL-terminated heap string; longer than max is an error. */
bool kf_disk_read(const char *path, size_t max, char **text, size_t *len, kf_err *err);
/* Through a temporary file in the same folder and rename: whole or not at all, and
 * on the disk before it is visible. */
bool kf_disk_write(const char *path, const char *text, size_t len, mode_t mode, kf_err *err);
