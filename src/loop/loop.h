#pragma once
/* The agent's event loop: GMainContext wrapped once. Timers count CLOCK_BOOTTIME
 * (they fire after a suspend as if the machine had been awake; GLib's own stop).
 * Handles are ids: cancelling a dead one is harmless. One thread, but for
 * kf_loop_post(). */
#include <stdbool.h>
#include <stdint.h>
#include "base/cleanup.h"
#include "base/err.h"

typedef struct kf_loop kf_loop;
typedef uint32_t kf_loop_id; /* 0 = none */
typedef void (*kf_loop_fn)(void *user);
typedef void (*kf_loop_fd_fn)(int fd, short revents, void *user); /* poll(2) events */

kf_loop *kf_loop_new(kf_err *err);
kf_loop *kf_loop_free(kf_loop *l); /* logs an error for everything still registered; returns NULL */
void kf_loop_run(kf_loop *l);      /* until kf_loop_quit */
void kf_loop_quit(kf_loop *l);
bool kf_loop_step(kf_loop *l, bool block); /* one iteration, for tests; true if something ran */

kf_loop_id kf_loop_after(kf_loop *l, int64_t ms, kf_loop_fn fn,
                         void *user); /* once; ms <= 0: soon, not at once */
kf_loop_id kf_loop_fd(kf_loop *l, int fd, short events, kf_loop_fd_fn fn,
                      void *user); /* does not own fd */
void kf_loop_fd_events(kf_loop *l, kf_loop_id id, short events);
kf_loop_id kf_loop_signal(kf_loop *l, int signo, kf_loop_fn fn, void *user);
void kf_loop_cancel(kf_loop *l, kf_loop_id id);
/* fn runs when the wall clock was set (TFD_TIMER_CANCEL_ON_SET) or the machine woke up. */
kf_loop_id kf_loop_clock_jump(kf_loop *l, kf_loop_fn fn, void *user);
void kf_loop_post(kf_loop *l, kf_loop_fn fn, void *user); /* from any thread: fn runs on the loop */

int64_t kf_boot_ms(void); /* CLOCK_BOOTTIME */
int64_t kf_unix_s(void);  /* CLOCK_REALTIME */
int64_t kf_unix_ms(void);
bool kf_boot_id(char out[37], kf_err *err); /* /proc/sys/kernel/random/boot_id */

KF_AUTO_DEFINE(kf_loop);
