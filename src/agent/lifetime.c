/* The agent's end: idle time, a socket path that another agent took, signals and the lifeline.
 * Work that was begun at WorkOS or in a store is finished first, for up to 10 s. */
#include "agent/lifetime.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "agent/drive.h"
#include "keeper/keeper.h"
#include "agent/methods.h"
#include "agent/service.h"
#include "base/log.h"
#include "base/mem.h"

enum { CHECK_MS = 15000, STOP_MS = 10000, STOP_STEP_MS = 20 };

struct kf_lifetime {
    kf_agent *a;
    int64_t idle_ms, idle_since, stopping_since;
    kf_loop_id check, term, intr, hup, life, step;
    struct stat socket;
};

static void finish(void *user) {
    kf_lifetime *t = user;
    kf_loop_quit(t->a->loop);
}

bool kf_lifetime_promised(const kf_agent *a) {
    return kf_drive_busy(a) || a->enrollments || a->asking || a->move;
}

static void stop_step(void *user) {
    kf_lifetime *t = user;
    t->step = 0;
    bool busy = t->a->saving || kf_keeper_busy(t->a->keeper) || kf_lifetime_promised(t->a);
    if (busy && kf_boot_ms() - t->stopping_since < STOP_MS) {
        t->step = kf_loop_after(t->a->loop, STOP_STEP_MS, stop_step, t);
        return;
    }
    if (busy) kf_log(KF_LOG_ERROR, "agent: ends with work unfinished");
    kf_door_flush(t->a->door, finish, t);
}

bool kf_lifetime_stopping(const kf_agent *a) { return a->lifetime->stopping_since; }

void kf_lifetime_stop(kf_agent *a) {
    kf_lifetime *t = a->lifetime;
    if (t->stopping_since) return;
    t->stopping_since = kf_boot_ms();
    struct stat st; /* the path may belong to a younger agent by now */
    kf_service_notify("STOPPING=1");
    if (!a->activated && !stat(a->socket_path, &st) && st.st_ino == t->socket.st_ino &&
        st.st_dev == t->socket.st_dev)
        unlink(a->socket_path);
    kf_door_stop_listening(a->door);
    kf_err ends;
    kf_keeper_save_now(a->keeper);
    kf_fail(&ends, KF_ERR_WIRE_CLOSED, "the agent ends");
    kf_drive_stop(a, &ends);
    kf_factors_stop(a, &ends);
    stop_step(t);
}

static void stop_on_signal(void *user) {
    kf_lifetime *t = user;
    kf_log(KF_LOG_INFO, "agent: ended by a signal");
    kf_lifetime_stop(t->a);
}

static void lifeline(int fd, short revents, void *user) {
    char c[64];
    if (read(fd, c, sizeof c) > 0) return;
    kf_lifetime *t = user;
    kf_loop_cancel(t->a->loop, t->life);
    t->life = 0;
    kf_lifetime_stop(t->a);
}

static void check(void *user) {
    kf_lifetime *t = user;
    kf_agent *a = t->a;
    struct stat st;
    int64_t now = kf_boot_ms();
    bool ours = !stat(a->socket_path, &st) && st.st_ino == t->socket.st_ino &&
                st.st_dev == t->socket.st_dev;
    bool busy = kf_door_connections(a->door) || kf_keeper_busy(a->keeper) ||
                kf_keeper_has_work(a->keeper) || kf_lifetime_promised(a);
    if (a->locked) busy = true; /* the next agent would be open */
    if (busy) t->idle_since = now;
    t->check = 0;
    if (!ours) kf_log(KF_LOG_WARN, "agent: %s is no longer this agent's", a->socket_path);
    else if (now - t->idle_since >= t->idle_ms)
        kf_log(KF_LOG_INFO, "agent: nothing to keep, nobody here");
    else {
        t->check = kf_loop_after(a->loop, t->idle_ms < CHECK_MS ? t->idle_ms : CHECK_MS, check, t);
        return;
    }
    kf_lifetime_stop(a);
}

kf_lifetime *kf_lifetime_new(kf_agent *a, int64_t idle_ms, int lifeline_fd) {
    kf_lifetime *t = kf_new(kf_lifetime);
    t->a = a;
    t->idle_ms = idle_ms;
    t->idle_since = kf_boot_ms();
    stat(a->socket_path, &t->socket);
    t->check = kf_loop_after(a->loop, idle_ms < CHECK_MS ? idle_ms : CHECK_MS, check, t);
    t->term = kf_loop_signal(a->loop, SIGTERM, stop_on_signal, t);
    t->intr = kf_loop_signal(a->loop, SIGINT, stop_on_signal, t);
    struct sigaction old; /* ignored at the start (nohup): it stays ignored */
    if (sigaction(SIGHUP, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
        t->hup = kf_loop_signal(a->loop, SIGHUP, stop_on_signal, t);
    if (lifeline_fd >= 0) t->life = kf_loop_fd(a->loop, lifeline_fd, POLLIN, lifeline, t);
    return t;
}

kf_lifetime *kf_lifetime_free(kf_lifetime *t) {
    if (!t) return NULL;
    kf_loop *l = t->a->loop;
    kf_loop_cancel(l, t->check);
    kf_loop_cancel(l, t->term);
    kf_loop_cancel(l, t->intr);
    kf_loop_cancel(l, t->hup);
    kf_loop_cancel(l, t->life);
    kf_loop_cancel(l, t->step);
    free(t);
    return NULL;
}
