#include "auth/flow_impl.h"

#include "base/str.h"

/* --- names ------------------------------------------------------------------------------------ */

static const char *const methods[KF_METHOD_COUNT] = {"password", "magic", "browser", "device", "sso"};
static const char *const fields[KF_FIELD_COUNT] = {"",         "email", "password",     "email_code",  "totp",
                                                   "sms_code", "phone", "redirect_url", "organization", "reset_token", "new_password"};
static const char *const kinds[] = {"wait", "field", "choose", "open_url", "show_qr", "done", "failed"};
static const char *const acts[KF_ACT_COUNT] = {"submit", "resend", "new_code", "back", "browser", "choose", "reset"};
static const char *const notes[KF_NOTE_COUNT] = {"",         "bad_credentials", "bad_code", "code_expired", "too_many", "code_used",
                                                 "mfa",      "organization",    "sent_to",  "slow_down",    "network",  "enroll",
                                                 "verify_email", "sso", "public_step_up", "device", "browser", "radar",
                                                 "reset_asked", "password_changed", "bad_password"};

const char *kf_method_name(kf_method m) { return (size_t)m < KF_LEN(methods) ? methods[m] : ""; }
const char *kf_field_name(kf_field f) { return (size_t)f < KF_LEN(fields) ? fields[f] : ""; }
const char *kf_step_kind_name(kf_step_kind k) { return (size_t)k < KF_LEN(kinds) ? kinds[k] : ""; }
const char *kf_flow_act_name(kf_flow_act a) { return (size_t)a < KF_LEN(acts) ? acts[a] : ""; }
const char *kf_note_name(kf_note n) { return (size_t)n < KF_LEN(notes) ? notes[n] : ""; }

bool kf_method_from_name(const char *name, kf_method *out) {
    for (size_t i = 0; i < KF_LEN(methods); i++)
        if (kf_str_eq(name, methods[i])) return *out = (kf_method)i, true;
    return false;
}
bool kf_flow_act_from_name(const char *name, kf_flow_act *out) {
    for (size_t i = 0; i < KF_LEN(acts); i++)
        if (kf_str_eq(name, acts[i])) return *out = (kf_flow_act)i, true;
    return false;
}

/* --- for the subjects ------------------------------------------------------------------------- */

void kf_flow_show(kf_flow *f, kf_phase phase, kf_step_kind kind, kf_field field, uint32_t can) {
    uint32_t serial = f->step.serial + 1;
    free(f->note_arg);
    f->note_arg = NULL;
    f->phase = phase;
    f->step = (kf_step){.serial = serial, .kind = kind, .field = field, .acts = can};
    if (kind == KF_STEP_CHOOSE) {
        f->step.choice = f->choice;
        f->step.n_choice = f->n_choice;
    }
}

void kf_flow_note(kf_flow *f, kf_note note, const char *arg, const kf_err *why) {
    f->step.note = note;
    f->note_arg = kf_strdup(arg);
    f->step.note_arg = f->note_arg;
    if (why) f->step.err = *why;
}

void kf_flow_fail(kf_flow *f, const kf_err *err) {
    kf_flow_show(f, KF_PHASE_END, KF_STEP_FAILED, KF_FIELD_NONE, 0);
    f->step.err = *err;
    f->job_ready = false;
    f->open_job = 0;
}

void kf_flow_failf(kf_flow *f, kf_err_code code, const char *what, const char *hint) {
    kf_err e;
    kf_fail(&e, code, "%s", what);
    kf_hint(&e, "%s", hint);
    kf_flow_fail(f, &e);
}

void kf_flow_request(kf_flow *f, kf_wait wait, char *path, kf_json *body, bool key) {
    f->asked_by = f->phase;
    free(f->path);
    f->path = path;
    kf_secret_free(f->body);
    f->body = body ? kf_json_print_secret(body) : NULL;
    kf_json_free(body);
    f->job = (kf_job){.id = ++f->last_job, .kind = KF_JOB_REQUEST, .method = "POST", .path = f->path, .body = f->body, .key = key};
    f->job_ready = true;
    f->wait = wait;
    kf_flow_show(f, f->phase, KF_STEP_WAIT, KF_FIELD_NONE, 0);
}

