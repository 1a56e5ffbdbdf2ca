/* What keys do, on every screen, as far as it needs no terminal. */
#include <locale.h>
#include "base/str.h"
#include "golden.h"

#define PASSWORD \
    "{\"serial\":3,\"kind\":\"field\",\"field\":\"password\",\"acts\":[\"submit\"],\"note\":\"\"}"
#define TOTP \
    "{\"serial\":5,\"kind\":\"field\",\"field\":\"totp\",\"acts\":[\"submit\"],\"note\":\"mfa\"}"

static int open_list(void **state) {
    static stage s;
    stage_open(&s);
    stage_watch(&s, profiles_json);
    *state = &s;
    return 0;
}

static int shut(void **state) {
    stage_close(*state);
    return 0;
}

/* Each opens one screen from the list whose cursor is on acme-prod. */
static void at_acme(stage *s) {
    stage_type(s, "/acme-prod");
    stage_key(s, KF_KEY_ENTER);
}
static void to_list(stage *s) { (void)s; }
static void to_profile(stage *s) { stage_key(s, KF_KEY_ENTER); }
static void to_chooser(stage *s) { stage_key(s, 's'); }
static void to_wait(stage *s) { stage_signin(s); }
static void to_password(stage *s) {
    stage_signin(s);
    stage_step(s, PASSWORD);
    stage_type(s, "canary-password");
}
static void to_totp(stage *s) {
    stage_signin(s);
    stage_step(s, TOTP);
}
static void to_form(stage *s) { stage_key(s, 'a'); }
static void to_confirm(stage *s) { stage_key(s, 'S'); }
static void to_typed(stage *s) { stage_key(s, 'D'); }
static void to_help(stage *s) { stage_key(s, '?'); }
static void to_panel(stage *s) {
    stage_key(s, 'r');
    stage_fail(s, s->last_call, (kf_err){.code = KF_ERR_NET_TIMEOUT, .what = "api.workos.com"});
}
static void to_unlock(stage *s) {
    stage_key(s, 'r');
    stage_fail(s, s->last_call, (kf_err){.code = KF_ERR_STORE_VAULT_NEW});
}

static void to_qr(stage *s) {
    stage_signin(s);
    stage_step(s, "{\"serial\":5,\"kind\":\"show_qr\",\"field\":\"totp\",\"acts\":[\"submit\"],"
                  "\"qr\":\"otpauth://totp/"
                  "a?secret=JBSWY3DPEHPK3PXP\",\"qr_text\":\"JBSWY3DPEHPK3PXP\"}");
}
static void to_device(stage *s) {
    stage_signin_by(s, '2');
    stage_step(s, "{\"serial\":5,\"kind\":\"open_url\",\"acts\":[\"browser\",\"new_code\"],\"url\":"
                  "\"https://a.example\",\"user_code\":"
                  "\"ABCD-EFGH\"}");
}
static void to_browser(stage *s) {
    stage_signin_by(s, '1');
    stage_step(s, "{\"serial\":5,\"kind\":\"open_url\",\"field\":\"redirect_url\",\"acts\":["
                  "\"browser\",\"submit\"],\"url\":"
                  "\"https://a.example\"}");
}
static void to_new_password(stage *s) {
    stage_signin(s);
    stage_step(
        s, "{\"serial\":5,\"kind\":\"field\",\"field\":\"new_password\",\"acts\":[\"submit\"]}");
    stage_type(s, "canary");
}
static void to_orgs(stage *s) { stage_key(s, 'o'); }
static void to_sessions(stage *s) {
    stage_key(s, KF_KEY_ENTER);
    stage_type(s, "]]");
}
static void to_app(stage *s) {
    to_sessions(s);
    stage_key(s, ']');
    stage_answer(s, s->last_call, "{\"factors\":[]}", true);
    stage_key(s, 'a');
}

static const struct {
    const char *top;
    void (*go)(stage *s);
    bool text;
} places[] = {{"profiles", to_list, false},   {"profile", to_profile, false},
              {"chooser", to_chooser, false}, {"signin", to_wait, false},
              {"signin", to_password, true},  {"signin", to_totp, false},
              {"form", to_form, true},        {"confirm", to_confirm, false},
              {"typed", to_typed, true},      {"help", to_help, false},
              {"panel", to_panel, false},     {"unlock", to_unlock, true},
              {"signin", to_qr, false},       {"signin", to_device, false},
              {"signin", to_browser, false},  {"signin", to_new_password, true},
              {"orgs", to_orgs, true},        {"profile", to_sessions, false},
              {"enroll", to_app, false}};

