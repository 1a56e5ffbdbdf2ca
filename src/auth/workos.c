/* WorkOS's paths, grants and error codes: turns an answer into a kf_err and a continuation. It
 * sends nothing. */
#include "auth/workos.h"

#include "base/str.h"

const kf_issuer kf_workos = {
    .name = "WorkOS",
    .path =
        {
            [KF_AT_AUTHENTICATE] = "/user_management/authenticate",
            [KF_AT_AUTHORIZE] = "/user_management/authorize",
            [KF_AT_DEVICE] = "/user_management/authorize/device",
            [KF_AT_MAGIC] = "/user_management/magic_auth",
            [KF_AT_VERIFICATION] = "/user_management/email_verification/*",
            [KF_AT_VERIFICATION_SEND] = "/user_management/users/*/email_verification/send",
            [KF_AT_RADAR] = "/user_management/radar_challenges",
            [KF_AT_RESET] = "/user_management/password_reset",
            [KF_AT_RESET_CONFIRM] = "/user_management/password_reset/confirm",
            [KF_AT_REVOKE] = "/user_management/sessions/revoke",
            [KF_AT_LOGOUT] = "/user_management/sessions/logout?session_id=*",
            [KF_AT_SESSIONS] = "/user_management/users/*/sessions",
            [KF_AT_MEMBERSHIPS] = "/user_management/organization_memberships?user_id=*",
            [KF_AT_ORGANIZATION] = "/organizations/*",
            [KF_AT_FACTORS] = "/user_management/users/*/auth_factors",
            [KF_AT_FACTOR] = "/auth/factors/*",
            [KF_AT_CHALLENGE] = "/auth/factors/*/challenge",
            [KF_AT_VERIFY] = "/auth/challenges/*/verify",
            [KF_AT_JWKS] = "/sso/jwks/*",
        },
    .grant =
        {
            [KF_GRANT_PASSWORD] = "password",
            [KF_GRANT_REFRESH] = "refresh_token",
            [KF_GRANT_AUTHORIZATION_CODE] = "authorization_code",
            [KF_GRANT_DEVICE_CODE] = "urn:ietf:params:oauth:grant-type:device_code",
            [KF_GRANT_MAGIC_AUTH] = "urn:workos:oauth:grant-type:magic-auth:code",
            [KF_GRANT_EMAIL_VERIFICATION] = "urn:workos:oauth:grant-type:email-verification:code",
            [KF_GRANT_RADAR_EMAIL] = "urn:workos:oauth:grant-type:radar-email-challenge:code",
            [KF_GRANT_RADAR_SMS] = "urn:workos:oauth:grant-type:radar-sms-challenge:code",
            [KF_GRANT_MFA_TOTP] = "urn:workos:oauth:grant-type:mfa-totp",
            [KF_GRANT_ORG_SELECTION] = "urn:workos:oauth:grant-type:organization-selection",
        },
};

/* Seen: WorkOS's host with and without a slash, .../user_management/CLIENT_ID, a custom domain. */
bool kf_workos_is_issuer(const char *iss, const char *client_id) {
    static const char mark[] = "/user_management/";
    const char *at = strstr(iss, mark);
    if (at) return !strcmp(at + strlen(mark), client_id);
    return kf_str_starts(iss, "https://") || kf_origin_is_loopback(iss);
}

typedef struct row {
    const char *code;
    kf_workos_ask ask;
    kf_err_code err;
} row;

/* Every code that WorkOS documents for a sign-in or a renewal, in both shapes of the body and both
 * spellings of the radar codes, and those of OAuth (RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1,
 * RFC 8628 §3.5). */
