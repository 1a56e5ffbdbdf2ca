#pragma once
/* Who is the Secret Service here: facts of the session bus, for `keyfob doctor`. Opens the bus;
 * asks for no secret, starts no service, unlocks nothing. Every call ends (3 s). */
#include "loop/loop.h"

typedef struct kf_bus_report {
    bool bus, provider, collection, locked; /* each only when the one before it is */
    char address[200];                      /* of the bus: what is set, "" the default one */
    char error[200];  /* why bus is false, or what was asked and not answered; "" else */
    char program[64]; /* the provider's process: name as the kernel knows it, "" not known */
    int pid;
    char path[128];               /* object path of the default collection */
    unsigned items, locked_items; /* of keyfob, when the collection is open; locked: the provider
                                   * asks a person before it gives one to this connection */
} kf_bus_report;

typedef struct kf_bus kf_bus;
typedef void (*kf_bus_done)(void *user, const kf_bus_report *r);

kf_bus *kf_bus_check(kf_loop *l, kf_bus_done done,
                     void *user); /* never calls done at once; freed behind done */
kf_bus *kf_bus_cancel(kf_bus *b); /* no callback after this; returns NULL */
bool kf_bus_there(void);          /* libsecret would start a bus of its own where there is none */
