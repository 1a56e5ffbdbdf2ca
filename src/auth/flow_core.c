/* The floor of a flow: its step, its jobs, its choices, and what is undone when it ends. Calls no
 * phase and knows none. */
#include "auth/flow_impl.h"

#include "base/mem.h"
#include "base/str.h"

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

void kf_flow_go(kf_flow *f, kf_phase to, kf_note note, const char *arg, const kf_err *why) {
    kf_flow_put(&f->next.arg, arg);
    f->next.phase = to;
    f->next.again = false;
    f->next.note = note;
    f->next.has_err = why != NULL;
    if (why) f->next.err = *why;
}

void kf_flow_ask_again(kf_flow *f, kf_note note, const char *arg, const kf_err *why) {
    if (f->phase == KF_PHASE_END) return;
    kf_flow_go(f, f->asked_by, note, arg, why);
    f->next.again = true;
}

void kf_flow_slot_free(kf_slot *s) {
    free(s->path);
    kf_secret_free(s->body);
    *s = (kf_slot){0};
}

void kf_flow_leave(kf_flow *f) {
    for (size_t i = 0; i < KF_JOBS_MAX; i++) {
        kf_slot *s = &f->slot[i];
        if (s->job.kind != KF_JOB_REQUEST || !s->handed) kf_flow_slot_free(s);
        else if (s->what != KF_JOB_UNDO) s->what = KF_JOB_ABANDONED;
    }
    f->next.phase = KF_PHASE_END;
    if (f->undo) kf_flow_send(f, KF_PHASE_END, KF_JOB_UNDO, "DELETE", KF_TAKE(f->undo), NULL, true);
}

void kf_flow_fail(kf_flow *f, const kf_err *err) {
    kf_err e = *err; /* may be the step's own */
    kf_flow_show(f, KF_PHASE_END, KF_STEP_FAILED, KF_FIELD_NONE, 0);
    f->step.err = e;
    kf_flow_leave(f);
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

kf_slot *kf_flow_slot(kf_flow *f, uint32_t id) {
    for (size_t i = 0; id && i < KF_JOBS_MAX; i++)
        if (f->slot[i].id == id) return &f->slot[i];
    return NULL;
}

kf_slot *kf_flow_job(kf_flow *f, kf_phase owner, int what, kf_job_kind kind) {
    kf_slot *s = NULL;
    for (kf_slot *i = f->slot; i < f->slot + KF_JOBS_MAX && !(s && !s->id); i++)
        if (!i->id || (i->what == KF_JOB_ABANDONED && (!s || i->id < s->id))) s = i;
    if (!s)
        abort(); /* besides the abandoned there are at most one LISTEN, one WAIT_UNTIL, one REQUEST
                    and one undoing */
    kf_flow_slot_free(s);
    *s = (kf_slot){.id = ++f->last_job, .owner = owner, .what = what};
    s->job = (kf_job){.id = s->id, .kind = kind};
    return s;
}

static bool slot_is(const kf_slot *s, kf_phase owner, int what) {
    return s->id && s->owner == owner && s->what == what;
}

void kf_flow_drop(kf_flow *f, kf_phase owner, int what) {
    for (size_t i = 0; i < KF_JOBS_MAX; i++)
        if (slot_is(&f->slot[i], owner, what)) kf_flow_slot_free(&f->slot[i]);
}

void kf_flow_abandon(kf_flow *f, kf_phase owner, int what) {
    for (size_t i = 0; i < KF_JOBS_MAX; i++)
        if (slot_is(&f->slot[i], owner, what)) f->slot[i].what = KF_JOB_ABANDONED;
}

void kf_flow_wait_until(kf_flow *f, kf_phase owner, int what, int64_t at_ms) {
    kf_flow_job(f, owner, what, KF_JOB_WAIT_UNTIL)->job.at_ms = at_ms;
}

char *kf_flow_path(const kf_flow *f, kf_at at, const char *id) {
    char *path = kf_issuer_path(f->issuer, at, id);
    if (!path) abort();
    return path;
}

kf_json *kf_flow_grant(const kf_flow *f, kf_grant grant) {
    return kf_issuer_grant(f->issuer, grant, f->client_id, f->api_key);
}

kf_slot *kf_flow_send(kf_flow *f, kf_phase owner, int what, const char *method, char *path,
                      kf_json *body, bool key) {
    kf_slot *s = kf_flow_job(f, owner, what, KF_JOB_REQUEST);
    s->path = path;
    s->body = body ? kf_json_print_secret(body) : NULL;
    kf_json_free(body);
    s->job.method = method;
    s->job.path = s->path;
    s->job.body = s->body;
    s->job.key = key;
    return s;
}

static kf_slot *request(kf_flow *f, kf_phase owner, int what, char *path, kf_json *body, bool key) {
    f->asked_by = f->phase;
    kf_slot *s = kf_flow_send(f, owner, what, body ? "POST" : "GET", path, body, key);
    kf_flow_show(f, f->phase, KF_STEP_WAIT, KF_FIELD_NONE, 0);
    return s;
}

kf_slot *kf_flow_request(kf_flow *f, kf_phase owner, int what, char *path, kf_json *body) {
    return request(f, owner, what, path, body, true);
}

void kf_flow_any_body(kf_slot *s) { s->any_body = true; }

void kf_flow_authenticate(kf_flow *f, kf_phase owner, kf_json *grant) {
    request(f, owner, KF_JOB_SESSION, kf_flow_path(f, KF_AT_AUTHENTICATE, NULL), grant, false);
}

void kf_flow_undo_later(kf_flow *f, char *path) {
    free(f->undo);
    f->undo = path;
}

void kf_flow_end_session(kf_flow *f, const char *sid) {
    if (!f->api_key) {
        kf_flow_send(f, KF_PHASE_END, KF_JOB_UNDO, "GET", kf_flow_path(f, KF_AT_LOGOUT, sid), NULL,
                     false);
        return;
    }
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "session_id", sid);
    kf_flow_send(f, KF_PHASE_END, KF_JOB_UNDO, "POST", kf_flow_path(f, KF_AT_REVOKE, NULL), j,
                 true);
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
