/* The arena of secrets: what is wiped, locked, fenced and kept out of dumps, seen from outside
 * through /proc/self/smaps and by children that step over the edge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/str.h"

static void basics(void **state) {
    assert_true(kf_secret_locked()); /* nothing has failed yet */
    KF_AUTO(kf_secret) a = kf_secret_new("abc\0d", 5);
    assert_int_equal(kf_secret_len(a), 5);
    assert_memory_equal(kf_secret_peek(a), "abc\0d", 6); /* and a NUL behind */
    assert_false(kf_secret_is_text(a));
    KF_AUTO(kf_secret) b = kf_secret_copy(a);
    assert_ptr_not_equal(a, b);
    assert_true(kf_secret_eq(a, b));
    KF_AUTO(kf_secret) c = kf_secret_take(kf_strdup("heap"), 4);
    assert_string_equal(kf_secret_peek(c), "heap");
    assert_true(kf_secret_is_text(c));
    KF_AUTO(kf_secret) empty = kf_secret_new(NULL, 0);
    assert_int_equal(kf_secret_len(empty), 0);
    assert_string_equal(kf_secret_peek(empty), "");
    KF_AUTO(kf_secret) z = kf_secret_zero(3);
    assert_memory_equal(kf_secret_peek(z), "\0\0\0", 4);
    memcpy(kf_secret_edit(z), "xyz", 3);
    assert_string_equal(kf_secret_peek(z), "xyz");
    assert_null(kf_secret_copy(NULL));
    assert_null(kf_secret_free(NULL));
    assert_int_equal(kf_secret_len(NULL), 0);
    assert_string_equal(kf_secret_peek(NULL), "");
    assert_true(kf_secret_is_text(NULL));
    for (size_t n = 0; n < 70; n++) {
        KF_AUTO(kf_secret) s = kf_secret_zero(n);
        assert_int_equal((uintptr_t)kf_secret_peek(s) % 16, 0);
    }
}

static void equality(void **state) {
    uint8_t bytes[40];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 5);
    KF_AUTO(kf_secret) a = kf_secret_new(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        for (int bit = 0; bit < 8; bit++) {
            bytes[i] ^= (uint8_t)(1 << bit);
            KF_AUTO(kf_secret) b = kf_secret_new(bytes, sizeof bytes);
            assert_false(kf_secret_eq(a, b));
            bytes[i] ^= (uint8_t)(1 << bit);
        }
    KF_AUTO(kf_secret) same = kf_secret_new(bytes, sizeof bytes);
    KF_AUTO(kf_secret) shorter = kf_secret_new(bytes, sizeof bytes - 1);
    KF_AUTO(kf_secret) empty = kf_secret_new("", 0);
    assert_true(kf_secret_eq(a, same));
    assert_false(kf_secret_eq(a, shorter));
    assert_false(kf_secret_eq(a, NULL));
    assert_false(kf_secret_eq(NULL, a));
    assert_true(kf_secret_eq(NULL, empty));
    assert_true(kf_secret_eq(NULL, NULL));
}

static void wipe(void **state) {
    char b[8] = "secret";
    kf_wipe(b, 3);
    assert_memory_equal(b, "\0\0\0ret", 7);
    kf_wipe(b, 0);
    kf_wipe(NULL, 5);
    assert_int_equal(b[3], 'r');
}

static bool all_zero(const volatile char *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (p[i]) return false;
    return true;
}

/* The place stays mapped, as the neighbour behind it lives: it can be looked at after the end. */
static void freed_is_wiped(void **state) {
    enum { N = 1000 };
    char text[N];
    memset(text, 'S', sizeof text);
    kf_secret *s = kf_secret_new(text, N);
    kf_secret *behind = kf_secret_new("x", 1);
    const volatile char *place = kf_secret_peek(s);
    assert_int_equal(place[N - 1], 'S');
    kf_secret_free(s);
    assert_true(all_zero(place, N));
    /* and the next one there finds nothing of it behind its own end */
    KF_AUTO(kf_secret) next = kf_secret_new("abc", 3);
    assert_ptr_equal(kf_secret_peek(next), place);
    assert_true(all_zero(place + 3, 16 - 3));
    assert_true(all_zero(place + 48, N - 48)); /* between them the head of the room that is left */
    /* the same for the last one of the arena, whose room is given back */
    s = kf_secret_new(text, N);
    place = kf_secret_peek(s);
    kf_secret_free(s);
    assert_true(all_zero(place, N));
    kf_secret_free(behind);
}

