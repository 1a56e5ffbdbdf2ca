/* The Secret Service store by itself against a real gnome-keyring; store.sh runs it in one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/str.h"
#include "io/store.h"

#define ONE "0123456789abcdef"
#define TWO "fedcba9876543210"

static kf_loop *loop;
static kf_store *store;

/* "g7 text" has the generation 7; a newer keyfob writes "n" */
static int64_t generation_of(const char *kind, const kf_secret *blob) {
    const char *text = kf_secret_peek(blob);
    if (*text == 'n') return -1;
    return !strcmp(kind, "session") && *text == 'g' ? strtoll(text + 1, NULL, 10) : 0;
}

/* ---- calls that wait ---- */

typedef struct answer {
    bool came;
    kf_err err;
    kf_secret *blob;
    size_t n;
} answer;

static void on_done(void *user, const kf_secret *blob, const kf_err *err) {
    answer *a = user;
    a->came = true;
    a->err = err ? *err : (kf_err){0};
    a->blob = kf_secret_copy(blob);
}

static void on_list(void *user, const kf_store_item *items, size_t n, const kf_err *err) {
    answer *a = user;
    a->came = true;
    a->err = err ? *err : (kf_err){0};
    a->n = n;
}

static kf_err_code wait_for(answer *a) {
    assert_false(a->came); /* never inside the call */
    while (!a->came) kf_loop_step(loop, true);
    if (a->err.code) print_message("(%s: %s)\n", kf_err_name(a->err.code), a->err.what);
    return a->err.code;
}

static kf_err_code load(const char *id, const char *kind, const char *want) {
    answer a = {0};
    kf_store_load(store, id, kind, false, on_done, &a);
    wait_for(&a);
    if (want && !a.err.code) assert_string_equal(kf_secret_peek(a.blob), want);
    kf_secret_free(a.blob);
    return a.err.code;
}

static kf_err_code save(const char *id, const char *kind, const char *text) {
    answer a = {0};
    KF_AUTO(kf_secret) blob = kf_secret_new(text, strlen(text));
    kf_store_save(store, id, kind, "keyfob: test", blob, false, on_done, &a);
    return wait_for(&a);
}

static kf_err_code delete (const char *id, const char *kind) {
    answer a = {0};
    kf_store_delete(store, id, kind, on_done, &a);
    return wait_for(&a);
}

static kf_err_code reserve(const char *id, size_t size) {
    answer a = {0};
    kf_store_reserve(store, id, "session", size, false, on_done, &a);
    return wait_for(&a);
}

static kf_err_code list(size_t *n) {
    answer a = {0};
    kf_store_list(store, on_list, &a);
    wait_for(&a);
    *n = a.n;
    return a.err.code;
}

static kf_err_code unseal(const char *id, const kf_secret *sealed, const char *want) {
    answer a = {0};
    kf_store_unseal(store, id, "session", sealed, on_done, &a);
    wait_for(&a);
    if (want && !a.err.code) assert_string_equal(kf_secret_peek(a.blob), want);
    kf_secret_free(a.blob);
    return a.err.code;
}

/* ---- what another program sees and does ---- */

