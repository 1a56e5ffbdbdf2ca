/* Secrets in memory: the arena, its blocks, and wiping. Nothing here logs or prints. */
#include "base/secret.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/str.h"

/* One arena: guard page, 4 MiB, guard page. Blocks lie one behind the other; each begins with its
 * size and whether it is in use. Free neighbours are joined when looked at. Only pages that were
 * used are ever touched or locked, so that a short-lived client pays next to nothing. */
enum { ARENA = 4 << 20, ALIGN = 16 };

struct kf_secret {
    size_t room; /* bytes of this block with its head, a multiple of ALIGN */
    size_t len;
    uint32_t used;
    uint32_t own; /* has a mapping of its own: too big for the arena */
    size_t pad;
    char b[];
};

static struct {
    pthread_mutex_t lock;
    char *base;
    size_t end; /* bytes handed out so far; behind it nothing was touched */
    bool failed_lock;
} arena = {.lock = PTHREAD_MUTEX_INITIALIZER};

void kf_wipe(void *p, size_t n) {
    if (p && n) explicit_bzero(p, n);
}

static void *map_guarded(size_t size, bool *locked) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *p = mmap(NULL, size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return NULL;
    if (mprotect(p + page, size, PROT_READ | PROT_WRITE)) {
        munmap(p, size + 2 * page);
        return NULL;
    }
    madvise(p + page, size, MADV_DONTDUMP);
    *locked = mlock2(p + page, size, MLOCK_ONFAULT) == 0;
    return p + page;
}

static size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

static kf_secret *take_from_arena(size_t room) {
    if (!arena.base) {
        bool locked = true;
        arena.base = map_guarded(ARENA, &locked);
        if (!arena.base) return NULL;
        if (!locked) arena.failed_lock = true;
    }
    for (size_t at = 0; at < arena.end;) {
        kf_secret *s = (kf_secret *)(arena.base + at);
        while (!s->used && at + s->room < arena.end) { /* join with free neighbours */
            kf_secret *next = (kf_secret *)(arena.base + at + s->room);
            if (next->used) break;
            s->room += next->room;
            kf_wipe(next, sizeof *next);
        }
        if (!s->used && at + s->room == arena.end) { /* the last: its room is of the rest again */
            kf_wipe(s, sizeof *s);
            arena.end = at;
            break;
        }
        if (!s->used && s->room >= room) {
            if (s->room - room >= sizeof *s + ALIGN) {
                kf_secret *rest = (kf_secret *)(arena.base + at + room);
                *rest = (kf_secret){.room = s->room - room};
                s->room = room;
            }
            return s;
        }
        at += s->room;
    }
    if (ARENA - arena.end < room) return NULL;
    kf_secret *s = (kf_secret *)(arena.base + arena.end);
    s->room = room;
    arena.end += room;
    return s;
}

kf_secret *kf_secret_zero(size_t len) {
    if (len > SIZE_MAX / 4) abort();
    size_t room = round_up(sizeof(kf_secret) + len + 1, ALIGN);
    pthread_mutex_lock(&arena.lock);
    kf_secret *s = room <= ARENA ? take_from_arena(room) : NULL;
    bool own = !s;
    if (own) {
        bool locked = true;
        room = round_up(room, (size_t)sysconf(_SC_PAGESIZE));
        s = map_guarded(room, &locked);
        if (!s) abort();
        if (!locked) arena.failed_lock = true;
        s->room = room;
    }
    s->used = 1;
    s->own = own;
    s->len = len;
    pthread_mutex_unlock(&arena.lock);
    memset(s->b, 0, len + 1);
    return s;
}

kf_secret *kf_secret_new(const void *bytes, size_t len) {
    kf_secret *s = kf_secret_zero(len);
    if (len) memcpy(s->b, bytes, len);
    return s;
}

kf_secret *kf_secret_take(char *heap, size_t len) {
    kf_secret *s = kf_secret_new(heap, len);
    kf_wipe(heap, len);
    free(heap);
    return s;
}

kf_secret *kf_secret_copy(const kf_secret *s) { return s ? kf_secret_new(s->b, s->len) : NULL; }

kf_secret *kf_secret_trim(const kf_secret *s) {
    const char *p = kf_secret_peek(s);
    size_t n = kf_trim(&p, kf_secret_len(s));
    return kf_secret_new(p, n);
}

kf_secret *kf_secret_free(kf_secret *s) {
    if (!s) return NULL;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    pthread_mutex_lock(&arena.lock);
    kf_wipe(s->b, s->room - sizeof *s);
    s->len = 0;
    s->used = 0;
    if (s->own) munmap((char *)s - page, s->room + 2 * page);
    else if ((char *)s + s->room == arena.base + arena.end) { /* the last one: give its room back */
        arena.end -= s->room;
        kf_wipe(s, sizeof *s);
    }
    pthread_mutex_unlock(&arena.lock);
    return NULL;
}

size_t kf_secret_len(const kf_secret *s) { return s ? s->len : 0; }
const char *kf_secret_peek(const kf_secret *s) { return s ? s->b : ""; }
char *kf_secret_edit(kf_secret *s) { return s->b; }

bool kf_secret_eq(const kf_secret *a, const kf_secret *b) {
    size_t n = kf_secret_len(a);
    if (n != kf_secret_len(b)) return false;
    unsigned char d = 0;
    for (size_t i = 0; i < n; i++) d |= (unsigned char)(a->b[i] ^ b->b[i]);
    return d == 0;
}

bool kf_secret_is_text(const kf_secret *s) { return !s || !memchr(s->b, 0, s->len); }

bool kf_secret_locked(void) {
    pthread_mutex_lock(&arena.lock);
    bool ok = !arena.failed_lock;
    pthread_mutex_unlock(&arena.lock);
    return ok;
}
