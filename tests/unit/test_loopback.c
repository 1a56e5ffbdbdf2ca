/* The redirect listener with real sockets: the one request it takes, and all those it must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/str.h"
#include "io/loopback.h"
#include "io/tcp_owner.h"

#define STATE "st-0123456789abcdefghijklmnopqrstuvwxyz"

typedef struct world {
    kf_loop *loop;
    kf_loopback *b;
    int calls;
    char *query;
    bool free_it; /* in the callback */
} world;

static void came(void *user, const kf_secret *query) {
    world *w = user;
    w->calls++;
    free(w->query);
    w->query = kf_strdup(kf_secret_peek(query));
    if (w->free_it) w->b = kf_loopback_free(w->b);
}

static int setup(void **state) {
    kf_err e;
    world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->loop = kf_loop_new(&e);
    w->b = kf_loopback_new(w->loop, 0, STATE, came, w, &e);
    assert_non_null(w->b);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    world *w = *state;
    kf_loopback_free(w->b);
    kf_loop_free(w->loop);
    free(w->query);
    free(w);
    return 0;
}

/* --- a client ------------------------------------------------------------------------------------
 */

static int dial(const world *w) {
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                            .sin_port = htons((uint16_t)kf_loopback_port(w->b))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(!connect(fd, (struct sockaddr *)&a, sizeof a) || errno == EINPROGRESS);
    return fd;
}

static void put(world *w, int fd, const char *text, size_t n) {
    int64_t end = kf_boot_ms() + 20000;
    for (size_t at = 0; at < n;) {
        ssize_t k = send(fd, text + at, n - at, MSG_NOSIGNAL);
        if (k > 0) at += (size_t)k;
        else kf_loop_step(w->loop, false);
        assert_true(kf_boot_ms() < end);
    }
}

static void timer(void *user) { *(bool *)user = true; }

/* The whole answer, until the listener closes; NULL when none came within ms. */
static char *get(world *w, int fd, int64_t ms) {
    kf_buf b;
    bool late = false, closed = false;
    kf_buf_init(&b, 1 << 20);
    kf_loop_id t = kf_loop_after(w->loop, ms, timer, &late);
    while (!closed && !late) {
        char in[4096];
        ssize_t k = recv(fd, in, sizeof in, 0);
        if (k > 0) assert_true(kf_buf_add(&b, in, (size_t)k));
        else if (k == 0 || errno != EAGAIN) closed = true;
        else kf_loop_step(w->loop, false);
    }
    kf_loop_cancel(w->loop, t);
    char *text = closed && b.len ? kf_strdup(b.data) : NULL;
    kf_buf_done(&b);
    return text;
}

