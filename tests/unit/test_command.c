/* The command of on_sign_in_needed: its status, its environment, its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <signal.h>
#include <unistd.h>
#include "base/str.h"
#include "io/command.h"

static int status;

static void done(void *user, int s) {
    status = s;
    kf_loop_quit(user);
}

static int run(const char *script, char *const env[], int64_t limit_ms) {
    kf_err e;
    kf_loop *l = kf_loop_new(&e);
    assert_non_null(kf_command_run(l, script, env, limit_ms, done, l, &e));
    kf_loop_run(l);
    kf_loop_free(l);
    return status;
}

static void status_and_environment(void **state) {
    char one[] = "ONE=1 2", two[] = "PATH=/usr/bin:/bin", *env[] = {one, two, NULL};
    setenv("SECRET_OF_OURS", "x", 1);
    assert_int_equal(
        run("[ \"$ONE\" = '1 2' ] && [ -z \"$SECRET_OF_OURS\" ] && exit 7", env, 10000), 7);
    assert_int_equal(run("exit 0", env, 10000), 0);
    assert_int_equal(run("kill -9 $$", env, 10000), -1);
    assert_int_equal(run("no_such_program_at_all", env, 10000), 127);
    assert_int_equal(run("read -r line && exit 5; exit 6", env, 10000), 6); /* stdin is empty */
}

static void an_end_for_all_of_it(void **state) {
    char path[] = "/tmp/kf-command-XXXXXX", two[] = "PATH=/usr/bin:/bin", *env[] = {two, NULL};
    int fd = mkstemp(path);
    KF_AUTO_CHARS script = kf_strfmt("sleep 1000 & echo $! >%s; wait", path);
    assert_int_equal(run(script, env, 300), -1);
    char text[32] = "";
    assert_true(read(fd, text, sizeof text - 1) > 0);
    close(fd);
    unlink(path);
    pid_t child = (pid_t)strtol(text, NULL, 10);
    KF_AUTO_CHARS proc = kf_strfmt("/proc/%d/stat", child);
    for (int i = 0; i < 1000; i++) { /* dead, though perhaps not reaped yet */
        FILE *f = fopen(proc, "re");
        char kind = 'Z', line[200] = "";
        if (f && fgets(line, sizeof line, f)) kind = *(strrchr(line, ')') + 2);
        if (f) fclose(f);
        if (kind == 'Z' || kind == 'X') return;
        usleep(10000);
    }
    kill(child, SIGKILL);
    fail_msg("what the command started still runs");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(status_and_environment),
                                       cmocka_unit_test(an_end_for_all_of_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
