/* Sign-in in the browser: authorize URL with PKCE and state, the redirect to a listener of
 * ours on 127.0.0.1, the exchange (WORKOS.md §2, §3; RFC 7636, RFC 8252). */
#include "auth/flow_impl.h"

#include "base/form.h"
#include "base/str.h"

enum { LIMIT_S = 600, ROUNDS_MAX = 3, TRIES_MAX = 3, QUERY_MAX = 16 << 10 };

typedef enum browser_job { BROWSER_LISTEN, BROWSER_LIMIT, BROWSER_AGAIN } browser_job;

typedef struct browser {
    int rounds, tries;
    kf_note note; /* why the browser */
    char *arg, *url;
    int64_t ends_ms;
    int port; /* the listener's */
    char state[44];
    kf_secret *verifier, *code;
} browser;

static browser *browser_of(kf_flow *f) { return f->own[KF_PHASE_BROWSER]; }

/* Another verifier and state for every round. RFC 7636 §4.1: 43 characters of 32 random bytes. */
static void make_pkce(kf_flow *f) {
    browser *b = browser_of(f);
    uint8_t in[66], v[32], s[32];
    memcpy(in, f->seed, 64);
    in[64] = (uint8_t)b->rounds;
    in[65] = 'v';
    f->sha256(in, sizeof in, v);
    in[65] = 's';
    f->sha256(in, sizeof in, s);
    KF_AUTO_CHARS state = kf_b64url(s, sizeof s);
    if (!kf_str_set(b->state, sizeof b->state, state)) abort();
    kf_secret_free(b->verifier);
    char *verifier = kf_b64url(v, sizeof v);
    b->verifier = kf_secret_take(verifier, strlen(verifier));
    kf_wipe(in, sizeof in);
    kf_wipe(v, sizeof v);
}

static void browser_enter(kf_flow *f, const kf_flow_why *why) {
    browser *b = browser_of(f);
    if (++b->rounds > ROUNDS_MAX) {
        kf_flow_failf(f, KF_ERR_WORKOS_STEP_UP, "WorkOS asked for the browser again and again",
                      "Sign in on the environment's own page, then try again.");
        return;
    }
    kf_flow_drop(f, KF_PHASE_BROWSER, BROWSER_LISTEN);
    kf_flow_drop(f, KF_PHASE_BROWSER, BROWSER_LIMIT);
    f->pending = kf_secret_free(f->pending);
    b->tries = 0;
    b->note = why->note == KF_NOTE_NONE ? KF_NOTE_BROWSER : why->note;
    kf_flow_put(&b->arg, why->arg);
    make_pkce(f);
    kf_slot *s = kf_flow_job(f, KF_PHASE_BROWSER, BROWSER_LISTEN, KF_JOB_LISTEN);
    s->job.port = f->redirect_port;
    s->job.state = b->state;
    f->asked_by = KF_PHASE_BROWSER;
    kf_flow_show(f, KF_PHASE_BROWSER, KF_STEP_WAIT, KF_FIELD_NONE, 0);
}

/* Exactly one of connection, organization and provider; authkit may have an organization beside it.
 */
static bool add_selector(const kf_flow *f, kf_buf *q) {
    if (f->connection_id) return kf_form_add(q, "connection_id", f->connection_id);
    if (f->org_alone) return kf_form_add(q, "organization_id", f->organization_id);
    bool hosted = !f->provider || !strcmp(f->provider, "authkit");
    char age[24] = "";
    if (f->max_age >= 0) snprintf(age, sizeof age, "%lld", (long long)f->max_age);
    return kf_form_add(q, "provider", hosted ? "authkit" : f->provider) &&
           (!hosted ||
            (kf_form_add(q, "organization_id", f->organization_id) &&
             kf_form_add(q, "screen_hint", f->screen_hint) && kf_form_add(q, "max_age", age)));
}

