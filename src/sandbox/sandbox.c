/* One sandbox: its state, its table of routes, and the way of a request through lock, API key
 * check and faults to an endpoint. Also the /sandbox endpoints for statistics and faults. */
#include "sandbox/state.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "sandbox/api.h"
#include "sandbox/authenticate.h"
#include "sandbox/ids.h"

kf_sandbox *kf_sandbox_new(const kf_sandbox_opts *o, kf_err *err) {
    kf_users *users = kf_users_load(o->seed, o->seed_len, err);
    kf_keys *keys = users ? kf_keys_new(err) : NULL;
    if (!keys) {
        kf_users_free(users);
        return NULL;
    }
    kf_sandbox *s = kf_new(kf_sandbox);
    pthread_mutex_init(&s->lock, NULL);
    s->token_life_s = o->token_life_s;
    s->keep_answers = o->replay_window_ms > 0;
    s->users = users;
    s->keys = keys;
    s->sessions = kf_sessions_new(o->replay_window_ms);
    s->mails = kf_mails_new(o->code_life_s * 1000);
    s->limits = kf_limits_new(o->limits);
    s->hosted = kf_hosted_new(o->code_life_s * 1000, o->device_life_s, o->device_interval_s);
    s->invitations = kf_invitations_new();
    s->requests = kf_json_obj();
    s->grants = kf_json_obj();
    s->last_request_ms = kf_boot_ms();
    return s;
}

kf_sandbox *kf_sandbox_free(kf_sandbox *s) {
    if (!s) return NULL;
    kf_hosted_free(s->hosted);
    kf_invitations_free(s->invitations);
    kf_limits_free(s->limits);
    kf_mails_free(s->mails);
    kf_sessions_free(s->sessions);
    kf_users_free(s->users);
    kf_keys_free(s->keys);
    kf_faults_free(s->faults);
    kf_json_free(s->requests);
    kf_json_free(s->grants);
    free(s->base_url);
    pthread_mutex_destroy(&s->lock);
    free(s);
    return NULL;
}

void kf_sandbox_set_base(kf_sandbox *s, const char *base_url) {
    free(s->base_url);
    s->base_url = kf_strdup(base_url);
}

void kf_sandbox_set_faults(kf_sandbox *s, kf_faults *f) {
    pthread_mutex_lock(&s->lock);
    kf_faults *old = s->faults;
    s->faults = f;
    pthread_mutex_unlock(&s->lock);
    kf_faults_free(old);
}

int64_t kf_sandbox_idle_ms(kf_sandbox *s) {
    pthread_mutex_lock(&s->lock);
    int64_t idle = kf_boot_ms() - s->last_request_ms;
    pthread_mutex_unlock(&s->lock);
    return idle;
}

static const char *peculiarity(const kf_account *a) {
    const kf_org *only = a->n_membership == 1 ? a->membership[0].org : NULL;
    if (!a->email_verified) return "has to verify the e-mail address";
    if (only && only->sso) return "has to use single sign-on";
    if (a->radar) return "is asked by Radar";
    if (a->impersonator) return "is impersonated";
    if (kf_account_has_factor(a)) return "has a TOTP factor";
    if (only && only->require_mfa) return "has to enrol a second factor";
    if (a->n_membership > 1) return "chooses between organizations";
    return a->n_membership ? "one organization" : "no organization";
}

char *kf_sandbox_accounts(const kf_sandbox *s) {
    kf_buf b;
    kf_buf_init(&b, 16 * 1024 * 1024);
    for (size_t i = 0; i < s->users->n_app; i++)
        kf_buf_addf(&b, "client   %s  %s\n", s->users->app[i].id,
                    s->users->app[i].secret ? s->users->app[i].secret : "(public, no key)");
    for (size_t i = 0; i < s->users->n_account; i++) {
        const kf_account *a = &s->users->account[i];
        kf_buf_addf(&b, "account  %s  password %s  (%s)\n", a->email,
                    a->password ? a->password : "-", peculiarity(a));
    }
    char *out = kf_buf_steal(&b);
    kf_buf_done(&b);
    return out;
}

/* ---- the sandbox's own endpoints ---- */

static kf_answer stats(kf_sandbox *s, const kf_call *c) {
    kf_json *body = kf_json_obj();
    kf_json_set(body, "requests", kf_json_copy(s->requests));
    kf_json_set(body, "grants", kf_json_copy(s->grants));
    kf_json_set_int(body, "sessions", (int64_t)kf_sessions_alive(s->sessions));
    kf_json_set_int(body, "replayed", s->replayed);
    kf_json_set_int(body, "reused", s->reused);
    return (kf_answer){.status = 200, .body = body};
}

