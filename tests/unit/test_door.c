/* The door and its calls, with real sockets: each call is answered once, in order, also when its
 * handler forgets it, and hears of its connection's end once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/str.h"
#include "door/door.h"
#include "wire/frame.h"
#include "wire/socket.h"

enum { WAIT_MS = 10000, KEPT_MAX = 8 };

/* One door, and the calls that its handler keeps. What a call wants is its method: "echo" is
 * answered at once, "keep" later, "drop" never. */
typedef struct world {
    char dir[64], path[96];
    kf_loop *loop;
    kf_door *door;
    kf_call *kept[KEPT_MAX];
    size_t n, gone, freed, sent, let_go;
} world;

static void on_gone(void *user) { ((world *)user)->gone++; }
static void on_free(void *user) { ((world *)user)->freed++; }
static void on_sent(void *user) { ((world *)user)->sent++; }
static void on_let_go(void *user) { ((world *)user)->let_go++; }

static kf_json *number(const kf_call *c) {
    kf_json *j = kf_json_obj();
    kf_json_set_int(j, "n", kf_call_int(c, "n", -1));
    return j;
}

static void on_call(void *user, kf_call *c) {
    world *w = user;
    const char *method = kf_call_method(c);
    assert_ptr_equal(kf_call_host(c), w);
    if (kf_str_eq(method, "echo")) kf_call_reply(c, number(c));
    else if (kf_str_eq(method, "hold")) {
        kf_call_hold(c, w, on_let_go);
        kf_call_reply(c, NULL);
    } else if (kf_str_eq(method, "keep")) {
        assert_true(w->n < KEPT_MAX);
        kf_call_on_gone(c, on_gone, w);
        kf_call_keep(c, w, on_free);
        w->kept[w->n++] = c;
    } else kf_call_drop(c);
}

static void set_up(world *w) {
    kf_err e;
    *w = (world){.dir = "/tmp/kf-door-XXXXXX"};
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->path, sizeof w->path, "%s/sock", w->dir);
    w->loop = kf_loop_new(&e);
    int fd = kf_socket_listen(w->path, &e);
    assert_true(w->loop && fd >= 0);
    w->door = kf_door_new(w->loop, fd, on_call, w);
}

static void tear_down(world *w) {
    w->door = kf_door_free(w->door);
    kf_loop_free(w->loop);
    unlink(w->path);
    rmdir(w->dir);
}

static void turn(world *w) {
    while (kf_loop_step(w->loop, false)) {
    }
    usleep(200);
}

static void until(world *w, const size_t *count, size_t want) {
    int64_t end = kf_boot_ms() + WAIT_MS;
    while (*count < want && kf_boot_ms() < end) turn(w);
    assert_int_equal(*count, want);
}

static int client(world *w) {
    kf_err e;
    int fd = kf_socket_connect(w->path, &e);
    assert_true(fd >= 0);
    return fd;
}

static void ask(int fd, const char *method, int n) {
    KF_AUTO_CHARS text =
        kf_strfmt("{\"method\":\"%s\",\"parameters\":{\"n\":%d,\"key\":\"sk_x\"}}", method, n);
    assert_int_equal(send(fd, text, strlen(text) + 1, MSG_NOSIGNAL), (int)strlen(text) + 1);
}

/* The next answer; NULL: the connection was closed. */
static kf_json *answer(world *w, int fd) {
    kf_buf text;
    kf_buf_init(&text, KF_FRAME_MAX);
    int64_t end = kf_boot_ms() + WAIT_MS;
    kf_json *j = NULL;
    while (kf_boot_ms() < end) {
        char c;
        ssize_t k = recv(fd, &c, 1, MSG_DONTWAIT);
        if (k == 0) break;
        if (k < 0) turn(w);
        else if (c) assert_true(kf_buf_add(&text, &c, 1));
        else {
            j = kf_json_parse(text.data, text.len, NULL);
            assert_non_null(j);
            break;
        }
    }
    assert_true(kf_boot_ms() < end);
    kf_buf_done(&text);
    return j;
}

static void answers_number(world *w, int fd, int n) {
    KF_AUTO(kf_json) j = answer(w, fd);
    assert_int_equal(kf_json_int_or(kf_json_get(j, "parameters"), "n", -1), n);
}

