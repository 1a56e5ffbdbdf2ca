/* A client whose agent dies: what is repeated, and what must not be. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/str.h"
#include "wire/client.h"
#include "wire/frame.h"
#include "wire/msg.h"
#include "wire/socket.h"

static char dir[] = "/tmp/kf-client-XXXXXX";

/* How a connection ends. RESET: nothing was read. READ: all was read. HELLO: Hello was answered as
 * well. PART: and half of the call's answer was sent. WORKS: it is answered. FIRST: a stream that
 * ends behind its first answer. BUSY: refused, before anything was sent. */
typedef enum fate { RESET, READ, HELLO, PART, WORKS, FIRST, BUSY } fate;

/* An agent, of which each connection has its fate; behind the last one all work. */
static struct agent {
    const fate *fates;
    size_t n;
    atomic_size_t connections, calls; /* calls: those that were read */
    int fd;
    pthread_t thread;
} agent;

static void say(int fd, kf_json *params, bool continues, size_t most) {
    kf_buf out;
    kf_buf_init(&out, KF_FRAME_MAX);
    KF_AUTO(kf_json) msg = kf_msg_reply(params, continues);
    assert_true(kf_frame_write(&out, msg, NULL));
    size_t n = out.len < most ? out.len : most;
    assert_int_equal(send(fd, out.data, n, MSG_NOSIGNAL), (ssize_t)n);
    kf_buf_done(&out);
}

static void say_hello(int fd) {
    kf_json *p = kf_json_obj();
    kf_json_set_int(p, "protocol", KF_PROTOCOL);
    kf_json_set_str(p, "build", "test");
    say(fd, p, false, SIZE_MAX);
}

static void say_busy(int fd) {
    kf_err e;
    kf_buf out;
    kf_buf_init(&out, KF_FRAME_MAX);
    kf_fail(&e, KF_ERR_WIRE_BUSY, "256 connections are open already");
    KF_AUTO(kf_json) msg = kf_msg_error(&e);
    assert_true(kf_frame_write(&out, msg, NULL));
    assert_int_equal(send(fd, out.data, out.len, MSG_NOSIGNAL), (ssize_t)out.len);
    kf_buf_done(&out);
}

static kf_json *numbered(void) {
    kf_json *p = kf_json_obj();
    kf_json_set_int(p, "connection", (int64_t)agent.connections);
    return p;
}

static void serve_one(int fd, fate f) {
    kf_frame_reader in;
    if (f == BUSY) {
        say_busy(fd);
        return;
    }
    kf_frame_reader_init(&in);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 20000), 1); /* it is there, to be read or not */
    for (int frames = 0; f != RESET && frames < 2;) {
        char chunk[4096];
        kf_json *msg = NULL;
        if (kf_frame_next(&in, &msg, NULL) == 1) {
            kf_json_free(msg);
            frames++;
            continue;
        }
        ssize_t n = recv(fd, chunk, sizeof chunk, 0);
        if (n <= 0) break;
        assert_true(kf_frame_feed(&in, chunk, (size_t)n, NULL));
    }
    kf_frame_reader_done(&in);
    if (f == RESET) return;
    agent.calls++;
    if (f == READ) return;
    say_hello(fd);
    if (f == HELLO) return;
    say(fd, numbered(), f == FIRST, f == PART ? 10 : SIZE_MAX);
}

static void *live(void *arg) {
    for (int fd; (fd = accept(agent.fd, NULL, NULL)) >= 0; close(fd)) {
        size_t i = agent.connections++;
        serve_one(fd, i < agent.n ? agent.fates[i] : WORKS);
    }
    return NULL;
}

static void start(const fate *fates, size_t n) {
    kf_err e;
    KF_AUTO_CHARS path = kf_strfmt("%s/agent.sock", dir);
    unlink(path);
    agent.fates = fates;
    agent.n = n;
    agent.connections = agent.calls = 0;
    int fd = kf_socket_listen(path, &e);
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_SETFL, 0), 0); /* the thread waits in accept */
    agent.fd = fd;
    assert_int_equal(pthread_create(&agent.thread, NULL, live, NULL), 0);
}

