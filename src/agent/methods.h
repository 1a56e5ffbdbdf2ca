#pragma once
/* The calls of io.keyfob.Agent (data/io.keyfob.Agent.varlink): one function each, in one
 * table. Each answers its connection exactly once, now or later. */
#include "agent/agent.h"
#include "base/json.h"

void kf_methods_call(kf_agent *a, uint32_t conn, const char *method, const kf_json *params, bool more);

/* methods_profile.c */
void kf_method_list_profiles(kf_agent *a, uint32_t conn, const kf_json *p, bool more);
void kf_method_get_profile(kf_agent *a, uint32_t conn, const kf_json *p, bool more);
void kf_method_put_profile(kf_agent *a, uint32_t conn, const kf_json *p, bool more);
void kf_method_remove_profile(kf_agent *a, uint32_t conn, const kf_json *p, bool more);

extern const char kf_interface_text[]; /* data/io.keyfob.Agent.varlink, compiled in */
