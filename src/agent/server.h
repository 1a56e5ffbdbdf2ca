#pragma once
/* The socket's side of the agent: connections, frames, limits. It knows calls only as
 * (connection id, method, parameters) and hands them to kf_methods_call(). Calls of one
 * connection are answered in order; no connection delays another. */
#include "agent/agent.h"
#include "base/json.h"

kf_server *kf_server_new(kf_agent *a, int listen_fd, kf_err *err); /* owns the fd */
kf_server *kf_server_free(kf_server *s);                           /* closes all; returns NULL */
void kf_server_stop_listening(kf_server *s); /* nor are new calls read; open ones may end */
int kf_server_fd(const kf_server *s);        /* the listening socket; -1: stopped */
/* Nothing new is read or accepted; what was read is answered. Until resume, which ends the
 * connections that were told to leave. */
void kf_server_pause(kf_server *s);
void kf_server_resume(kf_server *s);
/* After its present answer, if one comes, this connection gets none any more. */
void kf_server_leave(kf_server *s, uint32_t conn);
/* Calls without their answer and answers that have not left, except of those who watch. */
size_t kf_server_open_calls(const kf_server *s);
size_t kf_server_connections(const kf_server *s);

/* The answer of the connection's present call. continues: more follow. A connection that is gone
 * is fine. params owned. */
void kf_server_reply(kf_server *s, uint32_t conn, kf_json *params, bool continues);
void kf_server_error(kf_server *s, uint32_t conn, const kf_err *e);
void kf_server_varlink_error(kf_server *s, uint32_t conn, const char *error, kf_json *params);
/* Hello's read_only: from then on calls that change something are refused on this connection. */
void kf_server_set_read_only(kf_server *s, uint32_t conn);
bool kf_server_read_only(const kf_server *s, uint32_t conn);
bool kf_server_alive(const kf_server *s, uint32_t conn);
/* For long streams: fn runs once, in a turn of its own, when everything sent so far has left; if
 * the connection ends before, dropped (may be NULL) runs instead. One at a time for each
 * connection. */
void kf_server_when_sent(kf_server *s, uint32_t conn, kf_loop_fn fn, kf_loop_fn dropped,
                         void *user);
/* Runs fn once every answer is on its way out (at most 2 s). */
void kf_server_flush(kf_server *s, kf_loop_fn fn, void *user);