static void stop(void) {
    shutdown(agent.fd, SHUT_RDWR);
    pthread_join(agent.thread, NULL);
    close(agent.fd);
}

/* One call, an answer or none; the number of connections that it took. */
static kf_err_code call(const char *method, kf_json *params, const fate *fates, size_t n,
                        size_t connections, size_t calls) {
    kf_err e = {0};
    start(fates, n);
    kf_client *c = kf_client_open(KF_CLIENT_NO_START, &e);
    assert_non_null(c);
    KF_AUTO(kf_json) r = kf_client_call(c, method, params, 20000, &e);
    if (r) assert_int_equal(kf_json_int_or(r, "connection", 0), (int64_t)connections);
    kf_client_close(c);
    stop();
    if (agent.connections != connections || agent.calls != calls)
        fail_msg("%s: %zu connections and %zu calls, not %zu and %zu", method, agent.connections,
                 agent.calls, connections, calls);
    return r ? KF_ERR_NONE : e.code;
}

static void what_is_harmless_is_repeated(void **state) {
    static const fate all[] = {HELLO, READ, PART, RESET, HELLO};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(call("GetToken", NULL, &all[i], 1, 2, all[i] == RESET ? 1 : 2),
                         KF_ERR_NONE);
    assert_int_equal(call("GetToken", NULL, all, 3, 4, 4), KF_ERR_NONE);
    assert_int_equal(call("GetToken", NULL, all, 5, 4, 3),
                     KF_ERR_WIRE_CLOSED); /* four times are enough */
    kf_json *renew = kf_json_obj();
    kf_json_set_bool(renew, "renew", true);
    assert_int_equal(call("GetToken", renew, all, 1, 2, 2), KF_ERR_NONE);
}

static void what_changes_something_is_not(void **state) {
    static const fate read[] = {READ}, hello[] = {HELLO}, part[] = {PART};
    static const char *const methods[] = {
        "SignOut",       "PutProfile", "RemoveProfile", "SwitchOrganization",
        "RevokeSession", "TakeToken",  "MoveStore",     "HandedOver",
        "VerifyFactor",  "Answer",     "Quit"};
    for (size_t i = 0; i < KF_LEN(methods); i++) {
        assert_int_equal(call(methods[i], NULL, read, 1, 1, 1), KF_ERR_WIRE_CLOSED);
        assert_int_equal(call(methods[i], NULL, hello, 1, 1, 1), KF_ERR_WIRE_CLOSED);
        assert_int_equal(call(methods[i], NULL, part, 1, 1, 1), KF_ERR_WIRE_CLOSED);
    }
    kf_json *hand_over = kf_json_obj();
    kf_json_set_bool(hand_over, "hand_over", true);
    assert_int_equal(call("Seal", hand_over, hello, 1, 1, 1), KF_ERR_WIRE_CLOSED);
    assert_int_equal(call("Seal", NULL, hello, 1, 2, 2), KF_ERR_NONE);
}

static void what_was_not_read_is_repeated_whatever_it_is(void **state) {
    static const fate fates[] = {RESET, RESET, RESET, RESET};
    assert_int_equal(call("PutProfile", NULL, fates, 1, 2, 1), KF_ERR_NONE);
    assert_int_equal(call("SignOut", NULL, fates, 3, 4, 1), KF_ERR_NONE);
    assert_int_equal(call("SignOut", NULL, fates, 4, 4, 0), KF_ERR_WIRE_CLOSED);
}

/* A connection that is kept, and whose agent went away between two calls. */
static void between_two_calls(void **state) {
    static const fate works[] = {WORKS};
    kf_err e;
    start(works, 1);
    kf_client *c = kf_client_open(KF_CLIENT_NO_START, &e);
    for (int64_t i = 1; i < 4; i++) {
        KF_AUTO(kf_json) r = kf_client_call(c, "SignOut", NULL, 20000, &e);
        assert_non_null(r);
        assert_int_equal(kf_json_int_or(r, "connection", 0), i);
        struct pollfd p = {.fd = kf_client_fd(c), .events = POLLIN};
        assert_int_equal(poll(&p, 1, 20000), 1); /* the other end is closed by now */
    }
    kf_client_close(c);
    stop();
    assert_int_equal(agent.calls, 3);
}

