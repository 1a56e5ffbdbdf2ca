#include "ui/tui/theme.h"

typedef struct role {
    kf_look many, sixteen, eight, none;
} role;

#define B KF_ATTR_BOLD
#define D KF_ATTR_DIM
#define R KF_ATTR_REVERSE
#define U KF_ATTR_UNDERLINE

static const role roles[KF_INK_COUNT] = {
    [KF_INK_TEXT] = {{-1, 0}, {-1, 0}, {-1, 0}, {-1, 0}},
    [KF_INK_DIM] = {{245, 0}, {-1, D}, {-1, D}, {-1, 0}},
    [KF_INK_STRONG] = {{-1, B}, {-1, B}, {-1, B}, {-1, B}},
    [KF_INK_TITLE] = {{-1, B}, {-1, B}, {-1, B}, {-1, B}},
    [KF_INK_RULE] = {{243, 0}, {8, 0}, {-1, 0}, {-1, 0}},
    [KF_INK_SELECT] = {{-1, R}, {-1, R}, {-1, R}, {-1, R}},
    [KF_INK_KEY] = {{38, B}, {6, B}, {6, B}, {-1, B}},
    [KF_INK_OK] = {{36, 0}, {2, 0}, {2, 0}, {-1, 0}},
    [KF_INK_WARN] = {{172, 0}, {3, 0}, {3, 0}, {-1, B}},
    [KF_INK_BAD] = {{203, B}, {1, B}, {1, B}, {-1, R}},
    [KF_INK_FIELD] = {{-1, U}, {-1, U}, {-1, U}, {-1, U}},
    [KF_INK_FIELD_FOCUS] = {{-1, R}, {-1, R}, {-1, R}, {-1, R}},
};

kf_look kf_theme_look(kf_ink ink, int colours) {
    const role *r = &roles[ink < KF_INK_COUNT ? ink : KF_INK_TEXT];
    return colours >= 256  ? r->many
           : colours >= 16 ? r->sixteen
           : colours >= 8  ? r->eight
                           : r->none;
}

int kf_theme_colours(int n, const char *no_color) {
    if ((no_color && *no_color) || n < 8) return 0;
    return n >= 256 ? 256 : n >= 16 ? 16 : 8;
}
