/* The sandbox's authenticate endpoint: client check, grants, and what can come between a
 * credential and a session (e-mail, MFA, Radar, organization). It never sends the answer itself. */
#include "sandbox/authenticate.h"
#include "base/str.h"
#include "sandbox/attempt.h"
#include "sandbox/hosted.h"
#include "sandbox/ids.h"

#define URN "urn:workos:oauth:grant-type:"

typedef kf_attempt attempt;

const char *kf_field(const kf_attempt *a, const char *name) { return kf_json_str(a->body, name); }
static const char *field(const attempt *a, const char *name) { return kf_field(a, name); }

/* ---- tokens and the success body ---- */

static char *access_token(const kf_sandbox *s, const kf_sess *sess) {
    KF_AUTO(kf_json) c = kf_json_obj();
    char jti[27];
    int64_t now = kf_now();
    kf_ulid(jti);
    kf_json_set_str(c, "iss", s->base_url);
    kf_json_set_str(c, "sub", sess->account->id);
    kf_json_set_str(c, "sid", sess->id);
    kf_json_set_str(c, "jti", jti);
    kf_json_set_str(c, "client_id", sess->app->id);
    if (sess->member) {
        kf_json *roles = kf_json_arr();
        kf_json_add(roles, kf_json_new_str(sess->member->role));
        kf_json_set_str(c, "org_id", sess->member->org->id);
        kf_json_set_str(c, "role", sess->member->role);
        kf_json_set(c, "roles", roles);
        kf_json_set(c, "permissions", kf_json_copy(sess->member->permissions));
    }
    if (sess->account->impersonator) {
        kf_json *act = kf_json_obj();
        kf_json_set_str(act, "sub", kf_json_str(sess->account->impersonator, "email"));
        kf_json_set(c, "act", act);
    }
    kf_json_set_int(c, "auth_time", sess->made_at);
    kf_json_set_int(c, "iat", now);
    kf_json_set_int(c, "exp", now + s->token_life_s);
    return kf_keys_sign(s->keys, c);
}

static kf_answer success(const kf_sandbox *s, const kf_sess *sess) {
    kf_json *body = kf_json_obj();
    KF_AUTO_CHARS access = access_token(s, sess);
    KF_AUTO_CHARS refresh = kf_sessions_token(s->sessions, sess);
    kf_json_set(body, "user", kf_json_copy(sess->account->user));
    if (sess->member) kf_json_set_str(body, "organization_id", sess->member->org->id);
    kf_json_set_str(body, "authentication_method",
                    sess->account->impersonator ? "Impersonation" : sess->method);
    if (sess->account->impersonator)
        kf_json_set(body, "impersonator", kf_json_copy(sess->account->impersonator));
    if (sess->account->oauth_tokens)
        kf_json_set(body, "oauth_tokens", kf_json_copy(sess->account->oauth_tokens));
    kf_json_set_str(body, "access_token", access);
    kf_json_set_str(body, "refresh_token", refresh);
    return (kf_answer){.status = 200, .body = body};
}

/* A header may hold any bytes; lists are JSON. */
static char *plain_agent(const attempt *a) {
    char *text = kf_strdup(kf_web_header(a->call->req, "User-Agent"));
    for (char *p = text; p && *p; p++)
        if (*p < 0x20 || *p > 0x7e) *p = '?';
    return text;
}

kf_answer kf_sign_in(const kf_attempt *a, const kf_pending *p) {
    char now[25];
    const char *ip = field(a, "ip_address"), *agent = field(a, "user_agent");
    KF_AUTO_CHARS header = plain_agent(a);
    kf_sess *sess =
        kf_sessions_add(a->s->sessions, p, ip ? ip : "127.0.0.1", agent ? agent : header);
    if (!sess) return kf_answer_c(503, "The sandbox holds no more sessions.");
    kf_iso_time(sess->made_at, now);
    kf_json_set_str(p->account->user, "last_sign_in_at", now);
    return success(a->s, sess);
}

/* ---- what may stand between a credential and a session ---- */

static void set_pending(const attempt *a, kf_answer *out, kf_pending *p, kf_pending_kind kind) {
    p->kind = kind;
    p->wrong_codes = 0;
    kf_json_set_str(out->body, "pending_authentication_token",
                    kf_sessions_hold(a->s->sessions, p)->token);
}

