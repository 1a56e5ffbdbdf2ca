/* Every screen and every step of a sign-in, as grids. */
#include <locale.h>
#include "base/str.h"
#include "golden.h"

#define WAIT "{\"serial\":1,\"kind\":\"wait\",\"field\":\"\",\"acts\":[],\"note\":\"\"}"
#define EMAIL \
    "{\"serial\":2,\"kind\":\"field\",\"field\":\"email\",\"acts\":[\"submit\"],\"note\":\"\"}"
#define PASSWORD \
    "{\"serial\":3,\"kind\":\"field\",\"field\":\"password\",\"acts\":[\"submit\"],\"note\":\"\"}"
#define WRONG                                                                                 \
    "{\"serial\":4,\"kind\":\"field\",\"field\":\"password\",\"acts\":[\"submit\"],\"note\":" \
    "\"bad_credentials\",\"failure\":"                                                        \
    "{\"name\":\"workos.invalid_credentials\",\"what\":\"WorkOS answered "                    \
    "401\",\"hint\":\"\",\"status\":401,\"request_id\":\"req_77\"}}"
#define TOTP \
    "{\"serial\":5,\"kind\":\"field\",\"field\":\"totp\",\"acts\":[\"submit\"],\"note\":\"mfa\"}"
#define ORGS                                                                                       \
    "{\"serial\":6,\"kind\":\"choose\",\"field\":\"\",\"acts\":[\"choose\"],\"note\":"             \
    "\"organization\",\"choices\":["                                                               \
    "{\"id\":\"org_01J8ABCD0EFGH1JKLMN2PQR4TZ\",\"label\":\"Acme Inc\",\"detail\":\"\"},"          \
    "{\"id\":\"org_01JA0000000000000000000007\",\"label\":\"Acme Labs "                            \
    "\xe6\xa0\xaa\xe5\xbc\x8f\xe4\xbc\x9a\xe7\xa4\xbe\",\"detail\":\"\"},"                         \
    "{\"id\":\"org_01JB0000000000000000000008\",\"label\":\"Umbrella\",\"detail\":\"inactive\"}]," \
    "\"choices_more\":true}"
#define MORE                                                                           \
    "{\"serial\":6,\"kind\":\"choose\",\"field\":\"\",\"acts\":[\"choose\"],\"note\":" \
    "\"organization\",\"choices\":["                                                   \
    "{\"id\":\"org_01JC0000000000000000000009\",\"label\":\"Wonka "                    \
    "Industries\",\"detail\":\"\"}],\"choices_more\":false}"
#define FAILED                                                                                 \
    "{\"serial\":9,\"kind\":\"failed\",\"field\":\"\",\"acts\":[],\"note\":\"\",\"failure\":{" \
    "\"name\":\"net.tls\","                                                                    \
    "\"what\":\"certificate of api.workos.com: self-signed certificate\",\"hint\":\"\"}}"

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

static void loading(void **state) { stage_shot(*state, "loading"); }

static void agent_down(void **state) {
    stage *s = *state;
    stage_fail(s, s->watch,
               (kf_err){.code = KF_ERR_WIRE_NO_AGENT,
                        .what = "the agent was started but does not listen after 10 s"});
    stage_shot(s, "agent-down");
}

static void first(void **state) {
    stage *s = *state;
    stage_watch(s, "{\"profiles\":[],\"removed\":[],\"store\":{\"kind\":\"vault\",\"state\":"
                   "\"new\",\"choice\":\"auto\",\"why\":\"\"}}");
    stage_shot(s, "first");
    assert_false(s->imports_keyring); /* no bus is opened to show this */
    stage_answer(s, s->imports,
                 "{\"items\":[{\"source\":\"workos\",\"name\":\"a\"},{\"source\":\"workos\","
                 "\"name\":\"b\"}],\"places\":[]}",
                 true);
    assert_true(stage_shows(s, "found: 2 environments"));
    stage_key(s, KF_KEY_DOWN);
    stage_key(s, KF_KEY_DOWN);
    stage_key(s, KF_KEY_ENTER);
    assert_true(s->sandbox);
}

