/* The list of profiles: columns, order, filter, places in the key line; and what y copies. */
#include <locale.h>
#include "base/buf.h"
#include "base/str.h"
#include "golden.h"

static int open_list(void **state) {
    static stage s;
    stage_open(&s);
    stage_watch(&s, profiles_json);
    *state = &s;
    return 0;
}

static int open_empty(void **state) {
    static stage s;
    stage_open(&s);
    *state = &s;
    return 0;
}

static int shut(void **state) {
    stage_close(*state);
    return 0;
}

/* clang-format off */
#define P(id, name, more) \
    "{\"id\":\"00000000000000" id "\",\"name\":\"" name "\",\"confidential\":true," more "}"
#define SIGNED_IN "\"state\":\"signed_in\",\"user_email\":\"maya@acme.example\","

/* A healthy morning, as a person has it. */
static const char morning_json[] =
    "{\"profiles\":["
    P("c1", "local", SIGNED_IN "\"environment\":\"sandbox\",\"last_used_at\":1795018000") ","
    P("c2", "acme-staging", SIGNED_IN "\"environment\":\"staging\",\"org_name\":\"Acme Inc\","
      "\"last_used_at\":1795449160") ","
    P("c3", "initech", "\"state\":\"signed_out\",\"environment\":\"staging\"") ","
    P("c4", "acme-prod", SIGNED_IN "\"default\":true,\"environment\":\"production\","
      "\"org_name\":\"Acme Inc\",\"role\":\"admin\",\"last_used_at\":1795400000,"
      "\"renewed_at\":1795449952,\"renewed_ms\":212,\"renewed_ok\":true,"
      "\"signed_in_at\":1795018000") ","
    P("c5", "globex-dev", SIGNED_IN "\"environment\":\"development\","
      "\"last_used_at\":1795363600")
    "],\"removed\":[],\"store\":{\"kind\":\"secret-service\",\"state\":\"ok\","
    "\"choice\":\"auto\",\"why\":\"\"}}";
/* clang-format on */

