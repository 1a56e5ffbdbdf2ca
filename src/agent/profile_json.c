/* The interface's Profile object (data/io.keyfob.Agent.varlink) from what the keeper shows of a
 * profile. Never holds a whole token. */
#include "agent/profile_json.h"

#include <string.h>
#include "agent/part.h"
#include "base/log.h"
#include "base/str.h"
#include "wire/msg.h"

static void set_text(kf_json *j, const char *key, const char *s) {
    if (s && *s) kf_json_set_str(j, key, s);
}

static void set_time(kf_json *j, const char *key, int64_t t) {
    if (t) kf_json_set_int(j, key, t);
}

static void json_token(kf_json *j, const kf_session *s) {
    size_t n = kf_secret_len(s->access_token);
    const char *t = kf_secret_peek(s->access_token);
    char part[9];
    kf_json_set_int(j, "token_bytes", (int64_t)n);
    if (n < 64) return; /* too short to show ends of */
    memcpy(part, t, 8);
    part[8] = 0;
    kf_json_set_str(j, "token_head", part);
    memcpy(part, t + n - 4, 5);
    kf_json_set_str(j, "token_tail", part);
    kf_wipe(part, sizeof part);
}

static void json_session(kf_json *j, const kf_profile_view *v) {
    const kf_session *s = v->session;
    char name[256], email[321];
    kf_session_user_name(s, name, sizeof name);
    (void)kf_str_cut(email, sizeof email, kf_session_user_email(s));
    set_text(j, "user_id", kf_session_user_id(s));
    set_text(j, "user_email", email);
    set_text(j, "user_name", name);
    set_text(j, "org_id", s->organization_id);
    set_text(j, "org_name", s->organization_name);
    set_text(j, "role", s->claims.role);
    kf_json_set_int(j, "permissions", (int64_t)s->claims.n_permissions);
    set_text(j, "session_id", s->claims.sid);
    set_text(j, "method", s->authentication_method);
    set_text(j, "impersonator", s->impersonator_email);
    set_text(j, "impersonator_reason", s->impersonator_reason);
    set_time(j, "signed_in_at", s->signed_in_at);
    set_time(j, "renewed_at", s->renewed_at);
    set_time(j, "expires_at", s->exp);
    kf_json_set_int(j, "skew_s", s->skew_s);
    if (!v->is_served) return; /* callers do not get this token */
    kf_json_set_int(j, "left_ms", v->left_ms);
    kf_json_set_int(j, "life_ms", s->life_s * 1000);
    json_token(j, s);
}

/* What an earlier agent wrote down of a session that this one has not read yet. */
static void json_hint(kf_json *j, const kf_profile_view *v) {
    const kf_profile_row *h = v->hint;
    set_text(j, "user_email", h->email);
    set_text(j, "user_name", h->user_name);
    set_text(j, "org_id", h->organization_id);
    set_text(j, "org_name", h->organization_name);
    set_text(j, "method", h->method);
    set_time(j, "expires_at", h->expires_at);
    if (v->is_served) kf_json_set_int(j, "left_ms", v->left_ms);
}

static void json_times(kf_json *j, const kf_profile_view *v) {
    if (v->renewed_any) {
        kf_json_set_int(j, "renewed_ms", v->renewed_ms);
        kf_json_set_bool(j, "renewed_ok", v->renewed_ok);
    }
    if (v->next_ms >= 0)
        kf_json_set_int(j, v->is_retry ? "retry_in_ms" : "renews_in_ms", v->next_ms);
}

/* Those that every Profile has, or the others as far as they are set. */
static void set_fields(kf_json *j, const kf_conf_profile *p, bool always) {
    for (kf_pf f = 0; f < KF_PF_COUNT; f++) {
        if (always != !!(kf_profile_fields[f].flags & KF_PF_ALWAYS)) continue;
        KF_AUTO_CHARS v = kf_profile_field_text(f, p);
        if (always || *v) kf_profile_field_write(f, j, v);
    }
}

/* What the interface asks of every profile: all from keyfob.conf, whose reader bounds it. */
static kf_json *json_settings(const kf_profile_view *v) {
    const kf_conf_profile *p = v->profile;
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "id", p->id);
    kf_json_set_str(j, "name", p->name);
    kf_json_set_bool(j, "default", v->is_default);
    kf_json_set_bool(j, "confidential", p->confidential);
    kf_json_set_str(j, "environment", v->environment);
    set_fields(j, p, true);
    return j;
}

/* j owned. A record that is too large must not end the list of all profiles: it alone fails. */
static kf_json *bounded_record(const kf_profile_view *v, kf_json *j) {
    size_t n = kf_json_size(j);
    kf_err err;
    if (n <= KF_RECORD_MAX) return j;
    kf_json_free(j);
    kf_fail(&err, KF_ERR_WIRE_TOO_LONG, "what is known of %s has %zu bytes, %d are the most",
            v->profile->name, n, KF_RECORD_MAX);
    kf_log(KF_LOG_ERROR, "profile %s: %s", v->profile->name, err.what);
    j = json_settings(v);
    kf_json_set_str(j, "state", kf_state_name(KF_STATE_ERROR));
    kf_json_set(j, "failure", kf_msg_failure(&err));
    return j;
}

kf_json *kf_profile_json(kf_keeper *k, const char *profile) {
    kf_profile_view v;
    if (!kf_keeper_view(k, profile, &v)) return NULL;
    kf_json *j = json_settings(&v);
    set_fields(j, v.profile, false);
    kf_json_set_str(j, "state", kf_state_name(v.state));
    if (v.is_failing) kf_json_set(j, "failure", kf_msg_failure(&v.failure));
    if (v.session) json_session(j, &v);
    else if (v.hint) json_hint(j, &v);
    set_time(j, "last_used_at", v.last_used_at);
    json_times(j, &v);
    return bounded_record(&v, j);
}
