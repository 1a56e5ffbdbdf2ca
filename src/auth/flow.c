/* The sign-in flow's machine: steps, jobs, answers of the person and of WorkOS, and the undo of
 * what was given up. The methods are in flow_*.c. It performs no job itself. */
#include "auth/flow_impl.h"

#include "base/mem.h"
#include "base/str.h"

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
    char shown[KF_SHOWN_MAX + 1];
    (void)kf_str_cut(shown, sizeof shown, arg);
    f->step.note = note;
    kf_flow_put(&f->note_arg, shown);
    f->step.note_arg = f->note_arg;
    if (why) f->step.err = *why;
}

static void slot_free(kf_slot *s) {
    free(s->path);
    kf_secret_free(s->body);
    *s = (kf_slot){0};
}

/* Whoever gives up leaves nothing behind: jobs that wait end, and a factor that is half made goes.
 */
static void leave(kf_flow *f) {
    for (size_t i = 0; i < KF_JOBS_MAX; i++) {
        kf_slot *s = &f->slot[i];
        if (s->job.kind != KF_JOB_REQUEST || !s->handed) slot_free(s);
        else if (s->wait != KF_WAIT_UNDO) s->wait = KF_WAIT_ABANDONED;
    }
    if (f->undo_factor) kf_flow_undo_factor(f, f->factor);
    f->undo_factor = false;
}

void kf_flow_fail(kf_flow *f, const kf_err *err) {
    kf_err e = *err; /* may be the step's own */
    kf_flow_show(f, KF_PHASE_END, KF_STEP_FAILED, KF_FIELD_NONE, 0);
    f->step.err = e;
    leave(f);
}

void kf_flow_failf(kf_flow *f, kf_err_code code, const char *what, const char *hint) {
    kf_err e;
    kf_fail(&e, code, "%s", what);
    kf_hint(&e, "%s", hint);
    kf_flow_fail(f, &e);
}

void kf_flow_bad_answer(kf_flow *f, const char *what) {
    kf_flow_failf(f, KF_ERR_NET_BAD_ANSWER, what, "");
}

static kf_slot *slot_of(kf_flow *f, uint32_t id) {
    for (size_t i = 0; id && i < KF_JOBS_MAX; i++)
        if (f->slot[i].id == id) return &f->slot[i];
    return NULL;
}

kf_slot *kf_flow_job(kf_flow *f, kf_wait wait, kf_job_kind kind) {
    kf_slot *s = NULL;
    for (kf_slot *i = f->slot; i < f->slot + KF_JOBS_MAX && !(s && !s->id); i++)
        if (!i->id || (i->wait == KF_WAIT_ABANDONED && (!s || i->id < s->id))) s = i;
    if (!s)
        abort(); /* besides the abandoned there are at most one LISTEN, one WAIT_UNTIL, one REQUEST
                    and one undoing */
    slot_free(s);
    *s = (kf_slot){.id = ++f->last_job, .wait = wait};
    s->job = (kf_job){.id = s->id, .kind = kind};
    return s;
}

void kf_flow_drop(kf_flow *f, kf_wait wait) {
    for (size_t i = 0; i < KF_JOBS_MAX; i++)
        if (f->slot[i].id && f->slot[i].wait == wait) slot_free(&f->slot[i]);
}

void kf_flow_abandon(kf_flow *f, kf_wait wait) {
    for (size_t i = 0; i < KF_JOBS_MAX; i++)
        if (f->slot[i].id && f->slot[i].wait == wait) f->slot[i].wait = KF_WAIT_ABANDONED;
}

void kf_flow_wait_until(kf_flow *f, kf_wait wait, int64_t at_ms) {
    kf_flow_job(f, wait, KF_JOB_WAIT_UNTIL)->job.at_ms = at_ms;
}

