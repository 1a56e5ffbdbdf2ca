#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/agent/world.h"

#include <string.h>
#include <unistd.h>
#include "agent/part.h"
#include "io/files.h"
#include "io/lock.h"
#include "wire/frame.h"
#include "wire/msg.h"

#define REFRESH "\"path\":\"/user_management/authenticate\",\"grant\":\"refresh_token\""
#define RENEWALS(w) world_stat(w, "grants", "refresh_token")

/* A keeper with a stored key and a signed-in profile. */
static void set_up(world *w, const char *const *args) {
    world_up(w, args);
    world_key(w, &w->a);
    world_sign_in(w, &w->a, PROFILE);
}

static void fp_of(kf_agent *a, char out[33]) {
    kf_token_fp(world_entry(a, PROFILE)->session->refresh_token, out);
}

static void state_is(kf_agent *a, const char *name) {
    assert_string_equal(kf_state_name(kf_entry_state(world_entry(a, PROFILE))), name);
}

static void restart(world *w) {
    world_quiet(w, &w->a);
    world_agent_end(&w->a);
    world_agent(w, &w->a);
}

/* ---- the ordinary ---- */

static void test_single_flight(void **state) {
    world w;
    got g[50] = {0};
    set_up(&w, NULL);
    world_age(&w.a, PROFILE, -1);
    for (size_t i = 0; i < KF_LEN(g); i++) world_ask(&w.a, PROFILE, -1, i % 2, &g[i]);
    for (size_t i = 0; i < KF_LEN(g); i++) {
        world_until(&w, &g[i].done);
        assert_int_equal(g[i].err.code, 0);
        assert_true(g[i].renewed && kf_secret_eq(g[i].token, g[0].token));
    }
    assert_int_equal(RENEWALS(&w), 1);
    state_is(&w.a, "signed_in");
    for (size_t i = 0; i < KF_LEN(g); i++) got_done(&g[i]);
    world_down(&w);
}

static void test_served_after_restart(void **state) {
    world w;
    got first = {0}, again = {0};
    set_up(&w, NULL);
    world_token(&w, &w.a, PROFILE, -1, false, &first);
    assert_false(first.renewed);
    restart(&w);
    state_is(&w.a, "signed_in"); /* from the index, the store was not asked */
    assert_null(world_entry(&w.a, PROFILE)->session);
    world_token(&w, &w.a, PROFILE_ID, -1, false, &again);
    assert_int_equal(again.err.code, 0);
    assert_true(kf_secret_eq(first.token, again.token));
    assert_int_equal(RENEWALS(&w), 0);
    got_done(&first);
    got_done(&again);
    world_down(&w);
}

static void test_min_valid(void **state) {
    const char *const args[] = {"--token-life", "60s", NULL};
    world w;
    got g = {0};
    set_up(&w, args);
    world_token(&w, &w.a, PROFILE, 3600 * 1000, false, &g); /* longer than any token lives */
    assert_true(g.is_short && !g.renewed);
    world_age(&w.a, PROFILE, 20 * 1000);
    world_token(&w, &w.a, PROFILE, 10 * 1000, false, &g);
    assert_false(g.renewed);
    world_token(&w, &w.a, PROFILE, 59999, false,
                &g); /* a fresh one has hardly that much: one renewal, no loop */
    assert_true(g.renewed);
    assert_int_equal(RENEWALS(&w), 1);
    world_token(&w, &w.a, "nobody", -1, false, &g);
    assert_int_equal(g.err.code, KF_ERR_USAGE_NO_PROFILE);
    world_token(&w, &w.a, PUBLIC, -1, false, &g);
    assert_int_equal(g.err.code, KF_ERR_WORKOS_NOT_SIGNED_IN);
    got_done(&g);
    world_down(&w);
}

static void test_ledger_and_index(void **state) {
    world w;
    got g = {0};
    char fp[33], path[128];
    kf_secret *text = NULL;
    set_up(&w, NULL);
    kf_ledger l = world_ledger(&w.a, PROFILE);
    fp_of(&w.a, fp);
    assert_int_equal(l.generation, 1);
    assert_string_equal(l.fp, fp);
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    world_quiet(&w, &w.a);
    l = world_ledger(&w.a, PROFILE);
    fp_of(&w.a, fp);
    assert_int_equal(l.generation, 2);
    assert_string_equal(l.fp, fp);
    assert_false(l.intent.set);
    restart(&w);
    snprintf(path, sizeof path, "%s/profiles", w.state);
    assert_true(kf_file_read(path, 65536, &text, NULL));
    assert_true(kf_str_starts(kf_secret_peek(text),
                              "keyfob-profiles 2\n" PROFILE_ID "\t" PROFILE "\t1\tsigned_in\t"));
    assert_null(strstr(kf_secret_peek(text), kf_secret_peek(g.token)));
    kf_secret_free(text);
    got_done(&g);
    world_down(&w);
}

