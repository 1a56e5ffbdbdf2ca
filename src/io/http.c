/* HTTPS requests with libcurl on the loop: limits, deadlines, proxies, and errors in plain
 * terms. It never retries and never follows a redirect. */
#include "io/http.h"

#include <curl/curl.h>
#include <malloc.h>
#include <poll.h>
#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"
#include "io/certificates.h"

enum {
    BODY_MAX = 256 << 10,
    HEADERS_MAX = 64 << 10,
    CONNECT_MS = 10000,
    TOTAL_MS = 30000,
    /* An answer that has begun is waited for beyond its time while at least so many bytes of it
     * arrive in each span, but not for ever. */
    SPAN_MS = 5000,
    SPAN_BYTES = 250,
    STRETCH = 5 /* times timeout_ms at most */
};

typedef struct request {
    struct request *next;
    kf_http *http;
    uint32_t id;
    CURL *easy;
    struct curl_slist *headers;
    kf_secret *body;
    char *method, *url, *origin, *path;
    kf_buf in, lines;
    kf_loop_id deadline; /* curl's own would fire before it looks into the socket */
    int64_t began, timeout_ms;
    size_t received, seen;              /* bytes of the answer; at the last look */
    bool too_big, keep_headers, headed; /* headed: the headers are complete */
    bool timed_out, late, ended;
    CURLcode rc;      /* when ended */
    kf_err untrusted; /* it was not sent: others can change the certificates */
    kf_http_resp resp;
    char tls_text[CURL_ERROR_SIZE];
    kf_http_done done;
    void *user;
} request;

/* A socket that curl watches. */
typedef struct watched {
    struct watched *next;
    int fd;
    short events;
    kf_loop_id io;
} watched;

struct kf_http {
    kf_loop *loop;
    watched *sockets;
    CURLM *multi;
    kf_loop_id timer;
    request *open;
    uint32_t last;
    char *agent, *proxy, *ca_file;
};

static void wipe_headers(struct curl_slist *l) {
    for (struct curl_slist *i = l; i; i = i->next) kf_wipe(i->data, strlen(i->data));
    curl_slist_free_all(l);
}

static void request_free(request *r) {
    request **p = &r->http->open;
    while (*p && *p != r) p = &(*p)->next;
    if (*p) *p = r->next;
    if (r->http->loop) kf_loop_cancel(r->http->loop, r->deadline);
    if (r->easy) {
        curl_multi_remove_handle(r->http->multi, r->easy);
        curl_easy_cleanup(r->easy);
    }
    wipe_headers(r->headers);
    kf_secret_free(r->body);
    kf_secret_free(r->resp.body);
    kf_buf_done(&r->in);
    kf_buf_done(&r->lines);
    free(r->method);
    free(r->url);
    free(r->origin);
    free(r->path);
    free(r);
}

static size_t on_body(char *p, size_t size, size_t n, void *user) {
    request *r = user;
    r->received += size * n;
    if (!kf_buf_add(&r->in, p, size * n)) {
        r->too_big = true;
        return 0;
    }
    return size * n;
}

static bool header_value(const char *line, size_t n, const char *name, char *out, size_t size) {
    size_t k = strlen(name);
    if (n <= k || strncasecmp(line, name, k) || line[k] != ':') return false;
    size_t i = k + 1, o = 0;
    while (i < n && (line[i] == ' ' || line[i] == '\t')) i++;
    for (; i < n && line[i] != '\r' && line[i] != '\n'; i++)
        if (o + 1 < size) out[o++] = line[i] >= 0x20 && line[i] < 0x7f ? line[i] : '?';
    out[o] = 0;
    return true;
}

/* Header lines of the last answer (a 100 comes before it), without the status line. */
static bool keep_line(request *r, const char *p, size_t len) {
    if (len > 5 && !memcmp(p, "HTTP/", 5)) return kf_buf_clear(&r->lines), true;
    while (len && (p[len - 1] == '\r' || p[len - 1] == '\n')) len--;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)p[i] < 0x20 && p[i] != '\t')
            return true; /* no line that could be taken for two */
    return !len || (kf_buf_add(&r->lines, p, len) && kf_buf_add(&r->lines, "\n", 1));
}

