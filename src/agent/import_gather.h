#pragma once
/* Looks where other tools keep WorkOS environments (auth/import.h): files of the home, a .env file,
 * and the keyring when that was asked for. One object for each call, which it ends with. */
#include "agent/agent.h"
#include "auth/import.h"
#include "door/call.h"
#include "io/foreign_keyring.h"

typedef enum kf_import_source {
    KF_FROM_WORKOS,
    KF_FROM_GO,
    KF_FROM_ENV,
    KF_FROM_COUNT
} kf_import_source;
const char *kf_import_source_name(kf_import_source s); /* "workos", "workos-go", "env" */

typedef struct kf_import_file {
    kf_import_form form;
    char *path;
} kf_import_file;
enum { KF_IMPORT_FILES = 2 };
/* The files of a source; env_path: absolute, for KF_FROM_ENV. How many there are; each path freed
 * by the caller. */
size_t kf_import_files(kf_import_source s, const char *env_path,
                       kf_import_file out[KF_IMPORT_FILES]);

typedef struct kf_gather kf_gather;
struct kf_gather {
    kf_agent *a;
    kf_call *call;                  /* source, path, keyring, interactive count here */
    kf_import *list[KF_FROM_COUNT]; /* by source, empty where nothing is */
    kf_json *places;                /* []ImportPlace of the interface */
    kf_import *credentials;         /* until they join */
    kf_foreign *foreign;
    void (*then)(kf_gather *g); /* answers, and g is gone */
};
/* False: err; then does not run. It may run at once; not when the connection is gone by then. */
KF_CHECK bool kf_gather_start(kf_agent *a, kf_call *call, void (*then)(kf_gather *g), kf_err *err);
