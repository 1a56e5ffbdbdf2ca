#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/agent/world.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "auth/workos.h"
#include "crypt/hash.h"
#include "io/files.h"
#include "io/store_class.h"
#include "io/vault.h"

/* ---- a store with faults ---- */

struct shelf {
    kf_store base;
    kf_store *inner;
    world *w;
};

typedef struct refusal {
    kf_store_done done;
    void *user;
} refusal;

static void refuse_now(void *p) {
    refusal *r = p;
    kf_err err;
    kf_fail(&err, KF_ERR_STORE_WRITE, "the shelf is full");
    r->done(r->user, NULL, &err);
    free(r);
}

static void refuse(kf_store *s, kf_store_done done, void *user) {
    refusal *r = malloc(sizeof *r);
    assert_non_null(r);
    *r = (refusal){done, user};
    kf_loop_after(s->loop, 0, refuse_now, r);
}

static void shelf_load(kf_store *s, const char *id, const char *kind, bool i, kf_store_done done,
                       void *user) {
    shelf *h = (shelf *)s;
    if (h->w->fail_load) refuse(s, done, user);
    else kf_store_load(h->inner, id, kind, i, done, user);
}
static void shelf_save(kf_store *s, const char *id, const char *kind, const char *label,
                       const kf_secret *blob, bool i, kf_store_done done, void *user) {
    shelf *h = (shelf *)s;
    if (h->w->fail_save) refuse(s, done, user);
    else kf_store_save(h->inner, id, kind, label, blob, i, done, user);
}
static void shelf_del(kf_store *s, const char *id, const char *kind, kf_store_done done,
                      void *user) {
    shelf *h = (shelf *)s;
    if (kf_str_eq(h->w->fail_del, kind)) refuse(s, done, user);
    else kf_store_delete(h->inner, id, kind, done, user);
}
static void shelf_list(kf_store *s, kf_store_list_done done, void *user) {
    kf_store_list(((shelf *)s)->inner, done, user);
}
static void shelf_probe(kf_store *s, bool i, kf_store_done done, void *user) {
    shelf *h = (shelf *)s;
    if (h->w->fail_probe) refuse(s, done, user);
    else kf_store_probe(h->inner, i, done, user);
}
static void shelf_reserve(kf_store *s, const char *id, const char *kind, size_t size, bool i,
                          kf_store_done done, void *user) {
    shelf *h = (shelf *)s;
    if (h->w->fail_probe) refuse(s, done, user);
    else kf_store_reserve(h->inner, id, kind, size, i, done, user);
}

/* The vault's own seal, with a key that the shelf has as long as the world lasts. */
static kf_secret *shelf_key(void) { return kf_secret_new("0123456789abcdef0123456789abcdef", 32); }

static kf_secret *shelf_seal(kf_store *s, const char *id, const char *kind, const kf_secret *blob,
                             kf_err *err) {
    KF_AUTO_CHARS name = kf_strfmt("%s.%s", id, kind);
    KF_AUTO(kf_secret) key = shelf_key();
    if (!((shelf *)s)->w->fail_seal) return kf_vault_seal(key, name, blob, err);
    kf_fail(err, KF_ERR_STORE_WRITE, "no key to seal with");
    return NULL;
}

typedef struct unsealing {
    kf_store_done done;
    void *user;
    kf_secret *blob;
    kf_err err;
} unsealing;

static void give_unsealed(void *p) {
    unsealing *u = p;
    u->done(u->user, u->blob, u->blob ? NULL : &u->err);
    kf_secret_free(u->blob);
    free(u);
}

static void shelf_unseal(kf_store *s, const char *id, const char *kind, const kf_secret *sealed,
                         kf_store_done done, void *user) {
    KF_AUTO_CHARS name = kf_strfmt("%s.%s", id, kind);
    KF_AUTO(kf_secret) key = shelf_key();
    unsealing *u = malloc(sizeof *u);
    assert_non_null(u);
    *u = (unsealing){.done = done, .user = user};
    const char *bytes = kf_secret_peek(sealed);
    u->blob = kf_vault_unseal(key, name, bytes, kf_secret_len(sealed), &u->err);
    kf_loop_after(s->loop, 0, give_unsealed, u);
}