static void neighbours_join(void **state) {
    kf_secret *s[4];
    for (int i = 0; i < 4; i++) s[i] = kf_secret_zero(2000);
    const char *first = kf_secret_peek(s[0]);
    KF_AUTO(kf_secret) last = KF_TAKE(s[3]);
    kf_secret_free(s[1]);
    kf_secret_free(s[0]);
    kf_secret_free(s[2]);
    KF_AUTO(kf_secret) big = kf_secret_zero(6000);
    assert_ptr_equal(kf_secret_peek(big), first);
    assert_true(kf_secret_peek(big) + 6000 < kf_secret_peek(last));
}

typedef struct area {
    uintptr_t from, to;
    bool locked, dump;
    long rss_kb;
} area;

/* The mapping p lies in, from /proc/self/smaps. */
static area area_of(const void *p) {
    area a = {.dump = true};
    bool here = false;
    char line[512];
    FILE *f = fopen("/proc/self/smaps", "re");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        unsigned long from, to;
        char rights[5];
        if (sscanf(line, "%lx-%lx %4s", &from, &to, rights) == 3) {
            here = (uintptr_t)p >= from && (uintptr_t)p < to;
            if (here) a.from = from, a.to = to;
        } else if (here && kf_str_starts(line, "VmFlags:")) {
            a.locked = strstr(line, " lo ");
            a.dump = !strstr(line, " dd ");
        } else if (here) sscanf(line, "Rss: %ld kB", &a.rss_kb);
    }
    fclose(f);
    assert_true(a.from);
    return a;
}

static void stepped_over(int sig) { _exit(42); }

/* Whether a child that reads there is stopped. */
static bool faults(uintptr_t at) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        struct sigaction sa = {.sa_handler = stepped_over};
        sigaction(SIGSEGV, &sa, NULL);
        _exit(*(const volatile char *)at & 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 42;
}

static void fenced(const kf_secret *s) {
    area a = area_of(kf_secret_peek(s));
    assert_false(a.dump);
    assert_int_equal(a.locked, kf_secret_locked());
    assert_false(faults(a.from));
    assert_false(faults(a.to - 1));
    assert_true(faults(a.from - 1));
    assert_true(faults(a.to));
}

static void arena_is_fenced(void **state) {
    KF_AUTO(kf_secret) s = kf_secret_new("abc", 3);
    fenced(s);
    area a = area_of(kf_secret_peek(s));
    assert_int_equal(a.to - a.from, 4 << 20);
    assert_true(a.rss_kb < 1024); /* what is not used costs nothing */
}

/* Over the arena's size: a mapping of its own, gone at the end. */
static void big_is_fenced(void **state) {
    size_t n = (4 << 20) + 12345;
    kf_secret *s = kf_secret_zero(n);
    memset(kf_secret_edit(s), 'x', n);
    assert_int_equal(kf_secret_peek(s)[n], 0);
    fenced(s);
    uintptr_t at = (uintptr_t)kf_secret_peek(s);
    kf_secret_free(s);
    assert_true(faults(at));
}

static void arena_overflows(void **state) {
    kf_secret *s[8];
    for (int i = 0; i < 8; i++) {
        s[i] = kf_secret_zero(1 << 20);
        memset(kf_secret_edit(s[i]), 'a' + i, 1 << 20);
    }
    for (int i = 0; i < 8; i++) {
        assert_int_equal(kf_secret_peek(s[i])[0], 'a' + i);
        assert_int_equal(kf_secret_peek(s[i])[(1 << 20) - 1], 'a' + i);
        assert_int_equal(kf_secret_peek(s[i])[1 << 20], 0);
    }
    assert_false(area_of(kf_secret_peek(s[7])).dump);
    for (int i = 0; i < 8; i++) kf_secret_free(s[i]);
    KF_AUTO(kf_secret) again = kf_secret_zero(3 << 20); /* the arena has its room back */
    area a = area_of(kf_secret_peek(again));
    assert_int_equal(a.to - a.from, 4 << 20);
}

