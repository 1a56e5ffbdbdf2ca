/* Which command, and which option, a word of the command line means. */
#include "ui/cli/cli.h"

#include "base/str.h"

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
