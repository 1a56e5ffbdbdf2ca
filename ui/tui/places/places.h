#pragma once
/* The screens, and what they are opened with. One file a screen. */
#include "ui/tui/kernel/screen.h"

extern const kf_home kf_home_places;

extern const kf_screen_class kf_screen_profiles, kf_screen_first, kf_screen_profile,
    kf_screen_chooser, kf_screen_signin, kf_screen_form, kf_screen_confirm, kf_screen_typed,
    kf_screen_unlock, kf_screen_panel, kf_screen_help, kf_screen_orgs, kf_screen_enroll,
    kf_screen_export, kf_screen_import, kf_screen_clean;

enum {
    KF_CONFIRM_SIGN_OUT = 1,
    KF_CONFIRM_DISCARD,
    KF_CONFIRM_REVOKE,
    KF_CONFIRM_REPLACE,
    KF_CONFIRM_API_KEY,
    KF_CONFIRM_RESET,
    KF_CONFIRM_LEAVE_CODE
};
/* kf_args.what of confirm; REVOKE: item, title; REPLACE: title is the path, yes is KF_DO_REPLACE
 * below; API_KEY: title is where it goes, RESET: title is the address, LEAVE_CODE: of the three yes
 * is KF_DO_CONFIRMED below */
enum {
    KF_TYPED_PROFILE,
    KF_TYPED_FACTOR,
    KF_TYPED_OTHERS
};                                    /* of typed: what is deleted; FACTOR: item, title */
enum { KF_FORM_PLAIN, KF_FORM_COPY }; /* of form: COPY: a new one, filled from profile */