static void list(void **state) {
    stage *s = *state;
    stage_shot(s, "list");
    s->ascii = s->m.ascii = true;
    stage_shot_at(s, "list-ascii", 24, 80);
    KF_AUTO_CHARS dump = stage_draw(s, 24, 80);
    for (const char *c = dump; *c; c++) assert_true((unsigned char)*c < 0x80);
}

static void list_sandbox(void **state) {
    stage *s = *state;
    s->m.sandbox = true;
    stage_shot(s, "list-sandbox");
}

static void list_read_only(void **state) {
    stage *s = *state;
    s->m.read_only = true;
    assert_true(stage_shows(s, "keyfob [read-only]"));
    stage_key(s, KF_KEY_ENTER);
    assert_true(stage_shows(s, "[read-only]"));
}

static void list_filter(void **state) {
    stage *s = *state;
    stage_type(s, "/acme");
    stage_shot(s, "list-filter");
    stage_type(s, "zzz");
    stage_shot_at(s, "list-filter-none", 24, 80);
    stage_key(s, KF_KEY_ESC);
    assert_true(stage_shows(s, "5 profiles, 1 needs sign-in"));
}

static void messages(void **state) {
    stage *s = *state;
    kf_out_say(s->a, KF_SAY_BAD, "globex-prod: session ended, sign in again (s)");
    kf_out_say(s->a, KF_SAY_GOOD, "Renewed acme-prod: valid for 5:00");
    stage_shot(s, "message");
    stage_wait(s, 61000);
    assert_true(stage_shows(s, "! globex-prod")); /* an unread error stays */
}

static void busy(void **state) {
    stage *s = *state;
    stage_type(s, "jjjr"); /* down to acme-prod or another with a session */
    stage_wait(s, 4000);
    stage_shot_at(s, "busy", 24, 80);
}

static void select_name(stage *s, const char *name) {
    stage_type(s, "/");
    stage_type(s, name);
    stage_key(s, KF_KEY_ENTER);
}

static void profile(void **state) {
    stage *s = *state;
    select_name(s, "acme-prod");
    stage_key(s, KF_KEY_ENTER);
    assert_string_equal(s->last_method, "Watch");
    assert_string_equal(kf_json_str(s->last_params, "open"), "00000000000000a1");
    stage_shot(s, "profile");
    stage_wait(s, 5000);
    assert_true(stage_shows(s, "4 min of 5 left"));
}

static void profile_failed(void **state) {
    stage *s = *state;
    select_name(s, "globex");
    stage_key(s, KF_KEY_ENTER);
    stage_shot(s, "profile-failed");
    stage_key(s, 'd');
    stage_shot(s, "panel-state");
}

static void profile_public(void **state) {
    stage *s = *state;
    select_name(s, "initech");
    stage_key(s, KF_KEY_ENTER);
    stage_shot(s, "profile-public");
    stage_key(s, 's');
    stage_shot(s, "chooser-public");
    stage_key(s, '4');
    assert_string_equal(kf_app_top(s->a), "chooser"); /* greyed: says why, does nothing */
    stage_shot(s, "chooser-public-password");
}

static void chooser(void **state) {
    stage *s = *state;
    select_name(s, "acme-prod");
    stage_key(s, 's');
    stage_shot(s, "chooser");
    s->m.sandbox = true;
    stage_shot_at(s, "chooser-sandbox", 24, 80);
    stage_key(s, KF_KEY_ESC);
    s->m.ssh = true;
    stage_key(s, KF_KEY_ESC);
    select_name(s, "globex");
    stage_key(s, 's');
    stage_shot(s, "chooser-ssh");
}

