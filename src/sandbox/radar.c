/* Radar challenges (workos-api.md §1.7) and invitations (§5). */
#include "base/str.h"
#include "sandbox/api.h"
#include "sandbox/attempt.h"
#include "sandbox/ids.h"

static bool phone_ok(const char *s) { return s && s[0] == '+' && strlen(s) > 7 && strlen(s) < 17 && !s[1 + strspn(s + 1, "0123456789")]; }

kf_answer kf_api_radar(kf_sandbox *s, const kf_call *c) {
    const char *phone = kf_json_str(c->body, "phone_number"), *user = kf_json_str(c->body, "user_id");
    const char *token = kf_json_str(c->body, "pending_authentication_token");
    kf_account *a = user ? kf_users_by_id(s->users, user) : NULL;
    const kf_pending *p = token ? kf_sessions_pending(s->sessions, token) : NULL;
    kf_answer no;
    if (!a) return kf_answer_parameters("user_id", "user_id is not a user");
    if (!p || p->kind != KF_PENDING_RADAR || p->account != a) return kf_bad_pending();
    if (!phone_ok(phone)) return kf_answer_parameters("phone_number", "phone_number is not in E.164");
    if (!kf_limited(s, "radar", a->id, KF_LIMIT_MAIL, &no)) return no;
    kf_json *body = kf_json_obj();
    kf_json_set_str(body, "verification_id", kf_mails_send(s->mails, KF_MAIL_SMS, phone, a)->id);
    kf_json_set_str(body, "phone_number", phone);
    return (kf_answer){.status = 201, .body = body};
}

static kf_answer passed(const kf_attempt *a, kf_pending *held) {
    kf_pending p = *held;
    p.radar = true;
    return kf_resume(a, held, &p);
}

kf_answer kf_grant_radar_email(const kf_attempt *a) {
    kf_pending *held = kf_find_pending(a, KF_PENDING_RADAR);
    const kf_mail *asked = kf_mails_find(a->s->mails, KF_MAIL_RADAR, kf_field(a, "radar_challenge_id"));
    kf_mail *m = NULL;
    if (!held) return kf_bad_pending();
    if (!asked || asked->account != held->account) return kf_answer_b("invalid_request", "The radar challenge does not exist.");
    kf_code_result r = kf_mails_check(a->s->mails, KF_MAIL_RADAR, asked->to, kf_field(a, "code"), &m);
    return r == KF_CODE_RIGHT ? passed(a, held) : kf_code_refused(r);
}

/* A sign-up names the phone and the message; a sign-in needs neither (workos-api.md §1.2). */
kf_answer kf_grant_radar_sms(const kf_attempt *a) {
    kf_pending *held = kf_find_pending(a, KF_PENDING_RADAR);
    const char *phone = kf_field(a, "phone_number"), *id = kf_field(a, "verification_id");
    kf_mail *m = NULL;
    if (!held) return kf_bad_pending();
    if (kf_str_eq(held->account->radar, "sms_sign_up")) {
        if (!phone) return kf_answer_a(400, "phone_number_required", "phone_number is required.");
        if (!id) return kf_answer_a(400, "verification_id_required", "verification_id is required.");
        const kf_mail *asked = kf_mails_find(a->s->mails, KF_MAIL_SMS, id);
        if (!asked || asked->account != held->account || !kf_str_eq(asked->to, phone))
            return kf_answer_b("invalid_request", "The verification does not exist.");
    } else phone = held->account->email;
    kf_code_result r = kf_mails_check(a->s->mails, KF_MAIL_SMS, phone, kf_field(a, "code"), &m);
    return r == KF_CODE_RIGHT ? passed(a, held) : kf_code_refused(r);
}

/* --- invitations --- */

static kf_answer invitation_answer(kf_sandbox *s, int status, const kf_invitation *v) {
    kf_json *j = kf_json_obj();
    KF_AUTO_CHARS url = kf_strfmt("%s/invite?token=%s", s->base_url, v->token);
    bool expired = v->expires_at <= kf_now();
    kf_json_set_str(j, "object", "invitation");
    kf_json_set_str(j, "id", v->id);
    kf_json_set_str(j, "email", v->email);
    kf_json_set_str(j, "state", v->accepted_at ? "accepted" : v->revoked_at ? "revoked" : expired ? "expired" : "pending");
    kf_set_time(j, "accepted_at", v->accepted_at);
    kf_set_time(j, "revoked_at", v->revoked_at);
    kf_set_time(j, "expires_at", v->expires_at);
    if (v->org) kf_json_set_str(j, "organization_id", v->org->id);
    kf_json_set_str(j, "token", v->token);
    kf_json_set_str(j, "accept_invitation_url", url);
    kf_set_time(j, "created_at", v->made_at);
    kf_set_time(j, "updated_at", v->made_at);
    return (kf_answer){.status = status, .body = j};
}

kf_answer kf_api_invite(kf_sandbox *s, const kf_call *c) {
    const char *email = kf_json_str(c->body, "email"), *org = kf_json_str(c->body, "organization_id");
    int64_t days = kf_json_int_or(c->body, "expires_in_days", 7);
    if (!kf_email_ok(email)) return kf_answer_parameters("email", "email is not an e-mail address");
    if (days < 1 || days > 30) return kf_answer_parameters("expires_in_days", "expires_in_days must be from 1 to 30");
    if (org && !kf_users_org(s->users, org)) return kf_answer_not_found("Organization");
    const kf_invitation *v = kf_invitations_add(s->invitations, email, org ? kf_users_org(s->users, org) : NULL,
                                                kf_json_str(c->body, "role_slug"), (int)days);
    return v ? invitation_answer(s, 201, v) : kf_answer_c(503, "The sandbox holds no more invitations.");
}

kf_answer kf_api_invitation(kf_sandbox *s, const kf_call *c) {
    const kf_invitation *v = kf_invitations_by_id(s->invitations, c->id);
    return v ? invitation_answer(s, 200, v) : kf_answer_not_found("Invitation");
}

kf_answer kf_api_invitation_token(kf_sandbox *s, const kf_call *c) {
    const kf_invitation *v = kf_invitations_by_token(s->invitations, c->id);
    return v ? invitation_answer(s, 200, v) : kf_answer_not_found("Invitation");
}

kf_answer kf_api_invitation_revoke(kf_sandbox *s, const kf_call *c) {
    kf_invitation *v = kf_invitations_by_id(s->invitations, c->id);
    if (!v) return kf_answer_not_found("Invitation");
    if (!v->accepted_at && !v->revoked_at) v->revoked_at = kf_now();
    return invitation_answer(s, 200, v);
}

bool kf_invited(const kf_attempt *a, kf_account *who, kf_answer *out) {
    const char *token = kf_field(a, "invitation_token");
    if (!token) return true;
    kf_invitation *v = kf_invitations_by_token(a->s->invitations, token);
    if (!v || v->accepted_at || v->revoked_at || v->expires_at <= kf_now()) {
        *out = kf_answer_b("invitation_invalid", "The invitation is not valid.");
        return false;
    }
    if (!kf_str_eq(v->email, who->email)) {
        *out = kf_answer_b("invitation_cannot_be_used_for_email", "The invitation is for another e-mail address.");
        return false;
    }
    if (v->org && !kf_account_join(who, v->org, v->role)) {
        *out = kf_answer_c(503, "The sandbox holds no more memberships.");
        return false;
    }
    v->accepted_at = kf_now();
    return true;
}
