#pragma once
/* Roles to colours and attributes, for as many colours as the terminal has. Names no
 * terminal library: paint.c translates. */
#include "ui/common/grid.h"

enum { KF_ATTR_BOLD = 1, KF_ATTR_DIM = 2, KF_ATTR_REVERSE = 4, KF_ATTR_UNDERLINE = 8 };

typedef struct kf_look {
    short fg; /* -1: the terminal's own */
    unsigned attrs;
    bool ground; /* bg counts */
    short bg;
} kf_look;

/* colours: what the terminal has; 0 or NO_COLOR set: attributes only. */
kf_look kf_theme_look(kf_ink ink, int colours);
int kf_theme_colours(int terminal_colours, const char *no_color); /* 0, 8, 16 or 256 */
