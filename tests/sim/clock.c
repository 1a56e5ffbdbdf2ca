/* Simulated time: events in order, the agents' loops and workers, clocks and dice. */
#include "tests/sim/sim.h"

#include <stdio.h>
#include "crypt/hash.h"

enum { SLOTS = 1 << 14, FIRST_BOOT_MS = 1000 * 1000 };
#define FIRST_UNIX_MS INT64_C(1790000000000)

typedef struct event {
    int64_t at;
    uint64_t order;
    kf_loop_fn fn;
    void *user;
    proc *p;
    uint32_t turn;    /* of the slot: an old id names nothing */
    bool live, owned; /* owned: user is freed with it, when it never runs */
    bool is_timer;    /* of the keeper's own loop */
} event;

static event slot[SLOTS];
static uint16_t heap[SLOTS], spare[SLOTS];
static size_t n_heap, n_spare;
static uint64_t order;

/* ---- dice ---- */

static uint64_t dice(void) { /* splitmix64 */
    uint64_t z = S.dice += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint32_t sim_pick(uint32_t n) { return n ? (uint32_t)(dice() % n) : 0; }
bool sim_chance(uint32_t per_mille) { return sim_pick(1000) < per_mille; }
int64_t sim_between(int64_t low, int64_t high) {
    return low + (int64_t)(dice() % (uint64_t)(high - low + 1));
}

void kf_random(void *p, size_t n) {
    for (uint8_t *b = p; n; b++, n--) *b = (uint8_t)dice();
}

/* ---- events ---- */

static bool before(uint16_t a, uint16_t b) {
    return slot[a].at != slot[b].at ? slot[a].at < slot[b].at : slot[a].order < slot[b].order;
}

static void push(uint16_t s) {
    size_t i = n_heap++;
    for (; i && before(s, heap[(i - 1) / 2]); i = (i - 1) / 2) heap[i] = heap[(i - 1) / 2];
    heap[i] = s;
}

static uint16_t pop(void) {
    uint16_t top = heap[0], last = heap[--n_heap];
    size_t i = 0;
    for (size_t k; (k = 2 * i + 1) < n_heap; i = k) {
        if (k + 1 < n_heap && before(heap[k + 1], heap[k])) k++;
        if (!before(heap[k], last)) break;
        heap[i] = heap[k];
    }
    heap[i] = last;
    return top;
}

void sim_clock_reset(void) {
    n_heap = n_spare = 0;
    order = 0;
    for (int i = SLOTS - 1; i > 0; i--) {
        if (slot[i].live && slot[i].owned) free(slot[i].user);
        slot[i].live = false;
        spare[n_spare++] = (uint16_t)i;
    }
}

uint32_t sim_after(proc *p, int64_t ms, kf_loop_fn fn, void *user) {
    if (!n_spare) abort();
    uint16_t s = spare[--n_spare];
    slot[s] = (event){.at = S.now + (ms > 0 ? ms : 0),
                      .order = ++order,
                      .fn = fn,
                      .user = user,
                      .p = p,
                      .turn = (slot[s].turn + 1) & 0xffff,
                      .live = true};
    push(s);
    return (uint32_t)s | slot[s].turn << 16;
}

void sim_after_owned(int64_t ms, kf_loop_fn fn, void *user) {
    slot[sim_after(NULL, ms, fn, user) & (SLOTS - 1)].owned = true;
}

void sim_cancel(uint32_t id) {
    event *e = &slot[id & 0xffff & (SLOTS - 1)];
    if (id && e->live && e->turn == id >> 16) e->live = false;
}

bool sim_has_timers(const proc *p) {
    for (size_t i = 0; i < n_heap; i++)
        if (slot[heap[i]].live && slot[heap[i]].is_timer && slot[heap[i]].p == p) return true;
    return false;
}

void sim_drop_events(const proc *p) {
    for (size_t i = 0; i < n_heap; i++)
        if (slot[heap[i]].p == p) slot[heap[i]].live = false;
}

void sim_run(int64_t until) {
    while (n_heap && !S.failed && slot[heap[0]].at <= until) {
        uint16_t s = pop();
        event *e = &slot[s];
        if (!e->live) {
            spare[n_spare++] = s;
            continue;
        }
        if (e->at > S.now) S.now = e->at;
        if (e->p && e->p->stopped_until > S.now) { /* it sees all of it when it goes on */
            e->at = e->p->stopped_until;
            push(s);
            continue;
        }
        e->live = false;
        spare[n_spare++] = s;
        S.cur = e->p;
        S.events++;
        e->fn(e->user);
        proc *p = S.cur;
        S.cur = NULL;
        if (p && p->dying) sim_agent_crash(p);
    }
    if (!S.failed && S.now < until) S.now = until;
}

/* ---- loop/loop.h ---- */

kf_loop_id kf_loop_after(kf_loop *l, int64_t ms, kf_loop_fn fn, void *user) {
    uint32_t id = sim_after(l->p, ms, fn, user);
    slot[id & (SLOTS - 1)].is_timer = true;
    return id;
}
void kf_loop_cancel(kf_loop *l, kf_loop_id id) { sim_cancel(id); }
kf_loop_id kf_loop_clock_jump(kf_loop *l, kf_loop_fn fn, void *user) { return 0; }

int64_t sim_true_ms(void) { return FIRST_UNIX_MS + S.now + S.ahead; }
int64_t kf_boot_ms(void) { return FIRST_BOOT_MS + S.now - S.boot; }
int64_t kf_unix_ms(void) { return sim_true_ms() + S.wall; }
int64_t kf_unix_s(void) { return kf_unix_ms() / 1000; }
bool kf_boot_id(char out[37], kf_err *err) {
    snprintf(out, 37, "00000000-0000-4000-8000-%012d", S.boots);
    return true;
}

/* ---- loop/task.h ---- */

struct sim_job {
    sim_job *next;
    proc *p;
    kf_loop_fn work, done;
    void *arg;
};

static void job_done(void *user) {
    sim_job *j = user, **at = &j->p->jobs;
    while (*at != j) at = &(*at)->next;
    *at = j->next;
    j->done(j->arg);
    free(j);
}

static void job_work(void *user) {
    sim_job *j = user;
    j->work(j->arg);
    j->work = NULL;
    sim_after(j->p, 0, job_done, j);
}

static int64_t disk_ms(void) {
    return S.disk == DISK_SLOW ? sim_between(100, 6000) : (int64_t)sim_pick(4);
}

void kf_worker_run(kf_worker *w, kf_loop_fn work, kf_loop_fn done, void *arg) {
    sim_job *j = malloc(sizeof *j), **at = &w->p->jobs;
    if (!j) abort();
    *j = (sim_job){.p = w->p, .work = work, .done = done, .arg = arg};
    while (*at) at = &(*at)->next;
    *at = j;
    if (w->p->worker_free_at < S.now) w->p->worker_free_at = S.now;
    w->p->worker_free_at += disk_ms();
    sim_after(w->p, w->p->worker_free_at - S.now, job_work, j);
}

void sim_jobs_end(proc *p, bool finish) {
    for (sim_job *j; (j = p->jobs);) {
        p->jobs = j->next;
        if (finish && j->work) j->work(j->arg);
        j->done(j->arg);
        free(j);
    }
}
