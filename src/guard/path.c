/* The check whether a path can be trusted: walks each part, also through links, and judges
 * owner, group, mode and type. It makes directories only in kf_path_make_dir. */
#include "guard/path.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/str.h"

enum { LINKS_MAX = 40, SHOWN_MAX = 120 };
#define ELSEWHERE "set XDG_RUNTIME_DIR, XDG_..._HOME, KEYFOB_SOCKET or KEYFOB_CONFIG to a place"

/* ---- who counts as trusted ---- */

/* In a user namespace that does not map them, files of the host's root belong to the overflow uid.
 * So do files of the host's other users, so only directories that nobody here can write are taken
 * for root's. */
static bool is_outside(uid_t uid) {
    unsigned inside = 1, outside = 1, overflow = 65534;
    unsigned long count = 0;
    FILE *f = fopen("/proc/self/uid_map", "re");
    bool known = f && fscanf(f, "%u %u %lu", &inside, &outside, &count) == 3;
    if (f) fclose(f);
    if (!known || (!inside && !outside && count >= UINT_MAX)) return false;
    if ((f = fopen("/proc/sys/kernel/overflowuid", "re"))) {
        if (fscanf(f, "%u", &overflow) != 1) overflow = 65534;
        fclose(f);
    }
    return uid == overflow;
}

/* A group of the user's own name without other members, as distributions make for each user whose
 * umask is 002. */
static bool is_own_group(gid_t gid) {
    char names[2][4096];
    struct group g, *group = NULL;
    struct passwd p, *user = NULL;
    if (gid != getegid() || getgrgid_r(gid, &g, names[0], sizeof names[0], &group) || !group ||
        getpwuid_r(geteuid(), &p, names[1], sizeof names[1], &user) || !user ||
        strcmp(g.gr_name, p.pw_name))
        return false;
    for (char **m = g.gr_mem; *m; m++)
        if (strcmp(*m, p.pw_name)) return false;
    return true;
}

/* ---- one part ---- */

const char *kf_path_end(const char *path) {
    size_t n = strlen(path), from = n > SHOWN_MAX ? n - SHOWN_MAX : 0;
    while (((unsigned char)path[from] & 0xc0) == 0x80) from++;
    return path + from;
}

__attribute__((format(printf, 4, 5))) static bool refuse(const char *path, const char *todo,
                                                         kf_err *err, const char *fmt, ...) {
    char why[100];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    kf_fail(err, KF_ERR_SYS_OWNER, "Bad owner or permissions on %s: %s", kf_path_end(path), why);
    if (todo) kf_hint(err, "%s %s", todo, kf_path_end(path));
    errno = EPERM;
    return false;
}

static bool owner_ok(const char *path, const struct stat *st, kf_path_want want, kf_err *err) {
    uid_t uid = st->st_uid;
    bool own_only = want == KF_PATH_DIR || want == KF_PATH_PRIVATE_DIR;
    if (uid == geteuid() || (!own_only && (uid == 0 || is_outside(uid)))) return true;
    refuse(path, NULL, err, "it belongs to user %u, not to you (user %u)", (unsigned)uid,
           (unsigned)geteuid());
    if (!geteuid())
        return kf_hint(err, "Run keyfob as that user, without sudo, or " ELSEWHERE " of root's.");
    if (S_ISDIR(st->st_mode)) return kf_hint(err, "Use another place: " ELSEWHERE " of yours.");
    return kf_hint(err, "Look at what is in it. If it is right, replace it with a copy of yours.");
}

/* Directories that are keyfob's alone. The mode of any other one, such as /tmp with
 * KEYFOB_SOCKET=/tmp/s, is not keyfob's to change. */
static bool is_ours_alone(const char *path, const struct stat *st) {
    const char *name = strrchr(path, '/');
    return st->st_uid == geteuid() &&
           (!S_ISDIR(st->st_mode) ||
            (name && (kf_str_starts(name + 1, "keyfob") || !strcmp(name + 1, "vault"))));
}

