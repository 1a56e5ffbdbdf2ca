/* Tells the kernel which screens it opens by itself. */
#include "ui/tui/places/places.h"

const kf_home kf_home_places = {.list = &kf_screen_profiles,
                                .first = &kf_screen_first,
                                .help = &kf_screen_help,
                                .error = &kf_screen_panel,
                                .unlock = &kf_screen_unlock};
