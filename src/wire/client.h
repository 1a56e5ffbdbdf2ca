#pragma once
/* A client's end: finds or starts the agent, checks its uid,
 * says Hello, calls. Blocking with deadlines, poll(2) inside; and the same connection can be
 * driven by a poll loop (screen). No GLib. */
#include <stdint.h>
#include "base/json.h"
#include "wire/frame.h"

typedef struct kf_client kf_client;

/* agent.sock in keyfob/ of kf_runtime_base(), else /tmp/keyfob-UID/agent.sock; KEYFOB_SOCKET wins.
 * Checks the directory's owner, mode and type when it exists (KF_ERR_SYS_OWNER); path over 107
 * bytes: KF_ERR_WIRE_PATH. Caller frees. */
char *kf_socket_path(kf_err *err);
char *kf_runtime_dir(kf_err *err); /* directory of the socket */
/* $XDG_RUNTIME_DIR, or /run/user/UID where that is ours: cron, su and system units have no variable
 * for it. NULL: neither. */
char *kf_runtime_base(void);
/* HOME, or the password database's directory where HOME is unset or not an absolute path. NULL:
 * neither can be used; err names HOME. Caller frees. */
char *kf_home_dir(kf_err *err);
/* Counted from the current directory. Caller frees. */
char *kf_path_absolute(const char *path, kf_err *err);
/* For the start of a program, before it has threads or an agent: makes relative paths in the
 * environment absolute, and fails when there is no home for keyfob's files. */
KF_CHECK bool kf_paths_settle(kf_err *err);
/* Beside a socket: agent.run and agent.lock of agent.sock. */
char *kf_socket_sibling(const char *socket_path, const char *ext);
char *kf_state_dir(void);   /* $XDG_STATE_HOME/keyfob */
char *kf_config_home(void); /* $XDG_CONFIG_HOME, ~/.config */
char *kf_config_path(void); /* KEYFOB_CONFIG or $XDG_CONFIG_HOME/keyfob/keyfob.conf */
char *kf_data_dir(void);    /* $XDG_DATA_HOME/keyfob */
/* A program of ours: beside /proc/self/exe, else in libexec. Caller frees. NULL: KF_ERR_SYS_SPAWN.
 */
char *kf_program_path(const char *name, kf_err *err);

typedef enum kf_client_flags {
    KF_CLIENT_NO_START = 1, /* do not start an agent: KF_ERR_WIRE_NO_AGENT */
    KF_CLIENT_NO_HELLO = 2, /* for calls that any agent answers, whatever its directories are */
    KF_CLIENT_AS_IS = 4 /* any protocol, and a replaced agent does not go on as the new program */
} kf_client_flags;

kf_client *kf_client_open(unsigned flags, kf_err *err);
/* From now, for all calls and streams of this process together: over it they end with
 * KF_ERR_NET_TIMEOUT. 0: no more. */
void kf_client_limit(int64_t ms);
bool kf_client_read_only(void); /* KEYFOB_READ_ONLY is set and not 0: Hello says so, and the agent
                                   changes nothing for us */
kf_client *kf_client_close(kf_client *c);           /* returns NULL */
const kf_json *kf_client_hello(const kf_client *c); /* Hello's answer, borrowed; NULL if skipped */
/* One call, one answer. params owned. timeout_ms < 0: for ever (a person waits). The result is
 * owned by the caller; NULL: err. When the connection dies before the answer, the call is repeated
 * over a new one (with the start dance), up to three times: if it may run twice without harm, or if
 * the agent cannot have read it. */
kf_json *kf_client_call(kf_client *c, const char *method, kf_json *params, int64_t timeout_ms,
                        kf_err *err);
/* A call with more: start it, then take answers one by one. It is repeated in the same way until
 * its first answer has come. */
KF_CHECK bool kf_client_start(kf_client *c, const char *method, kf_json *params, kf_err *err);
/* 1: *result owned by the caller, *more says whether others follow; 0: time-out; -1: err. cancel_fd
 * >= 0: readable means stop waiting (returns 0). */
int kf_client_next(kf_client *c, int64_t timeout_ms, int cancel_fd, kf_json **result, bool *more,
                   kf_err *err);
/* For a poll loop: POLLIN -> kf_client_next(c, 0, ...). A repeated call has another one. */
int kf_client_fd(const kf_client *c);
/* Of the agent that answers: agent.sock, or agent-TAG.sock when that one keeps its files in other
 * directories than this process. Known for sure after the first answer; borrowed. */
const char *kf_client_path(const kf_client *c);
/* Opens a locked vault, or makes a new one, with this process's passphrase file, after a call that
 * failed with why. Not what `keyfob lock` has locked. False: there is no file; or err. */
bool kf_client_unlock(kf_client *c, const kf_err *why, kf_err *err);

static inline void kf_client_freep(kf_client **c) { kf_client_close(*c); }
