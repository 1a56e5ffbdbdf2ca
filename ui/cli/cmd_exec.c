/* exec: a command with a fresh token, in its environment or, better, not in it. */
#include "ui/cli/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/str.h"
#include "guard/process.h"
#include "ui/common/text.h"

enum { MIN_VALID, ENV, FD, FILE_, MASK, REFRESH };
/* FILE_FROM: above what shells use for their own redirections */
enum { FD_MIN = 3, FD_MAX = 1023, FILE_FROM = 100 };
enum { FAILED = 125, CANNOT_RUN = 126, NOT_FOUND = 127 };

static const char *const defaults[] = {"WORKOS_ACCESS_TOKEN", "KEYFOB_TOKEN_FD",
                                       "KEYFOB_TOKEN_FILE"};
/* what exec sets itself, and what the loader, a shell and every program read: a token there would
 * be lost, or printed, or taken for a place. NAME*: all that begin so */
static const char *const taken[] = {"KEYFOB_PROFILE",
                                    "KEYFOB_EXPIRES_AT",
                                    "KEYFOB_EXPIRES_EPOCH",
                                    "WORKOS_CLIENT_ID",
                                    "WORKOS_ORGANIZATION_ID",
                                    "PATH",
                                    "LD_*",
                                    "GLIBC_TUNABLES",
                                    "IFS",
                                    "ENV",
                                    "BASH_ENV",
                                    "HOME",
                                    "SHELL",
                                    "USER",
                                    "LOGNAME",
                                    "PWD",
                                    "TERM",
                                    "LANG",
                                    "LC_*",
                                    "TZ",
                                    "TMPDIR",
                                    "XDG_*"};

static bool variable_ok(const char *s) {
    size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
    return n > 0 && !s[n] && !(s[0] >= '0' && s[0] <= '9');
}

static bool variable_taken(const char *s) {
    for (size_t i = 0; i < KF_LEN(taken); i++) {
        size_t n = strcspn(taken[i], "*");
        if (!strncmp(s, taken[i], n) && (taken[i][n] || !s[n])) return true;
    }
    return false;
}

static int out_of_luck(const char *what) {
    fprintf(stderr, "keyfob: %s: %s\n", what, strerror(errno));
    return FAILED;
}

/* --- the token in a descriptor
 * --------------------------------------------------------------------- */

/* Sealed: a program that gets it from the command reads what the command read. Close-on-exec; -1:
 * errno. */
