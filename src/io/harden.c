#include "io/harden.h"

#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

void kf_harden(void) {
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    mallopt(M_PERTURB, 0xa5); /* GLib, OpenSSL and nghttp2 free without wiping */
    signal(SIGPIPE, SIG_IGN);
    umask(077);
}
