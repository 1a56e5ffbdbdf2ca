/* The front of every store: checks names, passes each call to the back end, and tries the
 * keyring for `store = auto`. It never replaces one store by another. */
#include "base/mem.h"
#include "io/store_class.h"

#include "base/str.h"

const char *kf_store_state_name(kf_store_state s) {
    static const char *const name[] = {"ok",     "locked", "new",    "prompt_open",
                                       "denied", "silent", "absent", "unknown"};
    return (size_t)s < KF_LEN(name) ? name[s] : "unknown";
}

bool kf_store_names_ok(const char *id, const char *kind) {
    uint8_t raw[8];
    size_t n = kind ? strlen(kind) : 0;
    return kf_unhex(id, raw, 8) && n > 0 && n < sizeof((kf_store_item *)0)->kind &&
           strspn(kind, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

void kf_store_load(kf_store *s, const char *id, const char *kind, bool i, kf_store_done done,
                   void *user) {
    s->cls->load(s, id, kind, i, done, user);
}
void kf_store_save(kf_store *s, const char *id, const char *kind, const char *label,
                   const kf_secret *blob, bool i, kf_store_done done, void *user) {
    s->cls->save(s, id, kind, label, blob, i, done, user);
}
void kf_store_delete(kf_store *s, const char *id, const char *kind, kf_store_done done,
                     void *user) {
    s->cls->del(s, id, kind, done, user);
}
void kf_store_list(kf_store *s, kf_store_list_done done, void *user) {
    s->cls->list(s, done, user);
}
void kf_store_probe(kf_store *s, bool i, kf_store_done done, void *user) {
    s->cls->probe(s, i, done, user);
}
void kf_store_reserve(kf_store *s, const char *id, const char *kind, size_t size, bool interactive,
                      kf_store_done done, void *user) {
    s->cls->reserve(s, id, kind, size, interactive, done, user);
}
kf_secret *kf_store_seal(kf_store *s, const char *id, const char *kind, const kf_secret *blob,
                         kf_err *err) {
    return s->cls->seal(s, id, kind, blob, err);
}
void kf_store_unseal(kf_store *s, const char *id, const char *kind, const kf_secret *sealed,
                     kf_store_done done, void *user) {
    s->cls->unseal(s, id, kind, sealed, done, user);
}
void kf_store_unlock(kf_store *s, const kf_secret *pass, bool create, kf_store_done done,
                     void *user) {
    s->cls->unlock(s, pass, create, done, user);
}
void kf_store_lock(kf_store *s) { s->cls->lock(s); }

void kf_store_freeze_bytes(kf_json *into, const char *key, const kf_secret *bytes) {
    char *text = kf_b64url(kf_secret_peek(bytes), kf_secret_len(bytes));
    KF_AUTO(kf_secret) s = kf_secret_take(text, strlen(text));
    kf_json_set_secret(into, key, s);
}

kf_secret *kf_store_thaw_bytes(const kf_json *from, const char *key) {
    const char *text = kf_json_str(from, key);
    size_t n = text ? strlen(text) : 0;
    KF_AUTO(kf_secret) room = kf_secret_zero(n + 1);
    long len = text ? kf_b64url_decode(text, n, kf_secret_edit(room), n + 1) : -1;
    return len < 0 ? NULL : kf_secret_new(kf_secret_peek(room), (size_t)len);
}

kf_json *kf_store_freeze(const kf_store *s) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "kind", s->cls->kind);
    if (s->cls->freeze) s->cls->freeze(s, j);
    return j;
}
bool kf_store_thaw(kf_store *s, const kf_json *frozen, kf_err *err) {
    if (!kf_str_eq(kf_json_str(frozen, "kind"), s->cls->kind))
        return kf_fail(err, KF_ERR_SYS_BUG, "a frozen store of another kind");
    return !s->cls->thaw || s->cls->thaw(s, frozen, err);
}

kf_store_state kf_store_get_state(const kf_store *s) { return s->cls->state(s); }
const char *kf_store_kind(const kf_store *s) { return s->cls->kind; }
kf_store *kf_store_free(kf_store *s) {
    if (s) s->cls->free(s);
    return NULL;
}

/* --- store = auto ------------------------------------------------------------------------- */

typedef struct pick {
    kf_store *store;
    kf_loop *loop;
    kf_store_pick_done done;
    void *user;
    char *why;
} pick;

static void end_pick(void *user) {
    pick *p = user;
    if (p->why) p->store = kf_store_free(p->store);
    p->done(p->user, p->store, p->why ? p->why : "the Secret Service can be written");
    free(p->why);
    free(p);
}

static void was_tried(void *user, const kf_secret *blob, const kf_err *err) {
    pick *p = user;
    if (err) p->why = kf_strfmt("the Secret Service cannot be used (%s)", err->what);
    kf_loop_post(p->loop, end_pick, p); /* the store cannot be freed inside its own callback */
}

void kf_store_pick(kf_loop *l, kf_store_generation_fn generation, kf_store_pick_done done,
                   void *user) {
    pick *p = kf_new(pick);
    *p =
        (pick){.store = kf_store_keyring_new(l, generation), .loop = l, .done = done, .user = user};
    kf_store_probe(p->store, false, was_tried, p);
}
