#pragma once
/* A profile as clients see it. */
#include "keeper/keeper.h"

/* A Profile of the interface (data/io.keyfob.Agent.varlink), at most KF_RECORD_MAX bytes; one that
 * is larger is in the state error, with a failure. NULL: no profile has this name. */
kf_json *kf_profile_json(kf_keeper *k, const char *profile);
