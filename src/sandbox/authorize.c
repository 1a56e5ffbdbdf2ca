/* GET /user_management/authorize and the pages behind it (workos-api.md §2, §3). */
#include "base/str.h"
#include "sandbox/api.h"
#include "sandbox/attempt.h"
#include "sandbox/html.h"
#include "sandbox/ids.h"

/* The providers of workos-api.md §1.4; anything else is refused as the real page refuses it. */
static const char *known_provider(const char *name) {
    static const char *const names[] = {"AppleOAuth", "BitbucketOAuth", "GitHubOAuth", "GitLabOAuth", "GoogleOAuth", "IntuitOAuth",
                                        "LinkedInOAuth", "MicrosoftOAuth", "SalesforceOAuth", "SlackOAuth", "VercelMarketplaceOAuth",
                                        "VercelOAuth", "XeroOAuth"};
    for (size_t i = 0; name && i < KF_LEN(names); i++)
        if (kf_str_eq(names[i], name)) return names[i];
    return NULL;
}

/* http://127.0.0.1:PORT/... is always registered here; others are those of the seed. */
static bool redirect_ok(const kf_sandbox *s, const char *uri) {
    static const char loopback[] = "http://127.0.0.1:";
    for (const kf_json *j = kf_json_first(s->users->redirect_uris); uri && j; j = kf_json_next(j))
        if (kf_str_eq(kf_json_value_str(j), uri)) return true;
    if (!uri || !kf_str_starts(uri, loopback) || strlen(uri) > 1024) return false;
    const char *p = uri + sizeof loopback - 1;
    size_t digits = strspn(p, "0123456789");
    return digits && digits < 6 && p[digits] == '/' && !strpbrk(p, "#@\\ \"<>");
}

/* --- who signs in, on the pages --- */

static kf_answer start(const kf_attempt *a, const kf_page_open *page, kf_account *who, const char *method) {
    kf_pending p = {.account = who, .app = page->app, .method = method};
    if (!kf_str_set(p.target, sizeof p.target, page->id)) abort();
    if (page->org && (p.member = kf_account_member(who, page->org->id))) p.org_chosen = true;
    return kf_proceed(a, p);
}

static void hidden(kf_buf *b, const char *name, const char *value) {
    kf_buf_addf(b, "<input type=\"hidden\" name=\"%s\" value=\"", name);
    kf_html_escape(b, value);
    kf_buf_adds(b, "\">");
}

static kf_answer code_page(const kf_attempt *a, const kf_page_open *page, const char *action, const char *title, const char *text, const kf_json *body, const char *wrong) {
    kf_buf b;
    const char *challenge = kf_field(a, "authentication_challenge_id"), *pending = kf_json_str(body, "pending_authentication_token");
    kf_html_begin(&b, title);
    kf_buf_adds(&b, "<p>");
    kf_html_escape(&b, text);
    if (wrong) {
        kf_buf_adds(&b, "<p class=\"wrong\">");
        kf_html_escape(&b, wrong);
    }
    kf_buf_addf(&b, "<form method=\"post\" action=\"/user_management/authorize/%s\">", page->id);
    hidden(&b, "pending_authentication_token", pending ? pending : kf_field(a, "pending_authentication_token"));
    if (kf_json_str(body, "challenge_of_page")) challenge = kf_json_str(body, "challenge_of_page");
    if (challenge) hidden(&b, "authentication_challenge_id", challenge);
    kf_buf_addf(&b, "<label>Code <input name=\"code\" required autocomplete=\"off\"></label><button name=\"action\" value=\"%s\">Continue</button></form>", action);
    return kf_html_end(&b, 200);
}

