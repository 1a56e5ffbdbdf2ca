#pragma once
/* Makes the agent's keeper. */
#include "agent/agent.h"
#include "keeper/keeper.h"

kf_keeper *kf_keeping_new(kf_agent *a, kf_err *err);