static void test_profile_json(void **state) {
    world w;
    set_up(&w, NULL);
    KF_AUTO(kf_json) j = kf_profile_json(w.a.keeper, PROFILE);
    assert_string_equal(kf_json_str(j, "user_email"), "plain@example.test");
    assert_string_equal(kf_json_str(j, "state"), "signed_in");
    assert_string_equal(kf_json_str(j, "environment"), "localhost");
    assert_true(kf_json_bool(j, "default", false) && kf_json_bool(j, "confidential", false));
    assert_in_range(kf_json_int_or(j, "left_ms", 0), 200 * 1000, 300 * 1000);
    assert_true(kf_json_int_or(j, "renews_in_ms", 0) >
                3600 * 1000); /* the keep-alive: nobody used it */
    kf_keeper_watch_open(w.a.keeper, PROFILE, 1);
    KF_AUTO(kf_json) open = kf_profile_json(w.a.keeper, PROFILE);
    assert_in_range(kf_json_int_or(open, "renews_in_ms", 0), 100 * 1000, 240 * 1000);
    assert_null(kf_profile_json(w.a.keeper, "nobody"));
    world_down(&w);
}

/* A record that no frame takes: it alone fails, and says why. */
static void test_too_large_a_record(void **state) {
    world w;
    set_up(&w, NULL);
    kf_entry *e = world_entry(&w.a, PROFILE);
    char *large = malloc(KF_RECORD_MAX + 1);
    assert_non_null(large);
    memset(large, 'x', KF_RECORD_MAX);
    large[KF_RECORD_MAX] = 0;
    const char *kept = e->prof.git_host;
    e->prof.git_host = large;
    KF_AUTO(kf_json) j = kf_profile_json(w.a.keeper, PROFILE);
    e->prof.git_host = kept;
    free(large);
    assert_true(kf_json_size(j) < 4096);
    assert_string_equal(kf_json_str(j, "id"), PROFILE_ID);
    assert_string_equal(kf_json_str(j, "state"), "error");
    assert_string_equal(kf_json_str(kf_json_get(j, "failure"), "name"), "wire.too_long");
    KF_AUTO(kf_json) other = kf_profile_json(w.a.keeper, PUBLIC);
    assert_string_equal(kf_json_str(other, "state"), "signed_out");
    world_down(&w);
}

/* A part never exceeds a frame, whatever the size of its items. */
static void test_parts(void **state) {
    const size_t sizes[] = {10, 1000, KF_RECORD_MAX - 32};
    for (size_t i = 0; i < KF_LEN(sizes); i++) {
        kf_part part = kf_part_new();
        char *text = malloc(sizes[i] + 1);
        assert_non_null(text);
        memset(text, 'x', sizes[i]);
        text[sizes[i]] = 0;
        while (kf_part_has_room(&part)) kf_part_add(&part, kf_json_new_str(text));
        free(text);
        kf_json *params = kf_json_obj();
        kf_json_set(params, "items", part.items);
        KF_AUTO(kf_json) msg = kf_msg_reply(params, true);
        kf_buf out;
        kf_err err;
        kf_buf_init(&out, 2 * KF_FRAME_MAX);
        assert_true(kf_frame_write(&out, msg, &err));
        assert_true(part.n == 500 || out.len > KF_FRAME_MAX * 3 / 4);
        kf_buf_done(&out);
    }
}

static void test_ahead_of_time(void **state) {
    world w;
    set_up(&w, NULL);
    kf_entry *e = world_entry(&w.a, PROFILE);
    world_age(&w.a, PROFILE, 30 * 1000);
    kf_entry_pump(e);
    assert_null(e->work); /* nobody used it */
    kf_keeper_watch_open(w.a.keeper, PROFILE, 1);
    assert_non_null(e->work);
    state_is(&w.a, "renewing");
    world_quiet(&w, &w.a);
    assert_int_equal(RENEWALS(&w), 1);
    assert_int_equal(e->session->generation, 2);
    world_down(&w);
}

/* ---- answers that go wrong ---- */

static void test_lost_answer(void **state) {
    world w;
    got g = {0};
    set_up(&w, NULL);
    world_faults(&w, "[{" REFRESH ",\"nth\":1,\"drop\":\"after\"}]");
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    assert_int_equal(g.err.code, 0);
    assert_true(g.renewed);
    assert_int_equal(RENEWALS(&w), 2);
    assert_int_equal(world_stat(&w, NULL, "replayed"), 1);
    assert_int_equal(world_stat(&w, NULL, "reused"), 0);
    got_done(&g);
    world_down(&w);
}

static void test_lost_answers_replayed_by_the_next_agent(void **state) {
    world w;
    got g = {0};
    set_up(&w, NULL);
    world_faults(&w, "[{" REFRESH ",\"drop\":\"after\"}]");
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    assert_true(kf_err_is(g.err.code, "net"));
    world_quiet(&w, &w.a);
    state_is(&w.a, "offline");
    assert_true(world_ledger(&w.a, PROFILE).intent.set); /* a crash would leave the same behind */
    restart(&w);
    world_faults(&w, "[]");
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    assert_int_equal(g.err.code, 0);
    world_quiet(&w, &w.a);
    assert_false(world_ledger(&w.a, PROFILE).intent.set);
    assert_int_equal(world_stat(&w, NULL, "reused"), 0);
    got_done(&g);
    world_down(&w);
}

