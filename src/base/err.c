#include "base/err.h"

#include <errno.h>
#include <stdarg.h>

static const struct {
    const char *name;
    int exit_status;
} table[KF_ERR_COUNT] = {
#define X(id, name, exit_status) {name, exit_status},
    KF_ERR_TABLE(X)
#undef X
};

/* What does not fit ends in "[...]", after a whole character: the text goes on as JSON. */
__attribute__((format(printf, 3, 0))) static void format(char *out, size_t size, const char *fmt,
                                                         va_list ap) {
    int n = vsnprintf(out, size, fmt, ap);
    if (n < 0) out[0] = 0;
    if (n < 0 || (size_t)n < size) return;
    size_t cut = size - 6;
    while (cut && ((unsigned char)out[cut] & 0xc0) == 0x80) cut--;
    memcpy(out + cut, "[...]", 6);
}

/* tail: goes behind, whole. The arguments may point into *err. */
__attribute__((format(printf, 4, 0))) static void fill(kf_err *err, kf_err_code code,
                                                       const char *tail, const char *fmt,
                                                       va_list ap) {
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

int kf_err_exit(kf_err_code code) { return (unsigned)code < KF_ERR_COUNT ? table[code].exit_status : 1; }

bool kf_err_is(kf_err_code code, const char *domain) {
    const char *name = kf_err_name(code);
    size_t n = strlen(domain);
    return !strncmp(name, domain, n) && name[n] == '.';
}
