#pragma once
/* Who wants to hear of changes (Watch): first everything, then what changed, at most ten
 * times a second. */
#include "agent/agent.h"
#include "door/call.h"

typedef struct kf_watch kf_watch;
kf_watch *kf_watch_new(kf_agent *a);
kf_watch *kf_watch_free(kf_watch *w);
void kf_watch_start(kf_agent *a, kf_call *call);
void kf_watch_changed(kf_watch *w, const char *id); /* gone is a change too */
