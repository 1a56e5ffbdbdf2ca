/* The pictures of README and of the guides. */
#include <locale.h>
#include "picture.h"

#define STEP(kind, field, note, more)                                                             \
    "{\"serial\":1,\"kind\":\"" kind "\",\"field\":\"" field "\",\"acts\":[\"submit\"],\"note\":" \
    "\"" note "\"" more "}"
#define EMAIL STEP("field", "email", "", "")
#define PASSWORD STEP("field", "password", "", "")
#define TOTP STEP("field", "totp", "mfa", "")
#define ENROLL                                                               \
    STEP("show_qr", "totp", "enroll",                                        \
         ",\"qr\":\"otpauth://totp/Acme%20Inc:maya@acme.example?secret="     \
         "NAGCCFS3EYRB422HNAKAKY3XDUORMSRF&issuer=Acme%20Inc\",\"qr_text\":" \
         "\"NAGCCFS3EYRB422HNAKAKY3XDUORMSRF\"")
#define FAILED                                                           \
    STEP("failed", "", "",                                               \
         ",\"failure\":{\"name\":\"net.tls\",\"what\":\"certificate of " \
         "api.workos.com: self-signed certificate\",\"hint\":\"\"}")
#define SANDBOX(state, more)                                                                      \
    "{\"profiles\":[{\"id\":\"00000000000000c1\",\"name\":\"sandbox\",\"default\":true,"          \
    "\"confidential\":true,\"client_id\":\"client_SANDBOX\",\"api_host\":\"http://"               \
    "127.0.0.1:41373\",\"environment\":\"sandbox\",\"organization_id\":\"\",\"redirect_port\":0," \
    "\"state\":\"" state "\"" more                                                                \
    "}],\"removed\":[],\"store\":{\"kind\":\"memory\",\"state\":\"ok\",\"choice\":\"memory\","    \
    "\"why\":\"\"}}"
#define SIGNED_IN                                                                            \
    SANDBOX("signed_in",                                                                     \
            ",\"user_id\":\"user_1\",\"user_email\":\"totp@example.test\",\"org_id\":"       \
            "\"org_1\",\"org_name\":\"Acme Inc\",\"role\":\"member\",\"session_id\":"        \
            "\"session_1\",\"method\":\"Password\",\"signed_in_at\":1795449990,\"left_ms\":" \
            "297000,\"life_ms\":300000,\"token_head\":\"eyJhbGci\",\"token_tail\":\"R9wA\"")

static const char office[] =
    "{\"profiles\":["
    "{\"id\":\"00000000000000d1\",\"name\":\"acme-prod\",\"confidential\":true,\"client_id\":\"cli"
    "ent_01HZ1\",\"api_host\":\"https://api.workos.com\",\"environment\":\"production\",\"organ"
    "ization_id\":\"\",\"redirect_port\":0,\"user_id\":\"user_1\",\"user_email\":\"maya@acme.exam"
    "ple\",\"org_id\":\"org_1\",\"org_name\":\"Acme "
    "Inc\",\"role\":\"admin\",\"session_id\":\"session"
    "_1\",\"life_ms\":300000,\"state\":\"signed_in\",\"default\":true,\"left_ms\":252000},"
    "{\"id\":\"00000000000000d2\",\"name\":\"acme-staging\",\"confidential\":true,\"client_id\":\""
    "client_01HZ2\",\"api_host\":\"https://api.workos.com\",\"environment\":\"staging\",\"organ"
    "ization_id\":\"\",\"redirect_port\":0,\"user_id\":\"user_2\",\"user_email\":\"maya@acme.exam"
    "ple\",\"org_id\":\"org_2\",\"org_name\":\"Acme "
    "Inc\",\"role\":\"admin\",\"session_id\":\"session"
    "_2\",\"life_ms\":300000,\"state\":\"signed_in\",\"left_ms\":48000},"
    "{\"id\":\"00000000000000d3\",\"name\":\"globex\",\"confidential\":true,\"client_id\":\"client"
    "_01HZ3\",\"api_host\":\"https://api.workos.com\",\"environment\":\"production\",\"organiza"
    "tion_id\":\"\",\"redirect_port\":0,\"user_id\":\"user_3\",\"user_email\":\"dev@globex.exampl"
    "e\",\"org_id\":\"org_3\",\"org_name\":\"Globex\",\"role\":\"admin\",\"session_id\":\"session_"
    "3\","
    "\"life_ms\":300000,\"state\":\"needs_sign_in\",\"failure\":{\"name\":\"workos.invalid_grant"
    "\",\"what\":\"WorkOS answered "
    "400\",\"hint\":\"\",\"status\":400,\"upstream\":\"invalid_grant\""
    "}},"
    "{\"id\":\"00000000000000d4\",\"name\":\"hooli\",\"confidential\":true,\"client_id\":\"client_"
    "01HZ4\",\"api_host\":\"https://api.workos.com\",\"environment\":\"staging\",\"organization"
    "_id\":\"\",\"redirect_port\":0,\"user_id\":\"user_4\",\"user_email\":\"m.lopez@hooli.example"
    "\",\"org_id\":\"org_4\",\"org_name\":\"Hooli "
    "Europe\",\"role\":\"admin\",\"session_id\":\"sessio"
    "n_4\",\"life_ms\":300000,\"state\":\"offline\",\"retry_in_ms\":20000}"
    "],\"removed\":[],\"store\":{\"kind\":\"vault\",\"state\":\"ok\",\"choice\":\"auto\",\"why\":"
    "\"\"}}";

