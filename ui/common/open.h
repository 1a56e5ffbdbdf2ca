#pragma once
/* Opening an address in the person's browser: only when they ask for it, by argv and without a
 * shell, with an environment that has no secrets of ours in it. */
#include <stdbool.h>
#include "base/err.h"

/* Starts $BROWSER (its first program) or xdg-open and does not wait. Only https, and http of this
 * machine. False: KF_ERR_USAGE_BAD_URL, KF_ERR_SYS_SPAWN (no display, no program). */
KF_CHECK bool kf_open_url(const char *url, kf_err *err);
/* Over SSH the browser runs on another computer: the ssh command that brings the redirect of this
 * authorize URL here, "ssh -L 41234:127.0.0.1:41234 ada@host". NULL: not over SSH, or no redirect
 * in it. Caller frees. */
char *kf_open_ssh_line(const char *authorize_url);
/* This program's environment without WORKOS_* and KEYFOB_*, for any program that we start. Caller
 * frees the list, not its strings. */
char **kf_clean_environment(void);