void kf_flow_send(kf_flow *f, kf_wait wait, const char *method, char *path, kf_json *body,
                  bool key) {
    kf_slot *s = kf_flow_job(f, wait, KF_JOB_REQUEST);
    s->path = path;
    s->body = body ? kf_json_print_secret(body) : NULL;
    kf_json_free(body);
    s->job.method = method;
    s->job.path = s->path;
    s->job.body = s->body;
    s->job.key = key;
}

void kf_flow_request(kf_flow *f, kf_wait wait, char *path, kf_json *body, bool key) {
    f->asked_by = f->phase;
    kf_flow_send(f, wait, body ? "POST" : "GET", path, body, key);
    kf_flow_show(f, f->phase, KF_STEP_WAIT, KF_FIELD_NONE, 0);
}

void kf_flow_authenticate(kf_flow *f, kf_json *grant) {
    kf_flow_request(f, KF_WAIT_AUTHENTICATE, kf_flow_path(KF_AT_AUTHENTICATE, NULL), grant, false);
}

char *kf_flow_path(kf_at at, const char *id) {
    char *path = kf_issuer_path(&kf_workos, at, id);
    if (!path) abort();
    return path;
}

void kf_flow_put(char **dst, const char *value) {
    char *copy = value && *value ? kf_strdup(value) : NULL; /* first: value may be *dst */
    free(*dst);
    *dst = copy;
}

bool kf_flow_url_ok(const kf_flow *f, const char *url) {
    size_t n = url ? strlen(url) : 0;
    if (!n || n > KF_URL_MAX) return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)url[i] <= 0x20 || (unsigned char)url[i] >= 0x7f) return false;
    if (!kf_str_starts(url, "https://") && !kf_str_starts(url, "http://")) return false;
    const char *host = strstr(url, "//") + 2;
    if (!kf_str_starts(url, "https://")) { /* any port: the emulator's is 0 */
        static const char *const here[] = {"localhost", "127.0.0.1", "[::1]"};
        size_t len = strcspn(host, "/?#");
        for (size_t i = 0; i < KF_LEN(here); i++) {
            size_t k = strlen(here[i]);
            if (len >= k && !memcmp(host, here[i], k) &&
                (len == k || (host[k] == ':' && strspn(host + k + 1, "0123456789") == len - k - 1)))
                return kf_origin_is_loopback(f->origin);
        }
        return false;
    }
    KF_AUTO_CHARS origin = kf_strdup(url);
    origin[(size_t)(host - url) + strcspn(host, "/?#")] = 0;
    char *norm = NULL;
    bool ok = kf_origin_parse(origin, &norm, NULL);
    free(norm);
    return ok;
}

/* --- phases ----------------------------------------------------------------------------------- */