/* A second factor on the page: the challenge is made here, and a new factor where there is none. */
static kf_answer mfa_page(const kf_attempt *a, const kf_page_open *page, kf_json *body) {
    kf_pending *p = kf_sessions_pending(a->s->sessions, kf_json_str(body, "pending_authentication_token"));
    const char *id = NULL;
    KF_AUTO_CHARS secret = NULL;
    KF_AUTO_CHARS uri = NULL;
    KF_AUTO_CHARS text = NULL;
    for (size_t i = 0; i < KF_FACTORS_MAX && !id; i++)
        if (p->account->factor[i].id && p->account->factor[i].verified) id = p->account->factor[i].id;
    if (!id) {
        const kf_factor *f = kf_factor_make(p->account, NULL, NULL, NULL, &secret, &uri);
        if (!f) return kf_html_message(400, "Too many factors", "Remove one first.");
        id = f->id;
        text = kf_strfmt("Add this key to an authenticator app: %s", secret);
    }
    kf_json_set_str(body, "challenge_of_page", kf_sessions_challenge_new(a->s->sessions, p->account, id)->id);
    return code_page(a, page, "mfa", text ? "Set up an authenticator app" : "Second factor", text ? text : "The code of your authenticator app.", body, NULL);
}

static kf_answer org_page(const kf_page_open *page, const kf_json *body) {
    kf_buf b;
    kf_html_begin(&b, "Choose an organization");
    kf_buf_addf(&b, "<form method=\"post\" action=\"/user_management/authorize/%s\">", page->id);
    hidden(&b, "pending_authentication_token", kf_json_str(body, "pending_authentication_token"));
    for (const kf_json *j = kf_json_first(kf_json_get(body, "organizations")); j; j = kf_json_next(j)) {
        kf_buf_adds(&b, "<button name=\"organization_id\" value=\"");
        kf_html_escape(&b, kf_json_str(j, "id"));
        kf_buf_adds(&b, "\">");
        kf_html_escape(&b, kf_json_str(j, "name"));
        kf_buf_adds(&b, "</button>");
    }
    kf_buf_adds(&b, "</form>");
    return kf_html_end(&b, 200);
}

/* The organization's own identity provider: whoever is its member may say who they are. */
static kf_answer idp_page(const kf_sandbox *s, const kf_page_open *page, const kf_org *org) {
    kf_buf b;
    kf_html_begin(&b, "Identity provider");
    kf_buf_adds(&b, "<p>of ");
    kf_html_escape(&b, org->name);
    kf_buf_addf(&b, "<form method=\"post\" action=\"/user_management/authorize/%s\">", page->id);
    hidden(&b, "idp", kf_json_value_str(kf_json_first(org->sso)));
    for (size_t i = 0; i < s->users->n_account; i++) {
        if (!kf_account_member(&s->users->account[i], org->id)) continue;
        kf_buf_adds(&b, "<button name=\"email\" value=\"");
        kf_html_escape(&b, s->users->account[i].email);
        kf_buf_adds(&b, "\">Continue as ");
        kf_html_escape(&b, s->users->account[i].email);
        kf_buf_adds(&b, "</button>");
    }
    kf_buf_adds(&b, "<button name=\"action\" value=\"deny\">Cancel</button></form>");
    return kf_html_end(&b, 200);
}

/* An answer of the API as a page: the next question, or what was wrong. Takes r. */
static kf_answer as_page(const kf_attempt *a, kf_page_open *page, kf_answer r, const char *action) {
    if (r.html || r.location) return r;
    KF_AUTO(kf_json) body = r.body;
    const char *code = kf_json_str(body, "code");
    if (!code) code = kf_json_str(body, "error");
    const char *said = kf_json_str(body, "message");
    if (!said) said = kf_json_str_or(body, "error_description", "That did not work.");
    if (kf_str_eq(code, "mfa_challenge") || kf_str_eq(code, "mfa_enrollment")) return mfa_page(a, page, body);
    if (kf_str_eq(code, "organization_selection_required")) return org_page(page, body);
    if (kf_str_eq(code, "email_verification_required"))
        return code_page(a, page, "verify", "Confirm your address", "A code was sent to your e-mail address.", body, NULL);
    if (kf_str_eq(code, "radar_challenge")) /* the page has asked already who it is: the code of the mail is enough */
        return code_page(a, page, "radar", "Is it you?", "A code was sent to your e-mail address.", body, NULL);
    if (kf_str_eq(code, "sso_required")) {
        const kf_org *org = kf_users_connection(a->s->users, kf_json_value_str(kf_json_first(kf_json_get(body, "connection_ids"))));
        if (org) return idp_page(a->s, page, org);
    }
    if (kf_field(a, "code") && kf_field(a, "pending_authentication_token") && kf_sessions_pending(a->s->sessions, kf_field(a, "pending_authentication_token")))
        return code_page(a, page, action, "Try again", "The code was not taken.", NULL, said);
    return kf_html_sign_in(page, said);
}