static void test_rate_limited(void **state) {
    world w;
    got g = {0};
    set_up(&w, NULL);
    world_faults(&w, "[{" REFRESH ",\"nth\":1,\"status\":429,\"headers\":{\"Retry-After\":\"1\"},"
                     "\"body\":{\"error\":\"too_many_requests\"}}]");
    int64_t before = kf_boot_ms();
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    assert_int_equal(g.err.code, 0);
    assert_true(kf_boot_ms() - before >= 1000);
    world_faults(&w, "[{" REFRESH ",\"status\":429,\"headers\":{\"Retry-After\":\"600\"},"
                     "\"body\":{\"error\":\"too_many_requests\"}}]");
    int64_t sent = RENEWALS(&w);
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    assert_int_equal(g.err.code, KF_ERR_NET_RATE_LIMITED);
    assert_int_equal(RENEWALS(&w), sent + 1); /* too long to wait for here */
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    assert_int_equal(g.err.code, KF_ERR_NET_RATE_LIMITED);
    assert_int_equal(RENEWALS(&w), sent + 1); /* and honoured afterwards */
    world_token(&w, &w.a, PROFILE, -1, false, &g);
    assert_int_equal(g.err.code, 0);
    got_done(&g);
    world_down(&w);
}

/* A fault that lasts: the caller hears of it, nothing is lost, and it works when the fault is over.
 */
static void lasting(const char *fault, kf_err_code code) {
    world w;
    got g = {0};
    set_up(&w, NULL);
    KF_AUTO(kf_secret) before = world_blob(&w, PROFILE_ID);
    world_faults(&w, fault);
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    assert_string_equal(kf_err_name(g.err.code), kf_err_name(code));
    assert_in_range(RENEWALS(&w), 1, 4);
    state_is(&w.a, "offline");
    KF_AUTO(kf_secret) after = world_blob(&w, PROFILE_ID);
    assert_true(kf_secret_eq(before, after));
    /* the server may have rotated the token behind this answer */
    assert_true(world_ledger(&w.a, PROFILE).intent.set);
    KF_AUTO(kf_json) j = kf_profile_json(w.a.keeper, PROFILE);
    assert_true(kf_json_get(j, "retry_in_ms") && kf_json_get(j, "failure"));
    world_token(&w, &w.a, PROFILE, -1, false, &g);
    assert_int_equal(g.err.code, 0); /* still valid */
    world_faults(&w, "[]");
    for (kf_entry *e = world_entry(&w.a, PROFILE); e->session->generation < 2;)
        world_spin(&w, 10); /* by itself */
    state_is(&w.a, "signed_in");
    got_done(&g);
    world_down(&w);
}

static void test_html_500(void **state) {
    lasting("[{" REFRESH ",\"status\":500,\"content_type\":\"text/html\",\"body\":\"<html>Oops\"}]",
            KF_ERR_NET_SERVER);
}

#define PAGE ",\"content_type\":\"text/html\",\"body\":\"<html>Sign in to the network</html>\"}]"

/* A proxy, a firewall or the sign-in page of a network: no verdict about the session. */
static void test_page_403(void **state) {
    lasting("[{" REFRESH ",\"status\":403" PAGE, KF_ERR_NET_NOT_WORKOS);
}

static void test_page_401(void **state) {
    lasting("[{" REFRESH ",\"status\":401" PAGE, KF_ERR_NET_NOT_WORKOS);
}

static void test_page_407(void **state) {
    lasting("[{" REFRESH ",\"status\":407" PAGE, KF_ERR_NET_PROXY_AUTH);
}

static void test_page_200(void **state) {
    lasting("[{" REFRESH ",\"handle\":true,\"status\":200" PAGE, KF_ERR_NET_NOT_WORKOS);
}

static void test_not_now_400(void **state) {
    lasting("[{" REFRESH ",\"status\":400,\"body\":{\"error\":\"temporarily_unavailable\"}}]",
            KF_ERR_NET_SERVER);
}

static void test_unknown_code(void **state) {
    lasting("[{" REFRESH
            ",\"status\":400,\"body\":{\"code\":\"a_code_nobody_knows\",\"message\":\"m\"}}]",
            KF_ERR_NET_SERVER);
}

static void test_truncated_json(void **state) {
    lasting("[{" REFRESH ",\"status\":200,\"body\":\"{\\\"access_token\\\":\\\"ey\"}]",
            KF_ERR_NET_BAD_ANSWER);
}

static void test_no_jwt(void **state) {
    lasting("[{" REFRESH ",\"replace\":{\"access_token\":\"nonsense\"}}]", KF_ERR_NET_BAD_ANSWER);
}

static void test_nobody_there(void **state) {
    world w;
    got g = {0};
    set_up(&w, NULL);
    close(w.stop_fd);
    w.stop_fd = -1;
    char c;
    while (read(w.out_fd, &c, 1) > 0) continue; /* its end */
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    assert_int_equal(g.err.code, KF_ERR_NET_CONNECT);
    world_quiet(&w, &w.a);
    assert_false(world_ledger(&w.a, PROFILE).intent.set); /* nothing was sent */
    state_is(&w.a, "offline");
    world_token(&w, &w.a, PROFILE, -1, false, &g);
    assert_int_equal(g.err.code, 0);
    got_done(&g);
    world_down(&w);
}

static void test_no_refresh_token_keeps_the_old(void **state) {
    world w;
    got g = {0};
    char before[33], after[33];
    set_up(&w, NULL);
    fp_of(&w.a, before);
    world_faults(&w, "[{" REFRESH ",\"remove\":[\"refresh_token\"]}]");
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    assert_int_equal(g.err.code, 0);
    fp_of(&w.a, after);
    assert_string_equal(before, after);
    assert_int_equal(world_entry(&w.a, PROFILE)->session->generation, 2);
    got_done(&g);
    world_down(&w);
}

