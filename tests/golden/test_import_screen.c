/* Import from the WorkOS CLI: what was found, marks, one call each, and what was refused. */
#include <locale.h>
#include "base/str.h"
#include "golden.h"

#define EMPTY                                                                                    \
    "{\"profiles\":[],\"removed\":[],\"store\":{\"kind\":\"vault\",\"state\":\"ok\",\"choice\":" \
    "\"auto\",\"why\":\"\"}}"
#define ITEM(source, name, profile, type, client, key, more)                       \
    "{\"source\":\"" source "\",\"name\":\"" name "\"," profile "\"type\":\"" type \
    "\",\"environment\":\"\",\"client_id\":\"" client                              \
    "\",\"api_host\":\"https://api.workos.com\",\"key\":\"" key                    \
    "\",\"place\":\"/home/ada/.workos/config.json\"" more "}"
#define FOUND                                                                                      \
    "{\"items\":[" ITEM(                                                                           \
        "workos", "staging", "\"profile_name\":\"staging\",", "sandbox",                           \
        "client_01HZX5T7YB1Q3T4K8M9N2P6R7S", "sk_test_\u2026abcd",                                 \
        "") "," ITEM("workos", "Prod EU", "\"profile_name\":\"prod-eu\",", "production",           \
                     "client_01HZX5T7YB1Q3T4K8M9N2P6R7T", "sk_live_\u2026wxyz",                    \
                     "") "," ITEM("workos", "\\u001b[2J\\u202eevil", "", "", "client_E",           \
                                  "sk_test_\u2026",                                                \
                                  "") "," ITEM("workos-go", "old", "\"profile_name\":\"old\",",    \
                                               "sandbox", "", "sk_test_\u2026abcd",                \
                                               "") "," ITEM("workos-go", "bad",                    \
                                                            "\"profile_name\":\"bad\",", "",       \
                                                            "client_B", "",                        \
                                                            ",\"problem\":\"what it has as API "   \
                                                            "key is none (sk_...)\"") "],"         \
                                                                                      "\"places\"" \
                                                                                      ":[{"        \
                                                                                      "\"source\"" \
                                                                                      ":\"workos"  \
                                                                                      "\","        \
                                                                                      "\"place\":" \
                                                                                      "\"keyring"  \
                                                                                      "\","        \
                                                                                      "\"state\":" \
                                                                                      "\"refused"  \
                                                                                      "\"" PLACE   \
                                                                                      "}]}"
#define PLACE ",\"problem\":\"there is no D-Bus session here\",\"error\":\"store.absent\""

#define STAGING \
    "{\"profile\":{\"id\":\"00000000000000d1\",\"name\":\"staging\",\"state\":\"signed_out\"}}"
#define TWINS                                                                               \
    "{\"items\":[" ITEM("workos", "Prod EU", "\"profile_name\":\"prod-eu\",", "production", \
                        "client_01HZX5T7YB1Q3T4K8M9N2P6R7T", "sk_live_\u2026wxyz",          \
                        "") "," ITEM("workos", "prod-eu", "\"profile_name\":\"prod-eu\",",  \
                                     "production", "client_01HZX5T7YB1Q3T4K8M9N2P6R7U", "", \
                                     "") "],\"places\":[]}"

static int open_import(void **state) {
    static stage s;
    stage_open(&s);
    stage_watch(&s, EMPTY);
    stage_key(&s, '2');
    assert_string_equal(kf_app_top(s.a), "import");
    assert_true(s.imports_keyring);
    *state = &s;
    return 0;
}

static int shut(void **state) {
    stage_close(*state);
    return 0;
}

static void asked_for(stage *s, const char *name, const char *profile) {
    assert_string_equal(s->last_method, "Import");
    assert_string_equal(kf_json_str(s->last_params, "name"), name);
    assert_string_equal(kf_json_str(s->last_params, "profile"), profile);
    assert_string_equal(kf_json_str(s->last_params, "source"), "workos");
}

