/* The event loop on GMainContext. Descriptors are in one epoll set, timers are a heap below one
 * timerfd in it, and what runs soon is a queue: all of them are one GSource. Only kf_loop_post()
 * may be called from another thread. */
#include "loop/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "base/log.h"

/* Every registration is a row in a table by id. It is not a GSource: GLib asks each source in each
 * turn, polls all descriptors, and wakes its loop by an eventfd whenever one is attached, changed
 * or removed. Timers are a heap (GLib's own time-outs are monotonic and stop while the machine
 * sleeps). */
enum {
    TIMERS_A_TURN = 64, /* that are due at once; then other sources */
    EVENTS_A_TURN = 64
};
enum { TIMER_ID = 0 }; /* of the timerfd in the epoll set */

typedef struct entry {
    kf_loop *loop;
    kf_loop_id id;
    GSource *source; /* of a signal */
    int fd;          /* in the epoll set, but for one that is always ready */
    int own_fd;      /* timerfd, or -1 */
    short events;
    kf_loop_fn fn;
    kf_loop_fd_fn fd_fn;
    void *user;
    bool polled, clock;
    struct entry *next, *prev; /* in the queue */
    bool queued;
    size_t place; /* in the heap, plus 1; 0: no timer */
    int64_t due;  /* CLOCK_BOOTTIME, ns */
} entry;

typedef struct source {
    GSource base;
    kf_loop *loop;
    gpointer tag; /* of the epoll set */
} source;

struct kf_loop {
    GMainContext *ctx;
    GHashTable *by_id; /* kf_loop_id -> entry */
    kf_loop_id last;
    bool quit;
    GPtrArray *heap; /* entry: none is due before its parent, (i - 1) / 2 */
    GSource *source;
    int epoll, timer_fd;
    int64_t armed; /* when timer_fd will be readable; 0: not */
    entry *soon, *soon_last;
    size_t n_soon;
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

static void timers_ring(kf_loop *l) {
    uint64_t n;
    if (read(l->timer_fd, &n, sizeof n) < 0 && errno == EAGAIN) return;
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
}

/* --- what runs soon ----------------------------------------------------------------------------
 */

static void soon_add(entry *e) {
    kf_loop *l = e->loop;
    e->prev = l->soon_last;
    e->next = NULL;
    if (l->soon_last) l->soon_last->next = e;
    else l->soon = e;
    l->soon_last = e;
    e->queued = true;
    l->n_soon++;
}

static void soon_remove(entry *e) {
    kf_loop *l = e->loop;
    if (e->prev) e->prev->next = e->next;
    else l->soon = e->next;
    if (e->next) e->next->prev = e->prev;
    else l->soon_last = e->prev;
    e->queued = false;
    l->n_soon--;
}

/* Those that are there now; what they add comes in the next turn. */
static void soon_run(kf_loop *l) {
    for (size_t n = l->n_soon; n && l->soon; n--) {
        entry *e = l->soon;
        kf_loop_fn fn = e->fn;
        void *user = e->user;
        if (e->fd_fn) { /* a descriptor that is always ready: again, until it is cancelled */
            soon_remove(e);
            soon_add(e);
            e->fd_fn(e->fd, e->events, user);
        } else {
            kf_loop_cancel(l, e->id); /* the id is dead before it runs */
            fn(user);
        }
    }
}

/* --- descriptors -------------------------------------------------------------------------------
 */

/* Only a set clock must ring it, so the time is the latest that the kernel can count to. One that
 * can be reached (2038) would ring for ever from then on. */
static void arm_clock(int fd) {
    struct itimerspec far = {.it_value.tv_sec = INT64_MAX / 1000000000};
    timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL);
}

static void entry_ready(entry *e, uint32_t ready) {
    short re = (short)(ready & (uint32_t)(e->events | POLLHUP | POLLERR));
    uint64_t n;
    if (!e->clock) {
        if (re) e->fd_fn(e->fd, re, e->user);
        return;
    }
    if (read(e->fd, &n, sizeof n) < 0 && errno == EAGAIN) return;
    arm_clock(e->fd); /* ECANCELED: the wall clock was set */
    e->fn(e->user);
}

static void fds_ready(kf_loop *l) {
    struct epoll_event ev[EVENTS_A_TURN];
    int n = epoll_wait(l->epoll, ev, EVENTS_A_TURN, 0);
    for (int i = 0; i < n; i++) {
        if (ev[i].data.u32 == TIMER_ID) {
            timers_ring(l);
            continue;
        }
        /* one of those before may have cancelled it */
        entry *e = g_hash_table_lookup(l->by_id, GUINT_TO_POINTER(ev[i].data.u32));
        if (e) entry_ready(e, ev[i].events);
    }
}

static int epoll_change(const kf_loop *l, int op, int fd, uint32_t id, short events) {
    struct epoll_event ev = {.events = (uint32_t)(unsigned short)events, .data.u32 = id};
    return epoll_ctl(l->epoll, op, fd, &ev);
}