static kf_answer need_email(const attempt *a, kf_pending *p) {
    const kf_mail *mail = kf_mails_send(a->s->mails, KF_MAIL_VERIFY, p->account->email, p->account);
    kf_answer out = kf_answer_a(403, "email_verification_required",
                                "Email ownership must be verified before authentication.");
    set_pending(a, &out, p, KF_PENDING_EMAIL);
    kf_json_set_str(out.body, "email", p->account->email);
    kf_json_set_str(out.body, "email_verification_id", mail->id);
    return out;
}

static kf_answer need_mfa(const attempt *a, kf_pending *p) {
    bool has = kf_account_has_factor(p->account);
    kf_answer out =
        has ? kf_answer_a(403, "mfa_challenge",
                          "The user must complete an MFA challenge to finish authenticating.")
            : kf_answer_a(403, "mfa_enrollment",
                          "The user must enroll in MFA to finish authenticating.");
    set_pending(a, &out, p, KF_PENDING_MFA);
    kf_json *list = has ? kf_json_arr() : NULL;
    for (size_t i = 0; has && i < KF_FACTORS_MAX; i++) {
        const kf_factor *f = &p->account->factor[i];
        if (!f->id || !f->verified) continue;
        kf_json *factor = kf_json_obj();
        kf_json_set_str(factor, "id", f->id);
        kf_json_set_str(factor, "type", "totp");
        kf_json_add(list, factor);
    }
    kf_json_set(out.body, "authentication_factors", list);
    kf_json_set(out.body, "user", kf_json_copy(p->account->user));
    return out;
}

static kf_answer need_radar(const attempt *a, kf_pending *p) {
    const char *kind = p->account->radar;
    bool mail = kf_str_eq(kind, "email"), sms = kf_str_eq(kind, "sms");
    kf_answer out = kf_answer_a(403,
                                mail  ? "radar_challenge"
                                : sms ? "radar_sms_sign_in_challenge"
                                      : "radar_sign_up_challenge",
                                "The sign-in attempt has to be confirmed.");
    set_pending(a, &out, p, KF_PENDING_RADAR);
    if (mail)
        kf_json_set_str(
            out.body, "radar_challenge_id",
            kf_mails_send(a->s->mails, KF_MAIL_RADAR, p->account->email, p->account)->id);
    else if (sms) kf_mails_send(a->s->mails, KF_MAIL_SMS, kf_account_phone(p->account), p->account);
    kf_json_set(out.body, "user", kf_json_copy(p->account->user));
    return out;
}

static kf_answer need_org(const attempt *a, kf_pending *p) {
    kf_answer out =
        kf_answer_a(403, "organization_selection_required",
                    "The user must choose an organization to finish their authentication.");
    kf_json *list = kf_json_arr();
    for (size_t i = 0; i < p->account->n_membership; i++) {
        kf_json *org = kf_json_obj();
        kf_json_set_str(org, "id", p->account->membership[i].org->id);
        kf_json_set_str(org, "name", p->account->membership[i].org->name);
        kf_json_add(list, org);
    }
    set_pending(a, &out, p, KF_PENDING_ORG);
    kf_json_set(out.body, "organizations", list);
    kf_json_set(out.body, "user", kf_json_copy(p->account->user));
    return out;
}

/* The name that auth_methods has for a method of WORKOS.md §1.4; NULL: it has none. */
static const char *method_key(const char *method) {
    static const char *const keys[][2] = {
        {"Password", "password"},        {"MagicAuth", "magic_auth"},
        {"GoogleOAuth", "google_oauth"}, {"MicrosoftOAuth", "microsoft_oauth"},
        {"GitHubOAuth", "github_oauth"}, {"AppleOAuth", "apple_oauth"}};
    for (size_t i = 0; i < KF_LEN(keys); i++)
        if (kf_str_eq(keys[i][0], method)) return keys[i][1];
    return NULL;
}

/* What the organization forbids, whatever else was shown: all but its own provider, some methods.
 * False: *out is the refusal. */
static bool org_allows(const kf_org *org, const char *method, const kf_org *idp, const char *email,
                       kf_answer *out) {
    const char *key = method_key(method);
    if (org->sso && idp == org) return true;
    if (org->sso && !org->auth_methods) {
        *out = kf_answer_b("sso_required",
                           "User must authenticate using one of the matching connections.");
        kf_json_set_str(out->body, "email", email);
        kf_json_set(out->body, "connection_ids", kf_json_copy(org->sso));
        kf_json_set_null(out->body, "pending_authentication_token");
        return false;
    }
    if (org->auth_methods && !(key && kf_json_bool(org->auth_methods, key, false))) {
        *out = kf_answer_b("organization_authentication_methods_required",
                           "User must authenticate using one of the methods allowed by the "
                           "organization.");
        kf_json_set_str(out->body, "email", email);
        kf_json_set(out->body, "sso_connection_ids",
                    org->sso ? kf_json_copy(org->sso) : kf_json_arr());
        kf_json_set(out->body, "auth_methods", kf_json_copy(org->auth_methods));
        return false;
    }
    return true;
}

