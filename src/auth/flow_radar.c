/* Radar's challenges (WORKOS.md §1.7): a code by e-mail, or one by text message, for
 * which a sign-up first names the phone. Old and new names of the codes mean the same. */
#include "auth/flow_impl.h"

#include "base/str.h"

typedef struct radar {
    kf_field at; /* the question */
    char user_id[KF_ISSUER_ID_MAX], radar_id[KF_ISSUER_ID_MAX], verification_id[KF_ISSUER_ID_MAX];
    char phone[40];
} radar;

static radar *radar_of(kf_flow *f) { return f->own[KF_PHASE_RADAR]; }

static void radar_show(kf_flow *f, kf_field field) {
    radar *r = radar_of(f);
    bool sms = field == KF_FIELD_SMS_CODE, resend = sms && *r->phone && *r->user_id;
    const char *to = field == KF_FIELD_EMAIL_CODE ? f->email : sms && *r->phone ? r->phone : NULL;
    r->at = field;
    kf_flow_show(f, KF_PHASE_RADAR, KF_STEP_FIELD, field,
                 1u << KF_ACT_SUBMIT | (resend ? 1u << KF_ACT_RESEND : 0));
    kf_flow_note(f, KF_NOTE_RADAR, to, NULL);
}

static void radar_ask(kf_flow *f) { radar_show(f, radar_of(f)->at); }

static void radar_enter(kf_flow *f, const kf_flow_why *why) {
    radar *r = radar_of(f);
    const char *user = kf_json_str(kf_json_get(why->body, "user"), "id");
    if (!user) user = kf_json_str(why->body, "user_id");
    bool sms = why->ask == KF_ASK_RADAR_SMS || why->ask == KF_ASK_RADAR_SMS_SIGN_IN;
    if (!kf_issuer_id(r->user_id, user)) r->user_id[0] = 0;
    if (!kf_issuer_id(r->radar_id, kf_json_str(why->body, "radar_challenge_id")))
        r->radar_id[0] = 0;
    if (!kf_issuer_id(r->verification_id, kf_json_str(why->body, "verification_id")))
        r->verification_id[0] = 0;
    if (!kf_str_set(r->phone, sizeof r->phone, kf_json_str(why->body, "phone_number")))
        r->phone[0] = 0;
    bool phone =
        why->ask == KF_ASK_RADAR_SIGN_UP || (why->ask == KF_ASK_RADAR_SMS && !*r->verification_id);
    if (!f->pending)
        kf_flow_bad_answer(f, "a radar challenge came without pending_authentication_token");
    else if (phone && *r->user_id) radar_show(f, KF_FIELD_PHONE);
    else if (sms) radar_show(f, KF_FIELD_SMS_CODE);
    else if (*r->radar_id) radar_show(f, KF_FIELD_EMAIL_CODE);
    else { /* nothing that keyfob can answer with: the hosted page can */ kf_err e = *why->err;
        kf_hint(&e, "WorkOS wants to see a person first: sign in by the browser.");
        kf_flow_fail(f, &e);
    }
}

static void send_sms(kf_flow *f) {
    const radar *r = radar_of(f);
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "user_id", r->user_id);
    kf_json_set_secret(j, "pending_authentication_token", f->pending);
    kf_json_set_str(j, "phone_number", r->phone);
    kf_flow_request(f, KF_PHASE_RADAR, 0, kf_flow_path(f, KF_AT_RADAR, NULL), j);
}

static void radar_answered(kf_flow *f, int what, const kf_json *body) {
    if (!kf_issuer_id(radar_of(f)->verification_id, kf_json_str(body, "verification_id")))
        kf_flow_bad_answer(f, "the text message's id is not usable");
    else radar_show(f, KF_FIELD_SMS_CODE);
}

/* E.164: a plus and 7 to 15 digits; blanks, dashes, dots and brackets are left out. */
static bool submit_phone(kf_flow *f, const kf_secret *value, kf_err *err) {
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
    memcpy(radar_of(f)->phone, phone, n + 1);
    send_sms(f);
    return true;
}

static bool radar_answer(kf_flow *f, kf_flow_act act, const kf_secret *value, kf_err *err) {
    const radar *r = radar_of(f);
    if (act == KF_ACT_RESEND) {
        send_sms(f);
        return true;
    }
    if (r->at == KF_FIELD_PHONE) return submit_phone(f, value, err);
    bool sms = r->at == KF_FIELD_SMS_CODE;
    kf_json *more = kf_json_obj();
    if (!sms) kf_json_set_str(more, "radar_challenge_id", r->radar_id);
    if (sms && *r->verification_id) kf_json_set_str(more, "verification_id", r->verification_id);
    if (sms && *r->phone) kf_json_set_str(more, "phone_number", r->phone);
    return kf_flow_code_submit(f, KF_PHASE_RADAR, sms ? KF_GRANT_RADAR_SMS : KF_GRANT_RADAR_EMAIL,
                               value, more, err);
}

static bool radar_wrong(kf_flow *f, kf_workos_ask ask, const kf_err *e) {
    const radar *r = radar_of(f);
    bool sms = r->at == KF_FIELD_SMS_CODE;
    if (sms && ask == KF_ASK_PHONE && *r->user_id) {
        radar_show(f, KF_FIELD_PHONE);
        return true;
    }
    return r->at != KF_FIELD_PHONE && kf_flow_code_wrong(f, ask, e, sms);
}

const kf_flow_phase kf_phase_radar = {
    .own = sizeof(radar),
    .asks = 1u << KF_ASK_RADAR | 1u << KF_ASK_RADAR_SIGN_UP | 1u << KF_ASK_RADAR_SMS |
            1u << KF_ASK_RADAR_SMS_SIGN_IN,
    .grant = KF_GRANT_RADAR_EMAIL,
    .enter = radar_enter,
    .ask = radar_ask,
    .answer = radar_answer,
    .answered = radar_answered,
    .wrong = radar_wrong,
};