static void steps(void **state) {
    stage *s = *state;
    select_name(s, "acme-prod");
    stage_signin(s);
    stage_shot_at(s, "signin-wait", 24, 80);
    stage_wait(s, 4000);
    stage_shot(s, "signin-wait-slow");
    stage_step(s, WAIT);
    stage_step(s, EMAIL);
    stage_type(s, "maya@acme.example");
    stage_shot(s, "signin-email");
    stage_key(s, KF_KEY_ENTER);
    assert_string_equal(s->last_method, "Answer");
    assert_string_equal(kf_json_str(s->last_params, "value"), "maya@acme.example");
    stage_answer(s, s->last_call, "{}", true);
    stage_step(s, PASSWORD);
    stage_type(s, "hunter2 is long");
    stage_shot(s, "signin-password");
    stage_key(s, KF_KEY_ENTER);
    assert_string_equal(kf_json_str(s->last_params, "value"), "hunter2 is long");
    stage_step(s, WRONG);
    stage_shot(s, "signin-password-wrong");
    stage_step(s, TOTP);
    stage_shot(s, "signin-totp");
    stage_step(s, ORGS);
    stage_shot(s, "signin-choose");
    stage_step(s, MORE);
    stage_type(s, "ind");
    stage_shot(s, "signin-choose-filter");
    stage_key(s, KF_KEY_ENTER);
    assert_string_equal(kf_json_str(s->last_params, "act"), "choose");
    assert_string_equal(kf_json_str(s->last_params, "value"), "org_01JC0000000000000000000009");
    stage_step(s, FAILED);
    stage_shot(s, "signin-failed");
    stage_key(s, 'd');
    stage_shot(s, "signin-failed-details");
    stage_key(s, KF_KEY_ENTER); /* again */
    assert_string_equal(s->last_method, "SignIn");
}

static void signed_in(void **state) {
    stage *s = *state;
    select_name(s, "initech");
    s->m.env_api_key = kf_secret_new("sk_test_1", 9);
    stage_signin(s);
    assert_string_equal(kf_json_str(s->last_params, "api_key"), "sk_test_1");
    stage_step(s, "{\"serial\":7,\"kind\":\"done\",\"field\":\"\",\"acts\":[],\"note\":\"\","
                  "\"profile\":{\"id\":\"00000000000000a4\",\"name\":\"initech\","
                  "\"state\":\"signed_in\",\"user_id\":\"user_9\",\"user_email\":\"maya@acme."
                  "example\",\"org_name\":\"Acme Inc\",\"left_ms\":300000,"
                  "\"life_ms\":300000}}");
    assert_string_equal(kf_app_top(s->a), "profiles");
    assert_true(stage_shows(s, "Signed in to initech as maya@acme.example, Acme Inc"));
}

static void form(void **state) {
    stage *s = *state;
    stage_key(s, 'a');
    stage_shot(s, "form");
    stage_type(s, "Acme Prod");
    stage_key(s, KF_KEY_TAB);
    stage_type(s, "01HZ");
    stage_key(s, KF_KEY_TAB);
    stage_type(s, "sk_live_0123456789");
    stage_key(s, KF_KEY_F2);
    stage_shot(s, "form-errors");
    assert_int_not_equal(s->quit, 0);
    stage_key(s, KF_KEY_ESC);
    stage_shot(s, "confirm-discard");
    stage_key(s, KF_KEY_ENTER); /* the safe one has the focus */
    assert_string_equal(kf_app_top(s->a), "form");
    stage_key(s, KF_KEY_ESC);
    stage_key(s, 'y');
    assert_string_equal(kf_app_top(s->a), "profiles");
}

static void form_edit(void **state) {
    stage *s = *state;
    select_name(s, "initech");
    stage_key(s, 'e');
    stage_shot(s, "form-edit");
    stage_key(s, KF_KEY_ESC); /* nothing changed: no question */
    assert_string_equal(kf_app_top(s->a), "profiles");
}

/* A long name takes the columns that nothing stands in; the default is the default also where its
 * name is shortened. */
static void long_names(void **state) {
    stage *s = *state;
    static const char one[] = "{\"profiles\":[{\"id\":\"00000000000000a%d\",\"name\":\"%s\","
                              "\"state\":\"signed_out\",\"default\":%s,\"environment\":\"\"}]}";
    KF_AUTO_CHARS a = kf_strfmt(
        one, 1, "a-name-of-some-length-for-the-production-of-europe-and-elsewhere", "true");
    KF_AUTO_CHARS b = kf_strfmt(one, 2, "hooli-europe-production-01", "false");
    stage_watch(s, a);
    stage_watch(s, b);
    stage_shot(s, "list-long-names");
}

