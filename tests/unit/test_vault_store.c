/* The vault as a store, on real files: whatever happens to its folder, no record is lost and no
 * header is made over records. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/str.h"
#include "io/files.h"
#include "io/lock.h"
#include "io/store.h"
#include "io/vault.h"

#define ONE "0123456789abcdef"
#define TWO "fedcba9876543210"
#define SESSION "session"

static char top[] = "/tmp/kf-vault-XXXXXX", dir[64];
static kf_loop *loop;
static kf_worker *worker;
static kf_store *store;

/* ---- helpers ---- */

static char *path(const char *leaf) { return kf_strfmt("%s/%s", dir, leaf); }

static void put(const char *leaf, const void *bytes, size_t n) {
    KF_AUTO_CHARS p = path(leaf);
    kf_err e;
    assert_true(kf_file_replace(p, bytes, n, &e));
}

static kf_secret *get(const char *leaf) {
    KF_AUTO_CHARS p = path(leaf);
    kf_secret *s = NULL;
    kf_err e;
    return kf_file_read(p, 1 << 20, &s, &e) ? s : NULL;
}

static bool there(const char *leaf) {
    KF_AUTO_CHARS p = path(leaf);
    struct stat st;
    return lstat(p, &st) == 0;
}

static bool same(const char *a, const char *b) {
    KF_AUTO(kf_secret) x = get(a);
    KF_AUTO(kf_secret) y = get(b);
    return x && y && kf_secret_eq(x, y);
}

static void damage(const char *leaf) {
    KF_AUTO(kf_secret) s = get(leaf);
    assert_non_null(s);
    kf_secret_edit(s)[kf_secret_len(s) / 2] ^= 1;
    put(leaf, kf_secret_peek(s), kf_secret_len(s));
}

static void rid(const char *leaf) {
    KF_AUTO_CHARS p = path(leaf);
    assert_int_equal(unlink(p), 0);
}

/* Makes a read fail as EIO or EACCES would: permissions do not stop root, a link to itself does. */
static void make_unreadable(const char *leaf) {
    KF_AUTO_CHARS p = path(leaf);
    unlink(p);
    assert_int_equal(symlink(leaf, p), 0);
}

static size_t files(const char *part) {
    DIR *d = opendir(dir);
    size_t n = 0;
    for (struct dirent *e; d && (e = readdir(d));) n += strstr(e->d_name, part) != NULL;
    if (d) closedir(d);
    return n;
}

typedef struct answer {
    bool came;
    kf_err err;
    char *blob;
    size_t n;
} answer;

static void on_done(void *user, const kf_secret *blob, const kf_err *err) {
    answer *a = user;
    a->came = true;
    a->err = err ? *err : (kf_err){.code = KF_ERR_NONE};
    a->blob = blob ? kf_strdup(kf_secret_peek(blob)) : NULL;
}
static void on_list(void *user, const kf_store_item *items, size_t n, const kf_err *err) {
    ((answer *)user)->n = n;
    on_done(user, NULL, err);
}

static kf_err last; /* of the call before */
static kf_err_code wait_for(answer *a) {
    while (!a->came) kf_loop_step(loop, true);
    last = a->err;
    return a->err.code;
}

static kf_err_code save_in(kf_store *s, const char *id, const char *kind, const char *text) {
    answer a = {0};
    KF_AUTO(kf_secret) blob = kf_secret_new(text, strlen(text));
    kf_store_save(s, id, kind, "label", blob, false, on_done, &a);
    return wait_for(&a);
}
static kf_err_code save(const char *text) { return save_in(store, ONE, SESSION, text); }

static kf_err_code reserve_in(kf_store *s, size_t size) {
    answer a = {0};
    kf_store_reserve(s, ONE, SESSION, size, false, on_done, &a);
    return wait_for(&a);
}

static kf_err_code load_kind(const char *kind) {
    answer a = {0};
    kf_store_load(store, ONE, kind, false, on_done, &a);
    wait_for(&a);
    free(a.blob);
    return last.code;
}
static kf_err_code load(void) { return load_kind(SESSION); }

