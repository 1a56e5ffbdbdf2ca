#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "agent/settings.h"
#include "base/str.h"
#include "io/files.h"

/* Changes of keyfob.conf that meet another writer or the end of the agent. A pipe stops the worker,
 * so that the test decides what happens before the file is written. */

typedef struct home {
    char dir[32];
    char *conf;
    kf_agent a;
    int gate[2];
} home;

static void home_up(home *h, const char *text) {
    kf_err err;
    kf_http_opts o = {.user_agent = "keyfob-test"};
    *h = (home){.dir = "/tmp/kf-settings.XXXXXX"};
    assert_non_null(mkdtemp(h->dir));
    h->conf = kf_strfmt("%s/keyfob.conf", h->dir);
    assert_int_equal(pipe(h->gate), 0);
    assert_true(kf_file_replace(h->conf, text, strlen(text), &err));
    h->a.conf_path = kf_strdup(h->conf);
    h->a.loop = kf_loop_new(&err);
    h->a.worker = kf_worker_new(h->a.loop, &err);
    h->a.http = kf_http_new(h->a.loop, &o, &err);
    assert_non_null(h->a.http);
    assert_non_null(kf_settings(&h->a, &err));
}

static void home_down(home *h) {
    kf_settings_drop(&h->a);
    h->a.worker = kf_worker_free(h->a.worker);
    kf_http_free(h->a.http);
    kf_settings_free(&h->a);
    kf_conf_free(h->a.conf);
    kf_loop_free(h->a.loop);
    free(h->a.conf_path);
    close(h->gate[0]);
    close(h->gate[1]);
    unlink(h->conf);
    assert_int_equal(rmdir(h->dir), 0); /* no other file was left in it */
    free(h->conf);
}

static void wait_at_gate(void *user) {
    char c;
    assert_int_equal(read(((home *)user)->gate[0], &c, 1), 1);
}

static void nothing(void *user) { (void)user; }

static void hold_worker(home *h) { kf_worker_run(h->a.worker, wait_at_gate, nothing, h); }
static void let_worker_go(home *h) { assert_int_equal(write(h->gate[1], "x", 1), 1); }

static void file_is(home *h, const char *text) {
    assert_true(kf_file_replace(h->conf, text, strlen(text), NULL));
}

static void file_has(home *h, const char *part, bool wanted) {
    KF_AUTO(kf_secret) text = NULL;
    assert_true(kf_file_read(h->conf, 65536, &text, NULL));
    if (!strstr(kf_secret_peek(text), part) == wanted)
        fail_msg("'%s' is %s '%s'", part, wanted ? "not in" : "in", kf_secret_peek(text));
}

typedef struct wish {
    home *h;
    int asked, answered;
    bool done;
    kf_err err;
} wish;

static bool set_proxy(kf_conf *c, void *user, kf_err *err) {
    wish *w = user;
    w->asked++;
    kf_conf_set(c, "proxy", "proxy:1");
    return true;
}

static void told(void *user, const kf_err *err) {
    wish *w = user;
    w->answered++;
    w->done = true;
    w->err = err ? *err : (kf_err){.code = KF_ERR_NONE};
}

static void until(home *h, const bool *flag) {
    for (int64_t end = kf_boot_ms() + 30 * 1000; !*flag;) {
        assert_true(kf_boot_ms() < end);
        kf_loop_step(h->a.loop, true);
    }
}

/* The stopped worker has the change. */
static void until_asked(home *h, const wish *w, int times) {
    while (w->asked < times) kf_loop_step(h->a.loop, true);
    assert_false(w->done);
}

#define ONE "[profile one]\nid=0123456789abcdef\nclient_id=client_1\n"
#define TWO "[profile two]\nid=0123456789abcde0\nclient_id=client_2\n"

static void test_applied_again_to_what_another_program_wrote(void **state) {
    home h;
    wish w = {.h = &h};
    home_up(&h, ONE);
    hold_worker(&h);
    kf_settings_change(&h.a, set_proxy, told, &w);
    assert_int_equal(w.asked, 0); /* never inside the call */
    until_asked(&h, &w, 1);
    file_is(&h, "# by hand\n" ONE TWO);
    let_worker_go(&h);
    until(&h, &w.done);
    assert_int_equal(w.err.code, KF_ERR_NONE);
    assert_int_equal(w.asked, 2);
    assert_int_equal(w.answered, 1);
    file_has(&h, "# by hand", true);
    file_has(&h, "[profile two]", true);
    file_has(&h, "proxy=proxy:1", true);
    assert_non_null(kf_conf_find(h.a.conf, "two"));
    assert_string_equal(kf_conf_get(h.a.conf, "proxy"), "proxy:1");
    home_down(&h);
}