static void dialogs(void **state) {
    stage *s = *state;
    select_name(s, "acme-prod");
    stage_key(s, 'S');
    stage_shot(s, "confirm-sign-out");
    stage_key(s, KF_KEY_RIGHT);
    stage_shot_at(s, "confirm-sign-out-yes", 24, 80);
    stage_key(s, KF_KEY_ESC);
    stage_key(s, 'D');
    stage_shot(s, "delete");
    stage_type(s, "acme-pro");
    stage_key(s, KF_KEY_ENTER);
    assert_string_not_equal(s->last_method, "RemoveProfile");
    stage_type(s, "d");
    stage_shot_at(s, "delete-typed", 24, 80);
    stage_key(s, KF_KEY_ENTER);
    assert_string_not_equal(s->last_method, "RemoveProfile");
    assert_true(stage_shows(s, "Deleting in 10 s, u takes it back: acme-prod"));
}

static void panels(void **state) {
    stage *s = *state;
    select_name(s, "acme-prod");
    stage_key(s, 'r');
    assert_string_equal(s->last_method, "Renew");
    stage_fail(s, s->last_call,
               (kf_err){.code = KF_ERR_WORKOS_INVALID_GRANT,
                        .what = "WorkOS answered 400 invalid_grant",
                        .status = 400,
                        .upstream = "invalid_grant",
                        .request_id = "req_01JDADQ2"});
    stage_shot(s, "panel-renew");
    stage_key(s, 'd');
    stage_shot(s, "panel-renew-details");
    stage_key(s, 's');
    assert_string_equal(kf_app_top(s->a), "chooser");
}

static void vault(void **state) {
    stage *s = *state;
    select_name(s, "acme-prod");
    stage_key(s, 'r');
    uint32_t renew = s->last_call;
    stage_fail(s, renew, (kf_err){.code = KF_ERR_STORE_VAULT_LOCKED});
    stage_shot(s, "unlock");
    stage_type(s, "wrong");
    stage_key(s, KF_KEY_ENTER);
    assert_string_equal(s->last_method, "Unlock");
    stage_fail(s, s->last_call, (kf_err){.code = KF_ERR_STORE_BAD_PASSPHRASE});
    stage_shot_at(s, "unlock-wrong", 24, 80);
    stage_type(s, "right");
    stage_key(s, KF_KEY_ENTER);
    assert_string_equal(kf_json_str(s->last_params, "passphrase"), "right");
    stage_answer(s, s->last_call, "{\"store\":{\"kind\":\"vault\",\"state\":\"ok\"}}", true);
    assert_string_equal(s->last_method, "Renew"); /* what was being done goes on */
    assert_int_equal(s->last_call, renew);
    assert_string_equal(kf_app_top(s->a), "profiles");
}

/* The keyring's own program asks; what was being done goes on afterwards. */
static void keyring_locked(void **state) {
    stage *s = *state;
    select_name(s, "acme-prod");
    stage_key(s, 't');
    uint32_t token = s->last_call;
    stage_fail(s, token, (kf_err){.code = KF_ERR_STORE_LOCKED});
    assert_string_equal(s->last_method, "Unlock"); /* by itself */
    assert_null(kf_json_str(s->last_params, "passphrase"));
    stage_shot(s, "unlock-keyring");
    stage_fail(s, s->last_call, (kf_err){.code = KF_ERR_STORE_LOCKED});
    stage_shot_at(s, "unlock-keyring-again", 24, 80);
    stage_key(s, KF_KEY_ENTER);
    stage_answer(s, s->last_call, "{\"store\":{\"kind\":\"secret-service\",\"state\":\"ok\"}}",
                 true);
    assert_string_equal(s->last_method, "GetToken");
    assert_int_equal(s->last_call, token);
    stage_fail(s, token, (kf_err){.code = KF_ERR_STORE_LOCKED});
    stage_key(s, KF_KEY_ESC); /* then the call fails with what stopped it */
    assert_string_equal(kf_app_top(s->a), "panel");
}

