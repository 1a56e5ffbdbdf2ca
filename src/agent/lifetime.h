#pragma once
/* How long the agent lives: idle exit, a socket that is no longer ours, signals, the
 * lifeline of --private, and an orderly end that finishes what was promised. */
#include "agent/agent.h"

typedef struct kf_lifetime kf_lifetime;
kf_lifetime *kf_lifetime_new(kf_agent *a, int64_t idle_ms, int lifeline_fd /* -1: none */);
kf_lifetime *kf_lifetime_free(kf_lifetime *t);
/* Something was begun at WorkOS, or between two stores, and has to be brought to an end. */
bool kf_lifetime_promised(const kf_agent *a);
/* Stops taking connections, lets answers and saves finish (at most 10 s), then ends the loop. */
void kf_lifetime_stop(kf_agent *a);
bool kf_lifetime_stopping(const kf_agent *a);
