/* GET /user_management/authorize and the pages behind it (WORKOS.md §2, §3). */
#include "base/str.h"
#include "sandbox/api.h"
#include "sandbox/attempt.h"
#include "sandbox/html.h"
#include "sandbox/ids.h"

#define B64URL "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

/* The providers of WORKOS.md §1.4; anything else is refused as the real page refuses it. */
static const char *known_provider(const char *name) {
    static const char *const names[] = {"AppleOAuth",
                                        "BitbucketOAuth",
                                        "GitHubOAuth",
                                        "GitLabOAuth",
                                        "GoogleOAuth",
                                        "IntuitOAuth",
                                        "LinkedInOAuth",
                                        "MicrosoftOAuth",
                                        "SalesforceOAuth",
                                        "SlackOAuth",
                                        "VercelMarketplaceOAuth",
                                        "VercelOAuth",
                                        "XeroOAuth"};
    for (size_t i = 0; name && i < KF_LEN(names); i++)
        if (kf_str_eq(names[i], name)) return names[i];
    return NULL;
}

/* http://127.0.0.1:PORT/... is always registered here; others are those of the seed. */
static bool redirect_ok(const kf_sandbox *s, const char *uri) {
    static const char loopback[] = "http://127.0.0.1:";
    if (!uri || strlen(uri) > 1024) return false;
    for (const char *p = uri; *p; p++)
        if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f) return false;
    for (const kf_json *j = kf_json_first(s->users->redirect_uris); j; j = kf_json_next(j))
        if (kf_str_eq(kf_json_value_str(j), uri)) return true;
    if (!kf_str_starts(uri, loopback)) return false;
    const char *p = uri + sizeof loopback - 1;
    size_t digits = strspn(p, "0123456789");
    long port = digits && digits < 6 ? strtol(p, NULL, 10) : 0;
    return port > 0 && port < 65536 && p[digits] == '/' && !strpbrk(p, "#@\\\"<>");
}

/* --- who signs in, on the pages --- */

/* A person has shown who they are. idp: the organization whose provider said so, or NULL. */
static kf_answer start(const kf_attempt *a, const kf_page_open *page, kf_account *who,
                       const char *method, const kf_org *idp) {
    kf_pending p = {.account = who, .app = page->app, .method = method, .idp = idp};
    const kf_org *org = idp ? idp : page->org;
    kf_answer no;
    if (!kf_str_set(p.target, sizeof p.target, page->id)) abort();
    if (!kf_invited(a->s, page->invitation_token, who->email, &p, &no)) return no;
    bool invited = p.invitation && p.invitation->org && (!org || p.invitation->org == org);
    if (org && !invited && !(p.member = kf_account_member(who, org->id)))
        return kf_answer_b("organization_membership_not_found",
                           "The user is not a member of the organization.");
    p.org_chosen = org != NULL;
    return kf_proceed(a, p);
}

static void hidden(kf_buf *b, const char *name, const char *value) {
    kf_buf_addf(b, "<input type=\"hidden\" name=\"%s\" value=\"", name);
    kf_html_escape(b, value);
    kf_buf_adds(b, "\">");
}

static void form(kf_buf *b, const kf_page_open *page) {
    kf_buf_addf(b, "<form method=\"post\" action=\"/user_management/authorize/%s\">", page->id);
}

/* A question in the middle of a sign-in. What it belongs to is in body, or was in the form before.
 */
static kf_answer ask(const kf_attempt *a, const kf_page_open *page, const char *action,
                     const char *title, const char *text, const kf_json *body, const char *wrong) {
    static const char *const carried[] = {"pending_authentication_token",
                                          "authentication_challenge_id", "radar_challenge_id",
                                          "verification_id", "phone_number"};
    bool phone = kf_str_eq(action, "phone");
    kf_buf b;
    kf_html_begin(&b, title);
    kf_buf_adds(&b, "<p>");
    kf_html_escape(&b, text);
    if (wrong) {
        kf_buf_adds(&b, "<p class=\"wrong\">");
        kf_html_escape(&b, wrong);
    }
    form(&b, page);
    for (size_t i = 0; i < KF_LEN(carried) - phone; i++) {
        const char *value = kf_json_str(body, carried[i]);
        if (!value) value = kf_field(a, carried[i]);
        if (value) hidden(&b, carried[i], value);
    }
    kf_buf_addf(&b,
                "<label>%s <input name=\"%s\" required autocomplete=\"off\"></label><button "
                "name=\"action\" value=\"%s\">Continue</button></form>",
                phone ? "Phone number" : "Code", phone ? "phone_number" : "code", action);
    return kf_html_end(&b, 200);
}

