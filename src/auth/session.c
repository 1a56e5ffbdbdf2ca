/* The session record: made from WorkOS's answer, written to and read from the store's JSON, and
 * its time left. Every field is checked and bounded. It reads no clock and does no I/O. */
#include "auth/session.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

enum { SKEW_MAX_S = 300, LIFE_MAX_S = 366 * 86400 };
/* Bytes. Whatever a server sends, a record fits into every store and its profile into a frame. */
enum { TOKEN_MAX = 32 << 10, OAUTH_MAX = 32 << 10, USER_MAX = 8 << 10, EXTRA_MAX = 8 << 10 };
enum { USER_TEXT_MAX = 512 };
#define SCHEMA "keyfob.session/1"
#define FAR (INT64_C(1) << 42) /* beyond any clock, far from overflow in milliseconds */

kf_session *kf_session_free(kf_session *s) {
    if (!s) return NULL;
    kf_secret_free(s->access_token);
    kf_secret_free(s->refresh_token);
    kf_secret_free(s->oauth_tokens);
    kf_secret_free(s->extra);
    kf_secret_free(s->previous);
    kf_json_free(s->user);
    free(s);
    return NULL;
}

static kf_session *fresh(void) {
    kf_session *s = kf_new(kf_session);
    return s;
}

kf_session *kf_session_copy(const kf_session *s) {
    kf_session *c = fresh();
    *c = *s;
    c->access_token = kf_secret_copy(s->access_token);
    c->refresh_token = kf_secret_copy(s->refresh_token);
    c->oauth_tokens = kf_secret_copy(s->oauth_tokens);
    c->extra = kf_secret_copy(s->extra);
    c->previous = kf_secret_copy(s->previous);
    c->user = kf_json_copy(s->user);
    return c;
}

static bool id_ok(const char *id) {
    return *id && strlen(id) < sizeof((kf_session *)0)->organization_id && kf_str_is_visible(id);
}

/* RFC 6749, appendix A: an access token has no blank here, because it goes into a header. */
static bool token_ok(const char *v, bool is_access) {
    while (*v >= (is_access ? '!' : ' ') && *v <= '~') v++;
    return !*v;
}

/* *out stays NULL if the answer has none (absent, null, ""). One that cannot be kept is an error,
 * never taken for none. */
static bool token(const kf_json *body, const char *key, bool is_access, kf_secret **out,
                  kf_err *err) {
    const kf_json *j = kf_json_get(body, key);
    const char *v = kf_json_value_str(j);
    if (j && !v && !kf_json_is_null(j))
        return kf_fail(err, KF_ERR_NET_BAD_ANSWER, "%s is no text in the answer", key);
    size_t n = v ? strlen(v) : 0;
    if (n > TOKEN_MAX)
        return kf_fail(err, KF_ERR_NET_BAD_ANSWER, "%s is too long in the answer", key);
    if (n && !token_ok(v, is_access))
        return kf_fail(err, KF_ERR_NET_BAD_ANSWER, "%s has characters that no token has", key);
    if (n) *out = kf_secret_new(v, n);
    return true;
}

/* As it came. One that is too large keeps only the members that WorkOS documents, and their texts
 * are cut. */
static kf_json *bounded_user(const kf_json *user) {
    static const char *const texts[] = {"object",     "id",
                                        "email",      "first_name",
                                        "last_name",  "name",
                                        "created_at", "profile_picture_url",
                                        "updated_at", "last_sign_in_at",
                                        "locale",     "external_id"};
    char text[USER_TEXT_MAX + 1];
    if (!user || kf_json_size(user) <= USER_MAX) return kf_json_copy(user);
    kf_log(KF_LOG_WARN, "session: the user object is larger than %d bytes and was cut", USER_MAX);
    kf_json *j = kf_json_obj();
    for (size_t i = 0; i < KF_LEN(texts); i++) {
        const char *v = kf_json_str(user, texts[i]);
        (void)kf_str_cut(text, sizeof text, v);
        if (v) kf_json_set_str(j, texts[i], text);
    }
    const kf_json *verified = kf_json_get(user, "email_verified");
    if (verified && !kf_json_first(verified))
        kf_json_set(j, "email_verified", kf_json_copy(verified));
    return j;
}

/* NULL for one that is larger than max; it is not worth a record that no store takes. */
static kf_secret *bounded_secret(const kf_json *j, size_t max, const char *what) {
    if (!j) return NULL;
    if (kf_json_size(j) <= max) return kf_json_print_secret(j);
    kf_log(KF_LOG_WARN, "session: %s are larger than %zu bytes and were dropped", what, max);
    return NULL;
}

