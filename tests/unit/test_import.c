/* Documents of the official CLIs, .env files, names of profiles, and keys that are cut out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>
#include "auth/import.h"
#include "base/str.h"

#define K "sk_test_a1b2c3d4e5f6g7h8abcd"

static kf_import *reads(kf_import_form form, const char *text, size_t n) {
    kf_err e = {0};
    kf_import *i = kf_import_read(form, "here", text, strlen(text), &e);
    if (!i) fail_msg("%s: %s", text, e.what);
    assert_int_equal(i->n, n);
    return i;
}

static void documents(void **state) {
    KF_AUTO(kf_import)
    c = reads(KF_IMPORT_CONFIG,
              "{\"activeEnvironment\":\"a\",\"environments\":{\"a\":{\"name\":\"other\",\"type\":"
              "\"Sandbox\",\"apiKey\":\"" K
              "\",\"clientId\":\"client_A\",\"endpoint\":\"https://API.workos.com/"
              "\"},\"b\":{\"type\":\"new\",\"clientId\":\"client_B\"}}}",
              2);
    assert_string_equal(c->item[0].name, "a"); /* the key, which is what the CLI calls it by */
    assert_string_equal(c->item[0].type, "sandbox");
    assert_string_equal(c->item[0].client_id, "client_A");
    assert_string_equal(c->item[0].api_host, "https://api.workos.com");
    assert_string_equal(c->item[0].place, "here");
    assert_null(c->item[0].problem);
    assert_int_equal(kf_secret_len(c->item[0].key), strlen(K));
    assert_string_equal(c->item[1].type, "");
    assert_null(c->item[1].key);
    assert_null(c->item[1].problem);
    static const char *const keys[] = {"apiKey", "api_key", "apikey"};
    for (size_t i = 0; i < KF_LEN(keys); i++) {
        KF_AUTO_CHARS text = kf_strfmt("{\"environments\":{\"s\":{\"%s\":\"" K "\"}}}", keys[i]);
        KF_AUTO(kf_import) g = reads(KF_IMPORT_GO, text, 1);
        assert_non_null(g->item[0].key);
        assert_string_equal(g->item[0].client_id, "");
    }
    KF_AUTO(kf_import)
    none = reads(KF_IMPORT_CREDENTIALS,
                 "{\"accessToken\":\"a\",\"expiresAt\":17,\"refreshToken\":\"r\"}", 0);
    assert_int_equal(none->stamp, 17);
    KF_AUTO(kf_import) empty = reads(KF_IMPORT_CONFIG, "{\"environments\":null}", 0);
    (void)empty;
}

static void problems(void **state) {
    static const struct {
        const char *env, *says;
    } rows[] = {{"7", "no object"},
                {"{}", "neither"},
                {"{\"apiKey\":7}", "neither"},
                {"{\"apiKey\":\"pk_x\"}", "none (sk_"},
                {"{\"apiKey\":\"sk_a b\"}", "none (sk_"},
                {"{\"clientId\":\"x\"}", "no client ID"},
                {"{\"clientId\":\"client_\\u00e9\"}", "no client ID"},
                {"{\"clientId\":\"client_a\",\"endpoint\":\"http://evil.example\"}", "address"},
                {"{\"clientId\":\"client_a\",\"endpoint\":\"ftp://x\"}", "address"},
                {"{\"clientId\":\"client_a\",\"endpoint\":\"https://x/y\"}", "address"}};
    for (size_t i = 0; i < KF_LEN(rows); i++) {
        KF_AUTO_CHARS text = kf_strfmt("{\"environments\":{\"e\":%s}}", rows[i].env);
        KF_AUTO(kf_import) g = reads(KF_IMPORT_CONFIG, text, 1);
        if (!g->item[0].problem || !strstr(g->item[0].problem, rows[i].says))
            fail_msg("%s: %s", rows[i].env, g->item[0].problem);
    }
    static const char *const refused[] = {"",
                                          "[]",
                                          "7",
                                          "{",
                                          "{}x",
                                          "{\"environments\":7}",
                                          "{\"a\":1,\"a\":2}",
                                          "{\"a\":\"\\u0000\"}"};
    for (size_t i = 0; i < KF_LEN(refused); i++)
        assert_null(kf_import_read(KF_IMPORT_CONFIG, "", refused[i], strlen(refused[i]), NULL));
    KF_AUTO_CHARS big = kf_strfmt("%*s", KF_IMPORT_MAX + 1, "{}");
    assert_null(kf_import_read(KF_IMPORT_GO, "", big, KF_IMPORT_MAX + 1, NULL));
    KF_AUTO_CHARS name = kf_strfmt("{\"environments\":{\"%0*d\":{\"clientId\":\"client_a\"}}}",
                                   KF_IMPORT_NAME + 1, 1);
    KF_AUTO(kf_import) g = reads(KF_IMPORT_CONFIG, name, 1);
    assert_non_null(strstr(g->item[0].problem, "257 bytes"));
}

