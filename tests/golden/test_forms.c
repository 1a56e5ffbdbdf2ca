/* The form of a profile: add, edit, copy, errors, notes; and a profile that goes and may come back
 *. */
#include <locale.h>
#include "base/str.h"
#include "golden.h"

static const char settings_json[] =
    "{\"profiles\":[{\"id\":\"00000000000000a1\",\"name\":\"acme-prod\",\"default\":true,"
    "\"confidential\":true,\"client_id\":"
    "\"client_01HZX5T7YB1Q3T4K8M9N2P6R7S\",\"api_host\":\"https://"
    "api.workos.com\",\"environment\":\"production\",\"organization_id\":"
    "\"org_1\",\"redirect_port\":8391,\"label\":\"the big "
    "one\",\"git_host\":\"git.acme.example;git.acme.example:8443\",\"state\":"
    "\"signed_in\",\"user_id\":\"user_1\",\"user_email\":\"maya@acme.example\",\"session_id\":"
    "\"session_1\",\"left_ms\":252000,\"life_ms\":300000},"
    "{\"id\":\"00000000000000a4\",\"name\":\"initech\",\"client_id\":\"client_"
    "01HZX5T7YB1Q3T4K8M9N2P6R7T\",\"api_host\":"
    "\"https://"
    "api.workos.com\",\"environment\":\"\",\"organization_id\":\"\",\"redirect_port\":0,\"state\":"
    "\"signed_out\"}],"
    "\"removed\":[],\"store\":{\"kind\":\"vault\",\"state\":\"ok\",\"choice\":\"auto\",\"why\":"
    "\"\"}}";

static int open_list(void **state) {
    static stage s;
    stage_open(&s);
    stage_watch(&s, settings_json);
    *state = &s;
    return 0;
}

static int shut(void **state) {
    stage_close(*state);
    return 0;
}

static void at(stage *s, const char *name) {
    stage_key(s, KF_KEY_ESC);
    stage_type(s, "/");
    stage_type(s, name);
    stage_key(s, KF_KEY_ENTER);
}

enum { NAME, CLIENT_ID, API_KEY, API_HOST, PORT, ORGANIZATION, LABEL, GIT_HOSTS };

/* From the first field; what was in there goes. */
static void put(stage *s, int field, const char *text) {
    for (int i = 0; i < field; i++) stage_key(s, KF_KEY_TAB);
    stage_key(s, KF_CTRL('E'));
    stage_key(s, KF_CTRL('U'));
    stage_type(s, text);
    for (int i = 0; i < field; i++) stage_key(s, KF_KEY_BACKTAB);
}

static bool sent(const stage *s, const char *key) {
    return kf_json_get(s->last_params, key) != NULL;
}

static void copies(void **state) {
    stage *s = *state;
    at(s, "acme-prod");
    stage_key(s, 'C');
    stage_shot(s, "form-copy");
    put(s, NAME, "acme-two");
    stage_key(s, KF_KEY_F2);
    assert_string_equal(s->last_method, "PutProfile");
    assert_string_equal(kf_json_str(s->last_params, "id"), "");
    assert_string_equal(kf_json_str(s->last_params, "name"), "acme-two");
    assert_string_equal(kf_json_str(s->last_params, "client_id"),
                        "client_01HZX5T7YB1Q3T4K8M9N2P6R7S");
    assert_string_equal(kf_json_str(s->last_params, "organization_id"), "org_1");
    assert_string_equal(kf_json_str(s->last_params, "label"), "the big one");
    assert_int_equal(kf_json_int_or(s->last_params, "redirect_port", -1), 8391);
    assert_false(sent(s, "api_key"));
    assert_string_equal(kf_json_str_or(s->last_params, "git_host", ""),
                        ""); /* each host belongs to one profile */
    stage_answer(s, s->last_call,
                 "{\"profile\":{\"id\":\"00000000000000d1\",\"name\":\"acme-two\",\"state\":"
                 "\"signed_out\"}}",
                 true);
    assert_true(stage_shows(s, "Added acme-two; s signs in"));
    assert_true(stage_shows(s, "> acme-two"));
}

