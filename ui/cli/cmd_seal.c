/* Sealed sessions: export --format wos-session, and claims --sealed. */
#include "ui/cli/cli.h"

#include <unistd.h>
#include "base/str.h"
#include "ui/cli/seal.h"
#include "ui/common/text.h"
#include "wire/msg.h"

enum { WAIT_MS = 60000, STDIN_MAX = 192 << 10, COOKIE_MAX = 4096 };

/* WORKOS_COOKIE_PASSWORD, or what stdin has. NULL: err. */
static kf_secret *cookie_password(bool from_stdin, kf_err *err) {
    const char *env = getenv("WORKOS_COOKIE_PASSWORD");
    if (from_stdin) return kf_read_stdin(4096, err);
    if (env && *env) return kf_secret_new(env, strlen(env));
    kf_fail(err, KF_ERR_USAGE_BAD, "there is no cookie password");
    kf_hint(err, "Set WORKOS_COOKIE_PASSWORD as the web application has it, or give it with "
                 "--cookie-password-stdin.");
    return NULL;
}

static bool cookie_name_ok(const char *s) { /* RFC 6265 §4.1.1, as far as anybody uses it */
    size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");
    return n && n <= 64 && !s[n];
}

/* --- export
 * ---------------------------------------------------------------------------------------- */

static bool may_hand_over(kf_cli *c, const char *name, const kf_seal_wish *w, kf_err *err) {
    if (w->yes) return true;
    if (!kf_can_ask(c)) {
        kf_fail(err, KF_ERR_USAGE_NO_INPUT, "handing over the session of %s must be confirmed",
                name);
        return kf_hint(err, "Add --yes. keyfob forgets the session then.");
    }
    KF_AUTO_CHARS q = kf_strfmt("Hand the session of %s over? The web application renews it from "
                                "then on, and keyfob forgets it.",
                                name);
    return kf_ask_yes(q) || kf_fail(err, KF_ERR_SYS_CANCELLED, "nothing was handed over");
}

static kf_json *seal(kf_cli *c, const char *name, const kf_seal_wish *w, int64_t min_valid,
                     kf_err *err) {
    KF_AUTO(kf_secret) password = cookie_password(w->password_stdin, err);
    if (!password) return NULL;
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "profile", name);
    kf_json_set_secret(p, "password", password);
    if (min_valid >= 0) kf_json_set_int(p, "min_valid_ms", min_valid);
    if (w->hand_over) kf_json_set_bool(p, "hand_over", true);
    return kf_cli_call(c, "Seal", p, KF_CLI_TOKEN_MS, err);
}

/* Only now that the value is where it should be. */
static int confirm(kf_cli *c, const char *name, const kf_json *r) {
    kf_err e;
    kf_json *p = kf_json_obj();
    kf_json_set_int(p, "hand_over", kf_json_int_or(r, "hand_over", 0));
    KF_AUTO(kf_json) done = kf_cli_call(c, "HandedOver", p, WAIT_MS, &e);
    if (!done) return kf_cli_fail(c, &e);
    kf_cli_note(c, "the session was handed over; keyfob login %s makes another one here", name);
    return 0;
}

int kf_cli_seal(kf_cli *c, const kf_seal_wish *w, kf_seal_put put, void *user) {
    kf_err e;
    int64_t ms = -1;
    const char *cookie = getenv("WORKOS_COOKIE_NAME");
    if (w->min_valid && !kf_duration_parse(w->min_valid, &ms))
        return kf_cli_usage(c, "--min-valid %s: a duration is a number with ms, s, m, h or d",
                            w->min_valid);
    if (!cookie || !*cookie) cookie = "wos-session";
    if (!cookie_name_ok(cookie))
        return kf_cli_usage(c, "WORKOS_COOKIE_NAME is no name of a cookie");
    if (w->hand_over && w->masked)
        return kf_cli_usage(
            c, "a terminal would get it masked: give it to a file (-o), a pipe, or add --reveal");
    const char *name = kf_cli_profile(c, w->profile, NULL, &e);
    if (!name || (w->hand_over && !may_hand_over(c, name, w, &e))) return kf_cli_fail(c, &e);
    KF_AUTO(kf_json) r = seal(c, name, w, ms, &e);
    if (!r) return kf_cli_fail(c, &e);
    const char *sealed = kf_json_str_or(r, "sealed", "");
    size_t n = strlen(sealed);
    KF_AUTO_CHARS masked = kf_strfmt("%.8s..%s", sealed, n > 24 ? sealed + n - 4 : "");
    kf_buf b;
    kf_buf_init(&b, STDIN_MAX);
    kf_buf_addf(&b, "%s%s%s\n", w->cookie ? cookie : "", w->cookie ? "=" : "",
                w->masked ? masked : sealed);
    int rc = put(c, &b, user);
    if (n + strlen(cookie) > COOKIE_MAX)
        kf_cli_note(c, "it has %zu bytes; browsers take no cookie over %d", n, COOKIE_MAX);
    kf_buf_done(&b);
    if (rc && w->hand_over)
        kf_cli_note(c, "nothing was handed over: the session is still keyfob's");
    return rc || !w->hand_over ? rc : confirm(c, name, r);
}

/* --- claims
 * ---------------------------------------------------------------------------------------- */

/* Line 1 is the sealed session, perhaps with its cookie's name in front; line 2 the password, when
 * asked for. */
static bool read_sealed(bool with_password, kf_secret **sealed, kf_secret **password, kf_err *err) {
    KF_AUTO(kf_secret) all = kf_read_stdin(STDIN_MAX, err);
    if (!all) return false;
    const char *text = kf_secret_peek(all), *nl = strchr(text, '\n'), *at = strstr(text, "Fe26.2*");
    size_t line = nl ? (size_t)(nl - text) : strlen(text);
    while (line && strchr(" \r\t;", text[line - 1])) line--;
    if (!at || at > text + line) at = text;
    *sealed = kf_secret_new(at, (size_t)(text + line - at));
    if (with_password) *password = kf_secret_new(nl ? nl + 1 : "", nl ? strlen(nl + 1) : 0);
    else *password = cookie_password(false, err);
    if (*password) return true;
    *sealed = kf_secret_free(*sealed);
    return false;
}

kf_json *kf_cli_unseal(kf_cli *c, const char *profile, bool password_stdin, bool verify,
                       kf_err *err) {
    kf_secret *sealed = NULL, *password = NULL;
    if (!read_sealed(password_stdin, &sealed, &password, err)) return NULL;
    if (kf_secret_len(sealed) < 8) {
        kf_secret_free(sealed);
        kf_secret_free(password);
        kf_fail(err, KF_ERR_USAGE_BAD, "there is no sealed session on stdin");
        return kf_hint(err, "Line 1 of stdin is the cookie (Fe26.2*...)%s",
                       password_stdin ? ", line 2 the cookie password."
                                      : "; the cookie password is in WORKOS_COOKIE_PASSWORD."),
               NULL;
    }
    kf_json *p = kf_json_obj();
    kf_json_set_secret(p, "sealed", sealed);
    kf_json_set_secret(p, "password", password);
    if (verify) kf_json_set_str(p, "profile", profile), kf_json_set_bool(p, "verify", true);
    kf_secret_free(sealed);
    kf_secret_free(password);
    return kf_cli_call(c, "Unseal", p, WAIT_MS, err);
}
