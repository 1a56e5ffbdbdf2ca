/* help: which page is meant. The pages are in help.c and topics.c. */
#include "ui/cli/cli.h"

#include "base/str.h"

int kf_cmd_help(kf_cli *c, const kf_args *a) {
    size_t n;
    const kf_command *all = kf_commands(&n), *hit = NULL;
    if (a->opt[1]) { /* for those who make the man pages */
        for (size_t i = 0; i < n; i++) printf("%s\n", all[i].name);
        return kf_cli_flush();
    }
    KF_AUTO_CHARS name = kf_strfmt("%s%s%s", a->n_pos ? a->pos[0] : "", a->n_pos > 1 ? " " : "",
                                   a->n_pos > 1 ? a->pos[1] : "");
    for (size_t i = 0; i < n && a->n_pos; i++)
        if (!strcmp(all[i].name, name)) hit = &all[i];
    if (!hit && kf_str_eq(name, "commands") && !a->opt[0]) return kf_command_list(), kf_cli_flush();
    int rc = a->n_pos && !hit ? kf_topic_show(name, a->opt[0] != NULL) : -1;
    if (rc >= 0) return rc;
    if (a->n_pos && !hit)
        return kf_group_help(name)
                   ? kf_cli_flush()
                   : kf_cli_usage(c, "there is no command or topic %s; topics: " KF_TOPIC_NAMES,
                                  name);
    if (a->opt[0]) return kf_command_man(hit);
    if (hit) kf_command_help(hit, true);
    else kf_help();
    return kf_cli_flush();
}
