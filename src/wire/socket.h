#pragma once
/* The UNIX socket itself: paths, ownership, peer uid. Used by both ends. */
#include <stdbool.h>
#include <sys/types.h>
#include "base/err.h"

KF_CHECK bool kf_socket_dir_check(const char *dir, bool make,
                                  kf_err *err); /* 0700, ours, a directory */
/* First thing in main: a standard stream that is closed gets a place holder on which reading or
 * writing fails, and which the programs that we start find closed. Without it the socket would be
 * that stream, and get what is meant for it. */
void kf_socket_keep_streams(void);
int kf_socket_connect(
    const char *path,
    kf_err *err); /* fd, close-on-exec; -1: KF_ERR_WIRE_NO_AGENT when refused or absent */
int kf_socket_listen(const char *path,
                     kf_err *err); /* binds (0600) and listens; the caller holds agent.lock */
KF_CHECK bool kf_socket_peer_ok(int fd, pid_t *pid,
                                kf_err *err); /* peer's uid is ours (SO_PEERCRED) */