/* What is advised may be run by root without a second look: it must harm nothing. */
static bool refuse_mode(const char *path, const struct stat *st, kf_path_want want, kf_err *err) {
    bool enter = want == KF_PATH_PRIVATE_DIR || want == KF_PATH_SECRET, all = st->st_mode & 002;
    refuse(path, NULL, err,
           enter ? "it is open to other users (mode %04o)" : "other users can write it (mode %04o)",
           (unsigned)st->st_mode & 07777);
    const char *end = kf_path_end(path);
    if (is_ours_alone(path, st))
        return kf_hint(
            err, enter ? "Run: chmod go-rwx %s" : "Look at what is in it, then run: chmod go-w %s",
            end);
    if (S_ISDIR(st->st_mode) && want == KF_PATH_WAY && st->st_uid == geteuid())
        return kf_hint(err, "Run: chmod %s %s", all ? "+t" : "g-w", end);
    return kf_hint(err, "Use another place: " ELSEWHERE " of yours.");
}

static bool mode_ok(const char *path, const struct stat *st, kf_path_want want, kf_err *err) {
    mode_t m = st->st_mode;
    if (want == KF_PATH_WAY) {
        if (!(m & 022) || m & S_ISVTX) return true;
        if (!(m & 002) && st->st_uid == geteuid() && is_own_group(st->st_gid)) return true;
    } else if (want == KF_PATH_PRIVATE_DIR || want == KF_PATH_SECRET) {
        if (!(m & 077)) return true;
    } else if (!(m & 022)) return true;
    return refuse_mode(path, st, want, err);
}

static bool type_ok(const char *path, const struct stat *st, kf_path_want want, kf_err *err) {
    bool file = want == KF_PATH_FILE || want == KF_PATH_SECRET;
    errno = file ? EINVAL : ENOTDIR;
    if (file ? S_ISREG(st->st_mode) : S_ISDIR(st->st_mode)) return true;
    const char *end = kf_path_end(path);
    if (file) return kf_fail(err, KF_ERR_SYS_IO, "%s is not a regular file", end);
    kf_fail(err, KF_ERR_SYS_OWNER, "%s is not a directory", end);
    return kf_hint(err, "Move it away: mv %s %s.old", end, end);
}

static bool part_ok(const char *path, const struct stat *st, kf_path_want want, kf_err *err) {
    return type_ok(path, st, want, err) && owner_ok(path, st, want, err) &&
           mode_ok(path, st, want, err);
}

bool kf_path_check_fd(int fd, const char *path, kf_path_want want, kf_err *err) {
    struct stat st;
    if (fstat(fd, &st)) return kf_fail_errno(err, KF_ERR_SYS_IO, "%s", kf_path_end(path));
    if (want == KF_PATH_FILE && S_ISCHR(st.st_mode)) return owner_ok(path, &st, want, err);
    return part_ok(path, &st, want, err);
}

/* ---- the way to it ---- */

typedef struct kf_walk {
    char at[PATH_MAX], rest[PATH_MAX]; /* at: judged, without links; rest: what is to come */
    int links;
    bool shared; /* others may write into at */
} kf_walk;

static bool too_long(const char *path, kf_err *err) {
    errno = ENAMETOOLONG;
    return kf_fail_errno(err, KF_ERR_SYS_IO, "%s", kf_path_end(path));
}

/* A link may be put elsewhere by its owner alone, so its owner counts like a file's. */
static bool follow(kf_walk *w, const char *link, const struct stat *st, kf_err *err) {
    char to[PATH_MAX], both[PATH_MAX];
    ssize_t n = readlink(link, to, sizeof to - 1);
    if (n < 0) return kf_fail_errno(err, KF_ERR_SYS_IO, "%s", kf_path_end(link));
    to[n] = 0;
    if (!owner_ok(link, st, KF_PATH_FILE, err)) return false;
    errno = ELOOP;
    if (++w->links > LINKS_MAX) return kf_fail_errno(err, KF_ERR_SYS_IO, "%s", kf_path_end(link));
    if ((size_t)snprintf(both, sizeof both, "%s/%s", to, w->rest) >= sizeof both)
        return too_long(link, err);
    memcpy(w->rest, both, strlen(both) + 1);
    if (*to == '/') w->at[0] = 0;
    return true;
}

