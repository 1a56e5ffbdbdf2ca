/* Bytes of a client -> the sandbox's HTTP server, over a socket. It answers or hangs up, and serves
 * the next client. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/str.h"
#include "fuzz.h"
#include "sandbox/http.h"

static void handle(const kf_web_req *req, kf_web_res *res, void *user) {
    size_t n;
    kf_err e = {0};
    hold(kf_web_method(req) && kf_web_path(req) && kf_web_text(req, &n));
    (void)kf_web_query(req, "a");
    const char *header = kf_web_header(req, "X-A");
    KF_AUTO(kf_json) body = kf_web_body(req, true, &e);
    KF_AUTO_CHARS text = body ? kf_json_print(body) : kf_strdup("{}");
    if (header && kf_web_set_header(res, "X-A", header)) hold(!strpbrk(header, "\r\n"));
    kf_web_set_body(res, kf_strdup(text), strlen(text));
}

static int dial(uint16_t port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    hold(fd >= 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0) return fd;
    if (errno != EINTR) perror("connect");
    hold(errno == EINTR); /* the fuzzer's timer; the kernel goes on connecting */
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int rc, failed = 1;
    socklen_t len = sizeof failed;
    while ((rc = poll(&p, 1, -1)) < 0 && errno == EINTR) {
    }
    hold(rc == 1 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &len) == 0 && failed == 0);
    return fd;
}

static size_t ask(uint16_t port, const void *p, size_t n, char *out, size_t size) {
    int fd = dial(port);
    size_t got = 0;
    (void)!send(fd, p, n, MSG_NOSIGNAL);
    (void)shutdown(fd, SHUT_WR);
    for (ssize_t k = 1; got < size - 1 && k;) {
        k = read(fd, out + got, size - 1 - got);
        if (k < 0 && errno != EINTR) break;
        if (k > 0) got += (size_t)k;
    }
    out[got] = 0;
    close(fd);
    return got;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static kf_web *web;
    static unsigned runs;
    static char out[65536];
    kf_err e;
    if (!web) {
        web = kf_web_new(&(kf_web_opts){.handler = handle}, &e);
        hold(web && kf_web_start(web, NULL, NULL, &e));
    }
    size_t n = ask(kf_web_port(web), data, size, out, sizeof out);
    hold(!n || kf_str_starts(out, "HTTP/1."));
    if (runs++ % 64 == 0) {
        static const char good[] = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        ask(kf_web_port(web), good, sizeof good - 1, out, sizeof out);
        hold(kf_str_starts(out, "HTTP/1.1 200"));
    }
    return 0;
}
