#pragma once
/* The calls of io.keyfob.Agent (data/io.keyfob.Agent.varlink): one function each, in one
 * table. Each answers its call exactly once, now or later (door/call.h). */
#include "agent/agent.h"
#include "door/call.h"

void kf_methods_call(void *agent, kf_call *call); /* the door's function */
/* spec: NAME=KIND ...; s string, n number >= 0, b boolean, l list; a capital letter: must be there.
 * Null is absent. False: bad is the name of the first parameter that is missing or of another type.
 */
bool kf_method_params_ok(const char *spec, const kf_json *p, char bad[32]);

/* methods_profile.c */
void kf_method_list_profiles(kf_agent *a, kf_call *call);
void kf_method_get_profile(kf_agent *a, kf_call *call);
/* PutProfile for another call. p: its parameters, but for the API key; NULL: those of the call.
 * p and key owned. */
void kf_put_profile(kf_agent *a, kf_call *call, kf_json *p, kf_secret *key);
void kf_method_put_profile(kf_agent *a, kf_call *call);
void kf_method_put_profiles(kf_agent *a, kf_call *call);
void kf_method_remove_profile(kf_agent *a, kf_call *call);
void kf_method_get_api_key(kf_agent *a, kf_call *call);

/* methods_account.c */
void kf_method_list_organizations(kf_agent *a, kf_call *call);
void kf_method_switch_organization(kf_agent *a, kf_call *call);
void kf_method_list_sessions(kf_agent *a, kf_call *call);
void kf_method_revoke_session(kf_agent *a, kf_call *call);
void kf_method_take_token(kf_agent *a, kf_call *call);

/* methods_check.c */
void kf_method_check_session(kf_agent *a, kf_call *call);

/* methods_doctor.c */
void kf_method_doctor(kf_agent *a, kf_call *call);

/* methods_store.c */
void kf_method_store_status(kf_agent *a, kf_call *call);
void kf_method_move_store(kf_agent *a, kf_call *call);
void kf_method_change_passphrase(kf_agent *a, kf_call *call);
void kf_store_moves_drop(kf_agent *a); /* the agent ends; asked again, a move goes on */

/* methods_settings.c */
void kf_method_get_settings(kf_agent *a, kf_call *call);
void kf_method_put_settings(kf_agent *a, kf_call *call);
void kf_method_check_settings(kf_agent *a, kf_call *call);
void kf_method_replace_settings(kf_agent *a, kf_call *call);

/* methods_factor.c */
void kf_method_list_factors(kf_agent *a, kf_call *call);
void kf_method_enroll_factor(kf_agent *a, kf_call *call);
void kf_method_verify_factor(kf_agent *a, kf_call *call);
void kf_method_delete_factor(kf_agent *a, kf_call *call);
void kf_factors_stop(kf_agent *a, const kf_err *why); /* half-made ones are deleted */
void kf_factors_drop_all(kf_agent *a);

/* methods_claims.c */
void kf_method_claims(kf_agent *a, kf_call *call);
void kf_claims_drop_all(kf_agent *a);
/* Claims' answer for a token, with the members of rest; its signature is checked with the keys of
 * client_id at origin, or with origin NULL not at all. */
void kf_claims_answer(kf_agent *a, kf_call *call, const kf_secret *token, const kf_json *rest,
                      const char *origin, const char *client_id);

/* methods_import.c */
void kf_method_find_imports(kf_agent *a, kf_call *call);
void kf_method_import(kf_agent *a, kf_call *call);
void kf_method_preview_clean_up(kf_agent *a, kf_call *call);
void kf_method_clean_up(kf_agent *a, kf_call *call);

/* methods_seal.c */
void kf_method_hello(kf_agent *a, kf_call *call);
void kf_method_quit(kf_agent *a, kf_call *call);
void kf_method_seal(kf_agent *a, kf_call *call);
void kf_method_handed_over(kf_agent *a, kf_call *call);
void kf_method_unseal(kf_agent *a, kf_call *call);

extern const char kf_interface_text[]; /* data/io.keyfob.Agent.varlink, compiled in */