static void copy_gets_a_free_name(void **state) {
    stage *s = *state;
    stage_watch(s,
                "{\"profiles\":[{\"id\":\"00000000000000c1\",\"name\":\"initech-copy\",\"state\":"
                "\"signed_out\"},"
                "{\"id\":\"00000000000000c2\",\"name\":"
                "\"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn\",\"state\":"
                "\"signed_out\",\"client_id\":\"client_1\",\"api_host\":\"http://127.0.0.1:1\"}]}");
    at(s, "initech");
    stage_key(s, KF_KEY_HOME);
    if (!stage_shows(s, "> initech ")) stage_key(s, KF_KEY_DOWN);
    assert_true(stage_shows(s, "> initech "));
    stage_key(s, 'C');
    assert_true(stage_shows(s, "initech-copy2 "));
    stage_key(s, KF_KEY_ESC); /* nothing was changed: no question */
    assert_string_equal(kf_app_top(s->a), "profiles");
    at(s, "nnnn");
    stage_key(s, 'C');
    stage_key(s, KF_KEY_F2);
    assert_int_equal(strlen(kf_json_str(s->last_params, "name")), 64);
    assert_string_equal(kf_json_str(s->last_params, "name") + 58, "n-copy");
}

static void edit_sends_what_changed(void **state) {
    stage *s = *state;
    at(s, "acme-prod");
    stage_key(s, 'e');
    stage_shot(s, "form-edit-all");
    put(s, LABEL, "the bigger one");
    stage_key(s, KF_KEY_F2);
    assert_string_equal(s->last_method, "PutProfile");
    assert_string_equal(kf_json_str(s->last_params, "id"), "00000000000000a1");
    assert_string_equal(kf_json_str(s->last_params, "name"), "acme-prod");
    assert_string_equal(kf_json_str(s->last_params, "label"), "the bigger one");
    static const char *const others[] = {"client_id",       "api_host", "redirect_port",
                                         "organization_id", "git_host", "api_key"};
    for (size_t i = 0; i < KF_LEN(others); i++) assert_false(sent(s, others[i]));
    stage_fail(s, s->last_call, (kf_err){.code = KF_ERR_USAGE_BAD, .what = "label is too long"});
    assert_string_equal(kf_app_top(s->a), "panel");
    stage_key(s, KF_KEY_ESC);
    put(s, GIT_HOSTS, "");
    stage_key(s, KF_KEY_F2);
    assert_string_equal(kf_json_str(s->last_params, "git_host"), ""); /* removes all */
}

static void hosts(void **state) {
    stage *s = *state;
    at(s, "initech");
    stage_key(s, 'e');
    int calls = s->calls;
    put(s, GIT_HOSTS, "git.other.example ; GIT.acme.example:8443");
    stage_key(s, KF_KEY_F2);
    assert_true(stage_shows(s, "! git.acme.example:8443 belongs to acme-prod"));
    stage_shot(s, "form-hosts");
    for (int i = 0; i < 30; i++) stage_key(s, KF_KEY_BACKSPACE);
    stage_type(s, ";https://x/y");
    stage_key(s, KF_KEY_F2);
    assert_true(stage_shows(s, "is no host or host:port"));
    assert_int_equal(s->calls, calls);
    stage_key(s, KF_CTRL('U'));
    stage_type(s, "git.other.example");
    stage_key(s, KF_KEY_ENTER); /* the last field: saves */
    assert_string_equal(kf_json_str(s->last_params, "git_host"), "git.other.example");
    stage_fail(s, s->last_call,
               (kf_err){.code = KF_ERR_USAGE_EXISTS,
                        .what = "the git host git.other.example belongs to the profile x"});
    assert_string_equal(kf_app_top(s->a), "form");
    assert_true(stage_shows(s, "field 8 of 8"));
}