static const row table[] = {
    {"email_verification_required", KF_ASK_EMAIL_VERIFICATION, KF_ERR_WORKOS_STEP_UP},
    {"mfa_enrollment", KF_ASK_MFA_ENROLLMENT, KF_ERR_WORKOS_MFA_ENROLLMENT},
    {"mfa_challenge", KF_ASK_MFA_CHALLENGE, KF_ERR_WORKOS_STEP_UP},
    {"mfa_verification", KF_ASK_MFA_CHALLENGE, KF_ERR_WORKOS_STEP_UP},
    {"organization_selection_required", KF_ASK_ORGANIZATION, KF_ERR_WORKOS_STEP_UP},
    {"sso_required", KF_ASK_SSO, KF_ERR_WORKOS_SSO_REQUIRED},
    {"organization_authentication_methods_required", KF_ASK_OTHER_METHOD,
     KF_ERR_WORKOS_ORGANIZATION},
    {"radar_challenge", KF_ASK_RADAR, KF_ERR_WORKOS_STEP_UP},
    {"radar_email_challenge", KF_ASK_RADAR, KF_ERR_WORKOS_STEP_UP},
    {"radar_sms_challenge", KF_ASK_RADAR_SMS, KF_ERR_WORKOS_STEP_UP},
    {"radar_sign_up_challenge", KF_ASK_RADAR_SIGN_UP, KF_ERR_WORKOS_STEP_UP},
    {"radar_sms_sign_in_challenge", KF_ASK_RADAR_SMS_SIGN_IN, KF_ERR_WORKOS_STEP_UP},
    {"passkey_progressive_enrollment", KF_ASK_NONE, KF_ERR_WORKOS_STEP_UP},
    {"application_consent_required", KF_ASK_NONE, KF_ERR_WORKOS_STEP_UP},
    {"invalid_credentials", KF_ASK_WRONG_PASSWORD, KF_ERR_WORKOS_BAD_CREDENTIALS},
    {"invalid_one_time_code", KF_ASK_WRONG_CODE, KF_ERR_WORKOS_BAD_CODE},
    {"invalid_code", KF_ASK_WRONG_CODE, KF_ERR_WORKOS_BAD_CODE},
    {"one_time_code_previously_used", KF_ASK_USED_CODE, KF_ERR_WORKOS_BAD_CODE},
    {"one_time_code_expired", KF_ASK_WRONG_CODE, KF_ERR_WORKOS_CODE_EXPIRED},
    {"expired_code", KF_ASK_WRONG_CODE, KF_ERR_WORKOS_CODE_EXPIRED},
    {"one_time_code_too_many_attempts", KF_ASK_TOO_MANY_CODES, KF_ERR_WORKOS_BAD_CODE},
    {"invalid_pending_authentication_token", KF_ASK_NONE, KF_ERR_WORKOS_CODE_EXPIRED},
    {"authentication_challenge_expired", KF_ASK_NONE, KF_ERR_WORKOS_CODE_EXPIRED},
    {"authentication_challenge_previously_verified", KF_ASK_NONE, KF_ERR_WORKOS_CODE_EXPIRED},
    {"expired_token", KF_ASK_EXPIRED, KF_ERR_WORKOS_CODE_EXPIRED},
    {"access_denied", KF_ASK_NONE, KF_ERR_WORKOS_DECLINED},
    {"invalid_grant", KF_ASK_NONE, KF_ERR_WORKOS_INVALID_GRANT},
    {"invalid_client", KF_ASK_NONE, KF_ERR_WORKOS_INVALID_CLIENT},
    {"unauthorized_client", KF_ASK_NONE, KF_ERR_WORKOS_INVALID_CLIENT},
    {"invalid_organization_id", KF_ASK_NONE, KF_ERR_WORKOS_NO_ORGANIZATION},
    {"organization_not_found", KF_ASK_NONE, KF_ERR_WORKOS_NO_ORGANIZATION},
    {"organization_membership_not_found", KF_ASK_NONE, KF_ERR_WORKOS_ORGANIZATION},
    {"authentication_method_not_allowed", KF_ASK_NONE, KF_ERR_WORKOS_METHOD_DISABLED},
    {"email_password_auth_disabled", KF_ASK_NONE, KF_ERR_WORKOS_METHOD_DISABLED},
    {"sign_up_not_allowed", KF_ASK_NONE, KF_ERR_WORKOS_METHOD_DISABLED},
    {"daily_quota_exceeded", KF_ASK_NONE, KF_ERR_NET_RATE_LIMITED},
    {"too_many_requests", KF_ASK_NONE, KF_ERR_NET_RATE_LIMITED},
    {"rate_limit_exceeded", KF_ASK_NONE, KF_ERR_NET_RATE_LIMITED},
    {"invalid_token", KF_ASK_NONE, KF_ERR_WORKOS_BAD_KEY},
    /* "not now", whatever the status */
    {"temporarily_unavailable", KF_ASK_NONE, KF_ERR_NET_SERVER},
    {"server_error", KF_ASK_NONE, KF_ERR_NET_SERVER},
    /* refusals of the request, which mean nothing more to keyfob */
    {"authorization_pending", KF_ASK_PENDING, KF_ERR_WORKOS_REFUSED},
    {"slow_down", KF_ASK_SLOWER, KF_ERR_WORKOS_REFUSED},
    {"invalid_request", KF_ASK_NONE, KF_ERR_WORKOS_REFUSED},
    {"invalid_request_parameters", KF_ASK_NONE, KF_ERR_WORKOS_REFUSED},
    {"invalid_scope", KF_ASK_NONE, KF_ERR_WORKOS_REFUSED},
    {"insufficient_scope", KF_ASK_NONE, KF_ERR_WORKOS_REFUSED},
    {"unsupported_grant_type", KF_ASK_NONE, KF_ERR_WORKOS_REFUSED},
    {"invalid_profile", KF_ASK_NONE, KF_ERR_WORKOS_REFUSED},
    {"invalid_connection", KF_ASK_NONE, KF_ERR_WORKOS_REFUSED},
    {"invalid_link_authorization_code", KF_ASK_NONE, KF_ERR_WORKOS_REFUSED},
    {"invitation_invalid", KF_ASK_NONE, KF_ERR_WORKOS_REFUSED},
    {"invitation_cannot_be_used_for_email", KF_ASK_NONE, KF_ERR_WORKOS_REFUSED},
    {"extra_attributes_required", KF_ASK_NONE, KF_ERR_WORKOS_REFUSED},
    {"pkce_not_supported", KF_ASK_NONE, KF_ERR_WORKOS_REFUSED},
    {"code_challenge_not_found", KF_ASK_NONE, KF_ERR_WORKOS_REFUSED},
    {"token_too_big", KF_ASK_NONE, KF_ERR_WORKOS_REFUSED},
    {"user_mismatch", KF_ASK_NONE, KF_ERR_WORKOS_REFUSED},
    {"phone_number_required", KF_ASK_PHONE, KF_ERR_WORKOS_REFUSED},
    {"verification_id_required", KF_ASK_NONE, KF_ERR_WORKOS_REFUSED},
};

