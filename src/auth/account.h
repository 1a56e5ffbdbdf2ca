#pragma once
/* What WorkOS says of a person, asked with the API key (WORKOS.md §5 to §7, §11):
 * organizations, sessions, factors. Paths and bodies of the requests, and the answers in the words
 * of data/io.keyfob.Agent.varlink. Lists come in pages; everything is bounded and checked. */
#include "auth/issuer.h"
#include "base/err.h"
#include "base/json.h"
#include "base/secret.h"

enum {
    KF_ACCOUNT_ITEMS_MAX = 5000,
    KF_ACCOUNT_PAGE = 100,
    KF_ACCOUNT_PAGE_SMALL = 10,
    KF_ACCOUNT_ID_MAX = KF_ISSUER_ID_MAX
};

typedef enum kf_account_list {
    KF_LIST_ORGANIZATIONS,
    KF_LIST_SESSIONS,
    KF_LIST_FACTORS
} kf_account_list;

/* [A-Za-z0-9_-], 1 to 95 of them: what may go into a path. */
bool kf_account_id_ok(const char *id);

/* The path of a page; after "" or NULL: the first. NULL if the user id or the cursor is no id.
 * Caller frees. */
char *kf_account_list_path(kf_account_list what, const char *user_id, const char *after, int limit);
/* Appends what a page holds to list: Organization, Session or Factor of the interface, those
 * without a usable id left out. next: the cursor of the next page, "" after the last. False:
 * KF_ERR_NET_BAD_ANSWER: no list, a cursor that leads nowhere, or more than KF_ACCOUNT_ITEMS_MAX
 * items; list is then incomplete. */
KF_CHECK bool kf_account_page(kf_account_list what, const kf_json *body, const char *after,
                              kf_json *list, char next[KF_ACCOUNT_ID_MAX], kf_err *err);
/* The item of that id; NULL if there is none. */
const kf_json *kf_account_find(const kf_json *list, const char *id);

char *kf_account_logout_path(const char *sid); /* without an API key; NULL: no id. Caller frees */
char *kf_account_organization_path(const char *id); /* NULL: no id. Caller frees */
/* Its name out of the answer, cut to size; false if there is none. */
KF_CHECK bool kf_account_organization_name(const kf_json *body, const char *id, char *dst,
                                           size_t size);

kf_secret *kf_account_revoke_body(const char *session_id);

/* --- factors -------------------------------------------------------------------------------------
 */

typedef struct kf_new_factor {
    char id[KF_ACCOUNT_ID_MAX],
        challenge[KF_ACCOUNT_ID_MAX]; /* challenge "": one has to be asked for */
    kf_secret *uri, *key;             /* otpauth URI byte for byte, and its secret */
} kf_new_factor;
void kf_new_factor_done(kf_new_factor *f);

char *kf_account_factors_path(const char *user_id); /* POST enrols; NULL: no id. Caller frees */
kf_secret *kf_account_enroll_body(void);
char *kf_account_factor_path(const char *factor_id);    /* DELETE; NULL: no id. Caller frees */
char *kf_account_challenge_path(const char *factor_id); /* POST; NULL: no id. Caller frees */
char *kf_account_verify_path(const char *challenge_id); /* POST; NULL: no id. Caller frees */
/* The answer to an enrolment, in all three spellings. False: KF_ERR_NET_BAD_ANSWER; f->id is set
 * all the same when the answer had one, because that factor exists now. */
KF_CHECK bool kf_account_enrolled(const kf_json *body, kf_new_factor *f, kf_err *err);
KF_CHECK bool kf_account_challenged(const kf_json *body, char challenge[KF_ACCOUNT_ID_MAX],
                                    kf_err *err);
/* Six digits out of what was typed; spaces, dashes and full-width digits are fine, letters are not.
 * False: KF_ERR_USAGE_BAD_ANSWER. */
KF_CHECK bool kf_account_code(const kf_secret *typed, char out[7], kf_err *err);
/* typed: six digits; spaces, dashes and full-width digits are fine. NULL: KF_ERR_USAGE_BAD_ANSWER.
 */
kf_secret *kf_account_verify_body(const kf_secret *typed, kf_err *err);
/* otpauth://totp/ of printable ASCII, at most 2 KiB, with a secret in base32. */
KF_CHECK bool kf_account_otpauth(const char *uri, kf_secret **whole, kf_secret **key);
