#pragma once
/* The role of an environment: production is never taken for another one. */
#include "ui/tui/kernel/screen.h"

kf_ink kf_env_ink(const char *environment); /* KF_INK_PROD or KF_INK_TEXT */
