/* keyfob: finds the command, parses its options by the table, runs it. */
#include "ui/cli/cli.h"

#include <signal.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/str.h"
#include "guard/process.h"
#include "wire/socket.h"

static bool sandbox_wanted;

static void set_global(kf_cli *c, const kf_opt *o, const char *value, const char **want) {
    if (!strcmp(o->name, "profile")) c->profile = value;
    else if (!strcmp(o->name, "json")) c->json = true;
    else if (!strcmp(o->name, "quiet")) c->quiet = true;
    else if (!strcmp(o->name, "verbose")) c->verbose++;
    else if (!strcmp(o->name, "no-input")) c->no_input = true;
    else if (!strcmp(o->name, "read-only"))
        setenv("KEYFOB_READ_ONLY", "1", 1); /* the screen and exec's CMD have it, too */
    else if (!strcmp(o->name, "color")) c->color = value;
    else if (!strcmp(o->name, "timeout")) c->timeout = value;
    else if (!strcmp(o->name, "sandbox")) sandbox_wanted = true;
    else *want = o->name; /* help, version */
}

/* An address or an ID that was copied, or read from a file whose lines end with CR LF. */
static const char *without_blanks(const kf_opt *o, char *value) {
    static const char *const copied[] = {"email",      "organization", "org",         "client-id",
                                         "api-host",   "git-host",     "domain-hint", "connection",
                                         "login-hint", "host"};
    const char *from = value;
    for (size_t i = 0; i < KF_LEN(copied); i++) {
        if (strcmp(copied[i], o->name)) continue;
        size_t n = kf_trim(&from, strlen(value));
        value[from - value + (ptrdiff_t)n] = 0;
        return from;
    }
    return value;
}

/* The same for what a .env file with such lines leaves in the environment. */
static void clean_environment(void) {
    static const char *const copied[] = {"WORKOS_CLIENT_ID",    "WORKOS_API_KEY",
                                         "WORKOS_API_HOSTNAME", "WORKOS_API_HTTPS",
                                         "WORKOS_API_PORT",     "KEYFOB_PROFILE"};
    for (size_t i = 0; i < KF_LEN(copied); i++) {
        const char *v = getenv(copied[i]);
        size_t was = v ? strlen(v) : 0, n = was ? kf_trim(&v, was) : 0;
        if (n == was) continue;
        KF_AUTO_CHARS text = kf_strfmt("%.*s", (int)n, v);
        setenv(copied[i], text, 1);
    }
}

/* One argument that begins with a dash. Returns 0, or the exit status of a mistake. */
static int option(kf_cli *c, int argc, char **argv, int *i, kf_args *a, const char **want) {
    static const kf_opt none[1];
    char *arg = argv[*i], *eq = strchr(arg, '='), *given = NULL;
    bool is_long = arg[1] == '-';
    size_t len = is_long ? (eq ? (size_t)(eq - arg) : strlen(arg)) - 2 : 0;
    int index = 0;
    const kf_opt *own = kf_opt_find(c->command ? c->command->opts : none, arg + 2, len,
                                    is_long ? 0 : arg[1], &index);
    const kf_opt *o =
        own ? own : kf_opt_find(kf_global_opts(), arg + 2, len, is_long ? 0 : arg[1], &(int){0});
    if (!o || (!is_long && arg[2])) return kf_cli_usage(c, "there is no option %s here", arg);
    if (o->arg && is_long && eq) given = eq + 1;
    else if (o->arg && *i + 1 < argc) given = argv[++*i];
    else if (o->arg) return kf_cli_usage(c, "--%s needs %s", o->name, o->arg);
    else if (is_long && eq) return kf_cli_usage(c, "--%s takes no value", o->name);
    const char *value = given ? without_blanks(o, given) : "";
    size_t n = o->arg ? strlen(o->arg) : 0;
    bool again = own && n > 3 && !strcmp(o->arg + n - 3, "...") && a->opt[index];
    if (again) {
        static char *joined[KF_OPTS_MAX]; /* lives as long as argv */
        char *was = joined[index];
        a->opt[index] = joined[index] = kf_strfmt("%s;%s", a->opt[index], value);
        free(was);
    } else if (own) a->opt[index] = value;
    else set_global(c, o, value, want);
    return 0;
}

