/* The content of a sealed session: converts a session to the Node SDK's JSON, and reads such
 * JSON. crypt/seal.c encrypts it. */
#include "auth/sealed.h"

#include "base/str.h"

enum { TOKEN_MAX = 32 << 10 };

/* Order and names of the SDK's deserializer. */
static const char *const user_members[][2] = {{"object", "object"},
                                              {"id", "id"},
                                              {"email", "email"},
                                              {"email_verified", "emailVerified"},
                                              {"first_name", "firstName"},
                                              {"profile_picture_url", "profilePictureUrl"},
                                              {"last_name", "lastName"},
                                              {"name", "name"},
                                              {"last_sign_in_at", "lastSignInAt"},
                                              {"locale", "locale"},
                                              {"created_at", "createdAt"},
                                              {"updated_at", "updatedAt"},
                                              {"external_id", "externalId"},
                                              {"metadata", "metadata"}};

static kf_json *camel_user(const kf_json *user) {
    kf_json *out = kf_json_obj();
    for (size_t i = 0; i < KF_LEN(user_members); i++) {
        const kf_json *v = kf_json_get(user, user_members[i][0]);
        if (v) kf_json_set(out, user_members[i][1], kf_json_copy(v));
    }
    return out;
}

kf_secret *kf_sealed_json(const kf_session *s, bool with_refresh_token, kf_err *err) {
    if (!s->access_token || !s->user || !kf_json_str(s->user, "id")) {
        kf_fail(err, KF_ERR_WORKOS_NOT_SIGNED_IN, "the session has no access token or no user yet");
        return NULL;
    }
    KF_AUTO(kf_json) j = kf_json_obj();
    if (*s->claims.org_id) kf_json_set_str(j, "organizationId", s->claims.org_id);
    kf_json_set(j, "user", camel_user(s->user));
    kf_json_set_secret(j, "accessToken", s->access_token);
    if (with_refresh_token) kf_json_set_secret(j, "refreshToken", s->refresh_token);
    if (*s->authentication_method)
        kf_json_set_str(j, "authenticationMethod", s->authentication_method);
    if (*s->impersonator_email) {
        kf_json *i = kf_json_obj();
        kf_json_set_str(i, "email", s->impersonator_email);
        if (*s->impersonator_reason) kf_json_set_str(i, "reason", s->impersonator_reason);
        else kf_json_set_null(i, "reason");
        kf_json_set(j, "impersonator", i);
    }
    return kf_json_print_secret(j);
}

bool kf_sealed_read(const kf_secret *json, kf_sealed *out, kf_err *err) {
    KF_AUTO(kf_json) j = kf_json_parse(kf_secret_peek(json), kf_secret_len(json), NULL);
    const char *token = kf_json_str(j, "accessToken");
    if (!token || !*token || strlen(token) > TOKEN_MAX)
        return kf_fail(err, KF_ERR_USAGE_BAD, "there is no access token in the sealed session");
    kf_sealed s = {.has_refresh_token = *kf_json_str_or(j, "refreshToken", "") != 0};
    if (!kf_str_set(s.organization_id, sizeof s.organization_id,
                    kf_json_str(j, "organizationId")) ||
        !kf_str_set(s.authentication_method, sizeof s.authentication_method,
                    kf_json_str(j, "authenticationMethod")))
        return kf_fail(err, KF_ERR_USAGE_BAD, "the sealed session has a member that is too long");
    s.access_token = kf_secret_new(token, strlen(token));
    if (kf_json_is_obj(kf_json_get(j, "user"))) s.user = kf_json_copy(kf_json_get(j, "user"));
    *out = s;
    return true;
}

void kf_sealed_done(kf_sealed *s) {
    s->access_token = kf_secret_free(s->access_token);
    kf_json_free(s->user);
    s->user = NULL;
}
