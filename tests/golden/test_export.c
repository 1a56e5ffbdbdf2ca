/* The export dialog and copying a token. */
#include <locale.h>
#include "base/str.h"
#include "golden.h"

#define TOKEN "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1c2VyXzEifQ.c2lnbmF0dXJlLXRoYXQtaXMtbG9uZy1lbm91Z2g"
#define ANSWER                                                                              \
    "{\"access_token\":\"" TOKEN                                                            \
    "\",\"expires_at\":1795450252,\"left_ms\":252000,\"name\":\"acme-prod\",\"client_id\":" \
    "\"client_01HZ\",\"org_id\":\"org_01J8\"}"

static int open_list(void **state) {
    static stage s;
    stage_open(&s);
    stage_watch(&s, profiles_json);
    stage_type(&s, "/acme-prod");
    stage_key(&s, KF_KEY_ESC); /* the cursor stays there */
    *state = &s;
    return 0;
}

static int shut(void **state) {
    stage_close(*state);
    return 0;
}

static const char *said(stage *s, const char *key) {
    return kf_json_str_or(s->last_params, key, "");
}

static void to_the_clipboard(void **state) {
    stage *s = *state;
    stage_key(s, 'x');
    assert_string_equal(kf_app_top(s->a), "export");
    stage_shot(s, "export");
    stage_key(s, KF_KEY_ENTER);
    assert_string_equal(s->last_method, "GetToken");
    assert_int_equal(kf_json_int_or(s->last_params, "min_valid_ms", 0), 120000);
    stage_answer(s, s->last_call, ANSWER, true);
    assert_string_equal(s->last_method, "local.Copy");
    assert_string_equal(said(s, "text"), "Authorization: Bearer " TOKEN "\n");
    assert_int_equal(kf_json_int_or(s->last_params, "clear_after_ms", 0), 30000);
    assert_false(stage_shows(s, "c2lnbmF0"));
    stage_answer(
        s, s->last_call,
        "{\"what\":\"access token\",\"way\":\"xclip\",\"sent\":false,\"clear_after_ms\":30000}",
        true);
    assert_string_equal(kf_app_top(s->a), "profiles");
    assert_true(stage_shows(s, "Copied the access token (xclip); cleared in 30 s"));
}

static void into_a_file(void **state) {
    stage *s = *state;
    stage_key(s, 'x');
    stage_key(s, KF_KEY_TAB);
    stage_type(s, "  "); /* header -> raw -> env */
    stage_key(s, KF_KEY_TAB);
    stage_key(s, KF_KEY_RIGHT); /* clipboard -> file */
    stage_key(s, KF_KEY_TAB);
    stage_key(s, KF_KEY_ENTER);
    assert_true(stage_shows(s, "The path begins with /"));
    stage_type(s, "/home/maya/my token.env");
    stage_shot(s, "export-file");
    stage_key(s, KF_KEY_ENTER);
    assert_string_equal(s->last_method, "GetToken");
    stage_answer(s, s->last_call, ANSWER, true);
    assert_string_equal(s->last_method, "local.Write");
    assert_string_equal(said(s, "path"), "/home/maya/my token.env");
    assert_non_null(strstr(said(s, "text"), "export WORKOS_ACCESS_TOKEN='" TOKEN "'\n"));
    assert_false(kf_json_bool(s->last_params, "replace", false));
    for (int i = 0; i < 2; i++) { /* Keep has the focus, and Esc is the same */
        stage_fail(s, s->last_call,
                   (kf_err){.code = KF_ERR_USAGE_EXISTS, .what = "/home/maya/my token.env exists"});
        assert_string_equal(kf_app_top(s->a), "confirm");
        if (!i) stage_shot(s, "confirm-replace");
        stage_key(s, i ? KF_KEY_ESC : KF_KEY_ENTER);
        assert_string_equal(kf_app_top(s->a), "export"); /* what was typed is still there */
        assert_true(stage_shows(s, "my token.env"));
        stage_key(s, KF_KEY_ENTER);
        assert_string_equal(s->last_method, "GetToken");
        stage_answer(s, s->last_call, ANSWER, true);
        assert_false(kf_json_bool(s->last_params, "replace", false));
    }
    stage_fail(s, s->last_call,
               (kf_err){.code = KF_ERR_USAGE_EXISTS, .what = "/home/maya/my token.env exists"});
    stage_key(s, 'y');
    assert_string_equal(s->last_method, "GetToken"); /* nothing secret was kept for the question */
    stage_answer(s, s->last_call, ANSWER, true);
    assert_string_equal(s->last_method, "local.Write");
    assert_true(kf_json_bool(s->last_params, "replace", false));
    stage_answer(s, s->last_call, "{\"path\":\"/home/maya/my token.env\"}", true);
    assert_string_equal(kf_app_top(s->a), "profiles");
    assert_true(stage_shows(s, "Written to /home/maya/my token.env"));
}

