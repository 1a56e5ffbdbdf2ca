#pragma once
/* What of a request goes on to the upstream, and what of its answer comes back: headers only, no
 * I/O. Hop-by-hop headers (RFC 9110 §7.6.1) and whatever Connection names stay here, and so does
 * any Authorization of the client's. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"

enum { KF_PASS_HEADERS_MAX = 64 };

/* "/path?query" as it may go behind an origin: begins with one '/', printable, no '#'. */
bool kf_pass_target_ok(const char *target);
#define KF_PASS_METHODS "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
bool kf_pass_method_ok(const char *method); /* one of these */
/* What two readers of one request could read differently (RFC 9112 §6.3, §11.2). */
typedef struct kf_pass_framing {
    unsigned lengths, codings, hosts; /* how many Content-Length, Transfer-Encoding, Host */
} kf_pass_framing;
void kf_pass_framing_add(kf_pass_framing *f, const char *name); /* each header of the request */
bool kf_pass_framing_ok(const kf_pass_framing *f);
/* connection: the names that the Connection headers have, with commas between, or NULL. */
bool kf_pass_request_header(const char *name, const char *value, const char *connection);
/* line: "Name: value"; *value gets where the value begins, *name_len the name's length. connection:
 * see kf_pass_connection. False: not passed. */
bool kf_pass_answer_line(const char *line, size_t len, const char *connection, size_t *name_len,
                         const char **value);
/* The names in all Connection headers of an answer with these header lines. Caller frees. */
char *kf_pass_connection(const char *lines);
/* Content-Length of the answer whose header lines these are. False: it has none, or none that can
 * be believed. */
bool kf_pass_answer_length(const char *lines, uint64_t *length);
