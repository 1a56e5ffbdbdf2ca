/* Every other way to sign in, as grids and as what keys do: codes by mail and text message, an
 * authenticator app that is set up, another device, the browser, a new password. */
#include <locale.h>
#include "base/str.h"
#include "golden.h"

#define STEP(serial, kind, field, acts, note, more)                                        \
    "{\"serial\":" serial ",\"kind\":\"" kind "\",\"field\":\"" field "\",\"acts\":[" acts \
    "],\"note\":\"" note "\"" more "}"
#define ARG(s) ",\"note_arg\":\"" s "\""
#define UNTIL(ms) ",\"left_ms\":" ms
#define WHY(name, status)                                                    \
    ",\"failure\":{\"name\":\"" name "\",\"what\":\"WorkOS answered " status \
    "\",\"hint\":\"\",\"status\":" status "}"
#define URI                                                                                       \
    "otpauth://totp/Acme%20Inc:maya@acme.example?secret=NAGCCFS3EYRB422HNAKAKY3XDUORMSRF&issuer=" \
    "Acme%20Inc"
#define KEY "NAGCCFS3EYRB422HNAKAKY3XDUORMSRF"
#define QR ",\"qr\":\"" URI "\",\"qr_text\":\"" KEY "\""
#define DEVICE_URL "https://acme.authkit.app/device"
#define DEVICE                                                                     \
    ",\"url\":\"" DEVICE_URL "\",\"user_code\":\"FDRW-LKJH\",\"qr\":\"" DEVICE_URL \
    "?user_code=FDRW-LKJH\""
#define AUTHORIZE                                                                                 \
    "https://api.workos.com/user_management/"                                                     \
    "authorize?response_type=code&client_id=client_01HZX5T7YB1Q3T4K8M9N2P6R7S&redirect_uri=http%" \
    "3A%2F%2F127.0.0.1%"                                                                          \
    "3A41234%2Fcallback&provider=authkit&state=Q0v3mU2jv8Zl4yq8b1n0fJrTqkY9s6h5d4c3b2a1z0w&code_" \
    "challenge=E9Melhoa2Owv"                                                                      \
    "FrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"

static int open_list(void **state) {
    static stage s;
    stage_open_acme(&s);
    s.m.ssh_line = NULL;
    *state = &s;
    return 0;
}

static int shut(void **state) {
    stage_close(*state);
    return 0;
}

static void last_answer(stage *s, const char *act, const char *value) {
    assert_string_equal(s->last_method, "Answer");
    assert_string_equal(kf_json_str(s->last_params, "act"), act);
    if (value) assert_string_equal(kf_json_str(s->last_params, "value"), value);
    else assert_null(kf_json_str(s->last_params, "value"));
}

static void shows_not(stage *s, int rows, int cols, const char *text) {
    KF_AUTO_CHARS got = stage_draw(s, rows, cols);
    if (strstr(got, text)) fail_msg("%s is shown:\n%s", text, got);
}

static void email_code(void **state) {
    stage *s = *state;
    stage_signin_by(s, '3');
    assert_string_equal(kf_json_str(s->last_params, "method"), "magic");
    stage_step(s, STEP("2", "field", "email_code", "\"submit\",\"resend\",\"back\"", "sent_to",
                       ARG("maya@acme.example") UNTIL("600000")));
    stage_shot(s, "way-email-code");
    int calls = s->calls;
    stage_key(s, 'n');
    assert_int_equal(s->calls, calls);
    assert_true(stage_shows(s, "n: another code can be sent in 30 s"));
    stage_wait(s, 29000);
    assert_true(stage_shows(s, "n sends another in 0:01"));
    stage_wait(s, 1000);
    stage_shot_at(s, "way-email-code-resend", 24, 80);
    stage_key(s, 'n');
    last_answer(s, "resend", NULL);
    stage_answer(s, s->last_call, "{}", true);
    stage_step(s, STEP("3", "field", "email_code", "\"submit\",\"resend\",\"back\"", "sent_to",
                       ARG("maya@acme.example") UNTIL("610000")));
    stage_type(s, "12345");
    assert_int_equal(s->calls, calls + 1);
    stage_type(s, "6");
    last_answer(s, "submit", "123456");
    stage_step(s, STEP("4", "field", "email_code", "\"submit\",\"resend\",\"back\"", "bad_code",
                       UNTIL("610000") WHY("workos.bad_code", "400")));
    stage_shot(s, "way-email-code-wrong");
    stage_wait(s, 30000);
    assert_true(stage_shows(s, "n sends another code"));
    stage_wait(s, 600000);
    assert_true(stage_shows(s, "This code has expired"));
    stage_key(s, KF_KEY_ESC);
    last_answer(s, "back", NULL);
}

