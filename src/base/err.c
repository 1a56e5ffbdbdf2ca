/* Errors: fills a kf_err with facts in valid UTF-8, and maps codes to names and exit statuses.
 * The sentences that a person reads are in ui/common/words.c. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include "base/str.h"

static const struct {
    const char *name;
    int exit_status;
} table[KF_ERR_COUNT] = {
#define X(id, name, exit_status) {name, exit_status},
    KF_ERR_TABLE(X)
#undef X
};

/* The text is always UTF-8, also when an argument is not or a precision cut one inside a character:
 * one bad byte would make the whole JSON message unreadable. What does not fit ends in "[...]". */
__attribute__((format(printf, 3, 0))) static void format(char *out, size_t size, const char *fmt,
                                                         va_list ap) {
    char raw[sizeof((kf_err *)0)->what];
    int n = vsnprintf(raw, size, fmt, ap);
    if (n < 0) raw[0] = 0;
    if (kf_str_cut(out, size, raw) && n < (int)size) return;
    (void)kf_str_cut(out, size - 5, raw);
    memcpy(out + strlen(out), "[...]", 6);
}

/* tail: goes behind, whole. The arguments may point into *err. */
__attribute__((format(printf, 4, 0))) static void
fill(kf_err *err, kf_err_code code, const char *tail, const char *fmt, va_list ap) {
    kf_err e = {.code = code, .retry_after = -1};
    size_t n = strlen(tail);
    format(e.what, sizeof e.what - n, fmt, ap);
    memcpy(e.what + strlen(e.what), tail, n + 1);
    *err = e;
}

bool kf_fail(kf_err *err, kf_err_code code, const char *fmt, ...) {
    if (!err) return false;
    va_list ap;
    va_start(ap, fmt);
    fill(err, code, "", fmt, ap);
    va_end(ap);
    return false;
}

bool kf_fail_errno(kf_err *err, kf_err_code code, const char *fmt, ...) {
    int saved = errno;
    if (!err) return false;
    char text[96], tail[100];
    snprintf(tail, sizeof tail, ": %s", strerror_r(saved, text, sizeof text));
    va_list ap;
    va_start(ap, fmt);
    fill(err, code, tail, fmt, ap);
    va_end(ap);
    errno = saved;
    return false;
}

bool kf_hint(kf_err *err, const char *fmt, ...) {
    if (!err) return false;
    char hint[sizeof err->hint] = "";
    va_list ap;
    va_start(ap, fmt);
    format(hint, sizeof hint, fmt, ap);
    va_end(ap);
    memcpy(err->hint, hint, sizeof hint);
    return false;
}

const char *kf_err_name(kf_err_code code) {
    return (unsigned)code < KF_ERR_COUNT ? table[code].name : table[KF_ERR_SYS_BUG].name;
}

kf_err_code kf_err_from_name(const char *name) {
    for (int i = 0; name && i < KF_ERR_COUNT; i++)
        if (!strcmp(table[i].name, name)) return (kf_err_code)i;
    return KF_ERR_SYS_BUG;
}

int kf_err_exit(kf_err_code code) {
    return (unsigned)code < KF_ERR_COUNT ? table[code].exit_status : 1;
}

bool kf_err_is(kf_err_code code, const char *domain) {
    const char *name = kf_err_name(code);
    size_t n = strlen(domain);
    return !strncmp(name, domain, n) && name[n] == '.';
}
