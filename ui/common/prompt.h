#pragma once
/* `status --prompt`: a line for a shell prompt out of one row of the agent's index. Pure. Shells
 * look at a prompt again (zsh expands %, bash \), so a value keeps only characters that mean
 * nothing to them. */
#include "auth/profile.h"
#include "base/buf.h"

/* "profile state left org client_id alert": for usage. */
const char *kf_prompt_fields(void);
/* {FIELD}, {FIELD?TEXT} (TEXT when the field is not empty), {{ a brace; the rest as it is. left: as
 * kf_words_left, empty when over. alert: "!" when a person is needed. row NULL: only checks format.
 * False: KF_ERR_USAGE_BAD. */
KF_CHECK bool kf_prompt_print(kf_buf *b, const kf_profile_row *row, int64_t now, const char *format,
                              kf_err *err);
