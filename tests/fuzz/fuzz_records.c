/* Bytes -> everything else that src/auth reads: token, answer, stored session, ledger,
 * profile index, error body, exported profiles, a list of hosts,
 * a .keyfob file, the list of those that are allowed. What was read must survive being written and
 * read again. */
#include <stddef.h>
#include <stdint.h>
#include "auth/directory.h"
#include "auth/ledger.h"
#include "auth/portable.h"
#include "auth/profile.h"
#include "auth/session.h"
#include "auth/workos.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const kf_moment now = {
    .unix_s = 1700000000, .boot_ms = 1, .boot_id = "b", .date = 1700000001};

static void hold(bool truth) {
    if (!truth) abort();
}

static void session_again(const kf_session *s) {
    KF_AUTO(kf_secret) blob = kf_session_to_blob(s);
    KF_AUTO(kf_session) back = kf_session_from_blob(blob, NULL);
    hold(back && back->exp == s->exp && kf_secret_eq(back->refresh_token, s->refresh_token));
    KF_AUTO(kf_secret) again = kf_session_to_blob(back);
    hold(kf_secret_eq(blob, again));
    char name[17];
    kf_session_user_name(s, name, sizeof name);
    hold(strlen(name) < sizeof name);
    kf_moment other = {.unix_s = INT32_MAX, .boot_id = "c"};
    hold(kf_session_left_ms(s, &now) <= s->life_s * 1000 ||
         strcmp(s->received.boot_id, now.boot_id));
    (void)kf_session_left_ms(s, &other);
}

static void answers(const char *p, size_t n) {
    KF_AUTO(kf_json) j = kf_json_parse(p, n, NULL);
    if (!j) return;
    KF_AUTO(kf_session)
    s = kf_session_from_answer(j, NULL, "https://api.example.test", "client_1", &now, NULL);
    if (!s) return;
    session_again(s);
    KF_AUTO(kf_session)
    r = kf_session_from_answer(j, s, "https://api.example.test", "client_1", &now, NULL);
    hold(r && r->generation == 2);
    session_again(r);
}

static void ledgers(const char *p, size_t n) {
    kf_ledger a, b;
    if (!kf_ledger_parse(p, n, &a, NULL)) return;
    KF_AUTO_CHARS text = kf_ledger_print(&a);
    hold(kf_ledger_parse(text, strlen(text), &b, NULL));
    hold(a.generation == b.generation && !strcmp(a.fp, b.fp) && a.intent.set == b.intent.set &&
         !strcmp(a.intent.fp, b.intent.fp));
    hold(kf_ledger_compare(&a, a.fp, a.generation, true) ==
         kf_ledger_compare(&b, b.fp, b.generation, true));
    hold(a.previous.set == b.previous.set && a.unsaved == b.unsaved);
}

static void indexes(const char *p, size_t n) {
    kf_profile_row *rows = NULL, *back = NULL;
    size_t k = 0, m = 0;
    if (!kf_profile_index_parse(p, n, &rows, &k, NULL)) return;
    KF_AUTO_CHARS text = kf_profile_index_print(rows, k);
    hold(text && kf_profile_index_parse(text, strlen(text), &back, &m, NULL) && k == m);
    free(rows);
    free(back);
}

static void errors(const char *p, size_t n) {
    KF_AUTO(kf_json) j = kf_json_parse(p, n, NULL);
    kf_err e;
    (void)kf_workos_read_error(400, j, -1, NULL, &e);
    hold(e.code != KF_ERR_NONE);
    KF_AUTO(kf_json) out = kf_json_obj(); /* it must be able to travel */
    kf_json_set_str(out, "what", e.what);
    kf_json_set_str(out, "upstream", e.upstream);
    KF_AUTO_CHARS text = kf_json_print(out);
    KF_AUTO(kf_json) back = kf_json_parse(text, strlen(text), NULL);
    hold(back);
}

static void portables(const char *p, size_t n) {
    KF_AUTO(kf_json) items = kf_portable_read(p, n, NULL);
    if (!items) return;
    KF_AUTO_CHARS text = kf_portable_print(items);
    KF_AUTO(kf_json) back = kf_portable_read(text, strlen(text), NULL);
    hold(back && kf_json_count(back) == kf_json_count(items));
    KF_AUTO_CHARS again = kf_portable_print(back);
    hold(!strcmp(text, again));
}

static void hosts(const char *p, size_t n) {
    KF_AUTO_CHARS list = malloc(n + 1), *norm = NULL, *again = NULL;
    if (!list) abort();
    memcpy(list, p, n);
    list[n] = 0;
    if (!kf_hosts_parse(list, &norm, NULL)) return;
    hold(kf_hosts_parse(norm, &again, NULL) && !strcmp(norm, again));
}

static void directories(const char *p, size_t n) {
    char name[65], other[65] = "";
    if (kf_directory_parse(p, n, name, NULL)) hold(kf_profile_name_ok(name));
    kf_allowed_is is = kf_allowed_find(p, n, "/a/.keyfob", "one", other, NULL);
    KF_AUTO_CHARS text = kf_allowed_set(p, n, "/a/.keyfob", "one", NULL);
    hold(!text || is != KF_ALLOWED_DAMAGED);
    if (!text) return;
    hold(kf_allowed_find(text, strlen(text), "/a/.keyfob", "one", other, NULL) == KF_ALLOWED_YES);
    KF_AUTO_CHARS less = kf_allowed_set(text, strlen(text), "/a/.keyfob", NULL, NULL);
    hold(less &&
         kf_allowed_find(less, strlen(less), "/a/.keyfob", "one", other, NULL) == KF_ALLOWED_NO);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!size) return 0;
    const char *p = (const char *)data + 1;
    size_t n = size - 1;
    kf_claims c;
    if (data[0] == 'P') return portables(p, n), 0;
    if (data[0] == 'D') return directories(p, n), 0;
    if (data[0] == 'H') return hosts(p, n), 0;
    switch (data[0] % 6) {
    case 0: (void)!kf_claims_read(p, n, &c, NULL); break;
    case 1: answers(p, n); break;
    case 2: {
        KF_AUTO(kf_secret) blob = kf_secret_new(p, n);
        KF_AUTO(kf_session) s = kf_session_from_blob(blob, NULL);
        if (s) session_again(s);
        break;
    }
    case 3: ledgers(p, n); break;
    case 4: indexes(p, n); break;
    default: errors(p, n); break;
    }
    return 0;
}