void kf_flow_authenticate(kf_flow *f, kf_json *grant) {
    kf_flow_request(f, KF_WAIT_AUTHENTICATE, kf_strdup(KF_WORKOS_AUTHENTICATE), grant, false);
}

void kf_flow_ask_again(kf_flow *f, kf_note note, const char *arg, const kf_err *why) {
    switch (f->asked_by) {
    case KF_PHASE_EMAIL:
    case KF_PHASE_PASSWORD: kf_flow_ask_password(f); break;
    case KF_PHASE_TOTP: kf_flow_ask_totp(f); break;
    case KF_PHASE_FACTOR: kf_flow_show(f, KF_PHASE_FACTOR, KF_STEP_CHOOSE, KF_FIELD_NONE, 1u << KF_ACT_CHOOSE); break;
    case KF_PHASE_ORG: kf_flow_ask_org(f); break;
    case KF_PHASE_END: return;
    }
    kf_flow_note(f, note, arg, why);
}

void kf_flow_clear_choices(kf_flow *f) {
    for (size_t i = 0; i < f->n_choice; i++) {
        free(f->choice[i].label);
        free(f->choice[i].detail);
    }
    free(f->choice);
    f->choice = NULL;
    f->n_choice = 0;
}

void kf_flow_add_choice(kf_flow *f, const char *id, const char *label) {
    kf_choice *more = realloc(f->choice, (f->n_choice + 1) * sizeof *more);
    if (!more) abort();
    f->choice = more;
    kf_choice *c = &more[f->n_choice];
    *c = (kf_choice){.label = kf_strdup(label), .detail = kf_strdup("")};
    if (!kf_str_set(c->id, sizeof c->id, id)) abort();
    f->n_choice++;
}

/* --- the machine ------------------------------------------------------------------------------ */

kf_flow *kf_flow_new(const kf_flow_opts *o, kf_err *err) {
    if (!kf_client_id_ok(o->client_id)) {
        kf_fail(err, KF_ERR_USAGE_NO_CLIENT_ID, "there is no client ID to sign in with");
        return NULL;
    }
    if (!kf_secret_len(o->api_key)) { /* workos-api.md §1.2: this grant needs the secret */
        kf_fail(err, KF_ERR_WORKOS_NEEDS_API_KEY, "%s sign-in needs an API key", kf_method_name(o->method));
        return NULL;
    }
    if (o->method != KF_BY_PASSWORD) {
        kf_fail(err, KF_ERR_USAGE_BAD, "there is no sign-in by %s", kf_method_name(o->method));
        return NULL;
    }
    kf_flow *f = calloc(1, sizeof *f);
    if (!f) abort();
    f->method = o->method;
    f->client_id = kf_strdup(o->client_id);
    f->origin = kf_strdup(o->origin);
    f->api_key = kf_secret_copy(o->api_key);
    f->email = o->email && *o->email ? kf_strdup(o->email) : NULL;
    f->organization_id = o->organization_id && *o->organization_id ? kf_strdup(o->organization_id) : NULL;
    kf_flow_password_start(f);
    return f;
}

kf_flow *kf_flow_free(kf_flow *f) {
    if (!f) return NULL;
    kf_flow_clear_choices(f);
    free(f->client_id);
    free(f->origin);
    free(f->email);
    free(f->organization_id);
    free(f->organization_name);
    free(f->note_arg);
    free(f->path);
    kf_secret_free(f->api_key);
    kf_secret_free(f->pending);
    kf_secret_free(f->body);
    kf_session_free(f->session);
    free(f);
    return NULL;
}

const kf_step *kf_flow_step(const kf_flow *f) { return &f->step; }