static void looks_into(stage *s, const char *source, size_t profiles) {
    assert_string_equal(s->last_method, "PreviewCleanUp");
    assert_string_equal(kf_json_str(s->last_params, "source"), source);
    assert_int_equal(kf_json_count(kf_json_get(s->last_params, "profiles")), profiles);
}

static void goes_well(void **state) {
    stage *s = *state;
    stage_shot(s, "import-looking");
    stage_wait(s, 4000);
    assert_true(stage_shows(s, "Waiting for the keyring 4 s"));
    stage_answer(s, s->imports, FOUND, true);
    stage_shot(s, "import");
    assert_true(stage_shows(s, "2 of 5 marked"));
    stage_key(s, KF_KEY_ENTER);
    asked_for(s, "staging", "staging");
    uint32_t first = s->last_call;
    stage_key(s, KF_KEY_ENTER); /* not twice */
    assert_int_equal(s->last_call, first);
    assert_true(stage_shows(s, "the import is under way"));
    stage_answer(s, s->last_call,
                 "{\"profile\":{\"id\":\"00000000000000d1\",\"name\":\"staging\",\"state\":\"needs_"
                 "sign_in\"}}",
                 true);
    assert_string_equal(kf_app_top(s->a), "import");
    asked_for(s, "Prod EU", "prod-eu");
    stage_answer(s, s->last_call,
                 "{\"profile\":{\"id\":\"00000000000000d2\",\"name\":\"prod-eu\",\"state\":\"needs_"
                 "sign_in\"}}",
                 true);
    assert_string_equal(kf_app_top(s->a), "import");
    looks_into(s, "workos", 2);
    stage_answer(s, s->last_call, "{\"files\":[]}",
                 true); /* no key is there any more: nothing to ask */
    assert_string_equal(kf_app_top(s->a), "profiles");
    assert_true(stage_shows(s, "Added 2 profiles"));
    assert_true(stage_shows(s, "prod-eu"));
}

#define FILES                                                                                 \
    "{\"files\":[{\"file\":\"/home/ada/.workos/config.json\",\"digest\":\"d1\",\"changes\":[" \
    "{\"line\":4,\"before\":\"\\\"apiKey\\\": "                                               \
    "\\\"sk_test_\u2026abcd\\\"\",\"after\":\"\\\"apiKey\\\": \\\"\\\"\"},"                   \
    "{\"line\":9,\"before\":\"\\\"apiKey\\\": "                                               \
    "\\\"sk_live_\u2026wxyz\\\"\",\"after\":\"\\\"apiKey\\\": \\\"\\\"\"}]},"                 \
    "{\"file\":\"/home/ada/"                                                                  \
    "\\u001b[2Jevil\",\"digest\":\"d2\",\"changes\":[{\"line\":1,\"before\":\"\\u202ekey\","  \
    "\"after\":\"\"}]}]}"

static void imported(stage *s) {
    stage_answer(s, s->imports, FOUND, true);
    stage_key(s, KF_KEY_ENTER);
    for (int i = 0; i < 2; i++)
        stage_answer(s, s->last_call,
                     i ? "{\"profile\":{\"id\":\"00000000000000d2\",\"name\":\"prod-eu\",\"state\":"
                         "\"signed_out\"}}"
                       : "{\"profile\":{\"id\":\"00000000000000d1\",\"name\":\"staging\",\"state\":"
                         "\"signed_out\"}}",
                     true);
    looks_into(s, "workos", 2);
    stage_answer(s, s->last_call, FILES, true);
    assert_string_equal(kf_app_top(s->a), "clean");
}

