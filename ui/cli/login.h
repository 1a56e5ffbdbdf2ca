#pragma once
/* Inside of the login command: what a script answers, and the agent's steps as prompts. */
#include "ui/cli/cli.h"

enum { KF_ANSWERS_MAX = 16 };
typedef struct kf_answers { /* of a script; each is used once */
    char *field[KF_ANSWERS_MAX];
    kf_secret *value[KF_ANSWERS_MAX];
    size_t n;
    bool given; /* stdin was for answers: nobody is asked */
    bool open;  /* more lines may come; they are read when an answer is needed, not before */
    size_t line;
    kf_err bad; /* a line that makes no sense: the end of the answers */
} kf_answers;
/* field=value lines come on stdin, when they are needed: a script may look for a mailed code in the
 * meantime. */
void kf_answers_begin(kf_answers *a);
/* NULL: none (left), or a bad line (a->bad). Reads lines until the field comes. */
kf_secret *kf_answers_take(kf_answers *a, const char *field);
void kf_answers_add(kf_answers *a, const char *field, kf_secret *value); /* value owned */
void kf_answers_done(kf_answers *a);

typedef enum kf_show { KF_SHOW_ON_TERMINAL, KF_SHOW_ALWAYS, KF_SHOW_NEVER } kf_show;

typedef struct kf_login {
    kf_cli *c;
    const char *profile, *method;
    kf_answers in;
    kf_client *steps; /* the connection that owns the flow */
    kf_json *choices; /* collected over frames */
    kf_show qr;
    bool no_browser, reset; /* reset: at the password a new one is made first */
} kf_login;

/* Takes steps until the sign-in is over: the exit status; -1: err. */
int kf_login_drive(kf_login *l, kf_err *err);
/* login_other.c: the session is of another person than the profile's. Asks what becomes of it. */
KF_CHECK bool kf_login_other(kf_login *l, const char *flow, const kf_json *step, kf_err *err);
/* Sends an answer to a step. */
KF_CHECK bool kf_login_send(kf_login *l, const char *flow, const kf_json *step, const char *act,
                            const kf_secret *value, kf_err *err);
/* A failure that came with a question is the end where no person can answer better. */
KF_CHECK bool kf_login_came_back(kf_login *l, const kf_json *step, kf_err *err);
/* Says who is signed in now; the exit status. */
int kf_login_done(kf_login *l, const kf_json *profile);
/* Shows a QR code on stderr, or says why not. */
void kf_show_qr(const kf_cli *c, const kf_secret *text, kf_show show);
/* The key of an otpauth URI in groups of four, for typing. */
void kf_show_key(const kf_secret *key);
