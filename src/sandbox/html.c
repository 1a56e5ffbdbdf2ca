/* The sandbox's HTML pages: escaping, the frame, the sign-in form, messages and the redirect
 * back to the application. It writes no script and decides nothing about the sign-in. */
#include "sandbox/html.h"
#include "base/form.h"
#include "base/str.h"

enum {
    PAGE_MAX = 64 * 1024 * 1024,
    /* 5,000 organizations with long names */ QUERY_MAX = 64 * 1024
};

void kf_html_escape(kf_buf *b, const char *text) {
    for (const char *p = text ? text : ""; *p; p++) switch (*p) {
        case '&': kf_buf_adds(b, "&amp;"); break;
        case '<': kf_buf_adds(b, "&lt;"); break;
        case '>': kf_buf_adds(b, "&gt;"); break;
        case '"': kf_buf_adds(b, "&quot;"); break;
        case '\'': kf_buf_adds(b, "&#39;"); break;
        default: kf_buf_add(b, p, 1);
        }
}

void kf_html_begin(kf_buf *b, const char *title) {
    kf_buf_init(b, PAGE_MAX);
    kf_buf_adds(b, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta "
                   "name=\"viewport\" content=\"width=device-width\"><title>");
    kf_html_escape(b, title);
    kf_buf_adds(
        b, "</title><style>body{font:16px sans-serif;max-width:26em;margin:3em auto;padding:0 1em}"
           "input,button{font:inherit;display:block;width:100%;box-sizing:border-box;padding:.5em;"
           "margin:.4em 0 1em}"
           ".wrong{color:#a00}small{color:#555}</style><h1>");
    kf_html_escape(b, title);
    kf_buf_adds(b, "</h1>");
}

kf_answer kf_html_end(kf_buf *b, int status) {
    kf_buf_adds(b, "<p><small>keyfob sandbox: a stand-in for WorkOS on this computer.</small>\n");
    kf_answer a = {.status = status, .html = kf_buf_steal(b)};
    kf_buf_done(b);
    return a;
}

kf_answer kf_html_message(int status, const char *title, const char *text) {
    kf_buf b;
    kf_html_begin(&b, title);
    kf_buf_adds(&b, "<p>");
    kf_html_escape(&b, text);
    return kf_html_end(&b, status);
}

kf_answer kf_html_redirect(const kf_page_open *page, const char *code, const char *error,
                           const char *description) {
    kf_buf q;
    kf_buf_init(&q, QUERY_MAX);
    bool ok = kf_form_add(&q, "code", code) && kf_form_add(&q, "error", error) &&
              kf_form_add(&q, "error_description", description) &&
              kf_form_add(&q, "state", page->state);
    KF_AUTO_CHARS query = kf_buf_steal(&q);
    kf_buf_done(&q);
    if (!ok) return kf_html_message(400, "Too long", "state and error do not fit into an address.");
    return (kf_answer){.status = 302,
                       .location = kf_strfmt("%s%c%s", page->redirect_uri,
                                             strchr(page->redirect_uri, '?') ? '&' : '?', query)};
}

static void form(kf_buf *b, const kf_page_open *page) {
    kf_buf_addf(b, "<form method=\"post\" action=\"/user_management/authorize/%s\">", page->id);
}

static void button(kf_buf *b, const char *action, const char *value, const char *label) {
    kf_buf_addf(b, "<button name=\"%s\" value=\"", action);
    kf_html_escape(b, value);
    kf_buf_adds(b, "\">");
    kf_html_escape(b, label);
    kf_buf_adds(b, "</button>");
}

kf_answer kf_html_sign_in(const kf_page_open *page, const char *wrong) {
    static const char *const providers[][2] = {{"GoogleOAuth", "Continue with Google"},
                                               {"GitHubOAuth", "Continue with GitHub"},
                                               {"MicrosoftOAuth", "Continue with Microsoft"},
                                               {"AppleOAuth", "Continue with Apple"}};
    kf_buf b;
    kf_html_begin(&b, page->device_code ? "Sign in on your device" : "Sign in");
    if (page->user_code) {
        kf_buf_adds(&b, "<p>Only go on if your device shows <b id=\"user_code\">");
        kf_html_escape(&b, page->user_code);
        kf_buf_adds(&b, "</b>.");
    }
    if (wrong) {
        kf_buf_adds(&b, "<p class=\"wrong\">");
        kf_html_escape(&b, wrong);
    }
    form(&b, page);
    kf_buf_adds(&b, "<label>Email <input type=\"email\" name=\"email\" required value=\"");
    kf_html_escape(&b, page->login_hint);
    kf_buf_adds(
        &b,
        "\"></label><label>Password <input type=\"password\" name=\"password\" required></label>");
    button(&b, "action", "password", "Sign in");
    kf_buf_adds(&b, "</form>");
    form(&b, page);
    for (size_t i = 0; i < KF_LEN(providers); i++)
        button(&b, "provider", providers[i][0], providers[i][1]);
    button(&b, "action", "deny", "Cancel");
    kf_buf_adds(&b, "</form>");
    return kf_html_end(&b, 200);
}