static void holds(const char *want) {
    answer a = {0};
    kf_store_load(store, ONE, SESSION, false, on_done, &a);
    assert_int_equal(wait_for(&a), KF_ERR_NONE);
    assert_string_equal(a.blob, want);
    free(a.blob);
}

static kf_err_code forget(const char *kind) {
    answer a = {0};
    kf_store_delete(store, ONE, kind, on_done, &a);
    return wait_for(&a);
}

static kf_err_code list(size_t *n) {
    answer a = {0};
    kf_store_list(store, on_list, &a);
    kf_err_code code = wait_for(&a);
    *n = a.n;
    return code;
}

static kf_err_code unlock(const char *pass, bool create) {
    answer a = {0};
    KF_AUTO(kf_secret) p = kf_secret_new(pass, strlen(pass));
    kf_store_unlock(store, p, create, on_done, &a);
    return wait_for(&a);
}

static kf_err_code rewrap(const char *before, const char *after) {
    answer a = {0};
    KF_AUTO(kf_secret) one = kf_secret_new(before, strlen(before));
    KF_AUTO(kf_secret) two = kf_secret_new(after, strlen(after));
    kf_store_vault_rewrap(store, one, two, on_done, &a);
    return wait_for(&a);
}

/* Blobs are "g<number> text"; a minus: of a newer keyfob. */
static int64_t number_of(const char *kind, const kf_secret *blob) {
    const char *p = kf_secret_peek(blob);
    return strcmp(kind, SESSION) || *p != 'g' ? 0 : strtoll(p + 1, NULL, 10);
}

static kf_store *new_store(void) {
    return kf_store_vault_new(
        loop, worker, &(kf_vault_opts){.dir = dir, .weak_kdf = true, .generation = number_of});
}

/* Another agent's life, with the same folder. */
static void next_agent(void) {
    store = kf_store_free(store);
    store = new_store();
}

/* What a kill leaves: text, sealed for the record of id and kind. */
static void leave(const char *leaf, const char *kind, const char *text) {
    KF_AUTO(kf_secret) blob = kf_secret_new(text, strlen(text));
    KF_AUTO(kf_secret) sealed = kf_store_seal(store, ONE, kind, blob, NULL);
    assert_non_null(sealed);
    put(leaf, kf_secret_peek(sealed), kf_secret_len(sealed));
}

static int rm(const char *p, const struct stat *st, int kind, struct FTW *ftw) { return remove(p); }

static int begin(void **state) {
    static int count;
    snprintf(dir, sizeof dir, "%s/%d/vault", top, count++);
    loop = kf_loop_new(NULL);
    worker = kf_worker_new(loop, NULL);
    store = new_store();
    return unlock("pass", true) != KF_ERR_NONE || save("g5 five") != KF_ERR_NONE;
}

static int end(void **state) {
    store = kf_store_free(store);
    worker = kf_worker_free(worker);
    kf_loop_free(loop);
    return 0;
}

/* ---- the header ---- */

static void a_missing_header_is_put_back(void **state) {
    assert_true(same("header", "header.copy"));
    KF_AUTO(kf_secret) before = get("header");
    rid("header");
    holds("g5 five"); /* an open vault goes on */
    next_agent();
    assert_int_equal(kf_store_get_state(store), KF_STORE_LOCKED);
    assert_int_equal(unlock("other", true), KF_ERR_STORE_BAD_PASSPHRASE);
    assert_false(there("header"));
    assert_int_equal(unlock("pass", true), KF_ERR_NONE);
    holds("g5 five");
    KF_AUTO(kf_secret) after = get("header");
    assert_true(kf_secret_eq(before, after));
    assert_non_null(strstr(kf_store_vault_note(store), "header is missing; it was put back"));
    next_agent();
    assert_int_equal(unlock("pass", false), KF_ERR_NONE);
    assert_null(kf_store_vault_note(store));
}

static void a_damaged_header_is_put_back(void **state) {
    damage("header");
    next_agent();
    assert_int_equal(unlock("pass", true), KF_ERR_NONE);
    holds("g5 five");
    assert_true(same("header", "header.copy"));
    assert_non_null(strstr(kf_store_vault_note(store), "header is damaged; it was put back"));
    put("header", "", 0);
    next_agent();
    assert_int_equal(unlock("pass", true), KF_ERR_NONE);
    assert_true(same("header", "header.copy"));
    damage("header.copy");
    next_agent();
    assert_int_equal(unlock("pass", true), KF_ERR_NONE);
    holds("g5 five");
    assert_true(same("header", "header.copy"));
}

