#pragma once
/* One copy clears the clipboard: the newest. An older one that held the same value would clear it
 * before its time. Copies of a person on one display find each other by an abstract UNIX socket; a
 * socket of another user is left alone. */
#include <stdbool.h>
#include <stdint.h>

/* Ends the copies that wait on display, and takes their place. A descriptor for kf_clip_wait, or -1
 * where that is not possible: then each copy clears for itself. */
int kf_clip_newest(const char *display);
/* True: after_ms are over, and time that the computer was asleep counts. False: there is a newer
 * copy. */
bool kf_clip_wait(int fd, int64_t after_ms);
