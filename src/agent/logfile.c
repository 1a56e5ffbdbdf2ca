/* The agent's log sink: writes lines to keyfobd.log, and keeps one older file after 1 MiB. A
 * line that cannot be written is lost and stops nothing. */
#include "agent/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/str.h"
#include "crypt/hash.h"
#include "guard/path.h"
#include "loop/loop.h"

enum { LOG_MAX = 1 << 20 };

/* Part of the one global, the log sink: it lives as long as the process. */
static struct {
    int fd;
    off_t size;
    char *path;
} file = {.fd = -1};

static bool reopen(kf_err *err) {
    if (file.fd >= 0) close(file.fd);
    file.fd = open(file.path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file.fd < 0) return kf_fail_errno(err, KF_ERR_SYS_IO, "open %s", file.path);
    if (!kf_path_check_fd(file.fd, file.path, KF_PATH_FILE, err)) {
        close(file.fd);
        file.fd = -1;
        return false;
    }
    struct stat st;
    file.size = fstat(file.fd, &st) ? 0 : st.st_size;
    return true;
}

static void sink(kf_log_level level, const char *line, void *user) {
    static const char *const name[] = {"error", "warn", "info", "debug"};
    if (file.fd < 0) return;
    if (file.size > LOG_MAX) {
        KF_AUTO_CHARS old = kf_strfmt("%s.1", file.path);
        rename(file.path, old);
        if (!reopen(NULL)) return;
    }
    char when[21];
    int64_t ms = kf_unix_ms();
    kf_rfc3339(ms / 1000, when);
    when[19] = 0;
    KF_AUTO_CHARS text = kf_strfmt("%s.%03dZ %-5s %s\n", when, (int)(ms % 1000), name[level], line);
    ssize_t n = write(file.fd, text, strlen(text)); /* a full disk costs the line, nothing else */
    if (n > 0) file.size += n;
}

bool kf_logfile_open(const char *path, kf_log_level level, kf_err *err) {
    file.path = kf_strdup(path);
    uint8_t key[16];
    kf_random(key, sizeof key);
    kf_log_setup(level, sink, NULL, key);
    kf_err why = {0};
    if (reopen(&why)) return true;
    /* a read-only or full disk costs the log, nothing else; a file of another user, or a link, is
     * something that a person should look at */
    if (why.code != KF_ERR_SYS_OWNER && errno != ELOOP) return true;
    if (err) *err = why;
    return false;
}
