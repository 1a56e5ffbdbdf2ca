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
/* connection: the value of the Connection header, or NULL. */
bool kf_pass_request_header(const char *name, const char *value, const char *connection);
/* line: "Name: value"; *value gets where the value begins, *name_len the name's length. False: not
 * passed. */
bool kf_pass_answer_line(const char *line, size_t len, size_t *name_len, const char **value);
/* Content-Length of the answer whose header lines these are. False: it has none, or none that can
 * be believed. */
bool kf_pass_answer_length(const char *lines, uint64_t *length);
