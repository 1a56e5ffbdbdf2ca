/* Help and man pages, all from the table of commands. */
#include "ui/cli/cli.h"

#include <ctype.h>
#include "base/str.h"

#define KF_MAN_DATE "2026-11-23"

enum { COLS = 80, OPTION_COLS = 29, GROUP_COLS = 30 };

/* text behind what is already on the line (col columns of it); its further lines begin at indent.
 */
static void wrap(const char *text, int col, int indent) {
    for (bool first = true; *text; first = false) {
        int n = (int)strcspn(text, " \n");
        if (!first && col + 1 + n > COLS) printf("\n%*s", indent, ""), col = indent, first = true;
        printf("%s%.*s", first ? "" : " ", n, text);
        col += n + !first;
        text += n;
        text += strspn(text, " \n");
    }
    printf("\n");
}

const char *kf_opt_help(const kf_opt *o) { return o->help + (o->help[0] == '+'); }

static void option_line(const kf_opt *o) {
    KF_AUTO_CHARS name =
        kf_strfmt("%s%c%s--%s%s%s", o->letter ? "-" : " ", o->letter ? o->letter : ' ',
                  o->letter ? ", " : "  ", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
    wrap(kf_opt_help(o), printf("  %-26s ", name), OPTION_COLS);
}

void kf_command_help(const kf_command *c, bool rare) {
    printf("usage: keyfob %s %s\n\n%c%s.\n", c->name, c->args, c->help[0] - 'a' + 'A', c->help + 1);
    if (*c->text) printf("\n"), wrap(c->text, 0, 0);
    if (c->opts[0].name) printf("\nOptions\n");
    bool left_out = false;
    for (const kf_opt *o = c->opts; o->name; o++) {
        if (o->help[0] == '+' && !rare) left_out = true;
        else option_line(o);
    }
    if (left_out) printf("  and more: keyfob help %s\n", c->name);
    printf("\nExamples\n%s\nGlobal options: -p NAME, --json, -q, -v, --no-input, --sandbox (keyfob "
           "--help)\n",
           c->examples);
}

bool kf_command_first(const kf_command *all, size_t i) {
    size_t len = strcspn(all[i].name, " ");
    for (size_t k = 0; k < i; k++)
        if (strcspn(all[k].name, " ") == len && !strncmp(all[k].name, all[i].name, len))
            return false;
    return true;
}

/* "profile" and behind it its commands: a line for all of them. */
static void group_line(const kf_command *all, size_t n, size_t first) {
    size_t len = strcspn(all[first].name, " ");
    char name[24];
    snprintf(name, sizeof name, "%.*s ...", (int)len, all[first].name);
    printf("  %-16s", name);
    for (size_t i = 0; i < n; i++)
        if (!strncmp(all[i].name, all[first].name, len + 1)) printf(" %s", all[i].name + len + 1);
    printf("\n");
}

void kf_command_list(void) {
    size_t n;
    const kf_command *all = kf_commands(&n);
    for (size_t i = 0; i < n; i++) {
        if (!strchr(all[i].name, ' ')) printf("  %-16s %s\n", all[i].name, all[i].help);
        else if (kf_command_first(all, i)) group_line(all, n, i);
    }
}

bool kf_group_help(const char *word) {
    size_t n, len = strlen(word), many = 0;
    const kf_command *all = kf_commands(&n);
    for (size_t i = 0; i < n; i++) {
        if (!kf_str_starts(all[i].name, word) || all[i].name[len] != ' ') continue;
        if (!many++) printf("usage: keyfob %s COMMAND ...\n\n", word);
        wrap(all[i].help, printf("  keyfob %-20s ", all[i].name), GROUP_COLS);
    }
    if (many) printf("\nkeyfob %s COMMAND --help says more.\n", word);
    return many;
}

/* The first words of all commands; the test sees to it that none is left out. */
static const char *const groups[][2] = {
    {"Tokens", "token exec export header serve git-credential kubeconfig"},
    {"Signing in", "login logout renew switch-org lock unlock"},
    {"Who", "status whoami claims org session factor"},
    {"Profiles", "profile allow"},
    {"Settings", "config store vault agent paths"},
    {"More", "doctor log help version completion ui"}};

void kf_help(void) {
    printf("usage: keyfob [OPTION...] COMMAND [PROFILE] [OPTION...]\n"
           "Sign in to WorkOS once, and every tool gets a fresh token.\n\n"
           "  keyfob                                   the screen\n"
           "  keyfob --sandbox                         try it without an account\n"
           "  curl -H \"Authorization: Bearer $(keyfob token acme)\" ...\n\n");
    for (size_t i = 0; i < KF_LEN(groups); i++) printf("  %-12s %s\n", groups[i][0], groups[i][1]);
    printf("\n");
    for (const kf_opt *o = kf_global_opts(); o->name; o++)
        if (*o->help != '+' && strcmp(o->name, "help") && strcmp(o->name, "version") &&
            strcmp(o->name, "quiet"))
            option_line(o);
    printf("\nkeyfob help commands has a line for each, keyfob help COMMAND says more.\n"
           "Also: --read-only, --timeout D, --color WHEN.\n");
}

/* --- man
 * ------------------------------------------------------------------------------------------- */

static void roff(const char *s) {
    bool begins = true;
    for (; *s; begins = *s++ == '\n') {
        if (*s == '\\') printf("\\\\");
        else if (*s == '-') printf("\\-");
        else if ((*s == '.' || *s == '\'') && begins) printf("\\&%c", *s);
        else putchar(*s);
    }
}

static void man_options(const kf_opt *o) {
    for (; o->name; o++) {
        printf(".TP\n.B ");
        if (o->letter) printf("\\-%c, ", o->letter);
        printf("\\-\\-");
        roff(o->name);
        if (o->arg) printf(" \\fI%s\\fR", o->arg);
        printf("\n");
        roff(kf_opt_help(o));
        printf("\n");
    }
}

/* .TH, in capitals as man pages have it, and the head of NAME. */
static void title(const char *first, const char *rest, int number) {
    KF_AUTO_CHARS all = kf_strfmt("%s%s", first, rest);
    for (char *p = all; *p; p++) *p = *p == ' ' ? '-' : (char)toupper((unsigned char)*p);
    printf(".TH %s %d " KF_MAN_DATE " \"keyfob %s\"\n.SH NAME\n", all, number, KF_VERSION);
}

static void section(const char *head, const char *topic) {
    printf(".SH %s\n.nf\n", head);
    kf_topic(topic, roff);
    printf(".fi\n");
}

static void text(const char *s) { fputs(s, stdout); }
static void nothing(const char *s) { (void)s; }

static void see_also(void) {
    printf(".SH SEE ALSO\n.BR keyfob (1),\n.BR keyfob.conf (5),\n.BR keyfob\\-keys (7),\n.BR "
           "keyfob\\-security (7),\n.BR keyfobd (8)\n");
}

/* dirs: the .keyfob file of the working directory counts; only: what no other command has, or NULL.
 */
static void files(bool dirs, const char *only) {
    printf(".SH FILES\n.nf\n");
    if (dirs)
        roff(
            ".keyfob                               names the profile of a directory, once allowed\n"
            "$XDG_STATE_HOME/keyfob/allowed        the directories whose .keyfob counts\n");
    if (only) roff(only);
    roff("$XDG_CONFIG_HOME/keyfob/keyfob.conf   settings, no secrets\n"
         "$XDG_STATE_HOME/keyfob/               ledger, log, list of profiles\n"
         "$XDG_DATA_HOME/keyfob/vault/          the vault, where it is the store\n"
         "$XDG_RUNTIME_DIR/keyfob/agent.sock    the agent's socket\n");
    printf(".fi\n");
}

/* Files of one command alone. */
static const char *files_of(const char *command) {
    static const char *const rows[][2] = {
        {"exec", "$XDG_RUNTIME_DIR/keyfob/              with --refresh: the token's file, while "
                 "CMD runs\n"},
        {"log",
         "$XDG_STATE_HOME/keyfob/keyfobd.log    the agent's log, and keyfobd.log.1 before it\n"},
    };
    for (size_t i = 0; i < KF_LEN(rows); i++)
        if (!strcmp(rows[i][0], command)) return rows[i][1];
    return NULL;
}

/* What has an end of its own: the screen is the only program that a topic is about. */
static void topic_sections(const char *name) {
    if (!strcmp(name, "keys"))
        printf(".SH EXIT STATUS\nOf the screen: 0 after q and Q; 2 without a terminal that can "
               "show it; 130 after Ctrl\\-C; 129 and 143 when it was hung up or terminated.\n");
    else if (strcmp(name, "exit-codes")) section("EXIT STATUS", "exit-codes");
    if (strcmp(name, "environment")) section("ENVIRONMENT", "environment");
    files(false, NULL);
    see_also();
}

int kf_topic_show(const char *name, bool as_man) {
    if (!as_man) return kf_topic(name, text) ? kf_cli_flush() : -1;
    if (!kf_topic(name, nothing)) return -1;
    title("keyfob-", name, 7);
    printf("keyfob\\-%s \\- %s%s\n.SH DESCRIPTION\n.nf\n", name,
           strcmp(name, "keys") ? "keyfob help " : "the keys of its screen",
           strcmp(name, "keys") ? name : "");
    (void)kf_topic(name, roff);
    printf(".fi\n");
    topic_sections(name);
    return kf_cli_flush();
}

int kf_command_man(const kf_command *c) {
    size_t n;
    const kf_command *all = kf_commands(&n);
    KF_AUTO_CHARS name = kf_strfmt(c ? "keyfob-%s" : "keyfob%s", c ? c->name : "");
    for (char *p = name; *p; p++)
        if (*p == ' ') *p = '-';
    title(name, "", 1);
    roff(name);
    printf(" \\- ");
    roff(c ? c->help : "a credential manager for WorkOS in the terminal");
    printf("\n.SH SYNOPSIS\n.B keyfob\n");
    if (c) printf("%s%s", c->name, *c->args ? " " : ""), roff(c->args), printf("\n");
    else printf("[\\fIOPTION\\fR...] [\\fICOMMAND\\fR [\\fIPROFILE\\fR] [\\fIOPTION\\fR...]]\n");
    printf(".SH DESCRIPTION\n");
    if (c)
        printf("%c", c->help[0] - 'a' + 'A'), roff(c->help + 1), printf(".\n"), roff(c->text),
            printf("\n");
    else {
        printf("keyfob signs in to WorkOS, and an agent keeps the session alive: refresh tokens in "
               "the keyring, access tokens renewed when they "
               "are used. Without a command it opens the screen.\n.SH COMMANDS\n");
        for (size_t i = 0; i < n; i++)
            printf(".TP\n.B %s\n", all[i].name), roff(all[i].help), printf("\n");
    }
    printf(".SH OPTIONS\n");
    if (c) man_options(c->opts);
    man_options(kf_global_opts());
    section("EXIT STATUS", "exit-codes");
    if (!c) section("FORMATS OF EXPORTS", "formats");
    section("ENVIRONMENT", "environment");
    files(!c || strstr(c->args, "[PROFILE") || !strcmp(c->name, "allow"),
          c ? files_of(c->name) : NULL);
    if (c && *c->examples) printf(".SH EXAMPLES\n.nf\n"), roff(c->examples), printf(".fi\n");
    see_also();
    return kf_cli_flush();
}