static void cleans_up(void **state) {
    stage *s = *state;
    imported(s);
    stage_shot(s, "clean");
    uint32_t call = s->last_call;
    stage_key(s, KF_KEY_DOWN);
    stage_key(s, KF_KEY_TAB);
    stage_key(s, KF_KEY_ENTER);
    assert_int_not_equal(s->last_call, call);
    assert_string_equal(s->last_method, "CleanUp");
    assert_string_equal(kf_json_str(s->last_params, "file"), "/home/ada/.workos/config.json");
    assert_string_equal(kf_json_str(s->last_params, "digest"), "d1");
    assert_string_equal(kf_json_str(s->last_params, "source"), "workos");
    assert_int_equal(kf_json_count(kf_json_get(s->last_params, "profiles")), 2);
    call = s->last_call;
    stage_key(s, 'y');
    assert_int_equal(s->last_call, call); /* not twice */
    stage_answer(s, call, "{}", true);
    assert_string_equal(kf_app_top(s->a), "clean"); /* the second file */
    assert_true(stage_shows(s, "Changed /home/ada/.workos/config.json"));
    stage_shot_at(s, "clean-second", 24, 80);
    stage_key(s, KF_KEY_ENTER); /* the safe one has the focus again */
    assert_int_equal(s->last_call, call);
    assert_string_equal(kf_app_top(s->a), "profiles");
}

static void cleans_nothing(void **state) {
    static const int leave[] = {KF_KEY_ENTER, 'n', KF_KEY_ESC};
    stage *s = *state;
    imported(s);
    uint32_t call = s->last_call;
    for (size_t i = 0; i < KF_LEN(leave) && !strcmp(kf_app_top(s->a), "clean"); i++)
        stage_key(s, leave[i]);
    assert_string_equal(kf_app_top(s->a), "profiles");
    assert_int_equal(s->last_call, call);
}

static void clean_refused(void **state) {
    stage *s = *state;
    imported(s);
    stage_key(s, 'y');
    stage_fail(
        s, s->last_call,
        (kf_err){.code = KF_ERR_USAGE_BAD, .what = "the file has changed since it was shown"});
    assert_true(stage_shows(s, "has changed since"));
    stage_key(s, 'y');
    stage_fail(
        s, s->last_call,
        (kf_err){.code = KF_ERR_USAGE_BAD, .what = "the file has changed since it was shown"});
    assert_string_equal(kf_app_top(s->a), "profiles");
}

static void marks(void **state) {
    stage *s = *state;
    stage_answer(s, s->imports, FOUND, true);
    stage_key(s, ' ');
    assert_true(stage_shows(s, "1 of 5 marked"));
    stage_key(s, KF_KEY_DOWN);
    stage_key(s, ' ');
    stage_key(s, KF_KEY_ENTER);
    assert_true(stage_shows(s, "Enter: no row is marked")); /* the key of this place */
    stage_key(s, KF_KEY_DOWN);
    stage_key(s, ' ');
    assert_true(stage_shows(s, "asks for one"));
    stage_key(s, KF_KEY_DOWN);
    assert_true(stage_shows(s, "it has no client ID"));
    stage_key(s, KF_KEY_DOWN);
    stage_shot(s, "import-marks");
    stage_key(s, KF_KEY_UP);
    stage_key(s, KF_KEY_UP);
    stage_key(s, KF_KEY_UP);
    stage_key(s, ' ');
    stage_key(s, KF_KEY_ENTER);
    asked_for(s, "Prod EU", "prod-eu");
    stage_key(s, KF_KEY_ESC);
    assert_string_equal(kf_app_top(s->a), "first");
}

static void refused(void **state) {
    stage *s = *state;
    stage_answer(s, s->imports, FOUND, true);
    stage_key(s, KF_KEY_ENTER);
    stage_fail(
        s, s->last_call,
        (kf_err){.code = KF_ERR_SYS_IO, .what = "write keyfob.conf: No space left on device"});
    asked_for(s, "Prod EU", "prod-eu"); /* the others are tried all the same */
    stage_answer(s, s->last_call,
                 "{\"profile\":{\"id\":\"00000000000000d2\",\"name\":\"prod-eu\",\"state\":\"needs_"
                 "sign_in\"}}",
                 true);
    looks_into(s, "workos", 1);
    stage_fail(s, s->last_call,
               (kf_err){.code = KF_ERR_SYS_IO, .what = "what"}); /* an offer only */
    stage_shot(s, "import-refused");
    assert_true(stage_shows(s, "No space left on"));
    assert_true(stage_shows(s, "Added 1 profile"));
    stage_key(s, KF_KEY_ESC);
    assert_string_equal(kf_app_top(s->a), "profiles");
}

