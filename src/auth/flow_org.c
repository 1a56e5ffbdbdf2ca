/* organization_selection_required from any method (WORKOS.md §1.5). */
#include "auth/flow_impl.h"

#include "base/str.h"

void kf_flow_ask_org(kf_flow *f) {
    kf_flow_show(f, KF_PHASE_ORG, KF_STEP_CHOOSE, KF_FIELD_NONE, 1u << KF_ACT_CHOOSE);
    kf_flow_note(f, KF_NOTE_ORGANIZATION, NULL, NULL);
}

bool kf_flow_org_choose(kf_flow *f, const char *id, kf_err *err) {
    if (!f->pending) return kf_fail(err, KF_ERR_USAGE_STALE_QUESTION, "no question is open");
    for (size_t i = 0; i < f->n_choice; i++)
        if (!strcmp(f->choice[i].id, id)) kf_flow_put(&f->organization_name, f->choice[i].label);
    if (!kf_str_set(f->chosen, sizeof f->chosen, id)) f->chosen[0] = 0;
    kf_json *g = kf_issuer_grant(&kf_workos, KF_GRANT_ORG_SELECTION, f->client_id, f->api_key);
    kf_json_set_secret(g, "pending_authentication_token", f->pending);
    kf_json_set_str(g, "organization_id", id);
    kf_flow_authenticate(f, g);
    return true;
}

void kf_flow_org_required(kf_flow *f, const kf_json *body) {
    const kf_json *list = kf_json_get(body, "organizations");
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
    else if (!preferred) kf_flow_ask_org(f);
    else {
        KF_AUTO_CHARS id =
            KF_TAKE(f->organization_id); /* once: if it is refused, the person chooses */
        f->phase = KF_PHASE_ORG;
        if (!kf_flow_org_choose(f, id, &e)) kf_flow_fail(f, &e);
    }
}
