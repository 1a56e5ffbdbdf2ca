#pragma once
/* keyfob.conf and the choice of the store, as the agent holds them: read again when the
 * file changed, opened only when first needed.
 *
 * The file has other writers: editors, dotfile managers, other agents. A change is therefore a
 * function. It is applied to the content of the file at that moment, under a lock that every agent
 * takes. If the file is missing, lacks a profile or is open for writing, the agent keeps the
 * settings that it has. The file counts when it has stayed so for 2 seconds and is closed. */
#include "agent/agent.h"
#include "base/json.h"

/* The settings, fresh from disk. NULL: KF_ERR_USAGE_CONFIG with file and line, or
 * KF_ERR_SYS_OWNER when others can change the file; nothing is overwritten. */
kf_conf *kf_settings(kf_agent *a, kf_err *err);
typedef void (*kf_settings_done)(void *user, const kf_err *err);
/* Changes c, which holds the content of the file. False: err, and c is thrown away. Runs on the
 * loop; runs again, with a new c, if another program changes the file in the meantime. */
typedef bool (*kf_settings_change_fn)(kf_conf *c, void *user, kf_err *err);
/* Applies fn to the file, writes it (atomic, fsync on the worker), tells the keeper and runs done.
 * Waits up to 10 s for other agents and for a missing file. done runs once, never inside the call,
 * except when the agent ends. */
void kf_settings_change(kf_agent *a, kf_settings_change_fn fn, kf_settings_done done, void *user);
/* The same with the whole text, which is written byte for byte. Fails if the text has an error, or
 * if the file no longer holds before. */
void kf_settings_replace(kf_agent *a, const char *text, const char *before, kf_settings_done done,
                         void *user);
/* The agent ends: every done runs now, with an error. The worker still writes what it has begun. */
void kf_settings_drop(kf_agent *a);
/* Logs and remembers what differs in the settings that decide where secrets go: proxy, ca_file,
 * api_host, git_host. Logins of a proxy are left out. */
void kf_settings_compare(kf_agent *a, const kf_conf *before, const kf_conf *now);
/* The ith of the last such changes since this agent started, the newest first: what, and when in
 * UNIX seconds. NULL: there are no more. */
const char *kf_settings_changed(const kf_agent *a, size_t i, int64_t *at);
void kf_settings_changed_drop(kf_agent *a);
void kf_settings_free(kf_agent *a); /* after the worker has ended */
/* The store is there and open when done runs without err: picked when auto, opened with the
 * passphrase file when there is one. May run done at once. Any number of callers, one opening. */
void kf_settings_store(kf_agent *a, kf_settings_done done, void *user);
/* Why nothing is given out while a->locked. The vault needs its passphrase, other stores Unlock. */
void kf_settings_fail_locked(const kf_agent *a, kf_err *err);
/* A secret was stored: what store = auto took is remembered in keyfob.conf from now on. */
void kf_settings_settle_store(kf_agent *a);
void kf_settings_end(kf_agent *a); /* tells those who still wait that the agent ends */
bool kf_settings_is_memory(
    const kf_agent *a); /* chosen, whether it is open yet or not: nothing outlives this process */
kf_json *kf_settings_store_json(const kf_agent *a); /* Store of the interface */
kf_store *kf_settings_make_store(kf_agent *a, const char *kind,
                                 kf_err *err); /* one that is nobody's yet; NULL: err */
KF_CHECK bool kf_settings_new_store(kf_agent *a, const char *kind, kf_err *err);
