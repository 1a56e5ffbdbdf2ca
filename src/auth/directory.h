#pragma once
/* The file .keyfob, which names the profile of a directory, and the list of those files that the
 * person trusts. Text in, text out: finding, reading and writing them is the client's
 * (ui/cli/dir.h). */
#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

#define KF_DIRECTORY_FILE ".keyfob"
enum { KF_DIRECTORY_MAX = 4096, KF_ALLOWED_MAX = 1 << 20, KF_ALLOWED_LINES = 2000 };

/* The one profile name that the file holds; blank lines and lines that begin with # do not count.
 * Everything else, and any control character, is KF_ERR_USAGE_DIRECTORY (what: "line 3: ..."). */
KF_CHECK bool kf_directory_parse(const char *text, size_t len, char name[65], kf_err *err);

/* The list in $XDG_STATE_HOME/keyfob/allowed: line 1 "keyfob-allowed 1", then profile name, tab,
 * absolute path of the file, so that a file which names another profile has to be trusted again. No
 * text is an empty list. A damaged line is KF_ERR_SYS_IO naming its number; a list of a later
 * version is KF_ERR_STORE_NEWER, and stays as it is. */
typedef enum kf_allowed_is {
    KF_ALLOWED_DAMAGED,
    KF_ALLOWED_NO,
    KF_ALLOWED_OTHER,
    KF_ALLOWED_YES
} kf_allowed_is;
/* other gets the name that the path was allowed with (KF_ALLOWED_OTHER). */
kf_allowed_is kf_allowed_find(const char *text, size_t len, const char *path, const char *name,
                              char other[65], kf_err *err);
/* The list with path allowed for name, and for no other name; name NULL: not allowed at all. Heap
 * text, caller frees. NULL: damaged, the path has a control character (KF_ERR_USAGE_DIRECTORY), or
 * the list is full. */
char *kf_allowed_set(const char *text, size_t len, const char *path, const char *name, kf_err *err);
/* Calls see for each, in order. False: damaged. */
KF_CHECK bool kf_allowed_each(const char *text, size_t len,
                              void (*see)(void *user, const char *name, const char *path),
                              void *user, kf_err *err);
