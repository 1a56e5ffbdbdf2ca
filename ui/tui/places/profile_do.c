/* The actions on the selected profile, and why one is not possible. The agent does the work. */
#include "ui/tui/places/profile_do.h"
#include "ui/tui/places/tabs.h"
#include "base/str.h"

kf_json *kf_profile_params(const kf_mprofile *p) {
    kf_json *params = kf_json_obj();
    kf_json_set_str(params, "profile", p->id);
    return params;
}

static kf_json *default_params(const kf_mprofile *p) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "id", p->id);
    kf_json_set_str(j, "name", p->name); /* what is absent stays as it is */
    kf_json_set_bool(j, "make_default", true);
    return j;
}

/* A keyring asks by itself. Of a vault the agent's answer says which dialog it takes. */
static void unlock(const kf_model *m, kf_out *o) {
    if (kf_str_eq(m->store_kind, "secret-service"))
        kf_out_push(o, &kf_screen_unlock, &(kf_args){.what = KF_UNLOCK_KEYRING});
    else kf_out_job(o, "Unlock", NULL, NULL);
}

bool kf_profile_do(const kf_model *m, const kf_mprofile *p, kf_action act, kf_out *o) {
    kf_args args = {0};
    if (act == KF_DO_UNLOCK) {
        unlock(m, o);
        return true;
    }
    if (!p) return false;
    memcpy(args.profile, p->id, sizeof args.profile);
    switch (act) {
    case KF_DO_SIGN_IN: kf_out_push(o, &kf_screen_chooser, &args); return true;
    case KF_DO_ORGANIZATION: kf_out_push(o, &kf_screen_orgs, &args); return true;
    case KF_DO_EXPORT: kf_out_push(o, &kf_screen_export, &args); return true;
    case KF_DO_COPY: kf_out_job(o, "GetToken", kf_profile_params(p), p); return true;
    case KF_DO_CLAIMS:
        args.what = KF_TAB_CLAIMS;
        kf_out_push(o, &kf_screen_profile, &args);
        return true;
    case KF_DO_RENEW: kf_out_job(o, "Renew", kf_profile_params(p), p); return true;
    case KF_DO_DEFAULT: kf_out_job(o, "PutProfile", default_params(p), p); return true;
    case KF_DO_EDIT: kf_out_push(o, &kf_screen_form, &args); return true;
    case KF_DO_DUPLICATE:
        args.what = KF_FORM_COPY;
        kf_out_push(o, &kf_screen_form, &args);
        return true;
    case KF_DO_SIGN_OUT:
        args.what = KF_CONFIRM_SIGN_OUT;
        kf_out_push(o, &kf_screen_confirm, &args);
        return true;
    case KF_DO_DELETE:
        if (p->confidential || kf_model_has_session(p)) kf_out_push(o, &kf_screen_typed, &args);
        else kf_out_remove(o, p); /* only settings */
        return true;
    case KF_DO_DETAILS:
        args.what = KF_PANEL_STATE;
        args.err = &p->failure;
        args.title = p->name;
        kf_out_push(o, &kf_screen_panel, &args);
        return true;
    default: return false;
    }
}

const char *kf_profile_why_not(const kf_model *m, const kf_mprofile *p, kf_action act) {
    switch (act) {
    case KF_DO_OPEN:
    case KF_DO_SIGN_IN:
    case KF_DO_EDIT:
    case KF_DO_DUPLICATE:
    case KF_DO_DELETE:
        if (!p) return "no profile is selected";
        break;
    case KF_DO_UNLOCK:
        if (!kf_model_is_locked(m) && kf_str_eq(m->store_state, "ok"))
            return "nothing is locked here";
        break;
    case KF_DO_RENEW:
    case KF_DO_ORGANIZATION:
    case KF_DO_CLAIMS:
    case KF_DO_COPY:
    case KF_DO_SIGN_OUT:
        if (!p) return "no profile is selected";
        if (!kf_model_has_session(p)) return "this profile is not signed in, press s";
        if (kf_model_is_over(p) && act != KF_DO_SIGN_OUT)
            return "the session is over, press s to sign in again";
        break;
    case KF_DO_EXPORT:
        if (!p) return "no profile is selected";
        if (kf_model_is_over(p) && !p->confidential)
            return "there is no token and no API key, press s";
        break;
    case KF_DO_DEFAULT:
        if (!p) return "no profile is selected";
        if (p->is_default) return "it is the default already";
        break;
    case KF_DO_DETAILS:
        if (!p) return "no profile is selected";
        if (!p->failed) return "there is no error to explain";
        break;
    default: return NULL;
    }
    if (m->link == KF_LINK_DOWN && act != KF_DO_OPEN && act != KF_DO_DETAILS)
        return "the agent does not answer";
    return NULL;
}
