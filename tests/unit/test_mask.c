/* exec --mask: what is hidden does not depend on where the stream is cut or how slowly it comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/str.h"
#include "ui/cli/exec_mask.h"

#define HEAD "eyJhbGciOiJSUzI1NiIsImtpZCI6ImtleV8xIn0"
#define BODY "eyJpc3MiOiJodHRwczovL2FwaSIsInN1YiI6InVzZXJfMSJ9"
#define SIGN "qL3sYt-0aXk_9eyJhbGciOiJodHRwPz5mZ2hpamtsbW5vcHFyc3R1dnd4eXo"
#define TOKEN HEAD "." BODY "." SIGN
#define HIDDEN KF_MASK_TEXT

static kf_mask_words *words_of(const char *a, const char *b) {
    kf_mask_words *w = kf_mask_words_new();
    for (int i = 0; i < 2; i++) {
        const char *t = i ? b : a;
        if (!t) continue;
        KF_AUTO(kf_secret) s = kf_secret_new(t, strlen(t));
        assert_true(kf_mask_words_add(w, s));
    }
    return w;
}

enum { NONE, PAUSE, LONG };
/* The text in pieces of step bytes, the first of them first long; a pause of a kind behind each. */
static char *masked(const kf_mask_words *w, const char *text, size_t first, size_t step,
                    int pause) {
    kf_mask m;
    kf_buf out;
    kf_buf_init(&out, 1 << 20);
    kf_mask_init(&m, w);
    size_t n = strlen(text), at = 0, piece = first;
    while (at < n) {
        if (piece > n - at) piece = n - at;
        kf_mask_feed(&m, text + at, piece, &out);
        if (pause) kf_mask_pause(&m, pause == LONG, &out);
        if (pause == LONG) assert_int_equal(kf_mask_waiting(&m), 0);
        at += piece;
        piece = step;
    }
    kf_mask_end(&m, &out);
    assert_int_equal(kf_mask_waiting(&m), 0);
    kf_mask_done(&m);
    char *s = kf_strdup(out.data ? out.data : "");
    kf_buf_done(&out);
    return s;
}

static void gives(const kf_mask_words *w, const char *text, const char *want) {
    for (size_t first = 0; first <= strlen(text); first++) { /* cut in two, everywhere */
        KF_AUTO_CHARS got = masked(w, text, first, SIZE_MAX, NONE);
        assert_string_equal(got, want);
    }
    for (size_t step = 1; step < 9; step++) {
        KF_AUTO_CHARS got = masked(w, text, step, step, NONE);
        assert_string_equal(got, want);
    }
}

static void the_token_is_hidden(void **state) {
    KF_AUTO(kf_mask_words) w = words_of(TOKEN, NULL);
    gives(w, TOKEN, HIDDEN);
    gives(w, "a " TOKEN "\n", "a " HIDDEN "\n");
    gives(w, "Authorization: Bearer " TOKEN "\r\n" TOKEN TOKEN,
          "Authorization: Bearer " HIDDEN "\r\n" HIDDEN HIDDEN);
    gives(w, "eyJ" TOKEN "A", "eyJ" HIDDEN "A");
    gives(w, HEAD TOKEN, HEAD HIDDEN);
    gives(w, HEAD "." TOKEN, HEAD "." HIDDEN);
}

static void its_parts_are_hidden(void **state) {
    KF_AUTO(kf_mask_words) w = words_of(TOKEN, NULL);
    gives(w, "p=" BODY " s=" SIGN ";", "p=" HIDDEN " s=" HIDDEN ";");
    gives(w, HEAD "\n." BODY "\n." SIGN, HEAD "\n." HIDDEN "\n." HIDDEN);
    gives(w, HEAD "." BODY ".x", HEAD "." HIDDEN ".x");
    gives(w, BODY "." SIGN, HIDDEN "." HIDDEN);
    /* cut off inside the signature, by something else or by the end */
    gives(w, HEAD "." BODY ".qL3sYt-0aXk_9eyJhb", HIDDEN);
    gives(w, HEAD "." BODY ".qL3sYt-0aXk_9eyJhb...", HIDDEN "...");
    gives(w, "qL3sYt-0aXk_9eyJhbGciOiJodHRwPz5mZ", HIDDEN);
}

static void other_text_is_untouched(void **state) {
    KF_AUTO(kf_mask_words) w = words_of(TOKEN, NULL);
    static const char *const same[] = {"",
                                       "e",
                                       "ey",
                                       "eyJ eyJh eyJhbGciOiJSUzI1NiJ9.e30.q",
                                       HEAD,
                                       HEAD ".",
                                       HEAD "." HEAD,
                                       "qL3sYt-0",
                                       "eeeeyyyJJJ\n\033[31mred\033[0m\r\n",
                                       "eyJpc3MiOiJodHRwczovL2FwaSIsInN1YiI6InVzZXJfMiJ9"};
    for (size_t i = 0; i < KF_LEN(same); i++) {
        gives(w, same[i], same[i]);
        for (size_t step = 1; step < 6; step++) { /* a pause neither loses nor doubles anything */
            KF_AUTO_CHARS got = masked(w, same[i], step, step, PAUSE);
            assert_string_equal(got, same[i]);
        }
    }
    KF_AUTO(kf_mask_words) none = words_of(NULL, NULL);
    gives(none, "a " TOKEN, "a " TOKEN);
}

