#pragma once
/* What can be done with a profile wherever one is selected, and how its facts are drawn. */
#include "ui/tui/kernel/screen.h"

/* False: not an action for a profile. */
bool kf_profile_do(const kf_model *m, const kf_mprofile *p, kf_action act, kf_out *o);
/* NULL: possible. p may be NULL (nothing selected). */
const char *kf_profile_why_not(const kf_model *m, const kf_mprofile *p, kf_action act);
/* The details pane of the wide list (narrow false) and the overview screen. Returns rows taken. */
int kf_profile_draw(const kf_model *m, const kf_mprofile *p, kf_grid *g, kf_rect r, bool overview);
/* "agent ok  vault unlocked": for the title's right end. */
void kf_agent_text(const kf_model *m, bool compact, char *out, size_t size);
kf_json *kf_profile_params(const kf_mprofile *p); /* {"profile": id} */
