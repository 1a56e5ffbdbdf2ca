/* Overview: what keyfob knows of the profile without asking. */
#include "ui/tui/places/profile_do.h"
#include "ui/tui/places/tabs.h"

static int overview_draw(const void *st, const kf_model *m, const kf_mprofile *p, bool details,
                         kf_grid *g, kf_rect r) {
    return kf_profile_draw(m, p, g, r, true);
}

const kf_tab kf_tab_overview = {
    .name = "Overview",
    .hints = {KF_DO_BACK, KF_DO_COPY, KF_DO_EXPORT, KF_DO_RENEW, KF_DO_SIGN_IN, KF_DO_ORGANIZATION,
              KF_DO_CLAIMS, KF_DO_SIGN_OUT, KF_DO_EDIT, KF_DO_DEFAULT, KF_DO_DETAILS, KF_DO_DELETE},
    .is_text = true,
    .draw = overview_draw};
