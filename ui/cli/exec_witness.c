/* A process that only collects the signals of its group; see exec_witness.h. It holds no
 * descriptor, and ends with the process that started it. */
#include "ui/cli/exec_witness.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/str.h"
#include "guard/process.h"

/* In the child, whose signals are blocked already: what arrives stays pending. */
static void collect(pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    kf_process_close_from(0, -1);
    if (getppid() != parent) _exit(0);
    for (;;) pause();
}

void kf_witness_start(kf_witness *w) {
    pid_t self = getpid();
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0) collect(self);
    sigprocmask(SIG_SETMASK, &before, NULL);
    w->pid = pid > 0 ? pid : 0;
}

/* ShdPnd of proc(5): pending for the process as a whole, as hexadecimal bits from signal 1 on. */
static unsigned long long pending_of(pid_t pid) {
    KF_AUTO_CHARS path = kf_strfmt("/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "re");
    char line[256];
    unsigned long long bits = 0;
    while (f && fgets(line, sizeof line, f))
        if (kf_str_starts(line, "ShdPnd:")) bits = strtoull(line + strlen("ShdPnd:"), NULL, 16);
    if (f) fclose(f);
    return bits;
}

bool kf_witness_saw(kf_witness *w, int sig) {
    if (!w->pid || !(pending_of(w->pid) >> (sig - 1) & 1)) return false;
    kf_witness_end(w); /* only its end takes the signal away */
    kf_witness_start(w);
    return true;
}

void kf_witness_end(kf_witness *w) {
    if (!w->pid) return;
    kill(w->pid, SIGKILL);
    while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    w->pid = 0;
}
