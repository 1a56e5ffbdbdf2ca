/* keyfob --sandbox: everything under one runtime folder of its own, so that nothing of it touches
 * the person's profiles or keyring. */
#include "ui/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/str.h"
#include "guard/process.h"
#include "ui/common/sandbox.h"
#include "wire/socket.h"

enum { START_MS = 10000, CALL_MS = 30000 };

static char *folder(void) {
    KF_AUTO_CHARS run = kf_runtime_base();
    return run ? kf_strfmt("%s/keyfob-sandbox", run)
               : kf_strfmt("/tmp/keyfob-sandbox-%u", (unsigned)geteuid());
}

static bool point_there(const char *dir, kf_err *err) {
    static const char *const drop[] = {"KEYFOB_PASSPHRASE_FILE",
                                       "KEYFOB_CONFIG",
                                       "KEYFOB_SOCKET",
                                       "KEYFOB_PROFILE",
                                       "DBUS_SESSION_BUS_ADDRESS",
                                       "WORKOS_CLIENT_ID",
                                       "WORKOS_API_KEY",
                                       "WORKOS_API_HOSTNAME",
                                       "WORKOS_API_HTTPS",
                                       "WORKOS_API_PORT",
                                       "CREDENTIALS_DIRECTORY"};
    static const char *const xdg[][2] = {{"XDG_RUNTIME_DIR", "run"},
                                         {"XDG_CONFIG_HOME", "config"},
                                         {"XDG_STATE_HOME", "state"},
                                         {"XDG_DATA_HOME", "data"}};
    if (!kf_socket_dir_check(dir, true, err)) return false;
    for (size_t i = 0; i < KF_LEN(drop); i++) unsetenv(drop[i]);
    for (size_t i = 0; i < KF_LEN(xdg); i++) {
        KF_AUTO_CHARS path = kf_strfmt("%s/%s", dir, xdg[i][1]);
        if (mkdir(path, 0700) && errno != EEXIST)
            return kf_fail_errno(err, KF_ERR_SYS_IO, "make %s", path);
        setenv(xdg[i][0], path, 1);
    }
    setenv("KEYFOB_STORE", "memory", 1);
    return kf_paths_settle(err);
}

