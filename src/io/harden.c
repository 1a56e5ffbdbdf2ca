/* The hardening of the agent's process: no dump, no new privileges, and freed memory
 * overwritten. */
#include "io/harden.h"

#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/str.h"

void kf_harden(void) {
#ifndef KF_DEBUGGABLE
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    mallopt(M_PERTURB, 0xa5); /* GLib, OpenSSL and nghttp2 free without wiping */
    signal(SIGPIPE, SIG_IGN);
    umask(077);
    unsetenv("SSLKEYLOGFILE"); /* libcurl would write the keys of its TLS sessions there */
}

void kf_harden_malloc(char **argv) {
    static const char want[] = "glibc.malloc.perturb=165:glibc.malloc.tcache_count=0";
    const char *have = getenv("GLIBC_TUNABLES");
    if ((have && strstr(have, want)) || getauxval(AT_SECURE)) return;
    KF_AUTO_CHARS both = have && *have ? kf_strfmt("%s:%s", have, want) : kf_strdup(want);
    KF_AUTO_CHARS program = realpath("/proc/self/exe", NULL); /* its own name: ps shows it */
    if (program && setenv("GLIBC_TUNABLES", both, 1) == 0) execv(program, argv);
}
