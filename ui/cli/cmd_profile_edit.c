/* profile edit, rename, copy. */
#include "ui/cli/cli.h"

#include "auth/profile.h"
#include "base/str.h"
#include "ui/cli/dir.h"
#include "ui/cli/profile_opts.h"

enum { WAIT_MS = 60000 };

/* The profile as the agent has it; NULL: err. */
static kf_json *now_is(kf_cli *c, const char *name, kf_err *err) {
    c->profile_used = name;
    if (!kf_profile_name_ok(name)) return kf_fail(err, KF_ERR_USAGE_NAME, "'%.80s'", name), NULL;
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "profile", name);
    KF_AUTO(kf_json) r = kf_cli_call(c, "GetProfile", p, WAIT_MS, err);
    return r ? kf_json_copy(kf_json_get(r, "profile")) : NULL;
}

static kf_json *put(kf_cli *c, kf_json *p, kf_err *err) {
    KF_AUTO(kf_json) r = kf_cli_call(c, "PutProfile", p, WAIT_MS, err);
    return r ? kf_json_copy(kf_json_get(r, "profile")) : NULL;
}

/* --- edit
 * ------------------------------------------------------------------------------------------ */

static bool take_key(kf_json *p, kf_err *err) {
    KF_AUTO(kf_secret) key = kf_read_stdin(512, err);
    if (key && !kf_secret_len(key))
        return kf_fail(err, KF_ERR_USAGE_BAD, "there is no API key on stdin");
    kf_json_set_secret(p, "api_key", key);
    return key != NULL;
}

#define OPTION(field, label, more, form, option, arg, help) [KF_PF_##field] = option,
static const char *const options[KF_PF_COUNT] = {KF_PROFILE_WORDS(OPTION)};

static bool take_field(const kf_args *a, kf_pf f, kf_json *p, kf_err *err) {
    const char *v = a->opt[f];
    if (f == KF_PF_organization_id && !v) v = a->opt[KF_PUT_ORG];
    if (f == KF_PF_git_host && a->opt[KF_PUT_NO_GIT_HOST]) v = "";
    else if (f == KF_PF_git_host && v && !v[strspn(v, "; ")])
        return kf_fail(err, KF_ERR_USAGE_BAD, "--git-host needs a host; --no-git-host removes all");
    if (!v || kf_profile_fields[f].kind == KF_PF_SECRET) return true;
    KF_AUTO_CHARS norm = NULL;
    if (kf_profile_field_check(f, v, &norm, err)) {
        kf_profile_field_write(f, p, norm);
        return true;
    }
    kf_err why = *err;
    size_t n = strlen(kf_profile_fields[f].name);
    if (strncmp(why.what, kf_profile_fields[f].name, n)) return false;
    return kf_fail(err, why.code, "--%s%s", options[f], why.what + n);
}

bool kf_profile_take(const kf_args *a, kf_json *p, kf_err *err) {
    if (a->opt[KF_PF_api_key] && a->opt[KF_PUT_NO_KEY])
        return kf_fail(err, KF_ERR_USAGE_BAD,
                       "--api-key-stdin and --no-api-key contradict each other");
    if (a->opt[KF_PF_git_host] && a->opt[KF_PUT_NO_GIT_HOST])
        return kf_fail(err, KF_ERR_USAGE_BAD, "--git-host and --no-git-host contradict each other");
    if (a->opt[KF_PF_client_id] && !*a->opt[KF_PF_client_id])
        return kf_fail(err, KF_ERR_USAGE_NO_CLIENT_ID, "--client-id is empty");
    for (kf_pf f = 0; f < KF_PF_COUNT; f++)
        if (!take_field(a, f, p, err)) return false;
    if (a->opt[KF_PUT_NO_KEY]) kf_json_set_bool(p, "no_api_key", true);
    if (a->opt[KF_PUT_DEFAULT]) kf_json_set_bool(p, "make_default", true);
    return !a->opt[KF_PF_api_key] || take_key(p, err);
}

static bool differs(const kf_json *p, const kf_json *old, const char *key) {
    const char *v = kf_json_str(p, key);
    return v && !kf_str_eq(v, kf_json_str(old, key));
}

static bool has_session(const kf_json *o) {
    return !kf_str_eq(kf_json_str(o, "state"), "signed_out");
}

/* Secrets go only where they came from: another client ID or address leaves them
 * behind. A person decides. */