/* Also by an agent that has not read the session. */
static void says_why(world *w, const char *name) {
    KF_AUTO(kf_json) j = kf_profile_json(w->a.keeper, PROFILE);
    assert_string_equal(kf_json_str(kf_json_get(j, "failure"), "name"), name);
    assert_non_null(kf_json_str(j, "user_email"));
    assert_null(kf_json_get(j, "left_ms")); /* nobody gets that token */
}

/* The server spent the token, and its answer never came; asked again, it knows the token no more.
 */
static void test_a_lost_answer_is_told_as_lost(void **state) {
    world w;
    got g = {0};
    set_up(&w, NULL);
    world_faults(&w, "[{" REFRESH ",\"from\":1,\"to\":1,\"drop\":\"after\"},"
                     "{" REFRESH ",\"from\":2,\"to\":9,\"status\":400,"
                     "\"body\":{\"error\":\"invalid_grant\"}}]");
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    assert_int_equal(g.err.code, KF_ERR_WORKOS_ANSWER_LOST);
    world_quiet(&w, &w.a);
    state_is(&w.a, "needs_sign_in");
    says_why(&w, "workos.answer_lost");
    restart(&w);
    state_is(&w.a, "needs_sign_in");
    says_why(&w, "workos.answer_lost");
    world_token(&w, &w.a, PROFILE, -1, false, &g);
    assert_int_equal(g.err.code, KF_ERR_WORKOS_ANSWER_LOST);
    got_done(&g);
    world_down(&w);
}

/* What is known of a session stays known over a start of the agent. */
static void test_a_known_session_is_a_session(void **state) {
    world w;
    set_up(&w, NULL);
    KF_AUTO(kf_json) before = kf_profile_json(w.a.keeper, PROFILE);
    restart(&w);
    assert_true(kf_keeper_is_known(w.a.keeper, PROFILE));
    KF_AUTO(kf_json) j = kf_profile_json(w.a.keeper, PROFILE);
    static const char *const same[] = {"state", "user_email", "environment", "method"};
    for (size_t i = 0; i < KF_LEN(same); i++)
        assert_string_equal(kf_json_str(j, same[i]), kf_json_str(before, same[i]));
    assert_true(kf_json_int_or(j, "left_ms", 0) > 0);
    assert_null(kf_json_get(j, "failure"));
    world_down(&w);
}

static void test_invalid_grant(void **state) {
    world w;
    got g = {0};
    set_up(&w, NULL);
    KF_AUTO(kf_secret) before = world_blob(&w, PROFILE_ID);
    world_faults(&w, "[{" REFRESH ",\"status\":400,\"body\":{\"error\":\"invalid_grant\"}}]");
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    assert_int_equal(g.err.code, KF_ERR_WORKOS_INVALID_GRANT);
    world_quiet(&w, &w.a);
    state_is(&w.a, "needs_sign_in");
    assert_string_equal(world_ledger(&w.a, PROFILE).ended, "workos.invalid_grant");
    KF_AUTO(kf_secret) after = world_blob(&w, PROFILE_ID);
    assert_true(kf_secret_eq(before, after)); /* nothing is deleted */
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    assert_int_equal(g.err.code, KF_ERR_WORKOS_INVALID_GRANT);
    restart(&w);
    state_is(&w.a, "needs_sign_in");
    says_why(&w, "workos.invalid_grant");
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    assert_int_equal(g.err.code, KF_ERR_WORKOS_INVALID_GRANT);
    assert_int_equal(RENEWALS(&w), 1); /* a dead token is spent once */
    world_sign_in(&w, &w.a, PROFILE);
    world_token(&w, &w.a, PROFILE, -1, false, &g);
    assert_int_equal(g.err.code, 0);
    got_done(&g);
    world_down(&w);
}

static void test_refused(void **state) {
    world w;
    got g = {0};
    set_up(&w, NULL);
    world_faults(&w, "[{" REFRESH ",\"status\":401,\"body\":{\"message\":\"Unauthorized\"}}]");
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    assert_int_equal(g.err.code, KF_ERR_WORKOS_BAD_KEY);
    world_quiet(&w, &w.a);
    state_is(&w.a, "error");
    assert_false(world_ledger(&w.a, PROFILE).intent.set);
    world_age(&w.a, PROFILE, -1);
    world_token(&w, &w.a, PROFILE, -1, false, &g); /* not again by itself */
    assert_int_equal(g.err.code, KF_ERR_WORKOS_BAD_KEY);
    assert_int_equal(RENEWALS(&w), 1);
    world_faults(&w, "[]");
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    assert_int_equal(g.err.code, 0);
    state_is(&w.a, "signed_in");
    got_done(&g);
    world_down(&w);
}

/* ---- others, and the store ---- */

static void test_another_agent_renewed(void **state) {
    world w;
    got g = {0}, mine = {0};
    set_up(&w, NULL);
    world_agent(&w, &w.b);
    world_token(&w, &w.b, PROFILE, -1, true, &g);
    assert_true(g.renewed);
    world_age(&w.a, PROFILE, -1);
    world_token(&w, &w.a, PROFILE, -1, false, &mine);
    assert_int_equal(mine.err.code, 0);
    assert_true(kf_secret_eq(mine.token, g.token));
    assert_int_equal(RENEWALS(&w), 1);
    got_done(&g);
    got_done(&mine);
    world_down(&w);
}

