/* The sign-in is over, and its session is of another person than the profile that it was for. Until
 * a person has said what becomes of it, it is nowhere but in this flow. */
#include "auth/flow_impl.h"

#include "auth/profile.h"
#include "base/str.h"

void kf_flow_ask_other(kf_flow *f) {
    bool elsewhere = kf_person_compare(&f->owner, &f->person) == KF_PERSON_ELSEWHERE;
    kf_flow_show(f, KF_PHASE_OTHER_USER, KF_STEP_FIELD, KF_FIELD_OTHER_USER,
                 1u << KF_ACT_REPLACE | 1u << KF_ACT_NEW_PROFILE);
    kf_flow_note(f, elsewhere ? KF_NOTE_OTHER_ENVIRONMENT : KF_NOTE_OTHER_USER,
                 kf_person_word(&f->person), NULL);
    f->step.owner = &f->owner;
    f->step.person = &f->person;
}

void kf_flow_ask_other_user(kf_flow *f, kf_session *session, const kf_person *owner,
                            const kf_err *why) {
    kf_session_free(f->session);
    f->session = session;
    f->owner = *owner;
    if (!kf_person_of(session, &f->person)) f->person = (kf_person){0};
    f->replaces = false;
    free(f->new_profile);
    f->new_profile = NULL;
    kf_flow_ask_other(f);
    if (why) f->step.err = *why;
}

bool kf_flow_other_answer(kf_flow *f, kf_flow_act act, const kf_secret *name, kf_err *err) {
    if (act == KF_ACT_NEW_PROFILE && !kf_profile_name_ok(kf_secret_peek(name)))
        return kf_fail(err, KF_ERR_USAGE_BAD_ANSWER, "%.80s is not a profile name",
                       kf_secret_peek(name));
    f->replaces = act == KF_ACT_REPLACE;
    if (act == KF_ACT_NEW_PROFILE) kf_flow_put(&f->new_profile, kf_secret_peek(name));
    kf_flow_show(f, KF_PHASE_END, KF_STEP_DONE, KF_FIELD_NONE, 0);
    return true;
}

bool kf_flow_replaces(const kf_flow *f) { return f->replaces; }
const char *kf_flow_new_profile(const kf_flow *f) { return f->new_profile; }
