/* When to renew, what an answer means, ledger, profile index, client ID
 * (src/auth/refresh.h, workos.h, ledger.h, profile.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "auth/ledger.h"
#include "auth/profile.h"
#include "auth/refresh.h"
#include "auth/workos.h"
#include "base/str.h"

/* --- renewal ---------------------------------------------------------------------------------- */

static void when_to_renew(void **state) { /* with and without keep-alive */
    enum { S = 1000, M = 60 * S };
    const struct {
        int64_t life, left, min_valid;
        kf_refresh_choice want;
    } rows[] = {/* default: min(60 s, life/2) */
                {5 * M, 5 * M, -1, KF_REFRESH_SERVE},
                {5 * M, 60 * S, -1, KF_REFRESH_SERVE},
                {5 * M, 60 * S - 1, -1, KF_REFRESH_RENEW},
                {20 * S, 10 * S, -1, KF_REFRESH_SERVE},
                {20 * S, 10 * S - 1, -1, KF_REFRESH_RENEW},
                {5 * M, 0, -1, KF_REFRESH_RENEW},
                {5 * M, -1, -1, KF_REFRESH_RENEW},
                /* asked */
                {5 * M, 1, 0, KF_REFRESH_SERVE},
                {5 * M, 0, 0, KF_REFRESH_RENEW},
                {5 * M, -5 * M, 0, KF_REFRESH_RENEW},
                {5 * M, 2 * M, 2 * M, KF_REFRESH_SERVE},
                {5 * M, 2 * M - 1, 2 * M, KF_REFRESH_RENEW},
                {5 * M, 5 * M - 2, 5 * M - 1, KF_REFRESH_RENEW},
                /* longer than a token lives: renew only in the second half */
                {5 * M, 5 * M, 5 * M, KF_REFRESH_SERVE_SHORT},
                {5 * M, 5 * M / 2, 10 * M, KF_REFRESH_SERVE_SHORT},
                {5 * M, 5 * M / 2 - 1, 10 * M, KF_REFRESH_RENEW},
                {5 * M, -1, 10 * M, KF_REFRESH_RENEW},
                {5 * M, 5 * M, INT64_MAX, KF_REFRESH_SERVE_SHORT},
                {0, 1, -1, KF_REFRESH_SERVE_SHORT}};
    for (size_t i = 0; i < KF_LEN(rows); i++)
        if (kf_refresh_choose(rows[i].life, rows[i].left, rows[i].min_valid) != rows[i].want)
            fail_msg("row %zu", i);
    assert_int_equal(kf_refresh_lead_ms(5 * M), 60 * S);
    assert_int_equal(kf_refresh_lead_ms(20 * S), 4 * S);
    assert_int_equal(kf_refresh_lead_ms(60 * M), 60 * S);
}