static void test_two_agents_at_once(void **state) {
    world w;
    got g[2] = {0};
    set_up(&w, NULL);
    world_agent(&w, &w.b);
    world_token(&w, &w.b, PROFILE, -1, false, &g[1]);
    world_age(&w.a, PROFILE, -1);
    world_age(&w.b, PROFILE, -1);
    world_ask(&w.a, PROFILE, -1, false, &g[0]);
    world_ask(&w.b, PROFILE, -1, false, &g[1]);
    world_until(&w, &g[0].done);
    world_until(&w, &g[1].done);
    assert_true(kf_secret_eq(g[0].token, g[1].token));
    assert_int_equal(RENEWALS(&w), 1);
    got_done(&g[0]);
    got_done(&g[1]);
    world_down(&w);
}

static void test_stale_store(void **state) {
    world w;
    got g = {0};
    set_up(&w, NULL);
    KF_AUTO(kf_secret) old = world_blob(&w, PROFILE_ID);
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    world_quiet(&w, &w.a);
    world_put(&w, PROFILE_ID, old);
    world_agent(&w, &w.b);
    world_token(&w, &w.b, PROFILE, -1, true, &g);
    assert_int_equal(g.err.code, 0); /* WorkOS still answers it with the pair that replaced it */
    assert_int_equal(world_stat(&w, NULL, "replayed"), 1);
    world_agent_end(&w.b);
    world_put(&w, PROFILE_ID, old);
    kf_ledger l = world_ledger(&w.a, PROFILE);
    l.previous.boot_ms -= KF_REPLAY_MAX_MS; /* and no longer */
    world_ledger_put(&w, PROFILE_ID, &l);
    world_agent(&w, &w.b);
    world_token(&w, &w.b, PROFILE, -1, true, &g);
    assert_int_equal(g.err.code, KF_ERR_STORE_STALE);
    state_is(&w.b, "stale");
    assert_int_equal(RENEWALS(&w), 2); /* never spent */
    world_token(&w, &w.a, PROFILE, -1, true,
                &g); /* who holds the newest in memory goes on with that */
    assert_int_equal(g.err.code, 0);
    world_quiet(&w, &w.a);
    world_token(&w, &w.b, PROFILE, -1, false, &g);
    assert_int_equal(g.err.code, 0);
    assert_int_equal(world_stat(&w, NULL, "reused"), 0);
    got_done(&g);
    world_down(&w);
}

static void test_damaged_record(void **state) {
    world w;
    got g = {0};
    set_up(&w, NULL);
    KF_AUTO(kf_secret) bad = kf_secret_new("{\"schema\":\"keyfob.session/1\"", 28);
    world_put(&w, PROFILE_ID, bad);
    restart(&w);
    world_token(&w, &w.a, PROFILE, -1, false, &g);
    assert_int_equal(g.err.code, KF_ERR_STORE_DAMAGED);
    state_is(&w.a, "error");
    KF_AUTO(kf_secret) after = world_blob(&w, PROFILE_ID);
    assert_true(kf_secret_eq(bad, after));
    got_done(&g);
    world_down(&w);
}

static void test_not_writable(void **state) {
    world w;
    got g = {0};
    set_up(&w, NULL);
    w.fail_probe = true;
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    assert_int_equal(g.err.code, KF_ERR_STORE_WRITE);
    state_is(&w.a, "locked");
    assert_int_equal(RENEWALS(&w), 0); /* the token was not spent */
    assert_false(world_ledger(&w.a, PROFILE).intent.set);
    w.fail_probe = false;
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    assert_int_equal(g.err.code, 0);
    got_done(&g);
    world_down(&w);
}

static void test_unsaved_then_saved(void **state) {
    world w;
    got g = {0}, again = {0};
    set_up(&w, NULL);
    w.fail_save = w.fail_seal = true;
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    assert_int_equal(g.err.code, 0); /* valid, and nowhere else: served, and said so */
    assert_true(g.renewed);
    state_is(&w.a, "unsaved");
    assert_true(kf_keeper_busy(w.a.keeper));
    KF_AUTO(kf_json) j = kf_profile_json(w.a.keeper, PROFILE);
    assert_string_equal(kf_json_str(kf_json_get(j, "failure"), "name"), "store.unsaved");
    kf_ledger l = world_ledger(&w.a, PROFILE);
    assert_true(l.unsaved && l.previous.set);
    l.previous.boot_ms -= KF_REPLAY_MAX_MS;
    world_ledger_put(&w, PROFILE_ID, &l);
    world_agent(&w, &w.b); /* the store has the old one: nobody may spend it */
    world_token(&w, &w.b, PROFILE, -1, true, &again);
    assert_int_equal(again.err.code, KF_ERR_STORE_LOST);
    w.fail_save = false;
    for (kf_entry *e = world_entry(&w.a, PROFILE); e->unsaved;)
        world_spin(&w, 10); /* retried by itself */
    state_is(&w.a, "signed_in");
    restart(&w);
    world_token(&w, &w.a, PROFILE, -1, false, &again);
    assert_true(kf_secret_eq(again.token, g.token));
    assert_int_equal(RENEWALS(&w), 1);
    got_done(&g);
    got_done(&again);
    world_down(&w);
}

