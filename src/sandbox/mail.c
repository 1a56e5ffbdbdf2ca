/* The sandbox's outbox: codes and tokens that WorkOS would mail or text. It keeps the latest
 * ones in memory and checks a code that is typed. Nothing is ever sent. */
#include "sandbox/mail.h"
#include <strings.h>
#include "base/mem.h"
#include "base/str.h"
#include "crypt/hash.h"
#include "sandbox/ids.h"
#include "sandbox/sessions.h"

enum { MAILS = 512 };

struct kf_mails {
    kf_mail mail[MAILS]; /* a ring: the slot to be written next is the oldest */
    size_t next;
    int64_t life_ms;
};

static const char *const names[KF_MAIL_KINDS] = {"magic_auth", "email_verification",
                                                 "password_reset", "radar", "sms"};
static const char *const prefixes[KF_MAIL_KINDS] = {"magic_auth_", "email_verification_",
                                                    "password_reset_", "radar_challenge_",
                                                    "radar_verification_"};

kf_mails *kf_mails_new(int64_t life_ms) {
    kf_mails *m = kf_new(kf_mails);
    m->life_ms = life_ms;
    return m;
}

static void drop(kf_mail *m) {
    free(m->id);
    free(m->to);
    free(m->code);
    *m = (kf_mail){0};
}

kf_mails *kf_mails_free(kf_mails *m) {
    for (size_t i = 0; m && i < MAILS; i++) drop(&m->mail[i]);
    free(m);
    return NULL;
}

int64_t kf_mails_life_s(const kf_mails *m) { return m->life_ms / 1000; }

kf_mail *kf_mails_send(kf_mails *m, kf_mail_kind kind, const char *to, kf_account *who) {
    kf_mail *one = &m->mail[m->next];
    uint32_t r;
    m->next = (m->next + 1) % MAILS;
    drop(one);
    kf_random(&r, sizeof r);
    *one =
        (kf_mail){.id = kf_id_new(prefixes[kind]),
                  .to = kf_strdup(to),
                  .code = kind == KF_MAIL_RESET ? kf_token_new() : kf_strfmt("%06u", r % 1000000u),
                  .kind = kind,
                  .account = who,
                  .made_at = kf_now(),
                  .until_ms = kf_boot_ms() + m->life_ms};
    return one;
}

kf_mail *kf_mails_find(kf_mails *m, kf_mail_kind kind, const char *id) {
    for (size_t i = 0; id && i < MAILS; i++)
        if (m->mail[i].id && m->mail[i].kind == kind && kf_str_eq(m->mail[i].id, id))
            return &m->mail[i];
    return NULL;
}

kf_json *kf_mails_list(const kf_mails *m) {
    kf_json *list = kf_json_arr();
    for (size_t k = 0; k < MAILS; k++) {
        const kf_mail *one = &m->mail[(m->next + k) % MAILS];
        if (!one->id) continue;
        kf_json *j = kf_json_obj();
        char at[25];
        kf_iso_time(one->made_at, at);
        kf_json_set_str(j, "to", one->to);
        kf_json_set_str(j, "kind", names[one->kind]);
        kf_json_set_str(j, "id", one->id);
        kf_json_set_str(j, "code", one->code);
        kf_json_set_str(j, "at", at);
        kf_json_add(list, j);
    }
    return list;
}

kf_code_result kf_mails_check(kf_mails *m, kf_mail_kind kind, const char *to, const char *code,
                              kf_mail **out) {
    kf_mail *last = NULL;
    for (size_t k = 0; k < MAILS; k++) {
        kf_mail *one = &m->mail[(m->next + k) % MAILS];
        if (!one->id || one->kind != kind || strcasecmp(one->to, to)) continue;
        last = one;
        if (one->wrong >= KF_CODE_TRIES || !kf_str_eq(one->code, code)) continue;
        if (one->used) return KF_CODE_USED;
        if (kf_boot_ms() >= one->until_ms) return KF_CODE_EXPIRED;
        one->used = true;
        *out = one;
        return KF_CODE_RIGHT;
    }
    if (!last) return KF_CODE_WRONG;
    return ++last->wrong > KF_CODE_TRIES ? KF_CODE_TOO_MANY : KF_CODE_WRONG;
}
