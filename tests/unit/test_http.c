/* HTTP against a small server in a thread: what was sent, what came, and what may not happen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/str.h"
#include "io/http.h"

typedef enum mode { ANSWER, DROP, HALF, HUGE_BODY, SILENT, KEEP_THEN_DROP, ON_CUE, DRIP } mode;

typedef struct server {
    pthread_t thread;
    int fd, port;
    mode mode;
    const char *answer;
    atomic_int requests, connections;
    char first_line[200], auth[200];
    _Atomic bool stop, cue, answered;
    size_t drip; /* bytes every tenth of a second */
} server;

typedef struct link_to {
    server *s;
    int fd;
    pthread_t thread;
} link_to;

static void pause_ms(int ms) { poll(NULL, 0, ms); }

static void send_slowly(const server *s, int c, const char *p) {
    for (size_t n; !s->stop && *p; p += n) {
        n = strlen(p) < s->drip ? strlen(p) : s->drip;
        if (send(c, p, n, MSG_NOSIGNAL) < 0) return;
        pause_ms(100);
    }
}

static void serve(server *s, int c) {
    char in[8192];
    for (;;) {
        size_t n = 0;
        ssize_t k = 0;
        while (n < sizeof in - 1 && (k = recv(c, in + n, sizeof in - 1 - n, 0)) > 0) {
            n += (size_t)k;
            in[n] = 0;
            const char *end = strstr(in, "\r\n\r\n"), *len = strcasestr(in, "content-length:");
            if (end && (!len || strlen(end + 4) >= (size_t)strtol(len + 15, NULL, 10))) break;
        }
        if (k <= 0) return;
        snprintf(s->first_line, sizeof s->first_line, "%.*s", (int)strcspn(in, "\r\n"), in);
        const char *a = strcasestr(in, "authorization:");
        snprintf(s->auth, sizeof s->auth, "%.*s", a ? (int)strcspn(a, "\r\n") : 0, a ? a : "");
        int nth = ++s->requests;
        if (s->mode == DROP || (s->mode == KEEP_THEN_DROP && nth > 1)) return;
        if (s->mode == SILENT) {
            while (!s->stop && recv(c, in, sizeof in, 0) > 0) {
            }
            return;
        }
        if (s->mode == HUGE_BODY) {
            dprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
            for (int i = 0; i < 1000 && send(c, in, 1000, MSG_NOSIGNAL) > 0; i++) {
            }
            return;
        }
        while (s->mode == ON_CUE && !s->cue && !s->stop) pause_ms(1);
        if (s->mode == DRIP) {
            send_slowly(s, c, s->answer);
            return;
        }
        size_t want = strlen(s->answer);
        s->answered = true; /* the socket takes it at once */
        if (send(c, s->answer, s->mode == HALF ? want / 2 : want, MSG_NOSIGNAL) < 0 ||
            s->mode != KEEP_THEN_DROP)
            return;
    }
}

static void *serve_one(void *p) {
    link_to *l = p;
    serve(l->s, l->fd);
    shutdown(l->fd, SHUT_RDWR);
    return NULL;
}

static void *run(void *p) {
    server *s = p;
    link_to link[8];
    size_t n = 0;
    for (int c; n < KF_LEN(link) && (c = accept(s->fd, NULL, NULL)) >= 0; n++) {
        s->connections++;
        link[n] = (link_to){.s = s, .fd = c};
        pthread_create(&link[n].thread, NULL, serve_one, &link[n]);
    }
    for (size_t i = 0; i < n; i++) {
        shutdown(link[i].fd, SHUT_RDWR);
        pthread_join(link[i].thread, NULL);
        close(link[i].fd);
    }
    return NULL;
}

static void start(server *s, mode m, const char *answer) {
    memset(s, 0, sizeof *s);
    s->mode = m;
    s->answer = answer;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    assert_int_equal(bind(s->fd, (struct sockaddr *)&a, n), 0);
    assert_int_equal(listen(s->fd, 8), 0);
    getsockname(s->fd, (struct sockaddr *)&a, &n);
    s->port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, run, s), 0);
}

static void stop(server *s) {
    s->stop = true;
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
}

typedef struct result {
    bool came, sent;
    int status;
    int32_t retry_after;
    int64_t date;
    char body[64], request_id[64];
    kf_err_code code;
} result;

static void on_done(void *user, kf_http_resp *r, const kf_err *err) {
    result *x = user;
    *x = (result){.came = true,
                  .sent = r->sent,
                  .status = r->status,
                  .retry_after = r->retry_after,
                  .date = r->date,
                  .code = err ? err->code : KF_ERR_NONE};
    snprintf(x->body, sizeof x->body, "%.60s", r->body ? kf_secret_peek(r->body) : "");
    memcpy(x->request_id, r->request_id, sizeof x->request_id);
}

static kf_loop *loop;
static kf_http *http;