static void everywhere(void (*check)(stage *s, bool text)) {
    for (size_t i = 0; i < KF_LEN(places); i++) {
        stage s;
        stage_open(&s);
        stage_watch(&s, profiles_json);
        at_acme(&s);
        places[i].go(&s);
        assert_string_equal(kf_app_top(s.a), places[i].top);
        check(&s, places[i].text);
        stage_close(&s);
    }
}

static void check_esc(stage *s, bool text) {
    for (int i = 0; i < 50; i++) stage_key(s, KF_KEY_ESC);
    assert_int_equal(s->quit, -1);
    if (!strcmp(kf_app_top(s->a), "signin") || !strcmp(kf_app_top(s->a), "enroll"))
        stage_key(s, KF_KEY_ESC); /* it asks again and again */
    if (!strcmp(kf_app_top(s->a), "confirm")) stage_key(s, 'y');
    for (int i = 0; i < 3; i++) stage_key(s, KF_KEY_ESC);
    assert_string_equal(kf_app_top(s->a), "profiles");
    stage_key(s, 'q');
    assert_int_equal(s->quit, 0);
}

static void check_leave(stage *s, bool text) {
    stage_key(s, KF_CTRL('C'));
    assert_int_equal(s->quit, 130);
}

static void check_close(stage *s, bool text) {
    if (text) return; /* q is a letter there */
    bool root = !strcmp(kf_app_top(s->a), "profiles");
    stage_key(s, 'q');
    assert_int_equal(s->quit, root ? 0 : -1);
    if (!root) stage_key(s, 'Q');
    if (!root) assert_int_equal(s->quit, 0);
}

static void check_help(stage *s, bool text) {
    static const struct {
        int rows, cols;
    } sizes[] = {{12, 40}, {20, 72}, {24, 80}, {36, 120}, {60, 200}};
    for (size_t i = 0; i < KF_LEN(sizes); i++) {
        kf_grid g;
        kf_grid_init(&g, sizes[i].rows, sizes[i].cols, false);
        kf_app_draw(s->a, &g);
        KF_AUTO_CHARS dump = kf_grid_dump(&g);
        kf_grid_done(&g);
        dump[strlen(dump) - 1] = 0;
        assert_non_null(strstr(strrchr(dump, '\n'), "? help"));
    }
}

static void check_secret(stage *s, bool text) {
    static const struct { int rows, cols; } sizes[] = {{12, 40}, {24, 80}, {36, 120}};
    for (size_t i = 0; i < KF_LEN(sizes); i++) {
        KF_AUTO_CHARS dump = stage_draw(s, sizes[i].rows, sizes[i].cols);
        assert_null(strstr(dump, "canary"));
    }
}

static void check_suspend(stage *s, bool text) {
    stage_key(s, KF_CTRL('Z'));
    assert_int_equal(s->suspends, 1);
}

static void esc_never_quits(void **state) { (void)state, everywhere(check_esc); }
static void ctrl_c_leaves(void **state) { (void)state, everywhere(check_leave); }
static void q_closes(void **state) { (void)state, everywhere(check_close); }
static void help_is_pinned(void **state) { (void)state, everywhere(check_help); }
static void secrets_are_masked(void **state) { (void)state, everywhere(check_secret); }
static void suspends(void **state) { (void)state, everywhere(check_suspend); }

static int answers;
static void code(stage *s, const char *how, bool pasted) {
    stage_key(s, KF_KEY_ESC);
    stage_key(s, KF_KEY_ESC);
    stage_signin(s);
    stage_step(s, TOTP);
    int before = s->calls;
    if (pasted) stage_paste(s, how);
    else stage_type(s, how);
    answers = s->calls - before;
}

