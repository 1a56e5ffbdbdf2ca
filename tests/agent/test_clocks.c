#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/agent/world.h"

/* The keeper and clocks that are set, or that stand still. No clock of this machine is touched: the
 * session is told that it was received at another time. */

enum { HOUR_S = 3600, DAY_S = 24 * HOUR_S };
#define RENEWALS(w) world_stat(w, "grants", "refresh_token")

static kf_session *session_of(world *w) {
    kf_session *s = world_entry(&w->a, PROFILE)->session;
    assert_non_null(s);
    return s;
}

static void set_up(world *w) {
    world_up(w, NULL);
    world_key(w, &w->a);
    world_sign_in(w, &w->a, PROFILE);
}

/* Asks three times: want_renewals are made by all of them together. */
static void tokens_are_served(world *w, int64_t want_renewals) {
    got g = {0};
    int64_t before = RENEWALS(w);
    for (int i = 0; i < 3; i++) {
        world_token(w, &w->a, PROFILE, -1, false, &g);
        assert_int_equal(g.err.code, 0);
        assert_true(g.left_ms > 200 * 1000);
    }
    got_done(&g);
    assert_int_equal(RENEWALS(w) - before, want_renewals);
    assert_string_equal(kf_state_name(kf_entry_state(world_entry(&w->a, PROFILE))), "signed_in");
}

/* A virtual machine that is paused: the boot clock stands still, the wall clock is right
 * afterwards. */
static void test_paused_machine(void **state) {
    world w;
    set_up(&w);
    session_of(&w)->received.unix_s -= 2 * HOUR_S;
    assert_true(kf_entry_left_ms(world_entry(&w.a, PROFILE)) < -HOUR_S * 1000);
    tokens_are_served(&w, 1);
    world_down(&w);
}

static void test_clock_set_forward(void **state) {
    world w;
    set_up(&w);
    for (int i = 0; i < 2; i++) { /* each time costs one renewal, and no session */
        session_of(&w)->received.unix_s -= 400 * DAY_S;
        tokens_are_served(&w, 1);
    }
    world_down(&w);
}

static void test_clock_set_back(void **state) {
    world w;
    set_up(&w);
    session_of(&w)->received.unix_s += 7 * HOUR_S;
    tokens_are_served(&w, 0);
    session_of(&w)->received.boot_ms -= HOUR_S * 1000; /* over by the boot clock */
    tokens_are_served(&w, 1);
    world_down(&w);
}

/* The keep-alive comes 12 hours behind the last renewal, wherever the wall clock was set to. */
static void test_keepalive(void **state) {
    world w;
    set_up(&w);
    kf_entry *e = world_entry(&w.a, PROFILE);
    int64_t now = kf_boot_ms();
    assert_true(kf_entry_renew_due(e) > now + 11 * HOUR_S * 1000);
    e->session->signed_in_at = e->session->renewed_at =
        kf_unix_s() + 400 * DAY_S; /* set back since */
    assert_true(kf_entry_renew_due(e) < now + 13 * INT64_C(1000) * HOUR_S);
    e->session->received.boot_ms -= 13 * INT64_C(1000) * HOUR_S;
    assert_true(kf_entry_renew_due(e) <= kf_boot_ms());
    e->session->received.boot_id[0] = 0; /* of another boot, and in the future: not known, so now */
    assert_true(kf_entry_renew_due(e) <= kf_boot_ms());
    e->session->signed_in_at = e->session->renewed_at = kf_unix_s() + 1;
    assert_true(kf_entry_renew_due(e) > now + 11 * HOUR_S * 1000);
    world_down(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paused_machine), cmocka_unit_test(test_clock_set_forward),
        cmocka_unit_test(test_clock_set_back), cmocka_unit_test(test_keepalive)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
