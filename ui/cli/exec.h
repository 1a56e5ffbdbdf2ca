#pragma once
/* exec in parts: what was asked for, and the last steps before the command. The parent that --mask
 * and
 * --refresh keep is in exec_parent.c, the token's directory in exec_refresh.c. */
#include "ui/cli/cli.h"

typedef struct kf_exec {
    char **argv;           /* the command; argv[0] is not NULL */
    const char *profile;   /* as typed, NULL: the usual rules */
    const char *min_valid; /* as typed, or NULL */
    const char *variable;  /* of the token, its path or its descriptor */
    int fd;                /* --fd, or -1 */
    bool as_file, mask, refresh;
    const char *path;      /* of the file that --refresh keeps; NULL otherwise */
    const kf_json *answer; /* GetToken's; borrowed */
} kf_exec;

/* Sets the environment, puts the token where it is to be and becomes the command. Returns only when
 * that did not work, with the exit status; said on stderr. Changes environment and descriptors of
 * this process. */
int kf_exec_become(const kf_exec *x);
/* Runs the command and stays until it ends: carries its output and signals. The exit status, or no
 * return when the command was killed by a signal: then it kills this process as well. x->path is
 * set. */
int kf_exec_stay(kf_cli *c, kf_exec *x);
