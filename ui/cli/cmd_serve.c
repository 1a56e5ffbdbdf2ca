/* serve: checks what was typed, and becomes keyfob-serve. */
#include "ui/cli/cli.h"

#include <errno.h>
#include <unistd.h>
#include "base/str.h"
#include "guard/process.h"

enum { SOCKET, ALLOW_UID, FOR, MIN_VALID, PROXY };
enum { ARGV_MAX = 96, UIDS_MAX = 16, WAIT_MS = 30000 };

typedef struct command {
    char *argv[ARGV_MAX];
    size_t n;
} command;

static void add(command *c, const char *option, const char *value) {
    if (!value || c->n + 3 > ARGV_MAX) return;
    if (option) c->argv[c->n++] = (char *)(uintptr_t)option;
    c->argv[c->n++] = (char *)(uintptr_t)value;
}

/* list is cut into its numbers, and stays for as long as c does. */
static bool add_uids(command *c, char *list) {
    char *one = list;
    for (size_t n = 0; one && *one; n++) {
        size_t len = strcspn(one, ",");
        bool last = !one[len];
        one[len] = 0;
        if (!len || one[strspn(one, "0123456789")] || n == UIDS_MAX) return false;
        add(c, "--allow-uid", one);
        one += len + !last;
    }
    return true;
}

/* Said at the start, and not to clients of the socket later. */
static bool is_there(kf_cli *c, const char *name, kf_err *err) {
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "profile", name);
    KF_AUTO(kf_json) r = kf_cli_call(c, "GetProfile", p, WAIT_MS, err);
    return r;
}

int kf_cmd_serve(kf_cli *c, const kf_args *a) {
    kf_err e;
    int64_t ms;
    command cmd = {.argv = {"keyfob-serve"}, .n = 1};
    for (int i = FOR; i <= MIN_VALID; i++)
        if (a->opt[i] && !kf_duration_parse(a->opt[i], &ms))
            return kf_cli_usage(c, "%.40s: a duration is a number with ms, s, m, h or d",
                                a->opt[i]);
    if (a->opt[PROXY] && a->n_pos > 1) return kf_cli_usage(c, "--proxy is for one profile");
    KF_AUTO_CHARS uids = kf_strdup(a->opt[ALLOW_UID]);
    if (!add_uids(&cmd, uids))
        return kf_cli_usage(
            c, "--allow-uid is numbers of users, with commas between them, at most %d", UIDS_MAX);
    KF_AUTO_CHARS origin = NULL;
    if (a->opt[PROXY] && !kf_origin_parse(a->opt[PROXY], &origin, &e)) return kf_cli_fail(c, &e);
    add(&cmd, "--socket", a->opt[SOCKET]);
    add(&cmd, "--for", a->opt[FOR]);
    add(&cmd, "--min-valid", a->opt[MIN_VALID]);
    add(&cmd, "--proxy", origin);
    for (int i = 0; i < (a->n_pos ? a->n_pos : 1); i++) {
        const char *name = kf_cli_profile(c, a->pos[i], NULL, &e);
        if (!name || !is_there(c, name, &e)) return kf_cli_fail(c, &e);
        add(&cmd, NULL,
            a->pos[i] ? a->pos[i] : name); /* name is kept until it is asked for again */
    }
    KF_AUTO_CHARS program = kf_program_path("keyfob-serve", &e);
    if (!program) return kf_cli_fail(c, &e);
    size_t rest = 0;
    while (a->rest && a->rest[rest]) rest++;
    char **argv = calloc(cmd.n + rest + 2, sizeof *argv);
    if (!argv) abort();
    memcpy(argv, cmd.argv, cmd.n * sizeof *argv);
    if (a->rest) argv[cmd.n++] = "--";
    for (size_t i = 0; i < rest; i++) argv[cmd.n++] = a->rest[i];
    kf_process_reopen();
    execv(program, argv);
    kf_fail_errno(&e, KF_ERR_SYS_SPAWN, "%.200s", program);
    free(argv);
    return kf_cli_fail(c, &e);
}