static void a_vault_of_before_gets_its_copy(void **state) {
    rid("header.copy");
    next_agent();
    assert_int_equal(unlock("pass", false), KF_ERR_NONE);
    assert_true(same("header", "header.copy"));
    assert_null(kf_store_vault_note(store));
}

static void no_header_is_made_over_records(void **state) {
    rid("header");
    rid("header.copy");
    next_agent();
    for (int i = 0; i < 2; i++) {
        assert_int_equal(kf_store_get_state(store), KF_STORE_LOCKED);
        assert_int_equal(unlock("pass", true), KF_ERR_STORE_VAULT_DAMAGED);
        assert_non_null(
            strstr(last.what, "header is missing, and its copy header.copy is missing"));
        assert_non_null(strstr(last.hint, "header.copy back from a backup"));
        assert_int_equal(rewrap("pass", "new"), KF_ERR_STORE_VAULT_DAMAGED);
        assert_int_equal(files("header"), 0);
        if (i) break;
        KF_AUTO_CHARS record = path(ONE "." SESSION); /* what a kill left is a record, too */
        KF_AUTO_CHARS next = path(ONE "." SESSION ".next");
        assert_int_equal(rename(record, next), 0);
    }
    assert_int_equal(files(ONE), 1);
}

static void two_damaged_headers_stay_as_they_are(void **state) {
    damage("header");
    damage("header.copy");
    KF_AUTO(kf_secret) before = get("header");
    next_agent();
    assert_int_equal(unlock("pass", true), KF_ERR_STORE_VAULT_DAMAGED);
    assert_int_equal(rewrap("pass", "new"), KF_ERR_STORE_VAULT_DAMAGED);
    KF_AUTO(kf_secret) after = get("header");
    assert_true(kf_secret_eq(before, after));
    assert_true(same("header", "header.copy"));
}

static void a_header_that_cannot_be_read_is_not_replaced(void **state) {
    KF_AUTO(kf_secret) header = get("header");
    make_unreadable("header");
    next_agent();
    assert_int_equal(kf_store_get_state(store), KF_STORE_LOCKED);
    assert_int_equal(unlock("pass", true), KF_ERR_NONE); /* with the copy */
    holds("g5 five");
    assert_non_null(
        strstr(kf_store_vault_note(store), "header cannot be read; its copy header.copy is used"));
    assert_int_equal(rewrap("pass", "new"), KF_ERR_STORE_READ);
    assert_null(get("header"));
    make_unreadable("header.copy");
    next_agent();
    assert_int_equal(kf_store_get_state(store), KF_STORE_LOCKED);
    assert_int_equal(unlock("pass", true), KF_ERR_STORE_READ);
    rid("header"); /* gone, and of the copy nothing is known */
    assert_int_equal(kf_store_get_state(store), KF_STORE_LOCKED);
    assert_int_equal(unlock("pass", true), KF_ERR_STORE_READ);
    assert_null(get("header"));
    put("header", kf_secret_peek(header), kf_secret_len(header));
    assert_int_equal(unlock("pass", true), KF_ERR_NONE);
    holds("g5 five");
    assert_null(get("header.copy")); /* left alone */
}

static void a_folder_that_cannot_be_read_is_not_new(void **state) {
    KF_AUTO_CHARS away = kf_strfmt("%s.away", dir);
    store = kf_store_free(store);
    assert_int_equal(rename(dir, away), 0);
    assert_int_equal(symlink("vault", dir), 0);
    store = new_store();
    assert_int_equal(kf_store_get_state(store), KF_STORE_LOCKED);
    assert_int_equal(unlock("pass", true), KF_ERR_STORE_READ);
    assert_int_equal(unlink(dir), 0);
    assert_int_equal(kf_store_get_state(store), KF_STORE_NEW);
    assert_int_equal(rename(away, dir), 0);
    assert_int_equal(unlock("pass", true), KF_ERR_NONE);
    holds("g5 five");
}

