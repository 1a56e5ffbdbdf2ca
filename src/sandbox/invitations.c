/* Invitations (WORKOS.md §5): the list, the endpoints, and what a sign-in makes of one. */
#include "sandbox/invitations.h"
#include <strings.h>
#include "base/mem.h"
#include "base/str.h"
#include "sandbox/api.h"
#include "sandbox/attempt.h"
#include "sandbox/ids.h"
#include "sandbox/page.h"

enum { MOST = 1000 };

struct kf_invitations {
    kf_invitation one[MOST];
    size_t n;
};

kf_invitations *kf_invitations_new(void) {
    kf_invitations *i = kf_new(kf_invitations);
    return i;
}

kf_invitations *kf_invitations_free(kf_invitations *i) {
    for (size_t k = 0; i && k < i->n; k++) {
        free(i->one[k].id);
        free(i->one[k].email);
        free(i->one[k].token);
        free(i->one[k].role);
        free(i->one[k].inviter);
        free(i->one[k].accepted_by);
    }
    free(i);
    return NULL;
}

kf_invitation *kf_invitations_add(kf_invitations *i, const char *email, const kf_org *org,
                                  const char *role, int days) {
    if (i->n == MOST) return NULL;
    kf_invitation *v = &i->one[i->n++];
    *v = (kf_invitation){.id = kf_id_new("invitation_"),
                         .email = kf_strdup(email),
                         .token = kf_token_new(),
                         .org = org,
                         .role = kf_strdup(role),
                         .made_at = kf_now(),
                         .expires_at = kf_now() + (int64_t)days * 86400};
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

/* --- the endpoints --- */

static bool usable(const kf_invitation *v) {
    return v && !v->accepted_at && !v->revoked_at && v->expires_at > kf_now();
}

static kf_json *invitation_json(const kf_sandbox *s, const kf_invitation *v) {
    kf_json *j = kf_json_obj();
    KF_AUTO_CHARS url = kf_strfmt("%s/invite?token=%s", s->base_url, v->token);
    kf_json_set_str(j, "object", "invitation");
    kf_json_set_str(j, "id", v->id);
    kf_json_set_str(j, "email", v->email);
    kf_json_set_str(j, "state",
                    v->accepted_at  ? "accepted"
                    : v->revoked_at ? "revoked"
                    : usable(v)     ? "pending"
                                    : "expired");
    kf_set_time(j, "accepted_at", v->accepted_at);
    kf_set_time(j, "revoked_at", v->revoked_at);
    kf_set_time(j, "expires_at", v->expires_at);
    kf_set_or_null(j, "organization_id", v->org ? v->org->id : NULL);
    kf_set_or_null(j, "inviter_user_id", v->inviter);
    kf_set_or_null(j, "accepted_user_id", v->accepted_by);
    kf_set_or_null(j, "role_slug", v->role);
    kf_json_set_str(j, "token", v->token);
    kf_json_set_str(j, "accept_invitation_url", url);
    kf_set_time(j, "created_at", v->made_at);
    kf_set_time(j, "updated_at",
                v->accepted_at  ? v->accepted_at
                : v->revoked_at ? v->revoked_at
                                : v->made_at);
    return j;
}

static kf_answer invitation_answer(const kf_sandbox *s, int status, const kf_invitation *v) {
    if (!v) return kf_answer_not_found("Invitation");
    return (kf_answer){.status = status, .body = invitation_json(s, v)};
}

kf_answer kf_api_invite(kf_sandbox *s, const kf_call *c) {
    static const char *const texts[] = {"organization_id", "role_slug", "inviter_user_id",
                                        "locale"};
    const char *email = kf_json_str(c->body, "email"),
               *org = kf_json_str(c->body, "organization_id");
    const char *inviter = kf_json_str(c->body, "inviter_user_id");
    int64_t days = 7;
    if (!kf_email_ok(email)) return kf_answer_parameters("email", "email is not an e-mail address");
    for (size_t i = 0; i < KF_LEN(texts); i++) {
        const char *text = kf_json_str(c->body, texts[i]);
        if (kf_json_get(c->body, texts[i]) && (!text || !*text || strlen(text) > 254))
            return kf_answer_parameters(texts[i], "not a string of 1 to 254 bytes");
    }
    if (kf_json_get(c->body, "expires_in_days") &&
        (!kf_json_int(c->body, "expires_in_days", &days) || days < 1 || days > 30))
        return kf_answer_parameters("expires_in_days", "expires_in_days must be from 1 to 30");
    if (org && !kf_users_org(s->users, org)) return kf_answer_not_found("Organization");
    if (inviter && !kf_users_by_id(s->users, inviter)) return kf_answer_not_found("User");
    kf_invitation *v =
        kf_invitations_add(s->invitations, email, org ? kf_users_org(s->users, org) : NULL,
                           kf_json_str(c->body, "role_slug"), (int)days);
    if (!v) return kf_answer_c(503, "The sandbox holds no more invitations.");
    v->inviter = kf_strdup(inviter);
    return invitation_answer(s, 201, v);
}

kf_answer kf_api_invitations(kf_sandbox *s, const kf_call *c) {
    const char *email = kf_web_query(c->req, "email"),
               *org = kf_web_query(c->req, "organization_id");
    kf_json *items = kf_json_arr();
    for (size_t k = 0; k < s->invitations->n; k++) {
        const kf_invitation *v = &s->invitations->one[k];
        if ((!email || strcasecmp(email, v->email) == 0) &&
            (!org || (v->org && kf_str_eq(org, v->org->id))))
            kf_json_add(items, invitation_json(s, v));
    }
    return kf_page(c->req, items);
}

kf_answer kf_api_invitation(kf_sandbox *s, const kf_call *c) {
    return invitation_answer(s, 200, kf_invitations_by_id(s->invitations, c->id));
}

kf_answer kf_api_invitation_token(kf_sandbox *s, const kf_call *c) {
    return invitation_answer(s, 200, kf_invitations_by_token(s->invitations, c->id));
}

kf_answer kf_api_invitation_revoke(kf_sandbox *s, const kf_call *c) {
    kf_invitation *v = kf_invitations_by_id(s->invitations, c->id);
    if (v && !usable(v))
        return kf_answer_a(400, "invite_not_pending", "The invitation is not pending.");
    if (v) v->revoked_at = kf_now();
    return invitation_answer(s, 200, v);
}

/* --- in a sign-in --- */

bool kf_invited(kf_sandbox *s, const char *token, const char *email, kf_pending *p,
                kf_answer *out) {
    kf_invitation *v = token ? kf_invitations_by_token(s->invitations, token) : NULL;
    if (token && !usable(v)) {
        *out = kf_answer_b("invitation_invalid", "The invitation is not valid.");
        return false;
    }
    if (v && strcasecmp(v->email, email) != 0) {
        *out = kf_answer_b("invitation_cannot_be_used_for_email",
                           "The invitation is for another e-mail address.");
        return false;
    }
    if (v) p->invitation = v;
    return true;
}

bool kf_accept(kf_pending *p, kf_answer *out) {
    kf_invitation *v = KF_TAKE(p->invitation);
    if (!usable(v)) {
        *out = kf_answer_b("invitation_invalid", "The invitation is not valid.");
        return false;
    }
    if (v->org && !kf_account_join(p->account, v->org, v->role)) {
        *out = kf_answer_c(503, "The sandbox holds no more memberships.");
        return false;
    }
    if (v->org) p->member = kf_account_member(p->account, v->org->id);
    v->accepted_at = kf_now();
    v->accepted_by = kf_strdup(p->account->id);
    return true;
}