static void code_field(void **state) {
    stage *s = *state;
    static const char *const pasted[] = {
        "123456",   "123 456", "123-456", "Your code is 123456", "Use 2 digits: 123 456.",
        " 123456\n"};
    at_acme(s);
    for (size_t i = 0; i < KF_LEN(pasted); i++) {
        code(s, pasted[i], true);
        assert_int_equal(answers, 1);
        assert_string_equal(kf_json_str(s->last_params, "value"), "123456");
    }
    code(s, "12345", false);
    assert_int_equal(answers, 0);
    stage_type(s, "6");
    assert_string_equal(s->last_method, "Answer");
    assert_string_equal(kf_json_str(s->last_params, "value"), "123456");
    int sent = s->calls;
    stage_type(s, "7");
    assert_int_equal(s->calls, sent); /* once */
    code(s, "no digits here", true);
    assert_int_equal(answers, 0);
    assert_true(stage_shows(s, "No 6-digit code"));
}

static void paste_outside(void **state) {
    stage *s = *state;
    stage_paste(s, "qDy\nS");
    assert_int_equal(s->quit, -1);
    assert_string_equal(kf_app_top(s->a), "profiles");
    assert_true(stage_shows(s, "Pasted text ignored"));
}

static bool burst(stage *s, const char *text) {
    int keys[64];
    size_t n = 0;
    for (; *text; text++) keys[n++] = *text == '\n' ? KF_KEY_ENTER : *text;
    bool is = kf_app_burst(s->a, keys, n);
    stage_pump(s);
    return is;
}

/* A terminal that does not mark pastes: four characters at once are none that were typed. */
static void burst_outside(void **state) {
    stage *s = *state;
    int calls = s->calls;
    assert_true(burst(s, "qDy\nS"));
    assert_true(stage_shows(s, "Pasted text ignored"));
    assert_int_equal(s->quit, -1);
    static const char *const typed[] = {"", "qDy", "sr\n\n\n\n", "jjjjjjjj", "/acme\n", ":acme"};
    for (size_t i = 0; i < KF_LEN(typed); i++) assert_false(burst(s, typed[i]));
    stage_key(s, '/');
    assert_false(burst(s, "acme-prod"));
    stage_key(s, KF_KEY_ESC);
    assert_int_equal(s->calls, calls);
    assert_string_equal(kf_app_top(s->a), "profiles");
}

/* In a field of digits letters are keys, but not those of a paste. */
static void burst_at_a_code(void **state) {
    stage *s = *state;
    at_acme(s);
    to_totp(s);
    assert_false(burst(s, "123456"));
    assert_false(burst(s, "12 3"));
    assert_true(burst(s, "Your code is 123 456\n"));
    assert_string_equal(s->last_method, "Answer");
    assert_string_equal(kf_json_str(s->last_params, "value"), "123456");
    stage_key(s, KF_KEY_ESC);
    stage_key(s, KF_KEY_ESC);
    to_browser(s);
    assert_true(burst(s, "http://127.0.0.1:1/callback?code=bn"));
    assert_int_equal(s->opened, 0);
    assert_true(stage_shows(s, "127.0.0.1:1/callback"));
}

static void paste_lines(void **state) {
    stage *s = *state;
    stage_key(s, 'a');
    int calls = s->calls;
    stage_paste(s, "acme\n-prod\r\nx");
    assert_true(stage_shows(s, "acme-prodx"));
    assert_true(stage_shows(s, "line ends were left out"));
    assert_int_equal(s->calls, calls);
}

static void paste_too_long(void **state) {
    stage *s = *state;
    char many[400];
    memset(many, 'a', sizeof many - 1);
    many[sizeof many - 1] = 0;
    stage_key(s, 'a');
    stage_paste(s, many);
    assert_true(stage_shows(s, "Not pasted: 399 characters, the field takes 64"));
}

/* The rows of a search that was pasted are others: the cursor starts again at the best one. */
static void paste_into_help(void **state) {
    stage *s = *state;
    char many[400];
    memset(many, 'a', sizeof many - 1);
    many[sizeof many - 1] = 0;
    stage_type(s, "/acme-prod");
    stage_key(s, KF_KEY_ENTER);
    stage_type(s, "?/");
    stage_paste(s, many);
    assert_true(stage_shows(s, "Not pasted: 399 characters, the field takes 64"));
    for (int i = 0; i < 20; i++) stage_key(s, KF_KEY_DOWN);
    stage_paste(s, "organ\nization");
    assert_true(stage_shows(s, "line ends were left out"));
    assert_true(stage_shows(s, "> o "));
    stage_key(s, KF_KEY_ENTER);
    assert_string_equal(kf_app_top(s->a), "orgs");
}

