/* Every error has words; text from elsewhere is safe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "base/json.h"
#include "base/str.h"
#include "base/unicode.h"
#include "ui/common/text.h"
#include "ui/common/states.h"
#include "ui/common/words.h"

static void every_error_has_three_parts(void **state) {
    for (int c = 1; c < KF_ERR_COUNT; c++) {
        kf_err e;
        kf_words_error w;
        kf_fail(&e, (kf_err_code)c, "the facts");
        kf_words_for_error(&e, &w);
        assert_true(strstr(w.happened, "the facts") || c == KF_ERR_SYS_CANCELLED);
        assert_null(strstr(w.happened, "Something went wrong"));
        assert_true(*w.means);
        assert_true(strlen(w.means) <= 160 && strlen(w.todo) <= 160); /* two lines at 80 columns */
        assert_null(strchr(w.happened, '%'));
        kf_words_for_cli(&e, "acme", &w);
        assert_null(strchr(w.todo, '%'));
        kf_fail(&e, (kf_err_code)c, "%s", "");
        kf_words_for_error(&e, &w);
        assert_null(strstr(w.happened, ": ."));
    }
}

static void nothing_is_said_twice(void **state) {
    static const struct {
        kf_err_code code;
        const char *what, *want;
    } rows[] = {
        {KF_ERR_STORE_VAULT_NEW, "there is no vault yet", "There is no vault yet."},
        {KF_ERR_STORE_VAULT_LOCKED, "The vault is locked", "The vault is locked."},
        {KF_ERR_STORE_VAULT_LOCKED, "the vault is locked (by keyfob lock)",
         "The vault is locked (by keyfob lock)."},
        {KF_ERR_STORE_VAULT_LOCKED, "the vault is lockedly",
         "The vault is locked: the vault is lockedly."},
        {KF_ERR_STORE_VAULT_LOCKED, "the vault", "The vault is locked."},
        {KF_ERR_STORE_VAULT_LOCKED, "", "The vault is locked."},
        {KF_ERR_STORE_VAULT_LOCKED, "/run/pass is empty",
         "The vault is locked: /run/pass is empty."},
    };
    for (size_t i = 0; i < KF_LEN(rows); i++) {
        kf_err e;
        kf_words_error w;
        kf_fail(&e, rows[i].code, "%s", rows[i].what);
        kf_words_for_cli(&e, "p", &w);
        assert_string_equal(w.happened, rows[i].want);
        kf_words_for_error(&e, &w);
        assert_string_equal(w.happened, rows[i].want);
    }
}

static void facts_are_sanitised(void **state) {
    kf_err e;
    kf_words_error w;
    kf_fail(&e, KF_ERR_WORKOS_REFUSED, "a\x1b[2J\r\nb");
    kf_words_for_cli(&e, "p", &w);
    assert_null(strpbrk(w.happened, "\x1b\r\n"));
}

static void safe(const char *in, const char *want) {
    KF_AUTO_CHARS got = kf_text_safe(in);
    assert_string_equal(got, want);
}

/* Every code point: what is not safe to show is written as an escape, and reads back as it was. */
static void json_for_a_terminal(void **state) {
    static const uint32_t bad[] = {0x7f,   0x85,   0x9b,    0x202e,  0x2066,
                                   0x200b, 0xfeff, 0xe0041, 0x1bca0, 0x1d173};
    for (size_t i = 0; i < KF_LEN(bad); i++) assert_true(kf_unicode_is_hidden(bad[i]));
    for (uint32_t c = 1; c < 0x110000; c += c < 0x3000 || c > 0xd7ff ? 1 : 7) {
        if (c == 0xd800) c = 0xe000;
        char in[5] = "";
        if (c < 0x80) in[0] = (char)c;
        else if (c < 0x800) in[0] = (char)(0xc0 | c >> 6), in[1] = (char)(0x80 | (c & 63));
        else if (c < 0x10000)
            in[0] = (char)(0xe0 | c >> 12), in[1] = (char)(0x80 | (c >> 6 & 63)),
            in[2] = (char)(0x80 | (c & 63));
        else
            in[0] = (char)(0xf0 | c >> 18), in[1] = (char)(0x80 | (c >> 12 & 63)),
            in[2] = (char)(0x80 | (c >> 6 & 63)), in[3] = (char)(0x80 | (c & 63));
        KF_AUTO(kf_json) j = kf_json_obj();
        kf_json_set_str(j, "k", in);
        KF_AUTO_CHARS raw = kf_json_print(j);
        KF_AUTO_CHARS out = kf_text_json(raw);
        uint32_t seen;
        for (const char *p = out; *p; p += kf_text_next(p, &seen)) {
            (void)kf_text_next(p, &seen);
            if (kf_unicode_is_hidden(seen)) fail_msg("U+%04X is raw in %s", (unsigned)seen, out);
        }
        KF_AUTO(kf_json) back = kf_json_parse(out, strlen(out), NULL);
        if (!kf_str_eq(kf_json_str(back, "k"), in)) fail_msg("U+%04X became %s", (unsigned)c, out);
    }
}

