#pragma once
/* The inside of kf_sandbox, for the files that answer requests. lock is held
 * whenever one of them runs. */
#include <pthread.h>
#include "sandbox/answer.h"
#include "sandbox/hosted.h"
#include "sandbox/invitations.h"
#include "sandbox/limits.h"
#include "sandbox/mail.h"
#include "sandbox/sandbox.h"

struct kf_sandbox {
    pthread_mutex_t lock;
    char *base_url;
    int64_t token_life_s;
    bool keep_answers; /* there is a replay window */
    kf_users *users;
    kf_sessions *sessions;
    kf_keys *keys;
    kf_faults *faults; /* NULL: none */
    kf_mails *mails;
    kf_limits *limits;
    kf_hosted *hosted;
    kf_invitations *invitations;
    int64_t last_request_ms;
    kf_json *requests, *grants; /* counters by name */
    int64_t replayed, reused;
};

/* What an endpoint gets. */
typedef struct kf_call {
    const kf_web_req *req;
    const char *id;      /* what stood for {id} in the path, or NULL */
    const kf_json *body; /* only for those that ask for one */
    bool no_rotation;    /* a refresh leaves its token as it is */
} kf_call;