/* Profiles that go away while they are searched for leave no cursor behind the last row. */
static void help_when_a_profile_goes(void **state) {
    stage *s = *state;
    stage_type(s, "?/ooli");
    stage_watch(s, "{\"profiles\":[],\"removed\":[\"hooli-europe-production-01\"]}");
    assert_true(stage_shows(s, "Nothing matches"));
    stage_key(s, KF_KEY_ENTER);
    assert_string_equal(kf_app_top(s->a), "help");
    stage_key(s, KF_KEY_BACKSPACE);
    assert_true(stage_shows(s, "> "));
}

static void editing(void **state) {
    kf_line l;
    kf_line_init(&l, 64, false);
    kf_line_set(&l, "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"); /* 3 wide characters */
    kf_line_key(&l, KF_KEY_LEFT);
    kf_line_key(&l, KF_KEY_LEFT);
    kf_line_key(&l, 'x');
    assert_string_equal(kf_line_text(&l), "\xe6\x97\xa5x\xe6\x9c\xac\xe8\xaa\x9e");
    kf_line_key(&l, KF_KEY_BACKSPACE);
    kf_line_key(&l, 8);
    assert_string_equal(kf_line_text(&l), "\xe6\x9c\xac\xe8\xaa\x9e");
    kf_line_key(&l, KF_KEY_DELETE);
    assert_string_equal(kf_line_text(&l), "\xe8\xaa\x9e");
    kf_line_set(&l, "one two three");
    kf_line_key(&l, KF_CTRL('W'));
    assert_string_equal(kf_line_text(&l), "one two ");
    kf_line_key(&l, KF_CTRL('A'));
    kf_line_key(&l, KF_KEY_CTRL_RIGHT);
    kf_line_key(&l, KF_CTRL('K'));
    assert_string_equal(kf_line_text(&l), "one ");
    kf_line_key(&l, KF_CTRL('U'));
    assert_string_equal(kf_line_text(&l), "");
    kf_line_set(&l, "e\xcc\x81z"); /* e with an accent of its own goes as one */
    kf_line_key(&l, KF_KEY_LEFT);
    kf_line_key(&l, KF_KEY_BACKSPACE);
    assert_string_equal(kf_line_text(&l), "z");
    kf_line_done(&l);
}

/* A long list comes in pieces: until a key is pressed they are one list. */
static void pieces_are_one_list(void **state) {
    stage *s = *state;
    static const char piece[] =
        "{\"profiles\":[{\"id\":\"00000000000000%s\",\"name\":\"%s\",\"state\":\"%s\"}],"
        "\"removed\":[],\"partial\":%s}";
    struct {
        const char *id, *name, *state, *partial;
    } p[] = {{"d1", "quiet", "signed_in", "true"},
             {"d2", "aside", "signed_in", "true"},
             {"d3", "ahead", "stale", "false"},
             {"d4", "late", "stale", "false"}};
    for (size_t key = 0; key < 2; key++) {
        shut(state);
        stage_open(s);
        for (size_t i = 0; i < KF_LEN(p); i++) {
            KF_AUTO_CHARS json = kf_strfmt(piece, p[i].id, p[i].name, p[i].state, p[i].partial);
            stage_watch(s, json);
            if (key && i == 1) stage_type(s, "j"); /* to quiet */
        }
        KF_AUTO_CHARS list = stage_draw(s, 24, 80);
        const char *ahead = strstr(list, "ahead"), *aside = strstr(list, "aside"),
                   *late = strstr(list, "late");
        assert_non_null(ahead);
        assert_true(key ? ahead > aside : ahead < aside);
        assert_non_null(strstr(list, key ? "> quiet" : "> ahead"));
        assert_true(
            late > aside); /* it came when the list was whole: nothing is sorted under the cursor */
    }
}

