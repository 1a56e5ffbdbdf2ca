#pragma once
/* What other tools keep about WorkOS environments, as text (WORKOS.md §12): documents of the
 * official CLIs, and .env files. Taken are names, client IDs, addresses and API keys. The tokens
 * that the workos CLI keeps for itself (of WorkOS Connect, for its own client) are not looked at:
 * using one would end the CLI's session. Text in, values out. */
#include "base/json.h"

typedef enum kf_import_form {
    KF_IMPORT_CONFIG,      /* workos CLI: ~/.workos/config.json, keyring item "config" */
    KF_IMPORT_CREDENTIALS, /* workos CLI: ~/.workos/credentials.json, keyring item "credentials" */
    KF_IMPORT_GO,          /* the older Go CLI: ~/.workos.json */
    KF_IMPORT_ENV          /* WORKOS_ variables in dotenv syntax */
} kf_import_form;

enum { KF_IMPORT_MAX = 1 << 20 /* bytes */, KF_IMPORT_ITEMS = 200, KF_IMPORT_NAME = 256 };

typedef struct kf_import_item {
    char *name;                        /* as the other tool has it; any UTF-8; "" for a .env file */
    char *type, *client_id, *api_host; /* "" not given; api_host is normalised */
    kf_secret *key;                    /* NULL none */
    char *place;                       /* where it is from; as given to kf_import_read */
    char *problem;                     /* why it cannot be imported as it is; NULL: it can */
} kf_import_item;

typedef struct kf_import {
    kf_import_item *item;
    size_t n;
    int64_t stamp;        /* CREDENTIALS: of two copies the larger one is the newer */
    bool cookie_password; /* ENV: WORKOS_COOKIE_PASSWORD was seen (and not taken) */
} kf_import;

/* place is copied. NULL: KF_ERR_USAGE_BAD. No environments is no error. */
kf_import *kf_import_read(kf_import_form form, const char *place, const char *text, size_t len,
                          kf_err *err);
kf_import *kf_import_free(kf_import *i); /* NULL is fine; returns NULL */
KF_AUTO_DEFINE(kf_import);
/* The environment that a sign-in of the workos CLI fetched (credentials.staging) joins those of its
 * config: it fills in a client ID, or is one of its own ("staging", or "staging-login" when that is
 * another one). credentials loses its items. */
void kf_import_join(kf_import *config, kf_import *credentials);

/* The profile name for a foreign one: A-Z become a-z, a blank becomes a dash; with prefix (NULL
 * none) in front. False: no profile name can be made of it without guessing (other letters, too
 * long); a person has to choose one. */
bool kf_import_profile_name(const char *prefix, const char *name, char out[65]);
char *kf_import_mask(const kf_secret *key); /* "sk_test_…abcd"; caller frees */

/* --- taking a key out of a text
 * --------------------------------------------------------------------- */
typedef struct kf_import_span {
    size_t at, len;
} kf_import_span; /* the letters of a key, without quotes */
/* Where keys that are equal to one of keys stand as the API key of an environment, in order; at
 * most max. A key that is written with escapes is left out. */
size_t kf_import_spans(kf_import_form form, const char *text, size_t len,
                       const kf_secret *const *keys, size_t n_keys, kf_import_span *out,
                       size_t max);
kf_secret *kf_import_cut(const char *text, size_t len, const kf_import_span *span,
                         size_t n); /* all other bytes as they are */
/* {line, before, after}: what of the line can be shown, the key masked, other values of that line
 * as an ellipsis. */
kf_json *kf_import_change(const char *text, size_t len, kf_import_span span);