static size_t on_header(char *p, size_t size, size_t n, void *user) {
    request *r = user;
    size_t len = size * n;
    char v[64];
    r->received += len;
    if (r->keep_headers && !keep_line(r, p, len)) {
        r->too_big = true;
        return 0;
    }
    /* the blank line; trailers would come after a body, and JSON has none */
    r->headed = len == 2 && p[0] == '\r';
    if (header_value(p, len, "date", v, sizeof v)) {
        time_t t = curl_getdate(v, NULL);
        r->resp.date = t > 0 ? (int64_t)t : 0;
    } else if (header_value(p, len, "retry-after", v, sizeof v)) {
        char *end;
        long s = strtol(v, &end, 10);
        if (end == v || *end) {
            time_t t = curl_getdate(v, NULL);
            s = t > 0 ? (long)(t - kf_unix_s()) : -1;
            if (t > 0 && s < 0) s = 0;
        }
        r->resp.retry_after = s < 0 ? -1 : s > 3600 ? 3600 : (int32_t)s;
    } else if (header_value(p, len, "content-type", v, sizeof v))
        memcpy(r->resp.content_type, v, sizeof v);
    else if (header_value(p, len, "x-request-id", v, sizeof v))
        memcpy(r->resp.request_id, v, sizeof v);
    return len;
}

static long number_of(const request *r, CURLINFO what) {
    long n = 0;
    curl_easy_getinfo(r->easy, what, &n);
    return n;
}

static const char *host_of(const request *r) {
    const char *p = strstr(r->origin, "://");
    return p ? p + 3 : r->origin;
}

static void explain_timeout(const request *r, const char *host, const char *text, kf_err *err) {
    long long s = (long long)(kf_boot_ms() - r->began) / 1000;
    if (!r->timed_out) kf_fail(err, KF_ERR_NET_TIMEOUT, "no answer from %s: %s", host, text);
    else if (!r->received)
        kf_fail(err, KF_ERR_NET_TIMEOUT, "no answer from %s within %lld s", host, s);
    else
        kf_fail(err, KF_ERR_NET_TIMEOUT, "%s sent only %zu bytes of its answer in %lld s", host,
                r->received, s);
}

/* HOST:PORT of the proxy, as it is set; its user name and password are not for a message. */
static const char *proxy_of(const request *r, bool *has_login) {
    static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
    const char *url = r->http->proxy;
    for (size_t i = 0; i < KF_LEN(names) && (!url || !*url); i++) url = getenv(names[i]);
    if (!url) url = "";
    const char *host = strstr(url, "://"), *at = strrchr(url, '@');
    *has_login = at != NULL;
    return at ? at + 1 : host ? host + 3 : url;
}

/* The proxy's answer to CONNECT when it refused to open the tunnel: nothing reached the server.
 * False: there was no such answer. */
static bool explain_proxy(request *r, const char *host, kf_err *err) {
    bool has_login;
    long said = number_of(r, CURLINFO_HTTP_CONNECTCODE);
    if (!said || said / 100 == 2) return false;
    const char *proxy = proxy_of(r, &has_login);
    int n = (int)strcspn(proxy, "/");
    if (said == 407) {
        kf_fail(err, KF_ERR_NET_PROXY_AUTH, "%.*s", n, proxy);
        if (has_login)
            kf_hint(err, "It did not accept the ones in its URL. Correct them: "
                         "keyfob config set proxy http://USER:PASSWORD@HOST:PORT");
    } else {
        kf_fail(err, KF_ERR_NET_CONNECT, "the proxy %.*s answered %ld for %s", n, proxy, said,
                host);
        if (said / 100 == 4) kf_hint(err, "Ask the owner of the proxy to allow %s.", host);
    }
    err->status = (int)said;
    r->resp.sent = false;
    return true;
}