static int open_acme(void **state) {
    static stage s;
    stage_open_acme(&s);
    *state = &s;
    return 0;
}

static int open_list(void **state) {
    static stage s;
    stage_open(&s);
    stage_watch(&s, office);
    *state = &s;
    return 0;
}

static int open_sandbox(void **state) {
    static stage s;
    stage_open(&s);
    s.m.sandbox = true;
    stage_watch(&s, SANDBOX("signed_out", ""));
    *state = &s;
    return 0;
}

static int shut(void **state) {
    stage_close(*state);
    return 0;
}

static void list(void **state) {
    picture(*state, "list",
            "The list of profiles: who is signed in where, and how long the token lives");
}

static void enroll(void **state) {
    stage *s = *state;
    stage_signin(s);
    stage_step(s, ENROLL);
    picture(s, "enroll", "Setting up an authenticator app with a QR code in the terminal");
}

static void export(void **state) {
    stage *s = *state;
    stage_key(s, 'x');
    picture(s, "export", "Exporting a token: what, as which format, to where, with a preview");
}

static void error(void **state) {
    stage *s = *state;
    stage_signin(s);
    stage_step(s, FAILED);
    picture(s, "error", "An error: what happened, what it means and what to do");
}

static void help(void **state) {
    stage *s = *state;
    stage_key(s, '?');
    picture(s, "help", "The help page: every key of the screen, with a search");
}

static void first_minute(void **state) {
    stage *s = *state;
    film *f = film_new();
    film_frame(f, s, 2.5);
    stage_key(s, 's');
    film_frame(f, s, 2);
    stage_key(s, '4');
    stage_step(s, EMAIL);
    stage_type(s, "totp@example.test");
    film_frame(f, s, 2);
    stage_key(s, KF_KEY_ENTER);
    stage_answer(s, s->last_call, "{}", true);
    stage_step(s, PASSWORD);
    stage_type(s, "sandbox-password");
    film_frame(f, s, 2);
    stage_key(s, KF_KEY_ENTER);
    stage_answer(s, s->last_call, "{}", true);
    stage_step(s, TOTP);
    stage_type(s, "492039");
    film_frame(f, s, 2);
    stage_key(s, KF_KEY_ENTER);
    stage_answer(s, s->last_call, "{}", true);
    stage_watch(s, SIGNED_IN);
    stage_step(s, "{\"serial\":9,\"kind\":\"done\",\"field\":\"\",\"acts\":[],\"note\":\"\","
                  "\"profile\":{\"id\":\"00000000000000c1\",\"name\":\"sandbox\",\"state\":"
                  "\"signed_in\",\"user_id\":\"user_1\",\"user_email\":\"totp@example.test\","
                  "\"org_name\":\"Acme Inc\",\"left_ms\":300000,\"life_ms\":300000}}");
    film_frame(f, s, 2.5);
    stage_key(s, 't');
    stage_answer(s, s->last_call,
                 "{\"access_token\":\"eyJhbGciOiJSUzI1NiJ9.e30.c2ln\",\"expires_at\":1795450252,"
                 "\"left_ms\":297000,\"name\":\"sandbox\",\"client_id\":\"client_SANDBOX\"}",
                 true);
    stage_answer(s, s->last_call,
                 "{\"what\":\"access token\",\"way\":\"wl-copy\",\"sent\":false,"
                 "\"clear_after_ms\":30000}",
                 true);
    assert_true(stage_shows(s, "Copied the access token"));
    film_frame(f, s, 4);
    film_end(f, "first-minute",
             "The first minute: the sandbox, a password, an authenticator code, a token copied");
}

int main(void) {
    setlocale(LC_ALL, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(list, open_list, shut),
        cmocka_unit_test_setup_teardown(enroll, open_acme, shut),
        cmocka_unit_test_setup_teardown(export, open_acme, shut),
        cmocka_unit_test_setup_teardown(error, open_acme, shut),
        cmocka_unit_test_setup_teardown(help, open_list, shut),
        cmocka_unit_test_setup_teardown(first_minute, open_sandbox, shut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
