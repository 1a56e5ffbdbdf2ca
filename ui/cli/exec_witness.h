#pragma once
/* Tells a signal to the whole process group from one to this process alone. A group's signal has
 * reached the command already, and a second SIGTERM or SIGINT means "at once" to many programs
 * (terraform, docker compose). The kernel does not say which it was, so a process of ours that
 * blocks every signal and does nothing is in the group: what is pending there went to all. */
#include <stdbool.h>
#include <sys/types.h>

typedef struct kf_witness {
    pid_t pid; /* 0: none could be started, and nothing was ever seen */
} kf_witness;

void kf_witness_start(kf_witness *w);
/* The group got sig since the start, or since this was last asked. */
bool kf_witness_saw(kf_witness *w, int sig);
void kf_witness_end(kf_witness *w);
