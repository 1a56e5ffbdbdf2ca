/* export and header: a fresh token in the form another tool wants (ui/common/formats.h), to stdout
 * or to a file. */
#include "ui/cli/cli.h"

#include <unistd.h>
#include "base/str.h"
#include "ui/cli/seal.h"
#include "ui/common/formats.h"
#include "ui/common/outfile.h"
#include "ui/common/text.h"

enum {
    FORMAT,
    WHAT,
    MIN_VALID,
    OUTPUT,
    FORCE,
    CLIP,
    CLEAR,
    HOST,
    LOGIN,
    COOKIE,
    PASSWORD_STDIN,
    HAND_OVER,
    YES,
    REVEAL
};
enum { H_MIN_VALID, H_REVEAL, H_NAME };

typedef struct wanted {
    const char *profile, *what, *format, *min_valid, *file, *clear_after;
    bool force, clip, reveal;
    kf_format_opts opts;
} wanted;

static kf_json *ask_agent(kf_cli *c, const char *method, const wanted *w, int *rc) {
    kf_err e;
    const char *name = kf_cli_profile(c, w->profile, NULL, &e);
    kf_json *r = NULL;
    if (name) {
        kf_json *p = kf_json_obj();
        kf_json_set_str(p, "profile", name);
        r = kf_cli_call(c, method, p, KF_CLI_TOKEN_MS, &e);
    }
    if (!r) *rc = kf_cli_fail(c, &e);
    return r;
}

static int put_out(kf_cli *c, const kf_buf *b, const wanted *w, bool masked) {
    kf_err e;
    if (w->clip)
        return kf_cli_clip(c, w->what, b->data,
                           b->len && b->data[b->len - 1] == '\n' ? b->len - 1 : b->len,
                           w->clear_after);
    if (w->file) {
        if (!kf_outfile_write(w->file, b->data, b->len, w->force, &e)) return kf_cli_fail(c, &e);
        if (c->json) return kf_cli_print_file(w->file);
        kf_cli_note(c, "written to %s; only you can read it", w->file);
        return 0;
    }
    fwrite(b->data, 1, b->len, stdout);
    int rc = kf_cli_flush();
    if (!rc && masked)
        kf_cli_note(c, "masked on a terminal; --reveal shows it, a pipe and a file get it whole");
    return rc;
}

/* The claims hold no token, so nothing is masked. */
static int claims(kf_cli *c, const wanted *w) {
    int rc = 0;
    if (strcmp(w->format, "json") != 0)
        return kf_cli_usage(c, "--what claims has the format json only");
    KF_AUTO(kf_json) r = ask_agent(c, "Claims", w, &rc);
    if (!r) return rc;
    KF_AUTO_CHARS raw = kf_json_print(kf_json_get(r, "claims"));
    KF_AUTO_CHARS text = kf_text_json(raw);
    kf_buf b;
    kf_buf_init(&b, KF_FORMAT_OUT_MAX);
    if (kf_buf_addf(&b, "%s\n", text)) rc = put_out(c, &b, w, false);
    kf_buf_done(&b);
    return rc;
}

/* With nothing in it: a mistake in it is told before a token is renewed for it. */
static bool format_ok(const wanted *w, bool key, kf_err *err) {
    KF_AUTO(kf_json) nothing = kf_json_obj();
    kf_facts f;
    kf_buf b;
    if (key) kf_json_set_str(nothing, "api_key", "");
    kf_buf_init(&b, KF_FORMAT_OUT_MAX);
    bool ok = kf_facts_from(&f, nothing, false, err) && kf_format(&b, &f, w->format, &w->opts, err);
    kf_buf_done(&b);
    return ok;
}

static int run(kf_cli *c, const wanted *w) {
    int rc = 0;
    kf_err e;
    bool key = !strcmp(w->what, "api-key"),
         mask = !w->reveal && !w->file && !w->clip && isatty(STDOUT_FILENO);
    if (!strcmp(w->what, "claims")) return claims(c, w);
    if (!key && strcmp(w->what, "access") != 0)
        return kf_cli_usage(c, "--what is access, claims or api-key, not %.40s", w->what);
    if (!format_ok(w, key, &e)) return kf_cli_usage(c, "%s", e.what);
    KF_AUTO(kf_json)
    r = key ? ask_agent(c, "GetApiKey", w, &rc)
            : kf_cli_token(c, w->profile, w->min_valid, false, false, &rc);
    if (!r) return rc;
    kf_facts f;
    kf_buf b;
    kf_buf_init(&b, KF_FORMAT_OUT_MAX);
    if (!kf_facts_from(&f, r, mask, &e) || !kf_format(&b, &f, w->format, &w->opts, &e))
        rc = kf_cli_fail(c, &e);
    else rc = put_out(c, &b, w, mask);
    if (!rc && !strcmp(w->format, "netrc") && b.len > KF_NETRC_LINE_MAX + 1)
        kf_cli_note(c,
                    "the line has %zu bytes: curl before 8.14, and git with it, read none over %d, "
                    "and then send no password. Use --format curl, or git-credential-keyfob",
                    b.len - 1, KF_NETRC_LINE_MAX);
    kf_buf_done(&b);
    return rc;
}