static void shelf_unlock(kf_store *s, const kf_secret *pass, bool create, kf_store_done done,
                         void *user) {
    kf_store_unlock(((shelf *)s)->inner, pass, create, done, user);
}
static void shelf_lock(kf_store *s) { (void)s; }
static kf_store_state shelf_state(const kf_store *s) { return KF_STORE_OK; }
static void shelf_free(kf_store *s) {
    kf_store_free(((shelf *)s)->inner);
    free(s);
}

static kf_store *shelf_new(world *w) {
    static const kf_store_class cls = {.kind = "memory",
                                       .load = shelf_load,
                                       .save = shelf_save,
                                       .del = shelf_del,
                                       .list = shelf_list,
                                       .probe = shelf_probe,
                                       .reserve = shelf_reserve,
                                       .seal = shelf_seal,
                                       .unseal = shelf_unseal,
                                       .unlock = shelf_unlock,
                                       .lock = shelf_lock,
                                       .state = shelf_state,
                                       .free = shelf_free};
    shelf *h = calloc(1, sizeof *h);
    assert_non_null(h);
    *h = (shelf){.base = {&cls, w->loop}, .inner = kf_store_memory_new(w->loop), .w = w};
    return &h->base;
}

/* ---- waiting ---- */

static void late(void *p) { *(bool *)p = true; }

void world_until(world *w, const bool *flag) {
    bool over = false;
    kf_loop_id t = kf_loop_after(w->loop, 40 * 1000, late, &over);
    while (!*flag && !over) kf_loop_step(w->loop, true);
    kf_loop_cancel(w->loop, t);
    assert_true(*flag);
}

void world_spin(world *w, int64_t ms) {
    bool over = false;
    kf_loop_after(w->loop, ms, late, &over);
    while (!over) kf_loop_step(w->loop, true);
}

void world_quiet(world *w, kf_agent *a) {
    for (int64_t end = kf_boot_ms() + 40 * 1000;;) {
        GHashTableIter it;
        void *p;
        bool quiet =
            !a->keeper->answer_timer && !a->keeper->index_writes->len && !a->keeper->side->len;
        g_hash_table_iter_init(&it, a->keeper->by_id);
        while (g_hash_table_iter_next(&it, NULL, &p)) quiet = quiet && !((kf_entry *)p)->work;
        if (quiet) return;
        assert_true(kf_boot_ms() < end);
        world_spin(w, 2);
    }
}

/* ---- the sandbox ---- */

static void start_sandbox(world *w, const char *const *args) {
    int in[2], out[2];
    const char *argv[16] = {SANDBOX, "--port", "0", "--quiet", "--lifeline"};
    size_t n = 5;
    for (; args && *args && n < KF_LEN(argv) - 1; args++) argv[n++] = *args;
    assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
    w->sandbox = fork();
    assert_true(w->sandbox >= 0);
    if (!w->sandbox) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    w->stop_fd = in[1];
    w->out_fd = out[0];
    char line[128];
    size_t len = 0;
    while (len < sizeof line - 1 && read(w->out_fd, line + len, 1) == 1 && line[len] != '\n') len++;
    line[len] = 0;
    assert_true(kf_str_starts(line, "http://127.0.0.1:"));
    w->url = kf_strdup(line);
}

typedef struct fetch {
    bool done;
    int status;
    kf_secret *body;
} fetch;

static void fetched(void *user, kf_http_resp *r, const kf_err *err) {
    fetch *f = user;
    f->done = true;
    if (err) return;
    f->status = r->status;
    f->body = KF_TAKE(r->body);
}

static fetch ask(world *w, const char *method, const char *path, const kf_secret *body) {
    fetch f = {0};
    kf_http_req r = {.method = method, .origin = w->url, .path = path, .body = body};
    kf_http_send(w->http, &r, fetched, &f);
    world_until(w, &f.done);
    return f;
}

void world_faults(world *w, const char *json) {
    KF_AUTO(kf_secret) body = kf_secret_new(json, strlen(json));
    fetch f = ask(w, "POST", "/sandbox/faults", body);
    kf_secret_free(f.body);
    assert_int_equal(f.status / 100, 2);
}