static void key_got(void *user, const kf_secret *key, const kf_err *err) {
    got *g = user;
    g->done = true;
    g->token = kf_secret_copy(key);
    if (err) g->err = *err;
}

static void move_host(world *w, const char *host) {
    world_conf(w, host);
    kf_conf_free(w->a.conf);
    w->a.conf = kf_conf_load(w->conf, NULL);
    assert_non_null(w->a.conf);
    kf_keeper_reload(w->a.keeper);
}

static void test_origin(void **state) {
    world other, w;
    got g = {0};
    set_up(&w, NULL);
    world_up(&other, NULL);
    move_host(&w, other.url);
    state_is(&w.a, "needs_sign_in");
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    assert_int_equal(g.err.code, KF_ERR_WORKOS_ORIGIN);
    got_done(&g);
    kf_keeper_api_key(w.a.keeper, PROFILE, key_got, &g);
    world_until(&w, &g.done);
    assert_int_equal(g.err.code, KF_ERR_WORKOS_ORIGIN);
    assert_null(g.token);
    restart(&w);
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    assert_int_equal(g.err.code, KF_ERR_WORKOS_ORIGIN);
    assert_int_equal(RENEWALS(&other), 0); /* nothing went there */
    move_host(&w, w.url);
    world_token(&w, &w.a, PROFILE, -1, true, &g); /* and nothing was lost */
    assert_int_equal(g.err.code, 0);
    got_done(&g);
    kf_keeper_api_key(w.a.keeper, PROFILE, key_got, &g);
    world_until(&w, &g.done);
    assert_int_equal(kf_secret_len(g.token), 15);
    got_done(&g);
    world_down(&other);
    world_down(&w);
}

static void test_lock_held(void **state) {
    world w;
    got plain = {0}, wants = {0}, fast = {0};
    set_up(&w, NULL);
    KF_AUTO_CHARS path = kf_strfmt("%s/%s.lock", w.state, PROFILE_ID);
    int fd = kf_lock_open(path, NULL);
    assert_int_equal(kf_lock_try(fd, NULL), 1);
    world_token(&w, &w.a, PROFILE, -1, false, &fast); /* needs no lock */
    assert_int_equal(fast.err.code, 0);
    world_age(&w.a, PROFILE, 50 * 1000);
    world_ask(&w.a, PROFILE, -1, false, &plain);
    world_ask(&w.a, PROFILE, -1, true, &wants);
    world_until(&w, &plain.done);
    world_until(&w, &wants.done);
    assert_int_equal(plain.err.code, 0);
    assert_false(plain.renewed);
    assert_int_equal(wants.err.code, KF_ERR_SYS_LOCK_TIMEOUT);
    KF_AUTO_CHARS holder = kf_strfmt("process %d (test_keeper) on ", (int)getpid());
    assert_non_null(strstr(wants.err.what, holder));
    assert_non_null(strstr(wants.err.what, PROFILE_ID ".lock"));
    assert_int_equal(RENEWALS(&w), 0); /* never unlocked */
    kf_lock_drop(fd);
    world_token(&w, &w.a, PROFILE, -1, true, &wants);
    assert_int_equal(wants.err.code, 0);
    got_done(&plain);
    got_done(&wants);
    got_done(&fast);
    world_down(&w);
}

/* ---- interrupted ---- */

static void test_keeper_ends_in_a_renewal(void **state) {
    world w;
    got lost = {0}, g = {0};
    set_up(&w, NULL);
    world_faults(&w, "[{" REFRESH ",\"nth\":1,\"delay_ms\":1000}]");
    world_ask(&w.a, PROFILE, -1, true, &lost);
    while (!kf_post_open(world_entry(&w.a, PROFILE)->work)) kf_loop_step(w.loop, true);
    while (RENEWALS(&w) < 1) world_spin(&w, 5);
    assert_true(kf_keeper_busy(w.a.keeper));
    world_agent_end(&w.a);
    assert_true(lost.done); /* the caller that waited is told */
    assert_int_equal(lost.err.code, KF_ERR_WIRE_CLOSED);
    world_agent(&w, &w.a); /* finds the intent, sends the same token, gets the same pair */
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    assert_int_equal(g.err.code, 0);
    assert_int_equal(world_stat(&w, NULL, "replayed"), 1);
    assert_int_equal(world_stat(&w, NULL, "reused"), 0);
    got_done(&g);
    world_down(&w);
}

static void test_profile_goes_in_a_renewal(void **state) {
    world w;
    got g = {0};
    set_up(&w, NULL);
    world_faults(&w, "[{" REFRESH ",\"nth\":1,\"delay_ms\":1000}]");
    world_ask(&w.a, PROFILE, -1, true, &g);
    while (!kf_post_open(world_entry(&w.a, PROFILE)->work)) kf_loop_step(w.loop, true);
    assert_true(kf_conf_remove(w.a.conf, PROFILE));
    kf_keeper_reload(w.a.keeper);
    assert_null(kf_entry_find(w.a.keeper, PROFILE));
    assert_null(kf_entry_find(w.a.keeper, PROFILE_ID));
    world_until(&w, &g.done); /* the renewal ends as usual */
    assert_int_equal(g.err.code, 0);
    assert_true(g.renewed);
    world_quiet(&w, &w.a);
    while (kf_entry_by_id(w.a.keeper, PROFILE_ID)) kf_loop_step(w.loop, true);
    assert_int_equal(kf_slot_gate(w.a.keeper, w.url)->taken, 0);
    move_host(&w, w.url); /* the profile is back: its facts first, then its session */
    state_is(&w.a, "signed_in");
    got again = {0};
    world_token(&w, &w.a, PROFILE, -1, false, &again);
    assert_true(kf_secret_eq(again.token, g.token));
    assert_int_equal(RENEWALS(&w), 1);
    got_done(&again);
    got_done(&g);
    world_down(&w);
}