static kf_answer deny(kf_page_open *page) {
    if (!page->device_code) return kf_html_redirect(page, NULL, "access_denied", "The user denied the request.");
    page->device = KF_DEVICE_NO;
    return kf_html_message(200, "Declined", "The other device was told so.");
}

static kf_answer by_provider(const kf_attempt *a, kf_page_open *page, const char *name) {
    const char *provider = known_provider(name);
    kf_account *first = &a->s->users->account[0]; /* a provider of a sandbox knows one person */
    if (!provider) return kf_html_message(400, "No such provider", "The sandbox does not know it.");
    return as_page(a, page, start(a, page, first, provider), "");
}

static kf_answer radar_code(const kf_attempt *a) {
    kf_pending *held = kf_find_pending(a, KF_PENDING_RADAR);
    kf_mail *m = NULL;
    if (!held) return kf_bad_pending();
    kf_code_result r = kf_mails_check(a->s->mails, KF_MAIL_RADAR, held->account->email, kf_field(a, "code"), &m);
    if (r != KF_CODE_RIGHT) return kf_code_refused(r);
    kf_pending p = *held;
    p.radar = true;
    return kf_resume(a, held, &p);
}

kf_answer kf_api_authorize_post(kf_sandbox *s, const kf_call *c) {
    kf_page_open *page = kf_hosted_find(s->hosted, c->id);
    if (!page || kf_boot_ms() >= page->until_ms || page->code || page->device != KF_DEVICE_OPEN || !c->body)
        return kf_html_message(400, "This page is too old", "Start the sign-in again.");
    kf_attempt a = {.s = s, .call = c, .body = c->body, .app = page->app};
    const char *action = kf_json_str_or(c->body, "action", ""), *provider = kf_json_str(c->body, "provider"), *idp = kf_json_str(c->body, "idp");
    const char *email = kf_field(&a, "email"), *password = kf_field(&a, "password");
    bool code = kf_field(&a, "code") && kf_field(&a, "pending_authentication_token");
    if (kf_str_eq(action, "deny")) return deny(page);
    if (provider) return by_provider(&a, page, provider);
    if (idp) {
        const kf_org *org = kf_users_connection(s->users, idp);
        kf_account *who = email ? kf_users_by_email(s->users, email) : NULL;
        if (!org || !who || !kf_account_member(who, org->id)) return kf_html_message(400, "Unknown person", "The identity provider does not know them.");
        page->org = org;
        return as_page(&a, page, start(&a, page, who, "SSO"), "");
    }
    if (kf_field(&a, "organization_id")) return as_page(&a, page, kf_grant_org(&a), "");
    if (kf_str_eq(action, "mfa") && code && kf_field(&a, "authentication_challenge_id")) return as_page(&a, page, kf_grant_mfa(&a), "mfa");
    if (kf_str_eq(action, "verify") && code) return as_page(&a, page, kf_grant_verification(&a), "verify");
    if (kf_str_eq(action, "radar") && code) return as_page(&a, page, radar_code(&a), "radar");
    kf_account *who = email ? kf_users_by_email(s->users, email) : NULL;
    if (!who || !password || !kf_account_password_ok(who, password)) return kf_html_sign_in(page, "Incorrect email or password.");
    return as_page(&a, page, start(&a, page, who, "Password"), "");
}

/* --- the beginning --- */

