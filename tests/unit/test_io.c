/* Settings, files, timers and stores. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sys/prctl.h>
#include <errno.h>
#include <sys/resource.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/str.h"
#include "io/conf.h"
#include "io/conf_keys.h"
#include "guard/path.h"
#include "io/files.h"
#include "io/lock.h"
#include "io/store.h"

static char dir[] = "/tmp/kf-io-XXXXXX";
static char *path(const char *leaf) { return kf_strfmt("%s/%s", dir, leaf); }

static void put(const char *p, const char *text) {
    kf_err e;
    assert_true(kf_file_replace(p, text, strlen(text), &e));
}
static char *get(const char *p) {
    kf_err e;
    kf_secret *s = NULL;
    assert_true(kf_file_read(p, 1 << 20, &s, &e));
    char *text = kf_strdup(kf_secret_peek(s));
    kf_secret_free(s);
    return text;
}

/* --- files ---------------------------------------------------------------------------------------
 */

static void files_are_replaced_whole(void **state) {
    kf_err e;
    kf_secret *s = NULL;
    struct stat st;
    KF_AUTO_CHARS p = path("file");
    put(p, "one");
    put(p, "two");
    KF_AUTO_CHARS text = get(p);
    assert_string_equal(text, "two");
    assert_int_equal(stat(p, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_false(kf_file_read(p, 2, &s, &e)); /* larger than allowed */
    KF_AUTO_CHARS link = path("link");
    assert_int_equal(symlink(p, link), 0);
    assert_false(kf_file_read(link, 100, &s, &e));
    assert_false(kf_file_read("/dev/zero", 100, &s, &e));
    assert_null(s);
    /* a write that fails leaves the old file and nothing beside it */
    struct rlimit old, small = {4, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    small.rlim_max = old.rlim_max;
    setrlimit(RLIMIT_FSIZE, &small);
    bool ok = kf_file_replace(p, "longer than four", 16, &e);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_false(ok);
    assert_int_equal(e.code, KF_ERR_SYS_IO);
    KF_AUTO_CHARS after = get(p);
    assert_string_equal(after, "two");
    assert_true(kf_file_remove(p, &e) && kf_file_remove(p, &e));
}

static void reads_say_why_they_failed(void **state) {
    kf_err e;
    kf_secret *s = NULL;
    struct rlimit old, none = {0, 0};
    KF_AUTO_CHARS p = path("why");
    KF_AUTO_CHARS fifo = path("fifo");
    KF_AUTO_CHARS link = path("why-link");
    assert_false(kf_file_read(p, 100, &s, &e));
    assert_int_equal(errno, ENOENT);
    put(p, "four");
    assert_int_equal(symlink(p, link) | mkfifo(fifo, 0600), 0);
    assert_false(kf_file_read(link, 100, &s, &e));
    assert_int_equal(errno, ELOOP);
    const char *const wrong[] = {fifo, dir, "/dev/zero"};
    for (size_t i = 0; i < KF_LEN(wrong); i++) {
        assert_false(kf_file_read(wrong[i], 100, &s, &e));
        assert_int_equal(errno, 0);
    }
    assert_false(kf_file_read(p, 3, &s, &e));
    assert_int_equal(errno, 0);
    getrlimit(RLIMIT_NOFILE, &old);
    none.rlim_max = old.rlim_max;
    setrlimit(RLIMIT_NOFILE, &none);
    bool ok = kf_file_read(p, 100, &s, &e);
    int why = errno;
    setrlimit(RLIMIT_NOFILE, &old);
    assert_false(ok);
    assert_int_equal(why, EMFILE);
    assert_null(s);
}

static bool is_there(const char *leaf) {
    KF_AUTO_CHARS p = path(leaf);
    return access(p, F_OK) == 0;
}

static void sweep_takes_only_what_a_kill_left(void **state) {
    static const char *const stays[] = {
        "s",      "s.backup", "s.Backup",  "s.BACKUP",      "s.old123",
        "s.copy", "s.tmp-",   "s.tmp-abc", "s2.tmp-abcdef", "s.a/b"};
    static const char *const goes[] = {"s.tmp-abcdef", "s.tmp-Zz09aZ"};
    KF_AUTO_CHARS s = path("s");
    KF_AUTO_CHARS folder = path("s.a");
    KF_AUTO_CHARS old = path("s.aB3dE9");
    KF_AUTO_CHARS mine = path("s.tmp-XXXXXX");
    assert_int_equal(mkdir(folder, 0700), 0);
    for (size_t i = 0; i < KF_LEN(stays) + KF_LEN(goes); i++) {
        KF_AUTO_CHARS p = path(i < KF_LEN(stays) ? stays[i] : goes[i - KF_LEN(stays)]);
        put(p, "x");
    }
    put(old, "x");
    int fd = kf_file_new(mine); /* a living writer */
    assert_true(fd >= 0);
    kf_file_sweep(s, false);
    for (size_t i = 0; i < KF_LEN(stays); i++)
        if (!is_there(stays[i])) fail_msg("%s was removed", stays[i]);
    for (size_t i = 0; i < KF_LEN(goes); i++)
        if (is_there(goes[i])) fail_msg("%s was left", goes[i]);
    assert_true(kf_file_is_at(fd, mine));
    assert_int_equal(access(old, F_OK), 0);
    kf_file_sweep(s, true);
    assert_int_equal(access(old, F_OK), -1);
    close(fd);
    kf_file_sweep(s, false);
    assert_int_equal(access(mine, F_OK), -1);
    for (size_t i = 0; i < KF_LEN(stays); i++) assert_true(is_there(stays[i]));
}

static void directories_must_be_ours(void **state) {
    kf_err e;
    KF_AUTO_CHARS deep = path("a/b/c");
    assert_true(kf_path_make_dir(deep, &e));
    chmod(deep, 0777);
    assert_false(kf_path_make_dir(deep, &e));
    assert_int_equal(e.code, KF_ERR_SYS_OWNER);
    KF_AUTO_CHARS f = path("plain");
    put(f, "x");
    assert_false(kf_path_make_dir(f, &e));
}

static void locks_exclude(void **state) {
    kf_err e;
    KF_AUTO_CHARS p = path("lock");
    int a = kf_lock_open(p, &e), b = kf_lock_open(p, &e);
    assert_int_equal(kf_lock_try(a, &e), 1);
    assert_int_equal(kf_lock_try(b, &e), 0);
    kf_lock_drop(a);
    assert_int_equal(kf_lock_try(b, &e), 1);
    kf_lock_drop(b);
}

/* A message names who holds a lock, and that it is stopped. */
static void the_holder_of_a_lock_is_named(void **state) {
    KF_AUTO_CHARS p = path("held.lock");
    kf_lock_holder h;
    int status, fd = kf_lock_open(p, NULL);
    assert_true(fd >= 0);
    assert_false(kf_lock_holder_find(fd, &h));
    pid_t child = fork();
    if (child == 0) {
        int mine = kf_lock_open(p, NULL);
        prctl(PR_SET_NAME, "odd) (name");
        if (kf_lock_try(mine, NULL) == 1) raise(SIGSTOP);
        pause();
        _exit(1);
    }
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(kf_lock_try(fd, NULL), 0);
    assert_true(kf_lock_holder_find(fd, &h));
    assert_int_equal(h.pid, child);
    assert_string_equal(h.name, "odd) (name");
    assert_true(h.is_stopped);
    kill(child, SIGCONT);
    assert_int_equal(waitpid(child, &status, WCONTINUED), child);
    assert_true(kf_lock_holder_find(fd, &h));
    assert_false(h.is_stopped);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(kf_lock_try(fd, NULL), 1);
    assert_true(kf_lock_holder_find(fd, &h));
    assert_int_equal(h.pid, getpid());
    kf_lock_drop(fd);
}

/* A program that takes no lock writes between the check and the rename. */
static void placed_over_the_file_that_was(void **state) {
    kf_err e;
    struct stat was = {0};
    KF_AUTO_CHARS p = path("over");
    const char *const step[] = {"first", "second"};
    for (size_t i = 0; i < KF_LEN(step); i++) { /* where there was no file, and over it */
        int held = -1;
        KF_AUTO_CHARS draft = kf_file_draft(p, step[i], strlen(step[i]), &held, &e);
        assert_non_null(draft);
        assert_int_equal(kf_file_place_over(draft, held, p, &was, &e), 1);
        KF_AUTO_CHARS text = get(p);
        assert_string_equal(text, step[i]);
        assert_int_equal(access(draft, F_OK), -1);
        assert_int_equal(stat(p, &was), 0);
    }
    struct stat none = {0};
    const struct stat *const wrong[] = {&was, &none};
    for (size_t i = 0; i < KF_LEN(wrong); i++) {
        int held = -1;
        put(p, "an editor's");
        KF_AUTO_CHARS draft = kf_file_draft(p, "ours", 4, &held, &e);
        assert_int_equal(kf_file_place_over(draft, held, p, wrong[i], &e), 0);
        KF_AUTO_CHARS text = get(p);
        assert_string_equal(text, "an editor's");
        assert_int_equal(access(draft, F_OK), -1);
    }
    unlink(p); /* and away altogether */
    int held = -1;
    KF_AUTO_CHARS draft = kf_file_draft(p, "ours", 4, &held, &e);
    assert_int_equal(kf_file_place_over(draft, held, p, &was, &e), 0);
    assert_int_equal(access(p, F_OK), -1);
    assert_int_equal(access(draft, F_OK), -1);
}

/* --- settings ------------------------------------------------------------------------------------
 */

static void save_conf(kf_conf *c) {
    kf_err e;
    assert_int_equal(kf_conf_save(c, NULL, &e), 1);
    assert_false(kf_conf_changed_on_disk(c));
}

static void settings_keep_comments_and_order(void **state) {
    kf_err e;
    KF_AUTO_CHARS p = path("keyfob.conf");
    put(p, "# mine\n[keyfob]\n# why a vault\nstore=vault\nunknown=kept\n\n[profile "
           "one]\nid=0123456789abcdef\nclient_id=client_A\n");
    kf_conf *c = kf_conf_load(p, &e);
    assert_non_null(c);
    assert_string_equal(kf_conf_get(c, "store"), "vault");
    const kf_conf_profile *one = kf_conf_find(c, "one");
    assert_string_equal(one->api_host, "https://api.workos.com");
    kf_conf_profile two = {.id = "fedcba9876543210",
                           .name = "two",
                           .client_id = "client_B",
                           .api_host = "http://127.0.0.1:1",
                           .confidential = true};
    assert_true(kf_conf_put(c, &two, &e));
    save_conf(c);
    two.redirect_port = 8391;
    two.name[0] = 'z';
    assert_true(kf_conf_put(c, &two, &e)); /* a rename */
    save_conf(c);
    two.name[0] = 0;
    assert_true(kf_str_set(two.name, sizeof two.name, "one"));
    assert_false(kf_conf_put(c, &two, &e)); /* taken */
    assert_int_equal(e.code, KF_ERR_USAGE_EXISTS);
    kf_conf_free(c);
    KF_AUTO_CHARS text = get(p);
    assert_non_null(strstr(text, "# mine"));
    assert_non_null(strstr(text, "# why a vault"));
    assert_non_null(strstr(text, "unknown=kept"));
    assert_null(strstr(text, "[profile two]"));
    c = kf_conf_load(p, &e);
    assert_int_equal(kf_conf_find(c, "fedcba9876543210")->redirect_port, 8391);
    assert_true(kf_conf_find(c, "zwo")->confidential);
    put(p, text); /* somebody else writes meanwhile */
    assert_true(kf_conf_changed_on_disk(c));
    assert_true(kf_conf_remove(c, "one") && !kf_conf_find(c, "one"));
    kf_conf_free(c);
}

static void bad_settings_name_file_and_line(void **state) {
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"[keyfob]\nstore=vault\nthis is nothing\n", ":3:"},
        {"store=vault\n", ":1:"},
        {"[keyfob\n", ":1:"},
        {"[profile Bad]\nid=0123456789abcdef\n", ":1: [profile Bad]"},
        {"# x\n[keyfob]\nstore = vault\nkeepalive = 5\n", ":4: [keyfob] keepalive must be never"},
        {"[keyfob]\nstore=nowhere\n", ":2: [keyfob] store must be"},
        {"[keyfob]\nproxy=ftp://x\n", ":2: [keyfob] proxy must be"},
        {"[keyfob]\nproxy=auto\n[x]\n[keyfob]\n ca_file = here\n", ":5: [keyfob] ca_file must be"},
        {"[keyfob]\non_sign_in_needed=say \\q\n", ":2: [keyfob] on_sign_in_needed has a backslash"},
        {"[keyfob]\ndefault=A B\n", ":2: [keyfob] default must be"},
        {"[keyfob]\nstore_picked=memory\n", ":2: [keyfob] store_picked must be"},
        {"[keyfob]\n# \xe9 is fine here\nproxy=http://pr\xf6xy:1\n",
         ":3: [keyfob] proxy has a byte that is not UTF-8"},
        {"[keyfob]\nca_file = /etc/zertifikate-f\xfcr.pem\n", ":2: [keyfob] ca_file has a byte"},
        {"[keyfob]\nstore = v\xe4ult\n", ":2: [keyfob] store has a byte"},
        {"[keyfob]\ndefault=\xff\n", ":2: [keyfob] default has a byte"},
        {"[profile a]\nid=0123456789abcdef\napi_host=https://\xe4.test\n",
         ":3: [profile a] api_host has a byte"},
        {"[profile a]\nid=0123456789abcdef\nlabel=B\xfcro\n", ":3: [profile a] label has a byte"},
        {"[profile a]\nid=0123456789abcdef\ngit_host=\xe4.test\n",
         ":3: [profile a] git_host has a byte"},
        {"[profile a]\n# id=1\nid=xyz\n", ":3: [profile a] id must be 16 hex"},
        {"[profile a]\nid=0123456789abcdef\n[profile b]\nid=0123456789abcdef\n",
         ":4: [profile b] id two profiles"},
        {"[profile a]\nid=0123456789abcdef\napi_host=http://example.test\n",
         ":3: [profile a] api_host"},
        {"[profile a]\nid=0123456789abcdef\nclient_id=sk_test\n", ":3: [profile a] client_id"},
        {"[profile a]\nid=0123456789abcdef\nredirect_port=99999\n",
         ":3: [profile a] redirect_port"}};
    KF_AUTO_CHARS p = path("bad.conf");
    for (size_t i = 0; i < KF_LEN(rows); i++) {
        kf_err e = {0};
        put(p, rows[i].text);
        assert_null(kf_conf_load(p, &e));
        assert_int_equal(e.code, KF_ERR_USAGE_CONFIG);
        if (!strstr(e.what, rows[i].want)) fail_msg("'%s' is not in '%s'", rows[i].want, e.what);
        KF_AUTO_CHARS after = get(p);
        assert_string_equal(after, rows[i].text);
    }
}

static void unknown_names_are_told(void **state) {
    KF_AUTO_CHARS p = path("unknown.conf");
    kf_err e;
    put(p, "[keyfob]\nkeepalife = 5h\nstore=vault\n[Keyfob]\nproxy=x\n"
           "[profile a]\nid=0123456789abcdef\napi_url=https://a.test\n[other]\n");
    kf_conf *c = kf_conf_load(p, &e);
    assert_non_null(c);
    const char *said = kf_conf_unknown(c);
    assert_non_null(said);
    static const char *const want[] = {
        ":2: [keyfob] keepalife means nothing; there are: default store keepalive proxy", "\n",
        ":4: [Keyfob] means nothing; there are: [keyfob] and [profile NAME]",
        ":8: [profile a] api_url means nothing; there are: id client_id api_host", ":9: [other]"};
    for (size_t i = 0; i < KF_LEN(want); i++)
        if (!strstr(said, want[i])) fail_msg("'%s' is not in '%s'", want[i], said);
    kf_conf_free(c);
    put(p, "[keyfob]\nstore=vault\nstore_picked=vault\n[profile a]\nid=0123456789abcdef\n");
    c = kf_conf_load(p, &e);
    assert_non_null(c);
    assert_null(kf_conf_unknown(c));
    kf_conf_free(c);
}

static void a_proxy_is_host_and_port(void **state) {
    static const char *const
        good[] = {"proxy",
                  "proxy:3128",
                  "http://proxy.corp.example:3128/",
                  "http://u:p%40ss@proxy:1",
                  "socks5h://[::1]:1080",
                  "https://10.0.0.1",
                  "http://u@v@host:80"},
        *const bad[] = {
            "",       "://///",     "http://",    "http:///x",   "http://:3128", "host:",
            "host:0", "host:65536", "host:port",  "http://u:p@", "http://[::1",  "http://[::1]x",
            "[]:1",   "ftp://x",    "http://a b", "a:1:2"};
    const kf_conf_key *k = kf_conf_key_find("proxy");
    for (size_t i = 0; i < KF_LEN(good); i++)
        if (!k->ok(good[i])) fail_msg("%s is a proxy", good[i]);
    for (size_t i = 0; i < KF_LEN(bad); i++)
        if (k->ok(bad[i])) fail_msg("%s is no proxy", bad[i]);
}

/* --- loop ----------------------------------------------------------------------------------------
 */

typedef struct seen {
    int n, order[8];
} seen;
static seen got;
static void note1(void *user) { got.order[got.n++] = *(int *)user; }

static void timers_run_in_order_and_can_be_cancelled(void **state) {
    static int a = 1, b = 2, c = 3, d = 4;
    kf_loop *l = kf_loop_new(NULL);
    got.n = 0;
    kf_loop_after(l, 30, note1, &c);
    kf_loop_after(l, 0, note1, &a);
    kf_loop_after(l, 10, note1, &b);
    kf_loop_cancel(l, kf_loop_after(l, 1, note1, &d));
    kf_loop_cancel(l, 12345); /* never was */
    kf_loop_id far[] = {kf_loop_after(l, INT64_MAX, note1, &d),
                        kf_loop_after(l, INT64_C(86400000) * 1000000000, note1, &d)};
    assert_int_equal(got.n, 0);
    while (got.n < 3) kf_loop_step(l, true);
    assert_int_equal(got.order[0], 1);
    assert_int_equal(got.order[1], 2);
    assert_int_equal(got.order[2], 3);
    assert_false(kf_loop_step(l, false));
    for (size_t i = 0; i < KF_LEN(far); i++) kf_loop_cancel(l, far[i]);
    kf_loop_free(l);
}

typedef struct piece {
    int id, worked;
} piece;
static int turn; /* written by the worker, read after kf_worker_free has joined it */
typedef struct ring {
    int64_t from, to; /* due between these */
} ring;
static struct {
    size_t n;
    int64_t latest; /* no timer that ran was due before this */
    bool early, disorder;
} rung;

static void rings(void *user) {
    const ring *r = user;
    rung.early = rung.early || kf_boot_ms() < r->from;
    rung.disorder = rung.disorder || r->to < rung.latest;
    if (r->from > rung.latest) rung.latest = r->from;
    rung.n++;
}

/* An agent with thousands of profiles has thousands of timers: no descriptor each, in their order,
 * each cancelled or run. */
static void thousands_of_timers(void **state) {
    enum { N = 5000 };
    struct rlimit before, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = 64;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    kf_loop *l = kf_loop_new(NULL);
    ring *r = calloc(N, sizeof *r);
    kf_loop_id *id = calloc(N, sizeof *id);
    assert_true(l && r && id);
    size_t want = 0;
    uint32_t dice = 1;
    for (size_t i = 0; i < N; i++) {
        dice = dice * 1664525 + 1013904223;
        int64_t ms = 1 + (dice >> 16) % 120;
        r[i].from = kf_boot_ms() + ms;
        id[i] = kf_loop_after(l, ms, rings, &r[i]);
        r[i].to = kf_boot_ms() + ms + 1;
    }
    for (size_t i = 0; i < N; i++)
        if (i % 3 == 0) kf_loop_cancel(l, id[i]);
        else want++;
    while (rung.n < want) kf_loop_step(l, true);
    assert_false(rung.early || rung.disorder);
    assert_false(kf_loop_step(l, false));
    assert_int_equal(rung.n, want);
    r[0] = (ring){kf_boot_ms() + 1, INT64_MAX}; /* none is left: it goes on all the same */
    assert_int_not_equal(kf_loop_after(l, 1, rings, &r[0]), 0);
    while (rung.n == want) kf_loop_step(l, true);
    kf_loop_free(l);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    free(r);
    free(id);
}

/* Seconds until the timer of this process that counts the wall clock rings; -1: there is none. */
static int64_t wall_timer_s(void) {
    int64_t left = -1;
    for (int fd = 0; fd < 64; fd++) {
        char path[64], line[128];
        int clock = -1;
        snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
        FILE *f = fopen(path, "re");
        while (f && fgets(line, sizeof line, f)) {
            if (kf_str_starts(line, "clockid: ")) clock = (int)strtol(line + 9, NULL, 10);
            if (kf_str_starts(line, "it_value: (") && clock == CLOCK_REALTIME)
                left = strtoll(line + 11, NULL, 10);
        }
        if (f) fclose(f);
    }
    return left;
}

/* It waits for a clock that is set, not for a time: one that comes (2038 did) would ring without an
 * end. */
static void clock_jump_waits_for_no_time(void **state) {
    static int one = 1;
    kf_loop *l = kf_loop_new(NULL);
    got.n = 0;
    kf_loop_id id = kf_loop_clock_jump(l, note1, &one);
    assert_int_not_equal(id, 0);
    int64_t left = wall_timer_s(), years = 365 * INT64_C(86400);
    if (left < 200 * years) fail_msg("it rings in %lld s", (long long)left);
    assert_false(kf_loop_step(l, false));
    kf_loop_cancel(l, id);
    kf_loop_free(l);
}

static void work(void *user) { ((piece *)user)->worked = ++turn; }
static void finished(void *user) { got.order[got.n++] = ((piece *)user)->id; }

static void worker_keeps_the_order(void **state) {
    piece p[5] = {{1, 0}, {2, 0}, {3, 0}, {4, 0}, {5, 0}};
    kf_err e;
    kf_loop *l = kf_loop_new(NULL);
    kf_worker *w = kf_worker_new(l, &e);
    got.n = 0;
    for (int i = 0; i < 5; i++) kf_worker_run(w, work, finished, &p[i]);
    assert_int_equal(got.n, 0); /* done() runs on the loop only */
    kf_worker_free(w);          /* finishes all of it */
    assert_int_equal(got.n, 5);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(p[i].worked, i + 1);
        assert_int_equal(got.order[i], i + 1);
    }
    kf_loop_free(l);
}