static void test_sixteen_at_most(void **state) {
    world w;
    got one = {0}, two = {0};
    set_up(&w, NULL);
    world_sign_in(&w, &w.a, PUBLIC);
    kf_gate *gate = kf_slot_gate(w.a.keeper, w.url);
    gate->taken = KF_MAX_RENEWALS - 1; /* as if so many profiles were at it */
    world_faults(&w, "[{" REFRESH ",\"nth\":1,\"delay_ms\":300}]");
    world_ask(&w.a, PUBLIC, -1, true, &one);
    world_ask(&w.a, PROFILE, -1, true, &two);
    kf_entry *e = world_entry(&w.a, PROFILE);
    while (!one.done) {
        assert_true(!e->work || !kf_post_open(e->work) || one.done ||
                    !world_entry(&w.a, PUBLIC)->work);
        assert_in_range(gate->taken, 0, KF_MAX_RENEWALS);
        kf_loop_step(w.loop, true);
    }
    world_until(&w, &two.done);
    assert_int_equal(one.err.code + two.err.code, 0);
    world_quiet(&w, &w.a);
    assert_int_equal(gate->taken, KF_MAX_RENEWALS - 1);
    got_done(&one);
    got_done(&two);
    world_down(&w);
}

/* ---- the ends of sessions ---- */

typedef struct out_got {
    bool done, ended, noted;
    kf_err err;
} out_got;

static void out_done(void *user, bool ended, const kf_err *note, const kf_err *err) {
    out_got *o = user;
    *o = (out_got){.done = true, .ended = ended, .noted = note != NULL};
    if (err) o->err = *err;
}

static out_got sign_out(world *w, const char *profile, bool local) {
    out_got o = {0};
    kf_keeper_sign_out(w->a.keeper, profile, local, out_done, &o);
    world_until(w, &o.done);
    world_quiet(w, &w->a);
    return o;
}

static void test_sign_out(void **state) {
    world w;
    got g = {0};
    set_up(&w, NULL);
    KF_AUTO(kf_secret) old = world_blob(&w, PROFILE_ID);
    out_got o = sign_out(&w, PROFILE, false);
    assert_true(o.ended && !o.noted && !o.err.code);
    assert_int_equal(world_stat(&w, NULL, "sessions"), 0);
    assert_null(world_blob(&w, PROFILE_ID));
    state_is(&w.a, "signed_out");
    world_token(&w, &w.a, PROFILE, -1, false, &g);
    assert_int_equal(g.err.code, KF_ERR_WORKOS_NOT_SIGNED_IN);
    world_put(&w, PROFILE_ID, old); /* a copy of yesterday's keyring */
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    assert_int_equal(g.err.code, KF_ERR_WORKOS_NOT_SIGNED_IN);
    assert_int_equal(RENEWALS(&w), 0);
    world_sign_in(&w, &w.a, PROFILE);
    assert_int_equal(world_entry(&w.a, PROFILE)->session->generation, 3);
    got_done(&g);
    world_down(&w);
}

static void test_sign_out_public(void **state) {
    world w;
    world_up(&w, NULL);
    world_sign_in(&w, &w.a, PUBLIC);
    out_got o = sign_out(&w, PUBLIC, false);
    assert_true(o.ended && !o.err.code); /* proved with the token that is forgotten */
    assert_null(world_blob(&w, PUBLIC_ID));
    world_sign_in(&w, &w.a, PUBLIC);
    world_faults(&w, "[{\"path\":\"/user_management/sessions/logout\",\"drop\":\"before\"}]");
    o = sign_out(&w, PUBLIC, false);
    assert_true(!o.ended && o.noted && !o.err.code);
    assert_null(world_blob(&w, PUBLIC_ID)); /* forgotten here all the same */
    world_sign_in(&w, &w.a, PUBLIC);
    o = sign_out(&w, PUBLIC, true);
    assert_true(!o.ended && !o.noted && !o.err.code);
    world_down(&w);
}

static void nobody_is_needed(void *user, const char *id, const char *name, const char *reason) {
    fail_msg("a person is told of %s", reason);
}

/* The store was locked between the end at WorkOS and the deletion: what is left is no alarm. */
static void test_sign_out_leaves_the_item(void **state) {
    world w;
    got g = {0};
    set_up(&w, NULL);
    w.fail_del = "session";
    out_got o = sign_out(&w, PROFILE, false);
    assert_true(o.ended);
    assert_int_equal(o.err.code, KF_ERR_STORE_WRITE);
    state_is(&w.a, "signed_out");
    restart(&w);
    kf_keeper_on_person(w.a.keeper, nobody_is_needed, NULL);
    world_token(&w, &w.a, PROFILE, -1, false, &g);
    assert_int_equal(g.err.code, KF_ERR_WORKOS_NOT_SIGNED_IN);
    assert_non_null(strstr(g.err.what, "was signed out"));
    state_is(&w.a, "signed_out");
    assert_int_equal(RENEWALS(&w), 0);
    w.fail_del = NULL;
    world_sign_in(&w, &w.a, PROFILE);
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    assert_int_equal(g.err.code, 0);
    got_done(&g);
    world_down(&w);
}

