/* The options that every command takes, and which command or option a word means. */
#include "ui/cli/cli.h"

#include "base/str.h"

static const kf_opt global[] = {
    {"profile", 'p', "PROFILE", "use this profile"},
    {"json", 0, NULL, "answers and errors as one line of JSON"},
    {"quiet", 'q', NULL, "no hints on stderr"},
    {"verbose", 'v', NULL, "say what was chosen and why"},
    {"no-input", 0, NULL, "never ask; fail with exit status 3 instead"},
    {"sandbox", 0, NULL, "the built-in sandbox, apart from your profiles"},
    {"read-only", 0, NULL, "+change nothing, here or at WorkOS"},
    {"timeout", 0, "D", "+wait at most D for the agent, and so for WorkOS; a token: 30s"},
    {"color", 0, "WHEN", "+auto, always or never"},
    {"help", 'h', NULL, "help for the command"},
    {"version", 'V', NULL, "the version"},
    {NULL, 0, NULL, NULL},
};

const kf_opt *kf_global_opts(void) { return global; }

const kf_command *kf_command_find(int argc, char **argv, int *used) {
    size_t n;
    const kf_command *all = kf_commands(&n);
    for (size_t i = 0; i < n; i++) {
        const char *space = strchr(all[i].name, ' ');
        size_t len = space ? (size_t)(space - all[i].name) : strlen(all[i].name);
        if (strlen(argv[0]) != len || strncmp(argv[0], all[i].name, len)) continue;
        if (!space) return *used = 1, &all[i];
        if (argc > 1 && !strcmp(argv[1], space + 1)) return *used = 2, &all[i];
    }
    return NULL;
}

const kf_opt *kf_opt_find(const kf_opt *o, const char *name, size_t len, char letter, int *index) {
    for (int i = 0; o[i].name; i++)
        if (letter ? o[i].letter == letter
                   : strlen(o[i].name) == len && !strncmp(o[i].name, name, len))
            return *index = i, &o[i];
    return NULL;
}