/* A second factor on the page: the challenge is made here, and a new factor where there is none. */
static kf_answer mfa_page(const kf_attempt *a, const kf_page_open *page, kf_json *body) {
    kf_pending *p =
        kf_sessions_pending(a->s->sessions, kf_json_str(body, "pending_authentication_token"));
    const char *id = NULL;
    KF_AUTO_CHARS secret = NULL;
    KF_AUTO_CHARS uri = NULL;
    KF_AUTO_CHARS text = NULL;
    for (size_t i = 0; i < KF_FACTORS_MAX && !id; i++)
        if (p->account->factor[i].id && p->account->factor[i].verified)
            id = p->account->factor[i].id;
    if (!id) {
        const kf_factor *f = kf_factor_make(p->account, NULL, NULL, NULL, &secret, &uri);
        if (!f) return kf_html_message(400, "Too many factors", "Remove one first.");
        id = f->id;
        text = kf_strfmt("Add this key to an authenticator app: %s", secret);
    }
    kf_json_set_str(body, "authentication_challenge_id",
                    kf_sessions_challenge_new(a->s->sessions, p->account, id)->id);
    return ask(a, page, "mfa", text ? "Set up an authenticator app" : "Second factor",
               text ? text : "The code of your authenticator app.", body, NULL);
}

static void button(kf_buf *b, const char *name, const char *value, const char *label,
                   const char *more) {
    kf_buf_addf(b, "<button name=\"%s\" value=\"", name);
    kf_html_escape(b, value);
    kf_buf_adds(b, "\">");
    kf_html_escape(b, label);
    kf_html_escape(b, more);
    kf_buf_adds(b, "</button>");
}

static kf_answer org_page(const kf_page_open *page, const kf_json *body) {
    kf_buf b;
    kf_html_begin(&b, "Choose an organization");
    form(&b, page);
    hidden(&b, "pending_authentication_token", kf_json_str(body, "pending_authentication_token"));
    for (const kf_json *j = kf_json_first(kf_json_get(body, "organizations")); j;
         j = kf_json_next(j))
        button(&b, "organization_id", kf_json_str(j, "id"), kf_json_str(j, "name"), NULL);
    kf_buf_adds(&b, "</form>");
    return kf_html_end(&b, 200);
}

/* The organization's own identity provider: each of its members may say who they are. */
static kf_answer idp_page(const kf_sandbox *s, const kf_page_open *page, const kf_org *org) {
    kf_buf b;
    kf_html_begin(&b, "Identity provider");
    kf_buf_adds(&b, "<p>of ");
    kf_html_escape(&b, org->name);
    form(&b, page);
    hidden(&b, "idp", kf_json_value_str(kf_json_first(org->sso)));
    for (size_t i = 0; i < s->users->n_account; i++) {
        const kf_account *who = &s->users->account[i];
        if (kf_account_member(who, org->id))
            button(&b, "email", who->email, "Continue as ", who->email);
    }
    button(&b, "action", "deny", "Cancel", NULL);
    kf_buf_adds(&b, "</form>");
    return kf_html_end(&b, 200);
}

/* Whom Google and the like know here: the person of login_hint, or the first of the seed. */
static kf_account *provider_person(const kf_sandbox *s, const kf_page_open *page) {
    kf_account *hinted = page->login_hint ? kf_users_by_email(s->users, page->login_hint) : NULL;
    return hinted ? hinted : &s->users->account[0];
}

static kf_answer provider_page(const kf_sandbox *s, const kf_page_open *page,
                               const char *provider) {
    kf_buf b;
    kf_html_begin(&b, provider);
    form(&b, page);
    button(&b, "provider", provider, "Continue as ", provider_person(s, page)->email);
    button(&b, "action", "deny", "Cancel", NULL);
    kf_buf_adds(&b, "</form>");
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
    if (kf_str_eq(code, "mfa_challenge") || kf_str_eq(code, "mfa_enrollment"))
        return mfa_page(a, page, body);
    if (kf_str_eq(code, "organization_selection_required")) return org_page(page, body);
    if (kf_str_eq(code, "email_verification_required"))
        return ask(a, page, "verify", "Confirm your address",
                   "A code was sent to your e-mail address.", body, NULL);
    if (kf_str_eq(code, "radar_challenge"))
        return ask(a, page, "radar", "Is it you?", "A code was sent to your e-mail address.", body,
                   NULL);
    if (kf_str_eq(code, "radar_sms_sign_in_challenge"))
        return ask(a, page, "radar-sms", "Is it you?", "A code was sent to your phone.", body,
                   NULL);
    if (kf_str_eq(code, "radar_sign_up_challenge"))
        return ask(a, page, "phone", "Your phone",
                   "A code will be sent to it. Write the number with + and the country code.", body,
                   NULL);
    if (kf_str_eq(code, "sso_required")) {
        const kf_org *org = kf_users_connection(
            a->s->users, kf_json_value_str(kf_json_first(kf_json_get(body, "connection_ids"))));
        if (org) return idp_page(a->s, page, org);
    }
    if (*action && kf_sessions_pending(a->s->sessions, kf_field(a, "pending_authentication_token")))
        return ask(a, page, action, "Try again", "That was not taken.", NULL, said);
    return kf_html_sign_in(page, said);
}

