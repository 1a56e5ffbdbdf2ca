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
#include "wire/client.h"

/* One directory on the way: whoever may rename what is in it can put something else in the place of
 * ours. */
static const char *way_is_bad(const char *dir, const struct stat *st) {
    if (!S_ISDIR(st->st_mode)) return "is not a directory";
    if (st->st_uid != geteuid() && st->st_uid != 0) return "belongs to somebody else";
    if ((st->st_mode & 0002) && !(st->st_mode & S_ISVTX)) return "can be written by everybody";
    return access(dir, X_OK) ? "cannot be entered" : NULL;
}

static const char *own_is_bad(const char *dir, const struct stat *st, bool closed) {
    if (!S_ISDIR(st->st_mode)) return "is not a directory";
    if (st->st_uid != geteuid()) return "belongs to somebody else";
    if (st->st_mode & 0022) return "can be written by others";
    if (closed && st->st_mode & 0077) return "is open to others";
    return access(dir, X_OK) ? "cannot be entered" : NULL;
}

/* Directories that are keyfob's alone. Of any other one, as /tmp with KEYFOB_SOCKET=/tmp/s, the
 * mode is not keyfob's to change. */
static bool is_our_own(const char *dir) {
    const char *name = strrchr(dir, '/');
    return name && (kf_str_starts(name + 1, "keyfob") || !strcmp(name + 1, "vault"));
}

/* What is advised may be run by root, without a second look: it must harm nothing. */
static char *what_to_do(const char *dir, const struct stat *st, const char *why) {
    static const char elsewhere[] = "set XDG_RUNTIME_DIR, XDG_..._HOME, KEYFOB_SOCKET or "
                                    "KEYFOB_CONFIG to a place of yours";
    if (!S_ISDIR(st->st_mode)) return kf_strfmt("move it away: mv %s %s.old", dir, dir);
    if (st->st_uid != geteuid())
        return kf_strfmt("%s%s", geteuid() ? "" : "run keyfob as that user, without sudo, or ",
                         elsewhere);
    if (strstr(why, "everybody")) return kf_strfmt("chmod +t %s", dir);
    if (strstr(why, "entered")) return kf_strfmt("chmod u+x %s", dir);
    return is_our_own(dir) ? kf_strfmt("chmod 700 %s", dir) : kf_strdup(elsewhere);
}

static void tell(kf_checks *k, const char *id, const char *dir, const struct stat *st,
                 const char *why) {
    KF_AUTO_CHARS todo = what_to_do(dir, st, why);
    kf_check_add(k, id, "fail", todo, "%s %s (owner %u, mode %04o)", dir, why, (unsigned)st->st_uid,
                 (unsigned)st->st_mode & 07777);
}

/* The part of the path that exists, without links; the whole one when *whole. Caller frees. */
static char *existing(const char *path, bool *whole) {
    KF_AUTO_CHARS p = kf_strdup(path);
    *whole = true;
    for (;;) {
        char *real = realpath(p, NULL);
        if (real) return real;
        char *slash = strrchr(p, '/');
        if (!slash || slash == p) return kf_strdup("/");
        *slash = 0;
        *whole = false;
    }
}

static void check_dir(kf_checks *k, const char *id, const char *dir, bool closed) {
    bool whole;
    KF_AUTO_CHARS real = existing(dir, &whole);
    struct stat st;
    for (size_t i = 0;; i++) { /* from the root down, so that the first bad one is named */
        if (i && real[i] && real[i] != '/') continue;
        char saved = real[i];
        if (i) real[i] = 0;
        bool last = i && !saved && whole;
        const char *here = i ? real : "/", *why = NULL;
        if (stat(here, &st))
            kf_check_add(k, id, "fail", "look at that path", "%s: %s", here, why = strerror(errno));
        else if ((why = last ? own_is_bad(here, &st, closed) : way_is_bad(here, &st)))
            tell(k, id, here, &st, why);
        real[i] = saved;
        if (why) return;
        if (i && !saved) break;
    }
    if (whole) kf_check_add(k, id, "ok", NULL, "%s", dir);
    else kf_check_add(k, id, "ok", NULL, "%s, not made yet", dir);
}

static void check_conf(kf_checks *k) {
    KF_AUTO_CHARS path = kf_config_path();
    KF_AUTO_CHARS dir = kf_strdup(path);
    char *slash = strrchr(dir, '/');
    struct stat st;
    if (slash && slash != dir) {
        *slash = 0;
        check_dir(k, "config_dir", dir, false);
    }
    if (stat(path, &st)) {
        if (errno == ENOENT) kf_check_add(k, "settings_file", "ok", NULL, "%s, not made yet", path);
        else
            kf_check_add(k, "settings_file", "fail", "look at the path", "%s: %s", path,
                         strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        kf_check_add(k, "settings_file", "fail", "put a file there", "%s is not a regular file",
                     path);
    } else if (st.st_uid != geteuid() || st.st_mode & 0022) {
        KF_AUTO_CHARS todo = kf_strfmt("make it yours, and chmod 600 %s", path);
        kf_check_add(k, "settings_file", "fail", todo,
                     "%s can be changed by others (owner %u, mode %04o)", path, (unsigned)st.st_uid,
                     (unsigned)st.st_mode & 07777);
    } else if (access(path, R_OK)) {
        kf_check_add(k, "settings_file", "fail", "chmod u+r it", "%s cannot be read", path);
    } else kf_check_add(k, "settings_file", "ok", NULL, "%s", path);
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
    check_dir(k, "runtime_dir", *run ? run : "/", true);
    KF_AUTO_CHARS path = kf_socket_path(&e);
    if (!path && e.code == KF_ERR_WIRE_PATH)
        kf_check_add(k, "socket", "fail", "set XDG_RUNTIME_DIR to a shorter path", "%s", e.what);
    else check_socket(k, run);
    KF_AUTO_CHARS state = kf_state_dir();
    KF_AUTO_CHARS data = kf_data_dir();
    check_dir(k, "state_dir", state, false);
    check_flock(k, state);
    check_conf(k);
    check_dir(k, "data_dir", data, false);
    KF_AUTO_CHARS vault = kf_strfmt("%s/vault", data);
    if (!access(vault, F_OK)) check_dir(k, "vault_dir", vault, true);
}