/* --- stores through the table --------------------------------------------------------------------
 */

typedef struct answer {
    bool came;
    kf_err err;
    kf_secret *blob;
    size_t n;
} answer;
static void on_done(void *user, const kf_secret *blob, const kf_err *err) {
    answer *a = user;
    a->came = true;
    a->err = err ? *err : (kf_err){0};
    a->blob = kf_secret_copy(blob);
}
static void on_list(void *user, const kf_store_item *items, size_t n, const kf_err *err) {
    answer *a = user;
    a->came = true;
    a->err = err ? *err : (kf_err){0};
    a->n = n;
}
static void wait_for(kf_loop *l, answer *a) {
    assert_false(a->came); /* never inside the call */
    while (!a->came) kf_loop_step(l, true);
}
static kf_err_code load(kf_loop *l, kf_store *s, const char *id, const char *want) {
    answer a = {0};
    kf_store_load(s, id, "session", false, on_done, &a);
    wait_for(l, &a);
    if (want) assert_string_equal(kf_secret_peek(a.blob), want);
    kf_secret_free(a.blob);
    return a.err.code;
}
static kf_err_code save(kf_loop *l, kf_store *s, const char *id, const char *text) {
    answer a = {0};
    KF_AUTO(kf_secret) blob = kf_secret_new(text, strlen(text));
    kf_store_save(s, id, "session", "label", blob, false, on_done, &a);
    wait_for(l, &a);
    return a.err.code;
}