static int parse(kf_cli *c, int argc, char **argv, kf_args *a, const char **want) {
    c->wraps = c->command->run == kf_cmd_exec;
    for (int i = 0; i < argc && c->command->run == kf_cmd_serve; i++)
        c->wraps |= !strcmp(argv[i], "--");
    for (int i = 0; i < argc; i++) {
        if (!strcmp(argv[i], "--")) {
            if (!c->command->rest)
                return kf_cli_usage(c, "%s takes nothing behind --", c->command->name);
            a->rest = argv + i + 1;
            return 0;
        }
        if (argv[i][0] == '-' && argv[i][1]) {
            int rc = option(c, argc, argv, &i, a, want);
            if (rc) return rc;
        } else if (a->n_pos == c->command->max_pos)
            return kf_cli_usage(c, "%s is one argument too many", argv[i]);
        else a->pos[a->n_pos++] = argv[i];
    }
    return 0;
}

/* Every program that keyfob starts, and the QR code here, look at NO_COLOR. */
static int set_color(kf_cli *c) {
    if (kf_str_eq(c->color, "never")) setenv("NO_COLOR", "1", 1);
    else if (kf_str_eq(c->color, "always")) unsetenv("NO_COLOR");
    else if (!kf_str_eq(c->color, "auto"))
        return kf_cli_usage(c, "--color is auto, always or never");
    return 0;
}

static int run(kf_cli *c, const kf_args *a, const char *want) {
    int64_t limit = 0;
    if (c->color && set_color(c)) return 2;
    if (c->timeout && (!kf_duration_parse(c->timeout, &limit) || limit <= 0))
        return kf_cli_usage(c, "--timeout needs a duration like 10s");
    if (limit) kf_client_limit(limit);
    if (kf_str_eq(want, "version")) return kf_cmd_version(c, a);
    if (kf_str_eq(want, "help")) {
        if (c->command) kf_command_help(c->command, false);
        else kf_help();
        return kf_cli_flush();
    }
    bool screen = !c->command || c->command->run == kf_cmd_ui;
    bool local =
        !screen && (c->command->run == kf_cmd_help || c->command->run == kf_cmd_completion ||
                    c->command->run == kf_cmd_version);
    if (screen && !(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))) {
        if (c->command)
            return kf_cli_usage(c, "keyfob's screen needs a terminal; try: keyfob status --json");
        kf_help();
        kf_cli_flush();
        return 2;
    }
    kf_err e;
    c->sandbox = sandbox_wanted;
    if (!local && !(sandbox_wanted ? kf_sandbox_enter(c, screen, &e) : kf_paths_settle(&e)))
        return kf_cli_fail(c, &e);
    return screen ? kf_cmd_ui(c, a) : c->command->run(c, a);
}

/* git finds its helpers by name: git-credential-keyfob is a link to keyfob. */
static const char *name_of(const char *argv0) {
    const char *slash = argv0 ? strrchr(argv0, '/') : NULL;
    return slash ? slash + 1 : argv0 ? argv0 : "";
}

int main(int argc, char **argv) {
    kf_cli c = {0};
    kf_args a = {0};
    const char *want = NULL;
    kf_process_close();
    kf_socket_keep_streams();
    signal(SIGPIPE, SIG_DFL); /* a closed pipe ends us quietly with 141 */
    clean_environment();
    /* a mistake may stand in front of it, and a program reads JSON either way */
    for (int k = 1; k < argc && strcmp(argv[k], "--") != 0; k++)
        c.json |= !strcmp(argv[k], "--json");
    int i = 1, rc = 0, used = 0;
    char *as_git[] = {argc > 0 ? argv[0] : "", "git-credential", argc > 1 ? argv[1] : NULL, NULL};
    if (!strcmp(name_of(argv[0]), "git-credential-keyfob")) argc = argc > 1 ? 3 : 2, argv = as_git;
    for (; !rc && i < argc && argv[i][0] == '-'; i++) rc = option(&c, argc, argv, &i, &a, &want);
    if (!rc && i < argc) {
        c.command = kf_command_find(argc - i, argv + i, &used);
        if (!c.command) return kf_cli_unknown(&c, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
        rc = parse(&c, argc - i - used, argv + i + used, &a, &want);
    }
    if (!rc) rc = run(&c, &a, want);
    kf_client_close(c.client);
    kf_json_free(c.choices);
    return rc;
}