static void key_of_another_environment(void **state) {
    stage *s = *state;
    static const struct {
        const char *name, *key;
        bool noted;
    } cases[] = {{"acme-prod", "sk_test_canary", true},
                 {"prod2", "sk_test_canary", true},
                 {"my.production", "sk_test_canary", true},
                 {"live", "sk_test_canary", true},
                 {"product", "sk_test_canary", false},
                 {"reprod", "sk_test_canary", false},
                 {"acme-test", "sk_test_canary", false},
                 {"the-prod", "sk_live_canary", false},
                 {"a-prod", "", false}};
    for (size_t i = 0; i < KF_LEN(cases); i++) {
        stage_key(s, 'a');
        stage_type(s, strcmp(cases[i].name, "acme-prod") ? cases[i].name : "acme-prod2");
        put(s, CLIENT_ID, "client_01HZX5T7YB1Q3T4K8M9N2P6R7S");
        put(s, API_KEY, cases[i].key);
        KF_AUTO_CHARS dump = stage_draw(s, 24, 80);
        assert_int_equal(strstr(dump, "Note: The name says production") != NULL, cases[i].noted);
        assert_null(strstr(dump, "canary"));
        if (!i) stage_shot(s, "form-note");
        stage_key(s, KF_KEY_F2); /* it was seen: saved */
        assert_string_equal(s->last_method, "PutProfile");
        assert_string_equal(kf_json_str_or(s->last_params, "api_key", ""), cases[i].key);
        stage_fail(s, s->last_call, (kf_err){.code = KF_ERR_USAGE_NAME, .what = "x"});
        stage_key(s, KF_KEY_ESC);
        stage_key(s, 'y');
    }
}

/* A note that nobody can have seen yet stops the first save. */
static void unseen_note_asks_once(void **state) {
    stage *s = *state;
    stage_key(s, 'a');
    stage_type(s, "acme-prod2");
    put(s, CLIENT_ID, "client_01HZX5T7YB1Q3T4K8M9N2P6R7S");
    stage_key(s, KF_KEY_TAB);
    stage_key(s, KF_KEY_TAB);
    stage_type(s, "sk_test_canary");
    int calls = s->calls;
    stage_key(s, KF_KEY_F2);
    assert_int_equal(s->calls, calls);
    assert_true(stage_shows(s, "! Is that meant? F2 again saves it"));
    stage_shot(s, "form-note-asks");
    stage_key(s, KF_KEY_F2);
    assert_string_equal(s->last_method, "PutProfile");
}

static void secrets_stay_behind(void **state) {
    stage *s = *state;
    at(s, "acme-prod");
    stage_key(s, 'e');
    put(s, CLIENT_ID, "client_01HZX5T7YB1Q3T4K8M9N2P6R7X");
    assert_true(stage_shows(s, "Note: The session and the API key stay"));
    stage_shot(s, "form-moved");
    put(s, API_KEY, "sk_live_canary");
    assert_true(stage_shows(s, "Note: The session stays with the old one: sign in"));
    put(s, CLIENT_ID, "client_01HZX5T7YB1Q3T4K8M9N2P6R7S");
    put(s, API_HOST, "https://api.workos.com/"); /* the same, written otherwise */
    KF_AUTO_CHARS same = stage_draw(s, 24, 80);
    assert_null(strstr(same, "Note:"));
    put(s, API_HOST, "https://eu.workos.com");
    assert_true(stage_shows(s, "Note: The session stays"));
}

/* The field with the focus is on the screen, whatever stands below the others, and its cursor with
 * it. */
static void focus_is_always_shown(void **state) {
    stage *s = *state;
    static const struct {
        int rows, cols;
    } sizes[] = {{12, 40}, {12, 71}, {12, 80}, {14, 60}, {19, 200}, {20, 72}, {24, 80}, {36, 120}};
    stage_key(s, 'a');
    put(s, CLIENT_ID, "no client"), put(s, API_KEY, "no key"), put(s, API_HOST, "http://x.example"),
        put(s, PORT, "99999");
    put(s, ORGANIZATION, "none"), put(s, GIT_HOSTS, "/");
    stage_key(s, KF_KEY_F2);
    for (int field = 0; field < 9; field++) {
        for (size_t i = 0; i < KF_LEN(sizes); i++) {
            kf_grid g;
            kf_grid_init(&g, sizes[i].rows, sizes[i].cols, false);
            kf_app_draw(s->a, &g);
            assert_true(g.cursor && g.cur_y > 0 && g.cur_y < g.rows - 2);
            kf_grid_done(&g);
        }
        stage_key(s, KF_KEY_TAB);
    }
    assert_int_equal(s->quit, -1);
}

