/* Looks up the table of session states. It decides nothing: the agent does. */
#include "ui/common/states.h"

#include "base/str.h"

static const struct {
    const char *name, *words;
    bool person, over;
} states[] = {
#define KF_STATE_ROW(id, name, words, person, over) {name, words, person, over},
    KF_STATES(KF_STATE_ROW)};

kf_pstate kf_state_find(const char *name) {
    int i = 0;
    while (i < KF_PS_COUNT && !kf_str_eq(states[i].name, name)) i++;
    return (kf_pstate)i;
}

const char *kf_state_words(kf_pstate s) { return s < KF_PS_COUNT ? states[s].words : "error"; }
bool kf_state_needs_person(kf_pstate s) { return s < KF_PS_COUNT && states[s].person; }
bool kf_state_is_over(kf_pstate s) { return s < KF_PS_COUNT && states[s].over; }