static void unlock_key(void **state) {
    stage *s = *state;
    int calls = s->calls;
    stage_key(s, 'U');
    assert_true(stage_shows(s, "U: nothing is locked here"));
    assert_int_equal(s->calls, calls);
    stage_watch(s, "{\"profiles\":[{\"id\":\"00000000000000a1\",\"name\":\"acme-prod\","
                   "\"state\":\"locked\",\"user_email\":\"maya@acme.example\"}],\"removed\":[],"
                   "\"store\":{\"kind\":\"vault\",\"state\":\"locked\"}}");
    assert_true(stage_shows(s, "U unlock"));
    stage_key(s, 'U');
    assert_string_equal(s->last_method, "Unlock");
    stage_fail(s, s->last_call, (kf_err){.code = KF_ERR_STORE_VAULT_LOCKED});
    stage_type(s, "right");
    stage_key(s, KF_KEY_ENTER);
    assert_string_equal(kf_json_str(s->last_params, "passphrase"), "right");
    stage_answer(s, s->last_call, "{\"store\":{\"kind\":\"vault\",\"state\":\"ok\"}}", true);
    assert_string_equal(kf_app_top(s->a), "profiles");
    stage_answer(s, s->last_call, "{\"store\":{\"kind\":\"vault\",\"state\":\"ok\"}}", true);
    assert_true(stage_shows(s, "Unlocked"));
}

/* A sign-in to the sandbox does not depend on whether its agent has the API key yet. */
static void sandbox_sign_in(void **state) {
    stage *s = *state;
    s->m.sandbox = true;
    stage_watch(s, "{\"profiles\":[{\"id\":\"00000000000000d1\",\"name\":\"sandbox\","
                   "\"confidential\":true,\"state\":\"signed_out\"}],\"removed\":[]}");
    select_name(s, "sandbox");
    stage_key(s, 's');
    stage_key(s, '4');
    assert_string_equal(s->last_method, "SignIn");
    assert_string_equal(kf_json_str(s->last_params, "api_key"), "sk_test_sandbox");
    for (int i = 0; i < 3; i++) stage_key(s, KF_KEY_ESC); /* to the list, without its filter */
    select_name(s, "acme-prod");
    stage_signin(s); /* as everywhere */
    assert_null(kf_json_str(s->last_params, "api_key"));
}

/* keyfob lock with another store than the vault: nothing to type, Enter unlocks. */
static void agent_locked(void **state) {
    stage *s = *state;
    select_name(s, "acme-prod");
    stage_key(s, 'r');
    uint32_t renew = s->last_call;
    stage_fail(s, renew, (kf_err){.code = KF_ERR_STORE_AGENT_LOCKED});
    stage_shot(s, "unlock-agent");
    stage_type(s, "x");
    stage_key(s, KF_KEY_ENTER);
    assert_string_equal(s->last_method, "Unlock");
    assert_null(kf_json_str(s->last_params, "passphrase"));
    stage_fail(s, s->last_call, (kf_err){.code = KF_ERR_STORE_DENIED});
    assert_true(stage_shows(s, "Your keyring program did not allow it"));
    stage_key(s, KF_KEY_ENTER);
    stage_answer(s, s->last_call, "{\"store\":{\"kind\":\"secret-service\",\"state\":\"ok\"}}",
                 true);
    assert_string_equal(s->last_method, "Renew");
    assert_int_equal(s->last_call, renew);
    stage_fail(s, renew, (kf_err){.code = KF_ERR_STORE_AGENT_LOCKED});
    stage_key(s, KF_KEY_ESC); /* then the call fails with what stopped it */
    assert_string_equal(kf_app_top(s->a), "panel");
    assert_true(stage_shows(s, "Nothing is given out"));
}

