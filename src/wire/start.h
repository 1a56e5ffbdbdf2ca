#pragma once
/* Starts keyfobd, detached from everything that the caller has. */
#include "base/err.h"

/* The start dance: lock agent.lock beside the socket, try once more, only then unlink and start.
 * Returns a connected fd, or -1. Waits at most 20 s. */
int kf_start_agent(const char *socket_path, kf_err *err);
