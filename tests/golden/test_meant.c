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

#define T(f) cmocka_unit_test_setup_teardown(f, open_list, shut)

int main(void) {
    setenv("TZ", "UTC", 1);
    if (!setlocale(LC_ALL, "C.UTF-8")) return 1;
    const struct CMUnitTest tests[] = {T(filter_takes_the_exact_name),
                                       T(filter_takes_what_begins_so), T(palette_takes_the_name)};
    return cmocka_run_group_tests_name("meant", tests, NULL, NULL);
}