static int stream(const char *method, const fate *fates, size_t n, size_t calls, kf_err *e) {
    start(fates, n);
    kf_client *c = kf_client_open(KF_CLIENT_NO_START, e);
    assert_non_null(c);
    assert_true(kf_client_start(c, method, NULL, e));
    bool more = false;
    kf_json *r = NULL;
    int rc = kf_client_next(c, 20000, -1, &r, &more, e);
    kf_json_free(r);
    if (rc == 1 && more)
        rc = kf_client_next(c, 20000, -1, &r, &more, e) == -1 ? 2
                                                              : 0; /* 2: one answer, then its end */
    kf_client_close(c);
    stop();
    assert_int_equal(agent.calls, calls);
    return rc;
}

static void streams_are_repeated_before_their_first_answer(void **state) {
    static const fate watch[] = {HELLO, RESET, FIRST, FIRST}, sign_in[] = {RESET, FIRST},
                      read[] = {READ};
    kf_err e;
    assert_int_equal(stream("Watch", watch, 4, 2, &e), 2);
    assert_int_equal(e.code,
                     KF_ERR_WIRE_CLOSED); /* not a second time, the caller has seen something */
    assert_int_equal(stream("SignIn", sign_in, 2, 1, &e), 2);
    assert_int_equal(stream("SignIn", read, 1, 1, &e), -1);
    assert_int_equal(e.code, KF_ERR_WIRE_CLOSED);
}

/* The connection is closed before the call is sent: the reason counts, not the broken pipe. */
static void a_refusal_is_read(void **state) {
    static const fate busy[] = {BUSY, BUSY};
    kf_err e = {0};
    start(busy, 2);
    kf_client *c = kf_client_open(KF_CLIENT_NO_START, &e);
    assert_non_null(c);
    struct pollfd p = {.fd = kf_client_fd(c)};
    assert_int_equal(poll(&p, 1, 20000), 1);
    assert_true(p.revents & POLLHUP);
    KF_AUTO(kf_json) r = kf_client_call(c, "GetToken", NULL, 20000, &e);
    assert_null(r);
    assert_int_equal(e.code, KF_ERR_WIRE_BUSY);
    kf_client_close(c);
    stop();
    assert_int_equal(agent.connections, 1);
}

static void no_agent_is_said_as_such(void **state) {
    static const fate read[] = {READ};
    kf_err e;
    start(read, 1);
    kf_client *c = kf_client_open(KF_CLIENT_NO_START, &e);
    KF_AUTO_CHARS path = kf_strfmt("%s/agent.sock", dir);
    unlink(path); /* so that there is none to be found again */
    KF_AUTO(kf_json) r = kf_client_call(c, "GetToken", NULL, 20000, &e);
    assert_null(r);
    assert_int_equal(e.code, KF_ERR_WIRE_NO_AGENT);
    kf_client_close(c);
    stop();
}

int main(void) {
    if (!mkdtemp(dir)) return 1;
    KF_AUTO_CHARS path = kf_strfmt("%s/agent.sock", dir);
    setenv("KEYFOB_SOCKET", path, 1);
    unsetenv("KEYFOB_READ_ONLY");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_harmless_is_repeated),
        cmocka_unit_test(what_changes_something_is_not),
        cmocka_unit_test(what_was_not_read_is_repeated_whatever_it_is),
        cmocka_unit_test(between_two_calls),
        cmocka_unit_test(streams_are_repeated_before_their_first_answer),
        cmocka_unit_test(a_refusal_is_read),
        cmocka_unit_test(no_agent_is_said_as_such)};
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    rmdir(dir);
    return rc;
}
