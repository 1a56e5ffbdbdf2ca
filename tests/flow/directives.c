#include "run.h"

#include "base/form.h"
#include "crypt/hash.h"

static const kf_moment first_moment = {
    .unix_s = 1700000000, .boot_ms = 1000, .boot_id = "boot", .date = 1700000000};

/* --- directives ------------------------------------------------------------------------------- */

static const kf_step *step_of(run *r) {
    if (!r->f) run_bad(r, "no flow is open; \"method\" comes first");
    return kf_flow_step(r->f);
}

static void set_value(run *r, const char *s, size_t n) {
    kf_secret_free(r->value);
    r->value = kf_secret_new(s, n);
}

static void want_kind(run *r, kf_step_kind kind) {
    const kf_step *s = step_of(r);
    if (s->kind != kind)
        run_bad(r, "the step is %s %s (note %s, %s: %s), expected %s", kf_step_kind_name(s->kind),
                kf_field_name(s->field), kf_note_name(s->note), kf_err_name(s->err.code),
                s->err.what, kf_step_kind_name(kind));
}

/* The clauses of ask and choose up to ">"; true if an answer follows. */
static bool clauses(run *r, char **p, uint32_t least) {
    const kf_step *s = step_of(r);
    const char *note = run_own(r, kf_strfmt("%s%s%s", kf_note_name(s->note), s->note_arg ? " " : "",
                                            s->note_arg ? s->note_arg : ""));
    bool noted = false, answer = false;
    if ((s->acts & least) != least) run_bad(r, "the answer to this question is not possible");
    for (char *w; !answer && (w = run_word(r, p));) {
        if (!strcmp(w, ">")) answer = true;
        else if (!strcmp(w, "note")) run_match(r, p, "note", note), noted = true;
        else if (!strcmp(w, "err")) run_match(r, p, "err", kf_err_name(s->err.code));
        else if (!strcmp(w, "upstream")) run_match(r, p, "upstream", s->err.upstream);
        else if (!strcmp(w, "code")) run_match(r, p, "code", s->user_code ? s->user_code : "");
        else if (!strcmp(w, "qr")) run_match(r, p, "qr", kf_secret_peek(s->qr));
        else if (!strcmp(w, "expires")) {
            long n = run_number(r, run_need(r, p, "seconds"));
            if (n * 1000 != (s->ends_ms ? s->ends_ms - r->now.boot_ms : 0))
                run_bad(r, "it expires in %lld ms", (long long)(s->ends_ms - r->now.boot_ms));
        } else if (!strcmp(w, "count")) {
            long n = run_number(r, run_need(r, p, "count"));
            if (n != (long)s->n_choice)
                run_bad(r, "there are %zu choices, expected %ld", s->n_choice, n);
        } else if (!strcmp(w, "of")) {
            kf_buf b;
            kf_buf_init(&b, LINE_OUT_MAX);
            for (size_t i = 0; i < s->n_choice; i++)
                kf_buf_addf(&b, "%s%s=%s", i ? "," : "", s->choice[i].id, s->choice[i].label);
            const char *all = run_own(r, kf_buf_steal(&b));
            run_match(r, p, "of", all);
        } else if (!strcmp(w, "acts")) {
            kf_buf b;
            kf_buf_init(&b, 256);
            for (unsigned a = 0; a < KF_ACT_COUNT; a++)
                if (s->acts & 1u << a)
                    kf_buf_addf(&b, "%s%s", b.len ? "," : "", kf_flow_act_name((kf_flow_act)a));
            const char *all = run_own(r, kf_buf_steal(&b));
            run_match(r, p, "acts", all);
        } else run_bad(r, "unknown clause %s", w);
    }
    if (!noted && s->note != KF_NOTE_NONE) run_bad(r, "the question has the note \"%s\"", note);
    return answer;
}

static void answer(run *r, kf_flow_act act, char *rest) {
    kf_err e;
    uint32_t serial = step_of(r)->serial;
    run_blanks(&rest);
    set_value(r, rest, strlen(rest));
    if (!kf_flow_answer(r->f, serial, act, r->value, &e))
        run_bad(r, "the answer was refused: %s: %s", kf_err_name(e.code), e.what);
    if (kf_flow_step(r->f)->serial == serial) run_bad(r, "the serial is the same after an answer");
}