/* What the agent has, with everything in it that may not be shown, is not rewritten by an edit of
 * something else. */
static void hostile_settings(void **state) {
    stage *s = *state;
    stage_watch(s, "{\"profiles\":[{\"id\":\"00000000000000b1\",\"name\":\"odd\",\"state\":\"needs_"
                   "sign_in\",\"client_id\":\"client_1\",\"api_host\":"
                   "\"https://"
                   "api.workos.com\",\"label\":\"\\u001b[31mred\\u202e\\rx\",\"git_host\":\"a."
                   "example\\u001b;b\"}]}");
    at(s, "odd");
    stage_key(s, 'e');
    stage_shot(s, "form-hostile");
    put(s, PORT, "8080");
    stage_key(s, KF_KEY_F2);
    assert_string_equal(s->last_method, "PutProfile");
    assert_int_equal(kf_json_int_or(s->last_params, "redirect_port", 0), 8080);
    assert_false(sent(s, "label") || sent(s, "git_host"));
}

#define ADDED \
    "{\"profile\":{\"id\":\"00000000000000d1\",\"name\":\"dev\",\"state\":\"signed_out\"}}"

static void save_dev(stage *s) {
    stage_key(s, 'a');
    stage_type(s, "dev");
    put(s, CLIENT_ID, "client_01HZX5T7YB1Q3T4K8M9N2P6R7S");
    stage_key(s, KF_KEY_F2);
    assert_string_equal(s->last_method, "PutProfile");
}

/* Whatever was pressed while it was being saved: the answer closes the form, and what is about it.
 */
static void the_answer_closes_the_form(void **state) {
    stage *s = *state;
    static const int keys[][3] = {{KF_KEY_ESC},
                                  {KF_KEY_F1},
                                  {KF_KEY_F1, '/', 'q'},
                                  {KF_KEY_TAB, 'x', KF_KEY_ESC},
                                  {KF_KEY_F2}};
    for (size_t i = 0; i < KF_LEN(keys); i++) {
        save_dev(s);
        uint32_t call = s->last_call;
        for (size_t k = 0; k < KF_LEN(keys[i]) && keys[i][k]; k++) stage_key(s, keys[i][k]);
        assert_int_equal(s->last_call, call); /* saved once */
        if (keys[i][0] == KF_KEY_ESC) {
            assert_string_equal(kf_app_top(s->a), "form");
            assert_true(stage_shows(s, "it is being saved"));
        }
        stage_answer(s, call, ADDED, true);
        assert_string_equal(kf_app_top(s->a), "profiles");
        assert_true(stage_shows(s, "> dev"));
        stage_watch(s, "{\"profiles\":[],\"removed\":[\"00000000000000d1\"]}");
    }
}

/* Not saved: what was typed meanwhile is not in the form either, and the question is asked again.
 */
static void a_refusal_leaves_the_form(void **state) {
    stage *s = *state;
    save_dev(s);
    stage_type(s, "zzz");
    stage_paste(s, "zzz");
    stage_fail(s, s->last_call, (kf_err){.code = KF_ERR_SYS_IO, .what = "no space"});
    assert_string_equal(kf_app_top(s->a), "panel");
    stage_key(s, KF_KEY_ESC);
    assert_string_equal(kf_app_top(s->a), "form");
    KF_AUTO_CHARS dump = stage_draw(s, 24, 80);
    assert_null(strstr(dump, "zzz"));
    stage_key(s, KF_KEY_ESC);
    assert_string_equal(kf_app_top(s->a), "confirm");
}

