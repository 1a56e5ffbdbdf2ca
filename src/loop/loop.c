/* The event loop on GMainContext: descriptors, signals and posted calls as GSources, timers as a
 * heap below one timerfd. Only kf_loop_post() may be called from another thread. */
#include "loop/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "base/log.h"

/* Every registration is a row in a table by id, and a GSource, but for the timers: an agent with
 * thousands of profiles has thousands of those, and GLib asks each source in each turn. They are a
 * heap below one timerfd (GLib's own time-outs are monotonic and stop while the machine sleeps). */
enum { TIMERS_A_TURN = 64 }; /* that are due at once; then whoever else waits */

typedef struct entry {
    kf_loop *loop;
    kf_loop_id id;
    GSource *source;
    gpointer tag; /* of g_source_add_unix_fd */
    int fd;
    int own_fd; /* timerfd, or -1 */
    short events;
    kf_loop_fn fn;
    kf_loop_fd_fn fd_fn;
    void *user;
    bool clock;
    size_t place; /* in the heap, plus 1; 0: no timer */
    int64_t due;  /* CLOCK_BOOTTIME, ns */
} entry;

struct kf_loop {
    GMainContext *ctx;
    GHashTable *by_id; /* kf_loop_id -> entry */
    kf_loop_id last;
    bool quit;
    GPtrArray *heap; /* entry: none is due before its parent, (i - 1) / 2 */
    GSource *timer;
    int timer_fd;
    int64_t armed; /* when timer_fd will be readable; 0: not */
};

