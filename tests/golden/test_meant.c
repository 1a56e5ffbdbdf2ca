/* A key, a filter and a search do what the person means, and not the first thing that fits. */
#include <locale.h>
#include "base/str.h"
#include "golden.h"

#define ONE(id, name, state)                                                                     \
    "{\"id\":\"" id "\",\"name\":\"" name "\",\"confidential\":true,\"client_id\":\"client_1\"," \
    "\"api_host\":\"https://api.workos.com\",\"state\":\"" state "\"}"

static int open_list(void **state) {
    static stage s;
    stage_open(&s);
    stage_watch(&s,
                "{\"profiles\":[" ONE("00000000000000b1", "acme-prod", "needs_sign_in") "," ONE(
                    "00000000000000b2", "acme-prod-admin",
                    "needs_sign_in") "," ONE("00000000000000b3", "old-acme", "needs_sign_in") "]}");
    *state = &s;
    return 0;
}

static int shut(void **state) {
    stage_close(*state);
    return 0;
}

static void filter_takes_the_exact_name(void **state) {
    stage *s = *state;
    stage_type(s, "/acme-prod-admin");
    assert_true(stage_shows(s, "> acme-prod-admin"));
    for (int i = 0; i < 6; i++) stage_key(s, KF_KEY_BACKSPACE); /* the cursor was on the other */
    assert_true(stage_shows(s, "> acme-prod "));
    stage_key(s, KF_KEY_ENTER);
    stage_key(s, 's');
    assert_true(stage_shows(s, "How do you want to sign in to acme-prod?"));
}

static void filter_takes_what_begins_so(void **state) {
    stage *s = *state;
    stage_key(s, KF_KEY_END);
    assert_true(stage_shows(s, "> old-acme"));
    stage_type(s, "/acme");
    assert_true(stage_shows(s, "> acme-prod "));
    stage_key(s, KF_CTRL('U'));
    stage_type(s, "ACME-PROD-A");
    assert_true(stage_shows(s, "> acme-prod-admin"));
    stage_key(s, KF_CTRL('U'));
    stage_type(s, "ld");
    assert_true(stage_shows(s, "> old-acme"));
}

/* "export" has the claims in its sentence, and comes first in the table. */
static void palette_takes_the_name(void **state) {
    stage *s = *state;
    stage_type(s, ":claims");
    stage_key(s, KF_KEY_ENTER);
    assert_string_not_equal(kf_app_top(s->a), "export");
    stage_key(s, KF_KEY_ESC);
    stage_key(s, KF_KEY_ESC);
    stage_type(s, ":sign in");
    stage_key(s, KF_KEY_ENTER);
    assert_string_equal(kf_app_top(s->a), "chooser");
}

#define EMAIL(serial)     \
    "{\"serial\":" serial \
    ",\"kind\":\"field\",\"field\":\"email\",\"acts\":[\"submit\"],\"note\":\"\"}"

/* Enter takes the address of last time, a letter begins another one, and the password says whose it
 * is. */
static void the_address_of_last_time(void **state) {
    stage s;
    stage_open_acme(&s);
    stage_signin(&s);
    stage_step(&s, EMAIL("2"));
    stage_shot_at(&s, "signin-email-again", 24, 80);
    stage_key(&s, KF_KEY_ENTER);
    assert_string_equal(kf_json_str(s.last_params, "value"), "maya@acme.example");
    stage_step(&s, "{\"serial\":3,\"kind\":\"field\",\"field\":\"password\",\"acts\":[\"submit\","
                   "\"back\"],\"note\":\"\"}");
    assert_true(stage_shows(&s, "Password of maya@acme.example"));
    stage_key(&s, KF_KEY_ESC);
    stage_step(&s, EMAIL("4"));
    stage_type(&s, "max@acme.example");
    stage_key(&s, KF_KEY_ENTER);
    assert_string_equal(kf_json_str(s.last_params, "value"), "max@acme.example");
    stage_step(&s, EMAIL("5"));
    stage_key(&s, KF_KEY_BACKSPACE); /* edits it */
    stage_key(&s, KF_KEY_ENTER);
    assert_string_equal(kf_json_str(s.last_params, "value"), "max@acme.exampl");
    stage_step(&s, EMAIL("6"));
    stage_paste(&s, "eve@acme.example");
    stage_key(&s, KF_KEY_ENTER);
    assert_string_equal(kf_json_str(s.last_params, "value"), "eve@acme.example");
    stage_close(&s);
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_list, shut)

int main(void) {
    setenv("TZ", "UTC", 1);
    if (!setlocale(LC_ALL, "C.UTF-8")) return 1;
    const struct CMUnitTest tests[] = {T(filter_takes_the_exact_name),
                                       T(filter_takes_what_begins_so), T(palette_takes_the_name),
                                       cmocka_unit_test(the_address_of_last_time)};
    return cmocka_run_group_tests_name("meant", tests, NULL, NULL);
}
