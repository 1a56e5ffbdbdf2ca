/* Completion. The scripts only carry words to `keyfob completion words` and lines back, so that
 * every shell completes the same, from the table of commands and the agent's list of profiles. */
#include "ui/cli/cli.h"

#include "base/str.h"
#include "ui/cli/index.h"
#include "ui/common/words.h"
#include "ui/common/formats.h"

/* What a placeholder of the table stands for; any other stands for something that only its user
 * knows. */
static const char *const meanings[][2] = {
    {"FORMAT", KF_FORMAT_WORDS},
    {"METHOD", "password magic browser device sso token"},
    {"WHAT", "access claims api-key"},
    {"SOURCE", "workos workos-go env"},
    {"STORE", "vault secret-service"},
    {"PROVIDER", "authkit GoogleOAuth MicrosoftOAuth GitHubOAuth AppleOAuth"},
    {"WHEN", "auto always never"},
    {"HINT", "sign-in sign-up"},
    {"KEY", "default store keepalive proxy ca_file on_sign_in_needed"},
    {"FILE", ":files"},
    {"PATH", ":files"},
    {"DIR", ":dirs"}};

/* What `config set KEY` takes, where there is something to choose. */
static const char *const values[][2] = {{"store", "auto secret-service vault memory"},
                                        {"keepalive", "never 12h"},
                                        {"ca_file", ":files"}};

typedef struct place {  /* of the word that is asked for */
    const char *cur;    /* what is there of it */
    const char *before; /* what belongs to the word in front of cur: "--format=" */
    const char *last;   /* the argument in front of it; NULL: it is the first */
    const kf_command *command;
    int argc, used; /* words in front of it; those that are the command */
    char **argv;
} place;

static void say(const place *p, const char *word, size_t len, const char *about) {
    if (!strncmp(word, p->cur, strlen(p->cur)) || (*word == ':' && !*p->before))
        printf("%s%.*s\t%s\n", p->before, (int)len, word, about);
}

static void say_words(const place *p, const char *list) {
    for (size_t len; *(list += strspn(list, " |")); list += len) {
        len = strcspn(list, " |");
        KF_AUTO_CHARS word = kf_strfmt("%.*s", (int)len, list);
        say(p, word, len, "");
    }
}

static void say_profiles(const place *p) {
    kf_profile_row *rows = NULL;
    size_t n = 0;
    if (!kf_cli_index(&rows, &n, NULL)) return;
    for (size_t i = 0; i < n; i++) {
        const char *about = kf_words_state(rows[i].state);
        say(p, rows[i].name, strlen(rows[i].name), about);
    }
    free(rows);
}

static void say_command_words(const place *p, const char *first) {
    size_t n, len = first ? strlen(first) : 0;
    const kf_command *all = kf_commands(&n);
    for (size_t i = 0; i < n; i++) {
        const char *name = all[i].name, *space = strchr(name, ' ');
        if (first && (strncmp(name, first, len) || name[len] != ' ')) continue;
        if (first) say(p, space + 1, strlen(space + 1), all[i].help);
        else if (kf_command_first(all, i))
            say(p, name, strcspn(name, " "), space ? "..." : all[i].help);
    }
}

/* of: a placeholder, len bytes, "..." perhaps behind it. */
static void say_meaning(const place *p, const char *of, size_t len) {
    while (len && of[len - 1] == '.') len--;
    KF_AUTO_CHARS name = kf_strfmt("%.*s", (int)len, of);
    if (kf_str_eq(name, "PROFILE")) say_profiles(p);
    if (kf_str_eq(name, "TOPIC") && p->last)
        say_command_words(p, p->last); /* help profile: its other halves */
    if (kf_str_eq(name, "VALUE") && kf_str_eq(p->last, "default")) say_profiles(p);
    for (size_t i = 0; i < KF_LEN(values) && kf_str_eq(name, "VALUE"); i++)
        if (kf_str_eq(p->last, values[i][0])) say_words(p, values[i][1]);
    if (kf_str_eq(name, "COMMAND")) say_command_words(p, NULL), say_words(p, KF_TOPIC_NAMES);
    for (size_t i = 0; i < KF_LEN(meanings); i++)
        if (!strcmp(meanings[i][0], name)) say_words(p, meanings[i][1]);
    if (*name >= 'a' && *name <= 'z') say_words(p, name); /* "bash|zsh|fish" */
}

