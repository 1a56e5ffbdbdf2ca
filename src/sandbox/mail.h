#pragma once
/* What would have been mailed: codes and tokens with their ends. The last few hundred;
 * GET /sandbox/mail shows them. Not locked: the owner's mutex guards it. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sandbox/users.h"

typedef enum {
    KF_MAIL_MAGIC,
    KF_MAIL_VERIFY,
    KF_MAIL_RESET,
    KF_MAIL_RADAR,
    KF_MAIL_SMS,
    KF_MAIL_KINDS
} kf_mail_kind;

typedef struct kf_mail {
    char *id, *to, *code;
    kf_mail_kind kind;
    kf_account *account; /* NULL: of nobody yet */
    int64_t made_at, until_ms;
    int wrong;
    bool used;
} kf_mail;

typedef struct kf_mails kf_mails;
kf_mails *kf_mails_new(int64_t life_ms);
kf_mails *kf_mails_free(kf_mails *m);
/* A code of six digits, or a token for RESET. Over the limit the oldest goes. Borrowed. */
kf_mail *kf_mails_send(kf_mails *m, kf_mail_kind kind, const char *to, kf_account *who);
kf_mail *kf_mails_find(kf_mails *m, kf_mail_kind kind, const char *id);
int64_t kf_mails_life_s(const kf_mails *m);
kf_json *kf_mails_list(const kf_mails *m); /* array, newest last; caller owns */

typedef enum {
    KF_CODE_RIGHT,
    KF_CODE_WRONG,
    KF_CODE_EXPIRED,
    KF_CODE_USED,
    KF_CODE_TOO_MANY
} kf_code_result;
/* The code among what was sent to this address; right ones are used up. *out: the mail (RIGHT
 * only). */
kf_code_result kf_mails_check(kf_mails *m, kf_mail_kind kind, const char *to, const char *code,
                              kf_mail **out);
