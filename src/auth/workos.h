#pragma once
/* WorkOS's vocabulary on the wire (WORKOS.md §1): paths, grants, request bodies and the meaning of
 * answers. Nothing of it stands in another file. Both error shapes, both spellings; never keys on
 * HTTP status alone. */
#include "auth/issuer.h"
#include "base/json.h"
#include "base/err.h"

/* User Management. Confidential clients have every grant. WORKOS.md §1.2 lists those of public
 * clients. */
extern const kf_issuer kf_workos;
/* The iss of an access token is WorkOS's, and names no other client. */
bool kf_workos_is_issuer(const char *iss, const char *client_id);

/* What a non-200 asks for. */
typedef enum kf_workos_ask {
    KF_ASK_NONE, /* a plain error, see err */
    /* another step */
    KF_ASK_EMAIL_VERIFICATION,
    KF_ASK_MFA_ENROLLMENT,
    KF_ASK_MFA_CHALLENGE,
    KF_ASK_ORGANIZATION,
    KF_ASK_SSO,
    KF_ASK_OTHER_METHOD,
    KF_ASK_RADAR,         /* a code by e-mail */
    KF_ASK_RADAR_SIGN_UP, /* a phone number first, if the user is known */
    KF_ASK_RADAR_SMS,     /* a code by text message; a phone number first if none was sent yet */
    KF_ASK_RADAR_SMS_SIGN_IN, /* a code by text message */
    /* the same question again */
    KF_ASK_WRONG_CODE,
    KF_ASK_USED_CODE,
    KF_ASK_TOO_MANY_CODES,
    KF_ASK_WRONG_PASSWORD,
    KF_ASK_PHONE,
    /* of the device grant */
    KF_ASK_PENDING,
    KF_ASK_SLOWER,
    KF_ASK_EXPIRED,
    KF_ASK_COUNT
} kf_workos_ask;

/* Reads an answer that is no success. body may be NULL (not JSON). Fills err: code, status,
 * upstream (code or error member, sanitised), retry_after from the argument; what is
 * "WorkOS answered 400 invalid_grant" style with the sanitised message. A body that is not WorkOS's
 * JSON is KF_ERR_NET_NOT_WORKOS, and 407 KF_ERR_NET_PROXY_AUTH: a proxy or a network's sign-in page
 * answered. A code that nobody documents is KF_ERR_WORKOS_REFUSED, with the code in upstream. */
kf_workos_ask kf_workos_read_error(int status, const kf_json *body, int32_t retry_after,
                                   const char *request_id, kf_err *err);

/* What the code alone asks for; NONE for NULL, "" and one that nobody documents. */
kf_workos_ask kf_workos_ask_of(const char *code);
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

/* The body of a renewal. organization_id "" leaves it out. */
kf_secret *kf_workos_refresh_body(const char *client_id, const kf_secret *secret,
                                  const kf_secret *refresh_token, const char *organization_id);
/* The factor of an answer to an enrolment, in each spelling; NULL if there is none. */
const kf_json *kf_workos_factor_of(const kf_json *body);