static kf_answer deny(kf_page_open *page) {
    if (!page->device_code)
        return kf_html_redirect(page, NULL, "access_denied", "The user denied the request.");
    page->device = KF_DEVICE_NO;
    return kf_html_message(200, "Declined", "The other device was told so.");
}

static kf_answer by_provider(const kf_attempt *a, kf_page_open *page, const char *name) {
    const char *provider = known_provider(name);
    if (!provider) return kf_html_message(400, "No such provider", "The sandbox does not know it.");
    return as_page(a, page, start(a, page, provider_person(a->s, page), provider, NULL), "");
}

static kf_answer by_idp(const kf_attempt *a, kf_page_open *page, const char *connection) {
    const char *email = kf_field(a, "email");
    const kf_org *org = kf_users_connection(a->s->users, connection);
    kf_account *who = org && email ? kf_users_by_email(a->s->users, email) : NULL;
    if (!who || !kf_account_member(who, org->id))
        return kf_html_message(400, "Unknown person", "The identity provider does not know them.");
    return as_page(a, page, start(a, page, who, "SSO", org), "");
}

static kf_answer by_password(const kf_attempt *a, kf_page_open *page) {
    const char *email = kf_field(a, "email"), *password = kf_field(a, "password");
    kf_account *who = email ? kf_users_by_email(a->s->users, email) : NULL;
    kf_answer no;
    if (!kf_limited(a->s, "authenticate", email, KF_LIMIT_AUTHENTICATE, &no))
        return as_page(a, page, no, "");
    if (!who || !password || !kf_account_password_ok(who, password))
        return kf_html_sign_in(page, "Incorrect email or password.");
    return as_page(a, page, start(a, page, who, "Password", NULL), "");
}

/* The text message of a radar challenge, and the page that asks for its code. */
static kf_answer by_phone(const kf_attempt *a, kf_page_open *page) {
    kf_pending *held = kf_find_pending(a, KF_PENDING_RADAR);
    if (!held) return as_page(a, page, kf_bad_pending(), "");
    kf_answer r = kf_radar_send(a->s, held, kf_field(a, "phone_number"));
    if (r.status != 201) return as_page(a, page, r, "phone");
    KF_AUTO(kf_json) body = r.body;
    return ask(a, page, "radar-sms", "Is it you?", "A code was sent to your phone.", body, NULL);
}

kf_answer kf_api_authorize_post(kf_sandbox *s, const kf_call *c) {
    kf_page_open *page = kf_hosted_find(s->hosted, c->id);
    if (!page || kf_boot_ms() >= page->until_ms || page->code || page->device != KF_DEVICE_OPEN ||
        !c->body)
        return kf_html_message(400, "This page is too old", "Start the sign-in again.");
    kf_attempt a = {.s = s, .call = c, .body = c->body, .app = page->app};
    const char *action = kf_json_str_or(c->body, "action", ""),
               *provider = kf_json_str(c->body, "provider"), *idp = kf_json_str(c->body, "idp");
    bool held = kf_field(&a, "pending_authentication_token"), code = held && kf_field(&a, "code");
    if (kf_str_eq(action, "deny")) return deny(page);
    if (provider) return by_provider(&a, page, provider);
    if (idp) return by_idp(&a, page, idp);
    if (held && kf_field(&a, "organization_id")) return as_page(&a, page, kf_grant_org(&a), "");
    if (held && kf_str_eq(action, "phone")) return by_phone(&a, page);
    if (code && kf_str_eq(action, "mfa") && kf_field(&a, "authentication_challenge_id"))
        return as_page(&a, page, kf_grant_mfa(&a), action);
    if (code && kf_str_eq(action, "verify"))
        return as_page(&a, page, kf_grant_verification(&a), action);
    if (code && kf_str_eq(action, "radar") && kf_field(&a, "radar_challenge_id"))
        return as_page(&a, page, kf_grant_radar_email(&a), action);
    if (code && kf_str_eq(action, "radar-sms"))
        return as_page(&a, page, kf_grant_radar_sms(&a), action);
    return by_password(&a, page);
}

