/* The protection of the process's memory (no dump, no core file), its end before an exec, and
 * closing inherited descriptors. */
#include "guard/process.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What to give back: of the process, like the limit itself. */
static struct {
    struct rlimit core;
    bool known;
} before;

void kf_process_close(void) {
/* the leak check attaches to its own process */
#if !defined __SANITIZE_ADDRESS__ && !defined KF_DEBUGGABLE
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
    before.known = !getrlimit(RLIMIT_CORE, &before.core);
    /* the hard limit stays, because only root could raise it again */
    if (before.known) setrlimit(RLIMIT_CORE, &(struct rlimit){0, before.core.rlim_max});
}

void kf_process_reopen(void) {
    if (before.known) setrlimit(RLIMIT_CORE, &before.core);
}

/* The names in /proc/self/fd by getdents64: opendir() would allocate, which a fork of a program
 * with threads must not. False: there is no /proc. */
static bool close_listed(int low, int keep) {
    _Alignas(8) char buf[2048];
    int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) return false;
    for (bool again = true; again;) { /* closing moves the list: until nothing is left */
        again = false;
        long n;
        if (lseek(dir, 0, SEEK_SET) < 0) break;
        while ((n = syscall(SYS_getdents64, dir, buf, sizeof buf)) > 0)
            for (long at = 0; at < n;) {
                /* struct linux_dirent64: d_ino 8, d_off 8, d_reclen 2, d_type 1, d_name */
                const char *name = buf + at + 19;
                unsigned short len;
                memcpy(&len, buf + at + 16, sizeof len);
                at += len;
                char *end;
                long fd = strtol(name, &end, 10);
                if (*end || end == name || fd < low || fd == keep || fd == dir) continue;
                again = close((int)fd) == 0 || again;
            }
    }
    close(dir);
    return true;
}

void kf_process_close_from(int low, int keep) {
    bool ok = keep < low ? !close_range((unsigned)low, ~0u, 0)
                         : (keep == low || !close_range((unsigned)low, (unsigned)keep - 1, 0)) &&
                               !close_range((unsigned)keep + 1, ~0u, 0);
    if (ok || close_listed(low, keep)) return;
    struct rlimit most;
    int end = getrlimit(RLIMIT_NOFILE, &most) || most.rlim_cur > 65536 ? 65536 : (int)most.rlim_cur;
    for (int fd = low; fd < end; fd++)
        if (fd != keep) close(fd);
}
