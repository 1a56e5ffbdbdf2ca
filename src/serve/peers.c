/* The table of keyfob-serve's connections: their phase and their deadline. It closes nothing and
 * reads no clock. */
#include "serve/peers.h"

#include "base/cleanup.h"

static kf_peer *find(const kf_peers *p, const void *conn) {
    for (size_t i = 0; i < KF_LEN(p->at); i++)
        if (p->at[i].conn == conn) return (kf_peer *)&p->at[i];
    return NULL;
}

void kf_peers_add(kf_peers *p, const void *conn, int fd, int64_t now) {
    kf_peer *one = find(p, NULL);
    if (!one) abort();
    *one = (kf_peer){.conn = conn, .fd = fd, .phase = KF_PHASE_HEAD, .since = now};
}

void kf_peers_remove(kf_peers *p, const void *conn) {
    kf_peer *one = find(p, conn);
    if (one) *one = (kf_peer){0};
}

void kf_peers_turn(kf_peers *p, const void *conn, kf_phase phase, int64_t now) {
    kf_peer *one = find(p, conn);
    if (!one) return;
    /* the head counts from the start of the connection or from its first line, the body from where
     * the head began */
    bool goes_on =
        phase == KF_PHASE_BODY || (phase == KF_PHASE_HEAD && one->phase == KF_PHASE_HEAD);
    if (!goes_on) one->since = now;
    one->phase = phase;
}

bool kf_peers_full(const kf_peers *p) { return !find(p, NULL); }

bool kf_peers_any(const kf_peers *p) {
    for (size_t i = 0; i < KF_LEN(p->at); i++)
        if (p->at[i].conn) return true;
    return false;
}

bool kf_peers_over(const kf_peers *p, kf_peer *one, int untaken, int64_t now) {
    if (one->phase == KF_PHASE_WORK) return false;
    if (one->phase == KF_PHASE_ANSWER && untaken != one->untaken) {
        one->untaken = untaken;
        one->since = now;
    }
    int64_t limit = one->phase == KF_PHASE_HEAD && p->patience_ms > KF_PEERS_HEAD_MS
                        ? KF_PEERS_HEAD_MS
                        : p->patience_ms;
    return now - one->since >= limit;
}

kf_peer *kf_peers_idlest(kf_peers *p, int64_t now) {
    kf_peer *found = NULL;
    for (size_t i = 0; i < KF_LEN(p->at); i++) {
        kf_peer *one = &p->at[i];
        if (!one->conn || (one->phase != KF_PHASE_HEAD && one->phase != KF_PHASE_REST)) continue;
        if (one->cut) return NULL;
        if (now - one->since >= KF_PEERS_GRACE_MS && (!found || one->since < found->since))
            found = one;
    }
    return found;
}