/* Not for web pages: a browser names the origin of a POST (fetch.spec.whatwg.org, "Origin"). */
static kf_answer set_faults(kf_sandbox *s, const kf_call *c) {
    size_t len;
    const char *text = kf_web_text(c->req, &len);
    kf_err err = {0};
    if (kf_web_header(c->req, "Origin")) return kf_answer_c(403, "Not from a web page.");
    kf_faults *fresh = kf_faults_parse(text, len, &err);
    if (!fresh) return kf_answer_c(400, err.what);
    kf_faults_free(s->faults);
    s->faults = fresh;
    return (kf_answer){.status = 200, .body = kf_json_obj()};
}

/* ---- the way to them ---- */

typedef enum { OPEN, KEY } auth_kind;
typedef enum { NO_BODY, JSON_BODY, JSON_OR_FORM } body_kind;

typedef struct route {
    const char *place; /* as the statistics name it */
    auth_kind auth;
    body_kind body;
    kf_answer (*run)(kf_sandbox *s, const kf_call *c);
} route;

static const route routes[] = {
    {"POST /user_management/authenticate", OPEN, JSON_OR_FORM, kf_authenticate},
    {"GET /user_management/authorize", OPEN, NO_BODY, kf_api_authorize},
    {"POST /user_management/authorize/device", OPEN, JSON_OR_FORM, kf_api_device},
    {"POST /user_management/authorize/{id}", OPEN, JSON_OR_FORM, kf_api_authorize_post},
    {"GET /device", OPEN, NO_BODY, kf_api_device_page},
    {"POST /device", OPEN, JSON_OR_FORM, kf_api_device_post},
    {"POST /user_management/magic_auth", KEY, JSON_BODY, kf_api_magic},
    {"GET /user_management/magic_auth/{id}", KEY, NO_BODY, kf_api_magic_get},
    {"GET /user_management/email_verification/{id}", KEY, NO_BODY, kf_api_verification},
    {"POST /user_management/users/{id}/email_verification/send", KEY, NO_BODY,
     kf_api_verification_send},
    {"POST /user_management/users/{id}/email_verification/confirm", KEY, JSON_BODY,
     kf_api_verification_confirm},
    {"POST /user_management/password_reset", KEY, JSON_BODY, kf_api_reset},
    {"POST /user_management/password_reset/confirm", KEY, JSON_BODY, kf_api_reset_confirm},
    {"GET /user_management/password_reset/{id}", KEY, NO_BODY, kf_api_reset_get},
    {"POST /user_management/radar_challenges", KEY, JSON_BODY, kf_api_radar},
    {"GET /user_management/radar_challenges/{id}", KEY, NO_BODY, kf_api_radar_get},
    {"GET /user_management/invitations", KEY, NO_BODY, kf_api_invitations},
    {"POST /user_management/invitations", KEY, JSON_BODY, kf_api_invite},
    {"GET /user_management/invitations/by_token/{id}", KEY, NO_BODY, kf_api_invitation_token},
    {"GET /user_management/invitations/{id}", KEY, NO_BODY, kf_api_invitation},
    {"POST /user_management/invitations/{id}/revoke", KEY, NO_BODY, kf_api_invitation_revoke},
    {"POST /user_management/users/{id}/auth_factors", KEY, JSON_BODY, kf_api_enroll},
    {"GET /user_management/users/{id}/auth_factors", KEY, NO_BODY, kf_api_factors},
    {"GET /auth/factors/{id}", KEY, NO_BODY, kf_api_factor},
    {"DELETE /auth/factors/{id}", KEY, NO_BODY, kf_api_factor_delete},
    {"POST /auth/factors/{id}/challenge", KEY, NO_BODY, kf_api_challenge},
    {"POST /auth/challenges/{id}/verify", KEY, JSON_BODY, kf_api_verify},
    {"GET /organizations/{id}", KEY, NO_BODY, kf_api_organization},
    {"GET /user_management/users/{id}", KEY, NO_BODY, kf_api_user},
    {"GET /user_management/users/{id}/sessions", KEY, NO_BODY, kf_api_sessions},
    {"POST /user_management/sessions/revoke", KEY, JSON_BODY, kf_api_revoke},
    {"GET /user_management/sessions/logout", OPEN, NO_BODY, kf_api_logout},
    {"GET /user_management/organization_memberships", KEY, NO_BODY, kf_api_memberships},
    {"GET /sso/jwks/{id}", OPEN, NO_BODY, kf_api_jwks},
    {"GET /sandbox/stats", OPEN, NO_BODY, stats},
    {"GET /sandbox/mail", OPEN, NO_BODY, kf_api_mail},
    {"POST /sandbox/faults", OPEN, NO_BODY, set_faults},
};

