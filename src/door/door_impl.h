#pragma once
/* Inside of the door, for src/door only: door.c listens, refuse.c turns away, conn.c reads and
 * writes, call.c is what handlers hold. */
#include "base/buf.h"
#include "door/door.h"
#include "wire/frame.h"

typedef struct kf_conn {
    struct kf_conn *next;
    kf_door *door;
    uint32_t id;
    int fd;
    kf_loop_id io, half, turn;
    kf_frame_reader in;
    kf_buf out;
    kf_call *call; /* the open one: nothing more is read until it is answered */
    bool working;  /* inside work(), which looks at everything behind the handler */
    bool broken;   /* ends in its next turn */
    bool muted;    /* something came that cannot be read yet: it is not polled for input */
    bool stuck;    /* the socket takes no more of out for now */
    bool read_only, leaving;
    int64_t active; /* kf_boot_ms of the last call or answer */
    void *held;
    kf_loop_fn held_gone;
} kf_conn;

struct kf_call {
    kf_call *next, *prev;
    kf_door *door;
    kf_conn *conn; /* NULL: gone */
    kf_json *msg, *params;
    const char *method;
    bool more, oneway, lasts;
    void *state, *gone_user, *sent_user;
    kf_loop_fn state_free, gone, sent;
};

typedef struct kf_refused kf_refused;

struct kf_door {
    kf_loop *loop;
    int fd;
    kf_door_fn on_call;
    void *user;
    kf_loop_id io, flush_timer, rest;
    bool paused; /* nothing new is read or accepted */
    kf_conn *conns;
    size_t n;
    kf_call *calls; /* all of them, the gone ones as well */
    uint32_t last;
    kf_refused *refused; /* connections that read why, and go */
    unsigned refusals;   /* in this period, behind the first one */
    char why[128];       /* of the last one */
    kf_loop_id period;
    kf_loop_fn flushed;
    void *flushed_user;
};

/* conn.c */
void kf_conn_new(kf_door *d, int fd);
void kf_conn_close(kf_conn *n); /* frees it and tells its call; never below a handler */
void kf_conn_watch(kf_conn *n); /* sets what it waits for */
void kf_conn_plan(kf_conn *n);  /* a turn of its own, soon */
/* After an answer or a part of one. No next call begins below a handler. */
void kf_conn_settle(kf_conn *n);
/* Writes msg, as far as the socket takes it. A frame that cannot be sent breaks the connection, as
 * kf_conn_settle will see. */
void kf_conn_put(kf_conn *n, const kf_json *msg, bool continues);
bool kf_conn_has_call(const kf_conn *n); /* a whole one waits to be read */
bool kf_conn_is_idle(const kf_conn *n);  /* no call, no part of one, no answer, nothing held */
/* call.c */
void kf_call_open(kf_conn *n, kf_json *msg); /* msg owned; its handler runs */
void kf_call_cut(kf_call *c);                /* its connection ends */
/* refuse.c */
void kf_door_refuse(kf_door *d, int fd, const kf_err *why, bool tell); /* owns fd */
void kf_door_refuse_end(kf_door *d);
/* door.c */
void kf_door_check_flushed(kf_door *d);