/* Where memory may not be locked, secrets work all the same, and it is known. */
static void lock_refused(void **state) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        struct rlimit none = {0, 0};
        if (setrlimit(RLIMIT_MEMLOCK, &none)) _exit(2);
        if (!geteuid() && setresuid(65534, 65534, 65534)) _exit(3);
        kf_secret *s = kf_secret_zero(5 << 20);
        memset(kf_secret_edit(s), 'x', 5 << 20);
        kf_secret_free(s);
        _exit(kf_secret_locked() ? 4 : 0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* free() of the library and of this file, by the linker (--wrap): what is given back is searched.
 */
void __real_free(void *p);
void __wrap_free(void *p);
static struct {
    bool on;
    int frees, left;
} heap;
#define TOKEN "eyJ-a-token-that-must-not-stay"

void __wrap_free(void *p) {
    if (heap.on && p) {
        heap.frees++;
        heap.left += memmem(p, malloc_usable_size(p), TOKEN, sizeof TOKEN - 1) != NULL;
    }
    __real_free(p);
}

/* What passes through the heap is wiped before it goes back there. */
static void heap_is_wiped(void **state) {
    heap.on = true;
    free(kf_strdup(TOKEN));
    assert_int_equal(heap.left, 1); /* it would be seen */
    heap.frees = heap.left = 0;
    kf_secret_free(kf_secret_take(kf_strdup(TOKEN), sizeof TOKEN - 1));
    assert_int_equal(heap.frees, 1);

    kf_buf b;
    kf_buf_init(&b, 100000);
    for (int i = 0; i < 2000; i++) assert_true(kf_buf_adds(&b, TOKEN)); /* moves often */
    kf_buf_done(&b);
    assert_true(heap.frees > 5);

    heap.frees = 0;
    static const char text[] = "{\"a\":[\"" TOKEN "\"],\"" TOKEN "\":\"x" TOKEN "\"}";
    kf_json *j = kf_json_parse(text, sizeof text - 1, NULL);
    assert_null(kf_json_parse(text, sizeof text - 2, NULL));
    kf_json_set_str(j, "new", TOKEN);
    kf_json_set_str(j, "new", "replaced");
    for (int i = 0; i < 50; i++)
        kf_json_add((kf_json *)kf_json_get(j, "a"), kf_json_new_str(TOKEN));
    kf_json *copy = kf_json_copy(j);
    kf_secret_free(kf_json_print_secret(copy));
    kf_json_free(copy);
    kf_json_free(j);
    heap.on = false;
    assert_true(heap.frees > 200);
    assert_int_equal(heap.left, 0);
}

enum { ROUNDS = 3000, HELD = 16 };

static bool holds(const kf_secret *s, char mark) {
    const char *p = kf_secret_peek(s);
    size_t n = kf_secret_len(s);
    for (size_t i = 0; i < n; i++)
        if (p[i] != mark) return false;
    return p[n] == 0;
}

/* Allocates and frees in a fixed odd order; every secret must keep its own mark. */
static void *worker(void *arg) {
    uint32_t x = *(const uint32_t *)arg;
    char mark = (char)('A' + x);
    kf_secret *held[HELD] = {0};
    bool ok = true;
    for (int i = 0; i < ROUNDS && ok; i++) {
        x = x * 1664525u + 1013904223u;
        kf_secret **s = &held[(x >> 8) % HELD];
        ok = !*s || holds(*s, mark);
        *s = kf_secret_free(*s);
        *s = kf_secret_zero((x >> 16) % 3000);
        ok = ok && holds(*s, 0);
        memset(kf_secret_edit(*s), mark, kf_secret_len(*s));
    }
    for (int i = 0; i < HELD; i++) {
        ok = ok && (!held[i] || holds(held[i], mark));
        kf_secret_free(held[i]);
    }
    return ok ? arg : NULL;
}

static void threads(void **state) {
    pthread_t t[4];
    uint32_t seed[4] = {0, 1, 2, 3};
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&t[i], NULL, worker, &seed[i]), 0);
    for (int i = 0; i < 4; i++) {
        void *ret = NULL;
        pthread_join(t[i], &ret);
        assert_ptr_equal(ret, &seed[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(basics),
        cmocka_unit_test(equality),
        cmocka_unit_test(wipe),
        cmocka_unit_test(freed_is_wiped),
        cmocka_unit_test(neighbours_join),
        cmocka_unit_test(arena_is_fenced),
        cmocka_unit_test(big_is_fenced),
        cmocka_unit_test(arena_overflows),
        cmocka_unit_test(lock_refused),
        cmocka_unit_test(threads),
        cmocka_unit_test(heap_is_wiped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
