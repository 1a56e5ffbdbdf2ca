#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/agent/world.h"

#include <string.h>
#include "io/files.h"

/* Profiles that are removed, signed out, or missing from the settings. A removal or sign-out that
 * fails half way changes nothing. */

#define RENEWALS(w) world_stat(w, "grants", "refresh_token")

static void set_up(world *w) {
    world_up(w, NULL);
    world_key(w, &w->a);
    world_sign_in(w, &w->a, PROFILE);
}

static void restart(world *w) {
    world_quiet(w, &w->a);
    world_agent_end(&w->a);
    world_agent(w, &w->a);
}

/* The settings as text. */
static void settings_are(world *w, const char *text) {
    assert_true(kf_file_replace(w->conf, text, strlen(text), NULL));
    kf_conf_free(w->a.conf);
    w->a.conf = kf_conf_load(w->conf, NULL);
    assert_non_null(w->a.conf);
    kf_keeper_reload(w->a.keeper);
}

static void settings_are_back(world *w) {
    world_conf(w, w->url);
    KF_AUTO(kf_secret) text = NULL;
    assert_true(kf_file_read(w->conf, 65536, &text, NULL));
    settings_are(w, kf_secret_peek(text));
}

static const char *state_of(world *w) {
    return kf_state_name(kf_entry_state(world_entry(&w->a, PROFILE)));
}

static bool is_there(world *w) { return kf_entry_by_id(w->a.keeper, PROFILE_ID) != NULL; }

static bool is_unsaved(world *w) {
    KF_AUTO(kf_json) sealed = kf_keeper_unsaved(w->a.keeper, KF_UNSAVED_SEALED);
    return kf_json_count(sealed) == 1;
}

typedef struct ended {
    bool done;
    kf_err err;
} ended;

static void end_done(void *user, const kf_err *err) {
    ended *o = user;
    o->done = true;
    o->err = err ? *err : (kf_err){.code = KF_ERR_NONE};
}

static void sign_out_done(void *user, bool server_ended, const kf_err *note, const kf_err *err) {
    end_done(user, err);
}

static kf_err_code remove_it(world *w) {
    ended o = {0};
    kf_keeper_remove(w->a.keeper, PROFILE, end_done, &o);
    world_until(w, &o.done);
    return o.err.code;
}

static kf_err_code remove_end(world *w, bool gone) {
    ended o = {0};
    kf_keeper_remove_end(w->a.keeper, PROFILE_ID, gone, end_done, &o);
    world_until(w, &o.done);
    return o.err.code;
}

static kf_err_code sign_out(world *w, bool local) {
    ended o = {0};
    kf_keeper_sign_out(w->a.keeper, PROFILE, local, sign_out_done, &o);
    world_until(w, &o.done);
    world_quiet(w, &w->a);
    return o.err.code;
}

static void key_got(void *user, const kf_secret *key, const kf_err *err) {
    ended *o = user;
    o->done = true;
    o->err.code = err ? err->code : key ? KF_ERR_NONE : KF_ERR_STORE_NOT_FOUND;
}

/* The session renews, now and with the next agent, and the API key is there. */
static void nothing_was_lost(world *w) {
    got g = {0};
    ended o = {0};
    world_quiet(w, &w->a);
    for (int i = 0; i < 2; i++) {
        world_token(w, &w->a, PROFILE, -1, true, &g);
        assert_string_equal(g.err.what, "");
        assert_true(g.renewed);
        assert_string_equal(state_of(w), "signed_in");
        restart(w);
    }
    kf_keeper_api_key(w->a.keeper, PROFILE, key_got, &o);
    world_until(w, &o.done);
    assert_int_equal(o.err.code, KF_ERR_NONE);
    assert_int_equal(world_stat(w, NULL, "reused"), 0);
    got_done(&g);
}

/* ---- removing ---- */

static void test_the_session_stays_when_it_cannot_be_deleted(void **state) {
    world w;
    set_up(&w);
    w.fail_del = KF_KIND_SESSION;
    assert_int_equal(remove_it(&w), KF_ERR_STORE_WRITE);
    nothing_was_lost(&w);
    world_down(&w);
}