static void what_an_attempt_means(void **state) { /* WORKOS.md §1.3 */
    const struct {
        kf_err_code code;
        int32_t retry_after;
        bool sent;
        int64_t since;
        int tries;
        kf_refresh_verdict want;
    } rows[] = {{KF_ERR_NONE, -1, true, 0, 1, KF_REFRESH_OK},
                /* not sent: nothing is at stake */
                {KF_ERR_NET_RESOLVE, -1, false, 0, 1, KF_REFRESH_LATER},
                {KF_ERR_NET_CONNECT, -1, false, 0, 1, KF_REFRESH_LATER},
                {KF_ERR_NET_TLS, -1, false, 0, 1, KF_REFRESH_LATER},
                {KF_ERR_NET_TIMEOUT, -1, false, 0, 1, KF_REFRESH_LATER},
                /* sent without an answer, 408 and 5xx, 429: the same token inside 25 s */
                {KF_ERR_NET_TIMEOUT, -1, true, 8000, 1, KF_REFRESH_AGAIN_NOW},
                {KF_ERR_NET_BROKEN, -1, true, 0, 1, KF_REFRESH_AGAIN_NOW},
                {KF_ERR_NET_SERVER, -1, true, 24999, 3, KF_REFRESH_AGAIN_NOW},
                {KF_ERR_NET_RATE_LIMITED, -1, true, 0, 1, KF_REFRESH_AGAIN_NOW},
                {KF_ERR_NET_RATE_LIMITED, 1, true, 0, 1, KF_REFRESH_AGAIN_NOW},
                {KF_ERR_NET_BAD_ANSWER, -1, true, 0, 1, KF_REFRESH_AGAIN_NOW},
                {KF_ERR_NET_NOT_WORKOS, -1, true, 0, 1, KF_REFRESH_AGAIN_NOW},
                {KF_ERR_NET_NOT_WORKOS, -1, true, 0, 4, KF_REFRESH_LATER},
                {KF_ERR_NET_PROXY_AUTH, -1, true, 0, 1, KF_REFRESH_AGAIN_NOW},
                {KF_ERR_NET_PROXY_AUTH, -1, false, 0, 1, KF_REFRESH_LATER},
                {KF_ERR_NET_TIMEOUT, -1, true, 25000, 1, KF_REFRESH_LATER},
                {KF_ERR_NET_BROKEN, -1, true, 3600000, 1, KF_REFRESH_LATER},
                {KF_ERR_NET_SERVER, -1, true, 100, 4, KF_REFRESH_LATER},
                /* Retry-After beyond the window, near and far */
                {KF_ERR_NET_RATE_LIMITED, 25, true, 0, 1, KF_REFRESH_LATER},
                {KF_ERR_NET_RATE_LIMITED, 5, true, 20000, 1, KF_REFRESH_LATER},
                {KF_ERR_NET_RATE_LIMITED, 4, true, 20000, 1, KF_REFRESH_AGAIN_NOW},
                {KF_ERR_NET_SERVER, INT32_MAX, true, 0, 1, KF_REFRESH_LATER},
                /* terminal */
                {KF_ERR_WORKOS_INVALID_GRANT, -1, true, 0, 1, KF_REFRESH_ENDED},
                {KF_ERR_WORKOS_SESSION_ENDED, -1, true, 0, 1, KF_REFRESH_ENDED},
                {KF_ERR_WORKOS_MFA_ENROLLMENT, -1, true, 0, 1, KF_REFRESH_ENDED},
                {KF_ERR_WORKOS_SSO_REQUIRED, -1, true, 0, 1, KF_REFRESH_ENDED},
                {KF_ERR_WORKOS_ORGANIZATION, -1, true, 0, 1, KF_REFRESH_ENDED},
                {KF_ERR_WORKOS_NO_ORGANIZATION, -1, true, 0, 1, KF_REFRESH_ENDED},
                /* neither: kept, and not tried again by itself */
                {KF_ERR_WORKOS_BAD_KEY, -1, true, 0, 1, KF_REFRESH_ERROR},
                {KF_ERR_WORKOS_INVALID_CLIENT, -1, true, 0, 1, KF_REFRESH_ERROR},
                {KF_ERR_WORKOS_REFUSED, -1, true, 0, 1, KF_REFRESH_ERROR},
                {KF_ERR_WORKOS_STEP_UP, -1, true, 0, 1, KF_REFRESH_ERROR},
                {KF_ERR_WORKOS_MISMATCH, -1, true, 0, 1, KF_REFRESH_ERROR},
                /* the store or this machine: the session stays, later */
                {KF_ERR_STORE_LOCKED, -1, false, 0, 0, KF_REFRESH_LATER},
                {KF_ERR_STORE_WRITE, -1, false, 0, 0, KF_REFRESH_LATER},
                {KF_ERR_SYS_LOCK_TIMEOUT, -1, false, 0, 0, KF_REFRESH_LATER}};
    for (size_t i = 0; i < KF_LEN(rows); i++) {
        kf_err e = {.code = rows[i].code, .retry_after = rows[i].retry_after};
        if (kf_refresh_judge(&e, rows[i].sent, rows[i].since, rows[i].tries) != rows[i].want)
            fail_msg("row %zu, %s", i, kf_err_name(e.code));
    }
    assert_int_equal(kf_refresh_judge(NULL, true, 0, 1), KF_REFRESH_OK);
    /* whatever the code: only these six may end a session */
    for (int c = 0; c < KF_ERR_COUNT; c++) {
        kf_err e = {.code = (kf_err_code)c, .retry_after = -1};
        bool ends = kf_refresh_judge(&e, true, 0, 1) == KF_REFRESH_ENDED;
        assert_int_equal(ends,
                         c == KF_ERR_WORKOS_INVALID_GRANT || c == KF_ERR_WORKOS_SESSION_ENDED ||
                             c == KF_ERR_WORKOS_MFA_ENROLLMENT || c == KF_ERR_WORKOS_SSO_REQUIRED ||
                             c == KF_ERR_WORKOS_ORGANIZATION || c == KF_ERR_WORKOS_NO_ORGANIZATION);
    }
}

static kf_session *signed_in(void) {
    KF_AUTO(kf_secret) token = kf_secret_new("rt_1", 4);
    kf_moment now = {.unix_s = 1700000000, .boot_ms = 1, .boot_id = "b"};
    return kf_session_unverified(token, "https://api.example.test", "client_1", &now);
}