static void d_ask(run *r, char *p) {
    const char *field = run_need(r, &p, "field");
    want_kind(r, KF_STEP_FIELD);
    if (strcmp(field, kf_field_name(step_of(r)->field)))
        run_bad(r, "%s is asked, not %s", kf_field_name(step_of(r)->field), field);
    uint32_t least = strcmp(field, "other_user") ? 1u << KF_ACT_SUBMIT : 0;
    if (clauses(r, &p, least)) answer(r, KF_ACT_SUBMIT, p);
}

static void d_choose(run *r, char *p) {
    want_kind(r, KF_STEP_CHOOSE);
    if (!step_of(r)->n_choice) run_bad(r, "there is nothing to choose from");
    if (clauses(r, &p, 1u << KF_ACT_CHOOSE)) answer(r, KF_ACT_CHOOSE, p);
}

static void d_back(run *r, char *p) {
    run_no_more(r, &p);
    answer(r, KF_ACT_BACK, p);
}

static void d_refused(run *r, char *p) {
    const char *code = run_need(r, &p, "error code");
    char *act_name = run_need(r, &p, "act"), *at = strchr(act_name, '@');
    kf_flow_act act;
    uint32_t serial = step_of(r)->serial;
    kf_step_kind kind = step_of(r)->kind;
    uint32_t given = serial;
    if (at) {
        given = (uint32_t)((long)serial + run_number(r, at + 1));
        *at = 0;
    }
    if (!kf_flow_act_from_name(act_name, &act)) run_bad(r, "unknown act %s", act_name);
    run_blanks(&p);
    set_value(r, p, strlen(p));
    kf_err e;
    if (kf_flow_answer(r->f, given, act, r->value, &e)) run_bad(r, "the answer was taken");
    if (strcmp(kf_err_name(e.code), code))
        run_bad(r, "refused with %s (%s), expected %s", kf_err_name(e.code), e.what, code);
    kf_job j;
    if (step_of(r)->serial != serial || step_of(r)->kind != kind)
        run_bad(r, "a refused answer changed the step");
    if (kind != KF_STEP_WAIT && kind != KF_STEP_OPEN_URL && kf_flow_next_job(r->f, &j))
        run_bad(r, "a refused answer made a job");
}

/* What follows "<". */
static void reply(run *r, char *p) {
    const char *w = run_need(r, &p, "status");
    kf_err e;
    uint32_t id = r->job_id;
    if (!strcmp(w, "transport")) {
        const char *name = run_need(r, &p, "error code");
        run_no_more(r, &p);
        kf_err_code code = kf_err_from_name(name);
        if (strcmp(kf_err_name(code), name)) run_bad(r, "unknown error %s", name);
        kf_fail(&e, code, "as the transcript says");
        kf_flow_job_done(r->f, id, 0, NULL, -1, NULL, &e, &r->now);
        return;
    }
    long status = run_number(r, w), retry = -1;
    run_blanks(&p);
    if (!strncmp(p, "retry ", 6)) {
        run_word(r, &p);
        retry = run_number(r, run_need(r, &p, "seconds"));
        run_blanks(&p);
    }
    kf_secret_free(r->body);
    r->body = *p ? kf_secret_new(p, strlen(p)) : NULL;
    kf_flow_job_done(r->f, id, (int)status, r->body, (int32_t)retry, "req_1", NULL, &r->now);
}

static void collect(run *r) {
    while (r->n_out < KF_LEN(r->jobs) && kf_flow_next_job(r->f, &r->jobs[r->n_out])) r->n_out++;
}

/* The job of this kind that is out; of several the newest (those before are given up on), of
 * requests the one to this path. */
static kf_job take_job(run *r, kf_job_kind kind, const char *path, const char *what) {
    step_of(r);
    collect(r);
    size_t at = r->n_out;
    for (size_t i = 0; i < r->n_out; i++)
        if (r->jobs[i].kind == kind && (at == r->n_out || !path || !strcmp(r->jobs[i].path, path)))
            at = i;
    if (at == r->n_out) run_bad(r, "nothing is to be %s", what);
    kf_job j = r->jobs[at];
    memmove(&r->jobs[at], &r->jobs[at + 1], (--r->n_out - at) * sizeof j);
    return j;
}

