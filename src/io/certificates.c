/* Chooses the trusted certificates: ca_file, then SSL_CERT_FILE and SSL_CERT_DIR, then the
 * system's. It checks who can change the chosen ones and does not read them. */
#include "io/certificates.h"

#include "guard/path.h"

static const char *env(const char *name) {
    const char *v = getenv(name);
    return v && *v ? v : NULL;
}

/* A missing file is left to libcurl, which names it. */
static bool is_safe(const char *path, kf_path_want want, kf_err *err) {
    kf_err why;
    if (!path || kf_path_check(path, want, &why) || why.code != KF_ERR_SYS_OWNER) return true;
    if (err) *err = why;
    return false;
}

bool kf_certificates_choose(const char *own, const char **file, const char **dir, kf_err *err) {
    bool chosen = own && *own;
    *file = chosen ? own : env("SSL_CERT_FILE");
    /* the curl program looks at SSL_CERT_DIR, the library does not */
    *dir = chosen ? NULL : env("SSL_CERT_DIR");
    return is_safe(*file, KF_PATH_FILE, err) && is_safe(*dir, KF_PATH_WAY, err);
}
