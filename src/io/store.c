#include "io/store_impl.h"

#include "base/str.h"

const char *kf_store_state_name(kf_store_state s) {
    static const char *const name[] = {"ok", "locked", "new", "prompt_open", "denied", "silent", "absent", "unknown"};
    return (size_t)s < KF_LEN(name) ? name[s] : "unknown";
}

bool kf_store_names_ok(const char *id, const char *kind) {
    uint8_t raw[8];
    size_t n = kind ? strlen(kind) : 0;
    return kf_unhex(id, raw, 8) && n > 0 && n < sizeof((kf_store_item *)0)->kind &&
           strspn(kind, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

void kf_store_load(kf_store *s, const char *id, const char *kind, bool i, kf_store_done done, void *user) {
    s->cls->load(s, id, kind, i, done, user);
}
void kf_store_save(kf_store *s, const char *id, const char *kind, const char *label, const kf_secret *blob, bool i,
                   kf_store_done done, void *user) {
    s->cls->save(s, id, kind, label, blob, i, done, user);
}
void kf_store_delete(kf_store *s, const char *id, const char *kind, kf_store_done done, void *user) {
    s->cls->del(s, id, kind, done, user);
}
void kf_store_list(kf_store *s, kf_store_list_done done, void *user) { s->cls->list(s, done, user); }
void kf_store_probe(kf_store *s, bool i, kf_store_done done, void *user) { s->cls->probe(s, i, done, user); }
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
void kf_store_unlock(kf_store *s, const kf_secret *pass, bool create, kf_store_done done, void *user) {
    s->cls->unlock(s, pass, create, done, user);
}
void kf_store_lock(kf_store *s) { s->cls->lock(s); }
kf_store_state kf_store_get_state(const kf_store *s) { return s->cls->state(s); }
const char *kf_store_kind(const kf_store *s) { return s->cls->kind; }
kf_store *kf_store_free(kf_store *s) {
    if (s) s->cls->free(s);
    return NULL;
}
