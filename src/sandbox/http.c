/* The sandbox's HTTP server on libmicrohttpd: reads requests, and sends answers late, cut off or
 * never if a fault says so. It knows nothing of WorkOS. */
#include "sandbox/http.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/str.h"
#include "base/form.h"
#include "base/mem.h"

enum {
    MAX_BODY = 256 * 1024,
    MAX_DISCARD = 4 * 1024 * 1024, /* of a body that is too long, before we hang up */
    MAX_HEADERS = 32 * 1024,
    MAX_CONNECTIONS = 512,
    IDLE_S = 30,
    STACK = 512 * 1024
};

struct kf_web {
    struct MHD_Daemon *daemon;
    int fd; /* ours: it outlives a change of the certificate */
    uint16_t port;
    kf_web_handler *handler;
    void *user;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* stopping changed */
    bool stopping;
};

struct kf_web_req {
    struct MHD_Connection *conn;
    const char *method, *path;
    kf_buf body;
    size_t received;
};

typedef struct cut_body {
    char *data;
    size_t len;
} cut_body;

/* ---- requests ---- */

const char *kf_web_method(const kf_web_req *r) { return r->method; }
const char *kf_web_path(const kf_web_req *r) { return r->path; }

const char *kf_web_header(const kf_web_req *r, const char *name) {
    return MHD_lookup_connection_value(r->conn, MHD_HEADER_KIND, name);
}

const char *kf_web_query(const kf_web_req *r, const char *name) {
    return MHD_lookup_connection_value(r->conn, MHD_GET_ARGUMENT_KIND, name);
}

static bool content_type_is(const kf_web_req *r, const char *type) {
    const char *v = kf_web_header(r, "Content-Type");
    size_t n = strlen(type);
    return v && strncasecmp(v, type, n) == 0 && (!v[n] || v[n] == ';' || v[n] == ' ');
}

const char *kf_web_text(const kf_web_req *r, size_t *len) {
    *len = r->body.len;
    return r->body.data ? r->body.data : "";
}

kf_json *kf_web_body(const kf_web_req *r, bool form, kf_err *err) {
    const char *text = r->body.data ? r->body.data : "";
    kf_json *j = NULL;
    if (form && content_type_is(r, "application/x-www-form-urlencoded"))
        j = kf_form_parse(text, r->body.len, err);
    else if (content_type_is(r, "application/json")) j = kf_json_parse(text, r->body.len, err);
    else kf_fail(err, KF_ERR_USAGE_BAD, "Content-Type is not supported");
    if (j && !kf_json_is_obj(j)) {
        kf_fail(err, KF_ERR_USAGE_BAD, "the body is no object");
        j = kf_json_free(j);
    }
    return j;
}

/* ---- answers ---- */

bool kf_web_set_header(kf_web_res *res, const char *name, const char *value) {
    for (const char *p = value; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f) return false;
    size_t i = 0;
    while (i < res->n_header && strcasecmp(res->header[i].name, name) != 0) i++;
    if (i == KF_LEN(res->header)) return false;
    if (i < res->n_header) {
        free(res->header[i].value);
    } else {
        res->header[i].name = kf_strdup(name);
        res->n_header++;
    }
    res->header[i].value = kf_strdup(value);
    return true;
}

void kf_web_set_body(kf_web_res *res, char *heap, size_t len) {
    free(res->body);
    res->body = heap;
    res->body_len = len;
}

static void res_done(kf_web_res *res) {
    free(res->body);
    for (size_t i = 0; i < res->n_header; i++) {
        free(res->header[i].name);
        free(res->header[i].value);
    }
}

/* MHD appends no Date of its own (one rule for the true and the faulty one). */
static void set_date(kf_web_res *res) {
    char text[64];
    struct tm tm;
    time_t now = time(NULL);
    for (size_t i = 0; i < res->n_header; i++)
        if (strcasecmp(res->header[i].name, "Date") == 0) return;
    gmtime_r(&now, &tm);
    if (strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm))
        kf_web_set_header(res, "Date", text);
}