/* First line of the ready file; NULL when it is not there or nobody listens. */
static char *running(const char *ready) {
    char text[200];
    int fd = open(ready, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    if (n <= 0) return NULL;
    text[n] = 0;
    text[strcspn(text, "\n")] = 0;
    const char *colon = strrchr(text, ':');
    long port = colon ? strtol(colon + 1, NULL, 10) : 0;
    if (!kf_origin_is_loopback(text) || port < 1 || port > 65535) return NULL;
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bool up = s >= 0 && connect(s, (struct sockaddr *)&a, sizeof a) == 0;
    if (s >= 0) close(s);
    return up ? kf_strdup(text) : NULL;
}

/* lifeline: a pipe whose other end we keep, over exec too; the sandbox ends when it closes. */
static bool spawn(const char *ready, bool with_lifeline, kf_err *err) {
    KF_AUTO_CHARS program = kf_program_path("keyfob-sandbox", err);
    if (!program) return false;
    int life[2] = {-1, -1};
    if (with_lifeline && pipe(life)) return kf_fail_errno(err, KF_ERR_SYS_SPAWN, "pipe");
    pid_t child = fork();
    if (child < 0) return kf_fail_errno(err, KF_ERR_SYS_SPAWN, "fork");
    if (child == 0) {
        if (fork() != 0) _exit(0);
        setsid();
        int null = open("/dev/null", O_RDWR);
        if (null < 0 || chdir("/")) _exit(127);
        dup2(with_lifeline ? life[0] : null, 0);
        dup2(null, 1), dup2(null, 2);
        kf_process_close_from(3, -1);
        execl(program, program, "--port", "0", "--ready-file", ready, "--idle-exit", "10m",
              "--quiet", with_lifeline ? "--lifeline" : NULL, NULL);
        _exit(127);
    }
    while (poll(NULL, 0, 0), waitpid(child, NULL, 0) < 0 && errno == EINTR) {
    }
    if (with_lifeline) {
        close(life[0]);
        fcntl(life[1], F_SETFD, 0); /* stays open in keyfob-tui */
    }
    return true;
}

static char *start(const char *dir, bool for_screen, kf_err *err) {
    KF_AUTO_CHARS ready = kf_strfmt("%s/ready", dir);
    KF_AUTO_CHARS lock = kf_strfmt("%s/start.lock", dir);
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return kf_fail_errno(err, KF_ERR_SYS_IO, "open %s", lock), NULL;
    for (int ms = 0; flock(fd, LOCK_EX | LOCK_NB) && ms < START_MS; ms += 10) poll(NULL, 0, 10);
    char *url = running(ready);
    if (!url && (unlink(ready), spawn(ready, for_screen, err))) {
        for (int ms = 0; !url && ms < START_MS; ms += 10) {
            poll(NULL, 0, 10);
            url = running(ready);
        }
        if (!url)
            kf_fail(err, KF_ERR_SYS_SPAWN, "keyfob-sandbox does not listen after %d s",
                    START_MS / 1000);
    }
    close(fd);
    return url;
}

/* The store is the agent's memory: another agent has other keys, or none. */
static bool has_key(kf_cli *c, const char *name, const char *key) {
    kf_err e;
    if (!key) return true;
    kf_json *q = kf_json_obj();
    kf_json_set_str(q, "profile", name);
    KF_AUTO(kf_json) r = kf_cli_call(c, "GetApiKey", q, CALL_MS, &e);
    bool locked = !r && e.code == KF_ERR_STORE_AGENT_LOCKED; /* it keeps what it has */
    return locked || (r && kf_str_eq(kf_json_str(r, "api_key"), key));
}

static bool removed(kf_cli *c, const char *name, kf_err *err) {
    kf_json *q = kf_json_obj();
    kf_json_set_str(q, "profile", name);
    KF_AUTO(kf_json) r = kf_cli_call(c, "RemoveProfile", q, CALL_MS, err);
    return r != NULL;
}

/* The profile exists and points to this sandbox; a sandbox on another port is a new one, which
 * knows no session of the old. */
static bool ensure_profile(kf_cli *c, const char *name, const char *client_id, const char *key,
                           const char *url, kf_err *err) {
    kf_json *q = kf_json_obj();
    kf_json_set_str(q, "profile", name);
    kf_err e;
    KF_AUTO(kf_json) now = kf_cli_call(c, "GetProfile", q, CALL_MS, &e);
    if (!now && e.code != KF_ERR_USAGE_NO_PROFILE) return *err = e, false;
    const kf_json *o = kf_json_get(now, "profile");
    if (o && kf_str_eq(kf_json_str(o, "api_host"), url) &&
        kf_json_bool(o, "confidential", false) == (key != NULL) && has_key(c, name, key))
        return true;
    bool other = o && !kf_str_eq(kf_json_str(o, "api_host"), url);
    if (other && !removed(c, name, err)) return false;
    kf_json *p = kf_json_obj();
    if (!other) kf_json_set_str(p, "id", kf_json_str(o, "id"));
    kf_json_set_str(p, "name", name);
    kf_json_set_str(p, "client_id", client_id);
    kf_json_set_str(p, "api_host", url);
    kf_json_set_str(p, "api_key", key);
    kf_json_set_bool(p, "make_default", key != NULL);
    KF_AUTO(kf_json) r = kf_cli_call(c, "PutProfile", p, CALL_MS, err);
    return r != NULL;
}

bool kf_sandbox_enter(kf_cli *c, bool for_screen, kf_err *err) {
    KF_AUTO_CHARS dir = folder();
    if (!point_there(dir, err)) return false;
    int (*run)(kf_cli *, const kf_args *) = c->command ? c->command->run : NULL;
    bool no_profile = run == kf_cmd_agent_stop || run == kf_cmd_agent_status ||
                      run == kf_cmd_agent_restart || run == kf_cmd_lock || run == kf_cmd_unlock;
    if (no_profile) return true;
    KF_AUTO_CHARS url = start(dir, for_screen, err);
    if (!url) return false;
    setenv("KEYFOB_SANDBOX_URL", url, 1);
    bool ok =
        ensure_profile(c, KF_SANDBOX_PROFILE, KF_SANDBOX_CLIENT, KF_SANDBOX_KEY, url, err) &&
        ensure_profile(c, KF_SANDBOX_PUBLIC_PROFILE, KF_SANDBOX_PUBLIC_CLIENT, NULL, url, err);
    return ok;
}
