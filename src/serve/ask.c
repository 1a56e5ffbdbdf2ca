/* One GetToken call of keyfob-serve: connects to the agent, asks and waits on the loop, at most
 * a minute. It keeps no token. */
#include "serve/ask.h"

#include <poll.h>
#include "base/mem.h"
#include "base/str.h"
#include "wire/client.h"

enum { DEADLINE_MS = 60000 };

struct kf_ask {
    kf_loop *loop;
    kf_client *client;
    kf_loop_id io, timer;
    char *profile;
    int64_t min_valid_ms;
    kf_err err; /* given on the next turn */
    kf_ask_done done;
    void *user;
};

static void stop(kf_ask *a) {
    kf_loop_cancel(a->loop, a->io);
    kf_loop_cancel(a->loop, a->timer);
    a->io = a->timer = 0;
    a->client = kf_client_close(a->client);
}

static void failed(void *user) {
    kf_ask *a = user;
    a->timer = 0;
    stop(a);
    a->done(a->user, NULL, &a->err);
}

static void over(void *user) {
    kf_ask *a = user;
    kf_fail(&a->err, KF_ERR_NET_TIMEOUT, "the agent gave no token within %d s", DEADLINE_MS / 1000);
    failed(a);
}

static void ready(int fd, short revents, void *user) {
    kf_ask *a = user;
    kf_json *answer = NULL;
    bool more = false;
    int rc = kf_client_next(a->client, 0, -1, &answer, &more, &a->err);
    if (rc == 0 && kf_client_fd(a->client) != fd) { /* the agent died: the call went to a new one */
        kf_loop_cancel(a->loop, a->io);
        a->io = kf_loop_fd(a->loop, kf_client_fd(a->client), POLLIN, ready, a);
    }
    if (rc == 0) return;
    if (rc < 0) {
        failed(a);
        return;
    }
    KF_AUTO(kf_json) owned = answer;
    stop(a);
    a->done(a->user, owned, NULL);
}

static void begin(kf_ask *a) {
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "profile", a->profile);
    if (a->min_valid_ms >= 0) kf_json_set_int(p, "min_valid_ms", a->min_valid_ms);
    a->client = kf_client_open(0, &a->err);
    if (!a->client) kf_json_free(p);
    else if (kf_client_start(a->client, "GetToken", p, &a->err)) {
        a->io = kf_loop_fd(a->loop, kf_client_fd(a->client), POLLIN, ready, a);
        a->timer = kf_loop_after(a->loop, DEADLINE_MS, over, a);
        return;
    }
    a->timer = kf_loop_after(a->loop, 0, failed, a);
}

kf_ask *kf_ask_token(kf_loop *l, const char *profile, int64_t min_valid_ms, kf_ask_done done,
                     void *user) {
    kf_ask *a = kf_new(kf_ask);
    *a = (kf_ask){.loop = l,
                  .profile = kf_strdup(profile),
                  .min_valid_ms = min_valid_ms,
                  .done = done,
                  .user = user};
    begin(a);
    return a;
}

kf_ask *kf_ask_free(kf_ask *a) {
    if (!a) return NULL;
    stop(a);
    free(a->profile);
    free(a);
    return NULL;
}
