/* kubeconfig: the user entry that makes kubectl ask keyfob for its token. It changes no file and
 * asks no agent. */
#include "ui/cli/cli.h"

#include "base/str.h"
#include "ui/cli/index.h"

enum { USER };

/* By the list that the agent wrote, so that none is started. */
static bool is_there(const char *profile, kf_err *err) {
    kf_profile_row *rows;
    size_t n;
    bool found = false;
    if (!kf_cli_index(&rows, &n, err)) return false;
    for (size_t i = 0; i < n; i++) found |= !strcmp(rows[i].name, profile);
    free(rows);
    return found || kf_fail(err, KF_ERR_USAGE_NO_PROFILE, "%.64s", profile);
}

/* Letters, digits and what names are made of: nothing that YAML could take for something else. */
static bool user_ok(const char *s) {
    size_t n = strlen(s);
    return n && n <= 128 && s[0] != '-' &&
           strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@/-") == n;
}

static kf_json *exec_section(const char *profile) {
    const char *const args[] = {"export", profile, "--format", "exec-credential"};
    kf_json *exec = kf_json_obj(), *list = kf_json_arr();
    for (size_t i = 0; i < KF_LEN(args); i++) kf_json_add(list, kf_json_new_str(args[i]));
    kf_json_set_str(exec, "apiVersion", "client.authentication.k8s.io/v1");
    kf_json_set_str(exec, "command", "keyfob");
    kf_json_set(exec, "args", list);
    kf_json_set_str(exec, "interactiveMode", "IfAvailable"); /* a locked vault asks */
    kf_json_set_bool(exec, "provideClusterInfo", false);
    return exec;
}

static int print_json(const char *user, const char *profile) {
    kf_json *j = kf_json_obj(), *inner = kf_json_obj();
    kf_json_set(inner, "exec", exec_section(profile));
    kf_json_set_str(j, "schema", "keyfob.kubeconfig/1");
    kf_json_set_str(j, "name", user);
    kf_json_set(j, "user", inner);
    return kf_cli_print(j);
}

/* An item of the list users; the quotes keep a name like "1e3" a text. */
static int print_yaml(const char *user, const char *profile) {
    printf("- name: \"%s\"\n"
           "  user:\n"
           "    exec:\n"
           "      apiVersion: client.authentication.k8s.io/v1\n"
           "      command: keyfob\n"
           "      args: [\"export\", \"%s\", \"--format\", \"exec-credential\"]\n"
           "      interactiveMode: IfAvailable\n"
           "      provideClusterInfo: false\n",
           user, profile);
    return kf_cli_flush();
}

int kf_cmd_kubeconfig(kf_cli *c, const kf_args *a) {
    kf_err e;
    const char *profile = kf_cli_profile(c, a->pos[0], NULL, &e);
    if (!profile || !is_there(profile, &e)) return kf_cli_fail(c, &e);
    const char *user = a->opt[USER] ? a->opt[USER] : profile;
    if (!user_ok(user)) return kf_cli_usage(c, "--user %.80s is no name for a user", user);
    return c->json ? print_json(user, profile) : print_yaml(user, profile);
}
