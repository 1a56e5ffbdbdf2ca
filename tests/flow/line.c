#include "run.h"

#include <errno.h>

void run_bad(run *r, const char *fmt, ...) {
    char what[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    snprintf(r->error, sizeof r->error, "%s:%d: %s", r->path, r->line, what);
    longjmp(r->out, 1);
}

char *run_own(run *r, char *heap) {
    if (r->n_own == KF_LEN(r->own)) abort();
    return r->own[r->n_own++] = heap;
}
void run_free_own(run *r) {
    while (r->n_own) free(r->own[--r->n_own]);
}

/* --- the line --------------------------------------------------------------------------------- */

void run_blanks(char **p) {
    while (**p == ' ' || **p == '\t') (*p)++;
}

/* The next word, or the text between quotes (\" and \\ inside). NULL at the end of the line. */
char *run_word(run *r, char **p) {
    run_blanks(p);
    if (!**p) return NULL;
    char *start = *p, *w = *p;
    if (*start != '"') {
        *p += strcspn(*p, " \t");
        if (**p) *(*p)++ = 0;
        return start;
    }
    for ((*p)++; **p && **p != '"'; (*p)++) {
        if (**p == '\\' && ((*p)[1] == '"' || (*p)[1] == '\\')) (*p)++;
        *w++ = **p;
    }
    if (**p != '"') run_bad(r, "a quote without an end");
    (*p)++;
    *w = 0;
    return start;
}

char *run_need(run *r, char **p, const char *what) {
    char *w = run_word(r, p);
    if (!w) run_bad(r, "%s is missing", what);
    return w;
}

long run_number(run *r, const char *s) {
    char *end;
    errno = 0;
    long n = strtol(s, &end, 10);
    if (errno || end == s || *end) run_bad(r, "%s is no number", s);
    return n;
}

void run_no_more(run *r, char **p) {
    if (run_blanks(p), **p) run_bad(r, "unexpected: %s", *p);
}

/* "~ TEXT": contains; "TEXT": is. */
void run_match(run *r, char **p, const char *name, const char *have) {
    const char *w = run_need(r, p, name);
    bool part = !strcmp(w, "~");
    if (part) w = run_need(r, p, name);
    if (part ? !strstr(have, w) : strcmp(have, w) != 0)
        run_bad(r, "%s is \"%s\", expected %s\"%s\"", name, have, part ? "~ " : "", w);
}

static void add_jwt(kf_buf *b, const char *org) {
    KF_AUTO_CHARS head = kf_b64url("{\"alg\":\"RS256\"}", 15);
    const char *claim = kf_str_starts(org, "client_") ? "client_id" : "org_id";
    bool other = kf_str_starts(org, "user_"); /* $OK(user_2): the token is another person's */
    KF_AUTO_CHARS extra = *org && !other ? kf_strfmt("\"%s\":\"%s\",", claim, org) : kf_strdup("");
    KF_AUTO_CHARS json =
        kf_strfmt("{\"sub\":\"%s\",\"sid\":\"session_1\",%s\"iat\":1700000000,\"exp\":1700000300}",
                  other ? org : "user_1", extra);
    KF_AUTO_CHARS mid = kf_b64url(json, strlen(json));
    kf_buf_addf(b, "%s.%s.c2ln", head, mid);
}

static void add_ok(kf_buf *b, const char *org) {
    kf_buf_adds(b, "{\"user\":{\"id\":\"user_1\",\"email\":\"ada@example.org\"},\"refresh_token\":"
                   "\"rt_1\",\"access_token\":\"");
    add_jwt(b, org);
    kf_buf_adds(b, "\"}");
}

static void add_list(run *r, kf_buf *b, const char *n, const char *fmt_id, const char *tail) {
    long count = run_number(r, n);
    kf_buf_adds(b, "[");
    for (long i = 1; i <= count; i++)
        kf_buf_addf(b, "%s{\"id\":\"%s%ld\",%s}", i > 1 ? "," : "", fmt_id, i, tail);
    kf_buf_adds(b, "]");
}

/* $STATE $JWT $JWT(org) $OK $OK(org) $X(n) $ORGS(n) $FACTORS(n) */
char *run_expand(run *r, const char *s) {
    kf_buf *b = &r->out_line;
    kf_buf_done(b);
    kf_buf_init(b, LINE_OUT_MAX);
    while (*s) {
        char name[16] = "", arg[64] = "";
        size_t n = *s == '$' ? strspn(s + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") : 0;
        if (!n) {
            kf_buf_add(b, s++, 1);
            continue;
        }
        if (n >= sizeof name) run_bad(r, "unknown macro");
        memcpy(name, s + 1, n);
        s += 1 + n;
        if (*s == '(') {
            size_t k = strcspn(++s, ")");
            if (s[k] != ')' || k >= sizeof arg) run_bad(r, "$%s( without an end", name);
            memcpy(arg, s, k);
            s += k + 1;
        }
        if (!strcmp(name, "JWT")) add_jwt(b, arg);
        else if (!strcmp(name, "OK")) add_ok(b, arg);
        else if (!strcmp(name, "ORGS")) add_list(r, b, arg, "org_", "\"name\":\"An organization\"");
        else if (!strcmp(name, "FACTORS")) add_list(r, b, arg, "auth_factor_", "\"type\":\"totp\"");
        else if (!strcmp(name, "X"))
            for (long i = run_number(r, arg); i > 0; i--) kf_buf_add(b, "x", 1);
        else if (!strcmp(name, "STATE")) kf_buf_adds(b, r->state);
        else run_bad(r, "unknown macro $%s", name);
    }
    if (b->len >= LINE_OUT_MAX) run_bad(r, "the line is too long");
    return kf_buf_steal(b);
}
