#include "agent/drive.h"

#include "agent/keeper.h"
#include "agent/server.h"
#include "agent/settings.h"
#include "auth/flow.h"
#include "base/log.h"
#include "base/str.h"
#include "crypt/hash.h"
#include "wire/msg.h"

enum { FLOWS_MAX = 32, FLOW_MS = 15 * 60 * 1000, STEP_FRAME_CHOICES = 500 };

typedef struct sign_in {
    struct sign_in *next;
    kf_agent *a;
    char id[33];
    uint32_t conn;          /* 0: gone */
    char profile[17];
    kf_conf_profile settings;
    kf_flow *flow;
    kf_json *params;        /* until the flow exists */
    kf_secret *api_key;
    uint32_t http, job;     /* under way */
    uint32_t shown;         /* serial of the last step that was sent */
    kf_loop_id timer;
    bool adopting;
} sign_in;

struct kf_drive {
    kf_agent *a;
    sign_in *all;
};

kf_drive *kf_drive_new(kf_agent *a) {
    kf_drive *d = calloc(1, sizeof *d);
    if (!d) abort();
    d->a = a;
    return d;
}

static void sign_in_free(sign_in *s) {
    sign_in **p = &s->a->drive->all;
    while (*p != s) p = &(*p)->next;
    *p = s->next;
    kf_loop_cancel(s->a->loop, s->timer);
    if (s->http) kf_http_cancel(s->a->http, s->http);
    kf_flow_free(s->flow);
    kf_json_free(s->params);
    kf_secret_free(s->api_key);
    free(s);
}

kf_drive *kf_drive_free(kf_drive *d) {
    if (!d) return NULL;
    while (d->all) sign_in_free(d->all);
    free(d);
    return NULL;
}

bool kf_drive_busy(const kf_agent *a) { return a->drive && a->drive->all != NULL; }

/* Flows outlive nothing by pointer: callbacks carry the id. */
static sign_in *find(kf_agent *a, const char *id) {
    sign_in *s = a->drive ? a->drive->all : NULL;
    while (s && strcmp(s->id, id)) s = s->next;
    return s;
}

typedef struct ref {
    kf_agent *a;
    char id[33];
} ref;
static ref *ref_new(const sign_in *s) {
    ref *r = malloc(sizeof *r);
    if (!r) abort();
    r->a = s->a;
    memcpy(r->id, s->id, sizeof r->id);
    return r;
}
static sign_in *ref_take(ref *r) {
    sign_in *s = find(r->a, r->id);
    free(r);
    return s;
}

/* --- steps --------------------------------------------------------------------------------------- */

/* s may be gone afterwards: who cannot be told has gone, and that cancels. */
static void send_step(sign_in *s, const kf_step *step, bool last) {
    kf_agent *a = s->a;
    uint32_t conn = s->conn;
    char id[33];
    memcpy(id, s->id, sizeof id);
    if (last) s->conn = 0; /* its call is over; the connection is free for the next one */
    bool choose = step->kind == KF_STEP_CHOOSE;
    size_t first = 0, n = step->n_choice;
    do {
        kf_json *j = kf_json_obj(), *one = kf_msg_step(step, first);
        first += STEP_FRAME_CHOICES;
        if (step->kind == KF_STEP_DONE) kf_json_set(one, "profile", kf_keeper_profile_json(a->keeper, s->profile));
        kf_json_set_str(j, "flow", id);
        kf_json_set(j, "step", one);
        kf_server_reply(a->server, conn, j, !last);
    } while (choose && first < n && find(a, id) == s && s->conn);
}

static void end_failed(sign_in *s, const kf_err *err) {
    kf_step step = {.serial = s->shown + 1, .kind = KF_STEP_FAILED, .err = *err};
    if (s->conn) send_step(s, &step, true);
    sign_in_free(s);
}

static void pump(sign_in *s);

static void adopted(void *user, const kf_err *err) {
    sign_in *s = ref_take(user);
    if (!s) return;
    s->adopting = false;
    if (err) {
        end_failed(s, err);
        return;
    }
    if (s->conn) send_step(s, kf_flow_step(s->flow), true);
    sign_in_free(s);
}

