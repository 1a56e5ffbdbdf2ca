/* The sandbox's endpoints for users, sessions, log-out, memberships, organizations and the JWKS.
 * The caller holds the lock. */
#include "sandbox/api.h"
#include "base/str.h"
#include "sandbox/ids.h"
#include "sandbox/page.h"

enum { SESSION_LIFE_S = 30 * 24 * 3600 }; /* only shown: production's is not known */

kf_answer kf_api_user(kf_sandbox *s, const kf_call *c) {
    const kf_account *a = kf_users_by_id(s->users, c->id);
    if (!a) return kf_answer_not_found("User");
    return (kf_answer){.status = 200, .body = kf_json_copy(a->user)};
}

/* WORKOS.md §7.1 */
static const char *auth_method(const kf_sess *s) {
    if (s->account->impersonator) return "impersonation";
    if (kf_str_eq(s->method, "Password")) return "password";
    if (kf_str_eq(s->method, "MagicAuth")) return "magic_code";
    return kf_str_eq(s->method, "SSO") ? "sso" : "oauth";
}

static kf_json *session_json(const kf_sess *sess) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "object", "session");
    kf_json_set_str(j, "id", sess->id);
    kf_json_set_str(j, "user_id", sess->account->id);
    if (sess->member) kf_json_set_str(j, "organization_id", sess->member->org->id);
    if (sess->account->impersonator)
        kf_json_set(j, "impersonator", kf_json_copy(sess->account->impersonator));
    kf_set_or_null(j, "ip_address", sess->ip);
    kf_set_or_null(j, "user_agent", sess->user_agent);
    kf_json_set_str(j, "auth_method", auth_method(sess));
    kf_json_set_str(j, "status", sess->ended_at ? "revoked" : "active");
    kf_set_time(j, "expires_at", sess->made_at + SESSION_LIFE_S);
    kf_set_time(j, "ended_at", sess->ended_at);
    kf_set_time(j, "created_at", sess->made_at);
    kf_set_time(j, "updated_at", sess->updated_at);
    return j;
}

kf_answer kf_api_sessions(kf_sandbox *s, const kf_call *c) {
    const kf_account *a = kf_users_by_id(s->users, c->id);
    if (!a) return kf_answer_not_found("User");
    kf_json *items = kf_json_arr();
    for (const kf_sess *i = kf_sessions_next(s->sessions, NULL); i;
         i = kf_sessions_next(s->sessions, i))
        if (i->account == a) kf_json_add(items, session_json(i));
    return kf_page(c->req, items);
}

kf_answer kf_api_revoke(kf_sandbox *s, const kf_call *c) {
    const char *id = kf_json_str(c->body, "session_id");
    if (!id) return kf_answer_parameters("session_id", "session_id must be a string");
    kf_sess *sess = kf_sessions_find(s->sessions, id);
    if (!sess) return kf_answer_not_found("Session");
    kf_sess_end(sess);
    return (kf_answer){.status = 200};
}

/* Only a registered place: anything else would be an open redirect. */
static const char *registered(const kf_json *list, const char *wanted) {
    for (const kf_json *j = kf_json_first(list); wanted && j; j = kf_json_next(j))
        if (kf_str_eq(kf_json_value_str(j), wanted)) return kf_json_value_str(j);
    return NULL;
}

kf_answer kf_api_logout(kf_sandbox *s, const kf_call *c) {
    const char *id = kf_web_query(c->req, "session_id");
    const char *to = kf_web_query(c->req, "return_to");
    const char *place = registered(s->users->logout_redirects, to);
    if (!id) return kf_answer_parameters("session_id", "session_id is missing");
    if (to && !place)
        return kf_answer_parameters("return_to", "return_to is not a registered sign-out redirect");
    kf_sess *sess = kf_sessions_find(s->sessions, id);
    if (!sess) return kf_answer_not_found("Session");
    kf_sess_end(sess);
    return (kf_answer){.status = 302, .location = kf_strdup(place ? place : s->base_url)};
}

