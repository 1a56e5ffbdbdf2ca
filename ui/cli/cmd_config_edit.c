/* config edit: the person's editor on a copy; what comes back is checked before it takes the file's
 * place, and what cannot be used is never lost. */
#include "ui/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/str.h"
#include "guard/path.h"
#include "ui/common/open.h"

enum { TEXT_MAX = 400 << 10, CALL_MS = 15000 }; /* two of it fit a frame, quoted */

/* The file's text; "" when there is none. NULL: err. Caller frees. */
static char *read_text(const char *path, kf_err *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0 && errno == ENOENT) return kf_strdup("");
    if (fd < 0) return kf_fail_errno(err, KF_ERR_SYS_IO, "open %s", path), NULL;
    char *text = NULL;
    ssize_t n = -1;
    if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size <= TEXT_MAX &&
        (text = calloc(1, (size_t)st.st_size + 1)))
        n = read(fd, text, (size_t)st.st_size);
    close(fd);
    if (n >= 0 && n == st.st_size && strlen(text) == (size_t)n) return text;
    free(text);
    kf_fail(err, KF_ERR_SYS_IO, "%s: not a file of text of at most %d KiB", path, TEXT_MAX >> 10);
    return NULL;
}

static bool write_all(int fd, const char *text) {
    size_t n = strlen(text);
    while (n) {
        ssize_t k = write(fd, text, n);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return false;
        text += k;
        n -= (size_t)k;
    }
    return true;
}

/* A copy beside the file, so that it is as private, and kept when something goes wrong. NULL: err.
 * Caller frees. */
static char *copy_of(const char *path, const char *text, kf_err *err) {
    KF_AUTO_CHARS dir = kf_strdup(path);
    char *slash = strrchr(dir, '/');
    if (slash) slash[slash == dir] = 0;
    if (slash && !kf_path_make_dir(dir, err)) return NULL; /* as the agent would make it */
    char *copy = kf_strfmt("%s.edit-XXXXXX.conf", path);
    int fd = mkostemps(copy, 5, O_CLOEXEC);
    bool ok = fd >= 0 && write_all(fd, text);
    if (!ok) kf_fail_errno(err, KF_ERR_SYS_IO, "write %s", copy);
    if (fd >= 0 && close(fd) && ok) ok = kf_fail_errno(err, KF_ERR_SYS_IO, "write %s", copy);
    if (ok) return copy;
    if (fd >= 0) unlink(copy);
    free(copy);
    return NULL;
}

static const char *editor(void) {
    const char *v = getenv("VISUAL");
    if (!v || !*v) v = getenv("EDITOR");
    return v && *v ? v : "vi";
}

/* By a shell, because EDITOR may have options; the file is an argument of its own. ^C is the
 * editor's. */
