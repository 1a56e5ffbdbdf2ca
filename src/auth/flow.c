/* The sign-in flow's machine: takes the answers of the person and of WorkOS to the phase that they
 * belong to, and undoes what was given up. It performs no job itself, and asks no question. */
#include "auth/flow_impl.h"

#include "base/mem.h"
#include "base/str.h"

/* --- phases ----------------------------------------------------------------------------------- */

#define KF_PHASE_ROW(name, row) [KF_PHASE_##name] = &row,
static const kf_flow_phase *const phases[KF_PHASE_COUNT] = {KF_PHASES(KF_PHASE_ROW)};
#undef KF_PHASE_ROW

static kf_phase phase_of_way(kf_method m) {
    for (kf_phase p = 1; p < KF_PHASE_COUNT; p++)
        if (phases[p]->ways & 1u << m) return p;
    abort();
}

/* END: WorkOS's answer is none that leads on. */
static kf_phase phase_of_ask(kf_workos_ask ask) {
    for (kf_phase p = 1; p < KF_PHASE_COUNT; p++)
        if (phases[p]->asks & 1u << ask) return p;
    return KF_PHASE_END;
}

/* A phase says where it goes; here the flow gets there. */
static void go_on(kf_flow *f) {
    while (f->next.phase != KF_PHASE_END) {
        const kf_flow_phase *p = phases[f->next.phase];
        KF_AUTO_CHARS arg = KF_TAKE(f->next.arg);
        kf_err err = f->next.err;
        kf_flow_why why = {.note = f->next.note, .arg = arg, .err = f->next.has_err ? &err : NULL};
        f->next.phase = KF_PHASE_END;
        if (!f->next.again) {
            p->enter(f, &why);
        } else {
            p->ask(f);
            kf_flow_note(f, why.note, why.arg, why.err);
        }
    }
}

/* --- the machine ------------------------------------------------------------------------------ */

kf_flow *kf_flow_new(const kf_flow_opts *o, kf_err *err) {
    const kf_issuer *issuer = &kf_workos;
    kf_phase first = phase_of_way(o->method);
    if (!kf_client_id_ok(o->client_id)) {
        kf_fail(err, KF_ERR_USAGE_NO_CLIENT_ID, "there is no client ID to sign in with");
        return NULL;
    }
    if (!issuer->grant[phases[first]->grant]) {
        kf_fail(err, KF_ERR_WORKOS_METHOD_DISABLED, "%s has no %s sign-in", issuer->name,
                kf_method_name(o->method));
        return NULL;
    }
    if (!phases[first]->open &&
        !kf_secret_len(o->api_key)) { /* WORKOS.md §1.2: this grant needs the secret */
        kf_fail(err, KF_ERR_WORKOS_NEEDS_API_KEY, "%s sign-in", kf_method_name(o->method));
        return NULL;
    }
    kf_flow *f = kf_new(kf_flow);
    f->issuer = issuer;
    f->method = o->method;
    f->first = first;
    f->client_id = kf_strdup(o->client_id);
    f->origin = kf_strdup(o->origin);
    f->api_key = kf_secret_len(o->api_key) ? kf_secret_copy(o->api_key) : NULL;
    kf_flow_put(&f->email, o->email);
    kf_flow_put(&f->organization_id, o->organization_id);
    kf_flow_put(&f->invitation_token, o->invitation_token);
    kf_flow_put(&f->provider, o->provider);
    kf_flow_put(&f->connection_id, o->connection_id);
    kf_flow_put(&f->domain_hint, o->domain_hint);
    kf_flow_put(&f->screen_hint, o->screen_hint);
    kf_flow_put(&f->prompt, o->prompt);
    f->max_age = o->max_age;
    f->redirect_port = o->redirect_port;
    f->sha256 = o->sha256;
    f->now_ms = o->now_ms;
    memcpy(f->seed, o->seed, sizeof f->seed);
    for (kf_phase p = 1; p < KF_PHASE_COUNT; p++)
        if (phases[p]->own) f->own[p] = kf_zalloc(1, phases[p]->own);
    kf_flow_go(f, first, KF_NOTE_NONE, NULL, NULL);
    go_on(f);
    return f;
}

