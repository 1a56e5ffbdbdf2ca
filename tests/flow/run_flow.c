/* Plays the transcripts of a folder (README.md beside this file has their language)
 * against the flow: one cmocka test per file. With --bad every file must be refused
 * instead: that is how the runner itself is tested. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
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
    char client[96], email[256], organization[96];
    bool no_key;
    /* the flow under way */
    kf_flow *f;
    bool started, taken, has_job;
    uint32_t job_id;
    char *text; /* the expanded line, freed at the next one */
    kf_secret *value, *body;
    kf_buf out_line; /* of expand */
    kf_session *session;
    /* texts made for one line, freed at the next: bad() leaves without looking back */
    char *own[8];
    size_t n_own;
} run;

static const kf_moment now = {
    .unix_s = 1700000000, .boot_ms = 1000, .boot_id = "boot", .date = 1700000000};

__attribute__((format(printf, 2, 3), noreturn)) static void bad(run *r, const char *fmt, ...) {
    char what[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    snprintf(r->error, sizeof r->error, "%s:%d: %s", r->path, r->line, what);
    longjmp(r->out, 1);
}

static char *own(run *r, char *heap) {
    if (r->n_own == KF_LEN(r->own)) abort();
    return r->own[r->n_own++] = heap;
}
static void free_own(run *r) {
    while (r->n_own) free(r->own[--r->n_own]);
}

/* --- the line --------------------------------------------------------------------------------- */

static void blanks(char **p) {
    while (**p == ' ' || **p == '\t') (*p)++;
}

/* The next word, or the text between quotes (\" and \\ inside). NULL at the end of the line. */
static char *word(run *r, char **p) {
    blanks(p);
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
    if (**p != '"') bad(r, "a quote without an end");
    (*p)++;
    *w = 0;
    return start;
}

static char *need(run *r, char **p, const char *what) {
    char *w = word(r, p);
    if (!w) bad(r, "%s is missing", what);
    return w;
}

static long number(run *r, const char *s) {
    char *end;
    errno = 0;
    long n = strtol(s, &end, 10);
    if (errno || end == s || *end) bad(r, "%s is no number", s);
    return n;
}

static void no_more(run *r, char **p) {
    if (blanks(p), **p) bad(r, "unexpected: %s", *p);
}

/* "~ TEXT": contains; "TEXT": is. */
static void match(run *r, char **p, const char *name, const char *have) {
    const char *w = need(r, p, name);
    bool part = !strcmp(w, "~");
    if (part) w = need(r, p, name);
    if (part ? !strstr(have, w) : strcmp(have, w) != 0)
        bad(r, "%s is \"%s\", expected %s\"%s\"", name, have, part ? "~ " : "", w);
}

static void add_jwt(kf_buf *b, const char *org) {
    KF_AUTO_CHARS head = kf_b64url("{\"alg\":\"RS256\"}", 15);
    KF_AUTO_CHARS json = kf_strfmt(
        "{\"sub\":\"user_1\",\"sid\":\"session_1\",%s%s%s\"iat\":1700000000,\"exp\":1700000300}",
        *org ? "\"org_id\":\"" : "", org, *org ? "\"," : "");
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
    long count = number(r, n);
    kf_buf_adds(b, "[");
    for (long i = 1; i <= count; i++)
        kf_buf_addf(b, "%s{\"id\":\"%s%ld\",%s}", i > 1 ? "," : "", fmt_id, i, tail);
    kf_buf_adds(b, "]");
}

/* $JWT $JWT(org) $OK $OK(org) $X(n) $ORGS(n) $FACTORS(n) */
static char *expand(run *r, const char *s) {
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
        if (n >= sizeof name) bad(r, "unknown macro");
        memcpy(name, s + 1, n);
        s += 1 + n;
        if (*s == '(') {
            size_t k = strcspn(++s, ")");
            if (s[k] != ')' || k >= sizeof arg) bad(r, "$%s( without an end", name);
            memcpy(arg, s, k);
            s += k + 1;
        }
        if (!strcmp(name, "JWT"))
            add_jwt(b, arg);
        else if (!strcmp(name, "OK"))
            add_ok(b, arg);
        else if (!strcmp(name, "ORGS"))
            add_list(r, b, arg, "org_", "\"name\":\"An organization\"");
        else if (!strcmp(name, "FACTORS"))
            add_list(r, b, arg, "auth_factor_", "\"type\":\"totp\"");
        else if (!strcmp(name, "X"))
            for (long i = number(r, arg); i > 0; i--) kf_buf_add(b, "x", 1);
        else
            bad(r, "unknown macro $%s", name);
    }
    if (b->len >= LINE_OUT_MAX) bad(r, "the line is too long");
    return kf_buf_steal(b);
}

