#pragma once
/* What a caller and the agent can see differently, because each has an environment of its own. The
 * agent keeps what it was started with; Hello compares, so that this is never silent.
 *
 * Other directories (settings, state, vault) mean another agent: home is a tag of the three. Of the
 * variables only a hash is sent, because a proxy's address may hold a password. */
#include "base/json.h"

/* Members for Hello: environment (name to hash), bus, and home unless KEYFOB_SOCKET names the agent
 * (it may be another machine's). */
void kf_surroundings_add(kf_json *params);
/* Of this process's directories, with links followed: 16 hex digits. */
void kf_surroundings_home(char tag[17]);
/* Names of the variables that differ from this process's; environment: as above, NULL gives none. A
 * caller without a bus lacks nothing. */
kf_json *kf_surroundings_differ(const kf_json *environment);
