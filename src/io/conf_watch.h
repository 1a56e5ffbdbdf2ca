#pragma once
/* Tells when keyfob.conf changed, by any program: inotify on its directory, and on that of the file
 * a link leads to. Some file systems tell nothing, so code that needs the settings still looks
 * (kf_conf_changed_on_disk). */
#include "loop/loop.h"

typedef struct kf_conf_watch kf_conf_watch;

/* NULL: not possible now (no directory yet). fn runs on the loop, once for a burst of changes. */
kf_conf_watch *kf_conf_watch_new(kf_loop *l, const char *path, kf_loop_fn fn, void *user);
/* A program has written into the file in place and has not closed it yet, as far as inotify tells.
 * NULL: false. */
bool kf_conf_watch_writing(kf_conf_watch *w);
bool kf_conf_watch_lost(
    const kf_conf_watch *w); /* the directory went away or was replaced: make a new one */
kf_conf_watch *kf_conf_watch_free(kf_conf_watch *w); /* returns NULL */
