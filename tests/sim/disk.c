/* A disk for the keeper's state directory: io/files.h, io/lock.h and what it needs of guard/path.h.
 * What was flushed stays. What was not is lost, kept or torn by sector when the power goes. */
#include "tests/sim/sim.h"

#include <errno.h>
#include <stdio.h>
#include "guard/path.h"
#include "io/files.h"
#include "io/lock.h"

enum { FILES = 24, FDS = 64, SECTOR = 512 };

typedef struct text { /* NULL: there is no such file */
    char *p;
    size_t n;
} text;

typedef struct file {
    char path[64];
    text now, durable;
    bool is_flushed, in_place;
    int holder; /* fd, or -1 */
} file;

static file files[FILES];
static size_t n_files;
static struct {
    file *f;
    proc *p;
} fds[FDS];

const char *const sim_ids[PROFILES] = {"00000000000000a1", "00000000000000b2", "00000000000000c3"};

int sim_profile(const char *id) {
    for (int i = 0; i < PROFILES; i++)
        if (!strcmp(id, sim_ids[i])) return i;
    abort();
}

static text text_new(const char *p, size_t n) {
    text t = {malloc(n + 1), n};
    if (!t.p) abort();
    if (n) memcpy(t.p, p, n);
    t.p[n] = 0;
    return t;
}

static void text_set(text *to, text from) {
    free(to->p);
    *to = from;
}

static text text_copy(text t) { return t.p ? text_new(t.p, t.n) : (text){0}; }

void sim_disk_reset(void) {
    for (size_t i = 0; i < n_files; i++) {
        free(files[i].now.p);
        free(files[i].durable.p);
    }
    memset(files, 0, sizeof files);
    memset(fds, 0, sizeof fds);
    n_files = 0;
}

static file *find(const char *path, bool make) {
    for (size_t i = 0; i < n_files; i++)
        if (!strcmp(files[i].path, path)) return &files[i];
    if (!make) return NULL;
    if (n_files == FILES) abort();
    file *f = &files[n_files++];
    snprintf(f->path, sizeof f->path, "%s", path);
    f->is_flushed = true;
    f->holder = -1;
    return f;
}

/* One thing that a process does to disk or store. It may fail, and it may be the last one. */
bool sim_step(const char *what) {
    proc *p = S.cur;
    errno = EIO;
    if (!p || p->dead) return !p;
    if (p->dying) return false;
    if (p->steps_left && --p->steps_left == 0) {
        sim_story("agent %d: killed before: %s", p->number, what);
        p->dying = true;
        return false;
    }
    if (S.disk == DISK_FAILS && sim_chance(400)) {
        errno = sim_chance(500) ? EIO : ENOSPC;
        sim_story("disk: %s fails: %s", what, strerror(errno));
        return false;
    }
    return true;
}

static void flush(file *f) {
    text_set(&f->durable, text_copy(f->now));
    f->is_flushed = true;
}

/* ---- power ---- */

static text torn(text old, text new) {
    size_t n = sim_chance(500) ? old.n : new.n;
    text t = text_new("", 0);
    free(t.p);
    t = (text){calloc(1, n + 1), n};
    if (!t.p) abort();
    for (size_t at = 0; at < n; at += SECTOR) {
        text from = sim_chance(500) ? old : new;
        size_t room = n - at < SECTOR ? n - at : SECTOR;
        if (at < from.n) memcpy(t.p + at, from.p + at, from.n - at < room ? from.n - at : room);
    }
    return t;
}

void sim_disk_power(void) {
    for (size_t i = 0; i < n_files; i++) {
        file *f = &files[i];
        f->holder = -1;
        if (f->is_flushed) continue;
        uint32_t how = sim_pick(3);
        if (how == 0 && f->in_place && f->durable.p && f->now.p) {
            text_set(&f->now, torn(f->durable, f->now));
            sim_story("disk: %s is torn", f->path);
        } else if (how <= 1) {
            text_set(&f->now, text_copy(f->durable));
            sim_story("disk: %s is as it was before", f->path);
        }
        flush(f);
    }
    memset(fds, 0, sizeof fds);
}

/* ---- io/files.h ---- */

bool kf_file_read(const char *path, size_t max, kf_secret **out, kf_err *err) {
    static const char machine[] = "0123456789abcdef0123456789abcdef\n";
    if (!strcmp(path, "/etc/machine-id")) {
        *out = kf_secret_new(machine, sizeof machine - 1);
        return true;
    }
    file *f = find(path, false);
    if (!f || !f->now.p) errno = ENOENT;
    else if (sim_step("read")) {
        *out = kf_secret_new(f->now.p, f->now.n);
        return true;
    }
    return kf_fail_errno(err, KF_ERR_SYS_IO, "read %s", path);
}

bool kf_file_replace(const char *path, const void *data, size_t len, kf_err *err) {
    file *f = find(path, true);
    if (!sim_step("write a new file") || !sim_step("flush a new file") ||
        !sim_step("rename a new file"))
        return kf_fail_errno(err, KF_ERR_SYS_IO, "write %s", path);
    text_set(&f->now, text_new(data, len));
    f->is_flushed = false;
    if (!sim_step("flush the directory"))
        return kf_fail_errno(err, KF_ERR_SYS_IO, "flush the directory of %s", path);
    flush(f);
    return true;
}

