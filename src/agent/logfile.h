#pragma once
/* The agent's log: state_dir/keyfobd.log, at most 1 MiB and one older file. */
#include "base/err.h"
#include "base/log.h"

KF_CHECK bool kf_logfile_open(const char *path, kf_log_level level, kf_err *err);
