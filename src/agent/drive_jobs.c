/* The jobs of a flow: any number side by side, each with an id. */
#include "agent/drive_impl.h"

#include "agent/ask.h"
#include "auth/workos.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

enum { CLEANUP_MS = 8000, CLEANUP_AGAIN_MS = 500, WAIT_MAX_MS = 60 * 60 * 1000, LATE_MAX = 8 };

struct kf_drive_job {
    struct kf_drive_job *next;
    kf_sign_in *s;
    kf_job what; /* its strings live until it is reported */
    uint32_t http;
    int64_t sent_boot_ms, sent_unix_ms; /* when the request was sent, by both clocks */
    kf_loop_id timer;
    kf_loopback *listener;
    kf_err err; /* why there is no listener */
    bool cleanup, again;
    bool handed; /* LISTEN: reported; the listener stays to tell the browser how it ended */
};

typedef struct kf_late {
    struct kf_late *next;
    kf_drive *d;
    kf_loopback *b;
    kf_loop_id timer;
} kf_late;

static void unlink_job(kf_drive_job *j) {
    kf_drive_job **p = &j->s->jobs;
    while (*p != j) p = &(*p)->next;
    *p = j->next;
}

static void drop(kf_drive_job *j) {
    kf_agent *a = j->s->a;
    unlink_job(j);
    kf_loop_cancel(a->loop, j->timer);
    if (j->http) kf_http_cancel(a->http, j->http);
    kf_loopback_free(j->listener);
    free(j);
}

void kf_drive_jobs_drop(kf_sign_in *s) {
    while (s->jobs) drop(s->jobs);
}

bool kf_drive_jobs_asking(const kf_sign_in *s) {
    const kf_drive_job *j = s->jobs;
    while (j && j->what.kind != KF_JOB_REQUEST) j = j->next;
    return j != NULL;
}

static void moment(kf_moment *m, int64_t date) {
    int64_t unix_ms = kf_unix_ms();
    *m = (kf_moment){.unix_s = unix_ms / 1000, .ms = unix_ms % 1000, .date = date};
    m->boot_ms = kf_boot_ms();
    if (!kf_boot_id(m->boot_id, NULL)) m->boot_id[0] = 0;
}

/* --- requests ------------------------------------------------------------------------------------
 */

static void send(kf_drive_job *j);

static void send_again(void *user) {
    kf_drive_job *j = user;
    j->timer = 0;
    send(j);
}

static bool try_again(kf_drive_job *j, const kf_http_resp *resp, const kf_err *err) {
    kf_err why;
    if (!j->cleanup || (!err && resp->status / 100 == 3)) return false; /* a logout redirects */
    if (kf_ask_ok(resp, err, &why) || !(err || kf_workos_is_not_now(why.code))) return false;
    if (j->again) {
        kf_log(KF_LOG_WARN, "sign-in: clean-up %s %s failed: %s", j->what.method, j->what.path,
               why.what);
        return false;
    }
    j->again = true;
    j->timer = kf_loop_after(j->s->a->loop, CLEANUP_AGAIN_MS, send_again, j);
    return true;
}

/* Runs only while the sign-in lives: its end cancels the request. */
static void answered(void *user, kf_http_resp *resp, const kf_err *err) {
    kf_drive_job *j = user;
    kf_sign_in *s = j->s;
    kf_moment now;
    j->http = 0;
    if (try_again(j, resp, err)) return;
    uint32_t id = j->what.id;
    int64_t sent_boot = j->sent_boot_ms, sent_unix = j->sent_unix_ms;
    drop(j);
    moment(&now, resp->date);
    now.waited_ms = kf_moment_waited(&now, sent_boot, sent_unix);
    kf_flow_job_done(s->flow, id, resp->status, resp->body, resp->retry_after, resp->request_id,
                     err, &now);
    kf_drive_pump(s);
}

static void send(kf_drive_job *j) {
    kf_http_req q = {.method = j->what.method,
                     .origin = j->s->settings.api_host,
                     .path = j->what.path,
                     .body = j->what.body,
                     .bearer = j->what.key ? j->s->api_key : NULL,
                     .single_use = true,
                     .timeout_ms = j->cleanup ? CLEANUP_MS : 0};
    j->sent_boot_ms = kf_boot_ms();
    j->sent_unix_ms = kf_unix_ms();
    j->http = kf_http_send(j->s->a->http, &q, answered, j);
}

/* --- waits and listeners -------------------------------------------------------------------------
 */

static void report(kf_sign_in *s, uint32_t id, int status, const kf_secret *body,
                   const kf_err *err) {
    kf_moment now;
    moment(&now, 0);
    kf_flow_job_done(s->flow, id, status, body, -1, NULL, err, &now);
    kf_drive_pump(s);
}

