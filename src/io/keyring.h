#pragma once
/* Inside of the Secret Service store, shared by keyring*.c and store_keyring.c. It never decides
 * what a secret means.
 *
 * Every call of the store is one operation. It connects, looks at the default collection and then
 * runs its verb, one D-Bus call after the other. It has a deadline and ends exactly once, with
 * kf_keyring_finish or _fail. libsecret opens the session and encrypts; the calls are plain D-Bus,
 * because libsecret's proxies need a call for each item, its searches fail as a whole when another
 * process deletes an item in the meantime, and its prompts may never end. */
#ifndef SECRET_API_SUBJECT_TO_CHANGE
#define SECRET_API_SUBJECT_TO_CHANGE
#endif
#include <libsecret/secret.h>
#include "io/store_class.h"

#define KF_KEYRING_ROOT "/org/freedesktop/secrets"
#define KF_KEYRING_SERVICE "org.freedesktop.Secret.Service"
#define KF_KEYRING_COLLECTION "org.freedesktop.Secret.Collection"
#define KF_KEYRING_ITEM "org.freedesktop.Secret.Item"
#define KF_KEYRING_PROPERTIES "org.freedesktop.DBus.Properties"

typedef struct kf_keyring_op kf_keyring_op;
typedef void (*kf_keyring_fn)(kf_keyring_op *o); /* the next step of an operation */
typedef void (*kf_keyring_answer)(kf_keyring_op *o, GVariant *v); /* v borrowed */

typedef struct kf_keyring {
    kf_store base;
    kf_store_generation_fn generation;
    kf_store_state state;
    GDBusConnection *bus; /* held: programs like KeePassXC allow a connection, not a program */
    kf_secret *spare;     /* seals what the keyring refuses to take; NULL: not at hand */
    char *spare_path;     /* its item */
    bool told_no_spare;   /* the log has it */
    kf_keyring_op *asker; /* a person is asked for it; NULL: no dialog is open */
    int64_t heard_at;     /* boot ms of the last answer */
    kf_err last;          /* of an absent or silent provider */
    int64_t last_at;      /* boot ms */
    kf_keyring_op *open;
} kf_keyring;

typedef struct kf_keyring_verb {
    kf_keyring_fn run; /* the default collection is open, or there is none */
    bool session;      /* secrets are transferred */
    bool writes;
    bool may_skip; /* no one depends on it: fails at once shortly after a failure */
    bool (*at_hand)(kf_keyring_op *o); /* or NULL; true: o has ended, the keyring is not needed */
} kf_keyring_verb;

typedef struct kf_keyring_got {
    char *path;
    kf_secret *blob;
    int64_t generation;
    guint64 modified;
} kf_keyring_got;

struct kf_keyring_op {
    kf_keyring_op *next;
    kf_keyring *k; /* NULL: it has ended and waits for the last callback */
    const kf_keyring_verb *verb;
    char id[17], kind[24], *label;
    kf_secret *blob; /* SAVE: to write; UNSEAL: sealed bytes */
    size_t size;     /* RESERVE */
    bool interactive;
    bool waiting;                       /* for the answer to the asker's dialog */
    bool asked_collection, asked_items; /* each is asked for once */
    bool saw_locked;
    bool settled; /* the verb is done, what follows may fail */
    bool made_spare;
    int rounds; /* times it began again because something was gone */
    GCancellable *cancel;
    kf_loop_id deadline;
    int64_t begun_at; /* boot ms */
    SecretService *service;
    char *collection;     /* default collection; NULL: none */
    char **found, **shut; /* items of the last search: open, locked; never NULL after one */
    kf_keyring_got *got;  /* of the last read, sorted by path */
    size_t n_got, at;
    char *path;           /* item that the verb is about */
    kf_secret *value;     /* on its way to the keyring */
    kf_store_item *items; /* LIST */
    size_t n_items;
    GError *failed; /* LIST: the first error */
    /* the call under way */
    const char *doing;
    unsigned pending; /* callbacks that will come */
    bool gone_is_fine;
    char *prompt; /* under way; NULL: none */
    guint signal, watch;
    kf_keyring_answer answer;
    kf_keyring_fn then;  /* after this step */
    kf_keyring_fn after; /* after a sequence of steps */
    kf_store_done done;
    kf_store_list_done list_done;
    void *user;
};

