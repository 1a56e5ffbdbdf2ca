#pragma once
/* An HTTP server on 127.0.0.1: the only user of libmicrohttpd here. Each connection
 * has a thread, so a handler may take its time; answers can be made to misbehave
 * (late, cut off, never). Knows nothing of WorkOS.
 * Bounds: 256 KiB of body (then 413), 32 KiB of request line and headers, 512
 * connections, 30 s without progress. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/json.h"

typedef struct kf_web kf_web;
typedef struct kf_web_req kf_web_req;

/* What the handler fills. It starts as 200, application/json, no body. */
typedef struct kf_web_res {
    int status;
    char *body; /* heap, NULL is empty; freed by the server */
    size_t body_len;
    bool hang_up; /* close the connection without an answer */
    bool cut;     /* send the whole length in the header, but only cut_at bytes */
    size_t cut_at;
    int64_t delay_ms; /* before the answer (or the hang-up); ends early when the server stops */
    struct kf_web_header {
        char *name, *value;
    } header[24];
    size_t n_header;
} kf_web_res;

typedef void kf_web_handler(const kf_web_req *req, kf_web_res *res, void *user); /* in any thread */

typedef struct kf_web_opts {
    uint16_t port; /* 0: any free one */
    kf_web_handler *handler;
    void *user;
} kf_web_opts;

kf_web *kf_web_new(const kf_web_opts *o, kf_err *err); /* listens, does not answer yet */
kf_web *kf_web_free(kf_web *w); /* cuts delays short, waits for the handlers */
uint16_t kf_web_port(const kf_web *w);
/* Answers from now on; cert_pem and key_pem NULL: plain HTTP. A second call takes another
 * certificate: the port stays open meanwhile, connections in flight end; when it fails,
 * the old certificate stays in use. */
bool kf_web_start(kf_web *w, const char *cert_pem, const char *key_pem, kf_err *err);

const char *kf_web_method(const kf_web_req *r);
const char *kf_web_path(const kf_web_req *r); /* decoded, without the query */
const char *kf_web_header(const kf_web_req *r, const char *name);
const char *kf_web_query(const kf_web_req *r, const char *name); /* decoded; NULL if absent */
/* The body as an object: JSON or, if form is allowed, a urlencoded form (members are
 * strings). NULL: wrong Content-Type, no object, a field twice, a NUL. Caller frees. */
kf_json *kf_web_body(const kf_web_req *r, bool form, kf_err *err);
const char *kf_web_text(const kf_web_req *r, size_t *len); /* the body as it came; never NULL */

/* Replaces a header of that name (any case). Control characters in value are refused: false. */
bool kf_web_set_header(kf_web_res *res, const char *name, const char *value);
void kf_web_set_body(kf_web_res *res, char *heap, size_t len); /* takes heap */
