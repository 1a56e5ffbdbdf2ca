/* Single sign-on: through the browser, by organization, connection or domain; and the answers
 * that lead there from other methods (WORKOS.md §1.5, §2). */
#include "auth/flow_impl.h"

#include "base/str.h"

void kf_flow_sso_start(kf_flow *f) {
    f->org_alone = f->organization_id && !f->connection_id;
    if (f->connection_id || f->organization_id || f->domain_hint)
        kf_flow_to_browser(f, KF_NOTE_BROWSER, NULL);
    else kf_flow_ask_sso(f);
}

void kf_flow_ask_sso(kf_flow *f) {
    kf_flow_show(f, KF_PHASE_SSO, KF_STEP_FIELD, KF_FIELD_ORGANIZATION, 1u << KF_ACT_SUBMIT);
}

static bool domain_ok(const char *s) {
    size_t n = strlen(s);
    return n < 254 && strchr(s, '.') &&
           strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == n &&
           s[0] != '.' && s[n - 1] != '.';
}

bool kf_flow_sso_submit(kf_flow *f, const kf_secret *value, kf_err *err) {
    const char *s = kf_secret_peek(value);
    char id[96];
    if (kf_str_starts(s, "org_") && kf_issuer_id(id, s)) kf_flow_put(&f->organization_id, id);
    else if (kf_str_starts(s, "conn_") && kf_issuer_id(id, s)) kf_flow_put(&f->connection_id, id);
    else if (domain_ok(s)) kf_flow_put(&f->domain_hint, s);
    else
        return kf_fail(
            err, KF_ERR_USAGE_BAD_ANSWER,
            "an organization is org_..., a connection conn_..., a domain like example.com");
    kf_flow_sso_start(f);
    return true;
}

void kf_flow_sso_required(kf_flow *f, const kf_json *body) {
    static const char *const lists[] = {"connection_ids", "sso_connection_ids"};
    char id[96];
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
    kf_flow_to_browser(f, KF_NOTE_SSO, f->organization_name ? f->organization_name : f->email);
}
