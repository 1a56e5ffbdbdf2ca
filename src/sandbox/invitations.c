#include "sandbox/invitations.h"
#include "base/str.h"
#include "sandbox/ids.h"

enum { MOST = 1000 };

struct kf_invitations {
    kf_invitation one[MOST];
    size_t n;
};

kf_invitations *kf_invitations_new(void) {
    kf_invitations *i = calloc(1, sizeof *i);
    if (!i) abort();
    return i;
}

kf_invitations *kf_invitations_free(kf_invitations *i) {
    for (size_t k = 0; i && k < i->n; k++) {
        free(i->one[k].id);
        free(i->one[k].email);
        free(i->one[k].token);
        free(i->one[k].role);
    }
    free(i);
    return NULL;
}

kf_invitation *kf_invitations_add(kf_invitations *i, const char *email, const kf_org *org, const char *role, int days) {
    if (i->n == MOST) return NULL;
    kf_invitation *v = &i->one[i->n++];
    *v = (kf_invitation){.id = kf_id_new("invitation_"), .email = kf_strdup(email), .token = kf_token_new(), .org = org,
                         .role = kf_strdup(role), .made_at = kf_now(), .expires_at = kf_now() + (int64_t)days * 86400};
    return v;
}

kf_invitation *kf_invitations_by_id(kf_invitations *i, const char *id) {
    for (size_t k = 0; id && k < i->n; k++)
        if (kf_str_eq(i->one[k].id, id)) return &i->one[k];
    return NULL;
}

kf_invitation *kf_invitations_by_token(kf_invitations *i, const char *token) {
    for (size_t k = 0; token && k < i->n; k++)
        if (kf_str_eq(i->one[k].token, token)) return &i->one[k];
    return NULL;
}
