/* Sign-ins in progress: passes a flow's steps and the person's answers between flow and client,
 * and gives the finished session to the keeper. drive_jobs.c does the flow's jobs. */
#include "agent/drive_impl.h"

#include "agent/profile_json.h"
#include "keeper/keeper.h"
#include "agent/settings.h"
#include "auth/profile.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypt/hash.h"
#include "wire/msg.h"

enum { FLOWS_MAX = 32, FLOW_MS = 15 * 60 * 1000, STEP_FRAME_CHOICES = 500 };

kf_drive *kf_drive_new(kf_agent *a) {
    kf_drive *d = kf_new(kf_drive);
    d->a = a;
    return d;
}

static void sign_in_free(kf_sign_in *s) {
    kf_sign_in **p = &s->a->drive->all;
    while (*p != s) p = &(*p)->next;
    *p = s->next;
    kf_loop_cancel(s->a->loop, s->timer);
    kf_drive_jobs_drop(s);
    kf_flow_free(s->flow);
    kf_secret_free(s->api_key);
    kf_session_free(s->session);
    free(s);
}

kf_drive *kf_drive_free(kf_drive *d) {
    if (!d) return NULL;
    while (d->all) sign_in_free(d->all);
    kf_drive_late_drop(d);
    free(d);
    return NULL;
}

bool kf_drive_busy(const kf_agent *a) { return a->drive && a->drive->all != NULL; }

/* Flows outlive nothing by pointer: callbacks carry the id. */
kf_sign_in *kf_drive_find(kf_agent *a, const char *id) {
    kf_sign_in *s = a->drive ? a->drive->all : NULL;
    while (s && strcmp(s->id, id)) s = s->next;
    return s;
}

typedef struct ref {
    kf_agent *a;
    char id[33];
} ref;
static ref *ref_new(const kf_sign_in *s) {
    ref *r = malloc(sizeof *r);
    if (!r) abort();
    r->a = s->a;
    memcpy(r->id, s->id, sizeof r->id);
    return r;
}
static kf_sign_in *ref_take(ref *r) {
    kf_sign_in *s = kf_drive_find(r->a, r->id);
    free(r);
    return s;
}

/* --- steps ---------------------------------------------------------------------------------------
 */

/* The wall clock may be set while a step is shown: clients count with left_ms. */
static void set_end(kf_json *one, const kf_step *step) {
    if (!step->ends_ms) return;
    int64_t left = step->ends_ms - kf_boot_ms();
    kf_json_set_int(one, "expires_at", (kf_unix_ms() + left) / 1000);
    kf_json_set_int(one, "left_ms", left);
}

/* The last one ends the call. */
static void send_step(kf_sign_in *s, const kf_step *step, bool last) {
    bool choose = step->kind == KF_STEP_CHOOSE;
    size_t first = 0, n = step->n_choice;
    do {
        kf_json *j = kf_json_obj(), *one = kf_msg_step(step, first);
        first += STEP_FRAME_CHOICES;
        set_end(one, step);
        if (step->kind == KF_STEP_DONE)
            kf_json_set(one, "profile", kf_profile_json(s->a->keeper, s->profile));
        kf_json_set_str(j, "flow", s->id);
        kf_json_set(j, "step", one);
        bool more = choose && first < n;
        if (more || !last) kf_call_part(s->call, j);
        else kf_call_reply(KF_TAKE(s->call), j);
    } while (choose && first < n);
}

/* The client hears why; what is under way at WorkOS is still brought to an end. s may be gone
 * afterwards. */
static void give_up(kf_sign_in *s, const kf_err *err) {
    kf_step step = {.serial = s->shown + 1, .kind = KF_STEP_FAILED, .err = *err};
    if (s->call) send_step(s, &step, true);
    if (!s->flow) {
        sign_in_free(s);
        return;
    }
    s->over = true;
    kf_drive_jobs_rest(s, KF_LOOPBACK_FAILED, err->what);
    kf_flow_cancel(s->flow);
    kf_drive_pump(s);
}

static void start_timer(kf_sign_in *s);

/* The person decides; until then the new session is in the flow alone. why: the last answer came to
 * nothing. */
static void ask_other(kf_sign_in *s, const kf_person *owner, const kf_err *why) {
    s->owner = *owner;
    s->adopting = false;
    kf_flow_ask_other_user(s->flow, KF_TAKE(s->session), owner, why);
    start_timer(s);
    kf_drive_pump(s);
}

