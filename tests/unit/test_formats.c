/* Formats of export: what is quoted is read again by a shell; files are whole, private and never
 * replaced by accident. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/str.h"
#include "ui/common/formats.h"
#include "ui/common/outfile.h"

static const char nasty[] = "a'b\"c$d`e\\f{g}h#i%j!k(l)m;n&o|p<q>r*s?t~u";

static kf_json *answer(const char *token) {
    kf_json *j = kf_json_obj();
    kf_json_set_str(j, "access_token", token);
    kf_json_set_str(j, "name", "acme");
    kf_json_set_str(j, "client_id", "client_1");
    kf_json_set_str(j, "org_id", "org_1");
    kf_json_set_int(j, "expires_at", 1790000000);
    kf_json_set_int(j, "left_ms", 299500);
    return j;
}

/* The format's text; NULL when it was refused. Caller frees. */
static char *format(const char *token, const char *name, const kf_format_opts *o, kf_err *err) {
    KF_AUTO(kf_json) j = answer(token);
    kf_facts f;
    kf_buf b;
    kf_buf_init(&b, KF_FORMAT_OUT_MAX);
    bool ok = kf_facts_from(&f, j, false, err) && kf_format(&b, &f, name, o, err);
    char *text = ok ? kf_strdup(b.data) : NULL;
    kf_buf_done(&b);
    return text;
}

