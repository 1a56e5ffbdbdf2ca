#pragma once
/* A command of the person's, run by sh: in a session of its own, with nothing of ours open, stdin
 * and output nowhere, only the given environment, and an end. */
#include "base/err.h"
#include "loop/loop.h"

typedef struct kf_command kf_command;
/* status: the exit status; -1: killed by a signal, or after limit_ms by us. Frees the command. */
typedef void (*kf_command_done)(void *user, int status);

/* env: "NAME=value" and NULL; borrowed. NULL: KF_ERR_SYS_SPAWN. done runs on the loop, once. */
kf_command *kf_command_run(kf_loop *l, const char *script, char *const env[], int64_t limit_ms,
                           kf_command_done done, void *user, kf_err *err);
kf_command *
kf_command_kill(kf_command *c); /* and everything it started; no callback; returns NULL */
