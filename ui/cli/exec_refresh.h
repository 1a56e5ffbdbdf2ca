#pragma once
/* exec --refresh: a private directory with a file that always holds a valid token. The directory is
 * below the runtime directory, which is in memory; it is removed at the end. When keyfob itself is
 * killed the command goes on, with a token that soon expires; the next exec --refresh removes what
 * was left (its lock is free then). */
#include <poll.h>
#include "ui/cli/exec.h"
#include "ui/cli/exec_mask.h"

typedef struct kf_refresh kf_refresh;

/* Makes directory and file with the token of x->answer. NULL: err. */
kf_refresh *kf_refresh_open(const kf_exec *x, kf_err *err);
kf_refresh *kf_refresh_close(kf_refresh *r);      /* removes them; NULL is fine; returns NULL */
const char *kf_refresh_path(const kf_refresh *r); /* of the file */
/* The loop waits for these two and then calls kf_refresh_step. It blocks for nothing: the agent is
 * asked by a process of its own. A new token goes to words (may be NULL) before it is in the file.
 * line_end: behind what is said on stderr. */
void kf_refresh_poll(const kf_refresh *r, struct pollfd p[2]);
void kf_refresh_step(kf_refresh *r, kf_cli *c, kf_mask_words *words, const char *line_end);