int64_t world_stat(world *w, const char *group, const char *name) {
    fetch f = ask(w, "GET", "/sandbox/stats", NULL);
    assert_int_equal(f.status, 200);
    KF_AUTO(kf_json) j = kf_json_parse(kf_secret_peek(f.body), kf_secret_len(f.body), NULL);
    kf_secret_free(f.body);
    return group ? kf_json_int_or(kf_json_get(j, group), name, 0) : kf_json_int_or(j, name, 0);
}

/* ---- up and down ---- */

void world_conf(world *w, const char *api_host) {
    KF_AUTO_CHARS text = kf_strfmt(
        "[keyfob]\ndefault = %s\n"
        "[profile %s]\nid = %s\nclient_id = client_sandbox\napi_host = %s\nconfidential = true\n"
        "[profile %s]\nid = %s\nclient_id = client_sandbox\napi_host = %s\n",
        PROFILE, PROFILE, PROFILE_ID, api_host, PUBLIC, PUBLIC_ID, api_host);
    assert_true(kf_file_replace(w->conf, text, strlen(text), NULL));
}

void world_agent(world *w, kf_agent *a) {
    kf_err err;
    *a = (kf_agent){.loop = w->loop,
                    .worker = w->worker,
                    .http = w->http,
                    .store = w->store,
                    .state_dir = w->state};
    a->conf = kf_conf_load(w->conf, &err);
    assert_non_null(a->conf);
    a->keeper = kf_keeping_new(a, &err);
    assert_non_null(a->keeper);
}

static void nothing(void *arg) { (void)arg; }

void world_agent_end(kf_agent *a) {
    if (!a->keeper) return;
    bool written = false;
    a->keeper = kf_keeper_free(a->keeper);
    kf_worker_run(a->worker, nothing, late,
                  &written); /* the worker is in order: the index is out */
    while (!written) kf_loop_step(a->loop, true);
    a->conf = kf_conf_free(a->conf);
}

void world_up(world *w, const char *const *sandbox_args) {
    kf_err err;
    kf_http_opts o = {.user_agent = "keyfob-test"};
    *w = (world){.dir = "/tmp/kf-keeper.XXXXXX"};
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->state, sizeof w->state, "%s/state", w->dir);
    snprintf(w->conf, sizeof w->conf, "%s/keyfob.conf", w->dir);
    start_sandbox(w, sandbox_args);
    w->loop = kf_loop_new(&err);
    assert_non_null(w->loop);
    w->worker = kf_worker_new(w->loop, &err);
    assert_non_null(w->worker);
    w->http = kf_http_new(w->loop, &o, &err);
    assert_non_null(w->http);
    w->store = shelf_new(w);
    world_conf(w, w->url);
    world_agent(w, &w->a);
}

static void remove_dir(const char *dir) {
    DIR *d = opendir(dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (kf_str_eq(e->d_name, ".") || kf_str_eq(e->d_name, "..")) continue;
        KF_AUTO_CHARS path = kf_strfmt("%s/%s", dir, e->d_name);
        if (unlink(path)) remove_dir(path);
    }
    if (d) closedir(d);
    rmdir(dir);
}

void world_down(world *w) {
    int status;
    if (w->a.keeper) world_quiet(w, &w->a);
    if (w->b.keeper) world_quiet(w, &w->b);
    world_agent_end(&w->a);
    world_agent_end(&w->b);
    kf_http_free(w->http);
    kf_store_free(w->store);
    kf_worker_free(w->worker);
    kf_loop_free(w->loop);
    close(w->stop_fd);
    waitpid(w->sandbox, &status, 0);
    close(w->out_fd);
    free(w->url);
    remove_dir(w->dir);
}

/* ---- doing things ---- */

typedef struct finish {
    bool done;
    kf_err err;
} finish;

static void finished(void *user, const kf_err *err) {
    finish *f = user;
    f->done = true;
    f->err = err ? *err : (kf_err){0};
}

