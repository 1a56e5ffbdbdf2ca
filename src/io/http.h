#pragma once
/* HTTPS requests on the loop (libcurl multi). Knows no WorkOS and no tokens: it
 * sends what it is given to the origin it is given. https only, http for loopback;
 * loopback never through a proxy; no redirects, no netrc, no cookies; an answer
 * over 256 KiB (or max_body) is an error. Nothing here retries. */
#include <stdint.h>
#include "base/secret.h"
#include "loop/loop.h"

typedef struct kf_http kf_http;

typedef struct kf_http_opts {
    const char *user_agent; /* "keyfob/0.1.0" */
    const char *proxy;      /* keyfob.conf; NULL: environment (https_proxy, no_proxy) */
    const char *ca_file;    /* keyfob.conf; NULL: SSL_CERT_FILE, else the system's */
} kf_http_opts;

typedef struct kf_http_req {
    const char *method;       /* GET POST DELETE HEAD ... */
    const char *origin;       /* normalised by kf_origin_parse */
    const char *path;         /* below the origin; may carry a query */
    const kf_secret *body;    /* NULL: none; copied */
    const char *content_type; /* NULL: application/json when there is a body */
    const kf_secret *bearer;  /* NULL: no Authorization header; copied */
    bool single_use;          /* fresh connection, never reused: libcurl repeats a POST on a reused
                                 connection that the server dropped */
    const char *const *headers; /* lines sent instead of Accept and Content-Type; NULL ends; NULL:
                                   the usual ones */
    size_t max_body;            /* of the answer; 0: 256 KiB */
    bool keep_headers;          /* resp.headers is wanted */
    int64_t
        timeout_ms; /* whole request; 0: 30 s. connect at most 10 s. An answer that has begun is
                       waited for up to five times as long while 50 bytes a second of it arrive */
} kf_http_req;

typedef struct kf_http_resp { /* borrowed during the callback; body may be taken by setting it NULL
                               */
    int status;               /* 0: no answer, see err */
    kf_secret *body;
    bool sent;           /* bytes of the request may have reached the server */
    int64_t date;        /* Date header, unix seconds, 0 = none */
    int32_t retry_after; /* Retry-After in seconds (also from a date), -1 = none, capped at 3600 */
    char content_type[64];
    char request_id[64]; /* X-Request-ID, printable ASCII only */
    char *headers; /* keep_headers: "Name: value\n"..., printable, at most 64 KiB; NULL else */
    int64_t ms;    /* how long it took */
} kf_http_resp;

/* err is non-NULL when no whole answer came: KF_ERR_NET_RESOLVE, _CONNECT (also a proxy that does
 * not let the request through, with its status), _PROXY_AUTH (what is the proxy), _TLS (names
 * unknown CA, wrong host), _TIMEOUT, _BROKEN, _BAD_ANSWER (too big); what names host and port. */
typedef void (*kf_http_done)(void *user, kf_http_resp *resp, const kf_err *err);

kf_http *kf_http_new(kf_loop *l, const kf_http_opts *o, kf_err *err);
kf_http *kf_http_free(kf_http *h); /* cancels all without callbacks; returns NULL */
void kf_http_configure(kf_http *h, const kf_http_opts *o); /* for requests from now on */
uint32_t kf_http_send(kf_http *h, const kf_http_req *r, kf_http_done done,
                      void *user);            /* never calls done at once */
void kf_http_cancel(kf_http *h, uint32_t id); /* no callback after this */

KF_AUTO_DEFINE(kf_http);
