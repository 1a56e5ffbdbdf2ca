#pragma once
/* HTTP on a UNIX socket: access tokens of the profiles that were named, and nothing else; or, as a
 * proxy, requests that go on to one upstream with the token added, so that the client never holds
 * it. On the loop. Bounds: 64 connections, 32 KiB of head, 8 MiB of body each way, 60 s to send a
 * request (10 s its head) or to take something of the answer, 2 minutes for the upstream. */
#include "io/http.h"
#include "serve/house.h"

enum { KF_SERVE_PROFILES = 16 };

typedef struct kf_serve_opts {
    const kf_house *house; /* borrowed, listens */
    const char *profile[KF_SERVE_PROFILES];
    size_t n_profile;
    int64_t min_valid_ms; /* -1: the default */
    int64_t patience_ms;  /* instead of the 60 s; 0: those */
    const char *upstream; /* origin, as kf_origin_parse gives it; NULL: tokens */
    kf_http *http;        /* with upstream; borrowed */
} kf_serve_opts;

typedef struct kf_serve kf_serve;
kf_serve *kf_serve_new(kf_loop *l, const kf_serve_opts *o,
                       kf_err *err);  /* o's strings are borrowed */
kf_serve *kf_serve_free(kf_serve *s); /* who waits gets no answer; returns NULL */
