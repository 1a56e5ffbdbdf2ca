/* Codes by e-mail: magic auth, e-mail verification, password reset (WORKOS.md §5). */
#include "base/str.h"
#include "sandbox/api.h"
#include "sandbox/attempt.h"
#include "sandbox/ids.h"

static kf_json *mail_json(kf_sandbox *s, const char *object, const kf_mail *m) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "object", object);
    kf_json_set_str(j, "id", m->id);
    if (m->account) kf_json_set_str(j, "user_id", m->account->id);
    kf_json_set_str(j, "email", m->to);
    kf_set_time(j, "expires_at", m->made_at + kf_mails_life_s(s->mails));
    kf_set_time(j, "created_at", m->made_at);
    kf_set_time(j, "updated_at", m->made_at);
    if (m->kind != KF_MAIL_RESET) kf_json_set_str(j, "code", m->code);
    return j;
}

bool kf_limited(kf_sandbox *s, const char *what, const char *whom, int most, kf_answer *out) {
    int wait = kf_limits_take(s->limits, what, whom ? whom : "", most);
    if (!wait) return true;
    *out = kf_answer_b("too_many_requests", "Too many requests. Please retry later.");
    out->status = 429;
    out->retry_after = wait;
    return false;
}

kf_answer kf_code_refused(int result) {
    switch (result) {
    case KF_CODE_EXPIRED: return kf_answer_a(400, "one_time_code_expired", "The code has expired.");
    case KF_CODE_USED:
        return kf_answer_a(400, "one_time_code_previously_used", "The code has already been used.");
    case KF_CODE_TOO_MANY:
        return kf_answer_a(400, "one_time_code_too_many_attempts",
                           "Too many attempts. Ask for a new code.");
    default: return kf_answer_a(400, "invalid_one_time_code", "The code is not valid.");
    }
}

/* --- magic auth --- */

kf_answer kf_api_magic(kf_sandbox *s, const kf_call *c) {
    const char *email = kf_json_str(c->body, "email");
    kf_answer no;
    if (!email) return kf_answer_parameters("email", "email must be a string");
    if (kf_json_get(c->body, "invitation_token") && !kf_json_str(c->body, "invitation_token"))
        return kf_answer_parameters("invitation_token", "invitation_token must be a string");
    if (!kf_email_ok(email)) return kf_answer_parameters("email", "email is not an e-mail address");
    if (!kf_limited(s, "magic_auth", email, KF_LIMIT_MAIL, &no)) return no;
    kf_account *a = kf_users_by_email(s->users, email);
    kf_pending p = {0};
    if (!kf_invited(s, kf_json_str(c->body, "invitation_token"), email, &p, &no)) return no;
    if (!a && !s->users->sign_up && !p.invitation)
        return kf_answer_b("sign_up_not_allowed", "Sign-up is not allowed.");
    if (!a) a = kf_users_add(s->users, email);
    if (!a) return kf_answer_c(503, "The sandbox holds no more users.");
    return (kf_answer){
        .status = 201,
        .body = mail_json(s, "magic_auth", kf_mails_send(s->mails, KF_MAIL_MAGIC, a->email, a))};
}

kf_answer kf_api_magic_get(kf_sandbox *s, const kf_call *c) {
    const kf_mail *m = kf_mails_find(s->mails, KF_MAIL_MAGIC, c->id);
    if (!m) return kf_answer_not_found("Magic Auth");
    return (kf_answer){.status = 200, .body = mail_json(s, "magic_auth", m)};
}

kf_answer kf_grant_magic(const kf_attempt *a) {
    const char *email = kf_field(a, "email");
    kf_mail *m = NULL;
    kf_answer no;
    kf_pending p = {.app = a->app, .method = "MagicAuth"};
    if (!kf_limited(a->s, "authenticate", email, KF_LIMIT_AUTHENTICATE, &no)) return no;
    if (!kf_invited(a->s, kf_field(a, "invitation_token"), email, &p, &no)) return no;
    kf_code_result r = kf_mails_check(a->s->mails, KF_MAIL_MAGIC, email, kf_field(a, "code"), &m);
    if (r != KF_CODE_RIGHT) return kf_code_refused(r);
    p.account = m->account;
    kf_account_set_verified(m->account); /* the code came to the address */
    return kf_proceed(a, p);
}

/* --- e-mail verification --- */

kf_answer kf_api_verification_send(kf_sandbox *s, const kf_call *c) {
    kf_account *a = kf_users_by_id(s->users, c->id);
    kf_answer no;
    if (!a) return kf_answer_not_found("User");
    if (a->email_verified)
        return kf_answer_a(400, "email_already_verified",
                           "The e-mail address is verified already.");
    if (!kf_limited(s, "email_verification", a->id, KF_LIMIT_MAIL, &no)) return no;
    kf_mails_send(s->mails, KF_MAIL_VERIFY, a->email, a);
    kf_json *body = kf_json_obj();
    kf_json_set(body, "user", kf_json_copy(a->user));
    return (kf_answer){.status = 200, .body = body};
}