static void default_changes_nothing_else(void **state) {
    stage *s = *state;
    at(s, "initech");
    stage_key(s, '*');
    assert_string_equal(s->last_method, "PutProfile");
    assert_string_equal(kf_json_str(s->last_params, "name"), "initech");
    assert_true(kf_json_bool(s->last_params, "make_default", false));
    assert_false(sent(s, "client_id") || sent(s, "label") || sent(s, "git_host") ||
                 sent(s, "organization_id"));
}

static void says_what_to_register(void **state) {
    stage *s = *state;
    at(s, "acme-prod");
    stage_key(s, 'e');
    for (int i = 0; i < PORT; i++) stage_key(s, KF_KEY_TAB);
    assert_true(stage_shows(s, "http://127.0.0.1:8391/callback"));
    stage_shot(s, "form-port");
    stage_key(s, KF_CTRL('U'));
    assert_true(stage_shows(s, "http://127.0.0.1:*/callback"));
    stage_type(s, "99999");
    stage_key(s, KF_KEY_TAB);
    assert_true(stage_shows(s, "! A port is a number from 0 to 65535"));
}

static void details(void **state) {
    stage *s = *state;
    at(s, "acme-prod");
    stage_key(s, KF_KEY_ENTER);
    KF_AUTO_CHARS got = stage_draw(s, 36, 120);
    assert_non_null(strstr(got, "the big one"));
    assert_non_null(strstr(got, "git.acme.example\n"));
    assert_non_null(strstr(got, "git.acme.example:8443\n"));
}

/* --- a profile goes ------------------------------------------------------------------------------
 */

static const char gone_json[] = "{}";

static void delete_initech(stage *s) { /* only settings: no question */
    at(s, "initech");
    stage_key(s, KF_KEY_ESC);
    assert_true(stage_shows(s, "> initech"));
    stage_key(s, 'D');
    assert_string_equal(kf_app_top(s->a), "profiles");
}

static void delete_acme(stage *s) {
    at(s, "acme-prod");
    stage_key(s, KF_KEY_ESC);
    stage_key(s, 'D');
    assert_string_equal(kf_app_top(s->a), "typed");
    stage_type(s, "acme-prod");
    stage_key(s, KF_KEY_ENTER);
    assert_string_not_equal(kf_app_top(s->a), "typed");
}

static bool lists(stage *s, const char *name) {
    KF_AUTO_CHARS dump = stage_draw(s, 24, 80);
    char *message = strstr(dump, "Deleting in");
    if (message) *message = 0;
    return strstr(dump, name) != NULL;
}

static void taken_back(void **state) {
    stage *s = *state;
    int calls = s->calls;
    stage_key(s, 'u');
    assert_true(stage_shows(s, "u: there is nothing to take back"));
    delete_acme(s);
    stage_shot(s, "deleting");
    assert_false(lists(s, "acme-prod"));
    stage_wait(s, 7000);
    assert_true(stage_shows(s, "Deleting in 3 s, u takes it back: acme-prod"));
    stage_watch(s, settings_json); /* whatever the agent says of it meanwhile */
    assert_false(lists(s, "acme-prod"));
    stage_key(s, 'u');
    assert_true(stage_shows(s, "> acme-prod"));
    assert_true(stage_shows(s, "acme-prod is back; nothing was deleted"));
    stage_wait(s, 60000);
    assert_int_equal(s->calls, calls);
    stage_key(s, 'u');
    assert_true(stage_shows(s, "u: there is nothing to take back"));
}

static void done_after_a_while(void **state) {
    stage *s = *state;
    delete_initech(s);
    stage_wait(s, 9999);
    assert_string_not_equal(s->last_method, "RemoveProfile");
    assert_true(kf_app_wait_ms(s->a) <= 1);
    stage_wait(s, 1);
    assert_string_equal(s->last_method, "RemoveProfile");
    assert_string_equal(kf_json_str(s->last_params, "profile"), "00000000000000a4");
    stage_key(s, 'u');
    assert_true(stage_shows(s, "u: there is nothing to take back"));
    assert_false(lists(s, "initech"));
    stage_answer(s, s->last_call, gone_json, true);
    assert_true(stage_shows(s, "Deleted initech"));
    stage_key(s, 'q');
    assert_int_equal(s->quit, 0); /* nothing to wait for */
}