/* Letters, digits and a few signs; anything else becomes '?'. For codes and ids, which are shown
 * and logged. */
static void clean(char *dst, size_t size, const char *src) {
    size_t n = 0;
    for (; src && *src && n + 1 < size; src++)
        dst[n++] = (*src >= '0' && *src <= '9') || (*src >= 'a' && *src <= 'z') ||
                           (*src >= 'A' && *src <= 'Z') || strchr("_-.:", *src)
                       ? *src
                       : '?';
    dst[n] = 0;
}

/* said: the body is JSON with a text that WorkOS's bodies have. WorkOS documents
 * {"message":"Unauthorized"} for a 401, so a 401 with a message is WorkOS's; a page, or JSON of
 * another shape, is something else that answered. */
static kf_err_code by_status(int status, bool said, const char *message) {
    if (status == 429) return KF_ERR_NET_RATE_LIMITED;
    if (status == 408 || status >= 500) return KF_ERR_NET_SERVER;
    if (status == 407) return KF_ERR_NET_PROXY_AUTH;
    if (status / 100 == 3 || (status >= 400 && !said)) return KF_ERR_NET_NOT_WORKOS;
    if (status == 401 && message) return KF_ERR_WORKOS_BAD_KEY;
    return status >= 400 ? KF_ERR_WORKOS_REFUSED : KF_ERR_NET_BAD_ANSWER;
}

static const row *find(const char *code) {
    for (size_t i = 0; code && i < KF_LEN(table); i++)
        if (!strcmp(table[i].code, code)) return &table[i];
    return NULL;
}

kf_workos_ask kf_workos_ask_of(const char *code) {
    const row *hit = find(code);
    return hit ? hit->ask : KF_ASK_NONE;
}

bool kf_workos_knows(const char *code) { return find(code) != NULL; }

bool kf_workos_is_page(const char *body, size_t len) {
    while (len && strchr(" \t\r\n", *body) && *body) body++, len--;
    return len && *body != '{' && *body != '[';
}

