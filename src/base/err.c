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

__attribute__((format(printf, 3, 0))) static void fill(kf_err *err, kf_err_code code,
                                                       const char *fmt, va_list ap) {
    *err = (kf_err){.code = code, .retry_after = -1};
    vsnprintf(err->what, sizeof err->what, fmt, ap);
}

bool kf_fail(kf_err *err, kf_err_code code, const char *fmt, ...) {
    if (!err) return false;
    va_list ap;
    va_start(ap, fmt);
    fill(err, code, fmt, ap);
    va_end(ap);
    return false;
}

bool kf_fail_errno(kf_err *err, kf_err_code code, const char *fmt, ...) {
    int saved = errno;
    if (!err) return false;
    va_list ap;
    va_start(ap, fmt);
    fill(err, code, fmt, ap);
    va_end(ap);
    char text[96];
    const char *s = strerror_r(saved, text, sizeof text);
    size_t n = strlen(err->what);
    snprintf(err->what + n, sizeof err->what - n, ": %s", s);
    return false;
}

bool kf_hint(kf_err *err, const char *fmt, ...) {
    if (!err) return false;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->hint, sizeof err->hint, fmt, ap);
    va_end(ap);
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
