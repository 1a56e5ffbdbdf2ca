#include "guard/process.h"

#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* What to give back: of the process, like the limit itself. */
static struct {
    struct rlimit core;
    bool known;
} before;

void kf_process_close(void) {
#ifndef __SANITIZE_ADDRESS__ /* the leak check attaches to its own process */
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
    before.known = !getrlimit(RLIMIT_CORE, &before.core);
    /* the hard limit stays, because only root could raise it again */
    if (before.known) setrlimit(RLIMIT_CORE, &(struct rlimit){0, before.core.rlim_max});
}

void kf_process_reopen(void) {
    if (before.known) setrlimit(RLIMIT_CORE, &before.core);
}
