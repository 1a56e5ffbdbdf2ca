/* The person of a session: copies who it is, and compares two persons and their environments. */
#include "auth/person.h"

#include <strings.h>
#include "base/str.h"

static bool read_session(const kf_session *s, kf_person *out) {
    *out = (kf_person){0};
    (void)kf_str_cut(out->user_id, sizeof out->user_id, kf_session_user_id(s));
    (void)kf_str_cut(out->email, sizeof out->email, kf_session_user_email(s));
    kf_session_user_name(s, out->name, sizeof out->name);
    memcpy(out->client_id, s->client_id, sizeof out->client_id);
    memcpy(out->origin, s->origin, sizeof out->origin);
    return *out->user_id || *out->email;
}

bool kf_person_of(const kf_session *s, kf_person *out) {
    if (!s->unverified) return read_session(s, out);
    KF_AUTO(kf_session) old = s->previous ? kf_session_from_blob(s->previous, NULL) : NULL;
    return old && !old->unverified && read_session(old, out);
}

static bool differ(const char *a, const char *b) { return *a && *b && strcmp(a, b) != 0; }

kf_person_is kf_person_compare(const kf_person *owner, const kf_person *now) {
    if (differ(owner->client_id, now->client_id) || differ(owner->origin, now->origin))
        return KF_PERSON_ELSEWHERE;
    if (*owner->user_id && *now->user_id)
        return strcmp(owner->user_id, now->user_id) ? KF_PERSON_OTHER : KF_PERSON_SAME;
    return *owner->email && *now->email && strcasecmp(owner->email, now->email) ? KF_PERSON_OTHER
                                                                                : KF_PERSON_SAME;
}

const char *kf_person_word(const kf_person *p) {
    return *p->email ? p->email : *p->name ? p->name : *p->user_id ? p->user_id : "another user";
}
