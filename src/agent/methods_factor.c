/* A person's second factors: list, delete, set up an authenticator app. A factor exists at WorkOS
 * from the first answer on; until a code of it was accepted it is half made, and is deleted when
 * its client leaves or takes too long. */
#include "agent/methods.h"

#include "agent/ask.h"
#include "auth/workos.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypt/hash.h"

enum { ENROLLMENTS_MAX = 16, ENROLLMENT_MS = 15 * 60 * 1000, UNDO_MS = 8000, UNDO_AGAIN_MS = 500 };

static kf_json *named(const char *key, kf_json *value) {
    kf_json *j = kf_json_obj();
    kf_json_set(j, key, value);
    return j;
}

/* --- list and delete -----------------------------------------------------------------------------
 */

static void factors_here(kf_asking *q) {
    kf_call_reply(q->call, named("factors", KF_TAKE(q->list)));
}
static void list_factors(kf_asking *q) { kf_ask_list(q, KF_LIST_FACTORS, factors_here); }

void kf_method_list_factors(kf_agent *a, kf_call *call) { kf_ask_begin(a, call, list_factors); }

static void deleted(kf_asking *q, int status, const kf_json *body) { kf_call_reply(q->call, NULL); }

static void factors_to_delete(kf_asking *q) {
    const char *id = kf_call_str(q->call, "factor", "");
    kf_err err;
    if (kf_account_find(q->list, id)) {
        kf_ask_send(q, "DELETE", kf_account_factor_path(id), NULL, deleted);
        return;
    }
    kf_fail(&err, KF_ERR_USAGE_NOT_FOUND, "%s has no factor %.95s", q->name,
            id); /* the key could delete anybody's */
    kf_call_fail(q->call, &err);
}

static void delete_factor(kf_asking *q) { kf_ask_list(q, KF_LIST_FACTORS, factors_to_delete); }

void kf_method_delete_factor(kf_agent *a, kf_call *call) { kf_ask_begin(a, call, delete_factor); }

/* --- enrolment -----------------------------------------------------------------------------------
 */

typedef struct kf_enrollment {
    struct kf_enrollment *next;
    kf_agent *a;
    char id[33];
    kf_call *call;        /* EnrollFactor; NULL: gone, or told how it ended */
    kf_call *verify_call; /* a VerifyFactor that waits */
    char name[65], origin[256], user_id[96];
    kf_secret *key, *code; /* code: the verification's body, while a challenge is asked for */
    kf_new_factor factor;
    uint32_t http;
    kf_loop_id timer, again;
    bool undoing, tried;
    bool asked; /* for a challenge, for the code at hand */
} enrollment;

static void enrollment_free(enrollment *n) {
    struct kf_enrollment **p = &n->a->enrollments;
    while (*p != n) p = &(*p)->next;
    *p = n->next;
    kf_loop_cancel(n->a->loop, n->timer);
    kf_loop_cancel(n->a->loop, n->again);
    if (n->http) kf_http_cancel(n->a->http, n->http);
    kf_new_factor_done(&n->factor);
    kf_secret_free(n->key);
    kf_secret_free(n->code);
    free(n);
}

static void send(enrollment *n, const char *method, char *path, const kf_secret *body,
                 kf_http_done done, int64_t ms) {
    KF_AUTO_CHARS to = path;
    kf_http_req r = {.method = method,
                     .origin = n->origin,
                     .path = to,
                     .body = body,
                     .bearer = n->key,
                     .single_use = true,
                     .timeout_ms = ms};
    n->http = kf_http_send(n->a->http, &r, done, n);
}

static void undo(enrollment *n);

static void undo_again(void *user) {
    enrollment *n = user;
    n->again = 0;
    undo(n);
}

