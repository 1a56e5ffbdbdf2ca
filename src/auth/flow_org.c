/* organization_selection_required from any method (WORKOS.md §1.5). */
#include "auth/flow_impl.h"

#include "base/str.h"

static void org_ask(kf_flow *f) {
    kf_flow_show(f, KF_PHASE_ORG, KF_STEP_CHOOSE, KF_FIELD_NONE, 1u << KF_ACT_CHOOSE);
    kf_flow_note(f, KF_NOTE_ORGANIZATION, NULL, NULL);
}

static bool choose(kf_flow *f, const char *id, kf_err *err) {
    if (!f->pending) return kf_fail(err, KF_ERR_USAGE_STALE_QUESTION, "no question is open");
    for (size_t i = 0; i < f->n_choice; i++)
        if (!strcmp(f->choice[i].id, id)) kf_flow_put(&f->organization_name, f->choice[i].label);
    if (!kf_str_set(f->chosen, sizeof f->chosen, id)) f->chosen[0] = 0;
    kf_json *g = kf_flow_grant(f, KF_GRANT_ORG_SELECTION);
    kf_json_set_secret(g, "pending_authentication_token", f->pending);
    kf_json_set_str(g, "organization_id", id);
    kf_flow_authenticate(f, KF_PHASE_ORG, g);
    return true;
}

static bool org_answer(kf_flow *f, kf_flow_act act, const kf_secret *value, kf_err *err) {
    return choose(f, kf_secret_peek(value), err);
}

static void org_enter(kf_flow *f, const kf_flow_why *why) {
    const kf_json *list = kf_json_get(why->body, "organizations");
    kf_flow_clear_choices(f);
    bool preferred = false;
    for (const kf_json *i = kf_json_first(list); i; i = kf_json_next(i)) {
        const char *id = kf_json_str(i, "id"), *name = kf_json_str(i, "name");
        if (!id || !*id || strlen(id) >= sizeof f->choice->id || f->n_choice == KF_CHOICES_MAX) {
            kf_flow_bad_answer(f, "the list of organizations is not usable");
            return;
        }
        kf_flow_add_choice(f, id, name && *name ? name : id);
        preferred = preferred || kf_str_eq(id, f->organization_id);
    }
    kf_err e;
    if (!f->n_choice || !f->pending)
        kf_flow_bad_answer(f, "WorkOS asks for an organization but names none");
    else if (!preferred) org_ask(f);
    else {
        KF_AUTO_CHARS id =
            KF_TAKE(f->organization_id); /* once: if it is refused, the person chooses */
        f->phase = KF_PHASE_ORG;
        if (!choose(f, id, &e)) kf_flow_fail(f, &e);
    }
}

const kf_flow_phase kf_phase_org = {
    .asks = 1u << KF_ASK_ORGANIZATION,
    .grant = KF_GRANT_ORG_SELECTION,
    .enter = org_enter,
    .ask = org_ask,
    .answer = org_answer,
};