/* --- directives ------------------------------------------------------------------------------- */

static const kf_step *step_of(run *r) {
    if (!r->f) bad(r, "no flow is open; \"method\" comes first");
    return kf_flow_step(r->f);
}

static void set_value(run *r, const char *s, size_t n) {
    kf_secret_free(r->value);
    r->value = kf_secret_new(s, n);
}

static void want_kind(run *r, kf_step_kind kind) {
    const kf_step *s = step_of(r);
    if (s->kind != kind)
        bad(r, "the step is %s %s (note %s, %s: %s), expected %s", kf_step_kind_name(s->kind),
            kf_field_name(s->field), kf_note_name(s->note), kf_err_name(s->err.code), s->err.what,
            kf_step_kind_name(kind));
}

/* The clauses of ask and choose up to ">"; true if an answer follows. */
static bool clauses(run *r, char **p, uint32_t least) {
    const kf_step *s = step_of(r);
    const char *note = own(r, kf_strfmt("%s%s%s", kf_note_name(s->note), s->note_arg ? " " : "",
                                        s->note_arg ? s->note_arg : ""));
    bool noted = false, answer = false;
    if ((s->acts & least) != least) bad(r, "the answer to this question is not possible");
    for (char *w; !answer && (w = word(r, p));) {
        if (!strcmp(w, ">"))
            answer = true;
        else if (!strcmp(w, "note"))
            match(r, p, "note", note), noted = true;
        else if (!strcmp(w, "err"))
            match(r, p, "err", kf_err_name(s->err.code));
        else if (!strcmp(w, "upstream"))
            match(r, p, "upstream", s->err.upstream);
        else if (!strcmp(w, "count")) {
            long n = number(r, need(r, p, "count"));
            if (n != (long)s->n_choice)
                bad(r, "there are %zu choices, expected %ld", s->n_choice, n);
        } else if (!strcmp(w, "of")) {
            kf_buf b;
            kf_buf_init(&b, LINE_OUT_MAX);
            for (size_t i = 0; i < s->n_choice; i++)
                kf_buf_addf(&b, "%s%s=%s", i ? "," : "", s->choice[i].id, s->choice[i].label);
            const char *all = own(r, kf_buf_steal(&b));
            match(r, p, "of", all);
        } else if (!strcmp(w, "acts")) {
            kf_buf b;
            kf_buf_init(&b, 256);
            for (unsigned a = 0; a <= KF_ACT_CHOOSE; a++)
                if (s->acts & 1u << a)
                    kf_buf_addf(&b, "%s%s", b.len ? "," : "", kf_flow_act_name((kf_flow_act)a));
            const char *all = own(r, kf_buf_steal(&b));
            match(r, p, "acts", all);
        } else
            bad(r, "unknown clause %s", w);
    }
    if (!noted && s->note != KF_NOTE_NONE) bad(r, "the question has the note \"%s\"", note);
    return answer;
}

static void answer(run *r, kf_flow_act act, char *rest) {
    kf_err e;
    uint32_t serial = step_of(r)->serial;
    blanks(&rest);
    set_value(r, rest, strlen(rest));
    if (!kf_flow_answer(r->f, serial, act, r->value, &e))
        bad(r, "the answer was refused: %s: %s", kf_err_name(e.code), e.what);
    if (kf_flow_step(r->f)->serial == serial) bad(r, "the serial is the same after an answer");
}

static void d_ask(run *r, char *p) {
    const char *field = need(r, &p, "field");
    want_kind(r, KF_STEP_FIELD);
    if (strcmp(field, kf_field_name(step_of(r)->field)))
        bad(r, "%s is asked, not %s", kf_field_name(step_of(r)->field), field);
    if (clauses(r, &p, 1u << KF_ACT_SUBMIT)) answer(r, KF_ACT_SUBMIT, p);
}

static void d_choose(run *r, char *p) {
    want_kind(r, KF_STEP_CHOOSE);
    if (!step_of(r)->n_choice) bad(r, "there is nothing to choose from");
    if (clauses(r, &p, 1u << KF_ACT_CHOOSE)) answer(r, KF_ACT_CHOOSE, p);
}

