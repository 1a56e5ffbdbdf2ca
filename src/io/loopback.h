#pragma once
/* The redirect listener of a sign-in in the browser: http://127.0.0.1:PORT/callback (RFC 8252
 * §7.3). It hands over one request: the first GET of /callback whose Host is ours, whose `state` is
 * ours (compared in constant time), and that has one `code` or one `error`. Every other request is
 * answered with a small page and changes nothing. The browser that brought it is kept waiting
 * until kf_loopback_finish() says how it ended, at most 8 s. On the loop; no thread of its own.
 * A connection of another user of this machine is closed at once. When all places are taken, the
 * oldest connection gives its place to a new one.
 * Bounds: 32 connections, 10 s each, 128 KiB of request, 16 KiB of query. */
#include <stdbool.h>
#include "base/secret.h"
#include "loop/loop.h"

enum {
    KF_LOOPBACK_QUERY_MAX = 16 << 10,
    KF_LOOPBACK_HOLD_MS = 8000,
    KF_LOOPBACK_LINGER_MS = 60000
};

typedef struct kf_loopback kf_loopback;

typedef enum kf_loopback_end {
    KF_LOOPBACK_DONE,   /* signed in */
    KF_LOOPBACK_FAILED, /* detail says why */
    KF_LOOPBACK_GO_ON   /* a person is wanted at the terminal */
} kf_loopback_end;

/* query: as it came, behind the '?'; borrowed. Once, in a turn of the loop of its own; may free the
 * listener. */
typedef void (*kf_loopback_fn)(void *user, const kf_secret *query);

/* port 0: any free one. NULL: KF_ERR_SYS_IO; a port in use is named, with what can be done about
 * it. */
kf_loopback *kf_loopback_new(kf_loop *l, int port, const char *state, kf_loopback_fn fn, void *user,
                             kf_err *err);
int kf_loopback_port(const kf_loopback *b);
bool kf_loopback_waits(const kf_loopback *b); /* a browser is kept waiting for kf_loopback_finish */
/* Tells the browser that waits, and who comes later that it is done; fn is not called any more.
 * detail may be NULL; it is escaped. The first call counts, but for GO_ON, which a later one
 * replaces. The owner frees the listener after KF_LOOPBACK_LINGER_MS. */
void kf_loopback_finish(kf_loopback *b, kf_loopback_end end, const char *detail);
kf_loopback *kf_loopback_free(
    kf_loopback *b); /* who still waits is told to go back to the terminal; returns NULL */

KF_AUTO_DEFINE(kf_loopback);
