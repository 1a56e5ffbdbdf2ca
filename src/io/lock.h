#pragma once
/* Files that are locks, and the one line that their holder may keep in them. Knows nothing of what
 * the line means. Blocking calls; those that fsync belong on the worker thread. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

/* flock. Never unlinked. try: 1 taken, 0 held by another, -1 err. The fd is close-on-exec. */
int kf_lock_open(const char *path, kf_err *err); /* fd, or -1 */
int kf_lock_try(int fd, kf_err *err);
void kf_lock_drop(int fd); /* unlocks and closes */
typedef struct kf_lock_holder {
    int pid;
    bool is_stopped; /* by a signal or a debugger: it will not give the lock back by itself */
    char name[32];   /* as the process calls itself; "" not known */
} kf_lock_holder;
/* Who holds the flock on fd's file. False: no process that this one can see, so perhaps one on
 * another host or in another container. */
bool kf_lock_holder_find(int fd, kf_lock_holder *out);

/* The line of a lock file: text of at most max bytes with its line end; without one, all there is.
 * Only the first line counts, because a longer one that was overwritten may have left its tail.
 * Caller frees; NULL: err. */
char *kf_lock_line(int fd, size_t max, kf_err *err);
/* The same without the lock, so the holder may be writing it. The file is checked like a secret of
 * ours. Absent is "". changed_at: unix seconds, or NULL. */
char *kf_lock_line_peek(const char *path, size_t max, int64_t *changed_at, kf_err *err);
/* Writes it in place, because the file is the lock, and flushes it. */
KF_CHECK bool kf_lock_line_write(int fd, const char *line, kf_err *err);
