/* What could lose a session: answers that come late, stores that refuse, agents that are killed in
 * between, answers that are not WorkOS's. Each test holds that the session is there afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/agent/world.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "io/files.h"

#define REFRESH "\"path\":\"/user_management/authenticate\",\"grant\":\"refresh_token\""
#define RENEWALS(w) world_stat(w, "grants", "refresh_token")

static void set_up(world *w, const char *const *args) {
    world_up(w, args);
    world_key(w, &w->a);
    world_sign_in(w, &w->a, PROFILE);
}

static void state_is(kf_agent *a, const char *name) {
    assert_string_equal(kf_state_name(kf_entry_state(world_entry(a, PROFILE))), name);
}

/* The agent is killed: nothing that it holds is saved. */
static void kill_agent(world *w) {
    world_quiet(w, &w->a);
    world_agent_end(&w->a);
}

static void agent_again(world *w) {
    kill_agent(w);
    world_agent(w, &w->a);
}

static bool second_there(world *w) {
    KF_AUTO_CHARS path = kf_strfmt("%s/%s.session.sealed", w->state, PROFILE_ID);
    return access(path, F_OK) == 0;
}

/* A renewal works, so the refresh token that is held is the newest. */
static void assert_alive(world *w) {
    got g = {0};
    world_token(w, &w->a, PROFILE, -1, true, &g);
    assert_string_equal(kf_err_name(g.err.code), "none");
    assert_true(g.renewed);
    got_done(&g);
    world_quiet(w, &w->a);
    assert_int_equal(world_stat(w, NULL, "reused"), 0);
}

/* ---- answers that come late ---- */

static void test_late_answer(void **state) {
    world w;
    got g = {0};
    set_up(&w, NULL);
    world_faults(&w, "[{" REFRESH ",\"from\":1,\"to\":9,\"delay_ms\":9000}]");
    world_age(&w.a, PROFILE, -1);
    int64_t begin = kf_boot_ms();
    world_token(&w, &w.a, PROFILE, -1, false, &g);
    assert_int_equal(g.err.code, 0); /* the first request's answer, although a second was sent */
    assert_int_equal(RENEWALS(&w), 2);
    assert_true(kf_boot_ms() - begin >= 9000);
    world_faults(&w, "[]");
    assert_alive(&w);
    got_done(&g);
    world_down(&w);
}

/* A server that replays nothing: the request beside is refused before the first one is answered. */
static void test_late_answer_of_a_strict_server(void **state) {
    const char *const args[] = {"--replay-window", "0s", NULL};
    world w;
    got g = {0};
    set_up(&w, args);
    world_faults(&w, "[{" REFRESH ",\"nth\":1,\"delay_ms\":9500}]");
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    assert_int_equal(g.err.code, 0);
    assert_int_equal(RENEWALS(&w), 2);
    state_is(&w.a, "signed_in");
    got_done(&g);
    world_down(&w);
}

static void test_valid_token_does_not_wait(void **state) {
    world w;
    got first = {0}, g = {0};
    set_up(&w, NULL);
    world_faults(&w, "[{" REFRESH ",\"nth\":1,\"delay_ms\":6000}]");
    world_age(&w.a, PROFILE, 20 * 1000); /* less than a caller gets by default */
    world_token(&w, &w.a, PROFILE, -1, false, &first);
    assert_int_equal(first.err.code, 0);
    assert_false(first.renewed || first.is_short);
    kf_entry *e = world_entry(&w.a, PROFILE);
    assert_true(e->work && kf_post_open(e->work)); /* it goes on */
    world_token(&w, &w.a, PROFILE, -1, false, &g);
    assert_true(g.err.code == 0 && !g.renewed);
    assert_true(kf_post_open(e->work));
    world_token(&w, &w.a, PROFILE, 60 * 1000, false, &g); /* asked for more than is left: waits */
    assert_true(g.err.code == 0 && g.renewed);
    assert_int_equal(RENEWALS(&w), 1);
    got_done(&first);
    got_done(&g);
    world_down(&w);
}