static void d_back(run *r, char *p) {
    no_more(r, &p);
    answer(r, KF_ACT_BACK, p);
}

static void d_refused(run *r, char *p) {
    const char *code = need(r, &p, "error code");
    char *act_name = need(r, &p, "act"), *at = strchr(act_name, '@');
    kf_flow_act act;
    uint32_t serial = step_of(r)->serial;
    kf_step_kind kind = step_of(r)->kind;
    uint32_t given = serial;
    if (at) {
        given = (uint32_t)((long)serial + number(r, at + 1));
        *at = 0;
    }
    if (!kf_flow_act_from_name(act_name, &act)) bad(r, "unknown act %s", act_name);
    blanks(&p);
    set_value(r, p, strlen(p));
    kf_err e;
    if (kf_flow_answer(r->f, given, act, r->value, &e)) bad(r, "the answer was taken");
    if (strcmp(kf_err_name(e.code), code))
        bad(r, "refused with %s (%s), expected %s", kf_err_name(e.code), e.what, code);
    kf_job j;
    if (step_of(r)->serial != serial || step_of(r)->kind != kind)
        bad(r, "a refused answer changed the step");
    if (kind != KF_STEP_WAIT && kf_flow_next_job(r->f, &j)) bad(r, "a refused answer made a job");
}

/* What follows "<". */
static void reply(run *r, char *p) {
    const char *w = need(r, &p, "status");
    kf_err e;
    uint32_t id = r->job_id;
    if (!strcmp(w, "transport")) {
        const char *name = need(r, &p, "error code");
        no_more(r, &p);
        kf_err_code code = kf_err_from_name(name);
        if (strcmp(kf_err_name(code), name)) bad(r, "unknown error %s", name);
        kf_fail(&e, code, "as the transcript says");
        kf_flow_job_done(r->f, id, 0, NULL, -1, NULL, &e, &now);
        return;
    }
    long status = number(r, w), retry = -1;
    blanks(&p);
    if (!strncmp(p, "retry ", 6)) {
        word(r, &p);
        retry = number(r, need(r, &p, "seconds"));
        blanks(&p);
    }
    kf_secret_free(r->body);
    r->body = *p ? kf_secret_new(p, strlen(p)) : NULL;
    kf_flow_job_done(r->f, id, (int)status, r->body, (int32_t)retry, "req_1", NULL, &now);
}

static void request(run *r, const char *method, char *p) {
    kf_job j, other;
    want_kind(r, KF_STEP_WAIT);
    const char *path = need(r, &p, "path");
    if (!kf_flow_next_job(r->f, &j)) bad(r, "nothing is to be sent");
    if (kf_flow_next_job(r->f, &other)) bad(r, "two jobs at once");
    r->job_id = j.id;
    r->has_job = true;
    if (j.kind != KF_JOB_REQUEST || strcmp(j.method, method) || strcmp(j.path, path))
        bad(r, "the request is %s %s", j.method, j.path);
    bool key = false, answered = false;
    for (char *w; !answered && (w = word(r, &p));) {
        if (!strcmp(w, "key"))
            key = true;
        else if (!strcmp(w, "body"))
            match(r, &p, "body", kf_secret_peek(j.body));
        else if (!strcmp(w, "without")) {
            const char *not = need(r, &p, "text");
            if (strstr(kf_secret_peek(j.body), not )) bad(r, "the body has %s", not );
        } else if (!strcmp(w, "<"))
            answered = true;
        else
            bad(r, "unknown clause %s", w);
    }
    if (key != j.key) bad(r, "the API key is %s as bearer", j.key ? "sent" : "not sent");
    if (!answered) bad(r, "\"<\" and a reply are missing");
    uint32_t serial = step_of(r)->serial;
    reply(r, p);
    if (step_of(r)->serial == serial) bad(r, "the reply changed nothing");
}

static void d_post(run *r, char *p) { request(r, "POST", p); }

static void d_late(run *r, char *p) {
    if (!r->has_job) bad(r, "nothing was sent yet");
    uint32_t serial = step_of(r)->serial;
    if (strcmp(need(r, &p, "<"), "<")) bad(r, "\"<\" is missing");
    reply(r, p);
    if (step_of(r)->serial != serial) bad(r, "a late reply changed the step");
}

/* A job is handed out and its reply does not come. */
static void d_sent(run *r, char *p) {
    kf_job j;
    no_more(r, &p);
    want_kind(r, KF_STEP_WAIT);
    if (!kf_flow_next_job(r->f, &j)) bad(r, "nothing is to be sent");
    r->job_id = j.id;
    r->has_job = true;
}