kf_flow *kf_flow_free(kf_flow *f) {
    if (!f) return NULL;
    for (size_t i = 0; i < KF_JOBS_MAX; i++) kf_flow_slot_free(&f->slot[i]);
    for (kf_phase p = 1; p < KF_PHASE_COUNT; p++) {
        if (phases[p]->wipe) phases[p]->wipe(f->own[p]);
        if (phases[p]->own) kf_wipe(f->own[p], phases[p]->own);
        free(f->own[p]);
    }
    kf_flow_clear_choices(f);
    char *texts[] = {f->client_id,
                     f->origin,
                     f->email,
                     f->organization_id,
                     f->organization_name,
                     f->invitation_token,
                     f->provider,
                     f->connection_id,
                     f->domain_hint,
                     f->screen_hint,
                     f->prompt,
                     f->note_arg,
                     f->next.arg,
                     f->undo};
    for (size_t i = 0; i < KF_LEN(texts); i++) free(texts[i]);
    kf_secret_free(f->api_key);
    kf_secret_free(f->pending);
    kf_session_free(f->session);
    kf_wipe(f->seed, sizeof f->seed);
    free(f);
    return NULL;
}

const kf_step *kf_flow_step(const kf_flow *f) { return &f->step; }

static bool is_choice(const kf_flow *f, const char *id) {
    for (size_t i = 0; i < f->n_choice; i++)
        if (!strcmp(f->choice[i].id, id)) return true;
    return false;
}

static bool has_value(kf_flow_act act) {
    return act == KF_ACT_SUBMIT || act == KF_ACT_CHOOSE || act == KF_ACT_NEW_PROFILE;
}

/* What is pasted brings blanks along, and they are never part of an address, a code or an ID. A
 * password may begin or end with one. */
static kf_secret *text_of(const kf_flow *f, const kf_secret *value) {
    bool exact = f->step.field == KF_FIELD_PASSWORD || f->step.field == KF_FIELD_NEW_PASSWORD;
    return exact ? kf_secret_copy(value) : kf_secret_trim(value);
}

bool kf_flow_answer(kf_flow *f, uint32_t serial, kf_flow_act act, const kf_secret *value,
                    kf_err *err) {
    if (serial != f->step.serial || f->step.kind == KF_STEP_WAIT)
        return kf_fail(err, KF_ERR_USAGE_STALE_QUESTION, "that question is no longer open");
    if ((unsigned)act >= KF_ACT_COUNT || !(f->step.acts & 1u << act))
        return kf_fail(err, KF_ERR_USAGE_BAD_ANSWER, "%s is not possible now",
                       kf_flow_act_name(act));
    if (act == KF_ACT_BROWSER) return true; /* the client that shows the step opens its address */
    size_t n = kf_secret_len(value),
           most = f->step.field == KF_FIELD_REDIRECT_URL ? 16 << 10 : 1024;
    if (!has_value(act)) value = NULL;
    else if (!n || n > most || !kf_secret_is_text(value))
        return kf_fail(err, KF_ERR_USAGE_BAD_ANSWER,
                       n ? "what was typed is too long" : "nothing was typed");
    KF_AUTO(kf_secret) text = value ? text_of(f, value) : NULL;
    if (value && !kf_secret_len(text))
        return kf_fail(err, KF_ERR_USAGE_BAD_ANSWER, "nothing was typed");
    if (act == KF_ACT_CHOOSE && !is_choice(f, kf_secret_peek(text)))
        return kf_fail(err, KF_ERR_USAGE_BAD_ANSWER, "that is not one of the choices");
    bool ok = phases[f->phase]->answer(f, act, text, err);
    go_on(f);
    return ok;
}

void kf_flow_cancel(kf_flow *f) {
    bool has_session = f->phase == KF_PHASE_OTHER_USER;
    if (f->phase == KF_PHASE_END) return;
    kf_flow_failf(f, KF_ERR_SYS_CANCELLED, "the sign-in was cancelled", "");
    f->session = kf_session_free(f->session);
    if (has_session && *f->taken) kf_flow_end_session(f, f->taken);
    f->taken[0] = 0;
}