static ssize_t read_cut(void *user, uint64_t pos, char *out, size_t max) {
    cut_body *b = user;
    if (pos >= b->len) return MHD_CONTENT_READER_END_WITH_ERROR; /* closes the connection */
    size_t n = b->len - (size_t)pos;
    if (n > max) n = max;
    memcpy(out, b->data + pos, n);
    return (ssize_t)n;
}

static void free_cut(void *user) {
    cut_body *b = user;
    free(b->data);
    free(b);
}

/* Takes the body out of res. */
static struct MHD_Response *make_response(kf_web_res *res) {
    char *data = KF_TAKE(res->body);
    if (!res->cut || res->cut_at >= res->body_len)
        return MHD_create_response_from_buffer(data ? res->body_len : 0, data ? data : "",
                                               data ? MHD_RESPMEM_MUST_FREE
                                                    : MHD_RESPMEM_PERSISTENT);
    cut_body *b = kf_new(cut_body);
    *b = (cut_body){.data = data, .len = res->cut_at};
    return MHD_create_response_from_callback(res->body_len, 16 * 1024, read_cut, b, free_cut);
}

static enum MHD_Result queue(struct MHD_Connection *conn, kf_web_res *res) {
    struct MHD_Response *r = make_response(res);
    if (!r) return MHD_NO;
    set_date(res);
    for (size_t i = 0; i < res->n_header; i++)
        MHD_add_response_header(r, res->header[i].name, res->header[i].value);
    enum MHD_Result ok = MHD_queue_response(conn, (unsigned int)res->status, r);
    MHD_destroy_response(r);
    return ok;
}

static void wait_ms(kf_web *w, int64_t ms) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&w->lock);
    while (!w->stopping && pthread_cond_timedwait(&w->wake, &w->lock, &until) != ETIMEDOUT) {
    }
    pthread_mutex_unlock(&w->lock);
}

static enum MHD_Result too_long(struct MHD_Connection *conn) {
    static const char text[] = "{\"message\":\"Payload Too Large\"}";
    kf_web_res res = {.status = 413};
    kf_web_set_header(&res, "Content-Type", "application/json");
    kf_web_set_header(&res, "Connection", "close");
    kf_web_set_body(&res, kf_strdup(text), sizeof text - 1);
    enum MHD_Result ok = queue(conn, &res);
    res_done(&res);
    return ok;
}

static enum MHD_Result answer(kf_web *w, kf_web_req *req) {
    if (req->received > MAX_BODY) return too_long(req->conn);
    kf_web_res res = {.status = 200};
    kf_web_set_header(&res, "Content-Type", "application/json");
    w->handler(req, &res, w->user);
    if (res.delay_ms > 0) wait_ms(w, res.delay_ms);
    enum MHD_Result ok = res.hang_up ? MHD_NO : queue(req->conn, &res);
    res_done(&res);
    return ok;
}

/* ---- microhttpd ---- */

static enum MHD_Result on_access(void *user, struct MHD_Connection *conn, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *data_len, void **slot) {
    kf_web_req *req = *slot;
    if (!req) {
        req = calloc(1, sizeof *req);
        if (!req) return MHD_NO;
        *req = (kf_web_req){.conn = conn};
        kf_buf_init(&req->body, MAX_BODY);
        *slot = req;
        return MHD_YES;
    }
    req->method = method;
    req->path = url;
    if (*data_len == 0) return answer(user, req);
    req->received += *data_len;
    if (req->received > MAX_DISCARD) return MHD_NO;
    if (req->received > MAX_BODY) kf_buf_clear(&req->body);
    else if (!kf_buf_add(&req->body, data, *data_len)) return MHD_NO;
    *data_len = 0;
    return MHD_YES;
}

