/* Typed codes of six digits, for the phases that ask for one. */
#include "auth/flow_impl.h"

#include "auth/account.h"

bool kf_flow_code_submit(kf_flow *f, kf_phase owner, kf_grant grant, const kf_secret *typed,
                         kf_json *more, kf_err *err) {
    KF_AUTO(kf_json) rest = more;
    char code[7];
    if (!kf_account_code(typed, code, err)) return false;
    kf_json *g = kf_flow_grant(f, grant);
    kf_json_set_str(g, "code", code);
    kf_wipe(code, sizeof code);
    kf_json_set_secret(g, "pending_authentication_token", f->pending);
    for (const kf_json *i = kf_json_first(rest); i; i = kf_json_next(i))
        kf_json_set(g, kf_json_key(i), kf_json_copy(i));
    kf_flow_authenticate(f, owner, g);
    return true;
}

bool kf_flow_code_wrong(kf_flow *f, kf_workos_ask ask, const kf_err *e, bool resend) {
    kf_note note = e->code == KF_ERR_WORKOS_CODE_EXPIRED ? KF_NOTE_CODE_EXPIRED : KF_NOTE_BAD_CODE;
    if (ask == KF_ASK_USED_CODE) note = KF_NOTE_CODE_USED;
    else if (ask == KF_ASK_TOO_MANY_CODES && resend) note = KF_NOTE_TOO_MANY;
    else if (ask != KF_ASK_WRONG_CODE) return false;
    kf_flow_ask_again(f, note, NULL, e);
    return true;
}