static void use_store(kf_loop *l, kf_store *s) {
    static const char one[] = "0123456789abcdef", two[] = "fedcba9876543210";
    answer a = {0}, b = {0}, c = {0};
    assert_int_equal(load(l, s, one, NULL), KF_ERR_STORE_NOT_FOUND);
    assert_int_equal(save(l, s, one, "first"), KF_ERR_NONE);
    assert_int_equal(save(l, s, two, "other"), KF_ERR_NONE);
    assert_int_equal(save(l, s, one, "second"), KF_ERR_NONE);
    assert_int_equal(load(l, s, one, "second"), KF_ERR_NONE);
    assert_int_equal(save(l, s, "../../etc/passwd", "x"), KF_ERR_SYS_BUG);
    kf_store_probe(s, false, on_done, &a);
    wait_for(l, &a);
    assert_int_equal(a.err.code, KF_ERR_NONE);
    kf_store_list(s, on_list, &b);
    wait_for(l, &b);
    assert_int_equal(b.n, 2);
    kf_store_delete(s, one, "session", on_done, &c);
    wait_for(l, &c);
    assert_int_equal(load(l, s, one, NULL), KF_ERR_STORE_NOT_FOUND);
    assert_int_equal(load(l, s, two, "other"), KF_ERR_NONE);
}

