#pragma once
/* Whose session it is, and of which environment: what must be known before a sign-in takes the
 * place of a session that is there. Compares and copies; asks nobody and stores nothing. */
#include "auth/session.h"

typedef struct kf_person { /* "" where not known */
    char user_id[96], email[321], name[256];
    char client_id[96], origin[256]; /* the environment: user ids count in one only */
} kf_person;

typedef enum kf_person_is {
    KF_PERSON_SAME, /* or nothing is known that says otherwise */
    KF_PERSON_OTHER,
    KF_PERSON_ELSEWHERE /* another client ID or another host: another environment */
} kf_person_is;

/* A session whose refresh token was not tried yet is the one's that it takes the place of. False:
 * the session does not say whose it is. */
bool kf_person_of(const kf_session *s, kf_person *out);
/* User ids decide where both are known, e-mail addresses where one is not. */
kf_person_is kf_person_compare(const kf_person *owner, const kf_person *now);
/* "maya@example.test", else the name, else the id; never "". */
const char *kf_person_word(const kf_person *p);
