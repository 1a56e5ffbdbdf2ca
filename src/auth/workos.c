#include "auth/workos.h"

#include "base/str.h"

typedef struct row {
    const char *code;
    kf_workos_ask ask;
    kf_err_code err;
} row;

/* workos-api.md §1.5, both shapes, both spellings of the radar codes. */
static const row table[] = {
    {"email_verification_required", KF_ASK_EMAIL_VERIFICATION, KF_ERR_WORKOS_STEP_UP},
    {"mfa_enrollment", KF_ASK_MFA_ENROLLMENT, KF_ERR_WORKOS_MFA_ENROLLMENT},
    {"mfa_challenge", KF_ASK_MFA_CHALLENGE, KF_ERR_WORKOS_STEP_UP},
    {"mfa_verification", KF_ASK_MFA_CHALLENGE, KF_ERR_WORKOS_STEP_UP},
    {"organization_selection_required", KF_ASK_ORGANIZATION, KF_ERR_WORKOS_STEP_UP},
    {"sso_required", KF_ASK_SSO, KF_ERR_WORKOS_SSO_REQUIRED},
    {"organization_authentication_methods_required", KF_ASK_OTHER_METHOD, KF_ERR_WORKOS_ORGANIZATION},
    {"radar_challenge", KF_ASK_RADAR, KF_ERR_WORKOS_STEP_UP},
    {"radar_email_challenge", KF_ASK_RADAR, KF_ERR_WORKOS_STEP_UP},
    {"radar_sms_challenge", KF_ASK_RADAR, KF_ERR_WORKOS_STEP_UP},
    {"radar_sign_up_challenge", KF_ASK_RADAR, KF_ERR_WORKOS_STEP_UP},
    {"radar_sms_sign_in_challenge", KF_ASK_RADAR, KF_ERR_WORKOS_STEP_UP},
    {"passkey_progressive_enrollment", KF_ASK_NONE, KF_ERR_WORKOS_STEP_UP},
    {"application_consent_required", KF_ASK_NONE, KF_ERR_WORKOS_STEP_UP},
    {"invalid_credentials", KF_ASK_WRONG_PASSWORD, KF_ERR_WORKOS_BAD_CREDENTIALS},
    {"invalid_one_time_code", KF_ASK_WRONG_CODE, KF_ERR_WORKOS_BAD_CODE},
    {"invalid_code", KF_ASK_WRONG_CODE, KF_ERR_WORKOS_BAD_CODE},
    {"one_time_code_previously_used", KF_ASK_WRONG_CODE, KF_ERR_WORKOS_BAD_CODE},
    {"one_time_code_expired", KF_ASK_WRONG_CODE, KF_ERR_WORKOS_CODE_EXPIRED},
    {"expired_code", KF_ASK_WRONG_CODE, KF_ERR_WORKOS_CODE_EXPIRED},
    {"one_time_code_too_many_attempts", KF_ASK_NONE, KF_ERR_WORKOS_BAD_CODE},
    {"invalid_pending_authentication_token", KF_ASK_NONE, KF_ERR_WORKOS_CODE_EXPIRED},
    {"authentication_challenge_expired", KF_ASK_NONE, KF_ERR_WORKOS_CODE_EXPIRED},
    {"authentication_challenge_previously_verified", KF_ASK_NONE, KF_ERR_WORKOS_CODE_EXPIRED},
    {"expired_token", KF_ASK_NONE, KF_ERR_WORKOS_CODE_EXPIRED},
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
};

/* Letters, digits and a few signs; anything else becomes '?'. For codes and ids, which are shown and logged. */
static void clean(char *dst, size_t size, const char *src) {
    size_t n = 0;
    for (; src && *src && n + 1 < size; src++)
        dst[n++] = (*src >= '0' && *src <= '9') || (*src >= 'a' && *src <= 'z') || (*src >= 'A' && *src <= 'Z') || strchr("_-.:", *src)
                       ? *src
                       : '?';
    dst[n] = 0;
}

static kf_err_code by_status(int status) {
    if (status == 401) return KF_ERR_WORKOS_BAD_KEY;
    if (status == 429) return KF_ERR_NET_RATE_LIMITED;
    if (status == 408 || status >= 500) return KF_ERR_NET_SERVER;
    return status >= 400 ? KF_ERR_WORKOS_REFUSED : KF_ERR_NET_BAD_ANSWER;
}

static const row *find(const char *code) {
    for (size_t i = 0; code && i < KF_LEN(table); i++)
        if (!strcmp(table[i].code, code)) return &table[i];
    return NULL;
}

/* "WHO CODE: what it said", in whole characters (this text travels in JSON, which must be UTF-8) and without controls. */
static void say(kf_err *e, const char *who, const char *message) {
    char said[160] = "";
    size_t n = message ? strlen(message) : 0;
    if (n > 150)
        for (n = 150; n && ((unsigned char)message[n] & 0xc0) == 0x80;) n--;
    if (n) memcpy(said, message, n);
    snprintf(e->what, sizeof e->what, "%s%s%s%s%s", who, *e->upstream ? " " : "", e->upstream, *said ? ": " : "", said);
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

kf_workos_ask kf_workos_read_error(int status, const kf_json *body, int32_t retry_after, const char *request_id, kf_err *err) {
    const char *code = kf_json_str(body, "code");
    if (!code) code = kf_json_str(body, "error");
    const char *message = kf_json_str(body, "message");
    if (!message) message = kf_json_str(body, "error_description");
    const row *hit = find(code);
    if (!hit && (hit = find(kf_json_str(body, "error")))) code = hit->code; /* both members, only the second is known */
    /* 5xx and 429 say "not now" whatever the body says */
    if (status == 429 || status == 408 || status >= 500) hit = NULL;
    /* shape C (workos-api.md §1.5) has no code for this one */
    static const row must_use_sso = {"", KF_ASK_SSO, KF_ERR_WORKOS_SSO_REQUIRED};
    if (!hit && status == 400 && !code && message && strstr(message, "Must use SSO")) hit = &must_use_sso;
    kf_err e = {.code = hit ? hit->err : by_status(status), .status = status, .retry_after = retry_after};
    clean(e.upstream, sizeof e.upstream, code);
    clean(e.request_id, sizeof e.request_id, request_id);
    char who[48];
    snprintf(who, sizeof who, "WorkOS answered %d", status);
    say(&e, who, message);
    kf_workos_ask ask = hit ? hit->ask : KF_ASK_NONE;
    if (err) *err = e;
    return ask;
}

kf_json *kf_workos_grant(const char *grant_type, const char *client_id, const kf_secret *secret) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "grant_type", grant_type);
    kf_json_set_str(j, "client_id", client_id);
    if (secret) kf_json_set_secret(j, "client_secret", secret);
    return j;
}

kf_secret *kf_workos_refresh_body(const char *client_id, const kf_secret *secret, const kf_secret *refresh_token,
                                  const char *organization_id) {
    KF_AUTO(kf_json) j = kf_workos_grant(KF_GRANT_REFRESH, client_id, secret);
    kf_json_set_secret(j, "refresh_token", refresh_token);
    if (organization_id && *organization_id) kf_json_set_str(j, "organization_id", organization_id);
    return kf_json_print_secret(j);
}
