/* See passphrase.h. */
#include "wire/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/str.h"
#include "guard/path.h"

enum { PASSPHRASE_MAX = 1024 };

static const char *env(const char *name) {
    const char *v = getenv(name);
    return v && *v ? v : NULL;
}

static char *file_path(void) {
    if (env("KEYFOB_PASSPHRASE_FILE")) return kf_strdup(env("KEYFOB_PASSPHRASE_FILE"));
    return env("CREDENTIALS_DIRECTORY")
               ? kf_strfmt("%s/keyfob-passphrase", env("CREDENTIALS_DIRECTORY"))
               : NULL;
}

bool kf_passphrase_has_file(void) {
    KF_AUTO_CHARS path = file_path();
    return path && access(path, F_OK) == 0;
}

static bool check(int fd, const char *path, kf_err *err) {
    struct stat st;
    /* systemd grants a service its credentials by an ACL, which shows as bits of the group */
    kf_path_want want = env("KEYFOB_PASSPHRASE_FILE") ? KF_PATH_SECRET : KF_PATH_FILE;
    if (!kf_path_check(path, want, err) || !kf_path_check_fd(fd, path, want, err)) return false;
    if (fstat(fd, &st)) return kf_fail_errno(err, KF_ERR_SYS_IO, "%s", path);
    return !(st.st_mode & 007) ||
           kf_fail(err, KF_ERR_SYS_OWNER,
                   "Bad owner or permissions on %s: it is open to other users", kf_path_end(path));
}

kf_secret *kf_passphrase_read(kf_err *err) {
    KF_AUTO_CHARS path = file_path();
    err->code = KF_ERR_NONE;
    if (!path || (!env("KEYFOB_PASSPHRASE_FILE") && access(path, F_OK))) return NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return kf_fail_errno(err, KF_ERR_STORE_VAULT_LOCKED, "KEYFOB_PASSPHRASE_FILE %s", path),
               NULL;
    KF_AUTO(kf_secret) raw = kf_secret_zero(PASSPHRASE_MAX + 1);
    ssize_t n = check(fd, path, err) ? read(fd, kf_secret_edit(raw), PASSPHRASE_MAX + 1) : -1;
    if (n < 0 && err->code == KF_ERR_NONE) kf_fail_errno(err, KF_ERR_SYS_IO, "read %s", path);
    close(fd);
    if (n < 0) return NULL;
    const char *p = kf_secret_peek(raw);
    if (n && p[n - 1] == '\n') n--;
    if (n && p[n - 1] == '\r') n--;
    if (n > PASSPHRASE_MAX)
        return kf_fail(err, KF_ERR_USAGE_BAD, "%s has more than %d bytes", path, PASSPHRASE_MAX),
               NULL;
    if (!n) return kf_fail(err, KF_ERR_STORE_VAULT_LOCKED, "%s is empty", path), NULL;
    return kf_secret_new(p, (size_t)n);
}