static void d_cancel(run *r, char *p) {
    no_more(r, &p);
    step_of(r);
    kf_flow_cancel(r->f);
}

static void d_done(run *r, char *p) {
    kf_job j;
    want_kind(r, KF_STEP_DONE);
    if (kf_flow_next_job(r->f, &j)) bad(r, "there is a job behind the end");
    if (r->taken) bad(r, "\"done\" is there twice");
    const kf_session *s = r->session = kf_flow_take_session(r->f);
    kf_session *again = kf_flow_take_session(r->f);
    r->taken = true;
    kf_session_free(again);
    if (!s || again) bad(r, "the session is to be had exactly once");
    if (strcmp(s->origin, "https://api.example.test")) bad(r, "the origin is %s", s->origin);
    for (char *w; (w = word(r, &p));) {
        if (!strcmp(w, "user"))
            match(r, &p, "user", kf_session_user_id(s));
        else if (!strcmp(w, "org"))
            match(r, &p, "org", s->organization_id);
        else if (!strcmp(w, "name"))
            match(r, &p, "name", s->organization_name);
        else if (!strcmp(w, "client"))
            match(r, &p, "client", s->client_id);
        else if (!strcmp(w, "token"))
            match(r, &p, "token", kf_secret_peek(s->refresh_token));
        else
            bad(r, "unknown clause %s", w);
    }
}

static void d_failed(run *r, char *p) {
    kf_job j;
    const char *code = need(r, &p, "error code");
    want_kind(r, KF_STEP_FAILED);
    const kf_err *e = &step_of(r)->err;
    if (strcmp(kf_err_name(e->code), code))
        bad(r, "failed with %s (%s), expected %s", kf_err_name(e->code), e->what, code);
    for (char *w; (w = word(r, &p));) {
        if (!strcmp(w, "what"))
            match(r, &p, "what", e->what);
        else if (!strcmp(w, "hint"))
            match(r, &p, "hint", e->hint);
        else if (!strcmp(w, "upstream"))
            match(r, &p, "upstream", e->upstream);
        else if (!strcmp(w, "status")) {
            if (number(r, need(r, &p, "status")) != e->status)
                bad(r, "the status is %d", e->status);
        } else
            bad(r, "unknown clause %s", w);
    }
    if (kf_flow_next_job(r->f, &j)) bad(r, "there is a job behind the end");
    r->session = kf_flow_take_session(r->f);
    if (r->session) bad(r, "a failed flow has a session");
}

static void set_text(run *r, char *dst, size_t size, char *p) {
    if (!kf_str_set(dst, size, need(r, &p, "value"))) bad(r, "the value is too long");
    no_more(r, &p);
}
static void d_client(run *r, char *p) { set_text(r, r->client, sizeof r->client, p); }
static void d_email(run *r, char *p) { set_text(r, r->email, sizeof r->email, p); }
static void d_organization(run *r, char *p) {
    set_text(r, r->organization, sizeof r->organization, p);
}
static void d_no_key(run *r, char *p) {
    no_more(r, &p);
    r->no_key = true;
}

static void finish(run *r) {
    if (!r->f) return;
    kf_step_kind k = kf_flow_step(r->f)->kind;
    if (k != KF_STEP_DONE && k != KF_STEP_FAILED) bad(r, "the flow before is still open");
    if (k == KF_STEP_DONE && !r->taken) bad(r, "\"done\" is missing");
    r->f = kf_flow_free(r->f);
    r->session = kf_session_free(r->session);
}

static void d_method(run *r, char *p) {
    kf_method m;
    finish(r);
    const char *name = need(r, &p, "method");
    if (!kf_method_from_name(name, &m)) bad(r, "unknown method %s", name);
    const char *mark = word(r, &p);
    if (mark && strcmp(mark, "!")) bad(r, "unexpected: %s", mark);
    KF_AUTO(kf_secret) key = r->no_key ? NULL : kf_secret_new("sk_test_1", 9);
    kf_flow_opts o = {.method = m,
                      .client_id = r->client,
                      .api_key = key,
                      .origin = "https://api.example.test",
                      .email = r->email,
                      .organization_id = r->organization};
    kf_err e;
    r->started = true;
    r->taken = r->has_job = false;
    r->f = kf_flow_new(&o, &e);
    if (!r->f && !mark) bad(r, "no flow: %s: %s", kf_err_name(e.code), e.what);
    if (mark) {
        if (r->f) bad(r, "the flow was made");
        match(r, &p, "error", kf_err_name(e.code));
    }
    no_more(r, &p);
    r->no_key = false;
    r->email[0] = r->organization[0] = 0;
    if (!kf_str_set(r->client, sizeof r->client, "client_test")) abort();
}

