#pragma once
/* The session record: every field of WorkOS's AuthenticationResponse (WORKOS.md
 * §1.4) plus what keyfob must know to renew it: where and when it was obtained.
 * It is what the store keeps, as one JSON blob ("keyfob.session/1"). */
#include <stdint.h>
#include "auth/claims.h"
#include "base/secret.h"

/* When an answer arrived. boot_ms counts CLOCK_BOOTTIME; boot_id says of which boot. */
typedef struct kf_moment {
    int64_t unix_s, boot_ms;
    int64_t ms; /* behind unix_s: what arrives counts from the start of its second */
    char boot_id[37];
    int64_t date; /* the answer's Date header, 0 = none */
    /* since the request was sent. The answer may have lain in its socket for all of it, while this
     * program was stopped or the machine asleep: Date and token may be as old as that. */
    int64_t waited_ms;
} kf_moment;

/* waited_ms of an answer that arrived now, by the clock that counted more. The boot clock stands
 * still while a virtual machine is paused. */
int64_t kf_moment_waited(const kf_moment *now, int64_t sent_boot_ms, int64_t sent_unix_ms);

typedef struct kf_session {
    kf_secret *access_token, *refresh_token;
    kf_json *user;                  /* the user object; over 8 KiB: its documented members, cut */
    char organization_id[96];       /* of the current token: claims' org_id, else the answer's */
    char organization_name[256];    /* where known: from the chooser; "" else */
    char authentication_method[64]; /* open set */
    char impersonator_email[256], impersonator_reason[512];
    kf_secret *oauth_tokens; /* JSON object as it came, or NULL; over 32 KiB: NULL */
    kf_secret *extra;        /* every other member of the answer, JSON object; over 8 KiB: NULL */
    char origin[256], client_id[96];  /* origin binding */
    int64_t generation;               /* +1 with every new pair; highest wins */
    int64_t iat, exp, life_s;         /* of the access token; life = exp - iat (or expires_in) */
    kf_moment received;               /* of the current access token */
    int64_t signed_in_at, renewed_at; /* unix s */
    int64_t skew_s;                   /* Date - our clock at receipt, 0 if unknown or implausible */
    bool unverified; /* a refresh token from elsewhere, not renewed yet: there is no access token
                        and no user */
    bool any_user;   /* unverified: it may be of another user than previous */
    kf_secret *previous; /* unverified: blob of the session it took the place of, until WorkOS took
                            it; or NULL */
    kf_claims claims;    /* decoded from access_token; not stored */
} kf_session;

kf_session *kf_session_free(kf_session *s); /* wipes; NULL is fine; returns NULL */
KF_AUTO_DEFINE(kf_session);

/* A refresh token from elsewhere, before it was tried: it is stored first and renewed then. */
kf_session *kf_session_unverified(const kf_secret *refresh_token, const char *origin,
                                  const char *client_id, const kf_moment *now);

/* From a 200 of POST authenticate. prev NULL: a sign-in (needs user, access_token and
 * refresh_token). prev given: a renewal: a missing refresh_token or user keeps prev's, and so does
 * a user without an id; another user id in the answer or in the token, or a token of another client
 * ID, is KF_ERR_WORKOS_MISMATCH. expiry: the JWT's exp; a token that is
 * no JWT is accepted only with expires_in, else KF_ERR_NET_BAD_ANSWER. now->date over 5 min from
 * iat is ignored. An access token that is not visible ASCII is KF_ERR_NET_BAD_ANSWER. What only
 * shows (role, names, reason) is cut to its field; a user object, oauth_tokens or other members
 * that are too large are cut or dropped, with a line in the log. NULL: err, prev untouched. The
 * caller owns the result. */
kf_session *kf_session_from_answer(const kf_json *body, const kf_session *prev, const char *origin,
                                   const char *client_id, const kf_moment *now, kf_err *err);

/* A renewal that asked for an organization has to come back with it: else KF_ERR_WORKOS_MISMATCH.
 * "" asked for none. */
KF_CHECK bool kf_session_in_organization(const kf_session *s, const char *organization_id,
                                         kf_err *err);

kf_secret *kf_session_to_blob(const kf_session *s);
/* NULL: KF_ERR_STORE_DAMAGED, KF_ERR_STORE_NEWER. */
kf_session *kf_session_from_blob(const kf_secret *blob, kf_err *err);
kf_session *kf_session_copy(const kf_session *s);

/* Milliseconds the access token is still valid, may be negative. Within the boot it was received
 * in: what the boot clock and the wall clock have counted since, the longer of the two. A wall
 * clock that is set back therefore prolongs nothing, and one that is set forward makes the token
 * look over. In another boot: exp against the wall clock and the skew measured at receipt. */
int64_t kf_session_left_ms(const kf_session *s, const kf_moment *now);

const char *kf_session_user_id(const kf_session *s); /* "" if unknown */
const char *kf_session_user_email(const kf_session *s);
void kf_session_user_name(const kf_session *s, char *out,
                          size_t size); /* "Maya Chen", cut at a UTF-8 boundary */