typedef bool (*submit_fn)(kf_flow *f, const kf_secret *value, kf_err *err);
static const struct {
    void (*ask)(kf_flow *f);
    submit_fn submit;
    void (*resend)(kf_flow *f);
    void (*back)(kf_flow *f);
    bool code; /* a wrong code is answered by asking again */
} phase[KF_PHASE_COUNT] = {
    [KF_PHASE_EMAIL] = {kf_flow_ask_email, kf_flow_email_submit, NULL, NULL, false},
    [KF_PHASE_PASSWORD] = {kf_flow_ask_password, kf_flow_password_submit, NULL,
                           kf_flow_back_to_email, false},
    [KF_PHASE_RESET_TOKEN] = {kf_flow_ask_reset_token, kf_flow_reset_token_submit, NULL,
                              kf_flow_ask_password, false},
    [KF_PHASE_NEW_PASSWORD] = {kf_flow_ask_new_password, kf_flow_new_password_submit, NULL,
                               kf_flow_ask_password, false},
    [KF_PHASE_MAGIC] = {kf_flow_ask_magic, kf_flow_magic_submit, kf_flow_magic_start,
                        kf_flow_back_to_email, true},
    [KF_PHASE_VERIFY] = {kf_flow_ask_verify, kf_flow_verify_submit, kf_flow_verify_resend, NULL,
                         true},
    [KF_PHASE_TOTP] = {kf_flow_ask_totp, kf_flow_mfa_submit, NULL, NULL, true},
    [KF_PHASE_FACTOR] = {kf_flow_ask_factor, NULL, NULL, NULL, false},
    [KF_PHASE_ENROLL] = {kf_flow_ask_enroll, kf_flow_mfa_submit, NULL, NULL, true},
    [KF_PHASE_RADAR_EMAIL] = {kf_flow_ask_radar_email, kf_flow_radar_email_submit, NULL, NULL,
                              true},
    [KF_PHASE_RADAR_PHONE] = {kf_flow_ask_radar_phone, kf_flow_radar_phone_submit, NULL, NULL,
                              false},
    [KF_PHASE_RADAR_SMS] = {kf_flow_ask_radar_sms, kf_flow_radar_sms_submit, kf_flow_radar_resend,
                            NULL, true},
    [KF_PHASE_ORG] = {kf_flow_ask_org, NULL, NULL, NULL, false},
    [KF_PHASE_DEVICE] = {kf_flow_ask_device, NULL, NULL, NULL, false},
    [KF_PHASE_SSO] = {kf_flow_ask_sso, kf_flow_sso_submit, NULL, NULL, false},
    [KF_PHASE_BROWSER] = {kf_flow_ask_browser, kf_flow_browser_submit, NULL, NULL, false},
    [KF_PHASE_OTHER_USER] = {kf_flow_ask_other, NULL, NULL, NULL, false},
};

void kf_flow_ask_again(kf_flow *f, kf_note note, const char *arg, const kf_err *why) {
    if (f->phase == KF_PHASE_END) return;
    phase[f->asked_by].ask(f);
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
    f->choice = kf_grow(f->choice, f->n_choice, sizeof *f->choice);
    kf_choice *c = &f->choice[f->n_choice];
    char shown[KF_SHOWN_MAX + 1];
    (void)kf_str_cut(shown, sizeof shown, label);
    *c = (kf_choice){.label = kf_strdup(shown), .detail = kf_strdup("")};
    if (!kf_str_set(c->id, sizeof c->id, id)) abort();
    f->n_choice++;
}

/* --- the machine ------------------------------------------------------------------------------ */

static void (*const start[KF_METHOD_COUNT])(kf_flow *f) = {
    [KF_BY_PASSWORD] = kf_flow_password_start, [KF_BY_MAGIC] = kf_flow_magic_start,
    [KF_BY_BROWSER] = kf_flow_browser_start,   [KF_BY_DEVICE] = kf_flow_device_start,
    [KF_BY_SSO] = kf_flow_sso_start,
};

kf_flow *kf_flow_new(const kf_flow_opts *o, kf_err *err) {
    bool open = o->method == KF_BY_BROWSER || o->method == KF_BY_DEVICE ||
                o->method == KF_BY_SSO; /* to public clients */
    if (!kf_client_id_ok(o->client_id)) {
        kf_fail(err, KF_ERR_USAGE_NO_CLIENT_ID, "there is no client ID to sign in with");
        return NULL;
    }
    if (!open && !kf_secret_len(o->api_key)) { /* WORKOS.md §1.2: this grant needs the secret */
        kf_fail(err, KF_ERR_WORKOS_NEEDS_API_KEY, "%s sign-in", kf_method_name(o->method));
        return NULL;
    }
    kf_flow *f = kf_new(kf_flow);
    f->method = o->method;
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
    start[f->method](f);
    return f;
}

