/* A person's second factors: list, delete, set up an authenticator app. A factor exists at WorkOS
 * from the first answer on; until a code of it was accepted it is half made, and is deleted when
 * its client leaves or takes too long. */
#include "agent/methods.h"

#include "agent/ask.h"
#include "agent/server.h"
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

static void factors_here(kf_asking *q) { kf_ask_reply(q, named("factors", KF_TAKE(q->list))); }
static void list_factors(kf_asking *q) { kf_ask_list(q, KF_LIST_FACTORS, factors_here); }

void kf_method_list_factors(kf_agent *a, uint32_t conn, const kf_json *p, bool more) {
    kf_ask_begin(a, conn, p, more, list_factors);
}

static void deleted(kf_asking *q, int status, const kf_json *body) { kf_ask_reply(q, NULL); }

static void factors_to_delete(kf_asking *q) {
    const char *id = kf_json_str_or(q->params, "factor", "");
    kf_err err;
    if (kf_account_find(q->list, id)) {
        kf_ask_send(q, "DELETE", kf_account_factor_path(id), NULL, deleted);
        return;
    }
    kf_fail(&err, KF_ERR_USAGE_NOT_FOUND, "%s has no factor %.95s", q->name,
            id); /* the key could delete anybody's */
    kf_ask_fail(q, &err);
}

static void delete_factor(kf_asking *q) { kf_ask_list(q, KF_LIST_FACTORS, factors_to_delete); }

void kf_method_delete_factor(kf_agent *a, uint32_t conn, const kf_json *p, bool more) {
    kf_ask_begin(a, conn, p, more, delete_factor);
}

/* --- enrolment -----------------------------------------------------------------------------------
 */

typedef struct kf_enrollment {
    struct kf_enrollment *next;
    kf_agent *a;
    char id[33];
    uint32_t conn;        /* EnrollFactor's; 0: gone */
    uint32_t verify_conn; /* a VerifyFactor that waits */
    char name[65], origin[256], user_id[96];
    kf_secret *key, *code; /* code: the verification's body, while a challenge is asked for */
    kf_new_factor factor;
    uint32_t http;
    kf_loop_id timer, again;
    bool verified, undoing, tried;
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
    if (n->verify_conn && err) kf_server_error(n->a->server, n->verify_conn, err);
    else if (n->verify_conn) kf_server_reply(n->a->server, n->verify_conn, NULL, false);
    n->verify_conn = 0;
    n->code = kf_secret_free(n->code);
}

/* Over without success: everybody is told, the factor goes. A request that is out is waited for,
 * because it may make the factor, or may be the one that makes it whole. */
static void give_up(enrollment *n, const kf_err *err) {
    uint32_t conn = n->conn;
    n->undoing = true;
    n->conn = 0;
    answer_verify(n, err);
    if (conn) kf_server_error(n->a->server, conn, err);
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
    kf_server_reply(n->a->server, n->conn, j, !verified);
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
    n->verified = true;
    answer_verify(n, NULL);
    if (n->conn) reply_step(n, true);
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

void kf_method_verify_factor(kf_agent *a, uint32_t conn, const kf_json *p, bool more) {
    const char *typed = kf_json_str_or(p, "code", "");
    enrollment *n = a->enrollments;
    kf_err err;
    while (n && strcmp(n->id, kf_json_str_or(p, "enrollment", ""))) n = n->next;
    bool ok = n && n->conn && *n->factor.id;
    if (!ok) kf_fail(&err, KF_ERR_USAGE_STALE_QUESTION, "that enrolment is over");
    else if (n->http) ok = kf_fail(&err, KF_ERR_WIRE_BUSY, "another code is being checked");
    KF_AUTO(kf_secret) value = kf_secret_new(typed, strlen(typed));
    kf_secret *code = ok ? kf_account_verify_body(value, &err) : NULL;
    if (!code) {
        kf_server_error(a->server, conn, &err);
        return;
    }
    kf_secret_free(n->code);
    n->code = code;
    n->verify_conn = conn;
    n->asked = false;
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

static void begin(kf_asking *q) {
    kf_agent *a = q->a;
    size_t count = 0;
    kf_err err;
    for (enrollment *i = a->enrollments; i; i = i->next) count++;
    if (!kf_server_alive(a->server, q->conn)) {
        kf_ask_end(q);
        return;
    }
    if (count >= ENROLLMENTS_MAX) {
        kf_fail(&err, KF_ERR_WIRE_BUSY, "%d enrolments are under way already", ENROLLMENTS_MAX);
        kf_ask_fail(q, &err);
        return;
    }
    enrollment *n = kf_new(enrollment);
    uint8_t raw[16];
    kf_random(raw, sizeof raw);
    *n = (enrollment){.next = a->enrollments, .a = a, .conn = q->conn, .key = KF_TAKE(q->key)};
    kf_hex(raw, sizeof raw, n->id);
    memcpy(n->name, q->name, sizeof n->name);
    memcpy(n->origin, q->origin, sizeof n->origin);
    memcpy(n->user_id, q->user_id, sizeof n->user_id);
    a->enrollments = n;
    n->timer = kf_loop_after(a->loop, ENROLLMENT_MS, too_long, n);
    kf_ask_end(q); /* the enrolment answers from here on */
    KF_AUTO(kf_secret) body = kf_account_enroll_body();
    send(n, "POST", kf_account_factors_path(n->user_id), body, enrolled, 0);
}

void kf_method_enroll_factor(kf_agent *a, uint32_t conn, const kf_json *p, bool more) {
    kf_ask_begin(a, conn, p, more, begin);
}

void kf_factors_conn_gone(kf_agent *a, uint32_t conn) {
    for (enrollment *n = a->enrollments, *next; n; n = next) {
        next = n->next;
        if (n->verify_conn == conn) n->verify_conn = 0;
        if (n->conn != conn || n->verified) continue;
        kf_err err;
        n->conn = 0;
        kf_fail(&err, KF_ERR_SYS_CANCELLED, "the enrolment was cancelled");
        give_up(n, &err);
    }
}

void kf_factors_stop(kf_agent *a, const kf_err *why) {
    for (enrollment *n = a->enrollments, *next; n; n = next) {
        next = n->next;
        if (!n->undoing) give_up(n, why);
    }
}

void kf_factors_drop_all(kf_agent *a) {
    while (a->enrollments) enrollment_free(a->enrollments);
}