static int sealed(const char *token) {
    size_t len = strlen(token);
    int fd = memfd_create("keyfob-token", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return -1;
    if (write(fd, token, len) == (ssize_t)len && fchmod(fd, 0400) == 0 &&
        lseek(fd, 0, SEEK_SET) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0)
        return fd;
    close(fd);
    return -1;
}

static int hand_descriptor(const kf_exec *x, const char *token) {
    char value[40];
    int from = sealed(token), to = x->fd;
    if (from < 0) return out_of_luck("a descriptor for the token");
    if (x->as_file) to = fcntl(from, F_DUPFD, FILE_FROM);
    else if (from == to) fcntl(from, F_SETFD, 0);
    else to = dup2(from, to);
    if (to < 0) return out_of_luck(x->as_file ? "a descriptor for the token" : "--fd");
    if (from != to) close(from);
    snprintf(value, sizeof value, x->as_file ? "/proc/self/fd/%d" : "%d", to);
    setenv(x->variable, value, 1);
    return 0;
}

/* --- the command
 * ----------------------------------------------------------------------------------- */

static void set_facts(const kf_json *r) {
    int64_t at = kf_json_int_or(r, "expires_at", 0);
    char when[21], epoch[24];
    kf_rfc3339(at, when);
    snprintf(epoch, sizeof epoch, "%lld", (long long)at);
    setenv("KEYFOB_PROFILE", kf_json_str_or(r, "name", ""), 1);
    setenv("KEYFOB_EXPIRES_AT", when, 1);
    setenv("KEYFOB_EXPIRES_EPOCH", epoch, 1);
    setenv("WORKOS_CLIENT_ID", kf_json_str_or(r, "client_id", ""), 1);
    if (kf_json_str(r, "org_id")) setenv("WORKOS_ORGANIZATION_ID", kf_json_str(r, "org_id"), 1);
    else unsetenv("WORKOS_ORGANIZATION_ID");
}

/* An API key in the environment, which no WORKOS_CLIENT_ID beside it says to be of this client. */
static bool is_foreign_key(const kf_json *r) {
    const char *client = getenv("WORKOS_CLIENT_ID"), *key = getenv("WORKOS_API_KEY");
    return key && *key && !kf_str_eq(client, kf_json_str_or(r, "client_id", ""));
}

int kf_exec_become(const kf_exec *x) {
    const char *token = kf_json_str_or(x->answer, "access_token", "");
    if (is_foreign_key(x->answer)) unsetenv("WORKOS_API_KEY");
    unsetenv("KEYFOB_PASSPHRASE_FILE"); /* it opens every profile, and the command has one token */
    set_facts(x->answer);
    for (size_t i = 0; i < KF_LEN(defaults); i++)
        unsetenv(defaults[i]); /* those of an exec around this one are another token's */
    if (x->path) setenv(x->variable, x->path, 1);
    else if (x->fd >= 0 || x->as_file) {
        int rc = hand_descriptor(x, token);
        if (rc) return rc;
    } else setenv(x->variable, token, 1);
    kf_process_reopen();
    execvp(x->argv[0], x->argv);
    kf_process_close();
    int rc = errno == ENOENT ? NOT_FOUND : CANNOT_RUN;
    KF_AUTO_CHARS safe = kf_text_safe(x->argv[0]);
    fprintf(stderr, "keyfob: %s: %s\n", safe, strerror(errno));
    return rc;
}

/* Ours close on exec; one that does not came from outside, and somebody means something by it. */
static bool in_use(int fd) {
    int flags = fcntl(fd, F_GETFD);
    return flags >= 0 && !(flags & FD_CLOEXEC);
}

static int read_options(kf_cli *c, const kf_args *a, kf_exec *x) {
    static char *shell[2];
    bool can_open = !a->rest && isatty(STDIN_FILENO);
    if (can_open) { /* as sudo -s does it, and never where a command was forgotten in a script */
        const char *own = getenv("SHELL");
        shell[0] = (char *)(own && *own ? own : "/bin/sh");
        x->argv = shell;
    } else if (!a->rest || !a->rest[0]) return kf_cli_usage(c, "exec needs a command behind --");
    x->mask = a->opt[MASK] != NULL;
    x->refresh = a->opt[REFRESH] != NULL;
    x->as_file = a->opt[FILE_] || x->refresh;
    if (a->opt[FD]) {
        char *end = NULL;
        long n = strtol(a->opt[FD], &end, 10);
        if (!strchr("123456789", *a->opt[FD]) || *end || n < FD_MIN || n > FD_MAX)
            return kf_cli_usage(c, "--fd %.40s: a number from %d to %d", a->opt[FD], FD_MIN,
                                FD_MAX);
        if (in_use((int)n))
            return kf_cli_usage(
                c, "--fd %ld: the descriptor is open already; the command would lose it", n);
        if (x->as_file)
            return kf_cli_usage(c, "--fd and %s are two places; name one",
                                x->refresh ? "--refresh" : "--file");
        x->fd = (int)n;
    }
    x->variable = a->opt[ENV] ? a->opt[ENV] : defaults[x->fd >= 0 ? 1 : x->as_file ? 2 : 0];
    if (!variable_ok(x->variable))
        return kf_cli_usage(c, "--env %.80s is no name of a variable", x->variable);
    if (variable_taken(x->variable))
        return kf_cli_usage(c, "--env %s: that variable has another use in the command",
                            x->variable);
    return 0;
}

int kf_cmd_exec(kf_cli *c, const kf_args *a) {
    kf_exec x = {.argv = a->rest, .profile = a->pos[0], .min_valid = a->opt[MIN_VALID], .fd = -1};
    int rc = read_options(c, a, &x);
    if (rc) return rc;
    KF_AUTO(kf_json) r = kf_cli_token(c, x.profile, x.min_valid, false, x.refresh, &rc);
    if (!r) return rc;
    x.answer = r;
    const char *theirs = getenv("WORKOS_CLIENT_ID"), *own = kf_json_str_or(r, "client_id", "");
    if (theirs && *theirs && strcmp(theirs, own))
        kf_cli_note(c, "WORKOS_CLIENT_ID is %.80s here; the command gets the one of %s, %s", theirs,
                    kf_json_str_or(r, "name", ""), own);
    if (is_foreign_key(r) && strcmp(x.variable, "WORKOS_API_KEY"))
        kf_cli_note(c, "WORKOS_API_KEY is not given to the command: it may be of another "
                       "environment. Set WORKOS_CLIENT_ID to the profile's to keep it");
    return x.mask || x.refresh ? kf_exec_stay(c, &x) : kf_exec_become(&x);
}