static void joins(void **state) {
    static const struct {
        const char *config, *staging, *names, *clients;
    } rows[] = {
        {"{}", "{\"apiKey\":\"sk_a\",\"clientId\":\"client_a\"}", "staging", "client_a"},
        {"{\"x\":{\"apiKey\":\"sk_a\"}}", "{\"apiKey\":\"sk_a\",\"clientId\":\"client_a\"}", "x",
         "client_a"},
        {"{\"x\":{\"apiKey\":\"sk_a\",\"clientId\":\"client_x\"}}",
         "{\"apiKey\":\"sk_a\",\"clientId\":\"client_a\"}", "x", "client_x"},
        {"{\"staging\":{\"apiKey\":\"sk_x\"}}", "{\"apiKey\":\"sk_a\",\"clientId\":\"client_a\"}",
         "staging,staging-login", ",client_a"},
        {"{\"staging\":{\"apiKey\":\"sk_x\"},\"staging-login\":{\"apiKey\":\"sk_y\"}}",
         "{\"apiKey\":\"sk_a\"}", "staging,staging-login", ","},
        {"{\"x\":{\"clientId\":\"client_a\"}}", "{\"clientId\":\"client_a\"}", "x", "client_a"}};
    for (size_t i = 0; i < KF_LEN(rows); i++) {
        KF_AUTO_CHARS one = kf_strfmt("{\"environments\":%s}", rows[i].config);
        KF_AUTO_CHARS two = kf_strfmt("{\"staging\":%s}", rows[i].staging);
        KF_AUTO(kf_import) config = kf_import_read(KF_IMPORT_CONFIG, "c", one, strlen(one), NULL);
        KF_AUTO(kf_import) login = reads(KF_IMPORT_CREDENTIALS, two, 1);
        kf_import_join(config, login);
        char names[200] = "", clients[200] = "";
        for (size_t k = 0; k < config->n; k++) {
            snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", k ? "," : "",
                     config->item[k].name);
            snprintf(clients + strlen(clients), sizeof clients - strlen(clients), "%s%s",
                     k ? "," : "", config->item[k].client_id);
        }
        assert_string_equal(names, rows[i].names);
        assert_string_equal(clients, rows[i].clients);
        assert_int_equal(login->n, 0);
    }
}

