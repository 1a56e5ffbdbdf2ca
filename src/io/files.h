#pragma once
/* Files as the rest of the agent needs them: whole, atomic, ours. Blocking calls;
 * those that fsync belong on the worker thread. */
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>
#include "base/err.h"
#include "base/secret.h"

/* Whole file, at most max bytes, regular, no symlink followed; NUL behind it. On failure errno says
 * why the bytes cannot be had (ENOENT, EIO, EACCES, EMFILE, ...; EPERM with KF_ERR_SYS_OWNER when
 * another user owns the file or can write it); it is 0 when the file itself is wrong: not regular,
 * or larger than max. The directories on the way are kf_path_check's. */
KF_CHECK bool kf_file_read(const char *path, size_t max, kf_secret **out, kf_err *err);
/* temp file beside it, write, fsync, rename, fsync(dir). mode 0600. On failure the old file stands,
 * or the new one when only the directory could not be flushed. */
KF_CHECK bool kf_file_replace(const char *path, const void *data, size_t len, kf_err *err);
/* The same in two parts, for a caller that checks the old file in between. draft writes and flushes
 * the temp file and gives its name (caller frees), or NULL; no sweep removes it while *held is
 * open. place renames it, or removes it on failure, and closes held. */
char *kf_file_draft(const char *path, const void *data, size_t len, int *held, kf_err *err);
KF_CHECK bool kf_file_place(const char *draft, int held, const char *path, kf_err *err);
/* The same, only if path still is the file that was (st_ino 0: there was none). For a file that
 * programs without a lock write as well. 1: placed. 0: another program was faster; its file stands,
 * and the draft is removed. -1: err. Where the file system cannot exchange two names, a program
 * that writes in the moment of the rename loses. */
int kf_file_place_over(const char *draft, int held, const char *path, const struct stat *was,
                       kf_err *err);
bool kf_file_is_same(const struct stat *a, const struct stat *b); /* file, size, time */
KF_CHECK bool kf_file_remove(const char *path, kf_err *err);      /* absent is success */
/* Removes the temp files that kf_file_replace(path) left beside it when it was killed; never one
 * that a living process writes. older_too: also path.XXXXXX, the names that earlier versions gave
 * them; only for a directory of keyfob's own. */
void kf_file_sweep(const char *path, bool older_too);
/* The X of a mkostemp name, and not a word that a person typed (backup, Backup, BACKUP, old123). */
bool kf_file_is_temp_suffix(const char *suffix);

bool kf_file_is_there(const char *path); /* whatever it is */

/* The steps of kf_file_replace, one by one. On failure errno says why. */
/* A new file, mode 0600, held by flock. path: ends in XXXXXX, which is replaced, or is a name that
 * must not be taken yet (EEXIST). fd, or -1. */
int kf_file_new(char *path);
/* Makes data the content of fd in place, without giving up blocks that it needs, and flushes it. */
KF_CHECK bool kf_file_fill(int fd, const void *data, size_t len);
bool kf_file_is_at(int fd, const char *path);     /* path still names the file behind fd */
KF_CHECK bool kf_file_sync_dir(const char *path); /* flushes the directory that holds path */