/* --- jobs ---------------------------------------------------------------------------------------- */

static void moment(kf_moment *m, int64_t date) {
    /* whole seconds, as in the tokens: one never seems to live longer than its exp says */
    *m = (kf_moment){.unix_s = kf_unix_s(), .boot_ms = kf_boot_ms() - kf_unix_ms() % 1000, .date = date};
    if (!kf_boot_id(m->boot_id, NULL)) m->boot_id[0] = 0;
}

/* Runs only while s lives: its end cancels the request. */
static void answered(void *user, kf_http_resp *resp, const kf_err *err) {
    sign_in *s = user;
    s->http = 0;
    kf_moment now;
    moment(&now, resp->date);
    kf_flow_job_done(s->flow, s->job, resp->status, resp->body, resp->retry_after, resp->request_id, err, &now);
    pump(s);
}

static void start_job(sign_in *s, const kf_job *j) {
    kf_http_req q = {.method = j->method, .origin = s->settings.api_host, .path = j->path, .body = j->body,
                     .bearer = j->key ? s->api_key : NULL, .single_use = true};
    s->job = j->id;
    s->http = kf_http_send(s->a->http, &q, answered, s);
}

/* Does what the flow wants done, shows what it wants shown, and ends it when it is over. */
static void pump(sign_in *s) {
    kf_job j;
    if (!s->http && kf_flow_next_job(s->flow, &j)) start_job(s, &j);
    const kf_step *step = kf_flow_step(s->flow);
    if (step->kind == KF_STEP_DONE) {
        kf_session *session = kf_flow_take_session(s->flow);
        if (!session) return;
        s->adopting = true; /* the step is sent once the session is stored */
        kf_keeper_adopt(s->a->keeper, s->profile, session, adopted, ref_new(s));
        return;
    }
    bool over = step->kind == KF_STEP_FAILED;
    if (step->serial != s->shown && s->conn) {
        s->shown = step->serial;
        char id[33];
        kf_agent *a = s->a;
        memcpy(id, s->id, sizeof id);
        send_step(s, step, over);
        if (!(s = find(a, id))) return;
    }
    if (over && !s->http) sign_in_free(s);
}

/* --- calls --------------------------------------------------------------------------------------- */

static void too_long(void *user) {
    sign_in *s = user;
    kf_err e;
    s->timer = 0;
    if (s->adopting) return;
    kf_fail(&e, KF_ERR_WORKOS_CODE_EXPIRED, "nobody answered for %d minutes", FLOW_MS / 60000);
    end_failed(s, &e);
}

static void begin(sign_in *s, const kf_secret *key) {
    const kf_json *p = s->params;
    const char *client_id = NULL, *org = kf_json_str_or(p, "organization_id", "");
    kf_err e;
    kf_flow_opts o = {.origin = s->settings.api_host, .email = kf_json_str(p, "email")};
    kf_profile_client_id(NULL, s->settings.client_id, kf_json_str(p, "client_id"), &client_id);
    const char *env_key = kf_json_str_or(p, "api_key", "");
    if (key) s->api_key = kf_secret_copy(key);
    else if (*env_key) s->api_key = kf_secret_new(env_key, strlen(env_key));
    bool ok = kf_method_from_name(kf_json_str(p, "method"), &o.method);
    if (!ok) kf_fail(&e, KF_ERR_USAGE_BAD, "there is no sign-in method called %.40s", kf_json_str_or(p, "method", ""));
    else if (!key && s->api_key && !kf_api_key_looks_ok(s->api_key)) /* it becomes a header */
        ok = kf_fail(&e, KF_ERR_USAGE_BAD, "WORKOS_API_KEY is no API key (sk_...)");
    if (!ok) {
        end_failed(s, &e);
        return;
    }
    o.client_id = client_id ? client_id : "";
    o.api_key = s->api_key;
    o.organization_id = *org ? org : s->settings.organization_id;
    kf_random(o.seed, sizeof o.seed);
    s->flow = kf_flow_new(&o, &e);
    kf_wipe(o.seed, sizeof o.seed);
    if (!s->flow) {
        end_failed(s, &e);
        return;
    }
    s->params = kf_json_free(s->params);
    s->timer = kf_loop_after(s->a->loop, FLOW_MS, too_long, s);
    pump(s);
}