static bool is_dropped(kf_err_code code) { /* nothing of it was stored */
    return code == KF_ERR_USAGE_NO_PROFILE || code == KF_ERR_WORKOS_ORIGIN ||
           code == KF_ERR_WORKOS_OTHER_USER;
}

static void adopted(void *user, const kf_err *err) {
    kf_sign_in *s = ref_take(user);
    kf_person owner;
    if (!s) return;
    if (err && err->code == KF_ERR_WORKOS_OTHER_USER && s->call &&
        kf_keeper_owner(s->a->keeper, s->profile, &owner)) {
        ask_other(s, &owner, NULL);
        return;
    }
    kf_step failed = {.serial = s->shown + 1, .kind = KF_STEP_FAILED};
    if (err) failed.err = *err;
    kf_drive_jobs_rest(s, err ? KF_LOOPBACK_FAILED : KF_LOOPBACK_DONE, err ? err->what : NULL);
    if (s->call) send_step(s, err ? &failed : kf_flow_step(s->flow), true);
    if (!err || !is_dropped(err->code)) { /* stored, or unsaved */
        sign_in_free(s);
        return;
    }
    s->adopting = false;
    s->over = true;
    kf_flow_give_back(s->flow, err);
    kf_drive_pump(s);
}

static void adopt(kf_sign_in *s) {
    bool any = s->any_user || kf_flow_replaces(s->flow);
    kf_keeper_adopt(s->a->keeper, s->profile, kf_session_copy(s->session), s->interactive, any,
                    adopted, ref_new(s));
}

static void profile_made(kf_sign_in *s, const kf_err *err) {
    kf_person owner = s->owner;
    if (!err) adopt(s);
    else if (s->call) ask_other(s, &owner, err); /* another name may do */
    else {
        s->adopting = false;
        s->over = true;
        kf_flow_give_back(s->flow, err);
        kf_drive_pump(s);
    }
}

/* Does what the flow wants done, shows what it wants shown, and ends it when it is over. */
void kf_drive_pump(kf_sign_in *s) {
    const kf_step *step = kf_flow_step(s->flow);
    if (s->adopting) return;
    if (step->kind == KF_STEP_FAILED && !s->over) {
        s->over = true;
        kf_drive_jobs_rest(s, KF_LOOPBACK_FAILED, step->err.what);
    }
    kf_drive_jobs_start(s);
    step = kf_flow_step(s->flow);
    if (step->kind == KF_STEP_DONE) {
        kf_session *session = kf_flow_take_session(s->flow);
        const char *name = kf_flow_new_profile(s->flow);
        if (!session) return;
        kf_session_free(s->session);
        s->session = session;
        s->adopting = true; /* the step is sent once the session is stored */
        if (name) kf_drive_new_profile(s, name, profile_made);
        else adopt(s);
        return;
    }
    if (step->kind != KF_STEP_WAIT) kf_drive_jobs_tell(s, KF_LOOPBACK_GO_ON, NULL);
    if (step->serial != s->shown && s->call) {
        s->shown = step->serial;
        send_step(s, step, s->over);
    }
    if (s->over && !kf_drive_jobs_asking(s)) sign_in_free(s);
}

/* --- calls ---------------------------------------------------------------------------------------
 */

static void too_long(void *user) {
    kf_sign_in *s = user;
    kf_err e;
    s->timer = 0;
    if (s->adopting || s->over) return;
    kf_fail(&e, KF_ERR_WORKOS_CODE_EXPIRED, "nobody answered for %d minutes", FLOW_MS / 60000);
    give_up(s, &e);
}

static void start_timer(kf_sign_in *s) {
    kf_loop_cancel(s->a->loop, s->timer);
    s->timer = kf_loop_after(s->a->loop, FLOW_MS, too_long, s);
}

static void begin(kf_sign_in *s, const kf_secret *key) {
    KF_AUTO(kf_secret) env_key = kf_call_take_secret(s->call, "api_key");
    kf_flow_opts o;
    kf_err e;
    s->stored_key = key != NULL;
    if (key) s->api_key = kf_secret_copy(key);
    else if (kf_secret_len(env_key)) s->api_key = KF_TAKE(env_key);
    bool ok = kf_drive_opts(s, &o, &e);
    if (ok && !key && s->api_key) ok = kf_api_key_check(s->api_key, "WORKOS_API_KEY", &e);
    if (ok) {
        kf_random(o.seed, sizeof o.seed);
        s->flow = kf_flow_new(&o, &e);
        kf_wipe(o.seed, sizeof o.seed);
    }
    if (!s->flow) {
        give_up(s, &e);
        return;
    }
    start_timer(s);
    kf_drive_pump(s);
}