kf_answer kf_api_verification_confirm(kf_sandbox *s, const kf_call *c) {
    kf_account *a = kf_users_by_id(s->users, c->id);
    const char *code = kf_json_str(c->body, "code");
    kf_mail *m = NULL;
    if (!a) return kf_answer_not_found("User");
    if (!code) return kf_answer_parameters("code", "code must be a string");
    if (a->email_verified)
        return kf_answer_a(400, "email_previously_verified",
                           "The e-mail address is verified already.");
    kf_code_result r = kf_mails_check(s->mails, KF_MAIL_VERIFY, a->email, code, &m);
    if (r == KF_CODE_USED)
        return kf_answer_a(400, "email_verification_code_previously_used",
                           "The code has already been used.");
    if (r == KF_CODE_EXPIRED)
        return kf_answer_a(400, "email_verification_code_expired", "The code has expired.");
    if (r != KF_CODE_RIGHT)
        return kf_answer_a(400, "email_verification_code_incorrect", "The code is not valid.");
    kf_account_set_verified(a);
    kf_json *body = kf_json_obj();
    kf_json_set(body, "user", kf_json_copy(a->user));
    return (kf_answer){.status = 200, .body = body};
}

kf_answer kf_api_verification(kf_sandbox *s, const kf_call *c) {
    const kf_mail *m = kf_mails_find(s->mails, KF_MAIL_VERIFY, c->id);
    if (!m) return kf_answer_not_found("Email verification");
    return (kf_answer){.status = 200, .body = mail_json(s, "email_verification", m)};
}

kf_answer kf_grant_verification(const kf_attempt *a) {
    kf_pending *held = kf_find_pending(a, KF_PENDING_EMAIL);
    kf_mail *m = NULL;
    kf_answer no;
    if (!held) return kf_bad_pending();
    if (!kf_limited(a->s, "authenticate", held->account->email, KF_LIMIT_AUTHENTICATE, &no))
        return no;
    kf_code_result r =
        kf_mails_check(a->s->mails, KF_MAIL_VERIFY, held->account->email, kf_field(a, "code"), &m);
    if (r != KF_CODE_RIGHT) return kf_code_refused(r);
    kf_account_set_verified(held->account);
    kf_pending p = *held;
    return kf_resume(a, held, &p);
}

/* --- password reset --- */

static kf_answer reset_answer(kf_sandbox *s, const kf_mail *m, int status) {
    kf_json *j = mail_json(s, "password_reset", m);
    KF_AUTO_CHARS url = kf_strfmt("%s/reset?token=%s", s->base_url, m->code);
    kf_json_set_str(j, "password_reset_token", m->code);
    kf_json_set_str(j, "password_reset_url", url);
    return (kf_answer){.status = status, .body = j};
}

kf_answer kf_api_reset(kf_sandbox *s, const kf_call *c) {
    const char *email = kf_json_str(c->body, "email");
    kf_answer no;
    if (!email) return kf_answer_parameters("email", "email must be a string");
    if (!kf_limited(s, "password_reset", email, KF_LIMIT_MAIL, &no)) return no;
    kf_account *a = kf_users_by_email(s->users, email);
    if (!a) return kf_answer_not_found("User");
    if (!a->password)
        return kf_answer_a(403, "password_reset_not_allowed", "The user has no password.");
    return reset_answer(s, kf_mails_send(s->mails, KF_MAIL_RESET, a->email, a), 201);
}

kf_answer kf_api_reset_get(kf_sandbox *s, const kf_call *c) {
    const kf_mail *m = kf_mails_find(s->mails, KF_MAIL_RESET, c->id);
    return m ? reset_answer(s, m, 200) : kf_answer_not_found("Password reset");
}

static kf_answer reset_error(const char *code, const char *message) {
    kf_answer a = kf_answer_a(400, "password_reset_error", "The password was not changed.");
    kf_json *errors = kf_json_arr(), *one = kf_json_obj();
    kf_json_set_str(one, "code", code);
    kf_json_set_str(one, "message", message);
    kf_json_add(errors, one);
    kf_json_set(a.body, "errors", errors);
    return a;
}

static kf_mail *by_token(kf_sandbox *s, const char *token) {
    KF_AUTO(kf_json) all = kf_mails_list(s->mails);
    for (const kf_json *j = kf_json_first(all); j; j = kf_json_next(j))
        if (kf_str_eq(kf_json_str(j, "kind"), "password_reset") &&
            kf_str_eq(kf_json_str(j, "code"), token))
            return kf_mails_find(s->mails, KF_MAIL_RESET, kf_json_str(j, "id"));
    return NULL;
}

kf_answer kf_api_reset_confirm(kf_sandbox *s, const kf_call *c) {
    const char *token = kf_json_str(c->body, "token"),
               *fresh = kf_json_str(c->body, "new_password");
    if (!token) return kf_answer_parameters("token", "token must be a string");
    if (!fresh) return kf_answer_parameters("new_password", "new_password must be a string");
    kf_mail *m = by_token(s, token);
    if (!m || m->used || kf_boot_ms() >= m->until_ms)
        return reset_error("password_reset_token_invalid", "The token is not valid any more.");
    if (strlen(fresh) < 10)
        return reset_error("password_too_weak", "The password must have 10 characters at least.");
    kf_account *a = m->account;
    m->used = true;
    free(a->password);
    a->password = kf_strdup(fresh);
    kf_account_set_verified(a);
    for (kf_sess *i = kf_sessions_next(s->sessions, NULL); i; i = kf_sessions_next(s->sessions, i))
        if (i->account == a) kf_sess_end(i);
    kf_json *body = kf_json_obj();
    kf_json_set(body, "user", kf_json_copy(a->user));
    return (kf_answer){.status = 200, .body = body};
}

/* --- what would have been mailed --- */

kf_answer kf_api_mail(kf_sandbox *s, const kf_call *c) {
    kf_json *body = kf_json_obj();
    kf_json_set(body, "mail", kf_mails_list(s->mails));
    return (kf_answer){.status = 200, .body = body};
}