static void verify_email(void **state) {
    stage *s = *state;
    stage_signin(s);
    stage_step(s, STEP("2", "field", "email_code", "\"submit\",\"resend\"", "verify_email",
                       ARG("maya@acme.example")));
    stage_shot(s, "way-verify-email");
    stage_paste(s, "Your code is 123 456");
    last_answer(s, "submit", "123456");
}

static void radar(void **state) {
    stage *s = *state;
    stage_signin(s);
    stage_step(s, STEP("2", "field", "phone", "\"submit\"", "radar", ""));
    stage_type(s, "+44 20 7946 0000");
    stage_shot(s, "way-phone");
    stage_key(s, KF_KEY_ENTER);
    last_answer(s, "submit", "+44 20 7946 0000");
    stage_step(
        s, STEP("3", "field", "sms_code", "\"submit\",\"resend\"", "radar", ARG("+442079460000")));
    stage_shot(s, "way-sms-code");
    stage_type(s, "654321");
    last_answer(s, "submit", "654321");
}

static void new_password(void **state) {
    stage *s = *state;
    stage_signin(s);
    stage_step(s, STEP("2", "field", "password", "\"submit\",\"back\",\"reset\"", "", ""));
    stage_shot(s, "way-password-forgot");
    int before = s->calls;
    stage_key(s, KF_CTRL('F')); /* forward, to the fingers of many */
    assert_string_equal(kf_app_top(s->a), "signin");
    stage_key(s, KF_CTRL('N'));
    stage_shot_at(s, "confirm-reset", 24, 80);
    stage_key(s, KF_KEY_ENTER); /* Cancel has the focus */
    assert_int_equal(s->calls, before);
    stage_key(s, KF_CTRL('N'));
    stage_key(s, 'y');
    last_answer(s, "reset", NULL);
    stage_step(s, STEP("3", "field", "reset_token", "\"submit\",\"back\"", "reset_asked",
                       ARG("maya@acme.example")));
    stage_paste(s, "canary-token");
    stage_shot(s, "way-reset-token");
    stage_key(s, KF_KEY_ENTER);
    last_answer(s, "submit", "canary-token");
    stage_step(s, STEP("4", "field", "new_password", "\"submit\",\"back\"", "", ""));
    stage_type(s, "canary one");
    stage_key(s, KF_KEY_ENTER);
    stage_shot(s, "way-new-password");
    int calls = s->calls;
    stage_type(s, "canary two");
    stage_key(s, KF_KEY_ENTER);
    assert_int_equal(s->calls, calls);
    assert_true(stage_shows(s, "The two are not the same"));
    stage_type(s, "canary three");
    stage_key(s, KF_KEY_TAB);
    stage_type(s, "canary three");
    shows_not(s, 24, 80, "canary");
    stage_key(s, KF_KEY_ENTER);
    last_answer(s, "submit", "canary three");
    stage_step(
        s, STEP("5", "field", "password", "\"submit\",\"back\",\"reset\"", "password_changed", ""));
    stage_shot_at(s, "way-password-changed", 24, 80);
}

#define PERSON(id, email, name, client)                                \
    "{\"user_id\":\"" id "\",\"email\":\"" email "\",\"name\":\"" name \
    "\",\"client_id\":\"" client "\",\"api_host\":\"https://api.workos.com\"}"
