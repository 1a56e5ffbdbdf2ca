#pragma once
/* An answer that is a list: a call with more gets it in parts, each once the one before has left,
 * so that they never pile up; another call gets all in one frame, or an error when that is too
 * long. Every item has at most KF_RECORD_MAX bytes. */
#include "door/call.h"

/* next gives one item after the other, and NULL at the end. fn frees state when the call ends. */
void kf_stream(kf_call *call, const char *key, kf_json *(*next)(void *state), void *state,
               kf_loop_fn fn);
void kf_stream_list(kf_call *call, const char *key, kf_json *list); /* owned */
