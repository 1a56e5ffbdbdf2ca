#pragma once
/* Opening an address in the person's browser: only when they ask for it, by argv and without a
 * shell, with an environment that has no secrets of ours in it. */
#include <stdbool.h>
#include "base/err.h"

/* Starts the browser and does not wait: the first entry of BROWSER whose program is here. BROWSER
 * is a list with colons; an entry may have arguments, and %s where the address goes. Without
 * BROWSER: xdg-open where there is a display, and the browser of Windows in WSL. Only https, and
 * http of this machine. False: KF_ERR_USAGE_BAD_URL, KF_ERR_SYS_SPAWN (no display, no program). */
KF_CHECK bool kf_open_url(const char *url, kf_err *err);
/* False: what was opened last has ended with an error within 2 s of its start, which is told once.
 * Waits for that for at most ms; -1: as long as it counts. */
KF_CHECK bool kf_open_wait(int ms, kf_err *err);
/* For a poll loop: readable when kf_open_wait(0) has something to look at; -1: nothing to wait for.
 */
int kf_open_fd(void);
/* The program that kf_open_url would start. Caller frees. NULL: err, as kf_open_url. */
char *kf_open_program(kf_err *err);
/* Over SSH the browser runs on another computer: the ssh command that brings the redirect of this
 * authorize URL here, "ssh -L 41234:127.0.0.1:41234 ada@host". NULL: not over SSH, or no redirect
 * in it. Caller frees. */
char *kf_open_ssh_line(const char *authorize_url);
/* This program's environment without WORKOS_* and KEYFOB_*, for any program that we start. Caller
 * frees the list, not its strings. */
char **kf_clean_environment(void);