/* What t copies meanwhile is not this dialog's. */
static void another_copy_ends(void **state) {
    stage *s = *state;
    stage_key(s, 't');
    uint32_t token = s->last_call;
    stage_key(s, 'x');
    stage_answer(s, token, ANSWER, true);
    assert_string_equal(s->last_method, "local.Copy");
    stage_answer(s, s->last_call,
                 "{\"what\":\"access token\",\"way\":\"xclip\",\"clear_after_ms\":30000}", true);
    assert_string_equal(kf_app_top(s->a), "export");
}

static void the_same_from_a_shell(void **state) {
    stage *s = *state;
    stage_key(s, 'x');
    stage_key(s, KF_KEY_TAB), stage_key(s, KF_KEY_TAB);
    stage_key(s, ' ');
    stage_key(s, KF_KEY_TAB);
    KF_AUTO_CHARS keys = stage_draw(s, 24, 80);
    assert_null(strstr(keys, "v show ")); /* it would be typed */
    stage_type(s, "~/my dir/it's");
    assert_true(stage_shows(s, "-o ~/'my"));
    assert_true(stage_shows(s, "dir/it'\\''s'"));
    stage_key(s, KF_KEY_TAB);
    stage_key(s, KF_CTRL('U'));
    stage_type(s, "0");
    assert_true(stage_shows(s, "--min-valid 0s"));
}

/* A usual token at 40x12: all of it can be seen. */
static void shown_whole(void **state) {
    stage *s = *state;
    char token[1201], answer[1400];
    for (size_t i = 0; i < 1200; i++) token[i] = "abcdefghijklmnopqrstuvwxyz"[i / 40 % 26];
    token[1200] = 0;
    snprintf(answer, sizeof answer,
             "{\"access_token\":\"%s\",\"expires_at\":1795450252,\"left_ms\":252000,\"name\":"
             "\"acme-prod\"}",
             token);
    stage_key(s, 'x');
    KF_AUTO_CHARS first = stage_draw(s, 12, 40);
    stage_key(s, KF_KEY_PGDN);
    KF_AUTO_CHARS second = stage_draw(s, 12, 40);
    assert_non_null(strstr(first, "PgDn shows more"));
    assert_non_null(strstr(second, "keyfob export acme-prod"));
    stage_key(s, KF_KEY_PGUP);
    stage_key(s, 'v');
    stage_answer(s, s->last_call, answer, true);
    char seen[27] = "";
    for (int page = 0; page < 9; page++) {
        KF_AUTO_CHARS dump = stage_draw(s, 12, 40);
        for (char c = 'a'; c <= 'z'; c++)
            if (strstr(dump, (char[]){c, c, c, 0})) seen[c - 'a'] = c;
        assert_null(strstr(dump, "~\n"));
        if (page == 1) stage_shot_at(s, "export-shown", 12, 40);
        stage_key(s, KF_KEY_PGDN);
    }
    assert_string_equal(seen, "abcdefghijklmnopqrstuvwxyz");
}

static void shown_for_ten_seconds(void **state) {
    stage *s = *state;
    stage_key(s, 'x');
    stage_key(s, 'v');
    assert_string_equal(s->last_method, "GetToken");
    stage_answer(s, s->last_call, ANSWER, true);
    assert_true(stage_shows(s, "eyJzdWIiOiJ1c2VyXzEifQ"));
    stage_shot_at(s, "export-shown", 24, 80);
    stage_wait(s, 9000);
    assert_true(stage_shows(s, "eyJzdWIiOiJ1c2VyXzEifQ"));
    stage_wait(s, 1500);
    assert_false(stage_shows(s, "eyJzdWIiOiJ1c2VyXzEifQ"));
    stage_key(s, 'v');
    stage_answer(s, s->last_call, ANSWER, true);
    kf_app_hide(s->a); /* a suspension */
    assert_false(stage_shows(s, "eyJzdWIiOiJ1c2VyXzEifQ"));
}

