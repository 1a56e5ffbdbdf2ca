#pragma once
/* One transcript being played: run_flow.c opens the files, line.c takes a line apart,
 * directives.c does what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "auth/flow.h"
#include "base/buf.h"
#include "base/str.h"

enum { LINE_OUT_MAX = 4 << 20 };

typedef struct run {
    const char *path;
    int line;
    char error[700];
    jmp_buf out;
    /* options of the next flow */
    char client[96], email[256], organization[96], origin[96], provider[64], connection[96];
    char domain_hint[96], screen_hint[32], prompt[32], invitation[64];
    long max_age, port;
    bool no_key;
    /* the flow under way */
    kf_flow *f;
    bool started, taken, has_job;
    uint32_t job_id;
    kf_job jobs[8]; /* handed out, not answered */
    size_t n_out;
    kf_moment now;
    char state[64], challenge[64]; /* of the last authorize URL */
    char *text;                    /* the expanded line, freed at the next one */
    kf_secret *value, *body;
    kf_buf out_line; /* of expand */
    kf_session *session;
    /* texts made for one line, freed at the next: bad() leaves without looking back */
    char *own[8];
    size_t n_own;
} run;

/* Ends the transcript with "FILE:LINE: ..."; does not return. */
__attribute__((format(printf, 2, 3), noreturn)) void run_bad(run *r, const char *fmt, ...);
char *run_own(run *r, char *heap); /* freed at the next line */
void run_free_own(run *r);
void run_blanks(char **p);
char *run_word(
    run *r,
    char **p); /* the next word, or the text between quotes (\" and \\ inside); NULL at the end */
char *run_need(run *r, char **p, const char *what);
long run_number(run *r, const char *s);
void run_no_more(run *r, char **p);
void run_match(run *r, char **p, const char *name,
               const char *have);        /* "~ TEXT": contains; "TEXT": is */
char *run_expand(run *r, const char *s); /* macros of README.md; heap */
void run_directive(run *r, char *line);
void run_fresh_options(run *r);
void run_finish(run *r); /* the flow that is open must have come to its end */