static kf_json *role_json(const char *slug) {
    kf_json *role = kf_json_obj();
    kf_json_set_str(role, "slug", slug);
    return role;
}

static kf_json *membership_json(const kf_users *u, const kf_account *a, const kf_membership *m) {
    kf_json *j = kf_json_obj(), *roles = kf_json_arr();
    kf_json_add(roles, role_json(m->role));
    kf_json_set_str(j, "object", "organization_membership");
    kf_json_set_str(j, "id", m->id);
    kf_json_set_str(j, "user_id", a->id);
    kf_json_set_str(j, "organization_id", m->org->id);
    kf_json_set_str(j, "organization_name", m->org->name);
    kf_json_set_str(j, "status", "active");
    kf_json_set(j, "role", role_json(m->role));
    kf_json_set(j, "roles", roles);
    kf_json_set_bool(j, "directory_managed", false);
    kf_json_set(j, "custom_attributes", kf_json_obj());
    kf_set_time(j, "created_at", u->made_at);
    kf_set_time(j, "updated_at", u->made_at);
    return j;
}

/* "active,pending": whether active ones are asked for, which is all there are. */
static bool wants_active(const char *statuses, bool *valid) {
    bool active = !statuses;
    *valid = true;
    for (const char *p = statuses; p && *p;) {
        size_t n = strcspn(p, ",");
        bool known = false;
        static const char *const names[] = {"active", "inactive", "pending"};
        for (size_t i = 0; i < KF_LEN(names); i++)
            if (n == strlen(names[i]) && strncmp(p, names[i], n) == 0) {
                known = true;
                active = active || i == 0;
            }
        *valid = *valid && known;
        p += n + (p[n] == ',');
    }
    return active;
}

kf_answer kf_api_memberships(kf_sandbox *s, const kf_call *c) {
    const char *user = kf_web_query(c->req, "user_id");
    const char *org = kf_web_query(c->req, "organization_id");
    bool valid;
    bool active = wants_active(kf_web_query(c->req, "statuses"), &valid);
    if (!user && !org)
        return kf_answer_a(400, "missing_user_id_or_organization_id",
                           "Either user_id or organization_id is required.");
    if (!valid) return kf_answer_parameters("statuses", "not a status of a membership");
    kf_json *items = kf_json_arr();
    for (size_t i = 0; active && i < s->users->n_account; i++) {
        const kf_account *a = &s->users->account[i];
        if (user && !kf_str_eq(a->id, user)) continue;
        for (size_t m = 0; m < a->n_membership; m++)
            if (!org || kf_str_eq(a->membership[m].org->id, org))
                kf_json_add(items, membership_json(s->users, a, &a->membership[m]));
    }
    return kf_page(c->req, items);
}

kf_answer kf_api_organization(kf_sandbox *s, const kf_call *c) {
    const kf_org *o = kf_users_org(s->users, c->id);
    if (!o) return kf_answer_not_found("Organization");
    kf_json *j = kf_json_obj(), *domains = kf_json_arr();
    for (const kf_json *d = kf_json_first(o->domains); d; d = kf_json_next(d)) {
        kf_json *one = kf_json_obj();
        kf_json_set_str(one, "object", "organization_domain");
        kf_json_set_str(one, "organization_id", o->id);
        kf_json_set_str(one, "domain", kf_json_value_str(d));
        kf_json_set_str(one, "state", "verified");
        kf_json_add(domains, one);
    }
    kf_json_set_str(j, "object", "organization");
    kf_json_set_str(j, "id", o->id);
    kf_json_set_str(j, "name", o->name);
    kf_json_set(j, "domains", domains);
    kf_set_time(j, "created_at", s->users->made_at);
    kf_set_time(j, "updated_at", s->users->made_at);
    return (kf_answer){.status = 200, .body = j};
}

kf_answer kf_api_jwks(kf_sandbox *s, const kf_call *c) {
    if (!kf_users_app(s->users, c->id)) return kf_answer_not_found("Client");
    return (kf_answer){.status = 200, .body = kf_keys_jwks(s->keys)};
}