static void signed_out(void *user, bool ended, const kf_err *note, const kf_err *err) {
    assert_null(err);
    assert_true(ended);
    *(bool *)user = true;
}

/* A person who signs out does not wait for a renewal that hangs. */
static void test_sign_out_does_not_wait(void **state) {
    world w;
    got g = {0};
    bool done = false;
    set_up(&w, NULL);
    world_faults(&w, "[{" REFRESH ",\"nth\":1,\"delay_ms\":6000}]");
    world_ask(&w.a, PROFILE, -1, true, &g);
    kf_entry *e = world_entry(&w.a, PROFILE);
    while (!e->work || !kf_post_open(e->work)) kf_loop_step(w.loop, true);
    kf_keeper_sign_out(w.a.keeper, PROFILE, false, signed_out, &done);
    while (!done) {
        assert_true(!e->work || !kf_post_open(e->work));
        kf_loop_step(w.loop, true);
    }
    world_until(&w, &g.done);
    assert_int_equal(g.err.code, KF_ERR_SYS_CANCELLED);
    got_done(&g);
    world_down(&w);
}

/* ---- open intents ---- */

/* As if an agent had been killed after it sent the token, age_ms ago. The server rotated. */
static void leave_intent(world *w, int64_t age_ms) {
    got g = {0};
    KF_AUTO(kf_secret) before = world_blob(w, PROFILE_ID);
    kf_ledger l = world_ledger(&w->a, PROFILE);
    world_token(w, &w->a, PROFILE, -1, true, &g);
    kill_agent(w);
    world_put(w, PROFILE_ID, before);
    kf_agent *a = &w->a;
    world_agent(w, a);
    l.intent = (kf_intent){.set = true, .boot_ms = kf_boot_ms() - age_ms, .unix_s = kf_unix_s()};
    memcpy(l.intent.fp, l.fp, sizeof l.fp);
    memcpy(l.intent.host_id, a->keeper->host_id, sizeof l.intent.host_id);
    memcpy(l.intent.boot_id, a->keeper->boot_id, sizeof l.intent.boot_id);
    world_ledger_put(w, PROFILE_ID, &l);
    agent_again(w);
    got_done(&g);
}

static void test_intent_is_replayed_when_loaded(void **state) {
    world w;
    got g = {0};
    set_up(&w, NULL);
    leave_intent(&w, 5000);
    world_token(&w, &w.a, PROFILE, -1, false, &g);
    assert_int_equal(g.err.code, 0);
    assert_false(g.renewed); /* its token is valid, and nobody asked for another one */
    world_quiet(&w, &w.a);
    assert_int_equal(world_stat(&w, NULL, "replayed"), 1);
    assert_int_equal(world_ledger(&w.a, PROFILE).intent.set, 0);
    assert_alive(&w);
    got_done(&g);
    world_down(&w);
}

typedef struct finder {
    kf_keeper *k;
    bool found;
} finder;

static void urgent_found(void *user) {
    finder *f = user;
    f->found = true;
    kf_keeper_go_on(f->k);
}

static void test_intent_is_found_at_start(void **state) {
    world w;
    set_up(&w, NULL);
    leave_intent(&w, 5000);
    finder f = {.k = w.a.keeper};
    kf_keeper_look_for_urgent(w.a.keeper, urgent_found, &f);
    world_until(&w, &f.found);
    world_quiet(&w, &w.a);
    assert_int_equal(world_stat(&w, NULL, "replayed"), 1); /* nobody asked for a token */
    assert_alive(&w);
    world_down(&w);
}

/* What is over cannot be had any more; a look at every start would only spend the token. */
static void test_old_intent_waits(void **state) {
    world w;
    got g = {0};
    set_up(&w, NULL);
    leave_intent(&w, KF_REPLAY_MAX_MS + 1000);
    finder f = {.k = w.a.keeper};
    kf_keeper_look_for_urgent(w.a.keeper, urgent_found, &f);
    world_token(&w, &w.a, PROFILE, -1, false, &g);
    world_quiet(&w, &w.a);
    assert_false(f.found);
    assert_int_equal(world_stat(&w, NULL, "replayed"), 0);
    assert_int_equal(RENEWALS(&w), 1);
    got_done(&g);
    world_down(&w);
}

