#pragma once
/* What a backend of kf_store implements; store.c forwards. */
#include "io/store.h"

typedef struct kf_store_class {
    const char *kind;
    void (*load)(kf_store *s, const char *id, const char *kind, bool interactive,
                 kf_store_done done, void *user);
    void (*save)(kf_store *s, const char *id, const char *kind, const char *label,
                 const kf_secret *blob, bool interactive, kf_store_done done, void *user);
    void (*del)(kf_store *s, const char *id, const char *kind, kf_store_done done, void *user);
    void (*list)(kf_store *s, kf_store_list_done done, void *user);
    void (*probe)(kf_store *s, bool interactive, kf_store_done done, void *user);
    void (*reserve)(kf_store *s, const char *id, const char *kind, size_t size, bool interactive,
                    kf_store_done done, void *user);
    kf_secret *(*seal)(kf_store *s, const char *id, const char *kind, const kf_secret *blob,
                       kf_err *err);
    void (*unseal)(kf_store *s, const char *id, const char *kind, const kf_secret *sealed,
                   kf_store_done done, void *user);
    void (*unlock)(kf_store *s, const kf_secret *passphrase, bool create, kf_store_done done,
                   void *user);
    void (*lock)(kf_store *s);
    kf_store_state (*state)(const kf_store *s);
    /* both NULL: the store holds nothing in memory alone */
    void (*freeze)(const kf_store *s, kf_json *into);
    bool (*thaw)(kf_store *s, const kf_json *from, kf_err *err);
    void (*free)(kf_store *s);
} kf_store_class;

/* A backend's struct begins with this. */
struct kf_store {
    const kf_store_class *cls;
    kf_loop *loop;
};

/* Bytes as a member of a frozen store. NULL: it is not there, or is damaged. */
void kf_store_freeze_bytes(kf_json *into, const char *key, const kf_secret *bytes);
kf_secret *kf_store_thaw_bytes(const kf_json *from, const char *key);
bool kf_store_names_ok(const char *id, const char *kind); /* 16 hex; [a-z0-9-]{1,23} */