bool kf_workos_fail_page(int status, kf_err *err) {
    if (status == 407) kf_fail(err, KF_ERR_NET_PROXY_AUTH, "on the way to WorkOS");
    else if (status / 100 == 3)
        kf_fail(err, KF_ERR_NET_NOT_WORKOS, "status %d, a redirect", status);
    else
        kf_fail(err, KF_ERR_NET_NOT_WORKOS, "status %d, and the body is not WorkOS's JSON", status);
    if (err) err->status = status;
    return false;
}

bool kf_workos_is_not_now(kf_err_code code) {
    return code == KF_ERR_NET_SERVER || code == KF_ERR_NET_RATE_LIMITED ||
           code == KF_ERR_NET_NOT_WORKOS || code == KF_ERR_NET_PROXY_AUTH;
}

/* "WHO CODE: what it said", in whole characters (this text travels in JSON, which must be UTF-8)
 * and without controls. */
static void say(kf_err *e, const char *who, const char *message) {
    char said[151];
    (void)kf_str_cut(said, sizeof said, message);
    snprintf(e->what, sizeof e->what, "%s%s%s%s%s", who, *e->upstream ? " " : "", e->upstream,
             *said ? ": " : "", said);
    for (char *p = e->what; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f) *p = ' ';
}

void kf_workos_read_callback(const char *error, const char *description, kf_err *err) {
    const row *hit = find(error);
    kf_err e = {.code = hit ? hit->err : KF_ERR_WORKOS_REFUSED, .retry_after = -1};
    clean(e.upstream, sizeof e.upstream, error);
    say(&e, "the sign-in page answered", description);
    *err = e;
}

kf_workos_ask kf_workos_read_error(int status, const kf_json *body, int32_t retry_after,
                                   const char *request_id, kf_err *err) {
    const char *code = kf_json_str(body, "code");
    if (!code) code = kf_json_str(body, "error");
    const char *message = kf_json_str(body, "message");
    if (!message) message = kf_json_str(body, "error_description");
    const row *hit = find(code);
    if (!hit && (hit = find(kf_json_str(body, "error"))))
        code = hit->code; /* both members, only the second is known */
    /* 5xx and 429 say "not now" whatever the body says, and 407 is a proxy's */
    if (status == 429 || status == 408 || status == 407 || status >= 500) hit = NULL;
    /* shape C (WORKOS.md §1.5) has no code for this one */
    static const row must_use_sso = {"", KF_ASK_SSO, KF_ERR_WORKOS_SSO_REQUIRED};
    if (!hit && status == 400 && !code && message && strstr(message, "Must use SSO"))
        hit = &must_use_sso;
    kf_err e = {.code = hit ? hit->err : by_status(status, code || message, message)};
    if (e.code == KF_ERR_NET_NOT_WORKOS || e.code == KF_ERR_NET_PROXY_AUTH) {
        (void)kf_workos_fail_page(status, &e); /* only WorkOS's Retry-After counts */
    } else {
        char who[48];
        snprintf(who, sizeof who, "WorkOS answered %d", status);
        clean(e.upstream, sizeof e.upstream, code);
        say(&e, who, message);
        e.retry_after = retry_after;
    }
    e.status = status;
    clean(e.request_id, sizeof e.request_id, request_id);
    kf_workos_ask ask = hit ? hit->ask : KF_ASK_NONE;
    if (err) *err = e;
    return ask;
}

const kf_json *kf_workos_factor_of(const kf_json *body) {
    static const char *const names[] = {"authentication_factor",
                                        "factor"}; /* spec, docs (WORKOS.md §6.1) */
    for (size_t i = 0; i < KF_LEN(names); i++)
        if (kf_json_is_obj(kf_json_get(body, names[i]))) return kf_json_get(body, names[i]);
    return kf_json_is_obj(kf_json_get(body, "totp")) ? body : NULL; /* the emulator's bare factor */
}

kf_secret *kf_workos_refresh_body(const char *client_id, const kf_secret *secret,
                                  const kf_secret *refresh_token, const char *organization_id) {
    KF_AUTO(kf_json) j = kf_issuer_grant(&kf_workos, KF_GRANT_REFRESH, client_id, secret);
    kf_json_set_secret(j, "refresh_token", refresh_token);
    if (organization_id && *organization_id) kf_json_set_str(j, "organization_id", organization_id);
    return kf_json_print_secret(j);
}
