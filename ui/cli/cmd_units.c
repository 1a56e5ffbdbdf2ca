/* agent enable, agent disable: the systemd user units of one person. With them the agent starts at
 * login, comes back after a crash and keeps sessions alive after a reboot. The units of a package
 * are used where they are; from a build directory they are written. */
#include "ui/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/str.h"
#include "guard/path.h"
#include "ui/cli/run.h"
#include "ui/cli/units.h"
#include "ui/common/text.h"
#include "wire/client.h"

enum { ASK_MS = 30000, SAID_MAX = 2000 };
static const char mark[] = "# Written by: keyfob agent enable\n";

/* Where a person's own units are. */
static char *unit_dir(void) {
    KF_AUTO_CHARS conf = kf_config_home();
    return kf_strfmt("%s/systemd/user", conf);
}

/* systemctl --user ARG...; said: what it printed. False: err. */
static bool systemctl(const char *a, const char *b, const char *c, char said[SAID_MAX],
                      kf_err *err) {
    char *argv[] = {(char *)"systemctl", (char *)"--user", (char *)a, (char *)b, (char *)c, NULL};
    int status = 0;
    said[0] = 0;
    if (!kf_run_ask(argv, true, ASK_MS, said, SAID_MAX, &status))
        return kf_fail(err, KF_ERR_SYS_MANAGER, "systemctl is not in PATH");
    if (status == 0) return true;
    KF_AUTO_CHARS safe = kf_text_safe(said);
    return kf_fail(err, KF_ERR_SYS_MANAGER, "systemctl --user %s: %.160s", a,
                   status < 0 ? "no answer" : safe);
}

/* --- writing ---------------------------------------------------------------------------------- */

static bool write_unit(const char *dir, const char *name, const char *text, kf_err *err) {
    KF_AUTO_CHARS path = kf_strfmt("%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) return kf_fail_errno(err, KF_ERR_SYS_IO, "write %s", path);
    bool ok = write(fd, mark, sizeof mark - 1) == (ssize_t)sizeof mark - 1 &&
              write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (close(fd) || !ok) return kf_fail_errno(err, KF_ERR_SYS_IO, "write %s", path);
    return true;
}

/* The text of a unit with the path of this installation's keyfobd. */
static char *with_program(const char *text, kf_err *err) {
    KF_AUTO_CHARS program = kf_program_path("keyfobd", err);
    const char *at = strstr(text, KF_UNIT_PROGRAM);
    KF_AUTO_CHARS real = program ? realpath(program, NULL) : NULL;
    if (!program) return NULL;
    if (!at || !real) return kf_fail_errno(err, KF_ERR_SYS_IO, "%s", program), NULL;
    if (strpbrk(real, " \t\n\"'\\%$;")) {
        kf_fail(err, KF_ERR_SYS_IO,
                "%s: the path has a character that a unit would take for its own", real);
        return NULL;
    }
    return kf_strfmt("%.*s%s%s", (int)(at - text), text, real, at + strlen(KF_UNIT_PROGRAM));
}

static bool is_ours(const char *path) {
    char head[sizeof mark] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof mark - 1);
    if (fd >= 0) close(fd);
    return n == (ssize_t)sizeof mark - 1 && !memcmp(head, mark, sizeof mark - 1);
}

/* Units that a package installed start that package's keyfobd; others are written for this one. */
static bool have_units(kf_err *err) {
    char said[SAID_MAX];
    KF_AUTO_CHARS program = kf_program_path("keyfobd", err);
    KF_AUTO_CHARS real = program ? realpath(program, NULL) : NULL;
    if (!systemctl("show", "--property=ExecStart", "keyfobd.service", said, NULL) || !real)
        return false;
    KF_AUTO_CHARS path = kf_strfmt("path=%s ;", real);
    return strstr(said, path) != NULL;
}

static bool put_units(kf_cli *c, kf_err *err) {
    KF_AUTO_CHARS dir = unit_dir();
    KF_AUTO_CHARS service = with_program(kf_unit_service, err);
    char said[SAID_MAX];
    if (!service || !kf_path_make_dir(dir, err) ||
        !write_unit(dir, "keyfobd.socket", kf_unit_socket, err) ||
        !write_unit(dir, "keyfobd.service", service, err))
        return false;
    if (c->verbose) kf_cli_note(c, "wrote keyfobd.socket and keyfobd.service into %s", dir);
    return systemctl("daemon-reload", NULL, NULL, said, err);
}

