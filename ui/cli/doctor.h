#pragma once
/* The checks of `keyfob doctor`: those made here, without an agent, and the list they go into. */
#include "ui/cli/cli.h"

typedef struct kf_checks {
    kf_json *list; /* Check of the interface */
    bool failed;
} kf_checks;

/* result: "ok", "warn", "fail". todo may be NULL. */
void kf_check_add(kf_checks *k, const char *id, const char *result, const char *todo,
                  const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void kf_checks_of_places(
    kf_checks *k); /* directories, keyfob.conf, locks: owners and modes, the bad one by name */
void kf_checks_of_surroundings(kf_checks *k); /* environment, browser, clipboard, limits */
void kf_checks_of_programs(kf_checks *k); /* each of ours is there, starts and is of this version */