static bool submit(kf_flow *f, const kf_secret *value, kf_err *err) {
    switch (f->phase) {
    case KF_PHASE_EMAIL: kf_flow_password_email(f, value); return true;
    case KF_PHASE_PASSWORD: kf_flow_password_submit(f, value); return true;
    case KF_PHASE_TOTP: return kf_flow_mfa_submit(f, value, err);
    case KF_PHASE_FACTOR:
    case KF_PHASE_ORG:
    case KF_PHASE_END: break;
    }
    return kf_fail(err, KF_ERR_USAGE_STALE_QUESTION, "no question is open");
}

bool kf_flow_answer(kf_flow *f, uint32_t serial, kf_flow_act act, const kf_secret *value, kf_err *err) {
    if (serial != f->step.serial || f->step.kind == KF_STEP_WAIT)
        return kf_fail(err, KF_ERR_USAGE_STALE_QUESTION, "that question is no longer open");
    if ((unsigned)act >= KF_ACT_COUNT || !(f->step.acts & 1u << act))
        return kf_fail(err, KF_ERR_USAGE_BAD_ANSWER, "%s is not possible now", kf_flow_act_name(act));
    if (act == KF_ACT_BACK) {
        kf_flow_password_back(f);
        return true;
    }
    size_t n = kf_secret_len(value);
    if (!n || n > 1024 || !kf_secret_is_text(value))
        return kf_fail(err, KF_ERR_USAGE_BAD_ANSWER, n ? "what was typed is too long" : "nothing was typed");
    if (act == KF_ACT_SUBMIT) return submit(f, value, err);
    const char *id = kf_secret_peek(value);
    for (size_t i = 0; i < f->n_choice; i++)
        if (!strcmp(f->choice[i].id, id)) {
            if (f->phase == KF_PHASE_ORG) return kf_flow_org_choose(f, id, err);
            kf_flow_mfa_factor(f, f->choice[i].id);
            return true;
        }
    return kf_fail(err, KF_ERR_USAGE_BAD_ANSWER, "that is not one of the choices");
}

void kf_flow_cancel(kf_flow *f) {
    if (f->phase == KF_PHASE_END) return;
    kf_flow_failf(f, KF_ERR_SYS_CANCELLED, "the sign-in was cancelled", "");
}

bool kf_flow_next_job(kf_flow *f, kf_job *out) {
    if (!f->job_ready) return false;
    f->job_ready = false;
    f->open_job = f->job.id;
    *out = f->job;
    return true;
}

static void signed_in(kf_flow *f, const kf_json *body, const kf_moment *now) {
    kf_err e;
    f->session = kf_session_from_answer(body, NULL, f->origin, f->client_id, now, &e);
    if (!f->session) {
        kf_flow_fail(f, &e);
        return;
    }
    if (f->organization_name && !kf_str_set(f->session->organization_name, sizeof f->session->organization_name, f->organization_name))
        f->session->organization_name[0] = 0; /* a label, not worth a failed sign-in; the id is there */
    kf_flow_show(f, KF_PHASE_END, KF_STEP_DONE, KF_FIELD_NONE, 0);
}

static bool take_pending(kf_flow *f, const kf_json *body) {
    const char *p = kf_json_str(body, "pending_authentication_token");
    if (!p || !*p) return true;
    size_t n = strlen(p);
    if (n > KF_PENDING_MAX) {
        kf_flow_failf(f, KF_ERR_NET_BAD_ANSWER, "pending_authentication_token is too long in the answer", "");
        return false;
    }
    kf_secret_free(f->pending);
    f->pending = kf_secret_new(p, n);
    return true;
}

static kf_note note_of(const kf_err *e) {
    if (e->code == KF_ERR_WORKOS_CODE_EXPIRED) return KF_NOTE_CODE_EXPIRED;
    return !strcmp(e->upstream, "one_time_code_previously_used") ? KF_NOTE_CODE_USED : KF_NOTE_BAD_CODE;
}