/* ---- stores that refuse ---- */

static void refuse_and_renew(world *w, got *g) {
    w->fail_save = true;
    world_token(w, &w->a, PROFILE, -1, true, g);
    assert_int_equal(g->err.code, 0); /* valid, and told as unsaved */
    state_is(&w->a, "unsaved");
    world_quiet(w, &w->a);
}

static void test_unsaved_and_killed_inside_the_window(void **state) {
    world w;
    got g = {0}, again = {0};
    set_up(&w, NULL);
    w.fail_seal = true;
    refuse_and_renew(&w, &g);
    assert_false(second_there(&w));
    kill_agent(&w);
    w.fail_save = false;
    world_agent(&w, &w.a);
    world_token(&w, &w.a, PROFILE, 4 * 60 * 1000, true, &again);
    assert_int_equal(again.err.code, 0);
    assert_int_equal(world_stat(&w, NULL, "replayed"), 1);
    state_is(&w.a, "signed_in");
    assert_false(world_ledger(&w.a, PROFILE).unsaved);
    assert_alive(&w);
    got_done(&g);
    got_done(&again);
    world_down(&w);
}

static void end_window(world *w) {
    kf_ledger l = world_ledger(&w->a, PROFILE);
    l.previous.boot_ms -= KF_REPLAY_MAX_MS;
    world_ledger_put(w, PROFILE_ID, &l);
}

static void test_second_place(void **state) {
    world w;
    got g = {0}, again = {0};
    struct stat st;
    set_up(&w, NULL);
    refuse_and_renew(&w, &g);
    assert_true(second_there(&w) && world_entry(&w.a, PROFILE)->second);
    KF_AUTO_CHARS path = kf_strfmt("%s/%s.session.sealed", w.state, PROFILE_ID);
    KF_AUTO(kf_secret) sealed = NULL;
    assert_true(kf_file_read(path, 1 << 20, &sealed, NULL));
    assert_null(memmem(kf_secret_peek(sealed), kf_secret_len(sealed), kf_secret_peek(g.token), 20));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    end_window(&w);
    kill_agent(&w);
    world_agent(&w, &w.a);
    world_token(&w, &w.a, PROFILE, -1, false, &again); /* the store still refuses */
    assert_int_equal(again.err.code, 0);
    assert_true(kf_secret_eq(g.token, again.token));
    state_is(&w.a, "unsaved");
    w.fail_save = false;
    for (kf_entry *e = world_entry(&w.a, PROFILE); e->unsaved;) world_spin(&w, 10);
    world_quiet(&w, &w.a);
    assert_false(second_there(&w));
    state_is(&w.a, "signed_in");
    assert_int_equal(RENEWALS(&w), 1);
    assert_alive(&w);
    got_done(&g);
    got_done(&again);
    world_down(&w);
}

/* A copy that is older than what the store has is of no use; one that opens with no key stays. */
static void test_second_place_that_is_old(void **state) {
    world w;
    got g = {0};
    set_up(&w, NULL);
    refuse_and_renew(&w, &g);
    KF_AUTO_CHARS path = kf_strfmt("%s/%s.session.sealed", w.state, PROFILE_ID);
    KF_AUTO(kf_secret) sealed = NULL;
    assert_true(kf_file_read(path, 1 << 20, &sealed, NULL));
    w.fail_save = false;
    assert_alive(&w);
    assert_false(second_there(&w));
    assert_true(kf_file_replace(path, kf_secret_peek(sealed), kf_secret_len(sealed), NULL));
    agent_again(&w);
    assert_alive(&w);
    assert_false(second_there(&w));
    assert_true(kf_file_replace(path, "no sealed bytes at all, no key opens", 36, NULL));
    agent_again(&w);
    assert_alive(&w);
    got_done(&g);
    world_down(&w);
}