static int64_t clock_ms(clockid_t c) {
    struct timespec t;
    clock_gettime(c, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
int64_t kf_boot_ms(void) { return clock_ms(CLOCK_BOOTTIME); }
int64_t kf_unix_ms(void) { return clock_ms(CLOCK_REALTIME); }
int64_t kf_unix_s(void) { return kf_unix_ms() / 1000; }

bool kf_boot_id(char out[37], kf_err *err) {
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    char text[37] = "";
    ssize_t n = fd < 0 ? -1 : read(fd, text, 36);
    if (fd >= 0) close(fd);
    if (n != 36) return kf_fail_errno(err, KF_ERR_SYS_IO, "read boot_id");
    memcpy(out, text, 37);
    return true;
}

/* --- timers
 * ---------------------------------------------------------------------------------------- */

static int64_t boot_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static entry *at(const kf_loop *l, size_t i) { return g_ptr_array_index(l->heap, i); }

/* Of two that are due together the older one, by its id: they seldom come round. */
static bool before(const entry *a, const entry *b) {
    return a->due != b->due ? a->due < b->due : a->id < b->id;
}

static void place(kf_loop *l, size_t i, entry *e) {
    g_ptr_array_index(l->heap, i) = e;
    e->place = i + 1;
}

static void sift(kf_loop *l, size_t i, entry *e) {
    size_t n = l->heap->len;
    for (; i && before(e, at(l, (i - 1) / 2)); i = (i - 1) / 2) place(l, i, at(l, (i - 1) / 2));
    for (size_t k; (k = 2 * i + 1) < n; i = k) {
        if (k + 1 < n && before(at(l, k + 1), at(l, k))) k++;
        if (!before(at(l, k), e)) break;
        place(l, i, at(l, k));
    }
    place(l, i, e);
}

static void heap_remove(kf_loop *l, entry *e) {
    size_t i = e->place - 1;
    entry *last = at(l, l->heap->len - 1);
    g_ptr_array_set_size(l->heap, (gint)(l->heap->len - 1));
    e->place = 0;
    if (last != e) sift(l, i, last);
}

/* An early call is harmless, a late one is not: it is set again only when the first one is due
 * sooner. */
static void arm(kf_loop *l) {
    if (!l->heap->len || (l->armed && l->armed <= at(l, 0)->due)) return;
    l->armed = at(l, 0)->due;
    struct itimerspec t = {
        .it_value = {.tv_sec = l->armed / 1000000000, .tv_nsec = l->armed % 1000000000}};
    timerfd_settime(l->timer_fd, TFD_TIMER_ABSTIME, &t, NULL);
}

static gboolean timers_ring(GSource *s, GSourceFunc unused, gpointer data) {
    kf_loop *l = data;
    uint64_t n;
    if (read(l->timer_fd, &n, sizeof n) < 0 && errno == EAGAIN) return G_SOURCE_CONTINUE;
    l->armed = 0;
    int64_t now = boot_ns();
    for (int i = 0; i < TIMERS_A_TURN && l->heap->len && at(l, 0)->due <= now; i++) {
        entry *e = at(l, 0);
        kf_loop_fn fn = e->fn;
        void *user = e->user;
        kf_loop_cancel(l, e->id); /* the id is dead before it runs */
        fn(user);
    }
    arm(l);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs timer_funcs = {.dispatch = timers_ring};

/* --- the loop
 * ---------------------------------------------------------------------------------------- */

kf_loop *kf_loop_new(kf_err *err) {
    kf_loop *l = calloc(1, sizeof *l);
    if (!l) {
        kf_fail(err, KF_ERR_SYS_NO_MEMORY, "keyfob ran out of memory");
        return NULL;
    }
    l->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (l->timer_fd < 0) {
        kf_fail_errno(err, KF_ERR_SYS_IO, "timerfd");
        free(l);
        return NULL;
    }
    l->ctx = g_main_context_new();
    l->heap = g_ptr_array_new();
    l->timer = g_source_new(&timer_funcs, sizeof(GSource));
    g_source_set_callback(l->timer, NULL, l, NULL);
    g_source_add_unix_fd(l->timer, l->timer_fd, G_IO_IN);
    g_source_set_can_recurse(l->timer, TRUE);
    g_source_attach(l->timer, l->ctx);
    g_main_context_push_thread_default(l->ctx); /* libsecret's answers arrive here */
    l->by_id = g_hash_table_new(g_direct_hash, g_direct_equal);
    return l;
}

/* --- registrations
 * ----------------------------------------------------------------------------------- */

/* Only a set clock must ring it, so the time is the latest that the kernel can count to. One that
 * can be reached (2038) would ring for ever from then on. */
static void arm_clock(int fd) {
    struct itimerspec far = {.it_value.tv_sec = INT64_MAX / 1000000000};
    timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL);
}

static void drop(entry *e) {
    g_hash_table_remove(e->loop->by_id, GUINT_TO_POINTER(e->id));
    GSource *s = e->source;
    e->source = NULL;
    if (e->place) {
        heap_remove(e->loop, e);
        g_free(e);
    }
    if (s) {
        g_source_destroy(s);
        g_source_unref(s);
    }
}

kf_loop *kf_loop_free(kf_loop *l) {
    if (!l) return NULL;
    if (g_hash_table_size(l->by_id)) {
        kf_log(KF_LOG_ERROR, "loop: %u registrations left at the end", g_hash_table_size(l->by_id));
        GList *all = g_hash_table_get_values(l->by_id);
        for (GList *i = all; i; i = i->next) drop(i->data);
        g_list_free(all);
    }
    g_hash_table_unref(l->by_id);
    g_source_destroy(l->timer);
    g_source_unref(l->timer);
    g_ptr_array_unref(l->heap);
    close(l->timer_fd);
    g_main_context_pop_thread_default(l->ctx);
    g_main_context_unref(l->ctx);
    free(l);
    return NULL;
}

void kf_loop_run(kf_loop *l) {
    l->quit = false;
    while (!l->quit) g_main_context_iteration(l->ctx, TRUE);
}
void kf_loop_quit(kf_loop *l) {
    l->quit = true;
    g_main_context_wakeup(l->ctx);
}
bool kf_loop_step(kf_loop *l, bool block) { return g_main_context_iteration(l->ctx, block); }

/* Our own kind of source: a descriptor whose events can change. It owns its entry. */
typedef struct source {
    GSource base;
    entry *e;
} source;

static gboolean dispatch(GSource *s, GSourceFunc unused, gpointer data) {
    entry *e = ((source *)s)->e;
    GIOCondition cond = e->tag ? g_source_query_unix_fd(s, e->tag) : 0;
    if (e->fd_fn) {
        short re = (short)((cond & G_IO_IN ? POLLIN : 0) | (cond & G_IO_OUT ? POLLOUT : 0) |
                           (cond & G_IO_HUP ? POLLHUP : 0) |
                           (cond & (G_IO_ERR | G_IO_NVAL) ? POLLERR : 0));
        if (re) e->fd_fn(e->fd, re, e->user);
        return G_SOURCE_CONTINUE; /* a cancelled source is destroyed already */
    }
    uint64_t n;
    if (e->tag && read(e->fd, &n, sizeof n) < 0 && errno == EAGAIN) return G_SOURCE_CONTINUE;
    kf_loop_fn fn = e->fn;
    void *user = e->user;
    bool stays = e->clock;
    if (stays) arm_clock(e->fd); /* ECANCELED: the wall clock was set */
    else drop(e);                /* the source lives until this returns, the id is dead already */
    fn(user);
    return stays ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void finalize(GSource *s) {
    entry *e = ((source *)s)->e;
    if (e->own_fd >= 0) close(e->own_fd);
    g_free(e);
}

static GSourceFuncs source_funcs = {.dispatch = dispatch, .finalize = finalize};

static entry *add(kf_loop *l, void *user) {
    entry *e = g_new0(entry, 1);
    e->loop = l;
    do l->last++;
    while (!l->last || g_hash_table_contains(l->by_id, GUINT_TO_POINTER(l->last)));
    e->id = l->last;
    e->own_fd = -1;
    e->user = user;
    g_hash_table_insert(l->by_id, GUINT_TO_POINTER(e->id), e);
    return e;
}

static GIOCondition condition(short events) {
    return (GIOCondition)((events & POLLIN ? G_IO_IN : 0) | (events & POLLOUT ? G_IO_OUT : 0) |
                          G_IO_HUP | G_IO_ERR);
}

/* fd -1: ready at once. */
static kf_loop_id attach(entry *e, int fd, short events) {
    e->fd = fd;
    e->source = g_source_new(&source_funcs, sizeof(source));
    ((source *)e->source)->e = e;
    /* nothing here recurses; saying so spares GLib from taking the fd out and in at each dispatch
     */
    g_source_set_can_recurse(e->source, TRUE);
    e->events = events;
    if (fd >= 0) e->tag = g_source_add_unix_fd(e->source, fd, condition(events));
    else g_source_set_ready_time(e->source, 0);
    g_source_attach(e->source, e->loop->ctx);
    return e->id;
}

kf_loop_id kf_loop_after(kf_loop *l, int64_t ms, kf_loop_fn fn, void *user) {
    entry *e = add(l, user);
    e->fn = fn;
    if (ms <= 0) return attach(e, -1, 0);
    int64_t now = boot_ns(), most = (INT64_MAX - now) / 1000000;
    e->due = now + (ms < most ? ms : most) * 1000000;
    g_ptr_array_add(l->heap, e);
    sift(l, l->heap->len - 1, e);
    arm(l);
    return e->id;
}

kf_loop_id kf_loop_clock_jump(kf_loop *l, kf_loop_fn fn, void *user) {
    int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0) return 0;
    arm_clock(fd);
    entry *e = add(l, user);
    e->fn = fn;
    e->own_fd = fd;
    e->clock = true;
    return attach(e, fd, POLLIN);
}

kf_loop_id kf_loop_fd(kf_loop *l, int fd, short events, kf_loop_fd_fn fn, void *user) {
    entry *e = add(l, user);
    e->fd_fn = fn;
    return attach(e, fd, events);
}

void kf_loop_fd_events(kf_loop *l, kf_loop_id id, short events) {
    entry *e = g_hash_table_lookup(l->by_id, GUINT_TO_POINTER(id));
    if (!e || !e->fd_fn || e->events == events) return;
    e->events = events;
    g_source_modify_unix_fd(e->source, e->tag, condition(events));
}

static gboolean signalled(gpointer p) {
    entry *e = p;
    e->fn(e->user);
    return G_SOURCE_CONTINUE;
}

kf_loop_id kf_loop_signal(kf_loop *l, int signo, kf_loop_fn fn, void *user) {
    entry *e = add(l, user);
    e->fn = fn;
    e->source = g_unix_signal_source_new(signo);
    g_source_set_callback(e->source, signalled, e, g_free);
    g_source_attach(e->source, l->ctx);
    return e->id;
}

void kf_loop_cancel(kf_loop *l, kf_loop_id id) {
    entry *e = id ? g_hash_table_lookup(l->by_id, GUINT_TO_POINTER(id)) : NULL;
    if (e) drop(e);
}

typedef struct posted {
    kf_loop_fn fn;
    void *user;
} posted;
static gboolean run_posted(gpointer p) {
    posted *x = p;
    x->fn(x->user);
    return G_SOURCE_REMOVE;
}
void kf_loop_post(kf_loop *l, kf_loop_fn fn, void *user) {
    posted *x = g_new(posted, 1);
    *x = (posted){fn, user};
    GSource *s = g_idle_source_new();
    g_source_set_priority(s, G_PRIORITY_DEFAULT);
    g_source_set_callback(s, run_posted, x, g_free);
    g_source_attach(s, l->ctx);
    g_source_unref(s);
}