/* What an answer means to a renewal, and whether it proves that the token was not spent. */
static void what_an_answer_means(void **state) {
    const kf_refresh_verdict END = KF_REFRESH_ENDED, AGAIN = KF_REFRESH_AGAIN_NOW,
                             ERROR = KF_REFRESH_ERROR;
    const struct {
        int status;
        const char *body;
        kf_err_code code;
        kf_refresh_verdict verdict;
        bool unspent;
    } rows[] = {
        {400, "{\"error\":\"invalid_grant\"}", KF_ERR_WORKOS_INVALID_GRANT, END, false},
        {403, "{\"error\":\"sso_required\"}", KF_ERR_WORKOS_SSO_REQUIRED, END, true},
        {400, "{\"code\":\"mfa_enrollment\"}", KF_ERR_WORKOS_MFA_ENROLLMENT, END, true},
        {400, "{\"error\":\"organization_not_found\"}", KF_ERR_WORKOS_NO_ORGANIZATION, END, true},
        {400, "{\"error\":\"organization_membership_not_found\"}", KF_ERR_WORKOS_ORGANIZATION, END,
         true},
        {401, "{\"message\":\"Unauthorized\"}", KF_ERR_WORKOS_BAD_KEY, ERROR, true},
        {400, "{\"error\":\"invalid_client\"}", KF_ERR_WORKOS_INVALID_CLIENT, ERROR, true},
        {400, "{\"error\":\"unauthorized_client\"}", KF_ERR_WORKOS_INVALID_CLIENT, ERROR, true},
        {400, "{\"error\":\"invalid_request\"}", KF_ERR_WORKOS_REFUSED, ERROR, true},
        {422, "{\"code\":\"invalid_request_parameters\"}", KF_ERR_WORKOS_REFUSED, ERROR, true},
        {403, "{\"code\":\"mfa_challenge\"}", KF_ERR_WORKOS_STEP_UP, ERROR, true},
        /* not now, or no word of WorkOS */
        {400, "{\"error\":\"temporarily_unavailable\"}", KF_ERR_NET_SERVER, AGAIN, false},
        {400, "{\"error\":\"server_error\"}", KF_ERR_NET_SERVER, AGAIN, false},
        {400, "{\"code\":\"a_code_nobody_knows\",\"message\":\"m\"}", KF_ERR_NET_SERVER, AGAIN,
         false},
        {404, "{\"message\":\"Not Found\"}", KF_ERR_NET_SERVER, AGAIN, false},
        {403, "{\"message\":\"Forbidden\"}", KF_ERR_NET_SERVER, AGAIN, false},
        {400, "<html>", KF_ERR_NET_NOT_WORKOS, AGAIN, false},
        {401, "<html>", KF_ERR_NET_NOT_WORKOS, AGAIN, false},
        {404, "", KF_ERR_NET_NOT_WORKOS, AGAIN, false},
        {407, "<html>", KF_ERR_NET_PROXY_AUTH, AGAIN, false},
        {451, "Blocked by policy", KF_ERR_NET_NOT_WORKOS, AGAIN, false},
        {400, "{\"error\":\"invalid_grant\"", KF_ERR_NET_NOT_WORKOS, AGAIN, false},
        {302, "", KF_ERR_NET_NOT_WORKOS, AGAIN, false},
        {200, " \r\n<!doctype html><title>Welcome to the hotel</title>", KF_ERR_NET_NOT_WORKOS,
         AGAIN, false},
        {200, "", KF_ERR_NET_BAD_ANSWER, AGAIN, false},
        {200, "{}", KF_ERR_NET_BAD_ANSWER, AGAIN, false},
        {200, "{\"access_token\":\"ey", KF_ERR_NET_BAD_ANSWER, AGAIN, false},
        {429, "{\"error\":\"too_many_requests\"}", KF_ERR_NET_RATE_LIMITED, AGAIN, false},
        {503, "{\"error\":\"invalid_grant\"}", KF_ERR_NET_SERVER, AGAIN, false},
        /* one bad text does not hide what it says */
        {400, "{\"error\":\"invalid_grant\",\"error_description\":\"caf\xe9\"}",
         KF_ERR_WORKOS_INVALID_GRANT, END, false}};
    KF_AUTO(kf_session) old = signed_in();
    const kf_moment now = {.unix_s = 1700000000, .boot_ms = 1, .boot_id = "b"};
    for (size_t i = 0; i < KF_LEN(rows); i++) {
        KF_AUTO(kf_secret) body = kf_secret_new(rows[i].body, strlen(rows[i].body));
        kf_refresh_answer a = {
            .status = rows[i].status, .body = body, .retry_after = -1, .request_id = "req_1"};
        kf_err e = {0};
        assert_null(kf_refresh_read(&a, old, &now, &e));
        kf_refresh_verdict v = kf_refresh_judge(&e, true, 0, 1);
        if (e.code != rows[i].code || v != rows[i].verdict ||
            kf_refresh_proves_unspent(&e) != rows[i].unspent)
            fail_msg("row %zu: %s, verdict %d: %s", i, kf_err_name(e.code), (int)v, e.what);
        assert_int_equal(e.status, rows[i].status);
    }
    for (int c = 0; c < KF_ERR_COUNT; c++) { /* errors of transport or machine prove nothing */
        kf_err e = {.code = (kf_err_code)c};
        if (!kf_err_is(e.code, "workos")) assert_false(kf_refresh_proves_unspent(&e));
    }
    kf_err e = {.code = KF_ERR_WORKOS_MISMATCH};
    assert_false(kf_refresh_proves_unspent(&e)); /* a 200 */
}

static void how_long_to_wait(void **state) {
    const int ns[] = {INT32_MIN, -1, 0, 1, 2, 5, 8, 9, 18, 19, 63, 64, INT32_MAX};
    for (size_t i = 0; i < KF_LEN(ns); i++) {
        int64_t full = ns[i] <= 0 ? 1000 : ns[i] > 8 ? 300000 : INT64_C(1000) << ns[i];
        for (uint32_t rnd = 0; rnd <= 65535; rnd += 4369) {
            int64_t ms = kf_refresh_backoff_ms(ns[i], -1, (uint16_t)rnd);
            if (ms < full / 2 || ms > full)
                fail_msg("n %d rnd %u: %lld", ns[i], rnd, (long long)ms);
            assert_true(kf_refresh_backoff_ms(ns[i], 400, (uint16_t)rnd) >= 400000);
            assert_true(kf_refresh_backoff_ms(ns[i], INT32_MAX, (uint16_t)rnd) >=
                        INT64_C(1000) * INT32_MAX);
        }
        assert_int_equal(kf_refresh_backoff_ms(ns[i], 0, 0), full / 2);
        assert_int_equal(kf_refresh_backoff_ms(ns[i], 0, 65535), full);
    }
}

/* --- answers of WorkOS ------------------------------------------------------------------------ */

static kf_workos_ask read_error(int status, const char *body, kf_err *e) {
    kf_json *j = body ? kf_json_parse(body, strlen(body), NULL) : NULL;
    if (body && !j) fail_msg("not JSON: %s", body);
    kf_workos_ask ask = kf_workos_read_error(status, j, 3, "req\n1", e);
    kf_json_free(j);
    return ask;
}

