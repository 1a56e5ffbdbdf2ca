#pragma once
/* Lock and Unlock of the interface. A locked agent gives out neither tokens nor API keys and renews
 * nothing, whatever the store is. The lock lasts until Unlock, or as long as the agent.
 *
 * Lock counts from the moment it is asked: callers who wait get KF_ERR_STORE_VAULT_LOCKED or
 * KF_ERR_STORE_AGENT_LOCKED, sign-ins and enrolments are given up. What is being stored, or is
 * under way at WorkOS, finishes first, for up to 10 s, because a store without its key could not
 * take a new session. Then the key and the sessions leave memory, and Lock is answered. An Unlock
 * that was asked before the Lock opens nothing. */
#include "agent/agent.h"
#include "door/call.h"

typedef struct kf_locking kf_locking;
kf_locking *kf_locking_new(kf_agent *a);
kf_locking *kf_locking_free(kf_locking *l); /* after the door: its calls end here */
bool kf_locking_busy(const kf_locking *l);  /* a Lock or an Unlock is under way */
void kf_method_lock(kf_agent *a, kf_call *call);
void kf_method_unlock(kf_agent *a, kf_call *call);
