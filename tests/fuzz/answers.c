/* Hostile answers to a renewal, made from a seed, through the agent's whole path: read as an
 * answer, stored and read again, shown with four other profiles in one frame, parsed by a client.
 *
 *   answers [--runs N] [--seed N]
 *
 * A run depends on its number alone, so a failure is repeated with --seed N --runs 1. What must
 * hold: a good pair is kept whatever is beside it; nothing but WorkOS ends a session; what reaches
 * the wire is what a client takes, and the other profiles are the same as before. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "agent/keeping.h"
#include "agent/profile_json.h"
#include "keeper/keeper_impl.h"
#include "agent/part.h"
#include "auth/account.h"
#include "auth/workos.h"
#include "base/buf.h"
#include "io/files.h"
#include "wire/frame.h"
#include "wire/msg.h"

enum { PROFILES = 5, EVIL = 4, RUNS = 20000, ANSWER_MAX = 4 << 20 };
#define HOST "https://api.example.test"
#define CLIENT "client_test"
#define USER "user_1"

static uint64_t seed;      /* of the run */
static uint64_t now_state; /* of the generator */
static const char *said;   /* the answer, for the report */
static size_t said_len;

static _Noreturn void report(const char *what, int line) {
    fprintf(stderr, "answers: %s (line %d); repeat with --seed %llu --runs 1\n%.*s\n", what, line,
            (unsigned long long)seed, said_len < 4000 ? (int)said_len : 4000, said ? said : "");
    abort();
}
#define HOLD(what)                            \
    do {                                      \
        if (!(what)) report(#what, __LINE__); \
    } while (0)

/* --- dice ------------------------------------------------------------------------------------- */

static uint64_t next_random(void) { /* splitmix64 */
    uint64_t z = now_state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static size_t pick(size_t n) { return (size_t)(next_random() % n); }
static bool one_in(size_t n) { return pick(n) == 0; }

/* --- texts ------------------------------------------------------------------------------------ */

static void put(kf_buf *b, const char *s) {
    if (!kf_buf_adds(b, s)) abort();
}

/* Lengths at which a field or a limit ends, and a few that are long. */
static size_t some_length(void) {
    static const size_t edges[] = {0,   1,   7,   62,  63,   64,   94,   95,    96,
                                   97,  150, 151, 254, 255,  256,  319,  320,   321,
                                   510, 511, 512, 513, 1024, 8190, 8192, 33000, 60000};
    if (one_in(3)) return edges[pick(KF_LEN(edges) - (one_in(8) ? 0 : 5))];
    return one_in(3000) ? 230 << 10 : pick(40);
}

/* The inside of a JSON string that some server might send: valid JSON, or text that a lenient
 * parser has to put right. */
static void put_text(kf_buf *b, size_t len) {
    static const char *const odd[] = {"\xff",           "\xc3",         "\xe2\x82",
                                      "\xed\xa0\x80",   "\xf0\x9f\x98", "\xc0\x80",
                                      "\\u0000",        "\\ud800",      "\\udfff",
                                      "\\ud83d\\ude00", "\\u001b[2J",   "\\r\\n",
                                      "\x1b[31m",       "\n",           "\t",
                                      "\x7f",           "\\\"",         "\\\\",
                                      "\xe2\x80\xae",   "\xc2\x9b",     "\xef\xbf\xbd",
                                      "\\u0085",        "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    size_t end = b->len + len;
    bool plain = one_in(2);
    while (b->len < end) {
        if (!plain && one_in(6)) put(b, odd[pick(KF_LEN(odd))]);
        else if (end - b->len > 600) put(b, "\xe2\x82\xac\xe2\x82\xac long xx");
        else put(b, (const char[2]){(char)('a' + pick(26)), 0});
    }
}

static void put_string(kf_buf *b, size_t len) {
    put(b, "\"");
    put_text(b, len);
    put(b, "\"");
}

static void put_value(kf_buf *b, int depth) {
    static const char *const plain[] = {"null", "true", "false",  "0",
                                        "-1",   "1.5",  "1e999",  "-1e999",
                                        "[]",   "{}",   "1e-400", "12345678901234567890"};
    if (depth > 3 || one_in(3)) {
        put(b, plain[pick(KF_LEN(plain))]);
    } else if (one_in(2)) {
        put_string(b, depth ? pick(60) : some_length());
    } else if (one_in(40)) { /* deeper or wider than a parser takes */
        size_t n = pick(60);
        for (size_t i = 0; i < n; i++) put(b, "[");
        for (size_t i = 0; i < n; i++) put(b, "]");
        if (!n) put(b, "0");
    } else {
        bool object = one_in(2);
        size_t n = one_in(400) ? 1100 : pick(5);
        put(b, object ? "{" : "[");
        for (size_t i = 0; i < n; i++) {
            if (i) put(b, ",");
            if (object) (void)kf_buf_addf(b, "\"k%zu\":", one_in(20) ? 0 : i);
            put_value(b, depth + 1);
        }
        put(b, object ? "}" : "]");
    }
}

/* --- answers ---------------------------------------------------------------------------------- */

static void put_member(kf_buf *b, const char *name) {
    (void)kf_buf_addf(b, ",\"%s\":", name);
    if (one_in(3)) put_value(b, 0);
    else put_string(b, some_length());
}

/* One of these at most each: a member that comes twice is null, and so is no member. */
static void put_members(kf_buf *b, const char *const *names, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (one_in(4)) put_member(b, names[i]);
}

/* An access token. *good: its claims name the right user and client, so only a text can be wrong.
 */
static char *make_token(bool *good) {
    static const char *const shown[] = {"role",        "iss", "jti",   "sid",
                                        "permissions", "act", "custom"};
    kf_buf b;
    kf_buf_init(&b, ANSWER_MAX);
    (void)kf_buf_addf(&b, "{\"iat\":1700000000,\"exp\":%d", 1700000000 + 1 + (int)pick(4000));
    if (one_in(12)) {
        static const char *const ids[] = {"sub", "org_id", "client_id", "exp"};
        put_member(&b, ids[pick(KF_LEN(ids))]);
        *good = false;
    } else if (!one_in(4)) put(&b, ",\"sub\":\"" USER "\",\"client_id\":\"" CLIENT "\"");
    put_members(&b, shown, KF_LEN(shown));
    put(&b, "}");
    if (b.len > 20 << 10) *good = false; /* a token over 32 KiB is none */
    KF_AUTO_CHARS payload = kf_b64url(b.data, b.len);
    kf_buf_done(&b);
    return kf_strfmt("eyJhbGciOiJSUzI1NiJ9.%s.c2ln", payload);
}

static void put_tokens(kf_buf *b, bool *good) {
    if (one_in(20)) {
        *good = false;
        put(b, "\"expires_in\":300,\"access_token\":");
        if (one_in(4)) put_value(b, 0);
        else put_string(b, some_length());
    } else {
        KF_AUTO_CHARS token = make_token(good);
        (void)kf_buf_addf(b, "\"access_token\":\"%s\"", token);
    }
    if (one_in(20)) {
        *good = false;
        put_member(b, "refresh_token");
    } else if (!one_in(6)) (void)kf_buf_addf(b, ",\"refresh_token\":\"rt_%zu\"", pick(1000));
}

static void put_user(kf_buf *b, bool *good) {
    static const char *const texts[] = {"email",      "first_name",  "last_name",
                                        "name",       "locale",      "metadata",
                                        "created_at", "external_id", "profile_picture_url"};
    put(b, ",\"user\":{\"object\":\"user\"");
    if (one_in(20)) {
        *good = false;
        put_member(b, "id");
    } else if (!one_in(8)) put(b, ",\"id\":\"" USER "\"");
    put_members(b, texts, KF_LEN(texts));
    put(b, "}");
}

/* A 200. Returns whether its pair has to be kept. */
static bool make_pair(kf_buf *b) {
    static const char *const texts[] = {"authentication_method", "authkit_authorization_code",
                                        "sealed_session", "new_thing", "organization_id"};
    bool good = true;
    put(b, "{");
    put_tokens(b, &good);
    if (!one_in(4)) put_user(b, &good);
    put_members(b, texts, KF_LEN(texts));
    if (one_in(4)) {
        put(b, ",\"impersonator\":{\"x\":1");
        put_member(b, "email");
        put_member(b, "reason");
        put(b, "}");
    }
    if (one_in(4)) {
        put(b, ",\"oauth_tokens\":{\"provider\":\"GitHubOAuth\"");
        put_member(b, "access_token");
        put(b, "}");
    }
    put(b, "}");
    return good;
}

static void make_error(kf_buf *b) {
    static const char *const codes[] = {
        "invalid_grant",           "invalid_client",  "sso_required",       "server_error",
        "temporarily_unavailable", "invalid_request", "a_code_nobody_knows"};
    static const char *const texts[] = {"message", "error_description", "errors", "email",
                                        "connection_ids"};
    if (one_in(3)) {
        put(b, one_in(2) ? "<!doctype html><title>" : "Blocked ");
        put_text(b, some_length());
        return;
    }
    put(b, "{\"x\":1");
    if (one_in(3)) put_member(b, one_in(2) ? "code" : "error");
    else
        (void)kf_buf_addf(b, ",\"%s\":\"%s\"", one_in(2) ? "code" : "error",
                          codes[pick(KF_LEN(codes))]);
    put_members(b, texts, KF_LEN(texts));
    put(b, "}");
}

/* Bytes changed, cut off or doubled. */
static void damage(kf_buf *b) {
    if (!b->len) return;
    if (one_in(3)) b->len = pick(b->len);
    for (size_t i = pick(4); b->len && i; i--) b->data[pick(b->len)] = (char)pick(256);
}

/* --- what must hold --------------------------------------------------------------------------- */

typedef struct bench {
    kf_agent agent;
    char dir[64];
    kf_entry *entry[PROFILES];
    kf_session *old; /* before every run */
    kf_frame_reader client;
} bench;

/* As a client gets it. Nothing may be left for the writer to repair. */
static kf_json *across_wire(bench *t, kf_json *params) {
    KF_AUTO(kf_json) msg = kf_msg_reply(params, false);
    kf_json *got = NULL;
    kf_buf out;
    kf_err err;
    kf_buf_init(&out, 2 * KF_FRAME_MAX);
    HOLD(kf_frame_write(&out, msg, &err));
    HOLD(kf_frame_feed(&t->client, out.data, out.len, &err));
    HOLD(kf_frame_next(&t->client, &got, &err) == 1);
    kf_buf_done(&out);
    return got;
}

static void check_list(bench *t) {
    kf_part part = kf_part_new();
    for (int i = 0; i < PROFILES; i++) {
        HOLD(kf_part_has_room(&part));
        kf_part_add(&part, kf_profile_json(t->agent.keeper, t->entry[i]->prof.id));
    }
    kf_json *params = kf_json_obj();
    kf_json_set(params, "profiles", part.items);
    KF_AUTO(kf_json) msg = across_wire(t, params);
    const kf_json *p = kf_json_first(kf_json_get(kf_json_get(msg, "parameters"), "profiles"));
    for (int i = 0; i < PROFILES; i++, p = kf_json_next(p)) {
        HOLD(kf_str_eq(kf_json_str(p, "name"), t->entry[i]->prof.name));
        HOLD(kf_json_size(p) <= KF_RECORD_MAX);
        HOLD(!kf_str_eq(kf_json_str(kf_json_get(p, "failure"), "name"), "wire.too_long"));
        if (i == EVIL) continue;
        HOLD(kf_str_eq(kf_json_str(p, "state"), "signed_in"));
        HOLD(kf_str_eq(kf_json_str(p, "user_email"), "ada@example.test"));
    }
    HOLD(!p);
}

static void check_token(bench *t, const kf_session *s) {
    const char *token = kf_secret_peek(s->access_token);
    HOLD(*token && kf_str_is_visible(token));
    kf_json *params = kf_json_obj();
    kf_json_set_secret(params, "access_token", s->access_token);
    kf_json_set_str(params, "org_id", s->organization_id);
    KF_AUTO(kf_json) msg = across_wire(t, params);
    HOLD(kf_str_eq(kf_json_str(kf_json_get(msg, "parameters"), "access_token"), token));
}

/* Stored and read again, as the next agent does; the second time nothing changes any more. */
static kf_session *check_store(const kf_session *s) {
    KF_AUTO(kf_secret) blob = kf_session_to_blob(s);
    HOLD(kf_secret_len(blob) < 256 << 10);
    kf_session *back = kf_session_from_blob(blob, NULL);
    HOLD(back && kf_secret_eq(back->refresh_token, s->refresh_token));
    HOLD(kf_secret_eq(back->access_token, s->access_token));
    KF_AUTO(kf_secret) again = kf_session_to_blob(back);
    HOLD(kf_secret_eq(blob, again));
    return back;
}

/* WorkOS's own word: an object with a documented code, or the message of a 401. */
static bool is_spoken(int status, const kf_json *body) {
    const char *message = kf_json_str(body, "message");
    if (!message) message = kf_json_str(body, "error_description");
    bool known =
        kf_workos_knows(kf_json_str(body, "code")) || kf_workos_knows(kf_json_str(body, "error"));
    return known || (status == 401 && message) || (message && strstr(message, "Must use SSO"));
}

static void check_failure(bench *t, int status, const kf_secret *body, const kf_err *err) {
    KF_AUTO(kf_json) j = kf_json_parse_lenient(kf_secret_peek(body), kf_secret_len(body), NULL);
    kf_refresh_verdict v = kf_refresh_judge(err, true, 0, 1);
    bool ends = v == KF_REFRESH_ENDED || v == KF_REFRESH_ERROR;
    HOLD(err->code != KF_ERR_NONE && *err->what);
    HOLD(!ends || err->code == KF_ERR_WORKOS_MISMATCH || is_spoken(status, j));
    HOLD(!kf_refresh_proves_unspent(err) || (status != 200 && is_spoken(status, j)));
    kf_entry_trouble(t->entry[EVIL], ends ? KF_STATE_ERROR : KF_STATE_OFFLINE, err);
    kf_json *params = kf_json_obj();
    kf_err back;
    kf_json_set(params, "failure", kf_msg_failure(err));
    KF_AUTO(kf_json) msg = across_wire(t, params);
    kf_msg_read_failure(kf_json_get(kf_json_get(msg, "parameters"), "failure"), &back);
    HOLD(back.code == err->code && !strcmp(back.what, err->what));
}

static void check_lists_of_account(const kf_secret *body) {
    char next[KF_ACCOUNT_ID_MAX];
    KF_AUTO(kf_json) j = kf_json_parse_lenient(kf_secret_peek(body), kf_secret_len(body), NULL);
    for (int what = KF_LIST_ORGANIZATIONS; what <= KF_LIST_FACTORS; what++) {
        KF_AUTO(kf_json) list = kf_json_arr();
        (void)!kf_account_page((kf_account_list)what, j, NULL, list, next, NULL);
        for (const kf_json *i = kf_json_first(list); i; i = kf_json_next(i))
            HOLD(kf_json_size(i) <= KF_RECORD_MAX);
    }
}

/* --- one run ---------------------------------------------------------------------------------- */

static void make_list(kf_buf *b) {
    static const char *const texts[] = {
        "organization_name", "status",     "auth_method", "ip_address", "user_agent",
        "created_at",        "updated_at", "expires_at",  "role",       "type"};
    put(b, "{\"data\":[");
    for (size_t i = 0, n = pick(4); i < n; i++) {
        (void)kf_buf_addf(b, "%s{\"id\":\"x_%zu\",\"organization_id\":\"org_%zu\"", i ? "," : "", i,
                          i);
        put_members(b, texts, KF_LEN(texts));
        put(b, "}");
    }
    put(b, "]}");
}

static void run_once(bench *t) {
    static const int statuses[] = {400, 401, 403, 404, 407, 408, 422, 429, 451, 500, 302, 204};
    kf_buf b;
    kf_buf_init(&b, ANSWER_MAX);
    put(&b, "");
    bool pair = !one_in(4), list = !pair && one_in(4), good = false;
    if (pair) good = make_pair(&b);
    else if (list) make_list(&b);
    else make_error(&b);
    int status = pair || one_in(10) ? 200 : statuses[pick(KF_LEN(statuses))];
    if (one_in(6)) {
        good = false;
        damage(&b);
    }
    KF_AUTO(kf_secret) body = kf_secret_new(b.data, b.len);
    said = b.data;
    said_len = b.len;
    if (list) check_lists_of_account(body);
    kf_moment now = kf_keeper_now(t->agent.keeper, 0);
    kf_refresh_answer a = {
        .status = status, .body = body, .retry_after = -1, .request_id = "req_\xff"};
    kf_err err = {0};
    kf_session *s = kf_refresh_read(&a, t->old, &now, &err);
    HOLD(s || !good);
    if (s) {
        HOLD(!strcmp(kf_session_user_id(s), USER));
        check_token(t, s);
        kf_session *back = check_store(s);
        kf_entry_set_session(t->entry[EVIL], s);
        check_list(t);
        kf_entry_set_session(t->entry[EVIL], back);
    } else check_failure(t, status, body, &err);
    check_list(t);
    said = NULL;
    kf_buf_done(&b);
}

/* --- up and down ------------------------------------------------------------------------------ */

/* Lives for a week, so that no run sees it expire. */
static kf_session *first_session(const kf_keeper *k) {
    static const char claims[] = "{\"iat\":1700000000,\"exp\":1700604800,\"sub\":\"" USER "\"}";
    KF_AUTO_CHARS payload = kf_b64url(claims, strlen(claims));
    KF_AUTO_CHARS text = kf_strfmt("{\"access_token\":\"eyJhbGciOiJSUzI1NiJ9.%s.c2ln\","
                                   "\"refresh_token\":\"rt\",\"user\":{\"id\":\"" USER
                                   "\",\"email\":\"ada@example.test\"}}",
                                   payload);
    KF_AUTO(kf_json) j = kf_json_parse(text, strlen(text), NULL);
    kf_moment now = kf_keeper_now(k, 0);
    return kf_session_from_answer(j, NULL, HOST, CLIENT, &now, NULL);
}

static void set_up(bench *t) {
    kf_err err;
    kf_buf conf;
    *t = (bench){.dir = "/tmp/kf-answers.XXXXXX"};
    if (!mkdtemp(t->dir)) abort();
    KF_AUTO_CHARS path = kf_strfmt("%s/keyfob.conf", t->dir);
    kf_buf_init(&conf, 8192);
    for (int i = 0; i < PROFILES; i++)
        (void)kf_buf_addf(&conf,
                          "[profile p%d]\nid = 00112233445566a%d\nclient_id = " CLIENT
                          "\napi_host = " HOST "\n",
                          i, i);
    HOLD(kf_file_replace(path, conf.data, conf.len, &err));
    kf_buf_done(&conf);
    t->agent.loop = kf_loop_new(&err);
    t->agent.worker = kf_worker_new(t->agent.loop, &err);
    t->agent.state_dir = t->dir;
    t->agent.conf = kf_conf_load(path, &err);
    t->agent.keeper = kf_keeping_new(&t->agent, &err);
    HOLD(t->agent.keeper);
    kf_frame_reader_init(&t->client);
    for (int i = 0; i < PROFILES; i++) {
        char name[8];
        snprintf(name, sizeof name, "p%d", i);
        t->entry[i] = kf_entry_find(t->agent.keeper, name);
        kf_session *s = first_session(t->agent.keeper);
        HOLD(s);
        kf_entry_set_session(t->entry[i], s);
    }
    t->old = kf_session_copy(t->entry[EVIL]->session);
}

static void take_down(bench *t) {
    kf_session_free(t->old);
    kf_frame_reader_done(&t->client);
    kf_keeper_free(t->agent.keeper);
    kf_worker_free(t->agent.worker);
    kf_conf_free(t->agent.conf);
    kf_loop_free(t->agent.loop);
    static const char *const files[] = {"keyfob.conf", "profiles"};
    for (size_t i = 0; i < KF_LEN(files); i++) {
        KF_AUTO_CHARS path = kf_strfmt("%s/%s", t->dir, files[i]);
        unlink(path);
    }
    rmdir(t->dir);
}

int main(int argc, char **argv) {
    uint64_t runs = RUNS, first = 1;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--runs")) runs = strtoull(argv[i + 1], NULL, 10);
        else if (!strcmp(argv[i], "--seed")) first = strtoull(argv[i + 1], NULL, 10);
    }
    bench t;
    set_up(&t);
    for (uint64_t i = 0; i < runs; i++) {
        seed = now_state = first + i;
        run_once(&t);
    }
    take_down(&t);
    printf("%llu answers from seed %llu\n", (unsigned long long)runs, (unsigned long long)first);
    return 0;
}
