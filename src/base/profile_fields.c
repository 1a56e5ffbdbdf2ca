/* The settings of a profile: checks, and the ways from and to text and JSON. Reads no file and
 * knows no words for a person. */
#include "base/profile_fields.h"

#include <stdlib.h>
#include "base/str.h"

static bool kf_check_client_id(const char *value, char **norm, kf_err *err) {
    if (!kf_client_id_ok(value))
        return kf_fail(err, KF_ERR_USAGE_NO_CLIENT_ID, "%.80s is no client ID (client_...)", value);
    *norm = kf_strdup(value);
    return true;
}

static bool kf_check_api_host(const char *value, char **norm, kf_err *err) {
    return kf_origin_parse(value, norm, err);
}

#define AT_TEXT(name) offsetof(kf_conf_profile, name)
#define AT_LIST(name) offsetof(kf_conf_profile, name)
#define AT_NUMBER(name) offsetof(kf_conf_profile, name)
#define AT_SECRET(name) 0
#define ROW(kind, name, limit, flags, check) \
    [KF_PF_##name] = {#name, KF_PF_##kind, limit, AT_##kind(name), flags, check},
const kf_profile_field kf_profile_fields[KF_PF_COUNT] = {KF_PROFILE_FIELDS(ROW)};

static bool number_ok(const char *value, size_t most) {
    char *end;
    if (*value < '0' || *value > '9' || strlen(value) > 9) return false;
    return strtoul(value, &end, 10) <= most && !*end;
}

bool kf_profile_field_check(kf_pf f, const char *value, char **norm, kf_err *err) {
    const kf_profile_field *r = &kf_profile_fields[f];
    *norm = NULL;
    if (!*value && f == KF_PF_api_host) value = KF_API_HOST_DEFAULT;
    if (r->kind == KF_PF_NUMBER && *value && !number_ok(value, r->limit))
        return kf_fail(err, KF_ERR_USAGE_BAD, "%s must be 0 to %zu", r->name, r->limit);
    if (!*value || !r->check) *norm = kf_strdup(value);
    else if (!r->check(value, norm, err)) return false;
    if (r->kind == KF_PF_NUMBER || strlen(*norm) < r->limit) return true;
    free(*norm);
    *norm = NULL;
    return kf_fail(err, KF_ERR_USAGE_BAD, "%s is too long", r->name);
}

void kf_profile_field_put(kf_pf f, kf_conf_profile *p, const char *norm) {
    const kf_profile_field *r = &kf_profile_fields[f];
    char *at = (char *)p + r->at;
    switch (r->kind) {
    case KF_PF_TEXT:
        if (!kf_str_set(at, r->limit, norm)) abort(); /* it was checked */
        return;
    case KF_PF_LIST: memcpy(at, &norm, sizeof norm); return;
    case KF_PF_NUMBER: {
        int n = (int)strtol(norm, NULL, 10);
        memcpy(at, &n, sizeof n);
        return;
    }
    case KF_PF_SECRET: return;
    }
}

char *kf_profile_field_text(kf_pf f, const kf_conf_profile *p) {
    const kf_profile_field *r = &kf_profile_fields[f];
    const char *at = (const char *)p + r->at, *list;
    int n;
    switch (r->kind) {
    case KF_PF_TEXT: return kf_strdup(at);
    case KF_PF_LIST: memcpy(&list, at, sizeof list); return kf_strdup(list ? list : "");
    case KF_PF_NUMBER: memcpy(&n, at, sizeof n); return n ? kf_strfmt("%d", n) : kf_strdup("");
    case KF_PF_SECRET: break;
    }
    return kf_strdup("");
}

bool kf_profile_fields_same(const kf_conf_profile *a, const kf_conf_profile *b) {
    bool same = !strcmp(a->name, b->name) && a->confidential == b->confidential;
    for (kf_pf f = 0; same && f < KF_PF_COUNT; f++) {
        KF_AUTO_CHARS one = kf_profile_field_text(f, a);
        KF_AUTO_CHARS other = kf_profile_field_text(f, b);
        same = !strcmp(one, other);
    }
    return same;
}

char *kf_profile_field_read(kf_pf f, const kf_json *from) {
    const kf_profile_field *r = &kf_profile_fields[f];
    int64_t n;
    if (r->kind == KF_PF_NUMBER)
        return kf_json_int(from, r->name, &n) ? kf_strfmt("%lld", (long long)n) : NULL;
    const char *v = kf_json_str(from, r->name);
    return v ? kf_strdup(v) : NULL;
}

void kf_profile_field_write(kf_pf f, kf_json *to, const char *text) {
    const kf_profile_field *r = &kf_profile_fields[f];
    if (r->kind == KF_PF_NUMBER) kf_json_set_int(to, r->name, strtoll(text, NULL, 10));
    else kf_json_set_str(to, r->name, text);
}
