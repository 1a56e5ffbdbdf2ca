/* A library to preload into keyfobd. It moves the clocks that keyfobd reads. KF_CLOCK names a file
 * with two int64 in nanoseconds: the offset of the wall clock and the offset of CLOCK_BOOTTIME.
 * The file is read at every call, so clocks can jump while the agent runs. Never part of keyfob. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { NS = 1000000000 };

/* Declared again: glibc's own declarations have attributes that these definitions lack. */
int clock_gettime(clockid_t clock, struct timespec *t);
time_t time(time_t *out);
int timerfd_settime(int fd, int flags, const struct itimerspec *t, struct itimerspec *old);

static int64_t clock_offset(clockid_t clock) {
    int64_t both[2] = {0, 0};
    const char *path = getenv("KF_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return 0;
    ssize_t n = read(fd, both, sizeof both);
    close(fd);
    if (n != (ssize_t)sizeof both) return 0;
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) return both[0];
    return clock == CLOCK_BOOTTIME ? both[1] : 0;
}

static void add_time(struct timespec *t, int64_t ns) {
    int64_t sum = t->tv_nsec + ns % NS;
    t->tv_sec += ns / NS + (sum < 0 ? -1 : sum / NS);
    t->tv_nsec = sum < 0 ? sum + NS : sum % NS;
}

int clock_gettime(clockid_t clock, struct timespec *t) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int rc = real(clock, t);
    if (rc == 0) add_time(t, clock_offset(clock));
    return rc;
}

time_t time(time_t *out) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    if (out) *out = t.tv_sec;
    return t.tv_sec;
}

/* The agent computes absolute times from the moved clock. The kernel's clock has not moved, so the
 * offset is subtracted again. Wall-clock timers are left alone: they only report clock changes. */
int timerfd_settime(int fd, int flags, const struct itimerspec *t, struct itimerspec *old) {
    static int (*real)(int, int, const struct itimerspec *, struct itimerspec *);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "timerfd_settime");
    struct itimerspec moved = *t;
    if (flags == TFD_TIMER_ABSTIME && (t->it_value.tv_sec || t->it_value.tv_nsec)) {
        add_time(&moved.it_value, -clock_offset(CLOCK_BOOTTIME));
        if (moved.it_value.tv_sec < 0) moved.it_value = (struct timespec){0, 1};
    }
    return real(fd, flags, &moved, old);
}