static void waited(void *user) {
    kf_drive_job *j = user;
    kf_sign_in *s = j->s;
    uint32_t id = j->what.id;
    j->timer = 0;
    drop(j);
    report(s, id, 200, NULL, NULL);
}

static void wait(kf_drive_job *j) {
    int64_t ms = j->what.at_ms - kf_boot_ms();
    j->timer = kf_loop_after(j->s->a->loop,
                             ms < 0             ? 0
                             : ms > WAIT_MAX_MS ? WAIT_MAX_MS
                                                : ms,
                             waited, j);
}

static void redirected(void *user, const kf_secret *query) {
    kf_drive_job *j = user;
    j->handed = true;
    report(j->s, j->what.id, 200, query, NULL);
}

static void deaf(void *user) {
    kf_drive_job *j = user;
    kf_sign_in *s = j->s;
    kf_err err = j->err;
    uint32_t id = j->what.id;
    j->timer = 0;
    drop(j);
    report(s, id, 0, NULL, &err);
}

static void listening(void *user) {
    kf_drive_job *j = user;
    kf_sign_in *s = j->s;
    j->timer = 0;
    kf_flow_listening(s->flow, j->what.id, kf_loopback_port(j->listener));
    kf_drive_pump(s);
}

static void late_free(kf_late *l) {
    kf_late **p = &l->d->late;
    while (*p != l) p = &(*p)->next;
    *p = l->next;
    kf_loop_cancel(l->d->a->loop, l->timer);
    kf_loopback_free(l->b);
    free(l);
}

/* Makes room: an earlier listener of this sign-in, or one that only lingers on the port. */
static void clear_port(kf_drive_job *mine) {
    kf_sign_in *s = mine->s;
    for (kf_drive_job *j = s->jobs, *next; j; j = next) {
        next = j->next;
        if (j != mine && j->what.kind == KF_JOB_LISTEN) drop(j);
    }
    for (kf_late *l = s->a->drive->late, *next; l; l = next) {
        next = l->next;
        if (kf_loopback_port(l->b) == mine->what.port) late_free(l);
    }
}

/* What becomes of it is told in a turn of its own, because the flow is being asked for jobs right
 * now. */
static void listen(kf_drive_job *j) {
    kf_loop *loop = j->s->a->loop;
    clear_port(j);
    j->listener = kf_loopback_new(loop, j->what.port, j->what.state, redirected, j, &j->err);
    j->timer = kf_loop_after(loop, 0, j->listener ? listening : deaf, j);
}

/* --- all of them ---------------------------------------------------------------------------------
 */

void kf_drive_jobs_start(kf_sign_in *s) {
    kf_job what;
    while (kf_flow_next_job(s->flow, &what)) {
        kf_drive_job *j = kf_new(kf_drive_job);
        *j = (kf_drive_job){.next = s->jobs, .s = s, .what = what, .cleanup = s->over};
        s->jobs = j;
        switch (what.kind) {
        case KF_JOB_REQUEST: send(j); break;
        case KF_JOB_WAIT_UNTIL: wait(j); break;
        case KF_JOB_LISTEN: listen(j); break;
        }
    }
}

void kf_drive_jobs_tell(kf_sign_in *s, kf_loopback_end end, const char *detail) {
    for (kf_drive_job *j = s->jobs; j; j = j->next)
        if (j->handed && kf_loopback_waits(j->listener))
            kf_loopback_finish(j->listener, end, detail);
}

static void late_over(void *user) {
    kf_late *l = user;
    l->timer = 0;
    late_free(l);
}

static void linger(kf_drive *d, kf_loopback *b) {
    size_t n = 0;
    kf_late *l, *oldest = NULL;
    for (l = d->late; l; l = l->next, n++) oldest = l;
    if (n >= LATE_MAX) late_free(oldest);
    l = calloc(1, sizeof *l);
    if (!l) abort();
    *l = (kf_late){.next = d->late, .d = d, .b = b};
    l->timer = kf_loop_after(d->a->loop, KF_LOOPBACK_LINGER_MS, late_over, l);
    d->late = l;
}

void kf_drive_jobs_rest(kf_sign_in *s, kf_loopback_end end, const char *detail) {
    for (kf_drive_job *j = s->jobs, *next; j; j = next) {
        next = j->next;
        if (j->what.kind == KF_JOB_REQUEST) continue;
        if (j->listener) {
            kf_loopback_finish(j->listener, end, detail);
            linger(s->a->drive, KF_TAKE(j->listener));
        }
        drop(j);
    }
}

void kf_drive_late_drop(kf_drive *d) {
    while (d->late) late_free(d->late);
}