static void errors_are_read(void **state) { /* WORKOS.md §1.5 */
    const struct {
        int status;
        const char *body;
        kf_workos_ask ask;
        kf_err_code code;
        const char *upstream;
    } rows[] = {
        {400,
         "{\"error\":\"invalid_grant\",\"error_description\":\"Refresh token already exchanged.\"}",
         KF_ASK_NONE, KF_ERR_WORKOS_INVALID_GRANT, "invalid_grant"},
        {400, "{\"code\":\"invalid_grant\"}", KF_ASK_NONE, KF_ERR_WORKOS_INVALID_GRANT,
         "invalid_grant"},
        {403, "{\"code\":\"mfa_challenge\"}", KF_ASK_MFA_CHALLENGE, KF_ERR_WORKOS_STEP_UP,
         "mfa_challenge"},
        {422, "{\"error\":\"mfa_challenge\"}", KF_ASK_MFA_CHALLENGE, KF_ERR_WORKOS_STEP_UP,
         "mfa_challenge"},
        {400, "{\"error\":\"mfa_enrollment\"}", KF_ASK_MFA_ENROLLMENT, KF_ERR_WORKOS_MFA_ENROLLMENT,
         "mfa_enrollment"},
        {403, "{\"error\":\"sso_required\"}", KF_ASK_SSO, KF_ERR_WORKOS_SSO_REQUIRED,
         "sso_required"},
        {400, "{\"message\":\"Must use SSO for selected organization\"}", KF_ASK_SSO,
         KF_ERR_WORKOS_SSO_REQUIRED, ""},
        {401, "{\"message\":\"Unauthorized\"}", KF_ASK_NONE, KF_ERR_WORKOS_BAD_KEY, ""},
        {401, "{\"error\":\"invalid_token\"}", KF_ASK_NONE, KF_ERR_WORKOS_BAD_KEY, "invalid_token"},
        {401, "{\"message\":\"m\",\"code\":\"strange\"}", KF_ASK_NONE, KF_ERR_WORKOS_BAD_KEY,
         "strange"},
        /* a proxy, a firewall or the sign-in page of a network */
        {400, NULL, KF_ASK_NONE, KF_ERR_NET_NOT_WORKOS, ""},
        {401, NULL, KF_ASK_NONE, KF_ERR_NET_NOT_WORKOS, ""},
        {401, "{\"detail\":\"who are you\"}", KF_ASK_NONE, KF_ERR_NET_NOT_WORKOS, ""},
        {403, NULL, KF_ASK_NONE, KF_ERR_NET_NOT_WORKOS, ""},
        {451, NULL, KF_ASK_NONE, KF_ERR_NET_NOT_WORKOS, ""},
        {302, "{\"error\":7}", KF_ASK_NONE, KF_ERR_NET_NOT_WORKOS, ""},
        {407, NULL, KF_ASK_NONE, KF_ERR_NET_PROXY_AUTH, ""},
        {407, "{\"error\":\"invalid_grant\"}", KF_ASK_NONE, KF_ERR_NET_PROXY_AUTH, ""},
        /* "not now" */
        {400, "{\"error\":\"temporarily_unavailable\"}", KF_ASK_NONE, KF_ERR_NET_SERVER,
         "temporarily_unavailable"},
        {403, "{\"code\":\"server_error\"}", KF_ASK_NONE, KF_ERR_NET_SERVER, "server_error"},
        {404, "{\"message\":\"m\"}", KF_ASK_NONE, KF_ERR_WORKOS_REFUSED, ""},
        {422, "{\"code\":\"invalid_request_parameters\"}", KF_ASK_NONE, KF_ERR_WORKOS_REFUSED,
         "invalid_request_parameters"},
        {429, "{\"error\":\"too_many_requests\"}", KF_ASK_NONE, KF_ERR_NET_RATE_LIMITED,
         "too_many_requests"},
        {429, "{\"error\":\"invalid_grant\"}", KF_ASK_NONE, KF_ERR_NET_RATE_LIMITED,
         "invalid_grant"},
        {408, NULL, KF_ASK_NONE, KF_ERR_NET_SERVER, ""},
        {500, NULL, KF_ASK_NONE, KF_ERR_NET_SERVER, ""},
        {503, "{\"error\":\"invalid_grant\"}", KF_ASK_NONE, KF_ERR_NET_SERVER, "invalid_grant"},
        {302, NULL, KF_ASK_NONE, KF_ERR_NET_NOT_WORKOS, ""},
        {204, NULL, KF_ASK_NONE, KF_ERR_NET_BAD_ANSWER, ""},
        {400, "{}", KF_ASK_NONE, KF_ERR_NET_NOT_WORKOS, ""},
        {400, "[]", KF_ASK_NONE, KF_ERR_NET_NOT_WORKOS, ""},
        {400, "{\"code\":7,\"error\":[]}", KF_ASK_NONE, KF_ERR_NET_NOT_WORKOS, ""},
        {403, "{\"error\":{\"code\":\"access_denied\"}}", KF_ASK_NONE, KF_ERR_NET_NOT_WORKOS, ""},
        {400, "{\"code\":\"strange\",\"error\":\"invalid_grant\"}", KF_ASK_NONE,
         KF_ERR_WORKOS_INVALID_GRANT, "invalid_grant"},
        {400, "{\"code\":\"INVALID_GRANT\"}", KF_ASK_NONE, KF_ERR_WORKOS_REFUSED, "INVALID_GRANT"},
        {400, "{\"code\":\"a b\\u001b[31m\"}", KF_ASK_NONE, KF_ERR_WORKOS_REFUSED, "a?b??31m"}};
    for (size_t i = 0; i < KF_LEN(rows); i++) {
        kf_err e;
        kf_workos_ask ask = read_error(rows[i].status, rows[i].body, &e);
        if (ask != rows[i].ask || e.code != rows[i].code || strcmp(e.upstream, rows[i].upstream))
            fail_msg("row %zu: ask %d, %s, %s", i, (int)ask, kf_err_name(e.code), e.upstream);
        assert_int_equal(e.status, rows[i].status);
        bool page = e.code == KF_ERR_NET_NOT_WORKOS || e.code == KF_ERR_NET_PROXY_AUTH;
        assert_int_equal(e.retry_after, page ? -1 : 3);
        assert_string_equal(e.request_id, "req?1");
        assert_string_equal(e.hint, "");
    }
    (void)kf_workos_read_error(400, NULL, -1, NULL, NULL);
}