static void undone(void *user, kf_http_resp *resp, const kf_err *err) {
    enrollment *n = user;
    n->http = 0;
    kf_err why;
    bool ok = kf_ask_ok(resp, err, &why), failed = err || (!ok && kf_workos_is_not_now(why.code));
    if (failed && !n->tried) {
        n->tried = true;
        n->again = kf_loop_after(n->a->loop, UNDO_AGAIN_MS, undo_again, n);
        return;
    }
    if (failed || (!ok && resp->status != 404))
        kf_log(KF_LOG_WARN, "factor: the half-made %s could not be deleted: %s", n->factor.id,
               why.what);
    enrollment_free(n);
}

static void undo(enrollment *n) {
    send(n, "DELETE", kf_account_factor_path(n->factor.id), NULL, undone, UNDO_MS);
}

static void answer_verify(enrollment *n, const kf_err *err) {
    kf_call *call = KF_TAKE(n->verify_call);
    if (call && err) kf_call_fail(call, err);
    else if (call) kf_call_reply(call, NULL);
    n->code = kf_secret_free(n->code);
}

/* Over without success: everybody is told, the factor goes. A request that is out is waited for,
 * because it may make the factor, or may be the one that makes it whole. */
static void give_up(enrollment *n, const kf_err *err) {
    kf_call *call = KF_TAKE(n->call);
    n->undoing = true;
    answer_verify(n, err);
    if (call) kf_call_fail(call, err);
    if (n->http) return;
    if (*n->factor.id) undo(n);
    else enrollment_free(n);
}

static void reply_step(enrollment *n, bool verified) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "enrollment", n->id);
    kf_json_set_str(j, "factor_id", n->factor.id);
    if (!verified) {
        kf_json_set_secret(j, "secret", n->factor.key);
        kf_json_set_secret(j, "uri", n->factor.uri);
    }
    kf_json_set_bool(j, "verified", verified);
    if (verified) kf_call_reply(KF_TAKE(n->call), j);
    else kf_call_part(n->call, j);
}

static void enrolled(void *user, kf_http_resp *resp, const kf_err *net) {
    enrollment *n = user;
    kf_err err;
    n->http = 0;
    KF_AUTO(kf_json) body = kf_ask_body(resp);
    bool ok = kf_ask_ok(resp, net, &err) && kf_account_enrolled(body, &n->factor, &err);
    if (!ok || n->undoing) {
        if (ok) kf_fail(&err, KF_ERR_SYS_CANCELLED, "the client went away");
        give_up(n, &err);
        return;
    }
    reply_step(n, false);
}

/* --- verification --------------------------------------------------------------------------------
 */

static void verify(enrollment *n);

static void settled(enrollment *n) {
    answer_verify(n, NULL);
    if (n->call) reply_step(n, true);
    enrollment_free(n);
}

static void checked(void *user, kf_http_resp *resp, const kf_err *net) {
    enrollment *n = user;
    kf_err err;
    n->http = 0;
    KF_AUTO(kf_json) body = kf_ask_body(resp);
    bool ok = kf_ask_ok(resp, net, &err);
    if (ok && kf_json_bool(body, "valid", false)) {
        settled(
            n); /* also when the client has just gone: the person has the app, and typed its code */
        return;
    }
    if (ok) kf_fail(&err, KF_ERR_WORKOS_BAD_CODE, "that code is not right");
    if (n->undoing) {
        give_up(n, &err);
        return;
    }
    if (err.code == KF_ERR_WORKOS_CODE_EXPIRED && n->code &&
        !n->asked) { /* the challenge, not the code: another one */
        n->factor.challenge[0] = 0;
        verify(n);
        return;
    }
    answer_verify(n, &err);
}

static void challenged(void *user, kf_http_resp *resp, const kf_err *net) {
    enrollment *n = user;
    kf_err err;
    n->http = 0;
    KF_AUTO(kf_json) body = kf_ask_body(resp);
    bool ok = kf_ask_ok(resp, net, &err) && kf_account_challenged(body, n->factor.challenge, &err);
    if (n->undoing) {
        kf_fail(&err, KF_ERR_SYS_CANCELLED, "the client went away");
        give_up(n, &err);
    } else if (ok) {
        verify(n);
    } else {
        answer_verify(n, &err);
    }
}