static void another_one_ends_the_wait(void **state) {
    stage *s = *state;
    delete_initech(s);
    delete_acme(s);
    assert_string_equal(s->last_method, "RemoveProfile");
    assert_string_equal(kf_json_str(s->last_params, "profile"), "00000000000000a4");
    stage_answer(s, s->last_call, gone_json, true);
    assert_string_equal(kf_app_top(s->a), "first"); /* the last one is out of sight */
    stage_shot(s, "deleting-last");
    stage_key(s, 'u');
    assert_string_equal(kf_app_top(s->a), "profiles");
    assert_true(stage_shows(s, "> acme-prod"));
}

static void refused(void **state) {
    stage *s = *state;
    delete_initech(s);
    stage_wait(s, 10000);
    stage_fail(s, s->last_call, (kf_err){.code = KF_ERR_NET_TIMEOUT, .what = "what"});
    assert_true(stage_shows(s, "Could not delete initech"));
    stage_key(s, KF_KEY_ESC);
    assert_true(lists(s, "initech"));
}

static void orderly(void **state) {
    stage *s = *state;
    char name[65];
    delete_initech(s);
    stage_key(s, 'q');
    assert_int_equal(s->quit, -1);
    assert_string_equal(s->last_method, "RemoveProfile");
    assert_true(stage_shows(s, "deleting initech"));
    stage_answer(s, s->last_call, gone_json, true);
    assert_int_equal(s->quit, 0);
    assert_int_equal(kf_app_unfinished(s->a, name),
                     KF_LEFT_DELETED); /* earlier than the line said */
    assert_string_equal(name, "initech");
}

/* Ten seconds after the key the passphrase is needed: not in the middle of something else. */
static void not_while_typing(void **state) {
    stage *s = *state;
    delete_initech(s);
    stage_key(s, 'a');
    stage_type(s, "canary");
    for (int i = 0; i < 2; i++) {
        stage_wait(s, 10000);
        assert_string_equal(s->last_method, "RemoveProfile");
        stage_fail(s, s->last_call,
                   (kf_err){.code = KF_ERR_STORE_VAULT_LOCKED, .what = "the vault is locked"});
        assert_string_equal(kf_app_top(s->a), "form");
        assert_true(stage_shows(s, "canary"));
        assert_true(stage_shows(s, "Deleting in 10 s, u takes it back: initech"));
    }
    stage_key(s, KF_KEY_ESC);
    stage_key(s, 'y');
    stage_key(s, 'u');
    assert_true(stage_shows(s, "initech is back"));
    stage_key(s, 'D');
    stage_wait(s, 10000);
    stage_fail(s, s->last_call,
               (kf_err){.code = KF_ERR_STORE_VAULT_LOCKED, .what = "the vault is locked"});
    assert_string_equal(kf_app_top(s->a), "unlock"); /* nothing else is going on */
    stage_key(s, KF_KEY_ESC);
    assert_string_equal(kf_app_top(s->a), "panel");
    assert_true(stage_shows(s, "The vault is locked."));
    assert_false(stage_shows(s, "the vault is locked"));
}

/* A job that fails while a person types says why, because the line is all there is. */
static void facts_in_the_line(void **state) {
    stage *s = *state;
    at(s, "acme-prod");
    stage_key(s, 'r');
    stage_key(s, 'a');
    stage_fail(s, s->last_call, (kf_err){.code = KF_ERR_SYS_IO, .what = "no \x1b[2Jspace"});
    assert_string_equal(kf_app_top(s->a), "form");
    assert_true(stage_shows(s, "! Could not renew acme-prod: no [2Jspace"));
}

