#pragma once
/* Calls of the agent that never hold up the screen: each has a thread of its own that may wait in
 * connect, in the agent's start or in an answer; what comes arrives through a pipe that the poll
 * loop watches. An agent that hangs costs a thread, never a key. The threads touch nothing but
 * their own call; all signals are blocked in them. Calls whose name begins with local. are done
 * here: the clipboard and files. */
#include "base/err.h"
#include "base/json.h"

typedef struct kf_links kf_links;

typedef struct kf_link_event {
    uint32_t call;
    kf_json
        *hello; /* the agent's introduction, with the first answer of a stream; NULL else. Owned */
    kf_json *result; /* owned; NULL: err */
    bool ended;
    kf_err err;
} kf_link_event;

kf_links *kf_links_new(kf_err *err);
int kf_links_fd(const kf_links *l); /* POLLIN: kf_links_take() has something */
/* params owned. stream: with more, until it ends or is stopped; else one answer within 60 s. */
void kf_links_start(kf_links *l, uint32_t call, const char *method, kf_json *params, bool stream);
void kf_links_stop(kf_links *l,
                   uint32_t call); /* its connection closes; nothing of it is taken any more */
bool kf_links_take(kf_links *l, kf_link_event *out);
