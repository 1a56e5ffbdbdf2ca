/* ui: becomes keyfob-tui. */
#include "ui/cli/cli.h"

#include <unistd.h>
#include "base/str.h"
#include "guard/process.h"

int kf_cmd_ui(kf_cli *c, const kf_args *a) {
    kf_err e;
    KF_AUTO_CHARS path = kf_program_path("keyfob-tui", &e);
    if (!path) return kf_cli_fail(c, &e);
    char *argv[] = {path, NULL};
    kf_process_reopen();
    execv(path, argv);
    kf_fail_errno(&e, KF_ERR_SYS_SPAWN, "start %s", path);
    return kf_cli_fail(c, &e);
}
