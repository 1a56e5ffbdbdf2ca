#pragma once
/* A listening socket, its connections and the calls that come through them: frames, limits,
 * back-pressure. It knows no method and no subject. It hands each call (door/call.h) to one
 * function. Calls of one connection are answered in order; no connection delays another. Peers of
 * another user are refused. */
#include "door/call.h"

typedef struct kf_door kf_door;
typedef void (*kf_door_fn)(void *user, kf_call *call); /* owns the call */

kf_door *kf_door_new(kf_loop *l, int listen_fd, kf_door_fn on_call, void *user); /* owns the fd */
void kf_door_stop_listening(kf_door *d); /* nor are new calls read; open ones may end */
/* Every connection closes, and each open call is told so. NULL is fine. */
void kf_door_close(kf_door *d);
/* When nothing can answer any more: calls that are still there end without a word. NULL is fine;
 * returns NULL. */
kf_door *kf_door_free(kf_door *d);
int kf_door_fd(const kf_door *d); /* the listening socket; -1: stopped */
/* Nothing new is read or accepted; what was read is answered. Until resume, which closes the
 * connections that were told to leave. */
void kf_door_pause(kf_door *d);
void kf_door_resume(kf_door *d);
/* Calls without their answer, answers that have not left and things that are held, except of
 * connections that leave and of calls that last. */
size_t kf_door_open_calls(const kf_door *d);
size_t kf_door_count(const kf_door *d, const char *method); /* calls by this name, gone or not */
size_t kf_door_connections(const kf_door *d);
/* Runs fn once every answer is on its way out (at most 2 s). */
void kf_door_flush(kf_door *d, kf_loop_fn fn, void *user);