/* A new operation, which begins on the next turn of the loop. */
kf_keyring_op *kf_keyring_op_new(kf_store *s, const kf_keyring_verb *v, const char *id,
                                 const char *kind, bool interactive, kf_store_done done,
                                 void *user);
void kf_keyring_abandon(kf_keyring_op *o); /* the store is freed; done is not called */
void kf_keyring_finish(kf_keyring_op *o, const kf_secret *blob, const kf_err *err); /* frees o */
void kf_keyring_fail(kf_keyring_op *o, kf_err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Begins again: the item, or the whole provider, was replaced by another. Fails the third time. */
void kf_keyring_again(kf_keyring_op *o, const char *why);

/* One D-Bus call; fn gets its answer, which has the type. An error ends the operation or lets it
 * begin again. */
void kf_keyring_call(kf_keyring_op *o, const char *doing, const char *path, const char *iface,
                     const char *method, GVariant *args, const char *type, kf_keyring_answer fn);
/* The same for calls that are under way side by side, with a callback of its own. That begins
 * with kf_keyring_back, and false means that o is gone. Errors are for kf_keyring_error. */
void kf_keyring_call_raw(kf_keyring_op *o, const char *path, const char *iface, const char *method,
                         GVariant *args, const char *type, GAsyncReadyCallback fn);
bool kf_keyring_back(kf_keyring_op *o);
void kf_keyring_error(kf_keyring_op *o, GError *g); /* g owned */
bool kf_keyring_is_outdated(const GError *g); /* look again: the item or its lock has changed */

/* Shows what an answer calls a prompt; fn gets its result, NULL: it was dismissed. */
void kf_keyring_prompt(kf_keyring_op *o, const char *path, kf_keyring_answer fn);

void kf_keyring_drop_found(kf_keyring_op *o);

/* keyring_items.c. Steps: each calls then at its end, or fails the operation. */
void kf_keyring_search(kf_keyring_op *o, const char *id, const char *kind, kf_keyring_fn then);
void kf_keyring_search_all(kf_keyring_op *o, kf_keyring_fn then); /* all items of keyfob */
void kf_keyring_read(kf_keyring_op *o, char **paths,
                     kf_keyring_fn then); /* at least one into got */
void kf_keyring_write(kf_keyring_op *o, const char *path, const kf_secret *value,
                      kf_keyring_fn then);
void kf_keyring_create(kf_keyring_op *o, const char *id, const char *kind, const char *label,
                       const kf_secret *value, kf_keyring_fn then); /* into path */
void kf_keyring_delete(kf_keyring_op *o, const char *path,
                       kf_keyring_fn then); /* gone is success */

/* Nothing open was found: unlocks what is locked and begins again, or says that it is locked. */
void kf_keyring_open_items(kf_keyring_op *o);

/* keyring_spare.c: the spare key, and what is done with it */
void kf_keyring_reserve(kf_store *s, const char *id, const char *kind, size_t size,
                        bool interactive, kf_store_done done, void *user);
void kf_keyring_probe(kf_store *s, bool interactive, kf_store_done done, void *user);
kf_secret *kf_keyring_seal(kf_store *s, const char *id, const char *kind, const kf_secret *blob,
                           kf_err *err);
void kf_keyring_unseal(kf_store *s, const char *id, const char *kind, const kf_secret *sealed,
                       kf_store_done done, void *user);
void kf_keyring_forget_spare(kf_keyring *k);