static char *authorize_url(kf_flow *f) {
    const browser *b = browser_of(f);
    uint8_t hash[32];
    kf_buf q;
    kf_buf_init(&q, 8192);
    f->sha256(kf_secret_peek(b->verifier), kf_secret_len(b->verifier), hash);
    KF_AUTO_CHARS challenge = kf_b64url(hash, sizeof hash);
    KF_AUTO_CHARS redirect = kf_strfmt("http://127.0.0.1:%d/callback", b->port);
    bool ok = kf_form_add(&q, "response_type", "code") &&
              kf_form_add(&q, "client_id", f->client_id) &&
              kf_form_add(&q, "redirect_uri", redirect) && add_selector(f, &q) &&
              kf_form_add(&q, "domain_hint", f->domain_hint) &&
              kf_form_add(&q, "login_hint", f->email) && kf_form_add(&q, "prompt", f->prompt) &&
              kf_form_add(&q, "invitation_token", f->invitation_token) &&
              kf_form_add(&q, "state", b->state) && kf_form_add(&q, "code_challenge", challenge) &&
              kf_form_add(&q, "code_challenge_method", "S256");
    KF_AUTO_CHARS path = kf_flow_path(f, KF_AT_AUTHORIZE, NULL);
    char *url = ok ? kf_strfmt("%s%s?%s", f->origin, path, q.data) : NULL;
    kf_buf_done(&q);
    return url;
}

static void browser_ask(kf_flow *f) {
    const browser *b = browser_of(f);
    kf_flow_show(f, KF_PHASE_BROWSER, KF_STEP_OPEN_URL, KF_FIELD_REDIRECT_URL,
                 1u << KF_ACT_SUBMIT | 1u << KF_ACT_BROWSER);
    f->step.url = b->url;
    f->step.ends_ms = b->ends_ms;
    kf_flow_note(f, b->note, b->arg, NULL);
}

void kf_flow_listening(kf_flow *f, uint32_t id, int port) {
    browser *b = browser_of(f);
    const kf_slot *s = kf_flow_slot(f, id);
    if (!s || s->owner != KF_PHASE_BROWSER || s->what != BROWSER_LISTEN) return;
    if (f->phase != KF_PHASE_BROWSER) return;
    b->port = port;
    free(b->url);
    b->url = authorize_url(f);
    if (!b->url) {
        kf_flow_failf(f, KF_ERR_USAGE_BAD, "the authorize URL would be too long",
                      "Leave out some of its options.");
        return;
    }
    b->ends_ms = f->now_ms + LIMIT_S * 1000;
    kf_flow_wait_until(f, KF_PHASE_BROWSER, BROWSER_LIMIT, b->ends_ms);
    browser_ask(f);
}

/* --- back from the browser --- */

static void exchange(kf_flow *f) {
    const browser *b = browser_of(f);
    kf_json *g = kf_flow_grant(f, KF_GRANT_AUTHORIZATION_CODE);
    kf_json_set_secret(g, "code", b->code);
    kf_json_set_secret(g, "code_verifier", b->verifier);
    kf_json_set_str(g, "invitation_token", f->invitation_token);
    kf_flow_authenticate(f, KF_PHASE_BROWSER, g);
}

/* A code works once, but one whose request got no answer may not have arrived: the same again, a
 * few times. */
static void exchange_again(kf_flow *f, const kf_err *why) {
    browser *b = browser_of(f);
    if (!b->code || ++b->tries >= TRIES_MAX) {
        kf_err e = *why;
        kf_hint(&e, "Sign in again; the code from the browser works once and not for long.");
        kf_flow_fail(f, &e);
        return;
    }
    int64_t in = why->retry_after > 0 && why->retry_after < 60 ? why->retry_after : 1;
    kf_flow_show(f, KF_PHASE_BROWSER, KF_STEP_WAIT, KF_FIELD_NONE, 0);
    kf_flow_wait_until(f, KF_PHASE_BROWSER, BROWSER_AGAIN, f->now_ms + in * 1000);
}

typedef enum back { BACK_NOT_OURS, BACK_ERROR, BACK_CODE } back;