/* What is said travels in JSON: a message is cut between characters, and controls do not pass. */
static void messages_stay_text(void **state) {
    for (size_t lead = 0; lead < 4; lead++) {
        char body[700] = "{\"message\":\"";
        size_t n = strlen(body);
        for (size_t i = 0; i < lead; i++) body[n++] = 'a';
        for (size_t i = 0; i < 100; i++) {
            memcpy(body + n, "\xe2\x82\xac", 3);
            n += 3;
        }
        memcpy(body + n, "\\n\"}", 5);
        kf_err e;
        read_error(400, body, &e);
        KF_AUTO(kf_json) j = kf_json_obj();
        kf_json_set_str(j, "what", e.what);
        KF_AUTO_CHARS text = kf_json_print(j);
        KF_AUTO(kf_json) again = kf_json_parse(text, strlen(text), NULL);
        assert_non_null(again);
        assert_true(strlen(e.what) > 100);
    }
    kf_err e;
    read_error(400, "{\"message\":\"a\\u001b[2Jb\\nc\"}", &e);
    assert_string_equal(e.what, "WorkOS answered 400: a [2Jb c");
}

static void bodies(void **state) {
    KF_AUTO(kf_secret) key = kf_secret_new("sk_test_1", 9);
    KF_AUTO(kf_secret) rt = kf_secret_new("r\"1", 3);
    KF_AUTO(kf_secret) all = kf_workos_refresh_body("client_1", key, rt, "org_1");
    assert_string_equal(kf_secret_peek(all),
                        "{\"grant_type\":\"refresh_token\",\"client_id\":\"client_1\",\"client_"
                        "secret\":\"sk_test_1\","
                        "\"refresh_token\":\"r\\\"1\",\"organization_id\":\"org_1\"}");
    KF_AUTO(kf_secret) least = kf_workos_refresh_body("client_1", NULL, rt, "");
    assert_string_equal(kf_secret_peek(least), "{\"grant_type\":\"refresh_token\",\"client_id\":"
                                               "\"client_1\",\"refresh_token\":\"r\\\"1\"}");
}

/* --- ledger ----------------------------------------------------------------------------------- */

#define FP_A "00112233445566778899aabbccddeeff"
#define FP_B "ffeeddccbbaa99887766554433221100"

static const kf_ledger full = {
    .generation = 7,
    .fp = FP_A,
    .intent = {.set = true,
               .fp = FP_A,
               .host_id = "h1",
               .boot_id = "b1",
               .boot_ms = 12,
               .unix_s = 34,
               .organization_id = "org_1"},
    .previous =
        {.set = true, .fp = FP_B, .host_id = "h1", .boot_id = "b0", .boot_ms = 9, .unix_s = 8},
    .unsaved = true,
    .ended = "workos.invalid_grant",
    .ended_at = 56};

static void ledger_round_trip(void **state) {
    kf_ledger l;
    KF_AUTO_CHARS text = kf_ledger_print(&full);
    assert_int_equal(strchr(text, '\n') - text, strlen(text) - 1); /* one line */
    assert_true(kf_ledger_parse(text, strlen(text), &l, NULL));
    assert_memory_equal(&l, &full, sizeof l);
    kf_ledger empty = {0};
    KF_AUTO_CHARS none = kf_ledger_print(&empty);
    assert_true(kf_ledger_parse(none, strlen(none), &l, NULL));
    assert_memory_equal(&l, &empty, sizeof l);
    l = full;
    assert_true(kf_ledger_parse("", 0, &l, NULL));
    assert_memory_equal(&l, &empty, sizeof l);
}

static void damaged_ledgers(void **state) {
    KF_AUTO_CHARS text = kf_ledger_print(&full);
    kf_ledger l = full;
    kf_err e;
    for (size_t n = 1; n + 1 < strlen(text); n++) {
        if (kf_ledger_parse(text, n, &l, &e)) fail_msg("cut at %zu was taken", n);
        assert_int_equal(e.code, KF_ERR_STORE_DAMAGED);
    }
#define HEAD "{\"schema\":\"keyfob.ledger/1\",\"generation\":3,\"fp\":\"" FP_A "\""
    static const char *const bad[] = {
        "x", "{}", "[]", "null", "{\"schema\":\"keyfob.ledger/1\",\"fp\":\"" FP_A "\"}",
        "{\"schema\":\"keyfob.ledger/1\",\"generation\":-1,\"fp\":\"" FP_A "\"}",
        "{\"schema\":\"keyfob.ledger/1\",\"generation\":1.5,\"fp\":\"" FP_A "\"}",
        "{\"schema\":\"keyfob.ledger/1\",\"generation\":1,\"fp\":7}",
        "{\"schema\":\"keyfob.ledger/1\",\"generation\":1,\"fp\":\"short\"}",
        "{\"schema\":\"keyfob.ledger/"
        "1\",\"generation\":1,\"fp\":\"zz112233445566778899aabbccddeeff\"}",
        "{\"schema\":\"keyfob.ledger/1\",\"generation\":1,\"fp\":\"" FP_A "0\"}",
        HEAD ",\"ended\":\"0123456789012345678901234567890123456789012345678\"}",
        HEAD ",\"ended\":5}",
        /* an intent that cannot be read is not no intent */
        HEAD ",\"intent\":5}", HEAD ",\"intent\":null}", HEAD ",\"intent\":{}}",
        HEAD ",\"intent\":{\"fp\":\"\",\"boot_ms\":1,\"unix_s\":1}}",
        HEAD ",\"intent\":{\"fp\":\"" FP_A "\",\"boot_ms\":1}}",
        HEAD ",\"intent\":{\"fp\":\"" FP_A "\",\"boot_ms\":1,\"unix_s\":\"1\"}}",
        HEAD
        ",\"intent\":{\"fp\":\"" FP_A
        "\",\"boot_id\":\"0123456789012345678901234567890123456789\",\"boot_ms\":1,\"unix_s\":1}}",
        HEAD "}\n" HEAD "}"};
    for (size_t i = 0; i < KF_LEN(bad); i++) {
        if (kf_ledger_parse(bad[i], strlen(bad[i]), &l, &e)) fail_msg("taken: %s", bad[i]);
        assert_int_equal(e.code, KF_ERR_STORE_DAMAGED);
    }
    assert_memory_equal(&l, &full, sizeof l);
}