static void test_the_session_comes_back_when_the_key_cannot_be_deleted(void **state) {
    world w;
    set_up(&w);
    w.fail_del = KF_KIND_API_KEY;
    assert_int_equal(remove_it(&w), KF_ERR_STORE_WRITE);
    nothing_was_lost(&w);
    world_down(&w);
}

static void test_both_come_back_when_the_settings_stay(void **state) {
    world w;
    set_up(&w);
    kf_keeper_forget_memory(w.a.keeper); /* the store has the only copy */
    assert_int_equal(remove_it(&w), KF_ERR_NONE);
    assert_null(world_blob(&w, PROFILE_ID));
    assert_int_equal(remove_end(&w, false), KF_ERR_NONE);
    nothing_was_lost(&w);
    world_down(&w);
}

static void test_a_session_that_cannot_be_put_back_is_unsaved(void **state) {
    world w;
    set_up(&w);
    assert_int_equal(remove_it(&w), KF_ERR_NONE);
    w.fail_save = true;
    kf_keeper_forget_memory(w.a.keeper);
    assert_int_equal(remove_end(&w, false), KF_ERR_NONE);
    world_quiet(&w, &w.a);
    assert_string_equal(state_of(&w), "unsaved");
    assert_true(is_unsaved(&w));
    w.fail_save = false;
    while (world_entry(&w.a, PROFILE)->unsaved) world_spin(&w, 10);
    world_key(&w, &w.a); /* the store did not take it back; the log says so */
    nothing_was_lost(&w);
    world_down(&w);
}

static void test_a_store_that_cannot_be_read(void **state) {
    world w;
    set_up(&w);
    w.fail_load = true;
    assert_int_equal(remove_it(&w), KF_ERR_STORE_WRITE);
    w.fail_load = false;
    nothing_was_lost(&w);
    world_down(&w);
}

static void test_a_damaged_record_can_be_removed(void **state) {
    world w;
    set_up(&w);
    KF_AUTO(kf_secret) bad = kf_secret_new("{\"schema\":\"keyfob.session/1\"", 28);
    world_put(&w, PROFILE_ID, bad);
    restart(&w);
    assert_int_equal(remove_it(&w), KF_ERR_NONE);
    settings_are(&w, "# none\n");
    assert_int_equal(remove_end(&w, true), KF_ERR_NONE);
    assert_null(world_blob(&w, PROFILE_ID));
    world_down(&w);
}

/* ---- signing out ---- */

static void test_a_local_sign_out_that_fails_changes_nothing(void **state) {
    world w;
    set_up(&w);
    w.fail_del = KF_KIND_SESSION;
    assert_int_equal(sign_out(&w, true), KF_ERR_STORE_WRITE);
    nothing_was_lost(&w);
    world_down(&w);
}

static void test_a_session_that_ended_but_could_not_be_deleted(void **state) {
    world w;
    got g = {0};
    set_up(&w);
    w.fail_del = KF_KIND_SESSION;
    assert_int_equal(sign_out(&w, false), KF_ERR_STORE_WRITE);
    assert_int_equal(world_stat(&w, NULL, "sessions"), 0);
    for (int i = 0; i < 2; i++) { /* signed out: neither stale nor ended by WorkOS */
        world_token(&w, &w.a, PROFILE, -1, true, &g);
        assert_int_equal(g.err.code, KF_ERR_WORKOS_NOT_SIGNED_IN);
        assert_string_equal(state_of(&w), "signed_out");
        restart(&w);
    }
    assert_int_equal(RENEWALS(&w), 0);
    w.fail_del = NULL;
    assert_int_equal(sign_out(&w, false), KF_ERR_NONE);
    assert_null(world_blob(&w, PROFILE_ID));
    got_done(&g);
    world_down(&w);
}

/* ---- missing from the settings ---- */

static void test_facts_stay_until_the_profile_is_back(void **state) {
    world w;
    got g = {0};
    set_up(&w);
    int64_t expires = world_entry(&w.a, PROFILE)->session->exp;
    settings_are(&w, "# none\n");
    assert_false(is_there(&w));
    w.fail_load = true;
    settings_are_back(&w);
    assert_string_equal(state_of(&w), "signed_in");
    assert_int_equal(world_entry(&w.a, PROFILE)->hint->expires_at, expires);
    assert_true(kf_entry_renew_due(world_entry(&w.a, PROFILE)) > 0); /* the keep-alive */
    w.fail_load = false;
    world_token(&w, &w.a, PROFILE, -1, false, &g);
    assert_int_equal(g.err.code, KF_ERR_NONE);
    got_done(&g);
    nothing_was_lost(&w);
    world_down(&w);
}

