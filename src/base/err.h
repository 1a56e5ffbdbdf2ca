#pragma once
/* The one error type. The caller owns it, on its stack; nothing to free.
 * Every function that can fail returns bool (or a pointer) and takes kf_err *err
 * last; err may be NULL. On failure *err is filled and no out-parameter has been
 * touched. what and hint carry facts (host, path, errno text), never secrets;
 * the sentences a person reads are made from the code in ui/common/words.c. */
#include <stdbool.h>
#include <stdint.h>
#include "base/cleanup.h"

/* X(constant, stable name on the wire, exit status, as `keyfob help exit-codes` lists them)
 * The domain is the part of the name before the dot. Names never change. */
#define KF_ERR_TABLE(X)                                                                      \
    X(NONE, "none", 0)                                                                       \
    /* sys: this machine */                                                                  \
    X(SYS_NO_MEMORY, "sys.no_memory", 1)                                                     \
    X(SYS_IO, "sys.io", 1)                   /* read, write, open, full disk */              \
    X(SYS_SPAWN, "sys.spawn", 1)             /* a program could not be started */            \
    X(SYS_MANAGER, "sys.service_manager", 6) /* systemd --user */                            \
    X(SYS_CLIPBOARD, "sys.clipboard", 1)     /* nothing was copied */                        \
    X(SYS_OWNER, "sys.owner", 6)             /* directory or socket is not ours */           \
    X(SYS_LOCK_TIMEOUT, "sys.lock_timeout", 6)                                               \
    X(SYS_CANCELLED, "sys.cancelled", 8)                                                     \
    X(SYS_BUG, "sys.bug", 1)                                                                 \
    /* usage: what the person typed or configured */                                         \
    X(USAGE_BAD, "usage.bad", 2)                                                             \
    X(USAGE_CONFIG, "usage.config", 2) /* keyfob.conf: file and line named */                \
    X(USAGE_NAME, "usage.name", 2)     /* profile name not allowed */                        \
    X(USAGE_EXISTS, "usage.exists", 2)                                                       \
    X(USAGE_NO_PROFILE, "usage.no_profile", 4)                                               \
    X(USAGE_NO_CLIENT_ID, "usage.no_client_id", 2)                                           \
    X(USAGE_BAD_URL, "usage.bad_url", 2)                                                     \
    X(USAGE_READ_ONLY, "usage.read_only", 2) /* --read-only */                               \
    X(USAGE_DIRECTORY, "usage.directory", 2) /* .keyfob: not trusted, not right */           \
    X(USAGE_NOT_FOUND, "usage.not_found", 4) /* no such session, factor */                   \
    X(USAGE_STALE_QUESTION, "usage.stale_question", 1)                                       \
    X(USAGE_NO_INPUT, "usage.no_input", 3) /* a person is needed, none is there */           \
    X(USAGE_BAD_ANSWER, "usage.bad_answer", 7)                                               \
    X(USAGE_CODE_NEEDED, "usage.code_needed", 3)                                             \
    /* net: the server was not reached or did not make sense */                              \
    X(NET_RESOLVE, "net.resolve", 5)                                                         \
    X(NET_CONNECT, "net.connect", 5)                                                         \
    X(NET_TLS, "net.tls", 5)                                                                 \
    X(NET_TIMEOUT, "net.timeout", 5)                                                         \
    X(NET_BROKEN, "net.broken", 5)         /* sent, but no whole answer came */              \
    X(NET_BAD_ANSWER, "net.bad_answer", 5) /* not JSON, too big, fields missing */           \
    X(NET_NOT_WORKOS, "net.not_workos", 5) /* a page or JSON of something else */            \
    X(NET_PROXY_AUTH, "net.proxy_auth", 5) /* 407: the proxy wants a login */                \
    X(NET_SERVER, "net.server", 5)         /* 5xx, 408, "not now" */                         \
    X(NET_RATE_LIMITED, "net.rate_limited", 9)                                               \
    /* workos: an answer with a meaning (WORKOS.md §1.5) */                                 \
    X(WORKOS_INVALID_GRANT, "workos.invalid_grant", 3)                                       \
    X(WORKOS_SESSION_ENDED, "workos.session_ended", 3)                                       \
    X(WORKOS_ANSWER_LOST, "workos.answer_lost", 3)                                           \
    X(WORKOS_NOT_SIGNED_IN, "workos.not_signed_in", 3)                                       \
    X(WORKOS_BAD_CREDENTIALS, "workos.invalid_credentials", 7)                               \
    X(WORKOS_BAD_CODE, "workos.invalid_code", 7)                                             \
    X(WORKOS_BAD_KEY, "workos.bad_api_key", 7) /* 401 */                                     \
    X(WORKOS_INVALID_CLIENT, "workos.invalid_client", 7)                                     \
    X(WORKOS_MFA_ENROLLMENT, "workos.mfa_enrollment", 3)                                     \
    X(WORKOS_SSO_REQUIRED, "workos.sso_required", 3)                                         \
    X(WORKOS_ORGANIZATION, "workos.organization", 3) /* may not enter, not found */          \
    X(WORKOS_NO_ORGANIZATION, "workos.no_organization", 4)                                   \
    X(WORKOS_TOKEN_INVALID, "workos.token_invalid", 10)                                      \
    X(WORKOS_TOKEN_SHORT, "workos.token_short", 1) /* valid, but not for as long as asked */ \
    X(WORKOS_METHOD_DISABLED, "workos.method_not_allowed", 7)                                \
    X(WORKOS_NEEDS_API_KEY, "workos.needs_api_key", 7)                                       \
    X(WORKOS_STEP_UP, "workos.step_up", 3) /* a continuation keyfob cannot do */             \
    X(WORKOS_DECLINED, "workos.access_denied", 8)                                            \
    X(WORKOS_CODE_EXPIRED, "workos.expired", 3)                                              \
    X(WORKOS_REFUSED, "workos.refused", 7)       /* any other 4xx with a code */             \
    X(WORKOS_ORIGIN, "workos.origin_changed", 3) /* api_host or client_id moved */           \
    X(WORKOS_MISMATCH, "workos.mismatch",                                                    \
      3) /* an answer for another user, client or organization */                            \
    X(WORKOS_OTHER_USER, "workos.other_user", 3) /* the profile is another person's */       \
    /* store: the secret store */                                                            \
    X(STORE_LOCKED, "store.locked", 6)             /* keyring locked */                      \
    X(STORE_VAULT_LOCKED, "store.vault_locked", 6) /* passphrase needed */                   \
    X(STORE_VAULT_NEW, "store.vault_new", 6)       /* no vault yet: choose one */            \
    X(STORE_AGENT_LOCKED, "store.agent_locked", 6) /* by keyfob lock */                      \
    X(STORE_BAD_PASSPHRASE, "store.bad_passphrase", 7)                                       \
    X(STORE_ABSENT, "store.absent", 6) /* no bus, no provider */                             \
    X(STORE_SILENT, "store.silent", 6) /* provider does not answer */                        \
    X(STORE_DENIED, "store.denied", 6)                                                       \
    X(STORE_DAMAGED, "store.damaged", 6)                                                     \
    X(STORE_VAULT_DAMAGED, "store.vault_damaged", 6) /* no header opens it */                \
    X(STORE_READ, "store.read", 6)                   /* cannot be read now: EIO, EACCES */   \
    X(STORE_NOT_FOUND, "store.not_found", 4)                                                 \
    X(STORE_NEWER, "store.newer", 6) /* written by a newer keyfob */                         \
    X(STORE_LOST, "store.lost", 3)   /* a pair that no store ever took is gone */            \
    X(STORE_WRITE, "store.write", 6)                                                         \
    X(STORE_STALE, "store.stale", 3) /* store holds an older token */                        \
    X(STORE_UNSAVED, "store.unsaved", 6)                                                     \
    /* wire: between our programs */                                                         \
    X(WIRE_NO_AGENT, "wire.no_agent", 6)                                                     \
    X(WIRE_CLOSED, "wire.closed", 6)                                                         \
    X(WIRE_BAD_FRAME, "wire.bad_frame", 1)                                                   \
    X(WIRE_TOO_LONG, "wire.too_long", 1)                                                     \
    X(WIRE_PATH, "wire.path", 2)         /* socket path over 107 bytes */                    \
    X(WIRE_PROTOCOL, "wire.protocol", 6) /* agent and client do not match */                 \
    X(WIRE_BUSY, "wire.busy", 6)         /* a limit of the agent */                          \
    X(WIRE_METHOD, "wire.method", 1)