static void on_done(void *user, struct MHD_Connection *conn, void **slot,
                    enum MHD_RequestTerminationCode why) {
    kf_web_req *req = *slot;
    if (!req) return;
    kf_buf_done(&req->body);
    free(req);
    *slot = NULL;
}

static size_t on_unescape(void *user, struct MHD_Connection *conn, char *s) {
    return kf_form_unescape(s);
}

static void on_log(void *user, const char *fmt, va_list args) {
    (void)args; /* MHD's remarks on broken clients help nobody here */
}

static int listen_on(uint16_t port, uint16_t *bound, kf_err *err) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t len = sizeof a;
    int one = 1;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
        bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 512) == 0 &&
        getsockname(fd, (struct sockaddr *)&a, &len) == 0) {
        *bound = ntohs(a.sin_port);
        return fd;
    }
    kf_fail_errno(err, KF_ERR_SYS_IO, "listen on 127.0.0.1:%u", (unsigned)port);
    if (fd >= 0) close(fd);
    return -1;
}

static struct MHD_Daemon *start(kf_web *w, const char *cert, const char *key) {
    unsigned int flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
                         MHD_USE_POLL | MHD_USE_ITC | MHD_USE_SUPPRESS_DATE_NO_CLOCK |
                         MHD_USE_ERROR_LOG | (cert ? (unsigned int)MHD_USE_TLS : 0u);
    /* A copy for each daemon: MHD closes the one it has when it does not start. */
    int fd = fcntl(w->fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0) return NULL; /* MHD would open one of its own, on every interface */
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, cert ? kf_strdup(cert) : NULL},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, key ? kf_strdup(key) : NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    struct MHD_Daemon *d = MHD_start_daemon(
        flags, w->port, NULL, NULL, on_access, w, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL,
        MHD_OPTION_UNESCAPE_CALLBACK, on_unescape, NULL, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned int)MAX_CONNECTIONS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MAX_HEADERS,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)IDLE_S, MHD_OPTION_THREAD_STACK_SIZE,
        (size_t)STACK, MHD_OPTION_ARRAY, cert ? tls : none, MHD_OPTION_END);
    /* MHD reads the PEM texts while it starts and does not need them later. */
    free(tls[0].ptr_value);
    free(tls[1].ptr_value);
    return d;
}

static void stop(kf_web *w) {
    if (!w->daemon) return;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_broadcast(&w->wake);
    pthread_mutex_unlock(&w->lock);
    (void)MHD_quiesce_daemon(
        w->daemon); /* gives the socket back, so that stopping leaves it open */
    MHD_stop_daemon(w->daemon);
    w->daemon = NULL;
    pthread_mutex_lock(&w->lock);
    w->stopping = false;
    pthread_mutex_unlock(&w->lock);
}

kf_web *kf_web_new(const kf_web_opts *o, kf_err *err) {
    kf_web *w = kf_new(kf_web);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&w->lock, NULL);
    w->handler = o->handler;
    w->user = o->user;
    w->fd = listen_on(o->port, &w->port, err);
    return w->fd < 0 ? kf_web_free(w) : w;
}

kf_web *kf_web_free(kf_web *w) {
    if (!w) return NULL;
    stop(w);
    if (w->fd >= 0) close(w->fd);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    free(w);
    return NULL;
}

uint16_t kf_web_port(const kf_web *w) { return w->port; }

bool kf_web_start(kf_web *w, const char *cert_pem, const char *key_pem, kf_err *err) {
    if (cert_pem && MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
        return kf_fail(err, KF_ERR_SYS_BUG, "libmicrohttpd was built without TLS");
    /* Two daemons may share the socket: the new one must work before the old one goes. */
    struct MHD_Daemon *fresh = start(w, cert_pem, key_pem);
    if (!fresh)
        return cert_pem ? kf_fail(err, KF_ERR_USAGE_BAD, "certificate or key is not usable")
                        : kf_fail(err, KF_ERR_SYS_IO, "the HTTP server does not start");
    stop(w);
    w->daemon = fresh;
    return true;
}
