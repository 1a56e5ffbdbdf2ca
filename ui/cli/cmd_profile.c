/* `keyfob profile add`, `list`, `show`, `rm` and `default`. The agent makes the changes. */
#include "ui/cli/cli.h"

#include <unistd.h>
#include "base/str.h"
#include "ui/cli/index.h"
#include "ui/cli/profile_opts.h"
#include "ui/common/states.h"
#include "ui/common/text.h"
#include "ui/common/words.h"

enum { WAIT_MS = 60000 };

int kf_cli_print_profile(kf_cli *c, const kf_json *p, const char *done) {
    if (c->json) {
        kf_json *j = kf_json_obj();
        kf_json_set_str(j, "schema", "keyfob.profile/2");
        for (const kf_json *m = kf_json_first(p); m; m = kf_json_next(m)) {
            const char *key = kf_json_key(m);
            size_t n = strlen(key);
            bool time = n > 3 && !strcmp(key + n - 3, "_at");
            if (time) kf_cli_set_time(j, key, kf_json_int_or(p, key, 0));
            else kf_json_set(j, key, kf_json_copy(m));
        }
        return kf_cli_print(j);
    }
    KF_AUTO_CHARS host = kf_text_safe(kf_json_str(p, "api_host"));
    if (done)
        printf("%s %s: client %s at %s, %s\n", done, kf_json_str_or(p, "name", ""),
               kf_json_str_or(p, "client_id", ""), host,
               kf_json_bool(p, "confidential", false) ? "with an API key"
                                                      : "without an API key (public client)");
    return kf_cli_flush();
}

bool kf_cli_new_origin(const kf_cli *c, const char *option, char **norm, kf_err *err) {
    if (option) {
        if (!kf_origin_parse(option, norm, err)) return false;
    } else if (!kf_profile_env_origin(getenv("WORKOS_API_HOSTNAME"), getenv("WORKOS_API_HTTPS"),
                                      getenv("WORKOS_API_PORT"), norm, err))
        return false;
    if (!option && *norm)
        kf_cli_note(c, "the address is %s, from WORKOS_API_HOSTNAME, _HTTPS and _PORT", *norm);
    if (*norm && kf_str_starts(*norm, "http://"))
        kf_cli_note(c, "%s is not encrypted; that is allowed because it is this machine", *norm);
    return true;
}

int kf_cmd_profile_add(kf_cli *c, const kf_args *a) {
    kf_err e;
    const char *name = a->pos[0], *client = a->opt[KF_PF_client_id], *host = a->opt[KF_PF_api_host],
               *env = getenv("WORKOS_CLIENT_ID");
    if (!name) return kf_cli_usage(c, "a profile needs a name");
    c->profile_used = name;
    if (!kf_profile_name_ok(name))
        return kf_fail(&e, KF_ERR_USAGE_NAME, "'%.80s'", name), kf_cli_fail(c, &e);
    if (!client && env && *env)
        client = env, kf_cli_note(c, "the client ID is %s, from WORKOS_CLIENT_ID", env);
    if (!client || !kf_client_id_ok(client)) {
        kf_fail(&e, KF_ERR_USAGE_NO_CLIENT_ID,
                client ? "%.80s is no client ID" : "--client-id is missing", client);
        return kf_cli_fail(c, &e);
    }
    KF_AUTO_CHARS norm = NULL;
    if (!kf_cli_new_origin(c, host, &norm, &e)) return kf_cli_fail(c, &e);
    kf_json *p = kf_json_obj();
    if (!kf_profile_take(a, p, &e)) return kf_json_free(p), kf_cli_fail(c, &e);
    kf_json_set_str(p, "name", name);
    kf_json_set_str(p, "client_id", client);
    if (norm) kf_json_set_str(p, "api_host", norm);
    KF_AUTO(kf_json) r = kf_cli_call(c, "PutProfile", p, WAIT_MS, &e);
    if (!r && e.code == KF_ERR_USAGE_EXISTS)
        kf_hint(&e, "To change it: keyfob profile edit %s", name);
    return r ? kf_cli_print_profile(c, kf_json_get(r, "profile"), "Added") : kf_cli_fail(c, &e);
}

int kf_cmd_profile_list(kf_cli *c, const kf_args *a) {
    kf_err e;
    kf_profile_row *rows;
    size_t n;
    if (!kf_cli_index(&rows, &n, &e)) return kf_cli_fail(c, &e);
    if (c->json) {
        kf_json *j = kf_json_obj(), *list = kf_json_arr();
        kf_json_set_str(j, "schema", "keyfob.profiles/2");
        for (size_t i = 0; i < n; i++) {
            kf_json *one = kf_json_obj();
            kf_json_set_str(one, "id", rows[i].id);
            kf_json_set_str(one, "name", rows[i].name);
            kf_json_set_bool(one, "default", rows[i].is_default);
            kf_json_set_str(one, "state", rows[i].state);
            kf_json_set_str(one, "client_id", rows[i].client_id);
            kf_json_set_str(one, "organization_id", rows[i].organization_id);
            kf_json_set_str(one, "organization_name", rows[i].organization_name);
            kf_json_set_str(one, "environment", rows[i].environment);
            kf_json_set_str(one, "user_email", rows[i].email);
            kf_json_set_str(one, "user_name", rows[i].user_name);
            kf_json_set_str(one, "method", rows[i].method);
            kf_cli_set_time(one, "expires_at", rows[i].expires_at);
            kf_cli_set_time(one, "last_used_at", rows[i].last_used_at);
            kf_json_add(list, one);
        }
        kf_json_set(j, "items", list);
        free(rows);
        return kf_cli_print(j);
    }
    if (!n) kf_cli_note(c, "no profiles yet; keyfob profile add NAME --client-id ID makes one");
    for (size_t i = 0; i < n; i++) {
        KF_AUTO_CHARS state = kf_text_safe(kf_words_state(rows[i].state));
        printf("%c %-24s %-13s %s\n", rows[i].is_default ? '*' : ' ', rows[i].name, state,
               rows[i].client_id);
    }
    free(rows);
    return kf_cli_flush();
}