static void the_api_key_and_claims(void **state) {
    stage *s = *state;
    stage_key(s, 'x');
    stage_key(s, ' ');
    assert_true(stage_shows(s, "claims (no token)"));
    stage_key(s, KF_KEY_ENTER);
    assert_string_equal(s->last_method, "Claims");
    stage_answer(s, s->last_call, "{\"claims\":{\"sub\":\"user_1\"}}", true);
    assert_string_equal(
        said(s, "text"),
        "{\"sub\":\"user_1\"}\n"); /* to a file with the newline; a copy goes without */
    stage_fail(s, s->last_call,
               (kf_err){.code = KF_ERR_SYS_CLIPBOARD, .what = "there is no display"});
    assert_true(stage_shows(s, "Could not copy"));
    stage_key(s, KF_KEY_ESC);
    stage_key(s, ' ');
    stage_shot_at(s, "export-api-key", 24, 80);
    stage_key(s, KF_KEY_ENTER);
    assert_string_not_equal(s->last_method, "GetApiKey");
    stage_shot_at(s, "confirm-api-key", 24, 80);
    stage_key(s, KF_KEY_ENTER); /* Cancel has the focus */
    assert_string_not_equal(s->last_method, "GetApiKey");
    assert_string_equal(kf_app_top(s->a), "export");
    stage_key(s, KF_KEY_ENTER);
    stage_key(s, 'y');
    assert_string_equal(s->last_method, "GetApiKey");
    stage_answer(s, s->last_call,
                 "{\"api_key\":\"sk_test_1\",\"name\":\"acme-prod\",\"client_id\":\"client_1\"}",
                 true);
    assert_string_equal(said(s, "text"), "Authorization: Bearer sk_test_1\n");
}

static void one_key_copies(void **state) {
    stage *s = *state;
    stage_key(s, 't');
    assert_string_equal(s->last_method, "GetToken");
    stage_answer(s, s->last_call, ANSWER, true);
    assert_string_equal(s->last_method, "local.Copy");
    assert_string_equal(said(s, "text"), TOKEN);
    stage_answer(
        s, s->last_call,
        "{\"what\":\"access token\",\"way\":\"OSC 52\",\"sent\":true,\"clear_after_ms\":30000}",
        true);
    assert_true(stage_shows(s, "by OSC 52; keyfob can neither"));
}

static void without_a_session(void **state) {
    stage *s = *state;
    stage_type(s, "/initech"); /* public, nobody signed in */
    stage_key(s, KF_KEY_ESC);
    int calls = s->calls;
    stage_key(s, 'x');
    assert_string_equal(kf_app_top(s->a), "profiles");
    assert_true(stage_shows(s, "no token and no API key"));
    stage_key(s, 't');
    assert_int_equal(s->calls, calls);
}

/* A choice that changes while the answer is on its way: the answer is not of this choice. */
static void changed_in_between(void **state) {
    stage *s = *state;
    stage_key(s, 'x');
    stage_key(s, KF_KEY_ENTER);
    assert_string_equal(s->last_method, "GetToken");
    stage_key(s, ' '); /* claims */
    stage_answer(s, s->last_call, ANSWER, true);
    assert_string_equal(s->last_method, "GetToken");
    stage_key(s, KF_KEY_ENTER);
    stage_answer(s, s->last_call, "{}", true);
    assert_true(stage_shows(s, "has no claims"));
}

/* Enter never gives out an API key that nobody chose. */
static void starts_at_the_token(void **state) {
    stage *s = *state;
    stage_watch(s, "{\"profiles\":[{\"id\":\"00000000000000b1\",\"name\":\"ci\",\"confidential\":"
                   "true,\"client_id\":\"client_1\",\"api_host\":\"https://api.workos.com\","
                   "\"state\":\"needs_sign_in\"}]}");
    stage_key(s, KF_KEY_ESC);
    stage_type(s, "/ci");
    stage_key(s, KF_KEY_ENTER);
    stage_key(s, 'x');
    assert_string_equal(kf_app_top(s->a), "export");
    assert_true(stage_shows(s, "< access token >"));
    int calls = s->calls;
    stage_key(s, KF_KEY_ENTER);
    assert_int_equal(s->calls, calls);
    stage_key(s, KF_KEY_LEFT);
    assert_true(stage_shows(s, "< API key >"));
    stage_key(s, KF_KEY_ENTER);
    assert_true(stage_shows(s, "Export the API key of ci to the clipboard?"));
}

int main(void) {
    setlocale(LC_ALL, "C.UTF-8");
    const struct CMUnitTest t[] = {
        cmocka_unit_test_setup_teardown(to_the_clipboard, open_list, shut),
        cmocka_unit_test_setup_teardown(into_a_file, open_list, shut),
        cmocka_unit_test_setup_teardown(shown_for_ten_seconds, open_list, shut),
        cmocka_unit_test_setup_teardown(the_api_key_and_claims, open_list, shut),
        cmocka_unit_test_setup_teardown(another_copy_ends, open_list, shut),
        cmocka_unit_test_setup_teardown(the_same_from_a_shell, open_list, shut),
        cmocka_unit_test_setup_teardown(shown_whole, open_list, shut),
        cmocka_unit_test_setup_teardown(one_key_copies, open_list, shut),
        cmocka_unit_test_setup_teardown(changed_in_between, open_list, shut),
        cmocka_unit_test_setup_teardown(starts_at_the_token, open_list, shut),
        cmocka_unit_test_setup_teardown(without_a_session, open_list, shut)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
