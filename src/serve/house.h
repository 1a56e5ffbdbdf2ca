#pragma once
/* Where the socket is: a fresh directory below the runtime directory, or a path that was asked for;
 * and whom it lets in. */
#include <stdbool.h>
#include <sys/types.h>
#include "wire/rundir.h"

enum { KF_HOUSE_UIDS = 16 };

typedef struct kf_house {
    kf_rundir dir; /* not open: the path was given */
    char *path;
    int fd;    /* listens; -1 none */
    dev_t dev; /* of the socket we made: another one at the path is left alone */
    ino_t ino;
    uid_t uid[KF_HOUSE_UIDS];
    size_t n_uid;
} kf_house;

/* path NULL: runtime/keyfob-serve.XXXXXX/token.sock. A given path must not exist, unless it is a
 * socket of ours that nobody answers at; its directory must be ours and closed to others. With
 * other uids (h->uid, set by the caller) the socket, and a directory of ours, are opened to
 * everybody, and SO_PEERCRED decides. */
KF_CHECK bool kf_house_open(kf_house *h, const char *path, kf_err *err);
bool kf_house_lets_in(const kf_house *h, int fd, uid_t *who); /* ours, root, or one of h->uid */
void kf_house_close(kf_house *h);                             /* removes what it made */