/* Everything of the answer that has no field of its own is kept, so that nothing WorkOS sends is
 * lost. */
static kf_secret *rest_of(const kf_json *body) {
    static const char *const known[] = {
        "user",         "access_token",          "refresh_token", "organization_id",
        "impersonator", "authentication_method", "oauth_tokens"};
    KF_AUTO(kf_json) rest = kf_json_obj();
    for (const kf_json *i = kf_json_first(body); i; i = kf_json_next(i)) {
        bool seen = false;
        for (size_t k = 0; k < KF_LEN(known) && !seen; k++)
            seen = kf_str_eq(kf_json_key(i), known[k]);
        if (!seen) kf_json_set(rest, kf_json_key(i), kf_json_copy(i));
    }
    return bounded_secret(kf_json_count(rest) ? rest : NULL, EXTRA_MAX,
                          "other members of the answer");
}

int64_t kf_moment_waited(const kf_moment *now, int64_t sent_boot_ms, int64_t sent_unix_ms) {
    int64_t boot = now->boot_ms - sent_boot_ms;
    int64_t wall = now->unix_s * 1000 + now->ms - sent_unix_ms;
    return boot > wall ? (boot > 0 ? boot : 0) : wall > 0 ? wall : 0;
}

static bool set_times(kf_session *s, const kf_json *body, const kf_moment *now, kf_err *err) {
    const char *jwt = kf_secret_peek(s->access_token);
    kf_err why;
    int64_t in;
    s->received = *now;
    s->received.ms = 0; /* tokens count whole seconds: none lives longer than its exp says */
    s->received.boot_ms -= now->ms;
    if (kf_claims_read(jwt, kf_secret_len(s->access_token), &s->claims, &why)) {
        s->exp = s->claims.exp;
        s->iat = s->claims.iat ? s->claims.iat : now->date ? now->date : now->unix_s;
    } else if (kf_json_int(body, "expires_in", &in) && in > 0 && in <= LIFE_MAX_S) {
        memset(&s->claims, 0, sizeof s->claims);
        s->iat = now->date ? now->date : now->unix_s;
        s->exp = s->iat + in;
    } else {
        *(err ? err : &why) = why;
        return false;
    }
    s->life_s = s->exp - s->iat;
    if (s->life_s <= 0 || s->life_s > LIFE_MAX_S)
        return kf_fail(err, KF_ERR_NET_BAD_ANSWER, "the access token's life is %lld s",
                       (long long)s->life_s);
    /* the Date header tells the server's clock, unless it is nonsense next to the token's own iat
     */
    int64_t off = now->date - s->iat;
    bool usable = now->date && off <= SKEW_MAX_S && off >= -SKEW_MAX_S;
    s->skew_s = usable ? now->date - now->unix_s : 0;
    /* signed in one second and received in the next: as old as that, by a clock that plainly agrees
     */
    int64_t old = now->unix_s - s->iat;
    if (old == 1 || old == 2) s->received.boot_ms -= old * 1000;
    if (now->waited_ms < 1000) return true;
    int64_t then = now->boot_ms - now->ms - now->waited_ms;
    if (s->received.boot_ms > then) s->received.boot_ms = then;
    s->received.unix_s -= now->waited_ms / 1000;
    if (usable) s->skew_s += now->waited_ms / 1000;
    return true;
}

static bool set_user(kf_session *s, const kf_json *body, const kf_session *prev, kf_err *err) {
    const kf_json *user = kf_json_get(body, "user");
    bool named = *kf_json_str_or(user, "id", "");
    if (named) s->user = bounded_user(user);
    else if (prev) s->user = kf_json_copy(prev->user);
    /* the pair is real and the old token is spent: the new token tells who */
    if (!s->user && prev && prev->unverified && *s->claims.sub) {
        s->user = kf_json_obj();
        kf_json_set_str(s->user, "id", s->claims.sub);
    }
    if (!kf_json_str(s->user, "id"))
        return kf_fail(err, KF_ERR_NET_BAD_ANSWER, "the answer names no user");
    bool known = prev && prev->user; /* then another id, of whatever kind, is a mismatch */
    return known || id_ok(kf_session_user_id(s)) ||
           kf_fail(err, KF_ERR_NET_BAD_ANSWER, "the user's id is too long or no id");
}

