/* The agent's state directory: makes it, or for a store in memory takes one in the runtime
 * directory instead. It reads and writes no file there. */
#include "agent/state_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>
#include "agent/settings.h"
#include "base/log.h"
#include "base/str.h"
#include "guard/path.h"

static char *spare(const kf_agent *a) { return kf_strfmt("%s/state", a->runtime_dir); }

bool kf_state_dir_settle(kf_agent *a, kf_err *err) {
    kf_err why = {0};
    bool made = kf_path_make_dir(a->state_dir, &why);
    bool memory = kf_settings_is_memory(a);
    if (made && (!memory || !access(a->state_dir, W_OK | X_OK))) return true;
    if (!made && (why.code == KF_ERR_SYS_OWNER || !memory)) {
        if (err) *err = why;
        return false;
    }
    char *dir = spare(a);
    if (!kf_path_make_dir(dir, err)) return free(dir), false;
    kf_log(KF_LOG_WARN, "agent: %s cannot be written; the store is in memory, so %s will do",
           a->state_dir, dir);
    free(a->state_dir);
    a->state_dir = dir;
    return true;
}

void kf_state_dir_end(kf_agent *a) {
    KF_AUTO_CHARS dir = a->runtime_dir ? spare(a) : NULL;
    if (!dir || !kf_str_eq(a->state_dir, dir)) return;
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.') unlinkat(dirfd(d), e->d_name, 0);
    if (d) closedir(d);
    rmdir(dir);
}
