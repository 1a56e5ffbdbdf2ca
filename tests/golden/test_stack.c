/* A screen that closes itself, because its answer has come, closes itself and what is about it, and
 * nothing else. */
#include <locale.h>
#include "base/str.h"
#include "golden.h"

#define TOKEN                                                                                \
    "{\"name\":\"acme-prod\",\"access_token\":\"eyJh.eyJz.c2ln\",\"expires_at\":1795450252," \
    "\"left_ms\":252000}"
#define DONE                                                                               \
    "{\"serial\":9,\"kind\":\"done\",\"email\":\"maya@acme.example\",\"profile\":{\"id\":" \
    "\"00000000000000a1\",\"name\":\"acme-prod\",\"state\":\"signed_in\"}}"
#define GONE "{\"profiles\":[],\"removed\":[\"00000000000000a1\"]}"

static int open_list(void **state) {
    static stage s;
    stage_open_acme(&s);
    *state = &s;
    return 0;
}

static int shut(void **state) {
    stage_close(*state);
    return 0;
}

static void with_help(stage *s) {
    stage_key(s, KF_KEY_F1);
    assert_string_equal(kf_app_top(s->a), "help");
}

static void top_is(stage *s, const char *name) { assert_string_equal(kf_app_top(s->a), name); }

static void the_passphrase_was_right(void **state) {
    stage *s = *state;
    stage_key(s, 'r');
    stage_fail(s, s->last_call, (kf_err){.code = KF_ERR_STORE_VAULT_LOCKED});
    stage_type(s, "canary");
    stage_key(s, KF_KEY_ENTER);
    assert_string_equal(s->last_method, "Unlock");
    uint32_t unlock = s->last_call;
    with_help(s);
    stage_answer(s, unlock, "{\"store\":{\"kind\":\"vault\",\"state\":\"ok\"}}", true);
    top_is(s, "profiles");
    assert_string_equal(s->last_method, "Renew"); /* and the call goes on */
    assert_int_not_equal(s->last_call, unlock);
}

static void signed_in(void **state) {
    stage *s = *state;
    stage_signin(s);
    with_help(s);
    stage_step(s, DONE);
    top_is(s, "profiles");
    assert_true(stage_shows(s, "Signed in to acme-prod"));
}

static void exported(void **state) {
    stage *s = *state;
    stage_key(s, 'x');
    stage_key(s, KF_KEY_ENTER);
    stage_answer(s, s->last_call, TOKEN, true);
    assert_string_equal(s->last_method, "local.Copy");
    with_help(s);
    stage_answer(s, s->last_call,
                 "{\"what\":\"access token\",\"way\":\"xclip\",\"clear_after_ms\":30000}", true);
    top_is(s, "profiles");
}

/* Any screen, over which help is open, when its profile is gone. */
static void the_profile_is_gone(void **state) {
    stage *s = *state;
    static const char *const keys[] = {"\r", "o", "x", "D", "s", "\r]]"};
    for (size_t i = 0; i < KF_LEN(keys); i++) {
        for (const char *k = keys[i]; *k; k++) stage_key(s, *k);
        with_help(s);
        stage_watch(s, GONE);
        if (!strcmp(kf_app_top(s->a), "help")) stage_wait(s, 1000);
        top_is(s, "profiles");
        shut(state);
        open_list(state);
    }
}

/* An error that nobody has read, and a passphrase that another call waits for, are not about the
 * screen below them. */
static void what_is_not_about_it_stays(void **state) {
    stage *s = *state;
    stage_key(s, 'r');
    uint32_t renew = s->last_call;
    stage_key(s, 'x');
    stage_key(s, KF_KEY_ENTER);
    stage_answer(s, s->last_call, TOKEN, true);
    uint32_t copy = s->last_call;
    stage_fail(s, renew, (kf_err){.code = KF_ERR_NET_TIMEOUT, .what = "api.workos.com"});
    top_is(s, "panel");
    with_help(s);
    stage_answer(s, copy, "{\"what\":\"access token\",\"way\":\"xclip\",\"clear_after_ms\":30000}",
                 true);
    top_is(s, "panel");
    stage_key(s, KF_KEY_ESC);
    top_is(s, "profiles");
}

static void enrolled(void **state) {
    stage *s = *state;
    stage_key(s, KF_KEY_ENTER);
    stage_type(s, "]]]");
    stage_answer(s, s->last_call, "{\"factors\":[]}", true);
    stage_key(s, 'a');
    top_is(s, "enroll");
    with_help(s);
    stage_answer(s, s->last_call, "{\"verified\":true}", true);
    top_is(s, "profile");
    assert_string_equal(s->last_method, "ListFactors"); /* the list below is asked for again */
}

static void cleaned(void **state) {
    stage *s = *state;
    kf_err err;
    static const char file[] = "[{\"source\":\"workos\",\"profiles\":[\"x\"],\"file\":\"/home/ada/"
                               "x\",\"digest\":\"d\",\"changes\":[]}]";
    KF_AUTO(kf_json) list = kf_json_parse(file, strlen(file), &err);
    kf_app_push(s->a, &kf_screen_clean, &(kf_args){.list = list});
    stage_key(s, 'y');
    assert_string_equal(s->last_method, "CleanUp");
    with_help(s);
    stage_answer(s, s->last_call, "{}", true);
    top_is(s, "profiles");
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, open_list, shut)
    static const struct CMUnitTest tests[] = {
        T(the_passphrase_was_right),   T(signed_in), T(exported), T(the_profile_is_gone),
        T(what_is_not_about_it_stays), T(enrolled),  T(cleaned)};
    setlocale(LC_ALL, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