static void env_files(void **state) {
    static const struct {
        const char *text, *key, *client, *says;
    } rows[] = {
        {"WORKOS_API_KEY=" K "\nWORKOS_CLIENT_ID=client_a", K, "client_a", NULL},
        {"\xef\xbb\xbf"
         "export  WORKOS_API_KEY = '" K "' # c\r\n  WORKOS_CLIENT_ID=\"client_a\"\r\n",
         K, "client_a", NULL},
        {"A='\nWORKOS_API_KEY=sk_no\n'\nWORKOS_API_KEY=`" K "`", K, "", NULL},
        {"A='open\nWORKOS_API_KEY=" K " # c\n", K, "", NULL},
        {"A=\"x\\\"\nWORKOS_API_KEY=sk_no\"\nWORKOS_API_KEY=" K, K, "", NULL},
        {"WORKOS_API_KEY=sk_no\nWORKOS_API_KEY=" K, K, "", NULL},
        {"#WORKOS_API_KEY=sk_no\nXWORKOS_API_KEY=sk_no\nWORKOS_API_KEYX=sk_no\nWORKOS_API_KEY: "
         "sk_no\nWORKOS_CLIENT_ID=client_a",
         NULL, "client_a", NULL},
        {"WORKOS_API_KEY=$K", NULL, "", "line 1, WORKOS_API_KEY: it refers"},
        {"\n\nWORKOS_API_KEY='sk_\\n'", NULL, "", "line 3"},
        {"A='\n\n'\nWORKOS_API_KEY='sk_a' b", NULL, "", "line 4, WORKOS_API_KEY: something"},
        {"WORKOS_CLIENT_ID='x", NULL, "", "not closed"},
        {"WORKOS_CLIENT_ID=client_a\nWORKOS_API_HTTPS=perhaps", NULL, "client_a",
         "neither true nor false"},
        {"WORKOS_API_KEY='sk_a\nb'", NULL, "", "control"},
        {"WORKOS_API_KEY=\xff\xfe", NULL, "", "none (sk_"}};
    for (size_t i = 0; i < KF_LEN(rows); i++) {
        KF_AUTO(kf_import) e = reads(KF_IMPORT_ENV, rows[i].text, 1);
        const kf_import_item *it = &e->item[0];
        if (rows[i].says) {
            if (!it->problem || !strstr(it->problem, rows[i].says))
                fail_msg("%s: %s", rows[i].text, it->problem);
            continue;
        }
        if (it->problem) fail_msg("%s: %s", rows[i].text, it->problem);
        assert_string_equal(it->client_id, rows[i].client);
        KF_AUTO(kf_secret)
        key = rows[i].key ? kf_secret_new(rows[i].key, strlen(rows[i].key)) : NULL;
        if (!kf_secret_eq(it->key, key)) fail_msg("another key: %s", rows[i].text);
    }
    KF_AUTO(kf_import)
    port = reads(KF_IMPORT_ENV,
                 "WORKOS_CLIENT_ID=client_a\nWORKOS_API_HOSTNAME=x.example\nWORKOS_API_PORT="
                 "8443\nWORKOS_COOKIE_PASSWORD=p",
                 1);
    assert_string_equal(port->item[0].api_host, "https://x.example:8443");
    assert_true(port->cookie_password);
    KF_AUTO(kf_import) none = reads(KF_IMPORT_ENV, "", 0);
    assert_false(none->cookie_password);
    assert_null(kf_import_read(KF_IMPORT_ENV, "", "A=\0b", 4, NULL));
}

static void names(void **state) {
    static const struct {
        const char *prefix, *name, *is;
    } rows[] = {{NULL, "staging", "staging"},
                {NULL, "Prod EU", "prod-eu"},
                {"w-", "A.b_c", "w-a.b_c"},
                {"w-", "", "w-"},
                {NULL, "", NULL},
                {NULL, "a/b", NULL},
                {NULL, "a\nb", NULL},
                {NULL,
                 "\xd0\xb0"
                 "cme",
                 NULL},
                {NULL, "..", NULL},
                {NULL, " a", NULL},
                {"/", "a", NULL},
                {NULL, "a\xe2\x80\xae", NULL}};
    char out[65] = "";
    for (size_t i = 0; i < KF_LEN(rows); i++) {
        bool ok = kf_import_profile_name(rows[i].prefix, rows[i].name, out);
        if (ok != (rows[i].is != NULL) || (ok && strcmp(out, rows[i].is)))
            fail_msg("%s: %s", rows[i].name, ok ? out : "no name");
    }
    KF_AUTO_CHARS longest = kf_strfmt("%064d", 1);
    assert_true(kf_import_profile_name(NULL, longest, out));
    KF_AUTO_CHARS more = kf_strfmt("%065d", 1);
    assert_false(kf_import_profile_name(NULL, more, out));
    static const struct {
        const char *key, *is;
    } masks[] = {{K, "sk_test_…abcd"},
                 {"sk_test_short", "sk_test_…"},
                 {"sk_0123456789012345678", "sk_…5678"},
                 {"x", "???…"}};
    for (size_t i = 0; i < KF_LEN(masks); i++) {
        KF_AUTO(kf_secret) key = kf_secret_new(masks[i].key, strlen(masks[i].key));
        KF_AUTO_CHARS masked = kf_import_mask(key);
        assert_string_equal(masked, masks[i].is);
    }
}