/* --- a manager that cannot make namespaces ------------------------------------------------------
 */

static char *relaxed_dir(void) {
    KF_AUTO_CHARS dir = unit_dir();
    return kf_strfmt("%s/keyfobd.service.d", dir);
}

/* Some systems (Ubuntu 24.04, containers) let no user make namespaces. systemd then ends the
 * service with 217, 218 or 226 before keyfobd runs. */
static bool is_namespace_failure(void) {
    static const char *const status[] = {"ExecMainStatus=217", "ExecMainStatus=218",
                                         "ExecMainStatus=226"};
    char said[SAID_MAX];
    if (!systemctl("show", "--property=ExecMainStatus", "keyfobd.service", said, NULL))
        return false;
    for (size_t i = 0; i < KF_LEN(status); i++)
        if (!strcmp(said, status[i])) return true;
    return false;
}

static bool relax(kf_cli *c, kf_err *err) {
    KF_AUTO_CHARS dir = relaxed_dir();
    char said[SAID_MAX];
    kf_cli_note(
        c, "this system lets no user make namespaces; the agent runs with the other restrictions");
    return kf_path_make_dir(dir, err) && write_unit(dir, "namespaces.conf", kf_unit_relaxed, err) &&
           systemctl("daemon-reload", NULL, NULL, said, err) &&
           (systemctl("reset-failed", "keyfobd.service", NULL, said, NULL), true) &&
           systemctl("restart", "keyfobd.socket", "keyfobd.service", said, err);
}

/* --- the commands -------------------------------------------------------------------------------
 */

static bool start_units(kf_cli *c, kf_err *err) {
    char said[SAID_MAX];
    if (!systemctl("enable", "keyfobd.socket", "keyfobd.service", said, err) ||
        !systemctl("restart", "keyfobd.socket", NULL, said, err))
        return false;
    if (systemctl("restart", "keyfobd.service", NULL, said, err)) return true;
    return is_namespace_failure() && relax(c, err);
}

int kf_cmd_agent_enable(kf_cli *c, const kf_args *a) {
    char said[SAID_MAX];
    kf_err e;
    kf_args none = {0};
    if (c->sandbox)
        return kf_cli_usage(c, "the sandbox's agent ends with the sandbox; it has no units");
    if (!systemctl("show-environment", NULL, NULL, said, &e)) return kf_cli_fail(c, &e);
    if (!have_units(&e) && !put_units(c, &e)) return kf_cli_fail(c, &e);
    bool ran;
    int rc = kf_cli_stop_agent(c, false, &ran); /* one that no manager started holds the place */
    if (rc) return rc;
    if (!start_units(c, &e)) return kf_cli_fail(c, &e);
    if (c->json) return kf_cmd_agent_status(c, &none);
    printf("Enabled: the agent starts at login and comes back after a crash.\n");
    return kf_cli_flush();
}

static void remove_ours(const char *dir, const char *name) {
    KF_AUTO_CHARS path = kf_strfmt("%s/%s", dir, name);
    if (is_ours(path)) unlink(path);
}

int kf_cmd_agent_disable(kf_cli *c, const kf_args *a) {
    char said[SAID_MAX];
    kf_err e;
    KF_AUTO_CHARS dir = unit_dir();
    KF_AUTO_CHARS relaxed = relaxed_dir();
    kf_args none = {0};
    if (!systemctl("show-environment", NULL, NULL, said, &e)) return kf_cli_fail(c, &e);
    /* the socket first: else the next caller would start the service again */
    if (!systemctl("disable", "--now", "keyfobd.socket", said, &e) ||
        !systemctl("disable", "--now", "keyfobd.service", said, &e))
        return kf_cli_fail(c, &e);
    remove_ours(dir, "keyfobd.socket");
    remove_ours(dir, "keyfobd.service");
    remove_ours(relaxed, "namespaces.conf");
    rmdir(relaxed);
    if (!systemctl("daemon-reload", NULL, NULL, said, &e)) return kf_cli_fail(c, &e);
    if (c->json) return kf_cmd_agent_status(c, &none);
    printf("Disabled: every command starts the agent when it needs it.\n");
    return kf_cli_flush();
}
