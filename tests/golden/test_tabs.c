/* What one profile has: claims, sessions, factors, organizations, and setting up an authenticator
 * app. */
#include <locale.h>
#include "base/buf.h"
#include "base/str.h"
#include "golden.h"

#define CLAIMS(more)                                                                            \
    "{\"claims\":{\"iss\":\"https://api.workos.com/user_management/"                            \
    "client_01HZX5T7YB1Q3T4K8M9N2P6R7S\",\"sub\":"                                              \
    "\"user_01HXYZ5T7YB1Q3T4K8M9N2P6R7\",\"sid\":\"session_01JDABCDEFGHJKMNPQRSTV7QK2\",\"org_" \
    "id\":\"org_01J8ABCD\",\"role\""                                                            \
    ":\"admin\",\"permissions\":[\"billing:read\",\"billing:write\",\"members:invite\"],"       \
    "\"feature_flags\":[],\"iat\":"                                                             \
    "1795449952,\"exp\":1795450252,\"hostile\":\"\\u001b[2J\\u202eevil\"},\"header\":{\"alg\":" \
    "\"RS256\"},\"kid\":"                                                                       \
    "\"sso_oidc_key_pair_01HZ\",\"user\":{\"email_verified\":true,\"metadata\":{\"team\":"      \
    "\"blue\"}}" more "}"
#define SESSIONS                                                                                   \
    "{\"sessions\":[{\"id\":\"session_01JDABCDEFGHJKMNPQRSTV7QK2\",\"current\":true,\"status\":"   \
    "\"active\",\"auth_method\":"                                                                  \
    "\"password\",\"ip_address\":\"192.0.2.7\",\"user_agent\":\"keyfob/"                           \
    "0.1\",\"created_at\":\"2026-11-23T15:00:00.000Z\","                                           \
    "\"expires_at\":\"2026-11-30T15:00:00.000Z\"},{\"id\":\"session_01JD0000000000000000000002\"," \
    "\"current\":false,"                                                                           \
    "\"status\":\"active\",\"auth_method\":\"sso\",\"ip_address\":\"2001:db8::7\",\"user_agent\":" \
    "\"Mozilla/5.0 (Macintosh; "                                                                   \
    "Intel Mac OS X 10_15_7) "                                                                     \
    "Safari\",\"created_at\":\"2026-11-20T09:12:00.000Z\",\"impersonator\":\"support@acme."        \
    "example\"}"
#define MORE_SESSIONS                                                                             \
    "{\"sessions\":[{\"id\":\"session_01JD0000000000000000000003\",\"current\":false,\"status\":" \
    "\"revoked\",\"created_at\":"                                                                 \
    "\"2026-11-01T09:12:00.000Z\"}]}"
#define FACTORS                                                                           \
    "{\"factors\":[{\"id\":\"auth_factor_01J8ABCD0EFGH1JKLMN2PQR4TZ\",\"type\":\"totp\"," \
    "\"created_at\":"                                                                     \
    "\"2026-10-01T08:00:00.000Z\"}]}"
#define ORGS                                                                                   \
    "{\"organizations\":[{\"id\":\"org_01J8ABCD0EFGH1JKLMN2PQR4TZ\",\"name\":\"Acme "          \
    "Inc\",\"role\":\"admin\",\"status\":"                                                     \
    "\"active\"},{\"id\":\"org_01JA0000000000000000000007\",\"name\":\"Acme Labs "             \
    "\xe6\xa0\xaa\xe5\xbc\x8f\xe4\xbc\x9a\xe7\xa4\xbe\",\"role\":\"viewer\",\"status\":"       \
    "\"active\"},{\"id\":"                                                                     \
    "\"org_01JB0000000000000000000008\",\"name\":\"Umbrella\",\"role\":\"member\",\"status\":" \
    "\"inactive\"}]}"
#define KEY "NAGCCFS3EYRB422HNAKAKY3XDUORMSRF"
#define ENROLL                                                                                    \
    "{\"enrollment\":\"e1\",\"factor_id\":\"auth_factor_2\",\"verified\":false,\"secret\":\"" KEY \
    "\",\"uri\":"                                                                                 \
    "\"otpauth://totp/Acme%20Inc:maya@acme.example?secret=" KEY "&issuer=Acme%20Inc\"}"

static int open_acme(void **state) {
    static stage s;
    stage_open_acme(&s);
    *state = &s;
    return 0;
}

static int shut(void **state) {
    stage_close(*state);
    return 0;
}

static void asked(stage *s, const char *method) {
    assert_string_equal(s->last_method, method);
    if (kf_json_str(s->last_params, "profile"))
        assert_string_equal(kf_json_str(s->last_params, "profile"), "00000000000000a1");
}

