/* Exported settings of profiles: what is carried, and what a document must be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "auth/portable.h"
#include "base/str.h"

#define DOC(items) "{\"schema\":\"keyfob.profiles-export/1\",\"profiles\":[" items "]}"
#define ONE(more) "{\"name\":\"a\",\"client_id\":\"client_1\"" more "}"

static void what_is_carried(void **state) {
    static const char profile[] =
        "{\"id\":\"0123456789abcdef\",\"name\":\"acme\",\"default\":true,\"confidential\":true,"
        "\"client_id\":\"client_1\","
        "\"api_host\":\"https://"
        "api.workos.com\",\"environment\":\"staging\",\"organization_id\":\"\",\"redirect_port\":0,"
        "\"label\":\"Ours\",\"git_host\":\"x.test\",\"state\":\"signed_in\",\"user_id\":\"user_1\","
        "\"token_head\":\"eyJ\"}";
    KF_AUTO(kf_json) p = kf_json_parse(profile, strlen(profile), NULL);
    KF_AUTO(kf_json) items = kf_json_arr();
    kf_json_add(items, kf_portable_item(p));
    KF_AUTO_CHARS text = kf_portable_print(items);
    assert_string_equal(text,
                        "{\"schema\":\"keyfob.profiles-export/1\",\"profiles\":[\n"
                        "{\"name\":\"acme\",\"client_id\":\"client_1\",\"api_host\":\"https://"
                        "api.workos.com\",\"label\":\"Ours\","
                        "\"git_host\":\"x.test\",\"confidential\":true,\"default\":true}\n]}\n");
    KF_AUTO(kf_json) back = kf_portable_read(text, strlen(text), NULL);
    assert_int_equal(kf_json_count(back), 1);
    KF_AUTO(kf_json) none = kf_json_arr();
    KF_AUTO_CHARS empty = kf_portable_print(none);
    KF_AUTO(kf_json) again = kf_portable_read(empty, strlen(empty), NULL);
    assert_int_equal(kf_json_count(again), 0);
}

static void bad_documents(void **state) {
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"", "no JSON"},
        {"{", "no JSON"},
        {"[]", "schema"},
        {"{\"schema\":\"keyfob.status/1\"}", "keyfob.status/1"},
        {"{\"schema\":\"keyfob.profiles-export/2\",\"profiles\":[]}", "profiles-export/2"},
        {"{\"schema\":\"keyfob.profiles-export/1\"}", "no list"},
        {"{\"schema\":\"keyfob.profiles-export/1\",\"profiles\":{}}", "no list"},
        {"{\"schema\":\"keyfob.profiles-export/1\",\"profiles\":[],\"more\":1}", "more"},
        {DOC("7"), "no object"},
        {DOC("{}"), "profile number 1, without a name: name"},
        {DOC(ONE("") "," ONE("")), "name a is there twice"},
        {DOC(ONE("") ",{\"name\":\"b\"}"), "profile number 2, b: client_id"},
        {DOC("{\"name\":\"A\",\"client_id\":\"client_1\"}"), "name is no profile name"},
        {DOC("{\"name\":\"a/b\",\"client_id\":\"client_1\"}"), "name is no profile name"},
        {DOC(ONE(",\"api_key\":\"sk_test_x\"")), "api_key is no setting"},
        {DOC(ONE(",\"api_host\":\"http://example.test\"")), "http is for this machine"},
        {DOC(ONE(",\"redirect_port\":70000")), "redirect_port"},
        {DOC(ONE(",\"redirect_port\":\"1\"")), "redirect_port"},
        {DOC(ONE(",\"label\":\"a\\nb\"")), "label"},
        {DOC(ONE(",\"label\":7")), "label"},
        {DOC(ONE(",\"default\":1")), "default"},
        {DOC(ONE(",\"git_host\":\"a/b\"")), "a/b"},
        {DOC(ONE(",\"git_host\":\"x;X\"")), "twice"},
        {DOC(ONE(",\"git_host\":\"x\"") ",{\"name\":\"b\",\"client_id\":\"client_1\",\"git_host\":"
                                        "\"y;X\"}"),
         "git host x is there twice"},
        {DOC(ONE(
             ",\"default\":true") ",{\"name\":\"b\",\"client_id\":\"client_1\",\"default\":true}"),
         "2 profiles are the default"},
        {DOC(ONE("")) " x", "no JSON"},
        {DOC("{\"name\":\"a\",\"name\":\"b\",\"client_id\":\"client_1\"}"), "no JSON"}};
    for (size_t i = 0; i < KF_LEN(rows); i++) {
        kf_err e = {0};
        KF_AUTO(kf_json) j = kf_portable_read(rows[i].text, strlen(rows[i].text), &e);
        if (j) fail_msg("taken: %s", rows[i].text);
        assert_int_equal(e.code, KF_ERR_USAGE_BAD);
        if (!strstr(e.what, rows[i].says))
            fail_msg("'%s' does not say '%s' of %s", e.what, rows[i].says, rows[i].text);
    }
    size_t n = KF_PORTABLE_MAX + 1;
    KF_AUTO_CHARS big = malloc(n);
    assert_non_null(big);
    memset(big, ' ', n);
    kf_err e;
    assert_null(kf_portable_read(big, n, &e));
    assert_non_null(strstr(e.what, "900 KiB"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_carried),
                                       cmocka_unit_test(bad_documents)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
