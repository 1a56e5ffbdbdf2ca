#pragma once
/* Text helpers with three or more users each. Only kf_str_cut shortens a text, and it is for text
 * that is shown. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "base/err.h"

char *kf_strdup(const char *s); /* aborts when out of memory; NULL gives NULL */
char *kf_strfmt(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* caller frees */
/* Copies src into dst[size]; false (dst untouched) if it does not fit. NULL src is "". */
KF_CHECK bool kf_str_set(char *dst, size_t size, const char *src);
/* Copies as many whole characters of src as fit into dst[size]; a byte that is not UTF-8 becomes
 * U+FFFD. For text that is only shown, never for ids. False: the end of src is missing. NULL src
 * is "". */
bool kf_str_cut(char *dst, size_t size, const char *src);
bool kf_str_eq(const char *a, const char *b); /* NULL-safe */
bool kf_str_starts(const char *s, const char *prefix);
/* text is known with a higher number at its end, as "keyfob.session/2" for "keyfob.session/1". */
bool kf_str_is_later(const char *text, size_t len, const char *known);
/* Moves *p over blanks and line ends; returns how many of the n bytes are left without those at
 * either end. */
size_t kf_trim(const char **p, size_t n);
bool kf_str_is_visible(const char *s);                 /* only '!' to '~'; true for "" */
bool kf_ct_eq(const void *a, const void *b, size_t n); /* constant time */
size_t kf_utf8_len(const char *p, size_t n);           /* bytes of the character at p; 0: none */

/* RFC 4648 §5, no padding. encode: heap string. decode: bytes written to out (cap) or -1. */
char *kf_b64url(const void *p, size_t n);
long kf_b64url_decode(const char *s, size_t n, void *out, size_t cap);
void kf_hex(const void *p, size_t n, char *out);   /* out: 2n+1 */
bool kf_unhex(const char *s, void *out, size_t n); /* exactly 2n digits, then NUL */

/* "500ms" "3s" "5m" "2h" "1d"; a bare number is refused. */
KF_CHECK bool kf_duration_parse(const char *s, int64_t *ms);
/* [a-z0-9][a-z0-9._-]{0,63} */
bool kf_profile_name_ok(const char *s);
/* client_[A-Za-z0-9_]{1,64} */
bool kf_client_id_ok(const char *s);
/* "2026-11-23T14:07:19Z" into out[21] */
void kf_rfc3339(int64_t unix_s, char out[21]);

/* scheme://host[:port] with nothing behind it but "/". https, or http for loopback
 * only (127.0.0.0/8, ::1, localhost). *norm: "https://api.workos.com", default port
 * dropped, host lower case; caller frees. Bare "api.workos.com" means https. */
KF_CHECK bool kf_origin_parse(const char *url, char **norm, kf_err *err);
bool kf_origin_is_loopback(const char *norm);

/* A list "host[:port];host..." with blanks around its parts: each once, host lower case, no scheme,
 * no path, at most
 * 16. *norm: the same without blanks, "" for none; caller frees. A port is kept as it is given,
 * also 443. */
KF_CHECK bool kf_hosts_parse(const char *list, char **norm, kf_err *err);
bool kf_hosts_has(const char *norm,
                  const char *host); /* exactly; both as kf_hosts_parse gives them */