static void test_lost_is_told_as_lost(void **state) {
    world w;
    got g = {0}, again = {0};
    set_up(&w, NULL);
    w.fail_seal = true;
    refuse_and_renew(&w, &g);
    end_window(&w);
    kill_agent(&w);
    w.fail_save = false;
    world_agent(&w, &w.a);
    world_token(&w, &w.a, PROFILE, -1, false, &again);
    assert_int_equal(again.err.code, KF_ERR_STORE_LOST);
    assert_int_equal(RENEWALS(&w), 1); /* WorkOS would end the session for a token that is spent */
    state_is(&w.a, "needs_sign_in");
    got_done(&g);
    got_done(&again);
    world_down(&w);
}

static void test_unsaved_is_tried_often(void **state) {
    world w;
    got g = {0};
    set_up(&w, NULL);
    refuse_and_renew(&w, &g);
    kf_entry *e = world_entry(&w.a, PROFILE);
    for (int i = 0; i < 3; i++) { /* however often it failed before */
        int64_t at = e->retry_at;
        assert_in_range(at - kf_boot_ms(), 0, 2000);
        while (e->retry_at == at) world_spin(&w, 10);
    }
    w.fail_save = false;
    got_done(&g);
    world_down(&w);
}

/* ---- answers that are not a new pair ---- */

static void test_a_refusal_is_asked_about_again(void **state) {
    world w;
    got g = {0};
    set_up(&w, NULL);
    kf_entry *e = world_entry(&w.a, PROFILE);
    world_faults(&w, "[{" REFRESH ",\"from\":1,\"to\":2,\"status\":401,"
                     "\"body\":{\"error\":\"invalid_client\",\"error_description\":\"no\"}}]");
    world_age(&w.a, PROFILE, -1);
    world_token(&w, &w.a, PROFILE, -1, false, &g);
    assert_int_equal(g.err.code, KF_ERR_WORKOS_INVALID_CLIENT);
    state_is(&w.a, "error");
    assert_int_equal(world_ledger(&w.a, PROFILE).intent.set, 0); /* refused before it was spent */
    assert_in_range(e->retry_at - kf_boot_ms(), 29 * 1000, 30 * 1000);
    assert_int_equal(kf_entry_renew_due(e), -1); /* nothing by itself */
    world_token(&w, &w.a, PROFILE, -1, false, &g);
    assert_int_equal(g.err.code, KF_ERR_WORKOS_INVALID_CLIENT);
    assert_int_equal(RENEWALS(&w), 1); /* not so soon */
    e->retry_at = kf_boot_ms();
    world_token(&w, &w.a, PROFILE, -1, false, &g);
    assert_int_equal(RENEWALS(&w), 2);
    assert_in_range(e->retry_at - kf_boot_ms(), 59 * 1000, 60 * 1000);
    e->retry_at = kf_boot_ms();
    world_token(&w, &w.a, PROFILE, -1, false, &g);
    assert_int_equal(g.err.code, 0);
    state_is(&w.a, "signed_in");
    got_done(&g);
    world_down(&w);
}

static void test_back_off_does_not_bind_callers(void **state) {
    world w;
    got g = {0};
    set_up(&w, NULL);
    kf_entry *e = world_entry(&w.a, PROFILE);
    world_faults(&w, "[{" REFRESH ",\"nth\":1,\"status\":429,\"headers\":{\"Retry-After\":\"600\"},"
                     "\"body\":{\"message\":\"slow\"}}]");
    world_age(&w.a, PROFILE, -1);
    world_token(&w, &w.a, PROFILE, -1, false, &g);
    assert_int_equal(g.err.code, KF_ERR_NET_RATE_LIMITED);
    world_token(&w, &w.a, PROFILE, -1, false, &g);
    assert_int_equal(g.err.code, KF_ERR_NET_RATE_LIMITED); /* not at once */
    assert_int_equal(RENEWALS(&w), 1);
    e->tried_at -= KF_ASK_AGAIN_MS;
    world_age(&w.a, PROFILE, 10 * 1000); /* who has a token does not ask */
    world_token(&w, &w.a, PROFILE, -1, false, &g);
    assert_int_equal(g.err.code, 0);
    assert_int_equal(RENEWALS(&w), 1);
    world_age(&w.a, PROFILE, -1);
    world_token(&w, &w.a, PROFILE, -1, false, &g);
    assert_int_equal(g.err.code, 0);
    assert_int_equal(RENEWALS(&w), 2);
    got_done(&g);
    world_down(&w);
}

