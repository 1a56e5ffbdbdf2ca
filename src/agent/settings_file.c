/* Reads and changes keyfob.conf, which other programs write as well. The first half decides when
 * the content of the file counts, the second half changes it. Nothing here blocks the loop: a timer
 * tries the lock, and the worker writes. */
#include "agent/settings.h"

#include <string.h>
#include "keeper/keeper.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/conf_watch.h"
#include "io/files.h"
#include "io/lock.h"

enum {
    GONE_MS = 2000,          /* a file that lacks something counts after this time */
    GONE_MOST_MS = 5 * 1000, /* ... and after this one if it is written again and again */
    LOOK_MS = 200,
    UNWATCHED_MS = 60 * 1000, /* without inotify; else the keep-alive misses a file that is back */
    CHANGE_MS = 10 * 1000,
    LOCK_STEP_MS = 2,
    AWAY_STEP_MS = 50,
    PAUSE_MS = 3 /* between two changes, so that another agent gets the lock */
};

typedef struct kf_change {
    struct kf_change *next;
    kf_agent *a;
    kf_settings_change_fn fn;
    char *text, *before; /* of kf_settings_replace, instead of fn */
    kf_settings_done done;
    void *user;
    int64_t until; /* boot ms; 0: its turn has not come */
    kf_conf *conf; /* to be written */
    bool writing;  /* the worker has conf */
    int written;   /* of kf_conf_save */
    kf_err err;
} kf_change;

struct kf_settings_file {
    kf_conf_watch *watch; /* NULL: not possible now */
    kf_loop_id look;
    int64_t doubt;      /* boot ms: since when the file lacks something; 0: it does not */
    int64_t written_at; /* boot ms: the last sign of a writer since then */
    kf_change *changes; /* the first one is under way */
    kf_loop_id step;
    int lock_fd;
    bool locked, ended;
};

static struct kf_settings_file *file_of(kf_agent *a) {
    if (a->file) return a->file;
    a->file = calloc(1, sizeof *a->file);
    if (!a->file) abort();
    a->file->lock_fd = -1;
    return a->file;
}

/* ---- reading ---- */

typedef enum verdict { COUNTS, IN_DOUBT, BROKEN /* err says why */ } verdict;

static void apply_settings(kf_agent *a) {
    kf_http_opts o = {.user_agent = "keyfob/" KF_VERSION,
                      .proxy = kf_conf_get(a->conf, "proxy"),
                      .ca_file = kf_conf_get(a->conf, "ca_file")};
    kf_http_configure(a->http, &o);
    if (a->keeper) kf_keeper_reload(a->keeper);
}

/* Reads again if the file changes during the read. */
static kf_conf *load_whole(kf_agent *a, bool *writing, kf_err *err) {
    enum { TRIES = 3 };
    kf_conf *c = NULL;
    for (int i = 0; i < TRIES; i++) {
        kf_conf_free(c);
        c = kf_conf_load(a->conf_path, err);
        *writing = kf_conf_watch_writing(a->file->watch);
        if (*writing || (c && !kf_conf_changed_on_disk(c))) break;
    }
    return c;
}

static bool doubt_is_over(struct kf_settings_file *f, bool writing) {
    int64_t now = kf_boot_ms();
    if (!f->doubt) f->doubt = f->written_at = now;
    if (writing) f->written_at = now;
    return !writing && (now - f->written_at >= GONE_MS || now - f->doubt >= GONE_MOST_MS);
}

static void file_noticed(void *user);

static void look_due(void *user) {
    kf_agent *a = user;
    a->file->look = 0;
    (void)kf_settings(a, NULL);
}

static void look_again(kf_agent *a) {
    struct kf_settings_file *f = a->file;
    kf_loop_cancel(a->loop, f->look);
    f->look = 0;
    if (f->doubt) f->look = kf_loop_after(a->loop, LOOK_MS, look_due, a);
    else if (!f->watch) f->look = kf_loop_after(a->loop, UNWATCHED_MS, look_due, a);
}

/* *out is owned by the caller if the verdict is COUNTS. A file that is missing or lacks a profile
 * may be whole again in a moment, while a profile that is removed loses its renewal. */
static verdict judge_file(kf_agent *a, kf_conf **out, kf_err *err) {
    struct kf_settings_file *f = a->file;
    bool writing, first = !f->doubt;
    kf_conf *c = load_whole(a, &writing, err);
    bool lacking = a->conf && (writing || (c && kf_conf_lacks(c, a->conf)));
    if (lacking && !doubt_is_over(f, writing)) {
        kf_conf_free(c);
        if (first)
            kf_log(KF_LOG_WARN,
                   "settings: %s is missing, incomplete or being written; "
                   "the agent keeps the settings that it has",
                   a->conf_path);
        look_again(a);
        return IN_DOUBT;
    }
    *out = c;
    return c ? COUNTS : BROKEN;
}