static void memory_store(void **state) {
    kf_loop *l = kf_loop_new(NULL);
    kf_store *s = kf_store_memory_new(l);
    use_store(l, s);
    answer a = {0};
    kf_store_load(s, "0123456789abcdef", "session", false, on_done, &a);
    kf_store_free(s); /* no answer after this */
    kf_loop_step(l, false);
    assert_false(a.came);
    kf_loop_free(l);
}

static kf_err_code unlock(kf_loop *l, kf_store *s, const char *pass, bool create) {
    answer a = {0};
    KF_AUTO(kf_secret) p = kf_secret_new(pass, strlen(pass));
    kf_store_unlock(s, p, create, on_done, &a);
    wait_for(l, &a);
    return a.err.code;
}

static void vault_store(void **state) {
    kf_err e;
    kf_loop *l = kf_loop_new(NULL);
    kf_worker *w = kf_worker_new(l, &e);
    KF_AUTO_CHARS vault = path("vault");
    kf_vault_opts o = {.dir = vault, .weak_kdf = true};
    kf_store *s = kf_store_vault_new(l, w, &o);
    assert_int_equal(kf_store_get_state(s), KF_STORE_NEW);
    assert_int_equal(load(l, s, "0123456789abcdef", NULL), KF_ERR_STORE_VAULT_NEW);
    assert_int_equal(unlock(l, s, "pass", false), KF_ERR_STORE_VAULT_NEW);
    assert_int_equal(unlock(l, s, "pass", true), KF_ERR_NONE);
    use_store(l, s);
    kf_store_lock(s);
    assert_int_equal(load(l, s, "fedcba9876543210", NULL), KF_ERR_STORE_VAULT_LOCKED);
    kf_store_free(s);
    s = kf_store_vault_new(l, w, &o);
    assert_int_equal(kf_store_get_state(s), KF_STORE_LOCKED);
    assert_int_equal(unlock(l, s, "wrong", true), KF_ERR_STORE_BAD_PASSPHRASE);
    assert_int_equal(unlock(l, s, "pass", false), KF_ERR_NONE);
    assert_int_equal(load(l, s, "fedcba9876543210", "other"), KF_ERR_NONE);
    KF_AUTO_CHARS record = path("vault/fedcba9876543210.session");
    put(record, "rubbish");
    assert_int_equal(load(l, s, "fedcba9876543210", NULL), KF_ERR_STORE_DAMAGED);
    assert_int_equal(save(l, s, "0123456789abcdef", "fine"),
                     KF_ERR_NONE); /* damage costs one record */
    kf_worker_free(w);
    kf_store_free(s);
    kf_loop_free(l);
}

