/* WorkOS and the network before it (io/http.h). A refresh token works once; for WINDOW_MS after its
 * first use it gives the same new pair again. What goes wrong on the way is S.net. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include "base/buf.h"
#include "io/http.h"

enum { CONNECT_MS = 10 * 1000, OPEN_MS = 58 * 1000 };

typedef enum what { TO_RENEW, TO_REVOKE, TO_LOG_OUT, TO_READ } what;

struct sim_request {
    sim_request *next;
    proc *p;
    uint32_t id;
    what what;
    int session, token; /* of a renewal */
    bool to_other_organization;
    trouble fate;
    int64_t deadline, sent_at;
    uint64_t life; /* of the agent */
    kf_http_done done;
    void *user;
    /* the answer */
    kf_err err; /* code: none came */
    bool sent;
    int status, retry_after;
    int64_t date;
    int got_session, got_token; /* a pair, with this new token; -1 */
    char body[700];
};

static uint32_t last_id;

/* ---- tokens ---- */

bool sim_token_read(const char *text, int *session, int *token) {
    return sscanf(text, "rt_%d_%d_", session, token) == 2 && *session < S.n_sessions &&
           *token < TOKENS;
}

bool sim_token_of(const kf_secret *t, int *session, int *token) {
    return sim_token_read(kf_secret_peek(t), session, token);
}

static size_t base64url(const char *in, size_t n, char *out) {
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t o = 0;
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)(uint8_t)in[i] << 16;
        if (i + 1 < n) v |= (uint32_t)(uint8_t)in[i + 1] << 8;
        if (i + 2 < n) v |= (uint8_t)in[i + 2];
        out[o++] = set[v >> 18];
        out[o++] = set[v >> 12 & 63];
        if (i + 1 < n) out[o++] = set[v >> 6 & 63];
        if (i + 2 < n) out[o++] = set[v & 63];
    }
    out[o] = 0;
    return o;
}

/* The pair that has this refresh token; the same one whenever it is asked for. */
static void pair_text(int session, int token, char *out, size_t size) {
    const sim_session *s = &S.session[session];
    int64_t iat = (token ? s->used_at[token - 1] : s->made_at) / 1000;
    const char *org = s->is_other_organization ? "org_2" : "org_1";
    char claims[256], part[360];
    int n = snprintf(claims, sizeof claims,
                     "{\"sub\":\"user_%d\",\"sid\":\"session_%d\",\"org_id\":\"%s\",\"iat\":%lld,"
                     "\"exp\":%lld}",
                     s->profile, session, org, (long long)iat, (long long)(iat + S.life_s));
    base64url(claims, (size_t)n, part);
    snprintf(out, size,
             "{\"user\":{\"id\":\"user_%d\",\"email\":\"p%d@example.test\"},"
             "\"organization_id\":\"%s\",\"access_token\":\"e30.%s.sig\","
             "\"refresh_token\":\"rt_%d_%d_x\"}",
             s->profile, s->profile, org, part, session, token);
}

int sim_sign_in(int profile) {
    if (S.n_sessions == SESSIONS) abort();
    int id = S.n_sessions++;
    sim_session *s = &S.session[id];
    memset(s, 0, sizeof *s);
    s->profile = profile;
    s->is_alive = true;
    s->made_at = sim_true_ms();
    return id;
}

static kf_moment moment(void) {
    kf_moment m = {.unix_s = kf_unix_s(), .boot_ms = kf_boot_ms(), .date = sim_true_ms() / 1000};
    (void)kf_boot_id(m.boot_id, NULL);
    return m;
}

kf_session *sim_session_made(const proc *p, int session) {
    char text[700];
    kf_moment now = moment();
    pair_text(session, 0, text, sizeof text);
    KF_AUTO(kf_json) body = kf_json_parse(text, strlen(text), NULL);
    const kf_conf_profile *c = &p->conf.profile[S.session[session].profile];
    return kf_session_from_answer(body, NULL, c->api_host, c->client_id, &now, NULL);
}

/* ---- WorkOS ---- */

static void say(sim_request *r, int status, const char *body) {
    r->status = status;
    snprintf(r->body, sizeof r->body, "%s", body);
}

static void renew(sim_request *r) {
    sim_session *s = &S.session[r->session];
    int t = r->token;
    int64_t now = sim_true_ms();
    r->got_session = -1;
    if (s->used_at[t] && now - s->used_at[t] > WINDOW_MS) {
        sim_story("workos: token %d of session %d was spent %lld ms ago", t, r->session,
                  (long long)(now - s->used_at[t]));
        say(r, 400, "{\"error\":\"invalid_grant\",\"error_description\":\"already exchanged\"}");
        return;
    }
    if (!s->is_alive || t + 1 >= TOKENS) {
        say(r, 400, "{\"error\":\"invalid_grant\",\"error_description\":\"session ended\"}");
        return;
    }
    if (!s->used_at[t]) {
        s->used_at[t] = now;
        s->current = t + 1;
        s->is_other_organization = r->to_other_organization;
        S.rotations++;
        sim_story("workos: session %d, token %d gives token %d", r->session, t, t + 1);
    } else {
        sim_story("workos: session %d, token %d gives token %d once more", r->session, t, t + 1);
    }
    r->got_session = r->session;
    r->got_token = t + 1;
    r->status = 200;
    pair_text(r->session, t + 1, r->body, sizeof r->body);
}

