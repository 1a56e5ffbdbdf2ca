#pragma once
/* keyfobd's one object: everything that lives as long as the process. Made by main.c,
 * passed down; no globals. Parts: door (connections and calls), keeper (sessions of profiles),
 * drive (sign-in flows), watch (who wants to hear of changes). */
#include <stdbool.h>
#include "door/door.h"
#include "io/conf.h"
#include "io/http.h"
#include "io/store.h"
#include "loop/task.h"

typedef struct kf_keeper kf_keeper;
struct kf_watch;
struct kf_drive;
struct kf_enrollment;
struct kf_keys;
struct kf_lifetime;
struct kf_opening;
struct kf_settings_file;
struct kf_settings_changes;
struct kf_notice;
struct kf_move;
struct kf_retired;
struct kf_locking;
struct kf_takeover;

typedef struct kf_agent {
    kf_loop *loop;
    kf_worker *worker;
    kf_http *http;
    kf_store *store;    /* NULL until settled when auto */
    char *store_choice; /* auto, secret-service, vault, memory */
    char *store_why;    /* "" or why auto picked what it picked */
    bool store_settled; /* keyfob.conf says what auto took, or is about to */
    kf_conf *conf;      /* NULL while keyfob.conf is broken; conf_err says why */
    kf_err conf_err;
    struct kf_settings_file *file;       /* settings_file.c */
    struct kf_settings_changes *changes; /* settings_changes.c: NULL: none */
    char *conf_path, *state_dir, *data_dir, *runtime_dir, *socket_path;
    kf_keeper *keeper;
    kf_door *door;
    struct kf_watch *watch;
    struct kf_drive *drive;
    struct kf_enrollment *enrollments; /* methods_factor.c */
    struct kf_keys *keys;              /* methods_claims.c: JWKS documents */
    struct kf_move *move;              /* methods_store.c: NULL, or the one under way */
    struct kf_retired *retired;        /* stores that secrets were moved out of */
    struct kf_notice *notices;         /* notify.c: commands of on_sign_in_needed */
    struct kf_lifetime *lifetime;
    struct kf_opening *openings; /* settings.c: who waits for the store */
    unsigned saving;             /* settings_file.c: changes of keyfob.conf under way */
    unsigned asking;             /* ask.c: calls that wait for WorkOS's API */
    struct kf_locking *locking;  /* locking.c */
    bool locked;    /* by Lock, until Unlock: nothing is given out, whatever the store is */
    unsigned locks; /* how many there were; an Unlock asked before the last one is void */
    struct kf_takeover *takeover;
    int run_lock;   /* held for as long as this process is the agent */
    bool activated; /* the service manager owns the socket */
    bool private_mode;
    bool bus_came;    /* a session bus since the store was picked */
    uint32_t told[8]; /* methods_hello.c: sets of differences that a caller was told of */
    size_t n_told;
    char home[17]; /* methods_hello.c: the tag of its directories, and when it was looked up */
    int64_t home_looked;
} kf_agent;