/* The organization that p is for, chosen here if there is no choice; NULL: none, or not known yet.
 */
static const kf_org *choose_org(kf_pending *p) {
    if (p->invitation && p->invitation->org) {
        p->org_chosen = true; /* a member only once it is accepted */
        return p->invitation->org;
    }
    if (!p->org_chosen && p->account->n_membership <= 1) {
        p->member = p->account->n_membership ? &p->account->membership[0] : NULL;
        p->org_chosen = true;
    }
    return p->member ? p->member->org : NULL;
}

kf_answer kf_proceed(const kf_attempt *a, kf_pending p) {
    kf_account *who = p.account;
    kf_answer out;
    const kf_org *org = choose_org(&p);
    if (org && !org_allows(org, p.method, p.idp, who->email, &out)) return out;
    if (!who->email_verified) return need_email(a, &p);
    if (who->radar && !p.radar) return need_radar(a, &p);
    bool wants_mfa = kf_account_has_factor(who) || (org && org->require_mfa);
    if (wants_mfa && !p.mfa && !p.idp) return need_mfa(a, &p); /* WORKOS.md §6.6: not for SSO */
    if (!p.org_chosen) return need_org(a, &p);
    if (p.invitation && !kf_accept(&p, &out)) return out;
    return *p.target ? kf_hosted_finish(a, &p) : kf_sign_in(a, &p);
}

/* ---- the grants ---- */

static kf_answer bad_credentials(const char *email) {
    KF_AUTO_CHARS text = kf_strfmt("Incorrect email or password for %s.", email);
    return kf_answer_a(400, "invalid_credentials", text);
}

kf_answer kf_grant_password(const kf_attempt *a) {
    const char *email = field(a, "email");
    kf_account *who = kf_users_by_email(a->s->users, email);
    kf_answer no;
    if (!kf_limited(a->s, "authenticate", email, KF_LIMIT_AUTHENTICATE, &no)) return no;
    if (!who || !kf_account_password_ok(who, field(a, "password"))) return bad_credentials(email);
    kf_pending p = {.account = who, .app = a->app, .method = "Password"};
    if (!kf_invited(a->s, field(a, "invitation_token"), who->email, &p, &no)) return no;
    return kf_proceed(a, p);
}

kf_answer kf_bad_pending(void) {
    return kf_answer_a(400, "invalid_pending_authentication_token",
                       "The pending authentication token is invalid or has expired.");
}

kf_pending *kf_find_pending(const kf_attempt *a, kf_pending_kind kind) {
    kf_pending *p = kf_sessions_pending(a->s->sessions, field(a, "pending_authentication_token"));
    /* What a page began goes on on that page, and nowhere else: its path names it. */
    const char *target = a->call->id ? a->call->id : "";
    return p && p->kind == kind && p->app == a->app && kf_str_eq(p->target, target) ? p : NULL;
}

kf_answer kf_resume(const kf_attempt *a, kf_pending *held, const kf_pending *now) {
    kf_pending p = *now;
    p.token = NULL;
    kf_sessions_drop(a->s->sessions, held);
    return kf_proceed(a, p);
}

