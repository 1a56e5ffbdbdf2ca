/* Calls of the screen, each on a thread of its own, with their answers in a pipe. The threads
 * never touch the model or the screens. */
#include "ui/tui/kernel/link.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/str.h"
#include "ui/common/clip.h"
#include "ui/common/outfile.h"
#include "wire/client.h"

enum { CALL_MS = 60000, MAX_LINKS = 24, STACK = 256 * 1024 };

typedef struct job {
    uint32_t call;
    char method[24];
    kf_json *params;
    bool stream;
    int cancel; /* eventfd: readable means stop */
    int out;    /* the pipe */
} job;

typedef struct slot {
    uint32_t call;
    int cancel;
} slot; /* call 0: free */

struct kf_links {
    int pipe[2];
    slot slot[MAX_LINKS];
};

kf_links *kf_links_new(kf_err *err) {
    kf_links *l = kf_new(kf_links);
    if (pipe2(l->pipe, O_CLOEXEC)) {
        kf_fail_errno(err, KF_ERR_SYS_IO, "pipe");
        free(l);
        return NULL;
    }
    fcntl(l->pipe[0], F_SETFL, O_NONBLOCK);
    return l;
}

int kf_links_fd(const kf_links *l) { return l->pipe[0]; }

/* A pointer through a pipe: writes of this size are whole. The reader owns what it points to. */
static void post(const job *j, kf_json *hello, kf_json *result, bool ended, const kf_err *err) {
    kf_link_event *e = kf_new(kf_link_event);
    *e = (kf_link_event){.call = j->call, .hello = hello, .result = result, .ended = ended};
    if (err) e->err = *err;
    while (write(j->out, &e, sizeof e) < 0 && errno == EINTR) {
    }
}

static bool cancelled(const job *j) {
    uint64_t v;
    return read(j->cancel, &v, sizeof v) == (ssize_t)sizeof v;
}

static void run_stream(const job *j, kf_client *c, kf_json *params) {
    kf_err err = {0};
    bool more = true, first = true;
    if (!kf_client_start(c, j->method, params, &err)) {
        post(j, NULL, NULL, true, &err);
        return;
    }
    while (more) {
        kf_json *result = NULL;
        int rc = kf_client_next(c, -1, j->cancel, &result, &more, &err);
        if (rc == 0 && cancelled(j)) return;
        if (rc == 0) continue;
        if (rc < 0) {
            post(j, NULL, NULL, true, &err);
            return;
        }
        post(j, first && kf_client_hello(c) ? kf_json_copy(kf_client_hello(c)) : NULL, result,
             !more, NULL);
        first = false;
    }
}

/* --- what needs no agent, but may take its time -------------------------------------------- */

static kf_json *copy(const kf_json *params, const kf_secret *text, kf_err *err) {
    kf_clip_result r;
    int64_t after = kf_json_int_or(params, "clear_after_ms", 0);
    if (!kf_clip_copy(text, after, &r, err)) return NULL;
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "what", kf_json_str(params, "what"));
    kf_json_set_str(j, "way", r.way);
    kf_json_set_bool(j, "sent", r.is_sent);
    kf_json_set_int(j, "clear_after_ms", after);
    return j;
}

static kf_json *write_file(const kf_json *params, const kf_secret *text, kf_err *err) {
    const char *path = kf_json_str_or(params, "path", "");
    KF_AUTO_CHARS home = kf_home_dir(NULL);
    KF_AUTO_CHARS whole =
        kf_str_starts(path, "~/") && home ? kf_strfmt("%s%s", home, path + 1) : kf_strdup(path);
    if (!kf_outfile_write(whole, kf_secret_peek(text), kf_secret_len(text),
                          kf_json_bool(params, "replace", false), err))
        return NULL;
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "path", path);
    return j;
}

static void run_local(const job *j) {
    kf_err err = {0};
    const char *t = kf_json_str_or(j->params, "text", "");
    size_t n = strlen(t);
    bool is_copy = !strcmp(j->method, "local.Copy");
    if (is_copy && n && t[n - 1] == '\n') n--; /* pasted into a command line it would run it */
    KF_AUTO(kf_secret) text = kf_secret_new(t, n);
    kf_json *result = is_copy ? copy(j->params, text, &err) : write_file(j->params, text, &err);
    post(j, NULL, result, true, &err);
}

static void run_call(job *j) {
    kf_err err = {0};
    kf_client *c = kf_client_open(0, &err);
    if (!c) post(j, NULL, NULL, true, &err);
    else if (cancelled(j)) {
    } else if (j->stream) run_stream(j, c, KF_TAKE(j->params));
    else {
        kf_json *result = kf_client_call(c, j->method, KF_TAKE(j->params), CALL_MS, &err);
        post(j, NULL, result, true, &err);
    }
    kf_client_close(c);
}

static void *run(void *arg) {
    job *j = arg;
    if (kf_str_starts(j->method, "local.")) run_local(j);
    else run_call(j);
    kf_json_free(j->params);
    close(j->cancel);
    close(j->out);
    free(j);
    return NULL;
}

static void fail_now(kf_links *l, uint32_t call, const char *what) {
    job j = {.call = call, .out = l->pipe[1]};
    kf_err err;
    kf_fail(&err, KF_ERR_WIRE_BUSY, "%s", what);
    post(&j, NULL, NULL, true, &err);
}

void kf_links_start(kf_links *l, uint32_t call, const char *method, kf_json *params, bool stream) {
    slot *s = NULL;
    for (int i = 0; i < MAX_LINKS && !s; i++)
        if (!l->slot[i].call) s = &l->slot[i];
    job *j = kf_new(job);
    *j = (job){.call = call,
               .params = params,
               .stream = stream,
               .cancel = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
               .out = fcntl(l->pipe[1], F_DUPFD_CLOEXEC, 3)};
    snprintf(j->method, sizeof j->method, "%s", method);
    pthread_attr_t attr;
    pthread_t thread;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    int keep = s && j->cancel >= 0 ? fcntl(j->cancel, F_DUPFD_CLOEXEC, 3) : -1;
    if (keep < 0 || j->out < 0 || pthread_create(&thread, &attr, run, j)) {
        if (keep >= 0) close(keep);
        if (j->cancel >= 0) close(j->cancel);
        if (j->out >= 0) close(j->out);
        kf_json_free(j->params);
        free(j);
        fail_now(l, call, "too many calls are under way");
    } else *s = (slot){call, keep};
    pthread_attr_destroy(&attr);
}

static void release(slot *s) {
    close(s->cancel);
    *s = (slot){0};
}

void kf_links_stop(kf_links *l, uint32_t call) {
    uint64_t one = 1;
    for (int i = 0; i < MAX_LINKS; i++)
        if (l->slot[i].call == call) {
            while (write(l->slot[i].cancel, &one, sizeof one) < 0 && errno == EINTR) {
            }
            release(&l->slot[i]);
        }
}

bool kf_links_take(kf_links *l, kf_link_event *out) {
    kf_link_event *e;
    if (read(l->pipe[0], &e, sizeof e) != (ssize_t)sizeof e) return false;
    *out = *e;
    free(e);
    if (out->ended)
        for (int i = 0; i < MAX_LINKS; i++)
            if (l->slot[i].call == out->call) release(&l->slot[i]);
    return true;
}
