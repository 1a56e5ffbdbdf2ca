#pragma once
/* WorkOS's vocabulary on the wire (WORKOS.md §1): request bodies and the meaning
 * of answers. Both error shapes, both spellings; never keys on HTTP status alone. */
#include "base/json.h"
#include "base/err.h"

#define KF_WORKOS_AUTHENTICATE "/user_management/authenticate"
#define KF_GRANT_PASSWORD "password"
#define KF_GRANT_REFRESH "refresh_token"
#define KF_GRANT_AUTHORIZATION_CODE "authorization_code"
#define KF_GRANT_DEVICE_CODE "urn:ietf:params:oauth:grant-type:device_code"
#define KF_GRANT_MAGIC_AUTH "urn:workos:oauth:grant-type:magic-auth:code"
#define KF_GRANT_EMAIL_VERIFICATION "urn:workos:oauth:grant-type:email-verification:code"
#define KF_GRANT_RADAR_EMAIL "urn:workos:oauth:grant-type:radar-email-challenge:code"
#define KF_GRANT_RADAR_SMS "urn:workos:oauth:grant-type:radar-sms-challenge:code"
#define KF_GRANT_MFA_TOTP "urn:workos:oauth:grant-type:mfa-totp"
#define KF_GRANT_ORG_SELECTION "urn:workos:oauth:grant-type:organization-selection"

/* What a non-200 asks for. */
typedef enum kf_workos_ask {
    KF_ASK_NONE, /* a plain error, see err */
    KF_ASK_EMAIL_VERIFICATION,
    KF_ASK_MFA_ENROLLMENT,
    KF_ASK_MFA_CHALLENGE,
    KF_ASK_ORGANIZATION,
    KF_ASK_SSO,
    KF_ASK_OTHER_METHOD,
    KF_ASK_RADAR,
    KF_ASK_WRONG_CODE /* same question again */,
    KF_ASK_WRONG_PASSWORD
} kf_workos_ask;

/* Reads an answer that is no success. body may be NULL (not JSON). Fills err: code, status,
 * upstream (code or error member, sanitised), retry_after from the argument; what is
 * "WorkOS answered 400 invalid_grant" style with the sanitised message. A body that is not WorkOS's
 * JSON is KF_ERR_NET_NOT_WORKOS, and 407 KF_ERR_NET_PROXY_AUTH: a proxy or a network's sign-in page
 * answered. A code that nobody documents is KF_ERR_WORKOS_REFUSED, with the code in upstream. */
kf_workos_ask kf_workos_read_error(int status, const kf_json *body, int32_t retry_after,
                                   const char *request_id, kf_err *err);

/* WorkOS or OAuth documents this code. NULL and "" are not documented. */
bool kf_workos_knows(const char *code);
/* The body is no JSON object or list but something like an HTML page. False for an empty one. */
bool kf_workos_is_page(const char *body, size_t len);
/* Fills err for such a body, also of a 200; returns false. */
bool kf_workos_fail_page(int status, kf_err *err);
/* The answer says nothing about the request: KF_ERR_NET_SERVER, _RATE_LIMITED, _NOT_WORKOS,
 * _PROXY_AUTH. */
bool kf_workos_is_not_now(kf_err_code code);

/* The same for the error and error_description of a redirect (WORKOS.md §2). description may be
 * NULL. */
void kf_workos_read_callback(const char *error, const char *description, kf_err *err);

/* {"grant_type","client_id"[,"client_secret"]}; the caller adds the grant's own members. secret may
 * be NULL. */
kf_json *kf_workos_grant(const char *grant_type, const char *client_id, const kf_secret *secret);
/* The body of a renewal. organization_id "" leaves it out. */
kf_secret *kf_workos_refresh_body(const char *client_id, const kf_secret *secret,
                                  const kf_secret *refresh_token, const char *organization_id);