static void test_refused_when_another_program_broke_it(void **state) {
    home h;
    wish w = {.h = &h};
    home_up(&h, ONE);
    hold_worker(&h);
    kf_settings_change(&h.a, set_proxy, told, &w);
    until_asked(&h, &w, 1);
    file_is(&h, ONE "nonsense\n");
    let_worker_go(&h);
    until(&h, &w.done);
    assert_int_equal(w.err.code, KF_ERR_USAGE_CONFIG);
    file_has(&h, "nonsense", true);
    file_has(&h, "proxy", false);
    assert_null(kf_conf_get(h.a.conf, "proxy"));
    home_down(&h);
}

static void test_an_edited_text_does_not_overwrite_another_one(void **state) {
    home h;
    wish w = {.h = &h};
    home_up(&h, ONE);
    hold_worker(&h);
    kf_settings_replace(&h.a, "# edited\n" ONE, ONE, told, &w);
    while (!h.a.saving || kf_loop_step(h.a.loop, false)) continue;
    file_is(&h, "# by hand\n" ONE);
    let_worker_go(&h);
    until(&h, &w.done);
    assert_int_equal(w.err.code, KF_ERR_USAGE_CONFIG);
    file_has(&h, "# by hand", true);
    w = (wish){.h = &h};
    kf_settings_replace(&h.a, "# edited\n" ONE, "# by hand\n" ONE, told, &w);
    until(&h, &w.done);
    assert_int_equal(w.err.code, KF_ERR_NONE);
    file_has(&h, "# edited\n[profile one]\nid=", true);
    home_down(&h);
}

/* The callers get their answer, and the worker touches nothing of theirs afterwards. */
static void test_the_agent_ends_during_a_change(void **state) {
    home h;
    wish *first = calloc(1, sizeof *first), *second = calloc(1, sizeof *second);
    assert_true(first && second);
    home_up(&h, ONE);
    hold_worker(&h);
    kf_settings_change(&h.a, set_proxy, told, first);
    kf_settings_change(&h.a, set_proxy, told, second);
    until_asked(&h, first, 1);
    kf_settings_drop(&h.a);
    assert_int_equal(first->err.code, KF_ERR_WIRE_CLOSED);
    assert_int_equal(second->err.code, KF_ERR_WIRE_CLOSED);
    assert_int_equal(second->asked, 0);
    assert_int_equal(h.a.saving, 0);
    free(first);
    wish late = {.h = &h};
    kf_settings_change(&h.a, set_proxy, told, &late);
    assert_int_equal(late.err.code, KF_ERR_WIRE_CLOSED);
    free(second);
    let_worker_go(&h);
    h.a.worker = kf_worker_free(h.a.worker);
    file_has(&h, "proxy=proxy:1", true); /* what was begun is finished */
    home_down(&h);
}

static bool remove_one(kf_conf *c, void *user, kf_err *err) {
    ((wish *)user)->asked++;
    return kf_conf_remove(c, "one");
}

static void test_a_removal_by_keyfob_is_never_in_doubt(void **state) {
    home h;
    wish w = {.h = &h};
    home_up(&h, ONE TWO);
    kf_settings_change(&h.a, remove_one, told, &w);
    until(&h, &w.done);
    assert_int_equal(w.err.code, KF_ERR_NONE);
    assert_non_null(kf_settings(&h.a, NULL));
    assert_null(kf_conf_find(h.a.conf, "one"));
    file_is(&h, TWO "#\n"); /* and a change by hand that takes none counts at once */
    assert_non_null(kf_settings(&h.a, NULL));
    assert_false(kf_conf_changed_on_disk(h.a.conf));
    home_down(&h);
}

static void test_a_link_whose_target_is_away_stays_a_link(void **state) {
    home h;
    wish w = {.h = &h};
    struct stat st;
    home_up(&h, "");
    KF_AUTO_CHARS real = kf_strfmt("%s/real.conf", h.dir);
    assert_int_equal(unlink(h.conf) | symlink("real.conf", h.conf), 0);
    kf_settings_change(&h.a, set_proxy, told, &w);
    until(&h, &w.done);
    assert_int_equal(w.err.code, KF_ERR_NONE);
    assert_true(!lstat(h.conf, &st) && S_ISLNK(st.st_mode));
    assert_true(!lstat(real, &st) && S_ISREG(st.st_mode));
    assert_string_equal(kf_conf_get(h.a.conf, "proxy"), "proxy:1");
    unlink(real);
    home_down(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_applied_again_to_what_another_program_wrote),
        cmocka_unit_test(test_refused_when_another_program_broke_it),
        cmocka_unit_test(test_an_edited_text_does_not_overwrite_another_one),
        cmocka_unit_test(test_the_agent_ends_during_a_change),
        cmocka_unit_test(test_a_removal_by_keyfob_is_never_in_doubt),
        cmocka_unit_test(test_a_link_whose_target_is_away_stays_a_link)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
