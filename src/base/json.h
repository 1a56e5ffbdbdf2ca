#pragma once
/* JSON, strict on what comes in. The only user of cJSON. Refused when parsing:
 * NUL (raw or \u0000), duplicate keys, bytes behind the value, depth > 24, more
 * than 1024 keys in one object, invalid UTF-8, not-a-number. Look-ups are
 * case-sensitive. Freed memory is wiped, because tokens pass through here. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "base/err.h"
#include "base/secret.h"

typedef struct cJSON kf_json;

kf_json *kf_json_parse(const char *text, size_t len,
                       kf_err *err); /* NULL: KF_ERR_NET_BAD_ANSWER, what says where */
/* For answers of servers, where one bad text must not cost the rest. U+FFFD replaces bytes that are
 * not UTF-8, control characters and NUL escapes inside strings, so no string can end early. A
 * member that comes twice becomes null; so does, below the top, a value that is nested too deeply,
 * has too many members, or is a number out of range. The result prints to what kf_json_parse reads.
 * NULL as kf_json_parse. */
kf_json *kf_json_parse_lenient(const char *text, size_t len, kf_err *err);
const char *kf_json_flaw(const char *text,
                         size_t len); /* why no parser of ours would take these bytes ("bytes that
                                         are not UTF-8"); NULL: it may */
kf_json *kf_json_free(kf_json *j);    /* NULL is fine; returns NULL */

/* reading; every getter bears NULL for the object */
const kf_json *kf_json_get(const kf_json *obj, const char *key); /* NULL if absent */
const char *kf_json_str(const kf_json *obj, const char *key);    /* NULL unless a string */
const char *kf_json_str_or(const kf_json *obj, const char *key, const char *dflt);
bool kf_json_int(const kf_json *obj, const char *key,
                 int64_t *out); /* false unless a whole number |n| < 2^53 */
int64_t kf_json_int_or(const kf_json *obj, const char *key, int64_t dflt);
bool kf_json_bool(const kf_json *obj, const char *key, bool dflt);
bool kf_json_is_obj(const kf_json *j);
bool kf_json_is_arr(const kf_json *j);
bool kf_json_is_null(const kf_json *j);
const char *kf_json_value_str(const kf_json *j); /* the value itself; NULL unless a string */
size_t kf_json_count(const kf_json *arr_or_obj);
const kf_json *kf_json_first(const kf_json *arr_or_obj); /* iteration over arrays and objects */
const kf_json *kf_json_next(const kf_json *item);
const char *kf_json_key(const kf_json *item); /* name of a member of an object */

/* building; abort when out of memory. The _set and _add that take a kf_json own it. */
kf_json *kf_json_obj(void);
kf_json *kf_json_arr(void);
kf_json *kf_json_new_str(const char *s);
kf_json *kf_json_copy(const kf_json *j);
void kf_json_set(kf_json *obj, const char *key, kf_json *value); /* replaces; NULL value removes */
void kf_json_set_str(kf_json *obj, const char *key,
                     const char *s);              /* NULL: leaves the member out */
void kf_json_trim(kf_json *obj, const char *key); /* a text loses the blanks around it */
void kf_json_set_int(kf_json *obj, const char *key, int64_t n);
void kf_json_set_bool(kf_json *obj, const char *key, bool b);
void kf_json_set_null(kf_json *obj, const char *key);
void kf_json_set_secret(kf_json *obj, const char *key,
                        const kf_secret *s); /* NULL: leaves it out */
void kf_json_add(kf_json *arr, kf_json *value);

size_t kf_json_size(const kf_json *j); /* at least as many bytes as kf_json_print gives */
char *kf_json_print(const kf_json *j); /* one line, no blanks; heap string, caller frees */
kf_secret *kf_json_print_secret(const kf_json *j); /* the same as a secret */

KF_AUTO_DEFINE(kf_json);