/* A regular file or /dev/null cannot be in an epoll set: it is always ready, as poll(2) has it. */
static void fd_add(entry *e) {
    e->polled = epoll_change(e->loop, EPOLL_CTL_ADD, e->fd, e->id, e->events) == 0;
    if (!e->polled && errno == EPERM && !e->clock) soon_add(e);
    else if (!e->polled) kf_log(KF_LOG_ERROR, "loop: epoll: %s", g_strerror(errno));
}

static gboolean source_prepare(GSource *s, gint *timeout) {
    return ((source *)s)->loop->soon != NULL;
}

static gboolean source_check(GSource *s) {
    const source *x = (source *)s;
    return x->loop->soon || g_source_query_unix_fd(s, x->tag);
}

static gboolean source_dispatch(GSource *s, GSourceFunc unused, gpointer data) {
    const source *x = (source *)s;
    kf_loop *l = x->loop;
    if (g_source_query_unix_fd(s, x->tag)) fds_ready(l);
    soon_run(l);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = {
    .prepare = source_prepare, .check = source_check, .dispatch = source_dispatch};

/* --- the loop
 * ---------------------------------------------------------------------------------------- */

kf_loop *kf_loop_new(kf_err *err) {
    kf_loop *l = calloc(1, sizeof *l);
    if (!l) {
        kf_fail(err, KF_ERR_SYS_NO_MEMORY, "keyfob ran out of memory");
        return NULL;
    }
    l->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (l->timer_fd < 0 || l->epoll < 0 ||
        epoll_change(l, EPOLL_CTL_ADD, l->timer_fd, TIMER_ID, POLLIN)) {
        kf_fail_errno(err, KF_ERR_SYS_IO, "timerfd or epoll");
        if (l->timer_fd >= 0) close(l->timer_fd);
        if (l->epoll >= 0) close(l->epoll);
        free(l);
        return NULL;
    }
    l->ctx = g_main_context_new();
    l->heap = g_ptr_array_new();
    l->source = g_source_new(&source_funcs, sizeof(source));
    source *x = (source *)l->source;
    x->loop = l;
    x->tag = g_source_add_unix_fd(l->source, l->epoll, G_IO_IN);
    /* saying so spares GLib from taking the descriptor out and in at each dispatch */
    g_source_set_can_recurse(l->source, TRUE);
    g_source_attach(l->source, l->ctx);
    g_main_context_push_thread_default(l->ctx); /* libsecret's answers arrive here */
    l->by_id = g_hash_table_new(g_direct_hash, g_direct_equal);
    return l;
}

static void drop(entry *e) {
    kf_loop *l = e->loop;
    g_hash_table_remove(l->by_id, GUINT_TO_POINTER(e->id));
    if (e->place) heap_remove(l, e);
    if (e->queued) soon_remove(e);
    if (e->polled) epoll_change(l, EPOLL_CTL_DEL, e->fd, 0, 0); /* a closed one is out already */
    if (e->own_fd >= 0) close(e->own_fd);
    if (!e->source) {
        g_free(e);
        return;
    }
    GSource *s = e->source; /* frees e */
    g_source_destroy(s);
    g_source_unref(s);
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
    g_source_destroy(l->source);
    g_source_unref(l->source);
    g_ptr_array_unref(l->heap);
    close(l->timer_fd);
    close(l->epoll);
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

/* --- registrations -----------------------------------------------------------------------------
 */

static entry *add(kf_loop *l, void *user) {
    entry *e = g_new0(entry, 1);
    e->loop = l;
    do l->last++;
    while (!l->last || g_hash_table_contains(l->by_id, GUINT_TO_POINTER(l->last)));
    e->id = l->last;
    e->fd = e->own_fd = -1;
    e->user = user;
    g_hash_table_insert(l->by_id, GUINT_TO_POINTER(e->id), e);
    return e;
}

kf_loop_id kf_loop_after(kf_loop *l, int64_t ms, kf_loop_fn fn, void *user) {
    entry *e = add(l, user);
    e->fn = fn;
    if (ms <= 0) {
        soon_add(e);
        return e->id;
    }
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
    e->fd = e->own_fd = fd;
    e->events = POLLIN;
    e->clock = true;
    fd_add(e);
    return e->id;
}

kf_loop_id kf_loop_fd(kf_loop *l, int fd, short events, kf_loop_fd_fn fn, void *user) {
    entry *e = add(l, user);
    e->fd_fn = fn;
    e->fd = fd;
    e->events = events;
    fd_add(e);
    return e->id;
}

void kf_loop_fd_events(kf_loop *l, kf_loop_id id, short events) {
    entry *e = g_hash_table_lookup(l->by_id, GUINT_TO_POINTER(id));
    if (!e || !e->fd_fn || e->events == events) return;
    e->events = events;
    if (e->polled && epoll_change(l, EPOLL_CTL_MOD, e->fd, e->id, events))
        kf_log(KF_LOG_ERROR, "loop: epoll: %s", g_strerror(errno));
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