static char *shell(const char *script, const char *arg) {
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (!pid) {
        dup2(fds[1], 1);
        execl("/bin/sh", "sh", "-c", script, "sh", arg, (char *)NULL);
        _exit(127);
    }
    close(fds[1]);
    char *out = calloc(1, 4096);
    size_t n = 0;
    for (ssize_t k; (k = read(fds[0], out + n, 4095 - n)) > 0;) n += (size_t)k;
    close(fds[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    return out;
}

static void test_sh_reads_what_env_quotes(void **state) {
    KF_AUTO_CHARS text = format(nasty, "env", NULL, NULL);
    KF_AUTO_CHARS got =
        shell("eval \"$1\"; printf %s "
              "\"$WORKOS_ACCESS_TOKEN|$KEYFOB_PROFILE|$KEYFOB_EXPIRES_AT|$WORKOS_ORGANIZATION_ID\"",
              text);
    KF_AUTO_CHARS want = kf_strfmt("%s|acme|2026-09-21T14:13:20Z|org_1", nasty);
    assert_string_equal(got, want);
}

static void test_quoting(void **state) {
    static const struct {
        const char *format, *line;
    } t[] = {
        {"fish", "set -gx WORKOS_ACCESS_TOKEN 'x\\'y\\\\z$\"';\n"},
        {"powershell", "$env:WORKOS_ACCESS_TOKEN = 'x''y\\z$\"'\n"},
        {"dotenv", "WORKOS_ACCESS_TOKEN=\"x'y\\\\z\\$\\\"\"\n"},
        {"docker-env", "WORKOS_ACCESS_TOKEN=x'y\\z$\"\n"},
        {"curl", "header = \"Authorization: Bearer x'y\\\\z$\\\"\"\n"},
        {"raw", "x'y\\z$\"\n"},
        {"header", "Authorization: Bearer x'y\\z$\"\n"},
        {"{access_token}|{{{profile}}", "x'y\\z$\"|{acme}\n"},
    };
    for (size_t i = 0; i < KF_LEN(t); i++) {
        KF_AUTO_CHARS text = format("x'y\\z$\"", t[i].format, NULL, NULL);
        assert_non_null(text);
        assert_memory_equal(text, t[i].line, strlen(t[i].line));
    }
}

static void test_what_is_refused(void **state) {
    static const char *const bad_values[] = {"a b", "a\nb", "a\x1b[0m", "caf\xc3\xa9", "a\x7f"};
    kf_err e;
    for (size_t i = 0; i < KF_LEN(bad_values); i++) {
        assert_null(format(bad_values[i], "raw", NULL, &e));
        assert_int_equal(e.code, KF_ERR_NET_BAD_ANSWER);
    }
    static const char *const bad_formats[] = {"xml",           "",   "{acces_token}",
                                              "{access_token", "{}", "x{"};
    for (size_t i = 0; i < KF_LEN(bad_formats); i++) {
        assert_null(format("t", bad_formats[i], NULL, &e));
        assert_int_equal(e.code, KF_ERR_USAGE_BAD);
    }
}

/* What does not fit is told, and never cut. */
static void test_too_long(void **state) {
    kf_err e = {0};
    KF_AUTO_CHARS token = calloc(1, 50001);
    memset(token, '\'', 50000);
    KF_AUTO_CHARS fits = format(token, "env", NULL, NULL);
    assert_true(strlen(fits) > 200000);
    KF_AUTO_CHARS two = format(token, "{access_token}{access_token}", NULL, NULL);
    assert_int_equal(strlen(two), 100001);
    assert_null(format(
        token,
        "{access_token}{access_token}{access_token}{access_token}{access_token}{access_token}",
        NULL, &e));
    assert_int_equal(e.code, KF_ERR_USAGE_BAD);
    assert_non_null(strstr(e.what, "256 KiB"));
}

static void test_netrc(void **state) {
    kf_err e;
    KF_AUTO_CHARS plain =
        format("tok", "netrc", &(kf_format_opts){.host = "git.example.test"}, NULL);
    assert_string_equal(plain, "machine git.example.test login oauth2 password tok\n");
    assert_null(format("to#k", "netrc", &(kf_format_opts){.host = "git.example.test"}, &e));
    assert_int_equal(e.code, KF_ERR_NET_BAD_ANSWER);
    static const kf_format_opts bad[] = {{.host = NULL},
                                         {.host = ""},
                                         {.host = "a b"},
                                         {.host = "a\nmachine b"},
                                         {.host = "a#b"},
                                         {.host = "h", .login = ""},
                                         {.host = "h", .login = "x y"}};
    for (size_t i = 0; i < KF_LEN(bad); i++) {
        assert_null(format("tok", "netrc", &bad[i], &e));
        assert_int_equal(e.code, KF_ERR_USAGE_BAD);
    }
}

static void test_api_key_and_mask(void **state) {
    KF_AUTO(kf_json) j = kf_json_obj();
    kf_json_set_str(j, "api_key", "sk_test_0123456789abcdefghij");
    kf_json_set_str(j, "name", "acme");
    kf_json_set_str(j, "client_id", "client_1");
    kf_facts f;
    kf_buf b;
    kf_buf_init(&b, KF_FORMAT_OUT_MAX);
    assert_true(kf_facts_from(&f, j, false, NULL) && kf_format(&b, &f, "env", NULL, NULL));
    assert_string_equal(b.data, "export WORKOS_API_KEY='sk_test_0123456789abcdefghij'\nexport "
                                "KEYFOB_PROFILE='acme'\nexport WORKOS_CLIENT_ID='client_1'\n");
    kf_buf_clear(&b);
    assert_true(kf_facts_from(&f, j, true, NULL) && kf_format(&b, &f, "raw", NULL, NULL));
    assert_string_equal(b.data, "sk_test_..ghij\n");
    kf_buf_done(&b);
}

static char dir[] = "/tmp/kf-outfile.XXXXXX", path[64];

static int make_dir(void **state) {
    if (!mkdtemp(dir)) return -1;
    snprintf(path, sizeof path, "%s/out", dir);
    return 0;
}
static int drop_dir(void **state) {
    unlink(path);
    return rmdir(dir); /* fails when a temporary file was left */
}

static void test_outfile(void **state) {
    kf_err e;
    struct stat st;
    char got[8] = "";
    umask(0);
    assert_true(kf_outfile_write(path, "one", 3, false, NULL));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_false(kf_outfile_write(path, "two", 3, false, &e));
    assert_int_equal(e.code, KF_ERR_USAGE_EXISTS);
    assert_true(kf_outfile_write(path, "three", 5, true, NULL));
    FILE *f = fopen(path, "r");
    assert_int_equal(fread(got, 1, 7, f), 5);
    fclose(f);
    assert_string_equal(got, "three");
    unlink(path);
    assert_int_equal(symlink("/dev/null", path), 0);
    assert_false(kf_outfile_write(path, "x", 1, false, &e));
    assert_false(kf_outfile_write(path, "x", 1, true, &e)); /* a link is not what it points to */
    assert_int_equal(e.code, KF_ERR_USAGE_BAD);
    KF_AUTO_CHARS nowhere = kf_strfmt("%s/no/such/dir", dir);
    assert_false(kf_outfile_write(nowhere, "x", 1, false, &e));
    assert_int_equal(e.code, KF_ERR_SYS_IO);
}

/* What help and completion name is what there is. */
static void every_name_is_a_format(void **state) {
#define ROW(name, about) name,
    static const char *const names[] = {KF_FORMATS(ROW)}, *const sealed[] = {
                                                              KF_SEALED_FORMATS(ROW)};
#undef ROW
    const kf_format_opts o = {.host = "git.example.com"};
    kf_err e;
    for (size_t i = 0; i < KF_LEN(names); i++) {
        KF_AUTO_CHARS text = format("token", names[i], &o, &e);
        if (!text) fail_msg("%s: %s", names[i], e.what);
    }
    KF_AUTO_CHARS none = format("token", sealed[0], &o, &e);
    assert_null(none);
    assert_non_null(
        strstr(e.what,
               "curl exec-credential docker-env netrc, a template, and wos-session for a session"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sh_reads_what_env_quotes),
        cmocka_unit_test(test_quoting),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_netrc),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(every_name_is_a_format),
        cmocka_unit_test(test_api_key_and_mask),
        cmocka_unit_test_setup_teardown(test_outfile, make_dir, drop_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