static void ledger_and_store(void **state) {
    const struct {
        int64_t have;       /* generation in the ledger */
        const char *fp;     /* in the ledger */
        const char *intent; /* NULL: none */
        const char *stored;
        int64_t generation; /* of the store */
        kf_ledger_match want;
    } rows[] = {
        {0, "", NULL, FP_A, 1, KF_LEDGER_FRESH},   {3, FP_A, NULL, FP_A, 3, KF_LEDGER_FRESH},
        {3, FP_A, NULL, FP_B, 4, KF_LEDGER_ADOPT}, {3, FP_A, NULL, FP_B, 3, KF_LEDGER_STALE},
        {3, FP_A, NULL, FP_B, 2, KF_LEDGER_STALE}, {3, FP_A, FP_A, FP_A, 3, KF_LEDGER_REPLAY},
        {3, FP_A, FP_A, FP_B, 4, KF_LEDGER_ADOPT}, /* the answer was stored, the ledger was not
                                                      written */
        {3, FP_A, FP_B, FP_A, 3, KF_LEDGER_FRESH}, /* an intent of another token */
        {3, FP_A, FP_A, FP_B, 2, KF_LEDGER_STALE}, {0, "", FP_A, FP_A, 1, KF_LEDGER_REPLAY},
        {3, "", NULL, FP_A, 4, KF_LEDGER_ADOPT},   {3, "", NULL, FP_A, 3, KF_LEDGER_STALE}};
    for (size_t i = 0; i < KF_LEN(rows); i++) {
        kf_ledger l = {.generation = rows[i].have, .intent = {.set = rows[i].intent != NULL}};
        assert_true(kf_str_set(l.fp, sizeof l.fp, rows[i].fp) &&
                    kf_str_set(l.intent.fp, sizeof l.intent.fp, rows[i].intent));
        if (kf_ledger_compare(&l, rows[i].stored, rows[i].generation, false) != rows[i].want)
            fail_msg("row %zu", i);
    }
}

static void ledger_of_a_sign_out(void **state) {
    kf_ledger l = {.generation = 4, .ended = "workos.not_signed_in", .ended_at = 56}, back;
    KF_AUTO_CHARS text = kf_ledger_print(&l);
    assert_true(kf_ledger_parse(text, strlen(text), &back, NULL));
    assert_true(kf_ledger_signed_out(&back));
    assert_int_equal(kf_ledger_compare(&back, FP_A, 3, true), KF_LEDGER_STALE); /* never spent */
    assert_int_equal(kf_ledger_compare(&back, FP_B, 5, true), KF_LEDGER_ADOPT);
    assert_false(kf_ledger_signed_out(&full)); /* WorkOS ended the session of its fp */
    assert_false(kf_ledger_signed_out(&(kf_ledger){.generation = 4}));
}

/* --- profiles --------------------------------------------------------------------------------- */

static void index_round_trip(void **state) {
    kf_profile_row rows[2], *back = NULL;
    memset(rows, 0, sizeof rows);
    rows[0] = (kf_profile_row){.id = "0123456789abcdef",
                               .name = "dev",
                               .state = "signed_in",
                               .organization_id = "org_1",
                               .organization_name = "Acme \xe6\x97\xa5\xe6\x9c\xac",
                               .client_id = "client_1",
                               .email = "maya@acme.example",
                               .user_name = "Maya Chen",
                               .environment = "staging",
                               .method = "GoogleOAuth",
                               .is_default = true,
                               .has_git_host = true,
                               .expires_at = 1700000300,
                               .last_used_at = 1700000200};
    rows[1] = (kf_profile_row){
        .id = "fedcba9876543210", .name = "prod.eu-1", .state = "needs_sign_in", .expires_at = -5};
    size_t n = 0;
    KF_AUTO_CHARS text = kf_profile_index_print(rows, 2);
    assert_true(kf_profile_index_parse(text, strlen(text), &back, &n, NULL));
    assert_int_equal(n, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(back[i].id, rows[i].id);
        assert_string_equal(back[i].name, rows[i].name);
        assert_string_equal(back[i].state, rows[i].state);
        assert_string_equal(back[i].organization_id, rows[i].organization_id);
        assert_string_equal(back[i].client_id, rows[i].client_id);
        assert_string_equal(back[i].organization_name, rows[i].organization_name);
        assert_string_equal(back[i].email, rows[i].email);
        assert_string_equal(back[i].user_name, rows[i].user_name);
        assert_string_equal(back[i].environment, rows[i].environment);
        assert_string_equal(back[i].method, rows[i].method);
        assert_int_equal(back[i].last_used_at, rows[i].last_used_at);
        assert_int_equal(back[i].has_git_host, rows[i].has_git_host);
        assert_int_equal(back[i].is_default, rows[i].is_default);
        assert_int_equal(back[i].expires_at, rows[i].expires_at);
    }
    free(back);
    KF_AUTO_CHARS none = kf_profile_index_print(NULL, 0);
    assert_string_equal(none, "keyfob-profiles 2\n");
    assert_true(kf_profile_index_parse(none, strlen(none), &back, &n, NULL));
    assert_int_equal(n, 0);
    free(back);
}