static void a_call_that_is_dropped_answers_bug(void **state) {
    world w;
    set_up(&w);
    int fd = client(&w);
    ask(fd, "drop", 1);
    ask(fd, "echo", 2); /* the connection goes on */
    KF_AUTO(kf_json) j = answer(&w, fd);
    const kf_json *failure = kf_json_get(kf_json_get(j, "parameters"), "failure");
    assert_string_equal(kf_json_str_or(failure, "name", ""), "sys.bug");
    answers_number(&w, fd, 2);
    ask(fd, "keep", 3);
    until(&w, &w.n, 1);
    assert_null(kf_call_drop(w.kept[0])); /* later is no different */
    KF_AUTO(kf_json) later = answer(&w, fd);
    assert_non_null(kf_json_get(later, "error"));
    assert_int_equal(w.freed, 1);
    assert_int_equal(kf_door_open_calls(w.door), 0);
    close(fd);
    tear_down(&w);
}

static void the_end_of_a_connection_is_told_once(void **state) {
    world w;
    set_up(&w);
    int fd = client(&w);
    ask(fd, "keep", 1);
    until(&w, &w.n, 1);
    assert_false(kf_call_is_gone(w.kept[0]));
    assert_int_equal(kf_door_open_calls(w.door), 1);
    close(fd);
    until(&w, &w.gone, 1);
    assert_true(kf_call_is_gone(w.kept[0])); /* and is still there */
    assert_int_equal(kf_call_int(w.kept[0], "n", 0), 1);
    assert_int_equal(kf_door_connections(w.door), 0);
    assert_int_equal(kf_door_count(w.door, "keep"), 1);
    assert_int_equal(w.freed, 0);
    kf_call_part(w.kept[0], NULL); /* both go nowhere */
    kf_call_reply(w.kept[0], NULL);
    assert_int_equal(w.freed, 1);

    fd = client(&w); /* not after the answer */
    ask(fd, "keep", 2);
    until(&w, &w.n, 2);
    kf_call_reply(w.kept[1], number(w.kept[1]));
    answers_number(&w, fd, 2);
    close(fd);
    for (int i = 0; i < 50; i++) turn(&w);
    assert_int_equal(w.gone, 1);
    assert_int_equal(kf_door_connections(w.door), 0);
    tear_down(&w);
}

static void the_end_of_the_door_tells_each_call(void **state) {
    world w;
    set_up(&w);
    int a = client(&w), b = client(&w);
    ask(a, "keep", 1);
    ask(b, "keep", 2);
    until(&w, &w.n, 2);
    kf_door_close(w.door);
    assert_int_equal(w.gone, 2);
    assert_int_equal(w.freed, 0);
    kf_call_fail(w.kept[0], &(kf_err){.code = KF_ERR_WIRE_CLOSED});
    assert_int_equal(w.freed, 1);
    w.door = kf_door_free(w.door); /* one that nobody answered */
    assert_int_equal(w.freed, 2);
    assert_int_equal(w.gone, 2);
    close(a);
    close(b);
    tear_down(&w);
}

static void answers_keep_their_order(void **state) {
    world w;
    set_up(&w);
    int a = client(&w), b = client(&w);
    for (int i = 0; i < 3; i++) { /* three lots of calls in one connection */
        ask(a, "echo", 10 * i);
        ask(a, "keep", 10 * i + 1);
        ask(a, "echo", 10 * i + 2);
    }
    until(&w, &w.n, 1);
    answers_number(&w, a, 0);
    ask(b, "echo", 7); /* another connection does not wait */
    answers_number(&w, b, 7);
    for (size_t i = 0; i < 3; i++) {
        until(&w, &w.n, i + 1);
        assert_int_equal(recv(a, &(char){0}, 1, MSG_DONTWAIT), -1); /* nothing overtakes it */
        kf_call_reply(w.kept[i], number(w.kept[i]));
        answers_number(&w, a, 10 * (int)i + 1);
        answers_number(&w, a, 10 * (int)i + 2);
        if (i < 2) answers_number(&w, a, 10 * (int)i + 10);
    }
    assert_int_equal(w.gone, 0);
    close(a);
    close(b);
    tear_down(&w);
}

