#pragma once
/* A token, or an API key, in the form another tool wants. Pure: facts in, bytes out; used by
 * `keyfob export` and by the screen's preview. Every value is checked to be printable ASCII without
 * spaces first, so that quoting is all that a format has to think of. */
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

/* The formats, X(name, what it is): help, completion and messages take them from here. One with a
 * brace is a template. */
#define KF_PLAIN_FORMATS(X) /* need nothing else to be known */ \
    X("header", "Authorization: Bearer ...")                    \
    X("raw", "the token and a newline")                         \
    X("env", "export NAME='...', for sh, bash and zsh")         \
    X("fish", "set -gx NAME '...'")                             \
    X("powershell", "$env:NAME = '...'")                        \
    X("dotenv", "NAME=\"...\"")                                 \
    X("json", "one line, schema keyfob.token/1")                \
    X("curl", "a file of options, for curl -K")                 \
    X("exec-credential", "for kubectl, in the version that it asks for")
#define KF_FORMATS(X)                                             \
    KF_PLAIN_FORMATS(X)                                           \
    X("docker-env", "NAME=..., for docker and podman --env-file") \
    X("netrc", "machine HOST login NAME password TOKEN; needs --host")
/* Of a session and not of a token: sealed by the agent, unknown to kf_format. */
#define KF_SEALED_FORMATS(X) \
    X("wos-session", "for WorkOS's Node SDK, sealed with WORKOS_COOKIE_PASSWORD")
#define KF_FORMAT_WORD(name, about) " " name
#define KF_FORMAT_WORDS \
    KF_FORMATS(KF_FORMAT_WORD) KF_SEALED_FORMATS(KF_FORMAT_WORD) /* a blank before each */

enum { KF_FACTS_MAX = 8, KF_FORMAT_OUT_MAX = 256 << 10 };

typedef struct kf_facts { /* names as in templates and JSON, and as variables (NULL: none) */
    const char *name[KF_FACTS_MAX], *variable[KF_FACTS_MAX], *value[KF_FACTS_MAX];
    size_t n; /* the first one is the secret */
    char expires_at[21], epoch[24], left[24];
    char masked[16];
} kf_facts;

/* answer: GetToken's, or GetApiKey's (it has api_key); borrowed for as long as f is used. mask: the
 * secret's first and last characters instead of it. False: KF_ERR_NET_BAD_ANSWER, a value no format
 * may carry. */
KF_CHECK bool kf_facts_from(kf_facts *f, const kf_json *answer, bool mask, kf_err *err);

typedef struct kf_format_opts {
    const char *host, *login; /* netrc: machine (needed) and login ("oauth2" when NULL) */
    const char *header;       /* its name, "Authorization" when NULL */
    const char *exec_info;    /* exec-credential: kubectl's KUBERNETES_EXEC_INFO; NULL: v1 */
} kf_format_opts;
/* The longest netrc line, without its line end, that curl before 8.14 reads, and git with it: a
 * longer one is passed over without a word. */
enum { KF_NETRC_LINE_MAX = 4094 };
/* Appends. False: KF_ERR_USAGE_BAD (unknown format or field, host missing, longer than b may be),
 * KF_ERR_NET_BAD_ANSWER (netrc cannot carry it); what was appended is of no use then. */
KF_CHECK bool kf_format(kf_buf *b, const kf_facts *f, const char *format, const kf_format_opts *o,
                        kf_err *err);