/* Version 1: "expired" was the access token's state, and "needs_sign_in" also what nobody had
 * signed in to. */
static void old_index_is_translated(void **state) {
    static const char text[] = "keyfob-profiles 1\n"
                               "0000000000000001\ta\t1\texpired\t5\torg_1\tclient_1\t1\n"
                               "0000000000000002\tb\t0\texpiring\t5\t\tclient_1\n"
                               "0000000000000003\tc\t0\tneeds_sign_in\t0\t\tclient_1\t0\n"
                               "0000000000000004\td\t0\tneeds_sign_in\t5\t\tclient_1\t0\n"
                               "0000000000000005\te\t0\tstale\t5\t\tclient_1\t0\n";
    static const char *const now[] = {"signed_in", "signed_in", "signed_out", "needs_sign_in",
                                      "stale"};
    kf_profile_row *rows = NULL;
    size_t n = 0;
    assert_true(kf_profile_index_parse(text, sizeof text - 1, &rows, &n, NULL));
    assert_int_equal(n, KF_LEN(now));
    for (size_t i = 0; i < n; i++) assert_string_equal(rows[i].state, now[i]);
    assert_string_equal(rows[0].organization_id, "org_1");
    assert_string_equal(rows[0].client_id, "client_1");
    assert_true(rows[0].has_git_host && !rows[1].has_git_host);
    assert_string_equal(rows[0].email, "");
    free(rows);
}

/* An organization id is a server's word: it must not be able to write lines of its own. */
static void index_bears_hostile_ids(void **state) {
    kf_profile_row row = {.id = "0123456789abcdef",
                          .name = "dev",
                          .state = "signed_in",
                          .organization_id = "org\t1\nevil\r\x7f"},
                   *back = NULL;
    size_t n = 0;
    KF_AUTO_CHARS text = kf_profile_index_print(&row, 1);
    assert_true(kf_profile_index_parse(text, strlen(text), &back, &n, NULL));
    assert_int_equal(n, 1);
    assert_string_equal(back->organization_id, "org?1?evil??");
    free(back);
}

static void index_damage(void **state) {
#define ROW "0123456789abcdef\tdev\t1\tsigned_in\t5\torg_1\tclient_1\n"
#define NEW_TOP "keyfob-profiles 2\n"
#define NEW_ROW                                                                          \
    "0123456789abcdef\tdev\t1\tsigned_in\t5\torg_1\tAcme\tclient_1\tm@a.example\tMaya\t" \
    "staging\tPassword\t6\t0\n"
#define TOP "keyfob-profiles 1\n"
    const struct {
        const char *text, *line;
    } rows[] = {
        {"x\n", "line 1"},
        {"keyfob-profiles 3\n", "later version"},
        {"keyfob-profiles 10\n" ROW, "later version"},
        {"keyfob-profiles 0\n", "line 1"},
        {"keyfob-profiles 2", "line 1"},
        {TOP NEW_ROW, "line 2"},
        {NEW_TOP ROW, "line 2"},
        {NEW_TOP NEW_ROW "0123456789abcdef\tdev\t1\n", "line 3"},
        {"keyfob-profiles 1", "line 1"},
        {ROW, "line 1"},
        {TOP ROW "\n", "line 3"},
        {TOP "0123456789abcdef\tdev\t1\tsigned_in\t5\torg_1\n", "line 2"},
        {TOP "0123456789abcdef\tdev\t1\tsigned_in\t5\n", "line 2"},
        {TOP "0123456789abcdef\tdev\t1\tsigned_in\t5\torg_1\tclient_1\t\n", "line 2"},
        {TOP "0123456789abcde\tdev\t1\tsigned_in\t5\torg_1\tclient_1\n", "line 2"},
        {TOP "0123456789abcdeg\tdev\t1\tsigned_in\t5\torg_1\tclient_1\n", "line 2"},
        {TOP "0123456789abcdef\tDev\t1\tsigned_in\t5\torg_1\tclient_1\n", "line 2"},
        {TOP "0123456789abcdef\tdev\t2\tsigned_in\t5\torg_1\tclient_1\n", "line 2"},
        {TOP "0123456789abcdef\tdev\t\tsigned_in\t5\torg_1\tclient_1\n", "line 2"},
        {TOP "0123456789abcdef\tdev\t1\tsigned_in\t5x\torg_1\tclient_1\n", "line 2"},
        {TOP "0123456789abcdef\tdev\t1\tsigned_in\t\torg_1\tclient_1\n", "line 2"},
        {TOP "0123456789abcdef\tdev\t1\tsigned_in\t 5\torg_1\tclient_1\n", "line 2"},
        {TOP "0123456789abcdef\tdev\t1\tsigned_in\t99999999999999999999\torg_1\tclient_1\n",
         "line 2"},
        {TOP "0123456789abcdef\tdev\t1\ta_state_that_is_long\t5\torg_1\tclient_1\n", "line 2"},
        {TOP ROW ROW "0123456789abcdef\tdev", "line 4"}};
    for (size_t i = 0; i < KF_LEN(rows); i++) {
        kf_profile_row *back = NULL;
        size_t n = 99;
        kf_err e;
        if (kf_profile_index_parse(rows[i].text, strlen(rows[i].text), &back, &n, &e))
            fail_msg("row %zu was taken", i);
        if (!strstr(e.what, rows[i].line)) fail_msg("row %zu: %s", i, e.what);
        assert_int_equal(e.code == KF_ERR_STORE_NEWER, !strcmp(rows[i].line, "later version"));
        assert_null(back);
        assert_int_equal(n, 99);
    }
    static const char nul[] = TOP "0123456789abcdef\tdev\t1\tsigned\0in\t5\torg_1\tclient_1\n";
    kf_profile_row *back = NULL;
    size_t n;
    assert_false(kf_profile_index_parse(nul, sizeof nul - 1, &back, &n, NULL));
}

