/* Where things are: pure functions of the environment. */
#include "wire/client.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/str.h"
#include "wire/socket.h"

static const char *env(const char *name) {
    const char *v = getenv(name);
    return v && *v ? v : NULL;
}

/* The specification says that a relative XDG path is ignored. */
static const char *absolute(const char *name) {
    const char *v = env(name);
    return v && *v == '/' ? v : NULL;
}

/* Nobody's files belong in the root directory, which is the home that docker gives a user without
 * an entry in the password database. */
static bool is_home(const char *dir) { return dir && *dir == '/' && dir[strspn(dir, "/")]; }

char *kf_home_dir(kf_err *err) {
    char text[4096];
    struct passwd p, *user = NULL;
    const char *home = env("HOME");
    if (is_home(home)) return kf_strdup(home);
    if (!getpwuid_r(geteuid(), &p, text, sizeof text, &user) && user && is_home(user->pw_dir))
        return kf_strdup(user->pw_dir);
    if (home) kf_fail(err, KF_ERR_USAGE_BAD, "HOME is %.100s", home);
    else kf_fail(err, KF_ERR_USAGE_BAD, "HOME is not set");
    kf_hint(err, "Set HOME to a directory of your own.");
    return NULL;
}

/* Without a home the path is one that does not exist: kf_paths_settle refuses the start before
 * anything can be made there. */
static char *xdg_base(const char *name, const char *fallback) {
    if (absolute(name)) return kf_strdup(absolute(name));
    KF_AUTO_CHARS home = kf_home_dir(NULL);
    return kf_strfmt("%s/%s", home ? home : "/nonexistent", fallback);
}

static char *xdg(const char *name, const char *fallback, const char *leaf) {
    KF_AUTO_CHARS base = xdg_base(name, fallback);
    return kf_strfmt("%s/%s", base, leaf);
}

char *kf_state_dir(void) { return xdg("XDG_STATE_HOME", ".local/state", "keyfob"); }
char *kf_data_dir(void) { return xdg("XDG_DATA_HOME", ".local/share", "keyfob"); }
char *kf_config_home(void) { return xdg_base("XDG_CONFIG_HOME", ".config"); }
char *kf_config_path(void) {
    const char *own = env("KEYFOB_CONFIG");
    return own ? kf_strdup(own) : xdg("XDG_CONFIG_HOME", ".config", "keyfob/keyfob.conf");
}

char *kf_runtime_base(void) {
    struct stat st;
    if (absolute("XDG_RUNTIME_DIR")) return kf_strdup(absolute("XDG_RUNTIME_DIR"));
    char *dir = kf_strfmt("/run/user/%u", (unsigned)geteuid());
    bool ours = !lstat(dir, &st) && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
                (st.st_mode & 077) == 0;
    if (ours) return dir;
    free(dir);
    return NULL;
}

char *kf_runtime_dir(kf_err *err) {
    const char *own = env("KEYFOB_SOCKET");
    KF_AUTO_CHARS base = kf_runtime_base();
    if (own) {
        const char *slash = strrchr(own, '/');
        if (*own == '/' && slash != own) return strndup(own, (size_t)(slash - own));
        kf_fail(err, KF_ERR_WIRE_PATH, "KEYFOB_SOCKET is %.100s", own);
        kf_hint(err, "Set KEYFOB_SOCKET to an absolute path, in a directory of your own.");
        return NULL;
    }
    char *dir =
        base ? kf_strfmt("%s/keyfob", base) : kf_strfmt("/tmp/keyfob-%u", (unsigned)geteuid());
    if (access(dir, F_OK) == 0 && !kf_socket_dir_check(dir, false, err)) {
        free(dir);
        return NULL;
    }
    return dir;
}

char *kf_socket_path(kf_err *err) {
    KF_AUTO_CHARS dir = kf_runtime_dir(err);
    if (!dir) return NULL;
    const char *own = env("KEYFOB_SOCKET");
    char *path = own ? kf_strdup(own) : kf_strfmt("%s/agent.sock", dir);
    if (strlen(path) > 107) {
        kf_fail(err, KF_ERR_WIRE_PATH,
                "the socket's path has %zu bytes, 107 are the most: %.120s...", strlen(path), path);
        free(path);
        return NULL;
    }
    return path;
}

char *kf_path_absolute(const char *path, kf_err *err) {
    char here[PATH_MAX];
    if (*path == '/') return kf_strdup(path);
    if (getcwd(here, sizeof here)) return kf_strfmt("%s/%s", here, path);
    kf_fail_errno(err, KF_ERR_SYS_IO, "%.100s: the current directory", path);
    return NULL;
}

/* A relative path counts from the directory of the program that set the variable, and the agent
 * runs in /.
 */
static bool make_absolute(const char *name, kf_err *err) {
    if (!env(name)) return true;
    KF_AUTO_CHARS path = kf_path_absolute(env(name), err);
    if (!path) return false;
    return !setenv(name, path, 1) || kf_fail_errno(err, KF_ERR_SYS_IO, "set %s", name);
}

bool kf_paths_settle(kf_err *err) {
    static const char *const files[] = {"KEYFOB_CONFIG", "KEYFOB_PASSPHRASE_FILE",
                                        "KEYFOB_LOG_FILE", "SSL_CERT_FILE", "SSL_CERT_DIR"};
    static const char *const dirs[] = {"XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"};
    bool needs_home = false;
    for (size_t i = 0; i < KF_LEN(files); i++)
        if (!make_absolute(files[i], err)) return false;
    for (size_t i = 0; i < KF_LEN(dirs); i++) needs_home |= !absolute(dirs[i]);
    KF_AUTO_CHARS home = needs_home ? kf_home_dir(err) : NULL;
    return home || !needs_home;
}

char *kf_socket_sibling(const char *socket_path, const char *ext) {
    size_t n = strlen(socket_path);
    bool usual = n > 5 && !strcmp(socket_path + n - 5, ".sock");
    return kf_strfmt("%.*s.%s", (int)(usual ? n - 5 : n), socket_path, ext);
}

char *kf_program_path(const char *name, kf_err *err) {
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n > 0) {
        self[n] = 0;
        char *slash = strrchr(self, '/');
        if (slash) *slash = 0;
        for (int i = 0; i < 2;
             i++) { /* the build tree; then an installation, wherever it was put */
            char *path = i ? kf_strfmt("%s/../libexec/keyfob/%s", self, name)
                           : kf_strfmt("%s/%s", self, name);
            if (access(path, X_OK) == 0) return path;
            free(path);
        }
    }
    char *path = kf_strfmt("%s/%s", KF_LIBEXECDIR, name);
    if (access(path, X_OK) == 0) return path;
    kf_fail(err, KF_ERR_SYS_SPAWN, "%s is neither beside keyfob nor in %s", name, KF_LIBEXECDIR);
    free(path);
    return NULL;
}