/* Whose key and whose client ID a sign-in takes is said where it is chosen. */
static void the_environment_is_named(void **state) {
    stage *s = *state;
    stage_type(s, "/initech");
    stage_key(s, KF_KEY_ENTER);
    stage_key(s, 's');
    KF_AUTO_CHARS without = stage_draw(s, 24, 80);
    assert_null(strstr(without, "WORKOS_"));
    s->m.env_api_key = kf_secret_new("sk_test_env", 11);
    s->m.env_client_id = kf_strdup("client_of_the_app");
    for (int i = 0; i < 3; i++) stage_key(s, KF_KEY_DOWN);
    KF_AUTO_CHARS with = stage_draw(s, 24, 80);
    assert_non_null(strstr(with, "the one in WORKOS_API_KEY"));
    assert_non_null(
        strstr(with, "WORKOS_CLIENT_ID is client_of_the_app; initech signs in with its own"));
    assert_null(strstr(with, "sk_test_env"));
}

/* A code that could not be had has not expired. */
static void no_code_without_network(void **state) {
    stage *s = *state;
    stage_signin_by(s, '2');
    stage_step(s, "{\"serial\":5,\"kind\":\"open_url\",\"acts\":[\"new_code\"],\"note\":"
                  "\"network\",\"failure\":"
                  "{\"name\":\"net.connect\",\"what\":\"connect to 127.0.0.1:9\",\"hint\":\"\"}}");
    KF_AUTO_CHARS screen = stage_draw(s, 24, 80);
    assert_non_null(strstr(screen, "WorkOS could not be reached"));
    assert_non_null(strstr(screen, "n asks for one"));
    assert_null(strstr(screen, "expired"));
    stage_key(s, 'd');
    KF_AUTO_CHARS details = stage_draw(s, 24, 80);
    assert_non_null(strstr(details, "127.0.0.1:9"));
    stage_step(
        s,
        "{\"serial\":6,\"kind\":\"open_url\",\"acts\":[\"new_code\"],\"note\":\"code_expired\"}");
    KF_AUTO_CHARS late = stage_draw(s, 24, 80);
    assert_non_null(strstr(late, "This code has expired"));
}

static void cursor_row_stays(void **state) {
    stage *s = *state;
    at_acme(s);
    stage_key(s, KF_KEY_ESC);
    KF_AUTO_CHARS before = stage_draw(s, 24, 80);
    stage_watch(s, "{\"profiles\":[{\"id\":\"00000000000000a1\",\"name\":\"acme-prod\",\"state\":"
                   "\"error\",\"environment\":\"\"},"
                   "{\"id\":\"00000000000000c1\",\"name\":\"aaa-new\",\"state\":\"signed_in\"}],"
                   "\"removed\":[\"00000000000000a3\"]}");
    KF_AUTO_CHARS after = stage_draw(s, 24, 80);
    assert_non_null(strstr(before, "> acme-prod"));
    assert_non_null(strstr(
        after, "> acme-prod")); /* although it would sort elsewhere, and a row above it went */
    assert_null(strstr(after, "globex-prod"));
    assert_non_null(strstr(after, "aaa-new"));
}

static void buttons_agree(void **state) {
    stage *s = *state;
    at_acme(s);
    int calls = s->calls;
    stage_key(s, 'S');
    stage_key(s, KF_KEY_ENTER); /* Keep has the focus */
    assert_int_equal(s->calls, calls);
    stage_key(s, 'S');
    stage_key(s, KF_KEY_TAB);
    assert_true(stage_shows(s, "[>Sign out<]"));
    stage_key(s, KF_KEY_ENTER);
    assert_string_equal(s->last_method, "SignOut");
}

/* Keys of a question are in its help, and run from there. */
static void a_question_has_help(void **state) {
    stage *s = *state;
    at_acme(s);
    stage_key(s, 'S');
    stage_key(s, '?');
    assert_true(stage_shows(s, "Goes to the other button (Left, Right)."));
    assert_true(stage_shows(s, "Takes the button that has the focus."));
    stage_type(s, "/other b");
    stage_key(s, KF_KEY_ENTER);
    assert_string_equal(kf_app_top(s->a), "confirm");
    assert_true(stage_shows(s, "[>Sign out<]"));
    stage_key(s, KF_KEY_ESC);
    stage_key(s, 's');
    stage_key(s, '?');
    KF_AUTO_CHARS dump = stage_draw(s, 36, 120);
    assert_null(strstr(dump, "this number")); /* which number would Enter take? */
}