static void end_doubt(kf_agent *a) {
    if (!a->file->doubt) return;
    kf_log(KF_LOG_INFO, "settings: %s counts again", a->conf_path);
    a->file->doubt = 0;
    look_again(a);
}

/* c owned */
static void adopt_file(kf_agent *a, kf_conf *c) {
    if (a->conf) kf_settings_compare(a, a->conf, c);
    kf_conf_free(a->conf);
    a->conf = c;
    end_doubt(a);
}

/* So that a change counts at once, also when nobody calls. */
static void watch_file(kf_agent *a) {
    struct kf_settings_file *f = a->file;
    if (f->watch && !kf_conf_watch_lost(f->watch)) return;
    kf_conf_watch_free(f->watch);
    f->watch = kf_conf_watch_new(a->loop, a->conf_path, file_noticed, a);
    if (!f->watch) look_again(a);
}

static void file_noticed(void *user) {
    kf_agent *a = user;
    if (a->file->doubt) a->file->written_at = kf_boot_ms();
    (void)kf_settings(a, NULL); /* an error is logged, and the next caller gets it */
}

kf_conf *kf_settings(kf_agent *a, kf_err *err) {
    struct kf_settings_file *f = file_of(a);
    kf_conf *c = NULL;
    watch_file(a);
    bool writing = f->changes && f->changes->writing; /* change_saved() looks again */
    if (a->conf && writing) return a->conf;
    if (a->conf && !kf_conf_changed_on_disk(a->conf)) {
        end_doubt(a);
        return a->conf;
    }
    switch (judge_file(a, &c, &a->conf_err)) {
    case IN_DOUBT: return a->conf;
    case BROKEN: /* the sessions in memory keep the settings that were read before */
        kf_log(KF_LOG_ERROR, "settings: %s", a->conf_err.what);
        end_doubt(a);
        if (err) *err = a->conf_err;
        return NULL;
    case COUNTS: break;
    }
    adopt_file(a, c);
    apply_settings(a);
    return a->conf;
}

/* ---- changing ---- */

static void change_step(void *user);

static void step_after(kf_agent *a, int64_t ms) {
    if (!a->file->step) a->file->step = kf_loop_after(a->loop, ms, change_step, a);
}

static void drop_lock(struct kf_settings_file *f) {
    kf_lock_drop(f->lock_fd);
    f->lock_fd = -1;
    f->locked = false;
}

static void change_free(kf_change *c) {
    kf_conf_free(c->conf);
    free(c->text);
    free(c->before);
    free(c);
}

/* Ends the first change. err NULL: it is written. */
static void settle_change(kf_agent *a, const kf_err *err) {
    struct kf_settings_file *f = a->file;
    kf_change *c = f->changes;
    f->changes = c->next;
    a->saving--;
    drop_lock(f);
    if (f->changes) step_after(a, PAUSE_MS);
    c->done(c->user, err);
    change_free(c);
}

/* If another program has replaced the file since, that one is read right away. */
static void take_written(kf_agent *a, kf_conf *c) {
    adopt_file(a, c);
    (void)kf_settings(a, NULL);
    if (a->conf == c) apply_settings(a);
}

static bool is_late(const kf_change *c) { return kf_boot_ms() >= c->until; }

static void settle_busy(kf_agent *a) {
    kf_err e;
    kf_fail(&e, KF_ERR_WIRE_BUSY, "another program has been writing %s for %d s", a->conf_path,
            CHANGE_MS / 1000);
    settle_change(a, &e);
}

static void save_on_worker(void *user) {
    kf_change *c = user;
    c->written = kf_conf_save(c->conf, c->text, &c->err);
}

static void change_saved(void *user) {
    kf_change *c = user;
    kf_agent *a = c->a;
    if (!c->done) { /* the agent ends, and done has run */
        drop_lock(a->file);
        change_free(c);
        return;
    }
    c->writing = false;
    if (c->written == 0) { /* another program was faster: apply the change to its content */
        c->conf = kf_conf_free(c->conf);
        if (is_late(c)) settle_busy(a);
        else step_after(a, 0);
        return;
    }
    if (c->written == 1) take_written(a, KF_TAKE(c->conf));
    settle_change(a, c->written == 1 ? NULL : &c->err);
}

static bool is_still(const kf_agent *a, const char *before, kf_err *err) {
    KF_AUTO(kf_secret) now = NULL;
    if (!kf_conf_read(a->conf_path, &now, err)) return false;
    size_t n = strlen(before);
    if (n == kf_secret_len(now) && !memcmp(before, kf_secret_peek(now), n)) return true;
    return kf_fail(err, KF_ERR_USAGE_CONFIG, "%s was changed in the meantime", a->conf_path);
}