static void test_second_sign_in(void **state) {
    world w;
    set_up(&w, NULL);
    world_sign_in(&w, &w.a, PROFILE);
    assert_int_equal(world_entry(&w.a, PROFILE)->session->generation, 2);
    assert_int_equal(world_stat(&w, NULL, "sessions"), 1); /* the first was revoked */
    world_down(&w);
}

static void test_sign_in_not_saved(void **state) {
    world w;
    got g = {0};
    world_up(&w, NULL);
    world_key(&w, &w.a);
    w.fail_save = true;
    kf_keeper_adopt(w.a.keeper, PROFILE, world_password(&w, "client_sandbox"), true, true, NULL,
                    NULL);
    world_token(&w, &w.a, PROFILE, -1, false, &g);
    assert_int_equal(g.err.code, 0);
    state_is(&w.a, "unsaved");
    w.fail_save = false;
    kf_keeper_reload(w.a.keeper); /* the store was opened: at once */
    for (kf_entry *e = world_entry(&w.a, PROFILE); e->unsaved;) world_spin(&w, 10);
    state_is(&w.a, "signed_in");
    restart(&w);
    world_token(&w, &w.a, PROFILE, -1, false, &g);
    assert_int_equal(g.err.code, 0);
    got_done(&g);
    world_down(&w);
}

static void removed(void *user, const kf_err *err) {
    assert_null(err);
    *(bool *)user = true;
}

static void test_remove_and_forget(void **state) {
    world w;
    got g = {0};
    bool done = false;
    set_up(&w, NULL);
    kf_keeper_forget_memory(w.a.keeper);
    assert_null(world_entry(&w.a, PROFILE)->session);
    assert_null(world_entry(&w.a, PROFILE)->api_key);
    state_is(&w.a, "signed_in"); /* it is, only not in memory */
    world_token(&w, &w.a, PROFILE, -1, true, &g);
    assert_int_equal(g.err.code, 0);
    kf_keeper_remove(w.a.keeper, PROFILE, removed, &done);
    world_until(&w, &done);
    assert_null(world_blob(&w, PROFILE_ID));
    world_ask(&w.a, PROFILE, -1, true, &g); /* waits behind the removal */
    assert_true(kf_conf_remove(w.a.conf, PROFILE));
    kf_keeper_reload(w.a.keeper);
    done = false;
    kf_keeper_remove_end(w.a.keeper, PROFILE_ID, true, removed, &done);
    world_until(&w, &done);
    world_until(&w, &g.done);
    assert_int_equal(g.err.code, KF_ERR_USAGE_NO_PROFILE);
    world_spin(&w, 0);
    assert_null(kf_entry_by_id(w.a.keeper, PROFILE_ID));
    assert_null(g_hash_table_lookup(w.a.keeper->hints, PROFILE_ID));
    got_done(&g);
    world_down(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_lost_answer_is_told_as_lost),
        cmocka_unit_test(test_a_known_session_is_a_session),
        cmocka_unit_test(test_single_flight),
        cmocka_unit_test(test_served_after_restart),
        cmocka_unit_test(test_min_valid),
        cmocka_unit_test(test_ledger_and_index),
        cmocka_unit_test(test_profile_json),
        cmocka_unit_test(test_too_large_a_record),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_ahead_of_time),
        cmocka_unit_test(test_lost_answer),
        cmocka_unit_test(test_lost_answers_replayed_by_the_next_agent),
        cmocka_unit_test(test_rate_limited),
        cmocka_unit_test(test_html_500),
        cmocka_unit_test(test_page_403),
        cmocka_unit_test(test_page_401),
        cmocka_unit_test(test_page_407),
        cmocka_unit_test(test_page_200),
        cmocka_unit_test(test_not_now_400),
        cmocka_unit_test(test_unknown_code),
        cmocka_unit_test(test_truncated_json),
        cmocka_unit_test(test_no_jwt),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_no_refresh_token_keeps_the_old),
        cmocka_unit_test(test_invalid_grant),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_another_agent_renewed),
        cmocka_unit_test(test_two_agents_at_once),
        cmocka_unit_test(test_stale_store),
        cmocka_unit_test(test_damaged_record),
        cmocka_unit_test(test_not_writable),
        cmocka_unit_test(test_unsaved_then_saved),
        cmocka_unit_test(test_origin),
        cmocka_unit_test(test_keeper_ends_in_a_renewal),
        cmocka_unit_test(test_profile_goes_in_a_renewal),
        cmocka_unit_test(test_sixteen_at_most),
        cmocka_unit_test(test_sign_out),
        cmocka_unit_test(test_sign_out_leaves_the_item),
        cmocka_unit_test(test_sign_out_public),
        cmocka_unit_test(test_second_sign_in),
        cmocka_unit_test(test_sign_in_not_saved),
        cmocka_unit_test(test_remove_and_forget),
        cmocka_unit_test(test_lock_held)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
