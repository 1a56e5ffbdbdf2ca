/* The sign-in is over, and its session is of another person than the profile that it was for. Until
 * a person has said what becomes of it, it is nowhere but in this flow. */
#include "auth/flow_impl.h"

#include "auth/profile.h"
#include "base/str.h"

typedef struct other {
    kf_person owner, person;
    bool replaces;
    char *new_profile;
} other;

static void other_ask(kf_flow *f) {
    const other *o = f->own[KF_PHASE_OTHER_USER];
    bool elsewhere = kf_person_compare(&o->owner, &o->person) == KF_PERSON_ELSEWHERE;
    kf_flow_show(f, KF_PHASE_OTHER_USER, KF_STEP_FIELD, KF_FIELD_OTHER_USER,
                 1u << KF_ACT_REPLACE | 1u << KF_ACT_NEW_PROFILE);
    kf_flow_note(f, elsewhere ? KF_NOTE_OTHER_ENVIRONMENT : KF_NOTE_OTHER_USER,
                 kf_person_word(&o->person), NULL);
    f->step.owner = &o->owner;
    f->step.person = &o->person;
}

void kf_flow_ask_other_user(kf_flow *f, kf_session *session, const kf_person *owner,
                            const kf_err *why) {
    other *o = f->own[KF_PHASE_OTHER_USER];
    kf_session_free(f->session);
    f->session = session;
    o->owner = *owner;
    if (!kf_person_of(session, &o->person)) o->person = (kf_person){0};
    o->replaces = false;
    kf_flow_put(&o->new_profile, NULL);
    other_ask(f);
    if (why) f->step.err = *why;
}

static bool other_answer(kf_flow *f, kf_flow_act act, const kf_secret *name, kf_err *err) {
    other *o = f->own[KF_PHASE_OTHER_USER];
    if (act == KF_ACT_NEW_PROFILE && !kf_profile_name_ok(kf_secret_peek(name)))
        return kf_fail(err, KF_ERR_USAGE_BAD_ANSWER, "%.80s is not a profile name",
                       kf_secret_peek(name));
    o->replaces = act == KF_ACT_REPLACE;
    if (act == KF_ACT_NEW_PROFILE) kf_flow_put(&o->new_profile, kf_secret_peek(name));
    kf_flow_show(f, KF_PHASE_END, KF_STEP_DONE, KF_FIELD_NONE, 0);
    return true;
}

bool kf_flow_replaces(const kf_flow *f) {
    const other *o = f->own[KF_PHASE_OTHER_USER];
    return o->replaces;
}

const char *kf_flow_new_profile(const kf_flow *f) {
    const other *o = f->own[KF_PHASE_OTHER_USER];
    return o->new_profile;
}

static void other_wipe(void *own) {
    other *o = own;
    free(o->new_profile);
}

const kf_flow_phase kf_phase_other = {
    .own = sizeof(other),
    .ask = other_ask,
    .answer = other_answer,
    .wipe = other_wipe,
};