/* What only shows is cut, and never costs the pair of tokens beside it. */
static bool set_people(kf_session *s, const kf_json *body, const kf_session *prev, kf_err *err) {
    const kf_json *imp = kf_json_get(body, "impersonator"),
                  *oauth = kf_json_get(body, "oauth_tokens");
    if (!set_user(s, body, prev, err)) return false;
    (void)kf_str_cut(s->authentication_method, sizeof s->authentication_method,
                     kf_json_str(body, "authentication_method"));
    if (prev && !*s->authentication_method)
        memcpy(s->authentication_method, prev->authentication_method,
               sizeof s->authentication_method);
    (void)kf_str_cut(s->impersonator_email, sizeof s->impersonator_email,
                     kf_json_str(imp, "email"));
    (void)kf_str_cut(s->impersonator_reason, sizeof s->impersonator_reason,
                     kf_json_str(imp, "reason"));
    if (!imp &&
        prev) { /* a renewal does not end an impersonation; a silent answer must not hide it */
        memcpy(s->impersonator_email, prev->impersonator_email, sizeof s->impersonator_email);
        memcpy(s->impersonator_reason, prev->impersonator_reason, sizeof s->impersonator_reason);
    }
    if (kf_json_is_obj(oauth))
        s->oauth_tokens = bounded_secret(oauth, OAUTH_MAX, "the provider's tokens");
    else if (prev) s->oauth_tokens = kf_secret_copy(prev->oauth_tokens);
    return true;
}

static bool mismatch(const char *got, const char *want, kf_err *err) {
    return kf_fail(err, KF_ERR_WORKOS_MISMATCH, "the answer is for %.90s, the session is of %.90s",
                   *got ? got : "no organization", want);
}

/* A session is of one person and one client, from the first answer on: a renewal stays with those
 * who signed in, and the token of a sign-in names the user of its answer. */
static bool same_identity(const kf_session *s, const kf_session *prev, const char *client_id,
                          kf_err *err) {
    const char *user = kf_session_user_id(s);
    if (prev && prev->user && strcmp(user, kf_session_user_id(prev)))
        return mismatch(user, kf_session_user_id(prev), err);
    if (*s->claims.sub && strcmp(s->claims.sub, user)) return mismatch(s->claims.sub, user, err);
    return !*s->claims.client_id || !strcmp(s->claims.client_id, client_id) ||
           mismatch(s->claims.client_id, client_id, err);
}

bool kf_session_in_organization(const kf_session *s, const char *organization_id, kf_err *err) {
    return !*organization_id || !strcmp(s->organization_id, organization_id) ||
           mismatch(s->organization_id, organization_id, err);
}

static bool set_organization(kf_session *s, const kf_json *body, const kf_session *prev,
                             kf_err *err) {
    const char *id = kf_json_str_or(body, "organization_id", "");
    if (*s->claims.org_id) id = s->claims.org_id;
    bool usable = !*id || id_ok(id);
    if (usable) usable = kf_str_set(s->organization_id, sizeof s->organization_id, id);
    if (!usable && !prev) /* at a renewal the pair of tokens counts more */
        return kf_fail(err, KF_ERR_NET_BAD_ANSWER, "organization_id is too long or no id");
    /* a token that cannot be read says nothing about it */
    if (prev && !s->claims.exp && !kf_json_get(body, "organization_id"))
        memcpy(s->organization_id, prev->organization_id, sizeof s->organization_id);
    if (prev && !strcmp(prev->organization_id, s->organization_id))
        memcpy(s->organization_name, prev->organization_name, sizeof s->organization_name);
    return true;
}

kf_session *kf_session_from_answer(const kf_json *body, const kf_session *prev, const char *origin,
                                   const char *client_id, const kf_moment *now, kf_err *err) {
    KF_AUTO(kf_session) s = fresh();
    if (!token(body, "access_token", true, &s->access_token, err) ||
        !token(body, "refresh_token", false, &s->refresh_token, err))
        return NULL;
    if (!s->access_token)
        return kf_fail(err, KF_ERR_NET_BAD_ANSWER, "the answer has no access_token"), NULL;
    if (!s->refresh_token && prev) s->refresh_token = kf_secret_copy(prev->refresh_token);
    if (!s->refresh_token)
        return kf_fail(err, KF_ERR_NET_BAD_ANSWER, "the answer has no refresh_token"), NULL;
    if (!set_times(s, body, now, err) || !set_people(s, body, prev, err) ||
        !set_organization(s, body, prev, err))
        return NULL;
    if (!same_identity(s, prev, client_id, err)) return NULL;
    if (!kf_str_set(s->origin, sizeof s->origin, origin) ||
        !kf_str_set(s->client_id, sizeof s->client_id, client_id))
        return kf_fail(err, KF_ERR_SYS_BUG, "origin or client ID too long"), NULL;
    s->extra = rest_of(body);
    s->generation = prev ? prev->generation + 1 : 1;
    s->signed_in_at = prev ? prev->signed_in_at : now->unix_s;
    s->renewed_at = now->unix_s;
    return KF_TAKE(s);
}

