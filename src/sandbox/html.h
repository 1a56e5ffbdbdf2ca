#pragma once
/* The sandbox's web pages: plain HTML, no script, everything that came from outside escaped. */
#include "base/buf.h"
#include "sandbox/answer.h"
#include "sandbox/hosted.h"

void kf_html_escape(kf_buf *b, const char *text);
void kf_html_begin(kf_buf *b, const char *title);
/* Ends the page and makes an answer of it. */
kf_answer kf_html_end(kf_buf *b, int status);
kf_answer kf_html_message(int status, const char *title, const char *text);
/* To the application: code, or error with its description; state as it came. */
kf_answer kf_html_redirect(const kf_page_open *page, const char *code, const char *error,
                           const char *description);
/* The sign-in form; wrong: what was wrong with the last try, or NULL. */
kf_answer kf_html_sign_in(const kf_page_open *page, const char *wrong);