/* Nothing of the answer is used before its state is ours. err is filled unless there is a code. */
static back read_query(kf_flow *f, const char *query, size_t n, kf_err *err) {
    browser *b = browser_of(f);
    KF_AUTO(kf_json) j = n <= QUERY_MAX ? kf_form_parse(query, n, NULL) : NULL;
    const char *state = kf_json_str_or(j, "state", ""), *code = kf_json_str_or(j, "code", ""),
               *error = kf_json_str(j, "error");
    if (strlen(state) != strlen(b->state) || !kf_ct_eq(state, b->state, strlen(b->state)))
        return kf_fail(err, KF_ERR_USAGE_BAD_ANSWER,
                       "that address does not belong to this sign-in"),
               BACK_NOT_OURS;
    if (error) {
        kf_workos_read_callback(error, kf_json_str(j, "error_description"), err);
        return BACK_ERROR;
    }
    if (!*code || strlen(code) > 4096)
        return kf_fail(err, KF_ERR_USAGE_BAD_ANSWER, "that address has no usable code"),
               BACK_NOT_OURS;
    kf_secret_free(b->code);
    b->code = kf_secret_new(code, strlen(code));
    return BACK_CODE;
}

static void take(kf_flow *f, back got, const kf_err *err) {
    kf_flow_drop(f, KF_PHASE_BROWSER, BROWSER_LIMIT);
    kf_flow_drop(f, KF_PHASE_BROWSER, BROWSER_LISTEN);
    if (got == BACK_CODE) exchange(f);
    else kf_flow_fail(f, err);
}

static void called_back(kf_flow *f, const kf_secret *query) {
    kf_err e;
    back got = read_query(f, kf_secret_peek(query), kf_secret_len(query), &e);
    if (got == BACK_NOT_OURS) e.code = KF_ERR_NET_BAD_ANSWER;
    take(f, got, &e);
}

/* A pasted address. */
static bool browser_answer(kf_flow *f, kf_flow_act act, const kf_secret *value, kf_err *err) {
    const char *s = kf_secret_peek(value), *query = strchr(s, '?');
    KF_AUTO_CHARS mine = kf_strfmt("http://127.0.0.1:%d/callback?", browser_of(f)->port);
    kf_err e;
    if (!query || !kf_str_starts(s, mine))
        return kf_fail(err, KF_ERR_USAGE_BAD_ANSWER, "the address must begin with %s", mine);
    back got = read_query(f, query + 1, strcspn(query + 1, "#"), &e);
    if (got == BACK_NOT_OURS) {
        if (err) *err = e;
        return false;
    }
    take(f, got, &e);
    return true;
}

static void browser_woken(kf_flow *f, int what, const kf_secret *text) {
    switch ((browser_job)what) {
    case BROWSER_LISTEN: called_back(f, text); return;
    case BROWSER_AGAIN: exchange(f); return;
    case BROWSER_LIMIT:
        kf_flow_failf(f, KF_ERR_WORKOS_CODE_EXPIRED,
                      "nobody came back from the browser in ten minutes",
                      "Sign in again when you are ready.");
    }
}

static bool browser_failed(kf_flow *f, int what, bool sure, kf_err *e) {
    if (what == BROWSER_LISTEN) kf_flow_fail(f, e);
    else if (what == KF_JOB_SESSION && (!sure || kf_workos_is_not_now(e->code)))
        exchange_again(f, e);
    else return false;
    return true;
}

static void browser_wipe(void *own) {
    browser *b = own;
    kf_secret_free(b->verifier);
    kf_secret_free(b->code);
    free(b->arg);
    free(b->url);
}

const kf_flow_phase kf_phase_browser = {
    .own = sizeof(browser),
    .ways = 1u << KF_BY_BROWSER,
    .grant = KF_GRANT_AUTHORIZATION_CODE,
    .open = true,
    .enter = browser_enter,
    .ask = browser_ask,
    .answer = browser_answer,
    .woken = browser_woken,
    .failed = browser_failed,
    .wipe = browser_wipe,
};