static void the_passphrase_is_changed_in_both(void **state) {
    KF_AUTO(kf_secret) old = get("header");
    put("header.tmp-abcdef", "x", 1);
    put("header.backup", "mine", 4);
    assert_int_equal(rewrap("pass", "new"), KF_ERR_NONE);
    assert_true(same("header", "header.copy"));
    assert_false(there("header.tmp-abcdef"));
    assert_true(there("header.backup")); /* a person's */
    holds("g5 five");
    /* interrupted between the two files: the next opening makes them the same */
    KF_AUTO(kf_secret) fresh = get("header");
    put("header.copy", kf_secret_peek(old), kf_secret_len(old));
    next_agent();
    assert_int_equal(unlock("pass", true), KF_ERR_STORE_BAD_PASSPHRASE);
    assert_int_equal(unlock("new", true), KF_ERR_NONE);
    KF_AUTO(kf_secret) copy = get("header.copy");
    assert_true(kf_secret_eq(fresh, copy));
    holds("g5 five");
}

/* Made by an older version, or for a test: the next opening makes a guess as dear as elsewhere. */
static void a_cheap_header_is_replaced(void **state) {
    KF_AUTO(kf_secret) cheap = get("header");
    assert_true(kf_vault_is_cheap((const unsigned char *)kf_secret_peek(cheap)));
    store = kf_store_free(store);
    store = kf_store_vault_new(loop, worker, &(kf_vault_opts){.dir = dir, .generation = number_of});
    assert_int_equal(unlock("wrong", false), KF_ERR_STORE_BAD_PASSPHRASE);
    KF_AUTO(kf_secret) same_still = get("header");
    assert_true(kf_secret_eq(cheap, same_still));
    assert_int_equal(unlock("pass", false), KF_ERR_NONE);
    KF_AUTO(kf_secret) dear = get("header");
    assert_false(kf_vault_is_cheap((const unsigned char *)kf_secret_peek(dear)));
    assert_true(same("header", "header.copy"));
    assert_true(kf_store_vault_is_short(store));
    holds("g5 five");
    next_agent();
    assert_int_equal(unlock("pass", false), KF_ERR_NONE);
    holds("g5 five");
}

/* Made over the records by an older version: the copy is the only one that is right. */
static void a_copy_is_kept_when_the_header_opens_no_record(void **state) {
    unsigned char h[KF_VAULT_HEADER];
    KF_AUTO(kf_secret) pass = kf_secret_new("pass", 4);
    KF_AUTO(kf_secret) other = NULL;
    KF_AUTO(kf_secret) right = get("header");
    assert_true(kf_vault_create(pass, true, &other, h, NULL));
    put("header", h, sizeof h);
    next_agent();
    assert_int_equal(unlock("pass", false), KF_ERR_NONE);
    assert_int_equal(load(), KF_ERR_STORE_DAMAGED);
    assert_non_null(strstr(kf_store_vault_note(store), "differ"));
    KF_AUTO(kf_secret) copy = get("header.copy");
    assert_true(kf_secret_eq(right, copy));
    rid("header");
    next_agent();
    assert_int_equal(unlock("pass", false), KF_ERR_NONE);
    holds("g5 five");
}

static void a_newer_header_is_refused(void **state) {
    static const char newer[KF_VAULT_HEADER] = "KFVAULT2";
    put("header", newer, sizeof newer);
    next_agent();
    assert_int_equal(unlock("pass", true), KF_ERR_STORE_NEWER);
    assert_int_equal(rewrap("pass", "new"), KF_ERR_STORE_NEWER);
    KF_AUTO(kf_secret) now = get("header");
    assert_memory_equal(kf_secret_peek(now), newer, sizeof newer);
    put("header.copy", newer, sizeof newer);
    rid("header");
    assert_int_equal(unlock("pass", true), KF_ERR_STORE_NEWER);
    assert_false(there("header"));
}