static void serve(sim_request *r) {
    switch (r->what) {
    case TO_RENEW: renew(r); break;
    case TO_REVOKE:
    case TO_LOG_OUT:
        if (r->session >= 0) S.session[r->session].is_alive = false;
        say(r, r->what == TO_REVOKE ? 200 : 302, r->what == TO_REVOKE ? "{}" : "");
        break;
    case TO_READ: say(r, 404, "{\"message\":\"not found\",\"code\":\"not_found\"}"); break;
    }
}

/* ---- the way there and back ---- */

static void request_free(sim_request *r) {
    sim_request **at = &r->p->requests;
    while (*at != r) at = &(*at)->next;
    *at = r->next;
    free(r);
}

static sim_request *find(proc *p, uint32_t id) {
    for (sim_request *r = p->requests; r; r = r->next)
        if (r->id == id) return r;
    return NULL;
}

/* Events of a request name it by number: a request that was cancelled is gone. */
typedef struct flight {
    proc *p;
    uint32_t id;
    uint64_t life;
    sim_request copy; /* what the server works with, though nobody waits any more */
} flight;

static void request_over(sim_request *r) {
    kf_err err = r->err;
    sim_request a = *r;
    bool pair = !err.code && a.what == TO_RENEW && a.status == 200 && a.got_session >= 0;
    kf_http_resp resp = {.status = err.code ? 0 : a.status,
                         .body = err.code ? NULL : kf_secret_new(a.body, strlen(a.body)),
                         .sent = a.sent,
                         .date = a.date,
                         .retry_after = a.retry_after};
    if (pair && S.session[a.got_session].holder[a.got_token] != a.p) {
        S.session[a.got_session].holder[a.got_token] = a.p;
        S.session[a.got_session].held_since[a.got_token] = sim_true_ms();
    }
    sim_story("net: agent %d gets %s%d%s", a.p->number, err.code ? kf_err_name(err.code) : "",
              a.status, a.sent ? "" : ", nothing was sent");
    request_free(r);
    a.done(a.user, &resp, err.code ? &err : NULL);
    kf_secret_free(resp.body);
}

static void arrived_back(void *user) {
    flight *f = user;
    sim_request *r = find(f->p, f->id);
    if (r && f->p->stopped_until > S.now) {
        sim_after_owned(f->p->stopped_until - S.now, arrived_back, f);
        return;
    }
    if (r) {
        S.cur = f->p;
        sim_request *next = r->next;
        proc *p = r->p;
        kf_http_done done = r->done;
        void *who = r->user;
        *r = f->copy;
        r->next = next, r->p = p, r->done = done, r->user = who;
        request_over(r);
    }
    free(f);
}

/* Whether anybody still listens or not. */
static void answer_comes(void *user) {
    const flight *f = user;
    if (f->p->alive && f->life == f->p->life && f->p->stopped_until <= S.now)
        S.session[f->copy.got_session].offered[f->copy.got_token] = true;
    free(user);
}

static void offer(const sim_request *r, int64_t ms) {
    bool pair = r->what == TO_RENEW && r->status == 200 && r->got_session >= 0 && !r->err.code;
    if (!pair || S.now + ms - r->sent_at > OPEN_MS || !r->p->alive) return;
    flight *f = malloc(sizeof *f);
    if (!f) abort();
    *f = (flight){.p = r->p, .life = r->life, .copy = *r};
    sim_after_owned(ms, answer_comes, f);
}

static void back(const sim_request *r, int64_t ms) {
    offer(r, ms);
    flight *f = malloc(sizeof *f);
    if (!f) abort();
    *f = (flight){.p = r->p, .id = r->id, .copy = *r};
    if (S.now + ms > r->deadline) { /* io/http ends it */
        ms = r->deadline > S.now ? r->deadline - S.now : 0;
        kf_fail(&f->copy.err, KF_ERR_NET_TIMEOUT, "no answer");
    }
    sim_after_owned(ms, arrived_back, f);
}

static void fail(sim_request *r, kf_err_code code, bool sent, int64_t ms) {
    kf_fail(&r->err, code, "simulated");
    r->sent = sent;
    back(r, ms);
}

static void page_instead(sim_request *r) {
    static const int status[] = {400, 401, 403, 404, 407, 451, 500, 502, 503, 200, 302};
    say(r, status[sim_pick(KF_LEN(status))], "<html>Sign in to this network</html>");
    r->got_session = -1;
}

static void lie(sim_request *r) {
    static const char *const body[] = {
        "",
        "{}",
        "<html>ok</html>",
        "{\"access_token\":\"a\"",
        "[1]",
        "{\"access_token\":\"e30.e30.sig\",\"refresh_token\":\"rt_999_999_x\"}"};
    if (sim_chance(300)) {
        say(r, 400,
            sim_chance(500) ? "{\"error\":\"temporarily_unavailable\"}"
                            : "{\"code\":\"never_heard_of\"}");
    } else {
        say(r, 200, body[sim_pick(KF_LEN(body))]);
    }
    r->got_session = -1;
}

