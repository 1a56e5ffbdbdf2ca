/* Radar challenges (WORKOS.md §1.7). */
#include "base/str.h"
#include "sandbox/api.h"
#include "sandbox/attempt.h"
#include "sandbox/ids.h"

kf_answer kf_api_radar(kf_sandbox *s, const kf_call *c) {
    const char *phone = kf_json_str(c->body, "phone_number"),
               *user = kf_json_str(c->body, "user_id");
    const char *token = kf_json_str(c->body, "pending_authentication_token");
    kf_account *a = user ? kf_users_by_id(s->users, user) : NULL;
    const kf_pending *p = token ? kf_sessions_pending(s->sessions, token) : NULL;
    if (!a) return kf_answer_parameters("user_id", "user_id is not a user");
    if (!p || p->kind != KF_PENDING_RADAR || p->account != a || *p->target) return kf_bad_pending();
    return kf_radar_send(s, p, phone);
}

kf_answer kf_radar_send(kf_sandbox *s, const kf_pending *p, const char *phone) {
    kf_account *a = p->account;
    kf_answer no;
    if (!kf_phone_ok(phone))
        return kf_answer_parameters("phone_number", "phone_number must be a + with 7 to 15 digits");
    /* Only somebody who signs up says which phone is theirs. */
    if (kf_str_eq(a->radar, "sms") && !kf_str_eq(phone, kf_account_phone(a)))
        return kf_answer_parameters("phone_number", "phone_number is not the user's");
    if (!kf_limited(s, "radar", a->id, KF_LIMIT_MAIL, &no)) return no;
    kf_json *body = kf_json_obj();
    kf_json_set_str(body, "verification_id", kf_mails_send(s->mails, KF_MAIL_SMS, phone, a)->id);
    kf_json_set_str(body, "phone_number", phone);
    return (kf_answer){.status = 201, .body = body};
}

kf_answer kf_api_radar_get(kf_sandbox *s, const kf_call *c) {
    const kf_mail *m = kf_mails_find(s->mails, KF_MAIL_RADAR, c->id);
    if (!m) return kf_answer_not_found("Radar challenge");
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "object", "radar_challenge");
    kf_json_set_str(j, "id", m->id);
    kf_json_set_str(j, "type", "email");
    kf_json_set_str(j, "user_id", m->account->id);
    kf_json_set_str(j, "email", m->to);
    kf_set_time(j, "expires_at", m->made_at + kf_mails_life_s(s->mails));
    kf_json_set_str(j, "code", m->code);
    kf_set_time(j, "created_at", m->made_at);
    kf_set_time(j, "updated_at", m->made_at);
    return (kf_answer){.status = 200, .body = j};
}

static kf_answer passed(const kf_attempt *a, kf_pending *held) {
    kf_pending p = *held;
    p.radar = true;
    return kf_resume(a, held, &p);
}

kf_answer kf_grant_radar_email(const kf_attempt *a) {
    kf_pending *held = kf_find_pending(a, KF_PENDING_RADAR);
    const kf_mail *asked =
        kf_mails_find(a->s->mails, KF_MAIL_RADAR, kf_field(a, "radar_challenge_id"));
    kf_mail *m = NULL;
    kf_answer no;
    if (!held) return kf_bad_pending();
    if (!kf_limited(a->s, "authenticate", kf_field(a, "radar_challenge_id"), KF_LIMIT_AUTHENTICATE,
                    &no))
        return no;
    if (!asked || asked->account != held->account)
        return kf_answer_b("invalid_request", "The radar challenge does not exist.");
    kf_code_result r =
        kf_mails_check(a->s->mails, KF_MAIL_RADAR, asked->to, kf_field(a, "code"), &m);
    return r == KF_CODE_RIGHT ? passed(a, held) : kf_code_refused(r);
}

/* A sign-up names the phone and the message; a sign-in needs neither (WORKOS.md §1.2). */
kf_answer kf_grant_radar_sms(const kf_attempt *a) {
    kf_pending *held = kf_find_pending(a, KF_PENDING_RADAR);
    const char *phone = kf_field(a, "phone_number"), *id = kf_field(a, "verification_id");
    kf_mail *m = NULL;
    kf_answer no;
    if (!held) return kf_bad_pending();
    if (!kf_limited(a->s, "authenticate", held->account->email, KF_LIMIT_AUTHENTICATE, &no))
        return no;
    if (kf_str_eq(held->account->radar, "sms_sign_up")) {
        if (!phone) return kf_answer_a(400, "phone_number_required", "phone_number is required.");
        if (!id)
            return kf_answer_a(400, "verification_id_required", "verification_id is required.");
        const kf_mail *asked = kf_mails_find(a->s->mails, KF_MAIL_SMS, id);
        if (!asked || asked->account != held->account || !kf_str_eq(asked->to, phone))
            return kf_answer_b("invalid_request", "The verification does not exist.");
    } else {
        const kf_mail *asked = id ? kf_mails_find(a->s->mails, KF_MAIL_SMS, id) : NULL;
        if (id && (!asked || asked->account != held->account))
            return kf_answer_b("invalid_request", "The verification does not exist.");
        phone = kf_account_phone(held->account);
    }
    kf_code_result r = kf_mails_check(a->s->mails, KF_MAIL_SMS, phone, kf_field(a, "code"), &m);
    return r == KF_CODE_RIGHT ? passed(a, held) : kf_code_refused(r);
}
