/* The event loop: descriptors, and what runs soon. Timers are in test_io.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#include "loop/loop.h"

typedef struct seen {
    int n, order[8];
} seen;
static seen got;
static void note(void *user) { got.order[got.n++] = *(int *)user; }

/* Two pipes, and what the callback of either does to the other. */
typedef struct pipes {
    kf_loop *l;
    int fd[2][2];
    kf_loop_id id[2];
    int called[2];
    short seen;
    bool cancels, mutes;
} pipes;

static void pipe_ready(int fd, short revents, void *user) {
    pipes *p = user;
    int mine = fd == p->fd[1][0];
    p->called[mine]++;
    p->seen = revents;
    if (p->cancels) kf_loop_cancel(p->l, p->id[!mine]);
    if (p->mutes) kf_loop_fd_events(p->l, p->id[!mine], 0);
}

static void pipes_up(pipes *p) {
    *p = (pipes){.l = kf_loop_new(NULL)};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pipe2(p->fd[i], O_CLOEXEC | O_NONBLOCK), 0);
        p->id[i] = kf_loop_fd(p->l, p->fd[i][0], POLLIN, pipe_ready, p);
    }
    assert_false(kf_loop_step(p->l, false));
    for (int i = 0; i < 2; i++) assert_int_equal(write(p->fd[i][1], "x", 1), 1);
}

static void pipes_down(pipes *p) {
    for (int i = 0; i < 2; i++) {
        kf_loop_cancel(p->l, p->id[i]);
        close(p->fd[i][0]);
        if (p->fd[i][1] >= 0) close(p->fd[i][1]);
    }
    kf_loop_free(p->l);
}

static void descriptors_are_told_what_they_wait_for(void **state) {
    pipes p;
    pipes_up(&p);
    assert_true(kf_loop_step(p.l, false));
    assert_true(p.called[0] == 1 && p.called[1] == 1 && p.seen == POLLIN);
    kf_loop_fd_events(p.l, p.id[0], 0);
    kf_loop_fd_events(p.l, p.id[1], 0);
    assert_false(kf_loop_step(p.l, false));
    close(p.fd[0][1]); /* the end is told whatever it waits for */
    p.fd[0][1] = -1;
    assert_true(kf_loop_step(p.l, false));
    assert_true(p.called[0] == 2 && p.called[1] == 1 && p.seen == POLLHUP);
    pipes_down(&p);

    for (int mutes = 0; mutes < 2; mutes++) { /* both are ready: the first one stops the second */
        pipes_up(&p);
        p.mutes = mutes;
        p.cancels = !mutes;
        assert_true(kf_loop_step(p.l, false));
        assert_int_equal(p.called[0] + p.called[1], 1);
        pipes_down(&p);
    }
}

static void file_ready(int fd, short revents, void *user) { note(user); }

/* epoll does not take it; poll says that it is ready. */
static void a_file_is_always_ready(void **state) {
    static int one = 1;
    kf_loop *l = kf_loop_new(NULL);
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    got.n = 0;
    kf_loop_id id = kf_loop_fd(l, fd, POLLIN, file_ready, &one);
    for (int i = 1; i <= 3; i++) {
        assert_true(kf_loop_step(l, false));
        assert_int_equal(got.n, i);
    }
    kf_loop_cancel(l, id);
    assert_false(kf_loop_step(l, false));
    close(fd);
    kf_loop_free(l);
}

static kf_loop *soon_loop;
static kf_loop_id soon_second;
static void soon_again(void *user) {
    note(user);
    kf_loop_cancel(soon_loop, soon_second);
    kf_loop_after(soon_loop, 0, note, user);
}

static void soon_is_the_next_turn(void **state) {
    static int one = 1, two = 2, three = 3;
    soon_loop = kf_loop_new(NULL);
    got.n = 0;
    kf_loop_after(soon_loop, 0, soon_again, &one);
    soon_second = kf_loop_after(soon_loop, 0, note, &two);
    kf_loop_after(soon_loop, 0, note, &three);
    while (got.n < 3) assert_true(kf_loop_step(soon_loop, false));
    assert_true(got.order[0] == 1 && got.order[1] == 3 && got.order[2] == 1);
    assert_false(kf_loop_step(soon_loop, false));
    kf_loop_free(soon_loop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_are_told_what_they_wait_for),
        cmocka_unit_test(a_file_is_always_ready),
        cmocka_unit_test(soon_is_the_next_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
