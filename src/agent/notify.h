#pragma once
/* on_sign_in_needed of keyfob.conf: a command that is run once when a profile that was signed in
 * needs a person. The command is run only if no other user can change the settings file. */
#include "agent/agent.h"

void kf_notify_sign_in_needed(kf_agent *a, const char *id, const char *name,
                              const char *reason); /* later, on the loop */
void kf_notify_end(kf_agent *a);                   /* what still runs is ended */