static void say_options(const place *p) {
    static const kf_opt none[1];
    const kf_opt *of[] = {p->command ? p->command->opts : none, kf_global_opts()};
    for (size_t k = 0; k < KF_LEN(of); k++)
        for (const kf_opt *o = of[k]; o->name; o++) {
            KF_AUTO_CHARS word = kf_strfmt("--%s", o->name);
            say(p, word, strlen(word), kf_opt_help(o));
        }
}

/* The option of a word, if it wants a value: "--format", "-p". value: behind its "=", or NULL. */
static const kf_opt *wants_value(const place *p, const char *word, const char **value) {
    static const kf_opt none[1];
    int at;
    bool is_long = word[0] == '-' && word[1] == '-';
    if (word[0] != '-' || (!is_long && (!word[1] || word[2]))) return NULL;
    const char *eq = strchr(word, '=');
    size_t len = is_long ? (eq ? (size_t)(eq - word) : strlen(word)) - 2 : 0;
    *value = is_long && eq ? eq + 1 : NULL;
    const kf_opt *o = kf_opt_find(p->command ? p->command->opts : none, word + 2, len,
                                  is_long ? 0 : word[1], &at);
    if (!o) o = kf_opt_find(kf_global_opts(), word + 2, len, is_long ? 0 : word[1], &at);
    return o && o->arg ? o : NULL;
}

/* The placeholder of argument number k in "[PROFILE] FACTOR"; what an option takes is not an
 * argument. */
static const char *argument(const char *args, int k, size_t *len) {
    const char *last = NULL;
    size_t last_len = 0;
    bool of_option = false;
    for (; *args; args += strspn(args, " ]")) {
        args += strspn(args, " [");
        size_t n = strcspn(args, " ]");
        bool option = *args == '-' || !strncmp(args, "OPTION", 6);
        if (n && !option && !of_option && *args != '|') {
            last = args, last_len = n;
            if (!k--) break;
        }
        of_option = *args == '-';
        args += n;
    }
    bool again = last && k >= 0 && last_len > 3 && !strncmp(last + last_len - 3, "...", 3);
    if (!last || (k >= 0 && !again)) return NULL;
    const char *file = memchr(last, '|', last_len); /* "FILE|-": the second is no word */
    return *len = file && file[1] == '-' ? (size_t)(file - last) : last_len, last;
}

static void say_what_fits(place *p) {
    int n = 0;
    for (int i = p->used; i < p->argc; i++) {
        const char *value = NULL;
        if (!strcmp(p->argv[i], "--") && p->command && p->command->rest) {
            printf(":command %d\n", i + 1);
            return;
        }
        const kf_opt *o = wants_value(p, p->argv[i], &value);
        if (o && !value && i + 1 == p->argc) {
            say_meaning(p, o->arg, strlen(o->arg));
            return;
        }
        if (o && !value) i++;
        else if (p->argv[i][0] != '-') p->last = p->argv[i], n++;
    }
    const char *value = NULL;
    const kf_opt *o = wants_value(p, p->cur, &value);
    if (o && value) {
        KF_AUTO_CHARS before = kf_strfmt("%.*s", (int)(value - p->cur), p->cur);
        p->before = before, p->cur = value;
        say_meaning(p, o->arg, strlen(o->arg));
    } else if (p->cur[0] == '-') say_options(p);
    else if (!p->command) say_command_words(p, NULL);
    else {
        size_t len = 0;
        const char *of = n < p->command->max_pos ? argument(p->command->args, n, &len) : NULL;
        if (of) say_meaning(p, of, len);
    }
}