kf_answer kf_grant_mfa(const kf_attempt *a) {
    kf_pending *held = kf_find_pending(a, KF_PENDING_MFA);
    if (!held) return kf_bad_pending();
    kf_challenge *c =
        kf_sessions_challenge(a->s->sessions, field(a, "authentication_challenge_id"));
    if (!c) return kf_answer_b("invalid_request", "The authentication challenge does not exist.");
    if (c->account != held->account)
        return kf_answer_a(400, "user_mismatch", "The challenge belongs to another user.");
    if (c->verified)
        return kf_answer_a(422, "authentication_challenge_previously_verified",
                           "The authentication challenge was already verified.");
    kf_factor *factor = NULL;
    if (kf_users_by_factor(a->s->users, c->factor, &factor) != held->account)
        return kf_answer_b("invalid_request", "The authentication factor does not exist.");
    /* One who has a factor cannot answer with another that was never shown to be theirs. */
    if (!factor->verified && kf_account_has_factor(held->account))
        return kf_answer_b("invalid_request", "The authentication factor is not verified.");
    kf_answer no;
    if (!kf_limited(a->s, "authenticate", c->id, KF_LIMIT_AUTHENTICATE, &no)) return no;
    if (c->wrong_codes >= KF_CODE_TRIES || held->wrong_codes >= KF_CODE_TRIES)
        return kf_answer_a(400, "one_time_code_too_many_attempts",
                           "Too many attempts. Start a new sign-in.");
    kf_totp_result r = kf_totp_check(&factor->totp, field(a, "code"), kf_now());
    if (r != KF_TOTP_RIGHT) {
        c->wrong_codes++;
        held->wrong_codes++;
        return r == KF_TOTP_WRONG
                   ? kf_answer_a(400, "invalid_one_time_code", "The code is not valid.")
                   : kf_answer_a(400, "one_time_code_previously_used",
                                 "The code has already been used.");
    }
    c->verified = true;
    kf_factor_verified(factor);
    kf_pending p = *held;
    p.mfa = true;
    return kf_resume(a, held, &p);
}

static kf_answer no_member(const attempt *a, const char *org_id) {
    if (!kf_users_org(a->s->users, org_id))
        return kf_answer_b("organization_not_found", "The organization does not exist.");
    return kf_answer_b("organization_membership_not_found",
                       "The user is not a member of the organization.");
}

kf_answer kf_grant_org(const kf_attempt *a) {
    kf_pending *held = kf_find_pending(a, KF_PENDING_ORG);
    if (!held) return kf_bad_pending();
    const char *org_id = field(a, "organization_id");
    const kf_membership *m = kf_account_member(held->account, org_id);
    if (!m) return no_member(a, org_id);
    kf_pending p = *held;
    p.member = m;
    p.org_chosen = true;
    return kf_resume(a, held, &p);
}

/* Whether the session may go to m's organization; the terminal errors of §1.3. */
static bool may_switch(const kf_sess *sess, const kf_membership *m, kf_answer *out) {
    if (!org_allows(m->org, sess->method, sess->idp, sess->account->email, out)) return false;
    if (!m->org->require_mfa || sess->mfa || sess->idp) return true;
    *out = kf_answer_b("mfa_enrollment", "The user must enroll in MFA to finish authenticating.");
    kf_json_set(out->body, "user", kf_json_copy(sess->account->user));
    return false;
}

static kf_answer replay(const kf_sess *sess) {
    return (kf_answer){.status = 200,
                       .body = kf_json_parse(sess->answer, strlen(sess->answer), NULL)};
}

static kf_answer rotate(const attempt *a, kf_sess *sess) {
    const char *org_id = field(a, "organization_id");
    if (org_id) {
        kf_answer no;
        const kf_membership *m = kf_account_member(sess->account, org_id);
        if (!m) return no_member(a, org_id);
        if (m != sess->member && !may_switch(sess, m, &no)) return no;
        sess->member = m;
    }
    /* An answer that brings no new token is that of a server that does not rotate. */
    if (a->call->no_rotation) return success(a->s, sess);
    kf_sess_rotate(sess);
    kf_answer out = success(a->s, sess);
    if (a->s->keep_answers) kf_sess_keep_answer(sess, kf_json_print(out.body));
    return out;
}

kf_answer kf_grant_refresh(const kf_attempt *a) {
    kf_sess *sess = NULL;
    kf_refresh_state state = kf_sessions_check(a->s->sessions, field(a, "refresh_token"), &sess);
    if (state == KF_REFRESH_UNKNOWN || sess->app != a->app)
        return kf_answer_b("invalid_grant", "Invalid refresh token.");
    if (sess->ended_at) return kf_answer_b("invalid_grant", "Session has already ended.");
    if (state == KF_REFRESH_REUSED) {
        a->s->reused++;
        return kf_answer_b("invalid_grant", "Refresh token already exchanged.");
    }
    if (state == KF_REFRESH_REPLAY) {
        a->s->replayed++;
        return replay(sess);
    }
    return rotate(a, sess);
}

/* ---- the door ---- */

typedef struct grant {
    const char *type, *name;
    bool needs_secret;
    const char *required[4]; /* NULL: the end */
    kf_answer (*run)(const attempt *a);
} grant;

