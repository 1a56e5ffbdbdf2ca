/* The names of a flow's enums, as they are on the wire and in transcripts. */
#include "auth/flow.h"

#include "base/str.h"

static const char *const methods[KF_METHOD_COUNT] = {"password", "magic", "browser", "device",
                                                     "sso"};
static const char *const fields[KF_FIELD_COUNT] = {
    "",      "email",        "password",     "email_code",  "totp",         "sms_code",
    "phone", "redirect_url", "organization", "reset_token", "new_password", "other_user"};
static const char *const kinds[] = {"wait",    "field", "choose", "open_url",
                                    "show_qr", "done",  "failed"};
static const char *const acts[KF_ACT_COUNT] = {
    "submit", "resend", "new_code", "back", "browser", "choose", "reset", "replace", "new_profile"};
static const char *const notes[KF_NOTE_COUNT] = {"",
                                                 "bad_credentials",
                                                 "bad_code",
                                                 "code_expired",
                                                 "too_many",
                                                 "code_used",
                                                 "mfa",
                                                 "organization",
                                                 "sent_to",
                                                 "slow_down",
                                                 "network",
                                                 "enroll",
                                                 "verify_email",
                                                 "sso",
                                                 "public_step_up",
                                                 "device",
                                                 "browser",
                                                 "radar",
                                                 "reset_asked",
                                                 "password_changed",
                                                 "bad_password",
                                                 "reset_refused",
                                                 "hosted_step",
                                                 "other_user",
                                                 "other_environment"};

const char *kf_method_name(kf_method m) { return (size_t)m < KF_LEN(methods) ? methods[m] : ""; }
const char *kf_field_name(kf_field f) { return (size_t)f < KF_LEN(fields) ? fields[f] : ""; }
const char *kf_step_kind_name(kf_step_kind k) { return (size_t)k < KF_LEN(kinds) ? kinds[k] : ""; }
const char *kf_flow_act_name(kf_flow_act a) { return (size_t)a < KF_LEN(acts) ? acts[a] : ""; }
const char *kf_note_name(kf_note n) { return (size_t)n < KF_LEN(notes) ? notes[n] : ""; }

bool kf_method_from_name(const char *name, kf_method *out) {
    for (size_t i = 0; i < KF_LEN(methods); i++)
        if (kf_str_eq(name, methods[i])) return *out = (kf_method)i, true;
    return false;
}
bool kf_flow_act_from_name(const char *name, kf_flow_act *out) {
    for (size_t i = 0; i < KF_LEN(acts); i++)
        if (kf_str_eq(name, acts[i])) return *out = (kf_flow_act)i, true;
    return false;
}