static void line(const char *label, const char *value) {
    KF_AUTO_CHARS safe = kf_text_safe(value);
    if (*safe) printf("%-14s %s\n", label, safe);
}

#define LABEL(field, label, more, form, option, arg, help) [KF_PF_##field] = label,
static const char *const labels[KF_PF_COUNT] = {KF_PROFILE_WORDS(LABEL)};

int kf_cmd_profile_show(kf_cli *c, const kf_args *a) {
    kf_err e;
    const char *name = kf_cli_profile(c, a->pos[0], NULL, &e);
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "profile", name);
    KF_AUTO(kf_json)
    r = name ? kf_cli_call(c, "GetProfile", p, WAIT_MS, &e) : (kf_json_free(p), NULL);
    if (!r) return kf_cli_fail(c, &e);
    const kf_json *o = kf_json_get(r, "profile");
    if (c->json) return kf_cli_print_profile(c, o, NULL);
    line("Name", kf_json_str(o, "name"));
    line("Id", kf_json_str(o, "id"));
    for (kf_pf f = 0; f < KF_PF_COUNT; f++) {
        KF_AUTO_CHARS v = kf_profile_field_read(f, o);
        const char *shown = v;
        if (f == KF_PF_api_key)
            shown = kf_json_bool(o, "confidential", false) ? "stored" : "none (public client)";
        if (f == KF_PF_redirect_port && kf_str_eq(v, "0")) shown = "any free one";
        line(labels[f], shown);
    }
    line("State", kf_words_state(kf_json_str(o, "state")));
    return kf_cli_flush();
}

/* With one left, that one is meant; with several, none is. */
static void note_no_default(kf_cli *c) {
    kf_err e;
    bool any = false;
    KF_AUTO(kf_json) all = kf_cli_call_all(c, "ListProfiles", NULL, "profiles", WAIT_MS, &e);
    for (const kf_json *p = kf_json_first(all); p; p = kf_json_next(p))
        any = any || kf_json_bool(p, "default", false);
    if (!any && kf_json_count(all) > 1)
        kf_cli_note(c, "no profile is the default now; keyfob profile default NAME makes one");
}

int kf_cmd_profile_rm(kf_cli *c, const kf_args *a) {
    kf_err e;
    if (!a->pos[0]) return kf_cli_usage(c, "which profile?");
    const char *name = kf_cli_profile(c, a->pos[0], NULL, &e);
    if (!name) return kf_cli_fail(c, &e);
    if (!a->opt[0]) {
        kf_json *which = kf_json_obj();
        kf_json_set_str(which, "profile", name);
        KF_AUTO(kf_json) there = kf_cli_call(c, "GetProfile", which, WAIT_MS, &e);
        if (!there) return kf_cli_fail(c, &e);
        if (!kf_can_ask(c)) {
            kf_fail(&e, KF_ERR_USAGE_NO_INPUT, "removing %s must be confirmed", name);
            kf_hint(&e, "Run: keyfob profile rm %s --yes", name);
            return kf_cli_fail(c, &e);
        }
        const char *state = kf_json_str_or(kf_json_get(there, "profile"), "state", "");
        bool session = !kf_state_is_over(kf_state_find(state));
        if (session)
            kf_cli_note(c,
                        "the session is forgotten here and lives on at WorkOS; to end it, too: "
                        "keyfob logout %s",
                        name);
        KF_AUTO_CHARS q = kf_strfmt("Remove %s with its stored session and API key?", name);
        if (!kf_ask_yes(q))
            return kf_fail(&e, KF_ERR_SYS_CANCELLED, "nothing was removed"), kf_cli_fail(c, &e);
    }
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "profile", name);
    KF_AUTO(kf_json) r = kf_cli_call(c, "RemoveProfile", p, WAIT_MS, &e);
    if (!r) return kf_cli_fail(c, &e);
    kf_cli_note_names(c, name);
    note_no_default(c);
    if (c->json) {
        kf_json *j = kf_json_obj();
        kf_json_set_str(j, "schema", "keyfob.removed/1");
        kf_json_set_str(j, "profile", name);
        return kf_cli_print(j);
    }
    printf("Removed %s\n", name);
    return kf_cli_flush();
}

int kf_cmd_profile_default(kf_cli *c, const kf_args *a) {
    kf_err e;
    if (!a->pos[0]) return kf_cli_usage(c, "which profile?");
    const char *name = kf_cli_profile(c, a->pos[0], NULL, &e);
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "profile", name);
    KF_AUTO(kf_json)
    now = name ? kf_cli_call(c, "GetProfile", p, WAIT_MS, &e) : (kf_json_free(p), NULL);
    if (!now) return kf_cli_fail(c, &e);
    const kf_json *o = kf_json_get(now, "profile");
    p = kf_json_obj();
    kf_json_set_str(p, "id", kf_json_str(o, "id"));
    kf_json_set_str(p, "name", kf_json_str(o, "name"));
    kf_json_set_bool(p, "make_default", true);
    KF_AUTO(kf_json) r = kf_cli_call(c, "PutProfile", p, WAIT_MS, &e);
    if (!r) return kf_cli_fail(c, &e);
    if (c->json) return kf_cli_print_profile(c, kf_json_get(r, "profile"), NULL);
    printf("%s is the default now\n", name);
    return kf_cli_flush();
}