static void test_a_hung_server_delays_nobody_else(void **state) {
    world w;
    got g = {0};
    set_up(&w, NULL);
    kf_gate *other = kf_slot_gate(w.a.keeper, "https://hung.example");
    other->taken = KF_MAX_RENEWALS;
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    assert_int_equal(g.err.code, 0);
    other->taken = 0;
    got_done(&g);
    world_down(&w);
}

/* ---- ledgers ---- */

static void put_ledger_text(world *w, const char *text) {
    KF_AUTO_CHARS path = kf_strfmt("%s/%s.lock", w->state, PROFILE_ID);
    assert_true(kf_file_replace(path, text, strlen(text), NULL));
}

static void test_damaged_ledger(void **state) {
    const char *torn = "{\"schema\":\"keyfob.ledger/1\",\"generat";
    world w;
    set_up(&w, NULL);
    put_ledger_text(&w, torn);
    assert_alive(&w);
    KF_AUTO_CHARS aside = kf_strfmt("%s/%s.ledger-damaged", w.state, PROFILE_ID);
    KF_AUTO(kf_secret) text = NULL;
    assert_true(kf_file_read(aside, 4096, &text, NULL));
    assert_string_equal(kf_secret_peek(text), torn);
    put_ledger_text(&w, "\001\002");
    agent_again(&w);
    assert_alive(&w);
    world_down(&w);
}

static void test_newer_ledger(void **state) {
    const char *newer = "{\"schema\":\"keyfob.ledger/2\",\"generation\":1}\n";
    world w;
    got g = {0};
    set_up(&w, NULL);
    put_ledger_text(&w, newer);
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    assert_int_equal(g.err.code, KF_ERR_STORE_NEWER);
    assert_int_equal(RENEWALS(&w), 0);
    KF_AUTO_CHARS path = kf_strfmt("%s/%s.lock", w.state, PROFILE_ID);
    KF_AUTO(kf_secret) text = NULL;
    assert_true(kf_file_read(path, 4096, &text, NULL));
    assert_string_equal(kf_secret_peek(text), newer);
    got_done(&g);
    world_down(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_late_answer),
                                       cmocka_unit_test(test_late_answer_of_a_strict_server),
                                       cmocka_unit_test(test_valid_token_does_not_wait),
                                       cmocka_unit_test(test_sign_out_does_not_wait),
                                       cmocka_unit_test(test_intent_is_replayed_when_loaded),
                                       cmocka_unit_test(test_intent_is_found_at_start),
                                       cmocka_unit_test(test_old_intent_waits),
                                       cmocka_unit_test(test_unsaved_and_killed_inside_the_window),
                                       cmocka_unit_test(test_second_place),
                                       cmocka_unit_test(test_second_place_that_is_old),
                                       cmocka_unit_test(test_lost_is_told_as_lost),
                                       cmocka_unit_test(test_unsaved_is_tried_often),
                                       cmocka_unit_test(test_a_refusal_is_asked_about_again),
                                       cmocka_unit_test(test_back_off_does_not_bind_callers),
                                       cmocka_unit_test(test_a_hung_server_delays_nobody_else),
                                       cmocka_unit_test(test_damaged_ledger),
                                       cmocka_unit_test(test_newer_ledger)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
