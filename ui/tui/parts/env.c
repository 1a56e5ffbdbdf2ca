/* Tells production from other environments, by the word that the profile has for it. */
#include "ui/tui/parts/env.h"
#include <strings.h>

kf_ink kf_env_ink(const char *environment) {
    return !strcasecmp(environment, "production") || !strcasecmp(environment, "prod") ||
                   !strcasecmp(environment, "live")
               ? KF_INK_PROD
               : KF_INK_TEXT;
}