static void orderly_but_refused(void **state) {
    stage *s = *state;
    delete_initech(s);
    stage_key(s, 'Q');
    stage_fail(s, s->last_call, (kf_err){.code = KF_ERR_STORE_VAULT_LOCKED});
    assert_string_equal(kf_app_top(s->a),
                        "unlock"); /* the passphrase is asked for, however long that takes */
    stage_wait(s, 120000);
    assert_int_equal(s->quit, -1);
    assert_true(kf_app_wait_ms(s->a) > 0);
    stage_key(s, KF_KEY_ESC);
    assert_string_equal(kf_app_top(s->a), "panel");
    assert_int_equal(s->quit, -1);
    stage_key(s, KF_KEY_ESC);
    assert_true(lists(s, "initech"));
    stage_key(s, 'q');
    assert_int_equal(s->quit, 0);
}

static void no_answer(void **state) {
    stage *s = *state;
    char name[65];
    delete_initech(s);
    stage_key(s, 'q');
    stage_wait(s, 9999);
    assert_int_equal(s->quit, -1);
    stage_wait(s, 1);
    assert_int_equal(s->quit, 1);
    assert_int_equal(kf_app_unfinished(s->a, name), KF_LEFT_UNKNOWN);
    assert_string_equal(name, "initech");
}

static void twice_is_at_once(void **state) {
    stage *s = *state;
    delete_initech(s);
    stage_key(s, 'q');
    assert_int_equal(s->quit, -1);
    stage_key(s, 'Q');
    assert_int_equal(s->quit, 0);
}

static void at_once_keeps(void **state) {
    stage *s = *state;
    char name[65];
    delete_acme(s);
    int calls = s->calls;
    stage_key(s, KF_CTRL('C'));
    assert_int_equal(s->quit, 130);
    assert_int_equal(s->calls, calls);
    assert_int_equal(kf_app_unfinished(s->a, name), KF_LEFT_KEPT);
    assert_string_equal(name, "acme-prod");
}

static void name_of_the_gone(void **state) {
    stage *s = *state;
    delete_initech(s);
    stage_key(s, 'a');
    stage_type(s, "initech");
    stage_key(s, KF_KEY_F2);
    assert_true(stage_shows(s, "The profile of this name is being deleted"));
    assert_string_not_equal(s->last_method, "PutProfile");
}

static void somebody_else_did_it(void **state) {
    stage *s = *state;
    delete_initech(s);
    stage_watch(s, "{\"profiles\":[],\"removed\":[\"00000000000000a4\"]}");
    stage_key(s, 'u');
    assert_true(stage_shows(s, "u: there is nothing to take back"));
    int calls = s->calls;
    stage_wait(s, 20000);
    assert_int_equal(s->calls, calls);
    assert_false(lists(s, "initech"));
}

static void from_its_own_screen(void **state) {
    stage *s = *state;
    at(s, "initech");
    stage_key(s, KF_KEY_ENTER);
    stage_key(s, 'D');
    assert_string_equal(kf_app_top(s->a), "profiles");
    stage_key(s, 'u');
    assert_true(stage_shows(s, "> initech"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_list, shut)

int main(void) {
    setenv("TZ", "UTC", 1);
    if (!setlocale(LC_ALL, "C.UTF-8")) return 1;
    const struct CMUnitTest tests[] = {T(copies),
                                       T(copy_gets_a_free_name),
                                       T(edit_sends_what_changed),
                                       T(hosts),
                                       T(key_of_another_environment),
                                       T(unseen_note_asks_once),
                                       T(secrets_stay_behind),
                                       T(focus_is_always_shown),
                                       T(hostile_settings),
                                       T(the_answer_closes_the_form),
                                       T(a_refusal_leaves_the_form),
                                       T(default_changes_nothing_else),
                                       T(says_what_to_register),
                                       T(details),
                                       T(taken_back),
                                       T(done_after_a_while),
                                       T(another_one_ends_the_wait),
                                       T(refused),
                                       T(orderly),
                                       T(not_while_typing),
                                       T(facts_in_the_line),
                                       T(orderly_but_refused),
                                       T(no_answer),
                                       T(twice_is_at_once),
                                       T(at_once_keeps),
                                       T(name_of_the_gone),
                                       T(somebody_else_did_it),
                                       T(from_its_own_screen)};
    return cmocka_run_group_tests_name("forms", tests, NULL, NULL);
}
