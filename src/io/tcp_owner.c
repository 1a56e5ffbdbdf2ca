/* One question to the kernel for one connection, as it is seen from its other end. */
#include "io/tcp_owner.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct question {
    struct nlmsghdr head;
    struct inet_diag_req_v2 body;
} question;

static bool is_ipv4(const struct sockaddr_in *a, socklen_t len) {
    return len >= sizeof *a && a->sin_family == AF_INET;
}

/* What is the local end here is the remote one there. */
static bool make_question(int fd, question *q) {
    struct sockaddr_in here = {0}, there = {0};
    socklen_t here_len = sizeof here, there_len = sizeof there;
    if (getsockname(fd, (struct sockaddr *)&here, &here_len) ||
        getpeername(fd, (struct sockaddr *)&there, &there_len) || !is_ipv4(&here, here_len) ||
        !is_ipv4(&there, there_len))
        return false;
    *q = (question){.head = {.nlmsg_len = sizeof *q,
                             .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                             .nlmsg_flags = NLM_F_REQUEST},
                    .body = {.sdiag_family = AF_INET,
                             .sdiag_protocol = IPPROTO_TCP,
                             .idiag_states = ~0u,
                             .id = {.idiag_sport = there.sin_port,
                                    .idiag_dport = here.sin_port,
                                    .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}}};
    q->body.id.idiag_src[0] = there.sin_addr.s_addr;
    q->body.id.idiag_dst[0] = here.sin_addr.s_addr;
    return true;
}

bool kf_tcp_owner(int fd, uid_t *owner) {
    question q;
    union {
        struct nlmsghdr head;
        char bytes[1024];
    } answer;
    if (!make_question(fd, &q)) return false;
    int nl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (nl < 0) return false;
    /* the kernel puts the answer into our queue before send returns */
    ssize_t n =
        send(nl, &q, sizeof q, 0) == sizeof q ? recv(nl, &answer, sizeof answer, MSG_DONTWAIT) : -1;
    close(nl);
    const struct inet_diag_msg *m = NLMSG_DATA(&answer.head);
    if (n < (ssize_t)NLMSG_LENGTH(sizeof *m) || answer.head.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        m->idiag_family != AF_INET)
        return false;
    *owner = m->idiag_uid;
    return true;
}
