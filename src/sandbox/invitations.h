#pragma once
/* Invitations (WORKOS.md §5). Not locked. */
#include "sandbox/users.h"

typedef struct kf_invitation {
    char *id, *email, *token;
    const kf_org *org;                                    /* NULL: none */
    char *role;                                           /* NULL: the default one */
    char *inviter, *accepted_by;                          /* user ids, or NULL */
    int64_t made_at, expires_at, accepted_at, revoked_at; /* unix seconds; 0: not */
} kf_invitation;

typedef struct kf_invitations kf_invitations;
kf_invitations *kf_invitations_new(void);
kf_invitations *kf_invitations_free(kf_invitations *i);
kf_invitation *kf_invitations_add(kf_invitations *i, const char *email, const kf_org *org,
                                  const char *role, int days); /* NULL: full */
kf_invitation *kf_invitations_by_id(kf_invitations *i, const char *id);
kf_invitation *kf_invitations_by_token(kf_invitations *i, const char *token);