#define MAYA PERSON("user_1", "maya@acme.example", "Maya Chen", "client_1")
#define MAX PERSON("user_2", "max@acme.example", "Max Power", "client_1")
#define OTHER(serial, more)                                                          \
    STEP(serial, "field", "other_user", "\"replace\",\"new_profile\"", "other_user", \
         ",\"owner\":" MAYA ",\"person\":" MAX more)

static void other_person(void **state) {
    stage *s = *state;
    stage_signin(s);
    stage_step(s, OTHER("2", ""));
    stage_shot(s, "way-other-person");
    int calls = s->calls;
    stage_key(s, KF_KEY_ENTER);
    last_answer(s, "new_profile", "acme-prod-max");
    stage_answer(s, s->last_call, "{}", true);
    stage_step(s, OTHER("3", ",\"failure\":{\"name\":\"usage.exists\",\"what\":\"the profile "
                             "acme-prod-max\",\"hint\":\"\"}"));
    stage_shot_at(s, "way-other-person-taken", 24, 80);
    stage_type(s, "-b");
    stage_key(s, KF_KEY_ENTER);
    last_answer(s, "new_profile", "acme-prod-max-b");
    assert_int_equal(s->calls, calls + 2);
}

static void other_person_replaces(void **state) {
    stage *s = *state;
    stage_signin(s);
    stage_step(s, OTHER("2", ""));
    stage_key(s, KF_KEY_DOWN);
    int calls = s->calls;
    stage_type(s, "xzn"); /* no key but Enter decides */
    assert_int_equal(s->calls, calls);
    stage_shot_at(s, "way-other-person-replace", 24, 80);
    stage_key(s, KF_KEY_ENTER);
    last_answer(s, "replace", NULL);
}

static void other_person_stops(void **state) {
    stage *s = *state;
    stage_signin(s);
    stage_step(s, OTHER("2", ""));
    int calls = s->calls, stops = s->stops;
    stage_key(s, KF_KEY_DOWN);
    stage_key(s, KF_KEY_DOWN);
    stage_key(s, KF_KEY_ENTER);
    assert_int_equal(s->calls, calls);
    assert_int_equal(s->stops,
                     stops + 1); /* its connection is closed: the agent ends the session */
    assert_true(stage_shows(s, "keyfob ends the new session at WorkOS"));
}

static void other_environment(void **state) {
    stage *s = *state;
    stage_signin(s);
    stage_step(s,
               STEP("2", "field", "other_user", "\"replace\",\"new_profile\"", "other_environment",
                    ",\"owner\":" MAYA ",\"person\":" PERSON("user_9", "maya@acme.example",
                                                             "Maya Chen", "client_staging")));
    stage_shot_at(s, "way-other-environment", 24, 80);
    stage_key(s, KF_KEY_ESC);
    assert_true(stage_shows(s, "keyfob ends the new session at WorkOS"));
}

static void to_enroll(stage *s) {
    stage_signin(s);
    stage_step(s, STEP("2", "show_qr", "totp", "\"submit\"", "enroll", QR));
}