static void errors_wait(void **state) {
    stage *s = *state;
    kf_out_say(s->a, KF_SAY_BAD, "something failed");
    for (int i = 0; i < 5; i++) kf_out_say(s->a, KF_SAY_GOOD, "fine");
    stage_wait(s, 60000);
    assert_true(stage_shows(s, "! something failed"));
    stage_key(s, KF_KEY_DOWN);
    KF_AUTO_CHARS after = stage_draw(s, 24, 80);
    assert_null(strstr(after, "something failed"));
}

static void impossible_says_why(void **state) {
    stage *s = *state;
    stage_type(s, "/initech");
    stage_key(s, KF_KEY_ENTER);
    int calls = s->calls;
    stage_key(s, 'r');
    assert_true(stage_shows(s, "r: this profile is not signed in, press s"));
    assert_int_equal(s->calls, calls);
    stage_key(s, 'z');
    assert_true(stage_shows(s, "z does nothing here"));
}

/* --read-only: nothing that writes can be begun, wherever it has a key, and each says why. */
static void read_only(void **state) {
    stage *s = *state;
    static const char list[] = "aCeD*sSroI", profile[] = "CeD*sSro";
    s->m.read_only = true;
    at_acme(s);
    int calls = s->calls;
    for (const char *k = list; *k; k++) {
        KF_AUTO_CHARS why = kf_strfmt("%c: read-only is on", *k);
        stage_key(s, *k);
        assert_string_equal(kf_app_top(s->a), "profiles");
        assert_true(stage_shows(s, why));
    }
    assert_int_equal(s->calls, calls);
    stage_shot_at(s, "read-only", 24, 80);
    stage_key(s, '?');
    stage_shot_at(s, "read-only-help", 24, 80);
    stage_key(s, KF_KEY_ESC);
    stage_key(s, 't');
    assert_string_equal(s->last_method, "GetToken"); /* reading goes on */
    to_sessions(s);
    stage_answer(s, s->last_call, "{\"sessions\":[{\"id\":\"session_9\",\"status\":\"active\"}]}",
                 true);
    calls = s->calls;
    for (const char *k = profile; *k; k++) stage_key(s, *k);
    stage_key(s, 'A');
    assert_int_equal(s->calls, calls);
    assert_string_equal(kf_app_top(s->a), "profile");
    stage_key(s, ']');
    stage_answer(s, s->last_call, "{\"factors\":[]}", true);
    stage_key(s, 'a');
    assert_true(stage_shows(s, "a: read-only is on"));
}

static void read_only_first_run(void **state) {
    stage *s = *state;
    s->m.read_only = true;
    stage_watch(s, "{\"profiles\":[],\"removed\":[\"00000000000000a1\",\"00000000000000a2\","
                   "\"00000000000000a3\",\"00000000000000a4\","
                   "\"00000000000000a5\"]}");
    stage_shot_at(s, "read-only-first", 24, 80);
    stage_key(s, KF_KEY_ENTER);
    assert_true(stage_shows(s, "Enter: read-only is on"));
    stage_key(s, '2');
    assert_true(stage_shows(s, "2: read-only is on"));
    assert_string_equal(kf_app_top(s->a), "first");
}

static void import_from_the_list(void **state) {
    stage *s = *state;
    stage_key(s, 'I');
    assert_string_equal(kf_app_top(s->a), "import");
    assert_true(s->imports_keyring);
    stage_key(s, KF_KEY_ESC);
    assert_string_equal(kf_app_top(s->a), "profiles");
    s->m.sandbox = true;
    stage_key(s, 'I');
    assert_true(stage_shows(s, "I: not in the sandbox"));
}

/* A search in the list of actions finds profiles as well. */
static void profiles_in_the_palette(void **state) {
    stage *s = *state;
    stage_key(s, ':');
    stage_type(s, "hooli");
    stage_shot(s, "help-profile");
    stage_key(s, KF_KEY_ENTER);
    assert_string_equal(kf_app_top(s->a), "profile");
    assert_true(stage_shows(s, "> hooli-europe-production-01"));
    stage_key(s, ':');
    stage_type(s, "prod"); /* the second of its rows */
    stage_key(s, KF_KEY_DOWN);
    stage_key(s, KF_KEY_ENTER);
    assert_true(stage_shows(s, "> globex-prod"));
    stage_key(s, KF_KEY_ESC); /* it is there instead of the first, not on top of it */
    assert_string_equal(kf_app_top(s->a), "profiles");
    assert_true(stage_shows(s, "> globex-prod"));
    stage_key(s, 's'); /* elsewhere there is only what can be done there */
    stage_key(s, ':');
    stage_type(s, "hooli");
    assert_true(stage_shows(s, "Nothing matches"));
}