static void request(run *r, const char *method, char *p) {
    const char *path = run_need(r, &p, "path");
    kf_job j = take_job(r, KF_JOB_REQUEST, path, "sent");
    r->job_id = j.id;
    r->has_job = true;
    if (strcmp(j.method, method) || strcmp(j.path, path))
        run_bad(r, "the request is %s %s", j.method, j.path);
    bool key = false, answered = false, quiet = false;
    for (char *w; !answered && (w = run_word(r, &p));) {
        if (!strcmp(w, "key")) key = true;
        else if (!strcmp(w, "quiet")) quiet = true;
        else if (!strcmp(w, "body")) run_match(r, &p, "body", kf_secret_peek(j.body));
        else if (!strcmp(w, "without")) {
            const char *not = run_need(r, &p, "text");
            if (strstr(kf_secret_peek(j.body), not )) run_bad(r, "the body has %s", not );
        } else if (!strcmp(w, "verifier")) {
            kf_json *b = kf_json_parse(kf_secret_peek(j.body), kf_secret_len(j.body), NULL);
            const char *v = run_own(r, kf_strdup(kf_json_str_or(b, "code_verifier", "")));
            uint8_t hash[32];
            kf_json_free(b); /* run_bad leaves without looking back */
            kf_sha256(v, strlen(v), hash);
            const char *c = run_own(r, kf_b64url(hash, sizeof hash));
            if (strlen(v) < 43 || strcmp(c, r->challenge))
                run_bad(r, "the verifier is not that of the challenge");
        } else if (!strcmp(w, "<")) answered = true;
        else run_bad(r, "unknown clause %s", w);
    }
    if (key != j.key) run_bad(r, "the API key is %s as bearer", j.key ? "sent" : "not sent");
    if (!answered) run_bad(r, "\"<\" and a reply are missing");
    uint32_t serial = step_of(r)->serial;
    reply(r, p);
    if ((step_of(r)->serial == serial) != quiet)
        run_bad(r, quiet ? "the reply changed the step" : "the reply changed nothing");
}

static void d_post(run *r, char *p) { request(r, "POST", p); }
static void d_get(run *r, char *p) { request(r, "GET", p); }
static void d_delete(run *r, char *p) { request(r, "DELETE", p); }

/* until SECONDS: the waiting that was asked for ends, so many seconds after the last moment. */
static void d_until(run *r, char *p) {
    long in = run_number(r, run_need(r, &p, "seconds"));
    run_no_more(r, &p);
    kf_job j = take_job(r, KF_JOB_WAIT_UNTIL, NULL, "waited for");
    if (j.at_ms != r->now.boot_ms + in * 1000)
        run_bad(r, "it waits %lld ms, expected %ld s", (long long)(j.at_ms - r->now.boot_ms), in);
    r->now.unix_s += in;
    r->now.boot_ms = j.at_ms;
    kf_flow_job_done(r->f, j.id, 200, NULL, -1, NULL, NULL, &r->now);
}

/* after SECONDS: time goes by, nothing happens. */
static void d_after(run *r, char *p) {
    long in = run_number(r, run_need(r, &p, "seconds"));
    run_no_more(r, &p);
    r->now.unix_s += in;
    r->now.boot_ms += in * 1000;
}

/* clock SECONDS: the wall clock is set, forward or back. */
static void d_clock(run *r, char *p) {
    r->now.unix_s += run_number(r, run_need(r, &p, "seconds"));
    run_no_more(r, &p);
}

/* listen PORT < PORT of the listener, or < transport ERROR */
static void d_listen(run *r, char *p) {
    long port = run_number(r, run_need(r, &p, "port"));
    if (strcmp(run_need(r, &p, "<"), "<")) run_bad(r, "\"<\" is missing");
    kf_job j = take_job(r, KF_JOB_LISTEN, NULL, "listened for");
    if (j.port != port) run_bad(r, "the listener is to have port %d", j.port);
    if (!j.state || strlen(j.state) < 43) run_bad(r, "the listener is given no state");
    want_kind(r, KF_STEP_WAIT);
    r->job_id = j.id;
    run_blanks(&p);
    if (!strncmp(p, "transport ", 10)) {
        reply(r, p);
        return;
    }
    kf_flow_listening(r->f, j.id, (int)run_number(r, run_need(r, &p, "port")));
    run_no_more(r, &p);
    r->jobs[r->n_out++] = j; /* goes on */
    const char *url = kf_flow_step(r->f)->url, *query = url ? strchr(url, '?') : NULL;
    kf_json *q = query ? kf_form_parse(query + 1, strlen(query + 1), NULL) : NULL;
    bool ok = kf_str_set(r->state, sizeof r->state, kf_json_str(q, "state")) &&
              kf_str_set(r->challenge, sizeof r->challenge, kf_json_str(q, "code_challenge"));
    kf_json_free(q);
    if (!ok) run_bad(r, "the authorize URL is %s", url ? url : "missing");
    if (strcmp(r->state, j.state)) run_bad(r, "the URL and the listener have different states");
}

