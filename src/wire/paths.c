/* Where things are: pure functions of the environment. */
#include "wire/client.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/str.h"
#include "wire/socket.h"

static const char *env(const char *name) {
    const char *v = getenv(name);
    return v && *v ? v : NULL;
}

/* XDG paths must be absolute; others are ignored, as the specification says. */
static char *xdg_base(const char *name, const char *fallback) {
    const char *base = env(name), *home = env("HOME");
    if (base && *base == '/') return kf_strdup(base);
    return kf_strfmt("%s/%s", home ? home : "/", fallback);
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
    const char *base = env("XDG_RUNTIME_DIR");
    struct stat st;
    if (base && *base == '/') return kf_strdup(base);
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
        if (!slash || slash == own)
            return kf_fail(err, KF_ERR_WIRE_PATH, "KEYFOB_SOCKET must be an absolute path"), NULL;
        return strndup(own, (size_t)(slash - own));
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