static bool in_order(stage *s, const char *const names[], size_t n) {
    KF_AUTO_CHARS got = stage_draw(s, 24, 80);
    const char *at = got;
    for (size_t i = 0; i < n && at; i++) at = strstr(at, names[i]);
    if (!at) print_message("not in this order:\n%s\n", got);
    return at != NULL;
}
#define ORDER(s, ...)                               \
    in_order(s, (const char *const[]){__VA_ARGS__}, \
             sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void morning(void **state) {
    stage *s = *state;
    stage_watch(s, morning_json);
    assert_true(ORDER(s, "> acme-prod*", "acme-staging", "globex-dev", "local", "initech"));
    assert_true(stage_shows(s, "5 profiles, all well"));
    stage_shot(s, "list-morning");
}

static void sorts(void **state) {
    stage *s = *state;
    stage_watch(s, morning_json);
    stage_key(s, '>'); /* NAME */
    assert_true(ORDER(s, "> acme-prod*", "acme-staging", "globex-dev", "initech", "local"));
    stage_key(s, 'R');
    assert_true(ORDER(s, "local", "initech", "globex-dev", "acme-staging", "> acme-prod*"));
    stage_key(s, 'b');
    assert_true(ORDER(s, "globex-dev", "> acme-prod*", "local", "acme-staging", "initech"));
    stage_shot_at(s, "list-by-environment", 24, 80);
    stage_key(s, '<');
    stage_key(s, '<'); /* as at the start */
    assert_true(ORDER(s, "> acme-prod*", "acme-staging", "globex-dev", "local", "initech"));
    stage_key(s, '<'); /* USED */
    assert_true(ORDER(s, "acme-staging", "> acme-prod*", "globex-dev", "local", "initech"));
}

static void filters(void **state) {
    stage *s = *state;
    stage_watch(s, morning_json);
    stage_type(s, "/acme !stag"); /* the addresses have it, too */
    assert_true(stage_shows(s, "3 of 5 match"));
    assert_true(stage_shows(s, "> acme-prod*"));
    stage_key(s, KF_CTRL('U'));
    stage_type(s, "!acme");
    assert_true(stage_shows(s, "1 of 5 match"));
    assert_true(stage_shows(s, "> initech"));
    stage_key(s, KF_KEY_DOWN); /* into the list */
    stage_key(s, KF_KEY_ENTER);
    assert_string_equal(kf_app_top(s->a), "profile");
}

static void next_waiting(void **state) {
    stage *s = *state;
    assert_true(stage_shows(s, "5 profiles, 1 needs sign-in"));
    stage_key(s, 'n');
    assert_true(stage_shows(s, "> globex-prod"));
    stage_shot_at(s, "list-waiting", 24, 80);
    stage_watch(s, "{\"profiles\":[],\"removed\":[\"globex-prod\"]}");
    stage_key(s, 'n');
    assert_true(stage_shows(s, "n: no profile here needs a person"));
}

static void many(void **state) {
    stage *s = *state;
    kf_buf b;
    kf_buf_init(&b, 1 << 22);
    kf_buf_adds(&b, "{\"profiles\":[");
    for (int i = 0; i < 2000; i++)
        kf_buf_addf(&b,
                    "%s{\"id\":\"%016d\",\"name\":\"p%04d\",\"state\":\"signed_in\","
                    "\"user_email\":\"u%04d@acme.example\",\"environment\":\"staging\"}",
                    i ? "," : "", i, i, i);
    kf_buf_adds(&b, "],\"removed\":[]}");
    stage_watch(s, b.data);
    kf_buf_done(&b);
    for (int i = 0; i < 30; i++) stage_key(s, KF_KEY_DOWN);
    stage_shot(s, "list-many");
    assert_true(stage_shows(s, "of 2,000"));
}

/* The places of t, s, x and y are the same on every row and on the tabs, also where one is grey. */
static void places(void **state) {
    stage *s = *state;
    int at[4] = {0};
    for (int i = 0; i < 6; i++) {
        KF_AUTO_CHARS got = stage_draw(s, 24, 80);
        const char *keys = strrchr(got, '?');
        while (keys[-1] != '\n') keys--;
        static const char *const names[] = {"t copy token", "s sign in", "x export", "y copy"};
        for (int k = 0; k < 4; k++) {
            const char *found = strstr(keys, names[k]);
            assert_non_null(found);
            if (!i) at[k] = (int)(found - keys);
            assert_int_equal(at[k], found - keys);
        }
        stage_key(s, i < 4 ? KF_KEY_DOWN : KF_KEY_ENTER);
    }
}

/* --- y ---------------------------------------------------------------------------------- */

static const char *copied(stage *s) {
    stage_key(s, 'y');
    assert_string_equal(s->last_method, "local.Copy");
    const char *text = kf_json_str(s->last_params, "text");
    assert_non_null(text);
    assert_null(strpbrk(text, "\r\n\t"));
    return text;
}

static void copies(void **state) {
    stage *s = *state;
    assert_string_equal(copied(s), "acme-prod");
    stage_answer(s, s->last_call, "{\"what\":\"profile's name\",\"way\":\"xclip\"}", true);
    assert_true(stage_shows(s, "Copied the profile's name (xclip)"));
    stage_key(s, KF_KEY_ENTER);
    assert_true(stage_shows(s, "y copies maya@acme.example"));
    assert_string_equal(copied(s), "maya@acme.example");
    stage_key(s, 'j');
    assert_string_equal(copied(s), "user_01HXYZ5T7YB1Q3T4K8M9N2P6R7");
    stage_key(s, 'j');
    assert_string_equal(copied(s), "org_01J8ABCD0EFGH1JKLMN2PQR4TZ");
    stage_key(s, 'G');
    assert_string_equal(copied(s), "keyfob token acme-prod");
    stage_key(s, KF_KEY_ESC);
    stage_key(s, 's');
    assert_string_equal(copied(s), "maya@acme.example");
    stage_key(s, KF_KEY_ESC);
    stage_key(s, 'x');
    assert_string_equal(copied(s), "keyfob export acme-prod --format header --min-valid 2m --clip "
                                   "--clear-after 30s");
}

/* A claim is copied whole, whatever the page has room for. */
static void copies_a_claim(void **state) {
    stage *s = *state;
    stage_key(s, 'c');
    stage_answer(s, s->last_call,
                 "{\"verified\":null,\"kid\":\"k1\",\"header\":{\"alg\":\"RS256\"},"
                 "\"claims\":{\"sub\":\"user_1\",\"permissions\":[\"billing:read\","
                 "\"reports:export\"],\"note\":\"two\\nlines\"}}",
                 true);
    assert_string_equal(copied(s), "user_1");
    stage_key(s, 'j');
    stage_key(s, 'j');
    assert_string_equal(copied(s), "reports:export");
    stage_key(s, 'G');
    const char *note = copied(s);
    assert_non_null(strstr(note, "two"));
    stage_shot_at(s, "claims-cursor", 24, 80);
}

static void copies_a_session(void **state) {
    stage *s = *state;
    stage_key(s, KF_KEY_ENTER);
    stage_key(s, ']');
    stage_key(s, ']');
    stage_answer(s, s->last_call,
                 "{\"sessions\":[{\"id\":\"session_9\",\"status\":\"active\",\"current\":true,"
                 "\"created_at\":\"2026-11-07T07:10:00Z\",\"expires_at\":\"2026-11-30T12:06:40Z\"}"
                 "]}",
                 true);
    assert_string_equal(copied(s), "session_9");
    assert_true(stage_shows(s, "ends 6d 20h")); /* WorkOS has told it */
    stage_key(s, KF_KEY_ESC);
    assert_true(stage_shows(s, "ends 30 Nov 12:06"));
    stage_key(s, KF_KEY_ESC);
    stage_shot(s, "list-ends");
}

static void copies_an_error(void **state) {
    stage *s = *state;
    stage_key(s, 'n');
    stage_key(s, 'd');
    assert_string_equal(kf_app_top(s->a), "panel");
    const char *text = copied(s);
    assert_non_null(strstr(text, "workos.invalid_grant"));
    assert_non_null(strstr(text, "req_01JDADQ2"));
    assert_non_null(strstr(text, " | keyfob "));
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_list, shut)
#define E(f) cmocka_unit_test_setup_teardown(f, open_empty, shut)

int main(void) {
    setenv("TZ", "UTC", 1);
    if (!setlocale(LC_ALL, "C.UTF-8")) return 1;
    const struct CMUnitTest t[] = {
        E(morning), E(sorts),  E(filters),        T(next_waiting),     E(many),
        T(places),  T(copies), T(copies_a_claim), T(copies_a_session), T(copies_an_error)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