static const grant grants[] = {
    {"password", "password", true, {"email", "password"}, kf_grant_password},
    {"refresh_token", "refresh_token", false, {"refresh_token"}, kf_grant_refresh},
    {"authorization_code", "authorization_code", false, {"code"}, kf_grant_code},
    {"urn:ietf:params:oauth:grant-type:device_code",
     "device_code",
     false,
     {"device_code"},
     kf_grant_device},
    {URN "magic-auth:code", "magic-auth", true, {"code", "email"}, kf_grant_magic},
    {URN "email-verification:code",
     "email-verification",
     true,
     {"code", "pending_authentication_token"},
     kf_grant_verification},
    {URN "radar-email-challenge:code",
     "radar-email-challenge",
     true,
     {"code", "radar_challenge_id", "pending_authentication_token"},
     kf_grant_radar_email},
    {URN "radar-sms-challenge:code",
     "radar-sms-challenge",
     true,
     {"code", "pending_authentication_token"},
     kf_grant_radar_sms},
    {URN "mfa-totp",
     "mfa-totp",
     true,
     {"code", "pending_authentication_token", "authentication_challenge_id"},
     kf_grant_mfa},
    {URN "organization-selection",
     "organization-selection",
     true,
     {"pending_authentication_token", "organization_id"},
     kf_grant_org},
};

static const grant *find_grant(const kf_json *body) {
    const char *type = kf_json_str(body, "grant_type");
    for (size_t i = 0; type && i < KF_LEN(grants); i++)
        if (kf_str_eq(grants[i].type, type)) return &grants[i];
    return NULL;
}

const char *kf_grant_name(const kf_json *body) {
    const grant *g = find_grant(body);
    return g ? g->name : "other";
}

static kf_answer malformed(const char *what, const char *name) {
    KF_AUTO_CHARS text = kf_strfmt("%s %s", what, name);
    return kf_answer_b("invalid_request", text);
}

/* Every member this endpoint knows is a string, also the optional ones. */
static const char *not_a_string(const kf_json *body) {
    static const char *const known[] = {"grant_type",
                                        "client_id",
                                        "client_secret",
                                        "organization_id",
                                        "ip_address",
                                        "user_agent",
                                        "device_id",
                                        "email",
                                        "password",
                                        "refresh_token",
                                        "code",
                                        "invitation_token",
                                        "signals_id",
                                        "pending_authentication_token",
                                        "authentication_challenge_id",
                                        "radar_auth_attempt_id",
                                        "code_verifier",
                                        "device_code",
                                        "radar_challenge_id",
                                        "verification_id",
                                        "phone_number"};
    for (size_t i = 0; i < KF_LEN(known); i++)
        if (kf_json_get(body, known[i]) && !kf_json_str(body, known[i])) return known[i];
    return NULL;
}

/* Which client asks, and whether it may. False: *out is the refusal. */
static bool check_client(attempt *a, bool needs_secret, kf_answer *out) {
    const char *secret = field(a, "client_secret");
    a->app = kf_users_app(a->s->users, field(a, "client_id"));
    if (!a->app) {
        *out = kf_answer_b("invalid_client", "Invalid client ID.");
    } else if (secret && (!kf_users_key(a->s->users, secret) ||
                          (a->app->secret && kf_users_key(a->s->users, secret) != a->app))) {
        *out = kf_answer_unauthorized();
    } else if (needs_secret && !secret) {
        *out = kf_answer_b("invalid_client", "This grant needs the client secret.");
    } else if (needs_secret && !a->app->secret) {
        *out = kf_answer_b("unauthorized_client", "A public client may not use this grant.");
    } else {
        return true;
    }
    return false;
}

kf_answer kf_authenticate(kf_sandbox *s, const kf_call *call) {
    attempt a = {.s = s, .call = call, .body = call->body};
    kf_answer out;
    const char *wrong = a.body ? not_a_string(a.body) : NULL;
    if (!a.body) return kf_answer_b("invalid_request", "The body is neither JSON nor a form.");
    if (wrong) return malformed("Not a string:", wrong);
    if (!field(&a, "grant_type")) return malformed("Missing:", "grant_type");
    const grant *g = find_grant(a.body);
    if (!g) return kf_answer_b("invalid_request", "The grant type is not supported.");
    if (!field(&a, "client_id")) return malformed("Missing:", "client_id");
    if (!check_client(&a, g->needs_secret, &out)) return out;
    for (size_t i = 0; i < KF_LEN(g->required) && g->required[i]; i++)
        if (!field(&a, g->required[i])) return malformed("Missing:", g->required[i]);
    return g->run(&a);
}