kf_session *kf_session_unverified(const kf_secret *refresh_token, const char *origin,
                                  const char *client_id, const kf_moment *now) {
    kf_session *s = fresh();
    if (!kf_str_set(s->origin, sizeof s->origin, origin) ||
        !kf_str_set(s->client_id, sizeof s->client_id, client_id))
        return kf_session_free(s);
    s->refresh_token = kf_secret_copy(refresh_token);
    s->unverified = true;
    s->generation = 1;
    s->iat = s->exp = s->signed_in_at = s->renewed_at =
        now->unix_s; /* over already: it has to be renewed */
    s->received = *now;
    return s;
}

kf_secret *kf_session_to_blob(const kf_session *s) {
    KF_AUTO(kf_json) j = kf_json_obj();
    kf_json_set_str(j, "schema", SCHEMA);
    kf_json_set_secret(j, "access_token", s->access_token);
    kf_json_set_secret(j, "refresh_token", s->refresh_token);
    kf_json_set(j, "user", kf_json_copy(s->user));
    kf_json_set_str(j, "organization_id", s->organization_id);
    kf_json_set_str(j, "organization_name", s->organization_name);
    kf_json_set_str(j, "authentication_method", s->authentication_method);
    kf_json_set_str(j, "impersonator_email", s->impersonator_email);
    kf_json_set_str(j, "impersonator_reason", s->impersonator_reason);
    kf_json_set_secret(j, "oauth_tokens", s->oauth_tokens);
    kf_json_set_secret(j, "extra", s->extra);
    kf_json_set_secret(j, "previous", s->previous);
    kf_json_set_str(j, "origin", s->origin);
    kf_json_set_str(j, "client_id", s->client_id);
    kf_json_set_int(j, "generation", s->generation);
    kf_json_set_int(j, "iat", s->iat);
    kf_json_set_int(j, "exp", s->exp);
    kf_json_set_int(j, "life_s", s->life_s);
    kf_json_set_int(j, "received_unix_s", s->received.unix_s);
    kf_json_set_int(j, "received_boot_ms", s->received.boot_ms);
    kf_json_set_str(j, "received_boot_id", s->received.boot_id);
    kf_json_set_int(j, "signed_in_at", s->signed_in_at);
    kf_json_set_int(j, "renewed_at", s->renewed_at);
    kf_json_set_int(j, "skew_s", s->skew_s);
    kf_json_set_bool(j, "unverified", s->unverified);
    if (s->any_user) kf_json_set_bool(j, "any_user", true);
    return kf_json_print_secret(j);
}

/* NULL when it is not there or larger than max. */
static kf_secret *member(const kf_json *j, const char *key, size_t max) {
    const char *v = kf_json_str(j, key);
    size_t n = v ? strlen(v) : 0;
    return n && n <= max ? kf_secret_new(v, n) : NULL;
}

