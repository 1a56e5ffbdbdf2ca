/* Single sign-on: through the browser, by organization, connection or domain; and the answers
 * that lead there from other methods (WORKOS.md §1.5, §2). */
#include "auth/flow_impl.h"

#include "base/str.h"

static void sso_ask(kf_flow *f) {
    kf_flow_show(f, KF_PHASE_SSO, KF_STEP_FIELD, KF_FIELD_ORGANIZATION, 1u << KF_ACT_SUBMIT);
}

static void sso_start(kf_flow *f) {
    f->org_alone = f->organization_id && !f->connection_id;
    if (f->connection_id || f->organization_id || f->domain_hint)
        kf_flow_go(f, KF_PHASE_BROWSER, KF_NOTE_BROWSER, NULL, NULL);
    else sso_ask(f);
}

static void sso_required(kf_flow *f, const kf_json *body) {
    static const char *const lists[] = {"connection_ids", "sso_connection_ids"};
    char id[KF_ISSUER_ID_MAX];
    for (size_t i = 0; i < KF_LEN(lists); i++) {
        const kf_json *list = kf_json_get(body, lists[i]);
        if (kf_json_is_arr(list) && kf_json_count(list) == 1 &&
            kf_issuer_id(id, kf_json_value_str(kf_json_first(list))))
            kf_flow_put(&f->connection_id, id);
    }
    if (*f->chosen) kf_flow_put(&f->organization_id, f->chosen);
    f->org_alone = f->organization_id && !f->connection_id;
    if (!f->connection_id && !f->org_alone)
        kf_flow_put(&f->provider, NULL); /* the hosted page finds the connection by the address */
    kf_flow_go(f, KF_PHASE_BROWSER, KF_NOTE_SSO,
               f->organization_name ? f->organization_name : f->email, NULL);
}

static void sso_enter(kf_flow *f, const kf_flow_why *why) {
    if (why->ask == KF_ASK_NONE) sso_start(f);
    else sso_required(f, why->body);
}

static bool domain_ok(const char *s) {
    size_t n = strlen(s);
    return n < 254 && strchr(s, '.') &&
           strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == n &&
           s[0] != '.' && s[n - 1] != '.';
}

static bool sso_answer(kf_flow *f, kf_flow_act act, const kf_secret *value, kf_err *err) {
    const char *s = kf_secret_peek(value);
    char id[KF_ISSUER_ID_MAX];
    if (kf_str_starts(s, "org_") && kf_issuer_id(id, s)) kf_flow_put(&f->organization_id, id);
    else if (kf_str_starts(s, "conn_") && kf_issuer_id(id, s)) kf_flow_put(&f->connection_id, id);
    else if (domain_ok(s)) kf_flow_put(&f->domain_hint, s);
    else
        return kf_fail(
            err, KF_ERR_USAGE_BAD_ANSWER,
            "an organization is org_..., a connection conn_..., a domain like example.com");
    sso_start(f);
    return true;
}

const kf_flow_phase kf_phase_sso = {
    .ways = 1u << KF_BY_SSO,
    .asks = 1u << KF_ASK_SSO | 1u << KF_ASK_OTHER_METHOD,
    .grant = KF_GRANT_AUTHORIZATION_CODE,
    .open = true,
    .enter = sso_enter,
    .ask = sso_ask,
    .answer = sso_answer,
};
