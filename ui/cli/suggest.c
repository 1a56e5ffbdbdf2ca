/* What a person may have meant who typed a command that does not exist: its other name elsewhere,
 * or one that is spelled almost like it. */
#include "ui/cli/cli.h"

#include "base/buf.h"
#include "base/str.h"

/* Names that other tools have for it. second is behind a word that begins our commands. */
static const struct {
    const char *word, *command;
} synonyms[] = {{"list", "profile list"},
                {"ls", "profile list"},
                {"profiles", "profile list"},
                {"delete", "profile rm"},
                {"remove", "profile rm"},
                {"rm", "profile rm"},
                {"add", "profile add"},
                {"create", "profile add"},
                {"new", "profile add"},
                {"init", "profile add"},
                {"show", "profile show"},
                {"edit", "profile edit"},
                {"rename", "profile rename"},
                {"mv", "profile rename"},
                {"use", "profile default"},
                {"select", "profile default"},
                {"default", "profile default"},
                {"import", "profile import"},
                {"auth", "login"},
                {"signin", "login"},
                {"sign-in", "login"},
                {"authenticate", "login"},
                {"signout", "logout"},
                {"sign-out", "logout"},
                {"revoke", "logout"},
                {"refresh", "renew"},
                {"rotate", "renew"},
                {"switch", "switch-org"},
                {"orgs", "org list"},
                {"organizations", "org list"},
                {"sessions", "session list"},
                {"factors", "factor list"},
                {"mfa", "factor list"},
                {"get", "token"},
                {"print", "token"},
                {"env", "export"},
                {"run", "exec"},
                {"shell", "exec"},
                {"user", "whoami"},
                {"me", "whoami"},
                {"info", "status"},
                {"logs", "log"},
                {"start", "agent start"},
                {"stop", "agent stop"},
                {"restart", "agent restart"},
                {"settings", "config list"},
                {"set", "config set"},
                {"check", "doctor"},
                {"tui", "ui"},
                {"sandbox", "--sandbox"}};
static const struct {
    const char *word, *second;
} second_synonyms[] = {{"delete", "rm"},      {"remove", "rm"},    {"ls", "list"},
                       {"create", "add"},     {"new", "add"},      {"mv", "rename"},
                       {"cp", "copy"},        {"use", "default"},  {"switch", "default"},
                       {"select", "default"}, {"info", "show"},    {"get", "show"},
                       {"reload", "restart"}, {"kill", "stop"},    {"end", "revoke"},
                       {"add", "enroll"},     {"delete", "revoke"}};

static size_t distance(const char *a, const char *b) { /* Levenshtein, for short words */
    size_t n = strlen(b), row[64];
    if (n >= KF_LEN(row) || strlen(a) >= KF_LEN(row)) return 99;
    for (size_t j = 0; j <= n; j++) row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diag = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t sub = diag + (a[i - 1] != b[j - 1]),
                   best = row[j] + 1 < row[j - 1] + 1 ? row[j] + 1 : row[j - 1] + 1;
            diag = row[j];
            row[j] = sub < best ? sub : best;
        }
    }
    return row[n];
}

/* How many letters may be wrong before the word is another one; two that changed places are two. */
static size_t typos(const char *word) {
    size_t n = strlen(word);
    return n < 3 ? 0 : n < 4 ? 1 : n < 9 ? 2 : 3;
}

static bool has_command(const char *name) {
    size_t n;
    const kf_command *all = kf_commands(&n);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(all[i].name, name)) return true;
    return false;
}

/* Our word for second behind word; heap, NULL: none is known. */
static char *second_for(const char *word, const char *second) {
    for (size_t i = 0; i < KF_LEN(second_synonyms); i++) {
        if (strcmp(second_synonyms[i].word, second)) continue;
        char *name = kf_strfmt("%s %s", word, second_synonyms[i].second);
        if (has_command(name)) return name;
        free(name);
    }
    return NULL;
}

/* A word that begins commands, and no second one that is theirs. */
static int half(kf_cli *c, const char *word, const char *second) {
    if (kf_str_eq(second, "--help") || kf_str_eq(second, "-h"))
        return kf_group_help(word), kf_cli_flush();
    if (!second || *second == '-')
        return kf_cli_usage(c, "%s needs one more word; keyfob help %s lists them", word, word);
    KF_AUTO_CHARS known = second_for(word, second);
    if (known)
        return kf_cli_usage(c, "there is no command %s %s; did you mean: keyfob %s", word, second,
                            known);
    size_t n, best = 99, k = 0, len = strlen(word);
    const kf_command *all = kf_commands(&n);
    kf_buf names;
    kf_buf_init(&names, 1024);
    for (size_t i = 0; i < n; i++) {
        if (strncmp(all[i].name, word, len) || all[i].name[len] != ' ') continue;
        size_t d = distance(second, all[i].name + len + 1);
        if (d < best) best = d, k = i;
        kf_buf_addf(&names, "%s%s", names.len ? ", " : "", all[i].name + len + 1);
    }
    int rc =
        best <= typos(second)
            ? kf_cli_usage(c, "there is no command %s %s; did you mean: keyfob %s", word, second,
                           all[k].name)
            : kf_cli_usage(c, "there is no command %s %s; there are %s", word, second, names.data);
    kf_buf_done(&names);
    return rc;
}

int kf_cli_unknown(kf_cli *c, const char *word, const char *second) {
    size_t n, best = 99, k = 0, len = strlen(word);
    const kf_command *all = kf_commands(&n);
    for (size_t i = 0; i < n; i++)
        if (!strncmp(all[i].name, word, len) && all[i].name[len] == ' ')
            return half(c, word, second);
    for (size_t i = 0; i < KF_LEN(synonyms); i++)
        if (!strcmp(synonyms[i].word, word))
            return kf_cli_usage(c, "there is no command %s; did you mean: keyfob %s", word,
                                synonyms[i].command);
    KF_AUTO_CHARS both = kf_strfmt("%s %s", word, second ? second : "");
    for (size_t i = 0; i < n; i++) {
        KF_AUTO_CHARS first = kf_strdup(all[i].name);
        first[strcspn(first, " ")] = 0;
        size_t d = distance(word, first), d2 = distance(both, all[i].name);
        d = d2 < d ? d2 : d;
        if (d < best) best = d, k = i;
    }
    if (best <= typos(word))
        return kf_cli_usage(c, "there is no command %s; did you mean: keyfob %s", word,
                            all[k].name);
    return kf_cli_usage(c, "there is no command %s; keyfob --help lists them", word);
}