kf_session *kf_session_from_blob(const kf_secret *blob, kf_err *err) {
    KF_AUTO(kf_json) j = kf_json_parse(kf_secret_peek(blob), kf_secret_len(blob), NULL);
    const char *schema = kf_json_str_or(j, "schema", "");
    if (kf_str_is_later(schema, strlen(schema), SCHEMA))
        return kf_fail(err, KF_ERR_STORE_NEWER, "the stored session is of a later version"), NULL;
    KF_AUTO(kf_session) s = fresh();
    const struct {
        const char *key;
        char *dst;
        size_t size;
    } texts[] = {{"organization_id", s->organization_id, sizeof s->organization_id},
                 {"origin", s->origin, sizeof s->origin},
                 {"client_id", s->client_id, sizeof s->client_id},
                 {"received_boot_id", s->received.boot_id, sizeof s->received.boot_id}},
      shown[] = {
          {"organization_name", s->organization_name, sizeof s->organization_name},
          {"authentication_method", s->authentication_method, sizeof s->authentication_method},
          {"impersonator_email", s->impersonator_email, sizeof s->impersonator_email},
          {"impersonator_reason", s->impersonator_reason, sizeof s->impersonator_reason}};
    const struct {
        const char *key;
        int64_t *dst;
    } numbers[] = {{"generation", &s->generation},
                   {"iat", &s->iat},
                   {"exp", &s->exp},
                   {"life_s", &s->life_s},
                   {"received_unix_s", &s->received.unix_s},
                   {"received_boot_ms", &s->received.boot_ms},
                   {"signed_in_at", &s->signed_in_at},
                   {"renewed_at", &s->renewed_at},
                   {"skew_s", &s->skew_s}};
    bool ok = !strcmp(schema, SCHEMA);
    for (size_t i = 0; ok && i < KF_LEN(texts); i++)
        ok = kf_str_set(texts[i].dst, texts[i].size, kf_json_str(j, texts[i].key));
    for (size_t i = 0; i < KF_LEN(shown); i++)
        (void)kf_str_cut(shown[i].dst, shown[i].size, kf_json_str(j, shown[i].key));
    for (size_t i = 0; ok && i < KF_LEN(numbers); i++)
        ok = kf_json_int(j, numbers[i].key, numbers[i].dst);
    s->access_token = member(j, "access_token", TOKEN_MAX);
    s->refresh_token = member(j, "refresh_token", TOKEN_MAX);
    s->oauth_tokens = member(j, "oauth_tokens", OAUTH_MAX);
    s->extra = member(j, "extra", EXTRA_MAX);
    s->previous = member(j, "previous", SIZE_MAX);
    s->user = bounded_user(kf_json_get(j, "user"));
    s->unverified = kf_json_bool(j, "unverified", false);
    s->any_user = kf_json_bool(j, "any_user", false);
    ok = ok && token_ok(kf_secret_peek(s->access_token), true);
    bool whole = s->life_s <= LIFE_MAX_S &&
                 (s->unverified ? s->life_s >= 0 : s->access_token && s->life_s > 0);
    if (!ok || !whole || !s->refresh_token || s->generation < 1 || s->exp < 0 || s->exp > FAR ||
        s->skew_s < -FAR || s->skew_s > FAR || s->received.unix_s < -FAR ||
        s->received.unix_s > FAR || s->received.boot_ms < -FAR || s->received.boot_ms > FAR)
        return kf_fail(err, KF_ERR_STORE_DAMAGED, "the session"), NULL;
    if (!kf_claims_read(kf_secret_peek(s->access_token), kf_secret_len(s->access_token), &s->claims,
                        NULL))
        memset(&s->claims, 0, sizeof s->claims); /* a token that is no JWT came with expires_in */
    return KF_TAKE(s);
}

/* Both clocks start at the receipt, so a wall clock that is wrong by hours changes nothing as long
 * as nobody sets it. The boot clock stands still while a virtual machine is paused; then the wall
 * clock knows better. */
static int64_t left_within_boot_ms(const kf_session *s, const kf_moment *now) {
    int64_t boot = s->received.boot_ms + s->life_s * 1000 - now->boot_ms;
    int64_t wall = (s->received.unix_s + s->life_s - now->unix_s) * 1000;
    return boot < wall ? boot : wall;
}

int64_t kf_session_left_ms(const kf_session *s, const kf_moment *now) {
    if (*s->received.boot_id && !strcmp(s->received.boot_id, now->boot_id))
        return left_within_boot_ms(s, now);
    return (s->exp - (now->unix_s + s->skew_s)) * 1000;
}

const char *kf_session_user_id(const kf_session *s) { return kf_json_str_or(s->user, "id", ""); }
const char *kf_session_user_email(const kf_session *s) {
    return kf_json_str_or(s->user, "email", "");
}

void kf_session_user_name(const kf_session *s, char *out, size_t size) {
    const char *first = kf_json_str_or(s->user, "first_name", ""),
               *last = kf_json_str_or(s->user, "last_name", "");
    const char *name = kf_json_str_or(s->user, "name", "");
    KF_AUTO_CHARS all = *first || *last
                            ? kf_strfmt("%s%s%s", first, *first && *last ? " " : "", last)
                            : kf_strdup(name);
    (void)kf_str_cut(out, size, all);
}
