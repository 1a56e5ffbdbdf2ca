#pragma once
/* The service manager's side of the agent: a listening socket that it opened, and what it is told.
 * The protocols of sd_listen_fds(3) and sd_notify(3) are stable and take twenty lines; libsystemd
 * would be loaded for them into every agent, also where there is no systemd. */
#include "base/err.h"

/* The listening socket that was handed over (LISTEN_FDS), close-on-exec from now on; -1: none was.
 * Anything but one listening UNIX stream socket is an error: -1, and err is filled. The variables
 * are gone afterwards, so that no command inherits them. */
int kf_service_socket(kf_err *err);
/* The path that a listening socket is bound to; NULL: err. Caller frees. */
char *kf_service_socket_path(int fd, kf_err *err);
/* "READY=1", "STOPPING=1"; nothing without a manager (NOTIFY_SOCKET). Never waits. */
void kf_service_notify(const char *state);