static void cuts(void **state) {
    static const struct {
        kf_import_form form;
        const char *text, *after, *line;
    } rows[] = {
        {KF_IMPORT_CONFIG,
         "{ \"environments\" :\t{\"a\":{\n  \"apiKey\" : \"" K "\" ,\r\n\"x\":\"" K "\"}}}",
         "{ \"environments\" :\t{\"a\":{\n  \"apiKey\" : \"\" ,\r\n\"x\":\"" K "\"}}}",
         "  \"apiKey\" : \"sk_test_…abcd\" ,"},
        {KF_IMPORT_CREDENTIALS,
         "{\"refreshToken\":\"secret\",\"staging\":{\"apiKey\":\"" K "\",\"x\":1},\"apiKey\":\"" K
         "\"}",
         "{\"refreshToken\":\"secret\",\"staging\":{\"apiKey\":\"\",\"x\":1},\"apiKey\":\"" K "\"}",
         "…\"apiKey\":\"sk_test_…abcd\"…"},
        {KF_IMPORT_GO,
         "{\"a\":[{\"environments\":{\"x\":{\"apiKey\":\"" K
         "\"}}}],\"environments\":{\"a\":{\"api_key\":\"" K "\"}}}",
         "{\"a\":[{\"environments\":{\"x\":{\"apiKey\":\"" K
         "\"}}}],\"environments\":{\"a\":{\"api_key\":\"\"}}}",
         "…\"api_key\":\"sk_test_…abcd\"}}}"},
        {KF_IMPORT_ENV, "X=" K "\nexport WORKOS_API_KEY='" K "'\n",
         "X=" K "\nexport WORKOS_API_KEY=''\n", "export WORKOS_API_KEY='sk_test_…abcd'"},
        {KF_IMPORT_ENV, "WORKOS_API_KEY=" K " # secret", "WORKOS_API_KEY= # secret",
         "WORKOS_API_KEY=sk_test_…abcd…"}};
    KF_AUTO(kf_secret) key = kf_secret_new(K, strlen(K));
    KF_AUTO(kf_secret) other = kf_secret_new("sk_other", 8);
    const kf_secret *keys[] = {other, key}, *none[] = {other};
    for (size_t i = 0; i < KF_LEN(rows); i++) {
        const char *text = rows[i].text;
        kf_import_span span[8];
        assert_int_equal(kf_import_spans(rows[i].form, text, strlen(text), none, 1, span, 8), 0);
        assert_int_equal(kf_import_spans(rows[i].form, text, strlen(text), keys, 2, span, 8), 1);
        KF_AUTO(kf_secret) after = kf_import_cut(text, strlen(text), span, 1);
        assert_string_equal(kf_secret_peek(after), rows[i].after);
        KF_AUTO(kf_json) shown = kf_import_change(text, strlen(text), span[0]);
        assert_string_equal(kf_json_str(shown, "before"), rows[i].line);
        assert_null(strstr(kf_json_str(shown, "after"), "sk_"));
        assert_null(strstr(kf_json_str(shown, "before"), "secret"));
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents), cmocka_unit_test(problems), cmocka_unit_test(joins),
        cmocka_unit_test(env_files), cmocka_unit_test(names),    cmocka_unit_test(cuts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
