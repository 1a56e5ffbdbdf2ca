#pragma once
/* Where the agent keeps what is not secret: ledgers, locks, the list of profiles. Usually
 * a->state_dir as it is; in the runtime directory where that cannot be written and the store is in
 * memory, because neither outlives the agent. It never moves a ledger of a store that stays. */
#include "agent/agent.h"

/* After the settings were read. False: err, and the agent cannot start. */
KF_CHECK bool kf_state_dir_settle(kf_agent *a, kf_err *err);
/* Removes the one in the runtime directory. */
void kf_state_dir_end(kf_agent *a);
