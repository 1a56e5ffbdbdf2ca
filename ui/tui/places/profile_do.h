#pragma once
/* What can be done with a profile wherever one is selected. */
#include "ui/tui/kernel/screen.h"

/* False: not an action for a profile. */
bool kf_profile_do(const kf_model *m, const kf_mprofile *p, kf_action act, kf_out *o);
/* NULL: possible. p may be NULL (nothing selected). */
const char *kf_profile_why_not(const kf_model *m, const kf_mprofile *p, kf_action act);
kf_json *kf_profile_params(const kf_mprofile *p); /* {"profile": id} */
