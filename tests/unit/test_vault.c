/* The vault's format: round trip, every flipped bit found, hostile headers refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "io/vault.h"

static kf_secret *text(const char *s) { return kf_secret_new(s, strlen(s)); }

static void header_opens_with_its_passphrase_only(void **state) {
    unsigned char h[KF_VAULT_HEADER];
    kf_err e;
    KF_AUTO(kf_secret) pass = text("correct horse");
    KF_AUTO(kf_secret) wrong = text("correct horsf");
    KF_AUTO(kf_secret) master = NULL;
    assert_true(kf_vault_create(pass, true, &master, h, &e));
    KF_AUTO(kf_secret) again = kf_vault_open(h, sizeof h, pass, &e);
    assert_true(kf_secret_eq(master, again));
    assert_null(kf_vault_open(h, sizeof h, wrong, &e));
    assert_int_equal(e.code, KF_ERR_STORE_BAD_PASSPHRASE);
    assert_true(kf_vault_check(h, sizeof h, &e));
    assert_null(kf_vault_open(h, sizeof h - 1, pass, &e));
    assert_int_equal(e.code, KF_ERR_STORE_VAULT_DAMAGED);
    for (size_t bit = 0; bit < 8 * sizeof h; bit++) {
        h[bit / 8] ^= (unsigned char)(1u << bit % 8);
        assert_null(kf_vault_open(h, sizeof h, pass, &e));
        assert_int_equal(e.code, KF_ERR_STORE_VAULT_DAMAGED);
        assert_false(kf_vault_check(h, sizeof h, NULL));
        h[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
}

static uint64_t le64(const unsigned char *p) {
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--) v = v << 8 | p[i];
    return v;
}

/* RFC 9106, second choice, at least; and the cost of a vault that is dear enough stays. */
static void a_guess_is_not_cheap(void **state) {
    unsigned char h[KF_VAULT_HEADER], weak[KF_VAULT_HEADER], again[KF_VAULT_HEADER];
    KF_AUTO(kf_secret) pass = text("correct horse");
    KF_AUTO(kf_secret) master = NULL;
    KF_AUTO(kf_secret) other = NULL;
    assert_true(kf_vault_create(pass, false, &master, h, NULL));
    assert_true(le64(h + 8) >= 3);
    assert_true(le64(h + 16) >= 64u << 20);
    assert_true(le64(h + 16) <= 512u << 20);
    assert_false(kf_vault_is_cheap(h));
    KF_AUTO(kf_secret) opened = kf_vault_open(h, sizeof h, pass, NULL);
    assert_true(kf_secret_eq(opened, master));
    assert_true(kf_vault_create(pass, true, &other, weak, NULL));
    assert_true(kf_vault_is_cheap(weak));
    assert_true(kf_vault_wrap(master, pass, false, h, again, NULL));
    assert_memory_equal(h + 8, again + 8, 16);
    assert_true(kf_vault_wrap(other, pass, false, weak, again, NULL));
    assert_false(kf_vault_is_cheap(again));
}

static void twelve_characters(void **state) {
    static const char *const is_short[] = {"", "eleven char", &"ääääääääääää"[2]},
                             *const is_long[] = {"twelve chars", "ääääääääääää"};
    for (size_t i = 0; i < KF_LEN(is_short); i++) {
        KF_AUTO(kf_secret) s = text(is_short[i]);
        assert_true(kf_vault_passphrase_is_short(s));
    }
    for (size_t i = 0; i < KF_LEN(is_long); i++) {
        KF_AUTO(kf_secret) s = text(is_long[i]);
        assert_false(kf_vault_passphrase_is_short(s));
    }
}

static void record_is_bound_to_its_name_and_every_bit(void **state) {
    kf_err e;
    unsigned char h[KF_VAULT_HEADER];
    KF_AUTO(kf_secret) pass = text("p");
    KF_AUTO(kf_secret) master = NULL;
    KF_AUTO(kf_secret) blob = text("{\"refresh_token\":\"rt\"}");
    assert_true(kf_vault_create(pass, true, &master, h, &e));
    KF_AUTO(kf_secret) sealed = kf_vault_seal(master, "0123456789abcdef.session", blob, &e);
    KF_AUTO(kf_secret)
    back = kf_vault_unseal(master, "0123456789abcdef.session", kf_secret_peek(sealed),
                           kf_secret_len(sealed), &e);
    assert_true(kf_secret_eq(blob, back));
    assert_null(kf_vault_unseal(master, "0123456789abcdee.session", kf_secret_peek(sealed),
                                kf_secret_len(sealed), &e));
    assert_int_equal(e.code, KF_ERR_STORE_DAMAGED);
    char *p = kf_secret_edit(sealed);
    for (size_t bit = 0; bit < 8 * kf_secret_len(sealed); bit++) {
        p[bit / 8] = (char)(p[bit / 8] ^ 1 << bit % 8);
        assert_null(
            kf_vault_unseal(master, "0123456789abcdef.session", p, kf_secret_len(sealed), &e));
        assert_int_equal(e.code, KF_ERR_STORE_DAMAGED);
        p[bit / 8] = (char)(p[bit / 8] ^ 1 << bit % 8);
    }
    for (size_t n = 0; n < kf_secret_len(sealed); n++)
        assert_null(kf_vault_unseal(master, "0123456789abcdef.session", p, n, &e));
    KF_AUTO(kf_secret) other = kf_vault_seal(master, "0123456789abcdef.session", blob, &e);
    assert_false(kf_secret_eq(sealed, other)); /* a nonce is never used twice */
}

static void newer_versions_are_named(void **state) {
    kf_err e;
    unsigned char h[KF_VAULT_HEADER] = "KFVAULT2";
    KF_AUTO(kf_secret) pass = text("p");
    KF_AUTO(kf_secret) master = NULL;
    static const char record[] = "KFVREC2\0 whatever comes behind it, and more of it than a seal";
    assert_false(kf_vault_check(h, sizeof h, &e));
    assert_int_equal(e.code, KF_ERR_STORE_NEWER);
    assert_null(kf_vault_open(h, 8, pass, &e)); /* it may have another size */
    assert_int_equal(e.code, KF_ERR_STORE_NEWER);
    assert_true(kf_vault_create(pass, true, &master, h, &e));
    for (size_t n = 8; n <= sizeof record; n++) {
        assert_null(kf_vault_unseal(master, "0123456789abcdef.session", record, n, &e));
        assert_int_equal(e.code, KF_ERR_STORE_NEWER);
    }
}

int main(void) {
    const struct CMUnitTest t[] = {cmocka_unit_test(header_opens_with_its_passphrase_only),
                                   cmocka_unit_test(a_guess_is_not_cheap),
                                   cmocka_unit_test(twelve_characters),
                                   cmocka_unit_test(record_is_bound_to_its_name_and_every_bit),
                                   cmocka_unit_test(newer_versions_are_named)};
    return cmocka_run_group_tests(t, NULL, NULL);
}