kf_flow *kf_flow_free(kf_flow *f) {
    if (!f) return NULL;
    for (size_t i = 0; i < KF_JOBS_MAX; i++) slot_free(&f->slot[i]);
    kf_flow_clear_choices(f);
    char *texts[] = {
        f->client_id,   f->origin,           f->email,    f->organization_id, f->organization_name,
        f->note_arg,    f->invitation_token, f->provider, f->connection_id,   f->domain_hint,
        f->screen_hint, f->prompt,           f->url,      f->browser_arg,     f->new_profile};
    for (size_t i = 0; i < KF_LEN(texts); i++) free(texts[i]);
    kf_secret *secrets[] = {f->api_key,     f->pending,  f->uri,      f->uri_key, f->reset_token,
                            f->device_code, f->complete, f->verifier, f->code};
    for (size_t i = 0; i < KF_LEN(secrets); i++) kf_secret_free(secrets[i]);
    kf_session_free(f->session);
    kf_wipe(f->seed, sizeof f->seed);
    free(f);
    return NULL;
}

const kf_step *kf_flow_step(const kf_flow *f) { return &f->step; }

static bool choose(kf_flow *f, const char *id, kf_err *err) {
    for (size_t i = 0; i < f->n_choice; i++)
        if (!strcmp(f->choice[i].id, id)) {
            if (f->phase == KF_PHASE_ORG) return kf_flow_org_choose(f, id, err);
            kf_flow_mfa_factor(f, f->choice[i].id);
            return true;
        }
    return kf_fail(err, KF_ERR_USAGE_BAD_ANSWER, "that is not one of the choices");
}

/* What is pasted brings blanks along, and they are never part of an address, a code or an ID. A
 * password may begin or end with one. */
static bool take_text(kf_flow *f, kf_flow_act act, const kf_secret *value, kf_err *err) {
    bool exact = f->step.field == KF_FIELD_PASSWORD || f->step.field == KF_FIELD_NEW_PASSWORD;
    KF_AUTO(kf_secret) text = exact ? kf_secret_copy(value) : kf_secret_trim(value);
    if (!kf_secret_len(text)) return kf_fail(err, KF_ERR_USAGE_BAD_ANSWER, "nothing was typed");
    if (act == KF_ACT_NEW_PROFILE) return kf_flow_other_answer(f, act, text, err);
    return act == KF_ACT_SUBMIT ? phase[f->phase].submit(f, text, err)
                                : choose(f, kf_secret_peek(text), err);
}

bool kf_flow_answer(kf_flow *f, uint32_t serial, kf_flow_act act, const kf_secret *value,
                    kf_err *err) {
    if (serial != f->step.serial || f->step.kind == KF_STEP_WAIT)
        return kf_fail(err, KF_ERR_USAGE_STALE_QUESTION, "that question is no longer open");
    if ((unsigned)act >= KF_ACT_COUNT || !(f->step.acts & 1u << act))
        return kf_fail(err, KF_ERR_USAGE_BAD_ANSWER, "%s is not possible now",
                       kf_flow_act_name(act));
    size_t n = kf_secret_len(value),
           most = f->step.field == KF_FIELD_REDIRECT_URL ? 16 << 10 : 1024;
    switch (act) {
    case KF_ACT_BACK: phase[f->phase].back(f); return true;
    case KF_ACT_RESEND: phase[f->phase].resend(f); return true;
    case KF_ACT_RESET: kf_flow_reset_start(f); return true;
    case KF_ACT_NEW_CODE: kf_flow_device_start(f); return true;
    case KF_ACT_REPLACE: return kf_flow_other_answer(f, act, NULL, err);
    case KF_ACT_BROWSER: return true; /* whoever shows the step opens its address */
    case KF_ACT_SUBMIT:
    case KF_ACT_NEW_PROFILE:
    case KF_ACT_CHOOSE:
    case KF_ACT_COUNT: break;
    }
    if (!n || n > most || !kf_secret_is_text(value))
        return kf_fail(err, KF_ERR_USAGE_BAD_ANSWER,
                       n ? "what was typed is too long" : "nothing was typed");
    return take_text(f, act, value, err);
}

