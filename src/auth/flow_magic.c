/* Magic auth: a code that comes by e-mail (WORKOS.md §1.2, §5). */
#include "auth/flow_impl.h"

#include "auth/account.h"

enum { LIFE_S = 600 }; /* WORKOS.md §5: a code lives ten minutes */

typedef struct magic {
    int64_t ends_ms;
} magic;

static void magic_ask(kf_flow *f) {
    const magic *m = f->own[KF_PHASE_MAGIC];
    kf_flow_show(f, KF_PHASE_MAGIC, KF_STEP_FIELD, KF_FIELD_EMAIL_CODE,
                 1u << KF_ACT_SUBMIT | 1u << KF_ACT_RESEND | 1u << KF_ACT_BACK);
    f->step.ends_ms = m->ends_ms;
    kf_flow_note(f, KF_NOTE_SENT_TO, f->email, NULL);
}

static void send_code(kf_flow *f) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "email", f->email);
    kf_json_set_str(j, "invitation_token", f->invitation_token);
    kf_flow_request(f, KF_PHASE_MAGIC, 0, kf_flow_path(f, KF_AT_MAGIC, NULL), j);
}

static void magic_enter(kf_flow *f, const kf_flow_why *why) {
    if (!f->email) {
        kf_flow_go(f, KF_PHASE_EMAIL, KF_NOTE_NONE, NULL, NULL);
        return;
    }
    f->phase = KF_PHASE_EMAIL; /* if nothing is sent, the address is asked for */
    send_code(f);
}

static bool magic_submit(kf_flow *f, const kf_secret *value, kf_err *err) {
    char code[7];
    if (!kf_account_code(value, code, err)) return false;
    f->pending = kf_secret_free(f->pending);
    kf_json *g = kf_flow_grant(f, KF_GRANT_MAGIC_AUTH);
    kf_json_set_str(g, "code", code);
    kf_json_set_str(g, "email", f->email);
    kf_json_set_str(g, "invitation_token", f->invitation_token);
    kf_wipe(code, sizeof code);
    kf_flow_authenticate(f, KF_PHASE_MAGIC, g);
    return true;
}

static bool magic_answer(kf_flow *f, kf_flow_act act, const kf_secret *value, kf_err *err) {
    if (act == KF_ACT_SUBMIT) return magic_submit(f, value, err);
    if (act == KF_ACT_RESEND) send_code(f);
    else kf_flow_go(f, KF_PHASE_EMAIL, KF_NOTE_NONE, NULL, NULL);
    return true;
}

/* The answer holds the code too, for those who mail it themselves. It is not read. */
static void magic_answered(kf_flow *f, int what, const kf_json *body) {
    magic *m = f->own[KF_PHASE_MAGIC];
    m->ends_ms = f->now_ms + LIFE_S * 1000;
    magic_ask(f);
}

static bool magic_wrong(kf_flow *f, kf_workos_ask ask, const kf_err *e) {
    return kf_flow_code_wrong(f, ask, e, true);
}

const kf_flow_phase kf_phase_magic = {
    .own = sizeof(magic),
    .ways = 1u << KF_BY_MAGIC,
    .grant = KF_GRANT_MAGIC_AUTH,
    .enter = magic_enter,
    .ask = magic_ask,
    .answer = magic_answer,
    .answered = magic_answered,
    .wrong = magic_wrong,
};
