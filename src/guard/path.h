#pragma once
/* Decides whether what is opened by a name can be trusted, as sshd's safe_path() does: nobody but
 * root and this user may be able to change the file, the links to it, or put something else in its
 * place. The one judge for settings, vault, state, runtime directory, passphrase and certificates.
 * It never opens, changes or makes what it judges, apart from kf_path_make_dir. */
#include <stdbool.h>
#include "base/err.h"

typedef enum kf_path_want {
    KF_PATH_FILE,        /* a regular file of this user or root that no other user can write */
    KF_PATH_SECRET,      /* ... nor read */
    KF_PATH_DIR,         /* a directory of this user that no other user can write */
    KF_PATH_PRIVATE_DIR, /* ... nor enter; no link */
    KF_PATH_WAY,         /* a directory on the way: of this user or root; others may write into it
                            only where the sticky bit protects what is there (/tmp) */
} kf_path_want;

/* Walks from the root to path, through every link, and judges each part. On failure errno is why
 * the path cannot be looked at (ENOENT, EACCES, ...), or EPERM with KF_ERR_SYS_OWNER: "Bad owner or
 * permissions on PATH: ...", and the hint says what to do. */
KF_CHECK bool kf_path_check(const char *path, kf_path_want want, kf_err *err);
/* Judges what is open as fd alone. path is for the message. A device, such as /dev/null, passes as
 * KF_PATH_FILE only if it is root's. */
KF_CHECK bool kf_path_check_fd(int fd, const char *path, kf_path_want want, kf_err *err);
/* Makes dir and its parents (0700) where they are missing, then checks it as KF_PATH_DIR. Nothing
 * is made inside a directory of another user: root does not leave its files in somebody's home. */
KF_CHECK bool kf_path_make_dir(const char *dir, kf_err *err);
/* The end of a path that is too long for a message; whole characters. */
const char *kf_path_end(const char *path);
