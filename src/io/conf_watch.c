/* Watches keyfob.conf with inotify, in its directory and in that of a link's target. It never
 * reads the file. */
#include "io/conf_watch.h"

#include <errno.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/str.h"

enum {
    BURST_MS = 50,
    MASK = IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE |
           IN_MOVE_SELF | IN_ONLYDIR
};

struct kf_conf_watch {
    kf_loop *loop;
    kf_loop_id readable, timer;
    kf_loop_fn fn;
    void *user;
    int fd;
    bool lost, writing;
    char *name[2]; /* of the file, and of what it is a link to */
};

static void burst_over(void *user) {
    kf_conf_watch *w = user;
    w->timer = 0;
    w->fn(w->user); /* may free w */
}

static bool is_meant(const kf_conf_watch *w, const struct inotify_event *e) {
    return e->len && (kf_str_eq(e->name, w->name[0]) || kf_str_eq(e->name, w->name[1]));
}

/* Reads all events that are there. */
static void drain_events(kf_conf_watch *w) {
    _Alignas(struct inotify_event) char buf[4096];
    bool meant = false;
    ssize_t n;
    while ((n = read(w->fd, buf, sizeof buf)) > 0)
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *e = (const struct inotify_event *)(const void *)(buf + at);
            bool ours = is_meant(w, e);
            if (e->mask & (IN_IGNORED | IN_Q_OVERFLOW | IN_MOVE_SELF)) w->lost = meant = true;
            if (ours) w->writing = e->mask & IN_MODIFY;
            meant = meant || (ours && !w->writing); /* a half-written file is not worth a look */
            at += (ssize_t)(sizeof *e + e->len);
        }
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        kf_loop_cancel(w->loop, w->readable);
        w->readable = 0;
        w->lost = true;
    }
    if (meant && !w->timer) w->timer = kf_loop_after(w->loop, BURST_MS, burst_over, w);
}

static void changed(int fd, short revents, void *user) { drain_events(user); }

/* The directory of path; its last part goes into *name. */
static bool add(kf_conf_watch *w, const char *path, char **name) {
    KF_AUTO_CHARS dir = kf_strdup(path);
    char *slash = strrchr(dir, '/');
    if (!slash) return false;
    *name = kf_strdup(slash + 1);
    *slash = 0;
    return inotify_add_watch(w->fd, *dir ? dir : "/", MASK) >= 0;
}

kf_conf_watch *kf_conf_watch_new(kf_loop *l, const char *path, kf_loop_fn fn, void *user) {
    KF_AUTO_CHARS real = realpath(path, NULL);
    kf_conf_watch *w = kf_new(kf_conf_watch);
    *w = (kf_conf_watch){
        .loop = l, .fn = fn, .user = user, .fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
    if (w->fd < 0 || !add(w, path, &w->name[0])) return kf_conf_watch_free(w);
    if (real && strcmp(real, path)) (void)add(w, real, &w->name[1]);
    w->readable = kf_loop_fd(l, w->fd, POLLIN, changed, w);
    return w;
}

bool kf_conf_watch_writing(kf_conf_watch *w) {
    if (!w || w->lost) return false;
    drain_events(w);
    return w->writing && !w->lost;
}

bool kf_conf_watch_lost(const kf_conf_watch *w) { return w->lost; }

kf_conf_watch *kf_conf_watch_free(kf_conf_watch *w) {
    if (!w) return NULL;
    kf_loop_cancel(w->loop, w->readable);
    kf_loop_cancel(w->loop, w->timer);
    if (w->fd >= 0) close(w->fd);
    free(w->name[0]);
    free(w->name[1]);
    free(w);
    return NULL;
}