/* With a challenge of ours at hand; else one is asked for first, once a code. */
static void verify(enrollment *n) {
    if (*n->factor.challenge) {
        send(n, "POST", kf_account_verify_path(n->factor.challenge), n->code, checked, 0);
        return;
    }
    n->asked = true;
    KF_AUTO(kf_secret) empty = kf_secret_new("{}", 2);
    send(n, "POST", kf_account_challenge_path(n->factor.id), empty, challenged, 0);
}

static void verify_gone(void *user) {
    enrollment *n = user;
    n->verify_call = kf_call_drop(n->verify_call);
}

void kf_method_verify_factor(kf_agent *a, kf_call *call) {
    enrollment *n = a->enrollments;
    kf_err err;
    while (n && strcmp(n->id, kf_call_str(call, "enrollment", ""))) n = n->next;
    bool ok = n && n->call && *n->factor.id;
    if (!ok) kf_fail(&err, KF_ERR_USAGE_STALE_QUESTION, "that enrolment is over");
    else if (n->http) ok = kf_fail(&err, KF_ERR_WIRE_BUSY, "another code is being checked");
    KF_AUTO(kf_secret) typed = kf_call_take_secret(call, "code");
    kf_secret *code = ok ? kf_account_verify_body(typed, &err) : NULL;
    if (!code) {
        kf_call_fail(call, &err);
        return;
    }
    kf_secret_free(n->code);
    n->code = code;
    n->verify_call = call;
    n->asked = false;
    kf_call_on_gone(call, verify_gone, n);
    verify(n);
}

/* --- begin and end -------------------------------------------------------------------------------
 */

static void too_long(void *user) {
    enrollment *n = user;
    kf_err err;
    n->timer = 0;
    if (n->undoing) return;
    kf_fail(&err, KF_ERR_WORKOS_CODE_EXPIRED, "no code came for %d minutes", ENROLLMENT_MS / 60000);
    give_up(n, &err);
}

static void client_gone(void *user) {
    enrollment *n = user;
    kf_err err;
    n->call = kf_call_drop(n->call);
    kf_fail(&err, KF_ERR_SYS_CANCELLED, "the enrolment was cancelled");
    give_up(n, &err);
}

static void begin(kf_asking *q) {
    kf_agent *a = q->a;
    size_t count = 0;
    kf_err err;
    for (enrollment *i = a->enrollments; i; i = i->next) count++;
    if (count >= ENROLLMENTS_MAX) {
        kf_fail(&err, KF_ERR_WIRE_BUSY, "%d enrolments are under way already", ENROLLMENTS_MAX);
        kf_call_fail(q->call, &err);
        return;
    }
    enrollment *n = kf_new(enrollment);
    uint8_t raw[16];
    kf_random(raw, sizeof raw);
    *n = (enrollment){.next = a->enrollments, .a = a, .call = q->call, .key = KF_TAKE(q->key)};
    kf_hex(raw, sizeof raw, n->id);
    memcpy(n->name, q->name, sizeof n->name);
    memcpy(n->origin, q->origin, sizeof n->origin);
    memcpy(n->user_id, q->user_id, sizeof n->user_id);
    a->enrollments = n;
    n->timer = kf_loop_after(a->loop, ENROLLMENT_MS, too_long, n);
    kf_call_keep(n->call, NULL, NULL); /* q is over: the enrolment answers from here on */
    kf_call_on_gone(n->call, client_gone, n);
    KF_AUTO(kf_secret) body = kf_account_enroll_body();
    send(n, "POST", kf_account_factors_path(n->user_id), body, enrolled, 0);
}

void kf_method_enroll_factor(kf_agent *a, kf_call *call) { kf_ask_begin(a, call, begin); }

void kf_factors_stop(kf_agent *a, const kf_err *why) {
    for (enrollment *n = a->enrollments, *next; n; n = next) {
        next = n->next;
        if (!n->undoing) give_up(n, why);
    }
}

void kf_factors_drop_all(kf_agent *a) {
    while (a->enrollments) enrollment_free(a->enrollments);
}