static void explain(request *r, CURLcode rc, kf_err *err) {
    const char *host = host_of(r), *why = r->tls_text[0] ? r->tls_text : curl_easy_strerror(rc);
    char text[160];
    if (r->untrusted.code != KF_ERR_NONE) {
        *err = r->untrusted;
        return;
    }
    if (explain_proxy(r, host, err)) return;
    snprintf(text, sizeof text, "%.150s", why);
    switch (rc) {
    case CURLE_COULDNT_RESOLVE_HOST:
        kf_fail(err, KF_ERR_NET_RESOLVE, "%s has no address: %s", host, text);
        break;
    case CURLE_COULDNT_RESOLVE_PROXY:
        kf_fail(err, KF_ERR_NET_RESOLVE, "the proxy has no address: %s", text);
        break;
    case CURLE_PROXY:
        kf_fail(err, KF_ERR_NET_CONNECT, "the proxy on the way to %s: %s", host, text);
        break;
    case CURLE_COULDNT_CONNECT:
        kf_fail(err, KF_ERR_NET_CONNECT, "connect to %s: %s", host, text);
        break;
    case CURLE_PEER_FAILED_VERIFICATION:
        kf_fail(err, KF_ERR_NET_TLS, "the certificate of %s: %s", host, text);
        break;
    case CURLE_SSL_CACERT_BADFILE:
        kf_fail(err, KF_ERR_NET_TLS, "the CA file cannot be read: %s", text);
        break;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER: kf_fail(err, KF_ERR_NET_TLS, "TLS with %s: %s", host, text); break;
    case CURLE_OPERATION_TIMEDOUT: explain_timeout(r, host, text, err); break;
    default:
        if (r->too_big)
            kf_fail(err, KF_ERR_NET_BAD_ANSWER, "the answer of %s is larger than %zu KiB", host,
                    r->in.max >> 10);
        else if (number_of(r, CURLINFO_RESPONSE_CODE) == 101)
            kf_fail(err, KF_ERR_NET_BAD_ANSWER, "%s changed the protocol (status 101)", host);
        else kf_fail(err, KF_ERR_NET_BROKEN, "%s gave no whole answer: %s", host, text);
    }
}

static void finished(request *r, CURLcode rc) {
    curl_off_t us = 0, pre = 0;
    curl_easy_getinfo(r->easy, CURLINFO_TOTAL_TIME_T, &us);
    curl_easy_getinfo(r->easy, CURLINFO_PRETRANSFER_TIME_T, &pre);
    r->resp.ms = us / 1000;
    r->resp.sent = number_of(r, CURLINFO_REQUEST_SIZE) > 0 || pre > 0;
    kf_err err;
    if (rc == CURLE_OK && !r->headed)
        rc = CURLE_PARTIAL_FILE; /* the connection ended inside the headers */
    bool ok = rc == CURLE_OK && !r->too_big;
    if (ok) {
        r->resp.status = (int)number_of(r, CURLINFO_RESPONSE_CODE);
        r->resp.body = kf_secret_new(r->in.data, r->in.len);
        r->resp.headers = r->keep_headers ? r->lines.data : NULL;
    } else explain(r, rc, &err);
    kf_log(KF_LOG_INFO, "http: %s %.*s -> %d in %lld ms%s%s %s", r->method,
           (int)strcspn(r->path, "?"), r->path, r->resp.status, (long long)r->resp.ms,
           ok ? "" : " ", ok ? "" : kf_err_name(err.code), r->resp.request_id);
    kf_http_done done = r->done;
    void *user = r->user;
    kf_loop_cancel(r->http->loop, r->deadline);
    /* out of the list first: the callback may send again, cancel, or free the whole thing */
    request **p = &r->http->open;
    while (*p != r) p = &(*p)->next;
    *p = r->next;
    curl_multi_remove_handle(r->http->multi, r->easy);
    curl_easy_cleanup(r->easy);
    r->easy = NULL;
    kf_http detached = {0};
    r->http = &detached;
    done(user, &r->resp, ok ? NULL : &err);
    request_free(r);
}