static void key_here(void *user, const kf_secret *key, const kf_err *err) {
    kf_sign_in *s = ref_take(user);
    if (!s) return;
    if (err) give_up(s, err);
    else begin(s, key);
}

static void cancel(kf_sign_in *s, const kf_err *why) {
    if (!s->adopting && !s->over) give_up(s, why); /* else it is being stored, or cancelled */
}

static void cancel_by_client(kf_sign_in *s) {
    kf_err e;
    kf_fail(&e, KF_ERR_SYS_CANCELLED, "the sign-in was cancelled");
    cancel(s, &e);
}

/* Clean-up jobs still run. */
static void client_gone(void *user) {
    kf_sign_in *s = user;
    s->call = kf_call_drop(s->call);
    cancel_by_client(s);
}

void kf_drive_sign_in(kf_agent *a, kf_call *call) {
    const char *name = kf_call_str(call, "profile", "");
    const kf_conf_profile *c = kf_conf_find(a->conf, name);
    kf_err e;
    size_t n = 0;
    for (kf_sign_in *s = a->drive->all; s; s = s->next) n++;
    if (!c) kf_fail(&e, KF_ERR_USAGE_NO_PROFILE, "%.64s", name);
    else if (n >= FLOWS_MAX)
        kf_fail(&e, KF_ERR_WIRE_BUSY, "%d sign-ins are under way already", FLOWS_MAX);
    if (!c || n >= FLOWS_MAX) {
        kf_call_fail(call, &e);
        return;
    }
    kf_sign_in *s = kf_new(kf_sign_in);
    uint8_t raw[16];
    kf_random(raw, sizeof raw);
    kf_hex(raw, sizeof raw, s->id);
    s->a = a;
    s->call = call;
    kf_call_on_gone(call, client_gone, s);
    s->settings = *c;
    s->interactive = kf_call_bool(call, "interactive", true);
    s->any_user = kf_call_bool(call, "as_other_user", false);
    memcpy(s->profile, c->id, sizeof s->profile);
    s->next = a->drive->all;
    a->drive->all = s;
    kf_log(KF_LOG_INFO, "sign-in: %s by %.20s", c->name, kf_call_str(call, "method", "?"));
    kf_keeper_api_key(a->keeper, s->profile, key_here, ref_new(s));
}

static kf_sign_in *open_flow(kf_agent *a, kf_call *call) {
    kf_sign_in *s = kf_drive_find(a, kf_call_str(call, "flow", ""));
    if (s && s->flow && s->call && !s->over) return s;
    kf_err e;
    kf_fail(&e, KF_ERR_USAGE_STALE_QUESTION, "that sign-in is over");
    kf_call_fail(call, &e);
    return NULL;
}

void kf_drive_answer(kf_agent *a, kf_call *call) {
    kf_sign_in *s = open_flow(a, call);
    if (!s) return;
    KF_AUTO(kf_secret) value = kf_call_take_secret(call, "value");
    if (!value) value = kf_secret_new("", 0);
    kf_flow_act act;
    kf_err e;
    int64_t serial = kf_call_int(call, "serial", -1);
    bool ok = kf_flow_act_from_name(kf_call_str(call, "act", NULL), &act) && serial >= 0 &&
              serial <= UINT32_MAX;
    if (!ok) kf_fail(&e, KF_ERR_USAGE_BAD_ANSWER, "the answer names no act or no serial");
    else ok = kf_flow_answer(s->flow, (uint32_t)serial, act, value, &e);
    if (!ok) {
        kf_call_fail(call, &e);
        return;
    }
    kf_call_reply(call, NULL);
    kf_drive_pump(s);
}

void kf_drive_cancel(kf_agent *a, kf_call *call) {
    kf_sign_in *s = open_flow(a, call);
    if (!s) return;
    kf_call_reply(call, NULL);
    cancel_by_client(s);
}

void kf_drive_profile_gone(kf_agent *a, const char *id) {
    for (kf_sign_in *s = a->drive ? a->drive->all : NULL, *next; s; s = next) {
        next = s->next;
        kf_err e;
        if (s->over || strcmp(s->profile, id)) continue;
        if (s->adopting) continue; /* the keeper answers it with the same error */
        kf_fail(&e, KF_ERR_USAGE_NO_PROFILE, "%s was removed during the sign-in", s->settings.name);
        give_up(s, &e);
    }
}

void kf_drive_stop(kf_agent *a, const kf_err *why) {
    for (kf_sign_in *s = a->drive->all, *next; s; s = next) {
        next = s->next;
        cancel(s, why);
    }
}
