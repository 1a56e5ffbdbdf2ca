/* completion: the scripts, and what they ask; both are in complete.c. */
#include "ui/cli/cli.h"

#include "base/str.h"

int kf_cmd_completion(kf_cli *c, const kf_args *a) {
    if (kf_str_eq(a->pos[0], "words")) { /* what the scripts ask */
        int n = 0;
        while (a->rest && a->rest[n]) n++;
        return kf_complete(n, a->rest);
    }
    int rc = a->rest ? -1 : kf_completion(a->pos[0]);
    return rc < 0 ? kf_cli_usage(c, "completion is for bash, zsh or fish") : rc;
}