static void parts_come_before_the_answer(void **state) {
    world w;
    set_up(&w);
    int fd = client(&w);
    ask(fd, "keep", 1);
    until(&w, &w.n, 1);
    kf_call_part(w.kept[0], number(w.kept[0]));
    kf_call_when_sent(w.kept[0], on_sent, &w);
    assert_int_equal(w.sent, 0); /* never below the function that asks for it */
    until(&w, &w.sent, 1);
    kf_call_reply(w.kept[0], NULL);
    KF_AUTO(kf_json) part = answer(&w, fd);
    assert_true(kf_json_bool(part, "continues", false));
    KF_AUTO(kf_json) last = answer(&w, fd);
    assert_false(kf_json_bool(last, "continues", false));
    close(fd);
    tear_down(&w);
}

static void a_broken_connection_is_not_told_below_the_handler(void **state) {
    world w;
    set_up(&w);
    int fd = client(&w);
    ask(fd, "keep", 1);
    until(&w, &w.n, 1);
    close(fd);
    kf_call_part(w.kept[0], number(w.kept[0])); /* EPIPE */
    assert_int_equal(w.gone, 0);
    assert_false(kf_call_is_gone(w.kept[0]));
    until(&w, &w.gone, 1);
    kf_call_drop(w.kept[0]);
    tear_down(&w);
}

static void a_secret_leaves_the_parameters(void **state) {
    world w;
    set_up(&w);
    int fd = client(&w);
    ask(fd, "keep", 1);
    until(&w, &w.n, 1);
    KF_AUTO(kf_secret) key = kf_call_take_secret(w.kept[0], "key");
    assert_int_equal(kf_secret_len(key), 4);
    assert_null(kf_call_take_secret(w.kept[0], "key"));
    assert_null(kf_call_str(w.kept[0], "key", NULL));
    close(fd);
    until(&w, &w.gone, 1);
    kf_call_drop(w.kept[0]);
    tear_down(&w);
}

static void a_connection_holds_one_thing(void **state) {
    world w;
    set_up(&w);
    int fd = client(&w);
    ask(fd, "hold", 1);
    kf_json_free(answer(&w, fd));
    assert_int_equal(kf_door_open_calls(w.door), 1);
    ask(fd, "hold", 2);
    kf_json_free(answer(&w, fd));
    assert_int_equal(w.let_go, 1);
    ask(fd, "keep", 3);
    until(&w, &w.n, 1);
    assert_ptr_equal(kf_call_held(w.kept[0]), &w);
    close(fd);
    until(&w, &w.let_go, 2);
    kf_call_drop(w.kept[0]);
    tear_down(&w);
}

static void what_is_no_call_is_refused(void **state) {
    static const char *const bad[] = {"{}", "{\"method\":1}",
                                      "{\"method\":\"echo\",\"parameters\":1}"};
    world w;
    set_up(&w);
    for (size_t i = 0; i < KF_LEN(bad); i++) {
        int fd = client(&w);
        assert_true(send(fd, bad[i], strlen(bad[i]) + 1, MSG_NOSIGNAL) > 0);
        KF_AUTO(kf_json) j = answer(&w, fd);
        assert_string_equal(kf_json_str_or(j, "error", ""), "org.varlink.service.InvalidParameter");
        ask(fd, "echo", 1);
        answers_number(&w, fd, 1);
        close(fd);
    }
    int fd = client(&w);
    assert_true(send(fd, "[]", 3, MSG_NOSIGNAL) > 0);
    assert_null(answer(&w, fd));
    close(fd);
    tear_down(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_that_is_dropped_answers_bug),
        cmocka_unit_test(the_end_of_a_connection_is_told_once),
        cmocka_unit_test(the_end_of_the_door_tells_each_call),
        cmocka_unit_test(answers_keep_their_order),
        cmocka_unit_test(parts_come_before_the_answer),
        cmocka_unit_test(a_broken_connection_is_not_told_below_the_handler),
        cmocka_unit_test(a_secret_leaves_the_parameters),
        cmocka_unit_test(a_connection_holds_one_thing),
        cmocka_unit_test(what_is_no_call_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