static void a_folder_that_went_away_is_absent(void **state) {
    size_t n;
    KF_AUTO_CHARS away = kf_strfmt("%s.away", dir);
    for (int empty = 0; empty < 2; empty++) { /* removed, or what is below a mount */
        assert_int_equal(rename(dir, away), 0);
        if (empty) assert_int_equal(mkdir(dir, 0700), 0);
        assert_int_equal(load(), KF_ERR_STORE_ABSENT);
        assert_non_null(strstr(last.hint, "mount it"));
        assert_int_equal(kf_store_get_state(store), KF_STORE_ABSENT);
        assert_int_equal(save("g6 six"), KF_ERR_STORE_ABSENT);
        assert_int_equal(reserve_in(store, 100), KF_ERR_STORE_ABSENT);
        assert_int_equal(forget(SESSION), KF_ERR_STORE_ABSENT);
        assert_int_equal(list(&n), KF_ERR_STORE_ABSENT);
        answer a = {0};
        kf_store_probe(store, false, on_done, &a);
        assert_int_equal(wait_for(&a), KF_ERR_STORE_ABSENT);
        assert_int_equal(rewrap("pass", "new"), KF_ERR_STORE_ABSENT);
        kf_store_lock(store);
        assert_int_equal(kf_store_get_state(store), KF_STORE_LOCKED); /* not new: it was there */
        assert_int_equal(unlock("pass", true), KF_ERR_STORE_ABSENT);
        assert_int_equal(empty ? rmdir(dir) : access(dir, F_OK) + 1, 0);
        assert_int_equal(rename(away, dir), 0);
        assert_int_equal(unlock("pass", true), KF_ERR_NONE);
        assert_int_equal(kf_store_get_state(store), KF_STORE_OK);
        holds("g5 five");
    }
}

/* ---- records ---- */

static void damage_is_not_absence_and_not_a_read_error(void **state) {
    KF_AUTO_CHARS p = path(ONE "." SESSION);
    make_unreadable(ONE "." SESSION);
    assert_int_equal(load(), KF_ERR_STORE_READ);
    rid(ONE "." SESSION);
    assert_int_equal(load(), KF_ERR_STORE_NOT_FOUND);
    assert_int_equal(mkdir(p, 0700), 0);
    assert_int_equal(load(), KF_ERR_STORE_DAMAGED);
    assert_int_equal(rmdir(p), 0);
    assert_int_equal(save("g6 six"), KF_ERR_NONE);
    struct rlimit old, none;
    getrlimit(RLIMIT_NOFILE, &old);
    none = old;
    int unused = dup(0);
    close(unused);
    none.rlim_cur = (rlim_t)unused;
    setrlimit(RLIMIT_NOFILE, &none);
    kf_err_code code = load();
    setrlimit(RLIMIT_NOFILE, &old);
    assert_int_equal(code, KF_ERR_STORE_READ);
    holds("g6 six");
}

static void a_newer_record_is_never_replaced(void **state) {
    static const char newer[] = "KFVREC2\0 and whatever a newer keyfob puts there";
    put(ONE "." SESSION, newer, sizeof newer);
    assert_int_equal(load(), KF_ERR_STORE_NEWER);
    assert_int_equal(reserve_in(store, 100), KF_ERR_STORE_NEWER);
    assert_int_equal(save("g9 nine"), KF_ERR_STORE_NEWER);
    KF_AUTO(kf_secret) now = get(ONE "." SESSION);
    assert_memory_equal(kf_secret_peek(now), newer, sizeof newer);
    /* nor one whose blob is of a newer version, nor a leftover of either kind */
    leave(ONE "." SESSION, SESSION, "g-1 newer");
    assert_int_equal(reserve_in(store, 100), KF_ERR_STORE_NEWER);
    assert_int_equal(save("g9 nine"), KF_ERR_STORE_NEWER);
    holds("g-1 newer");
    leave(ONE "." SESSION, SESSION, "g5 five");
    put(ONE "." SESSION ".next", newer, sizeof newer);
    leave(ONE "." SESSION ".next-abcdef", SESSION, "g-1 newer");
    next_agent();
    assert_int_equal(unlock("pass", false), KF_ERR_NONE);
    holds("g5 five");
    assert_int_equal(save("g6 six"), KF_ERR_NONE);
    assert_int_equal(files(".next"), 2);
    assert_int_equal(forget(SESSION), KF_ERR_NONE);
    assert_int_equal(files(SESSION), 0);
}

