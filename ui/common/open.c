/* Opens a URL in the browser without a shell, and words the ssh command for a redirect. The
 * browser gets no variable of keyfob's or WorkOS's. */
#include "ui/common/open.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/form.h"
#include "base/str.h"

extern char **environ;

static const char *set(const char *name) {
    const char *v = getenv(name);
    return v && *v ? v : NULL;
}

static bool url_ok(const char *url) {
    for (const char *p = url; *p; p++)
        if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f) return false;
    if (!kf_str_starts(url, "https://") && !kf_str_starts(url, "http://")) return false;
    KF_AUTO_CHARS origin = kf_strdup(url);
    char *host = strstr(origin, "//") + 2;
    host[strcspn(host, "/?#")] = 0;
    char *norm = NULL;
    bool ok = kf_origin_parse(origin, &norm, NULL); /* http: loopback only */
    free(norm);
    return ok;
}

char **kf_clean_environment(void) {
    size_t n = 0, k = 0;
    while (environ[n]) n++;
    char **env = calloc(n + 1, sizeof *env);
    if (!env) abort();
    for (size_t i = 0; i < n; i++)
        if (!kf_str_starts(environ[i], "WORKOS_") && !kf_str_starts(environ[i], "KEYFOB_"))
            env[k++] = environ[i];
    return env;
}

/* In a session of its own with nothing of ours open, so that closing the terminal does not close
 * the browser. */
static bool start(const char *program, const char *url, kf_err *err) {
    static pid_t last; /* the one before has long handed over: it is reaped here */
    char *argv[] = {(char *)program, (char *)url, NULL};
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t at;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    if (last > 0) waitpid(last, NULL, WNOHANG);
    posix_spawn_file_actions_init(&fa);
    posix_spawnattr_init(&at);
    for (int fd = 0; fd < 3; fd++)
        posix_spawn_file_actions_addopen(&fa, fd, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_addclosefrom_np(&fa, 3);
    posix_spawnattr_setflags(&at,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&at, &none);
    posix_spawnattr_setsigdefault(&at, &all);
    char **env = kf_clean_environment();
    int rc = posix_spawnp(&last, program, &fa, &at, argv, env);
    free(env);
    posix_spawnattr_destroy(&at);
    posix_spawn_file_actions_destroy(&fa);
    if (!rc) return true;
    last = 0;
    kf_fail(err, KF_ERR_SYS_SPAWN, "%s: %s", program, strerror(rc));
    return kf_hint(err,
                   "Set BROWSER to a program that opens addresses, or open the address yourself.");
}

bool kf_open_url(const char *url, kf_err *err) {
    if (!url || !url_ok(url))
        return kf_fail(err, KF_ERR_USAGE_BAD_URL,
                       "the address is neither https nor one of this machine");
    const char *browser = set("BROWSER");
    if (!browser && !set("DISPLAY") && !set("WAYLAND_DISPLAY")) {
        kf_fail(err, KF_ERR_SYS_SPAWN, "there is no display here to open a browser on");
        return kf_hint(err, "Open the address on any computer, or set BROWSER.");
    }
    KF_AUTO_CHARS first =
        kf_strdup(browser ? browser : "xdg-open"); /* BROWSER is a list with colons */
    first[strcspn(first, ":")] = 0;
    if (!*first || strchr(first, '%') || strchr(first, ' '))
        return kf_fail(err, KF_ERR_SYS_SPAWN, "BROWSER is not the name of a program: %.80s", first);
    return start(first, url, err);
}

char *kf_open_ssh_line(const char *authorize_url) {
    const char *ssh = set("SSH_CONNECTION"), *user = set("USER"),
               *query = authorize_url ? strchr(authorize_url, '?') : NULL;
    char here[64] = "";
    if (!ssh || !query || sscanf(ssh, "%*63s %*15s %63s", here) != 1) return NULL;
    if (here[strspn(here, "0123456789abcdefABCDEF.:")]) return NULL;
    KF_AUTO(kf_json) j = kf_form_parse(query + 1, strlen(query + 1), NULL);
    const char *redirect = kf_json_str_or(j, "redirect_uri", ""), *head = "http://127.0.0.1:";
    if (!kf_str_starts(redirect, head)) return NULL;
    long port = strtol(redirect + strlen(head), NULL, 10);
    if (port < 1 || port > 65535) return NULL;
    return kf_strfmt("ssh -L %ld:127.0.0.1:%ld %s%s%s", port, port, user ? user : "",
                     user ? "@" : "", here);
}