static void drain_later(void *user);
static void after_action(kf_http *h) {
    /* finished requests are handed out in turns of their own, so that a callback that frees h is
     * harmless */
    if (h->open) {
        kf_loop_cancel(h->loop, h->timer);
        h->timer = kf_loop_after(h->loop, 0, drain_later, h);
    }
}

static int select_mask(short revents) {
    return (revents & (POLLIN | POLLHUP) ? CURL_CSELECT_IN : 0) |
           (revents & POLLOUT ? CURL_CSELECT_OUT : 0) | (revents & POLLERR ? CURL_CSELECT_ERR : 0);
}

static watched **find_watched(kf_http *h, int fd) {
    watched **at = &h->sockets;
    while (*at && (*at)->fd != fd) at = &(*at)->next;
    return at;
}

/* Gives curl what lies in its sockets. After a pause of this process (SIGSTOP, a frozen container)
 * a timer and a whole answer are due together, and the answer counts. */
static void feed_readable(kf_http *h) {
    size_t n = 0, i = 0;
    for (watched *s = h->sockets; s; s = s->next) n++;
    int *fds = calloc(n + 1, sizeof *fds);
    if (!fds) abort();
    for (watched *s = h->sockets; s; s = s->next) fds[i++] = s->fd;
    for (i = 0; i < n; i++) {
        watched *s = *find_watched(h, fds[i]); /* curl may have closed it for another's sake */
        struct pollfd p = {.fd = fds[i], .events = s ? s->events : 0};
        int running = 0;
        if (s && poll(&p, 1, 0) > 0)
            curl_multi_socket_action(h->multi, p.fd, select_mask(p.revents), &running);
    }
    free(fds);
}

/* Which requests curl has ended. */
static void note_ended(kf_http *h) {
    int left = 0;
    request *r = NULL;
    for (CURLMsg *m; (m = curl_multi_info_read(h->multi, &left));)
        if (m->msg == CURLMSG_DONE) {
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&r);
            r->ended = true;
            r->rc = m->data.result;
        }
}

static request *next_ended(const kf_http *h) {
    request *r = h->open;
    while (r && !r->ended) r = r->next;
    return r;
}

static void arm(kf_http *h, long ms);
static void drain_later(void *user) {
    kf_http *h = user;
    h->timer = 0;
    int running = 0;
    feed_readable(h);
    curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    note_ended(h);
    long ms = -1;
    curl_multi_timeout(h->multi, &ms);
    request *r = next_ended(h);
    if (r) ms = 0; /* there may be more of them */
    arm(h, ms);
    if (r) finished(r, r->rc); /* last: it may free h */
}

static void arm(kf_http *h, long ms) {
    kf_loop_cancel(h->loop, h->timer);
    h->timer = ms < 0 ? 0 : kf_loop_after(h->loop, ms, drain_later, h);
}

static int on_timer(CURLM *m, long ms, void *user) {
    arm(user, ms);
    return 0;
}

static void on_fd(int fd, short revents, void *user) {
    kf_http *h = user;
    int running = 0;
    curl_multi_socket_action(h->multi, fd, select_mask(revents), &running);
    after_action(h);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *unused) {
    kf_http *h = user;
    watched **at = find_watched(h, fd), *s = *at;
    if (what == CURL_POLL_REMOVE) {
        if (!s) return 0;
        kf_loop_cancel(h->loop, s->io);
        *at = s->next;
        free(s);
        return 0;
    }
    short ev = (short)((what & CURL_POLL_IN ? POLLIN : 0) | (what & CURL_POLL_OUT ? POLLOUT : 0));
    if (!s) {
        s = calloc(1, sizeof *s);
        if (!s) abort();
        *s = (watched){.next = h->sockets, .fd = fd, .io = kf_loop_fd(h->loop, fd, ev, on_fd, h)};
        h->sockets = s;
    }
    s->events = ev;
    kf_loop_fd_events(h->loop, s->io, ev);
    return 0;
}

/* --- the end of waiting --- */

static void look_again(request *r, int64_t ms);

/* Slow is what brings few bytes, not what is silent for a moment: an answer that has begun may be
 * the only one there will ever be. */