static result ask(int port, const char *method, const char *path, int64_t timeout, bool single) {
    KF_AUTO_CHARS origin = kf_strfmt("http://127.0.0.1:%d", port);
    KF_AUTO(kf_secret) body = strcmp(method, "POST") ? NULL : kf_secret_new("{}", 2);
    KF_AUTO(kf_secret) key = kf_secret_new("sk_test_x", 9);
    kf_http_req q = {.method = method,
                     .origin = origin,
                     .path = path,
                     .body = body,
                     .bearer = key,
                     .single_use = single,
                     .timeout_ms = timeout};
    result r = {0};
    kf_http_send(http, &q, on_done, &r);
    assert_false(r.came);
    while (!r.came) kf_loop_step(loop, true);
    return r;
}

static int setup(void **state) {
    kf_http_opts o = {.user_agent = "test"};
    /* a proxy that is not there: loopback must never go through it */
    setenv("http_proxy", "http://127.0.0.1:9", 1);
    setenv("all_proxy", "http://127.0.0.1:9", 1);
    loop = kf_loop_new(NULL);
    http = kf_http_new(loop, &o, NULL);
    return 0;
}
static int teardown(void **state) {
    kf_http_free(http);
    kf_loop_free(loop);
    return 0;
}

static void an_answer_with_its_headers(void **state) {
    server s;
    start(&s, ANSWER,
          "HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nDate: Mon, 23 Nov 2026 14:07:19 "
          "GMT\r\nX-Request-ID: req_1\x1b[2J\r\nContent-Length: 2\r\n\r\nhi");
    result r = ask(s.port, "POST", "/a?secret=1", 0, true);
    assert_int_equal(r.code, KF_ERR_NONE);
    assert_int_equal(r.status, 429);
    assert_int_equal(r.retry_after, 7);
    assert_int_equal(r.date, 1795442839);
    assert_string_equal(r.body, "hi");
    assert_string_equal(r.request_id, "req_1?[2J");
    assert_true(r.sent);
    stop(&s);
    assert_string_equal(s.first_line, "POST /a?secret=1 HTTP/1.1");
    assert_string_equal(s.auth, "Authorization: Bearer sk_test_x");
}

static void trouble(void **state) {
    static const char whole[] = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n12345678901234567890";
    static const struct {
        mode m;
        int64_t timeout;
        kf_err_code want;
    } rows[] = {{DROP, 0, KF_ERR_NET_BROKEN},
                {HALF, 0, KF_ERR_NET_BROKEN},
                {HUGE_BODY, 0, KF_ERR_NET_BAD_ANSWER},
                {SILENT, 200, KF_ERR_NET_TIMEOUT}};
    for (size_t i = 0; i < KF_LEN(rows); i++) {
        server s;
        start(&s, rows[i].m, whole);
        result r = ask(s.port, "POST", "/x", rows[i].timeout, true);
        assert_int_equal(r.code, rows[i].want);
        assert_int_equal(r.status, 0);
        assert_true(r.sent); /* the token may be spent */
        stop(&s);
        assert_int_equal(s.requests, 1);
    }
}

typedef struct refusal {
    bool came, sent;
    int64_t date;
    kf_err err;
} refusal;

static void on_refusal(void *user, kf_http_resp *r, const kf_err *err) {
    refusal *x = user;
    *x = (refusal){.came = true, .sent = r->sent, .date = r->date};
    if (err) x->err = *err;
}

#define ASKS_FOR_LOGIN                                                                        \
    "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"c\"\r\n" \
    "Date: Mon, 23 Nov 2026 14:07:19 GMT\r\nContent-Length: 0\r\n\r\n"

/* What a proxy answers to CONNECT is the proxy's word, and nothing reached the server. */
static void a_proxy_that_refuses(void **state) {
    static const struct {
        const char *answer, *login;
        kf_err_code code;
        int status;
        const char *what, *hint;
    } rows[] = {
        {ASKS_FOR_LOGIN, "", KF_ERR_NET_PROXY_AUTH, 407, "127.0.0.1:", ""},
        {ASKS_FOR_LOGIN, "me:hunter2@", KF_ERR_NET_PROXY_AUTH, 407, "127.0.0.1:", "did not accept"},
        {"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\n<h1>", "", KF_ERR_NET_CONNECT, 403,
         "answered 403 for api.example.invalid", "Ask the owner of the proxy"},
        {"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "", KF_ERR_NET_CONNECT, 502,
         "answered 502 for api.example.invalid", ""}};
    unsetenv("no_proxy");
    unsetenv("NO_PROXY");
    for (size_t i = 0; i < KF_LEN(rows); i++) {
        server s;
        refusal x = {0};
        start(&s, ANSWER, rows[i].answer);
        KF_AUTO_CHARS proxy = kf_strfmt("http://%s127.0.0.1:%d/", rows[i].login, s.port);
        kf_http_opts o = {.user_agent = "test", .proxy = proxy};
        KF_AUTO(kf_http) h = kf_http_new(loop, &o, NULL);
        KF_AUTO(kf_secret) body = kf_secret_new("{}", 2);
        kf_http_req q = {.method = "POST",
                         .origin = "https://api.example.invalid",
                         .path = "/x",
                         .body = body,
                         .single_use = true};
        kf_http_send(h, &q, on_refusal, &x);
        while (!x.came) kf_loop_step(loop, true);
        stop(&s);
        assert_string_equal(s.first_line, "CONNECT api.example.invalid:443 HTTP/1.1");
        assert_string_equal(kf_err_name(x.err.code), kf_err_name(rows[i].code));
        assert_int_equal(x.err.status, rows[i].status);
        if (!strstr(x.err.what, rows[i].what) || !strstr(x.err.hint, rows[i].hint))
            fail_msg("row %zu: %s; %s", i, x.err.what, x.err.hint);
        assert_null(strstr(x.err.what, "hunter2"));
        assert_null(strstr(x.err.hint, "hunter2"));
        assert_false(x.sent);
        assert_int_equal(x.date, 0);
    }
}