static void d_callback(run *r, char *p) {
    if (strcmp(run_need(r, &p, "<"), "<")) run_bad(r, "\"<\" is missing");
    kf_job j = take_job(r, KF_JOB_LISTEN, NULL, "listened for");
    run_blanks(&p);
    kf_secret_free(r->body);
    r->body = kf_secret_new(p, strlen(p));
    kf_flow_job_done(r->f, j.id, 200, r->body, -1, NULL, NULL, &r->now);
}

/* open URL [code T] [qr T] [expires SECONDS] [clauses] [> PASTED ADDRESS]; URL - : none is shown */
static void d_open(run *r, char *p) {
    want_kind(r, KF_STEP_OPEN_URL);
    const kf_step *s = step_of(r);
    const char *w = run_need(r, &p, "address"), *url = s->url ? s->url : "";
    bool part = !strcmp(w, "~");
    if (part) w = run_need(r, &p, "address");
    if (!strcmp(w, "-")) w = "";
    if (part ? !strstr(url, w) : strcmp(url, w) != 0) run_bad(r, "the address is %s", url);
    if (clauses(r, &p, 0)) answer(r, KF_ACT_SUBMIT, p);
}

/* qr URI KEY [clauses] [> CODE] */
static void d_qr(run *r, char *p) {
    want_kind(r, KF_STEP_SHOW_QR);
    const kf_step *s = step_of(r);
    run_match(r, &p, "URI", kf_secret_peek(s->qr));
    run_match(r, &p, "key", kf_secret_peek(s->qr_text));
    if (s->field != KF_FIELD_TOTP) run_bad(r, "no code is asked for");
    if (clauses(r, &p, 1u << KF_ACT_SUBMIT)) answer(r, KF_ACT_SUBMIT, p);
}

static void act_only(run *r, kf_flow_act act, char *p) {
    run_no_more(r, &p);
    answer(r, act, p);
}
static void d_resend(run *r, char *p) { act_only(r, KF_ACT_RESEND, p); }
static void d_new_code(run *r, char *p) { act_only(r, KF_ACT_NEW_CODE, p); }
static void d_reset(run *r, char *p) { act_only(r, KF_ACT_RESET, p); }

static void d_late(run *r, char *p) {
    if (!r->has_job) run_bad(r, "nothing was sent yet");
    uint32_t serial = step_of(r)->serial;
    if (strcmp(run_need(r, &p, "<"), "<")) run_bad(r, "\"<\" is missing");
    reply(r, p);
    if (step_of(r)->serial != serial) run_bad(r, "a late reply changed the step");
}

/* A job is handed out and its reply does not come. */
static void d_sent(run *r, char *p) {
    run_no_more(r, &p);
    r->job_id = take_job(r, KF_JOB_REQUEST, NULL, "sent").id;
    r->has_job = true;
}

static void d_cancel(run *r, char *p) {
    run_no_more(r, &p);
    step_of(r);
    kf_flow_cancel(r->f);
}

/* What is to be undone stands before "done" and "failed". */
static void no_requests(run *r) {
    collect(r);
    for (size_t i = 0; i < r->n_out; i++)
        if (r->jobs[i].kind == KF_JOB_REQUEST)
            run_bad(r, "there is a job behind the end: %s %s", r->jobs[i].method, r->jobs[i].path);
}

static void d_done(run *r, char *p) {
    want_kind(r, KF_STEP_DONE);
    no_requests(r);
    if (r->taken) run_bad(r, "\"done\" is there twice");
    const kf_session *s = r->session = kf_flow_take_session(r->f);
    kf_session *again = kf_flow_take_session(r->f);
    r->taken = true;
    kf_session_free(again);
    if (!s || again) run_bad(r, "the session is to be had exactly once");
    if (strcmp(s->origin, r->origin)) run_bad(r, "the origin is %s", s->origin);
    for (char *w; (w = run_word(r, &p));) {
        if (!strcmp(w, "user")) run_match(r, &p, "user", kf_session_user_id(s));
        else if (!strcmp(w, "org")) run_match(r, &p, "org", s->organization_id);
        else if (!strcmp(w, "name")) run_match(r, &p, "name", s->organization_name);
        else if (!strcmp(w, "client")) run_match(r, &p, "client", s->client_id);
        else if (!strcmp(w, "token")) run_match(r, &p, "token", kf_secret_peek(s->refresh_token));
        else if (!strcmp(w, "replaces")) {
            if (!kf_flow_replaces(r->f)) run_bad(r, "it does not replace the profile's session");
        } else if (!strcmp(w, "profile")) {
            const char *made = kf_flow_new_profile(r->f);
            run_match(r, &p, "profile", made ? made : "");
        } else run_bad(r, "unknown clause %s", w);
    }
}