/* An answer that is no success: the continuation it asks for, the same question, or the end. */
static void refused(kf_flow *f, int status, const kf_json *body, int32_t retry_after, const char *request_id) {
    kf_err e;
    kf_workos_ask ask = kf_workos_read_error(status, body, retry_after, request_id, &e);
    if (e.code == KF_ERR_WORKOS_INVALID_CLIENT) {
        size_t n = strlen(e.what);
        snprintf(e.what + n, sizeof e.what - n, " (%s)", f->client_id);
    }
    if (e.code == KF_ERR_NET_RATE_LIMITED) {
        char s[16];
        snprintf(s, sizeof s, "%d", retry_after > 0 ? retry_after : 60);
        kf_flow_ask_again(f, KF_NOTE_SLOW_DOWN, s, &e);
        return;
    }
    if (e.code == KF_ERR_NET_SERVER) {
        kf_flow_ask_again(f, KF_NOTE_NETWORK, NULL, &e);
        return;
    }
    if (!take_pending(f, body)) return;
    switch (ask) {
    case KF_ASK_WRONG_PASSWORD: /* said of anything but a password it is no reason to ask again */
        if (f->asked_by != KF_PHASE_PASSWORD) break;
        kf_flow_ask_again(f, KF_NOTE_BAD_CREDENTIALS, f->email, &e);
        return;
    case KF_ASK_WRONG_CODE:
        if (f->asked_by != KF_PHASE_TOTP) break;
        kf_flow_ask_again(f, note_of(&e), NULL, &e);
        return;
    case KF_ASK_MFA_CHALLENGE: kf_flow_mfa_challenge(f, body); return;
    case KF_ASK_ORGANIZATION: kf_flow_org_required(f, body); return;
    case KF_ASK_EMAIL_VERIFICATION: kf_hint(&e, "Confirm the e-mail address in the browser, with the message WorkOS sent, then sign in again."); break;
    case KF_ASK_MFA_ENROLLMENT: kf_hint(&e, "Set up an authenticator app on the environment's own sign-in page, then sign in again."); break;
    case KF_ASK_SSO:
    case KF_ASK_OTHER_METHOD: kf_hint(&e, "This organization signs in through its own identity provider."); break;
    case KF_ASK_RADAR: kf_hint(&e, "WorkOS wants to see a person in a browser first."); break;
    case KF_ASK_NONE:
        if (e.code == KF_ERR_WORKOS_STEP_UP) kf_hint(&e, "Finish this on the environment's own sign-in page, then sign in again.");
        break;
    }
    kf_flow_fail(f, &e);
}

void kf_flow_job_done(kf_flow *f, uint32_t id, int status, const kf_secret *body, int32_t retry_after, const char *request_id,
                      const kf_err *err, const kf_moment *now) {
    if (!id || id != f->open_job) return; /* late answer of a job given up on */
    f->open_job = 0;
    kf_wait wait = f->wait;
    f->wait = KF_WAIT_NONE;
    if (err || status == 0) {
        /* the question comes back: a password or a code can be given again, nothing is lost */
        kf_flow_ask_again(f, KF_NOTE_NETWORK, NULL, err);
        return;
    }
    kf_err why;
    KF_AUTO(kf_json) j = body ? kf_json_parse(kf_secret_peek(body), kf_secret_len(body), &why) : NULL;
    bool ok = status >= 200 && status < 300;
    if (ok && !kf_json_is_obj(j)) {
        kf_err e;
        kf_fail(&e, KF_ERR_NET_BAD_ANSWER, "the answer to the sign-in is not usable%s%s", j ? "" : ": ", j ? "" : why.what);
        e.status = status;
        kf_flow_fail(f, &e);
    } else if (!ok) refused(f, status, kf_json_is_obj(j) ? j : NULL, retry_after, request_id);
    else if (wait == KF_WAIT_CHALLENGE) kf_flow_mfa_challenged(f, j);
    else signed_in(f, j, now);
}

kf_session *kf_flow_take_session(kf_flow *f) { return KF_TAKE(f->session); }