/* ---- what kills leave ---- */

#define R ONE "." SESSION

static void the_newest_leftover_is_adopted(void **state) {
    static const char *const name[] = {R ".next", R ".next-aB3dE9", R ".aB3dE9"};
    for (size_t i = 0; i < KF_LEN(name); i++) {
        KF_AUTO_CHARS text = kf_strfmt("g%zu newest", 6 + i);
        leave(name[i], SESSION, text);
        next_agent();
        assert_int_equal(unlock("pass", false), KF_ERR_NONE);
        holds(text);
        assert_int_equal(files(R), 1);
    }
    leave(name[0], SESSION, "g12 twelve");
    leave(name[1], SESSION, "g11 eleven");
    leave(name[2], SESSION, "g13 thirteen");
    next_agent();
    assert_int_equal(unlock("pass", false), KF_ERR_NONE);
    holds("g13 thirteen");
    assert_int_equal(files(R), 1);
    leave(R ".next", SESSION, "g14 fourteen"); /* of another agent, while this one has it open */
    holds("g14 fourteen");
    assert_int_equal(files(R), 1);
    damage(R);
    leave(R ".next", SESSION, "g15 fifteen");
    holds("g15 fifteen");
}

static void other_leftovers_are_removed(void **state) {
    static const char zeros[300];
    static const char *const name[] = {R ".next", R ".next-aB3dE9", R ".aB3dE9"};
    for (size_t i = 0; i < KF_LEN(name); i++) {
        for (int k = 0; k < 5; k++) {
            if (k == 0) leave(name[i], SESSION, "g5 five");
            else if (k == 1) leave(name[i], SESSION, "g4 four");
            else if (k == 2) put(name[i], zeros, sizeof zeros);
            else if (k == 3) put(name[i], "", 0);
            else leave(name[i], SESSION, "g9 torn"), damage(name[i]);
            next_agent();
            assert_int_equal(unlock("pass", false), KF_ERR_NONE);
            holds("g5 five");
            if (files(R) != 1) fail_msg("%s, case %d was left", name[i], k);
        }
    }
    put("probe.tmp.tmp-abcdef", "x", 1);
    put("header.aB3dE9", "x", 1);
    next_agent();
    assert_int_equal(unlock("pass", false), KF_ERR_NONE);
    assert_int_equal(files("probe") + files("header.a"), 0);
}

static void what_is_in_doubt_stays(void **state) {
    leave(R ".backup", SESSION, "g4 a person's copy");
    leave(R ".next", SESSION, "g9 held by another process");
    KF_AUTO_CHARS p = path(R ".next");
    int fd = kf_lock_open(p, NULL);
    assert_int_equal(kf_lock_try(fd, NULL), 1);
    next_agent();
    assert_int_equal(unlock("pass", false), KF_ERR_NONE);
    holds("g5 five");
    assert_true(there(R ".next") && there(R ".backup"));
    kf_lock_drop(fd);
    holds("g9 held by another process");
    /* neither opens: perhaps another header is needed for both */
    damage(R);
    leave(R ".next", SESSION, "g10 torn");
    damage(R ".next");
    next_agent();
    assert_int_equal(unlock("pass", false), KF_ERR_NONE);
    assert_int_equal(load(), KF_ERR_STORE_DAMAGED);
    assert_true(there(R ".next"));
    /* the record cannot be read now */
    make_unreadable(R);
    leave(R ".next", SESSION, "g4 four");
    assert_int_equal(load(), KF_ERR_STORE_READ);
    assert_true(there(R ".next"));
}

static void a_first_save_that_was_killed(void **state) {
    rid(R);
    leave(R ".aB3dE9", SESSION, "g6 of an older version: perhaps of before a log-out");
    leave(ONE ".api-key.next", "api-key", "sk_test_key");
    next_agent();
    assert_int_equal(unlock("pass", false), KF_ERR_NONE);
    assert_int_equal(load(), KF_ERR_STORE_NOT_FOUND);
    assert_int_equal(load_kind("api-key"), KF_ERR_STORE_NOT_FOUND);
    assert_int_equal(files(ONE), 0);
    leave(R ".next", SESSION, "g1 one");
    next_agent();
    assert_int_equal(unlock("pass", false), KF_ERR_NONE);
    holds("g1 one");
}