static int ask(world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int ask(world *w, const char *fmt, ...) {
    va_list ap;
    char *text = NULL;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    assert_true(n > 0);
    int fd = dial(w);
    put(w, fd, text, (size_t)n);
    free(text);
    return fd;
}

static int ask_for(world *w, const char *target) {
    return ask(w, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", target, kf_loopback_port(w->b));
}

static char *answer_to(world *w, const char *target) {
    int fd = ask_for(w, target);
    char *text = get(w, fd, 20000);
    close(fd);
    assert_non_null(text);
    return text;
}

static void is(char *answer, int status, const char *part) {
    char line[32];
    snprintf(line, sizeof line, "HTTP/1.1 %d ", status);
    assert_non_null(answer);
    if (!kf_str_starts(answer, line) || !strstr(answer, part))
        fail_msg("want %d and '%s', got: %s", status, part, answer);
    assert_non_null(strstr(answer, "Content-Security-Policy: default-src 'none'"));
    assert_non_null(strstr(answer, "Cache-Control: no-store"));
    free(answer);
}

static void until_called(world *w, int n) {
    for (int64_t end = kf_boot_ms() + 20000; w->calls < n && kf_boot_ms() < end;)
        kf_loop_step(w->loop, false);
    assert_int_equal(w->calls, n);
}

/* After whatever was done: the right request is still taken, and only now. */
static void still_works(world *w) {
    assert_int_equal(w->calls, 0);
    int fd = ask_for(w, "/callback?code=c1&state=" STATE);
    until_called(w, 1);
    assert_string_equal(w->query, "code=c1&state=" STATE);
    assert_true(kf_loopback_waits(w->b));
    kf_loopback_finish(w->b, KF_LOOPBACK_DONE, NULL);
    is(get(w, fd, 20000), 200, "<h1>Signed in</h1>");
    close(fd);
    assert_false(kf_loopback_waits(w->b));
}

/* --- tests ---------------------------------------------------------------------------------------
 */

static void the_browser_waits_for_the_result(void **state) {
    world *w = *state;
    int fd = ask_for(w, "/callback?code=c1&state=" STATE "&x=%41");
    until_called(w, 1);
    assert_string_equal(w->query, "code=c1&state=" STATE "&x=%41");
    assert_null(get(w, fd, 300)); /* no answer before there is one */
    is(answer_to(w, "/callback?code=c2&state=" STATE), 200, "Already done"); /* a second tab */
    kf_loopback_finish(w->b, KF_LOOPBACK_DONE, NULL);
    is(get(w, fd, 20000), 200, "<h1>Signed in</h1>");
    close(fd);
    is(answer_to(w, "/callback?code=c2&state=" STATE), 200, "Already done");
    is(answer_to(w, "/callback?code=c2&state=other"), 200, "Already done");
    is(answer_to(w, "/favicon.ico"), 404, "Nothing here");
    assert_int_equal(w->calls, 1);
}

static void a_failure_is_told_escaped(void **state) {
    world *w = *state;
    int fd = ask_for(w, "/callback?error=access_denied&error_description=No%21&state=" STATE);
    until_called(w, 1);
    kf_loopback_finish(w->b, KF_LOOPBACK_FAILED,
                       "<script>alert('1')</script>\x1b[2J\r\n & {title} a\xe2\x80\xae"
                       "b\xc2\x9b"
                       "c\xc3\xa9\xff");
    char *text = get(w, fd, 20000);
    close(fd);
    assert_non_null(
        strstr(text, "&#60;script&#62;alert(&#39;1&#39;)&#60;/script&#62; [2J   &#38; {title}"));
    assert_non_null(strstr(text, "a b c\xc3\xa9 "));
    assert_null(strstr(text, "<script"));
    assert_null(strchr(text, 0x1b));
    is(text, 200, "The sign-in did not work");
    kf_loopback_finish(w->b, KF_LOOPBACK_DONE, NULL); /* the first word counts */
    is(answer_to(w, "/callback?code=c2&state=" STATE), 200, "Already done");
}

static void the_hold_is_bounded(void **state) {
    world *w = *state;
    int fd = ask_for(w, "/callback?code=c1&state=" STATE);
    int64_t start = kf_boot_ms();
    is(get(w, fd, 20000), 200, "Go back to the terminal");
    close(fd);
    int64_t took = kf_boot_ms() - start;
    assert_true(took >= KF_LOOPBACK_HOLD_MS - 200);
    assert_false(kf_loopback_waits(w->b));
    kf_loopback_finish(w->b, KF_LOOPBACK_DONE, NULL);
}

static void going_on_at_the_terminal(void **state) {
    world *w = *state;
    int fd = ask_for(w, "/callback?code=c1&state=" STATE);
    until_called(w, 1);
    kf_loopback_finish(w->b, KF_LOOPBACK_GO_ON, NULL);
    is(get(w, fd, 20000), 200, "<h1>Go back to the terminal</h1>");
    close(fd);
    kf_loopback_finish(w->b, KF_LOOPBACK_DONE, NULL);
}

static void requests_that_are_not_it(void **state) {
    world *w = *state;
    static const struct {
        const char *target;
        int status;
        const char *part;
    } bad[] = {
        {"/favicon.ico", 404, "Nothing here"},
        {"/", 404, "Nothing here"},
        {"/callback/", 404, "Nothing here"},
        {"/Callback?code=c&state=" STATE, 404, "Nothing here"},
        {"/%63allback?code=c&state=" STATE, 404, "Nothing here"},
        {"//127.0.0.1/callback?code=c&state=" STATE, 404, "Nothing here"},
        {"/callback", 400, "Not this sign-in"},
        {"/callback?", 400, "Not this sign-in"},
        {"/callback?code=c", 400, "Not this sign-in"},
        {"/callback?code=c&state=", 400, "Not this sign-in"},
        {"/callback?code=c&state=wrong", 400, "Not this sign-in"},
        {"/callback?code=c&state=" STATE "x", 400, "Not this sign-in"},
        {"/callback?code=c&state=St-0123456789abcdefghijklmnopqrstuvwxyz", 400, "Not this sign-in"},
        {"/callback?state=" STATE, 400, "Not a usable answer"},
        {"/callback?code=&state=" STATE, 400, "Not a usable answer"},
        {"/callback?code=a&code=b&state=" STATE, 400, "Not a usable answer"},
        {"/callback?code=a&state=" STATE "&state=" STATE, 400, "Not a usable answer"},
        {"/callback?code=a&error=b&state=" STATE, 400, "Not a usable answer"},
        {"/callback?code=%zz&state=" STATE, 400, "Not a usable answer"},
        {"/callback?code=a%00b&state=" STATE, 400, "Not a usable answer"},
        {"/callback#code=c&state=" STATE, 404, "Nothing here"},
    };
    for (size_t i = 0; i < KF_LEN(bad); i++)
        is(answer_to(w, bad[i].target), bad[i].status, bad[i].part);
    still_works(w);
}

static void other_methods_hosts_and_forms(void **state) {
    world *w = *state;
    int port = kf_loopback_port(w->b), fd;
    char *text;
    static const char target[] = "/callback?code=c&state=" STATE;
    const struct {
        const char *host;
        int status;
    } hosts[] = {{"evil.example", 400},
                 {"127.0.0.1", 400},
                 {"127.0.0.1:1", 400},
                 {"evil.example:%d", 400},
                 {"[::1]:%d", 400}};
    for (size_t i = 0; i < KF_LEN(hosts); i++) {
        KF_AUTO_CHARS name = !strchr(hosts[i].host, '%') ? kf_strdup(hosts[i].host)
                             : *hosts[i].host == '['     ? kf_strfmt("[::1]:%d", port)
                                                         : kf_strfmt("evil.example:%d", port);
        fd = ask(w, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, name);
        is(get(w, fd, 20000), hosts[i].status, "Not here");
        close(fd);
    }
    fd =
        ask(w, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nHost: evil.example\r\n\r\n", target, port);
    assert_true(kf_str_starts(text = get(w, fd, 20000), "HTTP/1.1 400 "));
    free(text);
    close(fd);
    fd = ask(w, "GET %s HTTP/1.0\r\n\r\n", target);
    text = get(w, fd, 20000);
    assert_non_null(strstr(text, " 400 "));
    free(text);
    close(fd);
    static const char *const methods[] = {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "FROB"};
    for (size_t i = 0; i < KF_LEN(methods); i++) {
        fd = ask(w, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: 5\r\n\r\nhello",
                 methods[i], target, port);
        is(get(w, fd, 20000), 405, "Allow: GET");
        close(fd);
    }
    fd = ask(w, "HEAD %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", target, port);
    assert_true(kf_str_starts(text = get(w, fd, 20000), "HTTP/1.1 405 "));
    free(text);
    close(fd);
    fd = ask(w, "GET http://evil.example%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", target, port);
    is(get(w, fd, 20000), 404, "Nothing here");
    close(fd);
    /* the other name of the same place is fine */
    fd = ask(w, "GET %s HTTP/1.1\r\nHost: LocalHost:%d\r\n\r\n", target, port);
    until_called(w, 1);
    close(fd);
}

static void long_queries(void **state) {
    world *w = *state;
    const size_t sizes[] = {KF_LOOPBACK_QUERY_MAX, 64 << 10, 1 << 20};
    for (size_t i = 0; i < KF_LEN(sizes); i++) {
        size_t n = sizes[i];
        char *x = malloc(n + 1);
        assert_non_null(x);
        memset(x, 'a', n);
        x[n] = 0;
        KF_AUTO_CHARS target = kf_strfmt("/callback?state=" STATE "&code=%s", x);
        free(x);
        char *text;
        if (n > 64 << 10) { /* what does not fit at all: any refusal will do */
            int fd = dial(w);
            KF_AUTO_CHARS head = kf_strfmt("GET %s", target);
            for (size_t at = 0; at < n;) {
                ssize_t k = send(fd, head + at, n - at, MSG_NOSIGNAL);
                if (k < 0 && errno != EAGAIN) break;
                if (k > 0) at += (size_t)k;
                kf_loop_step(w->loop, false);
            }
            close(fd);
            continue;
        }
        is(text = answer_to(w, target), 414, "Too long");
    }
    still_works(w);
}

static void half_sent_and_silent(void **state) {
    world *w = *state;
    int fd[40], n = 0;
    static const char half[] = "GET /callback?code=c&state=" STATE " HTTP/1.1\r\nHost: 127.";
    for (; n < 8; n++) {
        fd[n] = dial(w);
        put(w, fd[n], half, n % 2 ? sizeof half - 1 : 0);
    }
    fd[n++] =
        ask(w, "POST /callback HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: 100\r\n\r\nhalf",
            kf_loopback_port(w->b));
    fd[n++] = ask(w, "\x16\x03\x01\x02garbage\r\n\r\n");
    still_works(w);
    for (int i = 0; i < n; i++) close(fd[i]);
}

static bool is_open(int fd) {
    char c;
    return recv(fd, &c, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}

static void many_connections_make_room(void **state) {
    world *w = *state;
    int fd[500], open = 0;
    for (size_t i = 0; i < KF_LEN(fd); i++) {
        fd[i] = dial(w); /* more than it takes, and all of them are silent */
        kf_loop_step(w->loop, false);
    }
    still_works(w);
    assert_false(is_open(fd[0]));
    assert_true(is_open(fd[KF_LEN(fd) - 1])); /* no time-out made the room */
    for (size_t i = 0; i < KF_LEN(fd); i++) {
        open += is_open(fd[i]);
        close(fd[i]);
    }
    assert_in_range(open, 1, 32);
}

/* Exits 0 when it was closed without an answer. */
static void as_another_user(const world *w) {
    char text[256], in[256];
    if (setresuid(65534, 65534, 65534)) _exit(2);
    int fd = dial(w);
    int flags = fcntl(fd, F_GETFL);
    if (fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0) _exit(3);
    int n = snprintf(text, sizeof text,
                     "GET /callback?code=c&state=" STATE " HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n",
                     kf_loopback_port(w->b));
    if (send(fd, text, (size_t)n, MSG_NOSIGNAL) < 0) _exit(0);
    _exit(recv(fd, in, sizeof in, 0) > 0 ? 1 : 0);
}

static void another_user_gets_no_place(void **state) {
    world *w = *state;
    uid_t owner = 0;
    int fd = dial(w), own = kf_loopback_port(w->b);
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    assert_int_equal(poll(&p, 1, 20000), 1);
    assert_true(own && kf_tcp_owner(fd, &owner)); /* the listener's own end */
    close(fd);
    if (geteuid()) return; /* there is no other user that this one could be */
    int status = 0;
    pid_t pid = fork();
    if (!pid) as_another_user(w);
    for (int64_t end = kf_boot_ms() + 20000; waitpid(pid, &status, WNOHANG) == 0;) {
        kf_loop_step(w->loop, false);
        assert_true(kf_boot_ms() < end);
    }
    assert_int_equal(status, 0);
    assert_int_equal(w->calls, 0);
    still_works(w);
}

static void a_browser_that_goes_away(void **state) {
    world *w = *state;
    int fd = ask_for(w, "/callback?code=c1&state=" STATE);
    until_called(w, 1);
    close(fd);
    for (int i = 0; i < 20; i++) kf_loop_step(w->loop, false);
    kf_loopback_finish(w->b, KF_LOOPBACK_DONE, NULL);
    is(answer_to(w, "/callback?code=c1&state=" STATE), 200, "Already done");
}

static void freed_in_the_callback(void **state) {
    world *w = *state;
    w->free_it = true;
    int fd = ask_for(w, "/callback?code=c1&state=" STATE);
    until_called(w, 1);
    assert_null(w->b);
    is(get(w, fd, 20000), 200, "Go back to the terminal");
    close(fd);
}

static void a_port_in_use_is_named(void **state) {
    world *w = *state;
    kf_err e;
    int port = kf_loopback_port(w->b);
    char number[8];
    snprintf(number, sizeof number, "%d", port);
    assert_null(kf_loopback_new(w->loop, port, STATE, came, w, &e));
    assert_int_equal(e.code, KF_ERR_SYS_IO);
    assert_non_null(strstr(e.what, number));
    assert_non_null(strstr(e.hint, number));
    assert_non_null(strstr(e.hint, "redirect port"));
    /* and free again at once when it ends, also after a connection */
    still_works(w);
    kf_loopback_free(w->b);
    w->calls = 0;
    w->b = kf_loopback_new(w->loop, port, STATE, came, w, &e);
    assert_non_null(w->b);
    assert_int_equal(kf_loopback_port(w->b), port);
    still_works(w);
}

static void it_wants_a_state(void **state) {
    world *w = *state;
    kf_err e;
    assert_null(kf_loopback_new(w->loop, 0, NULL, came, w, &e));
    assert_null(kf_loopback_new(w->loop, 0, "", came, w, &e));
    assert_null(kf_loopback_new(w->loop, 0, "short", came, w, &e));
    assert_null(kf_loopback_new(w->loop, 65536, STATE, came, w, &e));
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(the_browser_waits_for_the_result),
        T(a_failure_is_told_escaped),
        T(the_hold_is_bounded),
        T(going_on_at_the_terminal),
        T(requests_that_are_not_it),
        T(other_methods_hosts_and_forms),
        T(long_queries),
        T(half_sent_and_silent),
        T(many_connections_make_room),
        T(another_user_gets_no_place),
        T(a_browser_that_goes_away),
        T(freed_in_the_callback),
        T(a_port_in_use_is_named),
        T(it_wants_a_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