static int rm(const char *p, const struct stat *st, int kind, struct FTW *ftw) { return remove(p); }

int main(void) {
    if (!mkdtemp(dir)) return 1;
    const struct CMUnitTest t[] = {cmocka_unit_test(files_are_replaced_whole),
                                   cmocka_unit_test(directories_must_be_ours),
                                   cmocka_unit_test(locks_exclude),
                                   cmocka_unit_test(the_holder_of_a_lock_is_named),
                                   cmocka_unit_test(reads_say_why_they_failed),
                                   cmocka_unit_test(sweep_takes_only_what_a_kill_left),
                                   cmocka_unit_test(placed_over_the_file_that_was),
                                   cmocka_unit_test(settings_keep_comments_and_order),
                                   cmocka_unit_test(bad_settings_name_file_and_line),
                                   cmocka_unit_test(a_proxy_is_host_and_port),
                                   cmocka_unit_test(unknown_names_are_told),
                                   cmocka_unit_test(timers_run_in_order_and_can_be_cancelled),
                                   cmocka_unit_test(thousands_of_timers),
                                   cmocka_unit_test(clock_jump_waits_for_no_time),
                                   cmocka_unit_test(worker_keeps_the_order),
                                   cmocka_unit_test(memory_store),
                                   cmocka_unit_test(vault_store)};
    int rc = cmocka_run_group_tests(t, NULL, NULL);
    nftw(dir, rm, 16, FTW_DEPTH | FTW_PHYS);
    return rc;
}
