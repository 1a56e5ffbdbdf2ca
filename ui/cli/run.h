#pragma once
/* Another program, asked for its first words: started without a shell and without this shell's
 * secrets, in a group of its own, and killed when it does not end. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* argv[0] is looked for in PATH. said: what it printed (stdout and, with errors, stderr), cut at
 * size; ends without a newline. status: as a shell sees it; -1: it did not end within limit_ms and
 * was killed. False: it could not be started. */
bool kf_run_ask(char *const argv[], bool errors, int64_t limit_ms, char *said, size_t size,
                int *status);
