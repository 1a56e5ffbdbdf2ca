#pragma once
/* The profile of the working directory: a file .keyfob that names it, found upwards, and only used
 * once the person has allowed it (like direnv). Nothing here starts the agent; without such a file
 * it costs one open for each level.
 *
 * Where it looks (like git since safe.directory): from the working directory up to /, at most 64
 * levels, and it stops at the first directory that belongs to somebody else (neither this uid nor
 * root) or that everybody may write into and whose .keyfob is not ours: what lies there is not for
 * us. A file that is found is used or is an error, never passed over: a link, no regular file, over
 * 4 KiB, of another owner, writable by others, not of the form, or not allowed. */
#include <limits.h>
#include "auth/directory.h"

typedef struct kf_dir_file {
    char path[PATH_MAX]; /* absolute, without links in its directory */
    char profile[65];
} kf_dir_file;

/* 1: found and right, whether allowed or not; 0: there is none; -1: KF_ERR_USAGE_DIRECTORY. dir
 * NULL: from the working directory upwards; else exactly there. */
int kf_dir_find(const char *dir, kf_dir_file *out, kf_err *err);
/* KF_ERR_USAGE_DIRECTORY with the command to run, unless the person has allowed this file with this
 * profile. */
KF_CHECK bool kf_dir_allowed(const kf_dir_file *f, kf_err *err);
/* Writes the list again (0600, atomic, under a lock): allowed for its profile; profile "": not any
 * more. */
KF_CHECK bool kf_dir_allow(const kf_dir_file *f, kf_err *err);
/* The list's text; "" for none. NULL: err. Caller frees. */
char *kf_dir_list(kf_err *err);
