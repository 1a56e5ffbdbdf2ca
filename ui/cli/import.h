#pragma once
/* profile import, the parts: settings of keyfob's own document (cmd_profile_file.c), environments
 * of other tools (import_from.c, import_choose.c), and their files afterwards (import_clean.c). */
#include "ui/cli/cli.h"

enum {
    KF_IMPORT_DRY,
    KF_IMPORT_SKIP,
    KF_IMPORT_PREFIX,
    KF_IMPORT_FROM,
    KF_IMPORT_NAMES,
    KF_IMPORT_ALL,
    KF_IMPORT_AS,
    KF_IMPORT_CLIENT_ID,
    KF_IMPORT_CLEAN_UP,
    KF_IMPORT_YES
}; /* options by their place in the table of commands */

typedef struct kf_pick {
    const kf_json *item; /* ImportItem of the interface */
    char profile[65];    /* what it becomes */
    const char *client_id;
    bool there; /* there is such a profile already, and that is fine */
} kf_pick;

typedef struct kf_picks {
    kf_pick *pick;
    size_t n;
    kf_json *left_out; /* [{name, reason}] */
    char *typed[200];  /* answers that picks point to */
    size_t n_typed;
} kf_picks;

bool kf_import_is_from(const kf_args *a); /* an option that only this kind has was given */
int kf_import_from(kf_cli *c, const kf_args *a);
/* Which of items, under which names; asks where a person is there. False: *rc is the exit status,
 * all is said. */
bool kf_import_choose(kf_cli *c, const kf_args *a, const kf_json *items, kf_picks *out, int *rc);
void kf_import_picks_done(kf_picks *p);
char *kf_import_line(
    const kf_json *item); /* "staging  client_A at ..., key sk_test_…abcd"; caller frees */
/* Offers to take the keys of profiles out of the files of source, with the change shown. result:
 * keyfob.profiles-import/1, gets clean_up. Exit status. */
int kf_import_clean(kf_cli *c, const kf_args *a, const char *source, const char *path,
                    const kf_json *profiles, kf_json *result);
