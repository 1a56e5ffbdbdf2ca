#pragma once
/* The options of `profile add` and `profile edit`: one for each field, at the field's place, then
 * those of the two commands. */
#include "base/profile_fields.h"
#include "ui/cli/cli.h"
#include "ui/common/profile_words.h"

#define KF_PROFILE_OPT(field, label, more, form, option, arg, help) \
    [KF_PF_##field] = {option, 0, arg, help},
#define KF_PROFILE_OPTS KF_PROFILE_WORDS(KF_PROFILE_OPT)

enum { KF_PUT_ORG = KF_PF_COUNT, KF_PUT_DEFAULT, KF_PUT_NO_GIT_HOST, KF_PUT_NO_KEY, KF_PUT_YES };

/* What is given, checked, into the parameters of PutProfile. */
KF_CHECK bool kf_profile_take(const kf_args *a, kf_json *p, kf_err *err);
