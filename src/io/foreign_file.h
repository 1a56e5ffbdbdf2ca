#pragma once
/* A file of another tool of the person's: read with care, and changed in place on their word.
 * Blocking. */
#include <stdbool.h>
#include "base/err.h"
#include "base/secret.h"

/* The whole file, at most max bytes. 1: read; 0: there is none; -1: KF_ERR_USAGE_BAD (no regular
 * file, too large), KF_ERR_SYS_OWNER (kf_path_check refuses it) or KF_ERR_SYS_IO. Links are
 * followed, because people keep such files in a folder of dotfiles and link to it; real gets the
 * path behind them (caller frees), and what counts is that file. */
int kf_foreign_read(const char *path, size_t max, kf_secret **text, char **real, kf_err *err);
/* after in the place of before (what must still be there): mode and group as they were, atomic,
 * flushed. path: of kf_foreign_read. A file with a second name (hard link) is refused, because that
 * one would keep what is taken out. */
KF_CHECK bool kf_foreign_replace(const char *path, const kf_secret *before, const kf_secret *after,
                                 kf_err *err);