static void claims(void **state) {
    stage *s = *state;
    stage_key(s, 'c'); /* from the list */
    asked(s, "Claims");
    assert_false(kf_json_bool(s->last_params, "verify", true));
    stage_answer(s, s->last_call, CLAIMS(""), true);
    stage_shot(s, "claims");
    assert_true(stage_shows(s, "not verified"));
    stage_key(s, 'v');
    asked(s, "Claims");
    assert_true(kf_json_bool(s->last_params, "verify", false));
    stage_answer(s, s->last_call, CLAIMS(",\"verified\":true"), true);
    stage_shot_at(s, "claims-verified", 24, 80);
    stage_key(s, 'v');
    stage_answer(s, s->last_call,
                 CLAIMS(",\"verified\":false,\"failure\":{\"name\":\"workos.refused\",\"what\":"
                        "\"the signature does not fit the "
                        "key\",\"hint\":\"\"}"),
                 true);
    stage_shot_at(s, "claims-forged", 24, 80);
    stage_key(s, 'v');
    stage_answer(
        s, s->last_call,
        CLAIMS(",\"failure\":{\"name\":\"net.timeout\",\"what\":\"api.workos.com\",\"hint\":\"\"}"),
        true);
    assert_true(stage_shows(s, "Not verified: it could not be checked"));
    int calls =
        s->calls; /* another token: they are read again, and nothing is said to be verified */
    stage_watch(s, "{\"profiles\":[{\"id\":\"00000000000000a1\",\"name\":\"acme-prod\",\"state\":"
                   "\"signed_in\",\"user_id\":\"u\","
                   "\"confidential\":true,\"renewed_at\":1795450001,\"left_ms\":300000}]}");
    assert_int_equal(s->calls, calls + 1);
    stage_fail(s, s->last_call, (kf_err){.code = KF_ERR_WORKOS_NOT_SIGNED_IN, .what = "acme-prod"});
    stage_shot_at(s, "claims-failed", 24, 80);
    stage_key(s, KF_KEY_ESC);
    assert_true(stage_shows(s, "[Overview]"));
    stage_key(s, KF_KEY_ESC);
    assert_string_equal(kf_app_top(s->a), "profiles");
}

static void many_claims(void **state) {
    stage *s = *state;
    kf_buf b;
    kf_buf_init(&b, 1 << 20);
    assert_true(kf_buf_adds(&b, "{\"claims\":{\"permissions\":["));
    for (int i = 0; i < 500; i++) assert_true(kf_buf_addf(&b, "%s\"thing:%d\"", i ? "," : "", i));
    assert_true(kf_buf_adds(&b, "]},\"header\":{}}"));
    stage_key(s, 'c');
    stage_answer(s, s->last_call, b.data, true);
    kf_buf_done(&b);
    assert_true(stage_shows(s, "thing:0"));
    stage_key(s, KF_KEY_END);
    assert_true(stage_shows(s, "thing:499")); /* nothing is left out */
}

static void to_tab(stage *s, const char *method) {
    stage_key(s, KF_KEY_ENTER);
    for (int i = 0; i < 4 && strcmp(s->last_method, method) != 0; i++) stage_key(s, KF_KEY_TAB);
    asked(s, method);
}

static void sessions(void **state) {
    stage *s = *state;
    to_tab(s, "ListSessions");
    stage_shot_at(s, "sessions-asking", 24, 80);
    uint32_t call = s->last_call;
    stage_answer(s, call, SESSIONS "]}", false);
    stage_answer(s, call, MORE_SESSIONS, true); /* in parts */
    stage_shot(s, "sessions");
    int calls = s->calls;
    stage_key(s, 'D'); /* the one of the profile itself */
    assert_string_equal(kf_app_top(s->a), "profile");
    assert_true(stage_shows(s, "S signs out"));
    stage_key(s, KF_KEY_DOWN);
    stage_shot_at(s, "sessions-other", 24, 80);
    stage_key(s, 'D');
    stage_shot(s, "confirm-revoke");
    stage_key(s, KF_KEY_ENTER); /* the safe one has the focus */
    assert_int_equal(s->calls, calls);
    stage_key(s, 'D');
    stage_key(s, 'y');
    asked(s, "RevokeSession");
    assert_string_equal(kf_json_str(s->last_params, "session"),
                        "session_01JD0000000000000000000002");
    stage_answer(s, s->last_call, "{\"revoked\":1}", true);
    assert_true(stage_shows(s, "Ended 1 session"));
    asked(s, "ListSessions"); /* it is looked at again */
    stage_answer(s, s->last_call, SESSIONS "]}", true);
    stage_key(s, 'A');
    stage_shot(s, "typed-others");
    calls = s->calls;
    stage_key(s, KF_KEY_ENTER);
    assert_int_equal(s->calls, calls);
    stage_type(s, "acme-prod");
    stage_key(s, KF_KEY_ENTER);
    asked(s, "RevokeSession");
    assert_true(kf_json_bool(s->last_params, "others", false));
    stage_fail(s, s->last_call, (kf_err){.code = KF_ERR_NET_TIMEOUT, .what = "api.workos.com"});
    assert_true(stage_shows(s, "Could not end sessions of acme-prod"));
}