bool kf_flow_next_job(kf_flow *f, kf_job *out) {
    kf_slot *next = NULL; /* in the order they were made */
    for (kf_slot *s = f->slot; s < f->slot + KF_JOBS_MAX; s++)
        if (s->id && !s->handed && (!next || s->id < next->id)) next = s;
    if (!next) return false;
    next->handed = true;
    *out = next->job;
    return true;
}

/* --- answers ---------------------------------------------------------------------------------- */

static void signed_in(kf_flow *f, const kf_json *body, const kf_moment *now) {
    kf_err e;
    f->session = kf_session_from_answer(body, NULL, f->origin, f->client_id, now, &e);
    if (!f->session) {
        kf_flow_fail(f, &e);
        return;
    }
    (void)kf_str_cut(f->session->organization_name, sizeof f->session->organization_name,
                     f->organization_name);
    kf_flow_undo_later(f, NULL);
    kf_flow_show(f, KF_PHASE_END, KF_STEP_DONE, KF_FIELD_NONE, 0);
    kf_flow_leave(f);
}

static bool take_pending(kf_flow *f, const kf_json *body) {
    const char *p = kf_json_str(body, "pending_authentication_token");
    if (!p || !*p) return true;
    size_t n = strlen(p);
    if (n > KF_PENDING_MAX) {
        kf_flow_failf(f, KF_ERR_NET_BAD_ANSWER,
                      "pending_authentication_token is too long in the answer", "");
        return false;
    }
    kf_secret_free(f->pending);
    f->pending = kf_secret_new(p, n);
    return true;
}

/* The answer to something that was given up: what WorkOS made for it is undone. */
static void undo(kf_flow *f, const kf_json *body) {
    kf_claims c;
    const char *token = kf_json_str(body, "access_token");
    const kf_json *factor = kf_workos_factor_of(body);
    char id[KF_ISSUER_ID_MAX];
    if (factor) {
        if (kf_issuer_id(id, kf_json_str(factor, "id")))
            kf_flow_send(f, KF_PHASE_END, KF_JOB_UNDO, "DELETE", kf_flow_path(f, KF_AT_FACTOR, id),
                         NULL, true);
    } else if (token && kf_claims_read(token, strlen(token), &c, NULL) && kf_issuer_id(id, c.sid)) {
        kf_flow_end_session(f, id);
    }
}

/* Continuations. False: none of them, e is the end. */
static bool continued(kf_flow *f, kf_workos_ask ask, const kf_json *body, const kf_err *e) {
    const kf_flow_phase *asked = phases[f->asked_by];
    kf_phase to = phase_of_ask(ask);
    if (asked->wrong && asked->wrong(f, ask, e)) return true;
    bool hosted = ask == KF_ASK_NONE && e->code == KF_ERR_WORKOS_STEP_UP; /* a passkey, a consent */
    if (to == KF_PHASE_END && !hosted) return false;
    kf_flow_undo_later(f, NULL); /* WorkOS took the code and goes on */
    if (hosted) kf_flow_go(f, KF_PHASE_BROWSER, KF_NOTE_HOSTED_STEP, e->upstream, NULL);
    else if (!f->api_key && !phases[to]->open)
        kf_flow_go(f, KF_PHASE_BROWSER, KF_NOTE_PUBLIC_STEP_UP, e->upstream, NULL);
    else phases[to]->enter(f, &(kf_flow_why){.err = e, .ask = ask, .body = body});
    return true;
}

/* An answer that is no success: the continuation it asks for, the same question, or the end. body
 * may be NULL. */