bool kf_file_remove(const char *path, kf_err *err) {
    file *f = find(path, true);
    if (!sim_step("remove a file")) return kf_fail_errno(err, KF_ERR_SYS_IO, "remove %s", path);
    text_set(&f->now, (text){0});
    f->is_flushed = false;
    if (!sim_step("flush the directory"))
        return kf_fail_errno(err, KF_ERR_SYS_IO, "flush the directory of %s", path);
    flush(f);
    return true;
}

bool kf_file_is_there(const char *path) {
    const file *f = find(path, false);
    return f && f->now.p;
}

bool kf_path_make_dir(const char *dir, kf_err *err) { return true; }

/* ---- io/lock.h ---- */

int kf_lock_open(const char *path, kf_err *err) {
    file *f = find(path, true);
    if (!sim_step("open a lock")) return kf_fail_errno(err, KF_ERR_SYS_IO, "open %s", path), -1;
    if (!f->now.p) {
        text_set(&f->now, text_new("", 0));
        f->is_flushed = false;
    }
    for (int i = 1; i < FDS; i++)
        if (!fds[i].f) {
            fds[i].f = f;
            fds[i].p = S.cur;
            return i;
        }
    abort();
}

int kf_lock_try(int fd, kf_err *err) {
    file *f = fds[fd].f;
    if (S.cur && (S.cur->dead || S.cur->dying)) return 0;
    if (f->holder >= 0 && f->holder != fd) return 0;
    f->holder = fd;
    return 1;
}

void kf_lock_drop(int fd) {
    if (fd < 0 || !fds[fd].f) return;
    if (fds[fd].f->holder == fd) fds[fd].f->holder = -1;
    fds[fd].f = NULL;
}

void sim_disk_close(const proc *p) {
    for (int i = 1; i < FDS; i++)
        if (fds[i].f && fds[i].p == p) {
            if (fds[i].f->holder == i) fds[i].f->holder = -1;
            fds[i].p = NULL; /* kf_lock_drop frees it, when the keeper is freed */
        }
}

bool kf_lock_holder_find(int fd, kf_lock_holder *out) { return false; }

static char *line_of(const file *f, size_t max) {
    size_t n = f && f->now.p ? f->now.n : 0;
    const char *end = n ? memchr(f->now.p, '\n', n) : NULL;
    if (end) n = (size_t)(end - f->now.p) + 1;
    if (n > max) n = max;
    char *line = malloc(n + 1);
    if (!line) abort();
    if (n) memcpy(line, f->now.p, n);
    line[n] = 0;
    return line;
}

char *kf_lock_line(int fd, size_t max, kf_err *err) {
    if (sim_step("read a ledger")) return line_of(fds[fd].f, max);
    return kf_fail_errno(err, KF_ERR_SYS_IO, "read a lock file"), NULL;
}

char *kf_lock_line_peek(const char *path, size_t max, int64_t *changed_at, kf_err *err) {
    if (changed_at) *changed_at = kf_unix_s();
    if (sim_step("read a ledger")) return line_of(find(path, false), max);
    return kf_fail_errno(err, KF_ERR_SYS_IO, "open %s", path), NULL;
}

bool kf_lock_line_write(int fd, const char *line, kf_err *err) {
    file *f = fds[fd].f;
    size_t n = strlen(line);
    if (!sim_step("write a ledger")) return kf_fail_errno(err, KF_ERR_SYS_IO, "write a lock file");
    text long_one = text_copy(f->now);
    f->in_place = true;
    f->is_flushed = false;
    if (long_one.n > n) { /* its tail stays until it is cut */
        memcpy(long_one.p, line, n);
        text_set(&f->now, long_one);
    } else {
        free(long_one.p);
        text_set(&f->now, text_new(line, n));
    }
    if (!sim_step("cut a ledger")) return kf_fail_errno(err, KF_ERR_SYS_IO, "flush a lock file");
    text_set(&f->now, text_new(line, n));
    if (!sim_step("flush a ledger")) return kf_fail_errno(err, KF_ERR_SYS_IO, "flush a lock file");
    flush(f);
    return true;
}

/* ---- for the judge ---- */

static const file *state_file(int profile, const char *end) {
    char path[64];
    snprintf(path, sizeof path, "/s/%s.%s", sim_ids[profile], end);
    return find(path, false);
}

bool sim_disk_locked(int profile) {
    const file *f = state_file(profile, "lock");
    return f && f->holder >= 0;
}

bool sim_disk_sealed(int profile) {
    const file *f = state_file(profile, "session.sealed");
    return f && f->now.p;
}

/* Its first line: a kill before ftruncate leaves the end of a longer one behind it. */
const char *sim_disk_ledger(int profile) {
    static char line[4096];
    const file *f = state_file(profile, "lock");
    const char *p = f && f->now.p ? f->now.p : "";
    snprintf(line, sizeof line, "%.*s", (int)strcspn(p, "\n"), p);
    return line;
}