static void lists_fail(void **state) {
    stage *s = *state;
    to_tab(s, "ListSessions");
    stage_fail(s, s->last_call,
               (kf_err){.code = KF_ERR_WORKOS_NEEDS_API_KEY, .what = "lists of sessions"});
    stage_shot(s, "sessions-failed");
    stage_key(s, 'D');
    assert_string_equal(kf_app_top(s->a), "profile");
    stage_key(s, KF_CTRL('L'));
    asked(s, "ListSessions");
}

static void factors(void **state) {
    stage *s = *state;
    to_tab(s, "ListFactors");
    stage_answer(s, s->last_call, "{\"factors\":[]}", true);
    assert_true(stage_shows(s, "No factors yet. a sets up an authenticator app."));
    stage_key(s, KF_CTRL('L'));
    stage_answer(s, s->last_call, FACTORS, true);
    stage_shot(s, "factors");
    stage_key(s, 'D');
    stage_shot(s, "typed-factor");
    stage_type(s, "acme-prod");
    stage_key(s, KF_KEY_ENTER);
    asked(s, "DeleteFactor");
    assert_string_equal(kf_json_str(s->last_params, "factor"),
                        "auth_factor_01J8ABCD0EFGH1JKLMN2PQR4TZ");
    stage_answer(s, s->last_call, "{}", true);
    assert_true(stage_shows(s, "Deleted the factor"));
    asked(s, "ListFactors");
}

static void enroll(void **state) {
    stage *s = *state;
    to_tab(s, "ListFactors");
    stage_answer(s, s->last_call, "{\"factors\":[]}", true);
    stage_key(s, 'a');
    asked(s, "EnrollFactor");
    uint32_t stream = s->last_call;
    stage_answer(s, stream, ENROLL, false);
    stage_shot(s, "enroll");
    stage_type(s, "12345");
    assert_string_equal(s->last_method, "EnrollFactor");
    stage_type(s, "6");
    assert_string_equal(s->last_method, "VerifyFactor");
    assert_string_equal(kf_json_str(s->last_params, "code"), "123456");
    stage_shot_at(s, "enroll-checking", 24, 80);
    stage_fail(s, s->last_call,
               (kf_err){.code = KF_ERR_WORKOS_BAD_CODE, .what = "WorkOS answered 400"});
    stage_shot_at(s, "enroll-wrong", 24, 80);
    stage_paste(s, "Your code is 654 321");
    assert_string_equal(kf_json_str(s->last_params, "code"), "654321");
    stage_answer(s, s->last_call, "{}", true);
    stage_answer(s, stream,
                 "{\"enrollment\":\"e1\",\"factor_id\":\"auth_factor_2\",\"verified\":true}", true);
    assert_true(stage_shows(s, "The authenticator app is set up"));
    assert_string_equal(kf_app_top(s->a), "profile");
    asked(s, "ListFactors");
}

/* Leaving closes the call: the agent deletes what is half made. Nothing of it stays on the screen.
 */
static void enroll_left(void **state) {
    stage *s = *state;
    to_tab(s, "ListFactors");
    stage_answer(s, s->last_call, "{\"factors\":[]}", true);
    stage_key(s, 'a');
    stage_answer(s, s->last_call, ENROLL, false);
    assert_true(stage_shows(s, "NAGC CFS3"));
    kf_app_hide(s->a);
    KF_AUTO_CHARS hidden = stage_draw(s, 24, 80);
    assert_null(strstr(hidden, "NAGC"));
    stage_key(s, 'v');
    int stops = s->stops;
    stage_key(s, KF_KEY_ESC); /* an app may have scanned it just now */
    stage_shot_at(s, "confirm-leave-code", 24, 80);
    stage_key(s, KF_KEY_ENTER);
    assert_string_equal(kf_app_top(s->a), "enroll");
    assert_true(stage_shows(s, "NAGC CFS3"));
    assert_int_equal(s->stops, stops);
    stage_key(s, KF_KEY_ESC);
    stage_key(s, 'y');
    assert_int_equal(s->stops, stops + 1);
    assert_string_equal(kf_app_top(s->a), "profile");
    KF_AUTO_CHARS after = stage_draw(s, 24, 80);
    assert_null(strstr(after, "NAGC"));
    stage_key(s, 'a');
    stage_fail(s, s->last_call, (kf_err){.code = KF_ERR_WORKOS_NEEDS_API_KEY});
    stage_shot_at(s, "enroll-failed", 24, 80);
    stage_key(s, KF_KEY_ENTER); /* again */
    asked(s, "EnrollFactor");
}

