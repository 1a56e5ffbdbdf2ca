#pragma once
/* What keyfob knows of a profile, as facts: for the overview, and shorter for the list's pane. */
#include "ui/tui/parts/facts.h"

void kf_profile_facts(kf_fact_page *f, const kf_model *m, const kf_mprofile *p, bool pane);
/* "keyring open": for the title's right end. */
void kf_agent_text(const kf_model *m, char *out, size_t size);
