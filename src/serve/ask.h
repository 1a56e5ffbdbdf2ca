#pragma once
/* A token from the agent, without blocking: one connection a question, so that a profile whose
 * server hangs holds up nobody else. */
#include "base/json.h"
#include "loop/loop.h"

typedef struct kf_ask kf_ask;
/* answer: GetToken's, borrowed; NULL: err. Never called at once, and not after kf_ask_free. */
typedef void (*kf_ask_done)(void *user, const kf_json *answer, const kf_err *err);
/* min_valid_ms < 0: the default. Ends within a minute. Starting the agent, when it does not run, is
 * waited for. */
kf_ask *kf_ask_token(kf_loop *l, const char *profile, int64_t min_valid_ms, kf_ask_done done,
                     void *user);
kf_ask *kf_ask_free(kf_ask *a); /* NULL is fine; returns NULL. Also after done. */