static void gateway(sim_request *r) {
    if (sim_chance(500)) page_instead(r);
    else lie(r);
    if (r->status == 200 && sim_chance(500)) say(r, 502, "bad gateway");
}

static void at_server(void *user) {
    flight *f = user;
    sim_request *r = &f->copy;
    int64_t ms = sim_between(1, 40);
    r->sent = true;
    r->date = sim_true_ms() / 1000;
    serve(r);
    switch (r->fate) {
    case NET_LOSES_ANSWER:
        r->got_session = -1;
        fail(r, sim_chance(500) ? KF_ERR_NET_BROKEN : KF_ERR_NET_TIMEOUT, true,
             sim_chance(500) ? ms : sim_between(1000, 70000));
        break;
    case NET_LATE: back(r, sim_between(5000, 70000)); break;
    case NET_PAGE_AFTER:
        gateway(r);
        back(r, ms);
        break;
    case NET_LIES:
        lie(r);
        back(r, ms);
        break;
    case NET_DOUBLE:
        serve(r);
        back(r, ms);
        break;
    default: back(r, ms);
    }
    free(f);
}

static void to_server(const sim_request *r, int64_t ms) {
    flight *f = malloc(sizeof *f);
    if (!f) abort();
    *f = (flight){.p = r->p, .id = r->id, .copy = *r};
    sim_after_owned(ms, at_server, f);
}

static void may_ask_again(void *user) { sim_disturb(-1); }

static void set_off(sim_request *r) {
    if (r->fate == NET_MIX)
        r->fate = sim_chance(300) ? NO_TROUBLE : NET_DOWN + (int)sim_pick(NET_MIX - NET_DOWN);
    switch (r->fate) {
    case NET_DOWN:
        fail(r, sim_chance(500) ? KF_ERR_NET_CONNECT : KF_ERR_NET_RESOLVE, false,
             sim_chance(500) ? 5 : CONNECT_MS);
        break;
    case NET_HANGS: fail(r, KF_ERR_NET_TIMEOUT, true, r->deadline - S.now); break;
    case NET_PAGE:
        page_instead(r);
        r->sent = true;
        back(r, 10);
        break;
    case NET_LIMIT:
        say(r, 429, "{\"message\":\"slow down\"}");
        r->retry_after = (int)sim_between(0, 40);
        sim_disturb(1); /* for as long as WorkOS asks to wait */
        sim_after(NULL, (int64_t)r->retry_after * 1000, may_ask_again, NULL);
        r->sent = true;
        back(r, 10);
        break;
    case NET_REFUSES:
        say(r, 401, "{\"error\":\"invalid_client\",\"error_description\":\"no such client\"}");
        r->sent = true;
        back(r, 10);
        break;
    case NET_QUEUE: to_server(r, sim_between(5000, 40000)); break;
    default: to_server(r, sim_between(1, 40));
    }
}

/* ---- io/http.h ---- */

static void read_request(sim_request *r, const kf_http_req *q) {
    const char *body = kf_secret_peek(q->body), *at = strstr(body, "\"refresh_token\":\"");
    r->session = -1;
    r->got_session = -1;
    if (at && sim_token_read(at + 17, &r->session, &r->token)) {
        r->what = TO_RENEW;
        r->to_other_organization = strstr(body, "org_2");
    } else if ((at = strstr(q->path, "session_id=session_")) ||
               (at = strstr(body, "\"session_id\":\"session_"))) {
        r->what = *q->method == 'G' ? TO_LOG_OUT : TO_REVOKE;
        at = strstr(at, "session_id") + strlen("session_id");
        r->session = (int)strtol(strstr(at, "session_") + strlen("session_"), NULL, 10);
        if (r->session >= S.n_sessions) r->session = -1;
    } else {
        r->what = TO_READ;
    }
}

uint32_t kf_http_send(kf_http *h, const kf_http_req *q, kf_http_done done, void *user) {
    sim_request *r = calloc(1, sizeof *r);
    if (!r) abort();
    *r = (sim_request){.next = h->p->requests,
                       .p = h->p,
                       .id = ++last_id,
                       .fate = S.net,
                       .sent_at = S.now,
                       .life = h->p->life,
                       .deadline = S.now + (q->timeout_ms ? q->timeout_ms : 30000),
                       .retry_after = -1,
                       .done = done,
                       .user = user};
    h->p->requests = r;
    read_request(r, q);
    if (r->what == TO_RENEW)
        sim_story("net: agent %d sends token %d of session %d", h->p->number, r->token, r->session);
    if (r->what == TO_RENEW) sim_check_spent(r->session, r->token);
    uint32_t id = r->id;
    if (h->p->dead || h->p->dying) return id;
    set_off(r);
    return id;
}

void kf_http_cancel(kf_http *h, uint32_t id) {
    sim_request *r = find(h->p, id);
    if (r) request_free(r);
}

void sim_requests_end(proc *p) {
    while (p->requests) request_free(p->requests);
}