static void delete_leaves_nothing_of_a_record(void **state) {
    assert_int_equal(save_in(store, ONE, "api-key", "sk"), KF_ERR_NONE);
    assert_int_equal(save_in(store, TWO, SESSION, "g1 two"), KF_ERR_NONE);
    assert_int_equal(reserve_in(store, 1000), KF_ERR_NONE);
    leave(R ".next-aB3dE9", SESSION, "g9 nine");
    leave(R ".aB3dE9", SESSION, "g9 nine");
    assert_int_equal(files(R), 4);
    assert_int_equal(forget(SESSION), KF_ERR_NONE);
    assert_int_equal(files(R), 0);
    assert_int_equal(forget(SESSION), KF_ERR_NONE); /* absent is success */
    assert_int_equal(files(ONE), 1);
    assert_int_equal(files(TWO), 1);
    size_t n;
    assert_int_equal(list(&n), KF_ERR_NONE);
    assert_int_equal(n, 2);
}

/* ---- places ---- */

static ino_t inode(const char *leaf) {
    KF_AUTO_CHARS p = path(leaf);
    struct stat st;
    assert_int_equal(lstat(p, &st), 0);
    return st.st_ino;
}
static off_t size_of(const char *leaf) {
    KF_AUTO_CHARS p = path(leaf);
    struct stat st;
    assert_int_equal(lstat(p, &st), 0);
    return st.st_size;
}

static void a_save_goes_through_its_place(void **state) {
    assert_int_equal(reserve_in(store, 5000), KF_ERR_NONE);
    ino_t place = inode(R ".next");
    assert_true(size_of(R ".next") >= 5000);
    assert_int_equal(reserve_in(store, 4000), KF_ERR_NONE); /* again: the same */
    assert_int_equal(inode(R ".next"), place);
    assert_int_equal(reserve_in(store, 9000), KF_ERR_NONE);
    assert_true(size_of(R ".next") >= 9000);
    holds("g5 five");
    size_t n;
    assert_int_equal(list(&n), KF_ERR_NONE);
    assert_int_equal(n, 1);
    struct rlimit old, none; /* nothing may grow: a full disk */
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    none = old;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_FSIZE, &none);
    kf_err_code full = reserve_in(store, 20000),
                other = save_in(store, TWO, SESSION, "g1 no place");
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(full, KF_ERR_STORE_WRITE);
    assert_int_equal(other, KF_ERR_STORE_WRITE);
    assert_int_equal(files(".next"), 0); /* gives back what it took */
    assert_int_equal(reserve_in(store, 5000), KF_ERR_NONE);
    place = inode(R ".next");
    assert_int_equal(save("g6 six"), KF_ERR_NONE);
    assert_int_equal(inode(R), place);
    holds("g6 six");
    assert_int_equal(files(".next"), 0);
    assert_int_equal(reserve_in(store, 5000), KF_ERR_NONE);
    next_agent(); /* an orderly end */
    assert_int_equal(files(".next"), 0);
}

/* The folder takes no new file and no more blocks; the place was reserved. */
static void a_reserved_save_needs_no_room(void **state) {
    assert_int_equal(reserve_in(store, 5000), KF_ERR_NONE);
    struct rlimit old, none;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    none = old;
    none.rlim_cur = 5000;
    setrlimit(RLIMIT_FSIZE, &none);
    char text[4000] = "g6 ";
    memset(text + 3, 'x', sizeof text - 4);
    kf_err_code code = save(text);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(code, KF_ERR_NONE);
    holds(text);
}

static void a_place_that_was_taken_away(void **state) {
    assert_int_equal(reserve_in(store, 5000), KF_ERR_NONE);
    rid(R ".next");
    assert_int_equal(save("g6 six"), KF_ERR_NONE);
    assert_int_equal(reserve_in(store, 5000), KF_ERR_NONE);
    rid(R ".next");
    assert_int_equal(reserve_in(store, 5000), KF_ERR_NONE);
    assert_true(there(R ".next"));
    holds("g6 six");
}