static const struct {
    const char *name;
    void (*run)(run *r, char *p);
} directives[] = {{"ask", d_ask},
                  {"choose", d_choose},
                  {"back", d_back},
                  {"refused", d_refused},
                  {"POST", d_post},
                  {"late", d_late},
                  {"sent", d_sent},
                  {"cancel", d_cancel},
                  {"done", d_done},
                  {"failed", d_failed},
                  {"client", d_client},
                  {"email", d_email},
                  {"organization", d_organization},
                  {"no_key", d_no_key},
                  {"method", d_method}};

/* --- files ------------------------------------------------------------------------------------ */

static void one_line(run *r, const char *line) {
    free_own(r);
    free(r->text);
    r->text = NULL;
    r->text = expand(r, line);
    char *p = r->text, *name = word(r, &p);
    if (!name || *name == '#') return;
    for (size_t i = 0; i < KF_LEN(directives); i++)
        if (!strcmp(directives[i].name, name)) {
            directives[i].run(r, p);
            return;
        }
    bad(r, "unknown directive %s", name);
}

static void all_lines(run *r, FILE *in) {
    static char line[16384];
    while (fgets(line, sizeof line, in)) {
        r->line++;
        size_t n = strlen(line);
        if (!n || line[n - 1] != '\n') bad(r, "the line is too long, or has no end");
        line[n - 1] = 0;
        one_line(r, line);
    }
    finish(r);
    if (!r->started) bad(r, "no flow in this file");
}

/* True: the transcript holds. Otherwise error says why. */
static bool play(const char *path, char *error, size_t size) {
    FILE *in = fopen(path, "re");
    run *r = calloc(1, sizeof *r);
    if (!in || !r) {
        snprintf(error, size, "%s: %s", path, strerror(errno));
        if (in) fclose(in);
        free(r);
        return false;
    }
    r->path = path;
    if (!kf_str_set(r->client, sizeof r->client, "client_test")) abort();
    bool ok = setjmp(r->out) == 0;
    if (ok) all_lines(r, in);
    ok = !r->error[0];
    snprintf(error, size, "%s", r->error);
    fclose(in);
    kf_flow_free(r->f);
    kf_session_free(r->session);
    kf_buf_done(&r->out_line);
    free_own(r);
    free(r->text);
    kf_secret_free(r->value);
    kf_secret_free(r->body);
    free(r);
    return ok;
}

static void holds(void **state) {
    char error[700];
    if (!play(*state, error, sizeof error)) fail_msg("%s", error);
}

static void is_refused(void **state) {
    char error[700];
    if (play(*state, error, sizeof error))
        fail_msg("%s: was played to its end", (const char *)*state);
    /* a refusal of its own, not a file that could not be read */
    if (!strstr(error, ".flow:")) fail_msg("%s", error);
}

static int is_flow(const struct dirent *d) {
    size_t n = strlen(d->d_name);
    return n > 5 && !strcmp(d->d_name + n - 5, ".flow");
}

int main(int argc, char **argv) {
    bool must_fail = argc == 3 && !strcmp(argv[1], "--bad");
    if (argc != 2 && !must_fail) {
        fprintf(stderr, "usage: run_flow [--bad] FOLDER\n");
        return 2;
    }
    const char *folder = argv[argc - 1];
    struct dirent **found;
    int n = scandir(folder, &found, is_flow, alphasort);
    if (n < 1) {
        fprintf(stderr, "run_flow: no transcript in %s\n", folder);
        return 2;
    }
    struct CMUnitTest *tests = calloc((size_t)n, sizeof *tests);
    if (!tests) abort();
    for (int i = 0; i < n; i++)
        tests[i] =
            (struct CMUnitTest){.name = found[i]->d_name,
                                .test_func = must_fail ? is_refused : holds,
                                .initial_state = kf_strfmt("%s/%s", folder, found[i]->d_name)};
    int failed = _cmocka_run_group_tests("flow", tests, (size_t)n, NULL, NULL);
    for (int i = 0; i < n; i++) {
        free(tests[i].initial_state);
        free(found[i]);
    }
    free(found);
    free(tests);
    return failed ? 1 : 0;
}
