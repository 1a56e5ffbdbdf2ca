#pragma once
/* keyfob.conf and the choice of the store, as the agent holds them: read again when the
 * file changed, opened only when first needed (design.md §5: no D-Bus before that). */
#include "agent/agent.h"
#include "base/json.h"

/* The settings, fresh from disk. NULL: KF_ERR_USAGE_CONFIG with file and line; nothing is overwritten. */
kf_conf *kf_settings(kf_agent *a, kf_err *err);
typedef void (*kf_settings_done)(void *user, const kf_err *err);
/* Writes the settings (atomic, on the worker), tells the keeper, then runs done; done may run at once with an error.
 * Refused when the file changed meanwhile; after a failure the settings are again those of the file. */
void kf_settings_save(kf_agent *a, kf_settings_done done, void *user);
/* The same with a text of a person's, exactly as it is; refused when it is wrong, or when the file is no longer before. */
void kf_settings_replace(kf_agent *a, const char *text, const char *before, kf_settings_done done, void *user);
/* The store is there and open when done runs without err: picked when auto, opened with the passphrase
 * file when there is one. May run done at once. Any number of callers, one opening. */
void kf_settings_store(kf_agent *a, kf_settings_done done, void *user);
/* Why nothing is given out while a->locked. The vault needs its passphrase, other stores Unlock. */
void kf_settings_fail_locked(const kf_agent *a, kf_err *err);
void kf_settings_end(kf_agent *a); /* tells those who still wait that the agent ends */
bool kf_settings_is_memory(const kf_agent *a); /* chosen, whether it is open yet or not: nothing outlives this process */
kf_json *kf_settings_store_json(const kf_agent *a); /* Store of the interface */
kf_store *kf_settings_make_store(kf_agent *a, const char *kind, kf_err *err); /* one that is nobody's yet; NULL: err */
kf_secret *kf_settings_passphrase(kf_err *err); /* of the passphrase file; NULL without err: there is none */
bool kf_settings_has_passphrase_file(void);
KF_CHECK bool kf_settings_new_store(kf_agent *a, const char *kind, kf_err *err);