static void two_agents_have_a_place_each(void **state) {
    kf_store *first = store, *second = store = new_store();
    assert_int_equal(unlock("pass", false), KF_ERR_NONE);
    assert_int_equal(reserve_in(first, 5000), KF_ERR_NONE);
    holds("g5 five");
    assert_int_equal(reserve_in(second, 5000), KF_ERR_NONE);
    assert_int_equal(files(".next"), 2);
    assert_int_equal(save_in(first, ONE, SESSION, "g6 six"), KF_ERR_NONE);
    assert_int_equal(save_in(second, ONE, SESSION, "g7 seven"), KF_ERR_NONE);
    holds("g7 seven");
    assert_int_equal(files(".next"), 0);
    /* the place of an agent that could not renew does not keep another one from it */
    assert_int_equal(reserve_in(first, 5000), KF_ERR_NONE);
    assert_int_equal(save_in(second, ONE, SESSION, "g8 eight"), KF_ERR_NONE);
    assert_int_equal(forget(SESSION), KF_ERR_NONE);
    assert_int_equal(files(R), 0);
    assert_int_equal(save_in(first, ONE, SESSION, "g9 nine"), KF_ERR_NONE);
    holds("g9 nine");
    assert_int_equal(files(R), 1);
    kf_store_free(first);
}

static void a_save_that_failed_is_not_lost(void **state) {
    KF_AUTO_CHARS record = path(R);
    assert_int_equal(reserve_in(store, 5000), KF_ERR_NONE);
    rid(R); /* rename cannot replace a directory */
    assert_int_equal(mkdir(record, 0700), 0);
    assert_int_equal(save("g6 six"), KF_ERR_STORE_WRITE);
    assert_int_equal(save("g6 six"), KF_ERR_STORE_WRITE);
    assert_int_equal(files(".next"), 1);
    next_agent();
    assert_int_equal(rmdir(record), 0);
    assert_int_equal(unlock("pass", false), KF_ERR_NONE);
    holds("g6 six");
    assert_int_equal(files(R), 1);
}

static void many_places_are_bounded(void **state) {
    for (int i = 0; i < 100; i++) {
        answer a = {0};
        KF_AUTO_CHARS id = kf_strfmt("%016d", i);
        kf_store_reserve(store, id, SESSION, 10, false, on_done, &a);
        assert_int_equal(wait_for(&a), KF_ERR_NONE);
    }
    assert_int_equal(files(".next"), 64);
}

int main(void) {
    if (!mkdtemp(top)) return 1;
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest t[] = {T(a_missing_header_is_put_back),
                                   T(a_damaged_header_is_put_back),
                                   T(a_vault_of_before_gets_its_copy),
                                   T(no_header_is_made_over_records),
                                   T(two_damaged_headers_stay_as_they_are),
                                   T(a_header_that_cannot_be_read_is_not_replaced),
                                   T(a_folder_that_cannot_be_read_is_not_new),
                                   T(the_passphrase_is_changed_in_both),
                                   T(a_cheap_header_is_replaced),
                                   T(a_copy_is_kept_when_the_header_opens_no_record),
                                   T(a_newer_header_is_refused),
                                   T(a_folder_that_went_away_is_absent),
                                   T(damage_is_not_absence_and_not_a_read_error),
                                   T(a_newer_record_is_never_replaced),
                                   T(the_newest_leftover_is_adopted),
                                   T(other_leftovers_are_removed),
                                   T(what_is_in_doubt_stays),
                                   T(a_first_save_that_was_killed),
                                   T(delete_leaves_nothing_of_a_record),
                                   T(a_save_goes_through_its_place),
                                   T(a_reserved_save_needs_no_room),
                                   T(a_place_that_was_taken_away),
                                   T(two_agents_have_a_place_each),
                                   T(a_save_that_failed_is_not_lost),
                                   T(many_places_are_bounded)};
    int rc = cmocka_run_group_tests(t, NULL, NULL);
    nftw(top, rm, 16, FTW_DEPTH | FTW_PHYS);
    return rc;
}