static void d_failed(run *r, char *p) {
    const char *code = run_need(r, &p, "error code");
    want_kind(r, KF_STEP_FAILED);
    const kf_err *e = &step_of(r)->err;
    if (strcmp(kf_err_name(e->code), code))
        run_bad(r, "failed with %s (%s), expected %s", kf_err_name(e->code), e->what, code);
    for (char *w; (w = run_word(r, &p));) {
        if (!strcmp(w, "what")) run_match(r, &p, "what", e->what);
        else if (!strcmp(w, "hint")) run_match(r, &p, "hint", e->hint);
        else if (!strcmp(w, "upstream")) run_match(r, &p, "upstream", e->upstream);
        else if (!strcmp(w, "status")) {
            if (run_number(r, run_need(r, &p, "status")) != e->status)
                run_bad(r, "the status is %d", e->status);
        } else run_bad(r, "unknown clause %s", w);
    }
    no_requests(r);
    r->session = kf_flow_take_session(r->f);
    if (r->session) run_bad(r, "a failed flow has a session");
}

static void d_give_back(run *r, char *p) {
    kf_err e;
    run_no_more(r, &p);
    if (!r->taken) run_bad(r, "no session was taken");
    r->session = kf_session_free(r->session);
    kf_fail(&e, KF_ERR_USAGE_NO_PROFILE, "the profile is gone");
    kf_flow_give_back(r->f, &e);
}

/* The owner found another person's session in the profile. */
static void d_other(run *r, char *p) {
    kf_person owner = {0};
    kf_err e;
    bool failed = false;
    if (!r->session) run_bad(r, "no session was taken");
    for (char *w; (w = run_word(r, &p));) {
        const struct {
            const char *name;
            char *dst;
            size_t size;
        } part[] = {{"user", owner.user_id, sizeof owner.user_id},
                    {"email", owner.email, sizeof owner.email},
                    {"client", owner.client_id, sizeof owner.client_id}};
        bool known = failed = !strcmp(w, "again");
        for (size_t i = 0; i < KF_LEN(part); i++) {
            if (strcmp(w, part[i].name)) continue;
            known = kf_str_set(part[i].dst, part[i].size, run_need(r, &p, w));
        }
        if (!known) run_bad(r, "unknown clause %s", w);
    }
    kf_fail(&e, KF_ERR_USAGE_EXISTS, "that name is taken");
    r->taken = false;
    kf_flow_ask_other_user(r->f, KF_TAKE(r->session), &owner, failed ? &e : NULL);
}

static void d_replace(run *r, char *p) { act_only(r, KF_ACT_REPLACE, p); }
static void d_new_profile(run *r, char *p) { answer(r, KF_ACT_NEW_PROFILE, p); }

static void set_text(run *r, char *dst, size_t size, char *p) {
    if (!kf_str_set(dst, size, run_need(r, &p, "value"))) run_bad(r, "the value is too long");
    run_no_more(r, &p);
}
static void d_client(run *r, char *p) { set_text(r, r->client, sizeof r->client, p); }
static void d_email(run *r, char *p) { set_text(r, r->email, sizeof r->email, p); }
static void d_organization(run *r, char *p) {
    set_text(r, r->organization, sizeof r->organization, p);
}
static void d_origin(run *r, char *p) { set_text(r, r->origin, sizeof r->origin, p); }
static void d_provider(run *r, char *p) { set_text(r, r->provider, sizeof r->provider, p); }
static void d_connection(run *r, char *p) { set_text(r, r->connection, sizeof r->connection, p); }
static void d_domain_hint(run *r, char *p) {
    set_text(r, r->domain_hint, sizeof r->domain_hint, p);
}
static void d_screen_hint(run *r, char *p) {
    set_text(r, r->screen_hint, sizeof r->screen_hint, p);
}
static void d_prompt(run *r, char *p) { set_text(r, r->prompt, sizeof r->prompt, p); }
static void d_invitation(run *r, char *p) { set_text(r, r->invitation, sizeof r->invitation, p); }
static void d_max_age(run *r, char *p) { r->max_age = run_number(r, run_need(r, &p, "seconds")); }
static void d_port(run *r, char *p) { r->port = run_number(r, run_need(r, &p, "port")); }
static void d_no_key(run *r, char *p) {
    run_no_more(r, &p);
    r->no_key = true;
}

