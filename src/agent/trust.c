/* The check of a ca_file or SSL_CERT_FILE: owner and mode of the file, its size, and whether it
 * holds a PEM certificate. It never says whether a certificate is to be trusted. */
#include "agent/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "crypt/pem.h"
#include "guard/path.h"

enum { FILE_MAX = 16 << 20 }; /* the bundles of distributions have about 250 KiB */

static const char *content_is_bad(int fd, size_t size) {
    char *all = malloc(size ? size : 1);
    if (!all) abort();
    size_t n = 0;
    for (ssize_t k = 1; n < size && k; n += k > 0 ? (size_t)k : 0)
        if ((k = read(fd, all + n, size - n)) < 0 && errno != EINTR) break;
    const char *why = n < size                       ? "cannot be read"
                      : !kf_pem_certificates(all, n) ? "holds no certificate (PEM)"
                                                     : NULL;
    free(all);
    return why;
}

const char *kf_trust_is_bad(const char *path) {
    struct stat st;
    kf_err e;
    if (!kf_path_check(path, KF_PATH_FILE, &e) && e.code == KF_ERR_SYS_OWNER)
        return "or a directory on the way belongs to another user or can be written by others";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK |
                            O_NOCTTY); /* a pipe must not hold the agent up */
    if (fd < 0) return errno == ENOENT ? "does not exist" : "cannot be read";
    const char *why = fstat(fd, &st)          ? "cannot be read"
                      : S_ISDIR(st.st_mode)   ? "is a directory"
                      : !S_ISREG(st.st_mode)  ? "is not a regular file"
                      : st.st_size > FILE_MAX ? "is larger than 16 MiB"
                                              : content_is_bad(fd, (size_t)st.st_size);
    close(fd);
    return why;
}