static void refused(kf_flow *f, const kf_slot *s, kf_workos_ask ask, const kf_json *body,
                    kf_err *e) {
    const kf_flow_phase *owner = phases[s->owner];
    if (e->code == KF_ERR_WORKOS_INVALID_CLIENT) {
        size_t n = strlen(e->what);
        snprintf(e->what + n, sizeof e->what - n, " (%s)", f->client_id);
    }
    if (owner->failed && owner->failed(f, s->what, true, e)) return;
    if (e->code == KF_ERR_NET_RATE_LIMITED) {
        char wait_s[16];
        snprintf(wait_s, sizeof wait_s, "%d", e->retry_after > 0 ? e->retry_after : 60);
        kf_flow_ask_again(f, KF_NOTE_SLOW_DOWN, wait_s, e);
    } else if (kf_workos_is_not_now(e->code)) {
        kf_flow_ask_again(f, KF_NOTE_NETWORK, NULL, e);
    } else if (take_pending(f, body) && !continued(f, ask, body, e)) {
        kf_flow_fail(f, e);
    }
}

/* No answer came. The question comes back: a password or a code can be given again, nothing is
 * lost. */
static void unanswered(kf_flow *f, const kf_slot *s, const kf_err *err) {
    const kf_flow_phase *owner = phases[s->owner];
    kf_err e;
    if (err) e = *err;
    else kf_fail(&e, KF_ERR_NET_BROKEN, "no answer came");
    if (owner->failed && owner->failed(f, s->what, false, &e)) return;
    kf_flow_ask_again(f, KF_NOTE_NETWORK, NULL, err ? &e : NULL);
}

/* The answer to a request came. */
static void answered(kf_flow *f, const kf_slot *s, int status, const kf_secret *body,
                     int32_t retry_after, const char *request_id, const kf_moment *now) {
    kf_err why;
    const char *text = kf_secret_peek(body);
    size_t n = kf_secret_len(body);
    bool ok = status >= 200 && status < 300, page = kf_workos_is_page(text, n);
    KF_AUTO(kf_json) j = n && !page ? kf_json_parse_lenient(text, n, &why) : NULL;
    if (s->what == KF_JOB_ABANDONED) {
        if (ok && kf_json_is_obj(j)) undo(f, j);
    } else if (!ok || page) {
        kf_workos_ask ask = KF_ASK_NONE;
        const kf_json *obj = kf_json_is_obj(j) ? j : NULL;
        if (ok) (void)kf_workos_fail_page(status, &why);
        else ask = kf_workos_read_error(status, obj, retry_after, request_id, &why);
        refused(f, s, ask, obj, &why);
    } else if (!kf_json_is_obj(j) && !s->any_body) {
        kf_err e;
        bool parsed = j || !n;
        kf_fail(&e, KF_ERR_NET_BAD_ANSWER, "the answer to the sign-in is not usable%s%s",
                parsed ? "" : ": ", parsed ? "" : why.what);
        e.status = status;
        kf_flow_fail(f, &e);
    } else if (s->what == KF_JOB_SESSION) {
        signed_in(f, j, now);
    } else {
        phases[s->owner]->answered(f, s->what, j);
    }
}

void kf_flow_job_done(kf_flow *f, uint32_t id, int status, const kf_secret *body,
                      int32_t retry_after, const char *request_id, const kf_err *err,
                      const kf_moment *now) {
    kf_slot *slot = kf_flow_slot(f, id);
    if (!slot || !slot->handed) return; /* late answer of a job given up on */
    const kf_slot s = {.owner = slot->owner,
                       .what = slot->what,
                       .any_body = slot->any_body,
                       .job = {.kind = slot->job.kind}};
    kf_flow_slot_free(slot);
    if (now->boot_ms > f->now_ms) f->now_ms = now->boot_ms;
    if (s.what == KF_JOB_UNDO) return;
    if (!err && status != 0) {
        if (s.job.kind == KF_JOB_REQUEST)
            answered(f, &s, status, body, retry_after, request_id, now);
        else phases[s.owner]->woken(f, s.what, body);
    } else if (s.what != KF_JOB_ABANDONED) unanswered(f, &s, err);
    go_on(f);
}

kf_session *kf_flow_take_session(kf_flow *f) {
    if (f->session && !kf_issuer_id(f->taken, f->session->claims.sid)) f->taken[0] = 0;
    return KF_TAKE(f->session);
}

void kf_flow_give_back(kf_flow *f, const kf_err *err) {
    kf_flow_fail(f, err);
    if (*f->taken) kf_flow_end_session(f, f->taken);
    f->taken[0] = 0;
}
