/* status --prompt: the index file, a template, nothing else. It runs before every prompt of a
 * shell. */
#include "ui/cli/cli.h"

#include <time.h>
#include "base/str.h"
#include "ui/cli/index.h"
#include "ui/common/prompt.h"

enum { PROMPT_MAX = 4096 };

int kf_cli_prompt(kf_cli *c, const char *arg, const char *format) {
    kf_err e;
    kf_profile_row *rows = NULL;
    size_t n = 0;
    kf_buf b;
    if (!kf_prompt_print(NULL, NULL, 0, format, &e)) return kf_cli_fail(c, &e);
    const char *name = kf_cli_profile(c, arg, NULL, &e);
    if (!name && (e.code == KF_ERR_USAGE_NO_PROFILE || e.code == KF_ERR_USAGE_DIRECTORY))
        return 0; /* a prompt without keyfob in it */
    if (!name || !kf_cli_index(&rows, &n, &e)) return kf_cli_fail(c, &e);
    kf_buf_init(&b, PROMPT_MAX);
    bool ok = true;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(rows[i].name, name) && strcmp(rows[i].id, name)) continue;
        ok = kf_prompt_print(&b, &rows[i], time(NULL), format, &e);
        break;
    }
    free(rows);
    if (ok && b.len) printf("%s\n", b.data);
    kf_buf_done(&b);
    return ok ? kf_cli_flush() : kf_cli_fail(c, &e);
}
