#pragma once
/* The agent's list of profiles, read without an agent. */
#include "auth/profile.h"
KF_CHECK bool kf_cli_index(kf_profile_row **rows, size_t *n,
                           kf_err *err); /* *rows: caller frees; no file: none */
