/* What git asks: answered is one host, over https or of this machine, and only what every reader of
 * lines reads alike. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/str.h"
#include "ui/cli/git_question.h"

static kf_git_question q;
static bool ask(const char *text) { return kf_git_question_parse(text, strlen(text), &q); }

static void test_what_is_answered(void **state) {
    assert_true(ask("protocol=https\nhost=git.example.test\n\n"));
    assert_string_equal(q.host, "git.example.test");
    assert_string_equal(q.username, "");
    assert_true(ask("capability[]=authtype\nprotocol=https\nhost=Git.Example.test:8443\nusername="
                    "maya\npath=a/b\nwwwauth[]=Basic realm=\"x\"\n"));
    assert_string_equal(q.host, "git.example.test:8443");
    assert_string_equal(q.username, "maya");
    assert_true(q.authtype);
    assert_int_equal(q.secret_len, 0);
    assert_true(ask("protocol=https\nhost=a.test\ncapability[]=state\nauthtype=Bearer\n"
                    "credential=eyJ.x\n"));
    assert_false(q.authtype);
    assert_int_equal(q.secret_len, 5);
    assert_memory_equal(q.secret, "eyJ.x", 5);
    assert_true(ask("protocol=https\nhost=a.test\npassword=p=1\n"));
    assert_int_equal(q.secret_len, 3);
    assert_true(ask("protocol=https\nhost=git.example.test:443\n"));
    assert_string_equal(q.host, "git.example.test");
    assert_true(ask("host=a.test\nprotocol=https\nhost=b.test"));
    assert_string_equal(q.host, "b.test");
    assert_true(ask("protocol=http\nhost=127.0.0.1:8080\n"));
    assert_true(ask("protocol=https\nhost=a.test\n\nhost=b.test\nprotocol=ftp\n"));
    assert_string_equal(q.host, "a.test"); /* behind the empty line is nothing of it */
}

static void test_what_is_not(void **state) {
    static const char *const t[] = {
        "", "\n", "=", "host", "protocol=https\n", "host=a.test\n", "protocol=https\nhost=\n",
        "\nprotocol=https\nhost=a.test\n", "protocol=http\nhost=a.test\n",
        "protocol=http\nhost=127.0.0.1.a.test\n", "protocol=ssh\nhost=a.test\n",
        "protocol=\nhost=a.test\n", "protocol=https://a.test\nhost=a.test\n",
        "protocol=https\nhost=a.test;b.test\n", "protocol=https\nhost=a.test/x\n",
        "protocol=https\nhost=a.test/\n", "protocol=https\nhost=x@a.test\n",
        "protocol=https\nhost= a.test\n", "protocol=https\nhost=a.test \n",
        /* what ends at a carriage return for one reader, and goes on for another */
        "protocol=https\nhost=a.test\r.evil.test\n", "protocol=https\nhost=a.test\r\n",
        "protocol=https\r\nhost=a.test\n",
        "protocol=https\nhost=a.test\nusername=x\rhost=evil.test\n",
        "protocol=https\nhost=a.test\nusername=\x1b[2J\n", "protocol=https\nhost=a.test\x7f\n"};
    for (size_t i = 0; i < KF_LEN(t); i++)
        if (ask(t[i])) fail_msg("answered: %s", t[i]);
    KF_AUTO_CHARS a = calloc(1, 301);
    memset(a, 'a', 300);
    KF_AUTO_CHARS host = kf_strfmt("protocol=https\nhost=%s\n", a);
    KF_AUTO_CHARS user = kf_strfmt("protocol=https\nhost=a.test\nusername=%s\n", a);
    assert_false(ask(host)); /* not a part of it */
    assert_false(ask(user));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_is_answered),
                                       cmocka_unit_test(test_what_is_not)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