static void enroll(void **state) {
    stage *s = *state;
    to_enroll(s);
    stage_shot(s, "way-enroll");
    stage_shot_at(s, "way-enroll", 36, 60); /* words under the code */
    assert_true(stage_shows(s, "NAGC CFS3"));
    stage_key(s, 'w');
    stage_shot_at(s, "way-enroll-wide", 24, 80);
    stage_shot_at(s, "way-enroll-wide", 48, 130);
    stage_key(s, 'w');
    stage_key(s, 'i');
    stage_shot_at(s, "way-enroll-invert", 24, 80);
    stage_key(s, 'i');
    stage_key(s, '+');
    stage_shot_at(s, "way-enroll-quiet", 36, 120);
    stage_key(s, '+');
    stage_key(s, '+');
    stage_type(s, "12345");
    assert_string_not_equal(s->last_method, "Answer");
    stage_type(s, "6");
    last_answer(s, "submit", "123456");
    stage_answer(s, s->last_call, "{}", true);
    stage_step(s, STEP("3", "show_qr", "totp", "\"submit\"", "bad_code",
                       QR WHY("workos.bad_code", "400")));
    stage_shot(s, "way-enroll-wrong");
    stage_wait(s, 31000);
    assert_true(stage_shows(s, "Still not scanning?"));
    int stops = s->stops;
    stage_key(s, KF_KEY_ESC); /* an app may have scanned it just now */
    assert_string_equal(kf_app_top(s->a), "confirm");
    stage_key(s, KF_KEY_ENTER);
    assert_true(stage_shows(s, "NAGC CFS3"));
    assert_int_equal(s->stops, stops);
    stage_key(s, KF_KEY_ESC);
    stage_key(s, 'y');
    assert_string_equal(kf_app_top(s->a), "chooser");
    assert_int_equal(s->stops, stops + 1);
    shows_not(s, 24, 80, "NAGC");
    assert_null(s->m.step.qr); /* nor does it stay behind */
}

static void enroll_hides(void **state) {
    stage *s = *state;
    to_enroll(s);
    kf_app_hide(s->a); /* before a suspension */
    stage_shot(s, "way-enroll-hidden");
    shows_not(s, 36, 120, "NAGC");
    shows_not(s, 36, 120, "\xe2\x96\x84");
    stage_key(s, 'v');
    assert_true(stage_shows(s, "NAGC CFS3"));
    stage_wait(s, 299000);
    assert_true(stage_shows(s, "NAGC CFS3"));
    stage_wait(s, 1000);
    shows_not(s, 24, 80, "NAGC");
    stage_type(s, "123456");
    last_answer(s, "submit", "123456");
}

/* In one line, with single blanks. */
static char *flatten(const char *text) {
    char *out = strdup(text), *to = out;
    assert_non_null(out);
    for (const char *c = text; *c; c++)
        if (*c != '\n' && *c != ' ') *to++ = *c;
        else if (to > out && to[-1] != ' ') *to++ = ' ';
    *to = 0;
    return out;
}

/* What is missing is named, and is enough; nothing is drawn in part. */
static void enroll_never_in_part(void **state) {
    stage *s = *state;
    to_enroll(s);
    for (int rows = 12; rows < 60; rows += 3)
        for (int cols = 40; cols < 140; cols += 7) {
            int more_rows = 0, more_cols = 0;
            KF_AUTO_CHARS got = stage_draw(s, rows, cols);
            bool code = strstr(got, "\xe2\x96\x88\xe2\x96\x88\xe2\x96\x88\xe2\x96\x88") != NULL;
            assert_non_null(strstr(got, "NAGC"));
            assert_non_null(strstr(got, "cursor"));
            KF_AUTO_CHARS flat = flatten(got);
            const char *needs = strstr(flat, "The QR code needs ");
            assert_true(code == !needs);
            if (code) continue;
            const char *c = strstr(needs, " column"), *r = strstr(needs, " row");
            for (; c && c[-1] != ' '; c--) continue;
            for (; r && r[-1] != ' '; r--) continue;
            if (c) more_cols = (int)strtol(c, NULL, 10);
            if (r) more_rows = (int)strtol(r, NULL, 10);
            assert_true(more_rows + more_cols > 0);
            KF_AUTO_CHARS larger = stage_draw(s, rows + more_rows, cols + more_cols);
            if (!strstr(larger, "\xe2\x96\x88\xe2\x96\x88\xe2\x96\x88\xe2\x96\x88"))
                fail_msg("%dx%d: %d and %d more are not enough\n%s", cols, rows, more_cols,
                         more_rows, got);
        }
}

