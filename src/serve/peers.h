#pragma once
/* Who is connected, what is waited for, and whose time is over. Decides only; times are given
 * (kf_boot_ms). */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KF_PEERS_MAX = 64, KF_PEERS_HEAD_MS = 10000, KF_PEERS_GRACE_MS = 1000 };

typedef enum kf_phase {
    KF_PHASE_REST, /* between two requests */
    KF_PHASE_HEAD, /* of a request; of the first one nothing needs to be there */
    KF_PHASE_BODY,
    KF_PHASE_WORK,  /* others' turn, who have limits of their own */
    KF_PHASE_ANSWER /* it is being taken */
} kf_phase;

typedef struct kf_peer {
    const void *conn; /* NULL: nobody */
    int fd;
    kf_phase phase;
    int64_t
        since;   /* HEAD and BODY: of the request; ANSWER: the last time that something was taken */
    int untaken; /* ANSWER: bytes on their way when it was last looked at */
    bool cut;    /* it was told to go, and has not gone yet */
} kf_peer;

typedef struct kf_peers {
    kf_peer at[KF_PEERS_MAX];
    int64_t patience_ms; /* for a whole request, between two, and for a reader who takes nothing;
                            KF_PEERS_HEAD_MS for the head */
} kf_peers;

void kf_peers_add(kf_peers *p, const void *conn, int fd, int64_t now); /* there is a place */
void kf_peers_remove(kf_peers *p, const void *conn);
void kf_peers_turn(kf_peers *p, const void *conn, kf_phase phase,
                   int64_t now); /* again the same phase: something was taken */
bool kf_peers_full(const kf_peers *p);
bool kf_peers_any(const kf_peers *p);
bool kf_peers_over(const kf_peers *p, kf_peer *one, int untaken, int64_t now); /* its time is */
/* Who has to make room for somebody new: waits longest without having said what it wants, though it
 * had KF_PEERS_GRACE_MS for it. NULL: nobody, or somebody is about to go. */
kf_peer *kf_peers_idlest(kf_peers *p, int64_t now);