static void client_id_resolution(void **state) { /* option, profile, environment */
    const struct {
        const char *option, *profile, *env, *want;
        kf_client_id_source source;
    } rows[] = {
        {"o", "p", "e", "o", KF_CLIENT_ID_OPTION}, {NULL, "p", "e", "p", KF_CLIENT_ID_PROFILE},
        {"", "p", "e", "p", KF_CLIENT_ID_PROFILE}, {NULL, NULL, "e", "e", KF_CLIENT_ID_ENV},
        {"", "", "e", "e", KF_CLIENT_ID_ENV},      {NULL, NULL, NULL, NULL, KF_CLIENT_ID_NONE},
        {"", "", "", NULL, KF_CLIENT_ID_NONE},     {"o", NULL, NULL, "o", KF_CLIENT_ID_OPTION}};
    for (size_t i = 0; i < KF_LEN(rows); i++) {
        const char *got = "untouched";
        assert_int_equal(kf_profile_client_id(rows[i].option, rows[i].profile, rows[i].env, &got),
                         rows[i].source);
        assert_true(kf_str_eq(got, rows[i].want));
    }
    assert_string_equal(kf_client_id_source_name(KF_CLIENT_ID_ENV), "WORKOS_CLIENT_ID");
    assert_string_equal(kf_client_id_source_name(KF_CLIENT_ID_OPTION), "--client-id");
    assert_string_equal(kf_client_id_source_name((kf_client_id_source)9), "none");
}

static void keys_and_environments(void **state) {
    const struct {
        const char *origin, *key, *want;
        bool ok;
    } rows[] = {{KF_API_HOST_DEFAULT, "sk_live_1", "production", true},
                {KF_API_HOST_DEFAULT, "sk_test_1", "staging", true},
                {KF_API_HOST_DEFAULT, "sk_1", "", true},
                {"http://127.0.0.1:4100", "sk_live_1", "localhost", true},
                {KF_API_HOST_DEFAULT, NULL, "", false},
                {KF_API_HOST_DEFAULT, "pk_live_1", "", false},
                {KF_API_HOST_DEFAULT, "sk_", "", false},
                {KF_API_HOST_DEFAULT, "sk_a b", "", false},
                {KF_API_HOST_DEFAULT, "sk_a\n", "", false},
                {KF_API_HOST_DEFAULT, "sk_\xc3\xa9", "", false}};
    for (size_t i = 0; i < KF_LEN(rows); i++) {
        KF_AUTO(kf_secret)
        key = rows[i].key ? kf_secret_new(rows[i].key, strlen(rows[i].key)) : NULL;
        assert_string_equal(kf_profile_environment(rows[i].origin, key), rows[i].want);
        assert_int_equal(kf_api_key_looks_ok(key), rows[i].ok);
    }
    char text[258] = "sk_";
    memset(text + 3, 'x', 254);
    KF_AUTO(kf_secret) fits = kf_secret_new(text, 256);
    KF_AUTO(kf_secret) longer = kf_secret_new(text, 257);
    assert_true(kf_api_key_looks_ok(fits));
    assert_false(kf_api_key_looks_ok(longer));
}

static void addresses_of_the_environment(void **state) {
    static const struct {
        const char *host, *https, *port, *out; /* out NULL: refused; "": none */
    } rows[] = {{NULL, NULL, NULL, ""},
                {"", "", "", ""},
                {"api.example.test", NULL, NULL, "https://api.example.test"},
                {"127.0.0.1", "false", "4100", "http://127.0.0.1:4100"},
                {"LOCALHOST", "0", "80", "http://localhost"},
                {NULL, "true", NULL, "https://api.workos.com"},
                {NULL, NULL, "8443", "https://api.workos.com:8443"},
                {"x.test", "1", "443", "https://x.test"},
                {"x.test", "false", NULL, NULL},
                {"x.test", "no", NULL, NULL},
                {"x.test", NULL, "80/x", NULL},
                {"x.test", NULL, "0", NULL},
                {"x.test", NULL, "99999", NULL},
                {"https://x.test", NULL, NULL, NULL},
                {"u@x.test", NULL, NULL, NULL},
                {"a b", NULL, NULL, NULL},
                {"x.test:1", NULL, "2", NULL}};
    for (size_t i = 0; i < KF_LEN(rows); i++) {
        char *norm = NULL;
        kf_err e;
        bool ok = kf_profile_env_origin(rows[i].host, rows[i].https, rows[i].port, &norm, &e);
        if (ok != (rows[i].out != NULL)) fail_msg("row %zu: %s", i, ok ? norm : e.what);
        if (ok) assert_string_equal(norm ? norm : "", rows[i].out);
        free(norm);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(addresses_of_the_environment),
                                       cmocka_unit_test(when_to_renew),
                                       cmocka_unit_test(what_an_attempt_means),
                                       cmocka_unit_test(how_long_to_wait),
                                       cmocka_unit_test(what_an_answer_means),
                                       cmocka_unit_test(errors_are_read),
                                       cmocka_unit_test(messages_stay_text),
                                       cmocka_unit_test(bodies),
                                       cmocka_unit_test(ledger_round_trip),
                                       cmocka_unit_test(damaged_ledgers),
                                       cmocka_unit_test(ledger_and_store),
                                       cmocka_unit_test(ledger_of_a_sign_out),
                                       cmocka_unit_test(index_round_trip),
                                       cmocka_unit_test(index_bears_hostile_ids),
                                       cmocka_unit_test(old_index_is_translated),
                                       cmocka_unit_test(index_damage),
                                       cmocka_unit_test(client_id_resolution),
                                       cmocka_unit_test(keys_and_environments)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