static void device(void **state) {
    stage *s = *state;
    stage_signin_by(s, '2');
    assert_string_equal(kf_json_str(s->last_params, "method"), "device");
    stage_step(
        s, STEP("2", "open_url", "", "\"browser\",\"new_code\"", "device", DEVICE UNTIL("300000")));
    stage_shot(s, "way-device");
    assert_true(stage_shows(s, "FDRW-LKJH"));
    assert_true(stage_shows(s, "Good for 5:00"));
    assert_int_equal(s->opened, 0); /* never by itself */
    stage_key(s, 'b');
    assert_int_equal(s->opened, 1);
    assert_string_equal(s->opened_url, DEVICE_URL);
    stage_wait(s, 300000);
    assert_true(stage_shows(s, "This code has expired. n makes a new one."));
    stage_step(s, STEP("3", "open_url", "", "\"new_code\"", "code_expired", ""));
    stage_shot(s, "way-device-expired");
    stage_key(s, 'b');
    assert_int_equal(s->opened, 1);
    stage_key(s, 'n');
    last_answer(s, "new_code", NULL);
    assert_string_equal(kf_app_top(s->a), "signin");
    stage_step(s, STEP("4", "open_url", "", "\"browser\",\"new_code\"", "network",
                       DEVICE UNTIL("600000") WHY("net.connect", "0")));
    stage_shot_at(s, "way-device-network", 24, 80);
}

static char *ssh_line(const char *url) {
    assert_non_null(strstr(url, "41234"));
    return strdup("ssh -L 41234:127.0.0.1:41234 ada@build.example");
}

static void browser(void **state) {
    stage *s = *state;
    s->m.ssh_line = ssh_line;
    stage_signin_by(s, '1');
    assert_string_equal(kf_json_str(s->last_params, "method"), "browser");
    stage_step(s, STEP("2", "open_url", "redirect_url", "\"submit\",\"browser\"", "browser",
                       ",\"url\":\"" AUTHORIZE "\"" UNTIL("600000")));
    stage_shot(s, "way-browser-ssh");
    assert_int_equal(s->opened, 0);
    assert_true(stage_shows(s, "ssh -L 41234:127.0.0.1:41234 ada@build.example"));
    stage_key(s, 'b');
    assert_string_equal(s->opened_url, AUTHORIZE);
    stage_paste(s, "http://127.0.0.1:41234/callback?code=abc&state=def\n");
    stage_shot_at(s, "way-browser-pasted", 24, 80);
    stage_key(s, KF_KEY_ENTER);
    last_answer(s, "submit", "http://127.0.0.1:41234/callback?code=abc&state=def");
    stage_fail(s, s->last_call,
               (kf_err){.code = KF_ERR_USAGE_BAD_ANSWER,
                        .what = "that address does not belong to this sign-in"});
    assert_true(stage_shows(s, "does not belong to this sign-in"));
    stage_key(s, KF_KEY_TAB);
    stage_type(s, "bnq"); /* letters there */
    assert_true(stage_shows(s, "[ bnq"));
    stage_key(s, KF_KEY_ESC); /* leaves the field */
    assert_string_equal(kf_app_top(s->a), "signin");
    shows_not(s, 24, 80, "bnq");
    stage_key(s, KF_KEY_ESC);
    assert_string_equal(kf_app_top(s->a), "chooser");
}