static void test_the_ledger_tells_a_later_agent(void **state) {
    world w;
    set_up(&w);
    settings_are(&w, "# none\n");
    restart(&w);
    restart(&w); /* the index has forgotten it by now */
    settings_are_back(&w);
    assert_string_equal(state_of(&w), "signed_in"); /* not: never signed in */
    assert_true(kf_entry_renew_due(world_entry(&w.a, PROFILE)) > 0);
    assert_int_equal(kf_entry_renew_due(world_entry(&w.a, PUBLIC)), -1);
    nothing_was_lost(&w);
    assert_int_equal(sign_out(&w, false), KF_ERR_NONE);
    settings_are(&w, "# none\n");
    restart(&w);
    restart(&w);
    settings_are_back(&w);
    assert_string_equal(state_of(&w), "signed_out");
    world_down(&w);
}

static void test_an_unsaved_session_stays_until_it_is_saved(void **state) {
    world w;
    got g = {0};
    set_up(&w);
    w.fail_save = true;
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    assert_string_equal(state_of(&w), "unsaved");
    settings_are(&w, "# none\n");
    world_spin(&w, 20);
    assert_true(is_there(&w));
    assert_null(kf_entry_find(w.a.keeper, PROFILE)); /* hidden from callers */
    assert_null(kf_profile_json(w.a.keeper, PROFILE_ID));
    assert_true(is_unsaved(&w));
    w.fail_save = false;
    while (is_there(&w)) world_spin(&w, 10);
    settings_are_back(&w);
    got again = {0};
    world_token(&w, &w.a, PROFILE, -1, false, &again);
    assert_true(kf_secret_eq(g.token, again.token));
    got_done(&g);
    got_done(&again);
    nothing_was_lost(&w);
    world_down(&w);
}

/* After a change of the client ID or host by hand the session is saved, but no caller gets its
 * token. */
static void test_an_unsaved_session_of_another_origin(void **state) {
    world w, other;
    got g = {0};
    set_up(&w);
    world_up(&other, NULL);
    w.fail_save = true;
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    KF_AUTO(kf_secret) newest = kf_secret_copy(g.token);
    world_conf(&w, other.url);
    KF_AUTO(kf_secret) text = NULL;
    assert_true(kf_file_read(w.conf, 65536, &text, NULL));
    settings_are(&w, kf_secret_peek(text));
    world_token(&w, &w.a, PROFILE, -1, false, &g);
    assert_int_not_equal(g.err.code, KF_ERR_NONE);
    w.fail_save = false;
    while (world_entry(&w.a, PROFILE)->unsaved) world_spin(&w, 10);
    assert_string_equal(state_of(&w), "needs_sign_in");
    settings_are_back(&w);
    world_token(&w, &w.a, PROFILE, -1, false, &g);
    assert_true(kf_secret_eq(g.token, newest));
    assert_int_equal(RENEWALS(&other), 0);
    got_done(&g);
    nothing_was_lost(&w);
    world_down(&other);
    world_down(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_session_stays_when_it_cannot_be_deleted),
        cmocka_unit_test(test_the_session_comes_back_when_the_key_cannot_be_deleted),
        cmocka_unit_test(test_both_come_back_when_the_settings_stay),
        cmocka_unit_test(test_a_session_that_cannot_be_put_back_is_unsaved),
        cmocka_unit_test(test_a_store_that_cannot_be_read),
        cmocka_unit_test(test_a_damaged_record_can_be_removed),
        cmocka_unit_test(test_a_local_sign_out_that_fails_changes_nothing),
        cmocka_unit_test(test_a_session_that_ended_but_could_not_be_deleted),
        cmocka_unit_test(test_facts_stay_until_the_profile_is_back),
        cmocka_unit_test(test_the_ledger_tells_a_later_agent),
        cmocka_unit_test(test_an_unsaved_session_stays_until_it_is_saved),
        cmocka_unit_test(test_an_unsaved_session_of_another_origin)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