static void deadline_near(void *user) {
    request *r = user;
    kf_http *h = r->http;
    int64_t age = kf_boot_ms() - r->began;
    r->deadline = 0;
    feed_readable(h);
    note_ended(h);
    if (next_ended(h)) after_action(h); /* told in a turn of its own */
    bool flows = r->received - r->seen >= SPAN_BYTES, late = age >= STRETCH * r->timeout_ms;
    r->seen = r->received;
    if (r->ended) return;
    if (flows && !(late && r->late)) {
        r->late = late; /* after a long pause of this process: one more look */
        look_again(r, SPAN_MS);
    } else if (age < r->timeout_ms) {
        look_again(r, r->timeout_ms - age);
    } else {
        r->timed_out = true;
        finished(r, CURLE_OPERATION_TIMEDOUT);
    }
}

static void look_again(request *r, int64_t ms) {
    r->deadline = kf_loop_after(r->http->loop, ms, deadline_near, r);
}

/* curl keeps tokens in its own buffers: what it frees is wiped. */
static void wiping_free(void *p) {
    if (!p) return;
    kf_wipe(p, malloc_usable_size(p));
    free(p);
}
static void *wiping_realloc(void *p, size_t n) {
    size_t old = p ? malloc_usable_size(p) : 0;
    void *q = malloc(n ? n : 1);
    if (!q) return NULL;
    if (p) memcpy(q, p, old < n ? old : n);
    wiping_free(p);
    return q;
}

kf_http *kf_http_new(kf_loop *l, const kf_http_opts *o, kf_err *err) {
    kf_http *h = calloc(1, sizeof *h);
    if (!h ||
        curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free, wiping_realloc, strdup,
                             calloc) ||
        !(h->multi = curl_multi_init())) {
        free(h);
        kf_fail(err, KF_ERR_SYS_NO_MEMORY, "libcurl could not start");
        return NULL;
    }
    h->loop = l;
    curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
    kf_http_configure(h, o);
    return h;
}

void kf_http_configure(kf_http *h, const kf_http_opts *o) {
    free(h->agent);
    free(h->proxy);
    free(h->ca_file);
    h->agent = kf_strdup(o->user_agent ? o->user_agent : "keyfob");
    h->proxy = kf_strdup(o->proxy);
    h->ca_file = kf_strdup(o->ca_file);
}

kf_http *kf_http_free(kf_http *h) {
    if (!h) return NULL;
    while (h->open) request_free(h->open);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, NULL);
    curl_multi_cleanup(h->multi); /* calls on_socket for what it still holds */
    kf_loop_cancel(h->loop, h->timer);
    while (h->sockets) on_socket(NULL, h->sockets->fd, CURL_POLL_REMOVE, h, NULL);
    free(h->agent);
    free(h->proxy);
    free(h->ca_file);
    free(h);
    curl_global_cleanup();
    return NULL;
}

static void add_header(request *r, const char *line) {
    struct curl_slist *l = curl_slist_append(r->headers, line);
    if (!l) abort();
    r->headers = l;
}

/* False: somebody else can change the certificates, and nothing may be sent. */
static bool set_certificates(request *r) {
    const char *file, *dir;
    if (!kf_certificates_choose(r->http->ca_file, &file, &dir, &r->untrusted) &&
        kf_str_starts(r->origin, "https:"))
        return false;
    r->untrusted.code = KF_ERR_NONE;
    if (file) curl_easy_setopt(r->easy, CURLOPT_CAINFO, file);
    /* libcurl would add the certificates of its default directory */
    if (file || dir) curl_easy_setopt(r->easy, CURLOPT_CAPATH, dir);
    return true;
}