/* Exit status; out gets the first bytes of its stdout. */
static int run_shell(const char *line, char *out, size_t size) {
    int fd[2], status;
    assert_int_equal(pipe(fd), 0);
    pid_t pid = fork();
    if (!pid) {
        dup2(fd[1], STDOUT_FILENO);
        close(fd[0]);
        close(fd[1]);
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    close(fd[1]);
    size_t n = 0;
    char rest[256];
    for (ssize_t got; (got = n + 1 < size ? read(fd[0], out + n, size - 1 - n)
                                          : read(fd[0], rest, sizeof rest)) > 0;)
        if (n + 1 < size) n += (size_t)got;
    if (size) out[n] = 0;
    close(fd[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

__attribute__((format(printf, 1, 2))) static int shell(const char *fmt, ...) {
    char line[1000];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    return run_shell(line, NULL, 0);
}

/* Items of keyfob with this attribute and value. */
static int count(const char *attribute, const char *value) {
    char line[200], out[20];
    snprintf(line, sizeof line,
             "secret-tool search --all application keyfob %s %s 2>&1 | grep -c 'attribute.kind'",
             attribute, value);
    (void)run_shell(line, out, sizeof out);
    return (int)strtol(out, NULL, 10);
}

static pid_t provider(void) {
    char out[20];
    assert_int_equal(
        run_shell("dbus-send --session --print-reply=literal --dest=org.freedesktop.DBus "
                  "/org/freedesktop/DBus org.freedesktop.DBus.GetConnectionUnixProcessID "
                  "string:org.freedesktop.secrets | awk '{print $2}'",
                  out, sizeof out),
        0);
    pid_t pid = (pid_t)strtol(out, NULL, 10);
    assert_true(pid > 1);
    return pid;
}

static void put(const char *kind, const char *mark, const char *text) {
    assert_int_equal(shell("printf '%%s' '%s' | secret-tool store --label test application keyfob "
                           "id %s kind %s mark %s",
                           text, ONE, kind, mark),
                     0);
}

static int begin(void **state) {
    loop = kf_loop_new(NULL);
    store = kf_store_keyring_new(loop, generation_of);
    return 0;
}

static int end(void **state) {
    static const char *const id[] = {ONE, TWO}, *const kind[] = {"session", "api-key"};
    for (size_t i = 0; i < 4; i++) (void)delete (id[i / 2], kind[i % 2]);
    assert_int_equal(shell("secret-tool clear application keyfob; true"), 0);
    store = kf_store_free(store);
    while (kf_loop_step(loop, false)) {
    } /* what GLib frees later */
    loop = kf_loop_free(loop);
    return 0;
}

static void reopen(void) {
    kf_store_free(store);
    store = kf_store_keyring_new(loop, generation_of);
}

/* ---- tests ---- */

static void test_items(void **state) {
    size_t n;
    answer a = {0};
    assert_int_equal(load(ONE, "session", NULL), KF_ERR_STORE_NOT_FOUND);
    assert_int_equal(save(ONE, "session", "first"), KF_ERR_NONE);
    assert_int_equal(save(TWO, "session", "other"), KF_ERR_NONE);
    assert_int_equal(save(ONE, "session", "second"), KF_ERR_NONE);
    assert_int_equal(load(ONE, "session", "second"), KF_ERR_NONE);
    assert_int_equal(load(TWO, "session", "other"), KF_ERR_NONE);
    kf_store_probe(store, false, on_done, &a);
    assert_int_equal(wait_for(&a), KF_ERR_NONE);
    assert_int_equal(count("kind", "session"), 2);
    assert_int_equal(reserve(ONE, 3000), KF_ERR_NONE);
    assert_int_equal(list(&n), KF_ERR_NONE);
    assert_int_equal(n, 2); /* the spare key is no one's item */
    assert_int_equal(delete (ONE, "session"), KF_ERR_NONE);
    assert_int_equal(delete (ONE, "session"), KF_ERR_NONE);
    assert_int_equal(load(ONE, "session", NULL), KF_ERR_STORE_NOT_FOUND);
    assert_int_equal(count("kind", "spare-key"), 1);
    assert_int_equal(delete (TWO, "session"), KF_ERR_NONE);
    assert_int_equal(delete (KF_STORE_OWN_ID, KF_STORE_SPARE_KEY), KF_ERR_NONE);
    assert_int_equal(shell("secret-tool search --all application keyfob 2>&1 | grep -q ."), 1);
}

static void test_probe_leaves_nothing(void **state) {
    answer a = {0};
    kf_store_probe(store, false, on_done, &a);
    assert_int_equal(wait_for(&a), KF_ERR_NONE);
    assert_int_equal(shell("secret-tool search --all application keyfob 2>&1 | grep -q ."), 1);
}

static void test_several_with_one_name(void **state) {
    put("session", "a", "g4 old");
    put("session", "b", "g12 newest");
    put("session", "c", "g5 older");
    put("session", "d", "without");
    assert_int_equal(load(ONE, "session", "g12 newest"), KF_ERR_NONE);
    assert_int_equal(count("kind", "session"),
                     4); /* nothing is deleted without the profile's lock */
    assert_int_equal(reserve(ONE, 100), KF_ERR_NONE);
    assert_int_equal(save(ONE, "session", "g13 saved"), KF_ERR_NONE);
    assert_int_equal(load(ONE, "session", "g13 saved"), KF_ERR_NONE);
    assert_int_equal(count("kind", "session"), 1);
    assert_int_equal(count("mark", "b"), 1); /* the winner is the one that was written */
    put("session", "e", "g2 again");
    put("session", "f", "g3 again");
    assert_int_equal(delete (ONE, "session"), KF_ERR_NONE);
    assert_int_equal(count("kind", "session"), 0);
}

static void test_newer_keyfob(void **state) {
    put("session", "a", "newer keyfob");
    assert_int_equal(load(ONE, "session", "newer keyfob"), KF_ERR_NONE);
    assert_int_equal(save(ONE, "session", "g7 mine"), KF_ERR_STORE_NEWER);
    put("session", "b", "g9 mine");
    assert_int_equal(load(ONE, "session", "newer keyfob"), KF_ERR_NONE);
    assert_int_equal(save(ONE, "session", "g10 mine"), KF_ERR_STORE_NEWER);
    assert_int_equal(count("kind", "session"), 2);
    assert_int_equal(load(ONE, "session", "newer keyfob"), KF_ERR_NONE);
}

static void test_several_without_generation(void **state) {
    put("api-key", "a", "first");
    time_t begin_s = time(NULL);
    while (time(NULL) <= begin_s) (void)kf_loop_step(loop, false); /* items know whole seconds */
    put("api-key", "b", "last");
    assert_int_equal(load(ONE, "api-key", "last"), KF_ERR_NONE);
    assert_int_equal(save(ONE, "api-key", "new"), KF_ERR_NONE);
    assert_int_equal(count("kind", "api-key"), 1);
    assert_int_equal(load(ONE, "api-key", "new"), KF_ERR_NONE);
}

static void test_seal(void **state) {
    kf_err e = {0};
    KF_AUTO(kf_secret) blob = kf_secret_new("the new pair", 12);
    assert_null(
        kf_store_seal(store, ONE, "session", blob, &e)); /* no key before the first reserve */
    assert_int_equal(e.code, KF_ERR_STORE_WRITE);
    assert_int_equal(save(ONE, "session", "g1 x"), KF_ERR_NONE);
    assert_int_equal(reserve(ONE, 2000), KF_ERR_NONE);
    KF_AUTO(kf_secret) sealed = kf_store_seal(store, ONE, "session", blob, &e);
    assert_non_null(sealed);
    assert_int_equal(unseal(ONE, sealed, "the new pair"), KF_ERR_NONE);
    assert_int_equal(unseal(TWO, sealed, NULL), KF_ERR_STORE_DAMAGED);
    reopen();
    assert_int_equal(unseal(ONE, sealed, "the new pair"),
                     KF_ERR_NONE); /* the key comes from the keyring */
    reopen();
    assert_int_equal(reserve(ONE, 5000), KF_ERR_NONE);
    assert_int_equal(count("kind", "spare-key"), 1);
    kf_store_lock(store);
    assert_null(kf_store_seal(store, ONE, "session", blob, &e));
    assert_int_equal(unseal(ONE, sealed, "the new pair"), KF_ERR_NONE);
}

/* Two agents that start at the same moment, and an item that a person deletes. */
static void test_several_spare_keys(void **state) {
    kf_err e;
    KF_AUTO(kf_secret) blob = kf_secret_new("mine", 4);
    KF_AUTO(kf_secret) blob2 = kf_secret_new("theirs", 6);
    assert_int_equal(save(ONE, "session", "g1 x"), KF_ERR_NONE);
    assert_int_equal(reserve(ONE, 100), KF_ERR_NONE);
    KF_AUTO(kf_secret) mine = kf_store_seal(store, ONE, "session", blob, &e);
    assert_int_equal(shell("secret-tool clear application keyfob kind spare-key"), 0);
    kf_store *first = store;
    store = kf_store_keyring_new(loop, generation_of);
    assert_int_equal(reserve(ONE, 100), KF_ERR_NONE);
    KF_AUTO(kf_secret) theirs = kf_store_seal(store, ONE, "session", blob2, &e);
    kf_store *second = store;
    store = first;
    assert_int_equal(reserve(ONE, 100), KF_ERR_NONE); /* puts its own key back */
    kf_store_free(second);
    assert_int_equal(count("kind", "spare-key"), 2);
    reopen();
    assert_int_equal(unseal(ONE, mine, "mine"), KF_ERR_NONE);
    assert_int_equal(unseal(ONE, theirs, "theirs"), KF_ERR_NONE);
    assert_int_equal(reserve(ONE, 100), KF_ERR_NONE);
    assert_int_equal(count("kind", "spare-key"), 2);
    assert_int_equal(delete (KF_STORE_OWN_ID, KF_STORE_SPARE_KEY), KF_ERR_NONE);
    assert_int_equal(count("kind", "spare-key"), 0);
}

/* All profiles at once, in two stores, while a third deletes and makes items. */
static void test_many_at_once(void **state) {
    enum { N = 24 };
    answer a[6 * N] = {{0}};
    KF_AUTO(kf_secret) blob = kf_secret_new("g2 y", 4);
    kf_store *other = kf_store_keyring_new(loop, generation_of);
    pid_t child = fork();
    if (!child) {
        int rc = 0;
        for (int i = 0; i < 30 && !rc; i++)
            rc = shell("printf x | secret-tool store --label t application keyfob id "
                       "00000000000000aa kind probe &&"
                       " secret-tool clear application keyfob id 00000000000000aa");
        _exit(rc);
    }
    for (int i = 0; i < N; i++) {
        kf_store *s = i % 2 ? store : other;
        const char *id = i / 2 % 2 ? ONE : TWO;
        kf_store_reserve(s, id, "session", 3000, false, on_done, &a[6 * i]);
        kf_store_list(s, on_list, &a[6 * i + 1]);
        kf_store_save(s, id, "session", "keyfob: test", blob, false, on_done, &a[6 * i + 2]);
        kf_store_list(s, on_list, &a[6 * i + 3]);
        kf_store_load(s, id, "session", false, on_done, &a[6 * i + 4]);
        kf_store_probe(s, false, on_done, &a[6 * i + 5]);
    }
    int status;
    for (int i = 0; i < 6 * N; i++) {
        while (!a[i].came) kf_loop_step(loop, true);
        bool none_yet = i % 6 == 4 && a[i].err.code == KF_ERR_STORE_NOT_FOUND;
        if (a[i].err.code && !none_yet) fail_msg("%d: %s", i, a[i].err.what);
        kf_secret_free(a[i].blob);
    }
    size_t n;
    while (!waitpid(child, &status, WNOHANG)) assert_int_equal(list(&n), KF_ERR_NONE);
    assert_int_equal(status, 0);
    kf_store_free(other);
    assert_int_equal(save(ONE, "session", "g3 z"), KF_ERR_NONE);
    assert_int_equal(save(TWO, "session", "g3 z"), KF_ERR_NONE);
    assert_int_equal(count("kind", "session"), 2);
}

/* A call that got no answer is remembered for questions, never for what a session depends on. */
static void test_stopped(void **state) {
    size_t n;
    answer a = {0};
    assert_int_equal(save(ONE, "session", "g1 x"), KF_ERR_NONE);
    assert_int_equal(reserve(ONE, 100), KF_ERR_NONE);
    pid_t pid = provider();
    kill(pid, SIGSTOP);
    int64_t begin_ms = kf_boot_ms();
    assert_int_equal(list(&n), KF_ERR_STORE_SILENT);
    int64_t took = kf_boot_ms() - begin_ms;
    assert_int_equal(kf_store_get_state(store), KF_STORE_SILENT);
    begin_ms = kf_boot_ms();
    assert_int_equal(list(&n), KF_ERR_STORE_SILENT);
    assert_true(kf_boot_ms() - begin_ms < took / 2);
    kill(pid, SIGCONT);
    assert_int_equal(save(ONE, "session", "g2 y"), KF_ERR_NONE);
    assert_int_equal(list(&n), KF_ERR_NONE);

    kill(pid, SIGSTOP);
    assert_int_equal(list(&n), KF_ERR_STORE_SILENT);
    kill(pid, SIGCONT);
    assert_int_equal(load(ONE, "session", "g2 y"), KF_ERR_NONE);
    kill(pid, SIGSTOP);
    assert_int_equal(load(ONE, "session", NULL), KF_ERR_STORE_SILENT);
    kill(pid, SIGCONT);
    assert_int_equal(reserve(ONE, 100), KF_ERR_NONE);
    kf_store_list(store, on_list, &a);
    assert_int_equal(wait_for(&a), KF_ERR_NONE);
}

/* A write that was given up is still in the provider's queue: what is written later must win.
 * Stopped after so many answers, each time at another call. */
static void test_late_effect(void **state) {
    pid_t pid = provider();
    int writes_given_up = 0;
    assert_int_equal(reserve(ONE, 100), KF_ERR_NONE); /* the session is open */
    for (int round = 1; round < 6; round++) {
        answer a = {0}, b = {0};
        char old[32], new[32];
        snprintf(old, sizeof old, "g%d old", 10 * round + 1);
        snprintf(new, sizeof new, "g%d new", 10 * round + 2);
        if (round % 2) assert_int_equal(delete (ONE, "session"), KF_ERR_NONE); /* it is created */
        KF_AUTO(kf_secret) first = kf_secret_new(old, strlen(old));
        KF_AUTO(kf_secret) second = kf_secret_new(new, strlen(new));
        kf_store_save(store, ONE, "session", "keyfob: test", first, false, on_done, &a);
        for (int step = 0; step < 4 + round / 2 && !a.came; step++) kf_loop_step(loop, true);
        kill(pid, SIGSTOP);
        while (!a.came) kf_loop_step(loop, true);
        print_message("(round %d: %s)\n", round, a.err.what);
        writes_given_up +=
            strstr(a.err.what, "write an item") || strstr(a.err.what, "create an item");
        kf_store_save(store, ONE, "session", "keyfob: test", second, false, on_done, &b);
        kill(pid, SIGCONT);
        assert_int_equal(wait_for(&b), KF_ERR_NONE);
        assert_int_equal(load(ONE, "session", new), KF_ERR_NONE);
        assert_int_equal(count("kind", "session"), 1);
    }
    assert_true(writes_given_up > 0);
}

/* Full: refused before anything is spent, at the size of the record. */
static void test_full(void **state) {
    const char *dir = getenv("KF_KEYRINGS");
    assert_non_null(dir);
    assert_int_equal(save(ONE, "session", "g1 x"), KF_ERR_NONE);
    assert_int_equal(reserve(ONE, 100), KF_ERR_NONE);
    assert_int_equal(shell("head -c 1G /dev/zero >%s/fill 2>/dev/null; true", dir), 0);
    assert_int_equal(reserve(ONE, 100), KF_ERR_STORE_WRITE);
    assert_int_equal(load(ONE, "session", "g1 x"), KF_ERR_NONE);
    assert_int_equal(shell("truncate -s -8k %s/fill", dir), 0);
    assert_int_equal(reserve(ONE, 100), KF_ERR_NONE);
    assert_int_equal(reserve(ONE, 60000), KF_ERR_STORE_WRITE);
    assert_int_equal(shell("rm %s/fill", dir), 0);
    assert_int_equal(reserve(ONE, 60000), KF_ERR_NONE);
    assert_int_equal(save(ONE, "session", "g2 y"), KF_ERR_NONE);
}

int main(int argc, char **argv) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_items, begin, end),
        cmocka_unit_test_setup_teardown(test_probe_leaves_nothing, begin, end),
        cmocka_unit_test_setup_teardown(test_several_with_one_name, begin, end),
        cmocka_unit_test_setup_teardown(test_newer_keyfob, begin, end),
        cmocka_unit_test_setup_teardown(test_several_without_generation, begin, end),
        cmocka_unit_test_setup_teardown(test_seal, begin, end),
        cmocka_unit_test_setup_teardown(test_several_spare_keys, begin, end),
        cmocka_unit_test_setup_teardown(test_many_at_once, begin, end),
        cmocka_unit_test_setup_teardown(test_stopped, begin, end),
        cmocka_unit_test_setup_teardown(test_late_effect, begin, end),
    };
    static const struct CMUnitTest full[] = {
        cmocka_unit_test_setup_teardown(test_full, begin, end),
    };
    if (argc > 1) return cmocka_run_group_tests(full, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
