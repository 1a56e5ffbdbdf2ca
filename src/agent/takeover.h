#pragma once
/* A takeover: this process goes on as the keyfobd that is installed now. It finishes what is under
 * way, reads no further calls, and executes the file it was started from, never one that a client
 * names. The listening socket and the lock of the agent stay open across that, so that callers wait
 * instead of being refused; the settled store with the vault's key or the items of the memory store
 * goes through a socket (takeover.c says why). Sessions are read from the store again. Connections
 * end: clients repeat what was not answered.
 *
 * Not while a person signs in, an authenticator app is set up or a store is moved, nor with a
 * session that is nowhere but in memory. The installed file must belong to root or to us, other
 * users must not be able to write it, it must run, and it must read this form of state. */
#include "agent/agent.h"
#include "base/json.h"
#include "door/call.h"

#define KF_TAKEOVER_FORMAT 1 /* keyfobd --takeover-format prints it */

typedef struct kf_takeover kf_takeover;
/* Remembers the file of this program, so first of all. options: what the next one is to be started
 * with, up to NULL; borrowed for life. */
kf_takeover *kf_takeover_new(kf_agent *a, char *const options[]);
kf_takeover *kf_takeover_free(kf_takeover *t);
/* The file of this program was replaced or removed since it started. Looks at most once a second.
 */
bool kf_takeover_is_due(kf_takeover *t);
/* Hello of a client, which every command sends: true when a takeover is due and begins now. The
 * connection gets this answer and no further one. */
bool kf_takeover_by_hello(kf_agent *a, kf_call *call);
void kf_method_restart(kf_agent *a, kf_call *call);

/* --- the other side: what the program before left -------------------------------------------- */

typedef struct kf_taken {
    int listen_fd, run_lock; /* close-on-exec again */
    kf_json *state;          /* holds secrets */
} kf_taken;
/* Reads the state and closes fd. False: err. */
KF_CHECK bool kf_takeover_read(int fd, kf_taken *out, kf_err *err);
/* The store as it was, and whether it is locked. */
KF_CHECK bool kf_takeover_restore(kf_agent *a, const kf_taken *t, kf_err *err);
void kf_taken_done(kf_taken *t); /* also one that is all zero */