static void set_route(request *r) {
    kf_http *h = r->http;
    bool here = kf_origin_is_loopback(r->origin);
    if (here) curl_easy_setopt(r->easy, CURLOPT_PROXY, "");
    else if (h->proxy && *h->proxy) curl_easy_setopt(r->easy, CURLOPT_PROXY, h->proxy);
    /* the Date and Retry-After of a proxy's answer to CONNECT are not WorkOS's */
    curl_easy_setopt(r->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(r->easy, CURLOPT_PROTOCOLS_STR, here ? "http,https" : "https");
}

static void set_content(request *r, const kf_http_req *q) {
    if (q->bearer) {
        KF_AUTO_CHARS line = kf_strfmt("Authorization: Bearer %s", kf_secret_peek(q->bearer));
        add_header(r, line);
        kf_wipe(line, strlen(line));
    }
    bool typed = !q->headers;
    for (const char *const *h = q->headers; h && *h; h++) {
        add_header(r, *h);
        typed |= !strncasecmp(*h, "content-type:", 13);
    }
    if (!typed) add_header(r, "Content-Type:"); /* curl would say that a body is a form */
    if (!q->headers) add_header(r, "Accept: application/json");
    add_header(r, "Expect:");
    if (q->body) {
        KF_AUTO_CHARS line =
            kf_strfmt("Content-Type: %s", q->content_type ? q->content_type : "application/json");
        if (!q->headers) add_header(r, line);
        curl_easy_setopt(r->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)kf_secret_len(r->body));
        curl_easy_setopt(r->easy, CURLOPT_POSTFIELDS, kf_secret_peek(r->body));
    } else if (!strcmp(q->method, "POST")) {
        curl_easy_setopt(r->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)0);
        curl_easy_setopt(r->easy, CURLOPT_POSTFIELDS, "");
    }
    if (!strcmp(q->method, "HEAD")) curl_easy_setopt(r->easy, CURLOPT_NOBODY, 1L);
    else curl_easy_setopt(r->easy, CURLOPT_CUSTOMREQUEST, r->method);
    curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers);
}

uint32_t kf_http_send(kf_http *h, const kf_http_req *q, kf_http_done done, void *user) {
    request *r = calloc(1, sizeof *r);
    if (!r || !(r->easy = curl_easy_init())) abort();
    if (!++h->last) ++h->last;
    r->http = h;
    r->id = h->last;
    r->body = kf_secret_copy(q->body);
    r->method = kf_strdup(q->method);
    r->origin = kf_strdup(q->origin);
    r->path = kf_strdup(q->path);
    r->url = kf_strfmt("%s%s", q->origin, q->path);
    r->done = done;
    r->user = user;
    r->resp.retry_after = -1;
    r->began = kf_boot_ms();
    r->timeout_ms = q->timeout_ms > 0 ? q->timeout_ms : TOTAL_MS;
    look_again(r, r->timeout_ms > SPAN_MS ? r->timeout_ms - SPAN_MS : r->timeout_ms);
    r->keep_headers = q->keep_headers;
    kf_buf_init(&r->in, q->max_body ? q->max_body : BODY_MAX);
    kf_buf_init(&r->lines, HEADERS_MAX);
    r->next = h->open;
    h->open = r;
    curl_easy_setopt(r->easy, CURLOPT_PRIVATE, r);
    curl_easy_setopt(r->easy, CURLOPT_URL, r->url);
    curl_easy_setopt(r->easy, CURLOPT_USERAGENT, h->agent);
    curl_easy_setopt(r->easy, CURLOPT_PATH_AS_IS, 1L); /* what is asked for is what was checked */
    curl_easy_setopt(r->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(r->easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(r->easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(r->easy, CURLOPT_ERRORBUFFER, r->tls_text);
    curl_easy_setopt(r->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(r->easy, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(r->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(r->easy, CURLOPT_HEADERDATA, r);
    if (q->single_use) {
        curl_easy_setopt(r->easy, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(r->easy, CURLOPT_FORBID_REUSE, 1L);
    }
    set_route(r);
    set_content(r, q);
    if (!set_certificates(r)) {
        r->ended = true;
        r->rc = CURLE_SSL_CACERT_BADFILE;
        after_action(h);
        return r->id;
    }
    if (curl_multi_add_handle(h->multi, r->easy)) abort();
    return r->id;
}

void kf_http_cancel(kf_http *h, uint32_t id) {
    for (request *r = h->open; r; r = r->next)
        if (r->id == id) {
            request_free(r);
            return;
        }
}
