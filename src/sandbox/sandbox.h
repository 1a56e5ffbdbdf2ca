#pragma once
/* The state of one sandbox, and its door: a request in, an answer out. */
#include <stdbool.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "sandbox/faults.h"
#include "sandbox/http.h"
#include "sandbox/keys.h"
#include "sandbox/sessions.h"
#include "sandbox/users.h"

typedef struct kf_sandbox kf_sandbox;

typedef struct kf_sandbox_opts {
    const char *seed; /* JSON text; NULL: the built-in one */
    size_t seed_len;
    int64_t token_life_s, replay_window_ms, code_life_s, device_life_s, device_interval_s;
    bool limits; /* of WORKOS.md §10.4 */
} kf_sandbox_opts;

kf_sandbox *kf_sandbox_new(const kf_sandbox_opts *o, kf_err *err);
kf_sandbox *kf_sandbox_free(kf_sandbox *s);
/* Before the first request: "http://127.0.0.1:4100"; the issuer of the tokens. */
void kf_sandbox_set_base(kf_sandbox *s, const char *base_url);
/* Takes another list of faults, all counters at zero. Takes f. Thread-safe. */
void kf_sandbox_set_faults(kf_sandbox *s, kf_faults *f);
int64_t kf_sandbox_idle_ms(kf_sandbox *s);      /* since the last request; thread-safe */
char *kf_sandbox_accounts(const kf_sandbox *s); /* lines for a person; caller frees */

kf_web_handler kf_sandbox_handle; /* user: kf_sandbox; thread-safe */

KF_AUTO_DEFINE(kf_sandbox);