/* Slowly, byte by byte: what is shown early is harmless, and the rest is still hidden. */
static void slow_writers(void **state) {
    KF_AUTO(kf_mask_words) w = words_of(TOKEN, NULL);
    for (int pause = PAUSE; pause <= LONG; pause++)
        for (size_t step = 1; step < 40; step++) {
            KF_AUTO_CHARS got = masked(w, "> " TOKEN "\n" SIGN "\n", step, step, pause);
            assert_null(strstr(got, BODY));
            assert_null(strstr(got, "SIsInN1"));  /* of the payload, beyond its first letters */
            assert_null(strstr(got, "aXk_9eyJ")); /* of the signature */
            assert_non_null(strstr(got, HIDDEN "\n"));
            assert_null(strstr(got, HIDDEN HIDDEN));
            assert_int_equal(got[strlen(got) - 1], '\n');
        }
}

/* Nothing that a person waits for stays behind: at once what cannot go on, after a moment what is
 * harmless, then all. */
static void nothing_stalls(void **state) {
    KF_AUTO(kf_mask_words) w = words_of(TOKEN, NULL);
    kf_mask m;
    kf_buf out;
    kf_buf_init(&out, 4096);
    kf_mask_init(&m, w);
    kf_mask_feed(&m, "$ e", 3, &out);
    assert_string_equal(out.data, "$ ");
    assert_int_equal(kf_mask_waiting(&m), 1);
    kf_mask_pause(&m, false, &out);
    assert_string_equal(out.data, "$ e");
    assert_int_equal(kf_mask_waiting(&m), 0);
    kf_mask_feed(&m, "yJpc3MiOiJ", 10, &out); /* the payload: its first letters, no more */
    kf_mask_pause(&m, false, &out);
    assert_string_equal(out.data, "$ eyJpc3Mi");
    assert_int_equal(kf_mask_waiting(&m), 3);
    kf_mask_pause(&m, true, &out);
    assert_string_equal(out.data, "$ eyJpc3Mi" HIDDEN);
    assert_int_equal(kf_mask_waiting(&m), 0);
    kf_mask_feed(&m, "odHRwczovL2", 11, &out); /* goes on: silently */
    kf_mask_pause(&m, true, &out);
    assert_string_equal(out.data, "$ eyJpc3Mi" HIDDEN);
    kf_mask_feed(&m, "!", 1, &out); /* it was something else */
    assert_string_equal(out.data, "$ eyJpc3Mi" HIDDEN "!");
    kf_mask_done(&m);
    kf_buf_done(&out);
}

static void several_tokens(void **state) {
    static const char second[] =
        HEAD ".eyJpc3MiOiJodHRwczovL2FwaSIsImp0aSI6IjIifQ.0123456789abcdefghijklmnopqrstuvwxyz";
    KF_AUTO(kf_mask_words) w = words_of(TOKEN, second);
    KF_AUTO_CHARS both = kf_strfmt("%s\n%s %s", second, TOKEN, second);
    gives(w, both, HIDDEN "\n" HIDDEN " " HIDDEN);
    for (int i = 0; i < 2 * KF_MASK_TOKENS; i++) { /* the last ones count */
        KF_AUTO_CHARS t = kf_strfmt("token-number-%04d-of-many", i);
        KF_AUTO(kf_secret) s = kf_secret_new(t, strlen(t));
        assert_true(kf_mask_words_add(w, s));
    }
    gives(w, "token-number-0063-of-many token-number-0032-of-many", HIDDEN " " HIDDEN);
    gives(w, "token-number-0031-of-many", "token-number-0031-of-many");
}

static void odd_tokens(void **state) {
    KF_AUTO(kf_mask_words) w = kf_mask_words_new();
    KF_AUTO(kf_secret) small = kf_secret_new("0123456789abcde", 15);
    KF_AUTO(kf_secret) big = kf_secret_zero(KF_MASK_TOKEN_MAX + 1);
    assert_false(kf_mask_words_add(w, small));
    assert_false(kf_mask_words_add(w, big));
    static const char *const odd[] = {
        "aaaaaaaaaaaaaaaaaaaaaaaa", "................", "a.b.cccccccccccccccccccc",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b.",
        "abcabcabcabcabcabcabc.abcabcabcabcabcabcabc.abcabcabcabcabcabcabc"};
    for (size_t i = 0; i < KF_LEN(odd); i++) {
        KF_AUTO(kf_mask_words) o = words_of(odd[i], NULL);
        KF_AUTO_CHARS text = kf_strfmt("-%s-", odd[i]);
        gives(o, text, "-" HIDDEN "-");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_token_is_hidden),
                                       cmocka_unit_test(its_parts_are_hidden),
                                       cmocka_unit_test(other_text_is_untouched),
                                       cmocka_unit_test(slow_writers),
                                       cmocka_unit_test(nothing_stalls),
                                       cmocka_unit_test(several_tokens),
                                       cmocka_unit_test(odd_tokens)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