static bool may_move(kf_cli *c, const kf_args *a, const kf_json *p, const kf_json *old,
                     kf_err *err) {
    bool moved = differs(p, old, "client_id") || differs(p, old, "api_host"),
         session = has_session(old);
    bool key = kf_json_bool(old, "confidential", false) && !a->opt[KF_PF_api_key] &&
               !a->opt[KF_PUT_NO_KEY];
    if (!moved || (!session && !key)) return true;
    const char *what = session && key ? "the session and the API key"
                       : session      ? "the session"
                                      : "the API key",
               *name = kf_json_str_or(old, "name", "");
    kf_cli_note(c,
                "%s of %s stay%s with %s at %s and go nowhere else: afterwards %s%s%s. Changing it "
                "back brings them back.",
                what, name, session && key ? "" : "s", kf_json_str_or(old, "client_id", ""),
                kf_json_str_or(old, "api_host", ""), session ? "sign in again" : "",
                session && key ? ", and " : "",
                key ? "give the API key of the new environment" : "");
    if (a->opt[KF_PUT_YES]) return true;
    if (kf_can_ask(c)) {
        KF_AUTO_CHARS q = kf_strfmt("Change %s all the same?", name);
        return kf_ask_yes(q) || kf_fail(err, KF_ERR_SYS_CANCELLED, "nothing was changed");
    }
    kf_fail(err, KF_ERR_USAGE_NO_INPUT, "%s of %s would be left behind", what, name);
    return kf_hint(err, "If that is what you want, add --yes");
}

int kf_cmd_profile_edit(kf_cli *c, const kf_args *a) {
    kf_err e;
    bool any = false;
    for (int i = 0; i < KF_PUT_YES; i++) any = any || a->opt[i];
    if (!a->pos[0]) return kf_cli_usage(c, "which profile?");
    if (!any) return kf_cli_usage(c, "what is to change? see keyfob profile edit --help");
    kf_json *p = kf_json_obj();
    KF_AUTO(kf_json) old = kf_profile_take(a, p, &e) ? now_is(c, a->pos[0], &e) : NULL;
    if (!old || !may_move(c, a, p, old, &e)) return kf_json_free(p), kf_cli_fail(c, &e);
    kf_json_set_str(p, "id", kf_json_str(old, "id"));
    kf_json_set_str(p, "name", kf_json_str(old, "name"));
    KF_AUTO(kf_json) now = put(c, p, &e);
    return now ? kf_cli_print_profile(c, now, "Changed") : kf_cli_fail(c, &e);
}

/* --- rename, copy
 * ---------------------------------------------------------------------------------- */

typedef struct naming {
    kf_cli *c;
    const char *name;
} naming;

static void note_file(void *user, const char *name, const char *path) {
    naming *n = user;
    if (!strcmp(name, n->name)) kf_cli_note(n->c, "%s still names %s", path, name);
}

void kf_cli_note_names(kf_cli *c, const char *name) {
    const char *env = getenv("KEYFOB_PROFILE");
    KF_AUTO_CHARS text = kf_dir_list(NULL);
    naming n = {c, name};
    if (kf_str_eq(env, name)) kf_cli_note(c, "KEYFOB_PROFILE still is %s", name);
    if (text && !kf_allowed_each(text, strlen(text), note_file, &n, NULL))
        return; /* allow and token say that it is damaged */
}

int kf_cmd_profile_rename(kf_cli *c, const kf_args *a) {
    kf_err e;
    if (!a->pos[1]) return kf_cli_usage(c, "which profile, and its new name?");
    if (!kf_profile_name_ok(a->pos[1]))
        return kf_fail(&e, KF_ERR_USAGE_NAME, "'%.80s'", a->pos[1]), kf_cli_fail(c, &e);
    KF_AUTO(kf_json) old = now_is(c, a->pos[0], &e);
    if (!old) return kf_cli_fail(c, &e);
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "id", kf_json_str(old, "id"));
    kf_json_set_str(p, "name", a->pos[1]);
    KF_AUTO(kf_json) now = put(c, p, &e);
    if (!now) return kf_cli_fail(c, &e);
    kf_cli_note_names(c, a->pos[0]);
    if (c->json) return kf_cli_print_profile(c, now, NULL);
    printf("Renamed %s to %s; its session and API key stay with it\n", a->pos[0], a->pos[1]);
    return kf_cli_flush();
}

int kf_cmd_profile_copy(kf_cli *c, const kf_args *a) {
    kf_err e;
    if (!a->pos[1]) return kf_cli_usage(c, "which profile, and the name of the copy?");
    if (!kf_profile_name_ok(a->pos[1]))
        return kf_fail(&e, KF_ERR_USAGE_NAME, "'%.80s'", a->pos[1]), kf_cli_fail(c, &e);
    KF_AUTO(kf_json) old = now_is(c, a->pos[0], &e);
    if (!old) return kf_cli_fail(c, &e);
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "name", a->pos[1]);
    for (kf_pf f = 0; f < KF_PF_COUNT; f++) {
        KF_AUTO_CHARS v = kf_profile_field_read(f, old);
        if (v && !(kf_profile_fields[f].flags & KF_PF_ALONE)) kf_profile_field_write(f, p, v);
    }
    kf_json_set_bool(p, "make_default", false);
    KF_AUTO(kf_json) now = put(c, p, &e);
    if (!now) return kf_cli_fail(c, &e);
    if (kf_json_bool(old, "confidential", false))
        kf_cli_note(
            c, "the API key was not copied; give it with: keyfob profile edit %s --api-key-stdin",
            a->pos[1]);
    kf_cli_note(c, "nobody is signed in there yet: keyfob login %s", a->pos[1]);
    return kf_cli_print_profile(c, now, "Added");
}