kf_session *world_password(world *w, const char *client_id) {
    KF_AUTO(kf_secret) key = kf_secret_new("sk_test_sandbox", 15);
    KF_AUTO(kf_json) j = kf_issuer_grant(&kf_workos, KF_GRANT_PASSWORD, "client_sandbox", key);
    kf_err err;
    kf_json_set_str(j, "email", "plain@example.test");
    kf_json_set_str(j, "password", "sandbox-password");
    KF_AUTO(kf_secret) body = kf_json_print_secret(j);
    fetch f = ask(w, "POST", kf_workos.path[KF_AT_AUTHENTICATE], body);
    assert_int_equal(f.status, 200);
    KF_AUTO(kf_json) answer = kf_json_parse(kf_secret_peek(f.body), kf_secret_len(f.body), &err);
    kf_secret_free(f.body);
    kf_moment now = kf_keeper_now(w->a.keeper, 0);
    kf_session *s = kf_session_from_answer(answer, NULL, w->url, client_id, &now, &err);
    assert_non_null(s);
    return s;
}

void world_key(world *w, kf_agent *a) {
    finish f = {0};
    KF_AUTO(kf_secret) key = kf_secret_new("sk_test_sandbox", 15);
    kf_keeper_set_api_key(a->keeper, PROFILE, key, finished, &f);
    world_until(w, &f.done);
    assert_int_equal(f.err.code, 0);
}

void world_sign_in(world *w, kf_agent *a, const char *profile) {
    finish f = {0};
    const kf_entry *e = world_entry(a, profile);
    kf_keeper_adopt(a->keeper, profile, world_password(w, e->prof.client_id), true, true, finished,
                    &f);
    world_until(w, &f.done);
    assert_string_equal(f.err.what, "");
    world_quiet(w, a);
}

static void token_done(void *user, const kf_token *t, const kf_err *err) {
    got *g = user;
    assert_false(g->done);
    g->done = true;
    if (err) {
        g->err = *err;
        return;
    }
    g->renewed = t->renewed;
    g->is_short = t->is_short;
    g->left_ms = t->left_ms;
    g->token = kf_secret_copy(t->session->access_token);
}

void got_done(got *g) {
    kf_secret_free(g->token);
    *g = (got){0};
}

void world_ask(kf_agent *a, const char *profile, int64_t min_valid, bool renew, got *g) {
    got_done(g);
    kf_keeper_token(a->keeper, profile, min_valid, renew, token_done, g);
    assert_false(g->done); /* never inside the call */
}

void world_token(world *w, kf_agent *a, const char *profile, int64_t min_valid, bool renew,
                 got *g) {
    world_ask(a, profile, min_valid, renew, g);
    world_until(w, &g->done);
}

kf_entry *world_entry(kf_agent *a, const char *profile) {
    kf_entry *e = kf_entry_find(a->keeper, profile);
    assert_non_null(e);
    return e;
}

typedef struct blob_got {
    bool done;
    kf_secret *blob;
} blob_got;

static void blob_done(void *user, const kf_secret *blob, const kf_err *err) {
    blob_got *b = user;
    b->done = true;
    if (!err) b->blob = kf_secret_copy(blob);
}

kf_secret *world_blob(world *w, const char *id) {
    blob_got b = {0};
    kf_store_load(((shelf *)w->store)->inner, id, "session", false, blob_done, &b);
    world_until(w, &b.done);
    return b.blob;
}

void world_put(world *w, const char *id, const kf_secret *blob) {
    blob_got b = {0};
    kf_store_save(((shelf *)w->store)->inner, id, "session", "test", blob, false, blob_done, &b);
    world_until(w, &b.done);
    kf_secret_free(b.blob);
}

kf_ledger world_ledger(kf_agent *a, const char *profile) {
    kf_ledger l;
    assert_true(kf_entry_ledger_peek(world_entry(a, profile), &l, NULL, NULL));
    return l;
}

void world_ledger_put(world *w, const char *id, const kf_ledger *l) {
    KF_AUTO_CHARS path = kf_strfmt("%s/%s.lock", w->state, id);
    KF_AUTO_CHARS text = kf_ledger_print(l);
    assert_true(kf_file_replace(path, text, strlen(text), NULL));
}

void world_age(kf_agent *a, const char *profile, int64_t left_ms) {
    kf_session *s = world_entry(a, profile)->session;
    assert_non_null(s);
    s->received.boot_ms = kf_boot_ms() + left_ms - s->life_s * 1000;
}
