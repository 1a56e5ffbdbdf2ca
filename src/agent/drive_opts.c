/* What a client asks for with SignIn: checked before any of it goes into an address or a request.
 */
#include "agent/drive_impl.h"

#include "auth/profile.h"
#include "base/str.h"
#include "crypt/hash.h"
#include "loop/loop.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

enum { EMAIL_MAX = 320, MAX_AGE_MAX = 10 * 366 * 86400 };

static bool text(const kf_json *p, const char *key, size_t max, const char *allowed,
                 const char **out, kf_err *err) {
    const char *v = kf_json_str_or(p, key, "");
    size_t n = strlen(v);
    if (n > max) return kf_fail(err, KF_ERR_USAGE_BAD, "%s is too long", key);
    if (allowed && strspn(v, allowed) != n)
        return kf_fail(err, KF_ERR_USAGE_BAD, "%s has a character in it that cannot be", key);
    for (const char *c = v; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return kf_fail(err, KF_ERR_USAGE_BAD, "%s has a control character in it", key);
    *out = n ? v : NULL;
    return true;
}

static bool browser(const kf_json *p, kf_flow_opts *o, kf_err *err) {
    if (!text(p, "provider", 64, LETTERS "_-", &o->provider, err) ||
        !text(p, "connection_id", 95, LETTERS "_-", &o->connection_id, err) ||
        !text(p, "domain_hint", 253, LETTERS ".-", &o->domain_hint, err) ||
        !text(p, "screen_hint", 16, NULL, &o->screen_hint, err) ||
        !text(p, "prompt", 64, LETTERS "_ ", &o->prompt, err) ||
        !text(p, "invitation_token", 512, LETTERS "._~-", &o->invitation_token, err))
        return false;
    if (o->screen_hint && strcmp(o->screen_hint, "sign-in") && strcmp(o->screen_hint, "sign-up"))
        return kf_fail(err, KF_ERR_USAGE_BAD, "screen_hint is sign-in or sign-up");
    o->max_age = kf_json_int_or(p, "max_age", -1);
    return o->max_age <= MAX_AGE_MAX ||
           kf_fail(err, KF_ERR_USAGE_BAD, "max_age is at most %d s", MAX_AGE_MAX);
}

bool kf_drive_opts(const kf_sign_in *s, kf_flow_opts *o, kf_err *err) {
    const kf_json *p = kf_call_params(s->call);
    const char *client_id = NULL;
    *o = (kf_flow_opts){.origin = s->settings.api_host,
                        .api_key = s->api_key,
                        .max_age = -1,
                        .redirect_port = s->settings.redirect_port,
                        .sha256 = kf_sha256,
                        .now_ms = kf_boot_ms()};
    if (!kf_method_from_name(kf_json_str(p, "method"), &o->method))
        return kf_fail(err, KF_ERR_USAGE_BAD, "there is no sign-in method called %.40s",
                       kf_json_str_or(p, "method", ""));
    kf_profile_client_id(NULL, s->settings.client_id, kf_json_str(p, "client_id"), &client_id);
    o->client_id = client_id ? client_id : "";
    if (!text(p, "email", EMAIL_MAX, NULL, &o->email, err) ||
        !text(p, "organization_id", 95, LETTERS "_-", &o->organization_id, err))
        return false;
    if (!o->organization_id) o->organization_id = s->settings.organization_id;
    return browser(p, o, err);
}