static void nobody_listens(void **state) {
    server s;
    start(&s, ANSWER, "");
    stop(&s);
    result r = ask(s.port, "POST", "/x", 0, true);
    assert_int_equal(r.code, KF_ERR_NET_CONNECT);
    assert_false(r.sent);
}

/* libcurl repeats a POST on a reused connection that the server dropped: a single-use one must not
 * be reused. */
static void a_single_use_post_arrives_once(void **state) {
    server s;
    start(&s, KEEP_THEN_DROP,
          "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok");
    result r = ask(s.port, "GET", "/warm", 0, false);
    assert_int_equal(r.status, 200);
    int before = s.requests;
    r = ask(s.port, "POST", "/once", 3000, true);
    assert_int_equal(r.code, KF_ERR_NET_BROKEN);
    assert_int_equal(s.requests - before, 1);
    assert_int_equal(s.connections, 2);
    stop(&s);
}

static void cancelled_means_silent(void **state) {
    server s;
    result r = {0};
    start(&s, SILENT, "");
    KF_AUTO_CHARS origin = kf_strfmt("http://127.0.0.1:%d", s.port);
    kf_http_req q = {.method = "GET", .origin = origin, .path = "/x"};
    uint32_t id = kf_http_send(http, &q, on_done, &r);
    for (int i = 0; i < 20 && !s.requests; i++) kf_loop_step(loop, true);
    kf_http_cancel(http, id);
    kf_http_cancel(http, id);
    while (kf_loop_step(loop, false)) {
    }
    assert_false(r.came);
    stop(&s);
}

/* This process stood still until its own time-out had passed: the answer in the socket counts. */
static void an_answer_in_the_socket_counts(void **state) {
    server s;
    result r = {0};
    start(&s, ON_CUE, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    KF_AUTO_CHARS origin = kf_strfmt("http://127.0.0.1:%d", s.port);
    kf_http_req q = {.method = "GET", .origin = origin, .path = "/x", .timeout_ms = 1500};
    int64_t until = kf_boot_ms() + q.timeout_ms;
    kf_http_send(http, &q, on_done, &r);
    while (!s.requests) kf_loop_step(loop, true);
    s.cue = true;
    while (!s.answered || kf_boot_ms() <= until) pause_ms(5);
    while (!r.came) kf_loop_step(loop, true);
    assert_int_equal(r.code, KF_ERR_NONE);
    assert_string_equal(r.body, "hi");
    stop(&s);
}

/* A body of 1,000 bytes behind headers of 300, so many bytes every tenth of a second. */
static result ask_a_slow_one(size_t drip) {
    server s;
    char fill[1001], top[260];
    memset(fill, 'x', 1000);
    fill[1000] = 0;
    snprintf(top, sizeof top, "%.240s", fill);
    KF_AUTO_CHARS whole =
        kf_strfmt("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nX-Fill: %s\r\n\r\n%s", top, fill);
    start(&s, DRIP, whole);
    s.drip = drip;
    result r = ask(s.port, "GET", "/x", 1000, true);
    stop(&s);
    return r;
}

static void slow_is_what_brings_few_bytes(void **state) {
    result r = ask_a_slow_one(50);
    assert_int_equal(r.code, KF_ERR_NONE); /* although it took three times its time */
    assert_int_equal(r.status, 200);
    r = ask_a_slow_one(1);
    assert_int_equal(r.code, KF_ERR_NET_TIMEOUT);
}

static void http_is_for_loopback_only(void **state) {
    kf_http_req q = {
        .method = "GET", .origin = "http://192.0.2.1", .path = "/x", .timeout_ms = 2000};
    result r = {0};
    kf_http_send(http, &q, on_done, &r);
    while (!r.came) kf_loop_step(loop, true);
    assert_int_not_equal(r.code, KF_ERR_NONE);
    assert_false(r.sent);
}

int main(void) {
    const struct CMUnitTest t[] = {
        cmocka_unit_test_setup_teardown(an_answer_with_its_headers, setup, teardown),
        cmocka_unit_test_setup_teardown(trouble, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_listens, setup, teardown),
        cmocka_unit_test_setup_teardown(a_proxy_that_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(a_single_use_post_arrives_once, setup, teardown),
        cmocka_unit_test_setup_teardown(cancelled_means_silent, setup, teardown),
        cmocka_unit_test_setup_teardown(an_answer_in_the_socket_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(slow_is_what_brings_few_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(http_is_for_loopback_only, setup, teardown)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