static void hostile_text(void **state) {
    safe(NULL, "");
    safe("plain", "plain");
    safe("a\x1b[31mb", "a[31mb");
    safe("a\x1b]52;c;AAAA\x07z", "a]52;c;AAAAz");
    safe("one\rtwo\nthree\tfour\bfive", "one two three fourfive");
    safe("  a   b  ", "a b");
    safe("a\xc2\x9b"
         "31mb",
         "a31mb"); /* C1 CSI */
    safe("a\xe2\x80\xae"
         "b\xe2\x81\xa6"
         "c",
         "abc"); /* bidi */
    safe("a\xe2\x80\x8b\xef\xbb\xbf"
         "b",
         "ab"); /* zero width */
    safe("a\xf3\xa0\x80\x81"
         "b",
         "ab"); /* tag */
    safe("a\xff"
         "b",
         "a\xef\xbf\xbd"
         "b");
    safe("a\xc0\x80"
         "b",
         "a\xef\xbf\xbd\xef\xbf\xbd"
         "b"); /* overlong NUL */
    safe("e\xcc\x81\xcc\x81\xcc\x81\xcc\x81", "e\xcc\x81\xcc\x81");
    safe("\xe6\xa0\xaa\xe5\xbc\x8f", "\xe6\xa0\xaa\xe5\xbc\x8f");
}

static void left(void **state) {
    static const struct {
        int64_t ms;
        const char *want;
    } rows[] = {{-1, "--"},       {0, "--"},        {48000, "0:48"},    {252000, "4:12"},
                {599999, "9:59"}, {3480000, "58m"}, {7500000, "2h05m"}, {597600000, "6d 22h"}};
    for (size_t i = 0; i < KF_LEN(rows); i++) {
        char out[24];
        kf_words_left(rows[i].ms, out);
        assert_string_equal(out, rows[i].want);
    }
}

static void notes_and_states(void **state) {
    for (int n = 1; n < KF_NOTE_COUNT; n++) {
        char out[200];
        kf_words_note((kf_note)n, "x\x1b", NULL, out, sizeof out);
        assert_true(*out && !strchr(out, '\x1b'));
    }
    char note[800];
    kf_err why;
    kf_fail(&why, KF_ERR_NET_PROXY_AUTH, "proxy.example.test:3128");
    kf_words_note(KF_NOTE_NETWORK, NULL, &why, note, sizeof note);
    assert_string_equal(note,
                        "The proxy proxy.example.test:3128 asks for a user name and password. "
                        "Set proxy = http://USER:PASSWORD@HOST:PORT in keyfob.conf.");
    kf_fail(&why, KF_ERR_NET_NOT_WORKOS, "status 200, and the body is not WorkOS's JSON");
    kf_words_note(KF_NOTE_NETWORK, NULL, &why, note, sizeof note);
    assert_non_null(strstr(note, "sign in to the network"));
    kf_fail(&why, KF_ERR_NET_TIMEOUT, "no answer");
    kf_words_note(KF_NOTE_NETWORK, NULL, &why, note, sizeof note);
    assert_string_equal(note, "WorkOS could not be reached. Nothing is lost; try again.");
    for (int i = 0; i < KF_PS_COUNT; i++) assert_true(strlen(kf_state_words((kf_pstate)i)) <= 13);
    assert_string_equal(kf_words_state("signed_out"), "not signed in");
    assert_string_equal(kf_words_state("of a later agent"), "of a later agent");
    assert_false(kf_state_needs_person(kf_state_find("of a later agent")));
}

int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(every_error_has_three_parts),
                                   cmocka_unit_test(facts_are_sanitised),
                                   cmocka_unit_test(nothing_is_said_twice),
                                   cmocka_unit_test(hostile_text),
                                   cmocka_unit_test(json_for_a_terminal),
                                   cmocka_unit_test(left),
                                   cmocka_unit_test(notes_and_states)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
