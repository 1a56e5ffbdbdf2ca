#pragma once
/* application/x-www-form-urlencoded (WHATWG URL §5.1), strict: a broken escape, a
 * NUL, a name twice or more than 64 fields is an error. */
#include <stdbool.h>
#include <stddef.h>
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

kf_json *kf_form_parse(const char *text, size_t len,
                       kf_err *err); /* object of strings; caller frees */
/* Appends "name=value" behind a '&' when b is not empty, everything but RFC 3986's unreserved
 * characters as %XX. NULL or "" value: nothing. False: b is full. */
KF_CHECK bool kf_form_add(kf_buf *b, const char *name, const char *value);
/* Undoes %XX in place; a broken escape and %00 stay as they are. Returns the new length. */
size_t kf_form_unescape(char *s);
