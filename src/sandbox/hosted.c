/* The sandbox's open sign-in pages and device sign-ins: finds them by id or code, and exchanges
 * an authorization code for a session (PKCE included). html.c draws the pages. */
#include "sandbox/hosted.h"
#include <ctype.h>
#include "base/form.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypt/hash.h"
#include "sandbox/attempt.h"
#include "sandbox/html.h"
#include "sandbox/ids.h"

enum { PAGES = 512 };

struct kf_hosted {
    kf_page_open page[PAGES]; /* a ring: the slot to be written next is the oldest */
    size_t next;
    int64_t code_life_ms, device_life_s, device_interval_s;
};

kf_hosted *kf_hosted_new(int64_t code_life_ms, int64_t device_life_s, int64_t device_interval_s) {
    kf_hosted *h = kf_new(kf_hosted);
    h->code_life_ms = code_life_ms < KF_AUTH_CODE_LIFE_MS ? code_life_ms : KF_AUTH_CODE_LIFE_MS;
    h->device_life_s = device_life_s;
    h->device_interval_s = device_interval_s;
    return h;
}

static void drop(kf_page_open *p) {
    char *texts[] = {p->id,          p->redirect_uri,     p->state,
                     p->challenge,   p->invitation_token, p->login_hint,
                     p->device_code, p->user_code,        p->code};
    for (size_t i = 0; i < KF_LEN(texts); i++) free(texts[i]);
    *p = (kf_page_open){0};
}

kf_hosted *kf_hosted_free(kf_hosted *h) {
    for (size_t i = 0; h && i < PAGES; i++) drop(&h->page[i]);
    free(h);
    return NULL;
}

int64_t kf_hosted_device_life_s(const kf_hosted *h) { return h->device_life_s; }
int64_t kf_hosted_device_interval_s(const kf_hosted *h) { return h->device_interval_s; }

kf_page_open *kf_hosted_open(kf_hosted *h, const kf_app *app, int64_t life_ms) {
    kf_page_open *p = &h->page[h->next];
    h->next = (h->next + 1) % PAGES;
    drop(p);
    *p = (kf_page_open){.id = kf_token_new(), .app = app, .until_ms = kf_boot_ms() + life_ms};
    return p;
}

kf_page_open *kf_hosted_find(kf_hosted *h, const char *id) {
    for (size_t i = 0; id && i < PAGES; i++)
        if (h->page[i].id && kf_str_eq(h->page[i].id, id)) return &h->page[i];
    return NULL;
}
kf_page_open *kf_hosted_by_device(kf_hosted *h, const char *device_code) {
    for (size_t i = 0; device_code && i < PAGES; i++)
        if (h->page[i].device_code && kf_str_eq(h->page[i].device_code, device_code))
            return &h->page[i];
    return NULL;
}
/* As somebody types it, and as it is. */
static bool same_user_code(const char *typed, const char *code) {
    for (;; typed++) {
        if (*typed == '-' || *typed == ' ') continue;
        if (*code == '-') code++;
        if (toupper((unsigned char)*typed) != *code) return false;
        if (!*code++) return true;
    }
}

kf_page_open *kf_hosted_by_user_code(kf_hosted *h, const char *user_code) {
    for (size_t i = 0; user_code && i < PAGES; i++)
        if (h->page[i].user_code && same_user_code(user_code, h->page[i].user_code))
            return &h->page[i];
    return NULL;
}
kf_page_open *kf_hosted_by_code(kf_hosted *h, const char *code) {
    for (size_t i = 0; code && i < PAGES; i++)
        if (h->page[i].code && kf_str_eq(h->page[i].code, code)) return &h->page[i];
    return NULL;
}

kf_answer kf_hosted_finish(const kf_attempt *a, const kf_pending *p) {
    kf_page_open *page = kf_hosted_find(a->s->hosted, p->target);
    if (!page || page->code || kf_boot_ms() >= page->until_ms || page->device != KF_DEVICE_OPEN)
        return kf_html_message(400, "This page is too old", "Start the sign-in again.");
    page->who = *p;
    page->who.token = NULL;
    page->who.target[0] = 0;
    if (page->device_code) {
        page->device = KF_DEVICE_YES;
        return kf_html_message(200, "You are signed in",
                               "You may close this page and go back to your device.");
    }
    page->code = kf_token_new();
    page->code_until_ms = kf_boot_ms() + a->s->hosted->code_life_ms;
    return kf_html_redirect(page, page->code, NULL, NULL);
}

/* RFC 7636 §4.6 */
static bool verified(const char *verifier, const char *challenge) {
    uint8_t hash[32];
    kf_sha256(verifier, strlen(verifier), hash);
    KF_AUTO_CHARS mine = kf_b64url(hash, sizeof hash);
    return kf_str_eq(mine, challenge);
}

static kf_answer bad_code(const char *code) {
    KF_AUTO_CHARS text = kf_strfmt("The code '%.80s' has expired or is invalid.", code);
    return kf_answer_b("invalid_grant", text);
}

kf_answer kf_grant_code(const kf_attempt *a) {
    const char *code = kf_field(a, "code"), *verifier = kf_field(a, "code_verifier"),
               *secret = kf_field(a, "client_secret");
    kf_page_open *p = kf_hosted_by_code(a->s->hosted, code);
    kf_answer no;
    if (!p || p->app != a->app || p->code_used || kf_boot_ms() >= p->code_until_ms)
        return bad_code(code);
    if (verifier && !p->challenge)
        return kf_answer_a(400, "code_challenge_not_found", "There was no code challenge.");
    if (!verifier && !secret)
        return kf_answer_b("invalid_request", "code_verifier or client_secret is required.");
    if (p->challenge && !verifier) return kf_answer_b("invalid_grant", "code_verifier is missing.");
    if (verifier &&
        (strlen(verifier) < 43 || strlen(verifier) > 128 || !verified(verifier, p->challenge)))
        return bad_code(code);
    p->code_used = true;
    kf_pending who = p->who;
    if (!kf_invited(a->s, kf_field(a, "invitation_token"), who.account->email, &who, &no))
        return no;
    return who.invitation ? kf_proceed(a, who)
                          : kf_sign_in(a, &who); /* an invitation may want more */
}