int kf_complete(int argc, char **argv) {
    char *
        words[256]; /* bash makes three words of --format=env; here they are two, as with a blank */
    int n = 0;
    for (int i = 0; i < argc && n < (int)KF_LEN(words); i++) {
        bool eq = !strcmp(argv[i], "=") && n && !strncmp(words[n - 1], "--", 2);
        if (!eq) words[n++] = argv[i];
        else if (i + 1 == argc) words[n++] = "";
    }
    if (!n) return 0;
    place p = {.cur = words[n - 1], .before = "", .argc = n - 1, .argv = words};
    while (p.used < p.argc && words[p.used][0] == '-') {
        const char *value = NULL;
        p.used += wants_value(&p, words[p.used], &value) && !value && p.used + 1 < p.argc ? 2 : 1;
    }
    if (p.used >= p.argc) p.used = 0; /* only options so far */
    else {
        int of_command = 0;
        p.command = kf_command_find(p.argc - p.used, words + p.used, &of_command);
        if (!p.command) {
            if (p.used + 1 == p.argc) say_command_words(&p, words[p.used]);
            return kf_cli_flush();
        }
        p.used += of_command;
    }
    say_what_fits(&p);
    return kf_cli_flush();
}

/* --- the scripts
 * ----------------------------------------------------------------------------------- */

static const char bash[] =
    "_keyfob() {\n"
    "  local said\n"
    "  said=$(keyfob completion words -- \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null | cut -f1)\n"
    "  COMPREPLY=()\n"
    "  case $said in\n"
    "    :files) compopt -o default 2>/dev/null ;;\n"
    "    :dirs) compopt -o dirnames 2>/dev/null ;;\n"
    "    :command*) if declare -F _command_offset >/dev/null; then _command_offset "
    "$((${said#:command } + 1)); else compopt -o default 2>/dev/null; fi ;;\n"
    "    ?*) mapfile -t COMPREPLY <<<\"$said\" ;;\n"
    "  esac\n"
    "}\n"
    "complete -F _keyfob keyfob\n";

static const char zsh[] =
    "#compdef keyfob\n"
    "_keyfob() {\n"
    "  local -a lines about\n"
    "  local line\n"
    "  lines=(\"${(@f)$(keyfob completion words -- \"${(@Q)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
    "  case ${lines[1]%%$'\\t'*} in\n"
    "    :files) _files; return ;;\n"
    "    :dirs) _files -/; return ;;\n"
    "    :command*) local n=$((${lines[1]#:command } + 1)); shift $n words; ((CURRENT -= n)); "
    "_normal; return ;;\n"
    "    '') return 1 ;;\n"
    "  esac\n"
    "  for line in $lines; do about+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\"); done\n"
    "  _describe keyfob about\n"
    "}\n"
    "if [[ $funcstack[1] == _keyfob ]]; then _keyfob \"$@\"; else compdef _keyfob keyfob; fi\n";

static const char fish[] =
    "function __keyfob_words\n"
    "  set -l all (commandline -opc) (commandline -ct)\n"
    "  set -l said (keyfob completion words -- $all[2..] 2>/dev/null)\n"
    "  switch \"$said[1]\"\n"
    "    case ':files*'\n"
    "      __fish_complete_path (commandline -ct)\n"
    "    case ':dirs*'\n"
    "      __fish_complete_directories (commandline -ct)\n"
    "    case ':command*'\n"
    "      set -l n (string replace ':command ' '' -- $said[1])\n"
    "      complete -C (string join -- ' ' (string escape -- $all[(math $n + 2)..-2]) $all[-1])\n"
    "    case '*'\n"
    "      printf '%s\\n' $said\n"
    "  end\n"
    "end\n"
    "complete -c keyfob -f -a '(__keyfob_words)'\n";

int kf_completion(const char *shell) {
    const char *script = kf_str_eq(shell, "bash")   ? bash
                         : kf_str_eq(shell, "zsh")  ? zsh
                         : kf_str_eq(shell, "fish") ? fish
                                                    : NULL;
    if (!script) return -1;
    fputs(script, stdout);
    return kf_cli_flush();
}