static void esc_stops_the_wait(void **state) {
    stage *s = *state;
    at_acme(s);
    stage_signin(s);
    int stops = s->stops;
    stage_key(s, KF_KEY_ESC);
    assert_string_equal(kf_app_top(s->a), "chooser");
    assert_int_equal(s->stops, stops + 1); /* closing the stream cancels the flow */
}

static void agent_comes_back(void **state) {
    stage *s = *state;
    uint32_t old = s->watch;
    stage_fail(s, s->watch, (kf_err){.code = KF_ERR_WIRE_CLOSED});
    assert_true(stage_shows(s, "no agent"));
    assert_true(kf_app_wait_ms(s->a) > 0 && kf_app_wait_ms(s->a) <= 1000);
    stage_wait(s, 1000);
    assert_string_equal(s->last_method, "Watch");
    assert_int_not_equal(s->last_call, old);
    s->watch = s->last_call;
    stage_watch(s, profiles_json);
    assert_true(stage_shows(s, "vault open"));
}

static void quiet_when_nothing_counts(void **state) {
    stage *s = *state;
    int64_t wait = kf_app_wait_ms(s->a); /* ages: one tick a minute */
    assert_true(wait > 1000 && wait <= 60000);
    stage_watch(s, "{\"profiles\":[],\"removed\":[\"00000000000000a1\",\"00000000000000a2\","
                   "\"00000000000000a3\",\"00000000000000a4\","
                   "\"00000000000000a5\"]}");
    assert_string_equal(kf_app_top(s->a), "first");
    assert_int_equal(kf_app_wait_ms(s->a), -1);
}

static void form_saves(void **state) {
    stage *s = *state;
    stage_key(s, 'a');
    stage_type(s, "dev");
    stage_key(s, KF_KEY_ENTER);
    stage_type(s, "client_sandbox");
    stage_key(s, KF_KEY_TAB);
    stage_type(s, "sk_test_sandbox");
    stage_key(s, KF_CTRL('S'));
    assert_string_equal(s->last_method, "PutProfile");
    assert_string_equal(kf_json_str(s->last_params, "name"), "dev");
    assert_string_equal(kf_json_str(s->last_params, "api_key"), "sk_test_sandbox");
    stage_answer(
        s, s->last_call,
        "{\"profile\":{\"id\":\"00000000000000d1\",\"name\":\"dev\",\"state\":\"signed_out\"}}",
        true);
    assert_string_equal(kf_app_top(s->a), "profiles");
    assert_true(stage_shows(s, "Added dev"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_list, shut)

int main(void) {
    setenv("TZ", "UTC", 1);
    if (!setlocale(LC_ALL, "C.UTF-8")) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(esc_never_quits),
                                       cmocka_unit_test(ctrl_c_leaves),
                                       cmocka_unit_test(q_closes),
                                       cmocka_unit_test(help_is_pinned),
                                       cmocka_unit_test(secrets_are_masked),
                                       cmocka_unit_test(suspends),
                                       cmocka_unit_test(editing),
                                       T(code_field),
                                       T(paste_outside),
                                       T(burst_outside),
                                       T(burst_at_a_code),
                                       T(paste_lines),
                                       T(paste_too_long),
                                       T(paste_into_help),
                                       T(help_when_a_profile_goes),
                                       T(cursor_row_stays),
                                       T(pieces_are_one_list),
                                       T(the_environment_is_named),
                                       T(no_code_without_network),
                                       T(buttons_agree),
                                       T(a_question_has_help),
                                       T(errors_wait),
                                       T(impossible_says_why),
                                       T(read_only),
                                       T(profiles_in_the_palette),
                                       T(read_only_first_run),
                                       T(import_from_the_list),
                                       T(esc_stops_the_wait),
                                       T(agent_comes_back),
                                       T(quiet_when_nothing_counts),
                                       T(form_saves)};
    return cmocka_run_group_tests_name("behaviour", tests, NULL, NULL);
}