/* The next name of rest. "": none is left */
static char *next_name(kf_walk *w, char name[NAME_MAX + 1], bool *last) {
    char *p = w->rest + strspn(w->rest, "/");
    size_t n = strcspn(p, "/");
    if (n > NAME_MAX) return NULL;
    memcpy(name, p, n);
    name[n] = 0;
    p += n;
    p += strspn(p, "/");
    *last = !*p;
    memmove(w->rest, p, strlen(p) + 1);
    return name;
}

/* In a directory that others write into, a second name of a file of ours may be theirs. */
static bool name_ok(const kf_walk *w, const char *path, const struct stat *st, kf_err *err) {
    if (!w->shared || !S_ISREG(st->st_mode) || st->st_nlink == 1) return true;
    return refuse(path, NULL, err, "it has another name (a hard link)");
}

static bool step(kf_walk *w, const char *name, bool last, kf_path_want want, kf_err *err) {
    char path[PATH_MAX];
    struct stat st;
    if (!strcmp(name, ".") || !*name) return true;
    if (!strcmp(name, "..")) {
        char *slash = strrchr(w->at, '/');
        if (slash) *slash = 0;
        return true;
    }
    if ((size_t)snprintf(path, sizeof path, "%s/%s", w->at, name) >= sizeof path)
        return too_long(name, err);
    if (lstat(path, &st)) return kf_fail_errno(err, KF_ERR_SYS_IO, "%s", kf_path_end(path));
    if (S_ISLNK(st.st_mode) && !(last && want == KF_PATH_PRIVATE_DIR))
        return follow(w, path, &st, err);
    if (!part_ok(path, &st, last ? want : KF_PATH_WAY, err) ||
        (last && !name_ok(w, path, &st, err)))
        return false;
    w->shared = S_ISDIR(st.st_mode) && st.st_mode & 022;
    memcpy(w->at, path, strlen(path) + 1);
    return true;
}

static bool start(kf_walk *w, const char *path, kf_err *err) {
    struct stat st;
    char cwd[PATH_MAX] = "";
    *w = (kf_walk){.links = 0};
    if (*path != '/' && !getcwd(cwd, sizeof cwd))
        return kf_fail_errno(err, KF_ERR_SYS_IO, "the working directory");
    if ((size_t)snprintf(w->rest, sizeof w->rest, "%s/%s", cwd, path) >= sizeof w->rest)
        return too_long(path, err);
    if (stat("/", &st)) return kf_fail_errno(err, KF_ERR_SYS_IO, "/");
    return part_ok("/", &st, KF_PATH_WAY, err);
}

bool kf_path_check(const char *path, kf_path_want want, kf_err *err) {
    kf_walk w;
    char name[NAME_MAX + 1];
    bool last = false;
    if (!start(&w, path, err)) return false;
    while (*w.rest) {
        if (!next_name(&w, name, &last)) return too_long(path, err);
        if (!step(&w, name, last, want, err)) return false;
    }
    return true;
}

/* ---- making ---- */

static bool flush_parent(const char *parent) {
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return errno == EACCES;
    bool ok = !fsync(fd) || errno == EINVAL; /* some file systems cannot, and need not */
    int why = errno;
    close(fd);
    errno = why;
    return ok;
}

bool kf_path_make_dir(const char *dir, kf_err *err) {
    KF_AUTO_CHARS path = kf_strdup(dir);
    KF_AUTO_CHARS parent = kf_strdup(*path == '/' ? "/" : ".");
    for (char *p = path + 1; *path; p++) {
        struct stat st;
        if (*p && *p != '/') continue;
        char saved = *p;
        *p = 0;
        if (lstat(path, &st)) {
            if (errno != ENOENT)
                return kf_fail_errno(err, KF_ERR_SYS_IO, "make %s", kf_path_end(path));
            if (!kf_path_check(parent, KF_PATH_WAY, err)) return false;
            if (mkdir(path, 0700) && errno != EEXIST)
                return kf_fail_errno(err, KF_ERR_SYS_IO, "make %s", kf_path_end(path));
            if (!flush_parent(parent))
                return kf_fail_errno(err, KF_ERR_SYS_IO, "flush the directory of %s",
                                     kf_path_end(path));
        }
        free(parent);
        parent = kf_strdup(path);
        *p = saved;
        if (!saved) break;
    }
    return kf_path_check(dir, KF_PATH_DIR, err);
}
