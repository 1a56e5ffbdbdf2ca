#pragma once
/* The one worker thread: key derivation and fsync, in order. Nothing else runs
 * off the loop. work() touches only its arg; done() runs on the loop afterwards. */
#include "loop/loop.h"

typedef struct kf_worker kf_worker;

kf_worker *kf_worker_new(kf_loop *l, kf_err *err);
kf_worker *
kf_worker_free(kf_worker *w); /* finishes what is queued, then runs the done()s; returns NULL */
void kf_worker_run(kf_worker *w, kf_loop_fn work, kf_loop_fn done, void *arg);

KF_AUTO_DEFINE(kf_worker);