/* --- the beginning --- */

static kf_answer refuse(kf_page_open *page, const char *error, const char *why) {
    return kf_html_redirect(page, NULL, error, why);
}

/* Exactly one selector; authkit may have an organization beside it. */
static kf_answer select_way(kf_sandbox *s, const kf_call *c, kf_page_open *page) {
    const char *provider = kf_web_query(c->req, "provider"),
               *connection = kf_web_query(c->req, "connection_id");
    const char *org = kf_web_query(c->req, "organization_id"),
               *domain = kf_web_query(c->req, "domain_hint");
    bool authkit = kf_str_eq(provider, "authkit");
    if (!!provider + !!connection + (org && !authkit) != 1)
        return refuse(page, "invalid_connection_selector",
                      "Exactly one of provider, connection_id and organization_id is needed.");
    if (org && !(page->org = kf_users_org(s->users, org)))
        return refuse(page, "organization_invalid", "The organization does not exist.");
    if (connection && !(page->idp = kf_users_connection(s->users, connection)))
        return refuse(page, "connection_invalid", "The connection does not exist.");
    if (provider && !authkit && !known_provider(provider))
        return refuse(page, "invalid_connection_selector", "The provider does not exist.");
    if (org && !authkit) page->idp = page->org;
    if (authkit && domain && kf_users_domain(s->users, domain))
        page->idp = kf_users_domain(s->users, domain);
    if (page->idp && !page->idp->sso)
        return refuse(page, "organization_invalid", "The organization has no connection.");
    if (page->idp) return idp_page(s, page, page->idp);
    return authkit ? kf_html_sign_in(page, NULL) : provider_page(s, page, known_provider(provider));
}

/* Whether the request is one that may go on; the rest of it is in page already. */
static const char *objection(const kf_call *c, const kf_page_open *page) {
    const char *challenge = kf_web_query(c->req, "code_challenge"),
               *age = kf_web_query(c->req, "max_age");
    const char *hint = kf_web_query(c->req, "screen_hint");
    if (!kf_str_eq(kf_web_query(c->req, "response_type"), "code"))
        return "response_type must be code.";
    if (challenge && !kf_str_eq(kf_web_query(c->req, "code_challenge_method"), "S256"))
        return "code_challenge_method must be S256.";
    if (!challenge && kf_web_query(c->req, "code_challenge_method"))
        return "code_challenge is missing.";
    if (challenge && (strlen(challenge) != 43 || challenge[strspn(challenge, B64URL)]))
        return "code_challenge is not that of S256.";
    if (!challenge && !page->app->secret) return "A public client needs PKCE.";
    if (age && (!*age || strlen(age) > 9 || age[strspn(age, "0123456789")]))
        return "max_age must be a number.";
    if (hint && !kf_str_eq(hint, "sign-in") && !kf_str_eq(hint, "sign-up"))
        return "screen_hint must be sign-in or sign-up.";
    return NULL;
}

kf_answer kf_api_authorize(kf_sandbox *s, const kf_call *c) {
    const char *client = kf_web_query(c->req, "client_id"),
               *redirect = kf_web_query(c->req, "redirect_uri");
    const char *hint = kf_web_query(c->req, "login_hint"),
               *invitation = kf_web_query(c->req, "invitation_token");
    const kf_app *app = client ? kf_users_app(s->users, client) : NULL;
    /* to an address that is not known nothing is sent, not even an error */
    if (!app)
        return kf_html_message(400, "Unknown application",
                               "The client_id is not one of this environment.");
    if (!redirect_ok(s, redirect))
        return kf_html_message(400, "Unknown redirect",
                               "The redirect_uri is not registered for this application.");
    kf_page_open *page = kf_hosted_open(s->hosted, app, KF_PAGE_LIFE_MS);
    page->redirect_uri = kf_strdup(redirect);
    page->state = kf_strdup(kf_web_query(c->req, "state"));
    page->login_hint = kf_strdup(hint);
    page->invitation_token = kf_strdup(invitation);
    page->challenge = kf_strdup(kf_web_query(c->req, "code_challenge"));
    const char *why = objection(c, page);
    return why ? refuse(page, "invalid_request", why) : select_way(s, c, page);
}