/* place against "METHOD" and path; *id (heap) is what stood for {id}. */
static bool matches(const char *place, const char *method, const char *path, char **id) {
    static const char hole[] = "{id}";
    size_t n = strlen(method);
    if (strncmp(place, method, n) != 0 || place[n] != ' ') return false;
    place += n + 1;
    const char *at = strstr(place, hole);
    if (!at) return kf_str_eq(place, path);
    size_t head = (size_t)(at - place);
    if (strncmp(place, path, head) != 0) return false;
    size_t len = strcspn(path + head, "/");
    if (!len || !kf_str_eq(path + head + len, at + sizeof hole - 1)) return false;
    *id = kf_strfmt("%.*s", (int)len, path + head);
    return true;
}

static const route *find_route(const kf_web_req *req, char **id) {
    for (size_t i = 0; i < KF_LEN(routes); i++)
        if (matches(routes[i].place, kf_web_method(req), kf_web_path(req), id)) return &routes[i];
    return NULL;
}

static bool has_key(const kf_sandbox *s, const kf_web_req *req) {
    const char *header = kf_web_header(req, "Authorization");
    static const char bearer[] = "Bearer ";
    return header && kf_str_starts(header, bearer) &&
           kf_users_key(s->users, header + sizeof bearer - 1);
}

static kf_answer run(kf_sandbox *s, const route *r, const kf_call *c) {
    bool named = kf_web_header(c->req, "Authorization") != NULL;
    if (!r) return kf_answer_c(404, "Not Found");
    /* authenticate needs no key here, but a wrong one is refused all the same. */
    if ((r->auth == KEY || (r->run == kf_authenticate && named)) && !has_key(s, c->req))
        return kf_answer_unauthorized();
    if (r->body == JSON_BODY && !c->body)
        return kf_answer_parameters("body", "The body is no JSON object.");
    return r->run(s, c);
}

static void count(kf_json *counters, const char *name) {
    kf_json_set_int(counters, name, kf_json_int_or(counters, name, 0) + 1);
}

static void put_answer(kf_answer *a, kf_web_res *res) {
    res->status = a->status;
    if (a->body) {
        char *text = kf_json_print(a->body);
        kf_web_set_body(res, text, strlen(text));
    }
    if (a->html) {
        kf_web_set_body(res, a->html, strlen(a->html));
        kf_web_set_header(res, "Content-Type", "text/html; charset=utf-8");
        kf_web_set_header(res, "Content-Security-Policy",
                          "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
        kf_web_set_header(res, "Cache-Control", "no-store");
    }
    if (a->location) kf_web_set_header(res, "Location", a->location);
    free(a->location);
    if (a->retry_after > 0) {
        char seconds[16];
        snprintf(seconds, sizeof seconds, "%d", a->retry_after);
        kf_web_set_header(res, "Retry-After", seconds);
    }
}

static void answer(kf_sandbox *s, const route *r, kf_call *c, kf_web_res *res) {
    const char *grant = r && r->run == kf_authenticate ? kf_grant_name(c->body) : NULL;
    const char *place = r ? strchr(r->place, ' ') + 1 : NULL;
    const char *path = kf_web_path(c->req);
    const kf_fault *fault = NULL;
    s->last_request_ms = kf_boot_ms();
    count(s->requests, r ? r->place : "other");
    if (grant) count(s->grants, grant);
    if (!kf_str_starts(path, "/sandbox/")) fault = kf_faults_pick(s->faults, path, place, grant);
    c->no_rotation = kf_fault_removes(fault, "refresh_token");
    if (kf_fault_handles(fault)) {
        kf_answer a = run(s, r, c);
        kf_fault_edit(fault, a.status, a.body);
        put_answer(&a, res);
        kf_json_free(a.body);
    }
    kf_fault_apply(fault, res);
}

void kf_sandbox_handle(const kf_web_req *req, kf_web_res *res, void *user) {
    kf_sandbox *s = user;
    KF_AUTO_CHARS id = NULL;
    KF_AUTO_CHARS request_id = kf_id_new("req_");
    const route *r = find_route(req, &id);
    KF_AUTO(kf_json)
    body = r && r->body != NO_BODY ? kf_web_body(req, r->body == JSON_OR_FORM, NULL) : NULL;
    kf_call call = {.req = req, .id = id, .body = body};
    kf_web_set_header(res, "X-Request-ID", request_id);
    pthread_mutex_lock(&s->lock);
    answer(s, r, &call, res);
    pthread_mutex_unlock(&s->lock);
}