typedef enum kf_err_code {
#define X(id, name, exit_status) KF_ERR_##id,
    KF_ERR_TABLE(X)
#undef X
        KF_ERR_COUNT
} kf_err_code;

typedef struct kf_err {
    kf_err_code code;
    char what[256];      /* facts: "connect to 127.0.0.1:4100: Connection refused" */
    char hint[256];      /* what the person can do, beyond words.c; often empty */
    int status;          /* HTTP status, 0 if none */
    char upstream[64];   /* WorkOS's own code, sanitised; "" if none */
    char request_id[64]; /* X-Request-ID; "" if none */
    int32_t retry_after; /* seconds, -1 unknown, 0 = now */
} kf_err;

/* Fill *err (if not NULL) and return false: return kf_fail(err, KF_ERR_SYS_IO, "..."). */
bool kf_fail(kf_err *err, kf_err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), cold));
/* Like kf_fail with ": strerror(errno)" at the end; errno is taken at the call. */
bool kf_fail_errno(kf_err *err, kf_err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), cold));
/* Sets err->hint; returns false. */
bool kf_hint(kf_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

const char *kf_err_name(kf_err_code code);            /* "net.tls"; never NULL */
kf_err_code kf_err_from_name(const char *name);       /* unknown -> KF_ERR_SYS_BUG */
int kf_err_exit(kf_err_code code);                    /* exit status */
bool kf_err_is(kf_err_code code, const char *domain); /* kf_err_is(c, "net") */
