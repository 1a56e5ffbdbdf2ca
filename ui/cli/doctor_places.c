/* Directories and files that keyfob trusts: who owns them, who may write there. */
#include "ui/cli/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "base/str.h"
#include "guard/path.h"
#include "wire/client.h"

/* Checks dir, or the nearest directory above it that exists. */
static void check_dir(kf_checks *k, const char *id, const char *dir, kf_path_want want) {
    KF_AUTO_CHARS at = kf_strdup(dir);
    struct stat st;
    kf_err e;
    while (stat(at, &st) && errno == ENOENT && strrchr(at, '/') > at) *strrchr(at, '/') = 0;
    bool whole = !strcmp(at, dir);
    if (!kf_path_check(at, whole ? want : KF_PATH_WAY, &e))
        kf_check_add(k, id, "fail", *e.hint ? e.hint : "look at that path", "%s", e.what);
    else if (access(at, X_OK))
        kf_check_add(k, id, "fail", "chmod u+rwx it", "%s cannot be entered", at);
    else if (whole) kf_check_add(k, id, "ok", NULL, "%s", dir);
    else kf_check_add(k, id, "ok", NULL, "%s, not made yet", dir);
}

static void check_conf(kf_checks *k) {
    KF_AUTO_CHARS path = kf_config_path();
    KF_AUTO_CHARS dir = kf_strdup(path);
    char *slash = strrchr(dir, '/');
    kf_err e;
    if (slash && slash != dir) {
        *slash = 0;
        check_dir(k, "config_dir", dir, KF_PATH_DIR);
    }
    if (kf_path_check(path, KF_PATH_FILE, &e)) {
        if (access(path, R_OK))
            kf_check_add(k, "settings_file", "fail", "chmod u+r it", "%s cannot be read", path);
        else kf_check_add(k, "settings_file", "ok", NULL, "%s", path);
    } else if (errno == ENOENT)
        kf_check_add(k, "settings_file", "ok", NULL, "%s, not made yet", path);
    else
        kf_check_add(k, "settings_file", "fail", *e.hint ? e.hint : "look at the path", "%s",
                     e.what);
}

/* Where flock may hold on one host only; NULL: a file system of this machine. */
static const char *shared_between_hosts(const char *dir) {
    static const struct {
        unsigned long magic; /* statfs(2), linux/magic.h */
        const char *name;
    } all[] = {{0x6969, "NFS"},       {0xff534d42, "SMB"},
               {0xfe534d42, "SMB"},   {0x517b, "SMB"},
               {0x01021997, "9P"},    {0x65735546, "FUSE"},
               {0x5346414f, "AFS"},   {0x6b414653, "AFS"},
               {0x00c36400, "Ceph"},  {0x786f4256, "VirtualBox"},
               {0x0bd00bd0, "Lustre"}};
    struct statfs fs;
    if (statfs(dir, &fs)) return NULL;
    for (size_t i = 0; i < KF_LEN(all); i++)
        if ((unsigned long)fs.f_type == all[i].magic) return all[i].name;
    return NULL;
}

/* Renewals rest on flock: two descriptors of one file, and the second must be refused. */
static void check_flock(kf_checks *k, const char *dir) {
    KF_AUTO_CHARS path = kf_strfmt("%s/doctor.XXXXXX", dir);
    struct stat st;
    const char *shared;
    if (stat(dir, &st) || !S_ISDIR(st.st_mode)) return; /* there is none yet, or it was told */
    int one = mkostemp(path, O_CLOEXEC),
        two = one < 0 ? -1 : open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (one >= 0) unlink(path);
    if (two < 0)
        kf_check_add(k, "flock", "fail", "look at permissions and free space",
                     "no file can be made in %s: %s", dir, strerror(errno));
    else if (flock(one, LOCK_EX | LOCK_NB))
        kf_check_add(k, "flock", "fail",
                     "put the state directory on a local file system (XDG_STATE_HOME)", "%s: %s",
                     dir, strerror(errno));
    else if (!flock(two, LOCK_EX | LOCK_NB))
        kf_check_add(k, "flock", "fail",
                     "put the state directory on a local file system (XDG_STATE_HOME)",
                     "%s: two programs can hold one lock", dir);
    else if ((shared = shared_between_hosts(dir)))
        kf_check_add(k, "flock", "warn",
                     "use keyfob on one host at a time, or put the state directory on a local file "
                     "system (XDG_STATE_HOME)",
                     "locks hold on this host, but %s is on %s: another host may not see them", dir,
                     shared);
    else kf_check_add(k, "flock", "ok", NULL, "locks hold in %s", dir);
    if (one >= 0) close(one);
    if (two >= 0) close(two);
}

static void check_socket(kf_checks *k, const char *dir) {
    KF_AUTO_CHARS path = kf_strfmt("%s/agent.sock", dir);
    struct stat st;
    const char *own = getenv("KEYFOB_SOCKET");
    if (own && *own) free(path), path = kf_strdup(own);
    if (lstat(path, &st)) {
        kf_check_add(k, "socket", "ok", NULL, "%s, no agent has made it yet", path);
        return;
    }
    bool mine = st.st_uid == geteuid();
    bool ours = S_ISSOCK(st.st_mode) && mine && !(st.st_mode & 0077);
    KF_AUTO_CHARS todo = kf_strfmt(mine ? "keyfob agent stop, then remove %s"
                                        : "set XDG_RUNTIME_DIR to a directory of yours; %s is not",
                                   path);
    kf_check_add(k, "socket", ours ? "ok" : "fail", ours ? NULL : todo,
                 ours ? "%s" : "%s is no socket of yours alone (owner %u, mode %04o)", path,
                 (unsigned)st.st_uid, (unsigned)st.st_mode & 07777);
}

void kf_checks_of_places(kf_checks *k) {
    kf_err e;
    const char *own = getenv("KEYFOB_SOCKET"), *base = getenv("XDG_RUNTIME_DIR");
    /* not kf_runtime_dir: it refuses a bad one, which is to be shown */
    KF_AUTO_CHARS run = own && *own            ? kf_strdup(own)
                        : base && *base == '/' ? kf_strfmt("%s/keyfob", base)
                                               : kf_strfmt("/tmp/keyfob-%u", (unsigned)geteuid());
    if (own && *own && strrchr(run, '/')) *strrchr(run, '/') = 0;
    if (!*run || *run == '/') check_dir(k, "runtime_dir", *run ? run : "/", KF_PATH_PRIVATE_DIR);
    KF_AUTO_CHARS path = kf_socket_path(&e);
    if (!path && e.code == KF_ERR_WIRE_PATH)
        kf_check_add(k, "socket", "fail",
                     *e.hint ? e.hint : "set XDG_RUNTIME_DIR to a shorter path", "%s", e.what);
    else check_socket(k, run);
    KF_AUTO_CHARS state = kf_state_dir();
    KF_AUTO_CHARS data = kf_data_dir();
    check_dir(k, "state_dir", state, KF_PATH_DIR);
    check_flock(k, state);
    check_conf(k);
    check_dir(k, "data_dir", data, KF_PATH_DIR);
    KF_AUTO_CHARS vault = kf_strfmt("%s/vault", data);
    if (!access(vault, F_OK)) check_dir(k, "vault_dir", vault, KF_PATH_DIR);
}