/* The whole address can be seen in the smallest window, by scrolling. */
static void address_is_complete(void **state) {
    stage *s = *state;
    char seen[2000] = "";
    stage_signin_by(s, '1');
    stage_step(s, STEP("2", "open_url", "redirect_url", "\"submit\",\"browser\"", "browser",
                       ",\"url\":\"" AUTHORIZE "\""));
    for (int i = 0; i < 24; i++) {
        KF_AUTO_CHARS got = stage_draw(s, 12, 40);
        for (char *save = NULL, *l = strtok_r(got, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
            if (l += strspn(l, " "), strlen(l) > 20 && strstr(AUTHORIZE, l) && !strstr(seen, l) &&
                                         strlen(seen) + strlen(l) < sizeof seen)
                memcpy(seen + strlen(seen), l, strlen(l) + 1);
        stage_key(s, KF_KEY_DOWN);
    }
    assert_non_null(strstr(seen, "code_challenge_method=S256"));
    assert_true(strlen(seen) >= strlen(AUTHORIZE));
    stage_shot(s, "way-browser");
}

static void sso(void **state) {
    stage *s = *state;
    stage_signin_by(s, '5');
    assert_string_equal(kf_json_str(s->last_params, "method"), "sso");
    stage_step(s, STEP("2", "field", "organization", "\"submit\"", "", ""));
    stage_type(s, "acme.example");
    stage_shot(s, "way-sso");
    stage_key(s, KF_KEY_ENTER);
    last_answer(s, "submit", "acme.example");
    stage_step(s, STEP("3", "open_url", "redirect_url", "\"submit\",\"browser\"", "browser",
                       ",\"url\":\"" AUTHORIZE "\""));
    stage_key(s, KF_KEY_ESC);
    stage_key(s, KF_KEY_ESC);
    stage_signin(s);
    stage_step(s, STEP("2", "open_url", "redirect_url", "\"submit\",\"browser\"", "sso",
                       ARG("Acme Labs") ",\"url\":\"" AUTHORIZE "\""));
    stage_shot_at(s, "way-sso-required", 24, 80);
    stage_key(s, 'b'); /* one key leads there */
    assert_int_equal(s->opened, 1);
    stage_step(s, STEP("3", "open_url", "redirect_url", "\"submit\",\"browser\"", "public_step_up",
                       ARG("mfa_challenge") ",\"url\":\"" AUTHORIZE "\""));
    stage_shot_at(s, "way-public-step-up", 24, 80);
}

static void factors(void **state) {
    stage *s = *state;
    stage_signin(s);
    stage_step(s, "{\"serial\":2,\"kind\":\"choose\",\"field\":\"\",\"acts\":[\"choose\"],\"note\":"
                  "\"\",\"choices\":["
                  "{\"id\":\"auth_factor_01J8ABCD0EFGH1JKLMN2PQR4TZ\",\"label\":\"Authenticator "
                  "app\",\"detail\":\"\"},"
                  "{\"id\":\"auth_factor_01JA0000000000000000000007\",\"label\":\"Authenticator "
                  "app\",\"detail\":\"\"}]}");
    stage_shot_at(s, "way-factors", 24, 80);
    stage_key(s, KF_KEY_DOWN);
    stage_key(s, KF_KEY_ENTER);
    last_answer(s, "choose", "auth_factor_01JA0000000000000000000007");
}

static void impersonated(void **state) {
    stage *s = *state;
    stage_signin(s);
    stage_step(
        s, "{\"serial\":7,\"kind\":\"done\",\"field\":\"\",\"acts\":[],\"note\":\"\",\"profile\":{"
           "\"id\":"
           "\"00000000000000a1\",\"name\":\"acme-prod\",\"state\":\"signed_in\",\"user_id\":\"user_"
           "9\",\"user_email\":"
           "\"maya@acme.example\",\"impersonator\":\"support@acme.example\",\"left_ms\":300000}}");
    assert_true(
        stage_shows(s, "! Signed in to acme-prod as maya@acme.example: an impersonated session"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_list, shut)

int main(void) {
    setenv("TZ", "UTC", 1);
    if (!setlocale(LC_ALL, "C.UTF-8")) return 1;
    const struct CMUnitTest tests[] = {T(email_code),
                                       T(verify_email),
                                       T(radar),
                                       T(new_password),
                                       T(enroll),
                                       T(enroll_hides),
                                       T(other_person),
                                       T(other_person_replaces),
                                       T(other_person_stops),
                                       T(other_environment),
                                       T(enroll_never_in_part),
                                       T(device),
                                       T(browser),
                                       T(address_is_complete),
                                       T(sso),
                                       T(factors),
                                       T(impersonated)};
    return cmocka_run_group_tests_name("ways", tests, NULL, NULL);
}
