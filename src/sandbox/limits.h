#pragma once
/* How often something may be asked for: WORKOS.md §10.4. Not locked. */
#include <stdbool.h>
#include <stdint.h>

enum { KF_LIMIT_WINDOW_S = 60, KF_LIMIT_MAIL = 3, KF_LIMIT_AUTHENTICATE = 10 };

typedef struct kf_limits kf_limits;
kf_limits *kf_limits_new(bool on);
kf_limits *kf_limits_free(kf_limits *l);
/* Counts one of "what" for "whom". 0: allowed; otherwise in how many seconds it is again. */
int kf_limits_take(kf_limits *l, const char *what, const char *whom, int most);