static void organizations(void **state) {
    stage *s = *state;
    stage_key(s, 'o');
    asked(s, "ListOrganizations");
    stage_answer(s, s->last_call, ORGS, true);
    stage_shot(s, "orgs");
    int calls = s->calls;
    stage_key(s, KF_KEY_ENTER); /* the one that it has */
    assert_int_equal(s->calls, calls);
    assert_true(stage_shows(s, "That is the organization of acme-prod already"));
    stage_type(s, "labs");
    stage_shot_at(s, "orgs-filter", 24, 80);
    stage_key(s, KF_KEY_ENTER);
    asked(s, "SwitchOrganization");
    assert_string_equal(kf_json_str(s->last_params, "organization_id"),
                        "org_01JA0000000000000000000007");
    stage_answer(s, s->last_call,
                 "{\"profile\":{\"id\":\"00000000000000a1\",\"name\":\"acme-prod\",\"state\":"
                 "\"signed_in\",\"user_id\":\"u\",\"org_name\":"
                 "\"Acme Labs\",\"org_id\":\"org_01JA0000000000000000000007\",\"left_ms\":300000}}",
                 true);
    assert_true(stage_shows(s, "acme-prod is in Acme Labs now"));
}

/* A refusal leaves the session as it was, and is told in three parts. */
static void organization_refused(void **state) {
    stage *s = *state;
    stage_key(s, 'o');
    stage_answer(s, s->last_call, ORGS, true);
    stage_type(s, "org_zzz");
    stage_key(s, KF_KEY_ENTER);
    assert_string_equal(kf_json_str(s->last_params, "organization_id"), "org_zzz");
    stage_fail(
        s, s->last_call,
        (kf_err){.code = KF_ERR_WORKOS_ORGANIZATION, .what = "WorkOS answered 403", .status = 403});
    stage_shot(s, "orgs-refused");
}

static void organization_typed(void **state) {
    stage *s = *state;
    stage_watch(
        s,
        "{\"profiles\":[{\"id\":\"00000000000000a1\",\"name\":\"acme-prod\",\"state\":\"signed_"
        "in\",\"user_id\":\"u\","
        "\"confidential\":false,\"org_name\":\"Acme\",\"org_id\":\"org_1\",\"left_ms\":300000}]}");
    int calls = s->calls;
    stage_key(s, 'o');
    assert_int_equal(s->calls, calls); /* nothing to ask: there is no key */
    stage_shot(s, "orgs-typed");
    stage_key(s, KF_KEY_ENTER);
    assert_int_equal(s->calls, calls);
    stage_type(s, "org_2");
    stage_key(s, KF_KEY_ENTER);
    asked(s, "SwitchOrganization");
    assert_string_equal(kf_json_str(s->last_params, "organization_id"), "org_2");
}

static void impersonated(void **state) {
    stage *s = *state;
    stage_watch(s, "{\"profiles\":[{\"id\":\"00000000000000a1\",\"name\":\"acme-prod\",\"state\":"
                   "\"signed_in\",\"user_id\":\"user_1\","
                   "\"user_email\":\"maya@acme.example\",\"confidential\":true,\"impersonator\":"
                   "\"support@acme.example\","
                   "\"impersonator_reason\":\"Ticket 4711: \\u001b[31mcannot sign "
                   "in\",\"left_ms\":300000,\"life_ms\":300000}]}");
    stage_shot_at(s, "list-impersonated", 36, 120);
    stage_key(s, KF_KEY_ENTER);
    stage_shot(s, "profile-impersonated");
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_acme, shut)

int main(void) {
    setenv("TZ", "UTC", 1);
    if (!setlocale(LC_ALL, "C.UTF-8")) return 1;
    const struct CMUnitTest tests[] = {T(claims),
                                       T(many_claims),
                                       T(sessions),
                                       T(lists_fail),
                                       T(factors),
                                       T(enroll),
                                       T(enroll_left),
                                       T(organizations),
                                       T(organization_refused),
                                       T(organization_typed),
                                       T(impersonated)};
    return cmocka_run_group_tests_name("tabs", tests, NULL, NULL);
}