/* The lock is held. c->conf becomes the settings to write. */
static verdict prepare_change(kf_agent *a, kf_change *c) {
    kf_conf *now = NULL;
    verdict v = judge_file(a, &now, &c->err);
    if (c->text && v != IN_DOUBT) { /* a broken file is corrected in this way, so BROKEN will do */
        kf_conf_free(now);
        now = kf_conf_parse(a->conf_path, c->text, &c->err);
        v = now && is_still(a, c->before, &c->err) ? COUNTS : BROKEN;
    } else if (v == COUNTS && !c->fn(now, c->user, &c->err)) v = BROKEN;
    if (v == COUNTS) c->conf = now;
    else if (v == BROKEN) kf_conf_free(now);
    return v;
}

static bool take_lock(kf_agent *a, kf_err *err) {
    struct kf_settings_file *f = a->file;
    if (f->locked) return true;
    if (f->lock_fd < 0) f->lock_fd = kf_conf_lock_open(a->conf_path, err);
    int got = f->lock_fd < 0 ? -1 : kf_lock_try(f->lock_fd, err);
    if (got == 0)
        kf_fail(err, KF_ERR_SYS_LOCK_TIMEOUT, "another agent has been changing %s for %d s",
                a->conf_path, CHANGE_MS / 1000);
    f->locked = got == 1;
    return f->locked;
}

static void change_step(void *user) {
    kf_agent *a = user;
    struct kf_settings_file *f = a->file;
    kf_change *c = f->changes;
    f->step = 0;
    if (!c || c->writing) return;
    if (!c->until) c->until = kf_boot_ms() + CHANGE_MS;
    if (!take_lock(a, &c->err)) {
        bool held = c->err.code == KF_ERR_SYS_LOCK_TIMEOUT;
        if (!held || is_late(c)) settle_change(a, &c->err);
        else step_after(a, LOCK_STEP_MS);
        return;
    }
    switch (prepare_change(a, c)) {
    case COUNTS:
        c->writing = true;
        kf_worker_run(a->worker, save_on_worker, change_saved, c);
        return;
    case BROKEN: settle_change(a, &c->err); return;
    case IN_DOUBT: break;
    }
    drop_lock(f);
    if (is_late(c)) settle_busy(a);
    else step_after(a, AWAY_STEP_MS);
}

/* c owned */
static void enqueue_change(kf_agent *a, kf_change *c) {
    struct kf_settings_file *f = file_of(a);
    if (f->ended) {
        kf_fail(&c->err, KF_ERR_WIRE_CLOSED, "the agent ends");
        c->done(c->user, &c->err);
        change_free(c);
        return;
    }
    kf_change **at = &f->changes;
    while (*at) at = &(*at)->next;
    *at = c;
    a->saving++;
    if (f->changes == c) step_after(a, 0);
}

static kf_change *change_new(kf_agent *a, kf_settings_done done, void *user) {
    kf_change *c = kf_new(kf_change);
    *c = (kf_change){.a = a, .done = done, .user = user};
    return c;
}

void kf_settings_change(kf_agent *a, kf_settings_change_fn fn, kf_settings_done done, void *user) {
    kf_change *c = change_new(a, done, user);
    c->fn = fn;
    enqueue_change(a, c);
}

void kf_settings_replace(kf_agent *a, const char *text, const char *before, kf_settings_done done,
                         void *user) {
    kf_change *c = change_new(a, done, user);
    c->text = kf_strdup(text);
    c->before = kf_strdup(before);
    enqueue_change(a, c);
}

/* ---- the end ---- */

void kf_settings_drop(kf_agent *a) {
    struct kf_settings_file *f = file_of(a);
    kf_err e;
    f->ended = true;
    kf_fail(&e, KF_ERR_WIRE_CLOSED, "the agent ends");
    while (f->changes) {
        kf_change *c = f->changes;
        kf_settings_done done = KF_TAKE(c->done);
        void *user = c->user;
        f->changes = c->next;
        a->saving--;
        if (!c->writing) change_free(c); /* else change_saved() does it */
        done(user, &e);
    }
}

void kf_settings_free(kf_agent *a) {
    struct kf_settings_file *f = a->file;
    if (!f) return;
    drop_lock(f);
    kf_loop_cancel(a->loop, f->look);
    kf_loop_cancel(a->loop, f->step);
    kf_conf_watch_free(f->watch);
    free(f);
    a->file = NULL;
    kf_settings_changed_drop(a);
}
