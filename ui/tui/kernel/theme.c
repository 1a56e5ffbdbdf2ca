/* The colours and attributes of each ink, for 0, 8, 16 or 256 colours. It calls no terminal
 * library. */
#include "ui/tui/kernel/theme.h"

typedef struct role {
    kf_look many, sixteen, eight, none;
} role;

#define B KF_ATTR_BOLD
#define D KF_ATTR_DIM
#define R KF_ATTR_REVERSE
#define U KF_ATTR_UNDERLINE
#define PLAIN(fg, attrs) \
    { fg, attrs, false, 0 }
#define ON(fg, bg) \
    { fg, 0, true, bg }

static const role roles[KF_INK_COUNT] = {
    [KF_INK_TEXT] = {PLAIN(-1, 0), PLAIN(-1, 0), PLAIN(-1, 0), PLAIN(-1, 0)},
    [KF_INK_DIM] = {PLAIN(245, 0), PLAIN(-1, D), PLAIN(-1, D), PLAIN(-1, 0)},
    [KF_INK_STRONG] = {PLAIN(-1, B), PLAIN(-1, B), PLAIN(-1, B), PLAIN(-1, B)},
    [KF_INK_TITLE] = {PLAIN(-1, B), PLAIN(-1, B), PLAIN(-1, B), PLAIN(-1, B)},
    [KF_INK_RULE] = {PLAIN(243, 0), PLAIN(8, 0), PLAIN(-1, 0), PLAIN(-1, 0)},
    [KF_INK_SELECT] = {PLAIN(-1, R), PLAIN(-1, R), PLAIN(-1, R), PLAIN(-1, R)},
    [KF_INK_SELECT_IDLE] = {PLAIN(-1, U), PLAIN(-1, U), PLAIN(-1, U), PLAIN(-1, U)},
    [KF_INK_TAB] = {PLAIN(-1, B | U), PLAIN(-1, B | U), PLAIN(-1, B | U), PLAIN(-1, B | U)},
    [KF_INK_KEY] = {PLAIN(38, B), PLAIN(6, B), PLAIN(6, B), PLAIN(-1, B)},
    [KF_INK_OK] = {PLAIN(36, 0), PLAIN(2, 0), PLAIN(2, 0), PLAIN(-1, 0)},
    [KF_INK_WARN] = {PLAIN(172, 0), PLAIN(3, 0), PLAIN(3, 0), PLAIN(-1, B)},
    [KF_INK_BAD] = {PLAIN(203, B), PLAIN(1, B), PLAIN(1, B), PLAIN(-1, B)},
    [KF_INK_PROD] = {PLAIN(133, B), PLAIN(5, B), PLAIN(5, B), PLAIN(-1, B | U)},
    [KF_INK_FIELD] = {PLAIN(-1, U), PLAIN(-1, U), PLAIN(-1, U), PLAIN(-1, U)},
    [KF_INK_FIELD_FOCUS] = {PLAIN(-1, B | U), PLAIN(-1, B | U), PLAIN(-1, B | U), PLAIN(-1, B | U)},
    /* the cube's ends, which themes rarely change; reverse video is light */
    [KF_INK_QR_LIGHT] = {ON(16, 231), ON(0, 15), ON(0, 7), PLAIN(-1, R)},
    [KF_INK_QR_DARK] = {ON(231, 16), ON(15, 0), ON(7, 0), PLAIN(-1, 0)},
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