static int put_sealed(kf_cli *c, const kf_buf *b, void *user) {
    const wanted *w = user;
    return put_out(c, b, w, !w->reveal && !w->file && !w->clip && isatty(STDOUT_FILENO));
}

static int sealed(kf_cli *c, wanted *w, const kf_args *a) {
    kf_seal_wish s = {.profile = w->profile,
                      .min_valid = w->min_valid,
                      .cookie = a->opt[COOKIE],
                      .password_stdin = a->opt[PASSWORD_STDIN],
                      .hand_over = a->opt[HAND_OVER],
                      .yes = a->opt[YES],
                      .masked = !w->reveal && !w->file && !w->clip && isatty(STDOUT_FILENO)};
    return kf_cli_seal(c, &s, put_sealed, w);
}

/* Options that would do nothing: a person who gives one expects something. */
static const char *without_effect(const kf_cli *c, const kf_args *a, const wanted *w, bool seals) {
    if (w->file && w->clip) return "-o and --clip are two places; name one";
    if (c->json && a->opt[FORMAT] && strcmp(w->format, "json") != 0)
        return "--json and another --format are two forms; name one";
    if (w->file && !*w->file) return "-o needs the name of a file";
    if (w->force && !w->file) return "--force goes with -o FILE";
    if (w->clear_after && !w->clip) return "--clear-after goes with --clip";
    if ((w->opts.host || w->opts.login) && strcmp(w->format, "netrc") != 0)
        return "--host and --login go with --format netrc";
    if (!seals && (a->opt[COOKIE] || a->opt[HAND_OVER] || a->opt[PASSWORD_STDIN]))
        return "--cookie, --hand-over and --cookie-password-stdin go with --format wos-session";
    if (!a->opt[HAND_OVER] && a->opt[YES]) return "--yes goes with --hand-over";
    /* the clipboard is cleared, and a terminal may not take it: the session would be nowhere */
    if (a->opt[HAND_OVER] && w->clip)
        return "a session is handed over to a file (-o) or a pipe, not to the clipboard";
    return NULL;
}

int kf_cmd_export(kf_cli *c, const kf_args *a) {
    wanted w = {.profile = a->pos[0],
                .what = a->opt[WHAT] ? a->opt[WHAT] : "access",
                .min_valid = a->opt[MIN_VALID],
                .file = a->opt[OUTPUT],
                .force = a->opt[FORCE],
                .clip = a->opt[CLIP],
                .clear_after = a->opt[CLEAR],
                .reveal = a->opt[REVEAL],
                .opts = {.host = a->opt[HOST],
                         .login = a->opt[LOGIN],
                         .exec_info = getenv("KUBERNETES_EXEC_INFO")}};
    if (kf_str_eq(w.file, "-")) w.file = NULL; /* stdout, as everywhere */
    bool json = c->json || !strcmp(w.what, "claims");
    w.format = a->opt[FORMAT] ? a->opt[FORMAT] : json ? "json" : "header";
    bool seals = !strcmp(w.format, "wos-session") && !strcmp(w.what, "access");
    const char *why = without_effect(c, a, &w, seals);
    if (why) return kf_cli_usage(c, "%s", why);
    return seals ? sealed(c, &w, a) : run(c, &w);
}
int kf_cmd_header(kf_cli *c, const kf_args *a) {
    if (c->json)
        return kf_cli_usage(
            c, "header prints a header; --json goes with keyfob token or keyfob export");
    return run(c, &(wanted){.profile = a->pos[0],
                            .what = "access",
                            .format = "header",
                            .min_valid = a->opt[H_MIN_VALID],
                            .reveal = a->opt[H_REVEAL],
                            .opts = {.header = a->opt[H_NAME]}});
}