static void end_session(kf_flow *f, const char *sid) {
    if (!f->api_key) {
        char *path = kf_flow_path(KF_AT_LOGOUT, sid);
        kf_flow_send(f, KF_WAIT_UNDO, "GET", path, NULL, false);
        return;
    }
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "session_id", sid);
    kf_flow_send(f, KF_WAIT_UNDO, "POST", kf_flow_path(KF_AT_REVOKE, NULL), j, true);
}

void kf_flow_cancel(kf_flow *f) {
    bool has_session = f->phase == KF_PHASE_OTHER_USER;
    if (f->phase == KF_PHASE_END) return;
    kf_flow_failf(f, KF_ERR_SYS_CANCELLED, "the sign-in was cancelled", "");
    f->session = kf_session_free(f->session);
    if (has_session && *f->taken) end_session(f, f->taken);
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
    f->undo_factor = false;
    kf_flow_show(f, KF_PHASE_END, KF_STEP_DONE, KF_FIELD_NONE, 0);
    leave(f);
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

static kf_note note_of(kf_workos_ask ask, const kf_err *e) {
    if (ask == KF_ASK_TOO_MANY_CODES) return KF_NOTE_TOO_MANY;
    if (ask == KF_ASK_USED_CODE) return KF_NOTE_CODE_USED;
    return e->code == KF_ERR_WORKOS_CODE_EXPIRED ? KF_NOTE_CODE_EXPIRED : KF_NOTE_BAD_CODE;
}

/* The answer to something that was given up: what WorkOS made for it is undone. */
static void undo(kf_flow *f, const kf_json *body) {
    kf_claims c;
    const char *token = kf_json_str(body, "access_token");
    const kf_json *factor = kf_workos_factor_of(body);
    char sid[96];
    if (factor) {
        kf_flow_undo_factor(f, kf_json_str(factor, "id"));
    } else if (token && kf_claims_read(token, strlen(token), &c, NULL) &&
               kf_issuer_id(sid, c.sid)) {
        end_session(f, sid);
    }
}

/* Continuations. False: none of them, e is the end. */
static bool goes_on(kf_flow *f, kf_workos_ask ask, const kf_json *body, kf_err *e) {
    bool wrong = ask == KF_ASK_WRONG_CODE || ask == KF_ASK_USED_CODE;
    if (ask == KF_ASK_WRONG_PASSWORD && f->asked_by == KF_PHASE_PASSWORD) {
        kf_flow_ask_again(f, KF_NOTE_BAD_CREDENTIALS, f->email, e);
        return true;
    }
    if (phase[f->asked_by].code &&
        (wrong || (ask == KF_ASK_TOO_MANY_CODES && phase[f->asked_by].resend))) {
        kf_flow_ask_again(f, note_of(ask, e), NULL, e);
        return true;
    }
    if (ask == KF_ASK_PHONE && f->asked_by == KF_PHASE_RADAR_SMS && *f->user_id) {
        kf_flow_ask_radar_phone(f);
        return true;
    }
    if (ask == KF_ASK_NONE && e->code == KF_ERR_WORKOS_STEP_UP) { /* a passkey, a consent */
        f->undo_factor = false;
        kf_flow_to_browser(f, KF_NOTE_HOSTED_STEP, e->upstream);
        return true;
    }
    if (ask == KF_ASK_NONE || ask >= KF_ASK_WRONG_CODE) return false;
    f->undo_factor = false; /* WorkOS took the code and goes on */
    if (ask == KF_ASK_SSO || ask == KF_ASK_OTHER_METHOD) kf_flow_sso_required(f, body);
    else if (!f->api_key)
        kf_flow_to_browser(f, KF_NOTE_PUBLIC_STEP_UP,
                           e->upstream); /* all that follow need the secret */
    else if (ask == KF_ASK_MFA_CHALLENGE) kf_flow_mfa_challenge(f, body);
    else if (ask == KF_ASK_MFA_ENROLLMENT) kf_flow_enroll_required(f, body, e);
    else if (ask == KF_ASK_ORGANIZATION) kf_flow_org_required(f, body);
    else if (ask == KF_ASK_EMAIL_VERIFICATION) kf_flow_verify_required(f, body);
    else kf_flow_radar_required(f, ask, body, e);
    return true;
}

/* An answer that is no success: the continuation it asks for, the same question, or the end. body
 * may be NULL. */
static void refused(kf_flow *f, kf_wait wait, kf_workos_ask ask, const kf_json *body, kf_err *e) {
    if (e->code == KF_ERR_WORKOS_INVALID_CLIENT) {
        size_t n = strlen(e->what);
        snprintf(e->what + n, sizeof e->what - n, " (%s)", f->client_id);
    }
    if (wait == KF_WAIT_DEVICE_GRANT && kf_flow_device_goes_on(f, ask, e)) return;
    bool again = kf_workos_is_not_now(e->code);
    if (again && f->asked_by == KF_PHASE_ENROLL)
        f->undo_factor = false; /* the code may have been taken: nothing is deleted on doubt */
    if (again && wait == KF_WAIT_AUTHENTICATE && f->asked_by == KF_PHASE_BROWSER) {
        kf_flow_browser_again(f, e);
    } else if (e->code == KF_ERR_NET_RATE_LIMITED) {
        char s[16];
        snprintf(s, sizeof s, "%d", e->retry_after > 0 ? e->retry_after : 60);
        kf_flow_ask_again(f, KF_NOTE_SLOW_DOWN, s, e);
    } else if (again) {
        kf_flow_ask_again(f, KF_NOTE_NETWORK, NULL, e);
    } else if (wait == KF_WAIT_RESET || wait == KF_WAIT_RESET_CONFIRM) {
        kf_flow_reset_refused(f, wait, e);
    } else if (take_pending(f, body) && !goes_on(f, ask, body, e)) {
        /* nobody was asked yet */
        if (wait == KF_WAIT_DEVICE_START && e->code == KF_ERR_WORKOS_DECLINED) {
            e->code = KF_ERR_WORKOS_METHOD_DISABLED;
            kf_hint(e, "Sign-in by another device is not enabled for this environment.");
        }
        kf_flow_fail(f, e);
    }
}

/* No answer came. The question comes back: a password or a code can be given again, nothing is
 * lost. */
static void unanswered(kf_flow *f, kf_wait wait, const kf_err *err) {
    kf_err e;
    if (err) e = *err;
    else kf_fail(&e, KF_ERR_NET_BROKEN, "no answer came");
    bool sent =
        e.code != KF_ERR_NET_RESOLVE && e.code != KF_ERR_NET_CONNECT && e.code != KF_ERR_NET_TLS;
    if (sent && wait == KF_WAIT_AUTHENTICATE && f->asked_by == KF_PHASE_ENROLL)
        f->undo_factor = false; /* as in refused() */
    if (wait == KF_WAIT_LISTEN) kf_flow_fail(f, &e);
    else if (wait == KF_WAIT_DEVICE_GRANT) (void)kf_flow_device_goes_on(f, KF_ASK_NONE, &e);
    else if (wait == KF_WAIT_AUTHENTICATE && f->asked_by == KF_PHASE_BROWSER)
        kf_flow_browser_again(f, &e);
    else kf_flow_ask_again(f, KF_NOTE_NETWORK, NULL, err ? &e : NULL);
}

static void answered(kf_flow *f, kf_wait wait, const kf_json *j, const kf_moment *now) {
    switch (wait) {
    case KF_WAIT_AUTHENTICATE:
    case KF_WAIT_DEVICE_GRANT: signed_in(f, j, now); return;
    case KF_WAIT_CHALLENGE: kf_flow_mfa_challenged(f, j); return;
    case KF_WAIT_MAGIC: kf_flow_magic_sent(f, j); return;
    case KF_WAIT_VERIFY_FIND: kf_flow_verify_found(f, j); return;
    case KF_WAIT_VERIFY_SEND: kf_flow_verify_sent(f); return;
    case KF_WAIT_ENROLL: kf_flow_enrolled(f, j); return;
    case KF_WAIT_RADAR_SMS: kf_flow_radar_sms_sent(f, j); return;
    case KF_WAIT_RESET: kf_flow_reset_asked(f); return;
    case KF_WAIT_RESET_CONFIRM: kf_flow_reset_done(f); return;
    case KF_WAIT_DEVICE_START: kf_flow_device_started(f, j); return;
    case KF_WAIT_ABANDONED: undo(f, j); return;
    case KF_WAIT_UNDO:
    case KF_WAIT_DEVICE_POLL:
    case KF_WAIT_LISTEN:
    case KF_WAIT_BROWSER_LIMIT:
    case KF_WAIT_BROWSER_AGAIN: return;
    }
}

/* Jobs that are no request. */
static bool waited(kf_flow *f, kf_wait wait, const kf_secret *body) {
    switch (wait) {
    case KF_WAIT_LISTEN: kf_flow_browser_called_back(f, body); return true;
    case KF_WAIT_DEVICE_POLL: kf_flow_device_poll(f); return true;
    case KF_WAIT_BROWSER_AGAIN: kf_flow_browser_exchange(f); return true;
    case KF_WAIT_BROWSER_LIMIT:
        kf_flow_failf(f, KF_ERR_WORKOS_CODE_EXPIRED,
                      "nobody came back from the browser in ten minutes",
                      "Sign in again when you are ready.");
        return true;
    default: return false;
    }
}

void kf_flow_job_done(kf_flow *f, uint32_t id, int status, const kf_secret *body,
                      int32_t retry_after, const char *request_id, const kf_err *err,
                      const kf_moment *now) {
    kf_slot *s = slot_of(f, id);
    if (!s || !s->handed) return; /* late answer of a job given up on */
    kf_wait wait = s->wait;
    slot_free(s);
    if (now->boot_ms > f->now_ms) f->now_ms = now->boot_ms;
    if (wait == KF_WAIT_UNDO) return;
    if (err || status == 0) {
        if (wait != KF_WAIT_ABANDONED) unanswered(f, wait, err);
        return;
    }
    if (waited(f, wait, body)) return;
    kf_err why;
    const char *text = kf_secret_peek(body);
    size_t n = kf_secret_len(body);
    bool ok = status >= 200 && status < 300, page = kf_workos_is_page(text, n);
    KF_AUTO(kf_json) j = n && !page ? kf_json_parse_lenient(text, n, &why) : NULL;
    if (wait == KF_WAIT_ABANDONED) {
        if (ok && kf_json_is_obj(j)) undo(f, j);
    } else if (!ok || page) {
        kf_workos_ask ask = KF_ASK_NONE;
        const kf_json *obj = kf_json_is_obj(j) ? j : NULL;
        if (ok) (void)kf_workos_fail_page(status, &why);
        else ask = kf_workos_read_error(status, obj, retry_after, request_id, &why);
        refused(f, wait, ask, obj, &why);
    } else if (!kf_json_is_obj(j) && wait != KF_WAIT_VERIFY_SEND && wait != KF_WAIT_RESET_CONFIRM &&
               wait != KF_WAIT_RESET) {
        kf_err e;
        bool parsed = j || !n;
        kf_fail(&e, KF_ERR_NET_BAD_ANSWER, "the answer to the sign-in is not usable%s%s",
                parsed ? "" : ": ", parsed ? "" : why.what);
        e.status = status;
        kf_flow_fail(f, &e);
    } else answered(f, wait, j, now);
}

kf_session *kf_flow_take_session(kf_flow *f) {
    if (f->session && !kf_issuer_id(f->taken, f->session->claims.sid)) f->taken[0] = 0;
    return KF_TAKE(f->session);
}

void kf_flow_give_back(kf_flow *f, const kf_err *err) {
    kf_flow_fail(f, err);
    if (*f->taken) end_session(f, f->taken);
    f->taken[0] = 0;
}
