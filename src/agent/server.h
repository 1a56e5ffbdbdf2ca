#pragma once
/* The socket's side of the agent: connections, frames, limits. It knows calls only as
 * (connection id, method, parameters) and hands them to kf_methods_call(). Calls of one
 * connection are answered in order; no connection delays another (design.md §6). */
#include "agent/agent.h"
#include "base/json.h"

kf_server *kf_server_new(kf_agent *a, int listen_fd, kf_err *err); /* owns the fd */
kf_server *kf_server_free(kf_server *s);                           /* closes all; returns NULL */
void kf_server_stop_listening(kf_server *s); /* nor are new calls read; open ones may end */
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
