/* Paths and request bodies out of an issuer's table. Names no issuer and sends nothing. */
#include "auth/issuer.h"

#include "base/str.h"

bool kf_issuer_id(char dst[KF_ISSUER_ID_MAX], const char *id) {
    size_t n = id ? strlen(id) : 0;
    if (!n || n >= KF_ISSUER_ID_MAX ||
        strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != n)
        return false;
    memmove(dst, id, n + 1);
    return true;
}

char *kf_issuer_path(const kf_issuer *is, kf_at at, const char *id) {
    char safe[KF_ISSUER_ID_MAX];
    const char *path = is->path[at], *star = path ? strchr(path, '*') : NULL;
    if (!path || !star != !id) return NULL;
    if (!id) return kf_strdup(path);
    if (!kf_issuer_id(safe, id)) return NULL;
    return kf_strfmt("%.*s%s%s", (int)(star - path), path, safe, star + 1);
}

kf_json *kf_issuer_grant(const kf_issuer *is, kf_grant grant, const char *client_id,
                         const kf_secret *secret) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "grant_type", is->grant[grant]);
    kf_json_set_str(j, "client_id", client_id);
    if (secret) kf_json_set_secret(j, "client_secret", secret);
    return j;
}