static bool run_editor(const char *file, kf_err *err) {
    KF_AUTO_CHARS script = kf_strfmt("%s \"$1\"", editor());
    char *argv[] = {(char *)"sh", (char *)"-c", script, (char *)"sh", (char *)(uintptr_t)file,
                    NULL};
    struct sigaction ignore = {.sa_handler = SIG_IGN}, old_int, old_quit;
    posix_spawnattr_t at;
    posix_spawn_file_actions_t fa;
    sigset_t defaults;
    int status = 0;
    pid_t pid;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGINT);
    sigaddset(&defaults, SIGQUIT);
    posix_spawnattr_init(&at);
    posix_spawnattr_setflags(&at, POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigdefault(&at, &defaults);
    sigaction(SIGINT, &ignore, &old_int);
    sigaction(SIGQUIT, &ignore, &old_quit);
    char **env = kf_clean_environment();
    posix_spawn_file_actions_init(&fa);
    if (!isatty(STDOUT_FILENO))
        posix_spawn_file_actions_adddup2(&fa, STDERR_FILENO,
                                         STDOUT_FILENO); /* stdout is for keyfob's answer */
    int rc = posix_spawn(&pid, "/bin/sh", &fa, &at, argv, env);
    posix_spawn_file_actions_destroy(&fa);
    free(env);
    posix_spawnattr_destroy(&at);
    while (!rc && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    sigaction(SIGINT, &old_int, NULL);
    sigaction(SIGQUIT, &old_quit, NULL);
    if (rc) return kf_fail(err, KF_ERR_SYS_SPAWN, "sh: %s", strerror(rc));
    if (WIFEXITED(status) && !WEXITSTATUS(status)) return true;
    kf_fail(err, KF_ERR_SYS_CANCELLED, "the editor (%.60s) ended with %s %d", editor(),
            WIFSIGNALED(status) ? "signal" : "status",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return kf_hint(err, "Set VISUAL or EDITOR to an editor that is there.");
}

static bool replace(kf_cli *c, const char *text, const char *before, kf_err *err) {
    kf_json *p = kf_json_obj();
    kf_json_set_str(p, "text", text);
    kf_json_set_str(p, "before", before);
    KF_AUTO(kf_json) r = kf_cli_call(c, "ReplaceSettings", p, CALL_MS, err);
    return r != NULL;
}

static void tell_unknown(kf_cli *c) {
    KF_AUTO(kf_json) all = kf_cli_call(c, "GetSettings", NULL, CALL_MS, NULL);
    kf_config_tell_unknown(c, all);
}

/* One round; first is what the editor began with: 0 done or nothing to do, -1 edit again, else the
 * exit status; *keep: the copy has something of the person's. */
static int round_of(kf_cli *c, const char *copy, const char *first, const char *before,
                    bool *keep) {
    kf_err e;
    bool edited = run_editor(copy, &e);
    kf_err why;
    KF_AUTO_CHARS text = read_text(copy, &why);
    *keep = !text || strcmp(text, first) != 0;
    if (!edited || !text) return kf_cli_fail(c, edited ? &why : &e);
    if (!*keep) {
        kf_cli_note(c, "nothing was changed");
        return 0;
    }
    if (replace(c, text, before, &e)) {
        *keep = false;
        if (!c->json) kf_cli_note(c, "written; it counts from now on");
        tell_unknown(c);
        return 0;
    }
    int rc = kf_cli_fail(c, &e);
    return e.code == KF_ERR_USAGE_CONFIG && kf_can_ask(c) && kf_ask_yes("Edit it again?") ? -1 : rc;
}

/* A file that is not there yet begins with what may stand in it. */
static char *first_text(kf_cli *c, kf_err *err) {
    KF_AUTO(kf_json) all = kf_cli_call(c, "GetSettings", NULL, CALL_MS, err);
    char *text = all ? kf_strdup("# keyfob.conf: man keyfob.conf says more. There is no secret in "
                                 "here.\n[keyfob]\n")
                     : NULL;
    for (const kf_json *i = kf_json_first(kf_json_get(all, "settings")); i; i = kf_json_next(i)) {
        if (kf_json_bool(i, "own", false)) continue;
        char *more = kf_strfmt("%s\n# %s\n#%s = %s\n", text, kf_json_str_or(i, "help", ""),
                               kf_json_str_or(i, "key", ""), kf_json_str_or(i, "default", ""));
        free(text);
        text = more;
    }
    return text;
}

int kf_cmd_config_edit(kf_cli *c, const kf_args *a) {
    kf_err e;
    if (kf_client_read_only())
        return kf_fail(&e, KF_ERR_USAGE_READ_ONLY, "config edit would change the settings"),
               kf_cli_fail(c, &e);
    bool chosen =
        getenv("VISUAL") || getenv("EDITOR"); /* it may be a script, which needs no terminal */
    if (c->no_input || (!chosen && !kf_can_ask(c))) {
        kf_fail(&e, KF_ERR_USAGE_NO_INPUT, "an editor needs a person");
        kf_hint(&e, "Run: keyfob config set KEY VALUE");
        return kf_cli_fail(c, &e);
    }
    KF_AUTO_CHARS path = kf_config_path();
    KF_AUTO_CHARS before = read_text(path, &e);
    KF_AUTO_CHARS first = before && !*before ? first_text(c, &e) : kf_strdup(before);
    KF_AUTO_CHARS copy = first ? copy_of(path, first, &e) : NULL;
    if (!copy) return kf_cli_fail(c, &e);
    bool keep = false;
    int rc;
    do rc = round_of(c, copy, first, before, &keep);
    while (rc < 0);
    if (!keep) unlink(copy);
    else kf_cli_note(c, "what you wrote is in %s", copy);
    return rc;
}
