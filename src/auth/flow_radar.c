/* Radar's challenges (WORKOS.md §1.7): a code by e-mail, or one by text message, for
 * which a sign-up first names the phone. Old and new names of the codes mean the same. */
#include "auth/flow_impl.h"

#include "base/str.h"

void kf_flow_radar_required(kf_flow *f, kf_workos_ask ask, const kf_json *body, const kf_err *why) {
    const char *user = kf_json_str(kf_json_get(body, "user"), "id");
    if (!user) user = kf_json_str(body, "user_id");
    bool sms = ask == KF_ASK_RADAR_SMS || ask == KF_ASK_RADAR_SMS_SIGN_IN;
    if (!kf_issuer_id(f->user_id, user)) f->user_id[0] = 0;
    if (!kf_issuer_id(f->radar_id, kf_json_str(body, "radar_challenge_id"))) f->radar_id[0] = 0;
    if (!kf_issuer_id(f->verification_id, kf_json_str(body, "verification_id")))
        f->verification_id[0] = 0;
    if (!kf_str_set(f->phone, sizeof f->phone, kf_json_str(body, "phone_number"))) f->phone[0] = 0;
    if (!f->pending)
        kf_flow_bad_answer(f, "a radar challenge came without pending_authentication_token");
    else if ((ask == KF_ASK_RADAR_SIGN_UP || (ask == KF_ASK_RADAR_SMS && !*f->verification_id)) &&
             *f->user_id)
        kf_flow_ask_radar_phone(f);
    else if (sms) kf_flow_ask_radar_sms(f);
    else if (*f->radar_id) kf_flow_ask_radar_email(f);
    else { /* nothing that keyfob can answer with: the hosted page can */ kf_err e = *why;
        kf_hint(&e, "WorkOS wants to see a person first: sign in by the browser.");
        kf_flow_fail(f, &e);
    }
}

void kf_flow_ask_radar_email(kf_flow *f) {
    kf_flow_show(f, KF_PHASE_RADAR_EMAIL, KF_STEP_FIELD, KF_FIELD_EMAIL_CODE, 1u << KF_ACT_SUBMIT);
    kf_flow_note(f, KF_NOTE_RADAR, f->email, NULL);
}

bool kf_flow_radar_email_submit(kf_flow *f, const kf_secret *value, kf_err *err) {
    kf_json *more = kf_json_obj();
    kf_json_set_str(more, "radar_challenge_id", f->radar_id);
    return kf_flow_code_submit(f, KF_GRANT_RADAR_EMAIL, value, more, err);
}

void kf_flow_ask_radar_phone(kf_flow *f) {
    kf_flow_show(f, KF_PHASE_RADAR_PHONE, KF_STEP_FIELD, KF_FIELD_PHONE, 1u << KF_ACT_SUBMIT);
    kf_flow_note(f, KF_NOTE_RADAR, NULL, NULL);
}

static void send_sms(kf_flow *f) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "user_id", f->user_id);
    kf_json_set_secret(j, "pending_authentication_token", f->pending);
    kf_json_set_str(j, "phone_number", f->phone);
    kf_flow_request(f, KF_WAIT_RADAR_SMS, kf_flow_path(KF_AT_RADAR, NULL), j, true);
}

/* E.164: a plus and 7 to 15 digits; blanks, dashes, dots and brackets are left out. */
bool kf_flow_radar_phone_submit(kf_flow *f, const kf_secret *value, kf_err *err) {
    char phone[17];
    size_t n = 0;
    const char *p = kf_secret_peek(value);
    for (; *p && n < sizeof phone - 1; p++) {
        if (strchr(" -.()", *p)) continue;
        if (!(*p >= '0' && *p <= '9') && !(*p == '+' && !n)) break;
        phone[n++] = *p;
    }
    phone[n] = 0;
    if (*p || phone[0] != '+' || n < 8)
        return kf_fail(err, KF_ERR_USAGE_BAD_ANSWER,
                       "a phone number is a plus, the country code and digits: +44...");
    memcpy(f->phone, phone, n + 1);
    send_sms(f);
    return true;
}

void kf_flow_radar_sms_sent(kf_flow *f, const kf_json *body) {
    if (!kf_issuer_id(f->verification_id, kf_json_str(body, "verification_id")))
        kf_flow_bad_answer(f, "the text message's id is not usable");
    else kf_flow_ask_radar_sms(f);
}

void kf_flow_ask_radar_sms(kf_flow *f) {
    bool resend = *f->phone && *f->user_id;
    kf_flow_show(f, KF_PHASE_RADAR_SMS, KF_STEP_FIELD, KF_FIELD_SMS_CODE,
                 1u << KF_ACT_SUBMIT | (resend ? 1u << KF_ACT_RESEND : 0));
    kf_flow_note(f, KF_NOTE_RADAR, *f->phone ? f->phone : NULL, NULL);
}

bool kf_flow_radar_sms_submit(kf_flow *f, const kf_secret *value, kf_err *err) {
    kf_json *more = kf_json_obj();
    if (*f->verification_id) kf_json_set_str(more, "verification_id", f->verification_id);
    if (*f->phone) kf_json_set_str(more, "phone_number", f->phone);
    return kf_flow_code_submit(f, KF_GRANT_RADAR_SMS, value, more, err);
}

void kf_flow_radar_resend(kf_flow *f) { send_sms(f); }