static void the_passphrase(void **state) {
    stage *s = *state;
    stage_answer(s, s->imports, FOUND, true);
    stage_key(s, KF_KEY_ENTER);
    uint32_t call = s->last_call;
    stage_fail(s, call, (kf_err){.code = KF_ERR_STORE_VAULT_NEW});
    assert_string_equal(kf_app_top(s->a), "unlock");
    stage_key(s, KF_KEY_ESC);
    assert_string_equal(kf_app_top(s->a), "import");
    assert_true(stage_shows(s, "[x] staging")); /* still wanted */
    assert_true(stage_shows(s, "Enter tries the marked again"));
    assert_int_equal(s->last_call, call); /* it is not asked once for each of them */
    stage_shot(s, "import-stopped");
    stage_key(s, KF_KEY_ENTER);
    assert_int_not_equal(s->last_call, call);
    asked_for(s, "staging", "staging");
    stage_answer(s, s->last_call, STAGING, true);
    asked_for(s, "Prod EU", "prod-eu");
    stage_fail(s, s->last_call, (kf_err){.code = KF_ERR_WIRE_CLOSED});
    assert_true(stage_shows(s, "[x] Prod EU"));
    stage_key(s, KF_KEY_ENTER);
    asked_for(s, "Prod EU", "prod-eu");
    stage_answer(s, s->last_call,
                 "{\"profile\":{\"id\":\"00000000000000d2\",\"name\":\"prod-eu\",\"state\":\"needs_"
                 "sign_in\"}}",
                 true);
    looks_into(s, "workos", 2); /* also the one of the first time */
    stage_answer(s, s->last_call, "{\"files\":[]}", true);
    assert_string_equal(kf_app_top(s->a), "profiles");
}

/* "Prod EU" and "prod-eu" make one name: the second is not left out without a word. */
static void one_name_for_two(void **state) {
    stage *s = *state;
    stage_answer(s, s->imports, TWINS, true);
    assert_true(stage_shows(s, "2 of 2 marked"));
    stage_key(s, KF_KEY_ENTER);
    asked_for(s, "Prod EU", "prod-eu");
    stage_answer(s, s->last_call,
                 "{\"profile\":{\"id\":\"00000000000000d2\",\"name\":\"prod-eu\",\"state\":\"needs_"
                 "sign_in\"}}",
                 true);
    looks_into(s, "workos", 1);
    stage_answer(s, s->last_call, "{\"files\":[]}", true);
    assert_string_equal(kf_app_top(s->a), "import");
    assert_true(stage_shows(s, "Added 1 profile; 1 could not be added"));
    assert_true(stage_shows(s, "[!] prod-eu"));
    assert_true(stage_shows(s, "Not added: there is a profile of that name"));
    stage_key(s, KF_KEY_ENTER);
    assert_string_equal(kf_app_top(s->a), "import");
}

static void nothing(void **state) {
    stage *s = *state;
    stage_answer(s, s->imports,
                 "{\"items\":[],\"places\":[{\"source\":\"workos\",\"place\":\"keyring\",\"state\":"
                 "\"refused\",\"problem\":\"the keyring is locked\",\"error\":\"store.locked\"}]}",
                 true);
    stage_shot(s, "import-nothing");
    stage_key(s, KF_KEY_ENTER);
    assert_true(stage_shows(s, "nothing is here to be imported"));
}

static void no_agent(void **state) {
    stage *s = *state;
    stage_fail(s, s->imports, (kf_err){.code = KF_ERR_WIRE_CLOSED});
    assert_true(stage_shows(s, "nothing to choose from"));
    stage_key(s, KF_KEY_ENTER);
    stage_key(s, ' ');
    stage_key(s, KF_KEY_DOWN);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, open_import, shut)
    static const struct CMUnitTest tests[] = {
        T(goes_well), T(cleans_up),      T(cleans_nothing),   T(clean_refused), T(marks),
        T(refused),   T(the_passphrase), T(one_name_for_two), T(nothing),       T(no_agent)};
    setlocale(LC_ALL, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