static void key_here(void *user, const kf_secret *key, const kf_err *err) {
    sign_in *s = ref_take(user);
    if (!s) return;
    if (err) end_failed(s, err);
    else begin(s, key);
}

void kf_drive_sign_in(kf_agent *a, uint32_t conn, const kf_json *p, bool more) {
    (void)more;
    const char *name = kf_json_str_or(p, "profile", "");
    const kf_conf_profile *c = kf_conf_find(a->conf, name);
    kf_err e;
    size_t n = 0;
    for (sign_in *s = a->drive->all; s; s = s->next) n++;
    if (!c) kf_fail(&e, KF_ERR_USAGE_NO_PROFILE, "there is no profile called %.64s", name);
    else if (n >= FLOWS_MAX) kf_fail(&e, KF_ERR_WIRE_BUSY, "%d sign-ins are under way already", FLOWS_MAX);
    if (!c || n >= FLOWS_MAX) {
        kf_server_error(a->server, conn, &e);
        return;
    }
    sign_in *s = calloc(1, sizeof *s);
    if (!s) abort();
    uint8_t raw[16];
    kf_random(raw, sizeof raw);
    kf_hex(raw, sizeof raw, s->id);
    s->a = a;
    s->conn = conn;
    s->settings = *c;
    s->params = kf_json_copy(p);
    memcpy(s->profile, c->id, sizeof s->profile);
    s->next = a->drive->all;
    a->drive->all = s;
    kf_log(KF_LOG_INFO, "sign-in: %s by %.20s", c->name, kf_json_str_or(p, "method", "?"));
    kf_keeper_api_key(a->keeper, s->profile, key_here, ref_new(s));
}

static sign_in *open_flow(kf_agent *a, uint32_t conn, const kf_json *p) {
    sign_in *s = find(a, kf_json_str_or(p, "flow", ""));
    if (s && s->flow && s->conn) return s;
    kf_err e;
    kf_fail(&e, KF_ERR_USAGE_STALE_QUESTION, "that sign-in is over");
    kf_server_error(a->server, conn, &e);
    return NULL;
}

void kf_drive_answer(kf_agent *a, uint32_t conn, const kf_json *p, bool more) {
    (void)more;
    sign_in *s = open_flow(a, conn, p);
    if (!s) return;
    const char *v = kf_json_str_or(p, "value", "");
    KF_AUTO(kf_secret) value = kf_secret_new(v, strlen(v));
    kf_flow_act act;
    kf_err e;
    int64_t serial = kf_json_int_or(p, "serial", -1);
    bool ok = kf_flow_act_from_name(kf_json_str(p, "act"), &act) && serial >= 0 && serial <= UINT32_MAX;
    if (!ok) kf_fail(&e, KF_ERR_USAGE_BAD_ANSWER, "the answer names no act or no serial");
    else ok = kf_flow_answer(s->flow, (uint32_t)serial, act, value, &e);
    if (!ok) {
        kf_server_error(a->server, conn, &e);
        return;
    }
    kf_server_reply(a->server, conn, NULL, false);
    pump(s);
}

static void cancel(sign_in *s) {
    if (s->adopting) return; /* too late: it is being stored */
    if (!s->flow) {
        kf_err e;
        kf_fail(&e, KF_ERR_SYS_CANCELLED, "the sign-in was cancelled");
        end_failed(s, &e);
        return;
    }
    if (s->http) kf_http_cancel(s->a->http, s->http);
    s->http = 0;
    kf_flow_cancel(s->flow);
    pump(s);
}

void kf_drive_cancel(kf_agent *a, uint32_t conn, const kf_json *p, bool more) {
    (void)more;
    sign_in *s = open_flow(a, conn, p);
    if (!s) return;
    kf_server_reply(a->server, conn, NULL, false);
    cancel(s);
}

void kf_drive_conn_gone(kf_agent *a, uint32_t conn) {
    for (sign_in *s = a->drive ? a->drive->all : NULL, *next; s; s = next) {
        next = s->next;
        if (s->conn != conn) continue;
        s->conn = 0;
        cancel(s);
    }
}
