#pragma once
/* Which user of this machine holds the other end of a TCP connection on loopback. TCP has no
 * SO_PEERCRED; the kernel tells by NETLINK_SOCK_DIAG (sock_diag(7)). */
#include <stdbool.h>
#include <sys/types.h>

/* fd: an accepted IPv4 connection. False: the kernel does not know, for instance because the other
 * end is in another network namespace or has gone, or does not say (no inet_diag). Never waits. */
bool kf_tcp_owner(int fd, uid_t *owner);