/* Watch says so, and the list and the title show it. */
static void shows_locked(void **state) {
    stage *s = *state;
    kf_json *store = kf_json_obj();
    kf_json_set_str(store, "kind", "memory");
    kf_json_set_str(store, "state", "ok");
    kf_json_set_bool(store, "locked", true);
    kf_model_store(&s->m, store);
    kf_json_free(store);
    stage_key(s, KF_CTRL('L'));
    assert_true(stage_shows(s, "agent locked"));
}

static void vault_new(void **state) {
    stage *s = *state;
    select_name(s, "acme-prod");
    stage_key(s, 'r');
    stage_fail(s, s->last_call, (kf_err){.code = KF_ERR_STORE_VAULT_NEW});
    stage_type(s, "one");
    stage_key(s, KF_KEY_ENTER);
    stage_shot(s, "unlock-new");
    stage_type(s, "two");
    stage_key(s, KF_KEY_ENTER);
    assert_string_equal(s->last_method, "Renew");
    stage_shot_at(s, "unlock-new-differs", 24, 80);
    stage_key(s, KF_KEY_ESC); /* then the call fails with what stopped it */
    assert_string_equal(kf_app_top(s->a), "panel");
}

static void help(void **state) {
    stage *s = *state;
    select_name(s, "initech");
    stage_key(s, '?');
    stage_shot(s, "help-list");
    stage_key(s, '/');
    stage_type(s, "renew");
    stage_shot(s, "help-search");
    stage_key(s, KF_KEY_ENTER);
    assert_string_equal(kf_app_top(s->a), "help"); /* greyed: says why, does nothing */
    stage_key(s, KF_KEY_ESC);
    stage_key(s, KF_KEY_ESC);
    stage_type(s, ":sign in");
    stage_key(s, KF_KEY_ENTER);
    assert_string_equal(kf_app_top(s->a), "chooser");
}

static void hostile(void **state) {
    stage *s = *state;
    char name[301], *text = NULL;
    memset(name, 'x', 300);
    name[300] = 0;
    text = strdup(hostile_json);
    for (char *at; (at = strstr(text, "LONG"));) {
        char *more = NULL;
        assert_true(asprintf(&more, "%.*s%s%s", (int)(at - text), text, name, at + 4) > 0);
        free(text);
        text = more;
    }
    stage_watch(s, text);
    free(text);
    stage_shot(s, "hostile");
    select_name(s, "long");
    stage_key(s, KF_KEY_ENTER);
    stage_shot(s, "hostile-profile");
    stage_key(s, 'd');
    stage_shot(s, "hostile-panel");
}

static void too_small(void **state) {
    stage *s = *state;
    stage_type(s, "/acm");
    stage_shot_at(s, "too-small", 10, 32);
    kf_app_size(s->a, 10, 32);
    stage_key(s, KF_KEY_ESC);
    kf_app_size(s->a, 24, 80);
    assert_true(stage_shows(s, "/acm_")); /* the filter is still there */
}

#define T(f, open) cmocka_unit_test_setup_teardown(f, open, shut)

int main(void) {
    setenv("TZ", "UTC", 1);
    if (!setlocale(LC_ALL, "C.UTF-8")) return 1;
    const struct CMUnitTest tests[] = {T(loading, open_empty),       T(agent_down, open_empty),
                                       T(first, open_empty),         T(list, open_list),
                                       T(list_sandbox, open_list),   T(list_read_only, open_list),
                                       T(list_filter, open_list),    T(messages, open_list),
                                       T(busy, open_list),           T(profile, open_list),
                                       T(profile_failed, open_list), T(profile_public, open_list),
                                       T(chooser, open_list),        T(steps, open_list),
                                       T(signed_in, open_list),      T(form, open_list),
                                       T(form_edit, open_list),      T(dialogs, open_list),
                                       T(long_names, open_empty),    T(panels, open_list),
                                       T(vault, open_list),          T(vault_new, open_list),
                                       T(help, open_list),           T(agent_locked, open_list),
                                       T(keyring_locked, open_list), T(unlock_key, open_list),
                                       T(shows_locked, open_list),   T(sandbox_sign_in, open_list),
                                       T(hostile, open_empty),       T(too_small, open_list)};
    return cmocka_run_group_tests_name("screens", tests, NULL, NULL);
}