void run_finish(run *r) {
    if (!r->f) return;
    kf_step_kind k = kf_flow_step(r->f)->kind;
    if (k != KF_STEP_DONE && k != KF_STEP_FAILED) run_bad(r, "the flow before is still open");
    if (k == KF_STEP_DONE && !r->taken) run_bad(r, "\"done\" is missing");
    r->f = kf_flow_free(r->f);
    r->session = kf_session_free(r->session);
}

void run_fresh_options(run *r) {
    r->no_key = false;
    r->email[0] = r->organization[0] = r->provider[0] = r->connection[0] = r->domain_hint[0] = 0;
    r->screen_hint[0] = r->prompt[0] = r->invitation[0] = 0;
    r->max_age = -1;
    r->port = 0;
    if (!kf_str_set(r->client, sizeof r->client, "client_test")) abort();
}

static void d_method(run *r, char *p) {
    kf_method m;
    run_finish(r);
    const char *name = run_need(r, &p, "method");
    if (!kf_method_from_name(name, &m)) run_bad(r, "unknown method %s", name);
    const char *mark = run_word(r, &p);
    if (mark && strcmp(mark, "!")) run_bad(r, "unexpected: %s", mark);
    KF_AUTO(kf_secret) key = r->no_key ? NULL : kf_secret_new("sk_test_1", 9);
    kf_flow_opts o = {.method = m,
                      .client_id = r->client,
                      .api_key = key,
                      .origin = r->origin,
                      .email = r->email,
                      .organization_id = r->organization,
                      .provider = r->provider,
                      .connection_id = r->connection,
                      .domain_hint = r->domain_hint,
                      .screen_hint = r->screen_hint,
                      .prompt = r->prompt,
                      .max_age = r->max_age,
                      .redirect_port = (int)r->port,
                      .invitation_token = r->invitation,
                      .sha256 = kf_sha256,
                      .now_ms = first_moment.boot_ms};
    for (size_t i = 0; i < sizeof o.seed; i++) o.seed[i] = (uint8_t)i;
    kf_err e;
    r->started = true;
    r->taken = r->has_job = false;
    r->n_out = 0;
    r->now = first_moment;
    r->f = kf_flow_new(&o, &e);
    if (!r->f && !mark) run_bad(r, "no flow: %s: %s", kf_err_name(e.code), e.what);
    if (mark) {
        if (r->f) run_bad(r, "the flow was made");
        run_match(r, &p, "error", kf_err_name(e.code));
    }
    run_no_more(r, &p);
    run_fresh_options(r);
}

static const struct {
    const char *name;
    void (*run)(run *r, char *p);
} directives[] = {{"ask", d_ask},
                  {"choose", d_choose},
                  {"back", d_back},
                  {"refused", d_refused},
                  {"POST", d_post},
                  {"GET", d_get},
                  {"DELETE", d_delete},
                  {"until", d_until},
                  {"after", d_after},
                  {"clock", d_clock},
                  {"listen", d_listen},
                  {"callback", d_callback},
                  {"open", d_open},
                  {"qr", d_qr},
                  {"resend", d_resend},
                  {"new_code", d_new_code},
                  {"reset", d_reset},
                  {"origin", d_origin},
                  {"provider", d_provider},
                  {"connection", d_connection},
                  {"domain_hint", d_domain_hint},
                  {"screen_hint", d_screen_hint},
                  {"prompt", d_prompt},
                  {"max_age", d_max_age},
                  {"port", d_port},
                  {"invitation", d_invitation},
                  {"late", d_late},
                  {"sent", d_sent},
                  {"cancel", d_cancel},
                  {"done", d_done},
                  {"give_back", d_give_back},
                  {"other", d_other},
                  {"replace", d_replace},
                  {"new_profile", d_new_profile},
                  {"failed", d_failed},
                  {"client", d_client},
                  {"email", d_email},
                  {"organization", d_organization},
                  {"no_key", d_no_key},
                  {"method", d_method}};

void run_directive(run *r, char *line) {
    char *p = line, *name = run_word(r, &p);
    if (!name || *name == '#') return;
    for (size_t i = 0; i < KF_LEN(directives); i++)
        if (!strcmp(directives[i].name, name)) {
            directives[i].run(r, p);
            return;
        }
    run_bad(r, "unknown directive %s", name);
}
