#pragma once
/* Settings of profiles as a document that can be carried to another computer (`keyfob profile
 * export`, `import`):
 * {"schema":"keyfob.profiles-export/1","profiles":[{"name":...,"client_id":...}]}. No secrets, no
 * ids, no sessions. */
#include "base/json.h"

#define KF_PORTABLE_SCHEMA "keyfob.profiles-export/1"
enum {
    KF_PORTABLE_MAX = 900 << 10
}; /* bytes; what comes out of it must fit a frame of the agent */

/* What is carried of a Profile of the interface (data/io.keyfob.Agent.varlink). Owned by the
 * caller. */
kf_json *kf_portable_item(const kf_json *profile);
/* The document as text with a line for each profile and a newline at the end; caller frees. items:
 * of kf_portable_item. */
char *kf_portable_print(const kf_json *items);
/* The items of a document, each checked: known members of the right kind, names, client IDs,
 * addresses and hosts that keyfob takes, no name and no host twice, at most one default. Owned by
 * the caller. NULL: KF_ERR_USAGE_BAD (what says which profile and what is wrong with it). */
kf_json *kf_portable_read(const char *text, size_t len, kf_err *err);
