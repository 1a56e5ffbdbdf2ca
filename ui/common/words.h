#pragma once
/* Every sentence a person reads, made from codes and facts: what happened,
 * what it means, what to do. Nothing else in the code base words an error. */
#include "auth/flow.h"
#include "base/err.h"

typedef struct kf_words_error { /* each at most two lines at 80 columns; means and todo may be "" */
    char happened[400], means[300], todo[300];
} kf_words_error;

void kf_words_for_error(const kf_err *e, kf_words_error *out); /* on the screen: keys */
void kf_words_for_cli(const kf_err *e, const char *profile,
                      kf_words_error *out); /* on a stream: commands */
/* Why the question is asked (again); "" for NONE. arg as in kf_step.note_arg. why: the step's
 * failure, or NULL; a proxy or a sign-in page that answered is named, because trying again alone
 * does not help there. */
void kf_words_note(kf_note note, const char *arg, const kf_err *why, char *out, size_t size);
const char *
kf_words_field(kf_field f); /* "E-mail", "Password", "Code from your authenticator app" */
const char *kf_words_tool(const char *source); /* of an import: "The workos CLI" */
const char *
kf_words_state(const char *name); /* "needs_sign_in" -> "needs sign-in"; at most 13 columns */
const char *kf_words_method(kf_method m); /* "Password" */
/* "4:12", "58m", "2h05m", "6d 22h"; "--" when over or not known */
void kf_words_left(int64_t left_ms, char out[24]);