static kf_answer refuse(kf_page_open *page, const char *error, const char *why) { return kf_html_redirect(page, NULL, error, why); }

/* Exactly one selector; authkit may have an organization beside it. */
static kf_answer select_way(kf_sandbox *s, const kf_call *c, kf_page_open *page) {
    const char *provider = kf_web_query(c->req, "provider"), *connection = kf_web_query(c->req, "connection_id");
    const char *org = kf_web_query(c->req, "organization_id"), *domain = kf_web_query(c->req, "domain_hint");
    bool authkit = kf_str_eq(provider, "authkit");
    if (!!provider + !!connection + (org && !authkit) != 1) return refuse(page, "invalid_connection_selector", "Exactly one of provider, connection_id and organization_id is needed.");
    if (org && !(page->org = kf_users_org(s->users, org))) return refuse(page, "organization_invalid", "The organization does not exist.");
    if (connection && !(page->idp = kf_users_connection(s->users, connection))) return refuse(page, "connection_invalid", "The connection does not exist.");
    if (provider && !authkit && !known_provider(provider)) return refuse(page, "invalid_connection_selector", "The provider does not exist.");
    if (org && !authkit) page->idp = page->org;
    if (authkit && domain && kf_users_domain(s->users, domain)) page->idp = kf_users_domain(s->users, domain);
    if (page->idp && !page->idp->sso) return refuse(page, "organization_invalid", "The organization has no connection.");
    if (page->idp) return idp_page(s, page, page->idp);
    if (authkit) return kf_html_sign_in(page, NULL);
    kf_buf b;
    kf_html_begin(&b, provider);
    kf_buf_addf(&b, "<form method=\"post\" action=\"/user_management/authorize/%s\"><button name=\"provider\" value=\"%s\">Continue as ", page->id, known_provider(provider));
    kf_html_escape(&b, s->users->account[0].email);
    kf_buf_adds(&b, "</button></form>");
    return kf_html_end(&b, 200);
}

kf_answer kf_api_authorize(kf_sandbox *s, const kf_call *c) {
    const char *client = kf_web_query(c->req, "client_id"), *redirect = kf_web_query(c->req, "redirect_uri");
    const char *challenge = kf_web_query(c->req, "code_challenge"), *method = kf_web_query(c->req, "code_challenge_method");
    const char *state = kf_web_query(c->req, "state"), *age = kf_web_query(c->req, "max_age"), *hint = kf_web_query(c->req, "screen_hint");
    const kf_app *app = client ? kf_users_app(s->users, client) : NULL;
    /* to an address that is not known nothing is sent, not even an error */
    if (!app) return kf_html_message(400, "Unknown application", "The client_id is not one of this environment.");
    if (!redirect_ok(s, redirect)) return kf_html_message(400, "Unknown redirect", "The redirect_uri is not registered for this application.");
    kf_page_open *page = kf_hosted_open(s->hosted, app, KF_PAGE_LIFE_MS);
    page->redirect_uri = kf_strdup(redirect);
    page->state = kf_strdup(state);
    page->login_hint = kf_strdup(kf_web_query(c->req, "login_hint"));
    if (!kf_str_eq(kf_web_query(c->req, "response_type"), "code")) return refuse(page, "invalid_request", "response_type must be code.");
    if (challenge && !kf_str_eq(method, "S256")) return refuse(page, "invalid_request", "code_challenge_method must be S256.");
    if (challenge && strlen(challenge) != 43) return refuse(page, "invalid_request", "code_challenge is not that of S256.");
    if (!challenge && !app->secret) return refuse(page, "invalid_request", "A public client needs PKCE.");
    if (age && (!*age || age[strspn(age, "0123456789")])) return refuse(page, "invalid_request", "max_age must be a number.");
    if (hint && !kf_str_eq(hint, "sign-in") && !kf_str_eq(hint, "sign-up")) return refuse(page, "invalid_request", "screen_hint must be sign-in or sign-up.");
    page->challenge = kf_strdup(challenge);
    return select_way(s, c, page);
}
